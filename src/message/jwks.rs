//! The provider's JWK set (OpenID Connect Discovery 1.0 section 3, RFC 7517 section 5).

use std::sync::Arc;

use http::Request;

use super::request;
use crate::endpoint::Endpoint;
use crate::env::Timestamp;
use crate::error::{Code, Error};
use crate::failure::Failure;
use crate::jose::Keys;
use crate::provider::Provider;
use crate::reply::{Accept, Reply};
use crate::secret::Body;

/// Where the keys are.
///
/// # Errors
/// `jwks.missing`.
pub(crate) fn endpoint(provider: &Provider) -> Result<&Endpoint, Error> {
    provider.metadata().jwks_uri.as_ref().ok_or_else(|| Code::JwksMissing.into())
}

/// The request.
pub(crate) fn request(endpoint: &Endpoint) -> Request<Body> {
    request::read(endpoint.uri().clone())
}

/// What an error names that names nothing else.
const REQUEST: &str = "jwks_uri";

/// No answer came.
pub(crate) fn failed(failure: Failure) -> Error {
    Error::from(failure).during(REQUEST)
}

/// Parses the answer; with a set that was fetched before, its refetch cooldown goes on.
///
/// # Errors
/// `http.…`, `json.…`, `jwks.…`.
pub(crate) fn parse(reply: Reply<'_>, previous: Option<&Keys>, now: Timestamp) -> Result<Arc<Keys>, Error> {
    let keys = reply.success(Accept::AnyButMarkup).and_then(|body| match previous {
        Some(previous) => Keys::parse_refetched(body, now, previous),
        None => Keys::parse(body, now),
    });
    keys.map(Arc::new).map_err(|error| error.during(REQUEST))
}
