//! A login and what follows it.

use std::time::Duration;

use oidc_proto::adapter::browser::{BrowserEnv, BrowserTimer, Client, WebCryptoKeys};
use oidc_proto::adapter::{Driver, KeyStore as _};
use oidc_proto::jose::{Algorithm, PrivateKey, PublicKey};
use oidc_proto::step::KeyUse;
use oidc_proto::{
    AuthorizationRequest, Callback, DpopKey, Env as _, IdTokenTrust, Issuer, PendingAuthorization, ProviderOptions,
    RedirectUri, RelyingParty, Schemes, Scope, TokenSet,
};
use serde_json::{Value, json};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use super::thrown;

/// A client at a provider.
#[wasm_bindgen]
pub struct Party {
    pub(crate) driver: Driver<Client, BrowserTimer, WebCryptoKeys>,
    pub(crate) party: RelyingParty,
    pub(crate) redirect_uri: RedirectUri,
    pub(crate) tokens: Option<TokenSet>,
}

#[wasm_bindgen]
impl Party {
    /// Reads the provider's metadata. With a key, the tokens are bound to it: one in PEM, or one of WebCrypto, by its
    /// algorithm.
    pub async fn discover(
        issuer: String,
        client_id: String,
        redirect_uri: String,
        timeout: u32,
        key: Option<String>,
        verify_elsewhere: Option<bool>,
    ) -> Result<Self, JsValue> {
        let schemes = Schemes::DangerousHttpOnLoopback;
        let redirect_uri = RedirectUri::new(&redirect_uri).map_err(thrown)?;
        let mut client = oidc_proto::Client::new(client_id).with_redirect_uri(redirect_uri.clone());
        if let Some(key) = key {
            let key = private_key(&key).await.and_then(DpopKey::new).map_err(thrown)?;
            client = client.with_dpop(key);
        }
        if verify_elsewhere == Some(true) {
            client = client.with_id_token_trust(IdTokenTrust::VerifyElsewhere);
        }
        let issuer = Issuer::new(&issuer, schemes).map_err(thrown)?;
        let http = Client::new().with_timeout(Duration::from_millis(timeout.into()));
        let driver = Driver::new(http).with_timer(BrowserTimer).with_keys(WebCryptoKeys);
        let mut env = BrowserEnv::new().map_err(thrown)?;
        let options = ProviderOptions::new().with_schemes(schemes);
        let step = RelyingParty::discover_with(issuer, client, options).map_err(thrown)?;
        let party = driver.run(step, &mut env).await.map_err(thrown)?;
        Ok(Self { driver, party, redirect_uri, tokens: None })
    }

    /// Where the user goes, what is to be kept until they return, and the name to keep it under.
    pub fn authorize(&self) -> Result<String, JsValue> {
        let mut env = BrowserEnv::new().map_err(thrown)?;
        let scope = Scope::new("openid profile").map_err(thrown)?;
        let request = AuthorizationRequest::new(self.redirect_uri.clone(), scope);
        let (url, pending) = self.party.authorize(request, &mut env).map_err(thrown)?;
        let stored = serde_json::to_string(&pending).map_err(|error| error.to_string())?;
        Ok(json!({ "url": url.as_str(), "key": pending.key(), "pending": stored }).to_string())
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

    /// Exchanges the refresh token. Returns whether the access token is another now.
    pub async fn refresh(&mut self) -> Result<bool, JsValue> {
        let mut env = BrowserEnv::new().map_err(thrown)?;
        let tokens = self.tokens.as_ref().ok_or("no tokens")?;
        let step = self.party.refresh(tokens, &mut env).map_err(thrown)?;
        let outcome = self.driver.run(step, &mut env).await.map_err(thrown)?;
        let newer = outcome.verified().map_err(thrown)?.tokens;
        let is_other = newer.access_token().expose() != tokens.access_token().expose();
        self.tokens = Some(newer);
        Ok(is_other)
    }

    /// The claims of the userinfo endpoint, in JSON.
    pub async fn userinfo(&self) -> Result<String, JsValue> {
        let mut env = BrowserEnv::new().map_err(thrown)?;
        let tokens = self.tokens.as_ref().ok_or("no tokens")?;
        let step = self.party.userinfo(tokens, &mut env).map_err(thrown)?;
        let userinfo = self.driver.run(step, &mut env).await.map_err(thrown)?;
        Ok(userinfo.claims::<Value>().map_err(thrown)?.to_string())
    }

    /// Revokes the tokens.
    pub async fn revoke(&mut self) -> Result<(), JsValue> {
        let mut env = BrowserEnv::new().map_err(thrown)?;
        let tokens = self.tokens.take().ok_or("no tokens")?;
        let step = self.party.revoke(&tokens, &mut env).map_err(thrown)?;
        self.driver.run(step, &mut env).await.map_err(thrown)?;
        Ok(())
    }
}

impl Party {
    pub(crate) fn party(&self) -> &RelyingParty {
        &self.party
    }

    pub(crate) fn driver(&self) -> &Driver<Client, BrowserTimer, WebCryptoKeys> {
        &self.driver
    }

    pub(crate) fn tokens(&self) -> Option<TokenSet> {
        self.tokens.clone()
    }
}

async fn private_key(key: &str) -> Result<PrivateKey, oidc_proto::Error> {
    match key {
        "ES256" => WebCryptoKeys.key("dpop", Algorithm::Es256).await,
        "EdDSA" => WebCryptoKeys.key("dpop", Algorithm::EdDsa).await,
        pem => PrivateKey::from_pem(Algorithm::Es256, pem, None),
    }
}

/// The thumbprint of a key of WebCrypto that takes the place of the one that is there.
#[wasm_bindgen]
pub async fn renew_key(algorithm: String) -> Result<String, JsValue> {
    let algorithm = Algorithm::from_name(&algorithm).ok_or("no such algorithm")?;
    let key = WebCryptoKeys.renew("dpop", algorithm).await.and_then(DpopKey::new).map_err(thrown)?;
    Ok(key.thumbprint().to_owned())
}

/// The thumbprint of a key.
#[wasm_bindgen]
pub async fn thumbprint(key: String) -> Result<String, JsValue> {
    private_key(&key).await.and_then(DpopKey::new).map(|key| key.thumbprint().to_owned()).map_err(thrown)
}

/// The name under which the login of this callback is kept.
#[wasm_bindgen]
pub fn callback_key(url: &str) -> Result<Option<String>, JsValue> {
    Callback::from_url(url).map(|callback| callback.key()).map_err(thrown)
}

/// Whether WebCrypto takes the signature for that of the owner of the key.
#[wasm_bindgen]
pub async fn verify(jwk: String, algorithm: String, bytes: Vec<u8>, signature: Vec<u8>) -> Result<bool, JsValue> {
    let key = PublicKey::from_jwk(jwk.as_bytes()).map_err(thrown)?;
    let algorithm = Algorithm::from_name(&algorithm).ok_or("no such algorithm")?;
    let output = WebCryptoKeys.use_key(KeyUse::verify(key, algorithm, bytes, signature)).await;
    output.map_err(|failure| failure.kind.name())?.into_verdict().map_err(thrown)
}
