//! The URLs in a code.

use std::fmt;

use crate::base::url::{Endpoint, Schemes};
use crate::error::{Error, ErrorCode};
use crate::qr::homeserver::{URL_LIMIT, plain_url};

/// A URL in a code, kept as it was written, so that the code is printed as it was read.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct CodeUrl {
    text: Box<str>,
    endpoint: Endpoint,
}

impl CodeUrl {
    /// Checks a URL.
    ///
    /// # Errors
    /// `qr.code_url`, with `url.…` as its source; `qr.code_too_large`.
    pub fn new(text: &str, schemes: Schemes) -> Result<Self, Error> {
        Self::read(text, schemes, "rendezvous URL")
    }

    pub(crate) fn read(text: &str, schemes: Schemes, name: &'static str) -> Result<Self, Error> {
        if text.len() > URL_LIMIT {
            return Err(Error::new(ErrorCode::QR_CODE_TOO_LARGE).at(name));
        }
        let endpoint = plain_url(text, schemes);
        let unusable = |error| Error::new(ErrorCode::QR_CODE_URL).at(name).with_source(error);
        Ok(Self { endpoint: endpoint.map_err(unusable)?, text: text.into() })
    }

    /// The URL as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The URL, checked.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }
}

impl fmt::Debug for CodeUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CodeUrl({})", self.endpoint.uri().host().unwrap_or(""))
    }
}
