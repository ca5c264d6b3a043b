//! Many processes, many sessions in each, a store, a provider, and everything goes wrong between them: requests and
//! answers are lost and late, processes are killed and suspended, clocks jump, the store fails, leases run out. All of
//! it follows from a seed, which is printed when an invariant breaks.
//!
//! | file | holds |
//! |---|---|
//! | `universe.rs` | what happens when, and what must hold in the end |
//! | `process.rs` | a process and its sessions: what goes into one, and what may come out |
//! | `store.rs` | the records of all sessions, each with its lock |
//! | `mishaps.rs` | what befalls processes, machines, stores and users |
//! | `provider.rs` | the provider's habits, and the logins there |
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
//! Three worlds of seven are harsh. There are two machines, whose clocks differ and jump, and each process has two `Env`s.
//! Stores are full, read-only and slow, lose locks, lose the last save as a replica that was behind does, and lose whole
//! records; a process is killed while it saves, and may leave a whole draft. Processes are offline. Accounts are locked:
//! no resource takes a token, and the provider refreshes. Providers accept a spent refresh token for a minute, or always,
//! or never rotate.
//!
//! Two more windows are open there. If the store goes back to an earlier record before the process that has the newest
//! tokens writes them again, another process spends the refresh token of that record once more. If a lock is lost during
//! a refresh, two processes refresh at once. Both are counted.
//!
//! In one world of three, processes tell each other when a record changes, and sometimes when it does not.
//!
//! `SIMULATION_SEEDS=1000000 cargo test --release --test proto simulation::` runs more; `SIMULATION_SEED=7` runs one and
//! tells its story.

use std::collections::BTreeMap;
use std::panic::catch_unwind;

mod line;
mod mishaps;
mod process;
mod provider;
mod store;
mod universe;

use store::HINTS;
use universe::{Truth, Universe};

/// Beyond those that are run anyway: what came of them was wrong once.
///
/// - 1374, 1550: tokens of another process were taken as good, though they were older than a request without a response.
/// - 9: the tokens of another user, who had logged in in another process, were taken.
/// - 189: a logout revoked tokens that another process had replaced.
/// - 233: tokens were saved where another process had logged out.
/// - 2, 5: a clock was set back, and a token was handed out as good for longer than it lives.
/// - 26, 76: the store had lost a record, and nobody revoked its tokens.
/// - 81, 299: the store had lost the last save, and the process that had the newest tokens took the ones before for newer.
/// - 237, 335: tokens of a machine whose clock is ahead were taken for fresh ones, and their refusals for a locked account.
/// - 1675: tokens came after the pause of the attempt that had asked for them, and were dropped.
/// - 346 with hints: the store had lost the last save and the mark of a refresh without a response, and a logout was certain.
/// - 1231: a record was evicted, two users logged in after each other, and those who held the first login did not revoke it.
const FAILED_ONCE: [u64; 16] = [2, 5, 9, 26, 76, 81, 189, 233, 237, 299, 335, 1231, 1374, 1550, 1675, HINTS | 346];

/// The kinds of mishaps of harsh worlds.
const MISHAPS: usize = 10;

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
    let mut failed = Vec::new();
    let mut mishaps = BTreeMap::<_, u64>::new();
    let (mut ended, mut alive, mut truth) = (BTreeMap::<_, u64>::new(), BTreeMap::<_, u64>::new(), Truth::default());
    for seed in (0..seeds).chain((0..seeds / 2).map(|seed| seed | HINTS)).chain(FAILED_ONCE) {
        let Ok(told) = catch_unwind(|| Universe::new(seed, false).run()) else {
            failed.push(seed);
            continue;
        };
        sessions += told.sessions;
        refreshes += told.refreshes;
        strict += told.strict;
        truth.add(&told.truth);
        told.mishaps.into_iter().for_each(|(name, times)| *mishaps.entry(name).or_default() += times);
        told.alive.into_iter().for_each(|why| *alive.entry(why).or_default() += 1);
        told.ended.into_iter().for_each(|why| *ended.entry(why).or_default() += 1);
    }
    assert!(failed.is_empty(), "see above: {} seeds, {:?}", failed.len(), failed.iter().take(20));
    println!("{seeds} seeds, {sessions} sessions, {refreshes} refreshes");
    println!("logins ended, of them those of {strict} sessions at strict providers, since {ended:#?}");
    println!("logins that live on without a user, since {alive:#?}");
    println!("{truth:?}");
    println!("mishaps of harsh worlds: {mishaps:#?}");
    if seeds >= 1000 {
        let Truth { doubtful, unknown, refreshed } = truth;
        let all = doubtful.into_iter().chain([unknown]).chain(refreshed);
        assert!(all.into_iter().all(|times| times > 0), "not everything has happened");
        assert_eq!(mishaps.len(), MISHAPS, "not everything has happened: {mishaps:?}");
    }
    assert!(sessions > seeds && refreshes > sessions, "something was put to the test");
    // Ends of other windows: the store's own.
    for other in
        ["it was revoked", "the store lost the record of the last tokens", "the lock was lost during a refresh"]
    {
        ended.remove(other);
    }
    assert!(ended.values().sum::<u64>() < strict, "all of them ended");
}
