//! The authorization request (RFC 6749 section 4.1.1, OpenID Connect Core 1.0 section 3.1.2.1).

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use crate::base::secret::Secret;
use crate::base::url::Endpoint;
use crate::base::word_set::Words;
use crate::error::{Error, ErrorCode, Quote};
use crate::party::browser_parameters::OF_AUTHORIZATION;
use crate::party::client_auth::is_credential;
use crate::party::metadata::{Prompt, ResponseMode};
use crate::party::redirect_uri::RedirectUri;
use crate::token::id_token::IdToken;
use crate::token::scope::Scope;
use crate::wire::form::{self, Value};

/// An authorization request (RFC 6749 section 4.1.1, OpenID Connect Core 1.0 section 3.1.2.1). `client_id`, `state`,
/// `nonce` and the PKCE challenge are added when the login starts.
#[derive(Clone, Debug)]
pub struct AuthorizationRequest {
    pub(crate) redirect_uri: RedirectUri,
    pub(crate) scope: Scope,
    pub(crate) response_mode: Option<ResponseMode>,
    pub(crate) prompt: Words<Prompt>,
    pub(crate) other_prompts: Vec<String>,
    pub(crate) login_hint: Option<Secret>,
    /// The caller wants no `prompt` but its own.
    pub(crate) keeps_prompt: bool,
    pub(crate) display: Option<String>,
    pub(crate) max_age: Option<Duration>,
    pub(crate) ui_locales: Option<String>,
    pub(crate) acr_values: Vec<String>,
    pub(crate) acr_required: bool,
    pub(crate) id_token_hint: Option<IdToken>,
    pub(crate) extra: Vec<(String, Secret)>,
    pub(crate) lifetime: Duration,
}

/// How long a user may take to log in by default. It allows time for a second factor.
pub const LOGIN_LIFETIME: Duration = Duration::from_secs(15 * 60);

impl AuthorizationRequest {
    /// A request for this scope. If the scope contains `openid`, the login returns an ID token.
    pub fn new(redirect_uri: RedirectUri, scope: Scope) -> Self {
        Self {
            redirect_uri,
            scope,
            response_mode: None,
            prompt: Words::EMPTY,
            other_prompts: Vec::new(),
            keeps_prompt: false,
            login_hint: None,
            display: None,
            max_age: None,
            ui_locales: None,
            acr_values: Vec::new(),
            acr_required: false,
            id_token_hint: None,
            extra: Vec::new(),
            lifetime: LOGIN_LIFETIME,
        }
    }

    /// Sets `response_mode`. By default the provider uses the query.
    #[must_use]
    pub fn with_response_mode(mut self, mode: ResponseMode) -> Self {
        self.response_mode = Some(mode);
        self
    }

    /// Adds a `prompt` value.
    ///
    /// If no prompt is set, a request for `openid` and `offline_access` sends `prompt=consent`,
    /// unless the provider's `prompt_values_supported` lack it: without consent a provider must not
    /// give a refresh token for `offline_access` (OpenID Connect Core 1.0 section 11).
    /// [`without_prompt`](Self::without_prompt) prevents this.
    #[must_use]
    pub fn with_prompt(mut self, prompt: Prompt) -> Self {
        self.prompt = self.prompt.with(prompt);
        self
    }

    /// Adds a `prompt` value that this crate does not know.
    #[must_use]
    pub fn with_other_prompt(mut self, prompt: impl Into<String>) -> Self {
        self.other_prompts.push(prompt.into());
        self
    }

    /// Sends no `prompt`, also for `offline_access`: for a provider that remembers the user's consent.
    #[must_use]
    pub fn without_prompt(mut self) -> Self {
        (self.prompt, self.keeps_prompt) = (Words::EMPTY, true);
        self.other_prompts.clear();
        self
    }

    /// Sets `login_hint`: who is probably logging in.
    #[must_use]
    pub fn with_login_hint(mut self, hint: impl Into<String>) -> Self {
        self.login_hint = Some(Secret::new(hint));
        self
    }

    /// Sets `display`: `page`, `popup`, `touch` or `wap`.
    #[must_use]
    pub fn with_display(mut self, display: impl Into<String>) -> Self {
        self.display = Some(display.into());
        self
    }

    /// Sets `max_age`, in whole seconds. The ID token must then have `auth_time`, and `auth_time` must not be more than
    /// `max_age` before the start of this login.
    #[must_use]
    pub fn with_max_age(mut self, max_age: Duration) -> Self {
        self.max_age = Some(max_age);
        self
    }

    /// Sets `ui_locales`: language tags joined by spaces.
    #[must_use]
    pub fn with_ui_locales(mut self, locales: impl Into<String>) -> Self {
        self.ui_locales = Some(locales.into());
        self
    }

    /// Sets `acr_values`, in the order of preference. The ID token's `acr` must be one of these values.
    #[must_use]
    pub fn with_acr_values<T: Into<String>>(mut self, values: impl IntoIterator<Item = T>) -> Self {
        self.acr_values = values.into_iter().map(Into::into).collect();
        self.acr_required = true;
        self
    }

    /// Sets `acr_values` as a preference: the provider may ignore it (OpenID Connect Core 1.0 section 3.1.2.1). The ID
    /// token's `acr` is not checked; the application can read it.
    #[must_use]
    pub fn with_preferred_acr_values<T: Into<String>>(mut self, values: impl IntoIterator<Item = T>) -> Self {
        self.acr_values = values.into_iter().map(Into::into).collect();
        self.acr_required = false;
        self
    }

    /// Sets `id_token_hint`: the ID token of the user who should log in again. It is shown only to its own provider, by
    /// the client that it was issued to: a login at another one is refused.
    #[must_use]
    pub fn with_id_token_hint(mut self, id_token: &IdToken) -> Self {
        self.id_token_hint = Some(id_token.clone());
        self
    }

    /// Adds a parameter that this crate does not know.
    #[must_use]
    pub fn with_parameter(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.extra.push((name.into(), Secret::new(value)));
        self
    }

    /// Sets how long the user may take; by default 15 minutes.
    #[must_use]
    pub fn with_lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = lifetime;
        self
    }

    /// Whether the request sets this parameter, or this crate would.
    pub(crate) fn sets(&self, name: &str) -> bool {
        OF_AUTHORIZATION.contains(&name) || self.extra.iter().any(|(extra, _)| extra == name)
    }

    /// Whether the user has to consent (OpenID Connect Core 1.0 section 11), and the caller has not said what to ask
    /// for.
    pub(crate) fn needs_consent(&self) -> bool {
        let says_nothing = self.prompt.is_empty() && self.other_prompts.is_empty() && !self.keeps_prompt;
        says_nothing && self.scope.contains("openid") && self.scope.contains("offline_access")
    }

    /// Rules that do not depend on the provider.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let prompts = self.prompt.iter().count() + self.other_prompts.len();
        let is_value =
            |prompt: &String| !prompt.is_empty() && !prompt.contains(' ') && Prompt::from_name(prompt).is_none();
        if self.prompt.contains(Prompt::None) && prompts > 1 || !self.other_prompts.iter().all(is_value) {
            return Err(ErrorCode::AUTHORIZATION_PROMPT.into());
        }
        for (i, (name, _)) in self.extra.iter().enumerate() {
            let twice = self.extra.iter().skip(i + 1).any(|(other, _)| other == name);
            if name.is_empty() || twice || OF_AUTHORIZATION.contains(&name.as_str()) || is_credential(name) {
                return Err(refused_parameter(name, twice));
            }
        }
        Ok(())
    }
}

/// A parameter that the caller may not add, with its name and the reason.
pub(crate) fn refused_parameter(name: &str, is_twice: bool) -> Error {
    let found = match name {
        "" => Quote::library("a parameter without a name"),
        name if is_twice => Quote::caller(&format!("`{name}` twice")),
        name if name.starts_with("client_") => {
            Quote::caller(&format!("`{name}`, which comes from the client's configuration"))
        }
        name => Quote::caller(&format!("`{name}`, which this crate sets itself")),
    };
    Error::new(ErrorCode::AUTHORIZATION_PARAMETER).with_found(found)
}

/// The values that a login adds to its request. `state`, `nonce` and `code_challenge` are base64url.
pub(crate) struct Bound<'a> {
    pub(crate) client_id: &'a str,
    pub(crate) state: &'a str,
    pub(crate) nonce: Option<&'a str>,
    pub(crate) dpop_thumbprint: Option<&'a str>,
    pub(crate) code_challenge: &'a str,
}

/// Writes the parameters in their order: into the query of the endpoint, or into a form of their own.
pub(crate) fn write_parameters(
    endpoint: Option<&Endpoint>,
    request: &AuthorizationRequest,
    bound: &Bound<'_>,
) -> String {
    let known = request.prompt.iter().map(|prompt| -> &str { prompt.name() });
    let prompt = joined(known.chain(request.other_prompts.iter().map(String::as_str)));
    let max_age = request.max_age.map(|max_age| max_age.as_secs().to_string());
    let acr_values = joined(request.acr_values.iter().map(String::as_str));
    let own = [
        ("response_type", Some(Value::Encoded("code"))),
        ("client_id", Some(Value::Text(bound.client_id))),
        ("redirect_uri", Some(Value::Encoded(request.redirect_uri.encoded()))),
        ("scope", Some(request.scope.as_str()).filter(|scope| !scope.is_empty()).map(Value::Text)),
        ("state", Some(Value::Encoded(bound.state))),
        ("code_challenge", Some(Value::Encoded(bound.code_challenge))),
        ("code_challenge_method", Some(Value::Encoded("S256"))),
        ("nonce", bound.nonce.map(Value::Encoded)),
        ("dpop_jkt", bound.dpop_thumbprint.map(Value::Text)),
        ("response_mode", request.response_mode.map(ResponseMode::name).map(Value::Text)),
        ("prompt", prompt.as_deref().map(Value::Text)),
        ("login_hint", request.login_hint.as_ref().map(Secret::expose).map(Value::Text)),
        ("display", request.display.as_deref().map(Value::Text)),
        ("max_age", max_age.as_deref().map(Value::Text)),
        ("ui_locales", request.ui_locales.as_deref().map(Value::Text)),
        ("acr_values", acr_values.as_deref().map(Value::Text)),
        ("id_token_hint", request.id_token_hint.as_ref().and_then(IdToken::hint).map(Value::Text)),
    ];
    let given = request.extra.iter().map(|(name, value)| (name.as_str(), value.expose()));
    match endpoint {
        Some(endpoint) => form::url(endpoint, own, given),
        None => form::body(own, given, []),
    }
}

/// The words joined by spaces; `None` if there are none.
fn joined<'a>(words: impl Iterator<Item = &'a str>) -> Option<Cow<'a, str>> {
    words.fold(None, |all, word| Some(all.map_or(Cow::Borrowed(word), |all: Cow<'a, str>| all + " " + word)))
}

/// The URL for a request that was pushed (RFC 9126 section 4).
pub(crate) fn pushed_url(endpoint: &Endpoint, client_id: &str, request_uri: &str) -> AuthorizationUrl {
    let own = [("client_id", Some(Value::Text(client_id))), ("request_uri", Some(Value::Text(request_uri)))];
    AuthorizationUrl::new(form::url(endpoint, own, std::iter::empty()))
}

/// The URL to open in the user's browser. It contains the login's `state` and `nonce`: do not log it.
#[derive(Clone)]
pub struct AuthorizationUrl(Secret);

impl AuthorizationUrl {
    pub(crate) fn new(url: String) -> Self {
        Self(Secret::new(url))
    }

    /// The URL.
    pub fn as_str(&self) -> &str {
        self.0.expose()
    }
}

impl PartialEq for AuthorizationUrl {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for AuthorizationUrl {}

impl fmt::Debug for AuthorizationUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuthorizationUrl(…)")
    }
}

impl AsRef<str> for AuthorizationUrl {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl From<AuthorizationUrl> for String {
    fn from(url: AuthorizationUrl) -> Self {
        url.as_str().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_names_are_written_as_they_are() {
        for name in OF_AUTHORIZATION {
            let mut written = String::new();
            form::encode(&mut written, name);
            assert_eq!(written, name);
        }
    }
}
