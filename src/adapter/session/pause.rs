//! One pause of a future that has many deadlines.

use std::future::Future;
use std::pin::Pin;
use std::task::Context;

use crate::adapter::driver::Timer;
use crate::base::env::MonotonicTime;

/// The pause until the first deadline.
pub(super) struct Pause<T: Timer>(Option<(MonotonicTime, Pin<Box<T::Sleep>>)>);

impl<T: Timer> Pause<T> {
    pub(super) const fn none() -> Self {
        Self(None)
    }

    /// Whether the first deadline has come. A pause that is already begun stays if it ends sooner:
    /// waking too early does no harm.
    pub(super) fn poll(
        &mut self,
        first: Option<MonotonicTime>,
        now: MonotonicTime,
        timer: &T,
        cx: &mut Context<'_>,
    ) -> bool {
        let Some(due) = first else {
            self.0 = None;
            return false;
        };
        if self.0.as_ref().is_none_or(|(until, _)| *until > due) {
            let sleep = timer.sleep(due.saturating_since(now));
            self.0 = sleep.map(|sleep| (due, Box::pin(sleep)));
        }
        let is_over = self.0.as_mut().is_some_and(|(_, sleep)| sleep.as_mut().poll(cx).is_ready());
        if is_over {
            self.0 = None;
        }
        is_over
    }
}
