//! The options of the Redis stores, and the names of their keys.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicU64};
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
    pub(super) lifetime: Option<Duration>,
}

impl RedisOptions {
    /// The default options.
    pub fn new() -> Self {
        Self { lease: LEASE, patience: PATIENCE, timeout: TIMEOUT, prefix: PREFIX.to_owned(), lifetime: None }
    }

    /// Sets the duration of the lease: by default 60 seconds. `Unlock` ends the lease; loading and
    /// saving the record renew it. A session with
    /// [`Persistence::Shared`](crate::session::Persistence::Shared) whose
    /// [`deadline`](crate::session::SessionOptions::deadline) is longer is refused
    /// (`session.setup`). If the holder is killed, nobody can refresh until the lease expires.
    #[must_use]
    pub fn with_lease(self, lease: Duration) -> Self {
        Self { lease, ..self }
    }

    /// Sets how long to wait for a lock that somebody else holds: by default 30 seconds. Keep it shorter than the
    /// deadline of the sessions.
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Sets the time-out for connecting and for each response: by default 5 seconds.
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// Sets the prefix of all keys: by default `oidc-proto:`.
    #[must_use]
    pub fn with_prefix(self, prefix: impl Into<String>) -> Self {
        Self { prefix: prefix.into(), ..self }
    }

    /// Sets how long a record lives after it was last loaded or saved: by default for ever. A
    /// session whose record has expired ends as after a logout in another process. So set a
    /// lifetime that is longer than a user may stay away.
    #[must_use]
    pub fn with_record_lifetime(self, lifetime: Duration) -> Self {
        Self { lifetime: Some(lifetime), ..self }
    }

    /// The server takes no lease or lifetime of less than a millisecond, and a time-out of zero would be none.
    pub(super) fn checked(mut self) -> Self {
        let least = Duration::from_millis(1);
        self.lease = self.lease.max(least);
        self.timeout = self.timeout.max(least);
        self.lifetime = self.lifetime.map(|lifetime| lifetime.max(least));
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
    /// Which refreshes were begun, in the slot of the record.
    pub(super) mark: String,
    /// Nobody else knows it: only the holder can release its lock and remove its mark.
    pub(super) owner: Secret,
    /// The number of the lock that is held or comes next. With the owner, it names one lock.
    locks: AtomicU64,
    /// The number of the last mark.
    marks: AtomicU64,
    /// The store was told that it holds the lock, and has not released it.
    holds: AtomicBool,
}

impl Identity {
    pub(super) fn new(name: &str, options: &RedisOptions, env: &mut dyn Env) -> Self {
        let prefix = &options.prefix;
        let record = format!("{prefix}record:{name}");
        Self {
            mark: beside(&record, ":begun"),
            record,
            lock: format!("{prefix}lock:{name}"),
            owner: Secret::random(env.rng()),
            locks: AtomicU64::new(1),
            marks: AtomicU64::new(0),
            holds: AtomicBool::new(false),
        }
    }

    pub(super) fn current_lock(&self) -> u64 {
        self.locks.load(Relaxed)
    }

    /// The lock is held from now on.
    pub(super) fn locked(&self) {
        self.holds.store(true, Relaxed);
    }

    /// The number of the lock that is released. The next lock has another one: a release that arrives late does not
    /// release it.
    pub(super) fn unlocks(&self) -> u64 {
        self.holds.store(false, Relaxed);
        self.locks.fetch_add(1, Relaxed)
    }

    pub(super) fn holds_lock(&self) -> bool {
        self.holds.load(Relaxed)
    }

    pub(super) fn current_mark(&self) -> u64 {
        self.marks.load(Relaxed)
    }

    pub(super) fn next_mark(&self) -> u64 {
        self.marks.fetch_add(1, Relaxed).wrapping_add(1)
    }
}

/// A key in the slot of this one, as a cluster hashes it: by the text between the first brace and the next closing one.
fn beside(key: &str, ending: &str) -> String {
    match key.contains(['{', '}']) {
        true => format!("{key}{ending}"),
        false => format!("{{{key}}}{ending}"),
    }
}
