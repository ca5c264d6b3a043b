//! A client of a provider.

use std::fmt;
use std::sync::Arc;

use super::dpop::DpopKey;
use super::metadata::{AuthMethod, GrantType};
use super::provider::Provider;
use super::redirect_uri::RedirectUri;
use crate::base::secret::{Secret, is_token};
use crate::base::word_set::Words;
use crate::error::quote::is_deceptive;
use crate::error::{Error, ErrorCode, Quote};
use crate::jose::{Algorithm, Algorithms, HS256_SECRET_LENGTH, PrivateKey};

/// How the client authenticates at the token, revocation and other endpoints (RFC 6749 section 2.3).
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum ClientAuth {
    /// `none`: a public client, protected by PKCE and its redirect URI.
    #[default]
    None,
    /// `client_secret_basic`: the secret in the `Authorization` header.
    SecretBasic(Secret),
    /// `client_secret_post`: the secret in the form.
    SecretPost(Secret),
    /// `client_secret_jwt`: an assertion that is signed with the secret (HS256). The secret itself is not sent; it
    /// needs at least 32 bytes.
    SecretJwt(Secret),
    /// `private_key_jwt`: an assertion signed by a key whose public half the provider knows (RFC 7523).
    PrivateKeyJwt(PrivateKey),
}

/// Whether a text can be a client ID: not empty, and none of the characters that are not seen or
/// that change how a text is shown (RFC 6749 appendix A.1 allows even less).
pub(crate) fn is_client_id(text: &str) -> bool {
    // What is printable ASCII deceives nobody.
    is_token(text) || !text.is_empty() && !text.chars().any(is_deceptive)
}

/// Refuses a client ID that stored values may not have, before a request is sent: otherwise the
/// tokens of the response could be stored, but not read again.
///
/// # Errors
/// `client.id`.
pub(crate) fn check_client_id(text: &str) -> Result<(), Error> {
    if is_client_id(text) { Ok(()) } else { Err(Error::new(ErrorCode::CLIENT_ID).with_found(Quote::caller(text))) }
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

    /// The usual method for a client with this secret: the header if the provider lists it, else the form if the
    /// provider lists that. If it lists neither, the method is the header, because many providers accept methods that
    /// they do not list.
    pub fn for_secret(secret: Secret, provider: &Provider) -> Self {
        let listed = provider.metadata().token_endpoint_auth_methods;
        let lists_form_alone =
            listed.contains(AuthMethod::ClientSecretPost) && !listed.contains(AuthMethod::ClientSecretBasic);
        if lists_form_alone { Self::SecretPost(secret) } else { Self::SecretBasic(secret) }
    }

    /// The strongest method that the provider supports for a client with this secret, in this order: an assertion,
    /// which does not send the secret; the header; the form. The assertion (HS256) needs a secret of at least 32 bytes.
    ///
    /// A provider may accept only the method with which the client was registered. Then name that method instead.
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

    /// The method with its secret.
    ///
    /// # Errors
    /// `token.client_auth` if the method needs a secret and there is none, or if the method needs a private key.
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
    /// By this crate, with the provider's keys.
    #[default]
    Verify,
    /// By the driver's key store, with the provider's keys: for example a browser's WebCrypto, in a build without a
    /// signature backend. The flow asks for [`KeyUse::Verify`](crate::step::KeyUse::Verify), and trusts the verdict.
    VerifyElsewhere,
    /// Not at all: the ID token came directly from the token endpoint over TLS, and the certificate of the endpoint
    /// authenticates the token (OpenID Connect Core 1.0 section 3.1.3.7 rule 6).
    ///
    /// **Warning**: an attacker who can respond in place of the token endpoint (a proxy that breaks TLS, a wrong
    /// certificate store) can log in as anyone. All claims are still checked. Never accepted over plain `http`.
    DangerousTrustTls,
}

/// Which other audiences are trusted.
#[derive(Clone)]
pub(crate) struct TrustsAudience(Arc<dyn Fn(&str) -> bool + Send + Sync>);

impl fmt::Debug for TrustsAudience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TrustsAudience(…)")
    }
}

/// A client: its ID, its authentication, its redirect URIs and what it accepts. Immutable.
#[derive(Clone, Debug)]
pub struct Client {
    pub(crate) id: Arc<str>,
    pub(crate) auth: ClientAuth,
    pub(crate) redirect_uris: Vec<RedirectUri>,
    pub(crate) id_token_trust: IdTokenTrust,
    pub(crate) registered_algorithm: Option<Algorithm>,
    pub(crate) registered_userinfo_algorithm: Option<Algorithm>,
    pub(crate) granted: Option<Words<GrantType>>,
    pub(crate) algorithms: Option<Algorithms>,
    pub(crate) trusted_audiences: Vec<Box<str>>,
    pub(crate) trusts_audience: Option<TrustsAudience>,
    pub(crate) trusted_parties: Vec<Box<str>>,
    pub(crate) dpop: Option<Arc<DpopKey>>,
    pub(crate) certificate: Option<Arc<str>>,
    /// For each token request.
    pub(crate) token_parameters: Vec<(Box<str>, Secret)>,
    /// Whether the provider takes Basic credentials that are not form-encoded. A relying party sets it by its options.
    pub(crate) has_plain_basic: bool,
}

impl Client {
    /// A public client with this `client_id`.
    ///
    /// ```
    /// use oidc_proto::{Client, ClientAuth, RedirectUri};
    /// let client = Client::new("s6BhdRkqt3")
    ///     .with_auth(ClientAuth::SecretBasic("gX1fBat3bV".into()))
    ///     .with_redirect_uri(RedirectUri::new("https://client.example.org/cb")?);
    /// # Ok::<(), oidc_proto::Error>(())
    /// ```
    pub fn new(client_id: impl Into<Box<str>>) -> Self {
        Self::named(client_id.into().into())
    }

    /// [`Client::new`] with a shared text.
    pub(super) fn named(id: Arc<str>) -> Self {
        Self {
            id,
            auth: ClientAuth::None,
            redirect_uris: Vec::new(),
            id_token_trust: IdTokenTrust::Verify,
            registered_algorithm: None,
            registered_userinfo_algorithm: None,
            granted: None,
            algorithms: None,
            trusted_audiences: Vec::new(),
            trusts_audience: None,
            trusted_parties: Vec::new(),
            dpop: None,
            certificate: None,
            token_parameters: Vec::new(),
            has_plain_basic: false,
        }
    }

    /// Adds a parameter of the provider's own to each token request: of a code, a refresh, a device and any other grant
    /// (a `resource` or an `audience`, for example). A login fails before it begins, and a token request fails, with
    /// `authorization.parameter` if this crate sets the parameter itself, or if it was added twice.
    #[must_use]
    pub fn with_token_parameter(mut self, name: impl Into<Box<str>>, value: impl Into<Secret>) -> Self {
        self.token_parameters.push((name.into(), value.into()));
        self
    }

    /// Sets how the client authenticates.
    #[must_use]
    pub fn with_auth(self, auth: ClientAuth) -> Self {
        Self { auth, ..self }
    }

    /// Adds a redirect URI. An `http` URI on a loopback address covers all ports (RFC 8252 section 7.3).
    #[must_use]
    pub fn with_redirect_uri(mut self, redirect_uri: RedirectUri) -> Self {
        self.redirect_uris.push(redirect_uri);
        self
    }

    /// Sets how the signatures of ID tokens are checked.
    #[must_use]
    pub fn with_id_token_trust(self, id_token_trust: IdTokenTrust) -> Self {
        Self { id_token_trust, ..self }
    }

    /// Sets the registered algorithm of ID tokens, `id_token_signed_response_alg`. No other algorithm is then accepted.
    #[must_use]
    pub fn with_registered_algorithm(self, algorithm: Algorithm) -> Self {
        Self { registered_algorithm: Some(algorithm), ..self }
    }

    /// Sets the registered algorithm of userinfo responses, `userinfo_signed_response_alg`. They must then be signed
    /// with this algorithm.
    #[must_use]
    pub fn with_registered_userinfo_algorithm(self, algorithm: Algorithm) -> Self {
        Self { registered_userinfo_algorithm: Some(algorithm), ..self }
    }

    /// Sets the algorithms that ID tokens may be signed with if none was registered. HS256 is accepted only if it was
    /// registered.
    #[must_use]
    pub fn with_algorithms(self, algorithms: Algorithms) -> Self {
        Self { algorithms: Some(algorithms), ..self }
    }

    /// Accepts ID tokens that are also for this audience.
    ///
    /// **Warning**: that audience can then log in to this client with the ID tokens that it receives.
    #[must_use]
    pub fn with_trusted_audience(mut self, audience: impl Into<Box<str>>) -> Self {
        self.trusted_audiences.push(audience.into());
        self
    }

    /// Accepts ID tokens that are also for audiences that the function accepts, for example for all projects of an
    /// organization (Zitadel). It replaces an earlier function.
    ///
    /// **Warning**: those audiences can then log in to this client with the ID tokens that they receive.
    #[must_use]
    pub fn with_trusted_audiences(self, trusts: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        Self { trusts_audience: Some(TrustsAudience(Arc::new(trusts))), ..self }
    }

    /// Whether an ID token may also be for this audience.
    pub(crate) fn trusts(&self, audience: &str) -> bool {
        self.trusted_audiences.iter().any(|own| **own == *audience)
            || self.trusts_audience.as_ref().is_some_and(|trusts| (trusts.0)(audience))
    }

    /// Accepts ID tokens that were issued to this other party (`azp`).
    ///
    /// **Warning**: that party can then log in to this client with the ID tokens of its users.
    #[must_use]
    pub fn with_trusted_authorized_party(mut self, party: impl Into<Box<str>>) -> Self {
        self.trusted_parties.push(party.into());
        self
    }

    /// Binds all tokens to this key (RFC 9449). Tokens that are not bound are then refused.
    ///
    /// If each session has its own key, give each session its own client; a client is cheap to clone.
    #[must_use]
    pub fn with_dpop(self, key: Arc<DpopKey>) -> Self {
        Self { dpop: Some(key), ..self }
    }

    /// The key that tokens are bound to.
    pub fn dpop(&self) -> Option<&Arc<DpopKey>> {
        self.dpop.as_ref()
    }

    /// Presents this client certificate with each request that carries the client's credentials or its tokens (RFC
    /// 8705). The name is the application's own; it reaches the HTTP client in
    /// [`Policy::client_certificate`](crate::Policy::client_certificate). Keep [`ClientAuth::None`] for
    /// `tls_client_auth` and `self_signed_tls_client_auth`: the certificate authenticates the client.
    #[must_use]
    pub fn with_client_certificate(self, name: impl Into<Arc<str>>) -> Self {
        Self { certificate: Some(name.into()), ..self }
    }

    /// The name of the client certificate.
    pub fn client_certificate(&self) -> Option<&str> {
        self.certificate.as_deref()
    }

    /// Whether the provider's keys are needed to judge its ID tokens.
    pub(crate) fn needs_keys(&self) -> bool {
        self.id_token_trust != IdTokenTrust::DangerousTrustTls && self.registered_algorithm != Some(Algorithm::Hs256)
    }

    /// Whether the client may use this grant: `false` if the provider registered it without a grant that was asked for
    /// (RFC 7591 section 3.2.1).
    pub fn grants(&self, grant_type: GrantType) -> bool {
        self.granted.is_none_or(|granted| granted.contains(grant_type))
    }

    /// `client_id`.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// How the client authenticates.
    pub fn auth(&self) -> &ClientAuth {
        &self.auth
    }

    /// The redirect URIs.
    pub fn redirect_uris(&self) -> &[RedirectUri] {
        &self.redirect_uris
    }
}
