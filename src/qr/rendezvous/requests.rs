//! What the requests to a rendezvous have in common, and what is read of the responses.

use std::time::Duration;

use http::header::{ACCEPT, ETAG, EXPIRES};
use http::{HeaderValue, Request, StatusCode, header};

use crate::base::secret::Body;
use crate::error::transport::Failure;
use crate::error::{Error, ErrorCode};
use crate::qr::channel::MESSAGE_LIMIT;
use crate::qr::code::CodeUrl;
use crate::wire::date;
use crate::wire::policy::{Accept, Policy};
use crate::wire::response::Response;

pub(super) const TEXT: HeaderValue = HeaderValue::from_static("text/plain");

pub(super) fn look(url: &CodeUrl) -> Request<Body> {
    let mut request = Request::new(Body::default());
    *request.uri_mut() = url.endpoint().uri().clone();
    request.headers_mut().insert(ACCEPT, TEXT);
    request
}

pub(super) fn policy(repeatable: bool) -> Policy {
    let policy = Policy::write(Accept::Any);
    Policy { body_limit: MESSAGE_LIMIT, repeatable, ..policy }
}

/// The `ETag`, as it is: it is only ever sent back.
pub(super) fn etag(response: &Response<'_>) -> Result<HeaderValue, Error> {
    let etag = response.headers.get(ETAG).filter(|etag| !etag.is_empty());
    etag.cloned().ok_or_else(|| Error::new(ErrorCode::QR_RENDEZVOUS_RESPONSE).at("ETag"))
}

/// `Expires`, relative to the server's own `Date`.
pub(super) fn lifetime(response: &Response<'_>) -> Option<Duration> {
    let date = |name| date::parse(response.headers.get(name)?.to_str().ok()?);
    Some(date(EXPIRES)?.saturating_since(date(header::DATE)?))
}

/// The text in a response to a look, which must be text.
pub(super) fn text<'a>(response: &Response<'a>) -> Result<&'a str, Error> {
    let content_type = response.content_type();
    if !content_type.is_empty() && !content_type.eq_ignore_ascii_case("text/plain") {
        return Err(ErrorCode::HTTP_CONTENT_TYPE.into());
    }
    std::str::from_utf8(response.body).map_err(|_| ErrorCode::QR_CHANNEL_MALFORMED.into())
}

/// What a status says of the rendezvous, where it is no success.
pub(super) fn refusal(response: &Response<'_>) -> Result<(), Error> {
    match response.status {
        StatusCode::NOT_FOUND | StatusCode::GONE => Err(ErrorCode::QR_RENDEZVOUS_EXPIRED.into()),
        StatusCode::PAYLOAD_TOO_LARGE => Err(ErrorCode::QR_RENDEZVOUS_TOO_LARGE.into()),
        _ => response.check_status(),
    }
}

/// Whether the request may have reached the server, which then did not say what it did.
pub(super) fn is_uncertain(failure: &Failure) -> bool {
    failure.sent == crate::error::transport::Sent::Maybe
}
