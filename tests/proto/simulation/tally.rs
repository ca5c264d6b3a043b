//! What came of many runs.

use std::collections::BTreeMap;
use std::panic::catch_unwind;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::simulation::line::{LOST, TWICE};
use crate::simulation::universe::{Told, Truth, Universe};

/// The kinds of mishaps of harsh worlds.
const MISHAPS: usize = 13;
/// How much a run of one seed takes on average, at most: whatever a machine's speed, a thousand seeds take less than a minute.
const STEPS: u64 = 5000;

/// The windows in which a provider that takes a reuse for a theft, or that has lost the newest tokens, ends a grant, each with
/// how many there are at most to a thousand sessions.
const ENDED: [(&str, u64); 5] = [
    ("the lease ran out", 3),
    ("the lock was lost during a refresh", 5),
    ("the process was killed", 24),
    ("the response was lost, late, or the request came twice", 180),
    ("the store lost the record of the last tokens", 60),
];
/// The same for grants that live on and that nobody can end.
const ALIVE: [(&str, u64); 7] = [
    (LOST, 12),
    (TWICE, 6),
    ("the store lost the record, and nobody else knew it", 9),
    ("the process was killed before it revoked the login that it had replaced or erased", 4),
    ("the response was lost or late", 4),
    ("the process was killed", 1),
    ("the process was killed before the login was saved", 65),
];
/// How many tokens to a thousand refreshes are handed out that another process has ended, and how many as doubtful, at most.
const UNKNOWN: u64 = 360;
const DOUBTFUL: u64 = 12;
/// How many of a thousand who want new tokens get none, at most.
const IN_VAIN: u64 = 260;

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
            let is_seldom = |times: u64, most: u64, of: u64| times * 1000 <= most * of;
            assert!(is_seldom(*unknown, UNKNOWN, *refreshes), "{unknown} ended tokens, {refreshes} refreshes");
            assert!(is_seldom(doubtful.iter().sum(), DOUBTFUL, *refreshes), "{doubtful:?} of {refreshes} refreshes");
            assert!(is_seldom(refreshed[1], IN_VAIN, refreshed.iter().sum()), "{refreshed:?}");
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
