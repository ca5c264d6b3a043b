//! Pushed authorization requests (RFC 9126).

use super::signing::{key, post_proven, proof, proof_claims, public_jwk};
use super::*;
use crate::jose::Algorithm;
use crate::testing::verify::thumbprint;

fn params(more: &[(&str, &str)]) -> Vec<(String, String)> {
    let url = authorization_url(more);
    form_urlencoded::parse(url.split_once('?').unwrap().1.as_bytes()).into_owned().collect()
}

fn push(provider: &Provider, more: &[(&str, &str)]) -> HttpResponse {
    let params = params(more);
    let params: Vec<_> = params.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    post(provider, "/par", &params)
}

fn browser_url(request_uri: &str, more: &[(&str, &str)]) -> String {
    let params = [&[("client_id", "app"), ("request_uri", request_uri)], more].concat();
    format!("{ISSUER}/authorize?{}", form(&params))
}

#[test]
fn a_pushed_request_is_good_once_and_cannot_be_changed() {
    let provider = provider();
    let response = push(&provider, &[]);
    assert_eq!(response.status(), StatusCode::CREATED);
    let pushed = body(&response);
    assert_eq!(pushed["expires_in"], 60);
    let request_uri = text(&pushed, "request_uri");
    assert!(request_uri.starts_with("urn:ietf:params:oauth:request_uri:"));

    let other = browser_url(request_uri, &[]).replace("client_id=app", "client_id=nobody");
    assert!(matches!(provider.visit(&other, NOW), Visit::Page(_)));
    let url = browser_url(request_uri, &[("redirect_uri", "https://evil.example/"), ("scope", "admin")]);
    let visit = provider.visit(&url, NOW);
    assert!(visit.callback().starts_with(REDIRECT));
    assert_eq!(visit.param("state").as_deref(), Some("xyz"));
    let tokens = body(&redeem(&provider, &visit.param("code").unwrap()));
    assert_eq!(text(&tokens, "scope"), "openid profile email");
    assert!(matches!(provider.visit(&url, NOW), Visit::Page(page) if page.status() == StatusCode::BAD_REQUEST));
    assert_eq!(provider.count(On::Par), 1);

    let late = browser_url(text(&body(&push(&provider, &[])), "request_uri"), &[]);
    assert!(matches!(provider.visit(&late, later(60)), Visit::Page(_)));
}

#[test]
fn a_pushed_request_is_another_clients() {
    let provider = provider().with_client(RegisteredClient::public("other", REDIRECT));
    let pushed = body(&push(&provider, &[]));
    let url = browser_url(text(&pushed, "request_uri"), &[]);
    assert!(matches!(provider.visit(&url.replace("client_id=app", "client_id=other"), NOW), Visit::Page(_)));
    assert!(provider.visit(&url, NOW).param("code").is_some());
}

#[test]
fn what_the_browser_would_hear_is_said_at_once() {
    let provider = provider().with_client(RegisteredClient::confidential("closed", "s", REDIRECT));
    for (more, status, error) in [
        ([("client_id", "nobody")], 401, "invalid_client"),
        ([("client_id", "closed")], 401, "invalid_client"),
        ([("redirect_uri", "https://evil.example/")], 400, "invalid_request"),
        ([("request_uri", "urn:x")], 400, "invalid_request"),
        ([("request", "x.y.z")], 400, "request_not_supported"),
        ([("response_type", "token")], 400, "unsupported_response_type"),
        ([("response_mode", "pigeon")], 400, "invalid_request"),
        ([("code_challenge_method", "plain")], 400, "invalid_request"),
        ([("code_challenge", "short")], 400, "invalid_request"),
        ([("max_age", "soon")], 400, "invalid_request"),
    ] {
        assert_error(&push(&provider, &more), status, error);
    }
    assert_error(&get(&provider, "/par"), 405, "invalid_request");
}

#[test]
fn pushing_can_be_impossible_or_required() {
    let advertised = |provider: &Provider| {
        let found = body(&get(provider, "/.well-known/openid-configuration"));
        let member = |name| found.get(name).cloned();
        [member("pushed_authorization_request_endpoint"), member("require_pushed_authorization_requests")]
    };
    let endpoint = json!(format!("{ISSUER}/par"));
    assert_eq!(advertised(&provider()), [Some(endpoint.clone()), Some(json!(false))]);
    let off = provider().with_par(Par::Off);
    assert_eq!(advertised(&off), [None, None]);
    assert_eq!(push(&off, &[]).status(), StatusCode::NOT_FOUND);

    let provider = provider().with_par(Par::Required);
    assert_eq!(advertised(&provider), [Some(endpoint), Some(json!(true))]);
    assert_eq!(provider.visit(&authorization_url(&[]), NOW).param("error").as_deref(), Some("invalid_request"));
    let pushed = body(&push(&provider, &[]));
    assert!(provider.visit(&browser_url(text(&pushed, "request_uri"), &[]), NOW).param("code").is_some());
}

#[test]
fn a_proof_binds_the_code() {
    let (provider, own) = (provider(), key(Algorithm::Es256));
    let push = |jti, more: &[(&str, &str)]| {
        let params = params(more);
        let params: Vec<_> = params.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        post_proven(&provider, "/par", &params, &proof(&own, &proof_claims("POST", "/par", jti, None)))
    };
    assert_error(&push("1", &[("dpop_jkt", "another")]), 400, "invalid_dpop_proof");
    let jkt = thumbprint(&public_jwk(&own)).unwrap();
    for (jti, more) in [("2", vec![]), ("3", vec![("dpop_jkt", jkt.as_str())])] {
        let pushed = body(&push(jti, &more));
        let code = provider.visit(&browser_url(text(&pushed, "request_uri"), &[]), NOW).param("code").unwrap();
        assert_error(&redeem(&provider, &code), 400, "invalid_grant");
    }
    let refused = post_proven(
        &provider.clone().with_dpop_nonce(true),
        "/par",
        &[("client_id", "app")],
        &proof(&own, &proof_claims("POST", "/par", "4", None)),
    );
    assert_error(&refused, 400, "use_dpop_nonce");
    assert!(refused.headers().contains_key("dpop-nonce"));
}
