//! A logout: the session is over for its callers at once, and finds out what there is to revoke.
//!
//! ```text
//! [lock ─▶] load ─▶ erase ─┬─▶ (a response to come: wait for it) ───┬─▶ logged out
//!                          ├─▶ (a refresh without an end: refresh) ─┤
//!                          └────────────────────────────────────────┘
//! ```
//!
//! The refresh token may be spent where a refresh was begun and has no end, and where the record is
//! gone: its revocation may do nothing. Then the newest token is the one that a refresh brings. A
//! refresh has an end if its tokens came, and if it was a refresh of the tokens that are there now.

use super::Core;
use super::exchange::Exchange;
use super::flight::Flight;
use super::giving_back::Held;
use super::late::Fate;
use super::logout::{Known, Leaving, LogoutStage};
use super::state::{Resume, State};
use crate::base::env::{Env, MonotonicTime};
use crate::error::{Error, ErrorCode};
use crate::flow::TokenRequest;
use crate::session::access::{End, Erased, Uncertainty};
use crate::session::event::Event;
use crate::session::policy::Persistence;
use crate::session::question::{Question, Saved, Told};
use crate::session::record::Record;
use crate::step::Step;

impl Core {
    /// Ends the session. What is under way is not used any more, but what comes of it is to be revoked.
    pub(super) fn leave(&mut self, state: State, env: &mut dyn Env) -> State {
        let mut known = Known::new();
        self.events.push(Event::Ended);
        let has_record = match &state {
            State::Stopped(End::LoggedOutElsewhere) => {
                known.is_uncertain(Uncertainty::NoRecord);
                false
            }
            State::Stopped(End::Replaced(_)) => {
                known.is_uncertain(Uncertainty::OtherLogin);
                known.logout.erased = Erased::OtherLogin;
                false
            }
            _ => true,
        };
        self.has_held(&mut known, Held::by(state, env));
        self.attempts.begin();
        self.attempts.end();
        // The mark stays: if the lock was lost, it may be another process's by now.
        self.store.may_have_spent();
        self.store.forget();
        if let Some(unsaved) = self.store.drop_unsaved() {
            self.orphans.push(self.current.tokens().clone());
            // The store may have been out of reach, and the lease over.
            let may_be_overtaken = unsaved.is_older_than(self.options.deadline(), env);
            if !(unsaved.is_new_login() || unsaved.may_be_spent || self.current.has_lost() || may_be_overtaken) {
                known.brought(unsaved.parent().spent.clone());
            }
        }
        match has_record {
            true => self.find_record(known, env),
            false => self.after_erasure(known, env),
        }
    }

    /// Goes on after a transition of the logout that did not return. What it held is lost.
    pub(super) fn leave_interrupted(&mut self, mut known: Known, env: &mut dyn Env) -> State {
        self.is_interrupted();
        // What the lost state awaited is not taken for what comes next.
        self.attempts.begin();
        self.attempts.end();
        known.is_uncertain(Uncertainty::LostResponse);
        self.find_record(known, env)
    }

    /// Loads the record, if there is a store, to erase it.
    fn find_record(&mut self, known: Known, env: &mut dyn Env) -> State {
        match self.options.persistence {
            Persistence::Shared if !self.store.take_lock() && !self.store.holds_lock() => {
                self.store.ask(Question::Lock);
                leaving(LogoutStage::ExpectLock, self.deadline(env), known)
            }
            Persistence::Shared | Persistence::Own => self.find_record_locked(known, env),
            Persistence::Nowhere => self.after_erasure(known, env),
        }
    }

    fn find_record_locked(&mut self, known: Known, env: &dyn Env) -> State {
        self.store.ask(Question::Load);
        leaving(LogoutStage::ExpectRecord, self.deadline(env), known)
    }

    /// Gives back what was under way, or keeps what may still come of it.
    fn has_held(&mut self, known: &mut Known, held: Held) {
        match held {
            Held::Nothing => {}
            Held::Tokens(orphan, end) => {
                self.orphaned(orphan);
                // The mark may be another process's, whose response was lost.
                if !end.may_be_overtaken || self.options.persistence != Persistence::Shared {
                    known.brought(end.spent);
                }
            }
            Held::NewLogin(orphan) => self.orphaned(orphan),
            Held::Expected(expect) => {
                // Until it comes, nobody knows what it brings.
                self.ends_in_vain(&expect.exchange);
                self.late.expect(self.attempts.ticket(), expect);
            }
            Held::Lost => known.is_uncertain(Uncertainty::LostResponse),
        }
    }

    /// Goes on from a response of the store.
    pub(super) fn told_leaving(&mut self, told: Told, at: Leaving, env: &mut dyn Env) -> State {
        let Leaving { stage, until, mut known } = at;
        match (stage, told) {
            (LogoutStage::ExpectLock, Told::Locked(Ok(())) | Told::LockedLate) => self.find_record_locked(known, env),
            (LogoutStage::ExpectLock, Told::Locked(Err(error)))
            | (LogoutStage::ExpectRecord, Told::Loaded(Err(error))) => {
                // What is stored is not known. This session's own record is erased all the same.
                known.is_uncertain(Uncertainty::Store(error));
                self.erase(known, env)
            }
            (LogoutStage::ExpectRecord, Told::Loaded(Ok(record))) => {
                self.erase_this(record.map(|record| *record), known, env)
            }
            (LogoutStage::ExpectErasure, Told::Erased(Saved::Done)) => {
                known.logout.erased = Erased::Record;
                self.after_erasure(known, env)
            }
            (LogoutStage::ExpectErasure, Told::Erased(Saved::Conflict(record))) => {
                self.erase_this(record.map(|record| *record), known, env)
            }
            (LogoutStage::ExpectErasure, Told::Erased(Saved::Failed(error))) => self.not_erased(error, known, env),
            (stage, _) => leaving(stage, until, known),
        }
    }

    fn erase(&mut self, known: Known, env: &dyn Env) -> State {
        self.store.ask(Question::Erase);
        leaving(LogoutStage::ExpectErasure, self.deadline(env), known)
    }

    fn not_erased(&mut self, error: Error, mut known: Known, env: &mut dyn Env) -> State {
        // Whoever finds the record goes on with it, also before what is given back is revoked.
        known.is_uncertain(Uncertainty::Store(error.clone()));
        known.logout.erased = Erased::Failed(error.clone());
        self.store.failed_to_erase();
        self.events.push(Event::NotErased(error));
        self.after_erasure(known, env)
    }

    /// Erases this record, if it is the user's.
    fn erase_this(&mut self, record: Option<Record>, mut known: Known, env: &mut dyn Env) -> State {
        let Some(record) = record else {
            // Whoever erased it may have refreshed before, and nobody knows whether he could revoke what he had.
            known.is_record_gone = self.options.persistence == Persistence::Shared && self.store.known().is_some();
            return self.after_erasure(known, env);
        };
        let Ok(is_other) = self.is_other_login(&record) else {
            // Nobody knows any more which record of this login the store had last, nor whether a refresh was begun from it: a
            // mark that said so is gone with that record. A mark that is there now belongs to the other login.
            known.is_uncertain(Uncertainty::OtherLogin);
            known.logout.erased = Erased::OtherLogin;
            return self.after_erasure(known, env);
        };
        if self.current.has_lost() && (is_other || self.is_lost(&record)) {
            // With the later record the store has lost the mark of a refresh that has no end. What it brought, nobody knows.
            known.is_uncertain(Uncertainty::LostResponse);
        }
        if !self.current.are(&record.tokens) {
            self.orphans.push(self.current.tokens().clone());
        }
        let may_be_older = !is_other && self.may_be_older(&record);
        self.store.note(Some(record.version()));
        self.store.set_login(record.login);
        self.current.replace(record.tokens, may_be_older);
        self.erase(known, env)
    }

    /// The record is gone. What may still come is waited for.
    fn after_erasure(&mut self, mut known: Known, env: &mut dyn Env) -> State {
        while let Some((step, exchange)) = self.late.take_arrived(env) {
            self.has_held(&mut known, Held::of(Ok(step), exchange, env));
        }
        if self.late.is_needed() {
            return leaving(LogoutStage::ExpectLate, self.deadline(env), known);
        }
        if self.may_be_spent(&known) {
            let may_ask = self.options.persistence != Persistence::Shared || self.store.holds_lock();
            if may_ask && self.current.tokens().refresh_token().is_some() {
                let (step, exchange) = self.request(env);
                return self.proceed_leaving(step, exchange, known, env);
            }
            known.is_uncertain(match known.is_record_gone {
                true => Uncertainty::NoRecord,
                false => Uncertainty::LostResponse,
            });
        }
        self.left(known, env)
    }

    /// Whether a refresh from the tokens that are there was begun and has no end, or may have been: the record is gone.
    fn may_be_spent(&self, known: &Known) -> bool {
        let has_end = known.has_brought(self.current.tokens().refresh_token());
        (self.store.was_begun() || self.current.has_lost() || known.is_record_gone) && !has_end
    }

    /// Goes on from a step of the last refresh.
    pub(super) fn proceed_leaving(
        &mut self,
        step: Result<Step<TokenRequest>, Error>,
        exchange: Exchange,
        mut known: Known,
        env: &mut dyn Env,
    ) -> State {
        let (flight, until) = match step {
            Ok(Step::Call(call)) if !exchange.may_have_yielded() => (Flight::call(call, exchange), self.deadline(env)),
            Ok(Step::UseKey(use_key)) if !exchange.may_have_yielded() => {
                (Flight::use_key(use_key, exchange), self.deadline(env))
            }
            Ok(Step::Wait(wait)) if !exchange.may_have_yielded() => {
                let until = wait.until();
                (Flight::Wait(wait, exchange), until)
            }
            Ok(step) => {
                self.has_held(&mut known, Held::of(Ok(step), exchange, env));
                return self.left(known, env);
            }
            // Whether the grant has ended is not known, whatever the provider says of this token.
            Err(error) => {
                known.is_uncertain(Uncertainty::RefreshFailed(error));
                return self.left(known, env);
            }
        };
        leaving(LogoutStage::InFlight(Box::new(flight)), until, known)
    }

    /// What is awaited does not come in time.
    pub(super) fn leaving_is_late(&mut self, at: Leaving, env: &mut dyn Env) -> State {
        let Leaving { stage, mut known, .. } = at;
        match stage {
            LogoutStage::ExpectLock | LogoutStage::ExpectRecord => {
                known.is_uncertain(Uncertainty::Store(ErrorCode::SESSION_STORE.into()));
                return self.erase(known, env);
            }
            LogoutStage::ExpectErasure => return self.not_erased(ErrorCode::SESSION_STORE.into(), known, env),
            LogoutStage::Interrupted => return self.leave_interrupted(known, env),
            LogoutStage::ExpectLate => known.is_uncertain(Uncertainty::LostResponse),
            LogoutStage::InFlight(flight) => {
                known.is_uncertain(Uncertainty::LostResponse);
                // If tokens come after all, they are revoked, too.
                self.has_held(&mut known, Held::in_flight(*flight, env));
            }
        }
        self.attempts.begin();
        self.attempts.end();
        self.left(known, env)
    }

    /// A response that was late has come, or it is known that none comes.
    pub(super) fn late_has_come(&mut self, state: State, env: &mut dyn Env) -> State {
        let is_leaving = matches!(state, State::Leaving(_));
        while let Some((step, exchange)) = self.late.take_of(Fate::GiveBack, env) {
            let is_to_be_replaced = self.store.is_new_login() || state.has_new_login();
            self.give_back_late(step, exchange, is_to_be_replaced && !is_leaving, env);
        }
        if !state.is_over() {
            self.set_late_aside(env);
        }
        match state {
            State::Leaving(leaving) if matches!(leaving.stage, LogoutStage::ExpectLate) => {
                self.after_erasure(leaving.known, env)
            }
            State::LoggedOut => {
                while let Some((step, exchange)) = self.late.take_arrived(env) {
                    self.give_back_late(step, exchange, false, env);
                }
                State::LoggedOut
            }
            State::Stopped(end) if !end.is_final() => {
                // Another one may be the newest. The next attempt finds out.
                self.late.set_aside();
                self.set_late_aside(env);
                let now = env.monotonic();
                match end {
                    End::NeedsLogin(_) if self.orphans.has_set_aside() => State::pausing(now, Resume::Anew, false),
                    end => State::Stopped(end),
                }
            }
            // Nobody has sent the next request yet.
            State::Attempting(attempt) if attempt.is_to_ask() => match self.has_come(env) {
                Some((step, exchange)) => self.proceed(Ok(step), exchange, env),
                None => State::Attempting(attempt),
            },
            state => state,
        }
    }

    /// The logout is done. The rest is the revocation of what the session gives back.
    fn left(&mut self, known: Known, env: &mut dyn Env) -> State {
        // What an earlier request has brought since the provider was asked last.
        while let Some((step, exchange)) = self.late.take_arrived(env) {
            self.give_back_late(step, exchange, false, env);
        }
        self.store.abandon();
        self.orphaned(self.current.tokens().clone());
        self.orphans.give_set_aside_back();
        self.nothing_is_replaced();
        self.events.push(Event::LoggedOut(known.logout));
        State::LoggedOut
    }
}

/// A logout that awaits this.
fn leaving(stage: LogoutStage, until: MonotonicTime, known: Known) -> State {
    State::Leaving(Box::new(Leaving { stage, until, known }))
}
