//! Stored values: written by this version or an older one, by a newer one, or by nobody who knew how.

use std::time::Duration;

use oidc_proto::AuthMethod;
use oidc_proto::jose::Algorithm;
use oidc_proto::session::Record;
use oidc_proto::{
    AuthorizationRequest, ClientAuth, Env as _, Error, ErrorCode, Fault, Issuer, PendingAuthorization, PendingDevice,
    PendingLogout, Registered, Registrations, Schemes, Scope, TokenSet,
};
use serde::Serialize;
use serde_json::{Value, json};

use crate::hostile::world::{Login, Row, Say, World, redirect};

/// One file per type and version, as it was written once. They are never written anew: a version that changes gets a new
/// file beside the old one.
const PENDING: &str = include_str!("../../fixtures/pending_authorization.v1.json");
const PENDING_PLAIN: &str = include_str!("../../fixtures/pending_authorization_plain.v1.json");
const TOKENS: &str = include_str!("../../fixtures/token_set.v1.json");
const TOKENS_PLAIN: &str = include_str!("../../fixtures/token_set_plain.v1.json");
const RECORD: &str = include_str!("../../fixtures/record.v1.json");
const RECORD_REFRESHED: &str = include_str!("../../fixtures/record_refreshed.v1.json");
const RECORD_REFUSED: &str = include_str!("../../fixtures/record_refused.v1.json");
const RECORD_LOGIN: &str = include_str!("../../fixtures/record_login.v1.json");
const RECORD_PLAIN: &str = include_str!("../../fixtures/record_plain.v1.json");
const DEVICE: &str = include_str!("../../fixtures/pending_device.v1.json");
const DEVICE_PLAIN: &str = include_str!("../../fixtures/pending_device_plain.v1.json");
const LOGOUT: &str = include_str!("../../fixtures/pending_logout.v1.json");
const REGISTRATIONS: &str = include_str!("../../fixtures/registrations.v1.json");

pub(crate) fn rows() -> Vec<Row> {
    let codes = [ErrorCode::STORED_MALFORMED, ErrorCode::STORED_VERSION, ErrorCode::CALLBACK_EXPIRED];
    codes.map(|code| (Say::Edit("told by a scenario", |_| {}), Some(code))).into()
}

fn pretty(value: &impl Serialize) -> String {
    serde_json::to_string_pretty(value).unwrap() + "\n"
}

/// Reads a value of any of the types, and writes it again.
#[derive(Clone, Copy, Debug)]
enum Type {
    Pending,
    Device,
    Logout,
    Tokens,
    Record,
    Registrations,
}

impl Type {
    fn read(self, json: &str) -> Result<String, Error> {
        match self {
            Self::Pending => PendingAuthorization::from_json(json).map(|value| pretty(&value)),
            Self::Device => PendingDevice::from_json(json).map(|value| pretty(&value)),
            Self::Logout => PendingLogout::from_json(json).map(|value| pretty(&value)),
            Self::Tokens => TokenSet::from_json(json).map(|value| pretty(&value)),
            Self::Record => Record::from_json(json).map(|value| pretty(&value)),
            Self::Registrations => Registrations::from_json(json).map(|value| pretty(&value)),
        }
    }
}

const FIXTURES: [(Type, &str); 13] = [
    (Type::Logout, LOGOUT),
    (Type::Device, DEVICE),
    (Type::Device, DEVICE_PLAIN),
    (Type::Pending, PENDING),
    (Type::Pending, PENDING_PLAIN),
    (Type::Tokens, TOKENS),
    (Type::Tokens, TOKENS_PLAIN),
    (Type::Record, RECORD),
    (Type::Record, RECORD_LOGIN),
    (Type::Record, RECORD_REFRESHED),
    (Type::Record, RECORD_REFUSED),
    (Type::Record, RECORD_PLAIN),
    (Type::Registrations, REGISTRATIONS),
];

#[test]
fn every_version_there_was_is_read_and_written_again() {
    for (kind, fixture) in FIXTURES {
        assert_eq!(kind.read(fixture).unwrap(), fixture, "{kind:?}");
    }
}

#[test]
fn a_newer_version_is_told_apart_from_a_damaged_one() {
    for (kind, fixture) in FIXTURES {
        for (version, code) in [
            (json!(2), ErrorCode::STORED_VERSION),
            (json!(u32::MAX), ErrorCode::STORED_VERSION),
            (json!(0), ErrorCode::STORED_MALFORMED),
            (json!(-1), ErrorCode::STORED_MALFORMED),
            (json!("1"), ErrorCode::STORED_MALFORMED),
            (json!(1.5), ErrorCode::STORED_MALFORMED),
            (Value::Null, ErrorCode::STORED_MALFORMED),
        ] {
            let mut value: Value = serde_json::from_str(fixture).unwrap();
            value["version"] = version.clone();
            let error = kind.read(&value.to_string()).unwrap_err();
            assert_eq!((error.code(), error.fault()), (code, Fault::Environment), "{kind:?} {version}");
        }
        // A newer version may hold anything else.
        assert_eq!(kind.read(r#"{"version":2,"sealed":"…"}"#).unwrap_err().code(), ErrorCode::STORED_VERSION);
    }
}

/// A field, and what it may not be. `Value::Null` stands for every required field in every table besides.
#[rustfmt::skip]
fn malformed() -> Vec<(Type, &'static str, &'static str, Vec<Value>)> {
    let verifier = |length| json!("v".repeat(length));
    let issuers = || vec![json!(""), json!("op.example.org"), json!("http://op.example.org"), json!("https://op.example.org#x"), json!("https://op.example.org?x"), json!("https://x@op.example.org"), json!("https://op.example.org/\u{202e}"), json!("https://op.example.org\n"), json!(7)];
    let dates = || vec![json!("soon"), json!(-1), json!(1.5), json!([]), json!({})];
    vec![
        (Type::Pending, PENDING, "/issuer", issuers()),
        (Type::Pending, PENDING, "/client_id", vec![json!(7), json!([]), json!(""), json!("a\n"), json!("\u{1b}[2J"), json!("a\u{202e}")]),
        (Type::Pending, PENDING, "/redirect_uri", vec![json!(""), json!("/cb"), json!("javascript:alert(1)"), json!("https://app.example.org/cb#x"), json!(7)]),
        (Type::Pending, PENDING, "/scope", vec![json!("openid \"x\""), json!("a\nb"), json!(["openid"]), json!(7)]),
        (Type::Pending, PENDING, "/response_mode", vec![json!(""), json!("pigeon"), json!("Query"), json!(7)]),
        (Type::Pending, PENDING, "/state_digest", vec![json!(""), json!("AA"), json!("A".repeat(42)), json!("A".repeat(44)), json!("A".repeat(43) + "="), json!("B".repeat(43)), json!("+".repeat(43)), json!(7)]),
        (Type::Pending, PENDING, "/code_verifier", vec![json!(""), verifier(42), verifier(129), json!("v".repeat(42) + "&"), json!("v".repeat(42) + "é"), json!("v".repeat(43) + "\n"), json!(7)]),
        // A login for `openid` without a nonce would take any ID token.
        (Type::Pending, PENDING, "/expectation", vec![Value::Null, json!({}), json!("x"), json!({ "nonce": "" }), json!({ "nonce": null }), json!({ "nonce": 7 })]),
        (Type::Pending, PENDING_PLAIN, "/scope", vec![json!("openid"), json!("profile openid")]),
        (Type::Pending, PENDING, "/expectation/not_logged_in_before", dates()),
        (Type::Pending, PENDING, "/expectation/acr_values", vec![json!("x"), json!([1]), json!({})]),
        (Type::Pending, PENDING, "/expires_at", dates()),
        (Type::Device, DEVICE, "/issuer", issuers()),
        (Type::Device, DEVICE, "/client_id", vec![json!(7), json!([]), json!(""), json!("a\n"), json!("\u{1b}[2J"), json!("a\u{202e}")]),
        (Type::Device, DEVICE, "/scope", vec![json!("openid \"x\""), json!("a\nb"), json!(["openid"]), json!(7)]),
        (Type::Device, DEVICE, "/dpop_thumbprint", vec![json!(7), json!([])]),
        (Type::Device, DEVICE, "/device_code", vec![json!(""), json!(7)]),
        (Type::Device, DEVICE, "/user_code", vec![json!(""), json!("B".repeat(65)), json!("\u{1b}[2J"), json!("é"), json!(7)]),
        (Type::Device, DEVICE, "/verification_uri", vec![json!(""), json!("javascript:alert(1)"), json!("http://op.example.org/"), json!("/device"), json!(7)]),
        (Type::Device, DEVICE, "/verification_uri_complete", vec![json!("javascript:alert(1)"), json!("https://op.example.org@evil.example/"), json!(7)]),
        (Type::Device, DEVICE, "/interval_seconds", vec![json!(0), json!(-5), json!(1.5), json!("5"), json!(1_u64 << 32)]),
        (Type::Device, DEVICE, "/expires_at", dates()),
        (Type::Logout, LOGOUT, "/state", vec![json!(""), json!(7)]),
        (Type::Logout, LOGOUT, "/post_logout_redirect_uri", vec![json!(""), json!("/bye"), json!("javascript:alert(1)"), json!("https://app.example.org/bye#x"), json!(7)]),
        (Type::Tokens, TOKENS, "/issuer", issuers()),
        (Type::Tokens, TOKENS, "/client_id", vec![json!(7), json!([]), json!("another")]),
        (Type::Tokens, TOKENS, "/access_token", vec![json!(""), json!("at_\r\n"), json!("at_é"), json!("at_\u{0}"), json!(7)]),
        (Type::Tokens, TOKENS, "/token_type", vec![json!(""), json!("mac"), json!("bearer"), json!(7)]),
        (Type::Tokens, TOKENS, "/refresh_token", vec![json!(""), json!("rt_\r\n"), json!("rt_é"), json!(7), json!([])]),
        (Type::Tokens, TOKENS, "/scope", vec![json!("a\nb"), json!(7)]),
        (Type::Tokens, TOKENS, "/obtained_at", dates()),
        (Type::Tokens, TOKENS, "/expires_at", dates()),
        (Type::Tokens, TOKENS, "/id_token", vec![json!("x"), json!({}), json!(7)]),
        (Type::Tokens, TOKENS, "/id_token/compact", vec![Value::Null, json!(7)]),
        (Type::Tokens, TOKENS, "/id_token/issuer", vec![Value::Null, json!("https://op.example.org/\u{202e}"), json!("\u{1b}[2J"), json!(7)]),
        (Type::Tokens, TOKENS, "/id_token/subject", vec![Value::Null, json!(""), json!("s".repeat(256)), json!(7)]),
        (Type::Tokens, TOKENS, "/id_token/audience", vec![Value::Null, json!([]), json!(["another"]), json!("x"), json!([7])]),
        (Type::Tokens, TOKENS, "/id_token/expires_at", dates()),
        (Type::Tokens, TOKENS, "/id_token/issued_at", dates()),
        (Type::Tokens, TOKENS, "/id_token/auth_time", dates()),
        (Type::Tokens, TOKENS, "/id_token/nonce", vec![json!(7)]),
        (Type::Record, RECORD, "/generation", vec![json!(-1), json!(1.5), json!("7"), json!([])]),
        (Type::Record, RECORD_LOGIN, "/login", vec![json!(""), json!("AAECAwQFBgcICQoLDA0O"), json!("AAECAwQFBgcICQoLDA0OD="), json!(7)]),
        (Type::Record, RECORD, "/tokens", vec![json!({}), json!("x"), json!(7)]),
        (Type::Record, RECORD, "/tokens/access_token", vec![Value::Null, json!(""), json!("at_\r\n")]),
        (Type::Record, RECORD, "/spent_refresh_token", vec![json!(""), json!("rt_\r\n"), json!("rt_é"), json!(7)]),
        (Type::Record, RECORD_REFRESHED, "/refreshed_from", vec![json!(-1), json!(1.5), json!("6"), json!([])]),
        (Type::Record, RECORD_REFUSED, "/silent_refusals", vec![json!(-1), json!(1.5), json!("2"), json!(65536), Value::Null]),
        (Type::Record, RECORD_REFUSED, "/may_be_spent", vec![json!(1), json!("true"), Value::Null]),
        (Type::Registrations, REGISTRATIONS, "/clients", vec![json!({}), json!("x"), json!([7]), json!([{}])]),
        (Type::Registrations, REGISTRATIONS, "/clients/0/issuer", issuers()),
        (Type::Registrations, REGISTRATIONS, "/clients/0/client_id", vec![json!(7), json!([]), json!(""), json!("a\n"), json!("\u{1b}[2J"), json!("a\u{202e}")]),
        (Type::Registrations, REGISTRATIONS, "/clients/0/auth_method", vec![json!(""), json!("private_key_jwt"), json!("NONE"), json!(7)]),
        (Type::Registrations, REGISTRATIONS, "/clients/1/client_secret", vec![Value::Null, json!(7)]),
        (Type::Registrations, REGISTRATIONS, "/clients/1/fingerprint", vec![json!(7)]),
        (Type::Registrations, REGISTRATIONS, "/clients/1/id_token_algorithm", vec![json!(""), json!("none"), json!("RS1"), json!(7)]),
        (Type::Registrations, REGISTRATIONS, "/clients/1/secret_expires_at", dates()),
        (Type::Registrations, REGISTRATIONS, "/clients/1/issued_at", dates()),
    ]
}

/// Without an ID token, which names the client, too.
#[test]
fn tokens_of_a_client_that_nobody_can_have_are_malformed() {
    for (id, is_read) in [("app", true), ("", false), ("a\n", false), ("\u{1b}[2J", false), ("a\u{202e}", false)] {
        let mut tokens: Value = serde_json::from_str(TOKENS).unwrap();
        tokens.as_object_mut().unwrap().remove("id_token");
        tokens["client_id"] = json!(id);
        let code = Type::Tokens.read(&tokens.to_string()).err().map(|error| error.code());
        assert_eq!(code, (!is_read).then_some(ErrorCode::STORED_MALFORMED), "{id:?}");
    }
}

#[test]
fn a_malformed_field_spoils_the_value() {
    for (kind, fixture, pointer, values) in malformed() {
        for bad in values {
            let mut value: Value = serde_json::from_str(fixture).unwrap();
            *value.pointer_mut(pointer).unwrap() = bad.clone();
            let code = kind.read(&value.to_string()).map_err(|error| error.code());
            assert_eq!(code, Err(ErrorCode::STORED_MALFORMED), "{kind:?} {pointer} {bad}");
        }
    }
}

#[test]
fn a_missing_field_spoils_the_value() {
    let optional = [
        "expectation",
        "refresh_token",
        "expires_at",
        "id_token",
        "verification_uri_complete",
        "dpop_thumbprint",
        "login",
        "spent_refresh_token",
        "refreshed_from",
        "silent_refusals",
        "may_be_spent",
        "post_logout_redirect_uri",
    ];
    for (kind, fixture) in FIXTURES {
        let whole: Value = serde_json::from_str(fixture).unwrap();
        for name in whole.as_object().unwrap().keys() {
            let is_optional = match kind {
                Type::Pending => false,
                Type::Device => name != "expires_at" && optional.contains(&name.as_str()),
                _ => optional.contains(&name.as_str()),
            };
            if is_optional {
                continue;
            }
            for replacement in [None, Some(Value::Null)] {
                let mut value = whole.clone();
                value.as_object_mut().unwrap().remove(name);
                replacement
                    .into_iter()
                    .for_each(|null| drop(value.as_object_mut().unwrap().insert(name.clone(), null)));
                assert_eq!(
                    kind.read(&value.to_string()).unwrap_err().code(),
                    ErrorCode::STORED_MALFORMED,
                    "{kind:?} {name}"
                );
            }
        }
        for text in
            ["", "null", "7", "\"x\"", "[]", "{}", "{\"version\":1}", fixture.trim_end().strip_suffix('}').unwrap()]
                .map(str::to_owned)
                .into_iter()
                .chain([
                    format!("{fixture}x"),
                    format!("\u{feff}{fixture}"),
                    fixture.replacen("1,", "1,\"version\":1,", 1),
                ])
        {
            assert_eq!(kind.read(&text).unwrap_err().code(), ErrorCode::STORED_MALFORMED, "{kind:?} {text:.40}");
        }
    }
}

/// What is refused is not quoted.
#[test]
fn no_secret_of_a_damaged_value_is_in_its_error() {
    for (kind, fixture, pointer, values) in malformed() {
        for bad in values {
            let mut value: Value = serde_json::from_str(fixture).unwrap();
            *value.pointer_mut(pointer).unwrap() = bad;
            let error = kind.read(&value.to_string()).unwrap_err();
            assert!(std::error::Error::source(&error).is_none());
            let shown = format!("{error} {error:?} {error:#?}");
            assert!(
                !shown.contains("vvv") && !shown.contains("dc_") && !shown.contains("at_") && !shown.contains("rt_"),
                "{shown}"
            );
        }
    }
}

#[test]
fn a_login_that_was_stored_is_finished() {
    let mut world = World::new();
    let Login { party, url, pending } = world.login().unwrap();
    let stored = serde_json::to_string(&pending).unwrap();
    let key = pending.key();
    drop(pending);
    let login = Login { party, url, pending: PendingAuthorization::from_json(&stored).unwrap() };
    assert_eq!(login.pending.key(), key);
    let user = world.finish(login).unwrap();

    let tokens = TokenSet::from_json(&serde_json::to_string(&user.tokens).unwrap()).unwrap();
    let user = crate::hostile::world::User { tokens, ..user };
    world.userinfo(&user).unwrap();
    let user = world.refresh(&user).unwrap();
    world.revoke(&user).unwrap();
}

/// What was stored knows its `state` by a digest only, what was not knows the `state` itself: they take and refuse the
/// same callbacks, and the evidence of one is good for the other.
#[test]
fn a_login_and_its_stored_copy_are_one() {
    let mut world = World::new();
    let (login, other) = (world.login().unwrap(), world.login().unwrap());
    let stored = |login: &Login| {
        let json = serde_json::to_string(&login.pending).unwrap();
        PendingAuthorization::from_json(&json).unwrap()
    };
    let pairs = [(login.pending.clone(), stored(&login)), (stored(&login), login.pending.clone())];
    let (callback, foreign) = (world.callback(&login).unwrap(), world.callback(&other).unwrap());
    for (checks, redeems) in pairs {
        let error = login.party.check(&checks, &foreign, world.env.now()).unwrap_err();
        assert_eq!(error.code(), ErrorCode::CALLBACK_STATE_MISMATCH);
        for (pending, code) in [(stored(&other), Some(ErrorCode::CALLBACK_LOGIN_MISMATCH)), (redeems, None)] {
            let checked = login.party.check(&checks, &callback, world.env.now()).unwrap();
            let step = login.party.redeem(pending, checked, &mut world.env);
            assert_eq!(step.err().map(|error| error.code()), code);
        }
    }
}

#[test]
fn a_login_that_was_stored_expires_all_the_same() {
    let mut world = World::new();
    let login = world.login().unwrap();
    let pending = PendingAuthorization::from_json(&serde_json::to_string(&login.pending).unwrap()).unwrap();
    let callback = world.callback(&login).unwrap();
    world.env.clock().set(pending.expires_at());
    let error = login.party.check(&pending, &callback, world.env.now()).unwrap_err();
    assert_eq!(error.code(), ErrorCode::CALLBACK_EXPIRED);
}

/// `http` on loopback was allowed when it was stored; where it is used, that is asked again.
#[test]
fn a_stored_loopback_issuer_is_no_way_around_https() {
    let stored = PENDING.replace("https://op.example.org", "http://localhost:8080");
    let pending = PendingAuthorization::from_json(&stored).unwrap();
    assert_eq!(pending.issuer().as_str(), "http://localhost:8080");
    assert_eq!(Issuer::new(pending.issuer().as_str(), Schemes::HttpsOnly).unwrap_err().code(), ErrorCode::URL_SCHEME);
}

#[test]
fn a_pending_login_is_as_small_as_its_docs_say() {
    let mut world = World::new();
    let login = world.login().unwrap();
    let json = serde_json::to_string(&login.pending).unwrap().len();
    assert!((350..=450).contains(&json), "{json} bytes of JSON");
    // The value itself, and the strings that it points to: issuer, client ID, redirect URI, scope, verifier, nonce, state.
    let strings =
        crate::hostile::world::ISSUER.len() + login.party.client().id().len() + redirect().as_str().len() + 3 * 43 + 20;
    let memory = size_of::<PendingAuthorization>() + strings;
    assert!((350..=450).contains(&memory), "{memory} bytes in memory");
}

/// The values that the fixtures were made of; new ones are made in the same way.
#[test]
fn the_fixtures_are_whole() {
    let mut world = World::new();
    world.request = AuthorizationRequest::new(redirect(), Scope::new("openid profile").unwrap())
        .with_max_age(Duration::from_secs(600))
        .with_acr_values(["urn:example:gold"]);
    let login = world.login().unwrap();
    assert_same_shape(&login.pending, PENDING);
    let user = world.finish(login).unwrap();
    assert_same_shape(&user.tokens, TOKENS);

    world.request = AuthorizationRequest::new(redirect(), Scope::new("profile").unwrap());
    world.op.edit_json(oidc_proto::testing::On::Token, |object| {
        object.retain(|name, _| ["access_token", "token_type"].contains(&name.as_str()));
    });
    let login = world.login().unwrap();
    assert_same_shape(&login.pending, PENDING_PLAIN);
    assert_same_shape(&world.finish(login).unwrap().tokens, TOKENS_PLAIN);

    let mut bound = World::bound().allowing_devices();
    let party = bound.party().unwrap();
    assert_same_shape(&bound.device(&party).unwrap(), DEVICE);
    let mut world = World::new().allowing_devices();
    world.op.lie(oidc_proto::testing::Lie::VerificationUriCompleteAbsent);
    let party = world.party().unwrap();
    assert_same_shape(&world.device(&party).unwrap(), DEVICE_PLAIN);

    let mut registrations = Registrations::default();
    let mut world = World::with_secret(AuthMethod::ClientSecretPost);
    world.metadata = world.metadata.with_id_token_signed_response_alg(Algorithm::Ed25519);
    let soon = world.env.now().unix_seconds() + 1000;
    world.op.edit_json(oidc_proto::testing::On::Register, move |object| {
        object.insert("client_secret_expires_at".into(), json!(soon));
    });
    let provider = world.discover().unwrap();
    let registered = world.register(&provider).unwrap();
    registrations.insert(provider.issuer(), &world.metadata, registered);
    registrations.set_static(provider.issuer(), Registered::preregistered("app", ClientAuth::None).unwrap());
    assert_same_shape(&registrations, REGISTRATIONS);
}

#[track_caller]
fn assert_same_shape(value: &impl Serialize, fixture: &str) {
    fn shape(value: &Value) -> Value {
        match value {
            Value::Object(members) => members.iter().map(|(name, value)| (name.clone(), shape(value))).collect(),
            Value::Array(elements) => elements.iter().map(shape).collect(),
            Value::Number(_) => json!(0),
            _ => json!(""),
        }
    }
    let text = pretty(value);
    let [now, then] = [&text, fixture].map(|text| shape(&serde_json::from_str(text).unwrap()));
    assert_eq!(now, then, "{text}");
}
