//! A few threads for the stores of many sessions. A store that waits for a lock has no thread: otherwise two processes
//! could have all their threads wait for locks that the other one has no thread to give back.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::disk::POLL;
use super::store::FileStore;
use crate::adapter::store::contract::{BlockingSessionStore, SessionStore, failed};
use crate::adapter::store::holder::Holder;
use crate::adapter::store::queue::{Queue, Response, StoreFuture, Worker, lock};
use crate::error::ErrorCode;
use crate::session::{StoreAction, StoreResponse};

/// How long a thread waits for work before it ends.
const KEPT: Duration = Duration::from_secs(2);

type Job = Box<dyn FnOnce() + Send>;

/// Clones share the threads.
#[derive(Clone)]
pub(super) struct Pool(Arc<Inner>);

struct Inner {
    most: usize,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    ready: VecDeque<Job>,
    /// Jobs that wait for their time.
    later: BTreeMap<(Instant, u64), Job>,
    next: u64,
    threads: usize,
    /// Threads that wait for work.
    waiting: usize,
}

impl Pool {
    pub(super) fn new(most: usize) -> Self {
        Self(Arc::new(Inner { most, state: Mutex::default(), changed: Condvar::new() }))
    }

    /// Has this done. If no thread can be started, it is dropped unused.
    pub(super) fn push(&self, job: Job) {
        let mut state = lock(&self.0.state);
        state.ready.push_back(job);
        if state.waiting > 0 || state.threads >= self.0.most {
            drop(state);
            return self.0.changed.notify_one();
        }
        state.threads += 1;
        drop(state);
        let inner = self.0.clone();
        if thread::Builder::new().name("session stores".to_owned()).spawn(move || inner.work()).is_err() {
            let mut state = lock(&self.0.state);
            state.threads -= 1;
            let left = match state.threads {
                0 => (std::mem::take(&mut state.ready), std::mem::take(&mut state.later)),
                _ => Default::default(),
            };
            drop(state);
            drop(left);
        }
    }

    /// The same after a pause. Only for work that one of the threads does.
    fn push_later(&self, pause: Duration, job: Job) {
        let mut state = lock(&self.0.state);
        state.next += 1;
        let at = (Instant::now() + pause, state.next);
        state.later.insert(at, job);
        drop(state);
        self.0.changed.notify_one();
    }
}

impl Inner {
    fn work(&self) {
        while let Some(job) = self.next() {
            // If the job panics, its response is that it failed.
            let _ = catch_unwind(AssertUnwindSafe(job));
        }
    }

    /// The next job; `None` if there was none for a while.
    fn next(&self) -> Option<Job> {
        let mut state = lock(&self.state);
        let since = Instant::now();
        loop {
            let now = Instant::now();
            if state.later.first_key_value().is_some_and(|((at, _), _)| *at <= now) {
                return state.later.pop_first().map(|(_, job)| job);
            }
            if let Some(job) = state.ready.pop_front() {
                return Some(job);
            }
            let pause = match state.later.first_key_value() {
                Some(((at, _), _)) => at.saturating_duration_since(now),
                None if since.elapsed() >= KEPT => {
                    state.threads -= 1;
                    return None;
                }
                None => KEPT.saturating_sub(since.elapsed()),
            };
            state.waiting += 1;
            state = self.changed.wait_timeout(state, pause).unwrap_or_else(PoisonError::into_inner).0;
            state.waiting -= 1;
        }
    }
}

/// A store of [`FileStores`](super::FileStores). Actions run in the order in which they were requested, also if their
/// futures are dropped. If the future of a `Lock` is dropped, the lock is released.
#[derive(Clone)]
pub struct PooledStore(Arc<Queue>);

impl PooledStore {
    /// The store itself waits for nothing; `patience` is how long its actions are tried.
    pub(super) fn new(store: FileStore, patience: Duration, pool: &Pool) -> Self {
        let pool = pool.clone();
        let holder = store.holder().unwrap_or_default();
        Self(Queue::new(holder, move |worker| {
            Turn { pool: pool.clone(), store: store.clone(), patience, worker, current: None }.push();
        }))
    }
}

impl SessionStore for PooledStore {
    type Future = StoreFuture;

    fn carry_out(&self, action: StoreAction) -> StoreFuture {
        self.0.ask(action)
    }

    fn holder(&self) -> Option<Holder> {
        Some(self.0.holder.clone())
    }
}

impl fmt::Debug for PooledStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PooledStore(…)")
    }
}

/// One action of a store. Then it is others' turn.
struct Turn {
    pool: Pool,
    store: FileStore,
    patience: Duration,
    worker: Worker,
    /// What waits for a lock, and since when.
    current: Option<(StoreAction, Response, Instant)>,
}

impl Turn {
    fn push(self) {
        self.pool.clone().push(Box::new(move || self.take()));
    }

    fn take(mut self) {
        let current = self.current.take();
        let next = current.or_else(|| self.worker.next().map(|(action, response)| (action, response, Instant::now())));
        let Some((action, response, since)) = next else { return };
        // A store that panics has failed, and may do better with the next action.
        let answer = catch_unwind(AssertUnwindSafe(|| self.store.attempt(&action)))
            .unwrap_or_else(|_| StoreResponse::Failed(failed("the store panicked")));
        let is_busy = matches!(&answer, StoreResponse::Failed(error) if error.code() == ErrorCode::STORE_BUSY);
        if is_busy && since.elapsed() < self.patience {
            self.current = Some((action, response, since));
            return self.pool.clone().push_later(POLL, Box::new(move || self.take()));
        }
        if let Some(unlock) = response.give(answer) {
            self.store.carry_out(unlock);
        }
        self.push();
    }
}
