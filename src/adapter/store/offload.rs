//! A blocking store for asynchronous sessions.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::contract::{BlockingSessionStore, SessionStore};
use super::holder::Holder;
use super::queue::{Queue, StoreFuture, Worker};
use crate::session::StoreAction;

/// Turns a [`BlockingSessionStore`] into a [`SessionStore`]. Its thread runs only while there is work.
///
/// It does not depend on a runtime; [`adapter::tokio`](crate::adapter) (feature `tokio`) does the same on tokio's
/// threads. Actions run in the order in which they were requested. If the future of a `Lock` is dropped, the lock is
/// released. All other actions are carried out even if their futures are dropped. If the thread cannot be started or
/// the store panics, the response is [`Failed`](crate::session::StoreResponse::Failed).
#[derive(Clone)]
pub struct Offload {
    queue: Arc<Queue>,
    keeps: bool,
    lease: Option<Duration>,
}

impl Offload {
    /// Runs the store on its own thread.
    pub fn new(store: impl BlockingSessionStore + Send + Sync + 'static) -> Self {
        Self::on(store, |work| {
            // Dropped unused, the work says that it failed.
            let _ = std::thread::Builder::new().name("session store".to_owned()).spawn(work);
        })
    }

    /// Runs the store on threads that the caller provides, for example a thread pool. If the work is dropped and not
    /// called, its actions fail.
    pub fn on(
        store: impl BlockingSessionStore + Send + Sync + 'static,
        spawn: impl Fn(Box<dyn FnOnce() + Send>) + Send + Sync + 'static,
    ) -> Self {
        let (keeps, lease, holder) = (store.keeps(), store.lease(), store.holder().unwrap_or_default());
        let store = Arc::new(store);
        let queue = Queue::new(holder, move |worker: Worker| {
            let store = Arc::clone(&store);
            spawn(Box::new(move || worker.run(&*store)));
        });
        Self { queue, keeps, lease }
    }
}

impl SessionStore for Offload {
    type Future = StoreFuture;

    fn carry_out(&self, action: StoreAction) -> StoreFuture {
        self.queue.ask(action)
    }

    fn keeps(&self) -> bool {
        self.keeps
    }

    fn lease(&self) -> Option<Duration> {
        self.lease
    }

    fn holder(&self) -> Option<Holder> {
        Some(self.queue.holder.clone())
    }
}

impl fmt::Debug for Offload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Offload(…)")
    }
}
