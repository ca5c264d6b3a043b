//! The rendezvous of a code that this device scanned.
//!
//! ```text
//! join ─▶ GET rendezvous ─┬─ it is empty ───────────────▶ Done(Rendezvous)
//!              ▲          ├─ it has a text ─────────────▶ error
//!              │          ├─ any other status ──────────▶ error
//!              │          └─ no response, 408, 425, 429, 5xx ─▶ Wait, or an error once the patience is over
//!              └─────────────────────────────────────────────────┘
//! ```

use std::time::Duration;

use http::StatusCode;

use super::known::Rendezvous;
use super::options::RendezvousOptions;
use super::patience::Patience;
use super::place::{Place, missing};
use super::requests::refusal;
use crate::base::env::Env;
use crate::error::{Error, ErrorCode};
use crate::qr::code::QrCode;
use crate::step::{Flow, Input, Step};
use crate::wire::response::Response;

impl Rendezvous {
    /// Reads the rendezvous of a scanned QR code. It must be empty.
    pub fn join(code: &QrCode, options: RendezvousOptions, timeout: Duration, env: &mut dyn Env) -> Step<Joining> {
        Joining { place: Place::of(code), options, patience: Patience::new(&options, timeout, env) }.look()
    }
}

/// Awaits the first look at a rendezvous that another device made.
#[derive(Debug)]
pub struct Joining {
    place: Place,
    options: RendezvousOptions,
    patience: Patience,
}

impl Joining {
    fn look(self) -> Step<Self> {
        Step::call(self.place.look(None), self.place.policy(true), self)
    }

    fn again(mut self, error: Error, env: &mut dyn Env) -> Result<Step<Self>, Error> {
        Ok(Step::wait(self.patience.again(error, env)?, self))
    }

    fn receive(self, response: &Response<'_>, env: &mut dyn Env) -> Result<Step<Self>, Error> {
        if response.status == StatusCode::NOT_MODIFIED {
            // This is not what was asked.
            return Err(missing("status"));
        }
        if let Err(error) = refusal(response) {
            return self.again(error, env);
        }
        let look = self.place.read(response)?;
        // Whoever writes first is the other end of the channel: somebody else has been here.
        if !look.text.is_empty() {
            return Err(ErrorCode::QR_RENDEZVOUS_USED.into());
        }
        Ok(Step::Done(Rendezvous::of(self.place, self.options, look.note?, env)))
    }
}

impl Flow for Joining {
    type Output = Rendezvous;

    fn on(self, input: Input<'_>, env: &mut dyn Env) -> Result<Step<Self>, Error> {
        match input {
            Input::Response(response) => self.receive(&response, env),
            Input::Woken => Ok(self.look()),
            other => self.again(other.unexpected(), env),
        }
    }
}
