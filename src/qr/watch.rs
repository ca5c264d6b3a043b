//! The new device waits for the user's decision at the provider, and looks meanwhile whether the other device gives up.
//!
//! ```text
//! start ─▶ Wait ─┬─ the provider may be asked ─▶ POST token endpoint ─┬─ not yet ─▶ Wait
//!           ▲    │                                                    └─ tokens, refused, too late ─▶ Done(Decided)
//!           │    └─ an interval is over ─▶ GET rendezvous ─┬─ a text ─▶ Done(Spoken)
//!           │                                              └─ 404 ─▶ Wait, and no look any more
//!           └──────────────────────────────────────────────── nothing new
//! ```
//!
//! It is not the other device's turn, so that what it says is that the login ends. That the rendezvous is gone says
//! less: servers keep one for a minute, and users take longer. Then the login can still succeed, without secrets.

use std::fmt;

use super::dialog::Talk;
use super::rendezvous::{Received, Receiving};
use super::stage::of_response;
use crate::base::env::Env;
use crate::error::{Error, ErrorCode};
use crate::flow::TokenRequest;
use crate::flow::token_outcome::TokenOutcome;
use crate::step::{Flow, Input, Step, Wait};

/// Awaits the user's decision, or the other device's.
pub(super) struct Watch {
    talk: Talk,
    state: State,
}

#[allow(clippy::large_enum_variant, reason = "it is moved with each step, never kept in numbers")]
enum State {
    /// Neither of the two is due. There is nothing to look at once the rendezvous is gone.
    Pausing(Wait<TokenRequest>, Option<Wait<Receiving>>),
    /// The provider was asked.
    ExpectTokens(TokenRequest, Option<Wait<Receiving>>),
    /// The rendezvous was looked at.
    ExpectText(Wait<TokenRequest>, Receiving),
}

/// What came first.
#[allow(clippy::large_enum_variant, reason = "there is one, and it is taken apart at once")]
pub(super) enum Outcome {
    /// The provider's response.
    Decided(Talk, Result<TokenOutcome, Error>),
    /// The other device has written something.
    Spoken(Talk, Received),
}

impl Watch {
    pub(super) fn start(polling: Step<TokenRequest>, talk: Talk, env: &mut dyn Env) -> Result<Step<Self>, Error> {
        match talk.rendezvous.clone().watch(env) {
            Step::Wait(looking) => Self::polled(Ok(polling), Some(looking), talk),
            _ => Self::polled(Ok(polling), None, talk),
        }
    }

    fn polled(
        step: Result<Step<TokenRequest>, Error>,
        looking: Option<Wait<Receiving>>,
        talk: Talk,
    ) -> Result<Step<Self>, Error> {
        match step {
            Ok(Step::Wait(polling)) => Ok(Self::pause(polling, looking, talk)),
            Ok(step) => step.embed(
                (looking, talk),
                |(looking, talk), polling| Self { talk, state: State::ExpectTokens(polling, looking) },
                |(_, talk), exchanged| Ok(Step::Done(Outcome::Decided(talk, Ok(exchanged)))),
            ),
            Err(error) => Ok(Step::Done(Outcome::Decided(talk, Err(error)))),
        }
    }

    fn looked(
        step: Result<Step<Receiving>, Error>,
        polling: Wait<TokenRequest>,
        talk: Talk,
    ) -> Result<Step<Self>, Error> {
        match step {
            Ok(Step::Wait(looking)) => Ok(Self::pause(polling, Some(looking), talk)),
            Ok(step) => step.embed(
                (polling, talk),
                |(polling, talk), looking| Self { talk, state: State::ExpectText(polling, looking) },
                |(_, talk), received| Ok(Step::Done(Outcome::Spoken(talk, received))),
            ),
            Err(error) if error.code() == ErrorCode::QR_RENDEZVOUS_EXPIRED => Ok(Self::pause(polling, None, talk)),
            Err(error) => Ok(Step::Done(Outcome::Decided(talk, Err(error)))),
        }
    }

    fn pause(polling: Wait<TokenRequest>, looking: Option<Wait<Receiving>>, talk: Talk) -> Step<Self> {
        let until = polling.until();
        let until = looking.as_ref().map_or(until, |looking| looking.until().min(until));
        Step::wait(until, Self { talk, state: State::Pausing(polling, looking) })
    }
}

impl Flow for Watch {
    type Output = Outcome;

    fn on(self, input: Input<'_>, env: &mut dyn Env) -> Result<Step<Self>, Error> {
        let status = input.status();
        let Self { talk, state } = self;
        match state {
            State::ExpectTokens(polling, looking) => {
                Self::polled(of_response(polling.on(input, env), status), looking, talk)
            }
            State::ExpectText(polling, looking) => {
                Self::looked(of_response(looking.on(input, env), status), polling, talk)
            }
            State::Pausing(polling, looking) => match (input.woken(), looking) {
                (Err(error), _) => Ok(Step::Done(Outcome::Decided(talk, Err(error)))),
                // The provider comes first where both are due: nobody waits longer for tokens because of the looks.
                (Ok(()), Some(looking)) if polling.until() > env.monotonic() => {
                    Self::looked(looking.wake(env), polling, talk)
                }
                (Ok(()), looking) => Self::polled(polling.wake(env), looking, talk),
            },
        }
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watch(…)")
    }
}
