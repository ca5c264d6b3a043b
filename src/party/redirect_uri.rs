//! Redirect URIs.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::sync::Arc;

use url::{Position, Url};

use crate::base::url::{is_loopback, is_showable, refused};
use crate::error::{Error, ErrorCode};
use crate::wire::form;

/// Where the provider sends the user back to (RFC 6749 section 3.1.2): an absolute URI without fragment.
///
/// It is kept exactly as it was written, since providers compare it character by character.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RedirectUri(Arc<Parsed>);

struct Parsed {
    url: Url,
    /// As it was written, if the parser writes it in another way.
    written: Option<Box<str>>,
    /// As it is written in a query or form: each login sends it twice.
    encoded: Box<str>,
}

impl Parsed {
    fn text(&self) -> &str {
        self.written.as_deref().unwrap_or(self.url.as_str())
    }
}

impl PartialEq for Parsed {
    fn eq(&self, other: &Self) -> bool {
        self.text() == other.text()
    }
}

impl Eq for Parsed {}

impl Hash for Parsed {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text().hash(state);
    }
}

const FIELD: &str = "redirect_uri";

fn check(text: &str) -> Result<Url, ErrorCode> {
    let url = Url::parse(text).map_err(|_| ErrorCode::URL_SYNTAX)?;
    if !is_showable(text) || is_host_and_port(&url) {
        return Err(ErrorCode::URL_SYNTAX);
    }
    if matches!(url.scheme(), "javascript" | "data" | "file" | "blob" | "about" | "view-source") {
        return Err(ErrorCode::URL_SCHEME);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(ErrorCode::URL_USERINFO);
    }
    if url.fragment().is_some() { Err(ErrorCode::URL_FRAGMENT) } else { Ok(url) }
}

/// Whether the scheme is missing: `localhost:8080/callback` would otherwise be a URI of the scheme `localhost`.
fn is_host_and_port(url: &Url) -> bool {
    let port = url.path().split('/').next().unwrap_or("");
    url.cannot_be_a_base() && !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit())
}

impl RedirectUri {
    /// Checks the URI: it must be absolute with its scheme, and must not contain a fragment, a user
    /// name, spaces, control characters or invisible characters. Schemes that a browser executes or
    /// reads itself (such as `javascript` and `data`) are refused. Plain `http` is accepted for
    /// every host, because only the provider knows which redirect URIs it takes; a web application
    /// should use `https`.
    ///
    /// # Errors
    /// `url.syntax`, `url.scheme`, `url.userinfo` or `url.fragment`.
    pub fn new(text: &str) -> Result<Self, Error> {
        match check(text) {
            Ok(url) => {
                let written = (url.as_str() != text).then(|| text.into());
                Ok(Self(Arc::new(Parsed { url, written, encoded: form::encoded(text) })))
            }
            Err(ErrorCode::URL_SCHEME) => Err(refused(ErrorCode::URL_SCHEME, FIELD, text, |_| false).with_hint(
                "A browser runs or reads this scheme itself: use https, or a scheme of your own application.",
            )),
            Err(code) if Url::parse(text).is_ok_and(|url| is_host_and_port(&url)) => {
                Err(refused(code, FIELD, text, |_| false).with_hint("Write the scheme, too: `http://` or `https://`."))
            }
            Err(code) => Err(refused(code, FIELD, text, |whole| check(whole).is_ok())),
        }
    }

    /// The URI as it was written.
    pub fn as_str(&self) -> &str {
        self.0.text()
    }

    /// The URI as it is written in a query or form.
    pub(crate) fn encoded(&self) -> &str {
        &self.0.encoded
    }

    /// The URI as it was parsed.
    pub(crate) fn url(&self) -> &Url {
        &self.0.url
    }

    /// Whether `other` equals this URI. If this URI is `http` on a loopback address, the port may differ (RFC 8252
    /// section 7.3).
    pub fn covers(&self, other: &Self) -> bool {
        if self == other {
            return true;
        }
        if self.0.url.scheme() != "http" || !is_loopback(&self.0.url) {
            return false;
        }
        let (mut own, mut other) = (self.0.url.clone(), other.0.url.clone());
        own.set_port(None).is_ok() && other.set_port(None).is_ok() && own == other
    }

    /// Whether a callback at `url` was sent to this URI. Query and fragment are not compared: `url` has none.
    pub(crate) fn is_target_of(&self, url: &str) -> bool {
        self.0.url[..Position::AfterPath] == *url
    }
}

impl fmt::Debug for RedirectUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RedirectUri({})", self.as_str())
    }
}

impl fmt::Display for RedirectUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl AsRef<str> for RedirectUri {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl FromStr for RedirectUri {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::new(text)
    }
}
