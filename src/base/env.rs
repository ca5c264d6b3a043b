//! Time and entropy, as arguments.

use std::fmt;
use std::num::NonZero;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The time and entropy that flows and sessions take at each step: a clock, a monotonic counter and a random generator.
///
/// `adapter::SystemEnv` (feature `system`) uses the operating system. `testing::TestEnv` (feature `testing`) is seeded,
/// and its clock can be set. `Driver` and `BlockingDriver` borrow an `Env` for each run; adapters that run sessions own
/// one.
///
/// A process can have one `Env` for each thread, task or request. All that are used with the same
/// [`RelyingParty`](crate::RelyingParty) or session must count `monotonic` from the same moment, as those of
/// `SystemEnv` do. Each needs a seed of its own.
///
/// ```
/// use oidc_proto::rand_core::CryptoRng;
/// use oidc_proto::{Env, MonotonicTime, Timestamp};
///
/// struct HostEnv<R> {
///     unix_millis: fn() -> u64,
///     millis_since_start: fn() -> u64,
///     rng: R,
/// }
///
/// impl<R: CryptoRng> Env for HostEnv<R> {
///     fn now(&self) -> Timestamp {
///         Timestamp::from_unix_millis((self.unix_millis)())
///     }
///
///     fn monotonic(&self) -> MonotonicTime {
///         MonotonicTime::from_millis((self.millis_since_start)())
///     }
///
///     fn rng(&mut self) -> &mut dyn CryptoRng {
///         &mut self.rng
///     }
/// }
/// ```
pub trait Env {
    /// The time of day, for stored values and for claims.
    fn now(&self) -> Timestamp;

    /// A counter that never goes back, for waits and back-off: a clock that is set back does not affect them.
    fn monotonic(&self) -> MonotonicTime;

    /// A cryptographically secure generator.
    fn rng(&mut self) -> &mut dyn rand_core::CryptoRng;
}

impl<E: Env + ?Sized> Env for &mut E {
    fn now(&self) -> Timestamp {
        (**self).now()
    }

    fn monotonic(&self) -> MonotonicTime {
        (**self).monotonic()
    }

    fn rng(&mut self) -> &mut dyn rand_core::CryptoRng {
        (**self).rng()
    }
}

/// A time of day: milliseconds since 1970-01-01T00:00:00Z, leap seconds not counted.
///
/// The largest value, 584 million years from now, is treated as the value before it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(Millis);

impl Timestamp {
    /// From milliseconds since the Unix epoch.
    pub const fn from_unix_millis(millis: u64) -> Self {
        Self(Millis::new(millis))
    }

    /// From seconds since the Unix epoch, as in a NumericDate (RFC 7519 section 2).
    pub const fn from_unix_seconds(seconds: u64) -> Self {
        Self(Millis::new(seconds.saturating_mul(1000)))
    }

    /// Milliseconds since the Unix epoch.
    pub const fn unix_millis(self) -> u64 {
        self.0.get()
    }

    /// Whole seconds since the Unix epoch, rounded down.
    pub const fn unix_seconds(self) -> u64 {
        self.unix_millis() / 1000
    }

    /// This time plus `by`; the largest time if the sum is too large.
    #[must_use]
    pub fn saturating_add(self, by: Duration) -> Self {
        Self(self.0.saturating_add(by))
    }

    /// This time minus `by`; the epoch if `by` is too large.
    #[must_use]
    pub fn saturating_sub(self, by: Duration) -> Self {
        Self(Millis::new(self.unix_millis().saturating_sub(millis(by))))
    }

    /// The time since `earlier`; zero if that is later.
    pub fn saturating_since(self, earlier: Self) -> Duration {
        self.0.since(earlier.0)
    }

    /// Whether this is the end or later. What has no end is not over.
    pub(crate) fn has_reached(self, end: Option<Self>) -> bool {
        self.0.has_reached(end.map(|end| end.0))
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Timestamp({}.{:03})", self.unix_seconds(), self.unix_millis() % 1000)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.unix_millis())
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        u64::deserialize(deserializer).map(Self::from_unix_millis)
    }
}

/// A point of a monotonic counter, in milliseconds. It has no meaning outside the process that made it.
///
/// The largest value is treated as the value before it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MonotonicTime(Millis);

impl MonotonicTime {
    /// From milliseconds since whatever the counter started at.
    pub const fn from_millis(millis: u64) -> Self {
        Self(Millis::new(millis))
    }

    /// Milliseconds since whatever the counter started at.
    pub const fn as_millis(self) -> u64 {
        self.0.get()
    }

    /// This time plus `by`; the largest time if the sum is too large.
    #[must_use]
    pub fn saturating_add(self, by: Duration) -> Self {
        Self(self.0.saturating_add(by))
    }

    /// The time since `earlier`; zero if that is later.
    pub fn saturating_since(self, earlier: Self) -> Duration {
        self.0.since(earlier.0)
    }

    /// Whether this is the end or later. What has no end is not over.
    pub(crate) fn has_reached(self, end: Option<Self>) -> bool {
        self.0.has_reached(end.map(|end| end.0))
    }
}

impl fmt::Debug for MonotonicTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MonotonicTime({})", self.as_millis())
    }
}

/// The milliseconds plus one. The value is never zero, so an `Option` of it needs no more memory.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Millis(NonZero<u64>);

impl Millis {
    const fn new(millis: u64) -> Self {
        Self(NonZero::<u64>::MIN.saturating_add(millis))
    }

    const fn get(self) -> u64 {
        self.0.get() - 1
    }

    fn saturating_add(self, by: Duration) -> Self {
        Self(self.0.saturating_add(millis(by)))
    }

    fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.get().saturating_sub(earlier.0.get()))
    }

    /// One comparison: no end is 0, and 0 less 1 is later than every time.
    fn has_reached(self, end: Option<Self>) -> bool {
        end.map_or(0, |end| end.0.get()).wrapping_sub(1) < self.0.get()
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_reached_when_it_comes_and_no_end_never() {
        for (now, end, is_over) in [
            (0, Some(0), true),
            (0, Some(1), false),
            (7, Some(7), true),
            (8, Some(7), true),
            (6, Some(7), false),
            (u64::MAX, Some(u64::MAX), true),
            (u64::MAX - 2, Some(u64::MAX), false),
            (0, None, false),
            (u64::MAX, None, false),
        ] {
            let by_time_of_day = Timestamp::from_unix_millis(now).has_reached(end.map(Timestamp::from_unix_millis));
            let by_counter = MonotonicTime::from_millis(now).has_reached(end.map(MonotonicTime::from_millis));
            assert_eq!((by_time_of_day, by_counter), (is_over, is_over), "{now} {end:?}");
        }
    }
}
