//! Records on a Redis server (or Valkey, or whatever speaks its protocol and has `EVAL`), for processes on many machines.
//!
//! | file | holds |
//! |---|---|
//! | `options.rs` | [`RedisOptions`], and the names of a session's keys |
//! | `work.rs` | an action as commands and replies |
//! | `refusal.rs` | errors, without the server's own words |
//! | `blocking.rs` | [`Redis`], [`RedisStore`] |
//! | `asynchronous.rs` | `AsyncRedis`, `AsyncRedisStore` (feature `tokio`) |
//!
//! | key | holds |
//! |---|---|
//! | `{prefix}record:{name}` | the record, as JSON, without an end of its life |
//! | `{prefix}lock:{name}` | who holds the lock, until the lease ends |
//! | `{prefix}begun:{name}` | the version of the record that a refresh was begun from |
//!
//! ```text
//! Lock      SET if nobody holds it, with the lease; asked again every 50 ms until patience ends
//! Load      the lease begins anew, then GET the record and the mark, which counts only beside its own version
//! Prepare   GET, compare versions, SET the mark: a server that cannot write says so now
//! Discard   DEL the mark, also if the lease has ended
//! Save      GET, compare versions, SET if the record is still the one that was compared
//! Unlock    DEL if we hold it
//! Erase     GET, compare versions, DEL if the record is still the one that was compared, GET and DEL the mark
//! ```
//!
//! The lock is a lease: it ends by itself when its holder is killed, and may end too soon when its holder is suspended.
//! That loses nothing: the save compares, and whoever comes second gets the first one's record. So a lease is never
//! shorter than the session's [`deadline`](crate::session::SessionOptions::deadline), and better longer.
//!
//! Every action ends in bounded time: after a time-out to connect and one for each response, a lock also after its
//! patience. A server that is down, loading, paused or read-only is a failure, and the next action connects anew. The
//! look-up of a host name is the system's and takes as long as it takes.
//!
//! Records and their tokens go over the connection and lie in the server's memory and files as they are: use TLS (`rediss`,
//! with a TLS feature of the crate `redis`), a password, and a server that keeps what it was told. A replica that takes
//! over may have missed the last record.

#[cfg(feature = "tokio")]
mod asynchronous;
mod blocking;
mod options;
mod refusal;
mod work;

#[cfg(feature = "tokio")]
pub use asynchronous::{AsyncRedis, AsyncRedisStore};
pub use blocking::{Redis, RedisStore};
pub use options::RedisOptions;
