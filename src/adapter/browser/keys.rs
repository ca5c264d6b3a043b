//! Keys of WebCrypto.

use std::future::Future;
use std::pin::Pin;

use js_sys::{Array, Object, Promise, Reflect, Uint8Array};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::JsFuture;

use super::database::{self, KEYS, Next};
use super::subtle::subtle;
use super::verify::verify;
use crate::adapter::key_store::KeyStore;
use crate::error::transport::{Failure, FailureKind, Sent};
use crate::error::{Error, ErrorCode};
use crate::jose::{Algorithm, PrivateKey, PublicKey, RemoteKey};
use crate::step::{KeyOutput, KeyUse};

#[wasm_bindgen]
extern "C" {
    type Subtle;

    #[wasm_bindgen(method, catch, structural, js_name = generateKey)]
    fn generate_key(this: &Subtle, algorithm: &Object, extractable: bool, usages: &Array) -> Result<Promise, JsValue>;

    #[wasm_bindgen(method, catch, structural, js_name = exportKey)]
    fn export_key(this: &Subtle, format: &str, key: &JsValue) -> Result<Promise, JsValue>;

    #[wasm_bindgen(method, catch, structural)]
    fn sign(this: &Subtle, algorithm: &Object, key: &JsValue, bytes: &Uint8Array) -> Result<Promise, JsValue>;
}

/// Signing keys of WebCrypto, in IndexedDB, for all windows and workers of one origin.
///
/// Nobody can export a private key, not even a script of the page: tokens that are bound to it (DPoP) cannot be used
/// elsewhere. **A script in the page can still sign with it while it runs there.** Algorithms: ES256 and Ed25519. It needs
/// a secure context. A browser can evict the keys of a site that was not used for long; the user then has to log in again.
///
/// As a [`KeyStore`] it signs with the keys that [`key`](Self::key) has made. It also verifies the signatures of a provider, for
/// a client with [`IdTokenTrust::VerifyElsewhere`](crate::IdTokenTrust::VerifyElsewhere): a module without a signature
/// backend is smaller. Which algorithms there are depends on the browser: RSA, ECDSA on the three curves, mostly Ed25519.
#[derive(Clone, Copy, Debug, Default)]
pub struct WebCryptoKeys;

impl WebCryptoKeys {
    /// The key with this name. It is made if it does not exist.
    ///
    /// # Errors
    /// `key.unsupported` for another algorithm, or without WebCrypto; `private_key.unusable` if the key with this name has
    /// another algorithm; `store.io`.
    pub async fn key(&self, name: &str, algorithm: Algorithm) -> Result<PrivateKey, Error> {
        let unsupported = |_| Error::new(ErrorCode::KEY_UNSUPPORTED);
        let parameters = parameters(algorithm).ok_or(ErrorCode::KEY_UNSUPPORTED)?;
        let subtle: Subtle = subtle().map_err(unsupported)?.unchecked_into();
        let pair = match database::change(KEYS, name, |pair| Ok((Next::Keep, pair.clone()))).await? {
            pair if pair.is_undefined() => {
                let usages = Array::of1(&"sign".into());
                let made = subtle.generate_key(&parameters, false, &usages).map_err(unsupported)?;
                let made = JsFuture::from(made).await.map_err(unsupported)?;
                // Another window may have been faster: all use the key that is there.
                let keep = move |pair: &JsValue| {
                    let is_first = pair.is_undefined();
                    Ok(if is_first { (Next::Put(made.clone()), made) } else { (Next::Keep, pair.clone()) })
                };
                database::change(KEYS, name, keep).await?
            }
            pair => pair,
        };
        let public_key = public_key(&subtle, &pair, algorithm).await.ok_or(ErrorCode::PRIVATE_KEY_UNUSABLE)?;
        Ok(PrivateKey::remote(RemoteKey::new(name).with_public_key(public_key), algorithm))
    }

    /// Removes the key with this name, if it exists.
    ///
    /// # Errors
    /// `store.io`.
    pub async fn remove(&self, name: &str) -> Result<(), Error> {
        database::change(KEYS, name, |_| Ok((Next::Delete, ()))).await
    }
}

impl KeyStore for WebCryptoKeys {
    type Output = Pin<Box<dyn Future<Output = Result<KeyOutput, Failure>>>>;

    fn use_key(&self, key_use: KeyUse) -> Self::Output {
        Box::pin(async move {
            match key_use {
                KeyUse::Sign { key, algorithm, bytes, .. } => sign(key.name(), algorithm, &bytes).await,
                KeyUse::Verify { key, algorithm, bytes, signature, .. } => {
                    verify(&key, algorithm, &bytes, &signature).await.map(KeyOutput::verified)
                }
                _ => Err(FailureKind::Unsupported.into()),
            }
        })
    }
}

async fn sign(name: &str, algorithm: Algorithm, bytes: &[u8]) -> Result<KeyOutput, Failure> {
    let refused = |text| Failure::new(FailureKind::KeyRefused, Sent::No).with_text(text);
    let parameters = parameters(algorithm).ok_or(FailureKind::Unsupported)?;
    let subtle: Subtle = subtle().map_err(|_| FailureKind::Unsupported)?.unchecked_into();
    let pair = database::change(KEYS, name, |pair| Ok((Next::Keep, pair.clone()))).await;
    let pair = pair.map_err(|_| refused("IndexedDB does not give the key"))?;
    let key = Reflect::get(&pair, &"privateKey".into()).map_err(|_| refused("there is no such key"))?;
    let signed = subtle.sign(&parameters, &key, &Uint8Array::from(bytes));
    let signed = signed.map_err(|_| refused("WebCrypto does not sign with the key"))?;
    let signature = JsFuture::from(signed).await.map_err(|_| refused("WebCrypto does not sign with the key"))?;
    Ok(KeyOutput::bytes(Uint8Array::new(&signature).to_vec()))
}

/// The parameters of WebCrypto, for making a key and for signing.
fn parameters(algorithm: Algorithm) -> Option<Object> {
    let members: &[(&str, &str)] = match algorithm {
        Algorithm::Es256 => &[("name", "ECDSA"), ("namedCurve", "P-256"), ("hash", "SHA-256")],
        Algorithm::EdDsa | Algorithm::Ed25519 => &[("name", "Ed25519")],
        _ => return None,
    };
    let parameters = Object::new();
    for (name, value) in members {
        Reflect::set(&parameters, &(*name).into(), &(*value).into()).ok()?;
    }
    Some(parameters)
}

/// The public key, if it is one for this algorithm.
async fn public_key(subtle: &Subtle, pair: &JsValue, algorithm: Algorithm) -> Option<PublicKey> {
    let key = Reflect::get(pair, &"publicKey".into()).ok()?;
    let raw = JsFuture::from(subtle.export_key("raw", &key).ok()?).await.ok()?;
    let raw = Uint8Array::new(&raw).to_vec();
    match algorithm {
        Algorithm::Es256 => raw.try_into().ok().map(PublicKey::P256),
        Algorithm::EdDsa | Algorithm::Ed25519 => raw.try_into().ok().map(PublicKey::Ed25519),
        _ => None,
    }
}
