//! A login by the user's browser.
//!
//! ```text
//! LoginRequest::start ────────────────┬─▶ AuthorizationUrl (to the browser)
//! LoginRequest::push ─▶ PushedLogin ──┴─▶ PendingLogin (kept, or stored)
//!                           │ check(&callback) ─ wrong: the login goes on waiting
//!                           ▼
//!                        VerifiedCallback ─▶ redeem ─▶ TokenRequest ─▶ Whoami ─▶ Done(LoginOutcome)
//! ```
//!
//! A login is aborted by dropping it.
//!
//! ```
//! use oidc_proto::adapter::BlockingDriver;
//! use oidc_proto::matrix::{self, Application, AuthMetadataFetch, LoginRequest};
//! use oidc_proto::{ApplicationType, ClientMetadata};
//! use oidc_proto::testing::{Homeserver, Provider, TestEnv};
//! use oidc_proto::{Callback, Env, ProviderOptions, RedirectUri, Registrations, Schemes};
//!
//! let mut env = TestEnv::seeded(1);
//! let op = Provider::new("https://account.example.org");
//! let hs = Homeserver::new("https://matrix.example.org", "example.org", op);
//! let http = BlockingDriver::new(hs.http(env.clock()));
//! let homeserver = matrix::Homeserver::new("https://matrix.example.org", Schemes::HttpsOnly)?;
//! let server = http.run(AuthMetadataFetch::start(homeserver, ProviderOptions::new())?, &mut env)?.supported()?;
//!
//! let redirect_uri = RedirectUri::new("org.example.app:/callback")?;
//! let mut metadata = ClientMetadata::new(ApplicationType::Native, vec![redirect_uri.clone()]);
//! metadata.client_uri = Some("https://app.example.org/".into());
//! let mut application = Application::new(metadata, Registrations::default())?;
//! let registered = http.run(application.register(&server)?, &mut env)?;
//! let party = application.keep(&server, registered);
//!
//! let (url, pending) = LoginRequest::new().start(redirect_uri, &party, &mut env)?;
//! let callback = Callback::from_url(hs.visit(url.as_str(), env.clock().now()).callback())?;
//! let verified = pending.check(&callback, &party, env.now())?;
//! let step = pending.redeem(verified, &party, &mut env)?;
//! let login = http.run(step, &mut env)?.logged_in()?;
//! assert_eq!(login.session.user_id().as_str(), "@alice:example.org");
//! # Ok::<(), oidc_proto::Error>(())
//! ```

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use url::Url;

use super::auth_server::AuthServer;
use super::awaited::Awaited;
use super::binding::Binding;
use super::completion::Completion;
use super::homeserver::Homeserver;
use super::id::{DeviceId, UserId};
use super::party::Party;
use super::scope::{ScopeForm, login_scope};
use super::user_session::UserSession;
use crate::base::env::{Env, Timestamp};
use crate::base::secret::Secret;
use crate::base::url::is_loopback;
use crate::base::versioned;
use crate::base::word_set::Words;
use crate::error::{Error, ErrorCode};
use crate::flow::authorization::{PendingAuthorization, VerifiedCallback};
use crate::flow::{PushedAuthorization, TokenRequest};
use crate::message::authorization::{AuthorizationRequest, AuthorizationUrl, LOGIN_LIFETIME};
use crate::message::callback::Callback;
use crate::party::metadata::{Prompt, ResponseMode};
use crate::party::redirect_uri::RedirectUri;
use crate::step::{Flow, Input, Step};
use crate::token::scope::Scope;

/// What to ask for. By default: a new device, the scope form that the homeserver knows, nothing else.
#[derive(Clone, Debug)]
pub struct LoginRequest {
    device_id: Option<DeviceId>,
    user_id: Option<UserId>,
    form: Option<ScopeForm>,
    further: Scope,
    prompt: Words<Prompt>,
    login_hint: Option<Secret>,
    response_mode: Option<ResponseMode>,
    lifetime: Duration,
}

impl Default for LoginRequest {
    fn default() -> Self {
        Self::new()
    }
}

impl LoginRequest {
    /// A login with a device of its own.
    pub fn new() -> Self {
        Self {
            device_id: None,
            user_id: None,
            form: None,
            further: Scope::default(),
            prompt: Words::EMPTY,
            login_hint: None,
            response_mode: None,
            lifetime: LOGIN_LIFETIME,
        }
    }

    /// A new login of a known session: of the same user, with the same device. Anyone else is refused, and the session is
    /// not touched then.
    pub fn again(session: &UserSession) -> Self {
        Self::of(session.user_id(), session.device_id())
    }

    pub(super) fn of(user_id: &UserId, device_id: &DeviceId) -> Self {
        let request = Self { user_id: Some(user_id.clone()), ..Self::new() };
        request.with_device_id(device_id.clone()).with_login_hint_for(user_id)
    }

    /// The device to log in with, instead of a new one.
    #[must_use]
    pub fn with_device_id(self, device_id: DeviceId) -> Self {
        Self { device_id: Some(device_id), ..self }
    }

    /// How the scope values are spelled, instead of how the homeserver's age suggests.
    #[must_use]
    pub fn with_scope_form(self, form: ScopeForm) -> Self {
        Self { form: Some(form), ..self }
    }

    /// Further scope values: `openid`, or those of a homeserver's own.
    #[must_use]
    pub fn with_further_scope(self, further: Scope) -> Self {
        Self { further, ..self }
    }

    /// Asks for a new account (`prompt=create`).
    #[must_use]
    pub fn with_account_creation(self) -> Self {
        self.with_prompt(Prompt::Create)
    }

    /// One more `prompt` value.
    #[must_use]
    pub fn with_prompt(self, prompt: Prompt) -> Self {
        Self { prompt: self.prompt.with(prompt), ..self }
    }

    /// Who is probably logging in (`login_hint`).
    #[must_use]
    pub fn with_login_hint(self, hint: impl Into<String>) -> Self {
        Self { login_hint: Some(Secret::new(hint)), ..self }
    }

    /// The same by a user ID.
    #[must_use]
    pub fn with_login_hint_for(self, user_id: &UserId) -> Self {
        self.with_login_hint(user_id.hint())
    }

    /// How the browser brings the response, instead of how the redirect URI suggests: in the fragment where it is `https` at
    /// another host, so that the code does not reach its server's logs; else in the query.
    #[must_use]
    pub fn with_response_mode(self, mode: ResponseMode) -> Self {
        Self { response_mode: Some(mode), ..self }
    }

    /// How long the user may take; 15 minutes unless named.
    #[must_use]
    pub fn with_lifetime(self, lifetime: Duration) -> Self {
        Self { lifetime, ..self }
    }

    /// Starts a login: the URL for the user's browser, and what to keep until the browser comes back.
    ///
    /// # Errors
    /// `matrix.device_id`, `matrix.scope`, `authorization.…`; `metadata.unsupported` if a new account is asked for and the
    /// provider says that it makes none; `par.required`.
    pub fn start(
        self,
        redirect_uri: RedirectUri,
        party: &Party,
        env: &mut dyn Env,
    ) -> Result<(AuthorizationUrl, PendingLogin), Error> {
        let (request, awaited) = self.prepare(redirect_uri, party.server(), env)?;
        let (url, authorization) = party.relying_party().authorize(request, env)?;
        Ok((url, PendingLogin(awaited.with(authorization))))
    }

    /// The same by a pushed request (RFC 9126), for a provider that takes them or nothing else.
    ///
    /// # Errors
    /// As [`LoginRequest::start`]; `par.unsupported`, `sign.failed`.
    pub fn push(self, redirect_uri: RedirectUri, party: &Party, env: &mut dyn Env) -> Result<Step<PushedLogin>, Error> {
        let (request, awaited) = self.prepare(redirect_uri, party.server(), env)?;
        PushedLogin::go_on(party.relying_party().push(request, env)?, Box::new(awaited))
    }

    /// What to ask the provider, and what to remember beside it.
    fn prepare(
        self,
        redirect_uri: RedirectUri,
        server: &AuthServer,
        env: &mut dyn Env,
    ) -> Result<(AuthorizationRequest, Awaited<()>), Error> {
        let prompts = server.provider.metadata().prompt_values;
        if self.prompt.contains(Prompt::Create) && prompts.is_some_and(|known| !known.contains(Prompt::Create)) {
            return Err(Error::new(ErrorCode::METADATA_UNSUPPORTED).at("prompt_values_supported"));
        }
        let (device_id, scope) = self.bind(server, env)?;
        let mode = self.response_mode.unwrap_or_else(|| response_mode(&redirect_uri));
        let mut request =
            AuthorizationRequest::new(redirect_uri, scope).with_response_mode(mode).with_lifetime(self.lifetime);
        request = self.prompt.iter().fold(request, AuthorizationRequest::with_prompt);
        if let Some(hint) = self.login_hint {
            request = request.with_login_hint(hint.expose());
        }
        Ok((request, Awaited::new(server.homeserver.clone(), device_id, self.user_id)))
    }

    /// The device, made if none is given, and the scope of a login for it.
    pub(super) fn bind(&self, server: &AuthServer, env: &mut dyn Env) -> Result<(DeviceId, Scope), Error> {
        let device_id = self.device_id.clone().unwrap_or_else(|| DeviceId::random(env.rng()));
        let form = self.form.unwrap_or_else(|| server.scope_form());
        let scope = login_scope(form, &device_id, &self.further)?;
        Ok((device_id, scope))
    }

    pub(super) fn user(self) -> Option<UserId> {
        self.user_id
    }
}

impl Binding {
    /// The login to offer when the grant is gone: the same user, the same device.
    pub fn login_again(&self) -> LoginRequest {
        LoginRequest::of(&self.user_id, &self.device_id)
    }
}

/// `fragment` for a page at another host, `query` for everything that is on this machine.
fn response_mode(redirect_uri: &RedirectUri) -> ResponseMode {
    match Url::parse(redirect_uri.as_str()) {
        Ok(url) if url.scheme() == "https" && !is_loopback(&url) => ResponseMode::Fragment,
        _ => ResponseMode::Query,
    }
}

/// Awaits the reference to a pushed request.
#[derive(Debug)]
pub struct PushedLogin(PushedAuthorization, Box<Awaited<()>>);

impl PushedLogin {
    fn go_on(step: Step<PushedAuthorization>, awaited: Box<Awaited<()>>) -> Result<Step<Self>, Error> {
        step.embed(
            awaited,
            |awaited, flow| Self(flow, awaited),
            |awaited, (url, authorization)| Ok(Step::Done((url, PendingLogin(awaited.with(authorization))))),
        )
    }
}

impl Flow for PushedLogin {
    type Output = (AuthorizationUrl, PendingLogin);

    fn on(self, input: Input<'_>, env: &mut dyn Env) -> Result<Step<Self>, Error> {
        Self::go_on(self.0.on(input, env)?, self.1)
    }
}

/// A login whose user is elsewhere.
///
/// Serde, versioned. What is said of [`PendingAuthorization`] goes for it, too.
#[derive(Clone, Serialize, Deserialize)]
pub struct PendingLogin(Awaited<PendingAuthorization>);

impl PendingLogin {
    /// Reads what was stored.
    ///
    /// # Errors
    /// `stored.version`, `stored.malformed`.
    pub fn from_json(json: &str) -> Result<Self, Error> {
        versioned::from_json(json)
    }

    /// The homeserver that the login is at.
    pub fn homeserver(&self) -> &Homeserver {
        &self.0.homeserver
    }

    /// The device that it is for.
    pub fn device_id(&self) -> &DeviceId {
        &self.0.device_id
    }

    /// Where the browser comes back to.
    pub fn redirect_uri(&self) -> &RedirectUri {
        self.0.authorization.redirect_uri()
    }

    /// How the browser brings the response.
    pub fn response_mode(&self) -> ResponseMode {
        self.0.authorization.response_mode()
    }

    /// From when on callbacks are refused.
    pub fn expires_at(&self) -> Timestamp {
        self.0.authorization.expires_at()
    }

    /// A name for the login, to find it by [`Callback::key`]. Not a secret.
    pub fn key(&self) -> String {
        self.0.authorization.key()
    }

    /// Checks that a callback answers this login, and takes the code out of it. `authorization.access_denied` means that
    /// the user cancelled.
    ///
    /// # Errors
    /// `matrix.homeserver_mismatch`, and as [`RelyingParty::check`](crate::RelyingParty::check).
    pub fn check(&self, callback: &Callback, party: &Party, now: Timestamp) -> Result<VerifiedCallback, Error> {
        party.check_home(&self.0.homeserver)?;
        party.relying_party().check(&self.0.authorization, callback, now)
    }

    /// Redeems the code, and asks the homeserver who has logged in. Keys are needed only for the scope `openid`, and
    /// fetched if there are none.
    ///
    /// # Errors
    /// `matrix.homeserver_mismatch`, and as [`RelyingParty::redeem`](crate::RelyingParty::redeem).
    pub fn redeem(
        self,
        verified: VerifiedCallback,
        party: &Party,
        env: &mut dyn Env,
    ) -> Result<Step<Completion<TokenRequest>>, Error> {
        party.check_home(&self.0.homeserver)?;
        let (expected, authorization) = self.0.expecting(party);
        let step = party.relying_party().redeem(authorization, verified, env)?;
        Completion::exchanging(step, expected, env)
    }
}

impl fmt::Debug for PendingLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PendingLogin{:?}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_page_elsewhere_gets_the_response_in_the_fragment() {
        for (uri, mode) in [
            ("https://app.example.org/cb", ResponseMode::Fragment),
            ("https://localhost.example.org/cb", ResponseMode::Fragment),
            ("https://localhost/cb", ResponseMode::Query),
            ("https://127.0.0.1:8443/cb", ResponseMode::Query),
            ("https://[::1]/cb", ResponseMode::Query),
            ("http://127.0.0.1/cb", ResponseMode::Query),
            ("org.example.app:/cb", ResponseMode::Query),
        ] {
            assert_eq!(response_mode(&RedirectUri::new(uri).unwrap()), mode, "{uri}");
        }
    }
}
