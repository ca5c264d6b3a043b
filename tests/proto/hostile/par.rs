//! Pushed requests: what the browser carries then, and what the provider can say in place of a reference.

use oidc_proto::testing::{Disturbance, Lie, On, Par};
use oidc_proto::{ErrorCode, Fault, RedirectUri, Scope};
use serde_json::{Value, json};
use url::Url;

use crate::hostile::transport::respond;
use crate::hostile::world::{At, ISSUER, REDIRECT, Row, Say, World, pardons, refusals};

#[rustfmt::skip]
const REFUSED: &[(Say, ErrorCode)] = &[
    (Say::Lie(Lie::ParRequestUriAbsent), ErrorCode::PAR_NO_REQUEST_URI),
    (Say::Lie(Lie::ParRequestUriEmpty), ErrorCode::PAR_NO_REQUEST_URI),
    (Say::Edit("null", |op| put(op, "request_uri", Value::Null)), ErrorCode::PAR_NO_REQUEST_URI),
    (Say::Edit("a long one", |op| put(op, "request_uri", json!("u".repeat(2049)))), ErrorCode::PAR_NO_REQUEST_URI),
    (Say::Edit("a number", |op| put(op, "request_uri", json!(7))), ErrorCode::JSON_TYPE),
    (Say::Edit("a list", |op| respond(op, On::Par, 201, "application/json", r#"["urn:x"]"#)), ErrorCode::JSON_TYPE),
    (Say::Edit("twice", |op| respond(op, On::Par, 201, "application/json", r#"{"request_uri":"urn:x","request_uri":"urn:y"}"#)), ErrorCode::JSON_DUPLICATE_NAME),
    (Say::Edit("a page", |op| respond(op, On::Par, 201, "text/html", "urn:x")), ErrorCode::HTTP_CONTENT_TYPE),
    (Say::Edit("no client of theirs", |op| respond(op, On::Par, 401, "application/json", r#"{"error":"invalid_client"}"#)), ErrorCode::TOKEN_INVALID_CLIENT),
    (Say::Edit("a bad request", |op| respond(op, On::Par, 400, "application/json", r#"{"error":"invalid_request"}"#)), ErrorCode::AUTHORIZATION_INVALID_REQUEST),
    (Say::Edit("a bad scope", |op| respond(op, On::Par, 400, "application/json", r#"{"error":"invalid_scope"}"#)), ErrorCode::AUTHORIZATION_INVALID_SCOPE),
    (Say::Edit("something else", |op| respond(op, On::Par, 400, "application/json", r#"{"error":"invalid_request_object"}"#)), ErrorCode::AUTHORIZATION_ERROR),
    (Say::Edit("no proof", |op| respond(op, On::Par, 400, "application/json", r#"{"error":"invalid_dpop_proof"}"#)), ErrorCode::DPOP_REQUIRED),
    (Say::Edit("413", |op| respond(op, On::Par, 413, "text/plain", "too large")), ErrorCode::HTTP_STATUS),
    (Say::Edit("429", |op| respond(op, On::Par, 429, "application/json", r#"{"error":"invalid_request"}"#)), ErrorCode::HTTP_TOO_MANY_REQUESTS),
    (Say::Edit("500", |op| respond(op, On::Par, 500, "application/json", r#"{"error":"invalid_request"}"#)), ErrorCode::HTTP_SERVER_ERROR),
    (Say::Disturbance(On::Par, Disturbance::Timeout), ErrorCode::TRANSPORT_TIMEOUT),
    (Say::Disturbance(On::Par, Disturbance::Redirect), ErrorCode::HTTP_REDIRECT),
    (Say::Disturbance(On::Par, Disturbance::Oversized), ErrorCode::HTTP_BODY_TOO_LARGE),
    (Say::Disturbance(On::Par, Disturbance::Truncated), ErrorCode::JSON_SYNTAX),
];

/// How long a reference is good is the provider's affair: the browser is sent on at once.
const LIVED_WITH: &[Say] = &[
    Say::Lie(Lie::ParStatus200),
    Say::Lie(Lie::ParExpiresInAbsent),
    Say::Lie(Lie::ParExpiresInZero),
    Say::Lie(Lie::ParExpiresInNegative),
    Say::Lie(Lie::ParExpiresInString),
    Say::Lie(Lie::ParExpiresInHuge),
];

pub(crate) fn rows() -> Vec<Row> {
    let own = [ErrorCode::PAR_UNSUPPORTED, ErrorCode::PAR_REQUIRED]
        .map(|code| (Say::Edit("told by a scenario", |_| {}), Some(code)));
    let injected = (Say::Lie(Lie::ParRequestUriInjects), None);
    refusals(REFUSED).chain(pardons(LIVED_WITH)).chain(own).chain([injected]).collect()
}

fn put(op: &oidc_proto::testing::Provider, name: &'static str, value: Value) {
    op.edit_json(On::Par, move |object| drop(object.insert(name.into(), value.clone())));
}

fn pushing() -> World {
    World { pushes: true, ..World::new() }
}

#[test]
fn without_a_usable_reference_the_browser_is_not_sent_anywhere() {
    for (say, code) in REFUSED {
        let mut world = pushing();
        say.to(&world.op);
        assert_eq!(world.login().err().unwrap().what(), (At::Request, *code), "{say:?}");
        assert_eq!(world.op.count(On::Par), 1, "{say:?}");
    }
}

#[test]
fn odd_answers_are_lived_with() {
    for say in LIVED_WITH {
        let mut world = pushing();
        say.to(&world.op);
        assert!(world.logged_in().is_ok(), "{say:?}");
    }
}

/// What is in the URL is the client and the reference, whatever the reference looks like.
#[test]
fn a_reference_brings_no_parameters_of_its_own() {
    for (lie, injected) in [(None, false), (Some(Lie::ParRequestUriInjects), true)] {
        let mut world = pushing();
        lie.into_iter().for_each(|lie| world.op.lie(lie));
        let login = world.login().unwrap();
        let url = Url::parse(login.url.as_str()).unwrap();
        let pairs: Vec<_> = url.query_pairs().into_owned().collect();
        assert_eq!(
            (pairs.len(), &pairs[0].0, &pairs[0].1),
            (2, &"client_id".to_owned(), &login.party.client().id().to_owned())
        );
        assert_eq!((pairs[1].0.as_str(), pairs[1].1.contains("client_id=evil")), ("request_uri", injected));
        assert_eq!(&url[..url::Position::AfterPath], format!("{ISSUER}/authorize"));
    }
}

/// Everything that a URL would hold is in the form, and nothing of it in the URL.
#[test]
fn what_is_asked_for_goes_to_the_provider_alone() {
    let mut world = pushing();
    world.request =
        world.request.with_login_hint("auto:alice").with_acr_values(["urn:example:gold"]).with_parameter("x", "y");
    world.login().unwrap();
    let form = world.sent.last().unwrap();
    let expected = ["state=", "nonce=", "code_challenge=", "login_hint=auto%3Aalice", "acr_values=", "x=y", "scope="];
    assert!(expected.iter().all(|part| form.contains(part)), "{form}");
    assert!(form.contains(&url::form_urlencoded::byte_serialize(REDIRECT.as_bytes()).collect::<String>()));
    assert!(!form.contains("request_uri=") && form.matches("client_id=").count() == 1);
    assert!(form.starts_with(&format!("POST {ISSUER}/par\n")));
}

#[test]
fn pushing_is_done_where_it_is_offered_and_not_left_out_where_it_must_be() {
    let mut world = pushing();
    world.op = world.op.with_par(Par::Off);
    let refusal = world.login().err().unwrap();
    assert_eq!((refusal.what(), refusal.error.fault()), ((At::Request, ErrorCode::PAR_UNSUPPORTED), Fault::Remote));

    let mut world = World::new();
    world.op = world.op.with_par(Par::Required);
    let refusal = world.login().err().unwrap();
    assert_eq!((refusal.what(), refusal.error.fault()), ((At::Request, ErrorCode::PAR_REQUIRED), Fault::Local));
    assert_eq!(world.browsed.borrow().len(), 0);
    world.pushes = true;
    world.logged_in().unwrap();
}

#[test]
fn each_login_is_pushed_anew() {
    let mut world = pushing();
    let first = world.login().unwrap();
    let second = world.login_with(&first.party).unwrap();
    assert_ne!(first.url.as_str(), second.url.as_str());
    assert_eq!(world.op.count(On::Par), 2);
    // The reference of a login that is over leads nowhere.
    world.visit(&first);
    assert!(matches!(world.visit(&first), oidc_proto::testing::Visit::Page(_)));
    world.finish(second).unwrap();
}

/// The same rules hold as without pushing, before anything is sent.
#[test]
fn what_cannot_be_asked_for_is_not_pushed() {
    let elsewhere = RedirectUri::new("https://app.example.org/cb2").unwrap();
    let request = oidc_proto::AuthorizationRequest::new(elsewhere, Scope::new("openid").unwrap());
    for (request, code) in [
        (request, ErrorCode::AUTHORIZATION_REDIRECT_URI),
        (World::new().request.with_parameter("request_uri", "urn:x"), ErrorCode::AUTHORIZATION_PARAMETER),
        (World::new().request.with_parameter("state", "x"), ErrorCode::AUTHORIZATION_PARAMETER),
    ] {
        let mut world = World { request, ..pushing() };
        assert_eq!(world.login().err().unwrap().what(), (At::Request, code));
        assert_eq!(world.op.count(On::Par), 0);
    }
}
