//! What can be said on the command line.

mod login;
mod qr;
mod serve;
mod values;

use std::ffi::OsStr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgGroup, Args, CommandFactory as _, Parser, Subcommand};
use oidc_proto::jose::Algorithm;
use oidc_proto::matrix::{Address, DeviceId};
use oidc_proto::{AuthMethod, Deviation, Endpoint, Issuer, RedirectUri, Schemes, Scope, Secret};

use values::{
    account_action, clock_skew, command_line, deviation, device_id, key_algorithm, parameter, port, proxy,
    redirect_uri, scope, seconds, secret_method, user_agent,
};

use crate::failure::{Code, Failure};

pub(crate) use login::{BeginningArgs, ClientArgs, IdTokenChoice, LoginArgs, MeetingArgs, ParChoice, ReloginArgs};
pub(crate) use serve::{DemoArgs, ServeArgs, ServedDpop, ServedPar};

pub(crate) use qr::{QrCommand, QrGrantArgs, QrLoginArgs, QrMeetingArgs};
pub(crate) use values::{ActionName, CommandLine};

/// The variable with the client's secret. No process that this program starts inherits it.
pub(crate) const SECRET_VARIABLE: &str = "OIDC_CLI_CLIENT_SECRET";

/// The variable with the initial access token.
pub(crate) const INITIAL_TOKEN_VARIABLE: &str = "OIDC_CLI_INITIAL_ACCESS_TOKEN";

/// The variables with secrets.
pub(crate) const VARIABLES: [&str; 2] = [SECRET_VARIABLE, INITIAL_TOKEN_VARIABLE];

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
    #[arg(long, global = true, value_name = "URL", value_parser = proxy)]
    pub(crate) proxy: Option<String>,
    /// The User-Agent of each request
    #[arg(long, global = true, value_name = "TEXT", value_parser = user_agent)]
    pub(crate) user_agent: Option<String>,
    /// Accept this deviation of the provider from the standards; repeatable. A login keeps it with its session. No effect at a homeserver
    #[arg(long, global = true, value_name = "NAME", value_parser = deviation())]
    pub(crate) accept: Vec<Deviation>,
    /// How far the clocks of the provider and of this machine may differ: 300 at most. No effect at a homeserver [default: 60]
    #[arg(long, global = true, value_name = "SECONDS", value_parser = clock_skew)]
    pub(crate) clock_skew: Option<Duration>,
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
    /// Serve the embedded provider on loopback, for tests only: its keys are public
    Serve(ServeArgs),
    /// Show what a provider, or a Matrix homeserver, says about itself
    Discover(DiscoverArgs),
    /// Register this client at a provider
    Register(RegisterArgs),
    /// Log in
    Login(LoginArgs),
    /// Log in where there is no browser: the user allows it on another device
    Device(BeginningArgs),
    /// Get a token for the client itself; no session is stored
    ClientCredentials(ClientCredentialsArgs),
    /// Show the sessions in the store
    Status(ChoiceArgs),
    /// Print an access token, refreshed before if it is about to expire
    Token(ChoiceArgs),
    /// Refresh the tokens now
    Refresh(ChoiceArgs),
    /// Keep the session fresh, and print what happens to it
    Watch(WatchArgs),
    /// Show what the provider tells about the user
    Userinfo(ChoiceArgs),
    /// The user and the device of a Matrix session, as its homeserver knows them
    Whoami(ChoiceArgs),
    /// Show where the user of a Matrix session manages the account
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

#[derive(Debug, Args)]
pub(crate) struct WatchArgs {
    #[command(flatten)]
    pub(crate) choice: ChoiceArgs,
    /// End after so many events [default: only when the session ends or cannot be refreshed any more]
    #[arg(long, value_name = "N")]
    pub(crate) count: Option<u32>,
}

#[derive(Debug, Args)]
pub(crate) struct DiscoverArgs {
    /// The provider, as its metadata name it; --expect-issuer is the same [default: the session's]
    #[arg(long, alias = "expect-issuer", value_name = "URL")]
    pub(crate) issuer: Option<String>,
    /// A Matrix homeserver instead of --issuer: its URL, or the name of the server
    #[arg(long, value_name = "URL|NAME", conflicts_with = "issuer")]
    pub(crate) homeserver: Option<String>,
    /// Where the metadata of the issuer are, if that is not its well-known URL
    #[arg(long, value_name = "URL", requires = "issuer")]
    pub(crate) metadata_url: Option<String>,
}

/// Where to register or to log in.
#[derive(Clone, Debug, Default, Args)]
#[command(group = ArgGroup::new("place").args(["issuer", "homeserver"]).required(true))]
pub(crate) struct PlaceArgs {
    /// The provider, as its metadata and its tokens name it; --expect-issuer is the same
    #[arg(long, alias = "expect-issuer", value_name = "URL")]
    issuer: Option<String>,
    /// A Matrix homeserver instead of --issuer: its URL, or the name of the server
    #[arg(long, value_name = "URL|NAME", conflicts_with = "issuer")]
    homeserver: Option<String>,
    /// Where the metadata of the issuer are, if that is not its well-known URL
    #[arg(long, value_name = "URL", requires = "issuer", conflicts_with = "homeserver")]
    pub(crate) metadata_url: Option<String>,
}

/// One of the two.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place<'a> {
    Issuer(&'a str),
    Homeserver(&'a str),
}

impl PlaceArgs {
    pub(crate) fn issuer(issuer: &str) -> Self {
        Self { issuer: Some(issuer.to_owned()), ..Self::default() }
    }

    pub(crate) fn homeserver(homeserver: &str) -> Self {
        Self { homeserver: Some(homeserver.to_owned()), ..Self::default() }
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
    /// Register http://127.0.0.1:N/callback, for a provider that compares the port, too; several ports with commas
    #[arg(long, value_name = "N", conflicts_with = "homeserver", value_delimiter = ',', value_parser = port)]
    pub(crate) redirect_port: Vec<u16>,
    /// Register this redirect URI, for login --redirect-uri
    #[arg(long, value_name = "URI", conflicts_with = "redirect_port", value_parser = redirect_uri)]
    pub(crate) redirect_uri: Option<RedirectUri>,
    /// The token that the provider gave out for registrations
    #[arg(long, value_name = "TOKEN", env = INITIAL_TOKEN_VARIABLE, hide_env_values = true)]
    pub(crate) initial_access_token: Option<String>,
    /// Register anew, though there is a registration in the store
    #[arg(long)]
    pub(crate) anew: bool,
    /// How the client will authenticate: none, client_secret_basic, client_secret_post or client_secret_jwt [default: none]
    #[arg(long, value_name = "M", conflicts_with = "homeserver", value_parser = secret_method)]
    pub(crate) auth_method: Option<AuthMethod>,
    /// Register the public half of this key, for login --key: PEM, PKCS #8, RSA, EC (P-256, P-384, P-521) or Ed25519
    #[arg(long, value_name = "FILE", conflicts_with_all = ["homeserver", "auth_method"])]
    pub(crate) key: Option<PathBuf>,
    /// One that fits the key: ES256, ES384, ES512, EdDSA, Ed25519, RS256, PS256 … [default: by the key's type]
    #[arg(long, value_name = "A", requires = "key", value_parser = key_algorithm)]
    pub(crate) key_algorithm: Option<Algorithm>,
}

#[derive(Clone, Debug, Default, Args)]
pub(crate) struct AccountArgs {
    #[command(flatten)]
    pub(crate) choice: ChoiceArgs,
    /// profile, devices_list, device_view, device_delete, account_deactivate, cross_signing_reset, or the whole name of
    /// another one; the provider lists those that it has
    #[arg(long, value_name = "A", value_parser = account_action)]
    pub(crate) action: Option<ActionName>,
    /// The device that the action is about
    #[arg(long, value_name = "D", requires = "action", value_parser = device_id)]
    pub(crate) device_id: Option<DeviceId>,
    /// Open the page in the browser
    #[arg(long)]
    pub(crate) open: bool,
    #[command(flatten)]
    pub(crate) browser: BrowserArgs,
}

#[derive(Clone, Debug, Args)]
#[command(mut_arg("client_id", |arg| arg.help("The client, which is registered already")))]
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
    /// Remove the session even if the provider cannot be asked to end its tokens
    #[arg(long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) browser: BrowserArgs,
}

impl RegisterArgs {
    /// The initial access token, which goes into a header (RFC 6750 section 2.1). A refusal does not repeat it.
    pub(crate) fn token(&self) -> Result<Option<Secret>, Failure> {
        match self.initial_access_token.as_deref() {
            Some(token) if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) => {
                let said = "the value of --initial-access-token is empty, or holds a space, a line break or another character that no token has";
                Err(Code::Usage.because(said).with_hint("Give the token as the provider wrote it."))
            }
            token => Ok(token.map(Secret::from)),
        }
    }
}

/// What the command line can be. An empty variable is none: a shell leaves a variable out so.
pub(crate) fn command() -> clap::Command {
    fn without(command: clap::Command, variable: &OsStr) -> clap::Command {
        let names: Vec<_> = command.get_subcommands().map(|inner| inner.get_name().to_owned()).collect();
        let command = names
            .into_iter()
            .fold(command, |command, name| command.mut_subcommand(name, |inner| without(inner, variable)));
        command.mut_args(|own| if own.get_env() == Some(variable) { own.env(None::<&'static str>) } else { own })
    }
    let empty = VARIABLES.into_iter().filter(|name| std::env::var_os(name).is_some_and(|value| value.is_empty()));
    empty.fold(Cli::command(), |command, name| without(command, OsStr::new(name)))
}

/// The issuer as the caller wrote it.
pub(crate) fn issuer(text: &str, schemes: Schemes) -> Result<Issuer, Failure> {
    Issuer::new(text, schemes).map_err(Failure::of_option)
}

/// The homeserver as the caller wrote it.
pub(crate) fn homeserver(text: &str, schemes: Schemes) -> Result<Address, Failure> {
    Address::parse(text, schemes).map_err(Failure::of_option)
}

/// Where the metadata are, as the caller wrote it.
pub(crate) fn metadata_url(text: &str, schemes: Schemes) -> Result<Endpoint, Failure> {
    Endpoint::new(text, schemes).map_err(|error| {
        let hint = format!("{} The option is --metadata-url.", error.hint());
        Failure::of_option(error.with_hint(hint))
    })
}
