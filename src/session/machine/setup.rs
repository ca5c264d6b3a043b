//! What a session needs of its store, and how it names it.

use std::time::Duration;

use super::Session;
use crate::error::{Error, ErrorCode, Quote};
use crate::session::policy::{Persistence, SessionOptions};

impl Session {
    /// Completes errors of this code that nobody has completed: what the last attempt ended with,
    /// and what events that were not read say. The driver knows which store did not respond; the
    /// session does not.
    pub(crate) fn name_errors(&mut self, code: ErrorCode, name: impl Fn(Error) -> Error) {
        let failure = self.core.attempts.last_failure_mut();
        let errors = failure.into_iter().chain(self.core.events.errors_mut());
        for error in errors.filter(|error| error.code() == code && std::error::Error::source(*error).is_none()) {
            *error = name(error.clone());
        }
    }

    /// Whether a store that `keeps` records, or keeps none, and whose lock is a lease of this duration, or none, is one
    /// for this session.
    ///
    /// # Errors
    /// `session.setup`.
    pub(crate) fn check_store(&self, keeps: bool, lease: Option<Duration>) -> Result<(), Error> {
        let options = &self.core.options;
        check(options.persistence, options.deadline(), keeps, lease)
    }
}

impl SessionOptions {
    /// The same for all sessions with these options, if their stores have this lease.
    pub(crate) fn check_lease(&self, lease: Option<Duration>) -> Result<(), Error> {
        check(self.persistence(), self.deadline(), true, lease)
    }
}

fn check(persistence: Persistence, deadline: Duration, keeps: bool, lease: Option<Duration>) -> Result<(), Error> {
    let wrong = |expected: String, found: String| {
        let error = Error::new(ErrorCode::SESSION_SETUP).with_expected(Quote::library(expected));
        Err(error.with_found(Quote::library(found)))
    };
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
