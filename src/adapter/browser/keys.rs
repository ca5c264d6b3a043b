//! Keys of WebCrypto.

use std::future::Future;
use std::pin::Pin;

use js_sys::{Array, Object, Promise, Reflect, Uint8Array};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::JsFuture;

use super::database::{self, KEYS, Next};
use super::subtle::{self, subtle};
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
/// Nobody can export a private key, not even a script of the page: tokens that are bound to it
/// (DPoP) cannot be used elsewhere. **A script in the page can still sign with it while it runs
/// there.** Algorithms: ES256 and Ed25519. It needs a secure context. A browser can evict the keys
/// of a site that was not used for long; the user then has to log in again.
///
/// As a [`KeyStore`] it signs with the keys that [`key`](Self::key) has made. It also verifies the
/// signatures of a provider, for a client with
/// [`IdTokenTrust::VerifyElsewhere`](crate::IdTokenTrust::VerifyElsewhere). Such a program needs no
/// signature backend of its own, so its WebAssembly file is smaller. Which algorithms there are
/// depends on the browser: RSA, ECDSA on the three curves, and in most browsers Ed25519.
#[derive(Clone, Copy, Debug, Default)]
pub struct WebCryptoKeys;

impl WebCryptoKeys {
    /// The key with this name. It is made if it does not exist.
    ///
    /// # Errors
    /// `key.unsupported` for another algorithm, or without WebCrypto; `private_key.unusable` if the
    /// key with this name is damaged or has another algorithm: [`renew`](Self::renew) puts another
    /// one in its place; `store.io`.
    pub async fn key(&self, name: &str, algorithm: Algorithm) -> Result<PrivateKey, Error> {
        let (subtle, parameters) = prepared(algorithm)?;
        let pair = match database::change(KEYS, name, |pair| Ok((Next::Keep, pair.clone()))).await? {
            pair if pair.is_undefined() => {
                let made = generate(&subtle, &parameters).await.map_err(unsupported)?;
                // Another window may have been faster: all use the key that is there.
                let keep = move |pair: &JsValue| {
                    let is_first = pair.is_undefined();
                    Ok(if is_first { (Next::Put(made.clone()), made) } else { (Next::Keep, pair.clone()) })
                };
                database::change(KEYS, name, keep).await?
            }
            pair => pair,
        };
        remote(&subtle, name, &pair, algorithm).await
    }

    /// Makes a key with this name, in the place of the one that is there, damaged or not. **Tokens
    /// that are bound to that one cannot be used any more:** log in again.
    ///
    /// # Errors
    /// `key.unsupported` for another algorithm, or without WebCrypto; `store.io`.
    pub async fn renew(&self, name: &str, algorithm: Algorithm) -> Result<PrivateKey, Error> {
        let (subtle, parameters) = prepared(algorithm)?;
        let pair = generate(&subtle, &parameters).await.map_err(unsupported)?;
        let made = pair.clone();
        database::change(KEYS, name, |_| Ok((Next::Put(made), ()))).await?;
        remote(&subtle, name, &pair, algorithm).await
    }

    /// Removes the key with this name, if it exists.
    ///
    /// # Errors
    /// `store.io`.
    pub async fn remove(&self, name: &str) -> Result<(), Error> {
        database::change(KEYS, name, |_| Ok((Next::Delete, ()))).await
    }
}

fn unsupported(_: JsValue) -> Error {
    ErrorCode::KEY_UNSUPPORTED.into()
}

fn prepared(algorithm: Algorithm) -> Result<(Subtle, Object), Error> {
    let parameters = parameters(algorithm).ok_or(ErrorCode::KEY_UNSUPPORTED)?;
    Ok((subtle().map_err(unsupported)?.unchecked_into(), parameters))
}

/// The key pair of this name, as flows use it.
async fn remote(subtle: &Subtle, name: &str, pair: &JsValue, algorithm: Algorithm) -> Result<PrivateKey, Error> {
    let has_private_key = Reflect::get(pair, &"privateKey".into()).is_ok_and(|key| key.is_object());
    match public_key(subtle, pair, algorithm).await.filter(|_| has_private_key) {
        Some(public_key) => Ok(PrivateKey::remote(RemoteKey::new(name).with_public_key(public_key), algorithm)),
        None => Err(Error::new(ErrorCode::PRIVATE_KEY_UNUSABLE).with_hint(
            "The browser's key with this name is damaged, or is for another algorithm. `WebCryptoKeys::renew` puts another \
             one in its place. Tokens that are bound to the old key are lost: log in again.",
        )),
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

/// The parameters of an algorithm for which there are keys here.
fn parameters(algorithm: Algorithm) -> Option<Object> {
    matches!(algorithm, Algorithm::Es256 | Algorithm::EdDsa | Algorithm::Ed25519)
        .then(|| subtle::parameters(algorithm))?
}

async fn generate(subtle: &Subtle, parameters: &Object) -> Result<JsValue, JsValue> {
    let usages = Array::of1(&"sign".into());
    JsFuture::from(subtle.generate_key(parameters, false, &usages)?).await
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
