//! Sessions whose tokens stay valid: for any number of callers, on any executor or on threads.
//!
//! ```text
//!   SessionHandle ──┐                        ┌──▶ HttpClient, KeyStore
//!   SessionHandle ──┼─▶ Session ◀─▶ Run ◀────┼──▶ SessionStore, one a session
//!   Listener ◀──────┘    (shared)  (a task)  └──▶ Timer: one pause, until the first deadline of all sessions
//! ```
//!
// | file | holds |
// |---|---|
// | `handle.rs` | [`Sessions`] and [`SessionHandle`]: the handles of callers |
// | `run.rs` | [`Run`]: the future that does the work, to be spawned |
// | `slot.rs` `waiters.rs` | a session between its callers and that future |
// | `hub.rs` `shared_env.rs` | what all sessions have in common |
// | `feed.rs` | [`NamedListener`]: the events of all sessions of a registry |
// | `registry/` | [`Registry`]: sessions by name, loaded when they are needed |
// | `gate.rs` | how many refreshes of one provider go on at once |
// | `health.rs` | [`Health`]: what the sessions are doing, counted |
// | `token_result.rs` | [`NoToken`], and the conversion of a session's results for a caller |
// | `input.rs` | responses on their way to a session |
// | `work.rs` | running requests, key operations and store actions; polled only after a wake-up |
// | `listener.rs` | [`Listener`]: a session's events |
// | `blocking.rs` | [`BlockingSession`]: a session on the calling threads |
// | `inbox.rs` | where events wait for one reader |
// | `lock.rs` | a lock that outlives a panic |
// | `ordered.rs` | a map whose code is small |
//!
//! A refresh belongs to the task. It continues even if the caller that started it was dropped. To
//! shut down, drop all session handles and all clones of [`Sessions`], and await the task. The task
//! then finishes the running work, saves the tokens, and releases the lock of the store.
//!
//! After a login, call [`Session::save`](crate::session::Session::save) before you add the session. It saves the tokens
//! in the store.
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
//!     let session = sessions.add(session, NoStore)?;
//!     call_api(&session).await?;
//!     Ok(())
//! }
//!
//! async fn call_api(session: &SessionHandle<SystemEnv>) -> Result<(), NoToken> {
//!     let token = session.access().await?;
//!     let is_refused = false; // … whether the API refused the token
//!     if is_refused {
//!         let _newer = session.unauthorized(&token, Refusal::Token).await?;
//!     }
//!     Ok(())
//! }
//! ```

mod blocking;
mod feed;
mod fit;
mod gate;
mod handle;
mod health;
mod hub;
mod inbox;
mod input;
mod listener;
mod lock;
mod ordered;
mod pause;
mod registry;
mod run;
mod shared_env;
mod slot;
mod token_result;
mod waiters;
mod work;

pub use blocking::BlockingSession;
pub use feed::{NamedEvent, NamedListener};
pub use fit::Misfit;
pub use handle::{SessionHandle, Sessions};
pub use health::Health;
pub use listener::Listener;
pub use registry::{LoggedOut, LoggedOutSessions, Registry, RegistryOptions, RegistryRun};
pub use run::Run;
pub use token_result::NoToken;
