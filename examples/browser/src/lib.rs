//! What `pkg/index.js` calls. It is not for applications: they call the package.

#![cfg(target_family = "wasm")]

mod live;
mod place;
mod thrown;

use oidc_proto::Callback;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

/// The name under which the login of this callback is kept; nothing if the URL is no callback.
#[wasm_bindgen]
pub fn callback_key(url: &str) -> Result<Option<String>, JsValue> {
    Callback::from_url(url).map(|callback| callback.key()).map_err(thrown::thrown)
}
