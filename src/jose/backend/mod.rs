//! Who does the arithmetic: the RustCrypto crates or AWS-LC, chosen by features; or another one, brought along.

#[cfg(feature = "aws-lc-rs")]
pub mod aws_lc;
#[cfg(feature = "rustcrypto")]
pub mod rustcrypto;

use std::fmt;

use super::{Algorithm, Algorithms, PublicKey};
use crate::error::ErrorCode;

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

/// The backend of key sets that name no other: AWS-LC if compiled in, else RustCrypto, else none.
pub fn default() -> Option<&'static dyn Backend> {
    compiled().first().copied()
}

/// Those compiled in, the default one first.
pub fn compiled() -> &'static [&'static dyn Backend] {
    &[
        #[cfg(feature = "aws-lc-rs")]
        &aws_lc::AwsLc,
        #[cfg(feature = "rustcrypto")]
        &rustcrypto::RustCrypto,
    ]
}
