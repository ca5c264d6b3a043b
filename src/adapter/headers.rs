//! The headers that each HTTP client adds to requests.

use http::header::{ACCEPT_ENCODING, CONTENT_LENGTH, HeaderValue, USER_AGENT};
use http::{Method, Request};

use crate::base::secret::Body;

/// Firewalls refuse requests without a user agent.
const DEFAULT_USER_AGENT: HeaderValue = HeaderValue::from_static(concat!("oidc-proto/", env!("CARGO_PKG_VERSION")));

/// Adds the headers that are missing. Without a user agent it is the default one.
pub(super) fn complete(request: &mut Request<Body>, user_agent: Option<HeaderValue>) {
    let has_no_body = request.body().is_empty() && request.method() == Method::POST;
    let headers = request.headers_mut();
    headers.entry(USER_AGENT).or_insert(user_agent.unwrap_or(DEFAULT_USER_AGENT));
    // No client decodes bodies.
    headers.entry(ACCEPT_ENCODING).or_insert(HeaderValue::from_static("identity"));
    if has_no_body {
        // RFC 9110 section 8.6; some libraries leave it out, and some servers insist.
        headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    }
}
