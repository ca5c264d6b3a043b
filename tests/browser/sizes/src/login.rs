//! A login with its callback, a refresh, userinfo.

use oidc_proto::adapter::Driver;
use oidc_proto::adapter::browser::{BrowserEnv, BrowserTimer, Client, WebCryptoKeys};
use oidc_proto::{
    AuthorizationRequest, Callback, Env as _, Error, IdTokenTrust, Issuer, PendingAuthorization, RedirectUri,
    RelyingParty, Schemes, Scope, TokenSet,
};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

/// A client at a provider.
#[wasm_bindgen]
pub struct Party {
    pub(crate) driver: Driver<Client, BrowserTimer, WebCryptoKeys>,
    pub(crate) party: RelyingParty,
    redirect_uri: RedirectUri,
    pub(crate) tokens: Option<TokenSet>,
}

#[wasm_bindgen]
impl Party {
    /// Reads the provider's metadata.
    pub async fn discover(issuer: String, client_id: String, redirect_uri: String) -> Result<Self, JsValue> {
        let redirect_uri = RedirectUri::new(&redirect_uri).map_err(thrown)?;
        let mut client = oidc_proto::Client::new(client_id).with_redirect_uri(redirect_uri.clone());
        if cfg!(not(feature = "rustcrypto")) {
            client = client.with_id_token_trust(IdTokenTrust::VerifyElsewhere);
        }
        let issuer = Issuer::new(&issuer, Schemes::HttpsOnly).map_err(thrown)?;
        let driver = Driver::new(Client::new()).with_timer(BrowserTimer).with_keys(WebCryptoKeys);
        let mut env = BrowserEnv::new().map_err(thrown)?;
        let step = RelyingParty::discover(issuer, client).map_err(thrown)?;
        let party = driver.run(step, &mut env).await.map_err(thrown)?;
        Ok(Self { driver, party, redirect_uri, tokens: None })
    }

    /// Where the user goes, the name of what is to be kept until they return, and that itself.
    pub fn authorize(&self) -> Result<Vec<String>, JsValue> {
        let mut env = BrowserEnv::new().map_err(thrown)?;
        let scope = Scope::new("openid profile").map_err(thrown)?;
        let request = AuthorizationRequest::new(self.redirect_uri.clone(), scope);
        let (url, pending) = self.party.authorize(request, &mut env).map_err(thrown)?;
        let stored = serde_json::to_string(&pending).map_err(|error| error.to_string())?;
        Ok(vec![url.as_str().to_owned(), pending.key(), stored])
    }

    /// Takes the callback of a login. Returns the subject.
    pub async fn callback(&mut self, url: String, pending: String) -> Result<Option<String>, JsValue> {
        let mut env = BrowserEnv::new().map_err(thrown)?;
        let pending = PendingAuthorization::from_json(&pending).map_err(thrown)?;
        let callback = Callback::from_url(&url).map_err(thrown)?;
        let verified = self.party.check(&pending, &callback, env.now()).map_err(thrown)?;
        let step = self.party.redeem(pending, verified, &mut env).map_err(thrown)?;
        let outcome = self.driver.run(step, &mut env).await.map_err(thrown)?;
        self.tokens = Some(outcome.verified().map_err(thrown)?.tokens);
        Ok(self.tokens.as_ref().and_then(|tokens| tokens.subject().map(str::to_owned)))
    }

    /// Exchanges the refresh token.
    pub async fn refresh(&mut self) -> Result<(), JsValue> {
        let mut env = BrowserEnv::new().map_err(thrown)?;
        let tokens = self.tokens.as_ref().ok_or("no tokens")?;
        let step = self.party.refresh(tokens, &mut env).map_err(thrown)?;
        let outcome = self.driver.run(step, &mut env).await.map_err(thrown)?;
        self.tokens = Some(outcome.verified().map_err(thrown)?.tokens);
        Ok(())
    }

    /// A claim of the userinfo endpoint.
    pub async fn userinfo(&self) -> Result<Option<String>, JsValue> {
        let mut env = BrowserEnv::new().map_err(thrown)?;
        let tokens = self.tokens.as_ref().ok_or("no tokens")?;
        let step = self.party.userinfo(tokens, &mut env).map_err(thrown)?;
        let userinfo = self.driver.run(step, &mut env).await.map_err(thrown)?;
        Ok(Some(userinfo.subject().to_owned()))
    }
}

pub(crate) fn thrown(error: Error) -> JsValue {
    JsValue::from_str(error.code().as_str())
}
