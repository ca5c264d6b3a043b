//! What all sessions of a [`Run`](super::Run) have in common with it.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::task::{Context, Waker};

use super::health::Board;
use super::lock::lock;
use super::shared_env::SharedEnv;

pub(super) struct Hub<E> {
    env: RwLock<E>,
    inbox: Mutex<Inbox>,
    next: AtomicU64,
    pub(super) board: Board,
    /// Nothing does the work any more.
    is_stopped: AtomicBool,
}

/// What waits for the [`Run`](super::Run).
#[derive(Default)]
struct Inbox {
    /// Sessions that were given input.
    touched: VecDeque<u64>,
    waker: Option<Waker>,
    /// Nobody can add a session any more.
    is_closed: bool,
}

impl<E> Hub<E> {
    pub(super) fn new(env: E) -> Arc<Self> {
        let (inbox, next, is_stopped) = (Mutex::default(), AtomicU64::new(0), AtomicBool::new(false));
        Arc::new(Self { env: RwLock::new(env), inbox, next, board: Board::default(), is_stopped })
    }

    pub(super) fn number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    pub(super) fn env(&self) -> SharedEnv<'_, E> {
        SharedEnv(&self.env)
    }

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

    /// The session is to be looked at.
    pub(super) fn touch(&self, id: u64) {
        self.change(|inbox| inbox.touched.push_back(id));
    }

    /// There is a session more.
    pub(super) fn arrived(&self) {
        self.change(|_| {});
    }

    pub(super) fn close(&self) {
        self.change(|inbox| inbox.is_closed = true);
    }

    pub(super) fn is_closed(&self) -> bool {
        lock(&self.inbox).is_closed
    }

    /// Takes sessions that were given input, so many at most. Whoever asks is woken when there are more.
    pub(super) fn poll_touched(&self, most: usize, cx: &Context<'_>) -> Vec<u64> {
        let mut inbox = lock(&self.inbox);
        inbox.waker = Some(cx.waker().clone());
        let some = inbox.touched.len().min(most);
        inbox.touched.drain(..some).collect()
    }

    pub(super) fn stop(&self) {
        self.is_stopped.store(true, Ordering::SeqCst);
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.is_stopped.load(Ordering::SeqCst)
    }
}
