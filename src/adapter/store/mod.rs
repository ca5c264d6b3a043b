//! Stores for the records of sessions: what keeps one session's tokens, in this process or for many.
//!
//! | file | feature | holds |
//! |---|---|---|
//! | `contract.rs` | | [`SessionStore`], [`BlockingSessionStore`], [`NoStore`] |
//! | `offload.rs` `queue.rs` | | [`Offload`]: a blocking store for asynchronous sessions; [`StoreFuture`], in the order of the questions |
//! | `file/` | `file-store` | `FileStore`: a file, for the processes of one machine |
//! | `redis/` | `redis` | `redis::RedisStore`: a server, for the processes of many machines |
//! | `redis/` | `redis`, `tokio` | `redis::AsyncRedisStore`: the same without a thread |
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
//! | a lock that was lost | is taken again before a refresh; a save compares under a lock of its own | is taken again before a refresh; a save compares |
//! | `Saved` means | on the disk | as the server's persistence says |
//!
//! A lease is not cut short by a drop, because a request may still be under way for which the lock was taken: the next
//! holder's would meet it. [`Run`](super::session::Run) says how to end without leaving a lock behind.

mod contract;
#[cfg(feature = "file-store")]
mod file;
mod offload;
mod queue;
#[cfg(any(feature = "file-store", feature = "redis"))]
mod record;
#[cfg(feature = "redis")]
pub mod redis;

pub use contract::{BlockingSessionStore, NoStore, SessionStore};
#[cfg(feature = "file-store")]
pub use file::FileStore;
pub use offload::Offload;
pub use queue::StoreFuture;
