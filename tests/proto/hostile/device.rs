//! Logins on another device: codes that cannot be shown, and providers that keep a client waiting.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::StatusCode;
use oidc_proto::testing::{self, Decision, Disturbance, Lie, On};
use oidc_proto::{Client, Env as _, Error, ErrorCode, Fault, PendingDevice, RelyingParty};
use serde_json::json;

use crate::hostile::strong::dpop_key;
use crate::hostile::transport::respond;
use crate::hostile::world::{At, Row, Say, World, redirect, refusals};

/// No codes that could be shown, or used.
#[rustfmt::skip]
const REFUSED: &[(Say, ErrorCode)] = &[
    (Say::Lie(Lie::DeviceCodeAbsent), ErrorCode::DEVICE_RESPONSE),
    (Say::Lie(Lie::DeviceCodeEmpty), ErrorCode::DEVICE_RESPONSE),
    (Say::Lie(Lie::UserCodeAbsent), ErrorCode::DEVICE_RESPONSE),
    (Say::Lie(Lie::UserCodeControlCharacters), ErrorCode::DEVICE_RESPONSE),
    (Say::Lie(Lie::UserCodeHuge), ErrorCode::DEVICE_RESPONSE),
    (Say::Edit("an empty code", |op| put(op, "user_code", json!(""))), ErrorCode::DEVICE_RESPONSE),
    (Say::Edit("letters beyond ASCII", |op| put(op, "user_code", json!("WDJB\u{202e}MJHT"))), ErrorCode::DEVICE_RESPONSE),
    (Say::Edit("a number as code", |op| put(op, "user_code", json!(12345678))), ErrorCode::JSON_TYPE),
    (Say::Lie(Lie::VerificationUriAbsent), ErrorCode::DEVICE_RESPONSE),
    (Say::Lie(Lie::VerificationUriHttp), ErrorCode::DEVICE_RESPONSE),
    (Say::Lie(Lie::VerificationUriScript), ErrorCode::DEVICE_RESPONSE),
    (Say::Lie(Lie::VerificationUriUserInfo), ErrorCode::DEVICE_RESPONSE),
    (Say::Edit("a list", |op| respond(op, On::DeviceAuthorization, 200, "application/json", "[]")), ErrorCode::JSON_TYPE),
    (Say::Edit("no", |op| respond(op, On::DeviceAuthorization, 400, "application/json", r#"{"error":"unauthorized_client"}"#)), ErrorCode::TOKEN_UNAUTHORIZED_CLIENT),
    (Say::Edit("no client of theirs", |op| respond(op, On::DeviceAuthorization, 401, "application/json", r#"{"error":"invalid_client"}"#)), ErrorCode::TOKEN_INVALID_CLIENT),
    (Say::Disturbance(On::DeviceAuthorization, Disturbance::Timeout), ErrorCode::TRANSPORT_TIMEOUT),
    (Say::Disturbance(On::DeviceAuthorization, Disturbance::Redirect), ErrorCode::HTTP_REDIRECT),
    (Say::Disturbance(On::DeviceAuthorization, Disturbance::LoginPage), ErrorCode::HTTP_CONTENT_TYPE),
    (Say::Disturbance(On::DeviceAuthorization, Disturbance::Oversized), ErrorCode::HTTP_BODY_TOO_LARGE),
];

/// How long the first pause is then, and how long the code is good, in seconds.
#[rustfmt::skip]
const TERMS: &[(Say, u64, u64)] = &[
    (Say::Lie(Lie::VerificationUriCompleteAbsent), 5, 600),
    (Say::Lie(Lie::VerificationUriCompleteHttp), 5, 600),
    (Say::Lie(Lie::IntervalAbsent), 5, 600),
    (Say::Lie(Lie::IntervalNull), 5, 600),
    (Say::Lie(Lie::IntervalZero), 5, 600),
    (Say::Lie(Lie::IntervalNegative), 5, 600),
    (Say::Lie(Lie::IntervalString), 5, 600),
    (Say::Lie(Lie::IntervalHuge), 5, 600),
    (Say::Edit("an hour", |op| put(op, "interval", json!(3600))), 120, 600),
    (Say::Edit("seven seconds as a float", |op| put(op, "interval", json!(7.0))), 7, 600),
    (Say::Lie(Lie::DeviceExpiresInAbsent), 5, 3600),
    (Say::Lie(Lie::DeviceExpiresInHuge), 5, 3600),
    (Say::Lie(Lie::DeviceExpiresInZero), 5, 0),
];

/// What ends the wait without tokens.
#[rustfmt::skip]
const NO: &[(Say, ErrorCode)] = &[
    (Say::Edit("the user's no", |op| respond(op, On::Token, 400, "application/json", r#"{"error":"access_denied"}"#)), ErrorCode::DEVICE_ACCESS_DENIED),
    (Say::Edit("too late", |op| respond(op, On::Token, 400, "application/json", r#"{"error":"expired_token"}"#)), ErrorCode::DEVICE_EXPIRED_TOKEN),
    (Say::Edit("a code of nobody", |op| respond(op, On::Token, 400, "application/json", r#"{"error":"invalid_grant"}"#)), ErrorCode::TOKEN_INVALID_GRANT),
    (Say::Edit("a word with a space", |op| respond(op, On::Token, 400, "application/json", r#"{"error":"slow_down "}"#)), ErrorCode::TOKEN_ERROR),
    (Say::Edit("a page", |op| respond(op, On::Token, 400, "text/html", r#"<p>{"error":"authorization_pending"}</p>"#)), ErrorCode::HTTP_STATUS),
    (Say::Disturbance(On::Token, Disturbance::Redirect), ErrorCode::HTTP_REDIRECT),
    // The status of a pending login.
    (Say::Disturbance(On::Token, Disturbance::Oversized), ErrorCode::HTTP_STATUS),
];

/// Tokens came, but not such that they could be trusted.
#[rustfmt::skip]
const UNVERIFIED: &[(Say, ErrorCode)] = &[
    (Say::Lie(Lie::IdTokenAbsent), ErrorCode::ID_TOKEN_MISSING),
    (Say::Lie(Lie::SignatureForeign), ErrorCode::JWS_SIGNATURE),
    (Say::Lie(Lie::AudOther), ErrorCode::ID_TOKEN_AUDIENCE_MISMATCH),
    (Say::Lie(Lie::ExpPast), ErrorCode::ID_TOKEN_EXPIRED),
    (Say::Lie(Lie::AtHashWrong), ErrorCode::ID_TOKEN_AT_HASH_MISMATCH),
    (Say::Lie(Lie::TokenTypeDpop), ErrorCode::DPOP_NOT_BOUND),
];

pub(crate) fn rows() -> Vec<Row> {
    let terms = TERMS.iter().map(|(say, ..)| (say.clone(), None));
    let own = [ErrorCode::DEVICE_UNSUPPORTED, ErrorCode::DEVICE_AUTHORIZATION_PENDING, ErrorCode::DEVICE_SLOW_DOWN];
    let own = own.map(|code| (Say::Edit("told by a scenario", |_| {}), Some(code)));
    let forever =
        [Lie::PendingForever, Lie::SlowDownForever].map(|lie| (lie.into(), Some(ErrorCode::DEVICE_EXPIRED_TOKEN)));
    let tables = refusals(REFUSED).chain(refusals(NO)).chain(refusals(UNVERIFIED));
    tables.chain(terms).chain(own).chain(forever).collect()
}

fn put(op: &testing::Provider, name: &'static str, value: serde_json::Value) {
    op.edit_json(On::DeviceAuthorization, move |object| drop(object.insert(name.into(), value.clone())));
}

fn world() -> World {
    World::new().allowing_devices()
}

/// The pauses of a world, in seconds.
fn pauses(world: &World) -> Vec<u64> {
    world.pauses.iter().map(Duration::as_secs).collect()
}

/// Answers the first polls in this way: with an OAuth error, or with a status.
fn first_polls(op: &testing::Provider, answers: &'static [Result<&'static str, u16>]) {
    let at = AtomicUsize::new(0);
    op.tamper(On::Token, move |response| {
        let Some(answer) = answers.get(at.fetch_add(1, Ordering::Relaxed)) else { return };
        let (status, body) = match answer {
            Ok(error) => (400, json!({ "error": error }).to_string()),
            Err(status) => (*status, String::new()),
        };
        *response.status_mut() = StatusCode::from_u16(status).unwrap();
        *response.body_mut() = body.into_bytes();
    });
}

#[test]
fn codes_that_cannot_be_shown_are_not() {
    for (say, code) in REFUSED {
        let mut world = world();
        say.to(&world.op);
        assert_eq!(world.logged_in_by_device().err().unwrap().what(), (At::Device, *code), "{say:?}");
        assert_eq!(world.op.count(On::Token), 0, "{say:?}");
    }
    let mut world = world();
    world.op.lie(Lie::MetadataAbsent("device_authorization_endpoint"));
    assert_eq!(world.logged_in_by_device().err().unwrap().what(), (At::Device, ErrorCode::DEVICE_UNSUPPORTED));
}

#[test]
fn terms_that_make_no_sense_have_defaults_and_limits() {
    for (say, interval, lifetime) in TERMS {
        let mut world = world();
        say.to(&world.op);
        let party = world.party().unwrap();
        let pending = world.device(&party).unwrap();
        assert_eq!(pending.interval(), Duration::from_secs(*interval), "{say:?}");
        assert_eq!(pending.expires_at().saturating_since(world.env.now()), Duration::from_secs(*lifetime), "{say:?}");
        let outcome = world.poll(pending, &party).map_err(|refusal| refusal.error.code());
        match lifetime {
            // Nothing is asked for that cannot come any more.
            0 => assert_eq!((outcome.err(), world.op.count(On::Token)), (Some(ErrorCode::DEVICE_EXPIRED_TOKEN), 0)),
            _ => assert!(outcome.is_ok() && pauses(&world) == [*interval; 2], "{say:?}"),
        }
    }
}

#[test]
fn a_no_ends_the_wait() {
    for (say, code) in NO {
        let mut world = world();
        say.to(&world.op);
        assert_eq!(world.logged_in_by_device().err().unwrap().what(), (At::Exchange, *code), "{say:?}");
        assert_eq!(world.op.count(On::Token), 1, "{say:?}");
    }
    let mut world = world();
    world.op = world.op.with_device_polls(usize::MAX);
    let party = world.party().unwrap();
    let pending = world.device(&party).unwrap();
    assert!(world.op.decide_device(pending.user_code(), Decision::Deny));
    let refusal = world.poll(pending, &party).err().unwrap();
    assert_eq!(
        (refusal.what(), refusal.error.fault()),
        ((At::Exchange, ErrorCode::DEVICE_ACCESS_DENIED), Fault::Denied)
    );
}

#[test]
fn tokens_that_cannot_be_trusted_can_be_revoked() {
    for (say, code) in UNVERIFIED {
        let mut world = world();
        say.to(&world.op);
        let refusal = world.logged_in_by_device().err().unwrap();
        assert_eq!(refusal.what(), (At::Verification, *code), "{say:?}");
        world.give_up(*refusal.tokens.unwrap()).unwrap();
        assert_eq!(world.op.count(On::Revoke), 1);
    }
}

/// However long it goes on, it is over when the code is: the clocks of the day do not count.
#[test]
fn the_wait_is_over_when_the_code_is_whatever_the_clock_says() {
    const DAY: Duration = Duration::from_secs(24 * 3600);
    type Jump = fn(&testing::Clock);
    let jumps: [Jump; 3] = [|_| {}, |clock| clock.jump_back(DAY), |clock| clock.jump(DAY)];
    for jump in jumps {
        let mut world = world();
        world.op.lie(Lie::PendingForever);
        let clock = world.env.clock().clone();
        world.op.tamper(On::Token, move |_| jump(&clock));
        assert_eq!(world.logged_in_by_device().err().unwrap().what(), (At::Exchange, ErrorCode::DEVICE_EXPIRED_TOKEN));
        assert_eq!(pauses(&world), [5; 119]);
        assert_eq!(world.op.count(On::Token), 119);
    }
}

/// The example server of zitadel/oidc responds with 500 `server_error` where it does not find the user.
#[test]
fn requests_that_fail_until_the_code_is_over_are_told() {
    for (fails_first, fails_last) in [(true, true), (false, true), (true, false)] {
        let mut world = world();
        let count = AtomicUsize::new(0);
        world.op.lie(Lie::PendingForever);
        world.op.tamper(On::Token, move |response| {
            let is_first = count.fetch_add(1, Ordering::Relaxed) < 2;
            if if is_first { fails_first } else { fails_last } {
                *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
                *response.body_mut() = br#"{"error":"server_error","error_description":"user not found"}"#.to_vec();
            }
        });
        let error = world.logged_in_by_device().err().unwrap().error;
        assert_eq!(error.code(), ErrorCode::DEVICE_EXPIRED_TOKEN);
        let found = error.found().map(|found| found.as_str().to_owned());
        let words = error.provider_text().and_then(|text| text.description());
        if fails_last {
            assert_eq!(found.as_deref(), Some("`http.server_error` in response to the last request"));
            assert_eq!((words, error.status()), (Some("user not found"), Some(StatusCode::INTERNAL_SERVER_ERROR)));
            assert!(error.hint().contains("failed until the code expired"), "{}", error.hint());
        } else {
            assert_eq!((found, words), (None, None));
        }
    }
}

#[test]
fn each_slow_down_adds_five_seconds_for_good() {
    let mut world = world();
    world.op.lie(Lie::SlowDownForever);
    assert_eq!(world.logged_in_by_device().err().unwrap().what(), (At::Exchange, ErrorCode::DEVICE_EXPIRED_TOKEN));
    let expected: Vec<u64> = (1..)
        .map(|n| 5 * n)
        .scan(0, |sum, pause| {
            *sum += pause;
            (*sum < 600).then_some(pause)
        })
        .collect();
    assert_eq!(pauses(&world), expected);

    let mut world = self::world();
    first_polls(
        &world.op,
        &[Ok("slow_down"), Ok("authorization_pending"), Ok("slow_down"), Ok("authorization_pending")],
    );
    world.op = world.op.with_device_polls(usize::MAX);
    let _ = world.logged_in_by_device();
    assert_eq!(pauses(&world)[..6], [5, 10, 10, 15, 15, 15]);
}

#[test]
fn a_network_that_fails_is_asked_less_and_less_but_asked() {
    let mut world = world();
    world.op = world.op.with_device_lifetime(Duration::from_secs(1200));
    for (fault, times) in [
        (Disturbance::Timeout, 2),
        (Disturbance::Unreachable, 1),
        (Disturbance::status(503), 2),
        (Disturbance::status(429), 2),
    ] {
        world.op.disturb(On::Token, fault, times);
    }
    world.logged_in_by_device().unwrap();
    // Once the network is back the provider's own interval holds again.
    assert_eq!(pauses(&world), [5, 10, 20, 40, 80, 120, 120, 120, 5]);
}

/// What the provider asks for holds, also where it is more than what the network would make of it.
#[test]
fn a_network_that_fails_is_no_reason_to_ask_sooner() {
    let mut world = world();
    world.op = world.op.with_device_lifetime(Duration::from_secs(1800)).with_device_polls(usize::MAX);
    put(&world.op, "interval", json!(120));
    first_polls(&world.op, &[Ok("slow_down"), Err(503), Err(503), Ok("authorization_pending")]);
    let _ = world.logged_in_by_device();
    assert_eq!(pauses(&world)[..5], [120, 125, 125, 125, 125]);
}

/// Tokens that were sent and did not arrive are lost: the code is spent, and the provider says so.
#[test]
fn a_response_that_is_lost_is_not_waited_for_for_ever() {
    let mut world = world();
    world.op = world.op.with_device_polls(0);
    world.op.disturb(On::Token, Disturbance::LostResponse, 1);
    assert_eq!(world.logged_in_by_device().err().unwrap().what(), (At::Exchange, ErrorCode::TOKEN_INVALID_GRANT));
    assert_eq!(pauses(&world), [5, 10]);
}

/// The words of the device grant mean nothing elsewhere, but they are names of their own.
#[test]
fn other_grants_are_not_kept_waiting() {
    for (lie, code) in [
        (Lie::PendingForever, ErrorCode::DEVICE_AUTHORIZATION_PENDING),
        (Lie::SlowDownForever, ErrorCode::DEVICE_SLOW_DOWN),
    ] {
        let mut world = World::new();
        world.op.lie(lie);
        assert_eq!(world.logged_in().err().unwrap().what(), (At::Exchange, code));
        assert_eq!((world.op.count(On::Token), world.pauses.len()), (1, 0));
    }
}

#[test]
fn a_login_that_was_stored_goes_on_with_what_is_left_of_its_time() {
    let mut world = world();
    world.op.lie(Lie::PendingForever);
    let party = world.party().unwrap();
    let stored = serde_json::to_string(&world.device(&party).unwrap()).unwrap();
    // A clock that was set back does not keep it alive for days.
    let day = 24 * 3600 * 1000;
    for (seconds, polls) in [(0, 119), (500, 19), (594, 1), (595, 0), (600, 0), (3600, 0), (-3600 * 24, 719)] {
        let start = testing::Clock::START.unix_millis() + day;
        world.env.clock().set(oidc_proto::Timestamp::from_unix_millis((start as i64 + seconds * 1000) as u64));
        let mut value: serde_json::Value = serde_json::from_str(&stored).unwrap();
        value["expires_at"] = json!(start + 600_000);
        let before = world.op.count(On::Token);
        let pending = PendingDevice::from_json(&value.to_string()).unwrap();
        assert_eq!(world.poll(pending, &party).err().unwrap().error.code(), ErrorCode::DEVICE_EXPIRED_TOKEN);
        assert_eq!(world.op.count(On::Token) - before, polls, "{seconds} s later");
    }
}

/// What was made for one provider, one client and one key is not shown to another.
#[test]
fn a_device_code_is_shown_to_nobody_else() {
    let mut world = World { dpop: Some(dpop_key(9)), ..world() };
    let party = world.party().unwrap();
    let pending = world.device(&party).unwrap();
    let mut elsewhere = World::new();
    elsewhere.issuer = "https://other.example.org".into();
    elsewhere.op = testing::Provider::new(&elsewhere.issuer);
    let client = party.client();
    for (other, code) in [
        (RelyingParty::new(elsewhere.discover().unwrap(), client.clone()), ErrorCode::PROVIDER_MISMATCH),
        (party.with_client(Client::new("stranger").with_redirect_uri(redirect())), ErrorCode::CLIENT_MISMATCH),
        (party.with_client(Client::new(client.id())), ErrorCode::DPOP_KEY_MISMATCH),
        (party.with_client(client.clone().with_dpop(dpop_key(8))), ErrorCode::DPOP_KEY_MISMATCH),
    ] {
        let error: Error = other.poll_device(pending.clone(), &mut world.env).unwrap_err();
        assert_eq!((error.code(), error.fault()), (code, Fault::Local));
        assert_eq!(error, other.owner().check(pending.owner()).unwrap_err());
        assert!(error.expected().is_some() && error.found().is_some(), "{error}");
    }
    assert_eq!((world.op.count(On::Token), elsewhere.op.requests().len()), (0, 1));
    let user = world.poll(pending, &party).unwrap();
    assert_eq!(user.tokens.dpop_thumbprint(), Some(dpop_key(9).thumbprint()));
}
