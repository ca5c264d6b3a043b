//! Runs a flow on the thread that calls.

use std::time::Duration;

use http::{Request, Response};

use super::key_store::{BlockingKeyStore, NoKeyStore};
use crate::base::env::Env;
use crate::base::secret::Body;
use crate::error::Error;
use crate::error::transport::Failure;
use crate::step::{Flow, Step};
use crate::wire::policy::Policy;

/// A blocking HTTP client. [`from_fn`](super::from_fn) makes one of a closure. The rules of
/// [`HttpClient`](super::HttpClient) hold.
pub trait BlockingHttpClient {
    /// Sends the request and waits for its response.
    ///
    /// # Errors
    /// That no response came, and whether the request may have arrived.
    fn call(&self, request: Request<Body>, policy: Policy) -> Result<Response<Vec<u8>>, Failure>;
}

/// Runs flows on the thread that calls. Waits are slept by a function: [`std::thread::sleep`] unless another is named.
#[derive(Clone, Debug)]
pub struct BlockingDriver<C, T = fn(Duration), K = NoKeyStore> {
    http: C,
    sleep: T,
    keys: K,
}

impl<C: BlockingHttpClient> BlockingDriver<C> {
    /// A driver over this HTTP client.
    pub const fn new(http: C) -> Self {
        Self { http, sleep: std::thread::sleep, keys: NoKeyStore }
    }
}

impl<C: BlockingHttpClient, T: Fn(Duration), K: BlockingKeyStore> BlockingDriver<C, T, K> {
    /// The same with another way to let time pass: a clock that is set in a test, a sleep that can be interrupted.
    pub fn with_sleep<U: Fn(Duration)>(self, sleep: U) -> BlockingDriver<C, U, K> {
        BlockingDriver { http: self.http, sleep, keys: self.keys }
    }

    /// The same with a key store.
    pub fn with_keys<S: BlockingKeyStore>(self, keys: S) -> BlockingDriver<C, T, S> {
        BlockingDriver { http: self.http, sleep: self.sleep, keys }
    }

    /// Carries out one step after the other until the flow is done.
    ///
    /// # Errors
    /// The flow's own.
    pub fn run<F: Flow, E: Env>(&self, mut step: Step<F>, env: &mut E) -> Result<F::Output, Error> {
        loop {
            step = match step {
                Step::Call(call) => {
                    let (request, policy, awaiting) = call.into_parts();
                    let uri = request.uri().clone();
                    match self.http.call(request, policy) {
                        Ok(response) => awaiting.receive(response.map(Body::from), env)?,
                        Err(failure) => awaiting.fail(failure, env).map_err(|error| error.with_server(&uri))?,
                    }
                }
                Step::Wait(wait) => {
                    (self.sleep)(wait.duration(env.monotonic()));
                    wait.wake(env)?
                }
                Step::UseKey(use_key) => {
                    let (key_use, awaiting) = use_key.into_parts();
                    match self.keys.use_key(key_use) {
                        Ok(output) => awaiting.receive(output, env)?,
                        Err(kind) => awaiting.fail(kind, env)?,
                    }
                }
                Step::Done(output) => return Ok(output),
            }
        }
    }
}
