//! The lease of a lock that is held while the session has nothing to ask.

use super::StoreProtocol;
use crate::session::store::{StoreAction, StoreTicket};

impl StoreProtocol {
    /// The lock is needed for longer than a lease may last.
    pub(in crate::session) fn renew_lease(&mut self) {
        self.is_lease_due = true;
    }

    /// Renews the lease, if that is due and there is a lock: a load does. What it finds is of no
    /// use, because the save of what came compares the versions.
    pub(in crate::session) fn poll_lease(&mut self) -> Option<(StoreTicket, StoreAction)> {
        let is_due = std::mem::take(&mut self.is_lease_due) && self.holds_lock();
        is_due.then(|| (StoreTicket(self.new_ticket()), StoreAction::Load))
    }
}
