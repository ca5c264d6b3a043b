//! The applications that the provider knows.

use std::fmt;

use serde_json::Value;
use url::Url;

use crate::base::url::is_loopback;

/// An application that the provider knows, registered by hand or by itself (RFC 7591).
#[derive(Clone)]
pub struct RegisteredClient {
    /// `client_id`.
    pub(super) client_id: String,
    /// `client_secret`; a public client has none.
    pub(super) client_secret: Option<String>,
    /// `token_endpoint_auth_method`: `none`, `client_secret_basic`, `client_secret_post`, `client_secret_jwt` or
    /// `private_key_jwt`.
    pub(super) token_endpoint_auth_method: String,
    /// The `keys` of its `jwks`: the public keys of `private_key_jwt`.
    pub(super) jwks: Vec<Value>,
    /// `dpop_bound_access_tokens` (RFC 9449 section 5.2): no token without a proof.
    pub(super) dpop_bound_access_tokens: bool,
    /// `redirect_uris`. Those with `http` on a loopback host match on any port (RFC 8252 section 7.3).
    pub(super) redirect_uris: Vec<String>,
    /// `post_logout_redirect_uris`.
    pub(super) post_logout_redirect_uris: Vec<String>,
    /// `grant_types`. Without `refresh_token` there are no refresh tokens.
    pub(super) grant_types: Vec<String>,
    /// `id_token_signed_response_alg`: `RS256`, `ES256`, `EdDSA`, `Ed25519`, or `HS256` with the client's secret.
    pub(super) id_token_signed_response_alg: String,
    /// `userinfo_signed_response_alg`: the same; without it userinfo is plain JSON.
    pub(super) userinfo_signed_response_alg: Option<String>,
}

impl RegisteredClient {
    /// A public client with one redirect URI, the grant types `authorization_code` and
    /// `refresh_token`, and RS256.
    pub fn public(client_id: &str, redirect_uri: &str) -> Self {
        Self {
            client_id: client_id.to_owned(),
            client_secret: None,
            token_endpoint_auth_method: "none".to_owned(),
            jwks: Vec::new(),
            dpop_bound_access_tokens: false,
            redirect_uris: vec![redirect_uri.to_owned()],
            post_logout_redirect_uris: Vec::new(),
            grant_types: vec!["authorization_code".to_owned(), "refresh_token".to_owned()],
            id_token_signed_response_alg: "RS256".to_owned(),
            userinfo_signed_response_alg: None,
        }
    }

    /// A confidential client with a secret and `client_secret_basic`.
    pub fn confidential(client_id: &str, client_secret: &str, redirect_uri: &str) -> Self {
        Self {
            client_secret: Some(client_secret.to_owned()),
            token_endpoint_auth_method: "client_secret_basic".to_owned(),
            ..Self::public(client_id, redirect_uri)
        }
    }

    /// A client with a key (a public JWK) and `private_key_jwt`.
    pub fn with_key(client_id: &str, jwk: Value, redirect_uri: &str) -> Self {
        Self {
            token_endpoint_auth_method: "private_key_jwt".to_owned(),
            jwks: vec![jwk],
            ..Self::public(client_id, redirect_uri)
        }
    }

    /// The same with another `token_endpoint_auth_method`.
    #[must_use]
    pub fn with_auth_method(mut self, method: &str) -> Self {
        self.token_endpoint_auth_method = method.to_owned();
        self
    }

    /// The same with one more grant type.
    #[must_use]
    pub fn with_grant_type(mut self, grant_type: &str) -> Self {
        self.grant_types.push(grant_type.to_owned());
        self
    }

    /// The same with one more key (a public JWK) in its `jwks`.
    #[must_use]
    pub fn with_jwk(mut self, jwk: Value) -> Self {
        self.jwks.push(jwk);
        self
    }

    /// The same with `dpop_bound_access_tokens` (RFC 9449 section 5.2): no token without a proof.
    #[must_use]
    pub fn with_dpop_bound_access_tokens(self) -> Self {
        Self { dpop_bound_access_tokens: true, ..self }
    }

    /// The same with one more redirect URI. One with `http` on a loopback host matches on any port (RFC 8252 section
    /// 7.3).
    #[must_use]
    pub fn with_redirect_uri(mut self, redirect_uri: &str) -> Self {
        self.redirect_uris.push(redirect_uri.to_owned());
        self
    }

    /// The same with one more URI in `post_logout_redirect_uris`.
    #[must_use]
    pub fn with_post_logout_redirect_uri(mut self, uri: &str) -> Self {
        self.post_logout_redirect_uris.push(uri.to_owned());
        self
    }

    /// The same with another `id_token_signed_response_alg`: `RS256`, `ES256`, `EdDSA`, `Ed25519`, or `HS256` with the
    /// client's secret.
    #[must_use]
    pub fn with_id_token_signed_response_alg(self, algorithm: &str) -> Self {
        Self { id_token_signed_response_alg: algorithm.to_owned(), ..self }
    }

    /// The same with `userinfo_signed_response_alg`, which has the same values; without it userinfo is plain JSON.
    #[must_use]
    pub fn with_userinfo_signed_response_alg(self, algorithm: &str) -> Self {
        Self { userinfo_signed_response_alg: Some(algorithm.to_owned()), ..self }
    }

    /// `client_id`.
    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    pub(super) fn is_public(&self) -> bool {
        self.token_endpoint_auth_method == "none"
    }

    pub(super) fn allows_redirect(&self, asked: &str) -> bool {
        self.redirect_uris.iter().any(|known| known == asked || same_but_for_port(known, asked))
    }

    pub(super) fn allows_grant(&self, grant_type: &str) -> bool {
        self.grant_types.iter().any(|known| known == grant_type)
    }
}

impl fmt::Debug for RegisteredClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RegisteredClient({}, {})", self.client_id, self.token_endpoint_auth_method)
    }
}

/// Whether a URL is `http` on this machine, as native applications have it.
pub(super) fn is_loopback_http(url: &Url) -> bool {
    url.scheme() == "http" && is_loopback(url)
}

fn same_but_for_port(known: &str, asked: &str) -> bool {
    let (Ok(mut known), Ok(mut asked)) = (Url::parse(known), Url::parse(asked)) else { return false };
    is_loopback_http(&known)
        && is_loopback_http(&asked)
        && known.set_port(None).is_ok()
        && asked.set_port(None).is_ok()
        && known == asked
}

/// The methods of client authentication.
pub(super) const METHODS: [&str; 5] =
    ["none", "client_secret_basic", "client_secret_post", "client_secret_jwt", "private_key_jwt"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loopback_redirect_may_have_any_port() {
        let client = RegisteredClient::public("app", "http://127.0.0.1/cb");
        for (asked, allowed) in [
            ("http://127.0.0.1/cb", true),
            ("http://127.0.0.1:49152/cb", true),
            ("http://127.0.0.1:49152/other", false),
            ("http://127.0.0.1:49152/cb?x", false),
            ("http://[::1]:49152/cb", false),
            ("https://127.0.0.1:49152/cb", false),
        ] {
            assert_eq!(client.allows_redirect(asked), allowed, "{asked}");
        }
        let client = RegisteredClient::public("app", "https://rp.example/cb");
        assert!(!client.allows_redirect("https://rp.example:8443/cb"));
    }
}
