//! Which rendezvous of which homeserver (MSC4388).

use std::fmt;

use http::Uri;

use super::code_url::CodeUrl;
use crate::base::url::Schemes;
use crate::error::{Error, ErrorCode};
use crate::matrix::{Address, Homeserver};
use crate::qr::homeserver::NamedHomeserver;

/// Where a homeserver has its rendezvous. The draft's stable name is `/_matrix/client/v1/rendezvous`.
pub(in crate::qr) const PATH: &str = "/_matrix/client/unstable/io.element.msc4388/rendezvous";

/// Longest rendezvous ID.
const ID_LIMIT: usize = 255;

/// A rendezvous of MSC4388: its ID, and the homeserver that has it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RendezvousId {
    id: Box<str>,
    base_url: NamedHomeserver,
    uri: Uri,
}

impl RendezvousId {
    /// Checks an ID and a base URL. The URL is kept as it is written, because messages are bound to these characters.
    ///
    /// # Errors
    /// `qr.code_text` if the ID has other characters than `A-Z a-z 0-9 - . _ ~`, or more than 255; `qr.code_url`,
    /// `qr.code_too_large`.
    pub fn new(id: &str, base_url: &str, schemes: Schemes) -> Result<Self, Error> {
        if !is_id(id) {
            return Err(Error::new(ErrorCode::QR_CODE_TEXT).at("rendezvous id"));
        }
        CodeUrl::read(base_url, schemes, "base URL")?;
        let unusable = |error| Error::new(ErrorCode::QR_CODE_URL).at("base URL").with_source(error);
        let uri = |homeserver: &Homeserver| homeserver.uri(&format!("{PATH}/{id}"), schemes);
        let base_url = NamedHomeserver::new(base_url, schemes).map_err(unusable)?;
        match base_url.address() {
            Address::Url(homeserver) => {
                let uri = uri(homeserver).map_err(unusable)?;
                Ok(Self { id: id.into(), base_url, uri })
            }
            Address::Name(_) => Err(Error::new(ErrorCode::QR_CODE_URL).at("base URL")),
        }
    }

    /// The ID.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The base URL of the homeserver that has the rendezvous. A new device that scans the code of an existing device
    /// logs in there.
    pub fn base_url(&self) -> &NamedHomeserver {
        &self.base_url
    }

    pub(in crate::qr) fn uri(&self) -> &Uri {
        &self.uri
    }
}

impl fmt::Debug for RendezvousId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Who knows the ID can write there.
        write!(f, "RendezvousId(…, {:?})", self.base_url)
    }
}

/// RFC 3986 section 2.3: what stands in a path as it is. Dots alone would be another path.
fn is_id(text: &str) -> bool {
    (1..=ID_LIMIT).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~'))
        && !matches!(text, "." | "..")
}
