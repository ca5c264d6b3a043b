//! Logout at the provider, started by the client (OpenID Connect RP-Initiated Logout 1.0).

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use url::{Position, Url};

use super::callback;
use crate::base::env::Env;
use crate::base::secret::{self, Secret};
use crate::base::versioned::{self, Version};
use crate::error::{Error, ErrorCode, Quote};
use crate::party::options::Deviation;
use crate::party::redirect_uri::RedirectUri;
use crate::party::relying_party::RelyingParty;
use crate::token::id_token::IdToken;
use crate::wire::form::{self, Value};

/// The parameters of a logout request (RP-Initiated Logout 1.0 section 2).
#[derive(Clone, Debug, Default)]
pub struct EndSessionRequest {
    id_token_hint: Option<IdToken>,
    logout_hint: Option<Secret>,
    post_logout_redirect_uri: Option<RedirectUri>,
    ui_locales: Option<String>,
}

impl EndSessionRequest {
    /// A request without hints: the provider asks the user whom to log out.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets `id_token_hint`: the ID token of the login to end. Without an ID token many providers
    /// ask the user. An ID token whose text the session did not keep
    /// (`SessionOptions::with_id_token_text`) is not sent.
    #[must_use]
    pub fn with_id_token_hint(mut self, id_token: &IdToken) -> Self {
        self.id_token_hint = Some(id_token.clone());
        self
    }

    /// Sets `logout_hint`: who is logging out.
    #[must_use]
    pub fn with_logout_hint(mut self, hint: impl Into<String>) -> Self {
        self.logout_hint = Some(Secret::new(hint));
        self
    }

    /// Sets `post_logout_redirect_uri`: a registered URI to which the provider sends the browser after the logout.
    #[must_use]
    pub fn with_post_logout_redirect_uri(mut self, uri: RedirectUri) -> Self {
        self.post_logout_redirect_uri = Some(uri);
        self
    }

    /// Sets `ui_locales`: language tags joined by spaces.
    #[must_use]
    pub fn with_ui_locales(mut self, locales: impl Into<String>) -> Self {
        self.ui_locales = Some(locales.into());
        self
    }
}

impl RelyingParty {
    /// Returns the URL that logs the user out at the provider, and the logout to check the browser's return against.
    /// Open the URL in the user's browser.
    ///
    /// # Errors
    /// `end_session.unsupported`; `provider.mismatch`, `client.mismatch` if the ID token is another provider's or
    /// client's.
    pub fn end_session(
        &self,
        request: EndSessionRequest,
        env: &mut dyn Env,
    ) -> Result<(EndSessionUrl, PendingLogout), Error> {
        let metadata = self.provider().metadata();
        let endpoint = metadata.endpoint(
            &metadata.end_session_endpoint,
            "end_session_endpoint",
            ErrorCode::END_SESSION_UNSUPPORTED,
        )?;
        request.id_token_hint.as_ref().map_or(Ok(()), |id_token| self.check_hint(id_token))?;
        let state = Secret::random(env.rng());
        let redirects = request.post_logout_redirect_uri.is_some();
        let optional = [
            ("id_token_hint", request.id_token_hint.as_ref().and_then(IdToken::hint)),
            ("logout_hint", request.logout_hint.as_ref().map(Secret::expose)),
            ("client_id", Some(self.client().id())),
            ("post_logout_redirect_uri", request.post_logout_redirect_uri.as_ref().map(RedirectUri::as_str)),
            ("state", redirects.then(|| state.expose())),
            ("ui_locales", request.ui_locales.as_deref()),
        ]
        .map(|(name, value)| (name, value.map(Value::Text)));
        let url = form::url(endpoint, optional, std::iter::empty());
        Ok((EndSessionUrl(Secret::new(url)), PendingLogout { state, redirect_uri: request.post_logout_redirect_uri }))
    }

    /// Whether the ID token is of this provider and for this client: nobody else is shown it.
    ///
    /// # Errors
    /// `provider.mismatch`, `client.mismatch`.
    pub(crate) fn check_hint(&self, id_token: &IdToken) -> Result<(), Error> {
        let mismatch = |code, own: &str, other: &str| {
            Err(Error::new(code).with_expected(Quote::caller(own)).with_found(Quote::caller(other)))
        };
        let (issuer, client_id) = (self.provider().issuer().as_str(), self.client().id());
        // With an issuer of its own for each tenant.
        let is_template = self.provider().options().accepts(Deviation::TenantIssuer) && issuer.contains("{tenantid}");
        if id_token.issuer() != issuer && !is_template {
            return mismatch(ErrorCode::PROVIDER_MISMATCH, issuer, id_token.issuer());
        }
        if !id_token.is_for(client_id) {
            let audience: Vec<_> = id_token.audience().collect();
            return mismatch(ErrorCode::CLIENT_MISMATCH, client_id, &audience.join(" "));
        }
        Ok(())
    }
}

/// The URL to open in the user's browser. It can contain the ID token: do not log it.
#[derive(Clone)]
pub struct EndSessionUrl(Secret);

impl EndSessionUrl {
    /// The URL.
    pub fn as_str(&self) -> &str {
        self.0.expose()
    }

    /// Whether it has more than 2,000 characters, which some browsers and servers refuse: most likely a large ID token
    /// is in it. [`EndSessionRequest::with_logout_hint`] in its place makes the URL shorter.
    pub fn is_long(&self) -> bool {
        self.as_str().len() > 2000
    }
}

impl AsRef<str> for EndSessionUrl {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Debug for EndSessionUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EndSessionUrl(…)")
    }
}

/// A logout from which the user's browser has not come back yet.
///
/// It implements serde and has a version. The JSON has about 150 bytes. It contains `state` in clear text: bind the
/// value to the user's browser, and delete it once the browser has come back.
#[derive(Clone, Debug)]
pub struct PendingLogout {
    state: Secret,
    redirect_uri: Option<RedirectUri>,
}

impl PendingLogout {
    /// Reads a stored logout.
    ///
    /// # Errors
    /// `stored.version`, `stored.malformed`.
    pub fn from_json(json: &str) -> Result<Self, Error> {
        versioned::from_json(json)
    }

    /// Checks that the browser came back from this logout (RP-Initiated Logout 1.0 section 3).
    ///
    /// # Errors
    /// `end_session.state_mismatch`; `callback.too_large`, `callback.malformed`, `callback.redirect_uri`.
    pub fn check(&self, callback_url: &str) -> Result<(), Error> {
        callback::check_size(callback_url)?;
        let url = Url::parse(callback_url).map_err(|_| ErrorCode::CALLBACK_MALFORMED)?;
        if !self.redirect_uri.as_ref().is_some_and(|uri| uri.is_target_of(&url[..Position::AfterPath])) {
            let error = Error::new(ErrorCode::CALLBACK_REDIRECT_URI).with_found(Quote::provider_url(callback_url));
            return Err(match &self.redirect_uri {
                Some(uri) => error.with_expected(Quote::caller(uri.as_str())),
                None => error,
            });
        }
        let mut states = form::pairs(url.query().unwrap_or("")).filter(|(name, _)| name == "state");
        match (states.next(), states.next()) {
            (Some((_, state)), None) if self.state.matches(&state) => Ok(()),
            _ => Err(ErrorCode::END_SESSION_STATE_MISMATCH.into()),
        }
    }
}

#[derive(Serialize, Deserialize)]
struct StoredLogout {
    version: Version,
    #[serde(serialize_with = "secret::store")]
    state: Secret,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    post_logout_redirect_uri: Option<String>,
}

impl Serialize for PendingLogout {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let post_logout_redirect_uri = self.redirect_uri.as_ref().map(|uri| uri.as_str().to_owned());
        StoredLogout { version: Version, state: self.state.clone(), post_logout_redirect_uri }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for PendingLogout {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let StoredLogout { state, post_logout_redirect_uri, .. } = StoredLogout::deserialize(deserializer)?;
        let malformed = || de::Error::custom(ErrorCode::STORED_MALFORMED);
        if state.expose().is_empty() {
            return Err(malformed());
        }
        let redirect_uri = post_logout_redirect_uri.map(|uri| RedirectUri::new(&uri).map_err(|_| malformed()));
        Ok(Self { state, redirect_uri: redirect_uri.transpose()? })
    }
}
