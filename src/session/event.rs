//! What a session tells its owner.

use std::time::Duration;

use crate::error::Error;

/// Something that happened. Of each kind at most one waits to be read: a later one takes the place of an earlier one, so
/// that memory stays bounded even if nobody reads.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// There are new tokens: [`Session::tokens`](super::Session::tokens).
    TokensRefreshed,
    /// The grant is gone, or there is no refresh token: the user has to log in again. Keep what the session is bound to
    /// (a device, a user) and hand the new tokens to [`Session::adopt`](super::Session::adopt).
    NeedsLogin(Error),
    /// A resource wants the user to log in more strongly or more recently (RFC 9470). The session is not touched.
    StepUp {
        /// `acr_values`.
        acr_values: Vec<String>,
        /// `max_age`.
        max_age: Option<Duration>,
    },
    /// The account is locked. The session is kept.
    Locked,
    /// The session is over: erase what belongs to it.
    Ended,
    /// The provider does not accept the client. Tokens are kept; a new login by a new client can mend it.
    ClientRejected(Error),
    /// The provider answered a refresh with tokens that cannot be trusted. The old ones are kept.
    Refused(Error),
    /// The store failed to save. The tokens live on in memory, and saving is tried again.
    NotSaved(Error),
    /// The store failed to erase the record of a session that was logged out: it is the owner's to erase.
    NotErased(Error),
    /// The access token is not known to be good, and many attempts to refresh it have failed. It goes on trying.
    Stalled(Error),
    /// An attempt failed.
    BackingOff {
        /// The next one is made after this pause.
        pause: Duration,
        /// How it failed.
        error: Error,
    },
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

    pub(crate) fn pop(&mut self) -> Option<Event> {
        let (event, others) = *self.0.take()?;
        *self = others;
        Some(event)
    }
}
