//! What the requests to a rendezvous have in common, and what a status says.

use http::StatusCode;

use crate::error::transport::Failure;
use crate::error::{Error, ErrorCode};
use crate::qr::channel::MESSAGE_LIMIT;
use crate::wire::policy::{Accept, Policy};
use crate::wire::response::Response;

pub(super) fn policy(repeatable: bool) -> Policy {
    Policy::own_write(Accept::Any).with_body_limit(MESSAGE_LIMIT).with_repeatable(repeatable)
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
