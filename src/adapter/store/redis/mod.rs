//! Records on a Redis server (or Valkey, or another server with its protocol and `EVAL`), for processes on several
//! machines.
//!
//! | file | holds |
//! |---|---|
//! | `options.rs` | [`RedisOptions`], and the names of a session's keys |
//! | `work.rs` | an action as commands and responses |
//! | `refusal.rs` | errors, without the server's text |
//! | `blocking.rs` | [`Redis`], [`RedisStore`] |
//! | `index.rs` | `AsyncRedis` as the stores of a registry, with an index (feature `tokio`) |
//! | `asynchronous.rs` | `AsyncRedis`, `AsyncRedisStore` (feature `tokio`) |
//!
//! | key | holds |
//! |---|---|
//! | `{prefix}record:{name}` | the record, as JSON; for ever, or as long as [`RedisOptions::with_record_lifetime`] says |
//! | `{prefix}lock:{name}` | the holder of the lock, and the number of this lock (a holder numbers its locks); until the lease ends |
//! | `{{prefix}record:{name}}:begun` | the marks. A mark says that a refresh was begun. There is at most one for each holder: the version of the record that the refresh began from, and the number of the mark |
//! | `{prefix}index:{key}` | the logins and names of a user's sessions, each with the time when it expires |
//!
//! ```text
//! Lock      SET if nobody else holds it, with the lease; asked again every 50 ms until patience ends
//! Load      if we hold the lock, the lease begins anew; then GET the record and the marks. A mark counts only if it names the version of this record
//! Prepare   Lock if it was locked before: a lock that was lost is taken again; GET, compare versions, HSET the mark if the
//!           record is still the one that was compared: a server that cannot write says so now
//! Discard   HDEL our own mark
//! Save      the lease begins anew; GET, compare versions, SET if the record is still the one that was compared, DEL the marks
//! Unlock    DEL if the key still holds the number of this lock of ours
//! Erase     GET, compare versions, DEL the record if it is still the one that was compared, and the marks
//! ```
//!
//! The record and its marks change in one script. On a cluster they are in the same slot. The
//! exception is a prefix or name with braces that do not form a hash tag (`a{b`): do not use such
//! names there.
//!
//! The lock is a lease: it expires if its holder is killed, and it may expire too early if its
//! holder is suspended. No record is lost then: the save compares the versions of the records, and
//! the second process gets the record of the first. Make the
//! lease longer than the session's [`deadline`](crate::session::SessionOptions::deadline).
//!
//! Every action ends in bounded time: there are time-outs for the connection and for each response, and `with_patience`
//! limits the wait for a lock. If the server is down, loading, paused or read-only, the action fails, and the next
//! action opens a new connection. The lookup of the host name has no time-out in this crate.
//!
//! Records and their tokens are not encrypted on the connection and in the server's memory and files. Use TLS
//! (`rediss`, with a TLS feature of the crate `redis`), a password, and a server with persistence.
//!
//! After a failover, the new server may lack what the old one had not passed on: the last record, or a lock. A session
//! that is in memory saves its newest tokens again. A process that starts in that moment gets the previous record,
//! whose refresh token is spent. If the lock is lost while its holder refreshes, another process may send the same refresh
//! token. In both cases a provider that accepts a spent refresh token for a short time loses no session.

#[cfg(feature = "tokio")]
mod asynchronous;
mod blocking;
#[cfg(feature = "tokio")]
mod index;
mod options;
mod refusal;
mod work;

#[cfg(feature = "tokio")]
pub use asynchronous::{AsyncRedis, AsyncRedisStore};
pub use blocking::{Redis, RedisStore};
pub use options::RedisOptions;
