//! Errors with the place of the record.

use std::fmt;

use crate::error::{Error, ErrorCode};

/// The source of a store's error: where the record is, a path or a key, and behind it what was the source.
#[derive(Debug)]
struct Named {
    place: Box<str>,
    error: Error,
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.place)
    }
}

impl std::error::Error for Named {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.error.source()
    }
}

/// The error with this place in its sources.
pub(super) fn named(error: Error, place: impl Into<Box<str>>) -> Error {
    let named = Named { place: place.into(), error: error.clone() };
    let error = match error.found().cloned() {
        Some(found) if error.code() == ErrorCode::STORE_IO => {
            error.with_found(found.after(&named.place.escape_debug().to_string()))
        }
        _ => error,
    };
    error.with_source(named)
}
