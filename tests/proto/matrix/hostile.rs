//! A homeserver, its provider and the network after the server metadata: what each can say or do, and the error that it
//! leads to. `finding.rs` has the requests before.

use std::collections::BTreeSet;

use oidc_proto::matrix::{
    Address, DeviceCheck, DeviceId, ErrorBody, LoginOutcome, LoginRequest, Session, UserId, Whoami, login_scope,
};
use oidc_proto::session::{Access, Refusal, SessionOptions};
use oidc_proto::testing::{self, Disturbance, Lie, On, OnMatrix, Par};
use oidc_proto::{ApplicationType, Callback, ClientMetadata, Env as _, ErrorCode, Schemes, Scope};
use serde_json::{Value, json};

use crate::matrix::world::*;

type Say = fn(&testing::Homeserver);
/// What is said, the error that the login ends with, what that names, and whether tokens had come.
type Row = (&'static str, Say, ErrorCode, Option<&'static str>, bool);

fn put(hs: &testing::Homeserver, name: &'static str, value: Value) {
    hs.edit_json(OnMatrix::Whoami, move |object| drop(object.insert(name.to_owned(), value.clone())));
}

fn refuse(hs: &testing::Homeserver, status: u16, body: &'static str) {
    hs.tamper(OnMatrix::Whoami, move |response| {
        *response.status_mut() = status.try_into().unwrap();
        *response.body_mut() = body.as_bytes().to_vec();
    });
}

fn whoami_fault(hs: &testing::Homeserver, fault: Disturbance) {
    hs.disturb(OnMatrix::Whoami, fault, 1);
}

/// A new login of a known session.
#[rustfmt::skip]
const ROWS: &[Row] = &[
    ("registration: no client_id", |hs| hs.provider().lie(Lie::RegistrationClientIdAbsent), ErrorCode::REGISTRATION_NO_CLIENT_ID, Some("registration_endpoint"), false),
    ("registration: a page", |hs| hs.provider().disturb(On::Register, Disturbance::LoginPage, 1), ErrorCode::HTTP_CONTENT_TYPE, Some("registration_endpoint"), false),
    ("registration: down", |hs| hs.provider().disturb(On::Register, Disturbance::status(502), 1), ErrorCode::HTTP_SERVER_ERROR, Some("registration_endpoint"), false),
    ("registration: not there", |hs| hs.edit_json(OnMatrix::AuthMetadata, |o| drop(o.remove("registration_endpoint"))), ErrorCode::REGISTRATION_UNSUPPORTED, None, false),
    ("registration: nobody there", |hs| hs.provider().disturb(On::Register, Disturbance::Unreachable, 1), ErrorCode::TRANSPORT_UNREACHABLE, Some("registration_endpoint"), false),
    ("callback: another issuer", |hs| hs.provider().lie(Lie::CallbackIssWrong), ErrorCode::CALLBACK_ISS_MISMATCH, Some("iss"), false),
    ("callback: a response to another login", |hs| hs.provider().lie(Lie::CallbackStateWrong), ErrorCode::CALLBACK_STATE_MISMATCH, None, false),
    ("token: an error", |hs| hs.provider().lie(Lie::ErrorWith200), ErrorCode::TOKEN_INVALID_GRANT, Some("token_endpoint"), false),
    ("token: a header in it", |hs| hs.provider().lie(Lie::TokenCrLf), ErrorCode::TOKEN_MALFORMED, Some("access_token"), true),
    ("token: another type", |hs| hs.provider().lie(Lie::TokenTypeUnknown), ErrorCode::TOKEN_TYPE, Some("token_type"), true),
    ("token: lost", |hs| hs.provider().disturb(On::Token, Disturbance::LostResponse, 1), ErrorCode::TRANSPORT_INTERRUPTED, Some("token_endpoint"), false),
    ("token: down", |hs| hs.provider().disturb(On::Token, Disturbance::status(503), 1), ErrorCode::HTTP_SERVER_ERROR, Some("token_endpoint"), false),
    ("whoami: another user", |hs| put(hs, "user_id", json!("@mallory:example.org")), ErrorCode::WHOAMI_USER_MISMATCH, Some("user_id"), true),
    ("whoami: a user of another server", |hs| put(hs, "user_id", json!("@alice:elsewhere.org")), ErrorCode::WHOAMI_USER_MISMATCH, Some("user_id"), true),
    ("whoami: no user", |hs| put(hs, "user_id", Value::Null), ErrorCode::WHOAMI_USER_ID, Some("user_id"), true),
    ("whoami: not a user", |hs| put(hs, "user_id", json!("alice")), ErrorCode::WHOAMI_USER_ID, Some("user_id"), true),
    ("whoami: a number for a user", |hs| put(hs, "user_id", json!(7)), ErrorCode::WHOAMI_USER_ID, Some("user_id"), true),
    ("whoami: another device", |hs| put(hs, "device_id", json!("OTHERDEVICE")), ErrorCode::WHOAMI_DEVICE_MISMATCH, Some("device_id"), true),
    ("whoami: no device", |hs| put(hs, "device_id", Value::Null), ErrorCode::WHOAMI_DEVICE_ID, Some("device_id"), true),
    ("whoami: a list for a device", |hs| put(hs, "device_id", json!([])), ErrorCode::WHOAMI_DEVICE_ID, Some("device_id"), true),
    ("whoami: a header in the device", |hs| put(hs, "device_id", json!("A\r\nB")), ErrorCode::WHOAMI_DEVICE_ID, Some("device_id"), true),
    ("whoami: a list", |hs| refuse(hs, 200, "[]"), ErrorCode::JSON_TYPE, Some("whoami"), true),
    ("whoami: an error and success", |hs| refuse(hs, 200, r#"{"errcode":"M_UNKNOWN_TOKEN"}"#), ErrorCode::WHOAMI_USER_ID, Some("user_id"), true),
    ("whoami: an unknown token", |hs| refuse(hs, 401, r#"{"errcode":"M_UNKNOWN_TOKEN"}"#), ErrorCode::HOMESERVER_UNKNOWN_TOKEN, Some("whoami"), true),
    ("whoami: a missing token", |hs| refuse(hs, 401, r#"{"errcode":"M_MISSING_TOKEN"}"#), ErrorCode::HOMESERVER_MISSING_TOKEN, Some("whoami"), true),
    ("whoami: a locked account", |hs| hs.lock_account("alice", true), ErrorCode::HOMESERVER_USER_LOCKED, Some("whoami"), true),
    ("whoami: another no", |hs| refuse(hs, 403, r#"{"errcode":"M_FORBIDDEN","error":"no\r\n"}"#), ErrorCode::HOMESERVER_DENIED, Some("whoami"), true),
    ("whoami: a no of a version to come", |hs| refuse(hs, 400, r#"{"errcode":"M_WHATEVER","error":7}"#), ErrorCode::HOMESERVER_DENIED, Some("whoami"), true),
    ("whoami: a no without words", |hs| refuse(hs, 401, ""), ErrorCode::HTTP_STATUS, Some("whoami"), true),
    ("whoami: a no of a server that is down", |hs| refuse(hs, 500, r#"{"errcode":"M_UNKNOWN_TOKEN"}"#), ErrorCode::HTTP_SERVER_ERROR, Some("whoami"), true),
    ("whoami: too many requests", |hs| refuse(hs, 429, r#"{"errcode":"M_LIMIT_EXCEEDED","retry_after_ms":2500}"#), ErrorCode::HTTP_TOO_MANY_REQUESTS, Some("whoami"), true),
    ("whoami: not there", |hs| refuse(hs, 404, r#"{"errcode":"M_UNRECOGNIZED"}"#), ErrorCode::HOMESERVER_DENIED, Some("whoami"), true),
    ("whoami: elsewhere", |hs| whoami_fault(hs, Disturbance::Redirect), ErrorCode::HTTP_REDIRECT, Some("whoami"), true),
    ("whoami: a page", |hs| whoami_fault(hs, Disturbance::LoginPage), ErrorCode::HTTP_CONTENT_TYPE, Some("whoami"), true),
    ("whoami: half of it", |hs| whoami_fault(hs, Disturbance::Truncated), ErrorCode::JSON_SYNTAX, Some("whoami"), true),
    ("whoami: bytes", |hs| whoami_fault(hs, Disturbance::Garbage), ErrorCode::JSON_SYNTAX, Some("whoami"), true),
    ("whoami: depths", |hs| whoami_fault(hs, Disturbance::DeepNesting), ErrorCode::JSON_TOO_DEEP, Some("whoami"), true),
    ("whoami: twice", |hs| whoami_fault(hs, Disturbance::DuplicateName), ErrorCode::JSON_DUPLICATE_NAME, Some("whoami"), true),
    ("whoami: no end", |hs| whoami_fault(hs, Disturbance::Oversized), ErrorCode::HTTP_BODY_TOO_LARGE, Some("whoami"), true),
    ("whoami: no response", |hs| whoami_fault(hs, Disturbance::Timeout), ErrorCode::TRANSPORT_TIMEOUT, Some("whoami"), true),
    ("whoami: nobody there", |hs| whoami_fault(hs, Disturbance::Unreachable), ErrorCode::TRANSPORT_UNREACHABLE, Some("whoami"), true),
];

#[test]
fn what_a_new_login_ends_with_never_damages_the_session_that_it_was_for() {
    for (name, say, code, at, tokens_came) in ROWS {
        let mut world = World::new();
        let session = world.logged_in().session;
        let before = serde_json::to_string(&session).unwrap();
        let server = world.server();
        let party = world.party_of(&session, &server);
        let mut live = Session::new(session.clone(), None, &party, SessionOptions::default(), &mut world.env).unwrap();
        if name.starts_with("registration") {
            // The provider has forgotten the client.
            assert!(world.application.forget(&server, session.tokens().client_id()));
        }
        say(&world.hs);
        let outcome = world.log_in(LoginRequest::again(&session));
        let error = match outcome {
            Err(error) => {
                assert!(!tokens_came, "{name}");
                error
            }
            Ok(LoginOutcome::Refused { error, tokens }) => {
                assert!(tokens_came, "{name}");
                // What came is not lost: it is taken back.
                let revocations = world.hs.provider().count(On::Revoke);
                let step = tokens.revoke(&mut world.env);
                world.run(step).unwrap();
                assert_eq!(world.hs.provider().count(On::Revoke), revocations + 1, "{name}");
                error
            }
            Ok(LoginOutcome::LoggedIn(_)) => panic!("{name}"),
        };
        assert_eq!((error.code(), error.field().or(error.endpoint())), (*code, *at), "{name}");
        world.hs.honest();
        world.hs.lock_account("alice", false);
        assert_eq!(serde_json::to_string(&live.user_session()).unwrap(), before, "{name}");
        assert!(matches!(live.access(&mut world.env), Access::Ready(_)), "{name}");
        assert!(live.poll_event().is_none());
    }
}

#[test]
fn what_the_homeserver_says_is_kept_and_when_it_wants_to_be_asked() {
    let refused = |body| {
        let mut world = World::new();
        refuse(&world.hs, 429, body);
        world.log_in(LoginRequest::new()).unwrap().logged_in().unwrap_err()
    };
    let error = refused(r#"{"errcode":"M_LIMIT_EXCEEDED","error":"Too\u001b[2J many","retry_after_ms":2500}"#);
    assert_eq!(error.code(), ErrorCode::HTTP_TOO_MANY_REQUESTS);
    assert_eq!(error.retry_after().unwrap().as_millis(), 2500);
    assert_eq!(error.hint(), ErrorCode::HTTP_TOO_MANY_REQUESTS.cure());
    let text = error.provider_text().unwrap();
    assert_eq!(text.error(), Some("M_LIMIT_EXCEEDED"));
    assert!(!text.description().unwrap().contains('\u{1b}'));
    let odd = refused(r#"{"errcode":"M_LIMIT_EXCEEDED","retry_after_ms":-1}"#);
    assert_eq!(odd.retry_after(), None);
    // A program that is no page is told nothing of browsers.
    assert_eq!(odd.hint(), "The response does not say how long to wait: try again later.");
}

/// A Synapse whose provider is down. That is no verdict on the token.
#[test]
fn what_the_homeserver_says_while_its_provider_is_down_is_kept() {
    for body in [
        r#"{"errcode":"M_UNKNOWN","error":"Failed to introspect the token"}"#,
        r#"{"errcode":"M_UNKNOWN_TOKEN","error":"Failed to introspect the token"}"#,
    ] {
        let mut world = World::new();
        refuse(&world.hs, 503, body);
        let error = world.log_in(LoginRequest::new()).unwrap().logged_in().unwrap_err();
        assert_eq!((error.code(), error.fault()), (ErrorCode::HTTP_SERVER_ERROR, oidc_proto::Fault::Transport));
        let text = error.provider_text().unwrap();
        assert_eq!(text.description(), Some("Failed to introspect the token"));
        assert!(body.contains(text.error().unwrap()));
    }
}

#[test]
fn another_device_than_the_one_asked_for_is_named() {
    let mut world = World::new();
    put(&world.hs, "device_id", json!("OTHERDEVICE"));
    let device = oidc_proto::matrix::DeviceId::new("ABCDEFGHIJ").unwrap();
    let error = world.log_in(LoginRequest::new().with_device_id(device)).unwrap().logged_in().unwrap_err();
    assert_eq!(error.code(), ErrorCode::WHOAMI_DEVICE_MISMATCH);
    let text = error.to_string();
    assert!(text.contains("ABCDEFGHIJ") && text.contains("OTHERDEVICE"), "{text}");
}

/// The requests of a login that not every login makes.
#[test]
fn what_goes_wrong_on_the_way_names_the_request() {
    for (on, at, fault, code) in [
        (On::Jwks, "jwks_uri", Disturbance::status(500), ErrorCode::HTTP_SERVER_ERROR),
        (On::Jwks, "jwks_uri", Disturbance::Unreachable, ErrorCode::TRANSPORT_UNREACHABLE),
        (On::Jwks, "keys", Disturbance::Garbage, ErrorCode::JSON_SYNTAX),
        (On::Par, "pushed_authorization_request_endpoint", Disturbance::LoginPage, ErrorCode::HTTP_CONTENT_TYPE),
        (On::Par, "pushed_authorization_request_endpoint", Disturbance::Timeout, ErrorCode::TRANSPORT_TIMEOUT),
        (
            On::DeviceAuthorization,
            "device_authorization_endpoint",
            Disturbance::status(502),
            ErrorCode::HTTP_SERVER_ERROR,
        ),
        (
            On::DeviceAuthorization,
            "device_authorization_endpoint",
            Disturbance::Unreachable,
            ErrorCode::TRANSPORT_UNREACHABLE,
        ),
        (On::Revoke, "revocation_endpoint", Disturbance::status(500), ErrorCode::HTTP_SERVER_ERROR),
        (On::Revoke, "revocation_endpoint", Disturbance::Timeout, ErrorCode::TRANSPORT_TIMEOUT),
    ] {
        let mut world = World::new();
        drop(world.hs.provider().clone().with_par(Par::Advertised));
        let session = world.logged_in().session;
        let server = world.server();
        let party = world.party_of(&session, &server);
        world.hs.provider().disturb(on, fault.clone(), 1);
        let error = match on {
            On::Par => {
                let step = LoginRequest::new().push(redirect(), &party, &mut world.env);
                world.run(step).map(drop)
            }
            On::DeviceAuthorization => {
                let step = LoginRequest::new().start_device(&party, &mut world.env);
                world.run(step).map(drop)
            }
            On::Revoke => {
                let step = session.revoke(&party, &mut world.env);
                world.run(step)
            }
            _ => world.log_in(LoginRequest::new().with_further_scope(&Scope::new("openid").unwrap())).map(drop),
        };
        assert_eq!(what(error), (code, Some(at)), "{on:?} {fault:?}");
    }
}

/// The homeserver was down for a moment, after the code had been spent.
#[test]
fn a_login_that_nobody_confirmed_can_be_confirmed_later() {
    let mut world = World::new();
    whoami_fault(&world.hs, Disturbance::Timeout);
    let LoginOutcome::Refused { tokens, .. } = world.log_in(LoginRequest::new()).unwrap() else { panic!() };
    let step = tokens.retry(&mut world.env);
    let login = world.run(step).unwrap().logged_in().unwrap();
    assert_eq!(login.session.user_id().as_str(), "@alice:example.org");
    assert_eq!(world.hs.provider().count(On::Token), 1);

    // The same for an ID token whose keys could not be had.
    let mut world = World::new();
    let openid = LoginRequest::new().with_further_scope(&Scope::new("openid").unwrap());
    let begun = world.begin(openid.clone()).unwrap();
    let server = begun.party.server().clone();
    world.finish(begun).unwrap().logged_in().unwrap();
    world.hs.provider().rotate_keys();
    world.hs.provider().disturb(On::Jwks, Disturbance::status(500), 1);
    let begun = world.begin_at(&server, openid).unwrap();
    let LoginOutcome::Refused { error, tokens } = world.finish(begun).unwrap() else { panic!() };
    assert_eq!(error.code(), ErrorCode::JWS_UNKNOWN_KEY);
    let step = tokens.retry(&mut world.env);
    assert!(world.run(step).unwrap().logged_in().is_ok());
}

#[test]
fn only_a_homeserver_says_whether_a_device_is_there() {
    let mut world = World::new();
    let session = world.logged_in().session;
    let server = world.server();
    let party = world.party_of(&session, &server);
    let ask = |world: &mut World, id: &str| {
        let device = DeviceId::new(id).unwrap();
        let step = DeviceCheck::start(&device, session.tokens(), &party, &mut world.env);
        world.run(step)
    };
    assert!(ask(&mut world, session.device_id().as_str()).unwrap());
    assert!(!ask(&mut world, "OTHERDEVICE").unwrap());
    world.hs.add_device("alice", "OTHERDEVICE");
    assert!(ask(&mut world, "OTHERDEVICE").unwrap());
    for (fault, code) in [
        (Disturbance::status(404), ErrorCode::HTTP_STATUS),
        (Disturbance::status(500), ErrorCode::HTTP_SERVER_ERROR),
        (Disturbance::LoginPage, ErrorCode::HTTP_CONTENT_TYPE),
        (Disturbance::Unreachable, ErrorCode::TRANSPORT_UNREACHABLE),
    ] {
        world.hs.disturb(OnMatrix::Device, fault.clone(), 1);
        assert_eq!(what(ask(&mut world, "OTHERDEVICE")), (code, Some("devices")), "{fault:?}");
    }
    let mut world = World::with(|hs| hs.without(OnMatrix::Device));
    let session = world.logged_in().session;
    let server = world.server();
    let party = world.party_of(&session, &server);
    let step = DeviceCheck::start(session.device_id(), session.tokens(), &party, &mut world.env);
    assert_eq!(what(world.run(step)), (ErrorCode::HOMESERVER_DENIED, Some("devices")));
}

#[test]
fn whoami_answers_for_any_tokens() {
    let mut world = World::new();
    let session = world.logged_in().session;
    let server = world.server();
    let party = world.party_of(&session, &server);
    let step = Whoami::start(session.tokens(), &party, &mut world.env);
    let identity = world.run(step).unwrap();
    assert_eq!((&identity.user_id, identity.device_id.as_ref()), (session.user_id(), Some(session.device_id())));
}

/// What a response to a request of the application's own means for its session.
#[test]
fn only_what_is_said_of_the_token_is_a_refusal() {
    for (status, body, expected) in [
        (401, r#"{"errcode":"M_UNKNOWN_TOKEN"}"#, Some(Refusal::Token)),
        (401, r#"{"errcode":"M_UNKNOWN_TOKEN","soft_logout":true}"#, Some(Refusal::Token)),
        (401, r#"{"errcode":"M_USER_LOCKED","soft_logout":true}"#, Some(Refusal::Locked)),
        (401, r#"{"errcode":"M_USER_LOCKED"}"#, Some(Refusal::Locked)),
        (403, r#"{"errcode":"M_USER_LOCKED","soft_logout":true}"#, Some(Refusal::Locked)),
        (500, r#"{"errcode":"M_USER_LOCKED","soft_logout":true}"#, None),
        (401, r#"{"errcode":"M_MISSING_TOKEN"}"#, None),
        (403, r#"{"errcode":"M_UNKNOWN_TOKEN"}"#, None),
        (500, r#"{"errcode":"M_UNKNOWN_TOKEN"}"#, None),
        (200, r#"{"errcode":"M_USER_LOCKED"}"#, None),
        (403, r#"{"errcode":"M_FORBIDDEN"}"#, None),
    ] {
        let error = ErrorBody::parse(body.as_bytes()).unwrap();
        assert_eq!(error.refusal(status.try_into().unwrap()), expected, "{status} {body}");
    }
    for body in ["", "[]", "{}", r#"{"errcode":7}"#, r#"{"errcode":"A","errcode":"B"}"#, "<html>"] {
        assert!(ErrorBody::parse(body.as_bytes()).is_none(), "{body}");
    }
}

/// What the caller does wrongly.
fn misuse() -> Vec<(ErrorCode, ErrorCode)> {
    let address = |text| Address::parse(text, Schemes::HttpsOnly).unwrap_err().code();
    let device = DeviceId::new("ABCDEFGHIJ").unwrap();
    let mut world = World::new();
    let form = world.server().scope_form();
    let further = Scope::new("urn:matrix:client:api:*").unwrap();
    let without = ClientMetadata::new(ApplicationType::Native, vec![redirect()]);
    let no_home = world.application.set_metadata(without).unwrap_err().code();
    let changed = metadata().with_tos_uri("https://elsewhere.org/");
    let elsewhere = world.application.set_metadata(changed).unwrap_err().code();
    vec![
        (address("a b"), ErrorCode::MATRIX_SERVER_NAME),
        (address("@joe"), ErrorCode::MATRIX_USER_ID),
        (DeviceId::new("a b").unwrap_err().code(), ErrorCode::MATRIX_DEVICE_ID),
        (UserId::new("joe").unwrap_err().code(), ErrorCode::MATRIX_USER_ID),
        (login_scope(form, &device, &further).unwrap_err().code(), ErrorCode::MATRIX_SCOPE),
        (no_home, ErrorCode::REGISTRATION_CLIENT_URI),
        (elsewhere, ErrorCode::REGISTRATION_URI),
    ]
}

#[test]
fn every_code_of_the_profile_is_raised() {
    let misuse = misuse();
    for (code, expected) in &misuse {
        assert_eq!(code, expected);
    }
    // By `finding.rs`.
    let finding = [
        ErrorCode::MATRIX_UNSUPPORTED,
        ErrorCode::HOMESERVER_WELL_KNOWN,
        ErrorCode::HOMESERVER_NOT_FOUND,
        ErrorCode::HOMESERVER_VERSIONS,
    ];
    // By `sessions.rs`.
    let sessions = [ErrorCode::MATRIX_HOMESERVER_MISMATCH];
    let told = ROWS.iter().map(|(_, _, code, ..)| *code).chain(misuse.iter().map(|(code, _)| *code));
    let raised: BTreeSet<&str> = told.chain(finding).chain(sessions).map(ErrorCode::as_str).collect();
    let of_the_profile = |name: &&str| {
        ["matrix.", "homeserver.", "whoami."].iter().any(|prefix| name.starts_with(prefix))
            || matches!(*name, "registration.client_uri" | "registration.uri")
    };
    let untold: Vec<_> = ErrorCode::all()
        .map(|code| code.as_str())
        .filter(of_the_profile)
        .filter(|name| !raised.contains(name))
        .collect();
    assert!(untold.is_empty(), "{untold:?}");
}

/// Nothing that is printed holds what a thief could use.
#[test]
fn no_secret_is_shown() {
    let mut world = World::new();
    let begun = world.begin(LoginRequest::new()).unwrap();
    let visit = world.hs.visit(begun.url.as_str(), world.env.now());
    let (code, callback) = (visit.param("code").unwrap(), Callback::from_url(visit.callback()).unwrap());
    let mut shown = format!("{:?} {:?} {:?}", begun.pending, begun.url, begun.party);
    let stored = serde_json::to_value(&begun.pending).unwrap();
    let verifier = stored["authorization"]["code_verifier"].as_str().unwrap().to_owned();
    let checked = begun.pending.check(&callback, &begun.party, world.env.now()).unwrap();
    shown.push_str(&format!("{checked:?} {callback:?}"));
    let step = begun.pending.clone().redeem(checked, &begun.party, &mut world.env).unwrap();
    shown.push_str(&format!("{step:?}"));
    whoami_fault(&world.hs, Disturbance::Timeout);
    let outcome = world.run(Ok(step)).unwrap();
    shown.push_str(&format!("{outcome:?} {outcome:#?}"));
    let login = world.logged_in();
    let server = world.server();
    let party = world.party_of(&login.session, &server);
    let options = SessionOptions::default();
    let live = Session::new(login.session.clone(), None, &party, options, &mut world.env).unwrap();
    shown.push_str(&format!("{login:?} {live:?} {:?}", world.application));
    let tokens = login.session.tokens();
    let secrets =
        [verifier.as_str(), tokens.access_token().expose(), tokens.refresh_token().unwrap().expose(), code.as_str()];
    for secret in secrets {
        assert!(!shown.contains(secret), "{shown}");
    }
}

/// What a user types in is named, and what it may have been meant for.
#[test]
fn an_address_that_is_none_says_how_to_write_one() {
    for (text, code, advice) in [
        ("http//example.org", ErrorCode::MATRIX_SERVER_NAME, "https://"),
        ("alice@example.org", ErrorCode::MATRIX_SERVER_NAME, "@alice:example.org"),
        ("#room:example.org", ErrorCode::MATRIX_SERVER_NAME, "room"),
        ("example org", ErrorCode::MATRIX_SERVER_NAME, "example.org"),
        ("@alice", ErrorCode::MATRIX_USER_ID, "@alice:example.org"),
        ("htp://example.org", ErrorCode::URL_SCHEME, "https"),
        ("https://example.org:80:80", ErrorCode::URL_SYNTAX, "port"),
        ("https://u:secret@example.org", ErrorCode::URL_USERINFO, ""),
    ] {
        let error = Address::parse(text, Schemes::HttpsOnly).unwrap_err();
        assert_eq!(error.code(), code, "{text}");
        assert!(error.hint().contains(advice), "{text}: {error}");
        let found = error.found().map(|found| found.as_str());
        assert!(found.is_some_and(|found| text.contains(&found[found.len() - 4..])), "{text}: {error}");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
    let nothing = Address::parse(" ", Schemes::HttpsOnly).unwrap_err();
    assert_eq!(nothing.code(), ErrorCode::MATRIX_SERVER_NAME);
    assert!(nothing.found().is_none() && nothing.hint().contains("example.org"), "{nothing}");
}
