//! Runs a flow on any executor.

use std::future::{Future, Ready, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use http::Request;

use super::key_store::{KeyStore, NoKeyStore};
use super::trace;
use crate::base::env::Env;
use crate::base::secret::Body;
use crate::error::transport::Failure;
use crate::error::{Error, ErrorCode};
use crate::step::{Bell, Flow, Step};
use crate::wire::policy::Policy;

/// An asynchronous HTTP client. [`from_fn`](super::from_fn) makes one from a closure.
///
/// It must not follow redirects, and should stop reading a body at the policy's limit. `&C`, `Arc<C>` and `Box<C>`
/// implement this trait if `C` does. A client of one type for all of a program:
///
/// ```
/// use std::pin::Pin;
/// use std::sync::Arc;
/// use oidc_proto::Failure;
/// use oidc_proto::adapter::{Driver, HttpClient};
///
/// type Response = Pin<Box<dyn Future<Output = Result<http::Response<Vec<u8>>, Failure>> + Send>>;
/// type SharedClient = Arc<dyn HttpClient<Response = Response> + Send + Sync>;
/// type SharedDriver = Driver<SharedClient>;
/// ```
pub trait HttpClient {
    /// The future of the response. It is a named type, so that callers can require it to be `Send`.
    type Response: Future<Output = Result<http::Response<Vec<u8>>, Failure>>;

    /// Sends the request.
    fn call(&self, request: Request<Body>, policy: Policy) -> Self::Response;
}

/// Sleeps. A closure that takes a duration and returns a future implements it, for example `tokio::time::sleep`.
pub trait Timer {
    /// The future that ends with the pause.
    type Sleep: Future;

    /// Starts the pause; `None` if there is no timer.
    fn sleep(&self, duration: Duration) -> Option<Self::Sleep>;
}

impl<T, S> Timer for T
where
    T: Fn(Duration) -> S,
    S: Future,
{
    type Sleep = S;

    fn sleep(&self, duration: Duration) -> Option<S> {
        Some(self(duration))
    }
}

/// No timer: a flow that waits for a time ends with `step.no_timer`. The flows of a login in a browser need no timer:
/// if they wait for another flow's key fetch, a bell wakes them.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoTimer;

impl Timer for NoTimer {
    type Sleep = Ready<()>;

    fn sleep(&self, _: Duration) -> Option<Self::Sleep> {
        None
    }
}

/// Runs flows: sends their requests, sleeps during their waits, and passes their key operations to the key store.
///
/// It does not depend on a runtime. Its futures are `Send` if the HTTP client, the timer, the key store and the
/// environment are. Dropping a future abandons the flow. It does not undo what a server has already done.
#[derive(Clone, Debug)]
pub struct Driver<C, T = NoTimer, K = NoKeyStore> {
    pub(super) http: C,
    pub(super) timer: T,
    pub(super) keys: K,
}

impl<C: HttpClient> Driver<C> {
    /// A driver with this HTTP client.
    pub const fn new(http: C) -> Self {
        Self { http, timer: NoTimer, keys: NoKeyStore }
    }
}

impl<C, T, K> Driver<C, T, K> {
    /// The same driver with a timer.
    pub fn with_timer<U: Timer>(self, timer: U) -> Driver<C, U, K> {
        Driver { http: self.http, timer, keys: self.keys }
    }

    /// The same driver with a key store.
    pub fn with_keys<S: KeyStore>(self, keys: S) -> Driver<C, T, S> {
        Driver { http: self.http, timer: self.timer, keys }
    }
}

impl<C: HttpClient, T: Timer, K: KeyStore> Driver<C, T, K> {
    /// Carries out the steps of the flow until it ends, and returns its output.
    ///
    /// # Errors
    /// The errors of the flow; `step.no_timer`.
    pub async fn run<F: Flow, E: Env>(&self, mut step: Step<F>, env: &mut E) -> Result<F::Output, Error> {
        loop {
            let next = match step {
                Step::Call(call) => {
                    let (request, policy, awaiting) = call.into_parts();
                    let uri = request.uri().clone();
                    trace::request(request.method(), &uri);
                    let result = self.http.call(request, policy).await;
                    trace::response(&uri, &result);
                    match result {
                        Ok(response) => awaiting.receive(response.map(Body::from), env),
                        Err(failure) => awaiting.fail(failure.with_server(&uri), env),
                    }
                }
                Step::Wait(wait) => {
                    let duration = wait.duration(env.monotonic());
                    trace::wait(duration);
                    let sleep = self.timer.sleep(duration);
                    if sleep.is_none() && wait.bell().is_none() {
                        return Err(ErrorCode::STEP_NO_TIMER.into());
                    }
                    first_of(sleep, wait.bell()).await;
                    wait.wake(env)
                }
                Step::UseKey(use_key) => {
                    let (key_use, awaiting) = use_key.into_parts();
                    trace::key_use(&key_use);
                    match self.keys.use_key(key_use).await {
                        Ok(output) => awaiting.receive(output, env),
                        Err(failure) => awaiting.fail(failure, env),
                    }
                }
                Step::Done(output) => return Ok(output),
            };
            step = next.inspect_err(trace::error)?;
        }
    }
}

/// Ends with the pause or when the bell rings, whichever comes first.
async fn first_of<S: Future>(sleep: Option<S>, bell: Option<&Bell>) {
    let mut sleep = pin!(sleep);
    poll_fn(|cx| {
        let has_rung = bell.is_some_and(|bell| bell.poll(cx).is_ready());
        let is_over = sleep.as_mut().as_pin_mut().is_some_and(|sleep| sleep.poll(cx).is_ready());
        if has_rung || is_over { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}
