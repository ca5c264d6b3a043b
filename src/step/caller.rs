//! The methods of the handles. Each consumes the handle and returns the flow's next step, so calls in a wrong order do
//! not compile.

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
    /// The request.
    pub fn request(&self) -> &Request<Body> {
        &self.request
    }

    /// The request, its policy, and the state that takes its response. Nothing is copied.
    #[inline]
    pub fn into_parts(self) -> (Request<Body>, Policy, Awaiting<F>) {
        (self.request, self.policy, self.awaiting)
    }
}

impl<F: Flow> Awaiting<F> {
    /// Takes the response. Pass the body as a [`Body`] to wipe it afterwards. A body that exceeds
    /// [`Policy::body_limit`] becomes the failure `BodyTooLarge`.
    ///
    /// # Errors
    /// The flow's own errors.
    pub fn receive<B: AsRef<[u8]>>(self, response: http::Response<B>, env: &mut dyn Env) -> Result<Step<F>, Error> {
        let (status, body) = (response.status(), response.body().as_ref());
        let step = if body.len() > self.body_limit {
            self.fail(Failure::new(FailureKind::BodyTooLarge, Sent::Maybe).with_status(status), env)
        } else {
            let response = Response { status, headers: response.headers(), body, accept: self.accept };
            self.flow.on(Input::Response(response), env)
        };
        step.map_err(|error| error.with_status(status))
    }

    /// Says that no response came.
    ///
    /// # Errors
    /// The flow's own errors: most flows end here with a `transport.…` error.
    pub fn fail(self, failure: Failure, env: &mut dyn Env) -> Result<Step<F>, Error> {
        self.flow.on(Input::Failed(failure.with_limit(self.body_limit)), env)
    }
}

impl<F: Flow> Wait<F> {
    /// When to wake the flow.
    pub fn until(&self) -> MonotonicTime {
        self.until
    }

    /// The time from `now` until [`Wait::until`]; zero if that time has passed.
    pub fn duration(&self, now: MonotonicTime) -> Duration {
        self.until.saturating_since(now)
    }

    /// A bell that may end the wait earlier. A driver that ignores the bell is only slower. A driver without a timer
    /// can await the bell alone.
    pub fn bell(&self) -> Option<&Bell> {
        self.bell.as_ref()
    }

    /// Continues, if the time has come or the bell has rung. If neither has happened, the flow returns the same wait
    /// again.
    ///
    /// # Errors
    /// The flow's own errors.
    pub fn wake(self, env: &mut dyn Env) -> Result<Step<F>, Error> {
        if env.monotonic() < self.until && !self.bell.as_ref().is_some_and(Bell::has_rung) {
            return Ok(Step::Wait(self));
        }
        self.flow.on(Input::Woken, env)
    }

    /// Cancels the flow, like [`Awaiting::fail`] with [`FailureKind::Cancelled`] for a request. The flow may return
    /// further steps, for example to tell another device.
    ///
    /// # Errors
    /// The flow's own errors: most flows end here with `transport.cancelled`.
    pub fn cancel(self, env: &mut dyn Env) -> Result<Step<F>, Error> {
        self.flow.on(Input::Failed(Failure::new(FailureKind::Cancelled, Sent::No)), env)
    }
}

impl<F: Flow> UseKey<F> {
    /// The key operation.
    pub fn key_use(&self) -> &KeyUse {
        &self.key_use
    }

    /// The key operation, and the state that takes its output.
    pub fn into_parts(self) -> (KeyUse, AwaitingKey<F>) {
        (self.key_use, AwaitingKey { flow: self.flow })
    }
}

/// The state that takes the output of a key store.
#[must_use = "the flow goes on when the key store's output is received"]
pub struct AwaitingKey<F> {
    flow: F,
}

impl<F: Flow> AwaitingKey<F> {
    /// Takes the output.
    ///
    /// # Errors
    /// The flow's own errors; `key.output` if the kind of the output does not fit the operation.
    pub fn receive(self, output: impl Into<KeyOutput>, env: &mut dyn Env) -> Result<Step<F>, Error> {
        self.flow.on(Input::KeyOutput(output.into()), env)
    }

    /// Says that the key store failed: [`FailureKind::KeyRefused`] if it refuses, [`FailureKind::Unsupported`] if it
    /// does not know the operation, or another kind. A [`Failure`] can hold the key store's own text, too. A key store
    /// sends nothing to the server: `sent` of the failure does not count.
    ///
    /// # Errors
    /// The flow's own errors: most flows end here with `key.refused` or `key.unsupported`.
    pub fn fail(self, failure: impl Into<Failure>, env: &mut dyn Env) -> Result<Step<F>, Error> {
        let mut failure = failure.into();
        failure.sent = Sent::No;
        self.flow.on(Input::Failed(failure), env)
    }
}

impl<F> fmt::Debug for AwaitingKey<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AwaitingKey(…)")
    }
}
