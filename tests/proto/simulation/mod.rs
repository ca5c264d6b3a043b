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
//! Of some thousand seeds one (4896) has a process that reads a response after it has lost its lock, and saves it; meanwhile
//! another has asked with the same refresh token, and its response was lost. The provider then knows the one that was lost:
//! the session goes back to the one before, which the record keeps.
//!
//! At a provider that takes a refresh token that comes twice for a theft there is a window that no client can close: from
//! when the provider has issued tokens to when they are in the store. Whoever is killed in it, whose response is lost or late,
//! whose request is doubled by the line or whose lease runs out leaves a record with a token that was used. One world in
//! four has such a provider. A session may end there, and only there, and only so; each is counted with its cause.
//!
//! One world in two has a provider that ends the access token at a rotation, whatever becomes of the response. A process
//! never hands out as good what its own refresh has ended, unless the response is on its way; after a lost one the token is
//! doubtful. Whoever asks for new tokens gets new ones or an error.
//!
//! `SIMULATION_SEEDS=1000000 cargo test --release --test proto simulation::` runs more; `SIMULATION_SEED=7` runs one and
//! tells its story.

use std::collections::BTreeMap;

mod line;
mod process;
mod store;
mod universe;

use universe::{Truth, Universe};

/// Beyond those that are run anyway: what came of them was wrong once.
///
/// - 1374, 1550: tokens of another process were taken as good, though they were older than a request without a response.
/// - 9: the tokens of another user, who had logged in in another process, were taken.
/// - 189: a logout revoked tokens that another process had replaced.
/// - 233: tokens were saved where another process had logged out.
/// - 1675: tokens came after the pause of the attempt that had asked for them, and were dropped.
const FAILED_ONCE: [u64; 6] = [9, 189, 233, 1374, 1550, 1675];

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn no_session_ends_that_the_provider_still_honours_none_meets_another_and_none_lies() {
    if let Some(seed) = number("SIMULATION_SEED") {
        Universe::new(seed, true).run();
        return;
    }
    let seeds = number("SIMULATION_SEEDS").unwrap_or(1000);
    let (mut sessions, mut refreshes, mut strict) = (0, 0, 0);
    let (mut ended, mut alive, mut truth) = (BTreeMap::<_, u64>::new(), BTreeMap::<_, u64>::new(), Truth::default());
    for seed in (0..seeds).chain(FAILED_ONCE) {
        let told = Universe::new(seed, false).run();
        sessions += told.sessions;
        refreshes += told.refreshes;
        strict += told.strict;
        truth.add(&told.truth);
        told.alive.into_iter().for_each(|why| *alive.entry(why).or_default() += 1);
        told.ended.into_iter().for_each(|why| *ended.entry(why).or_default() += 1);
    }
    println!("{seeds} seeds, {sessions} sessions, {refreshes} refreshes");
    println!("logins ended, of them those of {strict} sessions at strict providers, since {ended:#?}");
    println!("logins that live on without a user, since {alive:#?}");
    println!("{truth:?}");
    if seeds >= 1000 {
        let Truth { doubtful, unknown, refreshed } = truth;
        let all = doubtful.into_iter().chain([unknown]).chain(refreshed);
        assert!(all.into_iter().all(|times| times > 0), "not everything has happened");
    }
    assert!(sessions > seeds && refreshes > sessions, "something was put to the test");
    ended.remove("it was revoked");
    assert!(ended.values().sum::<u64>() < strict, "all of them ended");
}
