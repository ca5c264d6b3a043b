//! A peer that speaks out of turn, or not at all: what the machine makes of it, and what the peer is told.

use std::time::Duration;

use http::{Method, Request};
use oidc_proto::matrix::Homeserver;
use oidc_proto::qr::{AssociatedData, Grant, Initiated, Login, NamedHomeserver, Options, Proposal};
use oidc_proto::testing::{self, Meet, TestEnv};
use oidc_proto::{Body, Env as _, ErrorCode, Schemes};
use vodozemac::ecies::{Ecies, InitialMessage, Message};

use crate::qr::peer::{
    ACCEPTED, CANCELLED, DECLINED, INTERNAL, Interruption, MACHINES, PROTOCOL, PROTOCOLS, Peer, Role, SECRETS, SUCCESS,
    UNEXPECTED, UNSUPPORTED, course, interrupted, right,
};
use crate::qr::town::HS;
use crate::qr::world::{World, code_of, drive};

#[test]
fn a_peer_that_follows_the_protocol_completes_the_login() {
    for machine in MACHINES {
        let (outcome, peer) = course(machine, &right(machine));
        outcome.unwrap();
        let kinds: Vec<_> = peer.heard.iter().map(|json| json.split('"').nth(3).unwrap()).collect();
        let expected: &[&str] = match machine {
            (Role::Login, ..) => &["m.login.protocol", "m.login.success"],
            (Role::Grant, true, _) => &["m.login.protocol_accepted", "m.login.secrets"],
            (Role::Grant, false, _) => &["m.login.protocols", "m.login.protocol_accepted", "m.login.secrets"],
        };
        assert_eq!(kinds, expected, "{machine:?}");
        // The secrets are read before the rendezvous is deleted: by the device that reads them.
        assert_eq!(peer.server.boxes(), usize::from(machine.0 == Role::Grant));
    }
}

/// Every message in place of every message that is expected.
#[test]
fn a_peer_that_speaks_out_of_turn_is_told_so() {
    let messages = [PROTOCOLS, PROTOCOL, ACCEPTED, SUCCESS, DECLINED, CANCELLED, SECRETS];
    let odd = [
        (r#"{"type":"m.login.other"}"#, ErrorCode::QR_UNEXPECTED_MESSAGE, UNEXPECTED),
        (r#"{"type":"m.login.success""#, ErrorCode::QR_MESSAGE, UNEXPECTED),
        ("", ErrorCode::QR_MESSAGE, UNEXPECTED),
        ("hello", ErrorCode::QR_MESSAGE, UNEXPECTED),
        (r#"{"type":"m.login.protocol","protocol":"password"}"#, ErrorCode::QR_UNSUPPORTED_PROTOCOL, UNSUPPORTED),
    ];
    for machine in MACHINES {
        let right = right(machine);
        for (at, expected) in right.iter().enumerate() {
            let Some(expected) = expected else { continue };
            let in_place = |said: &str| {
                let mut says = right.clone();
                says.truncate(at);
                let says: Vec<_> = says.into_iter().chain([Some(said)]).collect();
                course(machine, &says)
            };
            for said in messages.iter().filter(|said| *said != expected) {
                let (outcome, peer) = in_place(said);
                let (code, told) = match *said {
                    DECLINED => (ErrorCode::QR_PEER_DECLINED, false),
                    CANCELLED => (ErrorCode::QR_PEER_CANCELLED, false),
                    _ => (ErrorCode::QR_UNEXPECTED_MESSAGE, true),
                };
                assert_eq!(outcome.unwrap_err().code(), code, "{machine:?} {at} {said}");
                let last = peer.heard.last().map(String::as_str);
                assert_eq!(last == Some(UNEXPECTED), told, "{machine:?} {at} {said} {last:?}");
                assert_eq!(peer.server.boxes(), 0);
            }
            for (said, code, told) in odd {
                let (outcome, peer) = in_place(said);
                assert_eq!(outcome.unwrap_err().code(), code, "{machine:?} {at} {said}");
                assert_eq!(peer.heard.last().map(String::as_str), Some(told), "{machine:?} {at} {said}");
                assert_eq!(peer.server.boxes(), 0);
            }
        }
    }
}

#[test]
fn a_peer_that_says_nothing_more_ends_the_wait() {
    for machine in MACHINES {
        let right = right(machine);
        for at in 0..right.iter().flatten().count() {
            let (outcome, peer) = course(machine, &right[..at]);
            assert_eq!(outcome.unwrap_err().code(), ErrorCode::QR_TIMEOUT, "{machine:?} {at}");
            assert_eq!(peer.heard.last().map(String::as_str), Some(INTERNAL));
            assert_eq!(peer.server.boxes(), 0);
        }
    }
}

#[test]
fn a_peer_without_a_common_protocol_is_told_so() {
    let none = PROTOCOLS.replace("device_authorization_grant", "password");
    let (outcome, peer) = course((Role::Login, true, Proposal::Msc4108), &[Some(&none)]);
    assert_eq!(outcome.unwrap_err().code(), ErrorCode::QR_UNSUPPORTED_PROTOCOL);
    assert_eq!(peer.heard, [UNSUPPORTED]);
    assert_eq!(peer.server.boxes(), 0);
}

/// Two devices that want the same find out before anything is sent.
#[test]
fn two_devices_with_the_same_intent() {
    let mut peer = Peer::new(Proposal::Msc4108, &[]);
    let mut env = TestEnv::seeded(1);
    let (new, existing) = (peer.show(None), peer.show(Some(NamedHomeserver::new(HS, Schemes::HttpsOnly).unwrap())));
    let requests = peer.server.requests().len();
    let error = Login::scan(&new, Options::new(), &mut env).unwrap_err();
    assert_eq!(error.code(), ErrorCode::QR_OTHER_NOT_SIGNED_IN);
    let error = Grant::scan(&existing, Options::new(), &mut env).unwrap_err();
    assert_eq!(error.code(), ErrorCode::QR_OTHER_SIGNED_IN);
    assert_eq!(peer.server.requests().len(), requests);
}

/// The machine's turn has come, and the peer writes once more.
#[test]
fn a_peer_that_speaks_again_before_it_was_answered() {
    use Interruption::{Message, Noise};
    let cases = [
        (Message(CANCELLED), ErrorCode::QR_PEER_CANCELLED),
        (Message(DECLINED), ErrorCode::QR_PEER_DECLINED),
        (Message(ACCEPTED), ErrorCode::QR_UNEXPECTED_MESSAGE),
        (Message("{}"), ErrorCode::QR_MESSAGE),
        (Noise("AAAA"), ErrorCode::QR_CHANNEL_DECRYPTION),
        (Noise("!"), ErrorCode::QR_CHANNEL_MALFORMED),
    ];
    for machine in MACHINES {
        let right = right(machine);
        let speeches = right.iter().flatten().count();
        // After its last word the new device has all that it wants.
        let last = if machine.0 == Role::Login { speeches - 1 } else { speeches };
        for at in 1..=last {
            for (how, expected) in cases {
                let (outcome, peer) = interrupted(machine, &right, Some((at, how)));
                assert_eq!(outcome.unwrap_err().code(), expected, "{machine:?} {at} {how:?}");
                assert_eq!(peer.server.boxes(), 0, "{machine:?} {at} {how:?}");
                assert!(!peer.heard.iter().any(|json| json.contains("m.login.secrets")), "{machine:?} {at} {how:?}");
                // Who waits for the user hears it at once, and can answer.
                let is_waiting = machine.0 == Role::Login && at == last;
                let is_wrong = !matches!(expected, ErrorCode::QR_PEER_CANCELLED | ErrorCode::QR_PEER_DECLINED);
                let is_told = peer.heard.last().map(String::as_str) == Some(UNEXPECTED);
                assert_eq!(is_told, is_waiting && is_wrong, "{machine:?} {at} {how:?} {:?}", peer.heard);
            }
        }
    }
}

#[test]
fn a_code_that_nobody_scans_is_taken_back() {
    let mut world = World::new();
    world.server = testing::Rendezvous::new(HS).with_lifetime(Duration::from_secs(7200));
    let base = Homeserver::new(HS, Schemes::HttpsOnly).unwrap();
    let step = Login::show(&base, Options::new(), &mut world.env).unwrap();
    let shown = world.run(step).unwrap();
    let since = world.env.monotonic();
    let step = shown.wait(&mut world.env).unwrap();
    assert_eq!(world.run(step).unwrap_err().code(), ErrorCode::QR_TIMEOUT);
    assert_eq!(world.env.monotonic().saturating_since(since), Duration::from_secs(15 * 60));
    assert_eq!(world.server.boxes(), 0);
}

#[test]
fn a_code_that_nobody_stands_behind_is_given_up() {
    let mut world = World::new();
    world.server = testing::Rendezvous::new(HS).with_lifetime(Duration::from_secs(7200));
    let made = world.create().unwrap();
    let code = code_of(&made, &mut world.env);
    let since = world.env.monotonic();
    let step = Grant::scan(&code, Options::new(), &mut world.env).unwrap();
    assert_eq!(world.run(step).unwrap_err().code(), ErrorCode::QR_TIMEOUT);
    assert_eq!(world.env.monotonic().saturating_since(since), Duration::from_secs(60));
    assert_eq!(world.server.boxes(), 0);
}

/// Somebody else who is always faster: it is tried twice to tell the other device, and not for ever.
#[test]
fn a_stranger_who_never_lets_anybody_speak() {
    let mut env = TestEnv::seeded(1);
    let server = testing::Rendezvous::new(HS);
    let base = Homeserver::new(HS, Schemes::HttpsOnly).unwrap();
    let mut honest = |request, now| server.exchange(request, now);
    let step = Login::show(&base, Options::new(), &mut env).unwrap();
    let shown = drive(step, &mut env, &mut honest, &mut Vec::new()).unwrap();
    let (_, first) =
        Initiated::new(Proposal::Msc4108, shown.code().public_key(), &AssociatedData::none(), &mut env).unwrap();
    server.intrude(&first);
    let step = shown.wait(&mut env).unwrap();
    let awaiting = drive(step, &mut env, &mut honest, &mut Vec::new()).unwrap();
    let mut disturbed = |request: Request<Body>, now| {
        if request.method() == Method::PUT {
            server.intrude("noise");
        }
        server.exchange(request, now)
    };
    let written = server.count(Meet::Send);
    let step = awaiting.cancel(&mut env).unwrap();
    drive(step, &mut env, &mut disturbed, &mut Vec::new()).unwrap();
    assert_eq!((server.count(Meet::Send) - written, server.boxes()), (2, 0));
}

/// Who has the code's key and yet greets otherwise is told why nothing comes of it.
#[test]
fn a_peer_that_greets_otherwise_is_told_so() {
    let mut world = World::new();
    let made = world.create().unwrap();
    let theirs = Ecies::new();
    let named = NamedHomeserver::new(HS, Schemes::HttpsOnly).unwrap();
    let code = made.code(*theirs.public_key().as_bytes(), Some(named));
    let (mut theirs, mut established, mut heard) = (Some(theirs), None, Vec::new());
    let mut http = |request: Request<Body>, now| {
        let text =
            (request.method() == Method::PUT).then(|| String::from_utf8(request.body().as_ref().to_vec()).unwrap());
        let response = world.server.exchange(request, now);
        match (text, theirs.take()) {
            (Some(text), Some(ecies)) => {
                let first = InitialMessage::decode(&text).unwrap();
                let mut ecies = ecies.establish_inbound_channel(&first).unwrap().ecies;
                world.server.intrude(&ecies.encrypt(b"MATRIX_QR_CODE_LOGIN_KO").encode());
                established = Some(ecies);
            }
            (Some(text), None) => {
                let message = Message::decode(&text).unwrap();
                heard.push(established.as_mut().unwrap().decrypt(&message).unwrap());
            }
            (None, unused) => theirs = unused,
        }
        response
    };
    let step = Login::scan(&code, Options::new(), &mut world.env).unwrap();
    let error = drive(step, &mut world.env, &mut http, &mut Vec::new()).unwrap_err();
    assert_eq!(error.code(), ErrorCode::QR_CHANNEL_GREETING);
    assert_eq!(heard, [UNEXPECTED.as_bytes()]);
    assert_eq!(world.server.boxes(), 0);
}
