//! What a record that was found says: whether it is newer than what is known, and whose it is.

use super::Core;
use crate::error::Error;
use crate::session::record::{Record, RecordVersion};
use crate::session::same::other_user;
use crate::token::token_set::TokenSet;

/// What a loaded record says.
pub(super) enum Newer {
    /// It is not the one that is known.
    Yes(Record),
    /// It is the one that is known.
    No(Option<Record>),
    /// A record is known, and there is none.
    Gone,
}

impl Core {
    pub(super) fn newer(&self, record: Option<Box<Record>>) -> Newer {
        let known = self.store.known();
        match record {
            Some(record) if Some(record.version()) != known => Newer::Yes(*record),
            None if known.is_some() => Newer::Gone,
            record => Newer::No(record.map(|record| *record)),
        }
    }

    /// Whether the store has lost the record of the current tokens, and has an earlier record,
    /// perhaps of the login before. That happens if a replica that was behind becomes the primary,
    /// or if a backup is restored. Times of day do not decide this, because two machines may have
    /// written them.
    pub(super) fn is_lost(&self, record: &Record) -> bool {
        if self.current.are(&record.tokens) {
            return false;
        }
        let login = self.store.login();
        let known = self.store.known().filter(|known| known.login == login);
        let is_later = |known: RecordVersion| known.generation > record.generation;
        match login == record.login {
            true => self.current.are_before(&record.tokens) || known.is_some_and(is_later),
            // This login was saved in the place of that one.
            false => self.current.are_before(&record.tokens) && known.is_some_and(is_later),
        }
    }

    /// Whether a record is of another login of the same user.
    ///
    /// # Errors
    /// Whose it is instead. If nobody knows the user, each login is taken for another user's.
    pub(super) fn is_other_login(&self, record: &Record) -> Result<bool, Error> {
        self.party.owner().check(record.tokens.owner())?;
        // This session's own record from before its unsaved tokens is no other, whatever its login.
        let is_other = record.login != self.store.login() && !self.store.is_own(&record.tokens);
        let own = self.current.tokens();
        let is_same_user = match (own.subject(), record.tokens.subject()) {
            (Some(own), Some(theirs)) => own == theirs,
            (None, None) if !is_other => true,
            _ => !is_other && record.login.is_some() || is_successor(record, own),
        };
        if is_same_user { Ok(is_other) } else { Err(other_user(own, &record.tokens)) }
    }

    /// Whether the tokens of the record may have been requested before the last request of this
    /// session. Times of day do not decide this, because two machines may have written them. There
    /// are two such cases:
    ///
    /// - The process that requested them did not know the record that this session knows.
    /// - The record is the next after the known one, and the last request of this session got no
    ///   response, or got other tokens for the same refresh token.
    pub(super) fn may_be_older(&self, record: &Record) -> bool {
        let known = self.store.known().map_or(0, |known| known.generation);
        let own = self.current.tokens();
        let is_other_successor = || {
            record.parent.spent.is_some()
                && !is_successor(record, own)
                && !self.current.are_completed_by(&record.tokens)
        };
        // Ours that are not saved come after the known record.
        let own = known.saturating_add(u64::from(self.store.has_unsaved()));
        record.parent.generation.is_some_and(|from| from < own)
            || record.generation <= known.saturating_add(1) && (self.current.has_lost() || is_other_successor())
    }
}

/// Whether the record's tokens were obtained by the refresh token of these.
pub(super) fn is_successor(record: &Record, tokens: &TokenSet) -> bool {
    let spent = record.parent.spent.as_ref();
    spent.zip(tokens.refresh_token()).is_some_and(|(spent, own)| spent.matches(own.expose()))
}
