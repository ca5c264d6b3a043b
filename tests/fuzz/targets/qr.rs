//! Logging in by QR code: the code, and the channel with its messages.

use oidc_proto::Schemes;
use oidc_proto::qr::{CODE_LIMIT, Channel, Generator, Initiated, Message, QrCode, Secrets};
use oidc_proto::testing::TestEnv;

use super::Script;

/// A code that is read is printed as it was.
pub(super) fn code(data: &[u8]) {
    for schemes in [Schemes::HttpsOnly, Schemes::DangerousHttpOnLoopback] {
        if let Ok(code) = QrCode::from_bytes(data, schemes) {
            assert!(data.len() <= CODE_LIMIT);
            assert_eq!(code.to_bytes(), data);
            assert_eq!(QrCode::from_base64(&code.to_base64(), schemes).unwrap(), code);
        }
        if let Ok(code) = std::str::from_utf8(data)
            .map_err(|_| ())
            .and_then(|text| QrCode::from_base64(text, schemes).map_err(|_| ()))
        {
            assert_eq!(code.to_base64(), std::str::from_utf8(data).unwrap().trim_end_matches('='));
        }
    }
}

/// Whatever the rendezvous does, each side reads what the other wrote, in its order, or nothing more.
pub(super) fn channel(data: &[u8]) {
    let mut script = Script(data);
    match script.byte() {
        0 => greetings(&mut script),
        1 => message(&mut script),
        _ => conversation(&mut script),
    }
}

/// Nobody who has no key can greet, but by repeating what was said.
fn greetings(script: &mut Script<'_>) {
    // The same seed, the same keys, the same texts.
    let start = || {
        let mut env = TestEnv::seeded(1);
        let generator = Generator::new(&mut env);
        let (initiated, first) = Initiated::new(generator.public_key(), &mut env).unwrap();
        (generator, initiated, first)
    };
    let (generator, _, first) = start();
    let (_, response) = generator.receive(&first).unwrap();
    let (generator, initiated, _) = start();
    let is_honest = |said: &str, meant: &str| said.replace('=', "") == meant;
    let said = String::from_utf8_lossy(script.text());
    if generator.receive(&said).is_ok() {
        assert!(is_honest(&said, &first));
    }
    let said = String::from_utf8_lossy(script.text());
    if initiated.receive(&said).is_ok() {
        assert!(is_honest(&said, &response));
    }
}

fn message(script: &mut Script<'_>) {
    let Ok(text) = std::str::from_utf8(script.text()) else { return };
    if let Ok(message) = Message::from_json(text, Schemes::HttpsOnly) {
        let json = message.to_json();
        let again = Message::from_json(json.expose(), Schemes::HttpsOnly).unwrap();
        assert_eq!(again.to_json().expose(), json.expose());
    }
    if let Ok(secrets) = Secrets::from_json(text) {
        assert!(Secrets::from_json(secrets.to_json().expose()).is_ok());
    }
}

/// One side: its end of the channel until it breaks, what it wrote, and how much of the other's it has read.
struct Side {
    channel: Option<Channel>,
    written: Vec<(String, String)>,
    read: usize,
}

fn conversation(script: &mut Script<'_>) {
    let mut env = TestEnv::seeded(1);
    let generator = Generator::new(&mut env);
    let (initiated, first) = Initiated::new(generator.public_key(), &mut env).unwrap();
    let (unconfirmed, response) = generator.receive(&first).unwrap();
    let (scanner, check_code) = initiated.receive(&response).unwrap();
    let side = |channel| Side { channel: Some(channel), written: Vec::new(), read: 0 };
    let mut sides = [side(unconfirmed.confirm(&check_code).unwrap()), side(scanner)];
    for _ in 0..32 {
        if script.0.is_empty() {
            return;
        }
        let (action, who) = (script.byte(), usize::from(script.byte() & 1));
        let [own, other] = &mut sides;
        let (own, other) = if who == 0 { (own, other) } else { (other, own) };
        let Some(channel) = own.channel.take() else { return };
        if action & 1 == 0 {
            let text = String::from_utf8_lossy(script.text()).into_owned();
            let (channel, sealed) = channel.seal(&text).unwrap();
            own.written.push((text, sealed));
            own.channel = Some(channel);
            continue;
        }
        // One of the texts on the way, or another one.
        let at = usize::from(script.byte());
        let next = other.written.get(own.read);
        let sealed = match other.written.get(at) {
            Some((_, sealed)) => sealed.clone(),
            None => String::from_utf8_lossy(script.text()).into_owned(),
        };
        match (channel.open(&sealed), next) {
            (Ok((channel, text)), Some((meant, sealed_then))) => {
                assert_eq!((text.expose(), sealed.replace('=', "")), (meant.as_str(), sealed_then.clone()));
                own.read += 1;
                own.channel = Some(channel);
            }
            (Ok(_), None) => panic!("nobody wrote this"),
            (Err(channel_error), next) => {
                assert!(next.is_none_or(|(_, sealed_then)| sealed != *sealed_then));
                channel_error.last_message.seal("goodbye").unwrap();
            }
        }
    }
}
