//! How a flow is driven: alone, or inside other flows.

use oidc_proto::step::Input;
use oidc_proto::{Env, Error, Flow, Step};

/// How the flow is driven: alone, or inside a flow that takes any.
#[derive(Clone, Copy, Debug)]
pub(super) enum Embedding {
    Alone,
    Boxed,
    BoxedTwice,
    Embedded,
    Wrapped,
}

impl Embedding {
    pub(super) const ALL: [Self; 5] = [Self::Alone, Self::Boxed, Self::BoxedTwice, Self::Embedded, Self::Wrapped];
}

/// A flow that contains any other.
pub(super) struct Containing<F>(F);

impl<F: Flow> Containing<F> {
    pub(super) fn go_on(step: Step<F>) -> Result<Step<Self>, Error> {
        step.embed((), |(), flow| Self(flow), |(), output| Ok(Step::Done(output)))
    }
}

impl<F: Flow> Flow for Containing<F> {
    type Output = F::Output;

    fn on(self, input: Input<'_>, env: &mut dyn Env) -> Result<Step<Self>, Error> {
        Self::go_on(self.0.on(input, env)?)
    }
}

/// A name for any other flow.
pub(super) struct Named<F>(pub(super) F);

impl<F: Flow> Flow for Named<F> {
    type Output = F::Output;

    fn on(self, input: Input<'_>, env: &mut dyn Env) -> Result<Step<Self>, Error> {
        Ok(self.0.on(input, env)?.wrap(Self))
    }
}
