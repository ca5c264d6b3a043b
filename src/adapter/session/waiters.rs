//! Callers who wait for a session.

use std::mem::take;
use std::task::Waker;

use super::ordered::{Drained, Ordered};

/// Callers by the attempt that they wait for. There are a few attempts at most, and any number of callers for each:
/// what looks for those who are served looks at the attempts only.
pub(super) struct Waiters<A> {
    attempts: Vec<(A, Crowd)>,
    next: u64,
}

/// All who wait for one attempt.
pub(super) type Crowd = Ordered<u64, Waker>;

/// Those who waited, and are to be woken.
pub(super) type Served = Drained<u64, Waker>;

impl<A> Default for Waiters<A> {
    fn default() -> Self {
        Self { attempts: Vec::new(), next: 0 }
    }
}

impl<A: Copy + Eq> Waiters<A> {
    /// Lets a caller wait. `id` is the caller's place, which is kept for the next time.
    pub(super) fn wait(&mut self, attempt: A, id: &mut Option<u64>, waker: Waker) {
        let place = *id.get_or_insert_with(|| {
            self.next += 1;
            self.next
        });
        match self.attempts.iter_mut().find(|(own, _)| *own == attempt) {
            Some((_, crowd)) => drop(crowd.insert(place, waker)),
            None => {
                let mut crowd = Crowd::default();
                crowd.insert(place, waker);
                self.attempts.push((attempt, crowd));
            }
        }
    }

    /// The caller waits no longer.
    pub(super) fn leave(&mut self, attempt: A, id: u64) {
        self.attempts.retain_mut(|(own, crowd)| {
            let is_own = *own == attempt;
            if is_own {
                crowd.remove(&id);
            }
            !(is_own && crowd.is_empty())
        });
    }

    /// Takes out those whose attempt is over.
    pub(super) fn take_served(&mut self, is_over: impl Fn(A) -> bool) -> Vec<Crowd> {
        let mut served = Vec::new();
        self.attempts.retain_mut(|(attempt, crowd)| {
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
