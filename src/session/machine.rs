//! The session itself: its inputs and its outputs. How an attempt goes on is in `attempt.rs`, what has to do with the
//! store in `saving.rs`.

use std::fmt;
use std::sync::Arc;

use http::{Method, Response};

use super::access::{Access, End, Epoch, Outcome, Refusal, Standing, Ticket, Transmit, Wants};
use super::attempt::{Attempt, Objection, Rotation, Stage, State};
use super::event::{Event, Events};
use super::policy::{Options, Persistence, RefreshPolicy, SessionOptions};
use super::saving::{Asked, Unsaved};
use crate::base::env::{Env, MonotonicTime};
use crate::base::secret::{AccessToken, same_bytes};
use crate::error::transport::{Failure, FailureKind, Sent};
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
    /// What else speaks against it.
    pub(super) objection: Objection,
    /// Tokens that were refused as soon as they were obtained, one after the other.
    pub(super) refused: u8,
    /// Attempts that were begun, and attempts that are over. At one a second, 32 bits last for 136 years.
    pub(super) begun: u32,
    pub(super) finished: u32,
    /// The last attempt that brought tokens.
    pub(super) renewed: u32,
    /// How the last attempt failed.
    pub(super) last_failure: Option<Error>,
    /// In a row.
    pub(super) failures: u32,
    pub(super) tickets: u32,
    pub(super) unlocks: bool,
    /// The ticket of the last `Unlock`.
    pub(super) last_unlock: u32,
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
            objection: Objection::None,
            refused: 0,
            begun: 0,
            finished: 0,
            renewed: 0,
            last_failure: None,
            failures: 0,
            tickets: 0,
            unlocks: false,
            last_unlock: 0,
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
        match &self.state {
            State::Stopped(end) => Some(end.clone()),
            State::LoggedOut(_) => Some(End::LoggedOut),
            _ => None,
        }
    }

    pub(super) fn is_over(&self) -> bool {
        matches!(self.state, State::Stopped(_) | State::LoggedOut(_))
    }

    /// The access token, if it is good: what [`Session::access`] hands out, without beginning anything.
    pub fn current(&self, env: &dyn Env) -> Option<&AccessToken> {
        (!self.is_over() && self.is_good(env)).then(|| self.tokens.access_token())
    }

    /// What is known of the access token, also after the session has ended.
    pub fn standing(&self, env: &dyn Env) -> Standing {
        self.standing_at(env.now(), env.monotonic())
    }

    /// How the last attempt failed; `None` if it did not.
    pub fn last_failure(&self) -> Option<&Error> {
        self.last_failure.as_ref()
    }

    /// Whether nothing would be lost if the session were dropped now: nothing is under way, and everything was saved.
    pub fn is_idle(&self) -> bool {
        let is_quiet = match &self.state {
            State::Idle { .. } | State::Stopped(_) => true,
            State::Attempting(_) => false,
            State::BackingOff(pause) => pause.resume.is_none(),
            State::LoggedOut(erasure) => !matches!(erasure, Asked::Due),
        };
        is_quiet && self.unsaved.is_none() && !self.unlocks
    }

    /// An access token for a caller. Many callers cause one refresh.
    ///
    /// A token that is [doubtful](Standing::Doubtful) is not handed out as a good one: the provider is asked again first. If
    /// the session pauses, or the caller's time is up before the attempt is over ([`Session::outcome_now`]), the token is
    /// handed out as what it is.
    ///
    /// It allocates nothing while the token is good.
    pub fn access(&mut self, env: &mut dyn Env) -> Access<'_> {
        if let Some(end) = self.end() {
            return Access::Ended(end);
        }
        let is_manual = self.options.refresh == RefreshPolicy::Manual;
        match self.standing(env) {
            Standing::Good => Access::Ready(self.tokens.access_token()),
            Standing::Doubtful if self.is_pausing(env) => {
                Access::Doubtful { token: self.tokens.access_token(), error: self.why() }
            }
            Standing::Expired | Standing::Refused if is_manual && matches!(self.state, State::Idle { .. }) => {
                Access::Expired
            }
            _ => Access::Wait(self.attempt(Wants::Token, env)),
        }
    }

    /// Refreshes now, whatever the policy; joins an attempt that is going on, or waits for the one after the pause.
    ///
    /// Its [outcome](Session::outcome) is `Ready` only with tokens that are newer than those at the call. Else it is the
    /// error of the attempt, also if the old access token is still good: [`Session::standing`] says whether it is.
    pub fn refresh(&mut self, env: &mut dyn Env) -> Access<'_> {
        match self.end() {
            Some(end) => Access::Ended(end),
            None => Access::Wait(self.attempt(Wants::NewTokens, env)),
        }
    }

    /// What came of an attempt. A caller who waits asks again after each input.
    pub fn outcome(&self, epoch: Epoch, env: &dyn Env) -> Outcome<'_> {
        if let Some(end) = self.end() {
            return Outcome::Ended(end);
        }
        if epoch.attempt > self.finished {
            return Outcome::Pending;
        }
        let token = self.tokens.access_token();
        let is_new = self.renewed >= epoch.attempt;
        match (epoch.wants, self.standing(env)) {
            (Wants::NewTokens, _) if !is_new => Outcome::Failed(self.why()),
            (_, Standing::Good) => Outcome::Ready(token),
            // Good for no time at all, or seen late: it is what the provider gave.
            (_, Standing::Expired) if self.last_failure.is_none() => Outcome::Ready(token),
            (Wants::Token, Standing::Doubtful) => Outcome::Doubtful { token, error: self.why() },
            _ => Outcome::Failed(self.why()),
        }
    }

    /// The same for a caller whose time is up: while the attempt is going on, the old access token is what there is, if the
    /// caller asked for any token and it has not expired.
    pub fn outcome_now(&self, epoch: Epoch, env: &dyn Env) -> Outcome<'_> {
        let token = self.tokens.access_token();
        match (self.outcome(epoch, env), epoch.wants, self.standing(env)) {
            (Outcome::Pending, Wants::Token, Standing::Good) => Outcome::Ready(token),
            (Outcome::Pending, Wants::Token, Standing::Doubtful) => Outcome::Doubtful { token, error: self.why() },
            (outcome, _, _) => outcome,
        }
    }

    /// How the last attempt failed; if none did, the token was refused after it had come.
    fn why(&self) -> Error {
        self.last_failure.clone().unwrap_or_else(|| ErrorCode::SESSION_TOKEN_REFUSED.into())
    }

    fn is_pausing(&self, env: &dyn Env) -> bool {
        matches!(&self.state, State::BackingOff(pause) if pause.until > env.monotonic())
    }

    /// A resource server refused this token. If it is not the current one any more, the caller gets the current one;
    /// else it is refreshed. If new tokens are refused as soon as they come, the next ones are asked for after a pause
    /// that grows as after failures, with `session.token_refused`: not once for each call.
    pub fn unauthorized(&mut self, token: &AccessToken, refusal: Refusal, env: &mut dyn Env) -> Access<'_> {
        let is_current = same_bytes(token.expose().as_bytes(), self.tokens.access_token().expose().as_bytes());
        match refusal {
            Refusal::Token if is_current && self.objection != Objection::Refusal => self.refuse(env),
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
        if let State::LoggedOut(_) = self.state {
            return Err(ErrorCode::SESSION_ENDED.into());
        }
        self.abandon();
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
        self.abandon();
        self.unsaved = None;
        self.finished = self.begun;
        let has_store = self.options.persistence != Persistence::Nowhere;
        self.state = State::LoggedOut(if has_store { Asked::Due } else { Asked::NotYet });
        self.events.push(Event::Ended);
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
                    attempt.rotation = Rotation::Asked;
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
            State::BackingOff(pause) => Some(pause.until),
            State::Stopped(_) | State::LoggedOut(_) => None,
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
            State::Idle { due: Some(due) } if *due <= now => self.begin(env),
            // Not before its time.
            State::BackingOff(_) => _ = self.attempt(Wants::NewTokens, env),
            State::Attempting(attempt) if attempt.deadline <= now => self.time_is_up(env),
            _ => {}
        }
    }

    /// Takes the response to a request. One whose ticket is no longer awaited is passed over.
    pub fn handle_response<B: AsRef<[u8]>>(&mut self, ticket: Ticket, response: Response<B>, env: &mut dyn Env) {
        if let Some((awaiting, mut attempt)) = self.take_awaiting(&ticket) {
            if attempt.rotation == Rotation::Asked {
                attempt.rotation = Rotation::after(response.status());
            }
            self.go_on(awaiting.receive(response, env), attempt, env);
        }
    }

    /// Says that no response came.
    pub fn handle_failure(&mut self, ticket: Ticket, failure: Failure, env: &mut dyn Env) {
        if let Some((awaiting, mut attempt)) = self.take_awaiting(&ticket) {
            if attempt.rotation == Rotation::Asked {
                attempt.rotation = if failure.sent == Sent::No { Rotation::No } else { Rotation::Maybe };
            }
            self.go_on(awaiting.fail(failure, env), attempt, env);
        }
    }

    /// Takes what the key store made, or why it made nothing.
    pub fn handle_key_output(&mut self, ticket: Ticket, output: Result<KeyOutput, FailureKind>, env: &mut dyn Env) {
        let Some(attempt) = self.take_attempt(|attempt| attempt.ticket == ticket.0) else { return };
        match attempt {
            Attempt {
                stage: Stage::ExpectKeyOutput(awaiting),
                deadline,
                holds_lock,
                asked_at,
                spent,
                rotation,
                ..
            } => {
                let step = match output {
                    Ok(output) => awaiting.receive(output, env),
                    Err(kind) => awaiting.fail(kind, env),
                };
                let attempt =
                    Attempt { stage: Stage::Lock, ticket: 0, deadline, holds_lock, asked_at, spent, rotation };
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
            State::BackingOff(_) => "backing off",
            State::Stopped(_) => "stopped",
            State::LoggedOut(_) => "logged out",
        };
        write!(f, "Session({state}, generation {})", self.generation)
    }
}
