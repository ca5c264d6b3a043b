//! The store of one file.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::disk::{Lock, Place};
use crate::adapter::store::contract::{BlockingSessionStore, PATIENCE};
use crate::adapter::store::holder::Holder;
use crate::adapter::store::named::named;
use crate::adapter::store::queue::lock;
use crate::adapter::store::record::{self, LIMIT, LastError, Text};
use crate::error::Error;
use crate::session::{Record, RecordVersion, StoreAction, StoreResponse};

/// Room for the next record, at least: two blocks.
const ROOM: usize = 8192;

/// Stores a record in a file, for all processes that use the same path.
///
/// If a record is damaged, larger than 4 MiB or from a newer version, the store fails and does not overwrite it. The
/// store does not follow or replace anything that is not a regular file, such as a link or a pipe. It creates a missing
/// folder with mode 0700. A record is on the disk before the store responds with `Saved`. On platforms without file
/// modes (Windows), restrict the access to the folder yourself.
///
/// Clones are handles to the same store: keep a clone for [`FileStore::take_error`]. One session at
/// a time uses a store and its clones. Two stores of one path take turns by the lock of the file,
/// also in one process: nothing is lost, and each takes what the other has saved.
///
/// ```
/// use oidc_proto::adapter::store::{BlockingSessionStore, FileStore};
/// use oidc_proto::session::{Record, StoreAction, StoreResponse};
/// # fn log_in() -> Result<oidc_proto::TokenSet, oidc_proto::Error> { todo!() }
///
/// /// The record to make a session of.
/// fn begin(store: &FileStore, env: &mut dyn oidc_proto::Env) -> Result<Record, oidc_proto::Error> {
///     if let Some(record) = store.load()? {
///         return Ok(record);
///     }
///     let record = Record::of_login(log_in()?, None, env);
///     match store.carry_out(StoreAction::Save { expect: None, next: record.clone() }) {
///         // Another process has logged in meanwhile.
///         StoreResponse::Conflict(Some(theirs)) => Ok(*theirs),
///         // If it was not saved, the session will try again with its next tokens: `store.take_error()` says why.
///         _ => Ok(record),
///     }
/// }
/// ```
#[derive(Clone)]
pub struct FileStore(Arc<Inner>);

struct Inner {
    place: Place,
    held: Mutex<Option<Lock>>,
    /// The draft that this store has made as a mark.
    mark: Mutex<Option<PathBuf>>,
    holder: Holder,
    last_error: LastError,
}

impl FileStore {
    /// The store in this file. Nothing is opened yet.
    ///
    /// The store waits at most 30 seconds for the lock. Keep this time shorter than the
    /// [`deadline`](crate::session::SessionOptions::deadline) of the session (by default 45 seconds).
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self::with_patience(path, PATIENCE)
    }

    /// Like [`FileStore::new`], with another time to wait for the lock. With zero, it fails at once if another process
    /// holds the lock.
    pub fn with_patience(path: impl Into<PathBuf>, patience: Duration) -> Self {
        let place = Place::new(path.into(), patience);
        let holder = Holder::at(place.path().to_string_lossy());
        Self(Arc::new(Inner {
            place,
            held: Mutex::default(),
            mark: Mutex::default(),
            holder,
            last_error: LastError::default(),
        }))
    }

    /// Loads the record, to make a session from it; `None` if there is no record yet.
    ///
    /// # Errors
    /// `stored.malformed`, `stored.version`, or `store.io` with its [`source`](std::error::Error::source).
    pub fn load(&self) -> Result<Option<Record>, Error> {
        let read = || self.0.read()?.0.map(|text| record::read(&text)).transpose();
        read().map(|record| record.map(|record| *record)).map_err(|error| self.0.named(error))
    }

    /// Returns and removes the error of the last action that failed for the session. Its code is
    /// one of those of [`FileStore::load`], or `store.busy`. An error that `load` itself returned
    /// is not kept.
    pub fn take_error(&self) -> Option<Error> {
        self.0.last_error.take()
    }
}

impl BlockingSessionStore for FileStore {
    fn carry_out(&self, action: StoreAction) -> StoreResponse {
        self.attempt(&action)
    }

    fn holder(&self) -> Option<Holder> {
        Some(self.0.holder.clone())
    }
}

impl FileStore {
    /// The same with a borrowed action.
    pub(super) fn attempt(&self, action: &StoreAction) -> StoreResponse {
        let result = match action {
            StoreAction::Lock => self.0.lock(),
            StoreAction::Load => self.0.load(),
            StoreAction::Save { expect, next } => {
                record::write(next).and_then(|text| self.0.under_lock(|lock| self.0.save(lock, *expect, &text)))
            }
            StoreAction::Prepare { expect } => {
                self.0.lock_again().and_then(|()| self.0.under_lock(|lock| self.0.prepare(lock, *expect)))
            }
            StoreAction::Discard => self.0.discard(),
            StoreAction::Unlock => {
                *lock(&self.0.held) = None;
                Ok(StoreResponse::Done)
            }
            StoreAction::Erase { expect } => self.0.under_lock(|lock| self.0.erase(lock, *expect)),
        };
        self.0.last_error.response(result.map_err(|error| self.0.named(error)))
    }
}

impl Inner {
    fn named(&self, error: Error) -> Error {
        named(error, self.place.path().to_string_lossy())
    }

    fn lock(&self) -> Result<StoreResponse, Error> {
        let mut held = lock(&self.held);
        if !held.as_ref().is_some_and(|held| self.place.is_good(held)) {
            *held = None;
            *held = Some(self.place.lock()?);
        }
        Ok(StoreResponse::Locked)
    }

    fn load(&self) -> Result<StoreResponse, Error> {
        let (text, begun) = self.read()?;
        record::loaded(text.as_deref().map(String::as_str), begun)
    }

    /// Reading needs no lock. Only whoever holds it knows what a draft means.
    fn read(&self) -> Result<(Option<Text>, bool), Error> {
        match lock(&self.held).as_mut().filter(|held| self.place.is_good(held)) {
            Some(held) => self.place.settle(held),
            None => Ok((self.place.read()?, false)),
        }
    }

    fn prepare(&self, lock: &mut Lock, expect: Option<RecordVersion>) -> Result<StoreResponse, Error> {
        let (present, begun) = self.place.settle(lock)?;
        if let Some(conflict) = record::compare_version(present.as_deref().map(String::as_str), expect)? {
            return Ok(conflict);
        }
        let room = present.map_or(0, |present| present.len()).saturating_mul(2).clamp(ROOM, LIMIT);
        let draft = self.place.prepare(lock, room)?;
        // One that was there already stays its maker's.
        if !begun {
            self.mark(Some(draft));
        }
        Ok(StoreResponse::Prepared)
    }

    /// A lock that was lost is taken again before anything is spent.
    fn lock_again(&self) -> Result<(), Error> {
        if self.has_lost_lock() {
            self.mark(None);
            self.lock()?;
        }
        Ok(())
    }

    fn has_lost_lock(&self) -> bool {
        lock(&self.held).as_ref().is_some_and(|held| !self.place.is_good(held))
    }

    /// Notes the mark that is this store's, and returns the one before.
    fn mark(&self, mark: Option<PathBuf>) -> Option<PathBuf> {
        std::mem::replace(&mut *lock(&self.mark), mark)
    }

    /// Under the lock that is held, or else, where none is wanted or it was lost, under one for the moment.
    fn under_lock(&self, act: impl FnOnce(&mut Lock) -> Result<StoreResponse, Error>) -> Result<StoreResponse, Error> {
        let mut held = lock(&self.held);
        match held.as_mut().filter(|held| self.place.is_good(held)) {
            Some(held) => act(held),
            None => act(&mut self.place.lock()?),
        }
    }

    /// Removes the mark if this store has made it. If the lock was lost, nobody finds it any more.
    fn discard(&self) -> Result<StoreResponse, Error> {
        match self.mark(None).filter(|_| !self.has_lost_lock()) {
            Some(own) => self.under_lock(|lock| self.place.discard_own(lock, &own).map(|()| StoreResponse::Done)),
            None => Ok(StoreResponse::Done),
        }
    }

    fn save(&self, lock: &mut Lock, expect: Option<RecordVersion>, next: &Text) -> Result<StoreResponse, Error> {
        let (present, _) = self.place.settle(lock)?;
        match record::compare(present.as_deref().map(String::as_str), expect, next)? {
            Some(response) => Ok(response),
            None => self.place.replace(lock, next).map(|()| StoreResponse::Saved),
        }
    }

    fn erase(&self, lock: &mut Lock, expect: Option<RecordVersion>) -> Result<StoreResponse, Error> {
        let (present, begun) = self.place.settle(lock).unwrap_or((None, false));
        match present.and_then(|present| record::other(&present, expect)) {
            Some(other) => Ok(StoreResponse::Conflict(Some(other))),
            None => self.place.remove(lock).map(|()| StoreResponse::Erased { begun }),
        }
    }
}

impl fmt::Debug for FileStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FileStore").field(&self.0.place.path()).finish()
    }
}
