//! The provider, seen by a client written out by hand.

mod clients;
mod device;
mod dpop;
mod grants;
mod misbehaviour;
mod own_client;
mod par;
mod signing;
mod standards;

use std::time::Duration;

use ::http::{Request, Response, StatusCode, header};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use url::form_urlencoded;

use super::*;
use crate::base::env::{Env as _, Timestamp};

const ISSUER: &str = "https://op.example/tenant";
const REDIRECT: &str = "https://rp.example/cb";
const VERIFIER: &str = "a-code-verifier-that-is-long-enough-to-be-one";
const NOW: Timestamp = Clock::START;

type HttpResponse = Response<Vec<u8>>;

fn provider() -> Provider {
    Provider::new(ISSUER).with_client(RegisteredClient::public("app", REDIRECT))
}

fn form(params: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(params).finish()
}

/// Some seconds after [`NOW`].
fn later(seconds: u64) -> Timestamp {
    NOW.saturating_add(Duration::from_secs(seconds))
}

fn get(provider: &Provider, path: &str) -> HttpResponse {
    provider.handle(Request::get(format!("{ISSUER}{path}")).body([]).unwrap(), NOW)
}

fn request(path: &str) -> ::http::request::Builder {
    Request::post(format!("{ISSUER}{path}")).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
}

fn post(provider: &Provider, path: &str, params: &[(&str, &str)]) -> HttpResponse {
    provider.handle(request(path).body(form(params)).unwrap(), NOW)
}

fn authorization_url(more: &[(&str, &str)]) -> String {
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER));
    let mut params = vec![
        ("client_id", "app"),
        ("redirect_uri", REDIRECT),
        ("response_type", "code"),
        ("scope", "openid profile email"),
        ("state", "xyz"),
        ("nonce", "n-1"),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
    ];
    params.retain(|(name, _)| more.iter().all(|(other, _)| other != name));
    params.extend(more);
    format!("{ISSUER}/authorize?{}", form(&params))
}

fn code(provider: &Provider, more: &[(&str, &str)]) -> String {
    provider.visit(&authorization_url(more), NOW).param("code").unwrap()
}

fn redeem(provider: &Provider, code: &str) -> HttpResponse {
    let params = [
        ("grant_type", "authorization_code"),
        ("client_id", "app"),
        ("code", code),
        ("redirect_uri", REDIRECT),
        ("code_verifier", VERIFIER),
    ];
    post(provider, "/token", &params)
}

fn refresh(provider: &Provider, token: &str) -> HttpResponse {
    post(provider, "/token", &[("grant_type", "refresh_token"), ("client_id", "app"), ("refresh_token", token)])
}

fn userinfo(provider: &Provider, token: &str) -> HttpResponse {
    let request = Request::get(format!("{ISSUER}/userinfo")).header(header::AUTHORIZATION, format!("Bearer {token}"));
    provider.handle(request.body([]).unwrap(), NOW)
}

fn body(response: &HttpResponse) -> Value {
    serde_json::from_slice(response.body()).unwrap()
}

fn text<'a>(object: &'a Value, name: &str) -> &'a str {
    object[name].as_str().unwrap()
}

fn login(provider: &Provider) -> Value {
    body(&redeem(provider, &code(provider, &[])))
}

fn segment(jwt: &str, at: usize) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(jwt.split('.').nth(at).unwrap()).unwrap()).unwrap()
}

#[track_caller]
fn assert_error(response: &HttpResponse, status: u16, error: &str) {
    assert_eq!((response.status().as_u16(), text(&body(response), "error")), (status, error));
}

#[test]
fn a_login_from_discovery_to_userinfo() {
    let provider = provider();
    let found = get(&provider, "/.well-known/openid-configuration");
    assert_eq!(found.headers()[header::DATE], "Thu, 01 Jan 2026 00:00:00 GMT");
    assert_eq!(text(&body(&found), "issuer"), ISSUER);
    let inserted = Request::get("https://op.example/.well-known/oauth-authorization-server/tenant");
    assert_eq!(provider.handle(inserted.body([]).unwrap(), NOW).body(), found.body());

    let visit = provider.visit(&authorization_url(&[]), NOW);
    assert!(visit.callback().starts_with("https://rp.example/cb?code=code_"));
    assert_eq!(visit.param("state").as_deref(), Some("xyz"));
    assert_eq!(visit.param("iss").as_deref(), Some(ISSUER));

    let response = redeem(&provider, &visit.param("code").unwrap());
    assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
    let tokens = body(&response);
    let (header, claims) = (segment(text(&tokens, "id_token"), 0), segment(text(&tokens, "id_token"), 1));
    assert_eq!(header, json!({ "alg": "RS256", "kid": "rs-1" }));
    assert_eq!((text(&claims, "sub"), text(&claims, "nonce"), text(&claims, "aud")), ("sub-alice", "n-1", "app"));
    assert!(body(&get(&provider, "/jwks"))["keys"].as_array().unwrap().iter().any(|key| key["kid"] == header["kid"]));

    let info = body(&userinfo(&provider, text(&tokens, "access_token")));
    assert_eq!((text(&info, "sub"), text(&info, "email")), ("sub-alice", "alice@users.example"));
    let at = [On::ServerMetadata, On::ServerMetadata, On::Authorize, On::Token, On::Jwks, On::UserInfo];
    assert_eq!(provider.requests(), at);
    assert_eq!(provider.count(On::ServerMetadata), 2);
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let run = |seed| {
        let provider = provider().with_seed(seed);
        let tokens = login(&provider);
        [tokens.to_string(), body(&refresh(&provider, text(&tokens, "refresh_token"))).to_string()]
    };
    assert_eq!(run(7), run(7));
    assert_ne!(run(7), run(8));
}

#[test]
fn a_code_is_good_once_and_its_reuse_ends_the_grant() {
    let provider = provider();
    let code = code(&provider, &[]);
    let tokens = body(&redeem(&provider, &code));
    assert!(provider.bearer(text(&tokens, "access_token"), NOW).is_some());
    assert_error(&redeem(&provider, &code), 400, "invalid_grant");
    assert!(provider.bearer(text(&tokens, "access_token"), NOW).is_none());
    assert_error(&refresh(&provider, text(&tokens, "refresh_token")), 400, "invalid_grant");
}

#[test]
fn a_refresh_token_is_good_once_and_its_reuse_ends_the_grant() {
    let provider = provider();
    let first = login(&provider);
    let second = body(&refresh(&provider, text(&first, "refresh_token")));
    assert_ne!(first["refresh_token"], second["refresh_token"]);
    assert_eq!(segment(text(&second, "id_token"), 1).get("nonce"), None);
    assert_error(&refresh(&provider, text(&first, "refresh_token")), 400, "invalid_grant");
    assert_error(&refresh(&provider, text(&second, "refresh_token")), 400, "invalid_grant");
    assert_eq!(userinfo(&provider, text(&second, "access_token")).status(), StatusCode::UNAUTHORIZED);
}

#[test]
fn a_lost_refresh_response_can_be_had_again_where_that_is_allowed() {
    let provider = provider().with_reuse(Reuse::AllowedUntilSuccessorIsUsed);
    let first = login(&provider);
    provider.disturb(On::Token, Disturbance::LostResponse, 1);
    assert_eq!(refresh(&provider, text(&first, "refresh_token")).status(), StatusCode::BAD_GATEWAY);
    let second = body(&refresh(&provider, text(&first, "refresh_token")));
    assert_eq!(userinfo(&provider, text(&second, "access_token")).status(), StatusCode::OK);
    assert_error(&refresh(&provider, text(&first, "refresh_token")), 400, "invalid_grant");
    assert!(provider.bearer(text(&second, "access_token"), NOW).is_none());
}

#[test]
fn a_refresh_ends_the_older_access_tokens_where_the_rotation_says_so() {
    for (rotation, is_lost, status) in [
        (Rotation::KeepsAccessTokens, false, StatusCode::OK),
        (Rotation::KeepsAccessTokens, true, StatusCode::OK),
        (Rotation::EndsAccessTokens, false, StatusCode::UNAUTHORIZED),
        (Rotation::EndsAccessTokens, true, StatusCode::UNAUTHORIZED),
    ] {
        let provider = provider().with_rotation(rotation);
        let (first, others) = (login(&provider), login(&provider));
        if is_lost {
            provider.disturb(On::Token, Disturbance::LostResponse, 1);
        }
        let _ = refresh(&provider, text(&first, "refresh_token"));
        assert_eq!(userinfo(&provider, text(&first, "access_token")).status(), status, "{rotation:?} {is_lost}");
        assert_eq!(userinfo(&provider, text(&others, "access_token")).status(), StatusCode::OK, "another grant");
    }
}

#[test]
fn codes_are_bound_to_verifier_redirect_uri_client_and_time() {
    let valid = [
        ("grant_type", "authorization_code"),
        ("client_id", "app"),
        ("redirect_uri", REDIRECT),
        ("code_verifier", VERIFIER),
    ];
    for (name, value, error) in [
        ("code_verifier", "another-verifier-that-is-long-enough-to-be-one", "invalid_grant"),
        ("code_verifier", "short", "invalid_request"),
        ("code_verifier", "", "invalid_request"),
        ("redirect_uri", "https://rp.example/other", "invalid_grant"),
        ("client_id", "other", "invalid_grant"),
        ("grant_type", "password", "unsupported_grant_type"),
    ] {
        let provider = provider().with_client(RegisteredClient::public("other", REDIRECT));
        let code = code(&provider, &[]);
        let mut params: Vec<_> = valid.into_iter().filter(|(known, _)| *known != name).collect();
        params.extend([(name, value), ("code", &code)]);
        assert_error(&post(&provider, "/token", &params), 400, error);
    }
    let provider = provider();
    let code = code(&provider, &[]);
    let params: Vec<_> = valid.into_iter().chain([("code", code.as_str())]).collect();
    let late = NOW.saturating_add(Duration::from_secs(60));
    let response = provider.handle(request("/token").body(form(&params)).unwrap(), late);
    assert_error(&response, 400, "invalid_grant");
}

#[test]
fn what_an_authorization_request_may_ask() {
    let since = NOW.saturating_sub(Duration::from_secs(100));
    let provider = provider().with_user(User::new("alice").with_sign_in_at(since)).with_user(User::new("bob"));
    for (more, error) in [
        ([("code_challenge", "")], "invalid_request"),
        ([("code_challenge_method", "plain")], "invalid_request"),
        ([("response_type", "token")], "unsupported_response_type"),
        ([("response_mode", "pigeon")], "invalid_request"),
        ([("login_hint", "deny:bob")], "access_denied"),
        ([("login_hint", "auto:nobody")], "access_denied"),
        ([("max_age", "soon")], "invalid_request"),
        ([("prompt", "none login")], "invalid_request"),
    ] {
        let visit = provider.visit(&authorization_url(&more), NOW);
        assert_eq!(visit.param("error").as_deref(), Some(error), "{more:?}");
        assert_eq!(visit.param("iss").as_deref(), Some(ISSUER));
    }
    for bad in [[("client_id", "nobody")], [("redirect_uri", "https://evil.example/")]] {
        assert!(matches!(provider.visit(&authorization_url(&bad), NOW), Visit::Page(_)));
    }

    let auth_time = |more: &[(&str, &str)]| {
        let tokens = body(&redeem(&provider, &code(&provider, more)));
        segment(text(&tokens, "id_token"), 1)["auth_time"].as_u64().unwrap()
    };
    assert_eq!(auth_time(&[("prompt", "none")]), since.unix_seconds());
    assert_eq!(auth_time(&[("max_age", "99")]), NOW.unix_seconds());
    assert_eq!(auth_time(&[("prompt", "login")]), NOW.unix_seconds());
    let stale = authorization_url(&[("prompt", "none"), ("max_age", "99")]);
    assert_eq!(provider.visit(&stale, NOW).param("error").as_deref(), Some("login_required"));
}

#[test]
fn a_callback_travels_as_asked() {
    let provider = provider();
    let visit = |mode| provider.visit(&authorization_url(&[("response_mode", mode), ("state", "a&\"<b>")]), NOW);
    assert!(visit("query").callback().starts_with("https://rp.example/cb?code="));
    assert!(visit("fragment").callback().starts_with("https://rp.example/cb#code="));
    let Visit::Post { url, .. } = visit("form_post") else { panic!("not posted") };
    assert_eq!(url, REDIRECT);
    assert_eq!(visit("form_post").param("state").as_deref(), Some("a&\"<b>"));
}

#[test]
fn revoked_and_expired_tokens_are_worth_nothing() {
    let provider = provider();
    let tokens = login(&provider);
    let access = text(&tokens, "access_token");
    let introspect = || body(&post(&provider, "/introspect", &[("client_id", "app"), ("token", access)]));
    assert_eq!(introspect()["username"], "alice");
    assert!(provider.bearer(access, NOW.saturating_add(Duration::from_secs(300))).is_none());
    let revoke = |token| post(&provider, "/revoke", &[("client_id", "app"), ("token", token)]).status();
    assert_eq!(revoke("unknown"), StatusCode::OK);
    assert_eq!(revoke(text(&tokens, "refresh_token")), StatusCode::OK);
    assert_eq!(introspect(), json!({ "active": false }));
    let response = userinfo(&provider, access);
    assert!(response.headers()[header::WWW_AUTHENTICATE].to_str().unwrap().contains("error=\"invalid_token\""));
}

#[test]
fn the_browser_is_signed_out() {
    let client = RegisteredClient::public("app", REDIRECT).with_post_logout_redirect_uri("https://rp.example/bye");
    let provider = provider().with_client(client).with_user(User::new("alice").with_sign_in_at(NOW));
    let id_token = login(&provider);
    provider.rotate_keys();
    let end = |more: &[(&str, &str)]| {
        let hint = [("id_token_hint", text(&id_token, "id_token"))];
        provider.visit(&format!("{ISSUER}/end_session?{}", form(&[&hint, more].concat())), NOW)
    };
    let visit = end(&[("post_logout_redirect_uri", "https://rp.example/bye"), ("state", "s")]);
    assert_eq!(visit.callback(), "https://rp.example/bye?state=s");
    assert!(matches!(end(&[]), Visit::Page(page) if page.status() == StatusCode::OK));
    for bad in [("post_logout_redirect_uri", REDIRECT), ("client_id", "other")] {
        assert!(matches!(end(&[bad]), Visit::Page(page) if page.status() == StatusCode::BAD_REQUEST));
    }
    let silent = authorization_url(&[("prompt", "none")]);
    assert_eq!(provider.visit(&silent, NOW).param("error").as_deref(), Some("login_required"));
}

#[test]
fn every_algorithm_signs_and_keys_rotate() {
    for (algorithm, length) in [("RS256", 256), ("ES256", 64), ("EdDSA", 64), ("Ed25519", 64), ("HS256", 32)] {
        let client = RegisteredClient::confidential("app", "s3cret", REDIRECT)
            .with_auth_method("client_secret_post")
            .with_id_token_signed_response_alg(algorithm)
            .with_userinfo_signed_response_alg(algorithm);
        let provider = provider().with_client(client);
        let sign = || {
            let code = code(&provider, &[]);
            let params = [
                ("grant_type", "authorization_code"),
                ("client_id", "app"),
                ("client_secret", "s3cret"),
                ("code", &code),
                ("redirect_uri", REDIRECT),
                ("code_verifier", VERIFIER),
            ];
            body(&post(&provider, "/token", &params))
        };
        let tokens = sign();
        let jwt = text(&tokens, "id_token");
        assert_eq!(segment(jwt, 0)["alg"], algorithm);
        assert_eq!(URL_SAFE_NO_PAD.decode(jwt.rsplit('.').next().unwrap()).unwrap().len(), length);
        let info = userinfo(&provider, text(&tokens, "access_token"));
        assert_eq!(info.headers()[header::CONTENT_TYPE], "application/jwt");
        provider.rotate_keys();
        let rotated = sign();
        let kid = segment(text(&rotated, "id_token"), 0)["kid"].clone();
        assert!(algorithm == "HS256" || kid.as_str().unwrap().ends_with('2'));
    }
}

#[test]
fn a_clock_moves_as_told_and_a_seed_repeats() {
    let mut env = TestEnv::seeded(1);
    let clock = env.clock().clone();
    clock.advance(Duration::from_secs(5));
    clock.jump_back(Duration::from_secs(60));
    assert_eq!((env.now(), env.monotonic().as_millis()), (NOW.saturating_sub(Duration::from_secs(55)), 5000));
    let mut twin = TestEnv::with_clock(1, clock);
    assert_eq!(env.rng().next_u64(), twin.rng().next_u64());
}
