//! Blocking work on another thread, and the future of its result.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use super::contract::failed;
use super::queue::lock;
use crate::error::Error;

/// The result of work on another thread. The work is done even if the future is dropped.
#[must_use = "futures do nothing unless polled"]
pub struct StoreTask<T>(Arc<Mutex<State<T>>>);

struct State<T> {
    result: Option<Result<T, Error>>,
    waker: Option<Waker>,
}

/// The right to give the result. If it is dropped unused, the work has failed.
struct Giver<T>(Arc<Mutex<State<T>>>);

impl<T> Giver<T> {
    fn give(&self, result: impl FnOnce() -> Result<T, Error>) {
        let waker = {
            let mut state = lock(&self.0);
            if state.result.is_some() {
                return;
            }
            state.result = Some(result());
            state.waker.take()
        };
        waker.into_iter().for_each(Waker::wake);
    }
}

impl<T> Drop for Giver<T> {
    fn drop(&mut self) {
        self.give(|| Err(failed("nothing did the work")));
    }
}

impl<T: Send + 'static> StoreTask<T> {
    /// Has the work done by `spawn`.
    pub(super) fn new(
        spawn: impl FnOnce(Box<dyn FnOnce() + Send>),
        work: impl FnOnce() -> Result<T, Error> + Send + 'static,
    ) -> Self {
        let state = Arc::new(Mutex::new(State { result: None, waker: None }));
        let giver = Giver(state.clone());
        spawn(Box::new(move || {
            let result = work();
            giver.give(|| result);
        }));
        Self(state)
    }
}

impl<T> Future for StoreTask<T> {
    type Output = Result<T, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = lock(&self.0);
        match state.result.take() {
            Some(result) => Poll::Ready(result),
            None => {
                state.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl<T> fmt::Debug for StoreTask<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoreTask(…)")
    }
}
