//! JSON Object Signing: algorithms, key sets, signatures.
//!
//! [`Jws::parse`] reads a token's form, [`Keys::parse`] a provider's key set, and [`Jws::verify`] brings the two
//! together. The arithmetic is a [`backend`]'s.
//!
// | file | holds |
// |---|---|
// | `algorithm.rs` | [`Algorithm`], [`Algorithms`] |
// | `public_key.rs` | [`PublicKey`]: numbers within bounds |
// | `signer.rs` `private_key.rs` | [`Signer`], [`PrivateKey`]: making a signature, here or elsewhere |
// | `pem.rs` | private keys in PEM |
// | `backend/` | [`backend::Backend`] and the two that there are |
// | `jwk.rs` `keys.rs` | [`Jwk`], [`Keys`]: one key of a provider's set, and the set |
// | `jws.rs` | [`Jws`]: a token's form and its signature |
// | `hash.rs` `hmac.rs` | [`half_hash`]; HS256 |
// | `base64url.rs` `member.rs` | the encoding; members of a stranger's JSON object |

mod algorithm;
pub mod backend;
mod base64url;
mod hash;
mod hmac;
mod jwk;
mod jws;
mod keys;
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
pub use keys::{KEY_COUNT_LIMIT, KEYS_LIMIT, Keys};
pub use private_key::{PrivateKey, RemoteKey};
pub use public_key::PublicKey;
pub(crate) use signer::signing_input_with_key;
pub use signer::{Signer, signing_input, with_signature};

/// What the default backend can verify; nothing without one. `HS256` is never among them: a key that verifies but
/// also signs is not a provider's key.
pub fn supported() -> Algorithms {
    backend::default().map_or(Algorithms::EMPTY, backend::Backend::algorithms)
}
