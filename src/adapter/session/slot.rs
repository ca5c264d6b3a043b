//! A session between its callers and the future that does its work.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::task::{Context, Poll, Waker};

use super::listener::{Listener, Listeners};
use super::lock::lock;
use super::token_result::{NoToken, TokenResult, late, outcome};
use crate::base::env::{Env, MonotonicTime};
use crate::session::{Epoch, Session, Standing};

/// What all sessions of a [`Run`](super::Run) have in common with it.
pub(super) struct Hub<E> {
    env: RwLock<E>,
    inbox: Mutex<Inbox>,
    next: AtomicU64,
}

/// What waits for the [`Run`](super::Run).
#[derive(Default)]
struct Inbox {
    /// Sessions that were given input.
    touched: Vec<u64>,
    waker: Option<Waker>,
    /// Nobody can add a session any more.
    is_closed: bool,
    /// Nothing does the work any more.
    is_stopped: bool,
}

impl<E: Env> Hub<E> {
    pub(super) fn new(env: E) -> Arc<Self> {
        Arc::new(Self { env: RwLock::new(env), inbox: Mutex::default(), next: AtomicU64::new(0) })
    }

    pub(super) fn number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    pub(super) fn monotonic(&self) -> MonotonicTime {
        self.env.read().unwrap_or_else(PoisonError::into_inner).monotonic()
    }

    fn with_env<R>(&self, act: impl FnOnce(&mut E) -> R) -> R {
        act(&mut self.env.write().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<E> Hub<E> {
    fn change(&self, change: impl FnOnce(&mut Inbox)) {
        let waker = {
            let mut inbox = lock(&self.inbox);
            change(&mut inbox);
            inbox.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    pub(super) fn touch(&self, id: u64) {
        self.change(|inbox| inbox.touched.push(id));
    }

    pub(super) fn close(&self) {
        self.change(|inbox| inbox.is_closed = true);
    }

    pub(super) fn is_closed(&self) -> bool {
        lock(&self.inbox).is_closed
    }

    /// Takes the sessions that were given input. Whoever asks is woken when there are more.
    pub(super) fn poll_touched(&self, cx: &Context<'_>) -> Vec<u64> {
        let mut inbox = lock(&self.inbox);
        inbox.waker = Some(cx.waker().clone());
        std::mem::take(&mut inbox.touched)
    }

    pub(super) fn stop(&self) {
        lock(&self.inbox).is_stopped = true;
    }

    fn is_stopped(&self) -> bool {
        lock(&self.inbox).is_stopped
    }
}

/// Sessions that were added, each with its store.
pub(super) type Arrivals<D, E> = Mutex<Vec<(Arc<Slot<E>>, D)>>;

pub(super) struct Slot<E> {
    pub(super) id: u64,
    hub: Arc<Hub<E>>,
    inner: Mutex<Inner>,
}

struct Inner {
    session: Session,
    listeners: Listeners,
    waiters: Vec<Waiter>,
    next_waiter: u64,
    /// Nobody can ask for a token any more.
    is_abandoned: bool,
}

struct Waiter {
    id: u64,
    epoch: Epoch,
    waker: Waker,
}

impl<E: Env> Slot<E> {
    pub(super) fn new(hub: Arc<Hub<E>>, session: Session) -> Arc<Self> {
        let (listeners, waiters) = (Listeners::default(), Vec::new());
        let inner = Inner { session, listeners, waiters, next_waiter: 0, is_abandoned: false };
        Arc::new(Self { id: hub.number(), hub, inner: Mutex::new(inner) })
    }

    /// A good token, which is what callers find nearly always: it takes nothing from anyone.
    pub(super) fn current(&self) -> Option<TokenResult> {
        let inner = lock(&self.inner);
        let env = self.hub.env.read().unwrap_or_else(PoisonError::into_inner);
        inner.session.current(&*env).map(|token| Ok(token.clone()))
    }

    pub(super) fn standing(&self) -> Standing {
        let inner = lock(&self.inner);
        let env = self.hub.env.read().unwrap_or_else(PoisonError::into_inner);
        inner.session.standing(&*env)
    }

    /// For a caller whose time is up.
    pub(super) fn late(&self, epoch: Epoch) -> TokenResult {
        let inner = lock(&self.inner);
        let env = self.hub.env.read().unwrap_or_else(PoisonError::into_inner);
        late(&inner.session, epoch, &*env)
    }

    /// Gives input to the session, and has its work done.
    pub(super) fn act<R>(&self, act: impl FnOnce(&mut Session, &mut E) -> R) -> R {
        let result = {
            let mut inner = lock(&self.inner);
            self.hub.with_env(|env| act(&mut inner.session, env))
        };
        self.hub.touch(self.id);
        result
    }

    pub(super) fn look<R>(&self, look: impl FnOnce(&Session) -> R) -> R {
        look(&lock(&self.inner).session)
    }

    pub(super) fn subscribe(&self) -> Listener {
        let mut inner = lock(&self.inner);
        let listener = inner.listeners.subscribe();
        if self.hub.is_stopped() {
            inner.listeners = Listeners::default();
        }
        drop(inner);
        self.hub.touch(self.id);
        listener
    }

    /// What became of an attempt. `id` is the caller's place in the queue.
    pub(super) fn poll_outcome(&self, epoch: Epoch, id: &mut Option<u64>, cx: &mut Context<'_>) -> Poll<TokenResult> {
        let mut inner = lock(&self.inner);
        let env = self.hub.env.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(response) = outcome(inner.session.outcome(epoch, &*env)) {
            return Poll::Ready(response);
        }
        if self.hub.is_stopped() {
            return Poll::Ready(Err(NoToken::Stopped));
        }
        let waker = cx.waker().clone();
        match inner.waiters.iter_mut().find(|waiter| Some(waiter.id) == *id) {
            Some(waiter) => waiter.waker = waker,
            None => {
                inner.next_waiter += 1;
                let next = inner.next_waiter;
                inner.waiters.push(Waiter { id: next, epoch, waker });
                *id = Some(next);
            }
        }
        Poll::Pending
    }

    /// Lets the session be looked after: what it wants is taken, what happened is told, who is served is woken. Returns
    /// when it is due next, and whether it can be dropped.
    pub(super) fn tend(&self, take: impl FnOnce(&mut Session, &mut E)) -> Tended {
        let mut inner = lock(&self.inner);
        let Inner { session, listeners, waiters, is_abandoned, .. } = &mut *inner;
        let mut wakers = self.hub.with_env(|env| {
            take(session, env);
            let is_served = |waiter: &mut Waiter| outcome(session.outcome(waiter.epoch, env)).is_some();
            waiters.extract_if(.., is_served).map(|waiter| waiter.waker).collect::<Vec<_>>()
        });
        wakers.extend(listeners.publish(|| session.poll_event()));
        let tended = Tended { due: session.poll_timeout(), may_go: *is_abandoned && session.is_idle() };
        drop(inner);
        // Without the lock: an executor may poll right here.
        wakers.into_iter().for_each(Waker::wake);
        tended
    }
}

/// What is known of a session that was looked after.
pub(super) struct Tended {
    pub(super) due: Option<MonotonicTime>,
    pub(super) may_go: bool,
}

impl<E> Slot<E> {
    pub(super) fn leave(&self, id: u64) {
        lock(&self.inner).waiters.retain(|waiter| waiter.id != id);
    }

    pub(super) fn abandon(&self) {
        lock(&self.inner).is_abandoned = true;
        self.hub.touch(self.id);
    }

    pub(super) fn stop(&self) {
        let (listeners, waiters) = {
            let mut inner = lock(&self.inner);
            (std::mem::take(&mut inner.listeners), std::mem::take(&mut inner.waiters))
        };
        drop(listeners);
        waiters.into_iter().for_each(|waiter| waiter.waker.wake());
    }
}
