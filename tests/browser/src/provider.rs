//! The embedded provider. Node.js serves it.

use std::time::Duration;

use http::Request;
use oidc_proto::Timestamp;
use oidc_proto::testing::{Lie, Provider, RegisteredClient, User};
use serde_json::json;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

/// A provider.
#[wasm_bindgen]
pub struct Op(Provider);

#[wasm_bindgen]
impl Op {
    /// With one public client and the user alice.
    #[wasm_bindgen(constructor)]
    pub fn new(issuer: &str, client_id: &str, redirect_uri: &str, dpop_nonce: bool, lifetime: u32) -> Self {
        let provider = Provider::new(issuer)
            .with_client(RegisteredClient::public(client_id, redirect_uri))
            .with_user(User::new("alice"))
            .with_dpop_nonce(dpop_nonce)
            .with_access_token_lifetime(Duration::from_secs(lifetime.into()));
        Self(provider)
    }

    /// The response to a request. `headers` is an array of pairs in JSON.
    pub fn handle(&self, method: &str, target: &str, headers: &str, body: &[u8], now: f64) -> Result<String, JsValue> {
        let headers: Vec<(String, String)> = serde_json::from_str(headers).map_err(|error| error.to_string())?;
        let request = Request::builder().method(method).uri(target);
        let request = headers.into_iter().fold(request, |request, (name, value)| request.header(name, value));
        let request = request.body(body).map_err(|error| error.to_string())?;
        let response = self.0.handle(request, Timestamp::from_unix_millis(now as u64));
        let headers = response.headers().iter();
        let headers: Vec<_> = headers.map(|(name, value)| (name.as_str(), value.to_str().unwrap_or(""))).collect();
        let body = String::from_utf8_lossy(response.body());
        Ok(json!({ "status": response.status().as_u16(), "headers": headers, "body": body }).to_string())
    }

    /// Applies the lie of this name.
    pub fn lie(&self, name: &str) -> Result<(), JsValue> {
        let lie = Lie::PLAIN.iter().find(|lie| format!("{lie:?}") == name).ok_or("no such lie")?;
        self.0.lie(*lie);
        Ok(())
    }

    /// Removes all lies.
    pub fn honest(&self) {
        self.0.honest();
    }

    /// Ends all grants.
    pub fn end_grants(&self) {
        self.0.end_grants();
    }

    /// The endpoints of all requests so far.
    pub fn requests(&self) -> Vec<String> {
        self.0.requests().iter().map(|on| format!("{on:?}")).collect()
    }
}
