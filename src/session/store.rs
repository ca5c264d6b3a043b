//! The requests of a session to its store, and the responses of the store.
//!
//! ```text
//! Shared:  Lock ─▶ Load ─▶ (another process has refreshed: adopt) ─▶ Unlock
//!                     └──▶ Prepare ─▶ (refresh) ─┬─▶ Save { expect, next } ─▶ Unlock
//!                                                ├─ an error without tokens ─▶ Discard ─▶ Unlock
//!                                                ├─ a refusal without a reason ─▶ Discard ─▶ Load ─▶ Save { expect, next } ─▶ Unlock
//!                                                ├─ no response ─▶ Unlock
//!                                                └─ invalid_grant ─▶ Load ─▶ (adopt, or refresh with the token before) ─▶ …
//! Own:     Prepare ─▶ (refresh) ─▶ Save { expect, next }, or Discard
//! ```
//!
//! A refresh spends the stored refresh token. Therefore the store first shows that it can write, and marks that a
//! refresh was begun. If it fails to, nothing is sent. The mark stays until the new record is saved, or until the
//! provider has said that it issued no tokens. Whoever finds the mark knows that the stored refresh token may be
//! spent, and the access token ended.
//!
//! A provider may refuse a refresh token without a reason. How often it did so in a row is a part of the record: the same
//! tokens are then saved with the new count, so that processes that ask once each count together.
//!
//! A lock that is a lease can expire unnoticed. Therefore a save names the [version](super::RecordVersion) that it
//! replaces: a login, a generation and a checksum of the tokens. The store compares it with [`Record::version`] of its
//! record. If another process has saved first, the store responds with
//! that process's record. If another process has logged out, it responds that there is none.

use std::num::NonZero;

use super::record::{Record, RecordVersion};
use crate::error::{Error, ErrorCode};

/// The right to pass in one response of the store. It is not `Clone`, and only a session makes it.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "the session waits for the response"]
pub struct StoreTicket(pub(super) NonZero<u32>);

/// What a session asks of its store. The store carries the actions out in the order in which they are polled.
#[derive(Debug)]
pub enum StoreAction {
    /// Take the lock, so that no other process refreshes. Respond with [`StoreResponse::Locked`] when the lock is held.
    /// Locks are not counted: one `Unlock` releases the lock, even after several `Lock` actions.
    Lock,
    /// Read the record. If the lock is a lease, and is held, the lease begins anew.
    Load,
    /// Take the lock again if it was lost. Show that the record of this version can be replaced: its
    /// next save must not fail for want of room or of rights. Mark durably that a refresh was begun
    /// from the record. Respond with [`StoreResponse::Prepared`] or
    /// [`StoreResponse::Conflict`].
    Prepare {
        /// The version of the record; `None` if there is no record.
        expect: Option<RecordVersion>,
    },
    /// Remove the mark: the refresh has ended without tokens, and the stored refresh token was not spent. A store
    /// leaves the mark that another process has made. The session ignores the response.
    Discard,
    /// Replace the record of version `expect` by `next`, or write the first record. The comparison and the write are
    /// atomic. The mark is removed with it. If the lock is a lease, the lease begins anew, also if the save then fails.
    Save {
        /// The version of the record to replace; `None` if there is no record.
        expect: Option<RecordVersion>,
        /// The record to write.
        next: Record,
    },
    /// Release the lock. The session ignores the response.
    Unlock,
    /// Delete the record of version `expect`, and its mark. The comparison and the deletion are atomic. Respond
    /// with [`StoreResponse::Erased`] also if there is no record.
    Erase {
        /// The version of the record to delete.
        expect: Option<RecordVersion>,
    },
}

/// A response of the store.
#[derive(Debug)]
pub enum StoreResponse {
    /// The lock is held.
    Locked,
    /// What is stored.
    Loaded {
        /// The record, if there is one.
        record: Option<Box<Record>>,
        /// Whether a refresh was begun from this record and has no end ([`StoreAction::Prepare`]). The process may have
        /// been killed, or the response may have been lost.
        begun: bool,
    },
    /// The next record can be saved, and the mark is there.
    Prepared,
    /// The record was written.
    Saved,
    /// The store does not have what was expected: a record of another version, or no record. This is
    /// the stored record; nothing was changed.
    Conflict(Option<Box<Record>>),
    /// The lock was released, or the mark was removed.
    Done,
    /// There is no record any more.
    Erased {
        /// Whether there was a mark: a refresh was begun from the record and has no end.
        begun: bool,
    },
    /// The store failed with this error, usually [`ErrorCode::STORE_IO`](crate::ErrorCode::STORE_IO) with its source.
    /// An error of any code does not end the session.
    Failed(Error),
}

impl StoreResponse {
    /// Why it is none of those that were waited for.
    pub(super) fn into_error(self) -> Error {
        match self {
            Self::Failed(error) => error,
            Self::Conflict(_) => ErrorCode::STORE_CONFLICT.into(),
            _ => ErrorCode::SESSION_STORE.into(),
        }
    }
}
