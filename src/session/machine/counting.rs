//! Refusals without a reason are counted in the record, so that processes that ask once each count them together.

use super::Core;
use super::records::Newer;
use super::state::{Counted, Resume, Stage, State};
use crate::base::env::Env;
use crate::error::Error;
use crate::session::question::{Question, Saved};
use crate::session::record::Record;

impl Core {
    /// An attempt begins: it counts on from what the record says, if that is of the tokens that it asks with.
    pub(super) fn count_on(&mut self, record: Option<&Record>) {
        if let Some(record) = record.filter(|record| self.current.are(&record.tokens)) {
            self.attempts.set_silent(record.silent_refusals);
        }
    }

    /// The attempt failed with this error, and the count in the record is out of date. The record is loaded, because it has
    /// to be saved whole.
    pub(super) fn count(&mut self, error: Error, env: &dyn Env) -> State {
        self.store.spent_nothing();
        self.store.ask(Question::Load);
        State::attempting(Stage::ExpectRecordToCount(Box::new(error)), self.deadline(env))
    }

    /// Saves the record with the count, if it is still the known one.
    pub(super) fn save_count(
        &mut self,
        error: Error,
        record: Result<Option<Box<Record>>, Error>,
        env: &mut dyn Env,
    ) -> State {
        match record.map(|record| self.newer(record)) {
            Ok(Newer::No(Some(record))) => {
                // The save removes the mark together with the old record. If an earlier refresh has
                // no end, the new record says so.
                let may_be_spent = self.store.was_begun();
                let record = Record { silent_refusals: self.attempts.silent(), may_be_spent, ..record };
                self.store.ask(Question::Save);
                State::attempting(Stage::ExpectCount(Box::new(Counted { error, record })), self.deadline(env))
            }
            // Another process has changed the record, or the store cannot read it. The next attempt
            // learns that.
            _ => self.not_counted(error, env),
        }
    }

    pub(super) fn is_counted(&mut self, counted: Counted, saved: &Saved, env: &mut dyn Env) -> State {
        match saved {
            Saved::Done => {
                self.store.note_mark(counted.record.may_be_spent);
                self.store.release();
                self.back_off(counted.error, Resume::Anew, env)
            }
            Saved::Conflict(_) | Saved::Failed(_) => self.not_counted(counted.error, env),
        }
    }

    /// The record keeps its count. That is no reason to end the session, or to name the store's error in place of the
    /// provider's.
    pub(super) fn not_counted(&mut self, error: Error, env: &mut dyn Env) -> State {
        self.store.release();
        self.back_off(error, Resume::Anew, env)
    }
}
