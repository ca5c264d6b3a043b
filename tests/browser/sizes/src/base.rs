//! The dependencies that both libraries are built of, each used once.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use wasm_bindgen::prelude::wasm_bindgen;

#[derive(Deserialize, Serialize)]
struct Document {
    issuer: String,
    authorization_endpoint: String,
    #[serde(default)]
    scopes_supported: Vec<String>,
}

/// Reads a document, and makes a request.
#[wasm_bindgen]
pub fn use_all(text: &str) -> Option<String> {
    let mut document: Document = serde_json::from_str(text).ok()?;
    let challenge = Sha256::digest(document.issuer.as_bytes());
    let mut url = url::Url::parse(&document.authorization_endpoint).ok()?;
    url.query_pairs_mut().append_pair("code_challenge", &format!("{challenge:x?}"));
    document.authorization_endpoint = url.into();
    let request = http::Request::get(document.authorization_endpoint.as_str()).header("accept", "application/json");
    let request = request.body(serde_json::to_string(&document).ok()?).ok()?;
    Some(format!("{} {}", request.uri(), request.body()))
}
