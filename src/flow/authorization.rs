//! The login in the user's browser: from an authorization request to a checked callback.
//!
//! ```text
//! authorize ─▶ AuthorizationUrl (to the browser)
//!           └▶ PendingAuthorization (kept, or stored)
//!                │ check(&pending, &callback) ─ wrong: the login is still pending
//!                ▼
//!              VerifiedCallback ─▶ redeem ─▶ TokenRequest
//! ```

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::token_outcome::{self, Origin};
use super::token_request::TokenRequest;
use crate::base::env::{Env, Timestamp};
use crate::base::secret::{self, Secret, same_bytes};
use crate::base::url::{Endpoint, Issuer};
use crate::base::versioned::{self, Version};
use crate::error::{Error, ErrorCode, Quote};
use crate::message::authorization::{AuthorizationRequest, AuthorizationUrl, Bound, write_parameters};
use crate::message::callback::{Callback, digest};
use crate::message::{pkce, token};
use crate::party::metadata::{Prompt, ResponseMode};
use crate::party::owner::Owner;
use crate::party::provider::Provider;
use crate::party::redirect_uri::RedirectUri;
use crate::party::relying_party::RelyingParty;
use crate::step::Step;
use crate::token::id_token::LoginExpectation;
use crate::token::scope::Scope;
use crate::wire::oauth_error;

impl RelyingParty {
    /// Starts a login (RFC 6749 section 4.1.1): returns the URL for the user's browser, and the login to keep until the
    /// browser comes back.
    ///
    /// `state`, `nonce` and the PKCE verifier have 256 bits of entropy each.
    ///
    /// # Errors
    /// `metadata.unsupported`; `par.required` if the provider takes only pushed requests; `authorization.…`, all
    /// `Local`.
    pub fn authorize(
        &self,
        request: AuthorizationRequest,
        env: &mut dyn Env,
    ) -> Result<(AuthorizationUrl, PendingAuthorization), Error> {
        if self.provider().metadata().require_pushed_authorization_requests {
            return Err(ErrorCode::PAR_REQUIRED.into());
        }
        let endpoint = authorization_endpoint(self.provider())?;
        let (url, pending) = prepare(request, self, Some(endpoint), env)?;
        Ok((AuthorizationUrl::new(url), pending))
    }
}

/// Checks the request, binds it to fresh secrets, and writes its parameters: into the query of the endpoint, or into a
/// form of their own.
pub(super) fn prepare(
    mut request: AuthorizationRequest,
    party: &RelyingParty,
    endpoint: Option<&Endpoint>,
    env: &mut dyn Env,
) -> Result<(String, PendingAuthorization), Error> {
    request.check()?;
    authorization_endpoint(party.provider())?.check_query("authorization_endpoint", |name| request.sets(name))?;
    let (metadata, client) = (party.provider().metadata(), party.client());
    if !client.redirect_uris.iter().any(|own| own.covers(&request.redirect_uri)) {
        let own: Vec<&str> = client.redirect_uris.iter().map(RedirectUri::as_str).collect();
        let error = Error::new(ErrorCode::AUTHORIZATION_REDIRECT_URI).with_expected(Quote::caller(&own.join(", ")));
        return Err(error.with_found(Quote::caller(request.redirect_uri.as_str())));
    }
    let response_mode = request.response_mode.unwrap_or(ResponseMode::Query);
    if request.response_mode.is_some() && !metadata.response_modes.contains(response_mode) {
        return Err(ErrorCode::AUTHORIZATION_RESPONSE_MODE.into());
    }
    if request.needs_consent() && metadata.prompt_values.is_none_or(|known| known.contains(Prompt::Consent)) {
        request.prompt = request.prompt.with(Prompt::Consent);
    }
    let is_openid = request.scope.contains("openid");
    if metadata.code_challenge_methods.is_empty() && !is_openid {
        return Err(ErrorCode::AUTHORIZATION_NONCE_REQUIRED.into());
    }
    let (state, code_verifier) = (Secret::random(env.rng()), Secret::random(env.rng()));
    let now = env.now();
    let expectation = is_openid.then(|| LoginExpectation {
        nonce: Some(Secret::random(env.rng())),
        not_logged_in_before: request.max_age.map(|max_age| {
            // `auth_time` is in whole seconds.
            Timestamp::from_unix_seconds(now.saturating_sub(max_age).unix_seconds())
        }),
        acr_values: if request.acr_required { request.acr_values.clone() } else { Vec::new() },
    });
    let code_challenge = pkce::s256(code_verifier.expose());
    let bound = Bound {
        client_id: client.id(),
        state: state.expose(),
        nonce: expectation.as_ref().and_then(|expectation| Some(expectation.nonce.as_ref()?.expose())),
        dpop_thumbprint: party.owner().dpop_thumbprint(),
        code_challenge: code_challenge.as_str(),
    };
    let written = write_parameters(endpoint, &request, &bound);
    let pending = PendingAuthorization {
        owner: party.owner().clone(),
        state: State::Drawn(state),
        expires_at: now.saturating_add(request.lifetime),
        redirect_uri: request.redirect_uri,
        scope: request.scope,
        response_mode,
        code_verifier,
        expectation,
    };
    Ok((written, pending))
}

/// The URL to which the browser is sent.
pub(super) fn authorization_endpoint(provider: &Provider) -> Result<&Endpoint, Error> {
    let metadata = provider.metadata();
    metadata.endpoint(&metadata.authorization_endpoint, "authorization_endpoint", ErrorCode::METADATA_UNSUPPORTED)
}

/// A login that waits for its callback.
///
/// It implements serde and has a version, so an application can store it and restart during a login. The JSON has about
/// 500 bytes. It contains the PKCE verifier and the nonce in clear text, so nobody else may read or change it. Bind it
/// to the user's browser (a cookie, a platform's own store), so that an attacker cannot make a user finish the
/// attacker's login. Delete it once it is redeemed, and when it has expired ([`PendingAuthorization::expires_at`]).
///
/// `check` borrows the pending login, so a forged callback does not use it up. `redeem` takes the pending login and the
/// verified callback.
///
/// ```
/// use oidc_proto::adapter::BlockingDriver;
/// use oidc_proto::flow::{Registration, ServerMetadataFetch};
/// use oidc_proto::testing::{Provider, TestEnv};
/// use oidc_proto::{
///     ApplicationType, AuthorizationRequest, Callback, ClientMetadata, Env, Issuer, ProviderOptions, RedirectUri,
///     RelyingParty, Schemes, Scope,
/// };
///
/// let mut env = TestEnv::seeded(1);
/// let op = Provider::new("https://op.example.org");
/// let http = BlockingDriver::new(op.http(env.clock()));
/// let issuer = Issuer::new("https://op.example.org", Schemes::HttpsOnly)?;
/// let provider = http.run(ServerMetadataFetch::start(issuer, ProviderOptions::new())?, &mut env)?.provider;
///
/// let redirect_uri = RedirectUri::new("https://app.example.org/cb")?;
/// let metadata = ClientMetadata::new(ApplicationType::Web, vec![redirect_uri.clone()]);
/// let registered = http.run(Registration::start(&provider, metadata)?, &mut env)?;
/// let party = RelyingParty::new(provider, registered.client(&[redirect_uri.clone()]));
///
/// let request = AuthorizationRequest::new(redirect_uri, Scope::new("openid")?);
/// let (url, pending) = party.authorize(request, &mut env)?;
/// let callback = Callback::from_url(op.visit(url.as_str(), env.now()).callback())?;
/// let verified = party.check(&pending, &callback, env.now())?;
/// let step = party.redeem(pending, verified, &mut env)?;
/// let grant = http.run(step, &mut env)?.verified()?;
/// assert!(grant.tokens.subject().is_some());
/// # Ok::<(), oidc_proto::Error>(())
/// ```
#[derive(Clone)]
pub struct PendingAuthorization {
    owner: Owner,
    redirect_uri: RedirectUri,
    scope: Scope,
    response_mode: ResponseMode,
    state: State,
    code_verifier: Secret,
    expectation: Option<LoginExpectation>,
    expires_at: Timestamp,
}

/// The `state` of a login. Only its digest is stored, so that a reader of the store cannot forge a callback.
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

/// Evidence that a callback belongs to a login, and the code of the callback. Only [`RelyingParty::check`] makes it:
///
/// ```compile_fail,E0451
/// let forged = oidc_proto::VerifiedCallback { code: "stolen".into(), state: "known".into() };
/// ```
///
/// [`RelyingParty::redeem`] takes it, and nothing else:
///
/// ```
/// # use oidc_proto::{Env, Error, PendingAuthorization, RelyingParty, VerifiedCallback};
/// # type Login = PendingAuthorization;
/// # type Evidence = VerifiedCallback;
/// fn once(party: &RelyingParty, login: Login, verified: Evidence, env: &mut dyn Env) -> Result<(), Error> {
///     let _step = party.redeem(login, verified, env)?;
///     Ok(())
/// }
/// ```
///
/// The same does not compile with a callback that was not checked, nor for a second time:
///
/// ```compile_fail,E0308
/// # use oidc_proto::{Callback, Env, Error, PendingAuthorization, RelyingParty};
/// # type Login = PendingAuthorization;
/// fn unchecked(party: &RelyingParty, login: Login, callback: Callback, env: &mut dyn Env) -> Result<(), Error> {
///     let _step = party.redeem(login, callback, env)?;
///     Ok(())
/// }
/// ```
///
/// ```compile_fail,E0382
/// # use oidc_proto::{Env, Error, PendingAuthorization, RelyingParty, VerifiedCallback};
/// # type Login = PendingAuthorization;
/// # type Evidence = VerifiedCallback;
/// fn twice(party: &RelyingParty, login: Login, verified: Evidence, env: &mut dyn Env) -> Result<(), Error> {
///     let _first = party.redeem(login.clone(), verified, env)?;
///     let _second = party.redeem(login, verified, env)?;
///     Ok(())
/// }
/// ```
#[derive(Debug)]
#[must_use = "the login goes on when it is redeemed"]
pub struct VerifiedCallback {
    code: Secret,
    state: Secret,
}

impl PendingAuthorization {
    /// Reads a stored pending login.
    ///
    /// # Errors
    /// `stored.version`, `stored.malformed`.
    pub fn from_json(json: &str) -> Result<Self, Error> {
        versioned::from_json(json)
    }

    /// The provider that the login is at.
    pub fn issuer(&self) -> &Issuer {
        self.owner.issuer()
    }

    /// The provider, the client and the DPoP key of the login.
    pub fn owner(&self) -> &Owner {
        &self.owner
    }

    /// The redirect URI of the request.
    pub fn redirect_uri(&self) -> &RedirectUri {
        &self.redirect_uri
    }

    /// The response mode of the request; by default [`ResponseMode::Query`].
    pub fn response_mode(&self) -> ResponseMode {
        self.response_mode
    }

    /// The time from which callbacks are refused.
    pub fn expires_at(&self) -> Timestamp {
        self.expires_at
    }

    /// A key to find the login by [`Callback::key`]: the SHA-256 of its `state` as base64url. It is not a secret.
    pub fn key(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.state.digest())
    }
}

impl RelyingParty {
    /// Checks that a callback belongs to this login (RFC 6749 section 4.1.2, RFC 9207), and takes the code from it.
    ///
    /// An error response is checked in the same way before it is accepted. A callback from [`Callback::from_url`] that
    /// came to another URL than the redirect URI always causes `callback.redirect_uri`, even if the callback has other
    /// errors.
    ///
    /// # Errors
    /// `provider.mismatch`, `client.mismatch`, `dpop.key_mismatch`; `callback.…` if the callback does not belong to
    /// this login: continue to wait; `authorization.…` if the callback is an error response.
    pub fn check(
        &self,
        pending: &PendingAuthorization,
        callback: &Callback,
        now: Timestamp,
    ) -> Result<VerifiedCallback, Error> {
        self.owner().check(&pending.owner)?;
        // First: what came in at another URL has no reason to have a `state`.
        callback.check_target(&pending.redirect_uri)?;
        let state = callback.state.as_ref();
        let state = state.ok_or_else(|| callback.unverified(ErrorCode::CALLBACK_STATE_MISSING))?;
        if !pending.state.matches(state) {
            return Err(ErrorCode::CALLBACK_STATE_MISMATCH.into());
        }
        match &callback.iss {
            Some(iss) if *iss != *self.provider().issuer().as_str() => {
                return Err(callback.of_other_issuer(self.provider().issuer(), iss));
            }
            None if self.provider().metadata().authorization_response_iss => {
                return Err(callback.unverified(ErrorCode::CALLBACK_ISS_MISSING));
            }
            _ => {}
        }
        if now >= pending.expires_at {
            return Err(ErrorCode::CALLBACK_EXPIRED.into());
        }
        if callback.mode != pending.response_mode {
            return Err(callback.in_other_mode(pending.response_mode));
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

    /// Redeems the code (RFC 6749 section 4.1.3, OpenID Connect Core 1.0 section 3.1.3). If an ID token is expected and
    /// there are no fresh keys, the flow fetches keys first.
    ///
    /// If the flow fails before the token request was sent, the code is not spent: check the callback again with a copy
    /// of the login, and redeem the copy. The code is not spent if [`Error::endpoint`] is not `token_endpoint` (the
    /// keys could not be fetched), or if the [`Sent`](crate::Sent) of [`Error::failure`] is `No`. In all other cases
    /// log in again.
    ///
    /// # Errors
    /// `callback.state_mismatch` if `verified` belongs to another login, `provider.mismatch`, `client.mismatch`,
    /// `dpop.key_mismatch`, `jwks.missing`, `jws.no_backend`, `id_token.trust_tls_over_http`, `sign.failed`.
    pub fn redeem(
        &self,
        pending: PendingAuthorization,
        verified: VerifiedCallback,
        env: &mut dyn Env,
    ) -> Result<Step<TokenRequest>, Error> {
        if !pending.state.matches(&verified.state) {
            return Err(ErrorCode::CALLBACK_STATE_MISMATCH.into());
        }
        self.owner().check(&pending.owner)?;
        let PendingAuthorization { redirect_uri, scope, code_verifier, expectation, .. } = pending;
        let endpoint = &self.provider().metadata().token_endpoint;
        let request = token::code_request(endpoint, self.client(), &verified.code, &redirect_uri, &code_verifier);
        let needs_keys = expectation.is_some() && self.client().needs_keys();
        if expectation.is_some() {
            token_outcome::check_trust(self)?;
        }
        let origin = Origin::Login { scope, expectation, spends_code: true };
        if needs_keys {
            TokenRequest::start_with_keys(self, request, origin, env)
        } else {
            TokenRequest::start(self, request, origin, env)
        }
    }
}

impl fmt::Debug for PendingAuthorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PendingAuthorization({}, expires {:?})", self.issuer(), self.expires_at)
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
            issuer: self.issuer().as_str().to_owned(),
            client_id: self.owner.client_id().into(),
            redirect_uri: self.redirect_uri.as_str().to_owned(),
            scope: self.scope.clone(),
            response_mode: self.response_mode.name().to_owned(),
            state_digest: self.key(),
            code_verifier: self.code_verifier.clone(),
            expectation: self.expectation.clone(),
            dpop_thumbprint: self.owner.dpop_thumbprint().map(Into::into),
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
        // Without a nonce every ID token would do, and without an expectation every response.
        let nonce = stored.expectation.as_ref().and_then(|expectation| expectation.nonce.as_ref());
        let has_nonce = nonce.is_some_and(|nonce| !nonce.expose().is_empty());
        let is_openid = stored.scope.contains("openid");
        if has_nonce != is_openid || stored.expectation.is_some() != is_openid {
            return Err(malformed());
        }
        Ok(Self {
            owner: Owner::stored(
                versioned::issuer(&stored.issuer)?,
                &stored.client_id,
                stored.dpop_thumbprint.as_deref(),
            ),
            redirect_uri: RedirectUri::new(&stored.redirect_uri).map_err(|_| malformed())?,
            scope: stored.scope,
            response_mode: ResponseMode::from_name(&stored.response_mode).ok_or_else(malformed)?,
            state: State::Stored(state_digest.ok_or_else(malformed)?),
            code_verifier: stored.code_verifier,
            expectation: stored.expectation,
            expires_at: stored.expires_at,
        })
    }
}
