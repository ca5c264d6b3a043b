//! Many processes, one store, one provider, and everything goes wrong between them: requests and answers are lost
//! and late, processes are killed and suspended, clocks jump, the store fails, leases run out. All of it follows
//! from a seed, which is printed when an invariant breaks.
//!
//! `SIMULATION_SEEDS=1000000 cargo test --release --test simulation` runs more; `SIMULATION_SEED=7` runs one and tells its
//! story.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod universe;

use universe::Universe;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn no_session_ends_that_the_provider_still_honours() {
    if let Some(seed) = number("SIMULATION_SEED") {
        Universe::new(seed, true).run();
        return;
    }
    let seeds = number("SIMULATION_SEEDS").unwrap_or(1000);
    let mut refreshes = 0;
    for seed in 0..seeds {
        refreshes += Universe::new(seed, false).run();
    }
    println!("{seeds} seeds, {refreshes} refreshes");
    assert!(refreshes > seeds, "something was put to the test");
}
