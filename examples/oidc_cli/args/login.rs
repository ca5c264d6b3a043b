//! What can be said of a login: the client, what it asks for, and how the browser comes back.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use oidc_proto::jose::Algorithm;
use oidc_proto::matrix::DeviceId;
use oidc_proto::{AuthMethod, Endpoint, Prompt, RedirectUri, ResponseMode, Schemes, Scope};
use serde::{Deserialize, Serialize};
use url::Url;

use super::values::{
    algorithm, auth_method, client_id, device_id, key_algorithm, parameter, port, prompt, redirect_uri, response_mode,
    scope,
};
use super::{BrowserArgs, ChoiceArgs, PlaceArgs, SECRET_VARIABLE};
use crate::failure::{Code, Failure};

const REDIRECT: &str =
    "As for login [default: that of the login; at a homeserver http://127.0.0.1/callback with any port]";

/// Who we are.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct ClientArgs {
    /// A client that is registered already [default: the one in the store for this provider, or else register one; at a
    /// homeserver the one that an earlier login named, or else register one]
    #[arg(long, value_name = "ID", value_parser = client_id)]
    pub(crate) client_id: Option<String>,
    /// Its secret
    #[arg(long, value_name = "S", requires = "client_id", env = SECRET_VARIABLE, hide_env_values = true)]
    pub(crate) client_secret: Option<String>,
    /// How it authenticates: none, client_secret_basic, client_secret_post, client_secret_jwt or private_key_jwt
    /// [default: private_key_jwt with a key; with a secret client_secret_basic, or client_secret_post if the provider lists
    /// that and not the other; otherwise none]
    #[arg(long, value_name = "M", requires = "client_id", value_parser = auth_method)]
    pub(crate) auth_method: Option<AuthMethod>,
    /// Authenticate by the private key in this file: PEM, PKCS #8, RSA, EC (P-256, P-384, P-521) or Ed25519
    #[arg(long, value_name = "FILE", conflicts_with = "client_secret")]
    pub(crate) key: Option<PathBuf>,
    /// One that fits the key: ES256, ES384, ES512, EdDSA, Ed25519, RS256, PS256 … [default: by the key's type]
    #[arg(long, value_name = "A", requires = "key", value_parser = key_algorithm)]
    pub(crate) key_algorithm: Option<Algorithm>,
    /// What the provider calls the key: the kid of assertions
    #[arg(long, value_name = "KID", requires = "key", requires = "client_id")]
    pub(crate) key_id: Option<String>,
}

/// What is asked for, and how it is kept.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct GrantArgs {
    /// What to ask for; `openid` must be in it [default: openid]. At a homeserver: what to ask for beside its API
    #[arg(long, value_name = "S", value_parser = scope)]
    pub(crate) scope: Option<Scope>,
    /// How the ID token's signature is checked; trust-tls does not check it and trusts the https connection instead; not
    /// possible over http
    #[arg(long, value_enum, default_value_t)]
    pub(crate) id_token: IdTokenChoice,
    /// How ID tokens are signed for the client: what it is registered for, or registers for
    #[arg(long, value_name = "A", value_parser = algorithm, conflicts_with = "homeserver")]
    pub(crate) id_token_algorithm: Option<Algorithm>,
    /// The same for userinfo, which is not signed without this option
    #[arg(long, value_name = "A", value_parser = key_algorithm, conflicts_with = "homeserver")]
    pub(crate) userinfo_algorithm: Option<Algorithm>,
    /// Trust this audience of ID tokens beside the client; repeatable
    #[arg(long, value_name = "AUD", conflicts_with = "homeserver")]
    pub(crate) trust_audience: Vec<String>,
    /// A parameter of the provider's own for each token request; repeatable
    #[arg(long, value_name = "NAME=VALUE", value_parser = parameter, conflicts_with = "homeserver")]
    pub(crate) token_parameter: Vec<(String, String)>,
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
            Some(scope) => {
                let is_comma_separated = scope.as_str().split([',', ' ']).any(|word| word == "openid");
                Err(Code::Usage.because(match is_comma_separated {
                    true => "the words of --scope are separated by spaces, not by commas: --scope \"openid profile\"",
                    false => "`openid` must be in --scope, for example --scope \"openid profile\"",
                }))
            }
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
    /// Do not revoke the login that this one replaces: for a provider that has one grant for all logins of a user
    #[arg(long)]
    pub(crate) keep_replaced: bool,
    /// At a homeserver: log in with the client that was registered before, if there is one [default: register one for
    /// each login, as Matrix demands]
    #[arg(long, conflicts_with_all = ["issuer", "client_id"])]
    pub(crate) reuse_client: bool,
}

#[derive(Clone, Debug, Default, Args)]
pub(crate) struct LoginArgs {
    #[command(flatten)]
    pub(crate) beginning: BeginningArgs,
    /// Whether to push the request to the provider before the browser opens (PAR); auto: if the provider supports it, at a
    /// homeserver only if its provider requires it
    #[arg(long, value_enum, default_value_t)]
    pub(crate) par: ParChoice,
    /// none, login, consent, select_account, create [default: consent where offline_access is asked for, unless
    /// the provider lists prompt values without it]
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
    #[arg(long, value_name = "NAME=VALUE", value_parser = parameter, conflicts_with = "homeserver")]
    pub(crate) parameter: Vec<(String, String)>,
    #[command(flatten)]
    pub(crate) meeting: MeetingArgs,
}

/// How the user's browser is sent out, and where it comes back to.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct MeetingArgs {
    /// Listen on this port; the redirect URI is then exactly http://127.0.0.1:N/callback. Of several ports with commas, the
    /// first free one is used [default: any free port]
    #[arg(long, value_name = "N", value_delimiter = ',', value_parser = port)]
    pub(crate) redirect_port: Vec<u16>,
    /// Send exactly this redirect URI. One on loopback without a port gets any free port; one that is not http on this
    /// machine needs --paste [default: http://127.0.0.1/callback]
    #[arg(long, value_name = "URI", conflicts_with = "redirect_port", value_parser = redirect_uri)]
    pub(crate) redirect_uri: Option<RedirectUri>,
    /// Allow a redirect URI with http on another machine: whoever sees the traffic there gets the code
    #[arg(long, requires = "redirect_uri")]
    pub(crate) insecure_redirect_uri: bool,
    /// Read the callback from standard input instead of listening: the URL, or its query
    #[arg(long)]
    pub(crate) paste: bool,
    #[command(flatten)]
    pub(crate) browser: BrowserArgs,
}

#[derive(Clone, Debug, Default, Args)]
#[command(mut_arg("redirect_port", |arg| arg.help(REDIRECT)))]
#[command(mut_arg("redirect_uri", |arg| arg.help(REDIRECT)))]
pub(crate) struct ReloginArgs {
    #[command(flatten)]
    pub(crate) choice: ChoiceArgs,
    /// What to ask for in place of what the login asked for; at a homeserver beside it
    #[arg(long, value_name = "S", value_parser = scope)]
    pub(crate) scope: Option<Scope>,
    /// As for login, in place of the login's
    #[arg(long, value_name = "P", value_delimiter = ' ', value_parser = prompt)]
    pub(crate) prompt: Vec<Prompt>,
    /// Do not revoke the login that this one replaces: for a provider that has one grant for all logins of a user
    #[arg(long)]
    pub(crate) keep_replaced: bool,
    #[command(flatten)]
    pub(crate) meeting: MeetingArgs,
}

impl MeetingArgs {
    /// Whether the browser comes back by a way that was chosen: https, a scheme of one's own, http on this machine, or what
    /// was allowed by name.
    pub(crate) fn check(&self, schemes: Schemes) -> Result<(), Failure> {
        let Some(uri) = self.redirect_uri.as_ref().filter(|_| !self.insecure_redirect_uri) else { return Ok(()) };
        let is_http = Url::parse(uri.as_str()).is_ok_and(|url| url.scheme() == "http");
        let is_allowed = |schemes| Endpoint::new(uri.as_str(), schemes).is_ok();
        if !is_http || is_allowed(Schemes::DangerousHttpOnLoopback) || is_allowed(schemes) {
            return Ok(());
        }
        let said = "the code would come back by http, in clear text, to another machine";
        Err(Code::Usage.because(said).with_hint(
            "Give --redirect-uri with https or with a scheme of your own, or allow this one with --insecure-redirect-uri.",
        ))
    }
}

impl LoginArgs {
    /// A login with nothing but defaults.
    pub(crate) fn at(place: PlaceArgs) -> Self {
        let beginning = BeginningArgs { place, ..BeginningArgs::default() };
        Self { beginning, ..Self::default() }
    }
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
