//! Signature algorithms (RFC 7518 section 3.1, RFC 8037, RFC 9864).

use crate::base::word_set::{Word as _, Words, words};

words! {
    /// A signature algorithm. `none` is not one.
    Algorithm {
        Rs256 = "RS256",
        Rs384 = "RS384",
        Rs512 = "RS512",
        Ps256 = "PS256",
        Ps384 = "PS384",
        Ps512 = "PS512",
        Es256 = "ES256",
        Es384 = "ES384",
        /// With a key of the curve Ed25519.
        EdDsa = "EdDSA",
        /// The same signature as `EdDSA`, by its full name (RFC 9864).
        Ed25519 = "Ed25519",
        Hs256 = "HS256",
        Es512 = "ES512",
    }
}

/// A set of algorithms.
pub type Algorithms = Words<Algorithm>;

/// All algorithms with a public verification key: all except HS256.
pub fn asymmetric() -> Algorithms {
    Algorithm::ALL
        .iter()
        .filter(|&&algorithm| algorithm != Algorithm::Hs256)
        .fold(Algorithms::EMPTY, |all, &one| all.with(one))
}
