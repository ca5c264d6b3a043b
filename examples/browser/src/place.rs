//! A provider, or a Matrix homeserver with its provider: where users log in.

use std::sync::Arc;
use std::time::Duration;

use oidc_proto::adapter::Driver;
use oidc_proto::adapter::browser::{BrowserEnv, BrowserTimer, Client, WebCryptoKeys};
use oidc_proto::flow::{Registration, ServerMetadataFetch};
use oidc_proto::jose::Algorithm;
use oidc_proto::matrix::{
    Address, Application, AuthServer, DeviceId, LoginOutcome, LoginRequest, Party, PendingLogin, SupportCheck, UserId,
    UserSession,
};
use oidc_proto::{
    ApplicationType, AuthorizationRequest, Callback, ClientMetadata, DpopKey, Env as _, Error, GrantType, Issuer,
    PendingAuthorization, Provider, ProviderOptions, RedirectUri, Registrations, RelyingParty, Schemes, Scope,
    TokenOutcome,
};
use serde_json::json;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::live::Live;
use crate::thrown::thrown;

pub(crate) type Http = Driver<Client, BrowserTimer, WebCryptoKeys>;

/// A page is served over `https`, or on loopback while it is developed. So is its provider.
const SCHEMES: Schemes = Schemes::DangerousHttpOnLoopback;

/// For a person who waits.
const PATIENCE: Duration = Duration::from_secs(15);

/// Where users log in, for one redirect URI.
#[wasm_bindgen]
pub struct Place {
    driver: Http,
    at: At,
    redirect_uri: RedirectUri,
    key: Option<Arc<DpopKey>>,
}

#[allow(clippy::large_enum_variant, reason = "there is one")]
enum At {
    Provider(Provider),
    Homeserver(Arc<AuthServer>),
}

/// The client in use.
enum Who {
    Party(RelyingParty),
    Home(Party),
}

#[wasm_bindgen]
impl Place {
    /// Reads the provider's metadata. `key` names the key that tokens are bound to, where the provider supports that.
    pub async fn provider(issuer: String, redirect_uri: String, key: String) -> Result<Self, JsValue> {
        let options = ProviderOptions::new().with_schemes(SCHEMES);
        let issuer = Issuer::new(&issuer, SCHEMES).map_err(thrown)?;
        let step = ServerMetadataFetch::start(issuer, options).map_err(thrown)?;
        let found = driver().run(step, &mut env()?).await.map_err(thrown)?;
        Self::at(At::Provider(found.provider), &redirect_uri, &key).await
    }

    /// Finds a homeserver by its URL or by the name of its server, and reads its provider's metadata.
    /// It has no tokens that are bound to a key.
    pub async fn homeserver(address: String, redirect_uri: String) -> Result<Self, JsValue> {
        let options = ProviderOptions::new().with_schemes(SCHEMES);
        let address = Address::parse(&address, SCHEMES).map_err(thrown)?;
        let step = SupportCheck::start(address, options).map_err(thrown)?;
        let checkup = driver().run(step, &mut env()?).await.map_err(thrown)?;
        Self::at(At::Homeserver(checkup.support.supported().map_err(thrown)?), &redirect_uri, "").await
    }

    async fn at(at: At, redirect_uri: &str, key: &str) -> Result<Self, JsValue> {
        let redirect_uri = RedirectUri::new(redirect_uri).map_err(thrown)?;
        let mut place = Self { driver: driver(), at, redirect_uri, key: None };
        let algorithms = place.issuer_metadata().dpop_signing_algorithms;
        if !key.is_empty() && algorithms.is_some_and(|algorithms| algorithms.contains(Algorithm::Es256)) {
            let made = WebCryptoKeys.key(key, Algorithm::Es256).await.and_then(DpopKey::new);
            place.key = Some(made.map_err(thrown)?);
        }
        Ok(place)
    }

    /// The issuer, for a person to read.
    #[wasm_bindgen(getter)]
    pub fn issuer(&self) -> String {
        self.issuer_metadata().issuer.as_str().to_owned()
    }

    /// The homeserver's URL, if this is one.
    #[wasm_bindgen(getter)]
    pub fn home(&self) -> Option<String> {
        match &self.at {
            At::Provider(_) => None,
            At::Homeserver(server) => Some(server.homeserver.as_str().to_owned()),
        }
    }

    /// Whether tokens are bound to the key.
    #[wasm_bindgen(getter)]
    pub fn binds(&self) -> bool {
        self.key.is_some()
    }

    /// Registers a client for one login. Returns its ID.
    pub async fn register(
        &self,
        name: String,
        client_uri: Option<String>,
        logged_out_uri: Option<String>,
    ) -> Result<String, JsValue> {
        let mut metadata = self.metadata(name).map_err(thrown)?;
        if let Some(uri) = client_uri {
            metadata = metadata.with_client_uri(uri);
        }
        if let Some(uri) = logged_out_uri {
            metadata = metadata.with_post_logout_redirect_uri(RedirectUri::new(&uri).map_err(thrown)?);
        }
        let step = match &self.at {
            At::Provider(provider) => Registration::start(provider, metadata),
            // Its rules hold before anything is sent.
            At::Homeserver(server) => {
                let application = Application::new(metadata, Registrations::default()).map_err(thrown)?;
                application.register(server)
            }
        };
        let registered = self.driver.run(step.map_err(thrown)?, &mut env()?).await.map_err(thrown)?;
        Ok(registered.client_id().to_owned())
    }

    /// What is to be registered. A page on loopback counts as a native application: only they may have `http`.
    fn metadata(&self, name: String) -> Result<ClientMetadata, Error> {
        let uri = self.redirect_uri.as_str();
        let is_web = uri.starts_with("https:");
        let kind = if is_web { ApplicationType::Web } else { ApplicationType::Native };
        let uri = match &self.at {
            // Any port is accepted in a login, for which none may be registered (RFC 8252 section 7.3).
            At::Homeserver(_) if !is_web => RedirectUri::new(&without_port(uri))?,
            _ => self.redirect_uri.clone(),
        };
        let metadata =
            ClientMetadata::new(kind, vec![uri]).with_client_name(name).with_grant_type(GrantType::RefreshToken);
        Ok(metadata.with_token_endpoint_auth_method(oidc_proto::AuthMethod::None))
    }

    /// Begins a login. Returns where the user goes, the name to keep the login under, and the login, in JSON.
    pub fn begin(&self, client_id: &str, scope: &str, hint: Option<String>) -> Result<String, JsValue> {
        let mut env = env()?;
        let scope = if scope.is_empty() { Scope::default() } else { Scope::new(scope).map_err(thrown)? };
        let uri = self.redirect_uri.clone();
        let (url, key, pending) = match self.who(client_id) {
            Who::Party(party) => {
                let request = AuthorizationRequest::new(uri, scope);
                let request = hint.into_iter().fold(request, AuthorizationRequest::with_login_hint);
                let (url, pending) = party.authorize(request, &mut env).map_err(thrown)?;
                (url, pending.key(), serde_json::to_string(&pending))
            }
            Who::Home(party) => {
                let request = LoginRequest::new().with_further_scope(scope);
                let request = hint.into_iter().fold(request, LoginRequest::with_login_hint);
                let (url, pending) = request.start(uri, &party, &mut env).map_err(thrown)?;
                (url, pending.key(), serde_json::to_string(&pending))
            }
        };
        let pending = pending.map_err(|error| error.to_string())?;
        Ok(json!({ "url": url.as_str(), "key": key, "pending": pending }).to_string())
    }

    /// Takes the callback of a login. The session is stored under `name`. Tokens that cannot be trusted are revoked.
    pub async fn finish(&self, client_id: String, url: String, pending: String, name: String) -> Result<Live, JsValue> {
        let mut env = env()?;
        let callback = Callback::from_url(&url).map_err(thrown)?;
        let (party, tokens, binding) = match self.who(&client_id) {
            Who::Party(party) => {
                let pending = PendingAuthorization::from_json(&pending).map_err(thrown)?;
                let verified = party.check(&pending, &callback, env.now()).map_err(thrown)?;
                let step = party.redeem(pending, verified, &mut env).map_err(thrown)?;
                match self.driver.run(step, &mut env).await.map_err(thrown)? {
                    TokenOutcome::Verified(granted) => (party, granted.tokens, None),
                    TokenOutcome::Unverified { error, tokens } => {
                        if let Ok(step) = tokens.revoke(&mut env) {
                            let _ = self.driver.run(step, &mut env).await;
                        }
                        return Err(thrown(error));
                    }
                }
            }
            Who::Home(party) => {
                let pending = PendingLogin::from_json(&pending).map_err(thrown)?;
                let verified = pending.check(&callback, &party, env.now()).map_err(thrown)?;
                let step = pending.redeem(verified, &party, &mut env).map_err(thrown)?;
                match self.driver.run(step, &mut env).await.map_err(thrown)? {
                    LoginOutcome::LoggedIn(login) => {
                        let (tokens, binding) = (login.session.tokens().clone(), login.session.binding().clone());
                        (party.relying_party().clone(), tokens, Some(binding))
                    }
                    LoginOutcome::Refused { error, tokens } => {
                        if let Ok(step) = tokens.revoke(&mut env) {
                            let _ = self.driver.run(step, &mut env).await;
                        }
                        return Err(thrown(error));
                    }
                }
            }
        };
        Live::begin(self.driver.clone(), party, binding, tokens, &name, env).await
    }

    /// The session that is stored under `name`, if there is one. A homeserver's has a user and a device.
    pub async fn resume(
        &self,
        client_id: String,
        name: String,
        user_id: Option<String>,
        device_id: Option<String>,
    ) -> Result<Option<Live>, JsValue> {
        let (party, bound) = match self.who(&client_id) {
            Who::Party(party) => (party, None),
            Who::Home(party) => {
                let user = UserId::new(&user_id.unwrap_or_default()).map_err(thrown)?;
                let device = DeviceId::new(&device_id.unwrap_or_default()).map_err(thrown)?;
                (party.relying_party().clone(), Some((party.homeserver().clone(), user, device)))
            }
        };
        let bind =
            |tokens| bound.map(|(home, user, device)| UserSession::new(home, user, device, tokens).binding().clone());
        Live::resume(self.driver.clone(), party, bind, &name, env()?).await
    }
}

impl Place {
    fn issuer_metadata(&self) -> &oidc_proto::ServerMetadata {
        match &self.at {
            At::Provider(provider) => provider.metadata(),
            At::Homeserver(server) => server.provider.metadata(),
        }
    }

    fn who(&self, client_id: &str) -> Who {
        let mut client = oidc_proto::Client::new(client_id).with_redirect_uri(self.redirect_uri.clone());
        if let Some(key) = &self.key {
            client = client.with_dpop(key.clone());
        }
        match &self.at {
            At::Provider(provider) => Who::Party(RelyingParty::new(provider.clone(), client)),
            At::Homeserver(server) => Who::Home(Party::new(server.clone(), client)),
        }
    }
}

fn without_port(uri: &str) -> String {
    let Some((scheme, rest)) = uri.split_once("://") else { return uri.to_owned() };
    let at = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(at);
    let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
    format!("{scheme}://{host}{path}")
}

fn driver() -> Http {
    Driver::new(Client::new().with_timeout(PATIENCE)).with_timer(BrowserTimer).with_keys(WebCryptoKeys)
}

pub(crate) fn env() -> Result<BrowserEnv, JsValue> {
    BrowserEnv::new().map_err(thrown)
}
