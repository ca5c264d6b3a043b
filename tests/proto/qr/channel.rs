//! The secure channel: `vodozemac` at the other end, in both roles, and everything that a rendezvous can do to messages.

use oidc_proto::qr::{Channel, ChannelError, CheckCode, Generator, Initiated, MESSAGE_LIMIT, Unconfirmed};
use oidc_proto::testing::TestEnv;
use oidc_proto::{Error, ErrorCode};
use vodozemac::Curve25519PublicKey;
use vodozemac::ecies::{DigitMode, Ecies, EstablishedEcies, InitialMessage, Message};

const INITIATE: &[u8] = b"MATRIX_QR_CODE_LOGIN_INITIATE";
const OK: &[u8] = b"MATRIX_QR_CODE_LOGIN_OK";

/// Both ends as this crate has them, with the check code that the one that scanned shows.
fn handshake(seed: u64) -> (Unconfirmed, Channel, CheckCode) {
    let mut env = TestEnv::seeded(seed);
    let generator = Generator::new(&mut env);
    let (initiated, first) = Initiated::new(generator.public_key(), &mut env).unwrap();
    let (unconfirmed, response) = generator.receive(&first).unwrap();
    let (channel, check_code) = initiated.receive(&response).unwrap();
    (unconfirmed, channel, check_code)
}

/// G and S, confirmed.
fn pair(seed: u64) -> (Channel, Channel) {
    let (unconfirmed, scanner, check_code) = handshake(seed);
    (unconfirmed.confirm(&check_code).unwrap(), scanner)
}

fn digits(ecies: &EstablishedEcies) -> String {
    format!("{:02}", ecies.check_code().to_digit(DigitMode::AllowLeadingZero))
}

/// Three messages each way, of different lengths.
fn converse(mut ours: Channel, mut theirs: EstablishedEcies) {
    for text in ["", r#"{"type":"m.login.success"}"#, &"\u{e9}".repeat(5000)] {
        let (next, message) = ours.seal(text).unwrap();
        assert_eq!(theirs.decrypt(&Message::decode(&message).unwrap()).unwrap(), text.as_bytes());
        let response = theirs.encrypt(text.as_bytes()).encode();
        let (next, text_again) = next.open(&response).unwrap();
        assert_eq!(text_again.expose(), text);
        ours = next;
    }
}

#[test]
fn the_peer_scans_our_code() {
    for seed in 0..20 {
        let generator = Generator::new(&mut TestEnv::seeded(seed));
        let key = Curve25519PublicKey::from_bytes(*generator.public_key());
        let theirs = Ecies::new().establish_outbound_channel(key, INITIATE).unwrap();
        let (unconfirmed, response) = generator.receive(&theirs.message.encode()).unwrap();
        let mut ecies = theirs.ecies;
        assert_eq!(ecies.decrypt(&Message::decode(&response).unwrap()).unwrap(), OK);
        let check_code = CheckCode::parse(&digits(&ecies)).unwrap();
        converse(unconfirmed.confirm(&check_code).unwrap(), ecies);
    }
}

#[test]
fn we_scan_the_peers_code() {
    for seed in 0..20 {
        let theirs = Ecies::new();
        let (initiated, first) = Initiated::new(theirs.public_key().as_bytes(), &mut TestEnv::seeded(seed)).unwrap();
        let created = theirs.establish_inbound_channel(&InitialMessage::decode(&first).unwrap()).unwrap();
        assert_eq!(created.message, INITIATE);
        let mut ecies = created.ecies;
        let (channel, check_code) = initiated.receive(&ecies.encrypt(OK).encode()).unwrap();
        assert_eq!(check_code.digits(), digits(&ecies));
        converse(channel, ecies);
    }
}

/// The forms of MATRIX.md: unpadded base64, and a key after a bar in the first message.
#[test]
fn messages_have_the_form_of_the_vectors() {
    let form = InitialMessage::decode(
        "3On7QFJyLQMAErua9K/yIOcJALvuMYax1AW0iWgf64AwtSMZXwAA012Q|9yA/CX8pJKF02Prd75ZyBQHg3fGTVVGDNl86q1z17Us",
    )
    .unwrap();
    let mut env = TestEnv::seeded(1);
    let generator = Generator::new(&mut env);
    // It is another code's, but of the right form.
    assert_eq!(generator.receive(&form.encode()).unwrap_err().code(), ErrorCode::QR_CHANNEL_DECRYPTION);
    let (generator, scanner) = pair(1);
    assert_eq!(
        generator.open("ZmtSLdzMcyjC5eV6L8xBI6amsq7gDNbCjz1W5OjX4Z8W").unwrap_err().error.code(),
        ErrorCode::QR_CHANNEL_DECRYPTION
    );
    let (_, message) = scanner.seal("?").unwrap();
    assert!(!message.contains('=') && !message.contains('|'));
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let first = |seed| {
        let mut env = TestEnv::seeded(seed);
        Initiated::new(Generator::new(&mut env).public_key(), &mut env).unwrap().1
    };
    assert_eq!(first(1), first(1));
    assert_ne!(first(1), first(2));
}

/// All hundred codes: one is right, and there is one try.
#[test]
fn a_wrong_check_code_ends_the_channel() {
    let mut accepted = 0;
    for typed in 0..100 {
        let (unconfirmed, scanner, check_code) = handshake(7);
        let typed = CheckCode::parse(&format!("{typed:02}")).unwrap();
        match unconfirmed.confirm(&typed) {
            Ok(_) => {
                assert_eq!(typed.digits(), check_code.digits());
                accepted += 1;
            }
            Err(ChannelError { error, last_message, .. }) => {
                assert_eq!(error.code(), ErrorCode::QR_CHECK_CODE_MISMATCH);
                let goodbye = last_message.seal("goodbye").unwrap();
                assert_eq!(scanner.open(&goodbye).unwrap().1.expose(), "goodbye");
            }
        }
    }
    assert_eq!(accepted, 1);
}

/// Somebody who saw the code and was faster gets a channel to G, which the user will not confirm; S he cannot answer.
#[test]
fn nobody_else_can_response_the_device_that_scanned() {
    let mut env = TestEnv::seeded(1);
    let generator = Generator::new(&mut env);
    let (victim, _) = Initiated::new(generator.public_key(), &mut env).unwrap();
    let (_, first) = Initiated::new(generator.public_key(), &mut env).unwrap();
    let (_, response) = generator.receive(&first).unwrap();
    assert_eq!(refused(victim.receive(&response)), ErrorCode::QR_CHANNEL_DECRYPTION);
}

fn refused<T>(result: Result<T, ChannelError>) -> ErrorCode {
    result.map(|_| ()).unwrap_err().error.code()
}

#[test]
fn replayed_reordered_reflected_and_lost_messages_are_refused() {
    // Replayed.
    let (generator, scanner) = pair(1);
    let (_, one) = scanner.seal("one").unwrap();
    let (generator, _) = generator.open(&one).unwrap();
    assert_eq!(refused(generator.open(&one)), ErrorCode::QR_CHANNEL_DECRYPTION);
    // Reordered, or the first one lost.
    let (generator, scanner) = pair(1);
    let (scanner, _) = scanner.seal("one").unwrap();
    let (_, two) = scanner.seal("two").unwrap();
    assert_eq!(refused(generator.open(&two)), ErrorCode::QR_CHANNEL_DECRYPTION);
    // Reflected.
    let (_, scanner) = pair(1);
    let (scanner, own) = scanner.seal("one").unwrap();
    assert_eq!(refused(scanner.open(&own)), ErrorCode::QR_CHANNEL_DECRYPTION);
    // Another channel's.
    let (generator, _) = pair(1);
    let (_, stranger) = pair(2);
    assert_eq!(refused(generator.open(&stranger.seal("one").unwrap().1)), ErrorCode::QR_CHANNEL_DECRYPTION);
}

/// Cut off at each place, and with each character changed.
#[test]
fn changed_and_truncated_messages_are_refused() {
    let message = pair(1).1.seal("a secret").unwrap().1;
    for end in 0..message.len() {
        let code = refused(pair(1).0.open(&message[..end]));
        assert!(matches!(code, ErrorCode::QR_CHANNEL_DECRYPTION | ErrorCode::QR_CHANNEL_MALFORMED), "{end} {code}");
    }
    for at in 0..message.len() {
        let other = if &message[at..=at] == "A" { "B" } else { "A" };
        let changed = format!("{}{other}{}", &message[..at], &message[at + 1..]);
        let code = refused(pair(1).0.open(&changed));
        assert!(matches!(code, ErrorCode::QR_CHANNEL_DECRYPTION | ErrorCode::QR_CHANNEL_MALFORMED), "{at} {code}");
    }
    for (what, message) in [
        ("blanks", format!(" {message}")),
        ("a line break", format!("{message}\n")),
        ("the other alphabet", "-_-_-_-_-_-_-_-_-_-_-_-_-_-_".into()),
        ("a key", format!("{message}|{}", "A".repeat(43))),
        ("nothing", String::new()),
        ("HTML", "<html>".into()),
        ("too much", "A".repeat(MESSAGE_LIMIT + 4)),
    ] {
        let code = refused(pair(1).0.open(&message));
        assert!(matches!(code, ErrorCode::QR_CHANNEL_MALFORMED | ErrorCode::QR_CHANNEL_DECRYPTION), "{what} {code}");
    }
    let padded = format!("{message}{}", "=".repeat((4 - message.len() % 4) % 4));
    assert_eq!(pair(1).0.open(&padded).unwrap().1.expose(), "a secret");
}

/// The longest message, which no deployed rendezvous takes.
#[test]
fn a_message_as_long_as_it_can_be() {
    let (generator, scanner) = pair(1);
    let text = "x".repeat(MESSAGE_LIMIT / 4 * 3 - 16);
    let message = scanner.seal(&text).unwrap().1;
    assert_eq!(message.len(), MESSAGE_LIMIT);
    assert_eq!(generator.open(&message).unwrap().1.expose(), text);
    let (generator, scanner) = pair(1);
    let message = scanner.seal(&format!("{text}x")).unwrap().1;
    assert_eq!(refused(generator.open(&message)), ErrorCode::QR_CHANNEL_MALFORMED);
}

#[test]
fn hostile_first_messages_are_named() {
    let receive =
        |first: &str| -> Result<(), Error> { Generator::new(&mut TestEnv::seeded(1)).receive(first).map(|_| ()) };
    let key = "9yA/CX8pJKF02Prd75ZyBQHg3fGTVVGDNl86q1z17Us";
    for (first, expected) in [
        (String::new(), ErrorCode::QR_CHANNEL_MALFORMED),
        ("|".into(), ErrorCode::QR_CHANNEL_MALFORMED),
        ("AAAA".into(), ErrorCode::QR_CHANNEL_MALFORMED),
        (format!("AAAA|{}", &key[1..]), ErrorCode::QR_CHANNEL_MALFORMED),
        (format!("AAAA|{key}A"), ErrorCode::QR_CHANNEL_MALFORMED),
        (format!("AAAA|{key}|{key}"), ErrorCode::QR_CHANNEL_MALFORMED),
        (format!("A!AA|{key}"), ErrorCode::QR_CHANNEL_MALFORMED),
        (format!("{}|{key}", "A".repeat(MESSAGE_LIMIT + 4)), ErrorCode::QR_CHANNEL_MALFORMED),
        (format!("AAAA|{}", "A".repeat(43)), ErrorCode::QR_CHANNEL_KEY),
        (format!("|{key}"), ErrorCode::QR_CHANNEL_DECRYPTION),
        (format!("AAAA|{key}"), ErrorCode::QR_CHANNEL_DECRYPTION),
    ] {
        assert_eq!(receive(&first).unwrap_err().code(), expected, "{}", &first[..first.len().min(100)]);
    }
}

/// A peer with the right keys that says something else than the protocol has.
#[test]
fn other_greetings_are_refused() {
    for greeting in [&b""[..], b"MATRIX_QR_CODE_LOGIN_OK", b"MATRIX_QR_CODE_LOGIN_INITIATE ", b"\xff\xfe"] {
        let generator = Generator::new(&mut TestEnv::seeded(1));
        let key = Curve25519PublicKey::from_bytes(*generator.public_key());
        let theirs = Ecies::new().establish_outbound_channel(key, greeting).unwrap();
        let code = generator.receive(&theirs.message.encode()).unwrap_err().code();
        assert!(matches!(code, ErrorCode::QR_CHANNEL_GREETING | ErrorCode::QR_CHANNEL_MALFORMED), "{code}");
    }
    for greeting in [&b""[..], b"MATRIX_QR_CODE_LOGIN_INITIATE", b"ok", b"\xff\xfe"] {
        let theirs = Ecies::new();
        let (initiated, first) = Initiated::new(theirs.public_key().as_bytes(), &mut TestEnv::seeded(1)).unwrap();
        let created = theirs.establish_inbound_channel(&InitialMessage::decode(&first).unwrap()).unwrap();
        let mut ecies = created.ecies;
        let code = refused(initiated.receive(&ecies.encrypt(greeting).encode()));
        assert!(matches!(code, ErrorCode::QR_CHANNEL_GREETING | ErrorCode::QR_CHANNEL_MALFORMED), "{code}");
    }
}
