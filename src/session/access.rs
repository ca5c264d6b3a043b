//! The arguments and results of a session's functions.

use std::fmt;
use std::time::Duration;

use http::Request;

use crate::base::secret::{AccessToken, Body};
use crate::error::Error;
use crate::step::KeyUse;
use crate::wire::policy::Policy;

/// The number of an attempt to get new tokens, and what its caller wants: a good token or new tokens. Later attempts
/// compare greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch {
    pub(super) attempt: u32,
    pub(super) wants: Wants,
}

impl Epoch {
    /// Whether its caller wants any good token, and not only new ones.
    pub(crate) fn wants_any_token(self) -> bool {
        self.wants == Wants::Token
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Wants {
    /// An access token: the old token is enough while it is good.
    Token,
    /// New tokens, and no others.
    NewTokens,
}

/// What the session knows about its access token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Standing {
    /// It has not expired, was not refused, and is not doubtful.
    Good,
    /// It has not expired, but the provider may have ended it: the provider was asked for new tokens, and no response
    /// came, or a response without usable tokens.
    Doubtful,
    /// A resource server refused it.
    Refused,
    /// It has expired.
    Expired,
}

/// The result of [`Session::access`](super::Session::access) and its variants.
#[derive(Debug)]
pub enum Access<'a> {
    /// The access token; its standing is [`Standing::Good`].
    Ready(&'a AccessToken),
    /// The access token is [doubtful](Standing::Doubtful), and the session pauses before it asks the provider again.
    Doubtful {
        /// The token. It may be used; the resource server may refuse it.
        token: &'a AccessToken,
        /// How the last attempt failed.
        error: Error,
    },
    /// The session is getting a new token: ask [`Session::outcome`](super::Session::outcome) for this attempt.
    Wait(Epoch),
    /// The access token has expired or was refused, and the policy is
    /// [`RefreshPolicy::Manual`](super::RefreshPolicy::Manual).
    Expired,
    /// The session has ended, for this reason.
    Ended(End),
}

/// Why a session has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum End {
    /// The user has to log in again: the grant is gone, or there is no refresh token.
    NeedsLogin(Error),
    /// The provider does not accept the client.
    ClientRejected(Error),
    /// The tokens of the refresh cannot be trusted.
    Unverified(Error),
    /// The owner called [`Session::log_out`](super::Session::log_out).
    LoggedOut,
    /// The store has no record any more: another process has logged out, or the store has lost the record. Nothing is
    /// written back.
    LoggedOutElsewhere,
    /// The store has a record of another user, of another provider, client or DPoP key, or of
    /// another login whose user is not known (a login without an ID token can be of the same user).
    /// The error says which. The record is left as it is.
    Replaced(Error),
}

impl End {
    /// The error that ended the session; `None` after a logout.
    pub fn error(&self) -> Option<&Error> {
        match self {
            Self::NeedsLogin(error) | Self::ClientRejected(error) | Self::Unverified(error) | Self::Replaced(error) => {
                Some(error)
            }
            Self::LoggedOut | Self::LoggedOutElsewhere => None,
        }
    }

    /// Whether a new login cannot continue the session.
    pub(super) fn is_final(&self) -> bool {
        matches!(self, Self::LoggedOut | Self::LoggedOutElsewhere | Self::Replaced(_))
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NeedsLogin(error) => write!(f, "the user has to log in again: {error}"),
            Self::ClientRejected(error) => write!(f, "the provider does not accept the client: {error}"),
            Self::Unverified(error) => write!(f, "the provider's response cannot be trusted: {error}"),
            Self::LoggedOut => f.write_str("the session was logged out"),
            Self::LoggedOutElsewhere => f.write_str(
                "the session's record is gone from the store: another process has logged out, or the store has lost it",
            ),
            Self::Replaced(error) => write!(f, "another login has taken the place of the session: {error}"),
        }
    }
}

/// How a session that has ended for good has left its record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EndedForGood {
    /// The record is not this session's any more: another session may be made of what the store has.
    Gone,
    /// The store failed to erase the record. Another session made of it would bring back what was logged out.
    NotErased,
}

/// What a session is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Activity {
    Idle,
    /// An attempt waits until its driver admits it.
    Queued,
    Refreshing,
    BackingOff,
}

/// The result of a logout, as far as the session goes. The tokens are then to be revoked:
/// [`Session::poll_revocation`](super::Session::poll_revocation).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Logout {
    /// What became of the record.
    pub erased: Erased,
    /// Why the newest tokens may not be among those to be revoked; `None` if they are.
    pub uncertainty: Option<Uncertainty>,
}

impl Logout {
    /// Whether the newest tokens are among those to be revoked. If not, their revocation proves nothing: a response was
    /// lost, or the store did not say what it had, and the provider may have issued tokens that nobody knows.
    pub const fn is_certain(&self) -> bool {
        self.uncertainty.is_none()
    }

    /// The errors that it reports.
    pub(super) fn errors_mut(&mut self) -> (Option<&mut Error>, Option<&mut Error>) {
        let erased = match &mut self.erased {
            Erased::Failed(error) => Some(error),
            Erased::Record | Erased::Nothing | Erased::OtherLogin => None,
        };
        let uncertainty = match &mut self.uncertainty {
            Some(Uncertainty::RefreshFailed(error) | Uncertainty::Store(error)) => Some(error),
            Some(Uncertainty::LostResponse | Uncertainty::OtherLogin | Uncertainty::NoRecord) | None => None,
        };
        (erased, uncertainty)
    }
}

/// Why tokens may live on that are not among those to be revoked.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Uncertainty {
    /// A refresh was begun, and its response was lost or did not come in time: the provider may
    /// have issued tokens for it.
    LostResponse,
    /// The attempt to get the newest tokens failed with this error: there may be newer ones, because a response was lost, or
    /// because the record is gone.
    RefreshFailed(Error),
    /// The store did not say what it had, or did not erase it: this is its error.
    Store(Error),
    /// The record is another user's. The store does not say any more what it had last of this login.
    OtherLogin,
    /// There is no record any more: another process has logged out, or the store has lost it. Only that process
    /// knows whether the newest tokens were revoked. A session that finds the record gone during its logout, and can still
    /// refresh, refreshes once more instead: the logout is certain if that brings tokens.
    NoRecord,
}

impl fmt::Display for Uncertainty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LostResponse => f.write_str("the response to a refresh was lost"),
            Self::RefreshFailed(error) => write!(f, "the newest tokens could not be had: {error}"),
            Self::Store(error) => write!(f, "the store failed: {error}"),
            Self::OtherLogin => f.write_str("the record is another user's"),
            Self::NoRecord => {
                f.write_str("the record is gone: another process has logged out, or the store has lost it")
            }
        }
    }
}

/// What became of the record of a session that is logged out.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Erased {
    /// It was erased.
    Record,
    /// There was none. If a shared store had one before, the logout is certain only if a refresh
    /// that is under way, or one more refresh, brings the newest tokens.
    Nothing,
    /// It is another user's, and was left as it is. What there was of this login is not known: the
    /// logout is not certain.
    OtherLogin,
    /// The store failed to erase it. The owner has to erase it. Whoever finds it meanwhile goes on
    /// with it: the logout is not certain.
    Failed(Error),
}

/// The outcome of an attempt.
///
/// A caller of [`Session::refresh`](super::Session::refresh) gets `Ready` only with tokens that are newer than those at
/// the call. All other callers also get `Ready` with the old access token, while that token is good.
#[derive(Debug)]
pub enum Outcome<'a> {
    /// The attempt has not ended.
    Pending,
    /// There is a good access token.
    Ready(&'a AccessToken),
    /// The attempt failed, or it is running and the caller's time is up
    /// ([`Session::outcome_now`](super::Session::outcome_now)). The old access token has not
    /// expired, but it is [doubtful](Standing::Doubtful). After a failure the session tries again
    /// after a pause.
    Doubtful {
        /// The token. It may be used; the resource server may refuse it.
        token: &'a AccessToken,
        /// How the last attempt failed.
        error: Error,
    },
    /// There is no good access token, or there are no new tokens, for this reason. If the attempt
    /// failed, the session tries again after a pause, with
    /// [`RefreshPolicy::OnDemand`](super::RefreshPolicy::OnDemand) only for a caller. If the error
    /// is `session.token_late`, the attempt succeeded, and its access token has expired: there is
    /// no pause, and only with [`RefreshPolicy::Ahead`](super::RefreshPolicy::Ahead) does the
    /// session refresh again by itself. Ask again.
    Failed(Error),
    /// The session has ended, for this reason.
    Ended(End),
}

/// Why a resource server refused an access token.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// The token is not valid: `invalid_token`, or the response gives no reason.
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

/// The right to pass in one response or one output of a key store. It is not `Clone`, and only a session makes it:
///
/// ```compile_fail,E0603
/// let forged = oidc_proto::session::Ticket(1);
/// ```
#[derive(Debug, PartialEq, Eq)]
#[must_use = "the session waits for the response"]
pub struct Ticket(pub(super) u32);

/// What the driver of a session has to carry out.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "taken apart where it is polled")]
pub enum Transmit {
    /// Send a request.
    Call {
        /// For the response.
        ticket: Ticket,
        /// The request.
        request: Request<Body>,
        /// The policy of the request.
        policy: Policy,
    },
    /// Use a key of the driver's key store.
    UseKey {
        /// For the output.
        ticket: Ticket,
        /// The key operation.
        key_use: KeyUse,
    },
}
