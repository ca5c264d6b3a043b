//! How the value of an option is read.

use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use oidc_proto::adapter::{HttpOptions, OptionsError, ureq};
use oidc_proto::jose::Algorithm;
use oidc_proto::matrix::{AccountAction, DeviceId};
use oidc_proto::{
    AuthMethod, ClientAuth, Deviation, Prompt, ProviderOptions, RedirectUri, Registered, ResponseMode, Scope, Word as _,
};
use url::Url;

use crate::human;

/// A command, split as a shell splits words.
#[derive(Clone, Debug)]
pub(crate) struct CommandLine {
    pub(crate) program: String,
    pub(crate) arguments: Vec<String>,
}

pub(super) fn command_line(text: &str) -> Result<CommandLine, String> {
    let mut words = shell_words::split(text).map_err(|error| error.to_string())?.into_iter();
    let program = words.next().ok_or("give a command")?;
    Ok(CommandLine { program, arguments: words.collect() })
}

pub(super) fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse() {
        Ok(seconds @ 1..=86_400) => Ok(Duration::from_secs(seconds)),
        _ => Err("give whole seconds, from 1 to 86400".to_owned()),
    }
}

/// One of several ports to come back to.
pub(super) fn port(text: &str) -> Result<u16, String> {
    let port = text.parse().ok().filter(|port| *port > 0);
    port.ok_or_else(|| "give a port from 1 to 65535, or several with commas between them".to_owned())
}

/// A port to listen on.
pub(super) fn served_port(text: &str) -> Result<u16, String> {
    text.parse().map_err(|_| "give a port from 0 to 65535; 0 is any free one".to_owned())
}

/// As much as the library takes.
pub(super) fn clock_skew(text: &str) -> Result<Duration, String> {
    let is_whole = |skew: &Duration| ProviderOptions::new().with_clock_skew(*skew).clock_skew() == *skew;
    seconds(text).ok().filter(is_whole).ok_or_else(|| "give whole seconds, from 1 to 300".to_owned())
}

/// The name of a user of `serve`, which is a part of `sub`.
pub(super) fn login(text: &str) -> Result<String, String> {
    const LONGEST: usize = 100;
    let is_name = !text.trim().is_empty() && text.chars().count() <= LONGEST && !text.chars().any(human::deceives);
    is_name.then(|| text.to_owned()).ok_or_else(|| {
        format!("give a name of 1 to {LONGEST} characters, without line breaks and invisible characters")
    })
}

/// A claim of the user's own. What says whose token it is, and for whom, is the provider's.
pub(super) fn claim(text: &str) -> Result<(String, String), String> {
    const OWN: [&str; 11] = ["iss", "sub", "aud", "azp", "exp", "iat", "nbf", "nonce", "auth_time", "at_hash", "sid"];
    let (name, value) = parameter(text)?;
    if OWN.contains(&name.as_str()) {
        Err(format!("give another claim than {}", OWN.join(", ")))
    } else {
        Ok((name, value))
    }
}

/// Where a proxy is, and no more.
pub(super) fn proxy(text: &str) -> Result<String, String> {
    match ureq::Client::with(HttpOptions::new().with_proxy(text)) {
        Err(OptionsError::Proxy) => Err("give http://HOST:PORT or socks5h://HOST:PORT, without a path".to_owned()),
        _ => Ok(text.to_owned()),
    }
}

/// What a header can hold.
pub(super) fn user_agent(text: &str) -> Result<String, String> {
    match ureq::Client::with(HttpOptions::new().with_user_agent(text)) {
        Err(OptionsError::UserAgent) => Err("give printable ASCII characters, and not spaces alone".to_owned()),
        _ => Ok(text.to_owned()),
    }
}

/// What can be kept and sent.
pub(super) fn client_id(text: &str) -> Result<String, String> {
    match Registered::preregistered(text, ClientAuth::None) {
        Ok(_) => Ok(text.to_owned()),
        Err(_) => Err("give a client ID without control and invisible characters, and not an empty one".to_owned()),
    }
}

pub(super) fn scope(text: &str) -> Result<Scope, oidc_proto::Error> {
    Scope::new(text)
}

pub(super) fn device_id(text: &str) -> Result<DeviceId, oidc_proto::Error> {
    DeviceId::new(text)
}

/// An action by its name, with or without what all of them begin with.
/// What to do on the account's page.
#[derive(Clone, Debug)]
pub(crate) enum ActionName {
    /// Of the standard.
    Known(AccountAction),
    /// Of the provider's own, or of an older standard.
    Other(Box<str>),
}

pub(super) fn account_action(text: &str) -> Result<ActionName, String> {
    let known = AccountAction::from_name(text).or_else(|| AccountAction::from_name(&format!("org.matrix.{text}")));
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    match known {
        Some(known) => Ok(ActionName::Known(known)),
        None if text.contains('.') && text.chars().all(is_name) => Ok(ActionName::Other(text.into())),
        None => {
            Err("give profile, devices_list, device_view, device_delete, account_deactivate, cross_signing_reset, or \
                     the whole name of another action, as com.example.plan"
                .to_owned())
        }
    }
}

/// By name; the help and a refusal list the names.
pub(super) fn deviation() -> impl TypedValueParser<Value = Deviation> {
    let names = PossibleValuesParser::new(Deviation::ALL.iter().map(|known| known.name()));
    names.try_map(|name| Deviation::from_name(&name).ok_or("no deviation"))
}

pub(super) fn auth_method(text: &str) -> Result<AuthMethod, String> {
    AuthMethod::from_name(text).ok_or_else(|| {
        "give none, client_secret_basic, client_secret_post, client_secret_jwt or private_key_jwt".to_owned()
    })
}

pub(super) fn algorithm(text: &str) -> Result<Algorithm, String> {
    let names = || Algorithm::ALL.iter().map(|known| known.name()).collect::<Vec<_>>().join(", ");
    Algorithm::from_name(text).ok_or_else(|| format!("give one of {}", names()))
}

/// Those that a client can have without a key.
pub(super) fn secret_method(text: &str) -> Result<AuthMethod, String> {
    auth_method(text).ok().filter(|method| *method != AuthMethod::PrivateKeyJwt).ok_or_else(|| {
        "give none, client_secret_basic, client_secret_post or client_secret_jwt; --key registers a key".to_owned()
    })
}

pub(super) fn key_algorithm(text: &str) -> Result<Algorithm, String> {
    // An algorithm for secrets has no key.
    let ours = || Algorithm::ALL.iter().copied().filter(|algorithm| *algorithm != Algorithm::Hs256);
    let names = || ours().map(|known| known.name()).collect::<Vec<_>>().join(", ");
    ours().find(|algorithm| algorithm.name() == text).ok_or_else(|| format!("give one of {}", names()))
}

pub(super) fn prompt(text: &str) -> Result<Prompt, String> {
    Prompt::from_name(text).ok_or_else(|| "give none, login, consent, select_account or create".to_owned())
}

pub(super) fn response_mode(text: &str) -> Result<ResponseMode, String> {
    ResponseMode::from_name(text).ok_or_else(|| "give query, fragment or form_post".to_owned())
}

pub(super) fn redirect_uri(text: &str) -> Result<RedirectUri, Box<dyn std::error::Error + Send + Sync>> {
    let redirect_uri = RedirectUri::new(text)?;
    if Url::parse(text).is_ok_and(|url| url.port() == Some(0)) {
        return Err("give a port from 1 to 65535, or none for any free one".into());
    }
    Ok(redirect_uri)
}

pub(super) fn parameter(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').filter(|(name, _)| !name.is_empty()).ok_or("write NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}
