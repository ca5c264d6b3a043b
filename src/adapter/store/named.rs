//! Errors with the place of the record.

use std::fmt;

use crate::error::{Error, ErrorCode, Quote};

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
    let error = match (error.code(), error.found().cloned()) {
        (ErrorCode::STORE_IO, Some(found)) => error.with_found(found.after(&named.place.escape_debug().to_string())),
        (ErrorCode::STORE_IO, None) => error.with_found(Quote::caller(&named.place)),
        // It is about the response, which has not come.
        (ErrorCode::SESSION_STORE, None) => {
            error.with_expected(Quote::library(format!("a response about {}", named.place)))
        }
        _ => error,
    };
    error.with_source(named)
}
