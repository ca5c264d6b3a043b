//! Whether a session and its store fit together. It is looked at once, before the store is used.

use std::fmt;
use std::time::Duration;

use crate::adapter::store::{Holder, InUse};
use crate::error::{Error, ErrorCode, Quote};
use crate::session::Session;

/// The right of the session to use the store, if the store knows who uses it.
pub(super) fn fit(
    session: &Session,
    keeps: bool,
    lease: Option<Duration>,
    holder: Option<Holder>,
) -> Result<Option<InUse>, Error> {
    session.check_store(keeps, lease)?;
    in_use(holder)
}

/// The right to use a store, if it knows who uses it.
pub(super) fn in_use(holder: Option<Holder>) -> Result<Option<InUse>, Error> {
    let in_use = holder.map(|holder| {
        holder.take().ok_or_else(|| {
            let error = Error::new(ErrorCode::SESSION_SETUP).with_expected(Quote::library("a store of its own"));
            error.with_found(Quote::library("a store that another session uses"))
        })
    });
    in_use.transpose()
}

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
