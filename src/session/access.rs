//! What goes in and out of a session beside tokens: who gets what, and who may answer.

use std::fmt;
use std::time::Duration;

use http::Request;

use crate::base::secret::{AccessToken, Body};
use crate::error::Error;
use crate::step::KeyUse;
use crate::wire::policy::Policy;

/// An attempt to get new tokens, and what its caller wants of it. Later attempts are greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch {
    pub(super) attempt: u32,
    pub(super) wants: Wants,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Wants {
    /// An access token: the old one will do while it is good.
    Token,
    /// New tokens, and no others.
    NewTokens,
}

/// What is known of the access token that the session has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Standing {
    /// It has not expired, and nothing speaks against it.
    Good,
    /// It has not expired. But the provider was asked for new tokens, and may have ended this one without the session
    /// hearing of it: no response came, or one that did not bring usable tokens.
    Doubtful,
    /// A resource server refused it.
    Refused,
    /// It has expired.
    Expired,
}

/// What a caller who wants an access token gets.
#[derive(Debug)]
pub enum Access<'a> {
    /// The access token, good as far as anyone knows.
    Ready(&'a AccessToken),
    /// The access token is [doubtful](Standing::Doubtful), and the session pauses before it asks again.
    Doubtful {
        /// The token. It may be used; the resource server may refuse it.
        token: &'a AccessToken,
        /// How the last attempt failed.
        error: Error,
    },
    /// A new one is on its way: ask [`Session::outcome`](super::Session::outcome) for this attempt.
    Wait(Epoch),
    /// It has expired, and the session refreshes only when it is told to.
    Expired,
    /// There will be none, for this reason.
    Ended(End),
}

/// Why a session gives out no more tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum End {
    /// The user has to log in again: the grant is gone, or there is no refresh token.
    NeedsLogin(Error),
    /// The provider does not accept the client.
    ClientRejected(Error),
    /// The provider's answer to the refresh cannot be trusted.
    Refused(Error),
    /// The owner ended it.
    LoggedOut,
}

impl End {
    /// The error that ended it; `None` if the owner did.
    pub fn error(&self) -> Option<&Error> {
        match self {
            Self::NeedsLogin(error) | Self::ClientRejected(error) | Self::Refused(error) => Some(error),
            Self::LoggedOut => None,
        }
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NeedsLogin(error) => write!(f, "the user has to log in again: {error}"),
            Self::ClientRejected(error) => write!(f, "the provider does not accept the client: {error}"),
            Self::Refused(error) => write!(f, "the provider's response cannot be trusted: {error}"),
            Self::LoggedOut => f.write_str("the session was logged out"),
        }
    }
}

/// What came of an attempt.
///
/// A caller of [`Session::refresh`](super::Session::refresh) gets `Ready` only with tokens that are newer than those at the
/// call. All others get it also with the old access token, while that is good.
#[derive(Debug)]
pub enum Outcome<'a> {
    /// It is still going on.
    Pending,
    /// There is a good access token.
    Ready(&'a AccessToken),
    /// It failed. The old access token has not expired, but it is [doubtful](Standing::Doubtful). The next attempt comes
    /// later, by itself.
    Doubtful {
        /// The token. It may be used; the resource server may refuse it.
        token: &'a AccessToken,
        /// How the last attempt failed.
        error: Error,
    },
    /// It failed in this way; the next attempt comes later, by itself.
    Failed(Error),
    /// There will be none, for this reason.
    Ended(End),
}

/// Why a resource server refused an access token.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// The token is not or no longer good: `invalid_token`, or no reason at all.
    Token,
    /// The user has to log in more strongly or more recently (RFC 9470).
    StepUp {
        /// `acr_values`.
        acr_values: Vec<String>,
        /// `max_age`.
        max_age: Option<Duration>,
    },
    /// The account is locked.
    Locked,
}

/// The right to hand in one response or output of a key store. Neither `Clone` nor made by anyone else:
///
/// ```compile_fail,E0423
/// let forged = oidc_proto::session::Ticket(1);
/// ```
#[derive(Debug, PartialEq, Eq)]
#[must_use = "the session waits for the answer"]
pub struct Ticket(pub(super) u32);

/// What the session wants to be carried out.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "taken apart where it is polled")]
pub enum Transmit {
    /// Send a request.
    Call {
        /// For the response.
        ticket: Ticket,
        /// The request.
        request: Request<Body>,
        /// What to know about it.
        policy: Policy,
    },
    /// Use a key that lives elsewhere.
    UseKey {
        /// For the output.
        ticket: Ticket,
        /// What is to be done.
        key_use: KeyUse,
    },
}
