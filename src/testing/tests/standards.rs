//! What others rely on when they test against the provider: rules that a client never meets if it is right.

use super::*;

#[test]
fn a_client_learns_nothing_about_the_tokens_of_another() {
    let provider = provider().with_client(RegisteredClient::public("other", REDIRECT));
    let tokens = login(&provider);
    for token in ["access_token", "refresh_token"] {
        let ask =
            |client| body(&post(&provider, "/introspect", &[("client_id", client), ("token", text(&tokens, token))]));
        assert_eq!(ask("app")["active"], json!(true), "{token}");
        // RFC 7662 section 2.2: nothing but that.
        assert_eq!(ask("other"), json!({ "active": false }), "{token}");
    }
}

/// RFC 6749 section 3.3.
#[test]
fn a_scope_is_of_its_characters() {
    let allowed = RegisteredClient::confidential("app", "s3cret", REDIRECT).with_auth_method("client_secret_post");
    let allowed =
        allowed.with_grant_type("client_credentials").with_grant_type("urn:ietf:params:oauth:grant-type:device_code");
    let provider = Provider::new(ISSUER).with_client(allowed);
    for scope in ["openid \"x\"", "openid a\\b", "openid\tx", "openid \u{e9}", "openid \u{7f}"] {
        let visit = provider.visit(&authorization_url(&[("scope", scope)]), NOW);
        assert_eq!(visit.param("error").as_deref(), Some("invalid_scope"), "{scope:?}");
        let own = [("client_id", "app"), ("client_secret", "s3cret"), ("scope", scope)];
        assert_error(&post(&provider, "/device_authorization", &own), 400, "invalid_scope");
        let asked = [&own[..], &[("grant_type", "client_credentials")]].concat();
        assert_error(&post(&provider, "/token", &asked), 400, "invalid_scope");
    }
}
