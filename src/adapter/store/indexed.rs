//! A store of a registry: keeps the index like the record.
//!
//! ```text
//! Load    load ─▶ note, if the entry is not there yet or expires
//! Save    note, if the entry is not there yet ─▶ save ─▶ forget the entry of the login that was replaced
//! Erase   erase ─▶ forget
//! ```
//!
//! An entry is written before its record: a crash leaves an entry too many, and none too few. If
//! the entry cannot be written, the record is saved without it, and the save counts as failed, so
//! that the session tries it again.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use super::contract::{SessionStore, failed};
use super::holder::Holder;
use super::queue::lock;
use super::stores::{IndexEntry, SessionStores};
use crate::base::env::Env;
use crate::error::Error;
use crate::session::{Record, StoreAction, StoreResponse};

pub(in crate::adapter) struct Indexed<P: SessionStores>(Arc<Inner<P>>);

struct Inner<P: SessionStores> {
    stores: Arc<P>,
    store: P::Store,
    name: Arc<str>,
    entries: Mutex<Entries>,
}

#[derive(Default)]
struct Entries {
    /// The one that is in the index.
    noted: Option<IndexEntry>,
    /// That of a record in whose place another login is to be saved.
    replaced: Option<IndexEntry>,
}

impl<P: SessionStores> Indexed<P> {
    pub(in crate::adapter) fn new(stores: Arc<P>, name: Arc<str>, env: &mut dyn Env) -> Self {
        let store = stores.store(&name, env);
        Self(Arc::new(Inner { stores, store, name, entries: Mutex::default() }))
    }
}

impl<P: SessionStores> SessionStore for Indexed<P> {
    type Future = IndexedFuture<P>;

    fn carry_out(&self, action: StoreAction) -> IndexedFuture<P> {
        let stage = match action {
            StoreAction::Save { expect, next } => {
                let entry = self.0.entry(&next);
                let save = StoreAction::Save { expect, next };
                match self.0.is_noted(&entry) {
                    true => Stage::Save(Box::pin(self.0.store.carry_out(save)), Ok(()), entry),
                    false => Stage::NoteFirst(Box::pin(self.0.stores.note(&entry)), entry, Some(save)),
                }
            }
            action => Stage::Act(Box::pin(self.0.store.carry_out(action))),
        };
        IndexedFuture { inner: self.0.clone(), stage }
    }

    fn keeps(&self) -> bool {
        self.0.store.keeps()
    }

    fn lease(&self) -> Option<Duration> {
        self.0.store.lease()
    }

    fn holder(&self) -> Option<Holder> {
        self.0.store.holder()
    }
}

impl<P: SessionStores> Inner<P> {
    fn entry(&self, record: &Record) -> IndexEntry {
        IndexEntry::new(&self.name, record)
    }

    fn is_noted(&self, entry: &IndexEntry) -> bool {
        entry.keys().is_empty() || lock(&self.entries).noted.as_ref() == Some(entry)
    }

    /// What follows a response.
    fn after(&self, response: StoreResponse) -> Stage<P> {
        let mut entries = lock(&self.entries);
        match &response {
            StoreResponse::Loaded { record: Some(record), .. } => {
                let entry = self.entry(record);
                let is_there = entry.keys().is_empty() || entries.noted.as_ref() == Some(&entry);
                if !is_there || self.stores.expires() {
                    let noting = Box::pin(self.stores.note(&entry));
                    return Stage::NoteAfter(noting, entry, Some(response));
                }
            }
            StoreResponse::Erased { .. } => {
                if let Some(entry) = entries.noted.take() {
                    return Stage::Forget(Box::pin(self.stores.forget(&entry)), Some(response));
                }
            }
            _ => {}
        }
        Stage::Done(Some(response))
    }

    /// What follows the response to a save of the record with this entry.
    fn after_save(&self, response: StoreResponse, noted: Result<(), Error>, own: &IndexEntry) -> Stage<P> {
        let mut entries = lock(&self.entries);
        match (&response, noted) {
            (StoreResponse::Saved, Ok(())) => {
                if let Some(entry) = entries.replaced.take().filter(|entry| entry.login() != own.login()) {
                    return Stage::Forget(Box::pin(self.stores.forget(&entry)), Some(response));
                }
            }
            // The tokens are safe. The session saves them again, and the entry with them.
            (StoreResponse::Saved, Err(error)) => return Stage::Done(Some(StoreResponse::Failed(error))),
            (StoreResponse::Conflict(Some(record)), _) => entries.replaced = Some(self.entry(record)),
            _ => {}
        }
        Stage::Done(Some(response))
    }

    fn noted(&self, entry: &IndexEntry) {
        let mut entries = lock(&self.entries);
        let before = entries.noted.replace(entry.clone());
        if let Some(before) = before.filter(|before| before.login() != entry.login()) {
            entries.replaced = Some(before);
        }
    }
}

type Boxed<F> = Pin<Box<F>>;
type Acting<P> = Boxed<<<P as SessionStores>::Store as SessionStore>::Future>;
type Noting<P> = Boxed<<P as SessionStores>::Noted>;

enum Stage<P: SessionStores> {
    Act(Acting<P>),
    NoteAfter(Noting<P>, IndexEntry, Option<StoreResponse>),
    NoteFirst(Noting<P>, IndexEntry, Option<StoreAction>),
    Save(Acting<P>, Result<(), Error>, IndexEntry),
    Forget(Noting<P>, Option<StoreResponse>),
    Done(Option<StoreResponse>),
}

/// The response of the store, once the index is right, too.
#[must_use = "futures do nothing unless polled"]
pub(in crate::adapter) struct IndexedFuture<P: SessionStores> {
    inner: Arc<Inner<P>>,
    stage: Stage<P>,
}

// Nothing in it is pinned in place: futures are boxed.
impl<P: SessionStores> Unpin for IndexedFuture<P> {}

impl<P: SessionStores> Future for IndexedFuture<P> {
    type Output = StoreResponse;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<StoreResponse> {
        let Self { inner, stage } = self.get_mut();
        loop {
            *stage = match stage {
                Stage::Act(acting) => inner.after(ready!(acting.as_mut().poll(cx))),
                Stage::NoteAfter(noting, entry, response) => match ready!(noting.as_mut().poll(cx)) {
                    Ok(()) => {
                        inner.noted(entry);
                        Stage::Done(response.take())
                    }
                    Err(error) => Stage::Done(Some(StoreResponse::Failed(error))),
                },
                Stage::NoteFirst(noting, entry, save) => {
                    let noted = ready!(noting.as_mut().poll(cx));
                    if noted.is_ok() {
                        inner.noted(entry);
                    }
                    match save.take() {
                        Some(save) => Stage::Save(Box::pin(inner.store.carry_out(save)), noted, entry.clone()),
                        None => Stage::Done(None),
                    }
                }
                Stage::Save(saving, noted, entry) => {
                    let response = ready!(saving.as_mut().poll(cx));
                    inner.after_save(response, std::mem::replace(noted, Ok(())), entry)
                }
                // One too many does no harm.
                Stage::Forget(forgetting, response) => {
                    let _ = ready!(forgetting.as_mut().poll(cx));
                    Stage::Done(response.take())
                }
                Stage::Done(response) => {
                    let response = response.take();
                    return Poll::Ready(response.unwrap_or_else(|| StoreResponse::Failed(failed("polled once more"))));
                }
            };
        }
    }
}

impl<P: SessionStores> fmt::Debug for IndexedFuture<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IndexedFuture(…)")
    }
}
