//! Bells: a bell tells a driver that a wait may end early.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker};

/// Rings when a wait may end early, because the event that the flow waits for has come.
///
/// A driver that ignores the bell is only slower: it wakes the flow when the time of the wait has come.
#[derive(Clone)]
pub struct Bell {
    rung: Arc<Mutex<Rung>>,
    heard: u64,
}

/// The side that rings. Until it has a bell, there is nothing to ring.
#[derive(Default)]
pub(crate) struct Tower(OnceLock<Arc<Mutex<Rung>>>);

#[derive(Default)]
struct Rung {
    times: u64,
    wakers: Vec<Waker>,
}

impl Tower {
    /// A bell that rings at the next [`Tower::ring`].
    pub(crate) fn bell(&self) -> Bell {
        let rung = self.0.get_or_init(Arc::default).clone();
        let heard = lock(&rung).times;
        Bell { rung, heard }
    }

    pub(crate) fn ring(&self) {
        let Some(rung) = self.0.get() else { return };
        let wakers = {
            let mut rung = lock(rung);
            rung.times += 1;
            std::mem::take(&mut rung.wakers)
        };
        wakers.into_iter().for_each(Waker::wake);
    }
}

fn lock(rung: &Mutex<Rung>) -> MutexGuard<'_, Rung> {
    rung.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Bell {
    /// Whether the bell has rung.
    pub fn has_rung(&self) -> bool {
        lock(&self.rung).times != self.heard
    }

    /// Whether the bell has rung, for an async task: the task is woken when the bell rings.
    pub fn poll(&self, cx: &Context<'_>) -> Poll<()> {
        let mut rung = lock(&self.rung);
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
