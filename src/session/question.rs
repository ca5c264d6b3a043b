//! The questions of a session to its store, and what it learns from the responses.

use std::num::NonZero;

use super::record::{LoginId, Parent, Record, RecordVersion};
use super::store::StoreResponse;
use crate::error::Error;
use crate::token::token_set::TokenSet;

/// What the session wants of its store.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Question {
    Lock,
    Load,
    Prepare,
    /// Save the tokens that the attempt obtained, or the count of refusals.
    Save,
    /// Save the tokens that an earlier attempt obtained, before they are refreshed.
    SaveEarlier,
    Erase,
}

/// A question, and whether the store has heard it.
pub(super) struct Asked {
    pub(super) question: Question,
    /// Its ticket, if the store has heard it.
    pub(super) ticket: Option<NonZero<u32>>,
    /// The version of the record that is to be saved.
    pub(super) next: Option<Box<RecordVersion>>,
}

/// What is to be saved.
pub(super) struct ToSave<'a> {
    pub(super) tokens: &'a TokenSet,
    /// What they were obtained from, if that is known.
    pub(super) parent: Option<&'a Parent>,
    /// The login, if it is a new one.
    pub(super) new_login: Option<LoginId>,
    /// How many refreshes of them in a row were refused without a reason.
    pub(super) silent_refusals: u16,
    /// A refresh of them was begun that has no end.
    pub(super) may_be_spent: bool,
}

/// What the session learns from a response.
pub(super) enum Told {
    Locked(Result<(), Error>),
    /// The lock of an earlier question came while a later question waits for the lock.
    LockedLate,
    Loaded(Result<Option<Box<Record>>, Error>),
    /// The response to [`Question::Prepare`].
    Prepared(Saved),
    /// The response to [`Question::Save`].
    Saved(Saved),
    /// The response to [`Question::SaveEarlier`].
    SavedEarlier(Saved),
    /// What became of unsaved tokens that were saved again. If they were not saved, they are saved once more later,
    /// unless the session says otherwise.
    SavedAgain(Saved),
    /// The response to [`Question::Erase`].
    Erased(Saved),
}

/// What became of a save, a preparation or an erasure.
pub(super) enum Saved {
    Done,
    /// Another record is in the store, or none.
    Conflict(Option<Box<Record>>),
    Failed(Error),
}

impl Saved {
    /// What a response says; `is_done` knows the one that says that it is done.
    pub(super) fn of(response: StoreResponse, is_done: impl FnOnce(&StoreResponse) -> bool) -> Self {
        match response {
            response if is_done(&response) => Self::Done,
            StoreResponse::Conflict(record) => Self::Conflict(record),
            response => Self::Failed(response.into_error()),
        }
    }
}
