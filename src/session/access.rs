//! What goes in and out of a session beside tokens: who gets what, and who may answer.

use std::time::Duration;

use http::Request;

use crate::base::secret::{AccessToken, Body};
use crate::error::ErrorCode;
use crate::step::KeyUse;
use crate::wire::policy::Policy;

/// An attempt to get new tokens. Later attempts are greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(pub(super) u32);

/// What a caller who wants an access token gets.
#[derive(Debug)]
pub enum Access<'a> {
    /// The access token, good as far as anyone knows.
    Ready(&'a AccessToken),
    /// A new one is on its way: ask [`Session::outcome`](super::Session::outcome) for this attempt.
    Wait(Epoch),
    /// It has expired, and the session refreshes only when it is told to.
    Expired,
    /// There will be none, for this reason.
    Ended(End),
}

/// Why a session gives out no more tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum End {
    /// The user has to log in again.
    NeedsLogin,
    /// The provider does not accept the client.
    ClientRejected,
    /// The provider's answer to the refresh cannot be trusted.
    Refused,
    /// The owner ended it.
    LoggedOut,
}

/// What came of an attempt.
#[derive(Debug)]
pub enum Outcome<'a> {
    /// It is still going on.
    Pending,
    /// There is a good access token.
    Ready(&'a AccessToken),
    /// It failed in this way; the next attempt comes later, by itself.
    Failed(ErrorCode),
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
