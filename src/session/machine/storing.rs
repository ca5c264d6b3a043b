//! The transitions with the store: before the provider is asked, and once new tokens came.

use super::Core;
use super::exchange::{Obtained, Rejection};
use super::state::{Attempt, Stage, State};
use crate::base::env::Env;
use crate::base::secret::Secret;
use crate::error::{Error, ErrorCode};
use crate::session::event::Event;
use crate::session::policy::{Persistence, STALLED_AFTER};
use crate::session::store::Record;
use crate::session::store_protocol::{Question, Saved, Told};
use crate::token::token_set::TokenSet;

impl Core {
    pub(super) fn lock(&mut self, env: &dyn Env) -> State {
        self.store.ask(Question::Lock);
        State::attempting(Stage::ExpectLock, self.deadline(env))
    }

    pub(super) fn load(&mut self, env: &dyn Env) -> State {
        self.store.ask(Question::Load);
        State::attempting(Stage::ExpectRecord, self.deadline(env))
    }

    pub(super) fn load_after(&mut self, rejection: Rejection, env: &dyn Env) -> State {
        self.store.ask(Question::Load);
        State::attempting(Stage::ExpectRecordAfter(rejection), self.deadline(env))
    }

    /// New tokens are saved before anyone can use them.
    pub(super) fn obtained(&mut self, obtained: Obtained, env: &mut dyn Env) -> State {
        if self.options.persistence == Persistence::Nowhere {
            return self.succeeded(obtained.tokens, env);
        }
        self.store.ask(Question::Save);
        State::attempting(Stage::ExpectSave(obtained), self.deadline(env))
    }

    /// Goes on from a response of the store.
    pub(super) fn told(&mut self, told: Told, attempt: Attempt, env: &mut dyn Env) -> State {
        let Attempt { stage, until } = attempt;
        match (stage, told) {
            (Stage::ExpectLock, Told::Locked(Ok(())) | Told::LockedLate) => self.load(env),
            (Stage::ExpectRecord, Told::Loaded(Ok(record))) => match self.newer(record) {
                Ok(record) => self.found(record, None, env),
                Err(_) => self.save_or_ask(env),
            },
            (Stage::ExpectRecordAfter(rejection), Told::Loaded(Ok(record))) => match self.newer(record) {
                Ok(record) => self.found(record, Some(rejection.error), env),
                Err(Some(record)) => self.go_back(rejection, *record, env),
                Err(None) => self.give_up(rejection.error),
            },
            (Stage::ExpectEarlierSave, Told::SavedEarlier(Saved::Done)) => self.ask(env),
            (Stage::ExpectEarlierSave, Told::SavedEarlier(Saved::Conflict(record))) => self.found(*record, None, env),
            (Stage::ExpectEarlierSave, Told::SavedEarlier(Saved::Failed(error))) => {
                self.could_not_save_earlier(error, env)
            }
            (Stage::ExpectSave(obtained), Told::Saved(Saved::Done)) => self.succeeded(obtained.tokens, env),
            (Stage::ExpectSave(obtained), Told::Saved(Saved::Conflict(record))) => {
                self.conflicted(obtained, *record, env)
            }
            (Stage::ExpectSave(obtained), Told::Saved(Saved::Failed(error))) => self.not_saved(obtained, error, env),
            // Without lock or record: the store may do better later, and the tokens may still be good until then.
            (_, Told::Locked(Err(error)) | Told::Loaded(Err(error))) => self.store_failed(error, env),
            (stage, _) => State::attempting(stage, until),
        }
    }

    /// The record, if another process saved it; otherwise, as an error, the loaded record.
    fn newer(&self, record: Option<Box<Record>>) -> Result<Record, Option<Box<Record>>> {
        match record {
            Some(record) if record.generation != self.store.generation() => Ok(*record),
            other => Err(other),
        }
    }

    /// No other process saved newer tokens, and the provider does not accept the refresh token. The provider may still accept
    /// the previous one, if another process used it at the same time and the response to that request was lost.
    fn go_back(&mut self, rejection: Rejection, record: Record, env: &mut dyn Env) -> State {
        let Rejection { error, spent: asked_with } = rejection;
        let is_new = |spent: &Secret| asked_with.as_ref().is_none_or(|own| !own.matches(spent.expose()));
        match record.spent.filter(is_new) {
            Some(spent) => self.ask_with_spent(spent, env),
            None => self.give_up(error),
        }
    }

    /// Whether tokens have this session's user and owner.
    fn fits(&self, tokens: &TokenSet) -> bool {
        self.party.owner().check(tokens.owner()).is_ok() && tokens.subject() == self.current.tokens().subject()
    }

    /// Another process has saved something since. `rejection` is what ends the session if that does not help.
    fn found(&mut self, record: Record, rejection: Option<Error>, env: &mut dyn Env) -> State {
        let Record { generation, tokens, .. } = record;
        if !self.fits(&tokens) {
            return self.store_failed(ErrorCode::SESSION_MISMATCH.into(), env);
        }
        self.store.set_generation(generation);
        if self.store.is_own(tokens.access_token()) {
            // It was saved after all, and the newer tokens were not.
            return match rejection {
                Some(error) => self.give_up(error),
                None => self.save_or_ask(env),
            };
        }
        let is_new = !self.current.is(tokens.access_token());
        self.current.replace(tokens);
        // These tokens are in the store. Older ones that could not be saved are of no use any more.
        self.store.drop_unsaved();
        self.current.settle(&self.party, &self.options, env);
        match rejection {
            // Good tokens: there is nothing else to do.
            _ if is_new && self.current.is_good(env) => self.succeeded(self.current.tokens().clone(), env),
            Some(error) if !is_new => self.give_up(error),
            _ => self.ask(env),
        }
    }

    /// No other process saved anything. Tokens that an earlier attempt could not save are saved before they are refreshed.
    /// Otherwise another process would use a refresh token whose successor was already used, which ends the grant.
    fn save_or_ask(&mut self, env: &mut dyn Env) -> State {
        if !self.store.has_unsaved() {
            return self.ask(env);
        }
        self.store.ask(Question::SaveEarlier);
        State::attempting(Stage::ExpectEarlierSave, self.deadline(env))
    }

    /// The store is still broken: the session refreshes anyway.
    fn could_not_save_earlier(&mut self, error: Error, env: &mut dyn Env) -> State {
        if self.attempts.failures() >= STALLED_AFTER {
            return self.ask(env);
        }
        self.events.push(Event::NotSaved(error.clone()));
        self.store_failed(error, env)
    }

    /// Another process saved something while this one held the lock: the lock was lost.
    fn conflicted(&mut self, obtained: Obtained, record: Record, env: &mut dyn Env) -> State {
        let their_token = record.tokens.access_token();
        let is_old = self.current.is(their_token) || self.store.is_own(their_token);
        // If ours were asked for just now, and after theirs had come, ours are the provider's last word: it may have taken
        // theirs back. A response that took its time may be older than theirs, whatever the time of day says.
        let (asked_at, asked_ticks) = obtained.asked_at;
        let is_fresh = env.monotonic().saturating_since(asked_ticks) < self.options.deadline();
        let is_earlier = is_fresh && record.tokens.obtained_at() < asked_at;
        self.store.set_generation(record.generation);
        if is_old || is_earlier {
            return self.obtained(obtained, env);
        }
        self.store.drop_unsaved();
        let tokens = if self.fits(&record.tokens) { record.tokens } else { obtained.tokens };
        self.succeeded(tokens, env)
    }

    /// The new tokens were not saved. They can be used, and are saved later.
    fn not_saved(&mut self, obtained: Obtained, error: Error, env: &mut dyn Env) -> State {
        let replaced = self.current.access_token().clone();
        self.store.keep_lock();
        let state = self.succeeded(obtained.tokens, env);
        self.events.push(Event::NotSaved(error));
        self.store.save_later(replaced, obtained.spent, env);
        state
    }

    /// The store did not say in time whether it saved the tokens.
    pub(super) fn save_is_late(&mut self, obtained: Obtained, env: &mut dyn Env) -> State {
        self.not_saved(obtained, ErrorCode::SESSION_STORE.into(), env)
    }

    /// The store did not give the lock or the record in time, or did not save tokens of an earlier attempt.
    pub(super) fn store_is_late(&mut self, env: &mut dyn Env) -> State {
        // What the store has is not known. A session is not given up for that.
        self.store_failed(ErrorCode::SESSION_STORE.into(), env)
    }
}
