//! Sessions that are kept good: for any number of callers, on any executor or on threads.
//!
//! ```text
//!   SessionHandle ──┐                        ┌──▶ HttpClient, KeyStore
//!   SessionHandle ──┼─▶ Session ◀─▶ Run ◀────┼──▶ SessionStore, one a session
//!   Listener ◀──────┘    (shared)  (a task)  └──▶ Timer: one pause, until the first deadline of all sessions
//! ```
//!
// | file | holds |
// |---|---|
// | `handle.rs` | [`Sessions`] and [`SessionHandle`]: what callers hold |
// | `run.rs` | [`Run`]: the future that does the work, to be spawned |
// | `slot.rs` `waiters.rs` | a session between its callers and that future |
// | `hub.rs` `shared_env.rs` | what all sessions have in common |
// | `gate.rs` | how many refreshes of one provider go on at once |
// | `health.rs` | [`Health`]: what the sessions are doing, counted |
// | `token_result.rs` | [`NoToken`], and what a session's words mean to a caller |
// | `input.rs` | answers on their way to a session |
// | `work.rs` | requests, uses of keys and store actions under way, each polled only when it was woken |
// | `listener.rs` | [`Listener`]: a session's events |
// | `blocking.rs` | [`BlockingSession`]: the same on the threads that call |
// | `lock.rs` | a lock that outlives a panic |
//!
//! A refresh belongs to the task: it comes to its end even if the caller who caused it is gone. To shut down, drop the
//! handles and await the task: what is under way is then finished and saved, and the lock of the store given back.
//!
//! The tokens of a login get into the store by [`Session::save`](crate::session::Session::save), before the session is
//! handed over.
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
mod gate;
mod handle;
mod health;
mod hub;
mod input;
mod listener;
mod lock;
mod run;
mod shared_env;
mod slot;
mod token_result;
mod waiters;
mod work;

pub use blocking::BlockingSession;
pub use handle::{SessionHandle, Sessions};
pub use health::Health;
pub use listener::Listener;
pub use run::Run;
pub use token_result::NoToken;
