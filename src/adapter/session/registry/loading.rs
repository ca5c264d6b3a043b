//! A session that is being loaded, and all who wait for it.

use std::sync::Mutex;
use std::task::{Context, Poll};

use crate::adapter::session::lock::lock;
use crate::adapter::session::waiters::{Crowd, Waiters};
use crate::error::Error;

/// `H` is a handle.
pub(super) struct Loading<H>(Mutex<State<H>>);

struct State<H> {
    result: Option<Result<Option<H>, Error>>,
    waiters: Waiters<()>,
}

impl<H> Default for Loading<H> {
    fn default() -> Self {
        Self(Mutex::new(State { result: None, waiters: Waiters::default() }))
    }
}

impl<H: Clone> Loading<H> {
    /// Says to all who wait how it ended.
    pub(super) fn end(&self, result: Result<Option<H>, Error>) {
        let served = {
            let mut state = lock(&self.0);
            state.result = Some(result);
            state.waiters.take_served(|()| true)
        };
        served.into_iter().flat_map(Crowd::drained).for_each(|(_, waker)| waker.wake());
    }

    /// `id` is the place of the one who asks.
    pub(super) fn poll(&self, id: &mut Option<u64>, cx: &Context<'_>) -> Poll<Result<Option<H>, Error>> {
        let mut state = lock(&self.0);
        if let Some(result) = &state.result {
            return Poll::Ready(result.clone());
        }
        state.waiters.wait((), id, cx.waker().clone());
        Poll::Pending
    }

    /// The one with this place waits no longer.
    pub(super) fn leave(&self, id: u64) {
        lock(&self.0).waiters.leave((), id);
    }
}
