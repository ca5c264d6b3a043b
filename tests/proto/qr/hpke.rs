//! The secure channel of MSC4388: `vodozemac` at the other end, in both roles, and what its messages are bound to.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use oidc_proto::ErrorCode;
use oidc_proto::qr::{AssociatedData, Channel, ChannelError, CheckCode, Generator, Initiated, Proposal};
use oidc_proto::testing::TestEnv;
use vodozemac::Curve25519PublicKey;
use vodozemac::hpke::{
    BidirectionalCreationResult, DigitMode, EstablishedHpkeChannel, HpkeRecipientChannel, HpkeSenderChannel,
    InitialMessage, InitialResponse, Message, RecipientCreationResult, SenderCreationResult,
};

const DRAFT: Proposal = Proposal::Msc4388;
const INITIATE: &[u8] = b"MATRIX_QR_CODE_LOGIN_INITIATE";
const OK: &[u8] = b"MATRIX_QR_CODE_LOGIN_OK";

/// What a message is bound to that is written when this token was seen.
fn binding(token: &str) -> AssociatedData {
    AssociatedData::new("https://hs.example.org", "id-1", token)
}

/// The same, written by hand.
fn aad(token: &str) -> Vec<u8> {
    let mut out = b"\x00\x16https://hs.example.org\x00\x04id-1".to_vec();
    out.extend([0, u8::try_from(token.len()).unwrap()]);
    out.extend_from_slice(token.as_bytes());
    out
}

fn digits(theirs: &EstablishedHpkeChannel) -> String {
    theirs.check_code().to_digit(DigitMode::NoLeadingZero).to_string()
}

/// Three messages each way, of different lengths, each bound to another token.
fn converse(mut ours: Channel, mut theirs: EstablishedHpkeChannel) {
    for (turn, text) in ["", r#"{"type":"m.login.success"}"#, &"\u{e9}".repeat(5000)].into_iter().enumerate() {
        let (to, from) = (format!("to-{turn}"), format!("from-{turn}"));
        let (next, message) = ours.seal(text, &binding(&to)).unwrap();
        assert_eq!(theirs.open(&Message::decode(&message).unwrap(), &aad(&to)).unwrap(), text.as_bytes());
        let response = theirs.seal(text.as_bytes(), &aad(&from)).encode();
        let (next, text_again) = next.open(&response, &binding(&from)).unwrap();
        assert_eq!(text_again.expose(), text);
        ours = next;
    }
}

#[test]
fn the_peer_scans_our_code() {
    for seed in 0..20 {
        let mut env = TestEnv::seeded(seed);
        let generator = Generator::new(DRAFT, &mut env);
        let key = Curve25519PublicKey::from_bytes(*generator.public_key());
        let SenderCreationResult { channel, message } =
            HpkeSenderChannel::new().establish_channel(key, INITIATE, &aad("1")).unwrap();
        let (unconfirmed, response) =
            generator.receive(&message.encode(), &binding("1"), &binding("2"), &mut env).unwrap();
        let response = InitialResponse::decode(&response).unwrap();
        let BidirectionalCreationResult { channel, message } =
            channel.establish_bidirectional_channel(&response, &aad("2")).unwrap();
        assert_eq!(message, OK);
        let check_code = CheckCode::parse(&digits(&channel)).unwrap();
        converse(unconfirmed.confirm(&check_code).unwrap(), channel);
    }
}

#[test]
fn we_scan_the_peers_code() {
    for seed in 0..20 {
        let theirs = HpkeRecipientChannel::new();
        let key = *theirs.public_key().as_bytes();
        let (initiated, first) = Initiated::new(DRAFT, &key, &binding("1"), &mut TestEnv::seeded(seed)).unwrap();
        let RecipientCreationResult { channel, message } =
            theirs.establish_channel(&InitialMessage::decode(&first).unwrap(), &aad("1")).unwrap();
        assert_eq!(message, INITIATE);
        let BidirectionalCreationResult { channel, message } = channel.establish_bidirectional_channel(OK, &aad("2"));
        let (ours, check_code) = initiated.receive(&message.encode(), &binding("2")).unwrap();
        assert_eq!(check_code.digits(), digits(&channel));
        converse(ours, channel);
    }
}

fn refused<T>(result: Result<T, ChannelError>) -> ErrorCode {
    result.map(|_| ()).unwrap_err().error.code()
}

/// A rendezvous cannot move a message to another state, another rendezvous or another homeserver.
#[test]
fn a_message_with_another_binding_cannot_be_read() {
    let others = [
        binding("2"),
        binding(""),
        AssociatedData::none(),
        AssociatedData::new("https://hs.example.org/", "id-1", "1"),
        AssociatedData::new("https://hs.example.org", "id-2", "1"),
        // The same characters, with other borders between the texts.
        AssociatedData::new("https://hs.example.orgi", "d-1", "1"),
    ];
    for other in others {
        let mut env = TestEnv::seeded(1);
        let generator = Generator::new(DRAFT, &mut env);
        let (initiated, first) = Initiated::new(DRAFT, generator.public_key(), &binding("1"), &mut env).unwrap();
        let refusal = generator.receive(&first, &other, &binding("1"), &mut env).map(|_| ()).unwrap_err();
        assert_eq!(refusal.code(), ErrorCode::QR_CHANNEL_DECRYPTION);

        let generator = Generator::new(DRAFT, &mut TestEnv::seeded(1));
        let (unconfirmed, response) = generator.receive(&first, &binding("1"), &binding("1"), &mut env).unwrap();
        assert_eq!(refused(initiated.receive(&response, &other)), ErrorCode::QR_CHANNEL_DECRYPTION);
        let message = unconfirmed.give_up().seal("goodbye", &binding("1")).unwrap();

        let (initiated, _) = {
            let mut env = TestEnv::seeded(1);
            let generator = Generator::new(DRAFT, &mut env);
            Initiated::new(DRAFT, generator.public_key(), &binding("1"), &mut env).unwrap()
        };
        let (scanner, _) = initiated.receive(&response, &binding("1")).unwrap();
        assert_eq!(refused(scanner.open(&message, &other)), ErrorCode::QR_CHANNEL_DECRYPTION);
    }
}

#[test]
fn hostile_greetings_are_named() {
    let receive = |first: &str| {
        let mut env = TestEnv::seeded(1);
        let generator = Generator::new(DRAFT, &mut env);
        generator.receive(first, &binding("1"), &binding("2"), &mut env).map(|_| ()).unwrap_err().code()
    };
    let key = STANDARD_NO_PAD.decode("9yA/CX8pJKF02Prd75ZyBQHg3fGTVVGDNl86q1z17Us").unwrap();
    for (first, expected) in [
        (Vec::new(), ErrorCode::QR_CHANNEL_MALFORMED),
        (key[..31].to_vec(), ErrorCode::QR_CHANNEL_MALFORMED),
        (key.clone(), ErrorCode::QR_CHANNEL_DECRYPTION),
        ([&key[..], &[0; 15]].concat(), ErrorCode::QR_CHANNEL_DECRYPTION),
        ([&key[..], &[0; 60]].concat(), ErrorCode::QR_CHANNEL_DECRYPTION),
        ([0; 61].to_vec(), ErrorCode::QR_CHANNEL_KEY),
        (vec![1; 64 * 1024], ErrorCode::QR_CHANNEL_MALFORMED),
    ] {
        assert_eq!(receive(&STANDARD_NO_PAD.encode(&first)), expected, "{}", first.len());
    }
    for first in ["!", "|", "AAAA|AAAA"] {
        assert_eq!(receive(first), ErrorCode::QR_CHANNEL_MALFORMED, "{first}");
    }
    let answered = |response: &str| {
        let theirs = HpkeRecipientChannel::new();
        let key = *theirs.public_key().as_bytes();
        let (initiated, _) = Initiated::new(DRAFT, &key, &binding("1"), &mut TestEnv::seeded(1)).unwrap();
        let Err(ChannelError { error, last_message, .. }) = initiated.receive(response, &binding("2")) else {
            panic!("read")
        };
        last_message.seal("goodbye", &binding("2")).unwrap();
        error.code()
    };
    for (response, expected) in [
        (vec![0; 31], ErrorCode::QR_CHANNEL_MALFORMED),
        (vec![0; 32], ErrorCode::QR_CHANNEL_DECRYPTION),
        (vec![0; 100], ErrorCode::QR_CHANNEL_DECRYPTION),
    ] {
        assert_eq!(answered(&STANDARD_NO_PAD.encode(response)), expected);
    }
    assert_eq!(answered("!"), ErrorCode::QR_CHANNEL_MALFORMED);
}

/// A peer with the right keys that says something else than the protocol has.
#[test]
fn other_greetings_are_refused() {
    let expected = [ErrorCode::QR_CHANNEL_GREETING, ErrorCode::QR_CHANNEL_MALFORMED];
    for greeting in [&b""[..], OK, b"MATRIX_QR_CODE_LOGIN_INITIATE ", b"\xff\xfe"] {
        let mut env = TestEnv::seeded(1);
        let generator = Generator::new(DRAFT, &mut env);
        let key = Curve25519PublicKey::from_bytes(*generator.public_key());
        let first = HpkeSenderChannel::new().establish_channel(key, greeting, &aad("1")).unwrap().message.encode();
        let refusal = generator.receive(&first, &binding("1"), &binding("2"), &mut env).map(|_| ()).unwrap_err();
        assert!(expected.contains(&refusal.code()), "{refusal}");
    }
    for greeting in [&b""[..], INITIATE, b"ok", b"\xff\xfe"] {
        let theirs = HpkeRecipientChannel::new();
        let key = *theirs.public_key().as_bytes();
        let (initiated, first) = Initiated::new(DRAFT, &key, &binding("1"), &mut TestEnv::seeded(1)).unwrap();
        let received = theirs.establish_channel(&InitialMessage::decode(&first).unwrap(), &aad("1")).unwrap();
        let response = received.channel.establish_bidirectional_channel(greeting, &aad("2")).message.encode();
        let code = refused(initiated.receive(&response, &binding("2")));
        assert!(expected.contains(&code), "{code}");
    }
}
