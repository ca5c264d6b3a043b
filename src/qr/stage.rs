//! A stage of a login: one flow, then the steps that follow from its output or its error.
//!
//! ```text
//! then(flow, next) ─▶ the flow's steps ─▶ its output or error ─▶ next ─▶ the steps that follow ─▶ Done
//! ```

use std::fmt;

use http::StatusCode;

use crate::base::env::{Env, MonotonicTime};
use crate::error::Error;
use crate::step::{BoxFlow, Flow, Input, Step};

/// The flow to the next pause of a login, at which the user or the application has something to do.
///
/// It returns an error only after it has told the other device (if that was possible) and deleted the rendezvous. To
/// cancel, the driver ends the current step with [`Awaiting::fail`](crate::step::Awaiting::fail) and `Cancelled`, or
/// with [`Wait::cancel`](crate::step::Wait::cancel). Then it carries out the steps that follow.
pub type Stage<T> = Result<Step<BoxFlow<T>>, Error>;

/// The method of a pause that tells how long its rendezvous lasts.
macro_rules! expires_at {
    ($self:ident, $rendezvous:expr) => {
        /// When the rendezvous ends, if the server says so, for display. The devices cannot talk to
        /// each other after that.
        pub fn expires_at(&$self) -> Option<crate::base::env::MonotonicTime> {
            $rendezvous.expires_at()
        }
    };
}
pub(super) use expires_at;

/// Gives an error the status of the response that caused it, before other responses come.
pub(super) fn of_response<T>(step: Result<T, Error>, status: Option<StatusCode>) -> Result<T, Error> {
    step.map_err(|error| match status {
        Some(status) => error.with_status(status),
        None => error,
    })
}

/// Carries out a flow, then goes on from its outcome.
pub(super) fn then<F: Flow, T: 'static, K>(step: Result<Step<F>, Error>, env: &mut dyn Env, next: K) -> Stage<T>
where
    K: FnOnce(Result<F::Output, Error>, &mut dyn Env) -> Stage<T> + Send + Sync + 'static,
{
    match step {
        Ok(Step::Done(output)) => next(Ok(output), env),
        Err(error) => next(Err(error), env),
        Ok(step) => Then::go_on(Ok(step), next, env).map(Step::boxed),
    }
}

/// What is awaited: the first flow's steps, or those of what followed.
enum Then<F: Flow, T, K> {
    First(F, K),
    Second(BoxFlow<T>),
}

impl<F: Flow, T: 'static, K> Then<F, T, K>
where
    K: FnOnce(Result<F::Output, Error>, &mut dyn Env) -> Stage<T> + Send + Sync + 'static,
{
    fn go_on(step: Result<Step<F>, Error>, next: K, env: &mut dyn Env) -> Result<Step<Self>, Error> {
        match step {
            Ok(step) => step.embed(
                next,
                |next, flow| Self::First(flow, next),
                |next, output| Ok(next(Ok(output), env)?.wrap(Self::Second)),
            ),
            Err(error) => Ok(next(Err(error), env)?.wrap(Self::Second)),
        }
    }
}

impl<F: Flow, T: 'static, K> Flow for Then<F, T, K>
where
    K: FnOnce(Result<F::Output, Error>, &mut dyn Env) -> Stage<T> + Send + Sync + 'static,
{
    type Output = T;

    fn on(self, input: Input<'_>, env: &mut dyn Env) -> Result<Step<Self>, Error> {
        let status = input.status();
        match self {
            Self::First(flow, next) => Self::go_on(of_response(flow.on(input, env), status), next, env),
            Self::Second(flow) => Ok(flow.on(input, env)?.wrap(Self::Second)),
        }
    }
}

impl<F: Flow, T, K> fmt::Debug for Then<F, T, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Then(…)")
    }
}

/// Lets time pass. To give up does no more than end it sooner.
#[derive(Debug)]
pub(super) struct Pause;

impl Pause {
    pub(super) fn until(until: MonotonicTime) -> Step<Self> {
        Step::wait(until, Self)
    }
}

impl Flow for Pause {
    type Output = ();

    fn on(self, input: Input<'_>, _env: &mut dyn Env) -> Result<Step<Self>, Error> {
        match input {
            Input::Woken | Input::Failed(_) => Ok(Step::Done(())),
            other => Err(other.unexpected()),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;
    use crate::base::counting_env::CountingEnv;
    use crate::step::toy::{Ask, Toy, drive};

    proptest! {
        /// Whatever the handles are told, each input reaches the flow that asked for it.
        #[test]
        fn no_sequence_of_calls_is_unexpected(
            first in proptest::collection::vec(select(vec![Ask::Call, Ask::Wait, Ask::UseKey]), 0..6),
            second in proptest::collection::vec(select(vec![Ask::Call, Ask::Wait, Ask::UseKey]), 0..6),
            fails in any::<bool>(),
            script in proptest::collection::vec(any::<u8>(), 0..32),
        ) {
            let mut env = CountingEnv::default();
            let step = Toy::start(first, (!fails).then_some(()), &env);
            let stage = then(step, &mut env, |_, env| Ok(Toy::start(second, Some(7), env)?.boxed()));
            let outcome = drive(stage, &script, &mut env);
            prop_assert_eq!(outcome.unwrap(), 7);
        }
    }
}
