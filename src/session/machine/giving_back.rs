//! Tokens that a session does not go on with: what an attempt that is given up has, and what comes for it later.

use super::Core;
use super::exchange::{EndOfRefresh, Exchange};
use super::flight::{ExpectResponse, Flight};
use super::late::Fate;
use super::orphans::Orphan;
use super::state::{Resume, Stage, State};
use crate::base::env::Env;
use crate::error::Error;
use crate::error::transport::{Failure, FailureKind, Sent};
use crate::flow::TokenRequest;
use crate::flow::token_outcome::TokenOutcome;
use crate::session::event::Event;
use crate::step::Step;

/// What an attempt has that is given up.
#[allow(clippy::large_enum_variant, reason = "there is one, and it is taken apart at once")]
pub(super) enum Held {
    Nothing,
    /// Tokens that came.
    Tokens(Orphan, EndOfRefresh),
    /// The same, of a new login.
    NewLogin(Orphan),
    /// Tokens may still come.
    Expected(ExpectResponse),
    /// Tokens came, and nobody has them.
    Lost,
}

impl Held {
    /// What this state has.
    pub(super) fn by(state: State, env: &mut dyn Env) -> Self {
        let stage = match state {
            State::Attempting(attempt) => attempt.stage,
            State::Pausing(pause) => match pause.into_resume() {
                Resume::Anew => return Self::Nothing,
                Resume::Late(expect) => return Self::in_flight(Flight::Response(None, expect), env),
            },
            State::Interrupted => return Self::Lost,
            // A logout gives back itself what it has.
            State::Idle { .. } | State::Stopped(_) | State::Leaving(_) | State::LoggedOut => return Self::Nothing,
        };
        match stage {
            Stage::InFlight(flight) => Self::in_flight(*flight, env),
            Stage::ExpectSave(obtained) if obtained.new_login.is_some() => Self::NewLogin(obtained.tokens.into()),
            Stage::ExpectSave(obtained) => {
                let may_be_overtaken = obtained.lease_until <= env.monotonic();
                let end = EndOfRefresh { spent: obtained.parent.spent, may_be_overtaken };
                Self::Tokens(obtained.tokens.into(), end)
            }
            _ => Self::Nothing,
        }
    }

    pub(super) fn in_flight(flight: Flight, env: &mut dyn Env) -> Self {
        match flight {
            Flight::Response(_, expect) if expect.exchange.awaits_tokens() => Self::Expected(expect),
            // If tokens came, their flow has them.
            flight => {
                let (step, exchange) = flight.expire(env);
                Self::of(step, exchange, env)
            }
        }
    }

    /// What a flow has.
    pub(super) fn of(step: Result<Step<TokenRequest>, Error>, exchange: Exchange, env: &mut dyn Env) -> Self {
        if !exchange.may_have_yielded() {
            return Self::Nothing;
        }
        let mut step = step;
        // Each round ends one step of the search for keys. The search has few steps.
        for _ in 0..8 {
            step = match step {
                Ok(Step::Done(TokenOutcome::Verified(granted))) => {
                    return Self::Tokens(granted.tokens.into(), exchange.end(env));
                }
                Ok(Step::Done(TokenOutcome::Unverified { tokens, .. })) => {
                    return Self::Tokens(Orphan::Unverified(tokens), exchange.end(env));
                }
                Ok(Step::Call(call)) => call.into_parts().2.fail(Failure::new(FailureKind::Timeout, Sent::No), env),
                Ok(Step::UseKey(use_key)) => use_key.into_parts().1.fail(FailureKind::Timeout, env),
                // Whoever fetches the keys may take his time.
                Ok(Step::Wait(wait)) => wait.cancel(env),
                Err(_) => return Self::Lost,
            };
        }
        Self::Lost
    }
}

impl Core {
    pub(super) fn orphaned(&mut self, tokens: impl Into<Orphan>) {
        self.orphans.push(tokens);
        self.events.push(Event::Orphaned);
    }

    /// What a new login was to replace is given back: it is saved, or will not be.
    pub(super) fn nothing_is_replaced(&mut self) {
        if self.orphans.settle() {
            self.events.push(Event::Orphaned);
        }
    }

    /// The session does not go on with this state. What it has is given back; what comes for it, as it comes.
    pub(super) fn give_back(&mut self, state: State, env: &mut dyn Env) {
        match Held::by(state, env) {
            Held::Nothing | Held::Lost => {}
            Held::Tokens(orphan, _) | Held::NewLogin(orphan) => self.orphaned(orphan),
            Held::Expected(expect) => {
                self.late.expect(self.attempts.ticket(), expect);
                // From here on it is the response of an earlier attempt.
                self.attempts.begin();
            }
        }
        self.let_late_go(env);
    }

    /// The session does not go on with this login. What was set aside, and what responses that are
    /// late have brought, is given back, and what they may still bring, as it comes.
    pub(super) fn let_late_go(&mut self, env: &mut dyn Env) {
        while let Some((step, exchange)) = self.late.take_arrived(env) {
            self.give_back_late(step, exchange, false, env);
        }
        self.late.let_go();
        if self.orphans.give_set_aside_back() {
            self.events.push(Event::Orphaned);
        }
    }

    /// What responses have brought that are older than the last request to the provider, or came to another record.
    pub(super) fn set_late_aside(&mut self, env: &mut dyn Env) {
        while let Some((step, exchange)) = self.late.take_of(Fate::SetAside, env) {
            if let Held::Tokens(orphan, _) = Held::of(Ok(step), exchange, env) {
                self.orphans.set_aside(orphan);
            }
        }
    }

    /// Gives back what came for a login that the session does not go on with. If another one is to
    /// take its place in the store, once that is saved: until then it may be all that is stored.
    pub(super) fn give_back_late(
        &mut self,
        step: Step<TokenRequest>,
        exchange: Exchange,
        is_to_be_replaced: bool,
        env: &mut dyn Env,
    ) {
        match Held::of(Ok(step), exchange, env) {
            Held::Tokens(orphan, _) if is_to_be_replaced => self.orphans.replace(orphan),
            Held::Tokens(orphan, _) => self.orphaned(orphan),
            _ => {}
        }
    }
}
