//! What this client sends: each request has what its standard demands, in the place where it demands it.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use oidc_proto::testing::{Lie, On};
use oidc_proto::{
    AuthMethod, AuthorizationRequest, Error, ErrorCode, Prompt, RedirectUri, ResponseMode, Scope, TokenOutcome,
};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use url::Url;

use crate::hostile::world::{ISSUER, LOGOUT_REDIRECT, REDIRECT, World};

/// Parameters by name; each stands there once.
fn parameters(text: &str) -> BTreeMap<String, String> {
    let pairs: Vec<_> = url::form_urlencoded::parse(text.as_bytes()).into_owned().collect();
    let map: BTreeMap<_, _> = pairs.iter().cloned().collect();
    assert_eq!(map.len(), pairs.len(), "a parameter twice: {text}");
    map
}

fn query(url: &str) -> BTreeMap<String, String> {
    parameters(Url::parse(url).unwrap().query().unwrap())
}

/// The form of the last request, which has to be one.
fn form(world: &World, path: &str) -> BTreeMap<String, String> {
    let request = world.sent.last().unwrap();
    let (head, body) = request.split_once("\n\n").unwrap();
    assert!(head.starts_with(&format!("POST {ISSUER}{path}\n")), "{head}");
    assert!(head.contains("\ncontent-type: application/x-www-form-urlencoded"), "{head}");
    parameters(body)
}

fn names(parameters: &BTreeMap<String, String>) -> BTreeSet<&str> {
    parameters.keys().map(String::as_str).collect()
}

#[test]
fn an_authorization_request_has_what_it_must_and_nothing_else() {
    let mut world = World::new();
    let login = world.login().unwrap();
    let sent = query(login.url.as_str());
    assert_eq!(
        names(&sent),
        [
            "client_id",
            "code_challenge",
            "code_challenge_method",
            "nonce",
            "redirect_uri",
            "response_type",
            "scope",
            "state"
        ]
        .into()
    );
    assert_eq!((sent["response_type"].as_str(), sent["code_challenge_method"].as_str()), ("code", "S256"));
    assert_eq!((sent["client_id"].as_str(), sent["redirect_uri"].as_str()), (login.party.client().id(), REDIRECT));
    assert_eq!(sent["scope"], "openid profile");
    assert!(login.url.as_str().starts_with("https://") && !login.url.as_str().contains('#'));
}

/// A query that the endpoint has already stays.
#[test]
fn what_the_endpoint_has_already_is_kept() {
    for (endpoint, expected) in [
        ("https://op.example.org/authorize?tenant=7", "tenant=7&response_type=code"),
        ("https://op.example.org/authorize?", "?response_type=code"),
    ] {
        let mut world = World::new();
        world.op.lie(Lie::MetadataText("authorization_endpoint", endpoint));
        let login = world.login().unwrap();
        assert!(login.url.as_str().contains(expected), "{}", login.url.as_str());
    }
}

/// Two values of one parameter are read differently by different servers (RFC 6749 section 3.1).
#[test]
fn an_endpoint_for_the_browser_does_not_set_parameters_of_ours() {
    let names = ["client_id", "redirect_uri", "scope", "state", "nonce", "code_challenge", "request_uri", "st%61te"];
    // What the application adds is not known before it asks.
    let own = [("x", Some(ErrorCode::METADATA_URL)), ("p", None)];
    for (name, expected) in names.map(|name| (name, Some(ErrorCode::METADATA_UNSUPPORTED))).into_iter().chain(own) {
        let mut world = World::new();
        let url = format!("https://op.example.org/authorize?p=policy&{name}=evil");
        world.op.edit_json(On::ServerMetadata, move |o| drop(o.insert("authorization_endpoint".into(), json!(url))));
        world.request = world.request.with_parameter("x", "1");
        let unusable: Vec<_> =
            world.discover().unwrap().metadata().unusable().map(|(name, error)| (name, error.code())).collect();
        let is_told = expected == Some(ErrorCode::METADATA_UNSUPPORTED);
        let told = is_told.then_some(("authorization_endpoint", ErrorCode::METADATA_URL));
        assert_eq!(unusable, Vec::from_iter(told), "{name}");
        let error = world.login().err().map(|refusal| refusal.error);
        let what = error.as_ref().map(Error::code);
        assert_eq!(what, expected, "{name}");
        if let Some(error) = &error {
            let found = error.found().unwrap().as_str();
            assert!(found.contains("in its query") && found.contains(&name.replace("%61", "a")), "{found}");
        }
        assert!(error.is_none_or(|error| error.field() == Some("authorization_endpoint")));
    }
    for (name, expected) in [("post_logout_redirect_uri", Err(ErrorCode::END_SESSION_UNSUPPORTED)), ("p", Ok(()))] {
        let mut world = World::new();
        let url = format!("https://op.example.org/logout?{name}=evil");
        world.op.edit_json(On::ServerMetadata, move |o| drop(o.insert("end_session_endpoint".into(), json!(url))));
        let user = world.logged_in().unwrap();
        let asked = user.party.end_session(oidc_proto::EndSessionRequest::new(), &mut world.env);
        assert_eq!(asked.map(drop).map_err(|error| error.code()), expected, "{name}");
    }
}

#[test]
fn state_nonce_and_verifier_are_fresh_long_and_apart() {
    let mut world = World::new();
    let mut seen = BTreeSet::new();
    for _ in 0..20 {
        let login = world.login().unwrap();
        let sent = query(login.url.as_str());
        world.finish(login).unwrap();
        let verifier = form(&world, "/token")["code_verifier"].clone();
        assert_eq!(URL_SAFE_NO_PAD.encode(Sha256::digest(&verifier)), sent["code_challenge"]);
        for secret in [sent["state"].clone(), sent["nonce"].clone(), verifier] {
            // 256 bits, in characters that RFC 7636 section 4.1 allows.
            assert!(secret.len() == 43 && URL_SAFE_NO_PAD.decode(&secret).unwrap().len() == 32);
            assert!(seen.insert(secret));
        }
    }
}

#[test]
fn what_is_asked_of_the_user_is_written_as_the_standard_has_it() {
    let mut world = World::new();
    world.request = world
        .request
        .with_prompt(Prompt::Login)
        .with_prompt(Prompt::Consent)
        .with_max_age(std::time::Duration::from_secs(60))
        .with_acr_values(["urn:a", "urn:b"])
        .with_login_hint("x+y z")
        .with_response_mode(ResponseMode::FormPost);
    let sent = query(world.login().unwrap().url.as_str());
    for (name, value) in [
        ("prompt", "login consent"),
        ("max_age", "60"),
        ("acr_values", "urn:a urn:b"),
        ("login_hint", "x+y z"),
        ("response_mode", "form_post"),
    ] {
        assert_eq!(sent[name], value);
    }
}

#[test]
fn offline_access_is_asked_for_with_consent() {
    let prompt = |scope: &str, edit: fn(AuthorizationRequest) -> AuthorizationRequest| {
        let mut world = World::new();
        let redirect_uri = RedirectUri::new(REDIRECT).unwrap();
        world.request = edit(AuthorizationRequest::new(redirect_uri, Scope::new(scope).unwrap()));
        query(world.login().unwrap().url.as_str()).get("prompt").cloned()
    };
    assert_eq!(prompt("openid offline_access", |request| request).as_deref(), Some("consent"));
    assert_eq!(prompt("openid", |request| request), None);
    // The application has said what it wants.
    assert_eq!(prompt("openid offline_access", |request| request.with_prompt(Prompt::Login)).as_deref(), Some("login"));
    assert_eq!(prompt("openid offline_access", |request| request.without_prompt()), None);
    assert_eq!(prompt("openid", |request| request.with_other_prompt("own").without_prompt()), None);
}

/// A provider that lists its prompts without this one would refuse it.
#[test]
fn consent_is_not_asked_for_where_it_is_not_offered() {
    let mut world = World::new();
    world.op.edit_json(On::ServerMetadata, |document| {
        drop(document.insert("prompt_values_supported".into(), serde_json::json!(["none", "login"])))
    });
    world.request =
        AuthorizationRequest::new(RedirectUri::new(REDIRECT).unwrap(), Scope::new("openid offline_access").unwrap());
    assert!(!query(world.login().unwrap().url.as_str()).contains_key("prompt"));
}

#[test]
fn a_code_is_redeemed_with_what_the_login_was_made_with() {
    let mut world = World::new();
    let login = world.login().unwrap();
    let asked = query(login.url.as_str());
    world.finish(login).unwrap();
    let sent = form(&world, "/token");
    assert_eq!(names(&sent), ["client_id", "code", "code_verifier", "grant_type", "redirect_uri"].into());
    assert_eq!((&sent["redirect_uri"], &sent["client_id"]), (&asked["redirect_uri"], &asked["client_id"]));
    assert_eq!(sent["grant_type"], "authorization_code");
    assert_eq!(URL_SAFE_NO_PAD.encode(Sha256::digest(&sent["code_verifier"])), asked["code_challenge"]);
    assert!(world.browsed.borrow().last().unwrap().contains(&sent["code"]));
}

#[test]
fn every_form_has_its_own_fields() {
    let mut world = World::new().allowing_devices();
    let user = world.logged_in().unwrap();
    let refresh_token = user.tokens.refresh_token().unwrap().expose().to_owned();
    world.refresh(&user).unwrap();
    let sent = form(&world, "/token");
    assert_eq!(names(&sent), ["client_id", "grant_type", "refresh_token"].into());
    assert_eq!((sent["grant_type"].as_str(), &sent["refresh_token"]), ("refresh_token", &refresh_token));

    world.revoke(&user).unwrap();
    let sent = form(&world, "/revoke");
    assert_eq!(names(&sent), ["client_id", "token", "token_type_hint"].into());
    assert_eq!((sent["token_type_hint"].as_str(), &sent["token"]), ("refresh_token", &refresh_token));

    let (tell, told) = std::sync::mpsc::channel();
    world.op.edit_json(On::DeviceAuthorization, move |response| tell.send(response["device_code"].clone()).unwrap());
    let pending = world.device(&user.party).unwrap();
    let sent = form(&world, "/device_authorization");
    assert_eq!(names(&sent), ["client_id", "scope"].into());
    let step = user.party.poll_device(pending, &mut world.env);
    assert!(world.run(step).and_then(TokenOutcome::verified).is_ok());
    let sent = form(&world, "/token");
    assert_eq!(names(&sent), ["client_id", "device_code", "grant_type"].into());
    assert_eq!(sent["grant_type"], "urn:ietf:params:oauth:grant-type:device_code");
    assert_eq!(told.recv().unwrap(), sent["device_code"]);
}

/// By `GET`, in one header, by the scheme of the token's type; never in a URL or a form.
#[test]
fn an_access_token_is_shown_in_one_header() {
    for (mut world, scheme) in [(World::new(), "Bearer"), (World::bound(), "DPoP")] {
        let user = world.logged_in().unwrap();
        world.userinfo(&user).unwrap();
        let token = user.tokens.access_token().expose();
        let sent = world.sent.last().unwrap();
        assert!(sent.starts_with(&format!("GET {ISSUER}/userinfo\n")) && sent.ends_with("\n\n"));
        assert!(sent.contains(&format!("\nauthorization: {scheme} {token}\n")));
        assert_eq!(world.sent.iter().map(|request| request.matches(token).count()).sum::<usize>(), 1);
    }
}

#[test]
fn a_registration_is_json() {
    let mut world = World::with_secret(AuthMethod::ClientSecretBasic);
    let provider = world.discover().unwrap();
    world.register(&provider).unwrap();
    let (head, body) = world.sent.last().unwrap().split_once("\n\n").unwrap();
    assert!(head.starts_with(&format!("POST {ISSUER}/register\n")));
    assert!(head.contains("\ncontent-type: application/json"));
    let sent: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(sent["redirect_uris"], serde_json::json!([REDIRECT]));
    assert_eq!(sent["response_types"], serde_json::json!(["code"]));
    assert_eq!(sent["grant_types"], serde_json::json!(["authorization_code", "refresh_token"]));
    assert_eq!(sent["token_endpoint_auth_method"], "client_secret_basic");
    // What the client does not say is not said as null.
    assert!(sent.as_object().unwrap().values().all(|value| !value.is_null()));
}

/// RFC 7591 section 2.2: each language beside the value that has none.
#[test]
fn text_for_people_has_languages() {
    use oidc_proto::Localized;
    let mut world = World::new();
    world.metadata = world.metadata.with_client_name(Localized::new("App").with_language("de", "Programm"));
    let provider = world.discover().unwrap();
    world.register(&provider).unwrap();
    let (_, body) = world.sent.last().unwrap().split_once("\n\n").unwrap();
    let sent: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!((&sent["client_name"], &sent["client_name#de"]), (&"App".into(), &"Programm".into()));
}

#[test]
fn a_logout_names_the_session_the_client_and_the_way_back() {
    let mut world = World::new();
    let user = world.logged_in().unwrap();
    world.sign_out(&user).unwrap();
    let url = world.browsed.borrow().last().unwrap().clone();
    assert!(url.starts_with(&format!("{ISSUER}/end_session?")));
    let sent = query(&url);
    assert_eq!(names(&sent), ["client_id", "id_token_hint", "post_logout_redirect_uri", "state"].into());
    assert_eq!(sent["post_logout_redirect_uri"], LOGOUT_REDIRECT);
    assert_eq!(sent["client_id"], user.party.client().id());
    assert_eq!(sent["state"].len(), 43);
}

/// OAuth without OpenID Connect: no nonce is sent, and PKCE protects the code all the same.
#[test]
fn a_login_without_openid_has_pkce_and_no_nonce() {
    let mut world = World::new();
    let redirect = crate::hostile::world::redirect();
    world.request = oidc_proto::AuthorizationRequest::new(redirect, Scope::new("profile").unwrap());
    let login = world.login().unwrap();
    let sent = query(login.url.as_str());
    assert!(!sent.contains_key("nonce") && sent["code_challenge_method"] == "S256");
    assert!(world.finish(login).unwrap().tokens.subject().is_none());
    assert_eq!(world.counts([On::Jwks]), [0]);
}
