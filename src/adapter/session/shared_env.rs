//! An environment that many sessions use at once.

use std::sync::{PoisonError, RwLock};

use rand_core::{CryptoRng, Infallible, TryCryptoRng, TryRng};

use crate::base::env::{Env, MonotonicTime, Timestamp};

/// The environment of a [`Run`](super::Run) for one session. It is locked for each look at a clock and for each draw,
/// and for nothing else: a session that parses or verifies keeps no other session waiting.
pub(super) struct SharedEnv<'a, E>(pub(super) &'a RwLock<E>);

impl<E: Env> SharedEnv<'_, E> {
    fn draw<R>(&self, draw: impl FnOnce(&mut dyn CryptoRng) -> R) -> Result<R, Infallible> {
        Ok(draw(self.0.write().unwrap_or_else(PoisonError::into_inner).rng()))
    }
}

impl<E: Env> Env for SharedEnv<'_, E> {
    fn now(&self) -> Timestamp {
        self.0.read().unwrap_or_else(PoisonError::into_inner).now()
    }

    fn monotonic(&self) -> MonotonicTime {
        self.0.read().unwrap_or_else(PoisonError::into_inner).monotonic()
    }

    fn rng(&mut self) -> &mut dyn CryptoRng {
        self
    }
}

impl<E: Env> TryRng for SharedEnv<'_, E> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        self.draw(|rng| rng.next_u32())
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.draw(|rng| rng.next_u64())
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.draw(|rng| rng.fill_bytes(bytes))
    }
}

impl<E: Env> TryCryptoRng for SharedEnv<'_, E> {}
