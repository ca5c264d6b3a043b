//! What keeps sessions from asking a provider all at once.

use std::collections::VecDeque;
use std::time::Duration;

use crate::base::env::MonotonicTime;

/// How many refreshes of one provider go on at once, unless another number is set.
pub(super) const LIMIT: usize = 64;

/// The pause of a provider that asks for one and does not say how long.
const PAUSE: Duration = Duration::from_secs(1);

/// The longest `Retry-After` that is believed.
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);

/// How far apart overdue sessions begin on average. A small provider serves so many.
const OVERDUE_APART: Duration = Duration::from_millis(5);

/// The refreshes of one provider: some go on, the others wait here. Those whose callers wait come first.
pub(super) struct Gate {
    limit: usize,
    /// How many may go on now: fewer than the limit after the provider asked for a pause.
    allowed: usize,
    running: usize,
    wanted: VecDeque<u64>,
    others: VecDeque<u64>,
    /// The provider asked for a pause.
    shut_until: Option<MonotonicTime>,
    overdue: u32,
}

/// Where a session is at the gate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Place {
    #[default]
    Elsewhere,
    /// It waits, and so does a caller.
    Wanted,
    /// It waits.
    Queued,
    Running,
}

impl Gate {
    pub(super) fn new(limit: usize) -> Self {
        let (wanted, others) = (VecDeque::new(), VecDeque::new());
        Self { limit, allowed: limit, running: 0, wanted, others, shut_until: None, overdue: 0 }
    }

    /// The session moves. What it leaves in a queue is passed over.
    pub(super) fn moves(&mut self, id: u64, from: Place, to: Place) {
        if from == to {
            return;
        }
        match to {
            Place::Elsewhere => {}
            Place::Wanted => self.wanted.push_back(id),
            Place::Queued => self.others.push_back(id),
            Place::Running => self.running += 1,
        }
        if from == Place::Running {
            self.running = self.running.saturating_sub(1);
        }
    }

    /// The next one, and the queue in which it stood, if one may begin now.
    pub(super) fn next(&mut self, now: MonotonicTime) -> Option<(u64, Place)> {
        if self.running >= self.allowed || self.shut_until.is_some_and(|until| now < until) {
            return None;
        }
        let wanted = self.wanted.pop_front().map(|id| (id, Place::Wanted));
        wanted.or_else(|| self.others.pop_front().map(|id| (id, Place::Queued)))
    }

    /// Whether nobody waits.
    pub(super) fn is_empty(&self) -> bool {
        self.wanted.is_empty() && self.others.is_empty()
    }

    /// When it opens, if someone waits for that.
    pub(super) fn opens_at(&self) -> Option<MonotonicTime> {
        let is_waited_for = !self.is_empty() && self.running < self.allowed;
        self.shut_until.filter(|_| is_waited_for)
    }

    /// A refresh brought tokens: one more may go on, up to the limit.
    pub(super) fn succeeded(&mut self) {
        self.allowed = self.limit.min(self.allowed.saturating_add(1));
    }

    /// The provider asks for a pause (RFC 6585 section 4, RFC 9110 section 15.6.4): nobody begins before its end, and
    /// then half as many. `chance` is any random number.
    pub(super) fn shut(&mut self, retry_after: Option<Duration>, now: MonotonicTime, chance: u32) {
        let pause = retry_after.unwrap_or(PAUSE).min(LONGEST_PAUSE);
        let until = now.saturating_add(pause + part(pause / 4, chance));
        // Those that were under way get the same response.
        if self.shut_until.is_none_or(|until| now >= until) {
            self.allowed = (self.allowed / 2).max(1);
        }
        self.shut_until = self.shut_until.max(Some(until));
    }

    /// When a session begins that was overdue when it came: the more of them there are, the farther they are spread.
    pub(super) fn spread(&mut self, now: MonotonicTime, chance: u32) -> MonotonicTime {
        self.overdue = self.overdue.saturating_add(1);
        now.saturating_add(part(OVERDUE_APART.saturating_mul(self.overdue), chance))
    }

    /// One of those has begun.
    pub(super) fn is_no_longer_overdue(&mut self) {
        self.overdue = self.overdue.saturating_sub(1);
    }
}

fn part(of: Duration, chance: u32) -> Duration {
    of.mul_f64(f64::from(chance) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_more_sessions_are_overdue_the_farther_they_are_spread() {
        let (mut gate, now) = (Gate::new(LIMIT), MonotonicTime::from_millis(1000));
        let farthest = |gate: &mut Gate| gate.spread(now, u32::MAX).saturating_since(now);
        assert_eq!(farthest(&mut gate), OVERDUE_APART);
        assert_eq!(gate.spread(now, 0), now);
        assert_eq!(farthest(&mut gate), OVERDUE_APART * 3);
        (0..997).for_each(|_| _ = gate.spread(now, 0));
        assert_eq!(farthest(&mut gate), OVERDUE_APART * 1001);
        // On average each of those has 5 ms to itself, whichever begin first.
        (0..1001).for_each(|_| gate.is_no_longer_overdue());
        assert_eq!(farthest(&mut gate), OVERDUE_APART);
        (0..5).for_each(|_| gate.is_no_longer_overdue());
        assert_eq!(farthest(&mut gate), OVERDUE_APART, "it counts no further down than to none");
    }

    #[test]
    fn a_pause_lasts_as_long_as_it_is_said_and_half_as_many_begin_after_it() {
        let (mut gate, now) = (Gate::new(4), MonotonicTime::from_millis(1000));
        let later = |seconds| now.saturating_add(Duration::from_secs(seconds));
        (0..8).for_each(|id| gate.moves(id, Place::Elsewhere, Place::Queued));
        // Two responses of the same moment halve it once.
        gate.shut(Some(Duration::from_secs(20)), now, 0);
        gate.shut(Some(Duration::from_secs(30)), now, 0);
        assert_eq!((gate.next(later(29)), gate.opens_at()), (None, Some(later(30))));
        for id in [0, 1] {
            assert!(gate.next(later(30)).is_some_and(|next| next == (id, Place::Queued)));
            gate.moves(id, Place::Queued, Place::Running);
        }
        assert!(gate.next(later(30)).is_none() && gate.allowed == 2);
        // Nobody is believed who wants a day.
        gate.shut(Some(Duration::from_secs(86_400)), later(30), 0);
        (0..2).for_each(|id| gate.moves(id, Place::Running, Place::Elsewhere));
        assert_eq!(gate.opens_at(), Some(later(30).saturating_add(LONGEST_PAUSE)));
    }
}
