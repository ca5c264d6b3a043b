//! The options and the progress of a login by QR code.

use std::time::Duration;

use super::proposal::Proposal;
use super::rendezvous::{DEFAULT_INTERVAL, RendezvousOptions};
use crate::base::url::Schemes;

/// The options of a login by QR code. Each wait has a deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    pub(super) proposal: Proposal,
    pub(super) schemes: Schemes,
    pub(super) interval: Duration,
    pub(super) patience: Duration,
    pub(super) response: Duration,
    pub(super) linger: Duration,
    pub(super) device_interval: Duration,
    pub(super) device_patience: Duration,
}

impl Options {
    /// MSC4108, the values that deployed clients use, only `https`.
    pub const fn new() -> Self {
        Self {
            proposal: Proposal::Msc4108,
            schemes: Schemes::HttpsOnly,
            interval: DEFAULT_INTERVAL,
            patience: Duration::from_secs(15 * 60),
            response: Duration::from_secs(60),
            linger: Duration::from_secs(3),
            device_interval: Duration::from_millis(500),
            device_patience: Duration::from_secs(10),
        }
    }

    /// Sets which proposal a code follows that this device shows: by default MSC4108. A code that
    /// this device scans says it itself.
    #[must_use]
    pub const fn with_proposal(self, proposal: Proposal) -> Self {
        Self { proposal, ..self }
    }

    /// Sets which URLs are accepted: the rendezvous, the homeserver, the page where the user allows the login. By
    /// default `https` only.
    #[must_use]
    pub const fn with_schemes(self, schemes: Schemes) -> Self {
        Self { schemes, ..self }
    }

    /// Sets how long to wait before looking at the rendezvous again: by default a second, as deployed clients do; at
    /// least 100 ms.
    #[must_use]
    pub const fn with_interval(self, interval: Duration) -> Self {
        Self { interval, ..self }
    }

    /// Sets how long to wait for the user at the other device: by default 15 minutes. Most rendezvous expire earlier.
    #[must_use]
    pub const fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Sets how long to wait for the other device or a server, if no user is involved: by default a minute.
    #[must_use]
    pub const fn with_response(self, response: Duration) -> Self {
        Self { response, ..self }
    }

    /// Sets how long the last message stays before this device deletes the rendezvous: by default 3 s, which is three
    /// polls of the other device.
    #[must_use]
    pub const fn with_linger(self, linger: Duration) -> Self {
        Self { linger, ..self }
    }

    /// Sets how long to wait before looking for the new device at the homeserver again: by default half a second; at
    /// least 100 ms, and in [`Unreachable::find`](super::Unreachable::find) at least 2 s.
    #[must_use]
    pub const fn with_device_interval(self, device_interval: Duration) -> Self {
        Self { device_interval, ..self }
    }

    /// Sets how long to look for the new device at the homeserver after it said that it is logged
    /// in: by default 10 s. [`Unreachable::find`](super::Unreachable::find) takes the time of
    /// [`Options::with_patience`].
    #[must_use]
    pub const fn with_device_patience(self, device_patience: Duration) -> Self {
        Self { device_patience, ..self }
    }

    pub(super) const fn rendezvous(&self) -> RendezvousOptions {
        RendezvousOptions::new().with_proposal(self.proposal).with_schemes(self.schemes).with_interval(self.interval)
    }
}

impl Default for Options {
    fn default() -> Self {
        Self::new()
    }
}

/// The progress of a login, for the application to show at a pause and during the flow that follows
/// it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Progress {
    /// This device shows the QR code and waits until the other device scans it.
    ShowingCode,
    /// The other device shows two digits, which the user types in here.
    EnteringCheckCode,
    /// This device shows two digits, which the user types in at the other one.
    ShowingCheckCode,
    /// The channel is secure; the devices agree on how to log in.
    Secured,
    /// The new device asks the provider for a login.
    StartingLogin,
    /// The user has to allow the login at the provider, on the page that the other device shows.
    WaitingForUser,
    /// The user is asked whether the new device may log in.
    AskingUser,
    /// The new device has tokens; the secrets of the account come next.
    SharingSecrets,
    /// The rendezvous has ended; the existing device asks the homeserver for the new one.
    FindingDevice,
}

impl Progress {
    /// The name, for logs and for programs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ShowingCode => "showing_code",
            Self::EnteringCheckCode => "entering_check_code",
            Self::ShowingCheckCode => "showing_check_code",
            Self::Secured => "secured",
            Self::StartingLogin => "starting_login",
            Self::WaitingForUser => "waiting_for_user",
            Self::AskingUser => "asking_user",
            Self::SharingSecrets => "sharing_secrets",
            Self::FindingDevice => "finding_device",
        }
    }
}
