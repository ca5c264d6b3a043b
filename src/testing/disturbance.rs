//! Disturbances: what networks, proxies and overloaded servers do to a request.

use http::{Response, header};
use serde_json::{Map, Value};

use super::http::{empty, page, set, with_body};
use crate::error::transport::{Failure, FailureKind, Sent};

/// A failure of the network, of a proxy or of an overloaded server.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Disturbance {
    /// No response in time; the provider never saw the request.
    Timeout,
    /// No connection.
    Unreachable,
    /// The provider handled the request, and the response was lost.
    LostResponse,
    /// A proxy responds with this status and no body; the provider never saw the request.
    Status {
        /// The status.
        status: u16,
        /// The value of `Retry-After`: seconds, a date, or an invalid value.
        retry_after: Option<&'static str>,
    },
    /// A proxy responds with its login page and status 200; the provider never saw the request.
    LoginPage,
    /// A proxy redirects elsewhere, with status 302; the provider never saw the request.
    Redirect,
    /// The body is larger than any limit: the response and 2 MiB of spaces.
    Oversized,
    /// The second half of the body is missing.
    Truncated,
    /// The body is not text.
    Garbage,
    /// The body is missing.
    EmptyBody,
    /// The object has an additional member with 10,000 nested arrays.
    DeepNesting,
    /// A byte-order mark before the body.
    ByteOrderMark,
    /// The same body with another content type, or with none.
    ContentType(Option<&'static str>),
    /// The object contains each of its members twice.
    DuplicateName,
}

impl Disturbance {
    pub(super) const TOO_MANY_REQUESTS: Self = Self::Status { status: 429, retry_after: Some("1") };

    /// A status without `Retry-After`.
    pub const fn status(status: u16) -> Self {
        Self::Status { status, retry_after: None }
    }

    /// What happens instead of the provider's seeing the request.
    pub(super) fn before(&self) -> Option<Result<Response<Vec<u8>>, Failure>> {
        match self {
            Self::Timeout => Some(Err(Failure::new(FailureKind::Timeout, Sent::Maybe))),
            Self::Unreachable => Some(Err(Failure::new(FailureKind::Unreachable, Sent::No))),
            Self::Status { status, retry_after } => {
                let mut response = empty(*status);
                if let Some(value) = retry_after {
                    set(&mut response, header::RETRY_AFTER, value);
                }
                Some(Ok(response))
            }
            Self::LoginPage => Some(Ok(page(200, "Please sign in to this network."))),
            Self::Redirect => {
                let mut response = empty(302);
                set(&mut response, header::LOCATION, "https://elsewhere.example/");
                Some(Ok(response))
            }
            _ => None,
        }
    }

    /// What happens to the response.
    pub(super) fn after(&self, mut response: Response<Vec<u8>>) -> Result<Response<Vec<u8>>, Failure> {
        let body = response.body_mut();
        match self {
            Self::LostResponse => return Err(Failure::new(FailureKind::Interrupted, Sent::Maybe)),
            Self::Oversized => body.resize(body.len() + 2 * 1024 * 1024, b' '),
            Self::Truncated => body.truncate(body.len() / 2),
            Self::Garbage => *body = vec![0xff, 0x00, 0x80, 0xc3, 0x28],
            Self::EmptyBody => body.clear(),
            Self::DeepNesting => {
                let nested = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
                insert_first(body, "nested", &nested);
            }
            Self::ByteOrderMark => drop(body.splice(0..0, *b"\xef\xbb\xbf")),
            Self::DuplicateName => {
                let object: Map<String, Value> = serde_json::from_slice(body).unwrap_or_default();
                for (name, value) in &object {
                    insert_first(body, name, &value.to_string());
                }
            }
            Self::ContentType(None) => drop(response.headers_mut().remove(header::CONTENT_TYPE)),
            Self::ContentType(Some(value)) => set(&mut response, header::CONTENT_TYPE, value),
            Self::Timeout | Self::Unreachable | Self::Status { .. } | Self::LoginPage | Self::Redirect => {}
        }
        Ok(response)
    }
}

/// Writes a member into an object before its others.
fn insert_first(body: &mut Vec<u8>, name: &str, value: &str) {
    if body.first() == Some(&b'{') {
        let comma = if body.get(1) == Some(&b'}') { "" } else { "," };
        drop(body.splice(1..1, format!("\"{name}\":{value}{comma}").into_bytes()));
    } else {
        *body = value.as_bytes().to_vec();
    }
}

/// What a transport that can only answer makes of a failure.
pub(super) fn gateway(_: Failure) -> Response<Vec<u8>> {
    with_body(502, "text/plain", "the provider did not answer")
}
