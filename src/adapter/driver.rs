//! Runs a flow on any executor.

use std::future::{Future, Ready};
use std::time::Duration;

use http::Request;

use crate::base::env::Env;
use crate::base::secret::Body;
use crate::error::transport::Failure;
use crate::error::{Error, ErrorCode};
use crate::step::{Flow, SigningInput, Step};
use crate::wire::policy::Policy;

/// An asynchronous HTTP client. Any closure of this shape is one:
///
/// ```
/// use http::{Request};
/// use oidc_proto::adapter::HttpClient;
/// use oidc_proto::{Body, Failure, FailureKind, Policy, Sent};
///
/// async fn offline(_: Request<Body>, _: Policy) -> Result<http::Response<Vec<u8>>, Failure> {
///     Err(Failure::new(FailureKind::Unreachable, Sent::No))
/// }
/// fn is_client(_: &impl HttpClient) {}
/// is_client(&offline);
/// ```
///
/// It must not follow redirects, and should stop reading a body at the policy's limit.
pub trait HttpClient {
    /// The response to come. A named type, so that a driver's future can be required to be `Send`.
    type Response: Future<Output = Result<http::Response<Vec<u8>>, Failure>>;

    /// Sends the request.
    fn call(&self, request: Request<Body>, policy: Policy) -> Self::Response;
}

impl<C, R> HttpClient for C
where
    C: Fn(Request<Body>, Policy) -> R,
    R: Future<Output = Result<http::Response<Vec<u8>>, Failure>>,
{
    type Response = R;

    fn call(&self, request: Request<Body>, policy: Policy) -> R {
        self(request, policy)
    }
}

/// Lets time pass. Any closure from a duration to a future is one: `tokio::time::sleep`, for example.
pub trait Timer {
    /// The end of the pause.
    type Sleep: Future<Output = ()>;

    /// Starts the pause; `None` if there is no timer.
    fn sleep(&self, duration: Duration) -> Option<Self::Sleep>;
}

impl<T, S> Timer for T
where
    T: Fn(Duration) -> S,
    S: Future<Output = ()>,
{
    type Sleep = S;

    fn sleep(&self, duration: Duration) -> Option<S> {
        Some(self(duration))
    }
}

/// Signs with a key that lives elsewhere. Any closure of this shape is one.
pub trait RemoteSigner {
    /// The signature to come, as raw bytes (RFC 7518 section 3); `None` if the key store refused.
    type Signature: Future<Output = Option<Vec<u8>>>;

    /// Starts signing; `None` if there is no signer.
    fn sign(&self, input: SigningInput) -> Option<Self::Signature>;
}

impl<S, R> RemoteSigner for S
where
    S: Fn(SigningInput) -> R,
    R: Future<Output = Option<Vec<u8>>>,
{
    type Signature = R;

    fn sign(&self, input: SigningInput) -> Option<R> {
        Some(self(input))
    }
}

/// No timer: a flow that waits ends with `step.no_timer`. No flow of a login waits.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoTimer;

impl Timer for NoTimer {
    type Sleep = Ready<()>;

    fn sleep(&self, _: Duration) -> Option<Self::Sleep> {
        None
    }
}

/// No signer: a flow that asks for a signature ends with `sign.missing`.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoSigner;

impl RemoteSigner for NoSigner {
    type Signature = Ready<Option<Vec<u8>>>;

    fn sign(&self, _: SigningInput) -> Option<Self::Signature> {
        None
    }
}

/// Runs flows: sends their requests, sleeps their waits, has their signatures made.
///
/// It names no runtime. Its futures are `Send` if the HTTP client, the timer, the signer and the environment are.
/// Dropping one abandons the flow; what a server did meanwhile stays done.
#[derive(Clone, Debug)]
pub struct Driver<C, T = NoTimer, S = NoSigner> {
    pub(super) http: C,
    pub(super) timer: T,
    pub(super) signer: S,
}

impl<C: HttpClient> Driver<C> {
    /// A driver over this HTTP client.
    pub const fn new(http: C) -> Self {
        Self { http, timer: NoTimer, signer: NoSigner }
    }
}

impl<C, T, S> Driver<C, T, S> {
    /// The same with a timer.
    pub fn with_timer<U: Timer>(self, timer: U) -> Driver<C, U, S> {
        Driver { http: self.http, timer, signer: self.signer }
    }

    /// The same with a signer.
    pub fn with_signer<R: RemoteSigner>(self, signer: R) -> Driver<C, T, R> {
        Driver { http: self.http, timer: self.timer, signer }
    }
}

impl<C: HttpClient, T: Timer, S: RemoteSigner> Driver<C, T, S> {
    /// Carries out one step after the other until the flow is done.
    ///
    /// # Errors
    /// The flow's own; `step.no_timer`, `sign.missing` or `sign.failed`.
    pub async fn run<F: Flow, E: Env>(&self, mut step: Step<F>, env: &mut E) -> Result<F::Output, Error> {
        loop {
            step = match step {
                Step::Call(call) => {
                    let (request, policy, awaiting) = call.into_parts();
                    let uri = request.uri().clone();
                    match self.http.call(request, policy).await {
                        Ok(response) => awaiting.receive(response, env)?,
                        Err(failure) => awaiting.fail(failure, env).map_err(|error| error.with_server(&uri))?,
                    }
                }
                Step::Wait(wait) => {
                    let sleep = self.timer.sleep(wait.duration(env.monotonic())).ok_or(ErrorCode::STEP_NO_TIMER)?;
                    sleep.await;
                    wait.wake(env)?
                }
                Step::Sign(sign) => {
                    let (input, awaiting) = sign.into_parts();
                    match self.signer.sign(input).ok_or(ErrorCode::SIGN_MISSING)?.await {
                        Some(signature) => awaiting.receive(&signature, env)?,
                        None => return Err(awaiting.fail()),
                    }
                }
                Step::Done(output) => return Ok(output),
            }
        }
    }
}
