//! The caller's side of the handles: what each takes, and the flow's next step. A wrong order does not compile.

use std::fmt;
use std::time::Duration;

use http::Request;

use super::contract::{Flow, Input, Step};
use super::handles::{Awaiting, Call, UseKey, Wait};
use super::key_use::{KeyOutput, KeyUse};
use crate::base::bell::Bell;
use crate::base::env::{Env, MonotonicTime};
use crate::base::secret::Body;
use crate::error::Error;
use crate::error::transport::{Failure, FailureKind, Sent};
use crate::wire::policy::Policy;
use crate::wire::response::Response;

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

impl<F: Flow> Awaiting<F> {
    /// Takes the response. A body that exceeds the policy's limit is the failure `BodyTooLarge`, whatever the adapter did.
    ///
    /// # Errors
    /// The flow's own.
    pub fn receive<B: AsRef<[u8]>>(self, response: http::Response<B>, env: &mut dyn Env) -> Result<Step<F>, Error> {
        let (status, body) = (response.status(), response.body().as_ref());
        let step = if body.len() > self.body_limit {
            self.fail(Failure::new(FailureKind::BodyTooLarge, Sent::Maybe), env)
        } else {
            let response = Response { status, headers: response.headers(), body, accept: self.accept };
            self.flow.on(Input::Response(response), env)
        };
        step.map_err(|error| error.with_status(status))
    }

    /// Says that no response came.
    ///
    /// # Errors
    /// The flow's own: most flows end here with a `transport.…` error.
    pub fn fail(self, failure: Failure, env: &mut dyn Env) -> Result<Step<F>, Error> {
        self.flow.on(Input::Failed(failure), env)
    }
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

    /// What may end the wait sooner. A driver that ignores it is only slower; one without a timer can await the bell alone.
    pub fn bell(&self) -> Option<&Bell> {
        self.bell.as_ref()
    }

    /// Goes on, if the time has come or the bell has rung. Waking early is not wrong: the flow waits on.
    ///
    /// # Errors
    /// The flow's own.
    pub fn wake(self, env: &mut dyn Env) -> Result<Step<F>, Error> {
        if env.monotonic() < self.until && !self.bell.as_ref().is_some_and(Bell::has_rung) {
            return Ok(Step::Wait(self));
        }
        self.flow.on(Input::Woken, env)
    }

    /// Gives up: what [`Awaiting::fail`] with [`FailureKind::Cancelled`] is to a request. The flow may have something left
    /// to do, such as telling somebody, so that steps follow.
    ///
    /// # Errors
    /// The flow's own: most flows end here with `transport.cancelled`.
    pub fn cancel(self, env: &mut dyn Env) -> Result<Step<F>, Error> {
        self.flow.on(Input::Failed(Failure::new(FailureKind::Cancelled, Sent::No)), env)
    }
}

impl<F: Flow> UseKey<F> {
    /// A look at what is to be done.
    pub fn key_use(&self) -> &KeyUse {
        &self.key_use
    }

    /// What is to be done, and the state that takes the output.
    pub fn into_parts(self) -> (KeyUse, AwaitingKey<F>) {
        (self.key_use, AwaitingKey { flow: self.flow })
    }
}

/// The state that takes what a key store made.
#[must_use = "the flow goes on when the key store's output is received"]
pub struct AwaitingKey<F> {
    flow: F,
}

impl<F: Flow> AwaitingKey<F> {
    /// Takes the output.
    ///
    /// # Errors
    /// The flow's own; `key.output` if the output is of another kind than the operation has.
    pub fn receive(self, output: impl Into<KeyOutput>, env: &mut dyn Env) -> Result<Step<F>, Error> {
        self.flow.on(Input::KeyOutput(output.into()), env)
    }

    /// Says that none will come: [`FailureKind::KeyRefused`] for a store that refuses, [`FailureKind::Unsupported`] for an
    /// operation that it does not know, or what else happened.
    ///
    /// # Errors
    /// The flow's own: most flows end here with `key.refused` or `key.unsupported`.
    pub fn fail(self, kind: FailureKind, env: &mut dyn Env) -> Result<Step<F>, Error> {
        self.flow.on(Input::Failed(Failure::new(kind, Sent::No)), env)
    }
}

impl<F> fmt::Debug for AwaitingKey<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AwaitingKey(…)")
    }
}
