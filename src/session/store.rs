//! The requests of a session to its store, and the responses of the store.
//!
//! ```text
//! Shared:  Lock ─▶ Load ─▶ (another process has refreshed: adopt) ─▶ Unlock
//!                     └──▶ (refresh) ─┬─▶ Save { expect, next } ─▶ Unlock
//!                                     └─ invalid_grant ─▶ Load ─▶ (adopt, or refresh with the token before) ─▶ …
//! Own:     (refresh) ─▶ Save { expect, next }
//! ```
//!
//! A lock that is a lease can expire unnoticed. Therefore a save names the version that it replaces, which is a login and a
//! generation, and the store compares the versions. If another process has saved first, the store answers with that
//! process's record. If another process has logged out, it answers that there is none.

use std::num::NonZero;

use super::record::{LoginId, Record, RecordVersion};
use crate::error::{Error, ErrorCode};

/// The right to pass in one response of the store. It is not `Clone`, and only a session makes it.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "the session waits for the response"]
pub struct StoreTicket(pub(super) NonZero<u32>);

/// What a session asks of its store. The store carries the actions out in the order in which they are polled.
#[derive(Debug)]
pub enum StoreAction {
    /// Take the lock, so that no other process refreshes. Answer [`StoreResponse::Locked`] once the lock is held. Locks are
    /// not counted: one `Unlock` releases the lock, even after several `Lock` actions.
    Lock,
    /// Read the record.
    Load,
    /// Replace the record of version `expect` by `next`, or write the first record. The comparison and the write are atomic.
    Save {
        /// The version of the record to replace; `None` if there is no record.
        expect: Option<RecordVersion>,
        /// The record to write.
        next: Box<Record>,
    },
    /// Release the lock. The session ignores the response.
    Unlock,
    /// Delete the record, if it is of this login. The comparison and the deletion are atomic. Answer
    /// [`StoreResponse::Done`] also if there is no record.
    Erase {
        /// The login of the record.
        login: Option<LoginId>,
    },
}

/// A response of the store.
#[derive(Debug)]
pub enum StoreResponse {
    /// The lock is held.
    Locked,
    /// The record, if there is one.
    Loaded(Option<Box<Record>>),
    /// The record was written.
    Saved,
    /// The store does not have what was expected: a record of another version or of another login, or no record. This is
    /// the stored record; nothing was changed.
    Conflict(Option<Box<Record>>),
    /// The lock was released, or the record was erased.
    Done,
    /// The store failed with this error. An error of any code does not end the session.
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
