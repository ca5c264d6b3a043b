//! A logout: the session is over for its callers at once, and finds out what there is to revoke.
//!
//! ```text
//! [lock ─▶] load ─▶ erase ─┬─▶ (a response to come: wait for it) ───┬─▶ logged out
//!                          ├─▶ (a refresh without an end: refresh) ─┤
//!                          └────────────────────────────────────────┘
//! ```
//!
//! The refresh token may be spent where a refresh was begun and has no end: its revocation may do nothing. Then the newest
//! token is the one that a refresh brings. The end of a refresh is the tokens that came for it, if it was the refresh of the
//! tokens that are there now.

use super::Core;
use super::exchange::Exchange;
use super::flight::Flight;
use super::giving_back::Held;
use super::late::Fate;
use super::logout::Leaving;
use super::state::{Stage, State};
use crate::base::env::{Env, MonotonicTime};
use crate::base::secret::Secret;
use crate::error::{Error, ErrorCode};
use crate::flow::TokenRequest;
use crate::session::access::{Erased, Uncertainty};
use crate::session::event::Event;
use crate::session::policy::Persistence;
use crate::session::question::{Question, Saved, Told};
use crate::session::record::Record;
use crate::step::Step;

impl Core {
    /// Ends the session. What is under way is not used any more, but what comes of it is to be revoked.
    pub(super) fn leave(&mut self, state: State, env: &mut dyn Env) -> State {
        self.leaving = Some(Box::new(Leaving::new()));
        self.events.push(Event::Ended);
        let has_record = !matches!(&state, State::Stopped(end) if end.is_final());
        self.drop_attempt(state, env);
        self.attempts.begin();
        self.attempts.end();
        // The mark stays: if the lock was lost, it may be another process's by now.
        self.store.may_have_spent();
        self.store.forget();
        if let Some(unsaved) = self.store.drop_unsaved() {
            self.orphans.push(self.current.tokens().clone());
            if !unsaved.is_new_login() && !self.current.has_lost() {
                self.has_brought(unsaved.parent().spent.clone());
            }
        }
        match has_record {
            true => self.find_record(env),
            false => self.after_erasure(env),
        }
    }

    /// Goes on after a transition that did not return. What it held is lost.
    pub(super) fn leave_interrupted(&mut self, env: &mut dyn Env) -> State {
        self.is_uncertain(Uncertainty::LostResponse);
        self.find_record(env)
    }

    /// Loads the record, if there is a store, to erase it.
    fn find_record(&mut self, env: &mut dyn Env) -> State {
        match self.options.persistence {
            Persistence::Shared if !self.store.take_lock() && !self.store.holds_lock() => self.lock(env),
            Persistence::Shared | Persistence::Own => self.load(env),
            Persistence::Nowhere => self.after_erasure(env),
        }
    }

    /// Gives back what was under way, and waits for what may still come of it.
    fn drop_attempt(&mut self, state: State, env: &mut dyn Env) {
        let held = Held::by(state, env);
        self.has_held(held);
    }

    fn has_held(&mut self, held: Held) {
        match held {
            Held::Nothing => {}
            Held::Tokens(orphan, spent) => {
                self.orphaned(orphan);
                self.has_brought(spent);
            }
            Held::NewLogin(orphan) => self.orphaned(orphan),
            Held::Expected(expect) => {
                // Until it comes, nobody knows what it brings.
                self.ends_in_vain(&expect.exchange);
                self.late.expect(self.attempts.ticket(), expect);
            }
            Held::Lost => self.is_uncertain(Uncertainty::LostResponse),
        }
    }

    /// The tokens came that were asked for with this refresh token. They are given back.
    fn has_brought(&mut self, spent: Option<Secret>) {
        if let Some(leaving) = &mut self.leaving {
            leaving.brought(spent);
        }
    }

    /// The first reason stays.
    fn is_uncertain(&mut self, why: Uncertainty) {
        if let Some(leaving) = &mut self.leaving {
            leaving.logout.uncertainty.get_or_insert(why);
        }
    }

    fn is_erased(&mut self, erased: Erased) {
        if let Some(leaving) = &mut self.leaving {
            leaving.logout.erased = erased;
        }
    }

    /// Goes on from a response of the store.
    pub(super) fn told_leaving(&mut self, told: Told, stage: Stage, until: MonotonicTime, env: &mut dyn Env) -> State {
        match (stage, told) {
            (Stage::ExpectLock, Told::Locked(Ok(())) | Told::LockedLate) => self.load(env),
            (Stage::ExpectLock, Told::Locked(Err(error))) | (Stage::ExpectRecord, Told::Loaded(Err(error))) => {
                // What is stored is not known. This session's own record is erased all the same.
                self.is_uncertain(Uncertainty::Store(error));
                self.erase(env)
            }
            (Stage::ExpectRecord, Told::Loaded(Ok(record))) => self.erase_this(record.map(|record| *record), env),
            (Stage::ExpectErasure, Told::Erased(Saved::Done)) => {
                self.is_erased(Erased::Record);
                self.after_erasure(env)
            }
            (Stage::ExpectErasure, Told::Erased(Saved::Conflict(record))) => {
                self.erase_this(record.map(|record| *record), env)
            }
            (Stage::ExpectErasure, Told::Erased(Saved::Failed(error))) => self.not_erased(error, env),
            (stage, _) => self.attempting(stage, until),
        }
    }

    fn erase(&mut self, env: &mut dyn Env) -> State {
        self.store.ask(Question::Erase);
        self.attempting(Stage::ExpectErasure, self.deadline(env))
    }

    fn not_erased(&mut self, error: Error, env: &mut dyn Env) -> State {
        // Whoever finds the record goes on with it, also before what is given back is revoked.
        self.is_uncertain(Uncertainty::Store(error.clone()));
        self.is_erased(Erased::Failed(error.clone()));
        self.store.failed_to_erase();
        self.events.push(Event::NotErased(error));
        self.after_erasure(env)
    }

    /// Erases this record, if it is the user's.
    fn erase_this(&mut self, record: Option<Record>, env: &mut dyn Env) -> State {
        let Some(record) = record else { return self.after_erasure(env) };
        let Ok(is_other) = self.is_other_login(&record) else {
            // What the store had last of this login, and whether a refresh was begun from it, it does not say any more: the mark
            // is gone with the record, and a mark that is there now is the other login's. Any process may have made it.
            self.is_uncertain(Uncertainty::OtherLogin);
            self.is_erased(Erased::OtherLogin);
            return self.after_erasure(env);
        };
        if self.current.has_lost() && (is_other || self.is_lost(&record)) {
            // With the later record the store has lost the mark of a refresh that has no end. What it brought, nobody knows.
            self.is_uncertain(Uncertainty::LostResponse);
        }
        if !self.current.are(&record.tokens) {
            self.orphans.push(self.current.tokens().clone());
        }
        let may_be_older = !is_other && self.may_be_older(&record);
        self.store.note(Some(record.version()));
        self.store.set_login(record.login);
        self.current.replace(record.tokens, may_be_older);
        self.erase(env)
    }

    /// The record is gone. What may still come is waited for.
    fn after_erasure(&mut self, env: &mut dyn Env) -> State {
        while let Some((step, exchange)) = self.late.take_arrived() {
            let may_be_overtaken = exchange.may_be_overtaken() && self.options.persistence == Persistence::Shared;
            match Held::of(Ok(step), exchange, env) {
                // The mark may be another process's, whose response was lost.
                Held::Tokens(orphan, _) if may_be_overtaken => self.orphaned(orphan),
                held => self.has_held(held),
            }
        }
        if self.late.is_needed() {
            return self.attempting(Stage::ExpectLate, self.deadline(env));
        }
        if self.may_be_spent() {
            let may_ask = self.options.persistence != Persistence::Shared || self.store.holds_lock();
            if may_ask && self.current.tokens().refresh_token().is_some() {
                return self.ask_prepared(env);
            }
            self.is_uncertain(Uncertainty::LostResponse);
        }
        self.left()
    }

    /// Whether a refresh was begun from the tokens that are there, and has no end.
    fn may_be_spent(&self) -> bool {
        let own = self.current.tokens().refresh_token();
        let has_end = self.leaving.as_ref().is_some_and(|leaving| leaving.has_brought(own));
        (self.store.was_begun() || self.current.has_lost()) && !has_end
    }

    /// Goes on from a step of the last refresh.
    pub(super) fn proceed_leaving(
        &mut self,
        step: Result<Step<TokenRequest>, Error>,
        exchange: Exchange,
        env: &mut dyn Env,
    ) -> State {
        match step {
            Ok(Step::Call(call)) if !exchange.may_have_yielded() => {
                self.in_flight(Flight::call(call, exchange), self.deadline(env))
            }
            Ok(Step::UseKey(use_key)) if !exchange.may_have_yielded() => {
                self.in_flight(Flight::use_key(use_key, exchange), self.deadline(env))
            }
            Ok(Step::Wait(wait)) if !exchange.may_have_yielded() => {
                let until = wait.until();
                self.in_flight(Flight::Wait(wait, exchange), until)
            }
            Ok(step) => {
                self.has_held(Held::of(Ok(step), exchange, env));
                self.left()
            }
            // Whether the grant has ended is not known, whatever the provider says of this token.
            Err(error) => {
                self.is_uncertain(Uncertainty::RefreshFailed(error));
                self.left()
            }
        }
    }

    /// What is awaited does not come in time.
    pub(super) fn leaving_is_late(&mut self, stage: Stage, env: &mut dyn Env) -> State {
        self.is_uncertain(match stage {
            Stage::ExpectLock | Stage::ExpectRecord | Stage::ExpectErasure => {
                Uncertainty::Store(ErrorCode::SESSION_STORE.into())
            }
            _ => Uncertainty::LostResponse,
        });
        match stage {
            Stage::ExpectLock | Stage::ExpectRecord => self.erase(env),
            Stage::ExpectErasure => self.not_erased(ErrorCode::SESSION_STORE.into(), env),
            stage => {
                // If tokens come after all, they are revoked, too.
                let state = self.attempting(stage, env.monotonic());
                self.drop_attempt(state, env);
                self.attempts.begin();
                self.attempts.end();
                self.left()
            }
        }
    }

    /// A response that was late has come, or it is known that none comes.
    pub(super) fn late_has_come(&mut self, state: State, env: &mut dyn Env) -> State {
        while let Some((step, exchange)) = self.late.take_of(Fate::GiveBack) {
            let is_to_be_replaced = self.store.is_new_login() || state.has_new_login();
            self.give_back_late(step, exchange, is_to_be_replaced && self.leaving.is_none(), env);
        }
        if !state.is_over() && self.leaving.is_none() {
            self.set_late_aside(env);
        }
        match state {
            State::Attempting(attempt) if matches!(attempt.stage, Stage::ExpectLate) => self.after_erasure(env),
            State::LoggedOut => {
                while let Some((step, exchange)) = self.late.take_arrived() {
                    self.has_held(Held::of(Ok(step), exchange, env));
                }
                State::LoggedOut
            }
            // Nobody has sent the next request yet.
            State::Attempting(attempt) if self.leaving.is_none() && attempt.is_to_ask() => match self.has_come(env) {
                Some((step, exchange)) => self.proceed(Ok(step), exchange, env),
                None => State::Attempting(attempt),
            },
            state => state,
        }
    }

    /// The logout is done. The rest is the revocation of what the session gives back.
    fn left(&mut self) -> State {
        self.store.abandon();
        self.orphaned(self.current.tokens().clone());
        self.orphans.give_set_aside_back();
        self.nothing_is_replaced();
        if let Some(leaving) = self.leaving.take() {
            self.events.push(Event::LoggedOut(leaving.logout));
        }
        State::LoggedOut
    }
}
