//! What a tokio runtime brings: a timer, and threads for blocking stores.

use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::Sleep;

use super::Timer;
use super::store::{BlockingSessionStore, Offload};

/// Waits by tokio's clock, for [`Driver::with_timer`](super::Driver::with_timer). The runtime must have its time enabled
/// (`enable_time`, `enable_all`): tokio panics otherwise. Outside of a runtime there is no timer.
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
/// A runtime that shuts down waits for an action that has begun: for a lock, as long as the store's patience.
pub fn offload(store: impl BlockingSessionStore + Send + Sync + 'static) -> Offload {
    Offload::on(store, |work| match Handle::try_current() {
        Ok(runtime) => drop(runtime.spawn_blocking(work)),
        Err(_) => drop(std::thread::Builder::new().name("session store".to_owned()).spawn(work)),
    })
}
