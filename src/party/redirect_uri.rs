//! Redirect URIs.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use url::{Position, Url};

use crate::base::url::{is_loopback, is_showable};
use crate::error::{Error, ErrorCode};

/// Where the provider sends the user back to (RFC 6749 section 3.1.2): an absolute URI without fragment.
///
/// It is kept exactly as it was written, since providers compare it character by character.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RedirectUri(Arc<str>);

impl RedirectUri {
    /// Checks the URI: it must be absolute, without fragment, user name, space, control and invisible characters. Schemes that a browser executes or reads itself
    /// (such as `javascript` and `data`) are refused.
    ///
    /// # Errors
    /// `authorization.redirect_uri`.
    pub fn new(text: &str) -> Result<Self, Error> {
        let refused = || Error::from(ErrorCode::AUTHORIZATION_REDIRECT_URI);
        let url = Url::parse(text).map_err(|error| refused().with_source(error))?;
        if !is_showable(text) {
            return Err(refused());
        }
        let scheme_runs = matches!(url.scheme(), "javascript" | "data" | "file" | "blob" | "about" | "view-source");
        if scheme_runs || url.fragment().is_some() || !url.username().is_empty() || url.password().is_some() {
            return Err(refused());
        }
        Ok(Self(text.into()))
    }

    /// The URI as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `other` equals this URI. If this URI is `http` on a loopback address, the port may differ (RFC 8252
    /// section 7.3).
    pub fn covers(&self, other: &Self) -> bool {
        if self == other {
            return true;
        }
        let (Ok(mut own), Ok(mut other)) = (Url::parse(&self.0), Url::parse(&other.0)) else { return false };
        own.scheme() == "http"
            && is_loopback(&own)
            && own.set_port(None).is_ok()
            && other.set_port(None).is_ok()
            && own == other
    }

    /// Whether a callback at `url` was sent to this URI. Query and fragment are not compared.
    pub(crate) fn is_target_of(&self, url: &Url) -> bool {
        Url::parse(&self.0).is_ok_and(|own| own[..Position::AfterPath] == url[..Position::AfterPath])
    }
}

impl fmt::Debug for RedirectUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RedirectUri({})", self.0)
    }
}

impl fmt::Display for RedirectUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
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
