//! A running session: the core's session, bound to a user and a device at a homeserver.
//!
//! ```text
//! 401 M_UNKNOWN_TOKEN ─▶ refresh ─┬─ new tokens ─▶ goes on
//!                                 └─ the grant is gone ─▶ LoginAgain: the same user, the same device ─┬─▶ adopt: goes on
//!                                                                                                     └─▶ give_up: Erase
//! 401 M_USER_LOCKED ───▶ Locked: everything is kept; ask again, minutes apart
//! ```
//!
//! Drive it like the core's session, through [`Session::core_mut`], but read its events with [`Session::poll_event`].
//! To use an adapter, split the session with [`Session::into_parts`]; see [`Binding`].
//!
//! ```
//! use oidc_proto::matrix::{ErrorBody, Session, SessionEvent};
//! # use oidc_proto::Env;
//! # use oidc_proto::session::Access;
//! # fn ask(_: &str) -> http::Response<Vec<u8>> { todo!() }
//! fn call(session: &mut Session, env: &mut impl Env) {
//!     let Access::Ready(token) = session.access(env) else { return };
//!     let token = token.clone();
//!     let response = ask(token.expose());
//!     if let Some(error) = ErrorBody::parse(response.body()) {
//!         let _next_token = session.unauthorized(&token, response.status(), &error, env);
//!     }
//!     while let Some(event) = session.poll_event() {
//!         match event {
//!             SessionEvent::LoginAgain { .. } => drop(session.login_again()), // start it, later adopt what it yields
//!             SessionEvent::Erase => {}                                       // delete all that belongs to the device
//!             _ => {}
//!         }
//!     }
//! }
//! ```

use std::fmt;

use http::StatusCode;

use super::binding::Binding;
use super::completion::Login;
use super::error_body::ErrorBody;
use super::id::{DeviceId, UserId};
use super::login_request::LoginRequest;
use super::party::Party;
use super::session_event::{SessionEvent, SoftLogout};
use super::user_session::UserSession;
use crate::base::env::Env;
use crate::base::secret::AccessToken;
use crate::error::Error;
use crate::flow::Revocation;
use crate::session::{self, Access, Epoch, Outcome, RecordVersion, SessionOptions};
use crate::step::Step;

/// A session that keeps its tokens valid. To store it, use [`Session::user_session`].
pub struct Session {
    core: session::Session,
    binding: Binding,
    soft_logout: SoftLogout,
}

impl Session {
    /// Joins what was stored with the client that it was made with
    /// ([`Application::party_of`](super::Application::party_of)). `stored` is the version of the
    /// record that the tokens were read from. It is `None` after a login, and if the tokens are not
    /// in a store. After a login, call [`session::Session::save`] on [`Session::core_mut`] to save
    /// the tokens.
    ///
    /// # Errors
    /// `matrix.homeserver_mismatch`, `provider.mismatch`, `client.mismatch`, `dpop.key_mismatch`.
    pub fn new(
        session: UserSession,
        stored: Option<RecordVersion>,
        party: &Party,
        options: SessionOptions,
        env: &mut dyn Env,
    ) -> Result<Self, Error> {
        let (binding, tokens) = (session.binding().clone(), session.tokens().clone());
        party.check_home(&binding.homeserver)?;
        let core = session::Session::new(tokens, stored, party.relying_party().clone(), options, env)?;
        Ok(Self { core, binding, soft_logout: SoftLogout::new() })
    }

    /// The user.
    pub fn user_id(&self) -> &UserId {
        &self.binding.user_id
    }

    /// The device.
    pub fn device_id(&self) -> &DeviceId {
        &self.binding.device_id
    }

    /// The session with its newest tokens, to be stored.
    pub fn user_session(&self) -> UserSession {
        self.binding.with_tokens(self.core.tokens().clone())
    }

    /// The core's session: its tokens and its generation.
    pub fn core(&self) -> &session::Session {
        &self.core
    }

    /// The core's session, to drive it. Pass the tokens of a new login to [`Session::adopt`], which checks the user and
    /// the device.
    pub fn core_mut(&mut self) -> &mut session::Session {
        &mut self.core
    }

    /// The core's session for an adapter to drive, and what it is bound to.
    pub fn into_parts(self) -> (session::Session, Binding) {
        (self.core, self.binding)
    }

    /// An access token for a caller: [`session::Session::access`].
    pub fn access(&mut self, env: &mut dyn Env) -> Access<'_> {
        self.core.access(env)
    }

    /// Refreshes now: [`session::Session::refresh`].
    pub fn refresh(&mut self, env: &mut dyn Env) -> Access<'_> {
        self.core.refresh(env)
    }

    /// The outcome of an attempt: [`session::Session::outcome`].
    pub fn outcome(&self, epoch: Epoch, env: &dyn Env) -> Outcome<'_> {
        self.core.outcome(epoch, env)
    }

    /// Reports that the homeserver responded with an error to a request that had this token. If the error says nothing
    /// about the token, the session does not change.
    pub fn unauthorized(
        &mut self,
        token: &AccessToken,
        status: StatusCode,
        error: &ErrorBody,
        env: &mut dyn Env,
    ) -> Access<'_> {
        let current = self.core.tokens().access_token();
        match self.soft_logout.refusal(token, current, status, error) {
            Some(refusal) => self.core.unauthorized(token, refusal, env),
            None => self.core.access(env),
        }
    }

    /// The login to offer to the user when the grant is gone: [`LoginRequest::again`]. With
    /// [`LoginRequest::with_further_scope`] it gets more authorization for a session that is still
    /// valid.
    pub fn login_again(&self) -> LoginRequest {
        LoginRequest::again(&self.user_session())
    }

    /// Takes the tokens of a new login. Nothing else of the session changes: it has its user, its device and its
    /// client. The grant of the replaced tokens is valid beside the new one until it is revoked:
    /// [`Session::poll_revocation`]. The device stays.
    ///
    /// If the new login has another client ID, because the provider had deleted the old one, make a new session with
    /// [`Session::new`].
    ///
    /// # Errors
    /// `whoami.user_mismatch`, `whoami.device_mismatch`, `matrix.homeserver_mismatch`; and as
    /// [`session::Session::adopt`]. After an error the session has not changed. Revoke the tokens of the new login.
    pub fn adopt(&mut self, login: &Login, env: &mut dyn Env) -> Result<(), Error> {
        self.binding.check(login)?;
        self.core.adopt(login.session.tokens().clone(), env)?;
        self.soft_logout = SoftLogout::new();
        Ok(())
    }

    /// Says that another process may have changed the record: [`session::Session::reload`].
    pub fn reload(&mut self) {
        self.core.reload();
    }

    /// Ends the session at once: [`session::Session::log_out`]. The revocation of its tokens makes the homeserver
    /// delete the device.
    pub fn log_out(&mut self, env: &mut dyn Env) {
        self.core.log_out(env);
    }

    /// The next revocation to drive: [`session::Session::poll_revocation`].
    ///
    /// # Errors
    /// Those of [`session::Session::poll_revocation`].
    pub fn poll_revocation(&mut self, env: &mut dyn Env) -> Option<Result<Step<Revocation>, Error>> {
        self.core.poll_revocation(env)
    }

    /// Ends the session without a revocation, if the grant has ended and the user does not log in again.
    pub fn give_up(&mut self, env: &mut dyn Env) {
        // Tokens that are worth nothing need not be revoked: the caller asks for no revocation.
        self.core.log_out(env);
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<SessionEvent> {
        let event = self.core.poll_event()?;
        Some(self.soft_logout.event(event, self.core.tokens().access_token()))
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Session({:?}, {:?}, {:?})", self.user_id(), self.device_id(), self.core)
    }
}
