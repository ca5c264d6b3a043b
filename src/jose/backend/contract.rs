//! The traits of a signature backend.

use std::fmt;

use crate::error::ErrorCode;
use crate::jose::algorithm::{Algorithm, Algorithms};
use crate::jose::hash::half_hash;
use crate::jose::public_key::PublicKey;

/// A library that verifies signatures.
pub trait Backend: fmt::Debug + Send + Sync {
    /// The algorithms that it can verify.
    fn algorithms(&self) -> Algorithms;

    /// Prepares a key; called once for each key. `None` if the backend refuses the key, for example because a point is
    /// not on its curve.
    fn parse(&self, key: &PublicKey) -> Option<Box<dyn VerifyingKey>>;

    /// The [`half_hash`] of a text, for `at_hash`. A backend with a quicker SHA-2 has its own.
    fn half_hash(&self, algorithm: Algorithm, ascii: &str) -> String {
        half_hash(algorithm, ascii)
    }
}

/// A public key, ready for use.
pub trait VerifyingKey: Send + Sync {
    /// Verifies a signature in the form of RFC 7518 section 3.
    ///
    /// # Errors
    /// [`ErrorCode::JWS_SIGNATURE`] if it is wrong; [`ErrorCode::JWS_ALGORITHM`] if the key is of another type. This
    /// crate checks the type before.
    fn verify(&self, algorithm: Algorithm, input: &[u8], signature: &[u8]) -> Result<(), ErrorCode>;
}
