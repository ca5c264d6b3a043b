//! A record that may have changed: it is read again beside whatever else goes on.

use std::num::NonZero;

use super::access::Ticket;
use super::record::RecordVersion;

/// Whether the store is to be read, or was asked.
#[derive(Default)]
pub(super) struct Reload {
    /// The record may have changed since the store was asked.
    is_due: bool,
    asked: Option<Asked>,
}

/// A question to the store, and what the session knew then. If the session has learned more since,
/// the response changes nothing.
struct Asked {
    ticket: NonZero<u32>,
    known: Known,
}

/// The newest attempt, and the newest record.
pub(super) type Known = (Ticket, Option<RecordVersion>);

impl Reload {
    /// The record may have changed.
    pub(super) fn is_wanted(&mut self) {
        self.is_due = true;
    }

    /// Whether the store is to be asked now. There is one question at a time, unless the response
    /// to the earlier question is of no use any more.
    pub(super) fn is_due(&self, known: &Known) -> bool {
        self.is_due && self.asked.as_ref().is_none_or(|asked| asked.known != *known)
    }

    pub(super) fn asked(&mut self, ticket: NonZero<u32>, known: Known) {
        (self.is_due, self.asked) = (false, Some(Asked { ticket, known }));
    }

    /// Whether a response is to this question.
    pub(super) fn awaits(&self, ticket: NonZero<u32>) -> bool {
        self.asked.as_ref().is_some_and(|asked| asked.ticket == ticket)
    }

    /// The response has come. Returns whether it still says something; if it does not, the store is asked again.
    pub(super) fn answered(&mut self, known: &Known) -> bool {
        let is_fresh = self.asked.take().is_some_and(|asked| asked.known == *known);
        self.is_due |= !is_fresh;
        is_fresh
    }
}
