//! The transitions with the provider: from the refresh token to new tokens.

use super::Core;
use super::exchange::Exchange;
use super::flight::{ExpectResponse, Flight};
use super::orphans::Orphan;
use super::state::{Resume, Stage, State};
use crate::base::env::{Env, MonotonicTime};
use crate::base::secret::Secret;
use crate::error::transport::{Failure, FailureKind, Sent};
use crate::error::{Error, Fault};
use crate::flow::TokenRequest;
use crate::flow::token_outcome::{TokenOutcome, UnverifiedTokens};
use crate::session::policy::{self, Came, Persistence, STALLED_AFTER, Verdict};
use crate::session::question::Question;
use crate::session::record::Parent;
use crate::step::{Call, Step};

impl Core {
    /// Begins an attempt, which waits until it is admitted where the driver wants that.
    pub(super) fn begin(&mut self, env: &mut dyn Env) -> State {
        self.attempts.begin();
        match self.options.queues {
            true => State::attempting(Stage::Queued, env.monotonic()),
            false => self.admitted(env),
        }
    }

    /// Begins what an attempt does. Its time counts from here.
    pub(super) fn admitted(&mut self, env: &mut dyn Env) -> State {
        let has_lock = self.store.take_lock();
        match self.options.persistence {
            Persistence::Shared if has_lock => self.load(env),
            Persistence::Shared => self.lock(env),
            Persistence::Nowhere | Persistence::Own => self.ask(env),
        }
    }

    /// Begins the attempt after a pause.
    pub(super) fn resume(&mut self, resume: Resume, env: &mut dyn Env) -> State {
        match resume {
            Resume::Anew => self.begin(env),
            Resume::Late(mut expect) => {
                self.store.release();
                expect.exchange.unlocked();
                self.late.expect(self.attempts.ticket(), expect);
                self.begin(env)
            }
        }
    }

    /// Goes on after a transition that did not return. What it held is lost.
    pub(super) fn resume_interrupted(&mut self, env: &mut dyn Env) -> State {
        self.is_interrupted();
        self.begin(env)
    }

    /// A transition did not return: the provider may have rotated, and whether there is a lock is not known.
    pub(super) fn is_interrupted(&mut self) {
        self.current.doubt(None);
        self.store.may_have_spent();
        self.store.abandon();
    }

    /// Asks the provider for the successor of the current tokens, unless it has come meanwhile. Before that, the store
    /// has to show that it can save what comes.
    pub(super) fn ask(&mut self, env: &mut dyn Env) -> State {
        if let Some((step, exchange)) = self.has_come(env) {
            return self.proceed(Ok(step), exchange, env);
        }
        if self.options.persistence == Persistence::Nowhere || self.current.tokens().refresh_token().is_none() {
            return self.ask_prepared(self.deadline(env), env);
        }
        self.store.ask(Question::Prepare);
        State::attempting(Stage::ExpectPreparation, self.deadline(env))
    }

    /// Asks the provider, unless what was asked for before has come meanwhile. What it gives can be saved. The lease of the
    /// lock lasts until then.
    pub(super) fn ask_prepared(&mut self, lease_until: MonotonicTime, env: &mut dyn Env) -> State {
        if let Some((step, exchange)) = self.has_come(env) {
            return self.proceed(Ok(step), exchange, env);
        }
        let exchange = self.exchange(lease_until, env);
        let step = self.party.refresh(self.current.tokens(), env);
        self.proceed(step, exchange, env)
    }

    /// The successor of the current tokens, if it has come meanwhile; else the first step to ask for it.
    pub(super) fn request(&mut self, env: &mut dyn Env) -> (Result<Step<TokenRequest>, Error>, Exchange) {
        if let Some((step, exchange)) = self.has_come(env) {
            return (Ok(step), exchange);
        }
        let exchange = self.exchange(self.deadline(env), env);
        (self.party.refresh(self.current.tokens(), env), exchange)
    }

    /// What comes of the current tokens.
    fn exchange(&self, lease_until: MonotonicTime, env: &dyn Env) -> Exchange {
        let is_shared = self.options.persistence == Persistence::Shared;
        let spent = self.current.tokens().refresh_token().filter(|_| is_shared).cloned();
        Exchange::new(self.parent(spent), lease_until, self.options.deadline(), env)
    }

    /// What comes is obtained from this refresh token, and not from a later record than the known one.
    fn parent(&self, spent: Option<Secret>) -> Parent {
        Parent { spent, generation: self.store.known().map(|known| known.generation) }
    }

    /// The successor of the current tokens, if the response to an earlier request has brought it.
    pub(super) fn has_come(&mut self, env: &mut dyn Env) -> Option<(Step<TokenRequest>, Exchange)> {
        if self.late.is_empty() {
            // Nearly always. What is moved below is large, also where it is nothing.
            return None;
        }
        let mut come = self.late.take_tokens(self.current.tokens().refresh_token(), env);
        if let Some((_, exchange)) = &mut come {
            exchange.is_of(self.store.known());
        }
        self.set_late_aside(env);
        come
    }

    /// Asks with another refresh token of the same login than the current one.
    pub(super) fn ask_with(&mut self, other: Secret, env: &mut dyn Env) -> State {
        let tokens = self.current.tokens().clone().with(|tokens| tokens.refresh_token = Some(other.clone()));
        let step = self.party.refresh(&tokens, env);
        let (parent, lease_until) = (self.parent(Some(other)), self.deadline(env));
        let exchange = Exchange::new(parent, lease_until, self.options.deadline(), env);
        self.proceed(step, exchange, env)
    }

    /// Goes on from a step of the flow.
    pub(super) fn proceed(
        &mut self,
        step: Result<Step<TokenRequest>, Error>,
        mut exchange: Exchange,
        env: &mut dyn Env,
    ) -> State {
        if step.is_ok() && exchange.may_have_yielded() {
            // New tokens exist. Until they can be used, nobody knows whether the old one is still good.
            if exchange.may_have_rotated() {
                self.current.doubt(Some(exchange.asked_at()));
            }
            if !matches!(step, Ok(Step::Done(TokenOutcome::Verified(_)))) {
                // They cannot be saved yet, so no save renews the lease. A flow that waits comes
                // here often: for it the lease is renewed only when that is due.
                if !matches!(step, Ok(Step::Wait(_))) || exchange.is_renewal_due(env) {
                    self.store.renew_lease();
                    exchange.renews(self.options.deadline(), env);
                }
            }
        }
        match step {
            // The provider says that it did not rotate.
            Err(error) if error.fault() == Fault::Denied => self.failed(error, Came::Nothing, exchange.denied(), env),
            Err(error) => self.failed(error, Came::Nothing, exchange, env),
            Ok(Step::Call(call)) => self.send(call, exchange, env),
            Ok(Step::UseKey(use_key)) => State::in_flight(Flight::use_key(use_key, exchange), self.deadline(env)),
            Ok(Step::Wait(wait)) => {
                let until = wait.until();
                State::in_flight(Flight::Wait(wait, exchange), until)
            }
            Ok(Step::Done(TokenOutcome::Verified(granted))) => {
                let may_be_spent = exchange.may_be_overtaken(env) && self.store.was_begun();
                self.obtained(exchange.obtained(granted.tokens, may_be_spent), env)
            }
            Ok(Step::Done(TokenOutcome::Unverified { error, tokens })) => self.unverified(error, tokens, exchange, env),
        }
    }

    /// Tokens came that are not verified, or only a refresh token.
    fn unverified(
        &mut self,
        error: Error,
        tokens: UnverifiedTokens,
        mut exchange: Exchange,
        env: &mut dyn Env,
    ) -> State {
        if tokens.lack_access_token() {
            if tokens.refresh_token().is_none() {
                return self.failed(error, Came::Nothing, exchange, env);
            }
            self.keep_refresh_token(&tokens, &mut exchange, env);
            return self.back_off(error, Resume::Anew, env);
        }
        let came = if tokens.are_flawed() { Came::Flawed } else { Came::Unverified };
        match policy::verdict(&error, came) {
            Verdict::Later => {
                self.keep_refresh_token(&tokens, &mut exchange, env);
                // If the key was withdrawn, nobody will ever verify them: then the next attempt asks for others.
                if self.attempts.failures() + 1 < STALLED_AFTER {
                    self.late.verify_later(self.attempts.ticket(), tokens, exchange);
                }
                self.back_off(error, Resume::Anew, env)
            }
            _ => {
                self.orphaned(Orphan::Unverified(tokens));
                self.failed(error, came, exchange, env)
            }
        }
    }

    /// A request is to be sent. The provider is not asked for what has come while a key was used.
    fn send(&mut self, call: Call<TokenRequest>, exchange: Exchange, env: &mut dyn Env) -> State {
        if !exchange.has_begun()
            && let Some((step, exchange)) = self.has_come(env)
        {
            return self.proceed(Ok(step), exchange, env);
        }
        State::in_flight(Flight::call(call, exchange), self.deadline(env))
    }

    /// The response did not come in time. It may still come.
    pub(super) fn response_is_late(&mut self, expect: ExpectResponse, env: &mut dyn Env) -> State {
        self.ends_in_vain(&expect.exchange);
        self.back_off(timeout(), Resume::Late(expect), env)
    }
}

fn timeout() -> Error {
    Failure::new(FailureKind::Timeout, Sent::Maybe).into()
}
