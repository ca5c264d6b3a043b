//! A provider's newest keys, shared by all flows at that provider.
//!
//! The cell numbers its fetches. A flow notes how many were begun when its tokens *arrive*. Any key set may verify a token;
//! only a set from a later fetch proves that a key does not exist. No clock decides that.
//!
//! ```text
//! try the newest set ─┬─ key known ─────────────────────────────────────▶ verdict
//!                     └─ key unknown ─┬─ a newer set arrived ───────────▶ try it
//!                                     ├─ asked for before that fetch ───▶ try the set before
//!                                     ├─ the newest was fetched later ──▶ unknown
//!                                     ├─ the fetch waited for failed ───▶ failed
//!                                     ├─ a fetch is under way ──────────▶ wait for the bell, look again
//!                                     ├─ a stranger's, within a minute ─▶ unknown
//!                                     └─ otherwise ─────────────────────▶ fetch (a claim; dropping it releases it)
//! ```
//!
//! At most one fetch is under way, and each token response causes at most one.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::base::bell::{Bell, Tower};
use crate::base::env::MonotonicTime;
use crate::error::Error;
use crate::jose::Keys;
use crate::jose::backend::Backend;

/// How long other flows wait for one fetch before one of them begins another: longer than the HTTP clients' time-outs.
const LEASE: Duration = Duration::from_secs(60);
/// By how much the clocks of two threads may differ.
const SKEW: Duration = Duration::from_secs(1);
/// How soon a driver that ignores the bell looks again.
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// The shortest time between two fetches for tokens from strangers (logout tokens): anyone can send such tokens.
pub const STRANGERS_COOLDOWN: Duration = Duration::from_secs(60);
/// The maximum age of keys before they are fetched again; also the age if the provider sends no `Cache-Control`.
pub const OLDEST_KEYS: Duration = Duration::from_secs(24 * 3600);
/// The minimum age of keys before they are fetched again: several providers forbid caching, and an unknown key causes a
/// fetch anyway.
pub const YOUNGEST_KEYS: Duration = Duration::from_secs(300);

/// The newest keys of one provider.
pub(crate) struct KeyCell {
    backend: Option<&'static dyn Backend>,
    state: Mutex<State>,
    tower: Tower,
}

#[derive(Default)]
struct State {
    newest: Option<Held>,
    /// The set before: an old key that was withdrawn at once still verifies tokens that were asked for before.
    previous: Option<Arc<Keys>>,
    begun: u64,
    under_way: Option<(u64, MonotonicTime)>,
    failed: Option<(u64, Error)>,
    /// Until when no further fetch for strangers begins.
    for_strangers: Option<MonotonicTime>,
}

struct Held {
    keys: Arc<Keys>,
    /// The number of the fetch that brought them; 0 for keys that the caller supplied.
    by: u64,
    fresh_until: MonotonicTime,
}

/// Whether it is not yet `until`, which was set to at most this long from then. If it is further away, it was set by a clock
/// that counts from another moment, and says nothing.
fn is_within(now: MonotonicTime, until: MonotonicTime, at_most: Duration) -> bool {
    now < until && until.saturating_since(now) <= at_most + SKEW
}

/// The number of fetches that were begun at some moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Mark(u64);

/// Whose tokens these are, and when they were asked for and arrived.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asker {
    asked: Mark,
    arrived: Mark,
    /// The response to a request of this client: each cost a request already, so it may cost one fetch.
    is_own: bool,
}

impl Asker {
    /// The response to a request that was sent at that mark.
    pub(crate) fn own(asked: Mark, arrived: Mark) -> Self {
        Self { asked, arrived, is_own: true }
    }

    /// Anybody's: a logout token.
    pub(crate) fn stranger(arrived: Mark) -> Self {
        Self { asked: arrived, arrived, is_own: false }
    }
}

/// Which sets a flow has tried, and which fetch it waited for.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tried {
    by: Option<u64>,
    previous: bool,
    waited_for: Option<u64>,
}

impl Tried {
    /// Whether any set was tried.
    pub(crate) fn any(&self) -> bool {
        self.by.is_some()
    }
}

/// What to do for a token whose key is unknown.
#[derive(Debug)]
pub(crate) enum NextKeys {
    /// Try this set.
    Try(Arc<Keys>),
    /// Fetch the keys, and tell the claim what became of it.
    Fetch(Claim),
    /// Another flow fetches.
    Wait(MonotonicTime, Bell),
    /// The provider has no such key, or nothing is fetched for a stranger now.
    Unknown,
    /// The fetch that was waited for failed.
    Failed(Error),
}

impl KeyCell {
    pub(super) fn new(backend: Option<&'static dyn Backend>) -> Arc<Self> {
        Arc::new(Self { backend, state: Mutex::default(), tower: Tower::default() })
    }

    /// Who verifies signatures by these keys.
    pub(crate) fn backend(&self) -> Option<&'static dyn Backend> {
        self.backend
    }

    /// Takes keys that the caller supplies. They are as good as fetched ones, until a fetch brings newer ones.
    pub(super) fn supply(&self, keys: Arc<Keys>, fresh_until: MonotonicTime) {
        let mut state = self.lock();
        if state.newest.is_none() {
            state.newest = Some(Held { keys, by: 0, fresh_until });
        }
    }

    /// The newest keys, however old.
    pub(crate) fn newest(&self) -> Option<Arc<Keys>> {
        self.lock().newest.as_ref().map(|held| held.keys.clone())
    }

    /// The newest keys, noted as tried, if they are fresh. A flow starts with them, so that it reads its token once.
    pub(crate) fn first(&self, tried: &mut Tried, now: MonotonicTime) -> Option<Arc<Keys>> {
        let state = self.lock();
        let held = state.newest.as_ref().filter(|held| is_within(now, held.fresh_until, OLDEST_KEYS))?;
        tried.by = Some(held.by);
        Some(held.keys.clone())
    }

    /// How many fetches were begun by now. Call it when a request is sent, and when its tokens arrive.
    pub(crate) fn mark(&self) -> Mark {
        Mark(self.lock().begun)
    }

    /// What to do when none of the sets that were tried has the key.
    pub(crate) fn next(self: &Arc<Self>, asker: &Asker, tried: &mut Tried, now: MonotonicTime) -> NextKeys {
        let mut state = self.lock();
        let fresh = state.newest.as_ref().filter(|held| is_within(now, held.fresh_until, OLDEST_KEYS));
        if let Some(held) = fresh {
            if tried.by.is_none_or(|by| by < held.by) {
                tried.by = Some(held.by);
                return NextKeys::Try(held.keys.clone());
            }
            if asker.asked.0 < held.by
                && !std::mem::replace(&mut tried.previous, true)
                && let Some(previous) = &state.previous
            {
                return NextKeys::Try(previous.clone());
            }
            if held.by > asker.arrived.0 {
                return NextKeys::Unknown;
            }
        }
        if let (Some(number), Some((failed, error))) = (tried.waited_for, &state.failed)
            && *failed == number
        {
            return NextKeys::Failed(error.clone());
        }
        if let Some((number, until)) = state.under_way
            && is_within(now, until, LEASE)
        {
            tried.waited_for = Some(number);
            return NextKeys::Wait(now.saturating_add(LOOK_AGAIN), self.tower.bell());
        }
        if !asker.is_own {
            if state.for_strangers.is_some_and(|until| is_within(now, until, STRANGERS_COOLDOWN)) {
                return NextKeys::Unknown;
            }
            state.for_strangers = Some(now.saturating_add(STRANGERS_COOLDOWN));
        }
        self.claim(&mut state, now)
    }

    /// Fresh keys, whichever: what a flow needs before it spends a code.
    pub(crate) fn any(self: &Arc<Self>, tried: &mut Tried, now: MonotonicTime) -> NextKeys {
        let mark = self.mark();
        self.next(&Asker::own(mark, mark), tried, now)
    }

    /// Fetches the keys now, unless a fetch is under way.
    fn claim(self: &Arc<Self>, state: &mut State, now: MonotonicTime) -> NextKeys {
        state.begun += 1;
        state.under_way = Some((state.begun, now.saturating_add(LEASE)));
        NextKeys::Fetch(Claim { cell: self.clone(), number: state.begun, is_over: false })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for KeyCell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyCell({:?})", self.newest())
    }
}

/// The right to fetch. Dropping it releases it, so that an abandoned flow keeps nobody waiting.
#[must_use = "other flows wait for what becomes of it"]
pub(crate) struct Claim {
    cell: Arc<KeyCell>,
    number: u64,
    is_over: bool,
}

impl Claim {
    /// Keeps the keys for all flows, whether or not they verify this one's token.
    pub(crate) fn fulfil(mut self, keys: &Arc<Keys>, fresh_for: Duration, now: MonotonicTime) {
        let fresh_until = now.saturating_add(fresh_for.clamp(YOUNGEST_KEYS, OLDEST_KEYS));
        self.end(|state, number| {
            // A slow response does not replace a newer set.
            if state.newest.as_ref().is_none_or(|held| held.by < number) {
                let held = Held { keys: keys.clone(), by: number, fresh_until };
                // Keys that are too old verify nothing any more.
                let previous = state.newest.replace(held).filter(|held| is_within(now, held.fresh_until, OLDEST_KEYS));
                state.previous = previous.map(|held| held.keys);
            }
        });
    }

    /// Tells the flows that wait for this fetch that it failed.
    pub(crate) fn fail(mut self, error: &Error) {
        self.end(|state, number| state.failed = Some((number, error.clone())));
    }

    fn end(&mut self, change: impl FnOnce(&mut State, u64)) {
        self.is_over = true;
        {
            let mut state = self.cell.lock();
            if state.under_way.is_some_and(|(number, _)| number == self.number) {
                state.under_way = None;
            }
            change(&mut state, self.number);
        }
        self.cell.tower.ring();
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if !self.is_over {
            self.end(|_, _| {});
        }
    }
}

impl fmt::Debug for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Claim({})", self.number)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

    use super::*;
    use crate::base::env::Timestamp;
    use crate::error::ErrorCode;

    fn cell() -> Arc<KeyCell> {
        KeyCell::new(None)
    }

    fn keys() -> Arc<Keys> {
        Arc::new(Keys::read(None, br#"{"keys":[]}"#, Timestamp::from_unix_seconds(1)).unwrap())
    }

    fn at(seconds: u64) -> MonotonicTime {
        MonotonicTime::from_millis(seconds * 1000)
    }

    fn own(cell: &KeyCell) -> Asker {
        Asker::own(cell.mark(), cell.mark())
    }

    fn fetch(cell: &Arc<KeyCell>, asker: &Asker, tried: &mut Tried, now: MonotonicTime) -> Claim {
        match cell.next(asker, tried, now) {
            NextKeys::Fetch(claim) => claim,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_fetch_after_the_tokens_came_proves_that_there_is_no_such_key() {
        let (cell, mut tried) = (cell(), Tried::default());
        let asker = own(&cell);
        fetch(&cell, &asker, &mut tried, at(0)).fulfil(&keys(), Duration::MAX, at(0));
        assert!(matches!(cell.next(&asker, &mut tried, at(0)), NextKeys::Try(_)));
        assert!(matches!(cell.next(&asker, &mut tried, at(0)), NextKeys::Unknown));
        // For tokens that come now it proves nothing, however young it is.
        let (asker, mut tried) = (own(&cell), Tried::default());
        assert!(matches!(cell.next(&asker, &mut tried, at(0)), NextKeys::Try(_)));
        drop(fetch(&cell, &asker, &mut tried, at(0)));
    }

    #[test]
    fn tokens_that_come_while_a_fetch_is_under_way_cost_one_more_together() {
        let cell = cell();
        let claim = fetch(&cell, &own(&cell), &mut Tried::default(), at(0));
        let (first, second) = (own(&cell), own(&cell));
        let (mut a, mut b) = (Tried::default(), Tried::default());
        assert!(matches!(cell.next(&first, &mut a, at(0)), NextKeys::Wait(..)));
        assert!(matches!(cell.next(&second, &mut b, at(0)), NextKeys::Wait(..)));
        claim.fulfil(&keys(), Duration::MAX, at(0));
        for (asker, tried) in [(&first, &mut a), (&second, &mut b)] {
            assert!(matches!(cell.next(asker, tried, at(0)), NextKeys::Try(_)));
        }
        let claim = fetch(&cell, &first, &mut a, at(0));
        assert!(matches!(cell.next(&second, &mut b, at(0)), NextKeys::Wait(..)));
        claim.fulfil(&keys(), Duration::MAX, at(0));
        for (asker, tried) in [(&first, &mut a), (&second, &mut b)] {
            assert!(matches!(cell.next(asker, tried, at(0)), NextKeys::Try(_)));
            assert!(matches!(cell.next(asker, tried, at(0)), NextKeys::Unknown | NextKeys::Try(_)));
            assert!(matches!(cell.next(asker, tried, at(0)), NextKeys::Unknown));
        }
    }

    #[test]
    fn a_claim_that_is_dropped_rings_and_one_that_is_stuck_is_passed_over() {
        let cell = cell();
        let (asker, mut tried) = (own(&cell), Tried::default());
        let claim = fetch(&cell, &asker, &mut Tried::default(), at(0));
        let NextKeys::Wait(until, bell) = cell.next(&asker, &mut tried, at(0)) else { panic!("nothing to wait for") };
        assert_eq!((until, bell.has_rung()), (MonotonicTime::from_millis(50), false));
        drop(claim);
        assert!(bell.has_rung());
        let stuck = fetch(&cell, &asker, &mut tried, at(0));
        assert!(matches!(cell.next(&asker, &mut tried, at(59)), NextKeys::Wait(..)));
        let claim = fetch(&cell, &asker, &mut tried, at(60));
        claim.fulfil(&keys(), Duration::MAX, at(60));
        // The slow response comes after all, and replaces nothing.
        let newest = cell.newest().unwrap();
        stuck.fulfil(&keys(), Duration::MAX, at(61));
        assert!(Arc::ptr_eq(&newest, &cell.newest().unwrap()));
    }

    #[test]
    fn a_failure_is_told_to_those_who_waited_for_that_fetch_and_not_remembered() {
        let cell = cell();
        let (asker, mut waited) = (own(&cell), Tried::default());
        let claim = fetch(&cell, &asker, &mut Tried::default(), at(0));
        assert!(matches!(cell.next(&asker, &mut waited, at(0)), NextKeys::Wait(..)));
        claim.fail(&ErrorCode::HTTP_SERVER_ERROR.into());
        let NextKeys::Failed(error) = cell.next(&asker, &mut waited, at(0)) else { panic!("not told") };
        assert_eq!(error.code(), ErrorCode::HTTP_SERVER_ERROR);
        drop(fetch(&cell, &asker, &mut Tried::default(), at(0)));
    }

    #[test]
    fn strangers_fetch_once_a_minute_and_hold_up_nobody_else() {
        let cell = cell();
        fetch(&cell, &own(&cell), &mut Tried::default(), at(0)).fulfil(&keys(), Duration::MAX, at(0));
        let mut fetches = 0;
        for second in 0..3600 {
            let (asker, mut tried) = (Asker::stranger(cell.mark()), Tried::default());
            loop {
                match cell.next(&asker, &mut tried, at(second)) {
                    NextKeys::Try(_) => {}
                    NextKeys::Fetch(claim) => {
                        fetches += 1;
                        claim.fulfil(&keys(), Duration::MAX, at(second));
                    }
                    NextKeys::Unknown => break,
                    other => panic!("{other:?}"),
                }
            }
            // An honest login between them may fetch.
            let (asker, mut tried) = (own(&cell), Tried::default());
            assert!(matches!(cell.next(&asker, &mut tried, at(second)), NextKeys::Try(_)));
            drop(fetch(&cell, &asker, &mut tried, at(second)));
        }
        assert_eq!(fetches, 60);
    }

    /// Somebody uses two clocks that count from different moments: nobody waits longer for a fetch than it may take, and
    /// keys do not live longer than they may.
    #[test]
    fn a_clock_that_is_far_behind_neither_waits_nor_keeps_keys() {
        let cell = cell();
        let stuck = fetch(&cell, &own(&cell), &mut Tried::default(), at(360_000));
        let claim = fetch(&cell, &own(&cell), &mut Tried::default(), at(10));
        drop(stuck);
        drop(claim);
        fetch(&cell, &own(&cell), &mut Tried::default(), at(360_000)).fulfil(&keys(), Duration::MAX, at(360_000));
        assert!(cell.first(&mut Tried::default(), at(360_010)).is_some());
        assert!(cell.first(&mut Tried::default(), at(10)).is_none());

        // Nor does a stranger's fetch by the one hold up those that the other sees.
        let cell = self::cell();
        let stranger = Asker::stranger(cell.mark());
        drop(fetch(&cell, &stranger, &mut Tried::default(), at(400_000)));
        drop(fetch(&cell, &stranger, &mut Tried::default(), at(10)));
    }

    #[test]
    fn keys_that_are_too_old_are_fetched_anew_before_they_verify() {
        for (fresh_for, until) in [(Duration::MAX, OLDEST_KEYS), (Duration::ZERO, YOUNGEST_KEYS)] {
            let cell = cell();
            fetch(&cell, &own(&cell), &mut Tried::default(), at(0)).fulfil(&keys(), fresh_for, at(0));
            let until = until.as_secs();
            assert!(cell.first(&mut Tried::default(), at(until - 1)).is_some());
            let mut tried = Tried::default();
            assert!(cell.first(&mut tried, at(until)).is_none());
            drop(fetch(&cell, &own(&cell), &mut tried, at(until)));
        }
    }
}
