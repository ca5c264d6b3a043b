//! Logins by redirect and in a window of their own.

use oidc_proto::adapter::browser::{BrowserEnv, PageCallback, Popup, log_in_by_redirect};
use oidc_proto::{
    AuthorizationRequest, AuthorizationUrl, Callback, Env as _, PendingAuthorization, ResponseMode, Scope,
};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use super::client::Party;
use super::thrown;

/// The callback in the page's URL.
#[wasm_bindgen]
pub struct Returned(PageCallback);

#[wasm_bindgen]
impl Returned {
    pub fn take() -> Result<Option<Self>, JsValue> {
        PageCallback::take().map(|taken| taken.map(Self)).map_err(thrown)
    }

    pub fn is_of_this_tab(&self) -> Result<bool, JsValue> {
        self.0.is_of_this_tab().map_err(thrown)
    }

    pub fn into_login(self) -> Result<Arrived, JsValue> {
        let (pending, callback) = self.0.into_login().map_err(thrown)?;
        Ok(Arrived { pending, callback })
    }

    pub async fn hand_over(self) -> Result<(), JsValue> {
        self.0.hand_over().await.map_err(thrown)
    }
}

/// A login whose callback has come.
#[wasm_bindgen]
pub struct Arrived {
    pending: PendingAuthorization,
    callback: Callback,
}

#[wasm_bindgen]
impl Arrived {
    pub fn issuer(&self) -> String {
        self.pending.issuer().as_str().to_owned()
    }
}

/// An empty window.
#[wasm_bindgen]
pub struct LoginWindow(Popup);

#[wasm_bindgen]
impl LoginWindow {
    #[wasm_bindgen(constructor)]
    pub fn new() -> Result<Self, JsValue> {
        Popup::open("width=400,height=400").map(Self).map_err(thrown)
    }
}

#[wasm_bindgen]
impl Party {
    /// Sends the page to the provider.
    pub fn log_in_by_redirect(&self, fragment: bool) -> Result<(), JsValue> {
        let (url, pending) = self.begin(fragment)?;
        log_in_by_redirect(&url, &pending.key(), &pending).map_err(thrown)
    }

    /// Logs in in this window. Returns the subject.
    pub async fn log_in_by_popup(&mut self, window: LoginWindow, fragment: bool) -> Result<Option<String>, JsValue> {
        let (url, pending) = self.begin(fragment)?;
        let callback = window.0.log_in(&url, &pending.key(), pending.expires_at()).await.map_err(thrown)?;
        self.redeem(Arrived { pending, callback }).await
    }

    /// Spends the code. Returns the subject.
    pub async fn redeem(&mut self, arrived: Arrived) -> Result<Option<String>, JsValue> {
        let mut env = BrowserEnv::new().map_err(thrown)?;
        let Arrived { pending, callback } = arrived;
        let verified = self.party.check(&pending, &callback, env.now()).map_err(thrown)?;
        let step = self.party.redeem(pending, verified, &mut env).map_err(thrown)?;
        let outcome = self.driver.run(step, &mut env).await.map_err(thrown)?;
        self.tokens = Some(outcome.verified().map_err(thrown)?.tokens);
        Ok(self.tokens.as_ref().and_then(|tokens| tokens.subject().map(str::to_owned)))
    }
}

impl Party {
    fn begin(&self, fragment: bool) -> Result<(AuthorizationUrl, PendingAuthorization), JsValue> {
        let mut env = BrowserEnv::new().map_err(thrown)?;
        let scope = Scope::new("openid profile").map_err(thrown)?;
        let mut request = AuthorizationRequest::new(self.redirect_uri.clone(), scope);
        if fragment {
            request = request.with_response_mode(ResponseMode::Fragment);
        }
        self.party.authorize(request, &mut env).map_err(thrown)
    }
}
