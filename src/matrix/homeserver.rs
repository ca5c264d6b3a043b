//! Homeservers, and the addresses that a user types in.

use std::fmt;

use http::Uri;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::id::{ServerName, UserId};
use crate::base::url::{Endpoint, Schemes, refused};
use crate::error::{Error, ErrorCode, Quote};
use crate::wire::form;

/// The base URL of a homeserver's client-server API. It must be `https` unless the caller allows `http`, and has no
/// query and no fragment. A slash at its end is ignored.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Homeserver(Box<str>);

impl Homeserver {
    /// Checks a base URL.
    ///
    /// # Errors
    /// `url.syntax`, `url.scheme`, `url.userinfo`, `url.query` or `url.fragment`.
    pub fn new(url: &str, schemes: Schemes) -> Result<Self, Error> {
        let endpoint = Endpoint::new(url, schemes).map_err(|error| error.at("homeserver"))?;
        if endpoint.uri().query().is_some() {
            return Err(Error::new(ErrorCode::URL_QUERY).at("homeserver"));
        }
        Ok(Self(endpoint.uri().to_string().trim_end_matches('/').into()))
    }

    /// The base URL, without a slash at its end.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Checks that a value was made for this homeserver. The error names both.
    ///
    /// # Errors
    /// `matrix.homeserver_mismatch`.
    pub(super) fn check(&self, named: &Self) -> Result<(), Error> {
        if self == named {
            return Ok(());
        }
        let error = Error::new(ErrorCode::MATRIX_HOMESERVER_MISMATCH).with_expected(Quote::caller(self.as_str()));
        Err(error.with_found(Quote::caller(named.as_str())))
    }

    /// The URL of something under the base URL, where the caller still allows its scheme.
    pub(crate) fn uri(&self, path: &str, schemes: Schemes) -> Result<Uri, Error> {
        let endpoint = Endpoint::new(&format!("{}{path}", self.0), schemes).map_err(|error| error.at("homeserver"))?;
        Ok(endpoint.uri().clone())
    }

    /// The same with a last segment that may be anything.
    fn uri_of(&self, path: &str, segment: &str, schemes: Schemes) -> Result<Uri, Error> {
        let mut escaped = String::with_capacity(segment.len());
        form::encode(&mut escaped, segment);
        // They would be taken for folders.
        match segment {
            "." | ".." => Err(ErrorCode::MATRIX_DEVICE_ID.into()),
            _ => self.uri(&format!("{path}{escaped}"), schemes),
        }
    }

    /// The URL of a device at the homeserver. The device ID may have any characters.
    pub(crate) fn device_uri(&self, device_id: &str, schemes: Schemes) -> Result<Uri, Error> {
        self.uri_of("/_matrix/client/v3/devices/", device_id, schemes)
    }
}

impl fmt::Debug for Homeserver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Homeserver({})", self.0)
    }
}

impl fmt::Display for Homeserver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Homeserver {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Homeserver {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        // Whether `http` is still allowed is decided where it is used.
        Self::new(&text, Schemes::DangerousHttpOnPrivateNetwork).map_err(|_| de::Error::custom("not a homeserver"))
    }
}

/// The address that a user types in to name their homeserver.
///
/// Exhaustive: a homeserver has a name or a URL.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Address {
    /// The name of a server, by which its homeserver is found.
    Name(ServerName),
    /// The homeserver's own URL.
    Url(Homeserver),
}

impl Address {
    /// A URL has `://` in it, a user ID begins with `@` and holds the name of its server; anything else is a name.
    ///
    /// ```
    /// use oidc_proto::Schemes;
    /// use oidc_proto::matrix::Address;
    /// let address = |text| Address::parse(text, Schemes::HttpsOnly);
    /// assert!(matches!(address("https://matrix.example.org/")?, Address::Url(_)));
    /// assert_eq!(address("@joe:example.org")?, address("example.org")?);
    /// # Ok::<(), oidc_proto::Error>(())
    /// ```
    ///
    /// # Errors
    /// `url.…`, `matrix.user_id`, `matrix.server_name`.
    pub fn parse(text: &str, schemes: Schemes) -> Result<Self, Error> {
        let text = text.trim();
        let address = match () {
            () if text.contains("://") => Homeserver::new(text, schemes).map(Self::Url),
            () if text.starts_with('@') => UserId::new(text).map(|user| Self::Name(user.server_name())),
            () => ServerName::new(text).map(Self::Name),
        };
        address.map_err(|error| explained(error, text))
    }
}

/// Says what the user typed in, and what it may have been meant for.
fn explained(error: Error, text: &str) -> Error {
    // What is no ID may be a URL with a password.
    let is_id = text.starts_with(['@', '#', '!', '+']);
    let found = if is_id { Quote::caller(text) } else { Quote::caller_url(text) };
    let hint = match error.code() {
        code @ (ErrorCode::URL_SYNTAX | ErrorCode::URL_SCHEME) => return refused(code, "homeserver", text, |_| false),
        ErrorCode::MATRIX_SERVER_NAME if text.is_empty() => {
            return error.with_hint("Name the server, such as `example.org`, or the URL of the homeserver.");
        }
        ErrorCode::MATRIX_SERVER_NAME if text.contains("//") => "A URL begins with `https://`.",
        ErrorCode::MATRIX_SERVER_NAME if text.starts_with(['#', '!', '+']) => {
            "That is the name of a room or a community. Use the part after the colon, if it is the name of your own server."
        }
        ErrorCode::MATRIX_SERVER_NAME if text.contains('@') => {
            "A user ID begins with `@` and has a colon before its server, as in `@alice:example.org`."
        }
        _ => return error.with_found(found),
    };
    error.with_found(found).with_hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_urls_are_checked_and_compared_without_their_last_slash() {
        let new = |url| Homeserver::new(url, Schemes::HttpsOnly);
        assert_eq!(new("https://HS.example.org:443//").unwrap(), new("https://hs.example.org").unwrap());
        assert_eq!(new("https://hs.example.org/a/").unwrap().as_str(), "https://hs.example.org/a");
        for (url, code) in [
            ("hs.example.org", ErrorCode::URL_SYNTAX),
            ("http://hs.example.org", ErrorCode::URL_SCHEME),
            ("http://localhost", ErrorCode::URL_SCHEME),
            ("https://u:p@hs.example.org", ErrorCode::URL_USERINFO),
            ("https://hs.example.org?a", ErrorCode::URL_QUERY),
            ("https://hs.example.org#a", ErrorCode::URL_FRAGMENT),
        ] {
            assert_eq!(new(url).unwrap_err().code(), code, "{url}");
        }
        assert!(Homeserver::new("http://localhost:8008", Schemes::DangerousHttpOnLoopback).is_ok());
    }

    #[test]
    fn what_comes_from_elsewhere_stays_in_its_segment() {
        let homeserver = Homeserver::new("https://hs.example.org/a", Schemes::HttpsOnly).unwrap();
        let uri = |segment| homeserver.uri_of("/devices/", segment, Schemes::HttpsOnly).map(|uri| uri.to_string());
        assert_eq!(uri("AB/../C?d#e f").unwrap(), "https://hs.example.org/a/devices/AB%2F..%2FC%3Fd%23e%20f");
        assert_eq!(uri("..").unwrap_err().code(), ErrorCode::MATRIX_DEVICE_ID);
    }
}
