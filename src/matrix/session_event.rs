//! What a session tells its owner, and what the homeserver said of the device, for as long as that counts.

use http::StatusCode;

use super::error_body::ErrorBody;
use crate::base::secret::AccessToken;
use crate::error::Error;
use crate::session::{Event, Refusal};

/// The events of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SessionEvent {
    /// The grant is gone: the user has to log in again, with the same device
    /// ([`Session::login_again`](super::Session::login_again)). Keep the data of the device.
    LoginAgain {
        /// `soft_logout` of the homeserver's last response about the current token, if there was one. `true`: the
        /// device still exists. `false`: the device may have been deleted. A new login then creates it again with the
        /// same ID, but the homeserver's data for it are lost. Synapse sends `false` even if a token has only expired.
        soft_logout: Option<bool>,
        /// The error of the provider, or `token.no_refresh_token`.
        error: Error,
    },
    /// The session has ended: delete the data of the device.
    Erase,
    /// The account is locked. Keep the session, and send the request again after some minutes.
    Locked,
    /// An event of the core's session.
    Core(Event),
}

/// What the last response said of the device (`soft_logout`), and the token that it was about.
///
/// It stands beside a session that an adapter drives, as [`Binding`](super::Binding) does, so that
/// [`SessionEvent::LoginAgain`] is the same there.
#[derive(Clone, Debug, Default)]
pub struct SoftLogout(Option<(AccessToken, bool)>);

impl SoftLogout {
    /// Nothing was said.
    pub fn new() -> Self {
        Self::default()
    }

    /// Call this if the homeserver responded with an error to a request that had this token.
    /// Returns what to pass to the session's `unauthorized`; `None` if the error says nothing about
    /// the token. `current` is the session's token now: `soft_logout` counts only if the error is
    /// about that token.
    pub fn refusal(
        &mut self,
        token: &AccessToken,
        current: &AccessToken,
        status: StatusCode,
        error: &ErrorBody,
    ) -> Option<Refusal> {
        let refusal = error.refusal(status)?;
        if refusal == Refusal::Token && token.secret().matches(current.expose()) {
            self.0 = Some((token.clone(), error.soft_logout));
        }
        Some(refusal)
    }

    /// What an event of the core's session means here. `current` is the session's token.
    pub fn event(&self, event: Event, current: &AccessToken) -> SessionEvent {
        match event {
            Event::NeedsLogin(error) => SessionEvent::LoginAgain { soft_logout: self.said_of(current), error },
            Event::Ended => SessionEvent::Erase,
            Event::Locked => SessionEvent::Locked,
            event => SessionEvent::Core(event),
        }
    }

    /// What was said of an older token is about another time.
    fn said_of(&self, current: &AccessToken) -> Option<bool> {
        let (token, soft_logout) = self.0.as_ref()?;
        current.secret().matches(token.expose()).then_some(*soft_logout)
    }
}
