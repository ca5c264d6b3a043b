//! JSON Object Signing: algorithms, key sets, signatures.
//!
//! [`Jws::parse`] reads a token's form, [`Keys::parse`] a provider's key set, and [`Jws::verify`] brings the two
//! together. The arithmetic is a [`backend`]'s.

mod algorithm;
pub mod backend;
mod hash;
mod hmac;
mod jwk;
mod jws;
mod keys;
mod member;
mod private_key;
mod signer;
#[cfg(test)]
#[cfg(feature = "rustcrypto")]
mod tests;

use crate::base::word_set::Word as _;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

pub use algorithm::{Algorithm, Algorithms};
pub use hash::{half_hash, half_hash_matches};
pub(crate) use hmac::{HS256_SECRET_LENGTH, hs256};
pub use jwk::{Jwk, PublicKey};
pub use jws::{Jws, Signed, TOKEN_LIMIT};
pub use keys::{KEY_COUNT_LIMIT, KEYS_LIMIT, Keys};
pub use private_key::{PrivateKey, RemoteKey};
pub(crate) use signer::signing_input_with_key;
pub use signer::{Signer, signing_input, with_signature};

/// What the default backend can verify; nothing without one. `HS256` is never among them: a key that verifies but
/// also signs is not a provider's key.
pub fn supported() -> Algorithms {
    backend::default().map_or(Algorithms::EMPTY, backend::Backend::algorithms)
}

/// Every algorithm whose verifying key can be public.
pub fn asymmetric() -> Algorithms {
    Algorithm::ALL
        .iter()
        .filter(|&&algorithm| algorithm != Algorithm::Hs256)
        .fold(Algorithms::EMPTY, |all, &one| all.with(one))
}

/// Unpadded base64url (RFC 7515 section 2). Padding, other characters, and last characters with bits that mean nothing
/// are refused, so that one value has one spelling.
fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// The same for a value whose length is known.
fn decode_exact<const LENGTH: usize>(text: &str) -> Option<[u8; LENGTH]> {
    let mut bytes = [0; LENGTH];
    let length = URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).ok()?;
    (length == LENGTH).then_some(bytes)
}

fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
