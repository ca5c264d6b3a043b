//! What a session tells its owner, and what the homeserver said of the device, for as long as that counts.

use http::StatusCode;

use super::error_body::ErrorBody;
use crate::base::secret::AccessToken;
use crate::error::Error;
use crate::session::{Event, Refusal};

/// What a session tells its owner.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SessionEvent {
    /// The grant is gone: the user has to log in again, with the same device ([`Session::login_again`](super::Session::login_again)). Keep all that
    /// belongs to the device.
    LoginAgain {
        /// What the homeserver said of the device, if it said anything before the provider did (`soft_logout`): it is
        /// still there, or it may have been deleted. Then a new login makes it again, under its ID, but what the
        /// homeserver kept for it is lost. Synapse says `false` also where a token has only expired.
        soft_logout: Option<bool>,
        /// What the provider said, or that there is no refresh token.
        error: Error,
    },
    /// The session is over: erase what belongs to the device.
    Erase,
    /// The account is locked. Keep everything, and ask the homeserver again after minutes.
    Locked,
    /// What the core's session tells.
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

    /// The homeserver answered a request that had this token with an error: what the session is to be told, if that is anything.
    /// `current` is the session's token now; what is said of an older one does not count.
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
