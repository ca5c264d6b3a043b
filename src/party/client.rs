//! A client: who we are at a provider.

use std::sync::Arc;

use super::dpop::DpopKey;
use super::metadata::AuthMethod;
use super::provider::Provider;
use super::redirect_uri::RedirectUri;
use crate::base::secret::Secret;
use crate::error::{Error, ErrorCode};
use crate::jose::{Algorithm, Algorithms, HS256_SECRET_LENGTH, PrivateKey};

/// How the client proves to be itself at the token, revocation and other endpoints (RFC 6749 section 2.3).
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum ClientAuth {
    /// It does not: a public client, protected by PKCE and its redirect URI.
    #[default]
    None,
    /// `client_secret_basic`: the secret in the `Authorization` header.
    SecretBasic(Secret),
    /// `client_secret_post`: the secret in the form.
    SecretPost(Secret),
    /// `client_secret_jwt`: an assertion under the secret (HS256), which itself is not sent. It has at least 32 bytes.
    SecretJwt(Secret),
    /// `private_key_jwt`: an assertion signed by a key whose public half the provider knows (RFC 7523).
    PrivateKeyJwt(PrivateKey),
}

impl ClientAuth {
    /// The method's name.
    pub fn method(&self) -> AuthMethod {
        match self {
            Self::None => AuthMethod::None,
            Self::SecretBasic(_) => AuthMethod::ClientSecretBasic,
            Self::SecretPost(_) => AuthMethod::ClientSecretPost,
            Self::SecretJwt(_) => AuthMethod::ClientSecretJwt,
            Self::PrivateKeyJwt(_) => AuthMethod::PrivateKeyJwt,
        }
    }

    /// The strongest method that a client with a secret and a provider have in common: an assertion keeps the secret
    /// from being sent at all, a header keeps it from being logged with the form. For an assertion by HS256 the secret
    /// needs 32 bytes.
    ///
    /// A provider may hold each client to the one method that it was registered with: then name that one.
    ///
    /// # Errors
    /// `token.client_auth` if the provider supports none.
    pub fn strongest(secret: Secret, provider: &Provider) -> Result<Self, Error> {
        let metadata = provider.metadata();
        let supported = metadata.token_endpoint_auth_methods;
        let signs = metadata.token_endpoint_auth_signing_algorithms;
        let asserts = secret.expose().len() >= HS256_SECRET_LENGTH
            && signs.is_none_or(|algorithms| algorithms.contains(Algorithm::Hs256));
        [AuthMethod::ClientSecretJwt, AuthMethod::ClientSecretBasic, AuthMethod::ClientSecretPost]
            .into_iter()
            .filter(|&method| asserts || method != AuthMethod::ClientSecretJwt)
            .find(|&method| supported.contains(method))
            .map_or_else(|| Err(ErrorCode::TOKEN_CLIENT_AUTH.into()), |method| Self::new(method, Some(secret)))
    }

    /// Whether a signature is made for each request.
    pub(crate) fn asserts(&self) -> bool {
        matches!(self, Self::SecretJwt(_) | Self::PrivateKeyJwt(_))
    }

    /// The secret, if the method has one.
    pub(crate) fn secret(&self) -> Option<&Secret> {
        match self {
            Self::SecretBasic(secret) | Self::SecretPost(secret) | Self::SecretJwt(secret) => Some(secret),
            Self::None | Self::PrivateKeyJwt(_) => None,
        }
    }

    /// The method and its secret put together.
    ///
    /// # Errors
    /// `token.client_auth` if the method needs a secret and there is none, or needs a key.
    pub fn new(method: AuthMethod, secret: Option<Secret>) -> Result<Self, Error> {
        match (method, secret) {
            (AuthMethod::None, _) => Ok(Self::None),
            (AuthMethod::ClientSecretBasic, Some(secret)) => Ok(Self::SecretBasic(secret)),
            (AuthMethod::ClientSecretPost, Some(secret)) => Ok(Self::SecretPost(secret)),
            (AuthMethod::ClientSecretJwt, Some(secret)) => Ok(Self::SecretJwt(secret)),
            (AuthMethod::PrivateKeyJwt, _) | (_, None) => Err(ErrorCode::TOKEN_CLIENT_AUTH.into()),
        }
    }
}

/// How an ID token's signature is checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum IdTokenTrust {
    /// Against the provider's keys.
    #[default]
    Verify,
    /// Against the provider's keys, by the key store: a browser's WebCrypto, for a build without a signature backend. The
    /// flow then asks for the use of a public key ([`KeyUse::Verify`](crate::step::KeyUse::Verify)), and the driver's word
    /// is believed.
    VerifyElsewhere,
    /// Not at all: the ID token came straight from the token endpoint over TLS, whose certificate vouches for it
    /// (OpenID Connect Core 1.0 section 3.1.3.7 rule 6).
    ///
    /// **Warning**: whoever can answer for the token endpoint (a proxy that breaks TLS, a wrong certificate store) can
    /// log in as anyone. All claims are checked all the same. Never accepted over plain `http`.
    DangerousTrustTls,
}

/// A client, immutable and shared by everything it does at one provider.
#[derive(Clone, Debug)]
pub struct Client {
    pub(crate) id: Arc<str>,
    pub(crate) auth: ClientAuth,
    pub(crate) redirect_uris: Vec<RedirectUri>,
    pub(crate) id_token_trust: IdTokenTrust,
    pub(crate) registered_algorithm: Option<Algorithm>,
    pub(crate) registered_userinfo_algorithm: Option<Algorithm>,
    pub(crate) algorithms: Option<Algorithms>,
    pub(crate) trusted_audiences: Vec<Box<str>>,
    pub(crate) trusted_parties: Vec<Box<str>>,
    pub(crate) dpop: Option<Arc<DpopKey>>,
}

impl Client {
    /// A public client of this `client_id`.
    ///
    /// ```
    /// use oidc_proto::{Client, ClientAuth, RedirectUri};
    /// let client = Client::new("s6BhdRkqt3")
    ///     .with_auth(ClientAuth::SecretBasic("gX1fBat3bV".into()))
    ///     .with_redirect_uri(RedirectUri::new("https://client.example.org/cb")?);
    /// # Ok::<(), oidc_proto::Error>(())
    /// ```
    pub fn new(client_id: impl Into<Box<str>>) -> Self {
        Self {
            id: client_id.into().into(),
            auth: ClientAuth::None,
            redirect_uris: Vec::new(),
            id_token_trust: IdTokenTrust::Verify,
            registered_algorithm: None,
            registered_userinfo_algorithm: None,
            algorithms: None,
            trusted_audiences: Vec::new(),
            trusted_parties: Vec::new(),
            dpop: None,
        }
    }

    /// How it authenticates.
    #[must_use]
    pub fn with_auth(self, auth: ClientAuth) -> Self {
        Self { auth, ..self }
    }

    /// One more redirect URI. One on a loopback address stands for all its ports.
    #[must_use]
    pub fn with_redirect_uri(mut self, redirect_uri: RedirectUri) -> Self {
        self.redirect_uris.push(redirect_uri);
        self
    }

    /// How ID tokens' signatures are checked.
    #[must_use]
    pub fn with_id_token_trust(self, id_token_trust: IdTokenTrust) -> Self {
        Self { id_token_trust, ..self }
    }

    /// The algorithm that was registered for its ID tokens, `id_token_signed_response_alg`: no other is accepted then.
    #[must_use]
    pub fn with_registered_algorithm(self, algorithm: Algorithm) -> Self {
        Self { registered_algorithm: Some(algorithm), ..self }
    }

    /// The algorithm that was registered for userinfo answers, `userinfo_signed_response_alg`: they must then be signed
    /// by it.
    #[must_use]
    pub fn with_registered_userinfo_algorithm(self, algorithm: Algorithm) -> Self {
        Self { registered_userinfo_algorithm: Some(algorithm), ..self }
    }

    /// The algorithms that its ID tokens may be signed with, where none was registered. HS256 is only ever accepted
    /// where it was registered.
    #[must_use]
    pub fn with_algorithms(self, algorithms: Algorithms) -> Self {
        Self { algorithms: Some(algorithms), ..self }
    }

    /// Accepts ID tokens that are also for this audience.
    ///
    /// **Warning**: that audience can then log in here with the ID tokens it is shown.
    #[must_use]
    pub fn trusting_audience(mut self, audience: impl Into<Box<str>>) -> Self {
        self.trusted_audiences.push(audience.into());
        self
    }

    /// Accepts ID tokens that were issued to this other party (`azp`).
    ///
    /// **Warning**: that party can then log in here with the ID tokens of its users.
    #[must_use]
    pub fn trusting_authorized_party(mut self, party: impl Into<Box<str>>) -> Self {
        self.trusted_parties.push(party.into());
        self
    }

    /// Has all tokens bound to this key (RFC 9449). Tokens that come unbound are then refused.
    ///
    /// A client is cheap to clone: where each session has a key of its own, each has a client of its own.
    #[must_use]
    pub fn with_dpop(self, key: Arc<DpopKey>) -> Self {
        Self { dpop: Some(key), ..self }
    }

    /// The key that tokens are bound to.
    pub fn dpop(&self) -> Option<&Arc<DpopKey>> {
        self.dpop.as_ref()
    }

    /// Whether the provider's keys are needed to judge its ID tokens.
    pub(crate) fn needs_keys(&self) -> bool {
        self.id_token_trust != IdTokenTrust::DangerousTrustTls && self.registered_algorithm != Some(Algorithm::Hs256)
    }

    /// `client_id`.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// How it authenticates.
    pub fn auth(&self) -> &ClientAuth {
        &self.auth
    }

    /// The redirect URIs.
    pub fn redirect_uris(&self) -> &[RedirectUri] {
        &self.redirect_uris
    }
}
