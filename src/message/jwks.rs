//! The provider's JWK set (OpenID Connect Discovery 1.0 section 3, RFC 7517 section 5).

use std::sync::Arc;

use http::Request;

use crate::base::env::Timestamp;
use crate::base::secret::Body;
use crate::base::url::Endpoint;
use crate::error::{Error, ErrorCode};
use crate::jose::Keys;
use crate::jose::backend::Backend;
use crate::party::provider::Provider;
use crate::wire::request;
use crate::wire::response::Response;

/// The URL of the JWK set.
///
/// # Errors
/// `jwks.missing`.
pub(crate) fn endpoint(provider: &Provider) -> Result<&Endpoint, Error> {
    let metadata = provider.metadata();
    metadata.endpoint(&metadata.jwks_uri, "jwks_uri", ErrorCode::JWKS_MISSING)
}

/// The request.
pub(crate) fn request(endpoint: &Endpoint) -> Request<Body> {
    request::read(endpoint.uri().clone())
}

/// The endpoint for errors that name no endpoint.
const REQUEST: &str = "jwks_uri";

/// Names the endpoint in an error that names no endpoint.
pub(crate) fn during(error: Error) -> Error {
    error.during(REQUEST)
}

/// Parses the response, for this signature backend.
///
/// # Errors
/// `http.…`, `json.…`, `jwks.…`.
pub(crate) fn parse(
    response: Response<'_>,
    backend: Option<&'static dyn Backend>,
    now: Timestamp,
) -> Result<Arc<Keys>, Error> {
    let keys = response.success().and_then(|body| Keys::read(backend, body, now));
    keys.map(Arc::new).map_err(during)
}
