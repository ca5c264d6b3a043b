//! What names a homeserver in a QR code and in the login's messages.

use std::fmt;

use crate::endpoint::{Endpoint, Schemes};
use crate::error::{Code, Error};

/// Longest URL. A QR code holds 2,953 bytes at most.
pub(crate) const URL_LIMIT: usize = 2000;

/// Longest server name (Matrix specification, appendix "Server name").
const NAME_LIMIT: usize = 255;

/// A homeserver: its server name, as the standard says, or its base URL, as deployed clients do. Kept as it was written.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Homeserver {
    text: Box<str>,
    url: Option<Endpoint>,
}

impl Homeserver {
    /// Checks a server name or a URL.
    ///
    /// # Errors
    /// `qr.homeserver`, with `url.…` as its source if it is a URL.
    pub fn new(text: &str, schemes: Schemes) -> Result<Self, Error> {
        let url = match text.contains("://") {
            true if text.len() > URL_LIMIT => return Err(Code::QrHomeserver.into()),
            true => {
                let url = plain_url(text, schemes);
                Some(url.map_err(|error| Error::new(Code::QrHomeserver).with_source(error))?)
            }
            false if is_server_name(text) => None,
            false => return Err(Code::QrHomeserver.into()),
        };
        Ok(Self { text: text.into(), url })
    }

    /// The name or the URL, as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The base URL, if it is one. A name has to be resolved first: by `/.well-known/matrix/client`, or taken as the
    /// host of an `https` URL.
    pub fn url(&self) -> Option<&Endpoint> {
        self.url.as_ref()
    }
}

/// A URL of the characters that RFC 3986 gives it: a URL parser drops line breaks and blanks, which a text that is kept
/// as it was written would still have.
pub(crate) fn plain_url(text: &str, schemes: Schemes) -> Result<Endpoint, Error> {
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Code::UrlSyntax.into());
    }
    Endpoint::new(text, schemes)
}

/// The URL of what lies under a base URL, whether that ends with a slash or not. A query of it is not kept.
pub(crate) fn under(base: &Endpoint, path: &str, schemes: Schemes) -> Result<Endpoint, Error> {
    let uri = base.uri();
    let host = uri.authority().map_or("", |authority| authority.as_str());
    let text = [uri.scheme_str().unwrap_or(""), "://", host, uri.path().trim_end_matches('/'), path].concat();
    Endpoint::new(&text, schemes)
}

/// Whether it is a host with an optional port.
fn is_server_name(text: &str) -> bool {
    (1..=NAME_LIMIT).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b':' | b'[' | b']'))
        && Endpoint::new(&format!("https://{text}"), Schemes::HttpsOnly).is_ok()
}

impl fmt::Debug for Homeserver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.url {
            Some(url) => url.fmt(f),
            None => write!(f, "Homeserver({})", self.text),
        }
    }
}
