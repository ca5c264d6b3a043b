//! How long a login by QR code waits for whom, and what it tells of itself.

use std::time::Duration;

use super::rendezvous::{DEFAULT_INTERVAL, RendezvousOptions};
use crate::base::url::Schemes;

/// How a login by QR code goes about. Each wait has a deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// Which URLs are accepted: the rendezvous, the homeserver, the page where the user says yes.
    pub schemes: Schemes,
    /// How long to wait before looking at the rendezvous again: a second, as deployed clients do; at least 100 ms.
    pub interval: Duration,
    /// How long to wait for what a human does at the other device: 15 minutes. A rendezvous mostly ends sooner.
    pub patience: Duration,
    /// How long to wait for what the other device, or a server, does by itself: a minute.
    pub response: Duration,
    /// How long a last message is left where it is before the rendezvous is deleted: three looks of the other device.
    pub linger: Duration,
    /// How long to wait before looking for the new device at the homeserver again: half a second; at least 100 ms.
    pub device_interval: Duration,
    /// How long to look for the new device at the homeserver: 10 s.
    pub device_patience: Duration,
}

impl Options {
    /// What deployed clients do; `https` only.
    pub const fn new() -> Self {
        Self {
            schemes: Schemes::HttpsOnly,
            interval: DEFAULT_INTERVAL,
            patience: Duration::from_secs(15 * 60),
            response: Duration::from_secs(60),
            linger: Duration::from_secs(3),
            device_interval: Duration::from_millis(500),
            device_patience: Duration::from_secs(10),
        }
    }

    /// Sets which URLs are accepted.
    #[must_use]
    pub const fn with_schemes(self, schemes: Schemes) -> Self {
        Self { schemes, ..self }
    }

    pub(super) const fn rendezvous(&self) -> RendezvousOptions {
        RendezvousOptions::new().with_schemes(self.schemes).with_interval(self.interval)
    }
}

impl Default for Options {
    fn default() -> Self {
        Self::new()
    }
}

/// What a login is at, for the application to show while it carries out the next flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Progress {
    /// This device shows the QR code and waits for the other one to scan it.
    ShowingCode,
    /// The other device shows two digits, which the user types in here.
    EnteringCheckCode,
    /// This device shows two digits, which the user types in at the other one.
    ShowingCheckCode,
    /// The channel is secure; the devices agree on how to log in.
    Secured,
    /// The new device asks the provider for a login.
    StartingLogin,
    /// The user has to look at the other device, and say yes there and at the provider.
    WaitingForUser,
    /// The user is asked whether the new device may log in.
    AskingUser,
    /// The new device has tokens; the secrets of the account come next.
    SharingSecrets,
}

impl Progress {
    /// Its name, for logs and for programs that read them.
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
        }
    }
}
