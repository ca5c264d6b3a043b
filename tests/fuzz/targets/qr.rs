//! Logging in by QR code: the code, and the channel with its messages.

use http::Response;
use oidc_proto::matrix::Homeserver;
use oidc_proto::qr::rendezvous::{Delivery, RendezvousCheck};
use oidc_proto::qr::{
    AssociatedData, CODE_LIMIT, Channel, Generator, Initiated, MESSAGE_LIMIT, Message, Proposal, QrCode, Rendezvous,
    RendezvousOptions, Secrets,
};
use oidc_proto::testing::TestEnv;
use oidc_proto::{Error, Flow, Schemes, Step};

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
    let kind = script.byte();
    let proposal = if kind & 4 == 0 { Proposal::Msc4108 } else { Proposal::Msc4388 };
    match kind & 3 {
        0 => greetings(proposal, &mut script),
        1 => message(&mut script),
        _ => conversation(proposal, &mut script),
    }
}

/// Nobody who has no key can greet, but by repeating what was said.
fn greetings(proposal: Proposal, script: &mut Script<'_>) {
    let none = AssociatedData::none();
    // The same seed, the same keys, the same texts.
    let start = || {
        let mut env = TestEnv::seeded(1);
        let generator = Generator::new(proposal, &mut env);
        let (initiated, first) = Initiated::new(proposal, generator.public_key(), &none, &mut env).unwrap();
        (generator, initiated, first, env)
    };
    let (generator, _, first, mut env) = start();
    let (_, response) = generator.receive(&first, &none, &none, &mut env).unwrap();
    let (generator, initiated, _, mut env) = start();
    let is_honest = |said: &str, meant: &str| said.replace('=', "") == meant;
    let said = String::from_utf8_lossy(script.text());
    if generator.receive(&said, &none, &none, &mut env).is_ok() {
        assert!(is_honest(&said, &first));
    }
    let said = String::from_utf8_lossy(script.text());
    if initiated.receive(&said, &none).is_ok() {
        assert!(is_honest(&said, &response));
    }
}

fn message(script: &mut Script<'_>) {
    let Ok(text) = std::str::from_utf8(script.text()) else { return };
    if let Ok(message) = Message::from_json(text, Schemes::HttpsOnly) {
        let json = message.to_json();
        for proposal in [Proposal::Msc4108, Proposal::Msc4388] {
            let written = message.to_json_of(proposal);
            let again = Message::from_json(written.expose(), Schemes::HttpsOnly).unwrap();
            assert_eq!(again.to_json().expose(), json.expose());
        }
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

fn conversation(proposal: Proposal, script: &mut Script<'_>) {
    let (mut env, none) = (TestEnv::seeded(1), AssociatedData::none());
    let generator = Generator::new(proposal, &mut env);
    let (initiated, first) = Initiated::new(proposal, generator.public_key(), &none, &mut env).unwrap();
    let (unconfirmed, response) = generator.receive(&first, &none, &none, &mut env).unwrap();
    let (scanner, check_code) = initiated.receive(&response, &none).unwrap();
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
            let (channel, sealed) = channel.seal(&text, &none).unwrap();
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
        match (channel.open(&sealed, &none), next) {
            (Ok((channel, text)), Some((meant, sealed_then))) => {
                assert_eq!((text.expose(), sealed.replace('=', "")), (meant.as_str(), sealed_then.clone()));
                own.read += 1;
                own.channel = Some(channel);
            }
            (Ok(_), None) => panic!("nobody wrote this"),
            (Err(broken), next) => {
                assert!(next.is_none_or(|(_, sealed_then)| sealed != *sealed_then));
                broken.last_message.seal("goodbye", &none).unwrap();
            }
        }
    }
}

/// Whatever a rendezvous of MSC4388 responds: what it names is sent back as it was, and a text is not too long.
pub(super) fn rendezvous(data: &[u8]) {
    let mut script = Script(data);
    let (kind, status) = (script.byte(), if script.byte() & 1 == 0 { 200 } else { 409 });
    let body = script.0;
    let mut env = TestEnv::seeded(1);
    let base = Homeserver::new("https://a.example", Schemes::HttpsOnly).unwrap();
    let options = RendezvousOptions::new().with_proposal(Proposal::Msc4388);
    let made = answered(Rendezvous::create(&base, options), 200, CREATED, &mut env).unwrap();
    let minute = std::time::Duration::from_secs(60);
    match kind {
        0 => {
            let Some(made) = answered(Rendezvous::create(&base, options), status, body, &mut env) else { return };
            let code = made.code([9; 32], None);
            assert_eq!(QrCode::from_bytes(&code.to_bytes(), Schemes::HttpsOnly).unwrap(), code);
            let uri = made.uri().to_string();
            assert!(uri.starts_with("https://a.example/_matrix/") && made.uri().query().is_none(), "{uri}");
        }
        1 => drop(answered(RendezvousCheck::start(&base, options), status, body, &mut env)),
        2 => {
            let step = made.send("text", minute, &mut env);
            if let Some(Delivery::Delivered(made)) = answered(Ok(step), status, body, &mut env) {
                assert!(status == 200 && made.binding() != AssociatedData::none());
            }
        }
        _ => {
            let step = made.receive(minute, &mut env);
            if let Some(received) = answered(Ok(step), status, body, &mut env) {
                assert!((1..=MESSAGE_LIMIT).contains(&received.text.len()));
                assert_eq!(received.binding, AssociatedData::new("https://a.example", "box1", "1"));
            }
        }
    }
}

const CREATED: &[u8] = br#"{"id":"box1","sequence_token":"1","expires_in_ms":60000}"#;

/// What a flow makes of one response, if it is its last one.
fn answered<F: Flow>(step: Result<Step<F>, Error>, status: u16, body: &[u8], env: &mut TestEnv) -> Option<F::Output> {
    let Step::Call(call) = step.unwrap() else { return None };
    let mut response = Response::new(body.to_vec());
    *response.status_mut() = http::StatusCode::from_u16(status).unwrap();
    match call.into_parts().2.receive(response, env) {
        Ok(Step::Done(output)) => Some(output),
        _ => None,
    }
}
