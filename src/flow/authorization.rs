//! The login while the user is elsewhere: from an authorization request to a checked callback.
//!
//! ```text
//! AuthorizationRequest::start ─▶ AuthorizationUrl (to the browser)
//!                             └▶ PendingAuthorization (kept, or stored)
//!                                   │ check(&callback) ─ wrong: the login goes on waiting
//!                                   ▼
//!                                VerifiedCallback ─▶ redeem ─▶ CodeExchange
//! ```
//!
//! Checking borrows: a forged callback does not use up the login. Redeeming takes both the login and the evidence.
//!
//! ```
//! use oidc_proto::adapter::BlockingDriver;
//! use oidc_proto::flow::{Registration, ServerMetadataFetch};
//! use oidc_proto::{ApplicationType, ClientMetadata};
//! use oidc_proto::testing::{Provider, TestEnv};
//! use oidc_proto::{AuthorizationRequest, Callback, Issuer, ProviderOptions, RedirectUri, Schemes, Scope};
//!
//! let mut env = TestEnv::seeded(1);
//! let op = Provider::new("https://op.example.org");
//! let http = BlockingDriver::new(op.http(env.clock()));
//! let issuer = Issuer::new("https://op.example.org", Schemes::HttpsOnly)?;
//! let provider = http.run(ServerMetadataFetch::start(issuer, ProviderOptions::new())?, &mut env)?.provider;
//!
//! let redirect_uri = RedirectUri::new("https://app.example.org/cb")?;
//! let metadata = ClientMetadata::new(ApplicationType::Web, vec![redirect_uri.clone()]);
//! let client = http.run(Registration::start(&provider, metadata)?, &mut env)?;
//! let client = client.client(&[redirect_uri.clone()]).shared();
//!
//! let request = AuthorizationRequest::new(redirect_uri, Scope::new("openid")?);
//! let (url, pending) = request.start(&provider, &client, &mut env)?;
//! let callback = Callback::from_url(op.visit(url.as_str(), env.clock().now()).callback())?;
//! let checked = pending.check(&callback, &provider, &env)?;
//! let step = pending.redeem(checked, &provider, &client, None, &mut env)?;
//! let granted = http.run(step, &mut env)?.verified()?;
//! assert!(granted.tokens.subject().is_some());
//! # Ok::<(), oidc_proto::Error>(())
//! ```

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::CodeExchange;
use crate::base::env::{Env, Timestamp};
use crate::base::secret::{self, Secret, same_bytes};
use crate::base::url::{Endpoint, Issuer};
use crate::base::versioned::{self, Version};
use crate::error::{Error, ErrorCode};
use crate::jose::Keys;
use crate::message::authorization::{AuthorizationRequest, AuthorizationUrl, Bound, append_parameters};
use crate::message::callback::{Callback, at_other_url, digest};
use crate::message::pkce;
use crate::party::client::Client;
use crate::party::metadata::ResponseMode;
use crate::party::provider::Provider;
use crate::party::redirect_uri::RedirectUri;
use crate::step::Step;
use crate::token::id_token::LoginExpectation;
use crate::token::scope::Scope;
use crate::wire::oauth_error;

impl AuthorizationRequest {
    /// Starts a login: the URL for the user's browser, and what to keep until the browser comes back.
    ///
    /// `state`, `nonce` and the PKCE verifier are 256 bits of entropy each.
    ///
    /// # Errors
    /// `metadata.unsupported`; `par.required` if the provider takes pushed requests only; `authorization.…`, all of
    /// them `Local`.
    pub fn start(
        self,
        provider: &Provider,
        client: &Client,
        env: &mut dyn Env,
    ) -> Result<(AuthorizationUrl, PendingAuthorization), Error> {
        if provider.metadata().require_pushed_authorization_requests {
            return Err(ErrorCode::PAR_REQUIRED.into());
        }
        let mut url = String::new();
        authorization_endpoint(provider)?.start_query(&mut url);
        let pending = self.prepare(provider, client, &mut url, env)?;
        Ok((AuthorizationUrl::new(url), pending))
    }

    /// Checks the request, binds it to fresh secrets, and appends its parameters.
    pub(super) fn prepare(
        self,
        provider: &Provider,
        client: &Client,
        out: &mut String,
        env: &mut dyn Env,
    ) -> Result<PendingAuthorization, Error> {
        self.check()?;
        let metadata = provider.metadata();
        if !client.redirect_uris.iter().any(|own| own.covers(&self.redirect_uri)) {
            return Err(ErrorCode::AUTHORIZATION_REDIRECT_URI.into());
        }
        let response_mode = self.response_mode.unwrap_or(ResponseMode::Query);
        if self.response_mode.is_some() && !metadata.response_modes.contains(response_mode) {
            return Err(ErrorCode::AUTHORIZATION_RESPONSE_MODE.into());
        }
        let is_openid = self.scope.contains("openid");
        if metadata.code_challenge_methods.is_empty() && !is_openid {
            return Err(ErrorCode::AUTHORIZATION_NONCE_REQUIRED.into());
        }
        let (state, code_verifier) = (Secret::random(env.rng()), Secret::random(env.rng()));
        let now = env.now();
        let expectation = is_openid.then(|| LoginExpectation {
            nonce: Some(Secret::random(env.rng())),
            not_logged_in_before: self.max_age.map(|max_age| {
                // `auth_time` is in whole seconds.
                Timestamp::from_unix_seconds(now.saturating_sub(max_age).unix_seconds())
            }),
            acr_values: if self.acr_required { self.acr_values.clone() } else { Vec::new() },
        });
        let bound = Bound {
            client_id: client.id(),
            state: state.expose(),
            nonce: expectation.as_ref().and_then(|expectation| Some(expectation.nonce.as_ref()?.expose())),
            dpop_thumbprint: client.dpop.as_ref().map(|key| key.thumbprint()),
            code_challenge: &pkce::s256(code_verifier.expose()),
        };
        append_parameters(out, &self, &bound);
        Ok(PendingAuthorization {
            issuer: metadata.issuer.clone(),
            client_id: client.id.clone(),
            state: State::Drawn(state),
            expires_at: now.saturating_add(self.lifetime),
            redirect_uri: self.redirect_uri,
            scope: self.scope,
            response_mode,
            code_verifier,
            expectation,
            dpop_thumbprint: client.dpop.as_ref().map(|key| key.thumbprint().into()),
        })
    }
}

/// Where the browser is sent.
pub(super) fn authorization_endpoint(provider: &Provider) -> Result<&Endpoint, Error> {
    let endpoint = provider.metadata().authorization_endpoint.as_ref();
    endpoint.ok_or_else(|| Error::new(ErrorCode::METADATA_UNSUPPORTED).at("authorization_endpoint"))
}

/// A login whose user is elsewhere.
///
/// Serde, versioned, for applications that do not live through it: about 400 bytes, in memory and as JSON.
/// It holds the PKCE verifier and the nonce. Bind it to the user's browser (a cookie, a platform's own store), so that
/// nobody can be made to finish another's login; keep it from being read or changed; delete it once it is redeemed.
///
/// It expires ([`AuthorizationRequest::lifetime`]); sweep what is past [`PendingAuthorization::expires_at`].
#[derive(Clone)]
pub struct PendingAuthorization {
    issuer: Issuer,
    client_id: Arc<str>,
    redirect_uri: RedirectUri,
    scope: Scope,
    response_mode: ResponseMode,
    state: State,
    code_verifier: Secret,
    expectation: Option<LoginExpectation>,
    dpop_thumbprint: Option<Box<str>>,
    expires_at: Timestamp,
}

/// What a login keeps of its `state`. Only the digest is ever stored: who can read the store cannot forge a callback.
#[derive(Clone)]
enum State {
    Drawn(Secret),
    Stored([u8; 32]),
}

impl State {
    fn digest(&self) -> [u8; 32] {
        match self {
            Self::Drawn(state) => digest(state.expose()),
            Self::Stored(digest) => *digest,
        }
    }

    /// Compares in time that does not depend on where they differ.
    fn matches(&self, answered: &Secret) -> bool {
        match self {
            Self::Drawn(state) => state.matches(answered.expose()),
            Self::Stored(own) => same_bytes(&digest(answered.expose()), own),
        }
    }
}

/// Evidence that a callback belongs to a login, and the code that it brought. Only [`PendingAuthorization::check`] makes
/// it:
///
/// ```compile_fail,E0451
/// let forged = oidc_proto::VerifiedCallback { code: "stolen".into(), state: "known".into() };
/// ```
#[derive(Debug)]
#[must_use = "the login goes on when it is redeemed"]
pub struct VerifiedCallback {
    code: Secret,
    state: Secret,
}

/// What the code exchange needs of a login.
#[derive(Debug)]
pub(super) struct Redemption {
    pub(super) code: Secret,
    pub(super) redirect_uri: RedirectUri,
    pub(super) code_verifier: Secret,
    pub(super) scope: Scope,
    pub(super) expectation: Option<LoginExpectation>,
}

impl PendingAuthorization {
    /// Reads what was stored.
    ///
    /// # Errors
    /// `stored.version`, `stored.malformed`.
    pub fn from_json(json: &str) -> Result<Self, Error> {
        versioned::from_json(json)
    }

    /// The provider that the login is at.
    pub fn issuer(&self) -> &Issuer {
        &self.issuer
    }

    /// Where the browser comes back to.
    pub fn redirect_uri(&self) -> &RedirectUri {
        &self.redirect_uri
    }

    /// How the browser brings the answer.
    pub fn response_mode(&self) -> ResponseMode {
        self.response_mode
    }

    /// From when on callbacks are refused.
    pub fn expires_at(&self) -> Timestamp {
        self.expires_at
    }

    /// A name for the login, to find it by [`Callback::key`]: the SHA-256 of its `state`. Not a secret.
    pub fn key(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.state.digest())
    }

    /// Checks that a callback answers this login at this provider, and takes the code out of it.
    ///
    /// An answer that says no is checked in the same way before it is believed.
    ///
    /// # Errors
    /// `provider.mismatch`; `callback.…` for an answer that is not this login's: go on waiting;
    /// `authorization.…` (`Denied`) for the provider's or the user's no.
    pub fn check(&self, callback: &Callback, provider: &Provider, env: &dyn Env) -> Result<VerifiedCallback, Error> {
        if self.issuer != *provider.issuer() {
            return Err(ErrorCode::PROVIDER_MISMATCH.into());
        }
        let state = callback.state.as_ref();
        let state = state.ok_or_else(|| callback.unverified(ErrorCode::CALLBACK_STATE_MISSING))?;
        if !self.state.matches(state) {
            return Err(ErrorCode::CALLBACK_STATE_MISMATCH.into());
        }
        match &callback.iss {
            Some(iss) if *iss != *self.issuer.as_str() => return Err(callback.of_other_issuer(&self.issuer, iss)),
            None if provider.metadata().authorization_response_iss => {
                return Err(callback.unverified(ErrorCode::CALLBACK_ISS_MISSING));
            }
            _ => {}
        }
        if env.now() >= self.expires_at {
            return Err(ErrorCode::CALLBACK_EXPIRED.into());
        }
        if callback.mode != self.response_mode {
            return Err(callback.in_other_mode(self.response_mode));
        }
        if let Some(target) = callback.target.as_ref().filter(|target| !self.redirect_uri.is_target_of(target)) {
            return Err(at_other_url(&self.redirect_uri, target));
        }
        match (&callback.code, &callback.error) {
            (Some(_), Some(_)) => Err(ErrorCode::CALLBACK_CODE_AND_ERROR.into()),
            (None, Some((error, text))) => {
                Err(Error::new(oauth_error::authorization_code(error)).with_text(text.clone()))
            }
            (Some(code), None) if !code.expose().is_empty() => {
                Ok(VerifiedCallback { code: code.clone(), state: state.clone() })
            }
            _ => Err(ErrorCode::CALLBACK_CODE_MISSING.into()),
        }
    }

    /// Goes on to redeem the code. Without keys they are fetched first, if an ID token is to be verified.
    ///
    /// A failure before the token request was sent leaves the code unspent: with a copy of the login it can be tried
    /// again. [`Error::failure`] tells whether it was sent.
    ///
    /// # Errors
    /// `callback.state_mismatch` for another login's evidence, `provider.mismatch`, `client.mismatch`,
    /// `dpop.key_mismatch`, `jwks.missing`, `jws.no_backend`, `id_token.trust_tls_over_http`, `sign.failed`.
    pub fn redeem(
        self,
        checked: VerifiedCallback,
        provider: &Arc<Provider>,
        client: &Arc<Client>,
        keys: Option<Arc<Keys>>,
        env: &mut dyn Env,
    ) -> Result<Step<CodeExchange>, Error> {
        if !self.state.matches(&checked.state) {
            return Err(ErrorCode::CALLBACK_STATE_MISMATCH.into());
        }
        if self.issuer != *provider.issuer() {
            return Err(ErrorCode::PROVIDER_MISMATCH.into());
        }
        if self.client_id != client.id {
            return Err(ErrorCode::CLIENT_MISMATCH.into());
        }
        client.check_binding(self.dpop_thumbprint.as_deref())?;
        let Self { redirect_uri, scope, code_verifier, expectation, .. } = self;
        let redemption = Redemption { code: checked.code, redirect_uri, code_verifier, scope, expectation };
        CodeExchange::start(redemption, provider, client, keys, env)
    }
}

impl fmt::Debug for PendingAuthorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PendingAuthorization({}, expires {:?})", self.issuer, self.expires_at)
    }
}

#[derive(Serialize, Deserialize)]
struct StoredPending {
    version: Version,
    issuer: String,
    client_id: String,
    redirect_uri: String,
    scope: Scope,
    response_mode: String,
    state_digest: String,
    #[serde(serialize_with = "secret::store")]
    code_verifier: Secret,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expectation: Option<LoginExpectation>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    dpop_thumbprint: Option<String>,
    expires_at: Timestamp,
}

impl Serialize for PendingAuthorization {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        StoredPending {
            version: Version,
            issuer: self.issuer.as_str().to_owned(),
            client_id: self.client_id.as_ref().into(),
            redirect_uri: self.redirect_uri.as_str().to_owned(),
            scope: self.scope.clone(),
            response_mode: self.response_mode.name().to_owned(),
            state_digest: self.key(),
            code_verifier: self.code_verifier.clone(),
            expectation: self.expectation.clone(),
            dpop_thumbprint: self.dpop_thumbprint.clone().map(Into::into),
            expires_at: self.expires_at,
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for PendingAuthorization {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let stored = StoredPending::deserialize(deserializer)?;
        let malformed = || de::Error::custom(ErrorCode::STORED_MALFORMED);
        let state_digest = URL_SAFE_NO_PAD.decode(&stored.state_digest).ok().and_then(|digest| digest.try_into().ok());
        // RFC 7636 section 4.1: 43 to 128 unreserved characters.
        let verifier = stored.code_verifier.expose();
        let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
        if !(43..=128).contains(&verifier.len()) || !verifier.bytes().all(unreserved) {
            return Err(malformed());
        }
        // Without a nonce every ID token would do, and without an expectation every answer.
        let nonce = stored.expectation.as_ref().and_then(|expectation| expectation.nonce.as_ref());
        let has_nonce = nonce.is_some_and(|nonce| !nonce.expose().is_empty());
        let is_openid = stored.scope.contains("openid");
        if has_nonce != is_openid || stored.expectation.is_some() != is_openid {
            return Err(malformed());
        }
        Ok(Self {
            issuer: versioned::issuer(&stored.issuer)?,
            client_id: stored.client_id.into(),
            redirect_uri: RedirectUri::new(&stored.redirect_uri).map_err(|_| malformed())?,
            scope: stored.scope,
            response_mode: ResponseMode::from_name(&stored.response_mode).ok_or_else(malformed)?,
            state: State::Stored(state_digest.ok_or_else(malformed)?),
            code_verifier: stored.code_verifier,
            expectation: stored.expectation,
            dpop_thumbprint: stored.dpop_thumbprint.map(Into::into),
            expires_at: stored.expires_at,
        })
    }
}
