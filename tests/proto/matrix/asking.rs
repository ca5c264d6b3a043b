//! What a login asks the provider for, and what it does not.

use std::time::Duration;

use oidc_proto::matrix::{AccountAction, LoginRequest, Party};
use oidc_proto::testing::{Disturbance, On, OnMatrix, Par};
use oidc_proto::{Client, DpopKey, ErrorCode, Prompt, Scope};

use crate::matrix::world::*;
use crate::qr::keystore;

fn parameter(url: &str, name: &str) -> Option<String> {
    let url = url::Url::parse(url).unwrap();
    url.query_pairs().find(|(own, _)| own == name).map(|(_, value)| value.into_owned())
}

fn scope(text: &str) -> Scope {
    Scope::new(text).unwrap()
}

#[test]
fn a_login_says_how_the_user_should_log_in() {
    let mut world = World::new();
    let request = LoginRequest::new()
        .with_ui_locales("fr de")
        .with_display("popup")
        .with_max_age(Duration::from_secs(60))
        .with_preferred_acr_values(["phr", "mfa"])
        .with_prompt(Prompt::Login)
        .with_other_prompt("org.example.upgrade");
    let begun = world.begin(request).unwrap();
    for (name, value) in [
        ("ui_locales", "fr de"),
        ("display", "popup"),
        ("max_age", "60"),
        ("acr_values", "phr mfa"),
        ("prompt", "login org.example.upgrade"),
    ] {
        assert_eq!(parameter(begun.url.as_str(), name).as_deref(), Some(value));
    }
    world.finish(begun).unwrap().logged_in().unwrap();
    for prompt in ["", "a b", "login"] {
        let refused = world.begin(LoginRequest::new().with_other_prompt(prompt)).err().unwrap();
        assert_eq!(refused.code(), ErrorCode::AUTHORIZATION_PROMPT, "{prompt}");
    }
}

#[test]
fn what_the_provider_does_not_offer_is_refused_before_the_user_is_sent_there() {
    let mut world = World::new();
    world.hs.edit_json(OnMatrix::AuthMetadata, |o| {
        o.insert("prompt_values_supported".into(), serde_json::json!(["login", "create"]));
        o.remove("dpop_signing_alg_values_supported");
    });
    let error = world.begin(LoginRequest::new().with_prompt(Prompt::Consent)).err().unwrap();
    assert_eq!((error.code(), error.field()), (ErrorCode::METADATA_UNSUPPORTED, Some("prompt_values_supported")));
    assert!(world.begin(LoginRequest::new().with_prompt(Prompt::Login)).is_ok());

    let server = world.server();
    let key = DpopKey::new(keystore::remote()).unwrap();
    let client = Client::new("app").with_redirect_uri(redirect()).with_dpop(key);
    let party = Party::new(server, client);
    let refused = LoginRequest::new().start(redirect(), &party, &mut world.env);
    let unsupported = (ErrorCode::METADATA_UNSUPPORTED, Some("dpop_signing_alg_values_supported"));
    assert_eq!(what(refused), unsupported);
    let refused = LoginRequest::new().start_device(&party, &mut world.env);
    assert_eq!(what(refused), unsupported);
}

#[test]
fn a_login_again_keeps_the_scope_and_hints_at_its_user_by_the_id_token() {
    let mut world = World::new();
    let first = LoginRequest::new().with_further_scope(&scope("openid urn:synapse:admin:*"));
    let session = world.log_in(first).unwrap().logged_in().unwrap().session;
    let again = world.begin(LoginRequest::again(&session)).unwrap();
    let id_token = session.tokens().id_token().unwrap().expose().to_owned();
    assert_eq!(parameter(again.url.as_str(), "id_token_hint"), Some(id_token));
    let asked = parameter(again.url.as_str(), "scope").unwrap();
    assert!(asked.ends_with(" openid urn:synapse:admin:*"), "{asked}");
    assert_eq!(asked.split(' ').count(), 4);
    world.finish(again).unwrap().logged_in().unwrap();

    // An ID token is shown only to who knows it.
    let server = world.server();
    let party = Party::new(server, Client::new("other").with_redirect_uri(redirect()));
    let (url, _) = LoginRequest::again(&session).start(redirect(), &party, &mut world.env).unwrap();
    assert_eq!(parameter(url.as_str(), "id_token_hint"), None);
}

/// What is added to the scope adds up.
#[test]
fn further_scope_values_take_no_others_away() {
    let mut world = World::new();
    let server = world.server();
    let party = world.party(&server).unwrap();
    let request = LoginRequest::new()
        .with_further_scope(&scope("openid"))
        .with_further_scope(&scope("urn:one openid"))
        .with_further_scope(&scope("urn:two"));
    let (url, _) = request.start(redirect(), &party, &mut world.env).unwrap();
    let asked = parameter(url.as_str(), "scope").unwrap();
    assert!(asked.ends_with(" openid urn:one urn:two"), "{asked}");
    assert_eq!(asked.split(' ').count(), 5);
}

/// Where an adapter has the session, what it is bound to begins the login.
#[test]
fn a_login_again_beside_an_adapter_asks_for_no_less() {
    let mut world = World::new();
    let request = LoginRequest::new().with_further_scope(&scope("openid urn:one"));
    let session = world.log_in(request).unwrap().logged_in().unwrap().session;
    let (server, tokens) = (world.server(), session.tokens());
    let party = world.party_of(&session, &server);
    let mut url = |request: LoginRequest| {
        let (url, _) = request.start(redirect(), &party, &mut world.env).unwrap();
        ["scope", "login_hint", "id_token_hint", "prompt"].map(|name| parameter(url.as_str(), name))
    };
    let expected = url(LoginRequest::again(&session));
    assert_eq!(expected[2].as_deref(), Some(tokens.id_token().unwrap().expose()));
    assert_eq!(url(session.binding().login_again(tokens)), expected);
}

/// Pushed where that works.
#[test]
fn a_request_that_cannot_be_pushed_goes_by_the_url() {
    let status = |status| Disturbance::Status { status, retry_after: None };
    for (par, fault, pushed) in [
        (Par::Off, None, Some(false)),
        (Par::Advertised, None, Some(true)),
        (Par::Advertised, Some(Disturbance::Unreachable), Some(false)),
        (Par::Advertised, Some(status(500)), Some(false)),
        (Par::Advertised, Some(status(404)), Some(false)),
        (Par::Required, Some(status(500)), None),
    ] {
        let mut world = World::new();
        drop(world.hs.provider().clone().with_par(par));
        let server = world.server();
        let party = world.party(&server).unwrap();
        if let Some(fault) = fault {
            world.hs.provider().disturb(On::Par, fault, 9);
        }
        let step = LoginRequest::new().begin(redirect(), &party, &mut world.env);
        match (world.run(step), pushed) {
            (Ok((url, pending)), Some(pushed)) => {
                assert_eq!(parameter(url.as_str(), "request_uri").is_some(), pushed, "{par:?}");
                world.finish(Begun { party, url, pending }).unwrap().logged_in().unwrap();
            }
            (Err(error), None) => assert_eq!(error.code(), ErrorCode::HTTP_SERVER_ERROR),
            (outcome, _) => panic!("{par:?} {outcome:?}"),
        }
    }
    // A verdict on the request is one on the same request by the URL, too.
    let mut world = World::new();
    let server = world.server();
    let party = world.party(&server).unwrap();
    world.hs.provider().forget_clients();
    let step = LoginRequest::new().begin(redirect(), &party, &mut world.env);
    assert_eq!(world.run(step).unwrap_err().code(), ErrorCode::TOKEN_INVALID_CLIENT);
}

#[test]
fn the_account_page_is_asked_for_any_action_and_knows_its_user() {
    let mut world = World::new();
    let request = LoginRequest::new().with_further_scope(&scope("openid"));
    let session = world.log_in(request).unwrap().logged_in().unwrap().session;
    let server = world.server();
    let account = server.account.as_ref().unwrap();
    assert!(account.actions().any(|action| action == "org.matrix.cross_signing_reset"));
    let url = account.url_of(Some("org.example.plan"), None);
    assert_eq!(parameter(&url, "action").as_deref(), Some("org.example.plan"));
    let (own, id_token) = (session.device_id().as_str(), session.tokens().id_token().unwrap().expose());
    for (action, device) in [
        (Some(AccountAction::DeviceDelete), Some(own)),
        (Some(AccountAction::DeviceView), Some(own)),
        (Some(AccountAction::Profile), None),
        (None, None),
    ] {
        let url = session.account_url(account, action, None);
        let url = url.as_str();
        assert_eq!(parameter(url, "device_id").as_deref(), device, "{action:?}");
        assert_eq!(parameter(url, "id_token_hint").as_deref(), Some(id_token));
    }
}

/// Only a browser opens it: the parameters stand before the fragment.
#[test]
fn an_account_page_may_have_a_fragment() {
    let mut world = World::new();
    world.hs.edit_json(OnMatrix::AuthMetadata, |o| {
        o.insert("account_management_uri".into(), serde_json::json!("https://id.example.org/?a=b#/my account"));
    });
    let account = world.server().account.clone().unwrap();
    assert_eq!(account.url(None, None), "https://id.example.org/?a=b#/my%20account");
    let url = account.url(Some(AccountAction::Profile), None);
    let (query, fragment) = url.split_once('#').unwrap();
    assert!(query.starts_with("https://id.example.org/?a=b&action=") && fragment == "/my%20account", "{url}");
}

/// A page that nobody can be sent to is no missing page.
#[test]
fn an_account_page_that_is_not_usable_is_told_from_none() {
    for (value, found) in [
        (Some(serde_json::json!("http://id.example.org/account")), Some("http://id.example.org/account")),
        (Some(serde_json::json!("/account")), Some("/account")),
        (Some(serde_json::json!(7)), Some("a value that is not a string")),
        (Some(serde_json::Value::Null), None),
        (None, None),
    ] {
        let mut world = World::new();
        world.hs.edit_json(OnMatrix::AuthMetadata, move |o| {
            match value.clone() {
                Some(value) => o.insert("account_management_uri".into(), value),
                None => o.remove("account_management_uri"),
            };
        });
        let server = world.server();
        assert!(server.account.is_none());
        let unusable = server.provider.metadata().unusable().find(|(name, _)| *name == "account_management_uri");
        let told = unusable.map(|(_, error)| (error.code(), error.found().unwrap().as_str()));
        assert_eq!(told, found.map(|found| (ErrorCode::METADATA_URL, found)));
    }
}

#[test]
fn a_provider_without_a_logout_page_has_no_url_for_it() {
    for has_page in [true, false] {
        let mut world = World::new();
        if !has_page {
            world.hs.edit_json(OnMatrix::AuthMetadata, |o| drop(o.remove("end_session_endpoint")));
        }
        let session = world.logged_in().session;
        let server = world.server();
        let party = world.party_of(&session, &server);
        let url = party.end_session(session.end_session(), &mut world.env).unwrap();
        assert_eq!(url.is_some(), has_page);
    }
}
