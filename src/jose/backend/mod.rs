//! Signature backends: the RustCrypto crates or AWS-LC, selected by features, or your own [`Backend`].

#[cfg(feature = "aws-lc-rs")]
pub mod aws_lc;
mod contract;
#[cfg(all(feature = "aws-lc-rs", feature = "rustcrypto"))]
mod quicker;
#[cfg(feature = "rustcrypto")]
pub mod rustcrypto;
#[cfg(any(feature = "aws-lc-rs", feature = "rustcrypto"))]
mod signing_key;

use std::sync::Arc;

pub use contract::{Backend, VerifyingKey};

use crate::error::Error;
use crate::jose::algorithm::Algorithm;
use crate::jose::signer::Signer;

/// The default backend: AWS-LC if it is compiled in, otherwise RustCrypto, otherwise `None`. If both are compiled in,
/// each algorithm is verified by the quicker one: Ed25519 by RustCrypto, all others by AWS-LC.
pub fn default() -> Option<&'static dyn Backend> {
    let choices: &[&'static dyn Backend] = &[
        #[cfg(all(feature = "aws-lc-rs", feature = "rustcrypto"))]
        &quicker::Quicker,
        #[cfg(feature = "aws-lc-rs")]
        &aws_lc::AwsLc,
        #[cfg(feature = "rustcrypto")]
        &rustcrypto::RustCrypto,
    ];
    choices.first().copied()
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

/// A private key in the form of PKCS #8, which the default backend signs with.
#[cfg(feature = "testing")]
pub(crate) fn signer_from_pkcs8(algorithm: Algorithm, der: &[u8]) -> Option<Arc<dyn Signer>> {
    #[cfg(feature = "aws-lc-rs")]
    use aws_lc::SigningKey;
    #[cfg(not(feature = "aws-lc-rs"))]
    use rustcrypto::SigningKey;
    Some(Arc::new(SigningKey::from_pkcs8_der(algorithm, der, None).ok()?))
}

/// The compiled backends: AWS-LC, then RustCrypto.
pub fn compiled() -> &'static [&'static dyn Backend] {
    &[
        #[cfg(feature = "aws-lc-rs")]
        &aws_lc::AwsLc,
        #[cfg(feature = "rustcrypto")]
        &rustcrypto::RustCrypto,
    ]
}
