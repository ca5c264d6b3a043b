//! A session and its store: what is asked for, what the answers mean, and what becomes of tokens that could not be saved.

use super::attempt::{Attempt, Objection, Resume, Rotation, Stage, State};
use super::event::Event;
use super::machine::Session;
use super::policy::{self, Persistence, STALLED_AFTER};
use super::store::{Record, StoreAction, StoreAnswer, StoreTicket};
use crate::base::env::{Env, MonotonicTime};
use crate::base::secret::{AccessToken, Secret};
use crate::error::{Error, ErrorCode};
use crate::token::token_set::TokenSet;

/// Tokens that the store failed to save.
pub(super) struct Unsaved {
    pub(super) again_at: MonotonicTime,
    pub(super) failures: u32,
    pub(super) asked: Asked,
    /// The lock is kept until they are saved: who got it now would go on from a refresh token that has been used.
    pub(super) holds_lock: bool,
    /// The refresh token that they were obtained by.
    pub(super) spent: Option<Secret>,
    /// The access tokens before, whose saves were not heard of: a record with one of them is this session's own, and older.
    pub(super) before: Vec<AccessToken>,
}

/// How many are remembered.
const BEFORE: usize = 8;

impl Unsaved {
    /// Tokens that are to be saved now for the first time.
    fn new(again_at: MonotonicTime) -> Self {
        Self { again_at, failures: 0, asked: Asked::Due, holds_lock: false, spent: None, before: Vec::new() }
    }

    fn is_before(&self, token: &AccessToken) -> bool {
        self.before.iter().any(|before| before.secret().matches(token.expose()))
    }
}

/// Whether the store was asked to save once more, or to erase.
pub(super) enum Asked {
    NotYet,
    Due,
    With(u32),
}

impl Session {
    /// Has the tokens saved as they are. Those of a login are in no store yet: without this they get there with the first
    /// refresh, and a crash before it loses them.
    ///
    /// They can be used meanwhile. A save that fails is told ([`Event::NotSaved`]) and tried again. A record of another
    /// generation than the session knows is somebody else's and stays: the next refresh goes on from it. Does nothing
    /// without a store, or once the session has ended.
    pub fn save(&mut self, env: &dyn Env) {
        if self.options.persistence == Persistence::Nowhere || self.is_over() || self.unsaved.is_some() {
            return;
        }
        let again_at = self.deadline(env);
        self.unsaved = Some(Box::new(Unsaved::new(again_at)));
    }

    /// What is asked of the store, now, and the ticket for its answer. Call it until it returns `None`.
    pub fn poll_store(&mut self, env: &mut dyn Env) -> Option<(StoreTicket, StoreAction)> {
        let now = env.monotonic();
        if let State::Attempting(attempt) = &self.state
            && matches!(attempt.stage, Stage::Load(_))
            && now >= attempt.deadline
        {
            // Nobody has looked for so long that the lock may be lost.
            self.time_is_up(env);
        }
        if std::mem::take(&mut self.unlocks) {
            self.last_unlock = self.tickets + 1;
            return Some((self.store_ticket(), StoreAction::Unlock));
        }
        let (generation, next_ticket) = (self.generation, self.tickets + 1);
        if let State::LoggedOut(erasure @ Asked::Due) = &mut self.state {
            *erasure = Asked::With(next_ticket);
            return Some((self.store_ticket(), StoreAction::Erase));
        }
        if let State::Attempting(attempt) = &mut self.state {
            // `Lock` stands in for a moment, because a stage is moved out of its place.
            let (stage, action) = match std::mem::replace(&mut attempt.stage, Stage::Lock) {
                Stage::Lock => (Stage::ExpectLock, StoreAction::Lock),
                Stage::Load(last_resort) => (Stage::ExpectLoad(last_resort), StoreAction::Load),
                Stage::Save(tokens) => {
                    let action = save(generation, &tokens, attempt.spent.as_ref());
                    (Stage::ExpectSave(tokens), action)
                }
                Stage::SaveFirst => {
                    let spent = self.unsaved.as_ref().and_then(|unsaved| unsaved.spent.as_ref());
                    (Stage::ExpectSaveFirst, save(generation, &self.tokens, spent))
                }
                stage => {
                    attempt.stage = stage;
                    return self.poll_unsaved();
                }
            };
            attempt.stage = stage;
            attempt.deadline = now.saturating_add(self.options.deadline());
            attempt.ticket = next_ticket;
            return Some((self.store_ticket(), action));
        }
        self.poll_unsaved()
    }

    fn poll_unsaved(&mut self) -> Option<(StoreTicket, StoreAction)> {
        let unsaved = self.unsaved.as_mut().filter(|unsaved| matches!(unsaved.asked, Asked::Due))?;
        unsaved.asked = Asked::With(self.tickets + 1);
        let action = save(self.generation, &self.tokens, unsaved.spent.as_ref());
        Some((self.store_ticket(), action))
    }

    fn store_ticket(&mut self) -> StoreTicket {
        self.tickets += 1;
        StoreTicket(self.tickets)
    }

    /// Takes an answer of the store. One whose ticket is no longer awaited is passed over.
    pub fn handle_store(&mut self, ticket: StoreTicket, answer: StoreAnswer, env: &mut dyn Env) {
        if self.unsaved.as_ref().is_some_and(|unsaved| matches!(unsaved.asked, Asked::With(own) if own == ticket.0)) {
            return self.saved_again(answer, env);
        }
        let Some(mut attempt) = self.take_attempt(|attempt| attempt.ticket == ticket.0) else {
            if matches!(answer, StoreAnswer::Locked) {
                return self.locked_late(&ticket, env);
            }
            if let State::LoggedOut(erasure @ Asked::With(_)) = &mut self.state
                && matches!(*erasure, Asked::With(own) if own == ticket.0)
            {
                *erasure = Asked::NotYet;
                if let StoreAnswer::Failed(error) = answer {
                    self.events.push(Event::NotErased(error));
                }
            }
            return;
        };
        // A ticket is good for one answer.
        attempt.ticket = 0;
        let is_saved = matches!(attempt.stage, Stage::ExpectSave(_) | Stage::ExpectSaveFirst);
        if !is_saved && env.monotonic() >= attempt.deadline {
            // A process that was suspended here may have lost its lock meanwhile.
            attempt.holds_lock |= matches!(answer, StoreAnswer::Locked);
            self.state = State::Attempting(Box::new(attempt));
            return self.time_is_up(env);
        }
        match (std::mem::replace(&mut attempt.stage, Stage::Lock), answer) {
            (Stage::ExpectLock, StoreAnswer::Locked) => {
                attempt.holds_lock = true;
                self.load(attempt, None, env);
            }
            (Stage::ExpectLoad(last_resort), StoreAnswer::Loaded(Some(record)))
                if record.generation != self.generation =>
            {
                self.found(*record, attempt, last_resort, env);
            }
            (Stage::ExpectLoad(Some(error)), StoreAnswer::Loaded(Some(record))) => {
                self.go_back(error, *record, attempt, env)
            }
            (Stage::ExpectLoad(Some(error)), StoreAnswer::Loaded(None)) => self.give_up(error, attempt),
            (Stage::ExpectLoad(None), StoreAnswer::Loaded(_)) => self.save_or_ask(attempt, env),
            (Stage::ExpectSaveFirst, StoreAnswer::Saved) => {
                self.generation += 1;
                self.unsaved = None;
                self.ask(attempt, env);
            }
            (Stage::ExpectSaveFirst, StoreAnswer::Conflict(record)) => self.found(*record, attempt, None, env),
            (Stage::ExpectSaveFirst, answer) => self.could_not_save_first(answer.into_error(), attempt, env),
            (Stage::ExpectSave(tokens), StoreAnswer::Saved) => {
                self.generation += 1;
                self.unsaved = None;
                self.succeeded(*tokens, attempt, env);
            }
            (Stage::ExpectSave(tokens), StoreAnswer::Conflict(record)) => {
                self.conflicted(*tokens, *record, attempt, env)
            }
            (Stage::ExpectSave(tokens), answer) => self.not_saved(*tokens, answer.into_error(), attempt, env),
            // No lock, no record: that may be better later, and the tokens may still be good until then.
            (Stage::ExpectLock | Stage::ExpectLoad(_), answer) => self.store_failed(answer.into_error(), attempt, env),
            (stage, _) => {
                attempt.stage = stage;
                self.state = State::Attempting(Box::new(attempt));
            }
        }
    }

    /// A lock that came after its time is as good as one that is waited for now. If none is, it is given back: nobody
    /// else would.
    fn locked_late(&mut self, ticket: &StoreTicket, env: &mut dyn Env) {
        if ticket.0 < self.last_unlock {
            // What was asked for later has given it back.
            return;
        }
        let is_awaited = |attempt: &Attempt| matches!(attempt.stage, Stage::Lock | Stage::ExpectLock);
        match self.take_attempt(is_awaited) {
            Some(attempt) => {
                self.unlocks = false;
                self.load(Attempt { holds_lock: true, ..attempt }, None, env);
            }
            None => self.unlocks |= !self.holds_lock(),
        }
    }

    /// Nobody has saved anything newer, and the provider does not take the refresh token. It may still take the one
    /// before: if another process had asked with it at the same time, and what it got was lost on the way.
    fn go_back(&mut self, error: Error, record: Record, attempt: Attempt, env: &mut dyn Env) {
        let is_new = |spent: &Secret| attempt.spent.as_ref().is_none_or(|own| !own.matches(spent.expose()));
        match record.spent.filter(is_new) {
            Some(spent) => self.ask_with_spent(spent, attempt, env),
            None => self.give_up(error, attempt),
        }
    }

    /// Another process has saved something since.
    pub(super) fn found(&mut self, record: Record, attempt: Attempt, last_resort: Option<Error>, env: &mut dyn Env) {
        let Record { generation, tokens, .. } = record;
        let is_new = tokens.access_token().expose() != self.tokens.access_token().expose();
        let fits =
            tokens.check_owner(&self.provider, &self.client).is_ok() && tokens.subject() == self.tokens.subject();
        if !fits {
            return self.failed(ErrorCode::SESSION_MISMATCH.into(), false, attempt, env);
        }
        self.generation = generation;
        if self.is_own(&tokens) {
            // It was saved after all, and what is newer was not.
            return match last_resort {
                Some(error) => self.give_up(error, attempt),
                None => self.save_or_ask(attempt, env),
            };
        }
        self.tokens = tokens;
        if is_new {
            self.objection = Objection::None;
        }
        // They are in the store, and those that could not be saved are of no use any more.
        self.unsaved = None;
        self.settle(env);
        match last_resort {
            // Good tokens: nothing else is to be done.
            _ if is_new && self.is_good(env) => {
                let tokens = self.tokens.clone();
                self.succeeded(tokens, attempt, env);
            }
            Some(error) if !is_new => self.give_up(error, attempt),
            _ => self.ask(attempt, env),
        }
    }

    /// Whether a record with these tokens is this session's own, from before those that could not be saved.
    fn is_own(&self, tokens: &TokenSet) -> bool {
        self.unsaved.as_ref().is_some_and(|unsaved| unsaved.is_before(tokens.access_token()))
    }

    /// Nobody else has saved anything. What an earlier attempt could not save is saved before it is refreshed again:
    /// else another process would go on from a refresh token whose successor has been used, which ends the grant.
    pub(super) fn save_or_ask(&mut self, mut attempt: Attempt, env: &mut dyn Env) {
        if self.unsaved.is_none() {
            return self.ask(attempt, env);
        }
        attempt.stage = Stage::SaveFirst;
        attempt.deadline = self.deadline(env);
        self.state = State::Attempting(Box::new(attempt));
    }

    /// The store stays broken: the session is worth more than the order.
    pub(super) fn could_not_save_first(&mut self, error: Error, attempt: Attempt, env: &mut dyn Env) {
        if self.failures >= STALLED_AFTER {
            return self.ask(attempt, env);
        }
        self.events.push(Event::NotSaved(error.clone()));
        self.store_failed(error, attempt, env);
    }

    /// Whoever saved in between had the lock when ours was lost.
    pub(super) fn conflicted(&mut self, tokens: TokenSet, record: Record, mut attempt: Attempt, env: &mut dyn Env) {
        let is_old =
            record.tokens.access_token().expose() == self.tokens.access_token().expose() || self.is_own(&record.tokens);
        // Asked for just now, and after theirs had come, ours are the provider's last word: it may have taken theirs
        // back. An answer that took its time may be older than theirs, whatever the time of day says.
        let (asked_at, asked_ticks) = attempt.asked_at;
        let is_fresh = env.monotonic().saturating_since(asked_ticks) < self.options.deadline();
        let is_earlier = is_fresh && record.tokens.obtained_at() < asked_at;
        self.generation = record.generation;
        if is_old || is_earlier {
            attempt.stage = Stage::Save(Box::new(tokens));
            attempt.deadline = self.deadline(env);
            self.state = State::Attempting(Box::new(attempt));
            return;
        }
        let theirs = record.tokens.check_owner(&self.provider, &self.client).is_ok()
            && record.tokens.subject() == self.tokens.subject();
        self.unsaved = None;
        self.succeeded(if theirs { record.tokens } else { tokens }, attempt, env);
    }

    pub(super) fn not_saved(&mut self, tokens: TokenSet, error: Error, mut attempt: Attempt, env: &mut dyn Env) {
        let (holds_lock, spent) = (std::mem::take(&mut attempt.holds_lock), attempt.spent.take());
        let mut before = self.unsaved.take().map(|unsaved| unsaved.before).unwrap_or_default();
        if before.len() == BEFORE {
            before.remove(0);
        }
        before.push(self.tokens.access_token().clone());
        self.succeeded(tokens, attempt, env);
        self.events.push(Event::NotSaved(error));
        self.save_later(Unsaved { failures: 1, holds_lock, spent, before, ..Unsaved::new(env.monotonic()) }, env);
    }

    /// After a pause.
    fn save_later(&mut self, unsaved: Unsaved, env: &mut dyn Env) {
        let pause = policy::pause(unsaved.failures, None, env.rng().next_u32());
        let again_at = env.monotonic().saturating_add(pause);
        self.unsaved = Some(Box::new(Unsaved { again_at, asked: Asked::NotYet, ..unsaved }));
    }

    pub(super) fn saved_again(&mut self, answer: StoreAnswer, env: &mut dyn Env) {
        let Some(unsaved) = self.unsaved.take() else { return };
        let holds_lock = unsaved.holds_lock;
        match answer {
            StoreAnswer::Saved => {
                self.generation += 1;
                self.unlocks |= holds_lock;
            }
            // Something newer stands there already: the next refresh loads it before it begins.
            StoreAnswer::Conflict(record)
                if self.options.persistence == Persistence::Shared
                    && !unsaved.is_before(record.tokens.access_token()) =>
            {
                self.unlocks |= holds_lock;
            }
            answer => {
                if let StoreAnswer::Conflict(record) = &answer {
                    self.generation = record.generation;
                }
                self.events.push(Event::NotSaved(answer.into_error()));
                self.save_later(Unsaved { failures: unsaved.failures.saturating_add(1), ..*unsaved }, env);
            }
        }
    }

    /// What is going on is not waited for any more. The lock is given back, if there is one.
    pub(super) fn abandon(&mut self) {
        if let State::Attempting(attempt) = &self.state
            && attempt.rotation != Rotation::No
        {
            self.doubt();
        }
        self.unlocks |= self.holds_lock();
        if let Some(unsaved) = &mut self.unsaved {
            unsaved.holds_lock = false;
        }
    }

    pub(super) fn holds_lock(&self) -> bool {
        let attempt = match &self.state {
            State::Attempting(attempt) => attempt.holds_lock,
            State::BackingOff(pause) => match &pause.resume {
                Some(Resume::Late(attempt)) => attempt.holds_lock,
                Some(Resume::Verify(_, unverified)) => unverified.holds_lock,
                None => false,
            },
            _ => false,
        };
        attempt || self.unsaved.as_ref().is_some_and(|unsaved| unsaved.holds_lock)
    }

    pub(super) fn load(&mut self, mut attempt: Attempt, last_resort: Option<Error>, env: &mut dyn Env) {
        attempt.stage = Stage::Load(last_resort);
        attempt.deadline = self.deadline(env);
        self.state = State::Attempting(Box::new(attempt));
    }
}

fn save(expect: u64, tokens: &TokenSet, spent: Option<&Secret>) -> StoreAction {
    // One that is still the current one was not spent.
    let is_spent = |spent: &&Secret| tokens.refresh_token().is_none_or(|own| !own.matches(spent.expose()));
    let spent = spent.filter(is_spent).cloned();
    StoreAction::Save { expect, next: Box::new(Record { generation: expect + 1, tokens: tokens.clone(), spent }) }
}
