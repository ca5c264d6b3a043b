//! What can be said on the command line.

mod qr;
mod values;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use oidc_proto::jose::Algorithm;
use oidc_proto::matrix::{AccountAction, DeviceId};
use oidc_proto::{AuthMethod, Prompt, RedirectUri, ResponseMode};
use oidc_proto::{Issuer, Schemes, Scope};
use serde::{Deserialize, Serialize};

use crate::failure::{Code, Failure};

use values::{
    account_action, auth_method, command_line, device_id, key_algorithm, parameter, prompt, redirect_uri,
    response_mode, scope, seconds,
};

pub(crate) use qr::{QrCommand, QrGrantArgs, QrLoginArgs, QrMeetingArgs};
pub(crate) use values::CommandLine;

/// The variable with the client's secret. No process that this program starts inherits it.
pub(crate) const SECRET_VARIABLE: &str = "OIDC_CLI_CLIENT_SECRET";

/// Log in at an OpenID Provider, keep the session, use it.
///
/// Try `oidc_cli demo` first: it needs no provider, no browser and no configuration.
#[derive(Debug, Parser)]
#[command(name = "oidc_cli", version, after_help = "Exit codes: 0 done, 1 refused or failed, 2 wrong usage.")]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// Print one JSON object a line on standard output
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Where registrations and sessions are kept [default: the platform's data folder]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) store: Option<PathBuf>,
    /// The session to use, by its ID or the beginning of it; many commands take --issuer and --subject, too
    #[arg(long, global = true, value_name = "ID")]
    pub(crate) session: Option<String>,
    /// Allow http where the host is this machine, and nowhere else
    #[arg(long, global = true)]
    pub(crate) insecure_loopback: bool,
    /// Allow http on private networks too, for development: 10.0.2.2, a name under .local, a container's name
    #[arg(long, global = true)]
    pub(crate) insecure_private_network: bool,
    /// Print tokens
    #[arg(long, global = true)]
    pub(crate) show_tokens: bool,
    /// Time for each request
    #[arg(long, global = true, value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    pub(crate) timeout: Duration,
    /// Trust the certificates of this PEM file and no others [default: the system's]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) ca_certificate: Option<PathBuf>,
    /// Send everything through this proxy [default: the one that the environment names]
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) proxy: Option<String>,
    /// The User-Agent of each request
    #[arg(long, global = true, value_name = "TEXT")]
    pub(crate) user_agent: Option<String>,
    /// Time for the user to log in
    #[arg(long, global = true, value_name = "SECONDS", default_value = "300", value_parser = seconds)]
    pub(crate) deadline: Duration,
    /// Show each request, its response and what was checked
    #[arg(long, short, global = true)]
    pub(crate) verbose: bool,
}

impl Global {
    pub(crate) fn schemes(&self) -> Schemes {
        if self.insecure_private_network {
            Schemes::DangerousHttpOnPrivateNetwork
        } else if self.insecure_loopback {
            Schemes::DangerousHttpOnLoopback
        } else {
            Schemes::HttpsOnly
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve the embedded provider on loopback, log a scripted user in, show each step, log out
    Demo(DemoArgs),
    /// Serve the embedded provider on loopback, to try things against
    Serve(ServeArgs),
    /// Show what a provider, or a Matrix homeserver, says about itself
    Discover(DiscoverArgs),
    /// Register this client at a provider
    Register(RegisterArgs),
    /// Log in
    Login(LoginArgs),
    /// Log in where there is no browser: the user allows it on another device
    Device(BeginningArgs),
    /// A token for the client itself; no session is stored
    ClientCredentials(ClientCredentialsArgs),
    /// Show the sessions in the store
    Status(ChoiceArgs),
    /// A good access token, refreshed when needed
    Token(ChoiceArgs),
    /// Refresh the tokens now
    Refresh(ChoiceArgs),
    /// Keep the session fresh, and print what happens to it
    Watch(WatchArgs),
    /// What the provider tells about the user
    Userinfo(ChoiceArgs),
    /// In whose name and on which device the session speaks to its Matrix homeserver
    Whoami(ChoiceArgs),
    /// Where the user of a Matrix session manages the account
    Account(AccountArgs),
    /// Log the user of a session in again: same provider, client, scope and choices
    Relogin(ReloginArgs),
    /// Log in on a new Matrix device with a QR code, or let one in
    #[command(subcommand)]
    Qr(QrCommand),
    /// Forget the session, and revoke its tokens
    Logout(LogoutArgs),
    /// Be a browser without a user: follow redirects from a URL, submit what submits itself
    #[command(hide = true)]
    Browse { url: String },
    /// Open the system's browser
    #[command(hide = true)]
    Open { url: String },
}

impl Command {
    /// The session that the command is about, if it takes one.
    pub(crate) fn choice(&self) -> Option<&ChoiceArgs> {
        match self {
            Self::Status(choice) | Self::Token(choice) | Self::Refresh(choice) => Some(choice),
            Self::Userinfo(choice) | Self::Whoami(choice) => Some(choice),
            Self::Watch(args) => Some(&args.choice),
            Self::Account(args) => Some(&args.choice),
            Self::Relogin(args) => Some(&args.choice),
            Self::Logout(args) => Some(&args.choice),
            _ => None,
        }
    }
}

/// Which session of several.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct ChoiceArgs {
    /// The session at this provider
    #[arg(long, value_name = "URL")]
    pub(crate) issuer: Option<String>,
    /// The session of this user: the subject, or the user ID of a Matrix session
    #[arg(long, value_name = "SUB")]
    pub(crate) subject: Option<String>,
}

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
    #[arg(long, default_value_t = 0, hide_default_value = true)]
    pub(crate) port: u16,
    /// How long its access tokens are good
    #[arg(long, value_name = "SECONDS", default_value = "300", value_parser = seconds)]
    pub(crate) access_token_lifetime: Duration,
    /// A user; repeatable [default: alice and bob]
    #[arg(long = "user", value_name = "LOGIN")]
    pub(crate) users: Vec<String>,
    /// A claim of every user: JSON, or else text; repeatable
    #[arg(long = "claim", value_name = "NAME=VALUE", value_parser = parameter)]
    pub(crate) claims: Vec<(String, String)>,
    /// Whether authorization requests can be pushed
    #[arg(long, value_enum, default_value_t)]
    pub(crate) par: ServedPar,
    /// Demand nonces in DPoP proofs
    #[arg(long)]
    pub(crate) dpop_nonce: bool,
    /// Give refresh tokens for offline_access with consent only
    #[arg(long)]
    pub(crate) strict_offline_access: bool,
    /// Ask on a page who logs in and whether the client may, instead of letting everybody in
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

#[derive(Debug, Args)]
pub(crate) struct WatchArgs {
    #[command(flatten)]
    pub(crate) choice: ChoiceArgs,
    /// End after so many events [default: when the session ends]
    #[arg(long, value_name = "N")]
    pub(crate) count: Option<u32>,
}

#[derive(Debug, Args)]
pub(crate) struct DiscoverArgs {
    /// The provider [default: the session's]
    #[arg(long, value_name = "URL")]
    pub(crate) issuer: Option<String>,
    /// A Matrix homeserver in its place, or the name of a server
    #[arg(long, value_name = "URL|NAME", conflicts_with = "issuer")]
    pub(crate) homeserver: Option<String>,
}

/// Where to register or to log in.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct PlaceArgs {
    /// The provider
    #[arg(long, value_name = "URL", required_unless_present = "homeserver")]
    issuer: Option<String>,
    /// A Matrix homeserver in its place, or the name of a server
    #[arg(long, value_name = "URL|NAME", conflicts_with = "issuer")]
    homeserver: Option<String>,
}

/// One of the two.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place<'a> {
    Issuer(&'a str),
    Homeserver(&'a str),
}

impl PlaceArgs {
    pub(crate) fn issuer(issuer: &str) -> Self {
        Self { issuer: Some(issuer.to_owned()), homeserver: None }
    }

    pub(crate) fn homeserver(homeserver: &str) -> Self {
        Self { issuer: None, homeserver: Some(homeserver.to_owned()) }
    }

    pub(crate) fn place(&self) -> Place<'_> {
        match &self.homeserver {
            Some(homeserver) => Place::Homeserver(homeserver),
            // There is one of them, else the command line would have been refused.
            None => Place::Issuer(self.issuer.as_deref().unwrap_or_default()),
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct RegisterArgs {
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    /// Register http://127.0.0.1:N/callback, for a provider that does not leave the port open
    #[arg(long, value_name = "N")]
    pub(crate) redirect_port: Option<u16>,
    /// Register this redirect URI, for login --redirect-uri
    #[arg(long, value_name = "URI", conflicts_with = "redirect_port", value_parser = redirect_uri)]
    pub(crate) redirect_uri: Option<RedirectUri>,
    /// Register anew, though there is a registration in the store
    #[arg(long)]
    pub(crate) anew: bool,
}

/// Who we are.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct ClientArgs {
    /// A client that is registered already [default: register one]
    #[arg(long, value_name = "ID")]
    pub(crate) client_id: Option<String>,
    /// Its secret
    #[arg(long, value_name = "S", requires = "client_id", env = SECRET_VARIABLE, hide_env_values = true)]
    pub(crate) client_secret: Option<String>,
    /// How it authenticates [default: the strongest that both sides support]
    #[arg(long, value_name = "M", requires = "client_id", value_parser = auth_method)]
    pub(crate) auth_method: Option<AuthMethod>,
    /// Authenticate by the private key in this file: PEM, PKCS #8, RSA, EC P-256 or Ed25519
    #[arg(long, value_name = "FILE", conflicts_with = "client_secret")]
    pub(crate) key: Option<PathBuf>,
    /// ES256, EdDSA, RS256 or PS256 [default: by the key's type]
    #[arg(long, value_name = "A", requires = "key", value_parser = key_algorithm)]
    pub(crate) key_algorithm: Option<Algorithm>,
}

/// What is asked for, and how it is kept.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct GrantArgs {
    /// What to ask for; `openid` must be in it [default: openid]. At a homeserver: what to ask for beside its API
    #[arg(long, value_name = "S", value_parser = scope)]
    pub(crate) scope: Option<Scope>,
    /// How the ID token's signature is checked; trust-tls trusts the connection instead, and never http
    #[arg(long, value_enum, default_value_t)]
    pub(crate) id_token: IdTokenChoice,
    /// Have the tokens bound to a key that is made for this session
    #[arg(long, conflicts_with = "homeserver")]
    pub(crate) dpop: bool,
}

impl GrantArgs {
    /// The scope of a login at a provider. Sessions are named by the ID token's subject.
    pub(crate) fn openid_scope(&self) -> Result<Scope, Failure> {
        match &self.scope {
            None => Ok(Scope::new("openid")?),
            Some(scope) if scope.contains("openid") => Ok(scope.clone()),
            Some(_) => Err(Code::Usage.because("`openid` must be in --scope")),
        }
    }
}

/// What every login begins with: where, as whom, and for what.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct BeginningArgs {
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    #[command(flatten)]
    pub(crate) grant: GrantArgs,
    /// The Matrix device to log in with [default: a new one]
    #[arg(long, value_name = "D", conflicts_with = "issuer", value_parser = device_id)]
    pub(crate) device_id: Option<DeviceId>,
}

#[derive(Clone, Debug, Default, Args)]
pub(crate) struct LoginArgs {
    #[command(flatten)]
    pub(crate) beginning: BeginningArgs,
    /// Whether the request goes to the provider directly, before the browser; auto: where the provider takes it
    #[arg(long, value_enum, default_value_t)]
    pub(crate) par: ParChoice,
    /// none, login, consent, select_account, create [default: consent where offline_access is asked for]
    #[arg(long, value_name = "P", value_delimiter = ' ', value_parser = prompt)]
    pub(crate) prompt: Vec<Prompt>,
    /// Send no prompt, also for offline_access: for a provider that remembers the consent
    #[arg(long, conflicts_with = "prompt")]
    pub(crate) no_prompt: bool,
    /// Who is probably logging in
    #[arg(long, value_name = "H")]
    pub(crate) login_hint: Option<String>,
    /// query, fragment or form_post
    #[arg(long, value_name = "M", value_parser = response_mode)]
    pub(crate) response_mode: Option<ResponseMode>,
    /// A parameter of the provider's own for the authorization request; repeatable
    #[arg(long, value_name = "NAME=VALUE", value_parser = parameter)]
    pub(crate) parameter: Vec<(String, String)>,
    #[command(flatten)]
    pub(crate) meeting: MeetingArgs,
}

/// How the user's browser is sent out, and where it comes back to.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct MeetingArgs {
    /// Listen on this port, and use http://127.0.0.1:N/callback to the letter [default: any free one]
    #[arg(long, value_name = "N")]
    pub(crate) redirect_port: Option<u16>,
    /// Come back to exactly this URI, of any scheme; without a port, on loopback, to any free one. Another than http on
    /// this machine needs --paste [default: http://127.0.0.1/callback]
    #[arg(long, value_name = "URI", conflicts_with = "redirect_port", value_parser = redirect_uri)]
    pub(crate) redirect_uri: Option<RedirectUri>,
    /// Read the callback from standard input instead of listening: the URL, or its query
    #[arg(long)]
    pub(crate) paste: bool,
    #[command(flatten)]
    pub(crate) browser: BrowserArgs,
}

#[derive(Clone, Debug, Default, Args)]
pub(crate) struct ReloginArgs {
    #[command(flatten)]
    pub(crate) choice: ChoiceArgs,
    /// What to ask for in place of what the login asked for; not for a Matrix session
    #[arg(long, value_name = "S", value_parser = scope)]
    pub(crate) scope: Option<Scope>,
    /// As for login, in place of the login's; not for a Matrix session
    #[arg(long, value_name = "P", value_delimiter = ' ', value_parser = prompt)]
    pub(crate) prompt: Vec<Prompt>,
    #[command(flatten)]
    pub(crate) meeting: MeetingArgs,
}

#[derive(Clone, Debug, Default, Args)]
pub(crate) struct AccountArgs {
    #[command(flatten)]
    pub(crate) choice: ChoiceArgs,
    /// profile, devices_list, device_view, device_delete, account_deactivate or cross_signing_reset
    #[arg(long, value_name = "A", value_parser = account_action)]
    pub(crate) action: Option<AccountAction>,
    /// The device that the action is about
    #[arg(long, value_name = "D", requires = "action", value_parser = device_id)]
    pub(crate) device_id: Option<DeviceId>,
    /// Open the page in the browser
    #[arg(long)]
    pub(crate) open: bool,
    #[command(flatten)]
    pub(crate) browser: BrowserArgs,
}

impl LoginArgs {
    /// A login with nothing but defaults.
    pub(crate) fn at(place: PlaceArgs) -> Self {
        let beginning = BeginningArgs { place, ..BeginningArgs::default() };
        Self { beginning, ..Self::default() }
    }
}

#[derive(Clone, Debug, Args)]
pub(crate) struct ClientCredentialsArgs {
    /// The provider
    #[arg(long, value_name = "URL")]
    pub(crate) issuer: String,
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    /// What to ask for
    #[arg(long, value_name = "S", value_parser = scope)]
    pub(crate) scope: Option<Scope>,
    /// A parameter of the provider's own for the token request; repeatable
    #[arg(long, value_name = "NAME=VALUE", value_parser = parameter)]
    pub(crate) parameter: Vec<(String, String)>,
}

#[derive(Clone, Debug, Default, Args)]
pub(crate) struct BrowserArgs {
    /// Run this instead of the system's browser, with the URL as its last argument
    #[arg(long, value_name = "COMMAND ARGS", conflicts_with = "no_browser", value_parser = command_line)]
    pub(crate) browser: Option<CommandLine>,
    /// Open no browser, only print the URL
    #[arg(long)]
    pub(crate) no_browser: bool,
    /// Set by the demo: the browser is a thread of this program.
    #[arg(skip)]
    pub(crate) scripted: bool,
}

#[derive(Debug, Default, Args)]
pub(crate) struct LogoutArgs {
    #[command(flatten)]
    pub(crate) choice: ChoiceArgs,
    /// End the provider's own session too, in the browser
    #[arg(long)]
    pub(crate) end_session: bool,
    #[command(flatten)]
    pub(crate) browser: BrowserArgs,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum IdTokenChoice {
    #[default]
    Verify,
    TrustTls,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ParChoice {
    #[default]
    Auto,
    Always,
    Never,
}

/// The issuer as the caller wrote it.
pub(crate) fn issuer(text: &str, schemes: Schemes) -> Result<Issuer, oidc_proto::Error> {
    Issuer::new(text, schemes)
}
