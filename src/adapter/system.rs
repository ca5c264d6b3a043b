//! The operating system's clock and entropy.

use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use rand_chacha::ChaCha20Rng;
use rand_core::{CryptoRng, Rng as _, SeedableRng};
use zeroize::Zeroizing;

use crate::base::env::{Env, MonotonicTime, Timestamp};
use crate::error::{Error, ErrorCode};

/// The operating system's clock, a monotonic counter, and a ChaCha20 generator that is seeded once by the operating
/// system.
///
/// Seeding is the only operation that can fail, so the constructor does it. Each clone has a generator of its own,
/// which gets its seed from a generator that all clones share. **Do not carry one across `fork`**, and do not snapshot a process that holds
/// one: both copies would generate the same verifiers and states. Make a new one in each child.
///
/// [`monotonic`](Env::monotonic) counts from the construction of the first `SystemEnv` of the process, so that several
/// of them can share a [`RelyingParty`](crate::RelyingParty): a server may have a clone for each task. It depends on
/// the platform whether it counts the time while the machine is suspended.
pub struct SystemEnv {
    rng: ChaCha20Rng,
    seeds: Arc<Mutex<ChaCha20Rng>>,
}

/// The moment that all environments of this process count from.
fn start() -> Instant {
    static START: OnceLock<Instant> = OnceLock::new();
    *START.get_or_init(Instant::now)
}

impl SystemEnv {
    /// Seeds a generator.
    ///
    /// # Errors
    /// `env.entropy` if the operating system gives no entropy.
    pub fn new() -> Result<Self, Error> {
        let mut seed = Zeroizing::new([0_u8; 32]);
        getrandom::fill(seed.as_mut_slice()).map_err(|error| Error::new(ErrorCode::ENV_ENTROPY).with_source(error))?;
        start();
        Ok(Self::forked(Arc::new(Mutex::new(ChaCha20Rng::from_seed(*seed)))))
    }

    fn forked(seeds: Arc<Mutex<ChaCha20Rng>>) -> Self {
        let mut seed = Zeroizing::new([0_u8; 32]);
        seeds.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(seed.as_mut_slice());
        Self { rng: ChaCha20Rng::from_seed(*seed), seeds }
    }
}

impl Clone for SystemEnv {
    fn clone(&self) -> Self {
        Self::forked(Arc::clone(&self.seeds))
    }
}

impl Env for SystemEnv {
    /// The epoch itself for a clock that stands before it.
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_unix_millis(0).saturating_add(since)
    }

    fn monotonic(&self) -> MonotonicTime {
        MonotonicTime::from_millis(0).saturating_add(start().elapsed())
    }

    fn rng(&mut self) -> &mut dyn CryptoRng {
        &mut self.rng
    }
}

impl fmt::Debug for SystemEnv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SystemEnv(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server may make one for each request: what one counts, another must be able to compare.
    #[test]
    fn two_environments_count_from_the_same_moment() {
        let a = SystemEnv::new().unwrap();
        let start = a.monotonic();
        while a.monotonic().saturating_since(start).as_millis() < 5 {
            std::thread::yield_now();
        }
        let b = SystemEnv::new().unwrap();
        let (before, between, after) = (a.monotonic(), b.monotonic(), a.monotonic());
        assert!(before <= between && between <= after, "{before:?} {between:?} {after:?}");
    }

    #[test]
    fn clones_draw_differently_on_every_thread() {
        fn is_shared<T: Clone + Send + Sync + 'static>(_: &T) {}
        let mut first = SystemEnv::new().unwrap();
        is_shared(&first);
        let clones = [first.clone(), first.clone(), first.clone().clone()];
        let drawn = clones.map(|mut env| std::thread::spawn(move || env.rng().next_u64()).join().unwrap());
        let drawn: std::collections::HashSet<_> = drawn.into_iter().chain([first.rng().next_u64()]).collect();
        assert_eq!(drawn.len(), 4);
    }

    #[test]
    fn two_environments_draw_differently_and_tell_the_same_time() {
        let (mut a, mut b) = (SystemEnv::new().unwrap(), SystemEnv::new().unwrap());
        assert_ne!(a.rng().next_u64(), b.rng().next_u64());
        assert!(b.now().saturating_since(a.now()).as_secs() < 60);
        assert!(a.now() > Timestamp::from_unix_seconds(1_700_000_000));
        let before = a.monotonic();
        assert!(a.monotonic() >= before);
    }
}
