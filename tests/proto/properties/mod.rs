//! Properties: what is written is read again as it was, by the crate itself or by an independent reader; and rules that
//! hold for every value. Each failure is shrunk, and its seed added to `regressions.txt`.
//!
//! Runs are the same each time. `PROPTEST_RNG_SEED` and `PROPTEST_CASES` make others.

mod callbacks;
mod generate;
mod json;
mod matrix;
mod registration;
mod requests;
mod rules;
mod stored;
mod values;

use proptest::test_runner::{Config, FileFailurePersistence, RngSeed};

/// Enough for every kind of input, and a few seconds in a debug build.
const CASES: u32 = 200;

pub(crate) fn config() -> Config {
    let named = |name: &str| std::env::var_os(name).is_some();
    let mut config = Config {
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct("tests/proto/properties/regressions.txt"))),
        ..Config::default()
    };
    if !named("PROPTEST_CASES") {
        config.cases = CASES;
    }
    if !named("PROPTEST_RNG_SEED") {
        config.rng_seed = RngSeed::Fixed(0x6f69_6463);
    }
    config
}
