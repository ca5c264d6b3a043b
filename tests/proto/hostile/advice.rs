//! What a message says is true of each case, and what it advises can be done.

use http::header::WWW_AUTHENTICATE;
use http::{HeaderValue, StatusCode};
use oidc_proto::flow::Registration;
use oidc_proto::testing::{self, Disturbance, On, RegisteredClient};
use oidc_proto::{
    ApplicationType, AuthMethod, Client, ClientAuth, ClientMetadata, Error, ErrorCode, Failure, FailureKind,
    FailureReason, RedirectUri, Scope, Sent,
};
use serde_json::json;

use crate::hostile::world::{REDIRECT, Say, World, redirect};

/// What the usual texts of a code say, and what they must not say, because it is not true of each case.
#[test]
fn the_texts_of_a_code_are_true_of_each_of_its_cases() {
    for (code, says, says_not) in [
        (ErrorCode::HTTP_TOO_MANY_REQUESTS, "request", "429"),
        (ErrorCode::URL_SCHEME, "scheme", "is not https"),
        (ErrorCode::CALLBACK_CODE_MISSING, "If the callback was copied", "Paste"),
        (ErrorCode::AUTHORIZATION_LOGIN_REQUIRED, "otherwise log in again", "\0"),
        (ErrorCode::AUTHORIZATION_INTERACTION_REQUIRED, "otherwise log in again", "\0"),
        (ErrorCode::AUTHORIZATION_CONSENT_REQUIRED, "otherwise log in again", "\0"),
        (ErrorCode::AUTHORIZATION_ACCOUNT_SELECTION_REQUIRED, "otherwise log in again", "\0"),
        (ErrorCode::STORED_MALFORMED, "too large", "\0"),
        (ErrorCode::TOKEN_INVALID_GRANT, "if it happens again", "\0"),
        (ErrorCode::ID_TOKEN_MISSING_CLAIM, "`max_age`", "do not request the feature"),
    ] {
        let texts = [code.message(), code.cause(), code.cure()].join("\n");
        assert!(texts.contains(says) && !texts.contains(says_not), "{code}: {texts}");
    }
    for code in ErrorCode::all() {
        let texts = [code.message(), code.cause(), code.cure()].join("\n");
        for odd in ["if it lasts", "not seen", "URL is that of the endpoint"] {
            assert!(!texts.contains(odd), "{code}: {texts}");
        }
    }
}

/// The kind alone does not tell what to do.
#[test]
fn the_reason_of_a_failure_decides_what_to_do() {
    for (kind, reason, advice) in [
        (FailureKind::Unreachable, FailureReason::HostNotFound, "the spelling of the host name"),
        (FailureKind::Timeout, FailureReason::NotConnected, "of the URL, and the network"),
        (FailureKind::Refused, FailureReason::ContentSecurityPolicy, "`connect-src`"),
        (FailureKind::Other, FailureReason::HiddenByBrowser, "the browser's console"),
    ] {
        let error = Error::from(Failure::new(kind, Sent::No).because(reason));
        assert!(error.hint().contains(advice), "{error}");
    }
}

#[test]
fn a_status_is_not_explained_by_another_one() {
    let of_status = |status| {
        let mut world = World::new();
        Say::Disturbance(On::ServerMetadata, Disturbance::status(status)).to(&world.op);
        world.discover().unwrap_err().error
    };
    let late = of_status(408);
    assert_eq!(late.code(), ErrorCode::TRANSPORT_TIMEOUT);
    assert!(late.hint().contains("(408)") && !late.hint().contains("time-out of the HTTP client"), "{late}");
    let early = of_status(425);
    assert!(!early.to_string().contains("429") && !early.to_string().contains("too many requests ("), "{early}");
}

fn refuse(op: &testing::Provider, on: On, status: u16, body: &'static str) {
    op.tamper(on, move |response| {
        *response.status_mut() = StatusCode::from_u16(status).unwrap();
        *response.body_mut() = body.into();
    });
}

fn refused(mut world: World) -> Error {
    world.course().unwrap_err().error
}

#[test]
fn a_grant_that_is_not_enabled_is_told_before_the_authentication() {
    let world = World::with_secret(AuthMethod::ClientSecretBasic);
    refuse(&world.op, On::Token, 400, r#"{"error":"unauthorized_client"}"#);
    let error = refused(world);
    assert_eq!(error.code(), ErrorCode::TOKEN_UNAUTHORIZED_CLIENT);
    assert!(error.hint().starts_with("Enable this grant") && error.hint().contains("client_secret_basic"), "{error}");
}

#[test]
fn a_secret_that_is_too_short_is_told_with_the_length() {
    let mut world = World::new();
    world.op = world.op.with_client(RegisteredClient::public("app", REDIRECT));
    let client = Client::new("app").with_redirect_uri(redirect());
    world.client = Some(client.with_auth(ClientAuth::SecretJwt("short".into())));
    let error = refused(world);
    assert_eq!((error.code(), error.field()), (ErrorCode::TOKEN_CLIENT_AUTH, Some("client_secret")));
    assert!(error.hint().contains("at least 32 bytes"), "{error}");
}

/// A user gives the issuer and sees no other URL: the message has it.
#[test]
fn what_is_no_metadata_document_is_told_with_its_url() {
    const URL: &str = "https://op.example.org/.well-known/openid-configuration";
    for fault in [
        Disturbance::LoginPage,
        Disturbance::Redirect,
        Disturbance::status(403),
        Disturbance::status(404),
        Disturbance::Truncated,
    ] {
        let mut world = World::new();
        Say::Disturbance(On::ServerMetadata, fault.clone()).to(&world.op);
        let error = world.discover().unwrap_err().error;
        let line = error.to_string();
        assert!(line.starts_with("provider metadata: ") && line.contains(URL), "{fault:?}: {line}");
        assert!(line.contains("heck the issuer") && !line.contains(&format!("found \"{URL}")), "{fault:?}: {line}");
    }
}

#[test]
fn a_value_that_cannot_be_used_is_named() {
    let world = World::new();
    world.op.edit_json(On::Token, |response| drop(response.insert("id_token".into(), json!("nonsense"))));
    let error = refused(world);
    assert_eq!((error.code(), error.field()), (ErrorCode::JWS_MALFORMED, Some("id_token")));

    let mut world = World::new();
    let provider = world.discover().unwrap();
    let uris = vec![redirect(), RedirectUri::new("http://app.example.org/cb").unwrap()];
    let error = Registration::start(&provider, ClientMetadata::new(ApplicationType::Web, uris)).unwrap_err();
    assert_eq!(error.found().map(|found| found.as_str()), Some("http://app.example.org/cb"), "{error}");

    let world = World::new();
    world.op.edit_json(On::ServerMetadata, |document| {
        document.insert("token_endpoint".into(), json!("/token"));
    });
    let error = refused(world);
    assert!(error.to_string().contains("expected an absolute URL"), "{error}");

    let error = Scope::new("openid \u{e9}").unwrap_err();
    assert!(error.hint().contains("printable ASCII"), "{error}");
}

/// A new token of the same scope is refused in the same way.
#[test]
fn a_scope_that_is_missing_is_told_where_the_token_is_refused() {
    for (challenge, scope, advice) in [
        (Some(r#"Bearer error="insufficient_scope", scope="profile""#), Some("profile"), "Log in with the scope"),
        (Some(r#"Bearer error="insufficient_scope""#), None, "Log in with the scope"),
        (None, None, "firewall"),
    ] {
        let world = World::new();
        world.op.tamper(On::UserInfo, move |response| {
            *response.status_mut() = StatusCode::FORBIDDEN;
            if let Some(challenge) = challenge {
                response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
            }
        });
        let error = refused(world);
        assert_eq!(error.code(), ErrorCode::USERINFO_UNAUTHORIZED, "{error}");
        assert_eq!(error.expected().map(|expected| expected.as_str()), scope, "{error}");
        assert!(error.hint().contains(advice), "{error}");
    }
}
