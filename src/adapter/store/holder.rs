//! Who uses a store: one session at a time; and where its record is.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::named::named;
use crate::error::{Error, ErrorCode};
use crate::session::Session;

/// A holder of the lock of a record: a store with its clones. One session at a time uses it. If two
/// did, both would have the lock, and would refresh with the same refresh token.
///
/// A store makes one when it is made, and gives it back as its [`holder`](super::SessionStore::holder). Clones are the
/// same holder.
#[derive(Clone, Default)]
pub struct Holder(Arc<Inner>);

#[derive(Default)]
struct Inner {
    is_in_use: AtomicBool,
    /// Where the record is, if that is known.
    place: Option<Box<str>>,
}

impl Holder {
    /// The holder of the lock of the record at this place, a path or a key, which must not be
    /// secret: errors name it where the store does not respond in time.
    pub fn at(place: impl Into<Box<str>>) -> Self {
        Self(Arc::new(Inner { is_in_use: AtomicBool::new(false), place: Some(place.into()) }))
    }

    /// Names the record in an error of a store that does not respond.
    pub(in crate::adapter) fn name(&self, error: Error) -> Error {
        match self.0.place.clone() {
            Some(place) => named(error, place),
            None => error,
        }
    }

    /// The same where a session has waited in vain.
    pub(in crate::adapter) fn name_in(&self, session: &mut Session) {
        session.name_errors(ErrorCode::SESSION_STORE, |error| self.name(error));
    }

    /// The right to use the store, if nobody has it.
    pub(in crate::adapter) fn take(&self) -> Option<InUse> {
        (!self.0.is_in_use.swap(true, Ordering::AcqRel)).then(|| InUse(self.clone()))
    }
}

impl fmt::Debug for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Holder(…)")
    }
}

/// The right of a session to use a store, until it is dropped.
pub(in crate::adapter) struct InUse(Holder);

impl InUse {
    pub(in crate::adapter) fn holder(&self) -> &Holder {
        &self.0
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        self.0.0.is_in_use.store(false, Ordering::Release);
    }
}
