//! The timers of a session.

/// What a session wakes up for. `Session::deadline_of` is the table of their deadlines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Timer {
    /// Hands unsaved tokens to the store again.
    SaveAgain,
    /// Refreshes before the access token expires.
    Refresh,
    /// Ends the pause after a failed attempt.
    Retry,
    /// Ends the attempt: the provider, the key store or the store did not respond in time.
    Response,
    /// Wakes the flow that waits.
    Wake,
}

impl Timer {
    /// All of them, in the order in which they run if several are due.
    pub(super) const ALL: [Self; 5] = [Self::SaveAgain, Self::Refresh, Self::Retry, Self::Response, Self::Wake];
}
