//! A blocking store for asynchronous sessions.

use std::fmt;
use std::sync::Arc;

use super::queue::{Queue, StoreFuture, Worker};
use super::{BlockingSessionStore, SessionStore};
use crate::session::StoreAction;

/// Makes a [`SessionStore`] of a [`BlockingSessionStore`], with a thread that lives only while there is something to do.
///
/// It names no runtime; [`adapter::tokio`](crate::adapter) (feature `tokio`) has the same on tokio's threads. An action
/// begins when it is asked for, and each waits for those before it. Dropping the response of a lock gives the lock back;
/// all else is done even if nobody waits. If the thread cannot be started or the store panics, the response is
/// [`Failed`](crate::session::StoreResponse::Failed).
#[derive(Clone)]
pub struct Offload(Arc<Queue>);

impl Offload {
    /// On a thread of its own.
    pub fn new(store: impl BlockingSessionStore + Send + Sync + 'static) -> Self {
        Self::on(store, |work| {
            // Dropped unused, the work says that it failed.
            let _ = std::thread::Builder::new().name("session store".to_owned()).spawn(work);
        })
    }

    /// On the threads of whoever takes the work: a pool's, a runtime's. Work that is dropped instead of being called is
    /// answered as failed.
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
