//! What a command has to tell: one value for programs and people. `human.rs` writes it for people.

use oidc_proto::{Error, ProviderText, Quote};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::failure::Failure;

/// One line of output.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(crate) enum Event<'a> {
    Serving {
        issuer: &'a str,
        /// Who can log in; the first one does where nobody is named.
        users: &'a [String],
        /// Whether a page asks who logs in.
        consent: bool,
    },
    Homeserver {
        homeserver: &'a str,
        versions: &'a [String],
        /// How the server metadata were found; `null` if there is no OAuth 2.0 API.
        metadata: Option<&'static str>,
    },
    Discovered {
        issuer: &'a str,
        endpoints: Map<String, Value>,
        pkce: bool,
        callback_iss: bool,
        /// Options that a login there seems to need.
        needs: &'a [String],
        /// Endpoints that the metadata list and that cannot be used, and why.
        unusable: Vec<Problem<'a>>,
        /// What else there is to know.
        notes: &'a [String],
    },
    Registered {
        issuer: &'a str,
        client_id: &'a str,
        auth_method: &'static str,
        /// It was in the store: nothing was asked of the provider.
        known: bool,
    },
    AuthorizationUrl {
        url: &'a str,
    },
    /// For the user of another device.
    DeviceCode {
        verification_uri: &'a str,
        /// `null` if the provider has none.
        verification_uri_complete: Option<&'a str>,
        user_code: &'a str,
        /// Seconds.
        expires_in: u64,
        /// Seconds that the command waits.
        deadline: u64,
        /// Whether the other device of a login by QR code opens the page.
        #[serde(skip)]
        by_qr_code: bool,
    },
    LoggedIn {
        #[serde(flatten)]
        session: Summary<'a>,
    },
    Session {
        #[serde(flatten)]
        session: Summary<'a>,
    },
    Refreshed {
        #[serde(flatten)]
        session: Summary<'a>,
    },
    /// A refresh failed, and the access token has not expired.
    Kept {
        session: &'a str,
        doubtful: bool,
        expires_in: Option<u64>,
    },
    /// What `watch` sees.
    Seen {
        session: &'a str,
        kind: &'static str,
        /// Why.
        #[serde(flatten)]
        problem: Option<Problem<'a>>,
        /// Until it is tried again.
        #[serde(skip_serializing_if = "Option::is_none")]
        seconds: Option<u64>,
    },
    Token {
        /// A client's own token belongs to none.
        #[serde(skip_serializing_if = "Option::is_none")]
        session: Option<&'a str>,
        /// `null` unless tokens may be shown.
        access_token: Option<&'a str>,
        token_type: &'static str,
        scope: &'a str,
        expires_in: Option<u64>,
        /// The provider may have ended it.
        doubtful: bool,
    },
    Userinfo {
        claims: &'a Map<String, Value>,
    },
    Whoami {
        user_id: &'a str,
        device_id: Option<&'a str>,
    },
    AccountUrl {
        url: &'a str,
        /// Those that the provider lists.
        actions: &'a [&'a str],
    },
    /// What a login by QR code is at.
    Progress {
        progress: &'static str,
        /// Seconds until the rendezvous ends, if its server says so.
        #[serde(skip_serializing_if = "Option::is_none")]
        rendezvous_expires_in: Option<u64>,
    },
    /// For the other device to scan.
    QrCode {
        text: &'a str,
        #[serde(skip)]
        symbol: &'a str,
    },
    /// For the user to type in at the other device.
    CheckCode {
        digits: &'a str,
    },
    /// Standard input is read for the response.
    Question {
        what: &'a str,
        question: &'a str,
    },
    /// It wants to be let in.
    NewDevice {
        device_id: &'a str,
        /// Where the user allows it at the provider.
        url: &'a str,
    },
    LetIn {
        device_id: &'a str,
        /// Whether it got the account's secrets.
        secrets: bool,
    },
    /// The other device handed the account's secrets over.
    Secrets {
        backup: bool,
        kept: bool,
    },
    LoggedOut {
        session: &'a str,
        /// `null` if the session was damaged.
        issuer: Option<&'a str>,
        subject: Option<&'a str>,
        revoked: bool,
        /// Why it was not revoked.
        #[serde(flatten)]
        problem: Option<Problem<'a>>,
    },
    EndSessionUrl {
        url: &'a str,
    },
    /// The narration of `--verbose` and of the demo.
    Step {
        name: &'a str,
    },
    Exchange {
        method: &'a str,
        /// Without its query.
        url: &'a str,
        /// `null` if no response came.
        status: Option<u16>,
    },
    Checked {
        what: &'a str,
    },
    Warning(Problem<'a>),
    Error(Problem<'a>),
}

/// What went wrong, and what is known about it.
#[derive(Debug, Serialize)]
pub(crate) struct Problem<'a> {
    pub(crate) fault: &'static str,
    pub(crate) code: &'static str,
    pub(crate) message: &'a str,
    /// Of the response that it was found in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    endpoint: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) field: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expected: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) found: Option<&'a str>,
    /// What to do.
    hint: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    recovery: Option<&'static str>,
    /// Seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) retry_after: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) provider: Option<Words<'a>>,
}

impl<'a> Problem<'a> {
    pub(crate) fn new(failure: &'a Failure) -> Self {
        let Failure { fault, code, message, hint, .. } = failure;
        let error = failure.error.as_ref();
        Self {
            fault,
            code,
            message,
            status: error.and_then(Error::status).map(|status| status.as_u16()),
            endpoint: error.and_then(Error::endpoint),
            field: error.and_then(Error::field),
            expected: error.and_then(Error::expected).map(Quote::as_str),
            found: error.and_then(Error::found).map(Quote::as_str),
            hint,
            recovery: error.map(|error| error.recovery().as_str()),
            retry_after: error.and_then(Error::retry_after).map(|after| after.as_secs()),
            provider: error.and_then(Error::provider_text).map(Words::new),
        }
    }
}

/// A session, without its secrets.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Summary<'a> {
    pub(crate) session: &'a str,
    pub(crate) issuer: &'a str,
    pub(crate) subject: &'a str,
    pub(crate) client_id: &'a str,
    pub(crate) scope: &'a str,
    /// Seconds; `null` if the provider did not say, 0 once the access token has expired.
    pub(crate) expires_in: Option<u64>,
    /// The provider may have ended the access token.
    pub(crate) doubtful: bool,
    /// Whether there is a refresh token.
    pub(crate) refreshable: bool,
    /// Seconds until the refresh token expires, if the provider said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) refresh_expires_in: Option<u64>,
    /// Seconds since the tokens were obtained.
    pub(crate) age: u64,
    /// The code of the provider's verdict, if the user has to log in again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) needs_login: Option<&'a str>,
    /// What to do where the session cannot be refreshed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) hint: Option<String>,
    /// The thumbprint of the key that the tokens are bound to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) dpop_thumbprint: Option<&'a str>,
    /// Of a Matrix session, whose subject is the user ID.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) homeserver: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) user_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) device_id: Option<&'a str>,
}

/// The provider's own words: cut and escaped, and not to be believed.
#[derive(Debug, Serialize)]
pub(crate) struct Words<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) uri: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) suberror: Option<&'a str>,
}

impl<'a> Words<'a> {
    fn new(text: &'a ProviderText) -> Self {
        let (error, suberror) = (text.error(), text.suberror());
        Self { error, description: text.description(), uri: text.uri(), suberror }
    }
}

impl<'a> Event<'a> {
    pub(crate) fn error(failure: &'a Failure) -> Self {
        Self::Error(Problem::new(failure))
    }

    pub(crate) fn warning(failure: &'a Failure) -> Self {
        Self::Warning(Problem::new(failure))
    }
}
