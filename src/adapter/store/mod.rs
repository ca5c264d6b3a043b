//! Stores for the records of sessions: what keeps one session's tokens, in this process or for many.
//!
//! | file | feature | holds |
//! |---|---|---|
//! | `store.rs` | | [`SessionStore`], [`BlockingSessionStore`], [`NoStore`] |
//! | `offload.rs` `queue.rs` | | [`Offload`]: a blocking store for asynchronous sessions; [`Answer`], in the order of the questions |
//! | `file.rs` | `file-store` | `FileStore`: a file, for the processes of one machine |
//! | `redis.rs` | `redis` | `redis::RedisStore`: a server, for the processes of many machines |
//! | `redis.rs` | `redis`, `tokio` | `redis::AsyncRedisStore`: the same without a thread |
//! | `record.rs` | `file-store`, `redis` | the text of a record, and how a save compares |
//!
//! A store is one holder of its lock: give each session a store of its own, also in one process. Asking for the lock that
//! it holds already is answered `Locked`, and one `Unlock` gives it back.
//!
//! | | file | Redis |
//! |---|---|---|
//! | a holder that is killed | the lock is free at once | when the lease has ended |
//! | a store that is dropped while it holds the lock | the lock is free at once | when the lease has ended |
//! | a holder that is suspended | keeps the lock | loses it when the lease has ended |
//! | a lock that was lost | the save compares under a lock of its own | the save compares |
//! | `Saved` means | on the disk | as the server's persistence says |
//!
//! A lease is not cut short by a drop, because a request may still be under way for which the lock was taken: the next
//! holder's would meet it. [`Run`](super::session::Run) says how to end without leaving a lock behind.

#[cfg(feature = "file-store")]
mod file;
mod offload;
mod queue;
#[cfg(any(feature = "file-store", feature = "redis"))]
mod record;
#[cfg(feature = "redis")]
pub mod redis;

#[cfg(feature = "file-store")]
pub use file::FileStore;
pub use offload::Offload;
pub use queue::Answer;

use std::future::{Future, Ready, ready};

use crate::error::{Error, ErrorCode};
use crate::session::{StoreAction, StoreAnswer};

/// How long to wait for the lock: a session has given up after 45 seconds.
#[cfg(any(feature = "file-store", feature = "redis"))]
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(30);

/// Keeps the record of one session, asynchronously. Any closure of this shape does.
///
/// `Lock` waits until the lock is there; a session has given up by its
/// [`deadline`](crate::session::SessionOptions::deadline), so waiting longer than that is of no use. `Save` compares and
/// writes as one act. What an action came to, whether or not anyone still waits for it, has to be true: a lock that is
/// answered is held, and is given back by `Unlock`.
pub trait SessionStore {
    /// The answer to come. A named type, so that what waits for it can be required to be `Send`.
    type Answer: Future<Output = StoreAnswer>;

    /// Does what is asked.
    fn carry_out(&self, action: StoreAction) -> Self::Answer;
}

impl<S, A> SessionStore for S
where
    S: Fn(StoreAction) -> A,
    A: Future<Output = StoreAnswer>,
{
    type Answer = A;

    fn carry_out(&self, action: StoreAction) -> A {
        self(action)
    }
}

/// The same on the thread that calls. Any closure of this shape does.
pub trait BlockingSessionStore {
    /// Does what is asked.
    fn carry_out(&self, action: StoreAction) -> StoreAnswer;
}

impl<S: Fn(StoreAction) -> StoreAnswer> BlockingSessionStore for S {
    fn carry_out(&self, action: StoreAction) -> StoreAnswer {
        self(action)
    }
}

/// A store that does nothing, and why.
fn failed(why: &'static str) -> Error {
    Error::new(ErrorCode::STORE_IO).with_source(why)
}

/// No store, for sessions whose tokens are kept [nowhere](crate::session::Persistence::Nowhere).
#[derive(Clone, Copy, Debug, Default)]
pub struct NoStore;

impl SessionStore for NoStore {
    type Answer = Ready<StoreAnswer>;

    fn carry_out(&self, action: StoreAction) -> Self::Answer {
        ready(BlockingSessionStore::carry_out(self, action))
    }
}

impl BlockingSessionStore for NoStore {
    fn carry_out(&self, _: StoreAction) -> StoreAnswer {
        StoreAnswer::Failed(failed("there is no store"))
    }
}
