//! A store in memory that threads and tasks share.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use oidc_proto::adapter::store::{BlockingSessionStore, SessionStore};
use oidc_proto::session::{Record, StoreAction, StoreResponse};

use super::kept::{self, Kept};

#[derive(Clone, Default)]
pub struct Memory(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    kept: Kept,
    is_locked: bool,
    log: Vec<&'static str>,
}

impl Memory {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap()
    }

    pub fn record(&self) -> Option<Record> {
        self.lock().kept.record.clone()
    }

    pub fn put(&self, record: Record) {
        self.lock().kept.record = Some(record);
    }

    pub fn is_locked(&self) -> bool {
        self.lock().is_locked
    }

    pub fn log(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.lock().log)
    }

    /// The response; none for a lock that somebody else holds.
    fn response(&self, action: StoreAction) -> Result<StoreResponse, StoreAction> {
        let mut inner = self.lock();
        let name = kept::name(&action);
        match name {
            "lock" if inner.is_locked => return Err(action),
            "lock" => inner.is_locked = true,
            "unlock" => inner.is_locked = false,
            _ => {}
        }
        inner.log.push(name);
        Ok(inner.kept.respond(action, true))
    }

    /// For tasks.
    pub fn store(&self) -> impl SessionStore<Future: Send> + Send + Sync + 'static + use<> {
        let memory = self.clone();
        move |mut action| {
            let memory = memory.clone();
            async move {
                loop {
                    match memory.response(action) {
                        Ok(response) => return response,
                        Err(again) => action = again,
                    }
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            }
        }
    }

    /// For threads.
    pub fn blocking(&self) -> impl BlockingSessionStore + Send + Sync + 'static + use<> {
        let memory = self.clone();
        move |mut action| loop {
            match memory.response(action) {
                Ok(response) => return response,
                Err(again) => action = again,
            }
            std::thread::yield_now();
        }
    }
}
