//! Bells: a bell tells a driver that a wait may end early.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// Rings when a wait may end early, because the event that the flow waits for has come.
///
/// A driver that ignores the bell is only slower: it wakes the flow when the time of the wait has come.
#[derive(Clone)]
pub struct Bell {
    tower: Tower,
    heard: u64,
}

/// The side that rings.
#[derive(Clone, Default)]
pub(crate) struct Tower(Arc<Mutex<Rung>>);

#[derive(Default)]
struct Rung {
    times: u64,
    wakers: Vec<Waker>,
}

impl Tower {
    /// A bell that rings at the next [`Tower::ring`].
    pub(crate) fn bell(&self) -> Bell {
        Bell { heard: self.lock().times, tower: self.clone() }
    }

    pub(crate) fn ring(&self) {
        let wakers = {
            let mut rung = self.lock();
            rung.times += 1;
            std::mem::take(&mut rung.wakers)
        };
        wakers.into_iter().for_each(Waker::wake);
    }

    fn lock(&self) -> MutexGuard<'_, Rung> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Bell {
    /// Whether the bell has rung.
    pub fn has_rung(&self) -> bool {
        self.tower.lock().times != self.heard
    }

    /// Whether the bell has rung, for an async task: the task is woken when the bell rings.
    pub fn poll(&self, cx: &Context<'_>) -> Poll<()> {
        let mut rung = self.tower.lock();
        if rung.times != self.heard {
            return Poll::Ready(());
        }
        if !rung.wakers.iter().any(|waker| waker.will_wake(cx.waker())) {
            rung.wakers.push(cx.waker().clone());
        }
        Poll::Pending
    }
}

impl fmt::Debug for Bell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bell(…)")
    }
}
