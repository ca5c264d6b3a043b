//! What can be said after `serve` and `demo`.

use std::time::Duration;

use clap::{Args, ValueEnum};

use super::values::{claim, login, seconds, served_port};

#[derive(Debug, Default, Args)]
pub(crate) struct DemoArgs {
    /// Log in at the embedded Matrix homeserver
    #[arg(long)]
    pub(crate) matrix: bool,
    /// Two devices at the embedded homeserver, one letting the other in by QR code
    #[arg(long, conflicts_with = "matrix")]
    pub(crate) qr: bool,
}

#[derive(Debug, Default, Args)]
pub(crate) struct ServeArgs {
    /// The port [default: any free one]
    #[arg(long, default_value_t = 0, hide_default_value = true, value_parser = served_port)]
    pub(crate) port: u16,
    /// How long its access tokens are good
    #[arg(long, value_name = "SECONDS", default_value = "300", value_parser = seconds)]
    pub(crate) access_token_lifetime: Duration,
    /// A user; repeatable [default: alice and bob]
    #[arg(long = "user", value_name = "LOGIN", value_parser = login)]
    pub(crate) users: Vec<String>,
    /// A claim of every user: JSON, or else text; repeatable
    #[arg(long = "claim", value_name = "NAME=VALUE", value_parser = claim)]
    pub(crate) claims: Vec<(String, String)>,
    /// Whether authorization requests can be pushed
    #[arg(long, value_enum, default_value_t)]
    pub(crate) par: ServedPar,
    /// Whether tokens can be bound to a key of the client
    #[arg(long, value_enum, default_value_t)]
    pub(crate) dpop: ServedDpop,
    /// Demand nonces in DPoP proofs
    #[arg(long)]
    pub(crate) dpop_nonce: bool,
    /// Give refresh tokens only for offline_access, and offline_access only with consent
    #[arg(long)]
    pub(crate) strict_offline_access: bool,
    /// Show a page where the user chooses who logs in, and allows or denies the login; without it no page is shown
    #[arg(long)]
    pub(crate) consent: bool,
}

/// What the served provider does with pushed authorization requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ServedPar {
    Off,
    #[default]
    Advertised,
    Required,
}

/// What the served provider does with proofs of possession.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ServedDpop {
    Off,
    #[default]
    Advertised,
    Required,
}
