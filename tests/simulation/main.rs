//! Many processes, many sessions in each, a store, a provider, and everything goes wrong between them: requests and
//! answers are lost and late, processes are killed and suspended, clocks jump, the store fails, leases run out. All of
//! it follows from a seed, which is printed when an invariant breaks.
//!
//! | file | holds |
//! |---|---|
//! | `universe.rs` | what happens when, and what must hold in the end |
//! | `process.rs` | a process and its sessions: what goes into one, and what may come out |
//! | `store.rs` | the records of all sessions, each with its lock |
//! | `line.rs` | the provider, at the other end of a bad line |
//!
//! Of some thousand seeds one (4896) has a process that reads an answer after it has lost its lock, and saves it; meanwhile
//! another has asked with the same refresh token, and its answer was lost. The provider then knows the one that was lost:
//! the session goes back to the one before, which the record keeps.
//!
//! `SIMULATION_SEEDS=1000000 cargo test --release --test simulation` runs more; `SIMULATION_SEED=7` runs one and tells its
//! story.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod line;
mod process;
mod store;
mod universe;

use universe::Universe;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn no_session_ends_that_the_provider_still_honours_and_none_meets_another() {
    if let Some(seed) = number("SIMULATION_SEED") {
        Universe::new(seed, true).run();
        return;
    }
    let seeds = number("SIMULATION_SEEDS").unwrap_or(1000);
    let (mut sessions, mut refreshes) = (0, 0);
    for seed in 0..seeds {
        let told = Universe::new(seed, false).run();
        sessions += told.sessions;
        refreshes += told.refreshes;
    }
    println!("{seeds} seeds, {sessions} sessions, {refreshes} refreshes");
    assert!(sessions > seeds && refreshes > sessions, "something was put to the test");
}
