//! What is under way for sessions. Each piece is polled when it was woken, and only then: a thousand requests that wait
//! cost nothing while one of them is answered.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use super::lock::lock;
use super::ordered::Ordered;

/// Futures with what is to be known of each when it is done.
pub(super) struct Works<F, K> {
    works: Ordered<u64, Work<F, K>>,
    next: u64,
    woken: Arc<Woken>,
}

struct Work<F, K> {
    future: Pin<Box<F>>,
    key: K,
    bell: Arc<Bell>,
}

/// Which pieces were woken, and whom to wake for them.
#[derive(Default)]
struct Woken(Mutex<(VecDeque<u64>, Option<Waker>)>);

struct Bell {
    id: u64,
    has_rung: AtomicBool,
    woken: Arc<Woken>,
}

impl Bell {
    fn ring(&self) {
        if self.has_rung.swap(true, Ordering::AcqRel) {
            return;
        }
        let waker = {
            let mut woken = lock(&self.woken.0);
            woken.0.push_back(self.id);
            woken.1.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.ring();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.ring();
    }
}

impl<F: Future, K> Works<F, K> {
    pub(super) fn new() -> Self {
        Self { works: Ordered::default(), next: 0, woken: Arc::default() }
    }

    /// Takes a future on. It is polled with the next [`Works::poll`].
    pub(super) fn push(&mut self, future: F, key: K) -> u64 {
        self.next += 1;
        let bell = Arc::new(Bell { id: self.next, has_rung: AtomicBool::new(false), woken: self.woken.clone() });
        bell.ring();
        self.works.insert(self.next, Work { future: Box::pin(future), key, bell });
        self.next
    }

    pub(super) fn len(&self) -> usize {
        self.works.len()
    }

    pub(super) fn has(&self, id: u64) -> bool {
        self.works.get(&id).is_some()
    }

    /// Drops a future, unless it has come to its end.
    pub(super) fn abandon(&mut self, id: u64) -> Option<K> {
        self.works.remove(&id).map(|work| work.key)
    }

    /// Drops all of them.
    pub(super) fn take(&mut self) -> impl Iterator<Item = K> + use<F, K> {
        std::mem::take(&mut self.works).drained().map(|(_, work)| work.key)
    }

    /// Polls so many of those that were woken, at most, and says what came to its end. Whoever polls is woken when more
    /// are woken.
    pub(super) fn poll(&mut self, most: usize, cx: &Context<'_>) -> Polled<(K, F::Output)> {
        let woken: Vec<u64> = {
            let mut woken = lock(&self.woken.0);
            woken.1 = Some(cx.waker().clone());
            let some = woken.0.len().min(most);
            woken.0.drain(..some).collect()
        };
        let mut polled = Polled { done: Vec::new(), is_any: !woken.is_empty(), yields: false };
        for (at, id) in woken.iter().enumerate() {
            let Some(work) = self.works.get_mut(id) else { continue };
            // Before it is polled: what rings from now on counts.
            work.bell.has_rung.store(false, Ordering::Release);
            let waker = Waker::from(work.bell.clone());
            if let Poll::Ready(output) = work.future.as_mut().poll(&mut Context::from_waker(&waker)) {
                polled.done.extend(self.works.remove(id).map(|work| (work.key, output)));
            } else if work.bell.has_rung.load(Ordering::Acquire) {
                // It makes way for others. Those behind it would, too: a runtime lets a task do so much in one turn.
                polled.yields = true;
                let mut woken_again = lock(&self.woken.0);
                woken.iter().skip(at + 1).rev().for_each(|id| woken_again.0.push_front(*id));
                break;
            }
        }
        polled
    }
}

/// What came of polling some.
pub(super) struct Polled<T> {
    pub(super) done: Vec<T>,
    pub(super) is_any: bool,
    /// One of them woke itself: the rest wait for the next turn.
    pub(super) yields: bool,
}
