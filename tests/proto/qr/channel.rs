//! The secure channel of MSC4108: `vodozemac` at the other end, in both roles; and everything that a rendezvous can do to
//! messages of either proposal.

use oidc_proto::qr::{
    AssociatedData, Channel, ChannelError, CheckCode, Generator, Initiated, MESSAGE_LIMIT, Proposal, Unconfirmed,
};
use oidc_proto::testing::TestEnv;
use oidc_proto::{Error, ErrorCode};
use vodozemac::Curve25519PublicKey;
use vodozemac::ecies::{DigitMode, Ecies, EstablishedEcies, InitialMessage, Message};

const INITIATE: &[u8] = b"MATRIX_QR_CODE_LOGIN_INITIATE";
const OK: &[u8] = b"MATRIX_QR_CODE_LOGIN_OK";

const BOTH: [Proposal; 2] = [Proposal::Msc4108, Proposal::Msc4388];

fn none() -> AssociatedData {
    AssociatedData::none()
}

fn generator(seed: u64) -> Generator {
    Generator::new(Proposal::Msc4108, &mut TestEnv::seeded(seed))
}

fn initiated(scanned: &[u8; 32], seed: u64) -> (Initiated, String) {
    Initiated::new(Proposal::Msc4108, scanned, &none(), &mut TestEnv::seeded(seed)).unwrap()
}

fn greeted(generator: Generator, first: &str) -> Result<(Unconfirmed, String), Error> {
    generator.receive(first, &none(), &none(), &mut TestEnv::seeded(1))
}

/// Both ends as this crate has them, with the check code that the one that scanned shows.
fn handshake(proposal: Proposal, seed: u64) -> (Unconfirmed, Channel, CheckCode) {
    let mut env = TestEnv::seeded(seed);
    let generator = Generator::new(proposal, &mut env);
    let (initiated, first) = Initiated::new(proposal, generator.public_key(), &none(), &mut env).unwrap();
    let (unconfirmed, response) = generator.receive(&first, &none(), &none(), &mut env).unwrap();
    let (channel, check_code) = initiated.receive(&response, &none()).unwrap();
    (unconfirmed, channel, check_code)
}

/// G and S, confirmed.
fn pair(proposal: Proposal, seed: u64) -> (Channel, Channel) {
    let (unconfirmed, scanner, check_code) = handshake(proposal, seed);
    (unconfirmed.confirm(&check_code).unwrap(), scanner)
}

fn digits(ecies: &EstablishedEcies) -> String {
    format!("{:02}", ecies.check_code().to_digit(DigitMode::AllowLeadingZero))
}

/// Three messages each way, of different lengths.
fn converse(mut ours: Channel, mut theirs: EstablishedEcies) {
    for text in ["", r#"{"type":"m.login.success"}"#, &"\u{e9}".repeat(5000)] {
        let (next, message) = ours.seal(text, &none()).unwrap();
        assert_eq!(theirs.decrypt(&Message::decode(&message).unwrap()).unwrap(), text.as_bytes());
        let response = theirs.encrypt(text.as_bytes()).encode();
        let (next, text_again) = next.open(&response, &none()).unwrap();
        assert_eq!(text_again.expose(), text);
        ours = next;
    }
}

#[test]
fn the_peer_scans_our_code() {
    for seed in 0..20 {
        let generator = generator(seed);
        let key = Curve25519PublicKey::from_bytes(*generator.public_key());
        let theirs = Ecies::new().establish_outbound_channel(key, INITIATE).unwrap();
        let (unconfirmed, response) = greeted(generator, &theirs.message.encode()).unwrap();
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
        let (initiated, first) = initiated(theirs.public_key().as_bytes(), seed);
        let created = theirs.establish_inbound_channel(&InitialMessage::decode(&first).unwrap()).unwrap();
        assert_eq!(created.message, INITIATE);
        let mut ecies = created.ecies;
        let (channel, check_code) = initiated.receive(&ecies.encrypt(OK).encode(), &none()).unwrap();
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
    // It is another code's, but of the right form.
    assert_eq!(greeted(generator(1), &form.encode()).unwrap_err().code(), ErrorCode::QR_CHANNEL_DECRYPTION);
    let (generator, scanner) = pair(Proposal::Msc4108, 1);
    assert_eq!(
        generator.open("ZmtSLdzMcyjC5eV6L8xBI6amsq7gDNbCjz1W5OjX4Z8W", &none()).unwrap_err().error.code(),
        ErrorCode::QR_CHANNEL_DECRYPTION
    );
    let (_, message) = scanner.seal("?", &none()).unwrap();
    assert!(!message.contains('=') && !message.contains('|'));
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    for proposal in BOTH {
        let texts = |seed| {
            let mut env = TestEnv::seeded(seed);
            let generator = Generator::new(proposal, &mut env);
            let first = Initiated::new(proposal, generator.public_key(), &none(), &mut env).unwrap().1;
            let response = generator.receive(&first, &none(), &none(), &mut env).unwrap().1;
            [first, response]
        };
        assert_eq!(texts(1), texts(1));
        assert!(texts(1).iter().all(|text| !texts(2).contains(text)));
    }
}

/// All hundred codes: one is right, and there is one try.
#[test]
fn a_wrong_check_code_ends_the_channel() {
    for proposal in BOTH {
        let mut accepted = 0;
        for typed in 0..100 {
            let (unconfirmed, scanner, check_code) = handshake(proposal, 7);
            let typed = CheckCode::parse(&format!("{typed:02}")).unwrap();
            match unconfirmed.confirm(&typed) {
                Ok(_) => {
                    assert_eq!(typed.digits(), check_code.digits());
                    accepted += 1;
                }
                Err(ChannelError { error, last_message, .. }) => {
                    assert_eq!(error.code(), ErrorCode::QR_CHECK_CODE_MISMATCH);
                    let goodbye = last_message.seal("goodbye", &none()).unwrap();
                    assert_eq!(scanner.open(&goodbye, &none()).unwrap().1.expose(), "goodbye");
                }
            }
        }
        assert_eq!(accepted, 1);
    }
}

/// Somebody who saw the code and was faster gets a channel to G, which the user will not confirm; S he cannot answer.
#[test]
fn nobody_else_can_response_the_device_that_scanned() {
    for proposal in BOTH {
        let mut env = TestEnv::seeded(1);
        let generator = Generator::new(proposal, &mut env);
        let mut scan = || Initiated::new(proposal, generator.public_key(), &none(), &mut env).unwrap();
        let ((victim, _), (_, first)) = (scan(), scan());
        let (_, response) = generator.receive(&first, &none(), &none(), &mut env).unwrap();
        assert_eq!(refused(victim.receive(&response, &none())), ErrorCode::QR_CHANNEL_DECRYPTION);
    }
}

fn refused<T>(result: Result<T, ChannelError>) -> ErrorCode {
    result.map(|_| ()).unwrap_err().error.code()
}

#[test]
fn replayed_reordered_reflected_and_lost_messages_are_refused() {
    for proposal in BOTH {
        let seal = |channel: Channel, text| channel.seal(text, &none()).unwrap();
        let is_refused = |channel: Channel, message: &str| {
            assert_eq!(refused(channel.open(message, &none())), ErrorCode::QR_CHANNEL_DECRYPTION, "{proposal:?}");
        };
        // Replayed.
        let (generator, scanner) = pair(proposal, 1);
        let (_, one) = seal(scanner, "one");
        let (generator, _) = generator.open(&one, &none()).unwrap();
        is_refused(generator, &one);
        // Reordered, or the first one lost.
        let (generator, scanner) = pair(proposal, 1);
        let (scanner, _) = seal(scanner, "one");
        let (_, two) = seal(scanner, "two");
        is_refused(generator, &two);
        // Reflected.
        let (_, scanner) = pair(proposal, 1);
        let (scanner, own) = seal(scanner, "one");
        is_refused(scanner, &own);
        // Another channel's.
        let (generator, _) = pair(proposal, 1);
        let (_, stranger) = pair(proposal, 2);
        is_refused(generator, &seal(stranger, "one").1);
    }
}

/// Cut off at each place, and with each character changed.
#[test]
fn changed_and_truncated_messages_are_refused() {
    for proposal in BOTH {
        let message = pair(proposal, 1).1.seal("a secret", &none()).unwrap().1;
        let is_refused = |message: &str, what: &str| {
            let code = refused(pair(proposal, 1).0.open(message, &none()));
            let expected = [ErrorCode::QR_CHANNEL_DECRYPTION, ErrorCode::QR_CHANNEL_MALFORMED];
            assert!(expected.contains(&code), "{proposal:?} {what} {code}");
        };
        for end in 0..message.len() {
            is_refused(&message[..end], "cut off");
        }
        for at in 0..message.len() {
            let other = if &message[at..=at] == "A" { "B" } else { "A" };
            is_refused(&format!("{}{other}{}", &message[..at], &message[at + 1..]), "changed");
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
            is_refused(&message, what);
        }
        let padded = format!("{message}{}", "=".repeat((4 - message.len() % 4) % 4));
        assert_eq!(pair(proposal, 1).0.open(&padded, &none()).unwrap().1.expose(), "a secret");
    }
}

/// The longest message, which no deployed rendezvous takes.
#[test]
fn a_message_as_long_as_it_can_be() {
    for proposal in BOTH {
        let (generator, scanner) = pair(proposal, 1);
        let text = "x".repeat(MESSAGE_LIMIT / 4 * 3 - 16);
        let message = scanner.seal(&text, &none()).unwrap().1;
        assert_eq!(message.len(), MESSAGE_LIMIT);
        assert_eq!(generator.open(&message, &none()).unwrap().1.expose(), text);
        let (generator, scanner) = pair(proposal, 1);
        let message = scanner.seal(&format!("{text}x"), &none()).unwrap().1;
        assert_eq!(refused(generator.open(&message, &none())), ErrorCode::QR_CHANNEL_MALFORMED);
    }
}

#[test]
fn hostile_first_messages_are_named() {
    let receive = |first: &str| greeted(generator(1), first).map(|_| ());
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
        let generator = generator(1);
        let key = Curve25519PublicKey::from_bytes(*generator.public_key());
        let theirs = Ecies::new().establish_outbound_channel(key, greeting).unwrap();
        let code = greeted(generator, &theirs.message.encode()).unwrap_err().code();
        assert!(matches!(code, ErrorCode::QR_CHANNEL_GREETING | ErrorCode::QR_CHANNEL_MALFORMED), "{code}");
    }
    for greeting in [&b""[..], b"MATRIX_QR_CODE_LOGIN_INITIATE", b"ok", b"\xff\xfe"] {
        let theirs = Ecies::new();
        let (initiated, first) = initiated(theirs.public_key().as_bytes(), 1);
        let created = theirs.establish_inbound_channel(&InitialMessage::decode(&first).unwrap()).unwrap();
        let mut ecies = created.ecies;
        let code = refused(initiated.receive(&ecies.encrypt(greeting).encode(), &none()));
        assert!(matches!(code, ErrorCode::QR_CHANNEL_GREETING | ErrorCode::QR_CHANNEL_MALFORMED), "{code}");
    }
}
