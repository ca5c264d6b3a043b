//! The session itself: its inputs and its outputs. How an attempt goes on is in `attempt.rs`, what has to do with the
//! store in `saving.rs`.

use std::fmt;
use std::sync::Arc;

use http::{Method, Response};

use super::access::{Access, End, Epoch, Outcome, Refusal, Ticket, Transmit};
use super::attempt::{Attempt, Stage, State};
use super::event::{Event, Events};
use super::policy::{Options, Persistence, RefreshPolicy, SessionOptions};
use super::saving::{Asked, Unsaved};
use crate::base::env::{Env, MonotonicTime};
use crate::base::secret::{AccessToken, same_bytes};
use crate::error::transport::{Failure, FailureKind};
use crate::error::{Error, ErrorCode};
use crate::flow::Revocation;
use crate::jose::Keys;
use crate::party::client::Client;
use crate::party::provider::Provider;
use crate::step::{KeyOutput, Step};
use crate::token::token_set::TokenSet;

/// A token set that stays good. See [the module](super) for how to drive it.
pub struct Session {
    pub(super) provider: Arc<Provider>,
    pub(super) client: Arc<Client>,
    pub(super) keys: Option<Arc<Keys>>,
    pub(super) tokens: TokenSet,
    pub(super) options: Options,
    pub(super) state: State,
    /// Of the record that is in the store.
    pub(super) generation: u64,
    /// Until when the access token is good by the monotonic clock; `None` if that is not known.
    pub(super) good_until: Option<MonotonicTime>,
    /// A resource server said that it is not good.
    pub(super) is_refused: bool,
    /// Tokens that were refused as soon as they were obtained, one after the other.
    pub(super) refused: u8,
    /// Attempts that were begun, and attempts that are over. At one a second, 32 bits last for 136 years.
    pub(super) begun: u32,
    pub(super) finished: u32,
    /// How the last attempt failed.
    pub(super) last_failure: Option<ErrorCode>,
    /// In a row.
    pub(super) failures: u32,
    pub(super) tickets: u32,
    pub(super) unlocks: bool,
    /// The ticket of the last `Unlock`.
    pub(super) last_unlock: u32,
    pub(super) erasure: Asked,
    pub(super) unsaved: Option<Box<Unsaved>>,
    pub(super) events: Events,
}

impl Session {
    /// A session of these tokens, restored or just logged in. `generation` is the stored record's; 0 without one.
    ///
    /// After a login, [`Session::save`] puts its tokens into the store. Where the record of an earlier login is there, give
    /// its generation, and they take its place.
    ///
    /// # Errors
    /// `provider.mismatch`, `client.mismatch`, `dpop.key_mismatch`.
    pub fn new(
        tokens: TokenSet,
        generation: u64,
        provider: Arc<Provider>,
        client: Arc<Client>,
        options: SessionOptions,
        env: &mut dyn Env,
    ) -> Result<Self, Error> {
        tokens.check_owner(&provider, &client)?;
        let mut session = Self {
            provider,
            client,
            keys: None,
            tokens,
            options: options.into(),
            state: State::Idle { due: None },
            generation,
            good_until: None,
            is_refused: false,
            refused: 0,
            begun: 0,
            finished: 0,
            last_failure: None,
            failures: 0,
            tickets: 0,
            unlocks: false,
            last_unlock: 0,
            erasure: Asked::NotYet,
            unsaved: None,
            events: Events::default(),
        };
        session.settle(env);
        Ok(session)
    }

    /// The newest tokens.
    pub fn tokens(&self) -> &TokenSet {
        &self.tokens
    }

    /// The generation of the newest record that is known to be in the store.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Why it gives out no more tokens; `None` while it does.
    pub fn end(&self) -> Option<End> {
        match self.state {
            State::Stopped(end) => Some(end),
            _ => None,
        }
    }

    /// The access token, if it is good: what [`Session::access`] hands out, without beginning anything.
    pub fn current(&self, env: &dyn Env) -> Option<&AccessToken> {
        (self.end().is_none() && self.is_good(env.now(), env.monotonic())).then(|| self.tokens.access_token())
    }

    /// Whether nothing would be lost if the session were dropped now: nothing is under way, and everything was saved.
    pub fn is_idle(&self) -> bool {
        let is_quiet =
            matches!(self.state, State::Idle { .. } | State::Stopped(_) | State::BackingOff { resume: None, .. });
        is_quiet && self.unsaved.is_none() && !self.unlocks && !matches!(self.erasure, Asked::Due)
    }

    /// An access token for a caller. Many callers cause one refresh.
    ///
    /// It allocates nothing while the token is good.
    pub fn access(&mut self, env: &mut dyn Env) -> Access<'_> {
        if let State::Stopped(end) = self.state {
            return Access::Ended(end);
        }
        if self.is_good(env.now(), env.monotonic()) {
            return Access::Ready(self.tokens.access_token());
        }
        if self.options.refresh == RefreshPolicy::Manual && matches!(self.state, State::Idle { .. }) {
            return Access::Expired;
        }
        Access::Wait(self.attempt(env))
    }

    /// Refreshes now, whatever the policy; joins an attempt that is going on.
    pub fn refresh(&mut self, env: &mut dyn Env) -> Access<'_> {
        if let State::Stopped(end) = self.state {
            return Access::Ended(end);
        }
        Access::Wait(self.attempt(env))
    }

    /// What came of an attempt. A caller who waits asks again after each input.
    pub fn outcome(&self, epoch: Epoch, env: &dyn Env) -> Outcome<'_> {
        match self.state {
            State::Stopped(end) => Outcome::Ended(end),
            _ if epoch.0 > self.finished => Outcome::Pending,
            _ => match self.last_failure {
                Some(code) if !self.is_good(env.now(), env.monotonic()) => Outcome::Failed(code),
                _ => Outcome::Ready(self.tokens.access_token()),
            },
        }
    }

    /// A resource server refused this token. If it is not the current one any more, the caller gets the current one;
    /// else it is refreshed. If new tokens are refused as soon as they come, the next ones are asked for after a pause
    /// that grows as after failures, with `session.token_refused`: not once for each call.
    pub fn unauthorized(&mut self, token: &AccessToken, refusal: Refusal, env: &mut dyn Env) -> Access<'_> {
        let is_current = same_bytes(token.expose().as_bytes(), self.tokens.access_token().expose().as_bytes());
        match refusal {
            Refusal::Token if is_current && !self.is_refused => self.refuse(env),
            Refusal::Token => {}
            Refusal::StepUp { acr_values, max_age } => self.events.push(Event::StepUp { acr_values, max_age }),
            Refusal::Locked => self.events.push(Event::Locked),
        }
        self.access(env)
    }

    /// Takes the tokens of a new login of the same user. A session that needed one lives again.
    ///
    /// # Errors
    /// `session.mismatch` if they are another user's; `provider.mismatch`, `client.mismatch`, `dpop.key_mismatch`.
    /// The session is then what it was.
    pub fn adopt(&mut self, tokens: TokenSet, env: &mut dyn Env) -> Result<(), Error> {
        tokens.check_owner(&self.provider, &self.client)?;
        if tokens.subject() != self.tokens.subject() {
            return Err(ErrorCode::SESSION_MISMATCH.into());
        }
        if let State::Stopped(End::LoggedOut) = self.state {
            return Err(ErrorCode::SESSION_ENDED.into());
        }
        self.release();
        self.begun += 1;
        let attempt = Attempt::new(self.deadline(env), false, env);
        self.obtained(tokens, attempt, env);
        Ok(())
    }

    /// Ends the session at once, and says how to revoke its tokens: drive that, and report its failure. The store is
    /// told to erase the record.
    ///
    /// # Errors
    /// Why no revocation can be asked for. The session has ended all the same.
    pub fn log_out(&mut self, env: &mut dyn Env) -> Result<Step<Revocation>, Error> {
        self.release();
        self.stop(End::LoggedOut, Event::Ended);
        self.unsaved = None;
        if self.options.persistence != Persistence::Nowhere {
            self.erasure = Asked::Due;
        }
        Revocation::start(&self.tokens, &self.provider, &self.client, env)
    }

    /// What is to be carried out, now. Call it until it returns `None`.
    pub fn poll_transmit(&mut self, env: &mut dyn Env) -> Option<Transmit> {
        let State::Attempting(attempt) = &mut self.state else { return None };
        if !matches!(attempt.stage, Stage::Ask(_) | Stage::UseKey(_)) {
            return None;
        }
        let now = env.monotonic();
        if now >= attempt.deadline {
            // Nobody has looked for so long that a lock may be lost and a proof too old.
            self.time_is_up(env);
            return None;
        }
        // From here on the answer has its time, and others who ask come later.
        attempt.deadline = now.saturating_add(self.options.deadline());
        self.tickets += 1;
        attempt.ticket = self.tickets;
        let ticket = Ticket(self.tickets);
        // `Lock` stands in for a moment, because a stage is moved out of its place.
        match std::mem::replace(&mut attempt.stage, Stage::Lock) {
            Stage::Ask(call) => {
                let (request, policy, awaiting) = call.into_parts();
                if request.method() == Method::POST {
                    // The keys, which are read, make the tokens no newer.
                    attempt.asked_at = (env.now(), now);
                }
                attempt.stage = Stage::ExpectAnswer(awaiting);
                Some(Transmit::Call { ticket, request, policy })
            }
            Stage::UseKey(use_key) => {
                let (key_use, awaiting) = use_key.into_parts();
                attempt.stage = Stage::ExpectKeyOutput(awaiting);
                Some(Transmit::UseKey { ticket, key_use })
            }
            stage => {
                attempt.stage = stage;
                None
            }
        }
    }

    /// The next thing that happened.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop()
    }

    /// When [`Session::handle_timeout`] has something to do; `None` if never.
    pub fn poll_timeout(&self) -> Option<MonotonicTime> {
        let own = match &self.state {
            State::Idle { due } => *due,
            State::Attempting(attempt) => Some(attempt.deadline),
            State::BackingOff { until, .. } => Some(*until),
            State::Stopped(_) => None,
        };
        let unsaved = self.unsaved.as_ref().map(|unsaved| unsaved.again_at);
        own.into_iter().chain(unsaved).min()
    }

    /// Does what is due. Calling it too early or too often does nothing.
    pub fn handle_timeout(&mut self, env: &mut dyn Env) {
        let now = env.monotonic();
        let deadline = now.saturating_add(self.options.deadline());
        if let Some(unsaved) = self.unsaved.as_mut().filter(|unsaved| unsaved.again_at <= now) {
            // Asked for now; an answer to an earlier question comes too late.
            unsaved.asked = Asked::Due;
            unsaved.again_at = deadline;
        }
        match &self.state {
            State::Idle { due: Some(due) } if *due <= now => drop(self.attempt(env)),
            // Not before its time.
            State::BackingOff { .. } => drop(self.attempt(env)),
            State::Attempting(attempt) if attempt.deadline <= now => self.time_is_up(env),
            _ => {}
        }
    }

    /// Takes the response to a request. One whose ticket is no longer awaited is passed over.
    pub fn handle_response<B: AsRef<[u8]>>(&mut self, ticket: Ticket, response: Response<B>, env: &mut dyn Env) {
        if let Some((awaiting, attempt)) = self.take_awaiting(&ticket) {
            self.go_on(awaiting.receive(response, env), attempt, env);
        }
    }

    /// Says that no response came.
    pub fn handle_failure(&mut self, ticket: Ticket, failure: Failure, env: &mut dyn Env) {
        if let Some((awaiting, attempt)) = self.take_awaiting(&ticket) {
            self.go_on(awaiting.fail(failure, env), attempt, env);
        }
    }

    /// Takes what the key store made, or why it made nothing.
    pub fn handle_key_output(&mut self, ticket: Ticket, output: Result<KeyOutput, FailureKind>, env: &mut dyn Env) {
        let Some(attempt) = self.take_attempt(|attempt| attempt.ticket == ticket.0) else { return };
        match attempt {
            Attempt { stage: Stage::ExpectKeyOutput(awaiting), deadline, holds_lock, asked_at, spent, .. } => {
                let step = match output {
                    Ok(output) => awaiting.receive(output, env),
                    Err(kind) => awaiting.fail(kind, env),
                };
                let attempt = Attempt { stage: Stage::Lock, ticket: 0, deadline, holds_lock, asked_at, spent };
                self.go_on(step, attempt, env);
            }
            other => self.state = State::Attempting(Box::new(other)),
        }
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Idle { .. } => "idle",
            State::Attempting(_) => "attempting",
            State::BackingOff { .. } => "backing off",
            State::Stopped(_) => "stopped",
        };
        write!(f, "Session({state}, generation {})", self.generation)
    }
}
