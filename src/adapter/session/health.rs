//! What the sessions of a runner are doing, counted.

use std::sync::Mutex;

use super::lock::lock;
use crate::session::Activity;

/// How many sessions do what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Health {
    /// All of them.
    pub sessions: usize,
    /// They are getting new tokens.
    pub refreshing: usize,
    /// They wait until fewer of the same provider's sessions are refreshing.
    pub queued: usize,
    /// They pause after a failure.
    pub backing_off: usize,
    /// They have tokens that their store does not have.
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
