//! How a stage of a login is put together: one flow, then what follows from its outcome, be it an error.

use std::fmt;

use crate::base::env::{Env, MonotonicTime};
use crate::error::transport::Failure;
use crate::error::{Error, ErrorCode};
use crate::step::{BoxFlow, Flow, Step};
use crate::wire::response::Response;

/// The flow to the next pause of a login, at which the user or the application has something to do.
///
/// An error comes when nothing is left to do: the other device was told, as far as it could be, and the rendezvous
/// deleted. To cancel, let the driver end the step at hand by [`Awaiting::fail`](crate::step::Awaiting::fail) with
/// `Cancelled` or [`Wait::cancel`](crate::step::Wait::cancel), and go on with the steps that follow.
pub type Stage<T> = Result<Step<BoxFlow<T>>, Error>;

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
            Ok(step) => step.embed_with(
                next,
                |next, flow| Self::First(flow, next),
                |next, output| Self::second(next(Ok(output), env)?),
            ),
            Err(error) => Self::second(next(Err(error), env)?),
        }
    }

    fn second(step: Step<BoxFlow<T>>) -> Result<Step<Self>, Error> {
        step.embed(Self::Second, |output| Ok(Step::Done(output)))
    }
}

impl<F: Flow, T: 'static, K> Flow for Then<F, T, K>
where
    K: FnOnce(Result<F::Output, Error>, &mut dyn Env) -> Stage<T> + Send + Sync + 'static,
{
    type Output = T;

    fn on_response(self, reply: Response<'_>, env: &mut dyn Env) -> Result<Step<Self>, Error> {
        match self {
            Self::First(flow, next) => Self::go_on(flow.on_response(reply, env), next, env),
            Self::Second(flow) => Self::second(flow.on_response(reply, env)?),
        }
    }

    fn on_failure(self, failure: Failure, env: &mut dyn Env) -> Result<Step<Self>, Error> {
        match self {
            Self::First(flow, next) => Self::go_on(flow.on_failure(failure, env), next, env),
            Self::Second(flow) => Self::second(flow.on_failure(failure, env)?),
        }
    }

    fn on_wake(self, env: &mut dyn Env) -> Result<Step<Self>, Error> {
        match self {
            Self::First(flow, next) => Self::go_on(flow.on_wake(env), next, env),
            Self::Second(flow) => Self::second(flow.on_wake(env)?),
        }
    }

    fn on_signature(self, signature: &[u8], env: &mut dyn Env) -> Result<Step<Self>, Error> {
        match self {
            Self::First(flow, next) => Self::go_on(flow.on_signature(signature, env), next, env),
            Self::Second(flow) => Self::second(flow.on_signature(signature, env)?),
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

    fn on_response(self, _reply: Response<'_>, _env: &mut dyn Env) -> Result<Step<Self>, Error> {
        Err(ErrorCode::STEP_UNEXPECTED.into())
    }

    fn on_failure(self, _failure: Failure, _env: &mut dyn Env) -> Result<Step<Self>, Error> {
        Ok(Step::Done(()))
    }

    fn on_wake(self, _env: &mut dyn Env) -> Result<Step<Self>, Error> {
        Ok(Step::Done(()))
    }
}
