//! Stores by name in memory, with an index, that several processes share; and what is wrong with them.

use std::collections::{BTreeMap, BTreeSet};
use std::future::{Future, Ready, ready};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use oidc_proto::adapter::store::{IndexEntry, IndexKey, SessionStore, SessionStores};
use oidc_proto::session::{Record, StoreAction, StoreResponse};
use oidc_proto::{Env, Error};
use tokio::time::sleep;

use crate::session::kept;
use crate::session::memory::Memory;
use crate::session::world::broken;

#[derive(Clone, Default)]
pub struct Shelf(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    stores: BTreeMap<String, Memory>,
    index: BTreeMap<IndexKey, BTreeSet<(String, String)>>,
    has_no_index: bool,
    fails: &'static str,
    delay: Duration,
    loads: usize,
    busy: usize,
    busiest: usize,
}

type Boxed = Pin<Box<dyn Future<Output = StoreResponse> + Send>>;
type Store = Box<dyn Fn(StoreAction) -> Boxed + Send + Sync>;

impl Shelf {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap()
    }

    pub fn without_index() -> Self {
        let shelf = Self::default();
        shelf.lock().has_no_index = true;
        shelf
    }

    /// This action fails from now on; `load`, `save`, `erase`, `note`, `find`, or nothing.
    pub fn fails(&self, action: &'static str) {
        self.lock().fails = action;
    }

    /// Each action takes so long from now on.
    pub fn takes(&self, delay: Duration) {
        self.lock().delay = delay;
    }

    pub fn memory(&self, name: &str) -> Memory {
        self.lock().stores.entry(name.to_owned()).or_default().clone()
    }

    pub fn record(&self, name: &str) -> Option<Record> {
        self.memory(name).record()
    }

    pub fn put(&self, name: &str, record: Record) {
        let entry = IndexEntry::new(name, &record);
        self.memory(name).put(record);
        self.change(&entry, true);
    }

    /// How many records were loaded for new sessions, or by sessions.
    pub fn loads(&self) -> usize {
        self.lock().loads
    }

    /// How many actions went on at once, at most.
    pub fn busiest(&self) -> usize {
        self.lock().busiest
    }

    /// How many entries the index has.
    pub fn entries(&self) -> usize {
        self.lock().index.values().map(BTreeSet::len).sum()
    }

    fn change(&self, entry: &IndexEntry, adds: bool) {
        let login = entry.login().map(|login| login.to_string()).unwrap_or_default();
        let member = (login, entry.name().to_owned());
        for key in entry.keys() {
            let mut inner = self.lock();
            let names = inner.index.entry(*key).or_default();
            if adds {
                names.insert(member.clone());
            } else {
                names.remove(&member);
            }
        }
    }

    fn result(&self, action: &'static str) -> Result<(), Error> {
        if self.lock().fails == action { Err(broken(action)) } else { Ok(()) }
    }
}

impl SessionStores for Shelf {
    type Store = Store;
    type Noted = Ready<Result<(), Error>>;
    type Found = Ready<Result<Option<Vec<String>>, Error>>;

    fn store(&self, name: &str, _: &mut dyn Env) -> Store {
        let (shelf, store) = (self.clone(), self.memory(name).store());
        Box::new(move |action| {
            let (shelf, name) = (shelf.clone(), kept::name(&action));
            let (delay, fails) = {
                let mut inner = shelf.lock();
                inner.loads += usize::from(name == "load");
                inner.busy += 1;
                inner.busiest = inner.busiest.max(inner.busy);
                (inner.delay, inner.fails == name)
            };
            let response = (!fails).then(|| store.carry_out(action));
            Box::pin(async move {
                sleep(delay).await;
                let response = match response {
                    Some(response) => response.await,
                    None => StoreResponse::Failed(broken(name)),
                };
                shelf.lock().busy -= 1;
                response
            })
        })
    }

    fn note(&self, entry: &IndexEntry) -> Self::Noted {
        let result = self.result("note");
        if result.is_ok() {
            self.change(entry, true);
        }
        ready(result)
    }

    fn forget(&self, entry: &IndexEntry) -> Self::Noted {
        self.change(entry, false);
        ready(Ok(()))
    }

    fn find(&self, key: IndexKey) -> Self::Found {
        let inner = self.lock();
        let names = inner.index.get(&key).into_iter().flatten().map(|(_, name)| name.clone()).collect();
        let found = (!inner.has_no_index).then_some(names);
        drop(inner);
        ready(self.result("find").map(|()| found))
    }
}
