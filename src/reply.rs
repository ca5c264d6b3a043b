//! A response as the machine sees it: borrowed, and checked before anything is parsed.

use std::time::Duration;

use http::{HeaderMap, StatusCode, header};

use crate::error::{Code, Error};
use crate::message::http_date;

/// Largest metadata document: the largest seen is 12 KiB.
pub const METADATA_LIMIT: usize = 256 * 1024;
/// Largest JWK set: 100 RSA keys of 4096 bits with certificates fit.
pub const JWKS_LIMIT: usize = 512 * 1024;
/// Largest answer of every other endpoint.
pub const JSON_LIMIT: usize = 1024 * 1024;

/// What an HTTP client has to know about a request beside the request itself.
///
/// The machine enforces what it can see: the size of the body, that a redirect is no answer, the content type. The
/// adapter does the rest, and may stop earlier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Policy {
    /// Largest body to read, in bytes, after any content decoding. Stop reading there.
    pub body_limit: usize,
    /// Whether sending the request twice does no harm, so that an HTTP client may repeat it on a broken connection.
    pub repeatable: bool,
    /// What the body may be.
    pub accept: Accept,
    /// Whether the client certificate has to be shown (RFC 8705).
    pub mutual_tls: bool,
}

impl Policy {
    /// For a request that changes nothing at the server.
    pub const fn read(body_limit: usize, accept: Accept) -> Self {
        Self { body_limit, repeatable: true, accept, mutual_tls: false }
    }

    /// For a request that must not be sent twice.
    pub const fn write(accept: Accept) -> Self {
        Self { body_limit: JSON_LIMIT, repeatable: false, accept, mutual_tls: false }
    }

    /// Redirects are never followed: an adapter hands a 3xx back as it came, as RFC 9110 section 15.4 allows.
    pub const fn follow_redirects(&self) -> bool {
        false
    }
}

/// Which content types a body may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Accept {
    /// Anything but HTML and XML: static files are served with any type, or none.
    AnyButMarkup,
    /// `application/json`, `application/…+json`, or no content type.
    Json,
    /// The content type says nothing here.
    Any,
}

/// A response, borrowed.
#[derive(Clone, Copy)]
pub struct Reply<'a> {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: &'a HeaderMap,
    /// The body, not larger than the request's [`Policy`] allowed.
    pub body: &'a [u8],
}

impl std::fmt::Debug for Reply<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Reply({}, {} bytes)", self.status.as_u16(), self.body.len())
    }
}

impl<'a> Reply<'a> {
    /// The body, if the status is a success and the content type is accepted.
    ///
    /// # Errors
    /// As [`Reply::check_status`]; `http.content_type`.
    pub fn success(&self, accept: Accept) -> Result<&'a [u8], Error> {
        self.check_status()?;
        self.check_content_type(accept)?;
        Ok(self.body)
    }

    /// Checks that the status is 2xx.
    ///
    /// 408 and 425 say that the same request may be sent again.
    ///
    /// # Errors
    /// `transport.timeout`, `http.too_many_requests`, `http.server_error`, `http.redirect`, `http.status`.
    pub fn check_status(&self) -> Result<(), Error> {
        match self.status.as_u16() {
            200..=299 => Ok(()),
            300..=399 => Err(Code::HttpRedirect.into()),
            408 => Err(Code::TransportTimeout.into()),
            425 | 429 => Err(Error::new(Code::HttpTooManyRequests).with_retry_after(self.retry_after())),
            500..=599 => Err(Error::new(Code::HttpServerError).with_retry_after(self.retry_after())),
            _ => Err(Code::HttpStatus.into()),
        }
    }

    /// Where a redirect leads, for the few requests that follow one: a reference, possibly relative (RFC 9110 section
    /// 10.2.2).
    #[cfg(feature = "matrix")]
    pub(crate) fn location(&self) -> Result<&'a str, Error> {
        let location = self.headers.get(header::LOCATION).and_then(|value| value.to_str().ok());
        Ok(location.ok_or(Code::HttpRedirect)?)
    }

    /// `Retry-After` (RFC 9110 section 10.2.3): seconds, or a date, which is taken relative to the server's own.
    fn retry_after(&self) -> Option<Duration> {
        let text = |name| self.headers.get(name).and_then(|value| value.to_str().ok());
        let after = text(header::RETRY_AFTER)?.trim();
        if let Ok(seconds) = after.parse() {
            return Some(Duration::from_secs(seconds));
        }
        Some(http_date::parse(after)?.saturating_since(http_date::parse(text(header::DATE)?)?))
    }

    /// Checks the `Content-Type` header against what is accepted.
    ///
    /// # Errors
    /// `http.content_type`.
    pub fn check_content_type(&self, accept: Accept) -> Result<(), Error> {
        let essence = self.content_type();
        let fits = match accept {
            Accept::Any => true,
            Accept::AnyButMarkup => !is_markup(essence),
            Accept::Json => essence.is_empty() || is_json(essence),
        };
        if fits { Ok(()) } else { Err(Code::HttpContentType.into()) }
    }

    /// The media type without parameters; empty if there is none.
    pub fn content_type(&self) -> &'a str {
        let value = self.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
        value.split(';').next().unwrap_or("").trim()
    }
}

fn is_json(essence: &str) -> bool {
    essence.eq_ignore_ascii_case("application/json") || ends_with_ignore_case(essence, "+json")
}

fn is_markup(essence: &str) -> bool {
    ["text/html", "text/xml", "application/xml"].iter().any(|markup| essence.eq_ignore_ascii_case(markup))
        || ends_with_ignore_case(essence, "+xml")
}

fn ends_with_ignore_case(text: &str, suffix: &str) -> bool {
    text.len()
        .checked_sub(suffix.len())
        .and_then(|at| text.get(at..))
        .is_some_and(|end| end.eq_ignore_ascii_case(suffix))
}
