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
//! | `{prefix}record:{name}` | the record, as JSON; for ever, or as long as [`RedisOptions::with_record_lifetime`] says |
//! | `{prefix}lock:{name}` | who holds the lock, and which of its locks it is, until the lease ends |
//! | `{{prefix}record:{name}}:begun` | for each holder, the version of the record that it began a refresh from, and which of its marks it is |
//!
//! ```text
//! Lock      SET if nobody else holds it, with the lease; asked again every 50 ms until patience ends
//! Load      the lease begins anew, then GET the record and the marks, which count only beside their own version
//! Prepare   Lock if it was locked before: a lock that was lost is taken again; GET, compare versions, HSET the mark if the
//!           record is still the one that was compared: a server that cannot write says so now
//! Discard   HDEL our own mark
//! Save      the lease begins anew; GET, compare versions, SET if the record is still the one that was compared, DEL the marks
//! Unlock    DEL if we hold it, by this lock
//! Erase     GET, compare versions, DEL the record if it is still the one that was compared, and the marks
//! ```
//!
//! The record and its marks change in one script. On a cluster they share a slot, unless braces in the prefix or the name
//! are not a hash tag (`a{b`).
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
