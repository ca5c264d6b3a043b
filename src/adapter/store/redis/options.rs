//! How Redis is used, and by which names.

use std::time::Duration;

use crate::adapter::store::contract::PATIENCE;
use crate::base::env::Env;
use crate::base::secret::Secret;

/// Longer than the default deadline of a session.
const LEASE: Duration = Duration::from_secs(60);
const TIMEOUT: Duration = Duration::from_secs(5);
const PREFIX: &str = "oidc-proto:";

/// How Redis is used.
#[derive(Clone, Debug)]
pub struct RedisOptions {
    pub(super) lease: Duration,
    pub(super) patience: Duration,
    pub(super) timeout: Duration,
    pub(super) prefix: String,
}

impl RedisOptions {
    /// The default options.
    pub fn new() -> Self {
        Self { lease: LEASE, patience: PATIENCE, timeout: TIMEOUT, prefix: PREFIX.to_owned() }
    }

    /// Sets how long a lock lives unless it is given back or its record loaded: by default 60 seconds. Never shorter
    /// than the [`deadline`](crate::session::SessionOptions::deadline) of the sessions. If the holder is killed,
    /// nobody refreshes for so long.
    #[must_use]
    pub fn with_lease(self, lease: Duration) -> Self {
        Self { lease, ..self }
    }

    /// Sets how long to wait for a lock that somebody else holds: by default 30 seconds. Shorter than the deadline of
    /// the sessions.
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Sets how long a connection may take, and each response: by default 5 seconds.
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// Sets what all keys begin with: by default `oidc-proto:`.
    #[must_use]
    pub fn with_prefix(self, prefix: impl Into<String>) -> Self {
        Self { prefix: prefix.into(), ..self }
    }

    /// The server takes no lease of less than a millisecond, and a time-out of zero would be none.
    pub(super) fn checked(mut self) -> Self {
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
pub(super) struct Identity {
    pub(super) record: String,
    pub(super) lock: String,
    /// That a refresh was begun.
    pub(super) mark: String,
    /// Nobody else knows it: only the holder can give the lock back.
    pub(super) owner: Secret,
}

impl Identity {
    pub(super) fn new(name: &str, options: &RedisOptions, env: &mut dyn Env) -> Self {
        let prefix = &options.prefix;
        Self {
            record: format!("{prefix}record:{name}"),
            lock: format!("{prefix}lock:{name}"),
            mark: format!("{prefix}begun:{name}"),
            owner: Secret::random(env.rng()),
        }
    }
}
