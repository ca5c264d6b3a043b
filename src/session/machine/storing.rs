//! The transitions with the store: before the provider is asked, and once new tokens came.

use super::Core;
use super::exchange::{Exchange, Obtained, Rejection};
use super::records::{Newer, is_successor};
use super::state::{Stage, State};
use crate::base::env::{Env, MonotonicTime};
use crate::base::secret::Secret;
use crate::error::{Error, ErrorCode};
use crate::flow::token_outcome::UnverifiedTokens;
use crate::session::event::Event;
use crate::session::policy::Persistence;
use crate::session::question::{Question, Saved, Told};
use crate::session::record::{Parent, Record};

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
        State::attempting(Stage::ExpectRecordAfter(Box::new(rejection)), self.deadline(env))
    }

    /// New tokens are passed to the store before anyone can use them.
    pub(super) fn obtained(&mut self, mut obtained: Obtained, env: &mut dyn Env) -> State {
        self.options.trim(&mut obtained.tokens);
        if self.options.persistence == Persistence::Nowhere {
            return self.is_kept(obtained, env);
        }
        self.store.ask(Question::Save);
        State::attempting(Stage::ExpectSave(Box::new(obtained)), self.deadline(env))
    }

    /// New tokens are saved, or need not be.
    fn is_kept(&mut self, obtained: Obtained, env: &mut dyn Env) -> State {
        self.store.note_mark(obtained.may_be_spent);
        self.nothing_is_replaced();
        self.succeeded(obtained.tokens, obtained.new_login.or(self.store.login()), env)
    }

    /// Goes on from a response of the store.
    pub(super) fn told(&mut self, told: Told, stage: Stage, until: MonotonicTime, env: &mut dyn Env) -> State {
        match (stage, told) {
            (Stage::ExpectLock, Told::Locked(Ok(())) | Told::LockedLate) => self.load(env),
            (Stage::ExpectRecord, Told::Loaded(Ok(record))) => {
                self.attempts.set_silent(0);
                match self.newer(record) {
                    Newer::Yes(record) => self.found(record, None, env),
                    Newer::No(record) => {
                        self.count_on(record.as_ref());
                        self.save_or_ask(env)
                    }
                    Newer::Gone => self.gone(env),
                }
            }
            (Stage::ExpectRecordAfter(rejection), Told::Loaded(Ok(record))) => match self.newer(record) {
                Newer::Yes(record) => self.found(record, Some(*rejection), env),
                Newer::No(record) => {
                    let spent = record.and_then(|record| record.parent.spent);
                    self.go_back(*rejection, spent.as_ref(), env)
                }
                Newer::Gone => self.gone(env),
            },
            (Stage::ExpectEarlierSave, Told::SavedEarlier(Saved::Done)) => {
                self.nothing_is_replaced();
                self.ask(env)
            }
            (Stage::ExpectEarlierSave, Told::SavedEarlier(Saved::Conflict(Some(record)))) => {
                self.found(*record, None, env)
            }
            (Stage::ExpectEarlierSave, Told::SavedEarlier(Saved::Conflict(None))) => self.gone(env),
            (Stage::ExpectEarlierSave, Told::SavedEarlier(Saved::Failed(error))) => {
                self.could_not_save_earlier(error, env)
            }
            // The store has renewed the lease at some time after it was asked to prepare: at that time the deadline began.
            (Stage::ExpectPreparation, Told::Prepared(Saved::Done)) => self.ask_prepared(until, env),
            (Stage::ExpectPreparation, Told::Prepared(Saved::Conflict(Some(record)))) => self.found(*record, None, env),
            (Stage::ExpectPreparation, Told::Prepared(Saved::Conflict(None))) => self.gone(env),
            (Stage::ExpectPreparation, Told::Prepared(Saved::Failed(error))) => {
                self.store.spent_nothing();
                self.store_failed(error, env)
            }
            (Stage::ExpectSave(obtained), Told::Saved(Saved::Done)) => self.is_kept(*obtained, env),
            (Stage::ExpectSave(obtained), Told::Saved(Saved::Conflict(record))) => {
                self.conflicted(*obtained, record, env)
            }
            (Stage::ExpectSave(obtained), Told::Saved(Saved::Failed(error))) => self.not_saved(*obtained, error, env),
            (Stage::ExpectRecordToCount(error), Told::Loaded(record)) => self.save_count(*error, record, env),
            (Stage::ExpectCount(counted), Told::Saved(saved)) => self.is_counted(*counted, &saved, env),
            // Without lock or record: the store may do better later, and the tokens may still be good until then.
            (_, Told::Locked(Err(error)) | Told::Loaded(Err(error))) => self.store_failed(error, env),
            (stage, _) => State::attempting(stage, until),
        }
    }

    /// Saves the current tokens in the place of an earlier record, whose refresh token is spent, or
    /// whose login was replaced. Then they are refreshed.
    fn save_lost(&mut self, record: &Record, env: &mut dyn Env) -> State {
        self.store.note(Some(record.version()));
        let is_other = record.login != self.store.login();
        if is_other {
            self.orphans.replace(record.tokens.clone());
        }
        if !self.store.has_unsaved() {
            let spent = record.tokens.refresh_token().filter(|_| !is_other).cloned();
            let parent = Parent { spent, generation: None };
            self.store.save_later(&record.tokens, parent, false, self.options.deadline(), env);
        }
        self.save_or_ask(env)
    }

    /// There is no record where one was expected: another process has logged out. A new login is saved all the same.
    fn gone(&mut self, env: &mut dyn Env) -> State {
        if !self.store.is_new_login() {
            return self.logged_out_elsewhere(None, env);
        }
        self.store.note(None);
        self.save_or_ask(env)
    }

    /// No other process saved newer tokens, and the provider does not accept the refresh token. It
    /// may still accept another. `previous` is the one before that of the record.
    fn go_back(&mut self, rejection: Rejection, previous: Option<&Secret>, env: &mut dyn Env) -> State {
        match self.untried(rejection.spent.as_ref(), previous) {
            Some(other) => self.ask_with(other, env),
            None => self.give_up(rejection.error, env),
        }
    }

    /// The refresh token to ask with after this one: of those that were set aside, and the previous
    /// one, if another process used it at the same time and the response to that request was lost.
    /// Each is tried once.
    pub(super) fn untried(&self, asked_with: Option<&Secret>, previous: Option<&Secret>) -> Option<Secret> {
        let others = || self.orphans.refresh_tokens().chain(previous);
        let is_asked_with = |other: &Secret| asked_with.is_some_and(|own| own.matches(other.expose()));
        let tried = others().position(is_asked_with).map_or(0, |place| place + 1);
        others().nth(tried).cloned()
    }

    /// Another process has saved something since. `rejection` is what ends the session if that does not help.
    fn found(&mut self, record: Record, rejection: Option<Rejection>, env: &mut dyn Env) -> State {
        let is_own = self.store.is_own(&record.tokens);
        if self.is_to_take_place(Some(&record)) && !is_own {
            self.take_place(Some(record));
            return self.save_or_ask(env);
        }
        if rejection.is_none() && !is_own && self.is_lost(&record) {
            return self.save_lost(&record, env);
        }
        let is_other = match self.is_other_login(&record) {
            Ok(is_other) => is_other,
            Err(error) => return self.replaced(error, None, env),
        };
        if is_own {
            // It was saved after all, and the newer tokens were not.
            self.store.note(Some(record.version()));
            return match rejection {
                Some(rejection) => self.go_back(rejection, None, env),
                None => self.save_or_ask(env),
            };
        }
        let previous = record.parent.spent.clone();
        let is_new = self.take(record, is_other, false, env);
        // These tokens are in the store. Older ones that could not be saved are of no use any more.
        if self.store.is_new_login() {
            // The new login was saved, although the response of the store was lost.
            self.nothing_is_replaced();
        }
        self.store.drop_unsaved();
        self.current.settle(&self.party, &self.options, env);
        match rejection {
            // Good tokens: there is nothing else to do.
            _ if is_new && !self.store.was_begun() && self.current.is_good(env) => {
                self.succeeded(self.current.tokens().clone(), self.store.login(), env)
            }
            Some(rejection) if !is_new => self.go_back(rejection, previous.as_ref(), env),
            _ => self.ask(env),
        }
    }

    /// Takes the tokens of a record that is not the known one, perhaps of another login. Whoever
    /// saved that login has given back the tokens of the record that it replaced. If the store had
    /// lost the record of the current tokens before that, they were not among those. This session
    /// cannot know that, so it gives them back here, unless the provider has ended their grant.
    /// Returns whether the tokens of the record are new.
    pub(super) fn take(&mut self, record: Record, is_other: bool, is_grant_gone: bool, env: &mut dyn Env) -> bool {
        let may_be_older = !is_other && self.may_be_older(&record);
        if !is_successor(&record, self.current.tokens()) && !self.current.are(&record.tokens) {
            if is_other && !is_grant_gone {
                self.orphaned(self.current.tokens().clone());
            }
            if may_be_older {
                self.orphans.set_aside(self.current.tokens().clone());
            }
        }
        let is_new = self.current.is_other_response(&record.tokens);
        if is_other {
            // What an earlier request brings is of a login that nobody goes on with.
            self.let_late_go(env);
        } else if is_new {
            // It is older, also where the refresh token stays the same.
            self.late.forget();
        }
        self.store.note(Some(record.version()));
        self.store.set_login(record.login);
        self.attempts.set_silent(record.silent_refusals);
        self.current.replace(record.tokens, may_be_older);
        is_new
    }

    /// No other process saved anything. Tokens that an earlier attempt could not save are saved before they are
    /// refreshed. Otherwise another process would use a refresh token whose successor was already used, which ends the
    /// grant.
    fn save_or_ask(&mut self, env: &mut dyn Env) -> State {
        if !self.store.has_unsaved() {
            return self.ask(env);
        }
        self.store.ask(Question::SaveEarlier);
        State::attempting(Stage::ExpectEarlierSave, self.deadline(env))
    }

    /// The store is still broken. Nothing is spent that cannot be kept.
    fn could_not_save_earlier(&mut self, error: Error, env: &mut dyn Env) -> State {
        self.events.push(Event::NotSaved(error.clone()));
        self.store_failed(error, env)
    }

    /// Another process saved or erased something while this one held the lock: the lock was lost.
    fn conflicted(&mut self, obtained: Obtained, record: Option<Box<Record>>, env: &mut dyn Env) -> State {
        if obtained.new_login.is_some() || self.is_to_take_place(record.as_deref()) {
            self.take_place(record.map(|record| *record));
            return self.obtained(obtained, env);
        }
        let Some(record) = record else { return self.logged_out_elsewhere(Some(obtained.tokens), env) };
        let is_other = match self.is_other_login(&record) {
            Ok(is_other) => is_other,
            Err(error) => return self.replaced(error, Some(obtained.tokens), env),
        };
        let is_old = self.current.are(&record.tokens) || self.store.is_own(&record.tokens) || self.is_lost(&record);
        self.store.note(Some(record.version()));
        if is_old {
            return self.obtained(obtained, env);
        }
        self.store.drop_unsaved();
        if is_other {
            self.orphaned(obtained.tokens);
            self.let_late_go(env);
            return self.goes_on_with(*record, env);
        }
        // The provider knows which of the two it issued last, and may have ended the other. The next attempt finds out.
        self.orphans.set_aside(obtained.tokens);
        self.current.replace(record.tokens, true);
        self.current.settle(&self.party, &self.options, env);
        self.store_failed(ErrorCode::STORE_CONFLICT.into(), env)
    }

    /// Another process has saved a new login. If its access token is good, nobody need be asked.
    /// Otherwise the attempt begins again, with the lock, which was lost.
    fn goes_on_with(&mut self, record: Record, env: &mut dyn Env) -> State {
        self.store.set_login(record.login);
        self.current.renew(record.tokens);
        self.current.settle(&self.party, &self.options, env);
        if self.current.is_good(env) {
            return self.succeeded(self.current.tokens().clone(), record.login, env);
        }
        self.store.release();
        self.admitted(env)
    }

    /// Whether a new login is unsaved, and this record belongs to another login. A record of the
    /// new login is in the store if the store saved it and its response was lost. Other processes
    /// may have refreshed that record since.
    fn is_to_take_place(&self, record: Option<&Record>) -> bool {
        self.store.is_new_login() && record.is_none_or(|record| record.login != self.store.login())
    }

    /// A new login takes the place of this record.
    fn take_place(&mut self, record: Option<Record>) {
        self.store.note(record.as_ref().map(|record| record.version()));
        if let Some(record) = record.filter(|record| !self.store.is_own(&record.tokens)) {
            self.orphans.replace(record.tokens);
        }
    }

    /// The current tokens are saved, beside whatever else goes on. If the tokens of a newer login
    /// are still to be saved, what they replace is not given back yet.
    fn is_saved_beside(&mut self, state: &State) {
        if !state.has_new_login() {
            self.nothing_is_replaced();
        }
    }

    /// What became of tokens that were saved again, beside whatever else goes on.
    pub(super) fn saved_again(&mut self, saved: Saved, state: State, env: &mut dyn Env) -> State {
        let record = match saved {
            Saved::Done => {
                self.is_saved_beside(&state);
                return state;
            }
            Saved::Failed(error) => {
                self.events.push(Event::NotSaved(error));
                return state;
            }
            Saved::Conflict(record) => record,
        };
        if self.is_to_take_place(record.as_deref()) {
            // It takes the place of what is there, at once.
            self.take_place(record.map(|record| *record));
            self.store.save_again(self.deadline(env));
            return state;
        }
        let Some(record) = record else { return self.gone_beside(state, None, env) };
        if self.current.are(&record.tokens) {
            // It was saved before, and the response did not come.
            self.store.note(Some(record.version()));
            self.is_saved_beside(&state);
            self.store.need_not_save();
            return state;
        }
        if self.is_lost(&record) && !self.store.is_own(&record.tokens) {
            self.store.note(Some(record.version()));
            self.store.save_again(self.deadline(env));
            return state;
        }
        let is_other = match self.is_other_login(&record) {
            Ok(is_other) => is_other,
            Err(error) => return self.gone_beside(state, Some(error), env),
        };
        if self.store.is_own(&record.tokens) || self.options.persistence == Persistence::Own {
            self.store.note(Some(record.version()));
            self.events.push(Event::NotSaved(ErrorCode::STORE_CONFLICT.into()));
            return state;
        }
        // The store has newer tokens, and the next refresh loads them. If they are of the same login, the provider may have
        // ended these tokens when it issued them. If they are of another login, these tokens are given back.
        let asked_at = self.current.tokens().obtained_at();
        self.current.doubt((!is_other).then_some(asked_at));
        if is_other {
            self.orphaned(self.current.tokens().clone());
        } else if self.store.is_new_login() {
            // The new login was saved, although the response of the store was lost: another process has refreshed it.
            self.is_saved_beside(&state);
        }
        self.store.need_not_save();
        state
    }

    /// The new tokens were not saved. They can be used, and are saved later.
    fn not_saved(&mut self, obtained: Obtained, error: Error, env: &mut dyn Env) -> State {
        let replaced = self.current.tokens().clone();
        self.store.keep_lock();
        // The refresh that brought them has no end in the store before they are there.
        self.store.may_have_spent();
        let is_new_login = obtained.new_login.is_some();
        let state = self.succeeded(obtained.tokens, obtained.new_login.or(self.store.login()), env);
        self.events.push(Event::NotSaved(error));
        self.store.save_later(&replaced, obtained.parent, is_new_login, self.options.deadline(), env);
        if obtained.may_be_spent {
            self.store.unsaved_may_be_spent();
        }
        state
    }

    /// Tokens came that cannot be used, now or ever. Their refresh token takes the place of the spent one at once, also in the
    /// store: it is not lost, whatever becomes of this process. The lock is given back when it is saved.
    pub(super) fn keep_refresh_token(&mut self, tokens: &UnverifiedTokens, exchange: &mut Exchange, env: &mut dyn Env) {
        let may_be_spent = exchange.may_be_overtaken(env) && self.store.was_begun();
        self.ends_in_vain(exchange);
        self.attempts.refusals(false);
        let replaced = self.current.tokens().clone();
        let is_current = |token: &&Secret| replaced.refresh_token().is_some_and(|own| own.matches(token.expose()));
        if let Some(refresh_token) = tokens.refresh_token().filter(|token| !is_current(token)) {
            self.current.continue_with(refresh_token.clone(), tokens.refresh_expires_at());
            if self.options.persistence != Persistence::Nowhere {
                self.store.keep_lock();
                let deadline = self.options.deadline();
                self.store.save_later(&replaced, exchange.parent.clone(), false, deadline, env);
                self.store.save_again(self.deadline(env));
            }
            if may_be_spent {
                self.store.unsaved_may_be_spent();
                self.current.doubt(Some(exchange.asked_at()));
            }
            exchange.is_kept(refresh_token.clone());
        }
        self.store.release();
        exchange.unlocked();
    }

    /// The store did not say in time whether it saved the tokens.
    pub(super) fn save_is_late(&mut self, obtained: Obtained, env: &mut dyn Env) -> State {
        self.not_saved(obtained, ErrorCode::SESSION_STORE.into(), env)
    }

    /// The store did not do in time what comes before the refresh.
    pub(super) fn store_is_late(&mut self, env: &mut dyn Env) -> State {
        // What the store has is not known. A session is not given up for that.
        self.store.spent_nothing();
        self.store_failed(ErrorCode::SESSION_STORE.into(), env)
    }
}
