//! What a flow needs next, what it is given, and the one function in between.

use std::fmt;

use http::Request;

use super::handles::{Awaiting, Call, UseKey, Wait};
use super::key_use::{KeyOutput, KeyUse};
use crate::base::bell::Bell;
use crate::base::env::{Env, MonotonicTime};
use crate::base::secret::Body;
use crate::error::transport::{Failure, FailureKind};
use crate::error::{Error, ErrorCode};
use crate::wire::policy::Policy;
use crate::wire::response::Response;

/// What a flow needs next.
///
/// Exhaustive on purpose: a driver that does not know one of the four is not a driver.
#[must_use = "a flow goes on only when its step is carried out"]
#[allow(
    clippy::large_enum_variant,
    reason = "a step is taken apart where it is made; a box would cost each request an allocation"
)]
pub enum Step<F: Flow> {
    /// Send a request and bring its response.
    Call(Call<F>),
    /// Let some time pass.
    Wait(Wait<F>),
    /// Use a key that lives elsewhere.
    UseKey(UseKey<F>),
    /// The flow is over.
    Done(F::Output),
}

/// What a flow is given: what its last step asked for, or a failure in its place.
///
/// Only the handles make one, and only of the kind that the step asked for.
#[derive(Debug)]
#[non_exhaustive]
pub enum Input<'a> {
    /// The response to the request.
    Response(Response<'a>),
    /// The time of the wait has come, or its bell has rung.
    Woken,
    /// What the key store made.
    KeyOutput(KeyOutput),
    /// What was asked for will not come.
    Failed(Failure),
}

impl<'a> Input<'a> {
    /// The response, for a state that awaits one.
    ///
    /// # Errors
    /// The failure's own code; `step.unexpected` for another input.
    pub fn response(self) -> Result<Response<'a>, Error> {
        match self {
            Self::Response(response) => Ok(response),
            other => Err(other.unexpected()),
        }
    }

    /// Nothing, for a state that waits.
    ///
    /// # Errors
    /// As [`Input::response`].
    pub fn woken(self) -> Result<(), Error> {
        match self {
            Self::Woken => Ok(()),
            other => Err(other.unexpected()),
        }
    }

    /// The output of a key store, for a state that awaits one.
    ///
    /// # Errors
    /// As [`Input::response`].
    pub fn key_output(self) -> Result<KeyOutput, Error> {
        match self {
            Self::KeyOutput(output) => Ok(output),
            other => Err(other.unexpected()),
        }
    }

    /// The error of a state that does not await this: the failure's own, or `step.unexpected`. It is the last arm of a
    /// `match` on an input.
    pub fn unexpected(self) -> Error {
        match self {
            Self::Failed(failure) => failure.into(),
            _ => ErrorCode::STEP_UNEXPECTED.into(),
        }
    }

    /// The failure, for a state that treats failures in a way of its own.
    pub fn failure(&self) -> Option<Failure> {
        match self {
            Self::Failed(failure) => Some(*failure),
            _ => None,
        }
    }

    /// Whether the caller gives up, for a state that treats that unlike a lost response.
    pub fn is_cancelled(&self) -> bool {
        self.failure().is_some_and(|failure| failure.kind == FailureKind::Cancelled)
    }
}

/// The author's side of a flow: its states, and the function from each of them to the next. Callers hold the handles
/// [`Awaiting`], [`Wait`] and [`AwaitingKey`](super::AwaitingKey) instead.
pub trait Flow: Sized + Send + Sync + 'static {
    /// What the flow yields in the end.
    type Output;

    /// Goes on with what the last step asked for.
    ///
    /// # Errors
    /// An error ends the flow. A flow that has obtained something must not lose it: it ends with an output that says so.
    fn on(self, input: Input<'_>, env: &mut dyn Env) -> Result<Step<Self>, Error>;
}

impl<F: Flow> Step<F> {
    /// Asks for a request to be sent.
    pub fn call(request: Request<Body>, policy: Policy, flow: F) -> Self {
        let awaiting = Awaiting { body_limit: policy.body_limit, accept: policy.accept, flow };
        Self::Call(Call { request, policy, awaiting })
    }

    /// Asks for time to pass.
    pub fn wait(until: MonotonicTime, flow: F) -> Self {
        Self::Wait(Wait { until, bell: None, flow })
    }

    /// Asks for time to pass, at most until the bell rings.
    pub fn wait_for(until: MonotonicTime, bell: Bell, flow: F) -> Self {
        Self::Wait(Wait { until, bell: Some(bell), flow })
    }

    /// Asks for the use of a key.
    pub fn use_key(key_use: KeyUse, flow: F) -> Self {
        Self::UseKey(UseKey { key_use, flow })
    }

    /// Makes this step one of a flow that contains this one and has the same output.
    pub fn wrap<G: Flow<Output = F::Output>>(self, wrap: impl FnOnce(F) -> G) -> Step<G> {
        match self {
            Self::Call(Call { request, policy, awaiting: Awaiting { body_limit, accept, flow } }) => {
                Step::Call(Call { request, policy, awaiting: Awaiting { body_limit, accept, flow: wrap(flow) } })
            }
            Self::Wait(Wait { until, bell, flow }) => Step::Wait(Wait { until, bell, flow: wrap(flow) }),
            Self::UseKey(UseKey { key_use, flow }) => Step::UseKey(UseKey { key_use, flow: wrap(flow) }),
            Self::Done(output) => Step::Done(output),
        }
    }

    /// Makes this step one of a larger flow: `wrap` holds the smaller flow's states, `done` goes on from its output. Both
    /// get the context.
    ///
    /// # Errors
    /// What `done` returns.
    pub fn embed<C, G: Flow>(
        self,
        context: C,
        wrap: impl FnOnce(C, F) -> G,
        done: impl FnOnce(C, F::Output) -> Result<Step<G>, Error>,
    ) -> Result<Step<G>, Error> {
        match self {
            Self::Call(Call { request, policy, awaiting: Awaiting { body_limit, accept, flow } }) => {
                let awaiting = Awaiting { body_limit, accept, flow: wrap(context, flow) };
                Ok(Step::Call(Call { request, policy, awaiting }))
            }
            Self::Wait(Wait { until, bell, flow }) => Ok(Step::Wait(Wait { until, bell, flow: wrap(context, flow) })),
            Self::UseKey(UseKey { key_use, flow }) => Ok(Step::UseKey(UseKey { key_use, flow: wrap(context, flow) })),
            Self::Done(output) => done(context, output),
        }
    }
}

impl<F: Flow> fmt::Debug for Step<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Call(call) => call.fmt(f),
            Self::Wait(wait) => wait.fmt(f),
            Self::UseKey(use_key) => use_key.fmt(f),
            Self::Done(_) => f.write_str("Done"),
        }
    }
}
