//! Counts what the sessions of a [`Run`](super::Run) are doing.

use std::sync::Mutex;

use super::lock::lock;
use crate::session::Activity;

/// The numbers of sessions by what they are doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Health {
    /// All sessions.
    pub sessions: usize,
    /// Sessions that are getting new tokens.
    pub refreshing: usize,
    /// Sessions that wait because the maximum number of refreshes of their provider is running.
    pub queued: usize,
    /// Sessions that pause after a failure.
    pub backing_off: usize,
    /// Sessions with tokens that are not saved in their store yet.
    pub unsaved: usize,
}

/// What is counted of one session.
pub(super) type Figures = (Activity, bool);

/// The figures of all. A change of one session is a change of two numbers.
#[derive(Default)]
pub(super) struct Board(Mutex<Health>);

impl Board {
    pub(super) fn read(&self) -> Health {
        *lock(&self.0)
    }

    /// A session that comes has nothing before, and one that goes has nothing after.
    pub(super) fn change(&self, before: Option<Figures>, after: Option<Figures>) {
        if before == after {
            return;
        }
        let mut health = lock(&self.0);
        let mut count = |figures: Option<Figures>, change: fn(usize, usize) -> usize| {
            let Some((activity, is_unsaved)) = figures else { return };
            health.sessions = change(health.sessions, 1);
            health.unsaved = change(health.unsaved, usize::from(is_unsaved));
            match activity {
                Activity::Idle => {}
                Activity::Queued => health.queued = change(health.queued, 1),
                Activity::Refreshing => health.refreshing = change(health.refreshing, 1),
                Activity::BackingOff => health.backing_off = change(health.backing_off, 1),
            }
        };
        count(after, usize::saturating_add);
        count(before, usize::saturating_sub);
    }
}
