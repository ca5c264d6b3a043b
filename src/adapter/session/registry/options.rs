//! The options of a registry.

use std::time::Duration;

use crate::party::relying_party::RelyingParty;
use crate::session::{Persistence, RefreshPolicy, SessionOptions};

/// How long a session stays in memory that nobody uses.
const IDLE: Duration = Duration::from_secs(600);

/// A session that may not go is looked at again after this time, at the least.
const SHORTEST_IDLE: Duration = Duration::from_secs(1);

/// A session takes some kilobytes with its tokens.
const MOST: usize = 100_000;

/// A logout token is valid for two minutes in most cases. Each takes about 80 bytes here.
const LOGOUT_TOKENS: usize = 65_536;

/// The options of a [`Registry`](super::Registry), and the clients whose sessions it has.
#[derive(Clone, Debug)]
pub struct RegistryOptions {
    pub(super) parties: Vec<RelyingParty>,
    pub(super) session: SessionOptions,
    pub(super) idle: Duration,
    pub(super) most: usize,
    pub(super) logout_tokens: usize,
}

impl RegistryOptions {
    /// The default options, for sessions of this client.
    pub fn new(party: RelyingParty) -> Self {
        let session =
            SessionOptions::default().with_refresh(RefreshPolicy::OnDemand).with_persistence(Persistence::Shared);
        Self { parties: vec![party], session, idle: IDLE, most: MOST, logout_tokens: LOGOUT_TOKENS }
    }

    /// Also takes sessions of this client: of another provider, for example. Tokens name their owner.
    #[must_use]
    pub fn with_party(mut self, party: RelyingParty) -> Self {
        self.parties.push(party);
        self
    }

    /// Sets when the sessions refresh by themselves: by default [`RefreshPolicy::OnDemand`]. A session refreshes ahead
    /// only while it is in memory.
    #[must_use]
    pub fn with_refresh(self, refresh: RefreshPolicy) -> Self {
        Self { session: self.session.with_refresh(refresh), ..self }
    }

    /// Sets how long a response of the provider or of the store may take; see [`SessionOptions::with_deadline`].
    #[must_use]
    pub fn with_deadline(self, deadline: Duration) -> Self {
        Self { session: self.session.with_deadline(deadline), ..self }
    }

    /// Sets whether sessions keep the text of the ID token; see
    /// [`SessionOptions::with_id_token_text`].
    #[must_use]
    pub fn with_id_token_text(self, keep: bool) -> Self {
        Self { session: self.session.with_id_token_text(keep), ..self }
    }

    /// No other process uses these stores: sessions take no locks ([`Persistence::Own`]).
    #[must_use]
    pub fn for_one_process(self) -> Self {
        Self { session: self.session.with_persistence(Persistence::Own), ..self }
    }

    /// Sets how long a session stays in memory after its last use: by default ten minutes, at least a
    /// second. Its record stays in the store.
    #[must_use]
    pub fn with_idle(self, idle: Duration) -> Self {
        Self { idle: idle.max(SHORTEST_IDLE), ..self }
    }

    /// Sets how many sessions stay in memory: by default 100,000. If there are more, those that
    /// were used the longest ago leave the memory first. Sessions that somebody has a handle of,
    /// that are refreshing, or that have tokens that are not saved stay in any case.
    #[must_use]
    pub fn with_capacity(self, sessions: usize) -> Self {
        Self { most: sessions, ..self }
    }

    /// Sets how many logout tokens are remembered, so that none is accepted twice: by default 65,536.
    #[must_use]
    pub fn with_seen_logout_tokens(self, most: usize) -> Self {
        Self { logout_tokens: most, ..self }
    }
}
