//! HTTP clients from closures, and implementations for pointers to clients.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use http::{Request, Response};

use super::blocking::BlockingHttpClient;
use super::driver::HttpClient;
use crate::base::secret::Body;
use crate::error::transport::Failure;
use crate::wire::policy::Policy;

/// An HTTP client from a closure: an [`HttpClient`] if the closure returns a future, a [`BlockingHttpClient`] if it
/// returns the result.
///
/// ```
/// use oidc_proto::adapter::{BlockingDriver, Driver, from_fn};
/// use oidc_proto::{Failure, FailureKind, Sent};
///
/// let offline = || Failure::new(FailureKind::Unreachable, Sent::No);
/// let blocking = BlockingDriver::new(from_fn(move |_request, _policy| Err(offline())));
/// let asynchronous = Driver::new(from_fn(move |_request, _policy| async move { Err(offline()) }));
/// ```
pub const fn from_fn<F, R>(call: F) -> FromFn<F>
where
    F: Fn(Request<Body>, Policy) -> R,
{
    FromFn(call)
}

/// What [`from_fn`] returns.
#[derive(Clone, Copy)]
pub struct FromFn<F>(F);

impl<F> fmt::Debug for FromFn<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FromFn(…)")
    }
}

impl<F, R> HttpClient for FromFn<F>
where
    F: Fn(Request<Body>, Policy) -> R,
    R: Future<Output = Result<Response<Vec<u8>>, Failure>>,
{
    type Response = R;

    fn call(&self, request: Request<Body>, policy: Policy) -> R {
        (self.0)(request, policy)
    }
}

impl<F> BlockingHttpClient for FromFn<F>
where
    F: Fn(Request<Body>, Policy) -> Result<Response<Vec<u8>>, Failure>,
{
    fn call(&self, request: Request<Body>, policy: Policy) -> Result<Response<Vec<u8>>, Failure> {
        (self.0)(request, policy)
    }
}

macro_rules! pointers {
    ($($pointer:ty),*) => {$(
        impl<C: HttpClient + ?Sized> HttpClient for $pointer {
            type Response = C::Response;

            fn call(&self, request: Request<Body>, policy: Policy) -> C::Response {
                (**self).call(request, policy)
            }
        }

        impl<C: BlockingHttpClient + ?Sized> BlockingHttpClient for $pointer {
            fn call(&self, request: Request<Body>, policy: Policy) -> Result<Response<Vec<u8>>, Failure> {
                (**self).call(request, policy)
            }
        }
    )*};
}

pointers!(&C, Arc<C>, Box<C>);
