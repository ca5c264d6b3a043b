//! WebCrypto, where there is one.

use js_sys::{Object, Reflect, global};
use wasm_bindgen::JsValue;

use crate::jose::Algorithm;

/// `crypto.subtle`.
///
/// # Errors
/// In an insecure context.
pub(super) fn subtle() -> Result<JsValue, JsValue> {
    let crypto = Reflect::get(&global(), &"crypto".into())?;
    let subtle = Reflect::get(&crypto, &"subtle".into())?;
    if subtle.is_undefined() { Err(subtle) } else { Ok(subtle) }
}

/// The parameters of WebCrypto: for making a key, an import, a signature and its check. A function
/// passes over those that it does not have.
pub(super) fn parameters(algorithm: Algorithm) -> Option<Object> {
    let (name, curve, hash, salt) = match algorithm {
        Algorithm::Rs256 => ("RSASSA-PKCS1-v1_5", None, "SHA-256", None),
        Algorithm::Rs384 => ("RSASSA-PKCS1-v1_5", None, "SHA-384", None),
        Algorithm::Rs512 => ("RSASSA-PKCS1-v1_5", None, "SHA-512", None),
        Algorithm::Ps256 => ("RSA-PSS", None, "SHA-256", Some(32)),
        Algorithm::Ps384 => ("RSA-PSS", None, "SHA-384", Some(48)),
        Algorithm::Ps512 => ("RSA-PSS", None, "SHA-512", Some(64)),
        Algorithm::Es256 => ("ECDSA", Some("P-256"), "SHA-256", None),
        Algorithm::Es384 => ("ECDSA", Some("P-384"), "SHA-384", None),
        Algorithm::Es512 => ("ECDSA", Some("P-521"), "SHA-512", None),
        Algorithm::EdDsa | Algorithm::Ed25519 => ("Ed25519", None, "SHA-512", None),
        _ => return None,
    };
    let parameters = Object::new();
    Reflect::set(&parameters, &"name".into(), &name.into()).ok()?;
    Reflect::set(&parameters, &"hash".into(), &hash.into()).ok()?;
    if let Some(curve) = curve {
        Reflect::set(&parameters, &"namedCurve".into(), &curve.into()).ok()?;
    }
    if let Some(salt) = salt {
        Reflect::set(&parameters, &"saltLength".into(), &JsValue::from_f64(f64::from(salt))).ok()?;
    }
    Some(parameters)
}
