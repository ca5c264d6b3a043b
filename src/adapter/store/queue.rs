//! Actions in the order in which they were asked for, each with the one who waits for its response.
//!
//! The order matters: an `Unlock` that is overtaken by the next `Lock` gives away the lock that was just answered, and
//! a `Save` that overtakes an `Erase` brings back what was erased.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use super::contract::{BlockingSessionStore, failed};
use super::holder::Holder;
use crate::session::{StoreAction, StoreResponse};

/// Starts a worker, which carries out what is queued. Dropping the worker instead fails what is queued.
type Start = Box<dyn Fn(Worker) + Send + Sync>;

pub(in crate::adapter) struct Queue {
    pub(super) holder: Holder,
    start: Start,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    /// There is a worker.
    works: bool,
    /// How many locks were asked for.
    locks: u64,
}

struct Job {
    action: StoreAction,
    answer: Arc<Mutex<Slot>>,
}

enum Slot {
    Open(Option<Waker>),
    Filled(StoreResponse),
    /// Nobody waits.
    Closed,
}

impl Queue {
    pub(in crate::adapter) fn new(holder: Holder, start: impl Fn(Worker) + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self { holder, start: Box::new(start), state: Mutex::default() })
    }

    /// Begins at once, whether or not the response is ever asked for.
    pub(in crate::adapter) fn ask(self: &Arc<Self>, action: StoreAction) -> StoreFuture {
        let slot = Arc::new(Mutex::new(Slot::Open(None)));
        let mut state = lock(&self.state);
        let number = matches!(action, StoreAction::Lock).then(|| {
            state.locks += 1;
            state.locks
        });
        self.add(state, Job { action, answer: Arc::clone(&slot) });
        StoreFuture { slot, queue: Arc::clone(self), lock: number }
    }

    /// Gives back the lock with this number, unless a later one was asked for: that one is then its holder's to give
    /// back.
    fn give_back(self: &Arc<Self>, number: u64) {
        let state = lock(&self.state);
        if state.locks == number {
            self.add(state, Job { action: StoreAction::Unlock, answer: Arc::new(Mutex::new(Slot::Closed)) });
        }
    }

    fn add(self: &Arc<Self>, mut state: MutexGuard<'_, State>, job: Job) {
        state.jobs.push_back(job);
        let works = std::mem::replace(&mut state.works, true);
        drop(state);
        if !works {
            (self.start)(Worker(Some(Arc::clone(self))));
        }
    }
}

/// Carries out what is queued, and ends when there is nothing more.
pub(in crate::adapter) struct Worker(Option<Arc<Queue>>);

impl Worker {
    /// The next action, and the right to respond to it.
    pub(in crate::adapter) fn next(&mut self) -> Option<(StoreAction, Response)> {
        let queue = self.0.as_ref()?;
        let mut state = lock(&queue.state);
        let Some(Job { mut action, answer }) = state.jobs.pop_front() else {
            state.works = false;
            drop(state);
            self.0 = None;
            return None;
        };
        drop(state);
        if matches!(action, StoreAction::Lock) && matches!(*lock(&answer), Slot::Closed) {
            // Nobody waits for it any more. An earlier one may have left it to this one to give the lock back.
            action = StoreAction::Unlock;
        }
        Some((action, Response(answer)))
    }

    /// On this thread. A store that panics has failed, and may do better with the next action.
    pub(in crate::adapter) fn run(mut self, store: &dyn BlockingSessionStore) {
        let carry_out = |action| {
            catch_unwind(AssertUnwindSafe(|| store.carry_out(action)))
                .unwrap_or_else(|_| StoreResponse::Failed(failed("the store panicked")))
        };
        while let Some((action, response)) = self.next() {
            if let Some(unlock) = response.give(carry_out(action)) {
                carry_out(unlock);
            }
        }
    }
}

impl Drop for Worker {
    /// It could not be started, or was ended: nobody is left waiting.
    fn drop(&mut self) {
        let Some(queue) = self.0.take() else { return };
        let mut state = lock(&queue.state);
        state.works = false;
        let jobs = std::mem::take(&mut state.jobs);
        drop(state);
        jobs.into_iter().for_each(|job| drop(Response(job.answer)));
    }
}

/// The right to respond to one action. If it is dropped unused, the response is that the store failed.
pub(in crate::adapter) struct Response(Arc<Mutex<Slot>>);

impl Response {
    /// What is to be done if nobody waits for the response.
    #[must_use = "a lock would never be given back"]
    pub(in crate::adapter) fn give(self, answer: StoreResponse) -> Option<StoreAction> {
        let is_lock = matches!(answer, StoreResponse::Locked);
        let was_open = self.fill(|| answer);
        (is_lock && !was_open).then_some(StoreAction::Unlock)
    }

    fn fill(&self, answer: impl FnOnce() -> StoreResponse) -> bool {
        let mut slot = lock(&self.0);
        let Slot::Open(waker) = &mut *slot else { return false };
        let waker = waker.take();
        *slot = Slot::Filled(answer());
        drop(slot);
        waker.into_iter().for_each(Waker::wake);
        true
    }
}

impl Drop for Response {
    fn drop(&mut self) {
        self.fill(|| StoreResponse::Failed(failed("nothing carried the action out")));
    }
}

/// The future of a response. The store carries out the action even if the future is dropped, but it then releases a
/// lock.
#[must_use = "a lock is given back when its response is dropped"]
pub struct StoreFuture {
    slot: Arc<Mutex<Slot>>,
    queue: Arc<Queue>,
    /// The number of the lock that was asked for.
    lock: Option<u64>,
}

impl Future for StoreFuture {
    type Output = StoreResponse;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<StoreResponse> {
        let mut slot = lock(&self.slot);
        match std::mem::replace(&mut *slot, Slot::Closed) {
            Slot::Open(_) => {
                *slot = Slot::Open(Some(context.waker().clone()));
                Poll::Pending
            }
            Slot::Filled(answer) => Poll::Ready(answer),
            // It was taken already: a mistake of the one who polls.
            Slot::Closed => Poll::Ready(StoreResponse::Failed(failed("the response was taken before"))),
        }
    }
}

impl Drop for StoreFuture {
    fn drop(&mut self) {
        let left = std::mem::replace(&mut *lock(&self.slot), Slot::Closed);
        if let (Slot::Filled(StoreResponse::Locked), Some(number)) = (left, self.lock) {
            self.queue.give_back(number);
        }
    }
}

impl fmt::Debug for StoreFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoreFuture(…)")
    }
}

/// What is behind these locks is whole at every moment, also if a thread panicked.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
