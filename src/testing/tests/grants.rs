//! Grants without a browser, and resources that ask for a better sign-in.

use super::*;

const PHONE: &str = "urn:example:grant:phone";

fn confidential() -> RegisteredClient {
    RegisteredClient::confidential("app", "s3cret", REDIRECT).with_auth_method("client_secret_post")
}

fn token(provider: &Provider, params: &[(&str, &str)]) -> HttpResponse {
    post(provider, "/token", &[&[("client_id", "app"), ("client_secret", "s3cret")], params].concat())
}

#[test]
fn a_client_gets_tokens_of_its_own() {
    let provider = provider().with_client(confidential().with_grant_type("client_credentials"));
    let ask = |scope| token(&provider, &[("grant_type", "client_credentials"), ("scope", scope)]);
    let tokens = body(&ask("jobs"));
    assert_eq!((tokens.get("id_token"), tokens.get("refresh_token")), (None, None));
    assert_eq!(text(&tokens, "scope"), "jobs");
    let bearer = provider.bearer(text(&tokens, "access_token"), NOW).unwrap();
    assert_eq!((bearer.login.as_str(), bearer.subject.as_str()), ("", "app"));
    let response = userinfo(&provider, text(&tokens, "access_token"));
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
    assert_error(&ask("openid"), 400, "invalid_scope");

    let public = RegisteredClient::public("app", REDIRECT).with_grant_type("client_credentials");
    let provider = super::provider().with_client(public);
    let params = [("grant_type", "client_credentials"), ("client_id", "app")];
    assert_error(&post(&provider, "/token", &params), 400, "unauthorized_client");
    assert_error(&post(&super::provider(), "/token", &params), 400, "unauthorized_client");
}

#[test]
fn an_extension_grant_is_what_the_test_says() {
    let provider = provider().with_client(confidential().with_grant_type(PHONE)).with_grant(PHONE, |params| {
        let param = |wanted| params.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str());
        match param("phone_code") {
            Some("1234") => Ok(ExtensionGrant::new("openid").with_login("alice")),
            Some("0000") => Ok(ExtensionGrant::new("robot")),
            Some("9999") => Ok(ExtensionGrant::new("openid").with_login("nobody")),
            _ => Err("invalid_grant"),
        }
    });
    let ask = |code| token(&provider, &[("grant_type", PHONE), ("phone_code", code)]);
    let tokens = body(&ask("1234"));
    assert_eq!(segment(text(&tokens, "id_token"), 1)["sub"], "sub-alice");
    assert!(tokens.get("refresh_token").is_some());
    assert_eq!(body(&ask("0000")).get("refresh_token"), None);
    assert_error(&ask("9999"), 400, "invalid_grant");
    assert_error(&ask("4321"), 400, "invalid_grant");

    let found = body(&get(&provider, "/.well-known/openid-configuration"));
    assert!(found["grant_types_supported"].as_array().unwrap().contains(&json!(PHONE)));
    let without = super::provider().with_client(confidential().with_grant_type(PHONE));
    assert_error(&token(&without, &[("grant_type", PHONE)]), 400, "unsupported_grant_type");
}

#[test]
fn a_resource_asks_for_a_better_sign_in() {
    let provider = provider();
    let weak = text(&login(&provider), "access_token").to_owned();
    let challenge = |response: &HttpResponse| response.headers()[header::WWW_AUTHENTICATE].to_str().unwrap().to_owned();
    provider.require_authentication(&["urn:example:gold", "urn:example:silver"], Some(Duration::from_secs(60)));
    let refused = userinfo(&provider, &weak);
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    let said = challenge(&refused);
    assert!(said.starts_with("Bearer error=\"insufficient_user_authentication\""));
    assert!(said.ends_with(", acr_values=\"urn:example:gold urn:example:silver\", max_age=\"60\""));

    let code = code(&provider, &[("acr_values", "urn:example:silver")]);
    let strong = text(&body(&redeem(&provider, &code)), "access_token").to_owned();
    let ask = |seconds| {
        let request =
            Request::get(format!("{ISSUER}/userinfo")).header(header::AUTHORIZATION, format!("Bearer {strong}"));
        provider.handle(request.body([]).unwrap(), later(seconds)).status()
    };
    assert_eq!((ask(60), ask(61)), (StatusCode::OK, StatusCode::UNAUTHORIZED));

    provider.require_authentication(&[], Some(Duration::from_secs(60)));
    assert_eq!(userinfo(&provider, &weak).status(), StatusCode::OK);
    provider.require_authentication(&["urn:example:gold"], None);
    assert!(challenge(&userinfo(&provider, &strong)).ends_with(", acr_values=\"urn:example:gold\""));
    provider.require_authentication(&[], None);
    assert_eq!(userinfo(&provider, &weak).status(), StatusCode::OK);
}
