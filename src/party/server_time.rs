//! The provider's clock, as far as its responses tell it. It is used for what the provider checks
//! against its own clock: DPoP proofs and client assertions. It never judges a token.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use http::{HeaderMap, header};

use crate::base::env::Timestamp;
use crate::wire::date;

/// Below this the clocks count as equal: a response takes its time, and its dates are whole seconds.
const LEAST: Duration = Duration::from_secs(5);

/// A clock that differs by more is not followed.
const MOST: Duration = Duration::from_secs(24 * 3600);

/// How far the provider's clock is from this machine's.
#[derive(Debug, Default)]
pub(crate) struct ServerTime(Mutex<Option<Known>>);

#[derive(Clone, Copy, Debug)]
struct Known {
    difference: Difference,
    /// By `Date`, which counts for more than what tokens say.
    is_by_date: bool,
}

/// The provider's clock is so far ahead or behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Difference {
    None,
    Ahead(Duration),
    Behind(Duration),
}

impl Difference {
    fn between(theirs: Timestamp, ours: Timestamp) -> Option<Self> {
        let (ahead, behind) = (theirs.saturating_since(ours), ours.saturating_since(theirs));
        match ahead.max(behind) {
            most if most > MOST => None,
            least if least < LEAST => Some(Self::None),
            _ if ahead > behind => Some(Self::Ahead(ahead)),
            _ => Some(Self::Behind(behind)),
        }
    }
}

impl ServerTime {
    /// Notes the `Date` of a response that no cache keeps.
    pub(crate) fn note(&self, headers: &HeaderMap, now: Timestamp) {
        let text = headers.get(header::DATE).and_then(|value| value.to_str().ok());
        let difference = text.and_then(date::parse).and_then(|theirs| Difference::between(theirs, now));
        if let Some(difference) = difference {
            *self.lock() = Some(Known { difference, is_by_date: true });
        }
    }

    /// Notes when a token was issued that was requested at this time. Some providers send no `Date`.
    pub(crate) fn note_issued(&self, issued_at: Timestamp, requested_at: Timestamp) {
        let mut known = self.lock();
        if known.is_none_or(|known| !known.is_by_date)
            && let Some(difference) = Difference::between(issued_at, requested_at)
        {
            *known = Some(Known { difference, is_by_date: false });
        }
    }

    /// How far the clocks differ; `None` if that is not known.
    pub(crate) fn difference(&self) -> Option<Difference> {
        self.lock().map(|known| known.difference)
    }

    /// What the provider's clock shows when ours shows this.
    pub(crate) fn at(&self, now: Timestamp) -> Timestamp {
        match self.difference() {
            None | Some(Difference::None) => now,
            Some(Difference::Ahead(by)) => now.saturating_add(by),
            Some(Difference::Behind(by)) => now.saturating_sub(by),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
