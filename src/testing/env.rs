//! Time and entropy that a test controls.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng as _;

use crate::base::env::{Env, MonotonicTime, Timestamp};

/// A clock to set by hand. Clones show the same time.
#[derive(Clone, Debug)]
pub struct Clock {
    wall: Arc<AtomicU64>,
    ticks: Arc<AtomicU64>,
}

impl Clock {
    /// The time of a new clock: 2026-01-01T00:00:00Z.
    pub const START: Timestamp = Timestamp::from_unix_seconds(1_767_225_600);

    /// A clock at [`Clock::START`]. Its monotonic counter is 0.
    pub fn new() -> Self {
        Self { wall: Arc::new(AtomicU64::new(Self::START.unix_millis())), ticks: Arc::new(AtomicU64::new(0)) }
    }

    /// The time of day.
    pub fn now(&self) -> Timestamp {
        Timestamp::from_unix_millis(self.wall.load(Ordering::SeqCst))
    }

    /// The monotonic counter.
    pub fn monotonic(&self) -> MonotonicTime {
        MonotonicTime::from_millis(self.ticks.load(Ordering::SeqCst))
    }

    /// Advances both the time of day and the monotonic counter.
    pub fn advance(&self, by: Duration) {
        self.jump(by);
        let millis = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        let _ = self.ticks.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |ticks| Some(ticks.saturating_add(millis)));
    }

    /// Sets the time of day forward. The monotonic counter does not change.
    pub fn jump(&self, by: Duration) {
        self.set(self.now().saturating_add(by));
    }

    /// Sets the time of day back. The monotonic counter does not change.
    pub fn jump_back(&self, by: Duration) {
        self.set(self.now().saturating_sub(by));
    }

    /// Sets the time of day. The monotonic counter does not change.
    pub fn set(&self, now: Timestamp) {
        self.wall.store(now.unix_millis(), Ordering::SeqCst);
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::new()
    }
}

/// A seeded environment: the same seed and the same clock give the same run.
#[derive(Clone, Debug)]
pub struct TestEnv {
    clock: Clock,
    rng: ChaCha20Rng,
}

impl TestEnv {
    /// An environment with a new clock.
    pub fn seeded(seed: u64) -> Self {
        Self::with_clock(seed, Clock::new())
    }

    /// An environment with a shared clock.
    pub fn with_clock(seed: u64, clock: Clock) -> Self {
        Self { clock, rng: ChaCha20Rng::seed_from_u64(seed) }
    }

    /// The clock. Clone it to change the time later.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }
}

impl Env for TestEnv {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn monotonic(&self) -> MonotonicTime {
        self.clock.monotonic()
    }

    fn rng(&mut self) -> &mut dyn rand_core::CryptoRng {
        &mut self.rng
    }
}
