//! URLs that were checked: the issuer, and the endpoints that requests go to.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use http::Uri;
use http::uri::{Authority, Parts, Scheme};
use url::{Host, Url};

use super::plain_url;
use crate::error::quote::is_deceptive;
use crate::error::{Error, ErrorCode, Quote};

/// Which URL schemes a provider's URLs may have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Schemes {
    /// Only `https`, as the standards require.
    #[default]
    HttpsOnly,
    /// Also `http` where the host is `localhost`, in `127.0.0.0/8` or `[::1]`.
    ///
    /// **Warning**: other programs on the machine can read this traffic. Use it for development and tests.
    ///
    /// Pass this value in two places: for the issuer (`Issuer::new`), and for the URLs in its
    /// metadata (`ProviderOptions::with_schemes`).
    DangerousHttpOnLoopback,
    /// Also `http` where the host is on this machine or on a private network: a private, link-local or unique local
    /// address (RFC 1918, RFC 3927, RFC 4193), a name under `.local`, `.internal` or `.localhost`, a name without a
    /// dot, as containers have.
    ///
    /// **Warning**: whoever is on the network can read and change this traffic, the tokens too. Use it for development,
    /// for example from an emulator whose host is `10.0.2.2`.
    DangerousHttpOnPrivateNetwork,
}

impl Schemes {
    fn check(self, url: &Url) -> Result<(), ErrorCode> {
        match url.scheme() {
            "https" => Ok(()),
            "http" if self.allows_http(url) => Ok(()),
            _ => Err(ErrorCode::URL_SCHEME),
        }
    }

    /// Whether the host may be reached by `http`.
    pub(crate) fn allows_http(self, url: &Url) -> bool {
        match self {
            Self::HttpsOnly => false,
            Self::DangerousHttpOnLoopback => is_loopback(url),
            Self::DangerousHttpOnPrivateNetwork => is_loopback(url) || is_private(url),
        }
    }
}

/// Whether the URL's host is on a private network, as far as its name or address says.
fn is_private(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => {
            !name.contains('.') || [".local", ".internal", ".localhost"].iter().any(|end| name.ends_with(end))
        }
        Some(Host::Ipv4(address)) => address.is_private() || address.is_link_local(),
        Some(Host::Ipv6(address)) => address.is_unique_local() || address.is_unicast_link_local(),
        None => false,
    }
}

/// Whether the URL's host is this machine itself: `localhost`, `127.0.0.0/8` or `[::1]`.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Whether a text can be shown as it was written: without white space and characters that deceive.
/// A URL parser drops or escapes those.
pub(crate) fn is_showable(text: &str) -> bool {
    !text.chars().any(|c| c.is_whitespace() || is_deceptive(c))
}

/// What to give in place of a host that is not this machine's, though it looks as if it were.
fn meant_loopback(text: &str) -> Option<&'static str> {
    const LISTENED_AT: &str = "A server listens there; the address to reach it by is `127.0.0.1`, or `localhost`. Use that, and choose `Schemes::DangerousHttpOnLoopback`.";
    const MAPPED: &str =
        "Write the address as `127.0.0.1`, without `::ffff:`, and choose `Schemes::DangerousHttpOnLoopback`.";
    const DOT: &str = "Write `localhost` without the dot at its end, and choose `Schemes::DangerousHttpOnLoopback`.";
    const OTHER_NAME: &str = "Only `localhost`, `127.0.0.0/8` and `[::1]` are taken for this machine: use `localhost` with `Schemes::DangerousHttpOnLoopback`, or choose `Schemes::DangerousHttpOnPrivateNetwork`, which allows names under `.localhost`, too.";
    let url = Url::parse(text).ok().filter(|url| url.scheme() == "http")?;
    match url.host()? {
        Host::Ipv4(address) => address.is_unspecified().then_some(LISTENED_AT),
        Host::Ipv6(address) if address.is_unspecified() => Some(LISTENED_AT),
        Host::Ipv6(address) => address.to_ipv4_mapped().filter(|address| address.is_loopback()).map(|_| MAPPED),
        Host::Domain("localhost.") => Some(DOT),
        Host::Domain(name) => (name.ends_with(".localhost") || name.starts_with("localhost.")).then_some(OTHER_NAME),
    }
}

/// Says what is wrong with a URL that the caller gave. `lacks_scheme` tells whether the text with `https://` before it
/// is one.
pub(crate) fn refused(code: ErrorCode, field: &'static str, text: &str, lacks_scheme: impl Fn(&str) -> bool) -> Error {
    let error = Error::new(code).at(field).with_found(Quote::caller_url(text));
    let whole = format!("https://{text}");
    if text.trim() != text {
        error.with_hint("Remove the space or line break at the beginning or end.")
    } else if Url::parse(text) == Err(url::ParseError::InvalidPort) {
        error.with_hint("The port is a number up to 65535.")
    } else if !is_showable(text) {
        error.with_hint("Remove the spaces, line breaks and invisible characters.")
    } else if !text.contains("://") && !text.starts_with('/') && lacks_scheme(&whole) {
        error.with_hint(format!("Give the scheme, too: {}.", Quote::caller(&whole)))
    } else if let Some(hint) = meant_loopback(text).filter(|_| code == ErrorCode::URL_SCHEME) {
        error.with_hint(hint)
    } else {
        error
    }
}

/// Whether the text is a plain URL ([`plain_url`]): then both URL parsers take it as it is. Other
/// URLs can be good, too.
pub(crate) fn is_plain(text: &str) -> bool {
    plain_url::split(text, None).is_some()
}

/// The same for a URL to which a browser is sent back: also `http` on 127.0.0.1.
pub(crate) fn is_plain_callback(text: &str) -> bool {
    is_plain(text) || plain_url::is_listener(text)
}

fn parse(text: &str, schemes: Schemes) -> Result<Url, ErrorCode> {
    let url = Url::parse(text).map_err(|_| ErrorCode::URL_SYNTAX)?;
    schemes.check(&url)?;
    if url.host().is_none() {
        return Err(ErrorCode::URL_SYNTAX);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(ErrorCode::URL_USERINFO);
    }
    if url.fragment().is_some() {
        return Err(ErrorCode::URL_FRAGMENT);
    }
    Ok(url)
}

/// An issuer identifier: a URL without query and fragment (RFC 8414 section 2), kept exactly as it was written.
///
/// Issuers are compared character by character (RFC 8414 section 3.3): a slash at the end makes a different issuer.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Issuer(Arc<Box<str>>);

impl Issuer {
    /// Checks an issuer that the caller was configured with.
    ///
    /// # Errors
    /// `url.syntax`, `url.scheme`, `url.userinfo`, `url.query` or `url.fragment`.
    pub fn new(text: &str, schemes: Schemes) -> Result<Self, Error> {
        let parsed = if is_showable(text) { parse(text, schemes) } else { Err(ErrorCode::URL_SYNTAX) };
        let url = parsed.map_err(|code| refused(code, "issuer", text, |whole| parse(whole, schemes).is_ok()))?;
        if url.query().is_some() {
            return Err(Error::new(ErrorCode::URL_QUERY).at("issuer"));
        }
        Ok(Self::stored(text))
    }

    /// The issuer as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// An issuer read back from storage, where it was put after having been checked.
    pub(crate) fn stored(text: impl Into<Box<str>>) -> Self {
        Self(Arc::new(text.into()))
    }
}

impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Issuer({})", self.0)
    }
}

impl fmt::Display for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AsRef<str> for Issuer {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

/// As [`Issuer::new`] with [`Schemes::HttpsOnly`].
impl FromStr for Issuer {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::new(text, Schemes::HttpsOnly)
    }
}

/// The URL of an endpoint: absolute, of an allowed scheme, without userinfo and fragment. A query is kept. Where only a
/// browser goes (the end-session endpoint), it may have a fragment, which stays behind all parameters.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Endpoint(Uri, Option<Box<str>>);

impl Endpoint {
    /// Checks a URL. Both `url::Url` and `http::Uri` must accept it.
    ///
    /// # Errors
    /// `url.syntax`, `url.scheme`, `url.userinfo` or `url.fragment`.
    pub fn new(text: &str, schemes: Schemes) -> Result<Self, Error> {
        Self::sharing(text, schemes, &mut None)
    }

    /// [`Endpoint::new`] for the URLs of one document: they share the text of their host.
    pub(crate) fn sharing(text: &str, schemes: Schemes, host: &mut Option<Authority>) -> Result<Self, Error> {
        // Every choice of schemes allows `https`.
        if let Some(endpoint) = Self::plain(text, host) {
            return Ok(endpoint);
        }
        let url = parse(text, schemes)?;
        Ok(Self(Uri::try_from(String::from(url)).map_err(|_| ErrorCode::URL_SYNTAX)?, None))
    }

    /// The endpoint, if its URL is plain ([`plain_url`]).
    fn plain(text: &str, shared: &mut Option<Authority>) -> Option<Self> {
        let (host, path) = plain_url::split(text, shared.as_ref().map(Authority::as_str))?;
        let mut parts = Parts::default();
        parts.scheme = Some(Scheme::HTTPS);
        parts.authority = Some(match shared {
            Some(authority) if authority.as_str() == host => authority.clone(),
            _ => shared.insert(host.parse().ok()?).clone(),
        });
        parts.path_and_query = Some(path.parse().ok()?);
        Some(Self(Uri::from_parts(parts).ok()?, None))
    }

    /// Checks the URL of a page for a browser: like [`Endpoint::new`], and it may have a fragment.
    pub(crate) fn page(text: &str, schemes: Schemes) -> Result<Self, Error> {
        let Some((before, fragment)) = text.split_once('#') else { return Self::new(text, schemes) };
        // Written back, so that it is escaped as a fragment is.
        let mut url = parse(before, schemes)?;
        url.set_fragment(Some(fragment));
        Ok(Self(Self::new(before, schemes)?.0, url.fragment().map(Into::into)))
    }

    /// The URL, for a request.
    pub fn uri(&self) -> &Uri {
        &self.0
    }

    /// Writes the fragment, if there is one, behind the query.
    pub(crate) fn end_query(&self, out: &mut String) {
        if let Some(fragment) = &self.1 {
            out.reserve_exact(fragment.len() + 1);
            out.extend(["#", &**fragment]);
        }
    }

    /// How much [`Endpoint::start_query`] and [`Endpoint::end_query`] write.
    pub(crate) fn length_around_query(&self) -> usize {
        let joint = usize::from(self.0.query() != Some(""));
        let fragment = self.1.as_ref().map_or(0, |fragment| fragment.len() + 1);
        self.parts().iter().map(|part| part.len()).sum::<usize>() + joint + fragment
    }

    fn parts(&self) -> [&str; 4] {
        [
            self.0.scheme_str().unwrap_or(""),
            "://",
            self.0.authority().map_or("", |authority| authority.as_str()),
            self.0.path_and_query().map_or("", |path| path.as_str()),
        ]
    }

    /// Whether requests to it are protected by TLS.
    pub fn is_https(&self) -> bool {
        self.0.scheme() == Some(&Scheme::HTTPS)
    }

    /// Checks that the query sets no parameter that a request to this URL adds: a parameter that occurs twice is an
    /// error (RFC 6749 section 3.1), or is read differently by different servers.
    ///
    /// # Errors
    /// `metadata.url` at the member of the metadata.
    pub(crate) fn check_query(&self, member: &'static str, adds: impl Fn(&str) -> bool) -> Result<(), Error> {
        let Some(query) = self.0.query() else { return Ok(()) };
        match url::form_urlencoded::parse(query.as_bytes()).map(|(name, _)| name).find(|name| adds(name)) {
            None => Ok(()),
            Some(name) => {
                let found = Quote::provider(&format!("the parameter {name} in its query"));
                let expected = Quote::library("a URL whose query has no parameter of the request");
                Err(Error::new(ErrorCode::METADATA_URL).at(member).with_expected(expected).with_found(found))
            }
        }
    }

    /// Writes the URL and whatever joins a query to it: `?`, `&`, or nothing after a bare `?`.
    pub(crate) fn start_query(&self, out: &mut String) {
        out.extend(self.parts());
        match self.0.query() {
            None => out.push('?'),
            Some("") => {}
            Some(_) => out.push('&'),
        }
    }
}

/// As [`Endpoint::new`] with [`Schemes::HttpsOnly`].
impl FromStr for Endpoint {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::new(text, Schemes::HttpsOnly)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The query may be anything; scheme, host and path name the endpoint well enough.
        write!(f, "Endpoint({}://{}{})", self.0.scheme_str().unwrap_or(""), self.0.host().unwrap_or(""), self.0.path())
    }
}
