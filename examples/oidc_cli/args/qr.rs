//! What can be said after `qr`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use oidc_proto::matrix::DeviceId;

use super::{BrowserArgs, ClientArgs, device_id};

#[derive(Debug, Subcommand)]
pub(crate) enum QrCommand {
    /// Log in: this is the new device
    Login(QrLoginArgs),
    /// Let a new device in: this is the one that is logged in
    Grant(QrGrantArgs),
}

/// Which of the two devices shows the code.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct QrMeetingArgs {
    /// Show the code here
    #[arg(long, required_unless_present = "scan")]
    show: bool,
    /// Read the code that the other device shows: its text, a file with that, or a PNG
    #[arg(long, value_name = "TEXT|FILE", conflicts_with = "show")]
    pub(crate) scan: Option<String>,
    /// Write the code to this file, too
    #[arg(long, value_name = "FILE", conflicts_with = "scan")]
    pub(crate) png: Option<PathBuf>,
    /// Show a code of MSC4388, a draft, with a rendezvous of that kind; a code that is scanned says itself which it is
    #[arg(long, conflicts_with = "scan")]
    pub(crate) msc4388: bool,
    /// Set by the demo, where nobody has to be waited for: how often to look for the other device's words.
    #[arg(skip)]
    pub(crate) interval: Option<Duration>,
}

impl QrMeetingArgs {
    /// With a text to scan, or to show a code.
    pub(crate) fn quick(scan: Option<String>, interval: Duration) -> Self {
        Self { show: scan.is_none(), scan, png: None, msc4388: false, interval: Some(interval) }
    }
}

#[derive(Clone, Debug, Default, Args)]
pub(crate) struct QrLoginArgs {
    #[command(flatten)]
    pub(crate) meeting: QrMeetingArgs,
    /// The homeserver that provides the rendezvous; the login itself is at the homeserver that the other device names
    #[arg(long, value_name = "URL|NAME", required_unless_present = "scan", conflicts_with = "scan")]
    pub(crate) homeserver: Option<String>,
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    /// The Matrix device to log in with [default: a new one]
    #[arg(long, value_name = "D", value_parser = device_id)]
    pub(crate) device_id: Option<DeviceId>,
    /// Log in with the client that was registered before, if there is one [default: register one for each login]
    #[arg(long, conflicts_with = "client_id")]
    pub(crate) reuse_client: bool,
    /// Write the account's secrets, which the other device sends, to this file; without this option they are dropped
    #[arg(long, value_name = "FILE")]
    pub(crate) secrets: Option<PathBuf>,
}

#[derive(Clone, Debug, Default, Args)]
pub(crate) struct QrGrantArgs {
    #[command(flatten)]
    pub(crate) meeting: QrMeetingArgs,
    /// Say yes without being asked
    #[arg(long)]
    pub(crate) yes: bool,
    /// The account's secrets to send to the new device, as JSON; without this option none are sent
    #[arg(long, value_name = "FILE")]
    pub(crate) secrets: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) browser: BrowserArgs,
}
