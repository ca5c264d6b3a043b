//! Runs a flow on the thread that calls.

use std::time::Duration;

use http::{Request, Response};

use crate::base::env::Env;
use crate::base::secret::Body;
use crate::error::transport::Failure;
use crate::error::{Error, ErrorCode};
use crate::step::{Flow, Step};
use crate::wire::policy::Policy;

/// A blocking HTTP client. Any closure of this shape is one. The rules of [`HttpClient`](super::HttpClient) hold.
pub trait BlockingHttpClient {
    /// Sends the request and waits for its response.
    ///
    /// # Errors
    /// That no response came, and whether the request may have arrived.
    fn call(&self, request: Request<Body>, policy: Policy) -> Result<Response<Vec<u8>>, Failure>;
}

impl<C> BlockingHttpClient for C
where
    C: Fn(Request<Body>, Policy) -> Result<Response<Vec<u8>>, Failure>,
{
    fn call(&self, request: Request<Body>, policy: Policy) -> Result<Response<Vec<u8>>, Failure> {
        self(request, policy)
    }
}

/// Runs flows on the thread that calls. Waits are slept by a function: [`std::thread::sleep`] unless another is named.
#[derive(Clone, Debug)]
pub struct BlockingDriver<C, T = fn(Duration)> {
    http: C,
    sleep: T,
}

impl<C: BlockingHttpClient> BlockingDriver<C> {
    /// A driver over this HTTP client.
    pub const fn new(http: C) -> Self {
        Self { http, sleep: std::thread::sleep }
    }
}

impl<C: BlockingHttpClient, T: Fn(Duration)> BlockingDriver<C, T> {
    /// The same with another way to let time pass: a clock that is set in a test, a sleep that can be interrupted.
    pub fn with_sleep<U: Fn(Duration)>(self, sleep: U) -> BlockingDriver<C, U> {
        BlockingDriver { http: self.http, sleep }
    }

    /// Carries out one step after the other until the flow is done.
    ///
    /// # Errors
    /// The flow's own; `sign.missing` for a flow that asks for a signature: those are for [`Driver`](super::Driver).
    pub fn run<F: Flow, E: Env>(&self, mut step: Step<F>, env: &mut E) -> Result<F::Output, Error> {
        loop {
            step = match step {
                Step::Call(call) => {
                    let (request, policy, awaiting) = call.into_parts();
                    let uri = request.uri().clone();
                    match self.http.call(request, policy) {
                        Ok(response) => awaiting.receive(response, env)?,
                        Err(failure) => awaiting.fail(failure, env).map_err(|error| error.with_server(&uri))?,
                    }
                }
                Step::Wait(wait) => {
                    (self.sleep)(wait.duration(env.monotonic()));
                    wait.wake(env)?
                }
                Step::Sign(_) => return Err(ErrorCode::SIGN_MISSING.into()),
                Step::Done(output) => return Ok(output),
            }
        }
    }
}
