//! The three shapes a request has.

use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Method, Request};

use crate::base::secret::Body;
use crate::base::url::Endpoint;

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const FORM: HeaderValue = HeaderValue::from_static("application/x-www-form-urlencoded");

/// `GET`, asking for JSON.
pub(crate) fn read(uri: http::Uri) -> Request<Body> {
    let mut request = Request::new(Body::default());
    *request.uri_mut() = uri;
    request.headers_mut().insert(ACCEPT, JSON);
    request
}

/// `GET` with an access token, asking for JSON or for a JWT.
pub(crate) fn read_with_token(endpoint: &Endpoint, authorization: HeaderValue, as_jwt: bool) -> Request<Body> {
    let mut request = read(endpoint.uri().clone());
    if as_jwt {
        request.headers_mut().insert(ACCEPT, HeaderValue::from_static("application/jwt"));
    }
    request.headers_mut().insert(AUTHORIZATION, authorization);
    request
}

/// `POST` of a form.
#[inline]
pub(crate) fn form(endpoint: &Endpoint, body: impl Into<Body>) -> Request<Body> {
    post(endpoint, FORM, body.into())
}

/// `POST` of JSON.
pub(crate) fn json(endpoint: &Endpoint, body: Body) -> Request<Body> {
    post(endpoint, JSON, body)
}

#[inline]
fn post(endpoint: &Endpoint, content_type: HeaderValue, body: Body) -> Request<Body> {
    let mut request = Request::new(body);
    *request.method_mut() = Method::POST;
    *request.uri_mut() = endpoint.uri().clone();
    request.headers_mut().insert(ACCEPT, JSON);
    request.headers_mut().insert(CONTENT_TYPE, content_type);
    request
}
