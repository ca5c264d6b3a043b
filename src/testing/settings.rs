//! The settings of the provider.

use std::sync::Arc;
use std::time::Duration;

use crate::base::env::Timestamp;

/// Whether authorization requests may be pushed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Par {
    /// There is no such endpoint.
    Off,
    /// They may be pushed, and the metadata list the endpoint.
    #[default]
    Advertised,
    /// They must be pushed (RFC 9126 section 5).
    Required,
}

/// Whether tokens may be bound to a key of the client (RFC 9449).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Dpop {
    /// The provider does not know DPoP: it ignores proofs, and all tokens are bearer tokens.
    Off,
    /// Tokens are bound to a key if the token request has a proof of it, and the metadata list the algorithms.
    #[default]
    Advertised,
    /// A token request without a proof is refused, and registration responses say so (RFC 9449 section 5.2).
    Required,
}

/// What the provider does when a refresh token is used a second time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reuse {
    /// It ends the grant: one of the two senders is a thief (RFC 9700 section 4.14.2).
    #[default]
    EndsGrant,
    /// The provider accepts the refresh token again until one of the new tokens was used, because the response may have
    /// been lost. After that, the second use ends the grant.
    AllowedUntilSuccessorIsUsed,
    /// For so long after the first use the provider accepts the refresh token again. After that,
    /// the second use ends the grant.
    AllowedFor(Duration),
    /// The provider accepts it again as long as the grant lives.
    Allowed,
}

/// What the provider does with the older access tokens of a grant when it issues new ones for a refresh token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Rotation {
    /// They stay good until they expire.
    #[default]
    KeepsAccessTokens,
    /// They end at once, even if the response is lost, as at the Matrix Authentication Service.
    EndsAccessTokens,
}

/// What the provider does when a client revokes a refresh token that was exchanged already. It answers 200 either way
/// (RFC 7009 section 2.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RevokingSpent {
    /// It ends the grant.
    #[default]
    EndsGrant,
    /// Nothing: the token is not valid, and the grant goes on.
    DoesNothing,
}

/// What holds for devices where the response names no interval (RFC 8628 section 3.2), and what `slow_down` adds to it
/// (section 3.5).
pub(super) const FIVE_SECONDS: Duration = Duration::from_secs(5);

/// How many requests are answered in a second, and how many came in this one.
pub(super) struct Rate {
    pub(super) requests: u32,
    pub(super) second: u64,
    pub(super) seen: u32,
}

impl Rate {
    /// Counts a request, and says whether it is one too many.
    pub(super) fn is_over(&mut self, now: Timestamp) -> bool {
        if self.second != now.unix_seconds() {
            (self.second, self.seen) = (now.unix_seconds(), 0);
        }
        self.seen = self.seen.saturating_add(1);
        self.seen > self.requests
    }
}

/// How device codes are given out.
pub(super) struct Terms {
    /// As the response has it; `None` leaves it out.
    pub(super) interval: Option<Duration>,
    pub(super) lifetime: Duration,
    /// How many polls the user lets pass before deciding.
    pub(super) polls: usize,
}

impl Default for Terms {
    fn default() -> Self {
        Self { interval: Some(FIVE_SECONDS), lifetime: Duration::from_secs(600), polls: 1 }
    }
}

type Decide = dyn Fn(&[(String, String)]) -> Result<ExtensionGrant, &'static str> + Send + Sync;

/// An extension grant of the test's own.
#[derive(Clone)]
pub(super) struct Extension {
    pub(super) grant_type: String,
    pub(super) decide: Arc<Decide>,
}

/// The result of an extension grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExtensionGrant {
    pub(super) login: Option<String>,
    pub(super) scope: String,
}

impl ExtensionGrant {
    /// Tokens with this `scope` that speak for the client itself.
    pub fn new(scope: impl Into<String>) -> Self {
        Self { login: None, scope: scope.into() }
    }

    /// The same for tokens that speak for the user with this login name.
    #[must_use]
    pub fn with_login(self, login: impl Into<String>) -> Self {
        Self { login: Some(login.into()), ..self }
    }
}

/// How the user must have signed in (RFC 9470).
#[derive(Default)]
pub(super) struct StepUp {
    /// One of these, if there are any.
    pub(super) acr_values: Vec<String>,
    /// At most so long ago.
    pub(super) max_age: Option<Duration>,
}
