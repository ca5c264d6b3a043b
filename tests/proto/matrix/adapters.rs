//! What a homeserver says reaches the application through every adapter.

use std::time::Duration;

use oidc_proto::adapter::Driver;
use oidc_proto::adapter::session::{BlockingSession, NoToken, Sessions};
use oidc_proto::adapter::store::NoStore;
use oidc_proto::matrix::{ErrorBody, LoginFlows, OAuthStage, Session, SessionEvent, SoftLogout};
use oidc_proto::session::{End, Event, SessionOptions};
use oidc_proto::{ErrorCode, Schemes};

use crate::matrix::world::*;

fn unknown_token(soft_logout: bool) -> ErrorBody {
    ErrorBody::parse(format!(r#"{{"errcode":"M_UNKNOWN_TOKEN","soft_logout":{soft_logout}}}"#).as_bytes()).unwrap()
}

fn core(world: &mut World) -> oidc_proto::session::Session {
    let session = world.logged_in().session;
    let server = world.server();
    let party = world.party_of(&session, &server);
    world.hs.provider().end_grants();
    Session::new(session, None, &party, SessionOptions::default(), &mut world.env).unwrap().into_parts().0
}

fn is_told(event: SessionEvent, expected: Option<bool>) -> bool {
    matches!(event, SessionEvent::LoginAgain { soft_logout, error }
        if soft_logout == expected && error.code() == ErrorCode::TOKEN_INVALID_GRANT)
}

#[test]
fn what_was_said_of_the_device_reaches_the_application_on_threads() {
    for soft_logout in [true, false] {
        let mut world = World::new();
        let (core, http) = (core(&mut world), world.hs.http(world.env.clock()));
        let session = BlockingSession::new(core, http, NoStore, world.env).unwrap();
        let (mut said, mut listener) = (SoftLogout::new(), session.subscribe());
        let token = session.tokens().access_token().clone();
        let status = http::StatusCode::UNAUTHORIZED;
        let refusal = said.refusal(&token, &token, status, &unknown_token(soft_logout)).unwrap();
        let refused = session.unauthorized(&token, refusal, Duration::from_secs(1));
        assert!(matches!(refused, Err(NoToken::Ended(End::NeedsLogin(_)))), "{refused:?}");
        let next = || listener.wait(Duration::ZERO);
        let event = std::iter::from_fn(next).find(|event| matches!(event, Event::NeedsLogin(_)));
        assert!(is_told(said.event(event.unwrap(), session.tokens().access_token()), Some(soft_logout)));
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_said_of_the_device_reaches_the_application_on_an_executor() {
    for soft_logout in [true, false] {
        let mut world = World::new();
        let core = core(&mut world);
        let driver = Driver::new(world.hs.http_async(world.env.clock())).with_timer(tokio::time::sleep);
        let (sessions, run) = Sessions::new(driver, world.env);
        tokio::spawn(run);
        let session = sessions.add(core, NoStore).unwrap();
        let (mut said, mut listener) = (SoftLogout::new(), session.subscribe());
        let token = session.tokens().access_token().clone();
        let status = http::StatusCode::UNAUTHORIZED;
        let refusal = said.refusal(&token, &token, status, &unknown_token(soft_logout)).unwrap();
        let refused = session.unauthorized(&token, refusal).await;
        assert!(matches!(refused, Err(NoToken::Ended(End::NeedsLogin(_)))), "{refused:?}");
        let event = std::future::poll_fn(|cx| listener.poll_next(cx)).await.unwrap();
        assert!(is_told(said.event(event, session.tokens().access_token()), Some(soft_logout)));
    }
}

#[test]
fn what_was_said_of_another_token_is_not_told() {
    let mut world = World::new();
    let core = core(&mut world);
    let (current, mut said) = (core.tokens().access_token().clone(), SoftLogout::new());
    let old = oidc_proto::AccessToken::new("at_old").unwrap();
    assert!(said.refusal(&old, &current, http::StatusCode::UNAUTHORIZED, &unknown_token(true)).is_some());
    assert!(is_told(said.event(Event::NeedsLogin(ErrorCode::TOKEN_INVALID_GRANT.into()), &current), None));
    let locked = ErrorBody::parse(br#"{"errcode":"M_USER_LOCKED","soft_logout":true}"#).unwrap();
    assert_eq!(
        said.refusal(&current, &current, http::StatusCode::UNAUTHORIZED, &locked),
        Some(oidc_proto::session::Refusal::Locked)
    );
    assert_eq!(said.event(Event::Locked, &current), SessionEvent::Locked);
}

#[test]
fn a_stage_that_the_user_allows_at_a_page_is_told_from_others() {
    let stage = |text: &str| OAuthStage::parse(text.as_bytes(), Schemes::HttpsOnly);
    let page =
        r#""params":{"org.matrix.cross_signing_reset":{"url":"https://id.example.org/reset"}},"session":"s\"1"}"#;
    let unstable = stage(&format!(r#"{{"flows":[{{"stages":["org.matrix.cross_signing_reset"]}}],{page}"#)).unwrap();
    let unstable = unstable.unwrap();
    assert_eq!(unstable.url(), "https://id.example.org/reset");
    assert_eq!(unstable.auth_json(), r#"{"session":"s\"1","type":"org.matrix.cross_signing_reset"}"#);
    for other in ["{}", r#"{"flows":[{"stages":["m.login.password"]},{"stages":["m.oauth","m.login.dummy"]}]}"#] {
        assert!(stage(other).unwrap().is_none());
    }
    let flows = r#"{"flows":[{"stages":["m.oauth"]}]"#;
    for (rest, code, field) in [
        (r#","session":"a"}"#, ErrorCode::METADATA_MISSING_FIELD, Some("params.url")),
        (r#","params":{"m.oauth":{"url":"https://a.example/"}}}"#, ErrorCode::METADATA_MISSING_FIELD, Some("session")),
        (r#","params":{"m.oauth":{"url":"javascript:x"}},"session":"a"}"#, ErrorCode::METADATA_URL, Some("params.url")),
    ] {
        assert_eq!(what(stage(&format!("{flows}{rest}"))), (code, field));
    }
    assert_eq!(what(stage("[")).0, ErrorCode::JSON_SYNTAX);
}

/// Only a browser goes there: the page may be a part of a page.
#[test]
fn the_page_of_a_stage_is_opened_as_the_homeserver_wrote_it() {
    for (url, expected) in [
        ("https://id.example.org/#/account?action=reset", Ok("https://id.example.org/#/account?action=reset")),
        ("https://id.example.org/a?b=c&d=%2F#", Ok("https://id.example.org/a?b=c&d=%2F#")),
        ("https://id.example.org", Ok("https://id.example.org/")),
        ("https://u:p@id.example.org/", Err(ErrorCode::METADATA_URL)),
        ("http://id.example.org/", Err(ErrorCode::METADATA_URL)),
        ("/account", Err(ErrorCode::METADATA_URL)),
    ] {
        let body = serde_json::json!({
            "flows": [{ "stages": ["m.oauth"] }], "params": { "m.oauth": { "url": url } }, "session": "a",
        });
        let stage = OAuthStage::parse(body.to_string().as_bytes(), Schemes::HttpsOnly);
        let stage = stage.map(|stage| stage.unwrap().url());
        assert_eq!(stage.as_deref().map_err(|error| error.code()), expected, "{url}");
    }
}

#[test]
fn an_application_knows_which_login_to_offer() {
    for (flow, preferred) in [
        (r#"{"type":"m.login.sso","oauth_aware_preferred":true}"#, true),
        (r#"{"type":"m.login.sso","org.matrix.msc3824.delegated_oidc_compatibility":true}"#, true),
        (r#"{"type":"m.login.sso","oauth_aware_preferred":"true"}"#, false),
        (r#"{"type":"m.login.password","oauth_aware_preferred":true}"#, false),
    ] {
        let flows =
            LoginFlows::parse(format!(r#"{{"flows":[{flow},{{"type":"m.login.token"}}]}}"#).as_bytes()).unwrap();
        assert_eq!((flows.oauth_aware_preferred, flows.types.len()), (preferred, 2), "{flow}");
    }
    assert_eq!(what(LoginFlows::parse(b"<html>")).0, ErrorCode::JSON_SYNTAX);
    let homeserver = oidc_proto::matrix::Homeserver::new(HOMESERVER, Schemes::HttpsOnly).unwrap();
    let action = oidc_proto::matrix::SsoAction::Register;
    let url = LoginFlows::sso_url(&homeserver, "org.example.app:/sso", action, Schemes::HttpsOnly).unwrap();
    assert!(url.ends_with(
        "/sso/redirect?redirectUrl=org.example.app%3A%2Fsso&action=register&org.matrix.msc3824.action=register"
    ));
}
