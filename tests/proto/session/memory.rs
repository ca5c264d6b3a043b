//! A store in memory that threads and tasks share.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use oidc_proto::adapter::store::{BlockingSessionStore, SessionStore};
use oidc_proto::session::{Record, StoreAction, StoreAnswer};

#[derive(Clone, Default)]
pub struct Memory(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    record: Option<Record>,
    is_locked: bool,
    log: Vec<&'static str>,
}

impl Memory {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap()
    }

    pub fn record(&self) -> Option<Record> {
        self.lock().record.clone()
    }

    pub fn log(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.lock().log)
    }

    /// The answer; none for a lock that somebody else holds.
    fn answer(&self, action: StoreAction) -> Result<StoreAnswer, StoreAction> {
        let mut inner = self.lock();
        let (name, answer) = match action {
            StoreAction::Lock if inner.is_locked => return Err(action),
            StoreAction::Lock => {
                inner.is_locked = true;
                ("lock", StoreAnswer::Locked)
            }
            StoreAction::Load => ("load", StoreAnswer::Loaded(inner.record.clone().map(Box::new))),
            StoreAction::Save { expect, next } => match inner.record.clone() {
                Some(record) if record.generation != expect => ("save", StoreAnswer::Conflict(Box::new(record))),
                _ => {
                    inner.record = Some(*next);
                    ("save", StoreAnswer::Saved)
                }
            },
            StoreAction::Unlock => {
                inner.is_locked = false;
                ("unlock", StoreAnswer::Done)
            }
            StoreAction::Erase => {
                inner.record = None;
                ("erase", StoreAnswer::Done)
            }
        };
        inner.log.push(name);
        Ok(answer)
    }

    /// For tasks.
    pub fn store(&self) -> impl SessionStore<Answer: Send> + Send + Sync + 'static + use<> {
        let memory = self.clone();
        move |mut action| {
            let memory = memory.clone();
            async move {
                loop {
                    match memory.answer(action) {
                        Ok(answer) => return answer,
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
            match memory.answer(action) {
                Ok(answer) => return answer,
                Err(again) => action = again,
            }
            std::thread::yield_now();
        }
    }
}
