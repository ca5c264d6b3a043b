//! A provider, or a Matrix homeserver with its provider: where users log in.

use std::sync::Arc;
use std::time::Duration;

use oidc_proto::adapter::Driver;
use oidc_proto::adapter::browser::{BrowserEnv, BrowserTimer, Client, WebCryptoKeys, log_in_by_redirect};
use oidc_proto::flow::{Registration, Revocation, ServerMetadataFetch};
use oidc_proto::jose::Algorithm;
use oidc_proto::matrix::{
    Address, Application, AuthServer, LoginOutcome, LoginRequest, Party, PendingLogin, SupportCheck,
};
use oidc_proto::{
    ApplicationType, AuthorizationRequest, ClientMetadata, DpopKey, Env as _, Error, GrantType, Issuer,
    PendingAuthorization, Provider, ProviderOptions, RedirectUri, Registrations, RelyingParty, Schemes, Scope, Step,
    TokenOutcome,
};
use serde::{Deserialize, Serialize};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::Returned;
use crate::live::Live;
use crate::thrown::thrown;

pub(crate) type Http = Driver<Client, BrowserTimer, WebCryptoKeys>;

/// For a person who waits.
pub(crate) const PATIENCE: Duration = Duration::from_secs(15);

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

/// What is kept of a login until its callback, in the session storage of the tab.
#[derive(Serialize, Deserialize)]
struct Kept<P> {
    client_id: String,
    /// What the application has given along, in JSON.
    state: Option<String>,
    pending: P,
}

#[wasm_bindgen]
impl Place {
    /// Reads the provider's metadata. `key` names the key that tokens are bound to, where the provider supports that.
    /// `insecure_loopback` allows `http` on loopback.
    pub async fn provider(
        issuer: String,
        redirect_uri: String,
        key: String,
        insecure_loopback: bool,
    ) -> Result<Self, JsValue> {
        let schemes = schemes(insecure_loopback);
        let options = ProviderOptions::new().with_schemes(schemes);
        let issuer = Issuer::new(&issuer, schemes).map_err(thrown)?;
        let step = ServerMetadataFetch::start(issuer, options).map_err(thrown)?;
        let found = driver().run(step, &mut env()?).await.map_err(thrown)?;
        Self::at(At::Provider(found.provider), &redirect_uri, &key).await
    }

    /// Finds a homeserver by its URL or by the name of its server, and reads its provider's metadata.
    /// It has no tokens that are bound to a key.
    pub async fn homeserver(address: String, redirect_uri: String, insecure_loopback: bool) -> Result<Self, JsValue> {
        let schemes = schemes(insecure_loopback);
        let options = ProviderOptions::new().with_schemes(schemes);
        let address = Address::parse(&address, schemes).map_err(thrown)?;
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

    /// Begins a login, and sends the page to the provider. `state` comes back with its end.
    pub fn log_in(
        &self,
        client_id: String,
        scope: &str,
        hint: Option<String>,
        state: Option<String>,
    ) -> Result<(), JsValue> {
        let mut env = env()?;
        let scope = if scope.is_empty() { Scope::default() } else { Scope::new(scope).map_err(thrown)? };
        let uri = self.redirect_uri.clone();
        let client = self.client(&client_id);
        match &self.at {
            At::Provider(provider) => {
                let party = RelyingParty::new(provider.clone(), client);
                let request = AuthorizationRequest::new(uri, scope);
                let request = hint.into_iter().fold(request, AuthorizationRequest::with_login_hint);
                let (url, pending) = party.authorize(request, &mut env).map_err(thrown)?;
                log_in_by_redirect(&url, &pending.key(), &Kept { client_id, state, pending }).map_err(thrown)
            }
            At::Homeserver(server) => {
                let party = Party::new(server.clone(), client);
                let request = LoginRequest::new().with_further_scope(&scope);
                let request = hint.into_iter().fold(request, LoginRequest::with_login_hint);
                let (url, pending) = request.start(uri, &party, &mut env).map_err(thrown)?;
                log_in_by_redirect(&url, &pending.key(), &Kept { client_id, state, pending }).map_err(thrown)
            }
        }
    }

    /// Ends the login of a callback. The session is stored under `name`. Tokens that cannot be trusted are revoked.
    pub async fn finish(&self, returned: Returned, name: String) -> Result<LoggedIn, JsValue> {
        let mut env = env()?;
        let (live, client_id, state) = match &self.at {
            At::Provider(provider) => {
                let (kept, callback) = returned.0.into_login().map_err(thrown)?;
                let Kept::<PendingAuthorization> { client_id, state, pending } = kept;
                let party = RelyingParty::new(provider.clone(), self.client(&client_id));
                let verified = party.check(&pending, &callback, env.now()).map_err(thrown)?;
                let step = party.redeem(pending, verified, &mut env).map_err(thrown)?;
                let tokens = match self.driver.run(step, &mut env).await.map_err(thrown)? {
                    TokenOutcome::Verified(granted) => granted.tokens,
                    TokenOutcome::Unverified { error, tokens } => {
                        self.revoke(tokens.revoke(&mut env), &mut env).await;
                        return Err(thrown(error));
                    }
                };
                (Live::begin(self.driver.clone(), party, None, tokens, &name, env).await?, client_id, state)
            }
            At::Homeserver(server) => {
                let (kept, callback) = returned.0.into_login().map_err(thrown)?;
                let Kept::<PendingLogin> { client_id, state, pending } = kept;
                let party = Party::new(server.clone(), self.client(&client_id));
                let verified = pending.check(&callback, &party, env.now()).map_err(thrown)?;
                let step = pending.redeem(verified, &party, &mut env).map_err(thrown)?;
                let session = match self.driver.run(step, &mut env).await.map_err(thrown)? {
                    LoginOutcome::LoggedIn(login) => login.session,
                    LoginOutcome::Refused { error, tokens } => {
                        self.revoke(tokens.revoke(&mut env), &mut env).await;
                        return Err(thrown(error));
                    }
                };
                let (party, tokens) = (party.relying_party().clone(), session.tokens().clone());
                let binding = Some(session.binding().clone());
                (Live::begin(self.driver.clone(), party, binding, tokens, &name, env).await?, client_id, state)
            }
        };
        Ok(LoggedIn { live, client_id, state })
    }

    /// The session that is stored under `name`, if there is one. Whose it is at a homeserver, the homeserver says.
    pub async fn resume(&self, client_id: String, name: String) -> Result<Option<Live>, JsValue> {
        let (driver, client) = (self.driver.clone(), self.client(&client_id));
        match &self.at {
            At::Provider(provider) => {
                Live::resume(driver, RelyingParty::new(provider.clone(), client), None, &name).await
            }
            At::Homeserver(server) => {
                let home = Party::new(server.clone(), client);
                Live::resume(driver, home.relying_party().clone(), Some(&home), &name).await
            }
        }
    }
}

impl Place {
    fn issuer_metadata(&self) -> &oidc_proto::ServerMetadata {
        match &self.at {
            At::Provider(provider) => provider.metadata(),
            At::Homeserver(server) => server.provider.metadata(),
        }
    }

    fn client(&self, client_id: &str) -> oidc_proto::Client {
        let client = oidc_proto::Client::new(client_id).with_redirect_uri(self.redirect_uri.clone());
        self.key.iter().cloned().fold(client, oidc_proto::Client::with_dpop)
    }

    /// Revokes what nobody will use. The login has failed already, and its error is the one that is reported.
    async fn revoke(&self, revocation: Result<Step<Revocation>, Error>, env: &mut BrowserEnv) {
        if let Ok(step) = revocation {
            let _ = self.driver.run(step, env).await;
        }
    }
}

/// A login that has come to its end.
#[wasm_bindgen]
pub struct LoggedIn {
    live: Live,
    client_id: String,
    state: Option<String>,
}

#[wasm_bindgen]
impl LoggedIn {
    /// The client that the session belongs to.
    #[wasm_bindgen(getter)]
    pub fn client_id(&self) -> String {
        self.client_id.clone()
    }

    /// What the application has given along.
    #[wasm_bindgen(getter)]
    pub fn state(&self) -> Option<String> {
        self.state.clone()
    }

    /// The session.
    pub fn into_live(self) -> Live {
        self.live
    }
}

/// Makes a key in the place of the one with this name.
#[wasm_bindgen]
pub async fn renew_key(name: String) -> Result<(), JsValue> {
    WebCryptoKeys.renew(&name, Algorithm::Es256).await.map(drop).map_err(thrown)
}

const fn schemes(insecure_loopback: bool) -> Schemes {
    if insecure_loopback { Schemes::DangerousHttpOnLoopback } else { Schemes::HttpsOnly }
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
