//! The result for a caller: a token, or the reason why there is no token.

use crate::base::env::Env;
use crate::base::secret::AccessToken;
use crate::error::{Error, ErrorCode};
use crate::session::{Access, End, Epoch, Outcome, Session};

/// The reason why a caller gets no good access token.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NoToken {
    /// The token has expired or was refused, and the policy is
    /// [`RefreshPolicy::Manual`](crate::session::RefreshPolicy::Manual).
    #[error(
        "the access token has expired or was refused, and the session refreshes only when it is told to: call `refresh`"
    )]
    Expired,
    /// The token has not expired, but it is [doubtful](crate::session::Standing::Doubtful), and no refresh succeeded in
    /// time. You can use the token. Call `unauthorized` if a resource server refuses it.
    #[error("the provider may have ended the access token: {error}")]
    Doubtful {
        /// The token.
        token: AccessToken,
        /// The error of the last refresh.
        error: Error,
    },
    /// The refresh failed with this error. The session tries again after a pause, with
    /// [`RefreshPolicy::OnDemand`](crate::session::RefreshPolicy::OnDemand) normally only when a
    /// caller asks. If the error is `session.token_late`, the refresh succeeded, and its access
    /// token has expired: call again. `access` and `unauthorized` return `session.token_late` only
    /// after they have waited for one more refresh; `refresh` returns it at once. Every other error
    /// is returned as soon as the attempt has failed.
    #[error("no good access token: {0}")]
    Failed(Error),
    /// The session has ended for this reason.
    #[error("the session is over: {0}")]
    Ended(End),
    /// No token came before the caller's deadline. Contains the error of the last attempt, if an attempt failed.
    #[error("the access token did not come in time: {}", last(.0.as_ref()))]
    Late(Option<Error>),
    /// The [`Run`](super::Run) that did the session's work was dropped.
    #[error("nothing does the session's work any more: let its `Run` run as long as the session is used")]
    Stopped,
}

impl NoToken {
    /// The error of the last refresh, if it is the reason.
    pub fn error(&self) -> Option<&Error> {
        match self {
            Self::Doubtful { error, .. } | Self::Failed(error) => Some(error),
            Self::Ended(end) => end.error(),
            Self::Late(error) => error.as_ref(),
            Self::Expired | Self::Stopped => None,
        }
    }
}

/// What is known of a token that is late.
fn last(error: Option<&Error>) -> String {
    match error {
        Some(error) => format!("the last attempt failed: {error}"),
        None => "ask again".to_owned(),
    }
}

/// What a caller gets.
pub(super) type TokenResult = Result<AccessToken, NoToken>;

/// What a session says to a caller: a response, or what to wait for.
pub(super) fn response(access: Access<'_>) -> Result<TokenResult, Epoch> {
    match access {
        Access::Ready(token) => Ok(Ok(token.clone())),
        Access::Doubtful { token, error } => Ok(Err(NoToken::Doubtful { token: token.clone(), error })),
        Access::Wait(epoch) => Err(epoch),
        Access::Expired => Ok(Err(NoToken::Expired)),
        Access::Ended(end) => Ok(Err(NoToken::Ended(end))),
    }
}

/// What became of what a caller waited for; `None` while it goes on.
pub(super) fn outcome(outcome: Outcome<'_>) -> Option<TokenResult> {
    match outcome {
        Outcome::Pending => None,
        Outcome::Ready(token) => Some(Ok(token.clone())),
        Outcome::Doubtful { token, error } => Some(Err(NoToken::Doubtful { token: token.clone(), error })),
        Outcome::Failed(error) => Some(Err(NoToken::Failed(error))),
        Outcome::Ended(end) => Some(Err(NoToken::Ended(end))),
    }
}

/// Whether the caller may wait for one more attempt: any good token will do, and the new one had expired when it came.
pub(super) fn came_too_late(epoch: Epoch, result: &TokenResult) -> bool {
    let is_late = |error: &Error| error.code() == ErrorCode::SESSION_TOKEN_LATE;
    epoch.wants_any_token() && matches!(result, Err(NoToken::Failed(error)) if is_late(error))
}

/// What a caller gets whose time is up.
pub(super) fn late(session: &Session, epoch: Epoch, env: &dyn Env) -> TokenResult {
    outcome(session.outcome_now(epoch, env)).unwrap_or_else(|| Err(NoToken::Late(session.last_failure().cloned())))
}
