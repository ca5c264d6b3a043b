//! Records on a Redis server (or Valkey, or whatever speaks its protocol and has `EVAL`), for processes on many machines.
//!
//! | key | holds |
//! |---|---|
//! | `{prefix}record:{name}` | the record, as JSON, without an end of its life |
//! | `{prefix}lock:{name}` | who holds the lock, until the lease ends |
//!
//! ```text
//! Lock      SET if nobody holds it, with the lease; asked again every 50 ms until patience ends
//! Load      the lease begins anew, then GET
//! Save      GET, compare generations, SET if the record is still the one that was compared
//! Unlock    DEL if we hold it
//! Erase     DEL
//! ```
//!
//! The lock is a lease: it ends by itself when its holder is killed, and may end too soon when its holder is suspended.
//! That loses nothing: the save compares, and whoever comes second gets the first one's record. So a lease is never
//! shorter than the session's [`deadline`](crate::session::SessionOptions::deadline), and better longer.
//!
//! Every action ends in bounded time: after a time-out to connect and one for each answer, a lock also after its
//! patience. A server that is down, loading, paused or read-only is a failure, and the next action connects anew. The
//! look-up of a host name is the system's and takes as long as it takes.
//!
//! Records and their tokens go over the connection and lie in the server's memory and files as they are: use TLS (`rediss`,
//! with a TLS feature of the crate `redis`), a password, and a server that keeps what it was told. A replica that takes
//! over may have missed the last record.

#[cfg(feature = "tokio")]
mod asynchronous;
mod blocking;
mod work;

#[cfg(feature = "tokio")]
pub use asynchronous::{AsyncRedis, AsyncRedisStore};
pub use blocking::{Redis, RedisStore};

use std::fmt;
use std::time::Duration;

use ::redis::RedisError;

use super::PATIENCE;
use crate::base::env::Env;
use crate::base::secret::Secret;
use crate::error::{Error, ErrorCode};

/// Longer than the default deadline of a session.
const LEASE: Duration = Duration::from_secs(60);
const TIMEOUT: Duration = Duration::from_secs(5);
const PREFIX: &str = "oidc-proto:";

/// How Redis is used.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RedisOptions {
    /// How long a lock lives unless it is given back or its record loaded: 60 seconds. Never shorter than the
    /// [`deadline`](crate::session::SessionOptions::deadline) of the sessions. If the holder is killed, nobody refreshes
    /// for so long.
    pub lease: Duration,
    /// How long to wait for a lock that somebody else holds: 30 seconds. Shorter than the deadline of the sessions.
    pub patience: Duration,
    /// How long a connection may take, and each answer: 5 seconds.
    pub timeout: Duration,
    /// What all keys begin with: `oidc-proto:`.
    pub prefix: String,
}

impl RedisOptions {
    /// The default options.
    pub fn new() -> Self {
        Self { lease: LEASE, patience: PATIENCE, timeout: TIMEOUT, prefix: PREFIX.to_owned() }
    }

    /// The server takes no lease of less than a millisecond, and a time-out of zero would be none.
    fn checked(mut self) -> Self {
        self.lease = self.lease.max(Duration::from_millis(1));
        self.timeout = self.timeout.max(Duration::from_millis(1));
        self
    }
}

impl Default for RedisOptions {
    fn default() -> Self {
        Self::new()
    }
}

/// Whose record, and who asks.
struct Identity {
    record: String,
    lock: String,
    /// Nobody else knows it: only the holder can give the lock back.
    owner: Secret,
}

impl Identity {
    fn new(name: &str, options: &RedisOptions, env: &mut dyn Env) -> Self {
        let prefix = &options.prefix;
        Self {
            record: format!("{prefix}record:{name}"),
            lock: format!("{prefix}lock:{name}"),
            owner: Secret::random(env.rng()),
        }
    }
}

/// What may be told of an error: the server's own words can quote what it was sent.
#[derive(Debug)]
struct Refused {
    category: String,
    /// `READONLY`, `LOADING`, `NOAUTH`, …
    code: Option<String>,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "redis: {}", self.category)?;
        self.code.iter().try_for_each(|code| write!(f, " ({code})"))
    }
}

impl std::error::Error for Refused {}

fn broken(error: &RedisError) -> Error {
    let is_code = |code: &&str| code.len() <= 20 && code.bytes().all(|byte| byte.is_ascii_uppercase());
    let refused = Refused {
        category: if error.is_timeout() { "no answer in time".to_owned() } else { error.category().to_owned() },
        code: error.code().filter(is_code).map(str::to_owned),
    };
    Error::new(ErrorCode::STORE_IO).with_source(refused)
}

/// Whether to try once more with a new connection: this one was idle, and the server has closed it since. Every command
/// may be sent twice.
fn is_stale(error: &RedisError) -> bool {
    error.is_io_error() && !error.is_timeout()
}
