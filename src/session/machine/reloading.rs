//! The record is read again beside whatever else goes on, because it may have changed.
//!
//! Nobody is asked for tokens for that, and nothing is written: it was a hint, and anybody may have given it.

use super::records::Newer;
use super::state::State;
use super::{Core, Session};
use crate::base::env::Env;
use crate::session::policy::Persistence;
use crate::session::record::Record;
use crate::session::reload::Known;
use crate::session::store::{StoreAction, StoreResponse, StoreTicket};

impl Session {
    /// Says that another process may have changed the record. The session has the store load it,
    /// and takes what it finds: newer tokens, also of a new login after the session had needed one,
    /// or that it was logged out elsewhere.
    ///
    /// This is a hint. It may be wrong, and it may be missing: a refresh loads the record in any case. It sends nothing
    /// to the provider, ends no pause of a session whose record is the same, and does nothing unless the store is
    /// [shared](Persistence::Shared). Hints that come while the store answers lead to one more question.
    pub fn reload(&mut self) {
        if self.core.options.persistence == Persistence::Shared {
            self.core.reload.get_or_insert_default().is_wanted();
        }
    }

    /// Asks for the record, if that is due and nothing is under way that knows better.
    pub(super) fn poll_reload(&mut self) -> Option<(StoreTicket, StoreAction)> {
        let core = &mut self.core;
        let known = core.known();
        let reload = core.reload.as_mut()?;
        let is_due = reload.is_due(&known) && self.state.can_reload();
        if !is_due || core.store.has_unsaved() {
            return None;
        }
        let ticket = core.store.new_ticket();
        reload.asked(ticket, known);
        Some((StoreTicket(ticket), StoreAction::Load))
    }

    pub(super) fn awaits_reload(&self, ticket: &StoreTicket) -> bool {
        self.core.reload.as_ref().is_some_and(|reload| reload.awaits(ticket.0))
    }
}

impl Core {
    fn known(&self) -> Known {
        (self.attempts.ticket(), self.store.known())
    }

    /// Goes on from the response of the store. A store that fails is asked again by the next refresh.
    pub(super) fn reloaded(&mut self, answer: StoreResponse, state: State, env: &mut dyn Env) -> State {
        let known = self.known();
        let is_fresh = self.reload.as_mut().is_some_and(|reload| reload.answered(&known));
        let StoreResponse::Loaded { record, begun } = answer else { return state };
        if !is_fresh || !state.can_reload() || self.store.has_unsaved() {
            return state;
        }
        let record = match self.newer(record) {
            Newer::Yes(record) => record,
            Newer::Gone if !state.is_over() => {
                self.give_back(state, env);
                return self.logged_out_elsewhere(None, env);
            }
            Newer::Gone | Newer::No(_) => return state,
        };
        // Tokens that the store has lost are saved again by the next attempt, under the lock.
        if self.is_lost(&record) {
            return state;
        }
        let is_other = match self.is_other_login(&record) {
            Ok(is_other) => is_other,
            Err(_) if state.is_over() => return state,
            Err(error) => {
                self.give_back(state, env);
                return self.replaced(error, None, env);
            }
        };
        if state.is_over() && !self.current.is_other_response(&record.tokens) {
            // What ended the session is true of these tokens, whatever the number of their record.
            return state;
        }
        let begun = Record::is_begun(Some(&record), begun);
        let is_new = self.take(record, is_other, state.is_grant_gone(), env);
        self.store.note_mark(begun);
        if begun {
            // The refresh token may be spent, and the access token ended.
            self.current.doubt(None);
        }
        let due = self.settle(env);
        if is_new && self.current.is_good(env) {
            // It is the next attempt, which is over before it was due.
            self.attempts.begin();
            return self.succeeded(self.current.tokens().clone(), self.store.login(), env);
        }
        match state {
            State::Pausing(pause) => State::Pausing(pause),
            _ => due,
        }
    }
}
