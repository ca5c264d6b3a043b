//! Many flows in one queue, one step of each in turn: what an SDK with a loop of its own does.

use std::collections::VecDeque;

use oidc_proto::FailureKind;
use oidc_proto::adapter::BlockingHttpClient;
use oidc_proto::step::BoxFlow;
use oidc_proto::{Env, Error, Flow, Step};

/// Flows of one output, under names.
pub struct Queue<T: 'static> {
    steps: VecDeque<(&'static str, Step<BoxFlow<T>>)>,
    /// Whose step was carried out, in that order.
    pub turns: Vec<&'static str>,
}

impl<T: 'static> Queue<T> {
    /// With nothing in it.
    pub fn new() -> Self {
        Self { steps: VecDeque::new(), turns: Vec::new() }
    }

    /// Adds a flow of any kind.
    pub fn push<F: Flow<Output = T>>(&mut self, name: &'static str, step: Step<F>) {
        self.steps.push_back((name, step.boxed()));
    }

    /// Carries out one step of the flow whose turn it is. Its outcome, once there is one.
    pub fn turn(
        &mut self,
        http: &impl BlockingHttpClient,
        env: &mut impl Env,
    ) -> Option<(&'static str, Result<T, Error>)> {
        let (name, step) = self.steps.pop_front()?;
        self.turns.push(name);
        let next = match step {
            Step::Call(call) => {
                let (request, policy, awaiting) = call.into_parts();
                match http.call(request, policy) {
                    Ok(response) => awaiting.receive(response, env),
                    Err(failure) => awaiting.fail(failure, env),
                }
            }
            // Waking early is not wrong: the flow waits again.
            Step::Wait(wait) => wait.wake(env),
            Step::UseKey(use_key) => use_key.into_parts().1.fail(FailureKind::Unsupported, env),
            Step::Done(output) => return Some((name, Ok(output))),
        };
        match next {
            Ok(step) => self.steps.push_back((name, step)),
            Err(error) => return Some((name, Err(error))),
        }
        None
    }

    /// How many flows are under way.
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }
}

impl<T: 'static> Default for Queue<T> {
    fn default() -> Self {
        Self::new()
    }
}
