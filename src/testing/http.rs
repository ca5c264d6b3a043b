//! Requests as the provider reads them, and the responses it writes.

use std::fmt::Write as _;

use http::header::{self, HeaderName};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use serde_json::{Value, json};
use url::form_urlencoded;

use crate::base::env::Timestamp;

/// A request, taken apart.
pub(super) struct Incoming<'a> {
    pub(super) method: &'a Method,
    pub(super) query: &'a str,
    pub(super) headers: &'a HeaderMap,
    pub(super) body: &'a [u8],
    pub(super) now: Timestamp,
}

impl<'a> Incoming<'a> {
    /// The token of an `Authorization` header of that scheme (RFC 6750 section 2.1, RFC 9449 section 7.1).
    pub(super) fn token(&self, scheme: &str) -> Option<&'a str> {
        credentials(self.headers.get(header::AUTHORIZATION)?.to_str().ok()?, scheme)
    }

    /// The media type of the body, in lower case.
    pub(super) fn content_type(&self) -> String {
        let value = self.header(&header::CONTENT_TYPE).unwrap_or("");
        value.split(';').next().unwrap_or("").trim().to_ascii_lowercase()
    }

    pub(super) fn header(&self, name: &HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The parameters of a POST request with a form, the only kind that the token endpoint and its like take.
    pub(super) fn form(&self) -> Result<Params, Refusal> {
        if *self.method != Method::POST {
            return Err(Refusal::new("invalid_request", "POST only").status(405));
        }
        if self.content_type() != "application/x-www-form-urlencoded" {
            return Err(Refusal::new("invalid_request", "not a form"));
        }
        Params::parse(self.body)
    }

    /// The parameters of a browser: in the query of a GET request, in the form of a POST request.
    pub(super) fn browser_params(&self) -> Result<Params, Refusal> {
        match *self.method {
            Method::GET => Params::parse(self.query.as_bytes()),
            _ => self.form(),
        }
    }
}

/// What follows the name of the scheme in an `Authorization` header; the name's case does not matter.
pub(super) fn credentials<'a>(value: &'a str, scheme: &str) -> Option<&'a str> {
    let (name, rest) = value.split_once(' ')?;
    name.eq_ignore_ascii_case(scheme).then(|| rest.trim_start())
}

/// Parameters, each at most once.
pub(super) struct Params(Vec<(String, String)>);

impl Params {
    /// Parses a query or a form. A parameter that stands there twice is refused (RFC 6749 section 3.1).
    pub(super) fn parse(text: &[u8]) -> Result<Self, Refusal> {
        let mut params = Vec::<(String, String)>::new();
        for (name, value) in form_urlencoded::parse(text) {
            if params.iter().any(|(known, _)| *known == name) {
                return Err(Refusal::new("invalid_request", "a parameter is given twice"));
            }
            params.push((name.into_owned(), value.into_owned()));
        }
        Ok(Self(params))
    }

    /// A parameter; one without a value counts as absent (RFC 6749 section 3.1).
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, value)| known == name && !value.is_empty()).map(|(_, value)| value.as_str())
    }

    /// `scope`, if all of its characters may be in one (RFC 6749 section 3.3).
    pub(super) fn scope(&self) -> Result<Option<&str>, Refusal> {
        let scope = self.get("scope");
        let belongs = |byte: u8| matches!(byte, 0x20 | 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
        if scope.is_some_and(|scope| !scope.bytes().all(belongs)) {
            return Err(Refusal::new("invalid_scope", "a character that no scope has"));
        }
        Ok(scope)
    }

    /// All of them, in their order.
    pub(super) fn pairs(&self) -> &[(String, String)] {
        &self.0
    }

    /// A parameter that has to be there.
    pub(super) fn required(&self, name: &str) -> Result<&str, Refusal> {
        self.get(name).ok_or(Refusal::new("invalid_request", "a required parameter is absent"))
    }
}

/// An error response in the form of RFC 6749 section 5.2.
#[derive(Clone, Copy, Debug)]
pub(super) struct Refusal {
    pub(super) error: &'static str,
    pub(super) description: &'static str,
    status: u16,
}

impl Refusal {
    pub(super) const fn new(error: &'static str, description: &'static str) -> Self {
        Self { error, description, status: 400 }
    }

    pub(super) const fn invalid_client(description: &'static str) -> Self {
        Self { error: "invalid_client", description, status: 401 }
    }

    pub(super) const fn status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    pub(super) fn into_response(self) -> Response<Vec<u8>> {
        let body = json!({ "error": self.error, "error_description": self.description });
        let mut response = no_store(json(self.status, &body));
        match self.status {
            401 => set(&mut response, header::WWW_AUTHENTICATE, "Basic realm=\"provider\""),
            405 => set(&mut response, header::ALLOW, "POST"),
            _ => {}
        }
        response
    }
}

/// The refusal as the response, where there is no other.
pub(super) fn settle(result: Result<Response<Vec<u8>>, Refusal>) -> Response<Vec<u8>> {
    result.unwrap_or_else(Refusal::into_response)
}

pub(super) fn empty(status: u16) -> Response<Vec<u8>> {
    let mut response = Response::new(Vec::new());
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response
}

pub(super) fn with_body(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Response<Vec<u8>> {
    let mut response = empty(status);
    set(&mut response, header::CONTENT_TYPE, content_type);
    *response.body_mut() = body.into();
    response
}

pub(super) fn json(status: u16, value: &Value) -> Response<Vec<u8>> {
    with_body(status, "application/json", value.to_string())
}

/// An HTML page: what a browser shows when it is not sent on.
pub(super) fn page(status: u16, content: &str) -> Response<Vec<u8>> {
    with_body(status, "text/html;charset=utf-8", format!("<!DOCTYPE html><html><body>{content}</body></html>"))
}

/// Sends a browser on, and makes it use GET (RFC 9700 section 4.12).
pub(super) fn see_other(url: &str) -> Response<Vec<u8>> {
    let mut response = no_store(empty(303));
    set(&mut response, header::LOCATION, url);
    response
}

pub(super) fn no_store(mut response: Response<Vec<u8>>) -> Response<Vec<u8>> {
    set(&mut response, header::CACHE_CONTROL, "no-store");
    response
}

/// Sets a header; a value that no header can hold is left out.
pub(super) fn set(response: &mut Response<Vec<u8>>, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

/// A URL with parameters added to its query or put into its fragment.
pub(super) fn with_params(url: &str, separator: char, params: &[(String, String)]) -> String {
    let mut out = url.to_owned();
    if separator == '?' && url.contains('?') {
        if !url.ends_with(['?', '&']) {
            out.push('&');
        }
    } else {
        out.push(separator);
    }
    out.push_str(&form_urlencoded::Serializer::new(String::new()).extend_pairs(params).finish());
    out
}

/// Text for an HTML attribute in double quotes.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;").replace('>', "&gt;")
}

/// The reverse of [`escape`].
pub(super) fn unescape(text: &str) -> String {
    text.replace("&gt;", ">").replace("&lt;", "<").replace("&quot;", "\"").replace("&amp;", "&")
}

/// The date of RFC 9110 section 5.6.7.
pub(super) fn http_date(now: Timestamp) -> String {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    let (days, second) = (now.unix_seconds() / 86_400, now.unix_seconds() % 86_400);
    // Counted in years that begin in March, so that a leap day is the last of its year, from 0000-03-01.
    let since = days + 719_468;
    let (era, of_era) = (since / 146_097, since % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = (from_march + 2) % 12;
    let year = era * 400 + year_of_era + u64::from(month < 2);
    let name = |names: &[&'static str], at: u64| usize::try_from(at).ok().and_then(|at| names.get(at).copied());
    let mut out = String::with_capacity(29);
    let _ = write!(
        out,
        "{}, {day:02} {} {year:04} {:02}:{:02}:{:02} GMT",
        name(&DAYS, days % 7).unwrap_or(""),
        name(&MONTHS, month).unwrap_or(""),
        second / 3_600,
        second / 60 % 60,
        second % 60
    );
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn http_dates_are_written_in_the_fixed_format() {
        for (second, expected) in [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (1_709_208_000, "Thu, 29 Feb 2024 12:00:00 GMT"),
            (1_767_225_599, "Wed, 31 Dec 2025 23:59:59 GMT"),
        ] {
            assert_eq!(http_date(Timestamp::from_unix_seconds(second)), expected);
        }
    }

    #[test]
    fn parameters_join_what_is_there() {
        let params = [("a".to_owned(), "b c".to_owned())];
        assert_eq!(with_params("https://rp/cb", '?', &params), "https://rp/cb?a=b+c");
        assert_eq!(with_params("https://rp/cb?x=1", '?', &params), "https://rp/cb?x=1&a=b+c");
        assert_eq!(with_params("com.example:/cb", '#', &params), "com.example:/cb#a=b+c");
    }
}
