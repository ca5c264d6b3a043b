//! Tokens that the store failed to save.

use std::num::NonZero;
use std::time::Duration;

use super::policy;
use super::record::RecordVersion;
use crate::base::env::{Env, MonotonicTime};
use crate::base::secret::{AccessToken, Secret};

/// The current tokens, while the store does not have them.
pub(super) struct Unsaved {
    /// When the store is asked again.
    again_at: MonotonicTime,
    state: State,
    failures: u32,
    /// The refresh token that they were obtained by.
    spent: Option<Secret>,
    /// They are those of a new login, which takes the place of any other record.
    is_new_login: bool,
    /// Earlier access tokens whose saves have no known result. A record with one of them is this session's own, and
    /// older.
    before: Vec<AccessToken>,
}

/// Whether the store was asked.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Pause,
    Due,
    Sent(NonZero<u32>, Option<RecordVersion>),
}

/// How many earlier access tokens are remembered.
const BEFORE: usize = 8;

impl Unsaved {
    /// Tokens that are to be saved now for the first time.
    pub(super) fn new(again_at: MonotonicTime, is_new_login: bool) -> Self {
        Self { again_at, state: State::Due, failures: 0, spent: None, is_new_login, before: Vec::new() }
    }

    /// Tokens that the store just failed to save. They replace those with `replaced`, whose save may have failed, too,
    /// and were obtained by `spent` or by a new login. The next try comes after a pause.
    pub(super) fn after(
        earlier: Option<Box<Self>>,
        replaced: AccessToken,
        spent: Option<Secret>,
        is_new_login: bool,
        longest_pause: Duration,
        env: &mut dyn Env,
    ) -> Self {
        // A new login that was not saved is a new login also after a refresh.
        let is_new_login = is_new_login || earlier.as_ref().is_some_and(|earlier| earlier.is_new_login);
        let mut before = earlier.map(|earlier| earlier.before).unwrap_or_default();
        if before.len() == BEFORE {
            before.remove(0);
        }
        before.push(replaced);
        Self { spent, before, ..Self::new(env.monotonic(), is_new_login) }.failed(longest_pause, env)
    }

    /// The store failed once more. The next try comes after a pause, which grows to the longest one.
    pub(super) fn failed(self, longest_pause: Duration, env: &mut dyn Env) -> Self {
        let failures = self.failures.saturating_add(1);
        let pause = policy::pause(failures, None, env.rng().next_u32()).min(longest_pause);
        Self { again_at: env.monotonic().saturating_add(pause), state: State::Pause, failures, ..self }
    }

    pub(super) fn again_at(&self) -> MonotonicTime {
        self.again_at
    }

    /// Is to be saved now. A response to the question before comes too late.
    pub(super) fn try_again(&mut self, again_at: MonotonicTime) {
        self.state = State::Due;
        self.again_at = again_at;
    }

    pub(super) fn is_due(&self) -> bool {
        self.state == State::Due
    }

    /// The store was asked to write the record of this version.
    pub(super) fn asked(&mut self, ticket: NonZero<u32>, version: Option<RecordVersion>) {
        self.state = State::Sent(ticket, version);
    }

    pub(super) fn awaits(&self, ticket: NonZero<u32>) -> bool {
        matches!(self.state, State::Sent(own, _) if own == ticket)
    }

    /// The version of the record that the store was asked to write.
    pub(super) fn version(&self) -> Option<RecordVersion> {
        match self.state {
            State::Sent(_, version) => version,
            _ => None,
        }
    }

    pub(super) fn is_new_login(&self) -> bool {
        self.is_new_login
    }

    pub(super) fn spent(&self) -> Option<&Secret> {
        self.spent.as_ref()
    }

    pub(super) fn is_before(&self, token: &AccessToken) -> bool {
        self.before.iter().any(|before| before.secret().matches(token.expose()))
    }
}
