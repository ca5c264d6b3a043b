//! The events that a session reports to its owner.

use std::time::Duration;

use super::access::Logout;
use crate::error::Error;

/// The error of an event, borrowed as the event is.
macro_rules! own_error {
    ($event:expr) => {
        match $event {
            Event::NeedsLogin(error)
            | Event::Replaced(error)
            | Event::ClientRejected(error)
            | Event::Unverified(error)
            | Event::TokensRefused(error)
            | Event::NotSaved(error)
            | Event::NotErased(error)
            | Event::Stalled(error)
            | Event::BackingOff { error, .. } => Some(error),
            _ => None,
        }
    };
}

/// An event of a session. At most one event of each kind waits to be read: a later event replaces an earlier event of
/// the same kind, so that memory stays bounded even if nobody reads the events.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// There are new tokens: [`Session::tokens`](super::Session::tokens).
    TokensRefreshed,
    /// The grant is gone, or there is no refresh token: the user has to log in again. Keep the session and the data
    /// that belongs to it, and pass the new tokens to [`Session::adopt`](super::Session::adopt).
    NeedsLogin(Error),
    /// A resource server requires a stronger or more recent login (RFC 9470). The session does not change.
    StepUp {
        /// `acr_values`.
        acr_values: Vec<String>,
        /// `max_age`.
        max_age: Option<Duration>,
    },
    /// The account is locked. The session is kept.
    Locked,
    /// The session was logged out here: delete the data that belongs to it.
    Ended,
    /// The logout is done: the record is erased, and what is to be revoked is known.
    LoggedOut(Logout),
    /// The session has ended: its record is gone. Another process has logged out, or the store has lost the record.
    LoggedOutElsewhere,
    /// The session has ended: the store now has a record of another user, client, provider or DPoP
    /// key, or of another login whose user is not known ([`End::Replaced`](super::End::Replaced)).
    Replaced(Error),
    /// The session has stopped using some tokens that may still be valid. Revoke them:
    /// [`Session::poll_revocation`](super::Session::poll_revocation).
    Orphaned,
    /// The provider does not accept the client. The tokens are kept. Register a new client and log in with it.
    ClientRejected(Error),
    /// The provider responded to a refresh with tokens that cannot be trusted. The old tokens are kept.
    Unverified(Error),
    /// A resource server has refused two or more fresh tokens in a row. The account may be locked,
    /// or the tokens may lack what the server needs. The session keeps everything and waits longer
    /// before each further refresh: [`Event::BackingOff`] has the pause. There is no such pause
    /// with the policy [`Manual`](super::RefreshPolicy::Manual), or while an attempt or another
    /// pause is going on.
    TokensRefused(Error),
    /// The store failed to save the tokens. They stay in memory, and the session tries to save them again.
    NotSaved(Error),
    /// The store failed to erase the record of a session that was logged out. The owner has to erase the record.
    NotErased(Error),
    /// The access token is not good, and eight attempts in a row have failed. The session continues to try.
    Stalled(Error),
    /// An attempt failed. If it has brought a refresh token all the same, the session goes on with that one: it is in
    /// [`Session::tokens`](super::Session::tokens), and in the store. An application that stores the tokens itself keeps them
    /// then, too.
    BackingOff {
        /// The pause before the next attempt.
        pause: Duration,
        /// The error of the attempt.
        error: Error,
    },
}

impl Event {
    /// A stable name of its kind, for logs and metrics.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::TokensRefreshed => "tokens_refreshed",
            Self::NeedsLogin(_) => "needs_login",
            Self::StepUp { .. } => "step_up",
            Self::Locked => "locked",
            Self::Ended => "ended",
            Self::LoggedOut(_) => "logged_out",
            Self::LoggedOutElsewhere => "logged_out_elsewhere",
            Self::Replaced(_) => "replaced",
            Self::Orphaned => "orphaned",
            Self::ClientRejected(_) => "client_rejected",
            Self::Unverified(_) => "unverified",
            Self::TokensRefused(_) => "tokens_refused",
            Self::NotSaved(_) => "not_saved",
            Self::NotErased(_) => "not_erased",
            Self::Stalled(_) => "stalled",
            Self::BackingOff { .. } => "backing_off",
        }
    }

    /// The error that it reports, if it reports one.
    pub const fn error(&self) -> Option<&Error> {
        own_error!(self)
    }

    /// The errors that it reports, also those of a logout.
    fn errors_mut(&mut self) -> impl Iterator<Item = &mut Error> {
        let (one, other) = match self {
            Self::LoggedOut(logout) => logout.errors_mut(),
            event => (own_error!(event), None),
        };
        one.into_iter().chain(other)
    }
}

/// Events that were not read yet, in the order in which they came. Each is in a box with those after it, so that there
/// is no buffer, and nothing but a pointer while there is no event.
#[derive(Debug, Default)]
pub(crate) struct Events(Option<Box<(Event, Events)>>);

impl Events {
    /// Goes no deeper than there are kinds.
    pub(crate) fn push(&mut self, event: Event) {
        match self.0.take() {
            None => self.0 = Some(Box::new((event, Self(None)))),
            Some(first) if std::mem::discriminant(&first.0) == std::mem::discriminant(&event) => {
                *self = first.1;
                self.push(event);
            }
            Some(mut first) => {
                first.1.push(event);
                self.0 = Some(first);
            }
        }
    }

    /// The errors that they report.
    pub(super) fn errors_mut(&mut self) -> impl Iterator<Item = &mut Error> {
        let mut next = self.0.as_deref_mut();
        let events = std::iter::from_fn(move || {
            let (event, others) = next.take()?;
            next = others.0.as_deref_mut();
            Some(event)
        });
        events.flat_map(Event::errors_mut)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    pub(crate) fn pop(&mut self) -> Option<Event> {
        let (event, others) = *self.0.take()?;
        *self = others;
        Some(event)
    }
}
