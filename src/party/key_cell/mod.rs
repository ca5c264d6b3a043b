//! A provider's newest keys, shared by all flows at that provider.
//!
//! The cell numbers its fetches. A flow notes how many were begun when its tokens *arrive*. Any key set may verify a
//! token; only a set from a later fetch proves that a key does not exist. No clock decides that.
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
//! At most one fetch is under way, unless it lasts longer than a minute: then another flow may
//! fetch. Each token response causes at most one.

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

/// Whether `now` is before `until`. Whoever set `until` set it at most `at_most` ahead of its own
/// time. If it is further ahead of `now`, it was set by a clock that counts from another moment:
/// the result is `false`.
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
    /// The provider has no such key, or nothing is fetched for a stranger now.
    Unknown,
    /// There are no keys that were not tried.
    None(NoKeys),
}

/// What to do without keys.
#[derive(Debug)]
pub(crate) enum NoKeys {
    /// Fetch them, and tell the claim what became of it.
    Fetch(Claim),
    /// Another flow fetches.
    Wait(MonotonicTime, Bell),
    /// The fetch that was waited for failed.
    Failed(Error),
}

impl State {
    /// The newest keys, if they are fresh.
    fn fresh(&self, now: MonotonicTime) -> Option<&Held> {
        self.newest.as_ref().filter(|held| is_within(now, held.fresh_until, OLDEST_KEYS))
    }
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
        let held = state.fresh(now)?;
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
        if let Some(held) = state.fresh(now) {
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
        if let Some(no_keys) = self.fetched_elsewhere(&state, tried, now) {
            return NextKeys::None(no_keys);
        }
        if !asker.is_own {
            if state.for_strangers.is_some_and(|until| is_within(now, until, STRANGERS_COOLDOWN)) {
                return NextKeys::Unknown;
            }
            state.for_strangers = Some(now.saturating_add(STRANGERS_COOLDOWN));
        }
        NextKeys::None(self.claim(&mut state, now))
    }

    /// Fresh keys, whichever: what a flow needs before it spends a code.
    pub(crate) fn any(self: &Arc<Self>, tried: &mut Tried, now: MonotonicTime) -> Result<Arc<Keys>, NoKeys> {
        let mut state = self.lock();
        match state.fresh(now) {
            Some(held) => Ok(held.keys.clone()),
            None => Err(self.fetched_elsewhere(&state, tried, now).unwrap_or_else(|| self.claim(&mut state, now))),
        }
    }

    /// How another flow's fetch goes, if there is one.
    fn fetched_elsewhere(&self, state: &State, tried: &mut Tried, now: MonotonicTime) -> Option<NoKeys> {
        if let (Some(number), Some((failed, error))) = (tried.waited_for, &state.failed)
            && *failed == number
        {
            return Some(NoKeys::Failed(error.clone()));
        }
        let (number, _) = state.under_way.filter(|(_, until)| is_within(now, *until, LEASE))?;
        tried.waited_for = Some(number);
        Some(NoKeys::Wait(now.saturating_add(LOOK_AGAIN), self.tower.bell()))
    }

    /// Returns the claim to fetch the keys now. The caller has checked that no fetch is under way.
    fn claim(self: &Arc<Self>, state: &mut State, now: MonotonicTime) -> NoKeys {
        state.begun += 1;
        state.under_way = Some((state.begun, now.saturating_add(LEASE)));
        NoKeys::Fetch(Claim { cell: self.clone(), number: state.begun, is_over: false })
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
mod tests;
