//! Responses to questions whose time was up.

use std::num::NonZero;

use super::StoreProtocol;
use crate::session::lock::Lock;
use crate::session::question::{Question, Saved, Told};
use crate::session::record::RecordVersion;
use crate::session::store::StoreResponse;

impl StoreProtocol {
    /// A response to a question that was asked again since.
    pub(super) fn saved_late(&mut self, version: RecordVersion, response: StoreResponse) -> Option<Told> {
        match response {
            StoreResponse::Saved => {
                let saved = self.saved(Some(version), StoreResponse::Saved);
                self.need_not_save();
                Some(Told::SavedAgain(saved))
            }
            response => self.was_saved(response),
        }
    }

    /// A response that nobody waits for any more. If it says that the lock is held, the lock is
    /// held all the same.
    pub(super) fn told_late(&mut self, ticket: NonZero<u32>, response: StoreResponse) -> Option<Told> {
        match response {
            StoreResponse::Locked => self.locked_late(ticket),
            response => self.was_saved(response),
        }
    }

    /// Whether a response, however late, has a record of the new login that is unsaved: it was saved.
    fn was_saved(&self, response: StoreResponse) -> Option<Told> {
        let (StoreResponse::Conflict(Some(record)) | StoreResponse::Loaded { record: Some(record), .. }) = response
        else {
            return None;
        };
        let is_own = self.is_new_login() && record.login == self.login();
        is_own.then(|| Told::SavedAgain(Saved::Conflict(Some(record))))
    }

    /// A lock that comes late is given to the attempt that waits for a lock now. If no attempt
    /// waits, and the session does not hold the lock already, the lock is released.
    fn locked_late(&mut self, ticket: NonZero<u32>) -> Option<Told> {
        if ticket < self.last_unlock {
            // A later `Unlock` gave it back.
            return None;
        }
        if self.question == Some(Question::Lock) {
            self.forget();
            self.lock = Lock::Attempt;
            return Some(Told::LockedLate);
        }
        if !self.holds_lock() {
            self.lock = Lock::GiveBack;
        }
        None
    }
}
