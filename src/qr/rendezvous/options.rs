//! How a rendezvous is used.

use std::time::Duration;

use crate::base::url::Schemes;
use crate::qr::proposal::Proposal;

/// How often deployed clients poll for a new text.
pub const DEFAULT_INTERVAL: Duration = Duration::from_secs(1);

/// The shortest interval. More frequent requests would load the server too much.
pub(in crate::qr) const SHORTEST_INTERVAL: Duration = Duration::from_millis(100);

/// How a rendezvous is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RendezvousOptions {
    pub(in crate::qr) proposal: Proposal,
    pub(in crate::qr) schemes: Schemes,
    pub(in crate::qr) interval: Duration,
}

impl RendezvousOptions {
    /// MSC4108, `https` only, an interval of a second.
    pub const fn new() -> Self {
        Self { proposal: Proposal::Msc4108, schemes: Schemes::HttpsOnly, interval: DEFAULT_INTERVAL }
    }

    /// Sets which proposal a new rendezvous follows: by default MSC4108. The rendezvous of a scanned code follows the
    /// code.
    #[must_use]
    pub const fn with_proposal(self, proposal: Proposal) -> Self {
        Self { proposal, ..self }
    }

    /// Sets which URLs it may have: by default `https` only.
    #[must_use]
    pub const fn with_schemes(self, schemes: Schemes) -> Self {
        Self { schemes, ..self }
    }

    /// Sets how long to wait before looking again: by default a second; at least 100 ms.
    #[must_use]
    pub const fn with_interval(self, interval: Duration) -> Self {
        Self { interval, ..self }
    }

    pub(crate) fn interval(&self) -> Duration {
        self.interval.max(SHORTEST_INTERVAL)
    }
}

impl Default for RendezvousOptions {
    fn default() -> Self {
        Self::new()
    }
}
