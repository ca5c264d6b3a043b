//! HTTP by any `tower::Service`, such as the client of `hyper-util`.
//!
//! ```
//! use http_body_util::Full;
//! use hyper::body::Bytes;
//! use hyper_util::client::legacy::{Client as Hyper, connect::HttpConnector};
//! use hyper_util::rt::TokioExecutor;
//! use oidc_proto::adapter::{Driver, HttpClient, tower};
//!
//! # fn is_client(_: &impl HttpClient) {}
//! // In your program, use a connector with TLS.
//! let service: Hyper<HttpConnector, Full<Bytes>> = Hyper::builder(TokioExecutor::new()).build_http();
//! let http = tower::Client::new(service);
//! # is_client(&http);
//! let driver = Driver::new(http);
//! ```

use std::error::Error as StdError;
use std::fmt;
use std::future::{Future, poll_fn, ready};
use std::io::{self, ErrorKind};
use std::marker::PhantomData;
use std::pin::Pin;

use http::{Request, Response};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use tower_service::Service;

use super::causes::{causes, root_cause};
use super::driver::HttpClient;
use super::headers;
use crate::base::secret::Body;
use crate::error::transport::{Failure, FailureKind, FailureReason, Sent};
use crate::wire::policy::Policy;

type BoxError = Box<dyn StdError + Send + Sync>;

/// An HTTP client over a service. `B` is the service's request body type, for example `Full<Bytes>`.
///
/// It stops reading a body at the policy's limit, and adds a `User-Agent` and
/// `Accept-Encoding: identity` if they are missing. The service must verify certificates and must
/// not follow redirects. A time-out of a service ends with the head of the response: put one around
/// the whole call ([`from_fn`](super::from_fn)), so that a slow body is given up, too. The client
/// refuses a request whose policy requires a client certificate.
pub struct Client<S, B> {
    service: S,
    body: PhantomData<fn(B)>,
}

impl<S, B> Client<S, B> {
    /// A client over this service, which is cloned for each request.
    pub const fn new(service: S) -> Self {
        Self { service, body: PhantomData }
    }
}

impl<S, B, R> HttpClient for Client<S, B>
where
    S: Service<Request<B>, Response = Response<R>, Error: Into<BoxError>, Future: Send> + Clone + Send + 'static,
    B: From<Vec<u8>> + Send + 'static,
    R: http_body::Body<Data: Send, Error: Into<BoxError>> + Send + 'static,
{
    type Response = Pin<Box<dyn Future<Output = Result<Response<Vec<u8>>, Failure>> + Send>>;

    fn call(&self, mut request: Request<Body>, policy: Policy) -> Self::Response {
        if policy.client_certificate().is_some() {
            return Box::pin(ready(Err(Failure::new(FailureKind::Refused, Sent::No))));
        }
        headers::complete(&mut request, None);
        let mut service = self.service.clone();
        Box::pin(async move {
            let is_ready = poll_fn(|cx| service.poll_ready(cx)).await;
            // Nothing was given to the service yet.
            is_ready.map_err(|error| Failure::new(failure(&*error.into()).kind, Sent::No))?;
            let response = service.call(request.map(|body| B::from(body.into()))).await;
            let (parts, body) = response.map_err(|error| failure(&*error.into()))?.into_parts();
            match Limited::new(body, policy.body_limit()).collect().await {
                Ok(collected) => Ok(Response::from_parts(parts, collected.to_bytes().into())),
                Err(error) if error.is::<LengthLimitError>() => {
                    Err(Failure::new(FailureKind::BodyTooLarge, Sent::Maybe).with_status(parts.status))
                }
                Err(error) => Err(failure(&*error).with_status(parts.status)),
            }
        })
    }
}

impl<S: Clone, B> Clone for Client<S, B> {
    fn clone(&self) -> Self {
        Self::new(self.service.clone())
    }
}

impl<S, B> fmt::Debug for Client<S, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("tower::Client(…)")
    }
}

/// What is known of a service's error: the kinds of IO errors in it, and what `hyper-util` says itself.
fn failure(error: &(dyn StdError + 'static)) -> Failure {
    let found = Found::new(error);
    let failure = match found.kind {
        Some(ErrorKind::ConnectionRefused) => {
            Failure::new(FailureKind::Unreachable, Sent::No).because(FailureReason::ConnectionRefused)
        }
        Some(ErrorKind::TimedOut) => Failure::new(FailureKind::Timeout, found.sent()),
        Some(_) if found.connecting => Failure::new(FailureKind::Unreachable, Sent::No),
        Some(_) => Failure::new(FailureKind::Interrupted, Sent::Maybe),
        None if found.connecting => Failure::new(FailureKind::Unreachable, Sent::No),
        // hyper's own errors, which hold no IO error, are of a connection or a response that broke.
        None if found.is_hyper => Failure::new(FailureKind::Interrupted, Sent::Maybe),
        None => Failure::new(FailureKind::Other, Sent::Maybe),
    };
    match root_cause(error) {
        Some(text) => failure.with_text(text),
        None => failure,
    }
}

#[derive(Default)]
struct Found {
    kind: Option<ErrorKind>,
    connecting: bool,
    is_hyper: bool,
}

impl Found {
    fn new(error: &(dyn StdError + 'static)) -> Self {
        let mut found = Self::default();
        for cause in causes(error) {
            #[cfg(feature = "hyper")]
            if let Some(error) = cause.downcast_ref::<hyper_util::client::legacy::Error>() {
                (found.is_hyper, found.connecting) = (true, error.is_connect());
            }
            if let Some(error) = cause.downcast_ref::<io::Error>() {
                found.kind = Some(error.kind());
            }
        }
        found
    }

    fn sent(&self) -> Sent {
        if self.connecting { Sent::No } else { Sent::Maybe }
    }
}
