//! Registration: the provider registers something else than it was asked for, or refuses.

use std::time::Duration;

use oidc_proto::AuthMethod;
use oidc_proto::jose::Algorithm;
use oidc_proto::testing::{self, Lie, On};
use oidc_proto::{Endpoint, Env as _, ErrorCode, Registrations, Schemes};
use serde_json::{Value, json};

use crate::hostile::world::{At, Row, Say, World, pardons, redirect, refusals};

/// For a client that asks for a secret.
#[rustfmt::skip]
const REFUSED: &[(Say, ErrorCode)] = &[
    (Say::Lie(Lie::RegistrationClientIdAbsent), ErrorCode::REGISTRATION_NO_CLIENT_ID),
    (Say::Lie(Lie::RegistrationClientIdEmpty), ErrorCode::REGISTRATION_NO_CLIENT_ID),
    (Say::Edit("a number as client_id", |op| put(op, "client_id", json!(7))), ErrorCode::REGISTRATION_NO_CLIENT_ID),
    (Say::Edit("null as client_id", |op| put(op, "client_id", Value::Null)), ErrorCode::REGISTRATION_NO_CLIENT_ID),
    (Say::Edit("a list", |op| op.tamper(On::Register, |r| *r.body_mut() = b"[]".to_vec())), ErrorCode::JSON_TYPE),
];

#[rustfmt::skip]
const LIVED_WITH: &[Say] = &[
    Say::Lie(Lie::RegistrationOddTypes),
    Say::Lie(Lie::RegistrationAlgorithmNone),
    Say::Edit("an unknown algorithm", |op| put(op, "id_token_signed_response_alg", json!("RS1"))),
    Say::Edit("an empty method", |op| put(op, "token_endpoint_auth_method", json!(""))),
    Say::Lie(Lie::RegistrationStatus200),
    Say::Edit("other redirect URIs", |op| put(op, "redirect_uris", json!(["https://evil.example/cb"]))),
    Say::Edit("no echo", |op| op.edit_json(On::Register, |o| o.retain(|name, _| name.starts_with("client_")))),
    Say::Edit("nonsense for times", |op| { put(op, "client_secret_expires_at", json!("soon")); put(op, "client_id_issued_at", json!(-1)); }),
    Say::Edit("times beyond all times", |op| { put(op, "client_secret_expires_at", json!(1e300)); put(op, "client_id_issued_at", json!(u64::MAX)); }),
];

/// The provider's no, and with which status it counts.
const DENIED: &[(u16, &str, ErrorCode)] = &[
    (400, "invalid_redirect_uri", ErrorCode::REGISTRATION_INVALID_REDIRECT_URI),
    (400, "invalid_client_metadata", ErrorCode::REGISTRATION_INVALID_CLIENT_METADATA),
    (400, "invalid_software_statement", ErrorCode::REGISTRATION_INVALID_SOFTWARE_STATEMENT),
    (400, "unapproved_software_statement", ErrorCode::REGISTRATION_UNAPPROVED_SOFTWARE_STATEMENT),
    (401, "invalid_token", ErrorCode::REGISTRATION_DENIED),
    (403, "access_denied", ErrorCode::REGISTRATION_DENIED),
    (500, "invalid_redirect_uri", ErrorCode::HTTP_SERVER_ERROR),
    (429, "invalid_redirect_uri", ErrorCode::HTTP_TOO_MANY_REQUESTS),
    (303, "invalid_redirect_uri", ErrorCode::HTTP_REDIRECT),
];

pub(crate) fn rows() -> Vec<Row> {
    let scenario = |code| (Say::Edit("told by a scenario", |_| {}), Some(code));
    let denied = DENIED.iter().map(|(.., code)| scenario(*code));
    let changed = [Lie::RegistrationOtherAlgorithm, Lie::RegistrationOtherMethod].map(|lie| (lie.into(), None));
    let own = [
        ErrorCode::REGISTRATION_NO_SECRET,
        ErrorCode::REGISTRATION_AUTH_METHOD,
        ErrorCode::JWS_ALGORITHM,
        ErrorCode::TOKEN_INVALID_CLIENT,
    ];
    let own = own.map(scenario);
    let flawed = (Say::Lie(Lie::RegistrationSecretAbsent), Some(ErrorCode::TOKEN_INVALID_CLIENT));
    refusals(REFUSED).chain(pardons(LIVED_WITH)).chain(denied).chain(changed).chain(own).chain([flawed]).collect()
}

fn put(op: &testing::Provider, name: &'static str, value: Value) {
    op.edit_json(On::Register, move |object| drop(object.insert(name.to_owned(), value.clone())));
}

#[test]
fn a_registration_that_cannot_be_used_is_refused() {
    for (say, code) in REFUSED {
        let mut world = World::with_secret(AuthMethod::ClientSecretBasic);
        say.to(&world.op);
        assert_eq!(world.login().err().unwrap().what(), (At::Registration, *code), "{say:?}");
        assert_eq!(world.op.requests(), [On::ServerMetadata, On::Register], "{say:?}");
    }
}

#[test]
fn odd_answers_are_lived_with() {
    for say in LIVED_WITH {
        for method in [AuthMethod::None, AuthMethod::ClientSecretBasic, AuthMethod::ClientSecretPost] {
            let mut world = World::with_secret(method);
            say.to(&world.op);
            let outcome = world.course().map_err(|refusal| refusal.what());
            assert_eq!(outcome, Ok(()), "{say:?} {method:?}");
        }
    }
}

#[test]
fn a_no_counts_only_with_a_status_that_says_no() {
    for (status, name, code) in DENIED {
        let mut world = World::new();
        let body = json!({ "error": name, "error_description": "no" }).to_string();
        world.op.tamper(On::Register, move |response| {
            *response.status_mut() = http::StatusCode::from_u16(*status).unwrap();
            *response.body_mut() = body.clone().into_bytes();
        });
        let error = world.login().err().unwrap().error;
        assert_eq!(error.code(), *code, "{status} {name}");
        assert_eq!(error.provider_text().and_then(|said| said.error()), Some(*name));
    }
}

/// What the provider registered counts, not what was asked for; then it has to keep to it.
#[test]
fn another_algorithm_than_asked_for_is_the_only_one_then() {
    for (asked, registered) in [(Algorithm::Es256, "RS256"), (Algorithm::Rs256, "ES256")] {
        let mut world = World::with_algorithm(asked);
        world.op.lie(Lie::RegistrationOtherAlgorithm);
        // It signs as it was asked, and not as it answered.
        let refusal = world.logged_in().err().unwrap();
        assert_eq!(refusal.what(), (At::Verification, ErrorCode::JWS_ALGORITHM));
        world.op.lie(Lie::AlgorithmOther);
        assert!(world.logged_in().is_ok(), "{registered}");
    }
}

#[test]
fn another_method_than_asked_for_is_followed_where_that_is_possible() {
    let mut world = World::with_secret(AuthMethod::None);
    world.op.lie(Lie::RegistrationOtherMethod);
    let provider = world.discover().unwrap();
    assert_eq!(world.register(&provider).unwrap().flaws()[0].code(), ErrorCode::REGISTRATION_NO_SECRET);

    let mut world = World::with_secret(AuthMethod::ClientSecretBasic);
    world.op.lie(Lie::RegistrationOtherMethod);
    // The provider wants the secret all the same: the login fails, and it is not sent.
    assert_eq!(world.logged_in().err().unwrap().what(), (At::Exchange, ErrorCode::TOKEN_INVALID_CLIENT));
    assert!(!world.sent.last().unwrap().contains("authorization:"));
}

#[test]
fn a_secret_that_has_expired_is_not_found() {
    let mut world = World::with_secret(AuthMethod::ClientSecretBasic);
    let at = world.env.now().unix_seconds() + 100;
    world.op.edit_json(On::Register, move |o| drop(o.insert("client_secret_expires_at".into(), json!(at))));
    let provider = world.discover().unwrap();
    let registered = world.register(&provider).unwrap();
    let mut registrations = Registrations::default();
    registrations.insert(provider.issuer(), &world.metadata, registered);
    let found = |seconds| {
        let now = world.env.now().saturating_add(Duration::from_secs(seconds));
        registrations.find(provider.issuer(), &world.metadata, now).is_some()
    };
    assert!(found(99) && !found(100));
}

/// Whatever becomes of the login, the client is registered.
#[test]
fn a_registration_outlives_the_login_that_follows() {
    let mut world = World::new();
    let login = world.login().unwrap();
    world.op.lie(Lie::NonceWrong);
    let party = login.party.clone();
    assert_eq!(world.finish(login).err().unwrap().what(), (At::Verification, ErrorCode::ID_TOKEN_NONCE_MISMATCH));
    world.op.honest();
    let login = world.login_with(&party).unwrap();
    assert!(world.finish(login).is_ok());
    assert_eq!(world.op.count(On::Register), 1);
    assert_eq!(world.metadata.redirect_uris(), [redirect()]);
}

/// `backchannel_logout_uri` (Back-Channel Logout 1.0 section 2.2).
#[test]
fn where_a_logout_is_told_is_an_https_url() {
    for (uri, code) in [
        ("http://app.example.org/out", ErrorCode::URL_SCHEME),
        ("https://app.example.org/out#now", ErrorCode::URL_FRAGMENT),
        ("https://user@app.example.org/out", ErrorCode::URL_USERINFO),
        ("/out", ErrorCode::URL_SYNTAX),
    ] {
        assert_eq!(Endpoint::new(uri, Schemes::HttpsOnly).unwrap_err().code(), code, "{uri}");
    }
    let mut world = World::new();
    let uri = Endpoint::new("https://app.example.org/out?a=b", Schemes::HttpsOnly).unwrap();
    world.metadata = world.metadata.with_backchannel_logout_uri(uri).with_backchannel_logout_session_required(true);
    world.logged_in().unwrap();
    let sent = world.sent.iter().find_map(|request| request.split_once("{\"application_type\"")).unwrap().1;
    assert!(sent.contains(r#""backchannel_logout_uri":"https://app.example.org/out?a=b""#), "{sent}");
    assert!(sent.contains(r#""backchannel_logout_session_required":true"#), "{sent}");
}
