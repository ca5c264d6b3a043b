//! Writes a text exactly once, even if responses are lost.
//!
//! A text of MSC4388 whose response was lost is looked for before it is written again.
//!
//! ```text
//! send ─▶ PUT rendezvous ─┬─ written ──────────────────────▶ Done(Delivered)
//!              ▲          ├─ the other device wrote first ─▶ Done(Overtaken)
//!              │          ├─ 425, 429 ─▶ Wait ─▶ PUT
//!              │          ├─ any other refusal ────────────▶ error
//!              │          └─ no response, 408, 5xx ─▶ GET (MSC4388), or Wait ─▶ PUT
//!              │                                       ├─ this text is there ───────────────▶ Done(Delivered)
//!              │                                       ├─ another is there, or it is gone ──▶ Done(Uncertain)
//!              └──────────── Wait ◀────────────────────┴─ nobody has written
//! ```

use std::time::Duration;

use http::StatusCode;

use super::known::Rendezvous;
use super::patience::Patience;
use super::place::Note;
use super::requests::{is_uncertain, refusal};
use crate::base::env::Env;
use crate::error::{Error, ErrorCode};
use crate::qr::proposal::Proposal;
use crate::step::{Flow, Input, Step};
use crate::wire::response::Response;

impl Rendezvous {
    /// Writes a text, if the rendezvous has not changed since this device last saw it. After a failure, it tries again
    /// until `timeout` has passed.
    pub fn send(self, text: &str, timeout: Duration, env: &mut dyn Env) -> Step<Sending> {
        let patience = Patience::new(&self.options(), timeout, env);
        Sending::start(self, text, patience)
    }

    /// The same for a text that may be there already: a response was not waited for.
    pub(in crate::qr) fn send_again(self, text: &str, timeout: Duration, env: &mut dyn Env) -> Step<Sending> {
        let patience = Patience::new(&self.options(), timeout, env);
        Sending::again(self, text, patience)
    }
}

/// The result of writing a text.
///
/// Exhaustive, so that callers handle a text that was not delivered.
#[derive(Debug)]
#[must_use = "a text that was overtaken is not in the box"]
pub enum Delivery {
    /// The text is in the rendezvous.
    Delivered(Rendezvous),
    /// The text was not written, because the other device wrote first. Receive its text, then decide.
    Overtaken(Rendezvous),
    /// The text may have been delivered. The response was lost, and the rendezvous now has another text or has ended.
    /// The other text may be the response to this one: receive it, then decide.
    Uncertain(Rendezvous),
}

/// Awaits the delivery of the text.
#[derive(Debug)]
pub struct Sending(State, Box<Letter>);

#[derive(Debug)]
enum State {
    /// The PUT was sent.
    ExpectDelivery,
    /// An earlier PUT may have arrived: a look says what is in the box.
    ExpectContent,
    Pausing,
}

#[derive(Debug)]
struct Letter {
    /// Its `own` is the text.
    rendezvous: Rendezvous,
    patience: Patience,
    /// Whether a PUT was sent without a response.
    may_be_there: bool,
}

impl Sending {
    fn start(rendezvous: Rendezvous, text: &str, patience: Patience) -> Step<Self> {
        Letter::new(rendezvous, text, patience, false).write()
    }

    fn again(rendezvous: Rendezvous, text: &str, patience: Patience) -> Step<Self> {
        Letter::new(rendezvous, text, patience, true).write()
    }
}

impl Letter {
    fn new(mut rendezvous: Rendezvous, text: &str, patience: Patience, may_be_there: bool) -> Self {
        rendezvous.own = Some(text.into());
        Self { rendezvous, patience, may_be_there }
    }

    fn write(self) -> Step<Sending> {
        let request = self.rendezvous.write(self.rendezvous.own.as_deref().unwrap_or(""));
        let policy = self.rendezvous.place.policy(false);
        Step::call(request, policy, Sending(State::ExpectDelivery, Box::new(self)))
    }

    fn look(self) -> Step<Sending> {
        let policy = self.rendezvous.place.policy(true);
        Step::call(self.rendezvous.look(), policy, Sending(State::ExpectContent, Box::new(self)))
    }

    fn again(mut self, error: Error, env: &mut dyn Env) -> Result<Step<Sending>, Error> {
        Ok(Step::wait(self.patience.again(error, env)?, Sending(State::Pausing, Box::new(self))))
    }

    /// Where messages are bound to the state (MSC4388), the state that this text made must be seen before the other
    /// device makes the next one: its response could not be read otherwise. So this device looks at once.
    fn after_failure(mut self, is_uncertain: bool, error: Error, env: &mut dyn Env) -> Result<Step<Sending>, Error> {
        self.may_be_there |= is_uncertain;
        let is_bound = self.rendezvous.proposal() == Proposal::Msc4388;
        if is_uncertain && is_bound { Ok(self.look()) } else { self.again(error, env) }
    }

    fn delivered(mut self, note: Note, env: &mut dyn Env) -> Result<Step<Sending>, Error> {
        self.rendezvous.note(note, env);
        self.rendezvous.unread_since = Some(env.monotonic());
        Ok(Step::Done(Delivery::Delivered(self.rendezvous)))
    }

    fn passed_by(self) -> Result<Step<Sending>, Error> {
        let made = if self.may_be_there { Delivery::Uncertain } else { Delivery::Overtaken };
        Ok(Step::Done(made(self.rendezvous)))
    }

    fn on_delivery(self, response: &Response<'_>, env: &mut dyn Env) -> Result<Step<Sending>, Error> {
        if self.rendezvous.place.is_conflict(response) {
            return if self.may_be_there { Ok(self.look()) } else { self.passed_by() };
        }
        match refusal(response) {
            Ok(()) => {
                let note = self.rendezvous.place.written(response)?;
                self.delivered(note, env)
            }
            Err(error) if self.is_gone_after_all(&error) => self.passed_by(),
            Err(error) => {
                // A proxy that has given up waiting does not know what the server did.
                let is_uncertain = response.status.is_server_error() || response.status == StatusCode::REQUEST_TIMEOUT;
                self.after_failure(is_uncertain, error, env)
            }
        }
    }

    fn on_content(self, response: &Response<'_>, env: &mut dyn Env) -> Result<Step<Sending>, Error> {
        if response.status == StatusCode::NOT_MODIFIED {
            return self.write_later(env);
        }
        match refusal(response) {
            Ok(()) => {
                let look = self.rendezvous.place.read(response)?;
                let note = look.note?;
                if note.revision == self.rendezvous.revision {
                    self.write_later(env)
                } else if self.rendezvous.own.as_deref() == Some(&look.text) {
                    self.delivered(note, env)
                } else {
                    self.passed_by()
                }
            }
            Err(error) if self.is_gone_after_all(&error) => self.passed_by(),
            Err(error) => self.again(error, env),
        }
    }

    /// Nobody has written: the conflict was wrong, and may be right the next time.
    fn write_later(mut self, env: &mut dyn Env) -> Result<Step<Sending>, Error> {
        self.may_be_there = false;
        let until = self.patience.next(env)?;
        Ok(Step::wait(until, Sending(State::Pausing, Box::new(self))))
    }

    /// The other device deletes the box when it has read the last text.
    fn is_gone_after_all(&self, error: &Error) -> bool {
        self.may_be_there && error.code() == ErrorCode::QR_RENDEZVOUS_EXPIRED
    }
}

impl Flow for Sending {
    type Output = Delivery;

    fn on(self, input: Input<'_>, env: &mut dyn Env) -> Result<Step<Self>, Error> {
        let Self(state, letter) = self;
        match (state, input) {
            (State::ExpectDelivery, Input::Response(response)) => letter.on_delivery(&response, env),
            (State::ExpectContent, Input::Response(response)) => letter.on_content(&response, env),
            (State::Pausing, Input::Woken) => Ok(letter.write()),
            (State::ExpectDelivery, other) => {
                let is_uncertain = !other.is_cancelled() && other.failure().is_some_and(is_uncertain);
                letter.after_failure(is_uncertain, other.unexpected(), env)
            }
            (_, other) => letter.again(other.unexpected(), env),
        }
    }
}
