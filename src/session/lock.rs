//! The lock of a store, and the mark in it that a refresh was begun, as a session has them.

/// Who needs the lock of the store.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Lock {
    Free,
    Attempt,
    /// Unsaved tokens. Another process that got the lock now would use a refresh token that has already been used.
    Unsaved,
    /// Nobody: the lock is to be released.
    GiveBack,
}

/// The mark in the store that a refresh was begun.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    None,
    /// From an attempt before, perhaps of another process, that has no end. Only new tokens end it.
    Before,
    /// Of this attempt.
    Own,
    /// To be removed.
    Discard,
}
