//! Time and entropy for unit tests: a clock that a test advances, and bytes that are counted.

#![allow(dead_code, reason = "tests, most of them of profiles")]

use std::convert::Infallible;
use std::time::Duration;

use rand_core::utils::next_word_via_fill;
use rand_core::{CryptoRng, TryCryptoRng, TryRng};

use super::env::{Env, MonotonicTime, Timestamp};

/// Starts at zero by both clocks.
#[derive(Default)]
pub(crate) struct CountingEnv {
    since_start: Duration,
    bytes: Counter,
}

impl CountingEnv {
    pub(crate) fn advance(&mut self, by: Duration) {
        self.since_start += by;
    }
}

impl Env for CountingEnv {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_millis(0).saturating_add(self.since_start)
    }

    fn monotonic(&self) -> MonotonicTime {
        MonotonicTime::from_millis(0).saturating_add(self.since_start)
    }

    fn rng(&mut self) -> &mut dyn CryptoRng {
        &mut self.bytes
    }
}

/// Bytes that differ from each other.
#[derive(Default)]
struct Counter(u8);

impl TryRng for Counter {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        next_word_via_fill(self)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        next_word_via_fill(self)
    }

    fn try_fill_bytes(&mut self, dst: &mut [u8]) -> Result<(), Infallible> {
        for byte in dst {
            self.0 = self.0.wrapping_add(1);
            *byte = self.0;
        }
        Ok(())
    }
}

impl TryCryptoRng for Counter {}
