//! Signatures by the RustCrypto crates, which run everywhere, also on wasm32.

mod signing_key;

use ed25519_dalek::Signature as Ed25519Signature;
use p256::ecdsa::signature::Verifier as _;
use rsa::BoxedUint;
use sha2::{Sha256, Sha384, Sha512};

pub use signing_key::SigningKey;

use super::contract::{Backend, VerifyingKey};
use crate::error::ErrorCode;
use crate::jose::algorithm::{Algorithm, Algorithms};
use crate::jose::public_key::PublicKey;

/// The backend.
#[derive(Clone, Copy, Debug)]
pub struct RustCrypto;

impl Backend for RustCrypto {
    fn algorithms(&self) -> Algorithms {
        Algorithms::of(&[
            Algorithm::Rs256,
            Algorithm::Rs384,
            Algorithm::Rs512,
            Algorithm::Ps256,
            Algorithm::Ps384,
            Algorithm::Ps512,
            Algorithm::Es256,
            Algorithm::Es384,
            Algorithm::Es512,
            Algorithm::EdDsa,
            Algorithm::Ed25519,
        ])
    }

    fn parse(&self, key: &PublicKey) -> Option<Box<dyn VerifyingKey>> {
        let parsed = match key {
            PublicKey::Rsa { n, e } => {
                let number = BoxedUint::from_be_slice_vartime;
                Parsed::Rsa(rsa::PublicKey::new(number(n), number(e)).ok()?)
            }
            PublicKey::P256(point) => Parsed::P256(p256::ecdsa::VerifyingKey::from_sec1_bytes(point).ok()?),
            PublicKey::P384(point) => Parsed::P384(p384::ecdsa::VerifyingKey::from_sec1_bytes(point).ok()?),
            PublicKey::P521(point) => Parsed::P521(p521::ecdsa::VerifyingKey::from_sec1_bytes(point).ok()?),
            PublicKey::Ed25519(bytes) => Parsed::Ed25519(ed25519_dalek::VerifyingKey::from_bytes(bytes).ok()?),
        };
        Some(Box::new(parsed))
    }
}

enum Parsed {
    Rsa(rsa::PublicKey),
    P256(p256::ecdsa::VerifyingKey),
    P384(p384::ecdsa::VerifyingKey),
    P521(p521::ecdsa::VerifyingKey),
    Ed25519(ed25519_dalek::VerifyingKey),
}

impl VerifyingKey for Parsed {
    fn verify(&self, algorithm: Algorithm, input: &[u8], signature: &[u8]) -> Result<(), ErrorCode> {
        let right = match (self, algorithm) {
            (Self::Rsa(key), Algorithm::Rs256) => key.pkcs1v15_verify::<Sha256>(input, signature).is_ok(),
            (Self::Rsa(key), Algorithm::Rs384) => key.pkcs1v15_verify::<Sha384>(input, signature).is_ok(),
            (Self::Rsa(key), Algorithm::Rs512) => key.pkcs1v15_verify::<Sha512>(input, signature).is_ok(),
            (Self::Rsa(key), Algorithm::Ps256) => key.pss_verify::<Sha256>(input, signature).is_ok(),
            (Self::Rsa(key), Algorithm::Ps384) => key.pss_verify::<Sha384>(input, signature).is_ok(),
            (Self::Rsa(key), Algorithm::Ps512) => key.pss_verify::<Sha512>(input, signature).is_ok(),
            (Self::P256(key), Algorithm::Es256) => p256::ecdsa::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify(input, &signature).is_ok()),
            (Self::P384(key), Algorithm::Es384) => p384::ecdsa::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify(input, &signature).is_ok()),
            (Self::P521(key), Algorithm::Es512) => p521::ecdsa::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify(input, &signature).is_ok()),
            (Self::Ed25519(key), Algorithm::EdDsa | Algorithm::Ed25519) => Ed25519Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify_strict(input, &signature).is_ok()),
            _ => return Err(ErrorCode::JWS_ALGORITHM),
        };
        if right { Ok(()) } else { Err(ErrorCode::JWS_SIGNATURE) }
    }
}
