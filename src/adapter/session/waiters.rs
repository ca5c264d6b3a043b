//! Callers who wait for a session.

use std::collections::BTreeMap;
use std::mem::take;
use std::task::Waker;

/// Callers by the attempt that they wait for. There are a few attempts at most, and any number of callers for each:
/// what looks for those who are served looks at the attempts only.
pub(super) struct Waiters<A> {
    attempts: BTreeMap<A, Crowd>,
    next: u64,
}

/// All who wait for one attempt.
pub(super) type Crowd = BTreeMap<u64, Waker>;

impl<A> Default for Waiters<A> {
    fn default() -> Self {
        Self { attempts: BTreeMap::new(), next: 0 }
    }
}

impl<A: Copy + Ord> Waiters<A> {
    /// Lets a caller wait. `id` is the caller's place, which is kept for the next time.
    pub(super) fn wait(&mut self, attempt: A, id: &mut Option<u64>, waker: Waker) {
        let place = *id.get_or_insert_with(|| {
            self.next += 1;
            self.next
        });
        self.attempts.entry(attempt).or_default().insert(place, waker);
    }

    /// The caller waits no longer.
    pub(super) fn leave(&mut self, attempt: A, id: u64) {
        if let Some(crowd) = self.attempts.get_mut(&attempt) {
            crowd.remove(&id);
            if crowd.is_empty() {
                self.attempts.remove(&attempt);
            }
        }
    }

    /// Takes out those whose attempt is over.
    pub(super) fn take_served(&mut self, is_over: impl Fn(A) -> bool) -> Vec<Crowd> {
        let mut served = Vec::new();
        self.attempts.retain(|attempt, crowd| {
            let is_over = is_over(*attempt);
            if is_over {
                served.push(take(crowd));
            }
            !is_over
        });
        served
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn who_is_served_is_found_without_a_look_at_each_caller() {
        for callers in [1000, 2000, 4000] {
            let (mut waiters, mut places) = (Waiters::default(), vec![None; callers]);
            for (at, place) in places.iter_mut().enumerate() {
                waiters.wait(at % 2, place, Waker::noop().clone());
            }
            // Who is polled once more keeps the place, and who leaves is gone.
            waiters.wait(0, &mut places[0], Waker::noop().clone());
            waiters.leave(0, places[0].unwrap());
            let asked = Cell::new(0);
            let served = waiters.take_served(|attempt| {
                asked.set(asked.get() + 1);
                attempt == 0
            });
            assert_eq!((served.len(), served[0].len(), asked.get()), (1, callers / 2 - 1, 2));
            assert!(waiters.take_served(|attempt| attempt == 0).is_empty());
        }
    }
}
