//! What JavaScript catches: an object in JSON, of which the package makes an `OidcError`.

use oidc_proto::adapter::session::NoToken;
use oidc_proto::{Error, Recovery};
use serde_json::{Value, json};
use wasm_bindgen::JsValue;

/// The parts of an error that a program decides by and that a person reads. No part holds a secret.
pub(crate) fn described(error: &Error) -> Value {
    let recovery = error.recovery();
    let retry_after = match recovery {
        Recovery::Retry { after } => after.map(|after| after.as_secs()),
        _ => None,
    };
    json!({
        "code": error.code().as_str(),
        "message": error.to_string(),
        "hint": error.hint(),
        "recovery": recovery.as_str(),
        "retryAfter": retry_after,
    })
}

pub(crate) fn thrown(error: Error) -> JsValue {
    JsValue::from_str(&described(&error).to_string())
}

/// A caller of the session gets no token.
pub(crate) fn refused(reason: NoToken) -> JsValue {
    let mut described = reason.error().map_or_else(|| json!({ "code": "session.no_token" }), described);
    if let Some(members) = described.as_object_mut() {
        members.insert("message".into(), reason.to_string().into());
        members.insert("isOver".into(), matches!(reason, NoToken::Ended(_)).into());
    }
    JsValue::from_str(&described.to_string())
}
