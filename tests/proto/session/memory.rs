//! A store in memory that threads and tasks share.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use oidc_proto::adapter::store::{BlockingSessionStore, SessionStore};
use oidc_proto::session::{Record, StoreAction, StoreResponse};

#[derive(Clone, Default)]
pub struct Memory(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    record: Option<Record>,
    is_locked: bool,
    begun: bool,
    log: Vec<&'static str>,
}

impl Memory {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap()
    }

    pub fn record(&self) -> Option<Record> {
        self.lock().record.clone()
    }

    pub fn put(&self, record: Record) {
        self.lock().record = Some(record);
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
        let (name, response) = match action {
            StoreAction::Lock if inner.is_locked => return Err(action),
            StoreAction::Lock => {
                inner.is_locked = true;
                ("lock", StoreResponse::Locked)
            }
            StoreAction::Load => {
                ("load", StoreResponse::Loaded { record: inner.record.clone().map(Box::new), begun: inner.begun })
            }
            StoreAction::Prepare { expect } if inner.record.as_ref().map(Record::version) != expect => {
                ("prepare", StoreResponse::Conflict(inner.record.clone().map(Box::new)))
            }
            StoreAction::Prepare { .. } => {
                inner.begun = true;
                ("prepare", StoreResponse::Prepared)
            }
            StoreAction::Discard => {
                inner.begun = false;
                ("discard", StoreResponse::Done)
            }
            StoreAction::Save { expect, .. } if inner.record.as_ref().map(Record::version) != expect => {
                ("save", StoreResponse::Conflict(inner.record.clone().map(Box::new)))
            }
            StoreAction::Save { next, .. } => {
                (inner.record, inner.begun) = (Some(*next), false);
                ("save", StoreResponse::Saved)
            }
            StoreAction::Unlock => {
                inner.is_locked = false;
                ("unlock", StoreResponse::Done)
            }
            StoreAction::Erase { expect } => match inner.record.clone() {
                Some(record) if Some(record.version()) != expect => {
                    ("erase", StoreResponse::Conflict(Some(Box::new(record))))
                }
                _ => {
                    let begun = inner.begun;
                    inner.record = None;
                    ("erase", StoreResponse::Erased { begun })
                }
            },
        };
        inner.log.push(name);
        Ok(response)
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
