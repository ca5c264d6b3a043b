//! What a login asks for. How it starts by browser stands in `login_start.rs`, on a device in `device_login.rs`.

use std::time::Duration;

use super::auth_server::AuthServer;
use super::awaited::Awaited;
use super::binding::Binding;
use super::id::{DeviceId, UserId};
use super::party::Party;
use super::scope::{ScopeForm, further_scope, login_scope};
use super::user_session::UserSession;
use crate::base::env::Env;
use crate::base::secret::Secret;
use crate::base::url::is_loopback;
use crate::base::word_set::Words;
use crate::error::{Error, ErrorCode, Quote};
use crate::message::authorization::{AuthorizationRequest, LOGIN_LIFETIME, Rare};
use crate::party::metadata::{Prompt, ResponseMode};
use crate::party::redirect_uri::RedirectUri;
use crate::token::id_token::IdToken;
use crate::token::scope::Scope;
use crate::token::token_set::TokenSet;

/// A login request. By default it requests a new device, and uses the scope form that the homeserver knows.
#[derive(Clone, Debug)]
pub struct LoginRequest {
    device_id: Option<DeviceId>,
    user_id: Option<UserId>,
    form: Option<ScopeForm>,
    further: Scope,
    prompt: Words<Prompt>,
    login_hint: Option<Secret>,
    response_mode: Option<ResponseMode>,
    lifetime: Duration,
    other_prompts: Vec<String>,
    display: Option<String>,
    max_age: Option<Duration>,
    ui_locales: Option<String>,
    acr_values: Vec<String>,
    id_token_hint: Option<IdToken>,
}

impl Default for LoginRequest {
    fn default() -> Self {
        Self::new()
    }
}

impl LoginRequest {
    /// A login with a new device.
    pub fn new() -> Self {
        Self {
            device_id: None,
            user_id: None,
            form: None,
            further: Scope::default(),
            prompt: Words::EMPTY,
            login_hint: None,
            response_mode: None,
            lifetime: LOGIN_LIFETIME,
            other_prompts: Vec::new(),
            display: None,
            max_age: None,
            ui_locales: None,
            acr_values: Vec::new(),
            id_token_hint: None,
        }
    }

    /// A new login of a known session: of the same user, with the same device and the same further scope values, and
    /// with the session's ID token as a hint if it has one. A login of another user or device is refused, and the
    /// session does not change.
    pub fn again(session: &UserSession) -> Self {
        Self::again_with(session.binding(), session.tokens())
    }

    fn again_with(binding: &Binding, tokens: &TokenSet) -> Self {
        let (user_id, device_id) = (binding.user_id(), binding.device_id().clone());
        let request = Self { user_id: Some(user_id.clone()), device_id: Some(device_id), ..Self::new() };
        let request = request.with_login_hint_for(user_id).with_further_scope(&further_scope(tokens.scope()));
        match tokens.id_token() {
            Some(id_token) => request.with_id_token_hint(id_token),
            None => request,
        }
    }

    /// The device to log in with, instead of a new one.
    #[must_use]
    pub fn with_device_id(self, device_id: DeviceId) -> Self {
        Self { device_id: Some(device_id), ..self }
    }

    /// Sets the spelling of the scope values. By default it depends on the version of the homeserver.
    #[must_use]
    pub fn with_scope_form(self, form: ScopeForm) -> Self {
        Self { form: Some(form), ..self }
    }

    /// Adds scope values to those that the request has already, for example `openid` or values that a homeserver
    /// defines. It also gets more authorization for a session that is still valid; the session then adopts the new login
    /// ([`Session::adopt`](super::Session::adopt)).
    #[must_use]
    pub fn with_further_scope(self, further: &Scope) -> Self {
        Self { further: self.further.union(further), ..self }
    }

    /// Asks for a new account (`prompt=create`).
    #[must_use]
    pub fn with_account_creation(self) -> Self {
        self.with_prompt(Prompt::Create)
    }

    /// One more `prompt` value.
    #[must_use]
    pub fn with_prompt(self, prompt: Prompt) -> Self {
        Self { prompt: self.prompt.with(prompt), ..self }
    }

    /// A `prompt` value that this crate does not know.
    #[must_use]
    pub fn with_other_prompt(mut self, prompt: impl Into<String>) -> Self {
        self.other_prompts.push(prompt.into());
        self
    }

    /// How the pages are shown (`display`): `page`, `popup`, `touch` or `wap`.
    #[must_use]
    pub fn with_display(self, display: impl Into<String>) -> Self {
        Self { display: Some(display.into()), ..self }
    }

    /// How long ago the user may have authenticated at the provider (`max_age`), in whole seconds. The provider sees to
    /// it; with the scope `openid` the ID token proves it.
    #[must_use]
    pub fn with_max_age(self, max_age: Duration) -> Self {
        Self { max_age: Some(max_age), ..self }
    }

    /// The languages of the pages (`ui_locales`): language tags joined by spaces.
    #[must_use]
    pub fn with_ui_locales(self, locales: impl Into<String>) -> Self {
        Self { ui_locales: Some(locales.into()), ..self }
    }

    /// How the user should authenticate (`acr_values`), in the order of preference. The provider may ignore it.
    #[must_use]
    pub fn with_preferred_acr_values<T: Into<String>>(self, values: impl IntoIterator<Item = T>) -> Self {
        Self { acr_values: values.into_iter().map(Into::into).collect(), ..self }
    }

    /// The ID token of the user who should log in (`id_token_hint`). It is sent only to its own provider, by the client
    /// that it was made for.
    #[must_use]
    pub fn with_id_token_hint(self, id_token: &IdToken) -> Self {
        Self { id_token_hint: Some(id_token.clone()), ..self }
    }

    /// Who is probably logging in (`login_hint`).
    #[must_use]
    pub fn with_login_hint(self, hint: impl Into<String>) -> Self {
        Self { login_hint: Some(Secret::new(hint)), ..self }
    }

    /// Sets `login_hint` to a user ID.
    #[must_use]
    pub fn with_login_hint_for(self, user_id: &UserId) -> Self {
        self.with_login_hint(user_id.hint())
    }

    /// Sets `response_mode`. By default it is `fragment` for an `https` redirect URI on another host, so that the code
    /// does not get into that server's logs, and `query` otherwise.
    #[must_use]
    pub fn with_response_mode(self, mode: ResponseMode) -> Self {
        Self { response_mode: Some(mode), ..self }
    }

    /// How long the user may take; by default 15 minutes.
    #[must_use]
    pub fn with_lifetime(self, lifetime: Duration) -> Self {
        Self { lifetime, ..self }
    }

    /// What to ask the provider, and what to remember beside it.
    pub(super) fn prepare(
        self,
        redirect_uri: RedirectUri,
        party: &Party,
        env: &mut dyn Env,
    ) -> Result<(AuthorizationRequest, Awaited<()>), Error> {
        let server = party.server();
        let (device_id, scope) = self.bind(party, env)?;
        if let Some(offered) = server.provider.metadata().prompt_values
            && let Some(prompt) = self.prompt.iter().find(|&prompt| !offered.contains(prompt))
        {
            let error = Error::new(ErrorCode::METADATA_UNSUPPORTED).at("prompt_values_supported");
            return Err(error.with_expected(Quote::library(prompt.name())));
        }
        let mode = self.response_mode.unwrap_or_else(|| response_mode(&redirect_uri));
        let mut request =
            AuthorizationRequest::new(redirect_uri, scope).with_response_mode(mode).with_lifetime(self.lifetime);
        request = self.prompt.iter().fold(request, AuthorizationRequest::with_prompt);
        let is_own =
            |hint: &IdToken| hint.issuer() == server.provider.issuer().as_str() && hint.is_for(party.client().id());
        let request = AuthorizationRequest {
            login_hint: self.login_hint,
            rare: Some(Box::new(Rare {
                other_prompts: self.other_prompts,
                display: self.display,
                max_age: self.max_age,
                ui_locales: self.ui_locales,
                acr_values: self.acr_values,
                id_token_hint: self.id_token_hint.filter(is_own),
                ..Rare::default()
            })),
            ..request
        };
        Ok((request, Awaited::new(server.homeserver.clone(), device_id, self.user_id)))
    }

    /// The device, made if none is given, and the scope of a login for it.
    pub(super) fn bind(&self, party: &Party, env: &mut dyn Env) -> Result<(DeviceId, Scope), Error> {
        let server: &AuthServer = party.server();
        // A provider that does not know DPoP would give tokens that are not bound, after the user has logged in.
        if party.client().dpop().is_some() && server.provider.metadata().dpop_signing_algorithms.is_none() {
            return Err(Error::new(ErrorCode::METADATA_UNSUPPORTED).at("dpop_signing_alg_values_supported"));
        }
        let device_id = self.device_id.clone().unwrap_or_else(|| DeviceId::random(env.rng()));
        let form = self.form.unwrap_or_else(|| server.scope_form());
        let scope = login_scope(form, &device_id, &self.further)?;
        Ok((device_id, scope))
    }

    pub(super) fn user(self) -> Option<UserId> {
        self.user_id
    }
}

impl Binding {
    /// The request for a new login of the same user and device, for a session whose grant has ended:
    /// [`LoginRequest::again`] for the session's last tokens, whose further scope values and ID token it takes.
    pub fn login_again(&self, tokens: &TokenSet) -> LoginRequest {
        LoginRequest::again_with(self, tokens)
    }
}

/// `fragment` for a page at another host, `query` for everything that is on this machine.
fn response_mode(redirect_uri: &RedirectUri) -> ResponseMode {
    let url = redirect_uri.url();
    if url.scheme() == "https" && !is_loopback(url) { ResponseMode::Fragment } else { ResponseMode::Query }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_page_elsewhere_gets_the_response_in_the_fragment() {
        for (uri, mode) in [
            ("https://app.example.org/cb", ResponseMode::Fragment),
            ("https://localhost.example.org/cb", ResponseMode::Fragment),
            ("https://localhost/cb", ResponseMode::Query),
            ("https://127.0.0.1:8443/cb", ResponseMode::Query),
            ("https://[::1]/cb", ResponseMode::Query),
            ("http://127.0.0.1/cb", ResponseMode::Query),
            ("org.example.app:/cb", ResponseMode::Query),
        ] {
            assert_eq!(response_mode(&RedirectUri::new(uri).unwrap()), mode, "{uri}");
        }
    }
}
