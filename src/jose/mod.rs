//! JSON Object Signing: algorithms, key sets, signatures.
//!
//! [`Jws::parse`] reads the form of a token. [`Keys::parse`] reads a provider's key set. [`Jws::verify`] verifies the
//! token with the keys. A [`backend`] does the cryptography.
//!
// | file | holds |
// |---|---|
// | `algorithm.rs` | [`Algorithm`], [`Algorithms`] |
// | `public_key.rs` | [`PublicKey`]: numbers within bounds |
// | `signer.rs` `private_key.rs` | [`Signer`], [`PrivateKey`]: making a signature, in this process or in a key store |
// | `pem.rs` | private keys in PEM |
// | `backend/` | [`backend::Backend`] and its two implementations |
// | `jwk.rs` `keys.rs` | [`Jwk`], [`Keys`]: one key of a provider's set, and the set |
// | `jws.rs` | [`Jws`]: a token's form and its signature |
// | `hash.rs` `hmac.rs` | [`half_hash`]; HS256 |
// | `member.rs` | members of an untrusted JSON object |

mod algorithm;
pub mod backend;
mod hash;
mod hmac;
mod jwk;
mod jws;
pub(crate) mod keys;
mod member;
mod pem;
mod private_key;
mod public_key;
mod signer;
#[cfg(test)]
#[cfg(feature = "rustcrypto")]
mod tests;

pub use algorithm::{Algorithm, Algorithms, asymmetric};
pub use hash::{half_hash, half_hash_matches};
pub(crate) use hmac::{HS256_SECRET_LENGTH, hs256};
pub use jwk::Jwk;
pub use jws::{Jws, Signed, TOKEN_LIMIT};
pub use keys::Keys;
pub use private_key::{PrivateKey, RemoteKey};
pub use public_key::PublicKey;
pub(crate) use signer::signing_input_with_key;
pub use signer::{Signer, signing_input, with_signature};

/// The algorithms that the default backend can verify; empty without a backend. It never contains `HS256`, because the
/// provider's public keys cannot be used for it.
pub fn supported() -> Algorithms {
    backend::default().map_or(Algorithms::EMPTY, backend::Backend::algorithms)
}
