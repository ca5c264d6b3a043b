//! A flow whose type is erased.

use std::fmt;

use super::contract::{Flow, Input, Step};
use crate::base::env::Env;
use crate::error::Error;

/// A flow with output `T` whose own type is erased. [`Step::boxed`](crate::Step::boxed) makes it.
pub struct BoxFlow<T>(Box<dyn AnyFlow<T>>);

impl<T: 'static> BoxFlow<T> {
    pub(super) fn new<F: Flow<Output = T>>(flow: F) -> Self {
        Self(Box::new(flow))
    }
}

impl<T> fmt::Debug for BoxFlow<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BoxFlow(…)")
    }
}

impl<F: Flow> Step<F> {
    /// Erases the type of the flow, so that one queue can hold different flows with the same output, which must not
    /// borrow.
    pub fn boxed(self) -> Step<BoxFlow<F::Output>>
    where
        F::Output: 'static,
    {
        self.wrap(BoxFlow::new)
    }
}

trait AnyFlow<T: 'static>: Send + Sync {
    fn on(self: Box<Self>, input: Input<'_>, env: &mut dyn Env) -> Result<Step<BoxFlow<T>>, Error>;
}

impl<F: Flow> AnyFlow<F::Output> for F
where
    F::Output: 'static,
{
    fn on(self: Box<Self>, input: Input<'_>, env: &mut dyn Env) -> Result<Step<BoxFlow<F::Output>>, Error> {
        Flow::on(*self, input, env).map(Step::boxed)
    }
}

impl<T: 'static> Flow for BoxFlow<T> {
    type Output = T;

    fn on(self, input: Input<'_>, env: &mut dyn Env) -> Result<Step<Self>, Error> {
        self.0.on(input, env)
    }
}
