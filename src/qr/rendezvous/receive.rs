//! Waiting for the other device's text.
//!
//! ```text
//! receive ─▶ GET rendezvous ─┬─ another text than before ──▶ Done(Received)
//!                 ▲          └─ the same, or no response ──▶ Wait, or an error once the patience is over
//!                 └────────────────────────────────────────────┘
//! ```

use std::fmt;
use std::time::Duration;

use http::StatusCode;

use super::known::Rendezvous;
use super::patience::Patience;
use super::requests::refusal;
use crate::base::env::Env;
use crate::error::Error;
use crate::qr::channel::AssociatedData;
use crate::step::{Flow, Input, Step};
use crate::wire::response::Response;

impl Rendezvous {
    /// Waits for a text of the other device, at most for `timeout`. The driver needs a timer.
    pub fn receive(self, timeout: Duration, env: &mut dyn Env) -> Step<Receiving> {
        let patience = Patience::new(&self.options(), timeout, env);
        Receiving::start(self, patience)
    }

    /// Waits for a text that need not come, and looks for the first time when an interval is over.
    pub(in crate::qr) fn watch(self, env: &mut dyn Env) -> Step<Receiving> {
        let patience = Patience::new(&self.options(), Duration::MAX, env);
        Receiving::start_later(self, patience, env)
    }
}

/// Awaits a text of the other device.
#[derive(Debug)]
pub struct Receiving {
    rendezvous: Rendezvous,
    patience: Patience,
}

/// A text of the other device, and the rendezvous.
#[non_exhaustive]
pub struct Received {
    /// The rendezvous in its current state.
    pub rendezvous: Rendezvous,
    /// The text: at most [`MESSAGE_LIMIT`](crate::qr::MESSAGE_LIMIT) bytes, and not empty.
    pub text: String,
    /// What the text is bound to: the state that its writer had seen.
    pub binding: AssociatedData,
}

impl fmt::Debug for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Received({} bytes)", self.text.len())
    }
}

impl Receiving {
    fn start(rendezvous: Rendezvous, patience: Patience) -> Step<Self> {
        Self { rendezvous, patience }.look()
    }

    fn start_later(rendezvous: Rendezvous, patience: Patience, env: &mut dyn Env) -> Step<Self> {
        Step::wait(env.monotonic().saturating_add(patience.interval), Self { rendezvous, patience })
    }

    fn look(self) -> Step<Self> {
        Step::call(self.rendezvous.look(), self.rendezvous.place.policy(true), self)
    }

    fn later(mut self, env: &mut dyn Env) -> Result<Step<Self>, Error> {
        Ok(Step::wait(self.patience.next(env)?, self))
    }

    fn again(mut self, error: Error, env: &mut dyn Env) -> Result<Step<Self>, Error> {
        Ok(Step::wait(self.patience.again(error, env)?, self))
    }

    fn receive(mut self, response: &Response<'_>, env: &mut dyn Env) -> Result<Step<Self>, Error> {
        if response.status == StatusCode::NOT_MODIFIED {
            return self.later(env);
        }
        if let Err(error) = refusal(response) {
            return self.again(error, env);
        }
        let look = self.rendezvous.place.read(response)?;
        if look.text.is_empty() {
            // Its state is not taken over: were the body lost on the way, nothing would be new any more.
            return self.later(env);
        }
        let (seen, binding) = (self.rendezvous.revision.clone(), self.rendezvous.binding());
        self.rendezvous.note(look.note?, env);
        // Not every server has a 304 for what is not new.
        let is_new = self.rendezvous.revision != seen && self.rendezvous.own.as_deref() != Some(&look.text);
        if !is_new {
            return self.later(env);
        }
        self.rendezvous.unread_since = None;
        Ok(Step::Done(Received { rendezvous: self.rendezvous, text: look.text.into_owned(), binding }))
    }
}

impl Flow for Receiving {
    type Output = Received;

    fn on(self, input: Input<'_>, env: &mut dyn Env) -> Result<Step<Self>, Error> {
        match input {
            Input::Response(response) => self.receive(&response, env),
            Input::Woken => Ok(self.look()),
            other => self.again(other.unexpected(), env),
        }
    }
}
