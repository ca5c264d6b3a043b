//! What a backend does.

use std::fmt;

use crate::error::ErrorCode;
use crate::jose::{Algorithm, Algorithms, PublicKey};

/// A library that verifies signatures.
pub trait Backend: fmt::Debug + Send + Sync {
    /// What it can verify.
    fn algorithms(&self) -> Algorithms;

    /// Makes a key ready for use; done once for a key. `None` if the backend does not take it: a point that is not on
    /// its curve.
    fn parse(&self, key: &PublicKey) -> Option<Box<dyn VerifyingKey>>;
}

/// A public key, ready for use.
pub trait VerifyingKey: Send + Sync {
    /// Verifies a signature in the form of RFC 7518 section 3.
    ///
    /// # Errors
    /// [`ErrorCode::JWS_SIGNATURE`] if it is wrong; [`ErrorCode::JWS_ALGORITHM`] if the key is of another type, which callers rule
    /// out.
    fn verify(&self, algorithm: Algorithm, input: &[u8], signature: &[u8]) -> Result<(), ErrorCode>;
}
