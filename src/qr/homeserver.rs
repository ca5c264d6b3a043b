//! What names a homeserver in a QR code and in the login's messages.

use std::fmt;

use crate::base::url::{Endpoint, Schemes};
use crate::error::{Error, ErrorCode};
use crate::matrix::{Address, Homeserver, ServerName};

/// Longest URL. A QR code holds 2,953 bytes at most.
pub(crate) const URL_LIMIT: usize = 2000;

/// A name of a homeserver: its server name, as the standard requires, or its base URL, as deployed clients send it. The
/// text is kept as it was written.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct NamedHomeserver {
    text: Box<str>,
    address: Address,
}

impl NamedHomeserver {
    /// Checks a server name or a URL.
    ///
    /// # Errors
    /// `qr.homeserver`, with `url.…` or `matrix.server_name` as its source.
    pub fn new(text: &str, schemes: Schemes) -> Result<Self, Error> {
        let address = match text.contains("://") {
            true if text.len() > URL_LIMIT => return Err(ErrorCode::QR_HOMESERVER.into()),
            true => plain(text).and_then(|()| Homeserver::new(text, schemes)).map(Address::Url),
            false => ServerName::new(text).map(Address::Name),
        };
        let address = address.map_err(|error| Error::new(ErrorCode::QR_HOMESERVER).with_source(error))?;
        Ok(Self { text: text.into(), address })
    }

    /// The name or the URL, as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The URL or the server name, to find the homeserver: see
    /// [`HomeserverDiscovery`](crate::matrix::HomeserverDiscovery).
    pub fn address(&self) -> &Address {
        &self.address
    }
}

/// By its base URL.
impl From<&Homeserver> for NamedHomeserver {
    fn from(homeserver: &Homeserver) -> Self {
        Self { text: homeserver.as_str().into(), address: Address::Url(homeserver.clone()) }
    }
}

/// A URL that is kept as it was written.
pub(crate) fn plain_url(text: &str, schemes: Schemes) -> Result<Endpoint, Error> {
    plain(text)?;
    Endpoint::new(text, schemes)
}

/// Only the characters that RFC 3986 gives a URL: a parser drops line breaks and blanks, which a text that is kept as
/// it was written would still have.
fn plain(text: &str) -> Result<(), Error> {
    if text.bytes().all(|byte| byte.is_ascii_graphic()) { Ok(()) } else { Err(ErrorCode::URL_SYNTAX.into()) }
}

impl fmt::Debug for NamedHomeserver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.address.fmt(f)
    }
}
