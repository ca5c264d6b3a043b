//! Whether a session and its store fit together. It is looked at once, before the store is used.

use std::fmt;

use crate::error::Error;
use crate::session::Session;

/// A session that was not taken, because it and its store do not fit together.
///
/// Nothing was done, and nothing is lost: it has the session and the store.
#[non_exhaustive]
pub struct Misfit<D> {
    /// `session.setup`, with what was expected and found.
    pub error: Error,
    /// The session.
    pub session: Box<Session>,
    /// Its store.
    pub store: D,
}

impl<D> Misfit<D> {
    pub(super) fn new(error: Error, session: Session, store: D) -> Self {
        Self { error, session: Box::new(session), store }
    }
}

impl<D> fmt::Debug for Misfit<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Misfit({:?})", self.error)
    }
}

impl<D> fmt::Display for Misfit<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl<D> std::error::Error for Misfit<D> {}

impl<D> From<Misfit<D>> for Error {
    fn from(misfit: Misfit<D>) -> Self {
        misfit.error
    }
}
