//! Tokens that the store failed to save.

use std::num::NonZero;
use std::time::Duration;

use super::policy;
use super::record::{Parent, RecordVersion};
use super::same::are_same;
use crate::base::env::{Env, MonotonicTime};
use crate::token::token_set::TokenSet;

/// The current tokens, while the store does not have them.
pub(super) struct Unsaved {
    /// When they were to be saved first.
    since: MonotonicTime,
    /// When the store is asked again.
    again_at: MonotonicTime,
    state: State,
    /// What the store was asked before, and has not answered.
    unanswered: Vec<(NonZero<u32>, RecordVersion)>,
    failures: u32,
    /// What they were obtained from.
    parent: Parent,
    /// They are those of a new login, which takes the place of any other record.
    is_new_login: bool,
    /// The provider may have issued newer ones.
    pub(super) may_be_spent: bool,
    /// Earlier tokens whose saves have no known result. A record with some of them is this session's own, and older.
    before: Vec<TokenSet>,
}

/// Whether the store was asked.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Pause,
    Due,
    Sent(NonZero<u32>, Option<RecordVersion>),
}

/// How many earlier tokens and questions are remembered.
const BEFORE: usize = 8;

impl Unsaved {
    /// Tokens that are to be saved now for the first time.
    pub(super) fn new(again_at: MonotonicTime, is_new_login: bool) -> Self {
        let (unanswered, before) = (Vec::new(), Vec::new());
        Self {
            since: again_at,
            again_at,
            state: State::Due,
            unanswered,
            failures: 0,
            parent: Parent::default(),
            is_new_login,
            may_be_spent: false,
            before,
        }
    }

    /// Tokens that the store just failed to save. They replace `replaced`, whose save may have failed, too, and were
    /// obtained from `parent` or by a new login. The next try comes after a pause.
    pub(super) fn after(
        earlier: Option<Box<Self>>,
        replaced: &TokenSet,
        parent: Parent,
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
        before.push(replaced.clone());
        Self { parent, before, ..Self::new(env.monotonic(), is_new_login) }.failed(longest_pause, env)
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

    /// Is to be saved now. The question before has not been answered in time.
    pub(super) fn try_again(&mut self, again_at: MonotonicTime) {
        if let State::Sent(ticket, Some(version)) = self.state {
            self.is_unanswered(ticket, version);
        }
        self.state = State::Due;
        self.again_at = again_at;
    }

    /// Whether they have not been saved for so long.
    pub(super) fn is_older_than(&self, age: Duration, env: &dyn Env) -> bool {
        self.since.saturating_add(age) <= env.monotonic()
    }

    pub(super) fn is_due(&self) -> bool {
        self.state == State::Due
    }

    /// The store was asked to write the record of this version.
    pub(super) fn asked(&mut self, ticket: NonZero<u32>, version: Option<RecordVersion>) {
        self.state = State::Sent(ticket, version);
    }

    /// The store was asked to save these tokens, and may still say that it did.
    pub(super) fn is_unanswered(&mut self, ticket: NonZero<u32>, version: RecordVersion) {
        if self.unanswered.len() == BEFORE {
            self.unanswered.remove(0);
        }
        self.unanswered.push((ticket, version));
    }

    /// The version that the store was asked to write with this ticket, before it was asked again.
    pub(super) fn answered_late(&mut self, ticket: NonZero<u32>) -> Option<RecordVersion> {
        let place = self.unanswered.iter().position(|(own, _)| *own == ticket)?;
        Some(self.unanswered.remove(place).1)
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

    pub(super) fn parent(&self) -> &Parent {
        &self.parent
    }

    pub(super) fn are_before(&self, tokens: &TokenSet) -> bool {
        self.before.iter().any(|before| are_same(before, tokens))
    }
}

/// Between two saves of the same tokens. The lock that is kept for them may be a lease, which is never shorter than the
/// session's deadline, and which a save renews.
pub(super) fn longest_pause(deadline: Duration) -> Duration {
    deadline / 2
}
