//! Clock and entropy.

use std::fmt;

use js_sys::Date;
use rand_core::CryptoRng;
use wasm_bindgen::prelude::wasm_bindgen;
use web_sys::Crypto;
use zeroize::Zeroizing;

use crate::adapter::hash_rng::HashRng;
use crate::base::env::{Env, MonotonicTime, Timestamp};
use crate::error::{Error, ErrorCode};

#[wasm_bindgen]
extern "C" {
    type Performance;

    #[wasm_bindgen(method)]
    fn now(this: &Performance) -> f64;

    #[wasm_bindgen(thread_local_v2, js_name = performance)]
    static PERFORMANCE: Performance;

    #[wasm_bindgen(thread_local_v2, js_name = crypto)]
    static CRYPTO: Option<Crypto>;
}

/// The clock `Date.now`, the counter `performance.now`, and a generator of SHA-256 that `crypto.getRandomValues` seeds
/// once.
///
/// [`monotonic`](Env::monotonic) counts from the moment when the window or the worker began: all environments of one
/// window or worker can share a [`RelyingParty`](crate::RelyingParty). Browsers make both clocks coarse, by up to a
/// tenth of a second. It depends on the browser whether the counter counts while the machine is suspended.
pub struct BrowserEnv {
    rng: HashRng,
}

impl BrowserEnv {
    /// Seeds a generator.
    ///
    /// # Errors
    /// `env.entropy` if there is no `crypto.getRandomValues`.
    pub fn new() -> Result<Self, Error> {
        let mut seed = Zeroizing::new([0_u8; 32]);
        let crypto = CRYPTO.with(Option::clone).ok_or(ErrorCode::ENV_ENTROPY)?;
        crypto.get_random_values_with_u8_array(seed.as_mut_slice()).map_err(|_| ErrorCode::ENV_ENTROPY)?;
        Ok(Self { rng: HashRng::new(seed) })
    }
}

impl Env for BrowserEnv {
    /// The epoch itself for a clock that is set before it.
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_millis(whole(Date::now()))
    }

    fn monotonic(&self) -> MonotonicTime {
        MonotonicTime::from_millis(whole(PERFORMANCE.with(Performance::now)))
    }

    fn rng(&mut self) -> &mut dyn CryptoRng {
        &mut self.rng
    }
}

impl fmt::Debug for BrowserEnv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BrowserEnv(…)")
    }
}

/// Rounded down; zero for what is negative or no number.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the conversion saturates")]
const fn whole(millis: f64) -> u64 {
    millis as u64
}
