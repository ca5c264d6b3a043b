//! The headers that the flows of this crate read and write by a name of their own, and how an HTTP client reads names.

use http::header::{
    AGE, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, DATE, ETAG, EXPIRES, HeaderName, LOCATION, RETRY_AFTER,
    WWW_AUTHENTICATE,
};

/// The proof of possession (RFC 9449 section 4.1).
pub(crate) static DPOP: HeaderName = HeaderName::from_static("dpop");

/// What the next proof has to contain (RFC 9449 section 8.2).
pub(crate) static DPOP_NONCE: HeaderName = HeaderName::from_static("dpop-nonce");

/// The headers that flows of this crate read in responses.
static READ: [HeaderName; 11] = [
    AGE,
    CACHE_CONTROL,
    CONTENT_ENCODING,
    CONTENT_TYPE,
    DATE,
    HeaderName::from_static("dpop-nonce"),
    ETAG,
    EXPIRES,
    LOCATION,
    RETRY_AFTER,
    WWW_AUTHENTICATE,
];

/// How the names of a response's headers are read. A function, not a choice: the table of all names that are registered is
/// 12 kB of a module for browsers, and is only there if something needs it.
#[derive(Clone, Copy)]
pub(crate) struct Names(fn(&str) -> Option<HeaderName>);

impl Names {
    /// All names.
    pub(crate) const ALL: Self = Self(|name| HeaderName::try_from(name).ok());

    /// Those that flows of this crate read; others may be left out.
    pub(crate) const READ: Self = Self(|name| READ.iter().find(|own| own.as_str().eq_ignore_ascii_case(name)).cloned());

    /// The name, if a header of this name is to be in the response.
    #[allow(dead_code, reason = "the other HTTP clients get their headers from a library")]
    pub(crate) fn read(self, name: &str) -> Option<HeaderName> {
        self.0(name)
    }
}

impl std::fmt::Debug for Names {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Names(…)")
    }
}

/// Functions have no identity that could be compared. Both read the headers that flows read.
impl PartialEq for Names {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Names {}
