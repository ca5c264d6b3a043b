//! A blocking store for asynchronous sessions.

use std::fmt;
use std::sync::Arc;

use super::contract::{BlockingSessionStore, SessionStore};
use super::queue::{Queue, StoreFuture, Worker};
use crate::session::StoreAction;

/// Turns a [`BlockingSessionStore`] into a [`SessionStore`]. Its thread runs only while there is work.
///
/// It does not depend on a runtime; [`adapter::tokio`](crate::adapter) (feature `tokio`) does the same on tokio's
/// threads. Actions run in the order in which they were requested. If the future of a `Lock` is dropped, the lock is
/// released. All other actions are carried out even if their futures are dropped. If the thread cannot be started or
/// the store panics, the response is [`Failed`](crate::session::StoreResponse::Failed).
#[derive(Clone)]
pub struct Offload(Arc<Queue>);

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
        let store = Arc::new(store);
        Self(Queue::new(move |worker: Worker| {
            let store = Arc::clone(&store);
            spawn(Box::new(move || worker.run(&*store)));
        }))
    }
}

impl SessionStore for Offload {
    type Future = StoreFuture;

    fn carry_out(&self, action: StoreAction) -> StoreFuture {
        self.0.ask(action)
    }
}

impl fmt::Debug for Offload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Offload(…)")
    }
}
