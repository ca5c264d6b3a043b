//! The contract between a flow and whoever drives it.
//!
//! ```text
//!            ┌────────── Step ──────────┐
//!            │                          │
//!   Call ── into_parts ─▶ request ─▶ (your HTTP client)
//!            │            policy        │
//!            └─▶ Awaiting ◀─ receive(response) or fail(failure)
//!   Wait ── until ─────▶ (your timer) ─▶ wake, or cancel
//!   Sign ── into_parts ─▶ (your key store) ─▶ AwaitingSignature: receive(signature) or fail
//!   Done ── the output
//! ```
//!
//! Every transition consumes the state it starts from, so a wrong order does not compile:
//!
//! ```compile_fail,E0382
//! use oidc_proto::Flow;
//! use oidc_proto::step::Awaiting;
//! fn twice<F: Flow>(awaiting: Awaiting<F>, response: http::Response<Vec<u8>>, env: &mut dyn oidc_proto::Env) {
//!     let _ = awaiting.receive(response.clone(), env);
//!     let _ = awaiting.receive(response, env); // the state was used up
//! }
//! ```

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::Request;

use crate::base::env::{Env, MonotonicTime};
use crate::base::secret::Body;
use crate::error::transport::{Failure, FailureKind, Sent};
use crate::error::{Error, ErrorCode};
use crate::jose::RemoteKey;
use crate::wire::policy::Policy;
use crate::wire::response::Response;

/// What a flow needs next.
///
/// Exhaustive on purpose: a driver that does not know one of the four is not a driver.
#[must_use = "a flow only goes on when its step is carried out"]
#[allow(
    clippy::large_enum_variant,
    reason = "a step is taken apart where it is made; a box would cost each request an allocation"
)]
pub enum Step<F: Flow> {
    /// Send a request and bring its response.
    Call(Call<F>),
    /// Let some time pass.
    Wait(Wait<F>),
    /// Sign something with a key that lives elsewhere.
    Sign(Sign<F>),
    /// The flow is over.
    Done(F::Output),
}

/// The author's side of a flow: the transition functions. Drivers do not call them; they use [`Awaiting`], [`Wait`]
/// and [`AwaitingSignature`].
///
/// # Errors
/// An error ends the flow. A flow that has obtained something must not lose it: it ends with an output that says so.
pub trait Flow: Sized + Send + Sync + 'static {
    /// What the flow yields in the end.
    type Output;

    /// The response to the request that this state awaits.
    fn on_response(self, reply: Response<'_>, env: &mut dyn Env) -> Result<Step<Self>, Error>;

    /// No response came. By default the flow ends with a `transport.…` error.
    fn on_failure(self, failure: Failure, _env: &mut dyn Env) -> Result<Step<Self>, Error> {
        Err(failure.into())
    }

    /// The time that this state waited for has come.
    fn on_wake(self, _env: &mut dyn Env) -> Result<Step<Self>, Error> {
        Err(ErrorCode::STEP_UNEXPECTED.into())
    }

    /// The signature that this state awaits: the raw bytes of RFC 7518 section 3.
    fn on_signature(self, _signature: &[u8], _env: &mut dyn Env) -> Result<Step<Self>, Error> {
        Err(ErrorCode::STEP_UNEXPECTED.into())
    }
}

impl<F: Flow> Step<F> {
    /// Asks for a request to be sent.
    pub fn call(request: Request<Body>, policy: Policy, flow: F) -> Self {
        Self::Call(Call { request, awaiting: Awaiting { body_limit: policy.body_limit, flow }, policy })
    }

    /// Asks for time to pass.
    pub fn wait(until: MonotonicTime, flow: F) -> Self {
        Self::Wait(Wait { until, flow })
    }

    /// Asks for a signature.
    pub fn sign(input: SigningInput, flow: F) -> Self {
        Self::Sign(Sign { input, flow })
    }

    /// Makes this step one of a larger flow: `wrap` holds the smaller flow's states, `done` goes on from its output.
    ///
    /// # Errors
    /// What `done` returns.
    pub fn embed<G: Flow>(
        self,
        wrap: impl FnOnce(F) -> G,
        done: impl FnOnce(F::Output) -> Result<Step<G>, Error>,
    ) -> Result<Step<G>, Error> {
        self.embed_with((), |(), flow| wrap(flow), |(), output| done(output))
    }

    /// The same with a value that both ways of going on need.
    ///
    /// # Errors
    /// What `done` returns.
    pub fn embed_with<C, G: Flow>(
        self,
        context: C,
        wrap: impl FnOnce(C, F) -> G,
        done: impl FnOnce(C, F::Output) -> Result<Step<G>, Error>,
    ) -> Result<Step<G>, Error> {
        match self {
            Self::Call(Call { request, policy, awaiting: Awaiting { body_limit, flow } }) => {
                let awaiting = Awaiting { body_limit, flow: wrap(context, flow) };
                Ok(Step::Call(Call { request, policy, awaiting }))
            }
            Self::Wait(Wait { until, flow }) => Ok(Step::Wait(Wait { until, flow: wrap(context, flow) })),
            Self::Sign(Sign { input, flow }) => Ok(Step::Sign(Sign { input, flow: wrap(context, flow) })),
            Self::Done(output) => done(context, output),
        }
    }

    /// Forgets which flow it is, so that different flows of one output can stand in one queue.
    pub fn boxed(self) -> Step<BoxFlow<F::Output>>
    where
        F::Output: 'static,
    {
        match self {
            Self::Call(Call { request, policy, awaiting: Awaiting { body_limit, flow } }) => {
                Step::Call(Call { request, policy, awaiting: Awaiting { body_limit, flow: BoxFlow::new(flow) } })
            }
            Self::Wait(Wait { until, flow }) => Step::Wait(Wait { until, flow: BoxFlow::new(flow) }),
            Self::Sign(Sign { input, flow }) => Step::Sign(Sign { input, flow: BoxFlow::new(flow) }),
            Self::Done(output) => Step::Done(output),
        }
    }
}

impl<F: Flow> fmt::Debug for Step<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Call(call) => call.fmt(f),
            Self::Wait(wait) => wait.fmt(f),
            Self::Sign(sign) => sign.fmt(f),
            Self::Done(_) => f.write_str("Done"),
        }
    }
}

/// One request that awaits its one response.
#[must_use = "the flow goes on when the response is received"]
pub struct Call<F> {
    request: Request<Body>,
    policy: Policy,
    awaiting: Awaiting<F>,
}

impl<F: Flow> Call<F> {
    /// A look at the request.
    pub fn request(&self) -> &Request<Body> {
        &self.request
    }

    /// The request, what to know about it, and the state that takes its response. Nothing is copied.
    pub fn into_parts(self) -> (Request<Body>, Policy, Awaiting<F>) {
        (self.request, self.policy, self.awaiting)
    }
}

impl<F> fmt::Debug for Call<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Queries, header values and bodies hold codes, secrets and tokens.
        let uri = self.request.uri();
        write!(f, "Call({} {}{})", self.request.method(), uri.host().unwrap_or(""), uri.path())
    }
}

/// The state that takes the response to a request.
#[must_use = "the flow goes on when the response is received"]
pub struct Awaiting<F> {
    body_limit: usize,
    flow: F,
}

impl<F: Flow> Awaiting<F> {
    /// Takes the response.
    ///
    /// # Errors
    /// `http.body_too_large` if the body exceeds the policy's limit, whatever the adapter did; else the flow's own.
    pub fn receive<B: AsRef<[u8]>>(self, response: http::Response<B>, env: &mut dyn Env) -> Result<Step<F>, Error> {
        let body = response.body().as_ref();
        if body.len() > self.body_limit {
            return self.flow.on_failure(Failure::new(FailureKind::BodyTooLarge, Sent::Maybe), env);
        }
        self.flow.on_response(Response { status: response.status(), headers: response.headers(), body }, env)
    }

    /// Says that no response came.
    ///
    /// # Errors
    /// The flow's own: most flows end here with a `transport.…` error.
    pub fn fail(self, failure: Failure, env: &mut dyn Env) -> Result<Step<F>, Error> {
        self.flow.on_failure(failure, env)
    }
}

impl<F> fmt::Debug for Awaiting<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Awaiting(…)")
    }
}

/// A pause that the protocol asks for.
#[must_use = "the flow goes on when it is woken"]
pub struct Wait<F> {
    until: MonotonicTime,
    flow: F,
}

impl<F: Flow> Wait<F> {
    /// When to wake the flow.
    pub fn until(&self) -> MonotonicTime {
        self.until
    }

    /// How long that is from `now`.
    pub fn duration(&self, now: MonotonicTime) -> Duration {
        self.until.saturating_since(now)
    }

    /// Goes on. Waking early is not wrong: the flow waits again.
    ///
    /// # Errors
    /// The flow's own.
    pub fn wake(self, env: &mut dyn Env) -> Result<Step<F>, Error> {
        if env.monotonic() < self.until {
            return Ok(Step::Wait(self));
        }
        self.flow.on_wake(env)
    }

    /// Gives up: what [`Awaiting::fail`] with [`FailureKind::Cancelled`] is to a request. The flow may have something left
    /// to do, telling somebody, so that steps follow.
    ///
    /// # Errors
    /// The flow's own: most flows end here with `transport.cancelled`.
    pub fn cancel(self, env: &mut dyn Env) -> Result<Step<F>, Error> {
        self.flow.on_failure(Failure::new(FailureKind::Cancelled, Sent::No), env)
    }
}

impl<F> fmt::Debug for Wait<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Wait(until {} ms)", self.until.as_millis())
    }
}

/// What is to be signed, with which key.
#[derive(Clone)]
pub struct SigningInput {
    /// The bytes to sign: the JWS signing input of RFC 7515 section 5.1.
    pub bytes: Vec<u8>,
    /// The key to sign with, and its algorithm.
    pub key: Arc<RemoteKey>,
}

impl fmt::Debug for SigningInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningInput({}, {} bytes)", self.key.algorithm.name(), self.bytes.len())
    }
}

/// A signature that has to be made by a key that lives elsewhere.
#[must_use = "the flow goes on when the signature is received"]
pub struct Sign<F> {
    input: SigningInput,
    flow: F,
}

impl<F: Flow> Sign<F> {
    /// What is to be signed.
    pub fn input(&self) -> &SigningInput {
        &self.input
    }

    /// What is to be signed, and the state that takes the signature.
    pub fn into_parts(self) -> (SigningInput, AwaitingSignature<F>) {
        (self.input, AwaitingSignature { flow: self.flow })
    }
}

impl<F> fmt::Debug for Sign<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sign({:?})", self.input)
    }
}

/// The state that takes a signature.
#[must_use = "the flow goes on when the signature is received"]
pub struct AwaitingSignature<F> {
    flow: F,
}

impl<F: Flow> AwaitingSignature<F> {
    /// Takes the signature: raw bytes, `r ‖ s` for ECDSA (RFC 7518 section 3.4).
    ///
    /// # Errors
    /// The flow's own.
    pub fn receive(self, signature: &[u8], env: &mut dyn Env) -> Result<Step<F>, Error> {
        self.flow.on_signature(signature, env)
    }

    /// Ends the flow: the key store refused.
    pub fn fail(self) -> Error {
        ErrorCode::SIGN_FAILED.into()
    }
}

impl<F> fmt::Debug for AwaitingSignature<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AwaitingSignature(…)")
    }
}

/// Any flow of this output. Made by [`Step::boxed`].
pub struct BoxFlow<T>(Box<dyn AnyFlow<T>>);

impl<T: 'static> BoxFlow<T> {
    fn new<F: Flow<Output = T>>(flow: F) -> Self {
        Self(Box::new(flow))
    }
}

impl<T> fmt::Debug for BoxFlow<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BoxFlow(…)")
    }
}

trait AnyFlow<T: 'static>: Send + Sync {
    fn on_response(self: Box<Self>, reply: Response<'_>, env: &mut dyn Env) -> Result<Step<BoxFlow<T>>, Error>;
    fn on_failure(self: Box<Self>, failure: Failure, env: &mut dyn Env) -> Result<Step<BoxFlow<T>>, Error>;
    fn on_wake(self: Box<Self>, env: &mut dyn Env) -> Result<Step<BoxFlow<T>>, Error>;
    fn on_signature(self: Box<Self>, signature: &[u8], env: &mut dyn Env) -> Result<Step<BoxFlow<T>>, Error>;
}

impl<F: Flow> AnyFlow<F::Output> for F
where
    F::Output: 'static,
{
    fn on_response(self: Box<Self>, reply: Response<'_>, env: &mut dyn Env) -> Result<Step<BoxFlow<F::Output>>, Error> {
        Flow::on_response(*self, reply, env).map(Step::boxed)
    }

    fn on_failure(self: Box<Self>, failure: Failure, env: &mut dyn Env) -> Result<Step<BoxFlow<F::Output>>, Error> {
        Flow::on_failure(*self, failure, env).map(Step::boxed)
    }

    fn on_wake(self: Box<Self>, env: &mut dyn Env) -> Result<Step<BoxFlow<F::Output>>, Error> {
        Flow::on_wake(*self, env).map(Step::boxed)
    }

    fn on_signature(self: Box<Self>, signature: &[u8], env: &mut dyn Env) -> Result<Step<BoxFlow<F::Output>>, Error> {
        Flow::on_signature(*self, signature, env).map(Step::boxed)
    }
}

impl<T: 'static> Flow for BoxFlow<T> {
    type Output = T;

    fn on_response(self, reply: Response<'_>, env: &mut dyn Env) -> Result<Step<Self>, Error> {
        self.0.on_response(reply, env)
    }

    fn on_failure(self, failure: Failure, env: &mut dyn Env) -> Result<Step<Self>, Error> {
        self.0.on_failure(failure, env)
    }

    fn on_wake(self, env: &mut dyn Env) -> Result<Step<Self>, Error> {
        self.0.on_wake(env)
    }

    fn on_signature(self, signature: &[u8], env: &mut dyn Env) -> Result<Step<Self>, Error> {
        self.0.on_signature(signature, env)
    }
}
