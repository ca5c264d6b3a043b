//! The attempts of a session, counted.

use super::access::{Epoch, Ticket, Wants};
use crate::error::{Error, ErrorCode};

/// How many attempts began and ended, and how the last one ended. At one a second, 32 bits last for 136 years.
#[derive(Default)]
pub(super) struct Attempts {
    begun: u32,
    finished: u32,
    /// The last attempt that brought tokens.
    renewed: u32,
    /// Failures in a row.
    failures: u16,
    /// Refusals without a reason in a row.
    silent: u16,
    /// How the last attempt failed.
    last_failure: Option<Error>,
}

impl Attempts {
    pub(super) fn begin(&mut self) {
        self.begun += 1;
    }

    /// The ticket of the attempt that began last. An attempt hands out one at a time: its number is enough.
    pub(super) fn ticket(&self) -> Ticket {
        Ticket(self.begun)
    }

    /// The attempt that began last, for a caller who waits for it.
    pub(super) fn current(&self, wants: Wants) -> Epoch {
        Epoch { attempt: self.begun, wants }
    }

    /// The attempt that comes after the pause, for a caller who waits for it.
    pub(super) fn next(&self, wants: Wants) -> Epoch {
        Epoch { attempt: self.begun + 1, wants }
    }

    pub(super) fn is_over(&self, epoch: Epoch) -> bool {
        epoch.attempt <= self.finished
    }

    /// Whether this attempt, or a later one, brought tokens.
    pub(super) fn has_renewed(&self, epoch: Epoch) -> bool {
        epoch.attempt <= self.renewed
    }

    /// The attempt that is under way ends without a result.
    pub(super) fn end(&mut self) {
        self.finished = self.begun;
    }

    pub(super) fn succeed(&mut self) {
        self.end();
        self.renewed = self.begun;
        (self.failures, self.silent) = (0, 0);
        self.last_failure = None;
    }

    /// The attempt failed, and others follow. Returns how many failed in a row.
    pub(super) fn fail(&mut self, error: Error) -> u32 {
        self.end();
        self.failures = self.failures.saturating_add(1);
        self.last_failure = Some(error);
        self.failures.into()
    }

    /// How many failed in a row.
    pub(super) fn failures(&self) -> u32 {
        self.failures.into()
    }

    /// Counts the refusals without a reason in a row; this one is one, or is not.
    pub(super) fn refusals(&mut self, is_silent: bool) -> u16 {
        self.silent = if is_silent { self.silent.saturating_add(1) } else { 0 };
        self.silent
    }

    /// How many refusals without a reason there were in a row.
    pub(super) fn silent(&self) -> u16 {
        self.silent
    }

    /// Counts on from the record, in which other processes have counted.
    pub(super) fn set_silent(&mut self, silent: u16) {
        self.silent = silent;
    }

    /// The attempt ended the session. No other follows.
    pub(super) fn stop(&mut self, error: Option<Error>) {
        self.end();
        self.last_failure = error;
    }

    /// Continues as after this number of failures in a row.
    pub(super) fn set_failures(&mut self, failures: u32) {
        self.failures = u16::try_from(failures).unwrap_or(u16::MAX);
    }

    pub(super) fn last_failure(&self) -> Option<&Error> {
        self.last_failure.as_ref()
    }

    pub(super) fn last_failure_mut(&mut self) -> Option<&mut Error> {
        self.last_failure.as_mut()
    }

    /// How the last attempt failed. If it did not, the token was refused after it came.
    pub(super) fn why(&self) -> Error {
        self.last_failure.clone().unwrap_or_else(|| ErrorCode::SESSION_TOKEN_REFUSED.into())
    }
}
