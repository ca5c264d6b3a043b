//! The login in the user's browser: from an authorization request to a checked callback.
//!
//! ```text
//! authorize ─▶ AuthorizationUrl (to the browser)
//!           └▶ PendingAuthorization (kept, or stored)
//!                │ check(&pending, &callback) ─ wrong: the login is still pending
//!                ▼
//!              VerifiedCallback ─▶ redeem ─▶ TokenRequest
//! ```

mod pending;

pub use self::pending::PendingAuthorization;

use self::pending::State;
use super::prerequisites;
use super::token_outcome::{self, Origin};
use super::token_request::TokenRequest;
use crate::base::env::{Env, Timestamp};
use crate::base::secret::Secret;
use crate::base::url::Endpoint;
use crate::error::{Error, ErrorCode, Quote};
use crate::message::authorization::{AuthorizationRequest, AuthorizationUrl, Bound, write_parameters};
use crate::message::callback::{Callback, login_key};
use crate::message::{pkce, token};
use crate::party::metadata::{Prompt, ResponseMode};
use crate::party::provider::Provider;
use crate::party::redirect_uri::RedirectUri;
use crate::party::relying_party::RelyingParty;
use crate::step::Step;
use crate::token::id_token::check::LoginExpectation;
use crate::wire::oauth_error;

impl RelyingParty {
    /// Starts a login (RFC 6749 section 4.1.1): returns the URL for the user's browser, and the login to keep until the
    /// browser comes back.
    ///
    /// `state`, `nonce` and the PKCE verifier have 256 bits of entropy each.
    ///
    /// # Errors
    /// `metadata.unsupported`; `metadata.url` if the query of the endpoint has a parameter of the
    /// request; `client.id`; `par.required` if the provider takes only pushed requests;
    /// `authorization.…`; `provider.mismatch` or `client.mismatch` if the ID token of
    /// `id_token_hint` is from another provider or for another client. What would end the login
    /// only after the user has logged in is an error here, too: `dpop.algorithm`,
    /// `token.client_auth`, `jws.no_backend`, `id_token.trust_tls_over_http`, `jwks.missing`. So a
    /// process that only makes the URL needs the client's credentials and a backend, too, even if
    /// another one redeems the code.
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
    request.id_token_hint.as_ref().map_or(Ok(()), |id_token| party.check_hint(id_token))?;
    authorization_endpoint(party.provider())?.check_query("authorization_endpoint", |name| request.sets(name))?;
    let (metadata, client) = (party.provider().metadata(), party.client());
    if !client.redirect_uris.iter().any(|own| own.covers(&request.redirect_uri)) {
        let own: Vec<&str> = client.redirect_uris.iter().map(RedirectUri::as_str).collect();
        let error = Error::new(ErrorCode::AUTHORIZATION_REDIRECT_URI).with_expected(Quote::caller(&own.join(", ")));
        return Err(error.with_found(Quote::caller(request.redirect_uri.as_str())));
    }
    let response_mode = request.response_mode.unwrap_or(ResponseMode::Query);
    if request.response_mode.is_some() && !metadata.response_modes.contains(response_mode) {
        let listed: Vec<_> = metadata.response_modes.iter().map(|mode| mode.name()).collect();
        let listed = if listed.is_empty() { "no response mode of this crate".to_owned() } else { listed.join(" or ") };
        let error = Error::new(ErrorCode::AUTHORIZATION_RESPONSE_MODE).with_expected(Quote::library(listed));
        return Err(error.with_found(Quote::library(response_mode.name())));
    }
    if request.needs_consent() && metadata.prompt_values.is_none_or(|known| known.contains(Prompt::Consent)) {
        request.prompt = request.prompt.with(Prompt::Consent);
    }
    let is_openid = request.scope.contains("openid");
    if metadata.code_challenge_methods.is_empty() && !is_openid {
        return Err(ErrorCode::AUTHORIZATION_NONCE_REQUIRED.into());
    }
    prerequisites::check(party, is_openid)?;
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

impl RelyingParty {
    /// Checks that a callback belongs to this login (RFC 6749 section 4.1.2, RFC 9207), and takes the code from it.
    ///
    /// An error response is checked in the same way before it is accepted. A callback from [`Callback::from_url`] that
    /// came to another URL than the redirect URI always causes `callback.redirect_uri`, even if the callback has other
    /// errors.
    ///
    /// # Errors
    /// `provider.mismatch`, `client.mismatch`, `dpop.key_mismatch`; `callback.…` if the callback
    /// does not belong to this login or is not usable: continue to wait if [`Error::recovery`] is
    /// [`Ignore`](crate::Recovery::Ignore); `authorization.…` if the callback is an error response.
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
    /// `callback.login_mismatch` if `verified` belongs to another login: the error names the
    /// [keys](PendingAuthorization::key) of that login and of `pending`. `provider.mismatch`,
    /// `client.mismatch`, `dpop.key_mismatch`, `dpop.algorithm`, `jwks.missing`, `jws.no_backend`,
    /// `id_token.trust_tls_over_http`, `client.id`, `authorization.parameter`, `sign.failed`;
    /// `token.client_auth` if the client has no secret, or too short a secret, for HS256.
    pub fn redeem(
        &self,
        pending: PendingAuthorization,
        verified: VerifiedCallback,
        env: &mut dyn Env,
    ) -> Result<Step<TokenRequest>, Error> {
        if !pending.state.matches(&verified.state) {
            let error = Error::new(ErrorCode::CALLBACK_LOGIN_MISMATCH);
            let error = error.with_expected(Quote::caller(&login_key(&verified.state)));
            return Err(error.with_found(Quote::caller(&pending.key())));
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
