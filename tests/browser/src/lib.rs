//! The client and the embedded provider, for JavaScript.

#![cfg(target_family = "wasm")]

mod client;
mod conformance;
mod exchange;
mod login;
mod provider;
mod session;
mod store;

use oidc_proto::Error;
use serde_json::json;
use wasm_bindgen::JsValue;

/// What JavaScript catches: an object in JSON.
fn thrown(error: Error) -> JsValue {
    let failure = error.failure();
    let value = json!({
        "code": error.code().as_str(),
        "hint": error.hint(),
        "sent": failure.map(|failure| format!("{:?}", failure.sent)),
        "text": error.to_string(),
    });
    JsValue::from_str(&value.to_string())
}
