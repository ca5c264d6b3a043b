//! Sessions that are kept good: for any number of callers, on any executor or on threads.
//!
//! ```text
//!   SessionHandle ──┐                        ┌──▶ HttpClient, KeyStore
//!   SessionHandle ──┼─▶ Session ◀─▶ Run ◀────┼──▶ SessionStore, one a session
//!   Listener ◀──────┘    (shared)  (a task)  └──▶ Timer: one pause, until the first deadline of all sessions
//! ```
//!
//! | file | holds |
//! |---|---|
//! | `handle.rs` | [`Sessions`] and [`SessionHandle`]: what callers hold |
//! | `run.rs` | [`Run`]: the future that does the work, to be spawned |
//! | `slot.rs` | a session between its callers and that future |
//! | `work.rs` | requests, uses of keys and store actions under way, each polled only when it was woken |
//! | `listener.rs` | [`Listener`]: a session's events |
//! | `blocking.rs` | [`BlockingSession`]: the same on the threads that call |
//!
//! A refresh belongs to the task: it comes to its end even if the caller who caused it is gone. To shut down, drop the
//! handles and await the task: what is under way is then finished and saved, and the lock of the store given back.
//!
//! The tokens of a login get into the store by [`Session::save`], before the session is handed over.
//!
//! ```
//! use std::time::Duration;
//! use oidc_proto::adapter::session::{NoToken, SessionHandle, Sessions};
//! use oidc_proto::adapter::{Driver, HttpClient, SystemEnv};
//! use oidc_proto::adapter::store::NoStore;
//! use oidc_proto::session::{Refusal, Session};
//!
//! async fn start(session: Session, http: impl HttpClient<Response: Send> + Send + 'static) -> Result<(), Box<dyn std::error::Error>> {
//!     let driver = Driver::new(http).with_timer(tokio::time::sleep);
//!     let (sessions, run) = Sessions::new(driver, SystemEnv::new()?);
//!     tokio::spawn(run);
//!     let session = sessions.add(session, NoStore);
//!     call_api(&session).await?;
//!     Ok(())
//! }
//!
//! async fn call_api(session: &SessionHandle<SystemEnv>) -> Result<(), NoToken> {
//!     let token = session.access().await?;
//!     let is_refused = false; // … what the API said to the token
//!     if is_refused {
//!         let _newer = session.unauthorized(&token, Refusal::Token).await?;
//!     }
//!     Ok(())
//! }
//! ```

mod blocking;
mod handle;
mod listener;
mod run;
mod slot;
mod work;

use std::sync::{Mutex, MutexGuard, PoisonError};

pub use blocking::BlockingSession;
pub use handle::{SessionHandle, Sessions};
pub use listener::Listener;
pub use run::Run;

use crate::base::env::Env;
use crate::base::secret::AccessToken;
use crate::error::Error;
use crate::error::transport::{Failure, FailureKind};
use crate::session::{Access, End, Epoch, Outcome, Session, StoreAnswer, StoreTicket, Ticket};
use crate::step::KeyOutput;

/// Why a caller gets no access token that is good as far as anyone knows.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NoToken {
    /// It has expired, and the session refreshes only when it is told to.
    #[error("the access token has expired, and the session refreshes only when it is told to")]
    Expired,
    /// There is one that has not expired, but it is [doubtful](crate::session::Standing::Doubtful), and the provider could
    /// not be asked in time. It may be used; say `unauthorized` if it is refused.
    #[error("the provider may have ended the access token: {error}")]
    Doubtful {
        /// The token.
        token: AccessToken,
        /// How the last refresh failed.
        error: Error,
    },
    /// The refresh failed in this way. The session tries again by itself.
    #[error("the access token could not be refreshed: {0}")]
    Failed(Error),
    /// There will be none, for this reason.
    #[error("the session is over: {0}")]
    Ended(End),
    /// It did not come in the time that the caller had. If an attempt has failed before, this is how.
    #[error("the access token did not come in time")]
    Late(Option<Error>),
    /// What did the session's work is gone: [`Run`] was dropped.
    #[error("nothing does the session's work any more")]
    Stopped,
}

impl NoToken {
    /// How the last refresh failed, where that is the reason.
    pub fn error(&self) -> Option<&Error> {
        match self {
            Self::Doubtful { error, .. } | Self::Failed(error) => Some(error),
            Self::Ended(end) => end.error(),
            Self::Late(error) => error.as_ref(),
            Self::Expired | Self::Stopped => None,
        }
    }
}

type Answer = Result<AccessToken, NoToken>;

/// What a session says to a caller: an answer, or what to wait for.
fn answer(access: Access<'_>) -> Result<Answer, Epoch> {
    match access {
        Access::Ready(token) => Ok(Ok(token.clone())),
        Access::Doubtful { token, error } => Ok(Err(NoToken::Doubtful { token: token.clone(), error })),
        Access::Wait(epoch) => Err(epoch),
        Access::Expired => Ok(Err(NoToken::Expired)),
        Access::Ended(end) => Ok(Err(NoToken::Ended(end))),
    }
}

/// What became of what a caller waited for; `None` while it goes on.
fn outcome(outcome: Outcome<'_>) -> Option<Answer> {
    match outcome {
        Outcome::Pending => None,
        Outcome::Ready(token) => Some(Ok(token.clone())),
        Outcome::Doubtful { token, error } => Some(Err(NoToken::Doubtful { token: token.clone(), error })),
        Outcome::Failed(error) => Some(Err(NoToken::Failed(error))),
        Outcome::Ended(end) => Some(Err(NoToken::Ended(end))),
    }
}

/// What a caller gets whose time is up.
fn late(session: &Session, epoch: Epoch, env: &dyn Env) -> Answer {
    outcome(session.outcome_now(epoch, env)).unwrap_or_else(|| Err(NoToken::Late(session.last_failure().cloned())))
}

/// A panic elsewhere leaves nothing half done that a lock protects here.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An answer for a session.
enum Input {
    Response(Ticket, Result<http::Response<Vec<u8>>, Failure>),
    KeyOutput(Ticket, Result<KeyOutput, FailureKind>),
    Store(StoreTicket, StoreAnswer),
    Timeout,
}

impl Input {
    fn hand(self, session: &mut Session, env: &mut dyn Env) {
        match self {
            Self::Response(ticket, Ok(response)) => session.handle_response(ticket, response, env),
            Self::Response(ticket, Err(failure)) => session.handle_failure(ticket, failure, env),
            Self::KeyOutput(ticket, output) => session.handle_key_output(ticket, output, env),
            Self::Store(ticket, answer) => session.handle_store(ticket, answer, env),
            Self::Timeout => session.handle_timeout(env),
        }
    }
}
