//! Signature backends: the RustCrypto crates or AWS-LC, selected by features, or your own [`Backend`].

#[cfg(feature = "aws-lc-rs")]
pub mod aws_lc;
mod contract;
#[cfg(feature = "rustcrypto")]
pub mod rustcrypto;
#[cfg(any(feature = "aws-lc-rs", feature = "rustcrypto"))]
mod signing_key;

use std::sync::Arc;

pub use contract::{Backend, VerifyingKey};

use crate::error::Error;
use crate::jose::algorithm::Algorithm;
use crate::jose::signer::Signer;

/// The default backend: AWS-LC if it is compiled in, otherwise RustCrypto, otherwise `None`.
pub fn default() -> Option<&'static dyn Backend> {
    compiled().first().copied()
}

/// A private key in PEM, which the default backend signs with.
#[cfg(any(feature = "aws-lc-rs", feature = "rustcrypto"))]
pub(super) fn signer_from_pem(algorithm: Algorithm, pem: &str, kid: Option<&str>) -> Result<Arc<dyn Signer>, Error> {
    #[cfg(feature = "aws-lc-rs")]
    use aws_lc::SigningKey;
    #[cfg(not(feature = "aws-lc-rs"))]
    use rustcrypto::SigningKey;
    Ok(Arc::new(SigningKey::from_pem(algorithm, pem, kid)?))
}

/// There is none to sign with.
#[cfg(not(any(feature = "aws-lc-rs", feature = "rustcrypto")))]
pub(super) fn signer_from_pem(algorithm: Algorithm, pem: &str, _: Option<&str>) -> Result<Arc<dyn Signer>, Error> {
    super::pem::private_key(algorithm, pem).and(Err(crate::error::ErrorCode::JWS_NO_BACKEND.into()))
}

/// The compiled backends. The default backend is the first.
pub fn compiled() -> &'static [&'static dyn Backend] {
    &[
        #[cfg(feature = "aws-lc-rs")]
        &aws_lc::AwsLc,
        #[cfg(feature = "rustcrypto")]
        &rustcrypto::RustCrypto,
    ]
}
