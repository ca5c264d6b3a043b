//! The steps that a flow returns, the inputs that it takes, and the function [`Flow::on`].

use std::fmt;

use http::{Request, StatusCode};

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
/// Exhaustive: every driver must handle all four steps.
#[must_use = "a flow goes on only when its step is carried out"]
#[allow(
    clippy::large_enum_variant,
    reason = "a step is taken apart where it is made; a box would cost each request an allocation"
)]
pub enum Step<F: Flow> {
    /// Send a request and bring its response.
    Call(Call<F>),
    /// Wait until a time, or until a bell rings.
    Wait(Wait<F>),
    /// Use a key of the driver's key store.
    UseKey(UseKey<F>),
    /// The flow has ended with this output.
    Done(F::Output),
}

/// What a flow takes: the result of its last step, or a failure.
///
/// Only the handles make an input, and only of the kind that the step needs.
#[derive(Debug)]
#[non_exhaustive]
pub enum Input<'a> {
    /// The response to the request.
    Response(Response<'a>),
    /// The time of the wait has come, or its bell has rung.
    Woken,
    /// The output of the key store.
    KeyOutput(KeyOutput),
    /// The step failed.
    Failed(Failure),
}

impl<'a> Input<'a> {
    /// The status, if it is a response.
    #[allow(dead_code, reason = "only profiles tidy up after an error, and a build may have none")]
    pub(crate) fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Response(response) => Some(response.status),
            _ => None,
        }
    }

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

    /// The error of a state that does not take this input: the error of the failure, or `step.unexpected`. Use it in
    /// the last arm of a `match` on an input.
    pub fn unexpected(self) -> Error {
        match self {
            Self::Failed(failure) => failure.into(),
            _ => ErrorCode::STEP_UNEXPECTED.into(),
        }
    }

    /// The failure, for a state that does not turn every failure into an error.
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Failed(failure) => Some(failure),
            _ => None,
        }
    }

    /// Whether the caller cancelled the flow, for a state that treats this differently from a lost response.
    pub fn is_cancelled(&self) -> bool {
        self.failure().is_some_and(|failure| failure.kind == FailureKind::Cancelled)
    }
}

/// The trait for authors of flows: a type for the states, and the function from each state to the next. Callers do not
/// call the function; they use the handles [`Awaiting`], [`Wait`] and [`AwaitingKey`](super::AwaitingKey).
pub trait Flow: Sized + Send + Sync + 'static {
    /// The output of the flow when it ends.
    type Output;

    /// Continues with the result of the last step.
    ///
    /// # Errors
    /// An error ends the flow. A flow that already holds tokens must not lose them: it ends with an output that
    /// contains the tokens and the error.
    fn on(self, input: Input<'_>, env: &mut dyn Env) -> Result<Step<Self>, Error>;
}

impl<F: Flow> Step<F> {
    /// A step that asks the driver to send a request.
    pub fn call(request: Request<Body>, policy: Policy, flow: F) -> Self {
        let awaiting = Awaiting { body_limit: policy.body_limit(), accept: policy.accept(), flow };
        Self::Call(Call { request, policy, awaiting })
    }

    /// A step that asks the driver to wait until a time.
    pub fn wait(until: MonotonicTime, flow: F) -> Self {
        Self::Wait(Wait { until, bell: None, flow })
    }

    /// A step that asks the driver to wait until a time, or until the bell rings.
    pub fn wait_for(until: MonotonicTime, bell: Bell, flow: F) -> Self {
        Self::Wait(Wait { until, bell: Some(bell), flow })
    }

    /// A step that asks the driver to use a key.
    pub fn use_key(key_use: KeyUse, flow: F) -> Self {
        Self::UseKey(UseKey { key_use, flow })
    }

    /// Turns this step into a step of a flow that contains this flow and has the same output.
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

    /// Turns this step into a step of a larger flow. `wrap` makes the larger flow's state from the smaller flow's
    /// state; `done` continues from the smaller flow's output. Both get the context.
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
