//! A borrowed response. Its status and content type are checked before the body is parsed.

use std::time::Duration;

use http::{HeaderMap, HeaderValue, StatusCode, Uri, header};

use super::date;
use super::policy::Accept;
use crate::base::env::Timestamp;
use crate::base::url::Endpoint;
use crate::error::{Error, ErrorCode, Quote};

const NO_RETRY_AFTER: &str = if cfg!(target_family = "wasm") {
    "The response does not say how long to wait. If this program runs in a browser, the server must name `Retry-After` in `Access-Control-Expose-Headers`; otherwise try again later."
} else {
    "The response does not say how long to wait: try again later."
};

/// A response, borrowed, as a flow gets it.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Response<'a> {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: &'a HeaderMap,
    /// The body. It is not larger than [`Policy::body_limit`](crate::Policy::body_limit) of the request.
    pub body: &'a [u8],
    /// The content types that the request's policy allows for the body.
    pub accept: Accept,
}

impl std::fmt::Debug for Response<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Response({}, {} bytes)", self.status.as_u16(), self.body.len())
    }
}

impl<'a> Response<'a> {
    /// The body, if the status is a success and the content type is accepted.
    ///
    /// # Errors
    /// Those of [`Response::check_status`]; `http.content_encoding`, `http.content_type`.
    pub fn success(&self) -> Result<&'a [u8], Error> {
        self.check_status()?;
        self.check_content_coding()?;
        self.check_content_type(self.accept)?;
        Ok(self.body)
    }

    /// Checks that the status is 2xx.
    ///
    /// 408 becomes `transport.timeout` and 425 becomes `http.too_many_requests`: the same request may be sent again.
    ///
    /// # Errors
    /// `transport.timeout`, `http.too_many_requests`, `http.server_error`, `http.redirect`, `http.status`.
    pub fn check_status(&self) -> Result<(), Error> {
        let Some(error) = Error::of_status(self.status) else { return Ok(()) };
        Err(match self.status.as_u16() {
            300..=399 => self.redirect(error),
            425 | 429 | 503 => self.is_busy(error),
            500..=599 => error.with_retry_after(self.retry_after()),
            _ => error,
        })
    }

    /// The error of a server that is to be asked later. A browser hides a `Retry-After` that CORS does not expose.
    fn is_busy(&self, error: Error) -> Error {
        let error = error.with_retry_after(self.retry_after());
        if self.headers.contains_key(header::RETRY_AFTER) { error } else { error.with_hint(NO_RETRY_AFTER) }
    }

    /// The error of a redirect, with what its `Location` says.
    pub(crate) fn redirect(&self, error: Error) -> Error {
        let location = self.headers.get(header::LOCATION).map(|value| value.to_str());
        error.with_found(match location {
            Some(Ok("")) => Quote::library("an empty Location header"),
            Some(Ok(location)) => Quote::provider_url(location),
            Some(Err(_)) => Quote::library("a Location header that is not ASCII text"),
            None => Quote::library("no Location header"),
        })
    }

    /// Whether `Location` stays on the endpoint's own server: a path, or a URL of the same scheme, host and port.
    pub(crate) fn redirects_within(&self, endpoint: &Endpoint) -> bool {
        let location = self.headers.get(header::LOCATION).and_then(|value| value.to_str().ok()).unwrap_or("");
        let is_path = location.starts_with('/') && !location.starts_with("//");
        let origin = |uri: &Uri| uri.scheme().cloned().zip(uri.authority().cloned());
        is_path || location.parse().is_ok_and(|location| origin(&location) == origin(endpoint.uri()))
    }

    /// `Retry-After` (RFC 9110 section 10.2.3): seconds, or a date, which is taken relative to the server's own.
    fn retry_after(&self) -> Option<Duration> {
        let text = |name| self.headers.get(name).and_then(|value| value.to_str().ok());
        let after = text(header::RETRY_AFTER)?.trim();
        if let Ok(seconds) = after.parse() {
            return Some(Duration::from_secs(seconds));
        }
        Some(date::parse(after)?.saturating_since(date::parse(text(header::DATE)?)?))
    }

    /// A date in `Retry-After` of a server that sends no `Date`, by the client's clock.
    pub(crate) fn retry_after_by(&self, now: Timestamp) -> Option<Duration> {
        let date = date::parse(self.headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim())?;
        Some(date.saturating_since(now))
    }

    /// Checks that the body has no content coding (RFC 9110 section 8.4): none is requested. A body
    /// that is UTF-8 text passes, whatever the header says: an HTTP client that decodes a body may
    /// keep the header.
    ///
    /// # Errors
    /// `http.content_encoding`.
    pub(crate) fn check_content_coding(&self) -> Result<(), Error> {
        let coding = self.headers.get(header::CONTENT_ENCODING).and_then(|value| value.to_str().ok());
        let Some(coding) = coding.filter(|coding| !coding.eq_ignore_ascii_case("identity")) else { return Ok(()) };
        if std::str::from_utf8(self.body).is_ok() {
            return Ok(());
        }
        Err(Error::new(ErrorCode::HTTP_CONTENT_ENCODING).with_status(self.status).with_found(Quote::provider(coding)))
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
        if fits {
            return Ok(());
        }
        let expected = if matches!(accept, Accept::Json) { "application/json" } else { "JSON" };
        let error = Error::new(ErrorCode::HTTP_CONTENT_TYPE).with_status(self.status);
        Err(error.with_expected(Quote::library(expected)).with_found(Quote::provider(essence)))
    }

    /// The media type without parameters; empty if the header is missing or is not text.
    pub fn content_type(&self) -> &'a str {
        let value = self.headers.get(header::CONTENT_TYPE).map_or(b"".as_slice(), HeaderValue::as_bytes);
        let essence = value.split(|byte| *byte == b';').next().unwrap_or_default();
        std::str::from_utf8(essence.trim_ascii()).unwrap_or_default()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_content_type_is_what_stands_before_its_parameters() {
        let cases: [(&[u8], &str); 9] = [
            (b"", ""),
            (b";", ""),
            (b"application/json", "application/json"),
            (b" application/json\t", "application/json"),
            (b"application/json; charset=utf-8", "application/json"),
            (b"text/html ;q=\"a;b\"", "text/html"),
            // What nobody can read in a parameter changes nothing.
            (b"text/html; title=\xe9", "text/html"),
            (b"t\xc3\xa9xt/html", "t\u{e9}xt/html"),
            (b"text/\xff", ""),
        ];
        for (value, expected) in cases {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_bytes(value).unwrap());
            let response = Response { status: StatusCode::OK, headers: &headers, body: b"", accept: Accept::Any };
            assert_eq!(response.content_type(), expected, "{}", value.escape_ascii());
        }
    }
}
