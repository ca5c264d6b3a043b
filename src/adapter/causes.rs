//! The chain of errors in the error of an HTTP library.

use std::error::Error;
use std::io;
use std::iter::successors;

/// The error, what caused it, and so on. An IO error does not return the error that it wraps by `source()`.
pub(super) fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    successors(Some(error), |error: &&'a (dyn Error + 'static)| {
        let error: &'a (dyn Error + 'static) = *error;
        let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        inner.map(|inner| inner as _).or_else(|| error.source())
    })
}

/// The text of the last cause: libraries put the URL of the request only into the text of the first.
pub(super) fn root_cause(error: &(dyn Error + 'static)) -> Option<String> {
    causes(error).skip(1).last().map(ToString::to_string)
}
