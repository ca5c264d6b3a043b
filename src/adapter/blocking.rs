//! Runs a flow on the calling thread.

use std::time::Duration;

use http::{Request, Response};

use super::key_store::{BlockingKeyStore, NoKeyStore};
use super::trace;
use crate::base::env::Env;
use crate::base::secret::Body;
use crate::error::Error;
use crate::error::transport::Failure;
use crate::step::{Flow, Step};
use crate::wire::policy::Policy;

/// A blocking HTTP client. [`from_fn`](super::from_fn) makes one from a closure. It follows the rules of
/// [`HttpClient`](super::HttpClient).
pub trait BlockingHttpClient {
    /// Sends the request and waits for its response.
    ///
    /// # Errors
    /// A [`Failure`](crate::Failure) if no response came. It says whether the server may have received the request.
    fn call(&self, request: Request<Body>, policy: Policy) -> Result<Response<Vec<u8>>, Failure>;
}

/// Runs flows on the calling thread. During a wait it calls a sleep function, by default [`std::thread::sleep`].
#[derive(Clone, Debug)]
pub struct BlockingDriver<C, T = fn(Duration), K = NoKeyStore> {
    http: C,
    sleep: T,
    keys: K,
}

impl<C: BlockingHttpClient> BlockingDriver<C> {
    /// A driver with this HTTP client.
    pub const fn new(http: C) -> Self {
        Self { http, sleep: std::thread::sleep, keys: NoKeyStore }
    }
}

impl<C: BlockingHttpClient, T: Fn(Duration), K: BlockingKeyStore> BlockingDriver<C, T, K> {
    /// The same driver with another sleep function, for example one that advances a test clock or that can be
    /// interrupted.
    pub fn with_sleep<U: Fn(Duration)>(self, sleep: U) -> BlockingDriver<C, U, K> {
        BlockingDriver { http: self.http, sleep, keys: self.keys }
    }

    /// The same driver with a key store.
    pub fn with_keys<S: BlockingKeyStore>(self, keys: S) -> BlockingDriver<C, T, S> {
        BlockingDriver { http: self.http, sleep: self.sleep, keys }
    }

    /// Carries out the steps of the flow until it ends, and returns its output.
    ///
    /// # Errors
    /// The errors of the flow.
    pub fn run<F: Flow, E: Env>(&self, mut step: Step<F>, env: &mut E) -> Result<F::Output, Error> {
        loop {
            let next = match step {
                Step::Call(call) => {
                    let (request, policy, awaiting) = call.into_parts();
                    let uri = request.uri().clone();
                    trace::request(request.method(), &uri);
                    let result = self.http.call(request, policy);
                    trace::response(&uri, &result);
                    match result {
                        Ok(response) => awaiting.receive(response.map(Body::from), env),
                        Err(failure) => awaiting.fail(failure.with_server(&uri), env),
                    }
                }
                Step::Wait(wait) => {
                    let duration = wait.duration(env.monotonic());
                    trace::wait(duration);
                    (self.sleep)(duration);
                    wait.wake(env)
                }
                Step::UseKey(use_key) => {
                    let (key_use, awaiting) = use_key.into_parts();
                    trace::key_use(&key_use);
                    match self.keys.use_key(key_use) {
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
