//! A flow that asks for everything, in an order that is drawn, for tests of the flows that contain another one.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    dead_code,
    reason = "tests, some of them of profiles"
)]

use std::sync::Arc;
use std::time::Duration;

use super::contract::{Flow, Input, Step};
use super::key_use::{KeyOutput, KeyUse};
use crate::base::counting_env::CountingEnv;
use crate::base::env::{Env, MonotonicTime};
use crate::error::transport::{Failure, FailureKind, Sent};
use crate::error::{Error, ErrorCode};
use crate::jose::{Algorithm, RemoteKey};
use crate::wire::policy::{Accept, Policy};

/// What the toy asks for next.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ask {
    Call,
    Wait,
    UseKey,
}

/// A flow that asks for one thing after the other, and insists on getting just that. Then it yields its output, or an
/// error if there is none.
pub(crate) struct Toy<T> {
    asked: Ask,
    left: Vec<Ask>,
    output: Option<T>,
}

impl<T: Send + Sync + 'static> Toy<T> {
    pub(crate) fn start(left: Vec<Ask>, output: Option<T>, env: &dyn Env) -> Result<Step<Self>, Error> {
        Self { asked: Ask::Call, left, output }.next(env)
    }

    fn next(mut self, env: &dyn Env) -> Result<Step<Self>, Error> {
        let Some(asked) = self.left.pop() else {
            return self.output.map(Step::Done).ok_or_else(|| ErrorCode::TOKEN_INVALID_GRANT.into());
        };
        self.asked = asked;
        Ok(match asked {
            Ask::Call => Step::call(http::Request::default(), Policy::read(9, Accept::Any), self),
            Ask::Wait => Step::wait(env.monotonic().saturating_add(Duration::from_secs(1)), self),
            Ask::UseKey => Step::use_key(KeyUse::sign(Arc::new(RemoteKey::new("toy")), Algorithm::Es256, [1]), self),
        })
    }
}

impl<T: Send + Sync + 'static> Flow for Toy<T> {
    type Output = T;

    fn on(self, input: Input<'_>, env: &mut dyn Env) -> Result<Step<Self>, Error> {
        if input.failure().is_none() {
            match self.asked {
                Ask::Call => drop(input.response()?),
                Ask::Wait => input.woken()?,
                Ask::UseKey => drop(input.key_output()?),
            }
        }
        self.next(env)
    }
}

/// Answers the steps of a flow by a script of bytes, in every way that its handles allow, until it ends.
pub(crate) fn drive<F: Flow>(
    mut step: Result<Step<F>, Error>,
    script: &[u8],
    env: &mut CountingEnv,
) -> Result<F::Output, Error> {
    for choice in script.iter().copied().chain(std::iter::repeat_n(0, 64)) {
        let failure =
            Failure::new([FailureKind::Cancelled, FailureKind::Timeout][usize::from(choice & 1)], Sent::Maybe);
        step = match step? {
            Step::Done(output) => return Ok(output),
            Step::Call(call) if choice % 3 == 0 => {
                let response = http::Response::builder().status(200 + u16::from(choice)).body(b"{}").unwrap();
                call.into_parts().2.receive(response, env)
            }
            Step::Call(call) => call.into_parts().2.fail(failure, env),
            Step::Wait(wait) if choice % 3 == 0 => {
                env.advance(wait.duration(env.monotonic()));
                wait.wake(env)
            }
            Step::Wait(wait) if choice % 3 == 1 => wait.cancel(env),
            // Too early.
            Step::Wait(wait) => wait.wake(env),
            Step::UseKey(use_key) if choice % 3 == 0 => use_key.into_parts().1.receive(KeyOutput::bytes([1; 64]), env),
            Step::UseKey(use_key) => use_key.into_parts().1.fail(failure.kind, env),
        };
    }
    panic!("it goes on for ever at {:?}", MonotonicTime::as_millis(env.monotonic()))
}
