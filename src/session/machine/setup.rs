//! What a session needs of its store.

use std::time::Duration;

use super::Session;
use crate::error::{Error, ErrorCode, Quote};
use crate::session::policy::Persistence;

impl Session {
    /// Whether a store that `keeps` records, or keeps none, and whose lock is a lease of this duration, or none, is one
    /// for this session.
    ///
    /// # Errors
    /// `session.setup`.
    pub(crate) fn check_store(&self, keeps: bool, lease: Option<Duration>) -> Result<(), Error> {
        let wrong = |expected: String, found: String| {
            let error = Error::new(ErrorCode::SESSION_SETUP).with_expected(Quote::library(expected));
            Err(error.with_found(Quote::library(found)))
        };
        let (persistence, deadline) = (self.core.options.persistence, self.core.options.deadline());
        match (persistence, keeps, lease) {
            (Persistence::Nowhere, true, _) => {
                wrong("Persistence::Own or Shared, or NoStore".into(), "a store beside Persistence::Nowhere".into())
            }
            (Persistence::Own | Persistence::Shared, false, _) => {
                wrong("a store, or Persistence::Nowhere".into(), "NoStore".into())
            }
            (Persistence::Shared, _, Some(lease)) if lease < deadline => wrong(
                format!("a lease of the session's deadline at least, {} ms", deadline.as_millis()),
                format!("{} ms", lease.as_millis()),
            ),
            _ => Ok(()),
        }
    }
}
