//! The device grant (RFC 8628).

use super::*;

const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";

fn provider() -> Provider {
    let other = RegisteredClient::public("other", REDIRECT).with_grant_type(DEVICE_CODE);
    super::provider()
        .with_client(RegisteredClient::public("app", REDIRECT).with_grant_type(DEVICE_CODE))
        .with_client(other)
}

fn start(provider: &Provider) -> Value {
    let response = post(provider, "/device_authorization", &[("client_id", "app"), ("scope", "openid email")]);
    assert_eq!(response.status(), StatusCode::OK);
    body(&response)
}

fn poll(provider: &Provider, device: &Value, seconds: u64) -> HttpResponse {
    let params = [("grant_type", DEVICE_CODE), ("client_id", "app"), ("device_code", text(device, "device_code"))];
    provider.handle(request("/token").body(form(&params)).unwrap(), later(seconds))
}

#[test]
fn a_user_allows_after_a_while() {
    let provider = provider().with_device_polls(2);
    let device = start(&provider);
    assert_eq!((&device["interval"], &device["expires_in"]), (&json!(5), &json!(600)));
    assert_eq!(text(&device, "verification_uri"), "https://op.example/tenant/device");
    let complete = format!("{}?user_code={}", text(&device, "verification_uri"), text(&device, "user_code"));
    assert_eq!(text(&device, "verification_uri_complete"), complete);

    assert_error(&poll(&provider, &device, 0), 400, "authorization_pending");
    assert_error(&poll(&provider, &device, 5), 400, "authorization_pending");
    let tokens = body(&poll(&provider, &device, 10));
    let claims = segment(text(&tokens, "id_token"), 1);
    assert_eq!((text(&claims, "sub"), claims.get("nonce")), ("sub-alice", None));
    assert_eq!(claims["auth_time"], later(10).unix_seconds());
    assert_eq!(text(&tokens, "scope"), "openid email");
    assert!(tokens.get("refresh_token").is_some());
    assert_error(&poll(&provider, &device, 20), 400, "invalid_grant");
}

#[test]
fn whoever_polls_too_fast_has_to_wait_longer_each_time() {
    let provider = provider();
    let device = start(&provider);
    assert_error(&poll(&provider, &device, 0), 400, "authorization_pending");
    assert_error(&poll(&provider, &device, 4), 400, "slow_down");
    assert_error(&poll(&provider, &device, 13), 400, "slow_down");
    assert_eq!(poll(&provider, &device, 28).status(), StatusCode::OK);
}

#[test]
fn a_user_decides_about_a_device() {
    for (decision, error) in [(Decision::Allow, None), (Decision::Deny, Some("access_denied"))] {
        let provider = provider().with_device_polls(usize::MAX);
        let (device, other) = (start(&provider), start(&provider));
        assert_error(&poll(&provider, &device, 0), 400, "authorization_pending");
        assert!(!provider.decide_device("XXXX-XXXX", decision));
        let typed = text(&device, "user_code").to_ascii_lowercase().replace('-', "");
        assert!(provider.decide_device(&typed, decision));
        assert!(!provider.decide_device(&typed, decision));
        match error {
            None => assert!(body(&poll(&provider, &device, 5)).get("id_token").is_some()),
            Some(error) => assert_error(&poll(&provider, &device, 5), 400, error),
        }
        assert_error(&poll(&provider, &device, 10), 400, "invalid_grant");
        assert_error(&poll(&provider, &other, 10), 400, "authorization_pending");
    }
    let denying = provider().with_user(User::new("bob").with_decision(Decision::Deny)).with_device_polls(0);
    assert_error(&poll(&denying, &start(&denying), 0), 400, "access_denied");
}

#[test]
fn a_browser_at_the_verification_uri_decides() {
    let provider = provider().with_device_polls(usize::MAX);
    let device = start(&provider);
    let visit = |url: &str| match provider.visit(url, NOW) {
        Visit::Page(page) => page.status().as_u16(),
        _ => 0,
    };
    assert_eq!(visit(text(&device, "verification_uri")), 200);
    assert_eq!(visit(&format!("{}?user_code=XXXX-XXXX", text(&device, "verification_uri"))), 400);
    assert_error(&poll(&provider, &device, 0), 400, "authorization_pending");
    assert_eq!(visit(text(&device, "verification_uri_complete")), 200);
    assert_eq!(poll(&provider, &device, 5).status(), StatusCode::OK);
    assert_eq!(provider.count(On::Device), 3);
}

#[test]
fn a_device_code_expires_and_is_one_clients() {
    let provider = provider().with_device_lifetime(Duration::from_secs(30)).with_device_interval(None);
    let device = start(&provider);
    assert_eq!((device.get("interval"), &device["expires_in"]), (None, &json!(30)));
    let params = [("grant_type", DEVICE_CODE), ("client_id", "other"), ("device_code", text(&device, "device_code"))];
    assert_error(&post(&provider, "/token", &params), 400, "invalid_grant");
    assert_error(&poll(&provider, &device, 0), 400, "authorization_pending");
    assert_error(&poll(&provider, &device, 4), 400, "slow_down");
    assert_error(&poll(&provider, &device, 30), 400, "expired_token");
    assert!(matches!(
        provider.visit(text(&device, "verification_uri_complete"), later(30)),
        Visit::Page(page) if page.status() == StatusCode::BAD_REQUEST
    ));
}

#[test]
fn only_clients_that_registered_for_it_get_a_device_code() {
    let plain = super::provider().with_client(RegisteredClient::confidential("closed", "s", REDIRECT));
    assert_error(&post(&plain, "/device_authorization", &[("client_id", "app")]), 400, "unauthorized_client");
    assert_error(&post(&plain, "/device_authorization", &[("client_id", "closed")]), 401, "invalid_client");
    let params = [("grant_type", DEVICE_CODE), ("client_id", "app"), ("device_code", "x")];
    assert_error(&post(&plain, "/token", &params), 400, "unauthorized_client");
    let found = body(&get(&plain, "/.well-known/openid-configuration"));
    assert_eq!(found["device_authorization_endpoint"], format!("{ISSUER}/device_authorization"));
}
