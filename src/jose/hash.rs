//! `at_hash` and `c_hash` (OpenID Connect Core 1.0 sections 3.1.3.6 and 3.3.2.11).

use sha2::{Digest, Sha256, Sha384, Sha512};

use super::algorithm::Algorithm;
use crate::base::base64url::encode;
use crate::base::secret::same_bytes;

/// The left half of the hash that belongs to the algorithm, in base64url.
///
/// OpenID Connect Core defines no hash for `EdDSA`. This function uses SHA-512, like Ed25519 itself and like deployed
/// providers.
pub fn half_hash(algorithm: Algorithm, ascii: &str) -> String {
    match algorithm {
        Algorithm::Rs256 | Algorithm::Ps256 | Algorithm::Es256 | Algorithm::Hs256 => half(&Sha256::digest(ascii)),
        Algorithm::Rs384 | Algorithm::Ps384 | Algorithm::Es384 => half(&Sha384::digest(ascii)),
        Algorithm::Rs512 | Algorithm::Ps512 | Algorithm::Es512 | Algorithm::EdDsa | Algorithm::Ed25519 => {
            half(&Sha512::digest(ascii))
        }
    }
}

/// Whether `claimed` is the [`half_hash`] of the text.
pub fn half_hash_matches(algorithm: Algorithm, ascii: &str, claimed: &str) -> bool {
    same_bytes(half_hash(algorithm, ascii).as_bytes(), claimed.as_bytes())
}

pub(super) fn half(hash: &[u8]) -> String {
    encode(hash.get(..hash.len() / 2).unwrap_or_default())
}
