//! What came of many runs.

use std::collections::BTreeMap;
use std::panic::catch_unwind;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::simulation::line::{LEFT, LOST, TWICE};
use crate::simulation::universe::{Told, Truth, Universe};

/// The kinds of mishaps of harsh worlds.
const MISHAPS: usize = 12;
/// How much a run of one seed takes on average, at most: whatever a machine's speed, a thousand seeds take less than a minute.
const STEPS: u64 = 5000;

/// The windows in which a provider that takes a reuse for a theft, or that has lost the newest tokens, ends a grant, each with
/// how many there are at most to a thousand sessions.
const ENDED: [(&str, u64); 6] = [
    (LEFT, 3),
    ("the lease ran out", 5),
    ("the lock was lost during a refresh", 10),
    ("the process was killed", 40),
    ("the response was lost, late, or the request came twice", 200),
    ("the store lost the record of the last tokens", 80),
];
/// The same for grants that live on and that nobody can end.
const ALIVE: [(&str, u64); 7] = [
    (LOST, 30),
    (TWICE, 10),
    ("the store lost the record, and nobody else knew it", 10),
    ("the process was killed before it revoked the login that it had replaced or erased", 5),
    ("the response was lost or late", 5),
    ("the process was killed", 10),
    ("the process was killed before the login was saved", 80),
];

#[derive(Default)]
pub(crate) struct Tally {
    seeds: usize,
    sessions: u64,
    refreshes: u64,
    steps: u64,
    /// Sessions at strict providers.
    strict: u64,
    failed: Vec<u64>,
    mishaps: BTreeMap<&'static str, u64>,
    ended: BTreeMap<&'static str, u64>,
    alive: BTreeMap<&'static str, u64>,
    truth: Truth,
}

impl Tally {
    /// Runs them all, on all cores.
    pub(crate) fn of(seeds: &[u64]) -> Self {
        let (next, tally) = (AtomicUsize::new(0), Mutex::new(Self::default()));
        let work = || {
            while let Some(seed) = seeds.get(next.fetch_add(1, Ordering::Relaxed)) {
                let told = catch_unwind(|| Universe::new(*seed, false).run());
                tally.lock().unwrap().add(*seed, told.ok());
            }
        };
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        std::thread::scope(|scope| (0..threads).for_each(|_| _ = scope.spawn(work)));
        tally.into_inner().unwrap()
    }

    fn add(&mut self, seed: u64, told: Option<Told>) {
        self.seeds += 1;
        let Some(told) = told else { return self.failed.push(seed) };
        self.sessions += told.sessions;
        self.refreshes += told.refreshes;
        self.steps += told.steps;
        self.strict += told.strict;
        self.truth.add(&told.truth);
        told.mishaps.into_iter().for_each(|(name, times)| *self.mishaps.entry(name).or_default() += times);
        told.alive.into_iter().for_each(|why| *self.alive.entry(why).or_default() += 1);
        told.ended.into_iter().for_each(|why| *self.ended.entry(why).or_default() += 1);
    }

    /// Prints the figures, and holds them to what must have happened.
    pub(crate) fn check(mut self) {
        let Self { seeds, sessions, refreshes, steps, strict, failed, mishaps, ended, alive, truth } = &mut self;
        failed.sort_unstable();
        assert!(failed.is_empty(), "see above: {} of {seeds} seeds, {failed:?}", failed.len());
        println!("{seeds} seeds, {sessions} sessions, {refreshes} refreshes, {steps} steps");
        println!("logins ended, of them those of {strict} sessions at strict providers, since {ended:#?}");
        println!("logins that live on without a user, since {alive:#?}");
        println!("{truth:?}");
        println!("mishaps of harsh worlds: {mishaps:#?}");
        if *seeds >= 1000 {
            let Truth { doubtful, unknown, refreshed, .. } = truth;
            let all = doubtful.iter().chain([&*unknown]).chain(refreshed.iter());
            assert!(all.into_iter().all(|times| *times > 0), "not everything has happened");
            assert_eq!(mishaps.len(), MISHAPS, "not everything has happened: {mishaps:?}");
        }
        assert!(*sessions > *seeds as u64 && refreshes > sessions, "something was put to the test");
        assert!(*steps <= STEPS * *seeds as u64, "a run has become longer: {steps} steps");
        assert!(ended.remove("it was revoked").is_some(), "nobody has logged out");
        let all = *sessions;
        for (windows, met) in [(&ENDED[..], ended), (&ALIVE[..], alive)] {
            for (why, most) in windows {
                let times = met.remove(why).unwrap_or_default();
                assert!(*seeds < 1000 || times * 1000 <= most * all, "too often: {why}: {times} of {all} sessions");
                assert!(*seeds < 10_000 || times > 0, "this window was not met: {why}");
            }
            assert!(met.is_empty(), "no window has this name: {met:?}");
        }
    }
}
