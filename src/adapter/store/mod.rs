//! Stores for the records of sessions. A store keeps the tokens of one session, for one process or for several.
//!
//! | file | feature | holds |
//! |---|---|---|
//! | `contract.rs` | | [`SessionStore`], [`BlockingSessionStore`], [`NoStore`] |
//! | `holder.rs` | | [`Holder`]: a store and its clones, which one session uses |
//! | `stores.rs` `indexed.rs` | | [`SessionStores`]: a store for each name, and an index by user, for a registry |
//! | `offload.rs` `queue.rs` | | [`Offload`]: a blocking store for asynchronous sessions; [`StoreFuture`]: the response to an action; actions run in the order in which they were requested |
//! | `file/` | `file-store` | `FileStore`: a file, `FileStores`: a folder, for the processes of one machine |
//! | `redis/` | `redis` | `redis::RedisStore`: a server, for the processes of many machines |
//! | `redis/` | `redis`, `tokio` | `redis::AsyncRedisStore`: the same without a thread |
//! | `browser/` | `browser` | `BrowserStore`: IndexedDB, for the windows and workers of one origin; on `wasm32-unknown-unknown` |
//! | `record.rs` | `file-store`, `redis`, `browser` | the text of a record, and how a save compares |
//!
//! Each store is, with its clones, one holder of its lock. If a store that already holds the lock gets `Lock` again, it
//! responds with `Locked`; one `Unlock` releases the lock. So give each session its own store, also within one process: a
//! second session of a store or of its clones is refused with `session.setup`, until the first one is dropped and its work
//! is done. Two stores of one record are two holders, which take turns as in two processes. Nothing
//! is lost, but both sessions hold the tokens in memory, and both load the record from the store. A
//! [`Registry`](crate::adapter::session::Registry) has one session for each record. A second
//! session of a store of your own is refused only if the store has a [`Holder`].
//!
//! | | file | Redis |
//! |---|---|---|
//! | the holder is killed | releases the lock at once | releases the lock when the lease expires |
//! | the store is dropped with the lock | releases the lock at once | releases the lock when the lease expires |
//! | the holder is suspended | keeps the lock | releases the lock when the lease expires |
//! | a lock that was lost | is taken again before a refresh; a save compares under a lock of its own | is taken again before a refresh; a save compares |
//! | `Saved` means | the record is on the disk | the server has the record; its settings decide about the disk |
//!
//! `BrowserStore` is like the file store: the browser releases the lock of a window that ends, and
//! a dropped store releases its own. A suspended window keeps the lock until others have waited for
//! 90 s without a sign of life from it.
//!
//! Dropping a Redis store does not end its lease, because a request that needs the lock may still be running. It would
//! conflict with the request of the next holder. [`Run`](super::session::Run) says how to stop without leaving a lock
//! behind.

#[cfg(all(feature = "browser", target_family = "wasm", target_os = "unknown"))]
mod browser;
mod contract;
#[cfg(feature = "file-store")]
mod file;
mod holder;
mod indexed;
mod named;
mod offload;
mod queue;
#[cfg(any(
    feature = "file-store",
    feature = "redis",
    all(feature = "browser", target_family = "wasm", target_os = "unknown")
))]
mod record;
#[cfg(feature = "redis")]
pub mod redis;
mod stores;
#[cfg(feature = "file-store")]
mod task;

#[cfg(all(feature = "browser", target_family = "wasm", target_os = "unknown"))]
pub use browser::{BrowserStore, RecordWatch};
pub use contract::{BlockingSessionStore, NoStore, SessionStore};
#[cfg(feature = "file-store")]
pub use file::{FileStore, FileStores, PooledStore};
pub use holder::Holder;
pub(in crate::adapter) use holder::InUse;
pub(in crate::adapter) use indexed::Indexed;
pub use offload::Offload;
pub use queue::StoreFuture;
pub use stores::{IndexEntry, IndexKey, SessionStores};
#[cfg(feature = "file-store")]
pub use task::StoreTask;
