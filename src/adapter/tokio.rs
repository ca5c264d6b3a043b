//! Adapters for a tokio runtime: a timer, and threads for blocking stores.

use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::Sleep;

use super::driver::Timer;
use super::store::{BlockingSessionStore, Offload};

/// Sleeps with tokio's timer, for [`Driver::with_timer`](super::Driver::with_timer). Enable time in the runtime
/// (`enable_time`, `enable_all`); otherwise tokio panics. Outside of a runtime there is no timer.
#[derive(Clone, Copy, Debug, Default)]
pub struct TokioTimer;

impl Timer for TokioTimer {
    type Sleep = Sleep;

    fn sleep(&self, duration: Duration) -> Option<Sleep> {
        Handle::try_current().ok().map(|_| tokio::time::sleep(duration))
    }
}

/// A blocking store on tokio's threads for blocking work; outside of a runtime on a thread of its own. See [`Offload`].
///
/// When the runtime shuts down, it waits for the running action. For a lock this can take as long as the store's
/// patience.
pub fn offload(store: impl BlockingSessionStore + Send + Sync + 'static) -> Offload {
    Offload::on(store, |work| match Handle::try_current() {
        Ok(runtime) => drop(runtime.spawn_blocking(work)),
        Err(_) => drop(std::thread::Builder::new().name("session store".to_owned()).spawn(work)),
    })
}
