//! Arbitrary stories, beside a simple model: the fuzz target `session`, over what proptest makes up and shrinks.

use std::panic::catch_unwind;

use proptest::collection::vec;
use proptest::prelude::any;
use proptest::test_runner::{Config, RngSeed, TestCaseError, TestRunner};

use crate::targets::session::session;

/// Each a story of up to 120 moves.
const CASES: u32 = 2000;

#[test]
fn whatever_happens_the_session_does_what_the_model_says() {
    let mut config = Config { failure_persistence: None, ..Config::default() };
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = CASES;
    }
    if std::env::var_os("PROPTEST_RNG_SEED").is_none() {
        config.rng_seed = RngSeed::Fixed(0x7365_7373);
    }
    let outcome = TestRunner::new(config).run(&vec(any::<u8>(), 0..120), |story| {
        let told = catch_unwind(|| session(&story));
        told.map_err(|_| TestCaseError::fail("see above"))
    });
    assert!(outcome.is_ok(), "{outcome:?}: keep it as a file of tests/fuzz/crashes/session");
}
