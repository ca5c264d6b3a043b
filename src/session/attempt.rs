//! How an attempt to get new tokens goes on, and what follows from its end.

use std::time::Duration;

use http::StatusCode;

use super::access::{End, Epoch, Standing, Ticket, Wants};
use super::event::Event;
use super::machine::Session;
use super::policy::{self, Persistence, RefreshPolicy, STALLED_AFTER, Verdict};
use super::saving::Asked;
use crate::base::env::{Env, MonotonicTime, Timestamp};
use crate::base::secret::Secret;
use crate::error::transport::{Failure, FailureKind, Sent};
use crate::error::{Error, ErrorCode};
use crate::flow::Refresh;
use crate::flow::verification::{TokenOutcome, UnverifiedTokens};
use crate::step::{Awaiting, AwaitingKey, BoxFlow, Call, Step, UseKey};
use crate::token::token_set::TokenSet;

pub(super) enum State {
    /// Nothing is going on; a refresh is due then.
    Idle {
        due: Option<MonotonicTime>,
    },
    Attempting(Box<Attempt>),
    /// The last attempt failed.
    BackingOff(Box<Pause>),
    /// Only a new login can revive it.
    Stopped(End),
    /// It is over. The store is asked to erase its record.
    LoggedOut(Asked),
}

/// Until the next attempt.
pub(super) struct Pause {
    pub(super) until: MonotonicTime,
    pub(super) resume: Option<Resume>,
}

/// What speaks against the access token, beside the clocks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Objection {
    None,
    /// The provider may have ended it.
    Doubt,
    /// A resource server refused it.
    Refusal,
}

/// Whether the provider has exchanged the refresh token in an attempt.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Rotation {
    /// It was not asked, or said that it did not.
    No,
    /// It was asked, and nothing has come back.
    Asked,
    /// Tokens came, or nothing that says whether there are new ones.
    Maybe,
}

impl Rotation {
    /// What a response to the token request says, before it is read: one of a gateway that had no answer says nothing
    /// (RFC 9110 sections 15.6.3 and 15.6.5).
    pub(super) fn after(status: StatusCode) -> Self {
        match status {
            StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT => Self::Maybe,
            status if status.is_success() => Self::Maybe,
            _ => Self::No,
        }
    }
}

/// What a failed attempt has left to go on from.
#[allow(clippy::large_enum_variant, reason = "boxed where it is kept")]
pub(super) enum Resume {
    /// The answer may still come.
    Late(Attempt),
    /// Tokens came, but keys to verify them did not.
    Verify(UnverifiedTokens, Unverified),
}

/// What is to be known of tokens that wait for their keys.
pub(super) struct Unverified {
    pub(super) holds_lock: bool,
    pub(super) asked_at: (Timestamp, MonotonicTime),
    pub(super) spent: Option<Secret>,
}

pub(super) struct Attempt {
    pub(super) stage: Stage,
    pub(super) ticket: u32,
    pub(super) deadline: MonotonicTime,
    pub(super) holds_lock: bool,
    /// When the provider was asked for tokens, by both clocks.
    pub(super) asked_at: (Timestamp, MonotonicTime),
    /// The refresh token that it was asked with, if the store is shared.
    pub(super) spent: Option<Secret>,
    pub(super) rotation: Rotation,
}

impl Attempt {
    pub(super) fn new(deadline: MonotonicTime, holds_lock: bool, env: &dyn Env) -> Self {
        let asked_at = (env.now(), env.monotonic());
        Self { stage: Stage::Lock, ticket: 0, deadline, holds_lock, asked_at, spent: None, rotation: Rotation::No }
    }
}

#[allow(clippy::large_enum_variant, reason = "boxed with its attempt")]
pub(super) enum Stage {
    Lock,
    ExpectLock,
    /// With the error that ends the session unless another process was faster.
    Load(Option<Error>),
    ExpectLoad(Option<Error>),
    Ask(Call<BoxFlow<TokenOutcome>>),
    ExpectAnswer(Awaiting<BoxFlow<TokenOutcome>>),
    UseKey(UseKey<BoxFlow<TokenOutcome>>),
    ExpectKeyOutput(AwaitingKey<BoxFlow<TokenOutcome>>),
    Save(Box<TokenSet>),
    ExpectSave(Box<TokenSet>),
    /// What an earlier attempt failed to save.
    SaveFirst,
    ExpectSaveFirst,
}

impl Session {
    /// What is known of the access token. A clock that was set back does not make it live longer than the monotonic one
    /// allows.
    pub(super) fn standing_at(&self, now: Timestamp, ticks: MonotonicTime) -> Standing {
        if self.tokens.is_expired(now, Duration::ZERO) || self.good_until.is_some_and(|until| ticks >= until) {
            return Standing::Expired;
        }
        match self.objection {
            Objection::None => Standing::Good,
            Objection::Doubt => Standing::Doubtful,
            Objection::Refusal => Standing::Refused,
        }
    }

    pub(super) fn is_good(&self, env: &dyn Env) -> bool {
        self.standing_at(env.now(), env.monotonic()) == Standing::Good
    }

    /// The provider may have ended the access token.
    pub(super) fn doubt(&mut self) {
        if self.objection == Objection::None {
            self.objection = Objection::Doubt;
        }
    }

    /// An attempt ends without new tokens.
    fn ends_in_vain(&mut self, attempt: &Attempt) {
        if attempt.rotation != Rotation::No {
            self.doubt();
        }
    }

    pub(super) fn deadline(&self, env: &dyn Env) -> MonotonicTime {
        env.monotonic().saturating_add(self.options.deadline())
    }

    /// The attempt that a caller waits for: the one that is going on, or a new one, or the one after the pause.
    pub(super) fn attempt(&mut self, wants: Wants, env: &mut dyn Env) -> Epoch {
        match &mut self.state {
            State::Idle { .. } => self.begin(env),
            State::BackingOff(pause) if pause.until > env.monotonic() => {
                return Epoch { attempt: self.begun + 1, wants };
            }
            State::BackingOff(pause) => match pause.resume.take() {
                Some(Resume::Verify(grant, Unverified { holds_lock, asked_at, spent })) => {
                    self.begun += 1;
                    let attempt = Attempt { asked_at, spent, ..Attempt::new(self.deadline(env), holds_lock, env) };
                    let step = grant.verify(None, env).boxed();
                    self.go_on(Ok(step), attempt, env);
                }
                // The late answer had its time.
                Some(Resume::Late(late)) => {
                    self.unlocks |= late.holds_lock;
                    self.begin(env);
                }
                None => self.begin(env),
            },
            State::Attempting(_) | State::Stopped(_) | State::LoggedOut(_) => {}
        }
        Epoch { attempt: self.begun, wants }
    }

    pub(super) fn begin(&mut self, env: &mut dyn Env) {
        self.begun += 1;
        let holds_lock = self.unsaved.as_mut().is_some_and(|unsaved| std::mem::take(&mut unsaved.holds_lock));
        let attempt = Attempt::new(self.deadline(env), holds_lock, env);
        match self.options.persistence {
            Persistence::Shared if holds_lock => self.load(attempt, None, env),
            Persistence::Shared => self.state = State::Attempting(Box::new(attempt)),
            Persistence::Nowhere | Persistence::Own => self.ask(attempt, env),
        }
    }

    pub(super) fn ask(&mut self, mut attempt: Attempt, env: &mut dyn Env) {
        let is_shared = self.options.persistence == Persistence::Shared;
        attempt.spent = self.tokens.refresh_token().filter(|_| is_shared).cloned();
        let step = Refresh::start(&self.tokens, &self.provider, &self.client, self.keys.clone(), env);
        self.go_on(step.map(Step::boxed), attempt, env);
    }

    /// Asks with the refresh token that the current one was obtained by.
    pub(super) fn ask_with_spent(&mut self, spent: Secret, mut attempt: Attempt, env: &mut dyn Env) {
        let tokens = TokenSet { refresh_token: Some(spent.clone()), ..self.tokens.clone() };
        attempt.spent = Some(spent);
        let step = Refresh::start(&tokens, &self.provider, &self.client, self.keys.clone(), env);
        self.go_on(step.map(Step::boxed), attempt, env);
    }

    pub(super) fn go_on(
        &mut self,
        step: Result<Step<BoxFlow<TokenOutcome>>, Error>,
        mut attempt: Attempt,
        env: &mut dyn Env,
    ) {
        if attempt.rotation == Rotation::Maybe && step.is_ok() {
            // New tokens are there. Until they can be used, nobody knows what the old one is worth.
            self.doubt();
        }
        attempt.deadline = self.deadline(env);
        attempt.stage = match step {
            Ok(Step::Call(call)) => Stage::Ask(call),
            Ok(Step::UseKey(use_key)) => Stage::UseKey(use_key),
            Ok(Step::Done(TokenOutcome::Verified(granted))) => {
                self.keys = granted.keys.or(self.keys.take());
                return self.obtained(granted.tokens, attempt, env);
            }
            Ok(Step::Done(TokenOutcome::Unverified { error, grant })) => {
                return match policy::verdict(&error, true) {
                    Verdict::Later => {
                        self.ends_in_vain(&attempt);
                        let Attempt { holds_lock, asked_at, spent, .. } = attempt;
                        let unverified = Unverified { holds_lock, asked_at, spent };
                        self.back_off(error, Some(Resume::Verify(grant, unverified)), env);
                    }
                    _ => self.failed(error, true, attempt, env),
                };
            }
            Ok(Step::Wait(_)) => return self.failed(ErrorCode::STEP_UNEXPECTED.into(), false, attempt, env),
            Err(error) => {
                if error.code() == ErrorCode::TOKEN_ERROR_WITH_SUCCESS {
                    attempt.rotation = Rotation::No;
                }
                return self.failed(error, false, attempt, env);
            }
        };
        self.state = State::Attempting(Box::new(attempt));
    }

    /// New tokens are handed over for saving before anyone can use them.
    pub(super) fn obtained(&mut self, tokens: TokenSet, mut attempt: Attempt, env: &mut dyn Env) {
        if self.options.persistence == Persistence::Nowhere {
            return self.succeeded(tokens, attempt, env);
        }
        attempt.stage = Stage::Save(Box::new(tokens));
        attempt.deadline = self.deadline(env);
        self.state = State::Attempting(Box::new(attempt));
    }

    pub(super) fn succeeded(&mut self, tokens: TokenSet, attempt: Attempt, env: &mut dyn Env) {
        self.unlocks |= attempt.holds_lock;
        self.tokens = tokens;
        self.objection = Objection::None;
        self.finished = self.begun;
        self.renewed = self.begun;
        self.last_failure = None;
        self.failures = 0;
        self.events.push(Event::TokensRefreshed);
        self.settle(env);
    }

    pub(super) fn failed(&mut self, error: Error, tokens_came: bool, attempt: Attempt, env: &mut dyn Env) {
        self.ends_in_vain(&attempt);
        let verdict = policy::verdict(&error, tokens_came);
        if verdict == Verdict::NeedsLogin && attempt.holds_lock {
            // Another process may have been faster: what it saved is looked at once more.
            return self.load(attempt, Some(error), env);
        }
        self.unlocks |= attempt.holds_lock;
        match verdict {
            Verdict::NeedsLogin => self.needs_login(error),
            Verdict::ClientRejected => self.stop(End::ClientRejected(error.clone()), Event::ClientRejected(error)),
            Verdict::Refused => self.stop(End::Refused(error.clone()), Event::Refused(error)),
            Verdict::Later => self.back_off(error, None, env),
        }
    }

    /// What the store says ends no session.
    pub(super) fn store_failed(&mut self, error: Error, attempt: Attempt, env: &mut dyn Env) {
        self.ends_in_vain(&attempt);
        self.unlocks |= attempt.holds_lock;
        self.back_off(error, None, env);
    }

    /// The grant is gone, and no other process has a better one.
    pub(super) fn give_up(&mut self, error: Error, attempt: Attempt) {
        self.unlocks |= attempt.holds_lock;
        self.needs_login(error);
    }

    fn needs_login(&mut self, error: Error) {
        if error.code() == ErrorCode::TOKEN_INVALID_GRANT {
            // A grant takes its access tokens with it, at some providers.
            self.doubt();
        }
        self.stop(End::NeedsLogin(error.clone()), Event::NeedsLogin(error));
    }

    pub(super) fn back_off(&mut self, error: Error, resume: Option<Resume>, env: &mut dyn Env) {
        self.failures = self.failures.saturating_add(1);
        self.finished = self.begun;
        let pause = policy::pause(self.failures, error.retry_after(), env.rng().next_u32());
        self.events.push(Event::BackingOff { pause, error: error.clone() });
        if self.failures == STALLED_AFTER && !self.is_good(env) {
            self.events.push(Event::Stalled(error.clone()));
        }
        self.last_failure = Some(error);
        self.state = State::BackingOff(Box::new(Pause { until: env.monotonic().saturating_add(pause), resume }));
    }

    pub(super) fn time_is_up(&mut self, env: &mut dyn Env) {
        let Some(attempt) = self.take_attempt(|_| true) else { return };
        let timeout = || Error::from(Failure::new(FailureKind::Timeout, Sent::Maybe));
        match attempt.stage {
            Stage::ExpectAnswer(_) => {
                self.ends_in_vain(&attempt);
                self.back_off(timeout(), Some(Resume::Late(attempt)), env);
            }
            // Nobody has looked since they came: they are not used before they were handed over.
            Stage::Save(tokens) => self.obtained(*tokens, Attempt { stage: Stage::Lock, ..attempt }, env),
            Stage::ExpectSave(tokens) => {
                let attempt = Attempt { stage: Stage::Lock, ..attempt };
                self.not_saved(*tokens, ErrorCode::SESSION_STORE.into(), attempt, env);
            }
            // What the store has is not known: a session is not given up for that.
            Stage::Lock
            | Stage::ExpectLock
            | Stage::Load(_)
            | Stage::ExpectLoad(_)
            | Stage::SaveFirst
            | Stage::ExpectSaveFirst => self.store_failed(ErrorCode::SESSION_STORE.into(), attempt, env),
            Stage::Ask(_) | Stage::UseKey(_) | Stage::ExpectKeyOutput(_) => self.failed(timeout(), false, attempt, env),
        }
    }

    pub(super) fn stop(&mut self, end: End, event: Event) {
        self.finished = self.begun;
        self.last_failure = end.error().cloned();
        self.state = State::Stopped(end);
        self.events.push(event);
    }

    /// Computes what follows from new tokens.
    pub(super) fn settle(&mut self, env: &mut dyn Env) {
        self.tokens.share_texts(&self.provider, &self.client);
        let (now, ticks) = (env.now(), env.monotonic());
        let left = self.tokens.expires_at().map(|expires_at| expires_at.saturating_since(now));
        self.good_until = left.map(|left| ticks.saturating_add(left));
        let refreshes = self.options.refresh == RefreshPolicy::Automatic && self.tokens.refresh_token().is_some();
        let due = left.filter(|_| refreshes).and_then(|left| {
            let lifetime = self.tokens.expires_at().map_or(left, |at| at.saturating_since(self.tokens.obtained_at()));
            let margin = policy::margin(lifetime, env.rng().next_u32());
            (lifetime >= policy::SHORTEST).then(|| ticks.saturating_add(left.saturating_sub(margin)))
        });
        self.state = State::Idle { due };
    }

    /// The access token is not good, whatever the clocks say.
    pub(super) fn refuse(&mut self, env: &mut dyn Env) {
        self.objection = Objection::Refusal;
        let age = env.now().saturating_since(self.tokens.obtained_at());
        self.refused = if age < policy::YOUNG { self.refused.saturating_add(1) } else { 1 };
        let is_idle = matches!(self.state, State::Idle { .. });
        if self.refused > 1 && is_idle && self.options.refresh == RefreshPolicy::Automatic {
            self.failures = u32::from(self.refused) - 2;
            self.back_off(ErrorCode::SESSION_TOKEN_REFUSED.into(), None, env);
        }
    }

    pub(super) fn take_attempt(&mut self, is_it: impl FnOnce(&Attempt) -> bool) -> Option<Attempt> {
        match &self.state {
            State::Attempting(attempt) if is_it(attempt) => {}
            _ => return None,
        }
        match std::mem::replace(&mut self.state, State::Idle { due: None }) {
            State::Attempting(attempt) => Some(*attempt),
            _ => None,
        }
    }

    /// The state that waits for this response: of the attempt that is going on, or of one whose time was up.
    pub(super) fn take_awaiting(&mut self, ticket: &Ticket) -> Option<(Awaiting<BoxFlow<TokenOutcome>>, Attempt)> {
        let expects = |attempt: &Attempt| attempt.ticket == ticket.0 && matches!(attempt.stage, Stage::ExpectAnswer(_));
        let attempt = match &mut self.state {
            State::BackingOff(pause) => match pause.resume.take() {
                Some(Resume::Late(late)) if expects(&late) => {
                    // It is the next attempt, which is over sooner than it was due.
                    self.begun += 1;
                    late
                }
                other => {
                    pause.resume = other;
                    return None;
                }
            },
            _ => self.take_attempt(expects)?,
        };
        let Attempt { stage: Stage::ExpectAnswer(awaiting), deadline, holds_lock, asked_at, spent, rotation, .. } =
            attempt
        else {
            return None;
        };
        Some((awaiting, Attempt { stage: Stage::Lock, ticket: 0, deadline, holds_lock, asked_at, spent, rotation }))
    }
}
