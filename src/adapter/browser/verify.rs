//! Signatures of others, checked by WebCrypto.

use js_sys::{Array, Object, Promise, Reflect, Uint8Array};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::JsFuture;

use super::subtle::{parameters, subtle};
use crate::base::base64url;
use crate::error::transport::{Failure, FailureKind, Sent};
use crate::jose::{Algorithm, PublicKey};

#[wasm_bindgen]
extern "C" {
    type Verifier;

    #[wasm_bindgen(method, catch, structural, js_name = importKey)]
    fn import_key(
        this: &Verifier,
        format: &str,
        key: &JsValue,
        algorithm: &Object,
        extractable: bool,
        usages: &Array,
    ) -> Result<Promise, JsValue>;

    #[wasm_bindgen(method, catch, structural)]
    fn verify(
        this: &Verifier,
        algorithm: &Object,
        key: &JsValue,
        signature: &Uint8Array,
        bytes: &Uint8Array,
    ) -> Result<Promise, JsValue>;
}

/// Whether the signature is right. A key that WebCrypto does not take, because its point is not on
/// the curve, has signed nothing.
pub(super) async fn verify(
    key: &PublicKey,
    algorithm: Algorithm,
    bytes: &[u8],
    signature: &[u8],
) -> Result<bool, Failure> {
    let unsupported = || Failure::from(FailureKind::Unsupported);
    if !key.fits(algorithm) {
        return Ok(false);
    }
    let parameters = parameters(algorithm).ok_or_else(unsupported)?;
    let verifier: Verifier = subtle().map_err(|_| unsupported())?.unchecked_into();
    let (format, data) = exported(key).ok_or_else(unsupported)?;
    let usages = Array::of1(&"verify".into());
    let imported = match verifier.import_key(format, &data, &parameters, false, &usages) {
        Ok(imported) => JsFuture::from(imported).await,
        Err(error) => Err(error),
    };
    let imported = match imported {
        Ok(imported) => imported,
        Err(error) if is_wrong_data(&error) => return Ok(false),
        Err(_) => return Err(unsupported()),
    };
    let refused = |_| {
        let failure = Failure::new(FailureKind::KeyRefused, Sent::No);
        failure.with_text("WebCrypto does not say whether the signature is right")
    };
    let (signature, bytes) = (Uint8Array::from(signature), Uint8Array::from(bytes));
    let verdict = verifier.verify(&parameters, &imported, &signature, &bytes).map_err(refused)?;
    // Nothing but `true` is a yes.
    Ok(JsFuture::from(verdict).await.map_err(refused)? == JsValue::TRUE)
}

fn is_wrong_data(error: &JsValue) -> bool {
    Reflect::get(error, &"name".into()).is_ok_and(|name| name == JsValue::from_str("DataError"))
}

/// The key as WebCrypto imports it.
fn exported(key: &PublicKey) -> Option<(&'static str, JsValue)> {
    let raw = |bytes: &[u8]| Some(("raw", Uint8Array::from(bytes).into()));
    match key {
        PublicKey::P256(point) => raw(point),
        PublicKey::P384(point) => raw(point),
        PublicKey::P521(point) => raw(point),
        PublicKey::Ed25519(point) => raw(point),
        PublicKey::Rsa { n, e } => {
            let jwk = Object::new();
            for (name, value) in [("n", n), ("e", e)] {
                Reflect::set(&jwk, &name.into(), &base64url::encode(value).into()).ok()?;
            }
            Reflect::set(&jwk, &"kty".into(), &"RSA".into()).ok()?;
            Some(("jwk", jwk.into()))
        }
    }
}
