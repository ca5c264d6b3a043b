//! Signatures by AWS-LC.

mod signing_key;

use std::sync::OnceLock;

use aws_lc_rs::digest::{SHA256, SHA384, SHA512, digest};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ECDSA_P521_SHA512_FIXED, ED25519, ParsedPublicKey,
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256,
    RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512, RsaParameters, RsaPublicKeyComponents,
};

pub use signing_key::SigningKey;

use super::contract::{Backend, VerifyingKey};
use crate::error::ErrorCode;
use crate::jose::algorithm::{Algorithm, Algorithms};
use crate::jose::hash::half;
use crate::jose::public_key::{PublicKey, is_small_order};

/// The backend.
#[derive(Clone, Copy, Debug)]
pub struct AwsLc;

/// AWS-LC binds a parsed RSA key to one of these.
const RSA: [(Algorithm, &RsaParameters); 6] = [
    (Algorithm::Rs256, &RSA_PKCS1_2048_8192_SHA256),
    (Algorithm::Rs384, &RSA_PKCS1_2048_8192_SHA384),
    (Algorithm::Rs512, &RSA_PKCS1_2048_8192_SHA512),
    (Algorithm::Ps256, &RSA_PSS_2048_8192_SHA256),
    (Algorithm::Ps384, &RSA_PSS_2048_8192_SHA384),
    (Algorithm::Ps512, &RSA_PSS_2048_8192_SHA512),
];

impl Backend for AwsLc {
    fn algorithms(&self) -> Algorithms {
        let others = [Algorithm::Es256, Algorithm::Es384, Algorithm::Es512, Algorithm::EdDsa, Algorithm::Ed25519];
        RSA.iter().fold(Algorithms::of(&others), |set, &(algorithm, _)| set.with(algorithm))
    }

    fn parse(&self, key: &PublicKey) -> Option<Box<dyn VerifyingKey>> {
        Some(match key {
            PublicKey::Rsa { n, e } => Box::new(Rsa {
                components: RsaPublicKeyComponents { n: n.clone(), e: e.clone() },
                parsed: Default::default(),
            }),
            PublicKey::P256(point) => {
                let key = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).ok()?;
                Box::new(Ecdsa { key, algorithm: Algorithm::Es256 })
            }
            PublicKey::P384(point) => {
                let key = ParsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, point).ok()?;
                Box::new(Ecdsa { key, algorithm: Algorithm::Es384 })
            }
            PublicKey::P521(point) => {
                let key = ParsedPublicKey::new(&ECDSA_P521_SHA512_FIXED, point).ok()?;
                Box::new(Ecdsa { key, algorithm: Algorithm::Es512 })
            }
            PublicKey::Ed25519(bytes) => Box::new(Ed25519(ParsedPublicKey::new(&ED25519, bytes).ok()?)),
        })
    }

    fn half_hash(&self, algorithm: Algorithm, ascii: &str) -> String {
        let sha = match algorithm {
            Algorithm::Rs256 | Algorithm::Ps256 | Algorithm::Es256 | Algorithm::Hs256 => &SHA256,
            Algorithm::Rs384 | Algorithm::Ps384 | Algorithm::Es384 => &SHA384,
            Algorithm::Rs512 | Algorithm::Ps512 | Algorithm::Es512 | Algorithm::EdDsa | Algorithm::Ed25519 => &SHA512,
        };
        half(digest(sha, ascii.as_bytes()).as_ref())
    }
}

struct Rsa {
    components: RsaPublicKeyComponents<Box<[u8]>>,
    /// In the order of [`RSA`], each made when first needed; mostly that is one.
    parsed: [OnceLock<Option<ParsedPublicKey>>; RSA.len()],
}

impl VerifyingKey for Rsa {
    fn verify(&self, algorithm: Algorithm, input: &[u8], signature: &[u8]) -> Result<(), ErrorCode> {
        let (&(_, parameters), parsed) =
            RSA.iter().zip(&self.parsed).find(|((own, _), _)| *own == algorithm).ok_or(ErrorCode::JWS_ALGORITHM)?;
        let key = parsed.get_or_init(|| self.components.to_parsed_public_key(parameters).ok());
        verify(key.as_ref().ok_or(ErrorCode::JWS_UNUSABLE_KEY)?, input, signature)
    }
}

struct Ecdsa {
    key: ParsedPublicKey,
    algorithm: Algorithm,
}

impl VerifyingKey for Ecdsa {
    fn verify(&self, algorithm: Algorithm, input: &[u8], signature: &[u8]) -> Result<(), ErrorCode> {
        if algorithm != self.algorithm {
            return Err(ErrorCode::JWS_ALGORITHM);
        }
        verify(&self.key, input, signature)
    }
}

struct Ed25519(ParsedPublicKey);

impl VerifyingKey for Ed25519 {
    fn verify(&self, algorithm: Algorithm, input: &[u8], signature: &[u8]) -> Result<(), ErrorCode> {
        if !matches!(algorithm, Algorithm::EdDsa | Algorithm::Ed25519) {
            return Err(ErrorCode::JWS_ALGORITHM);
        }
        // AWS-LC does not look at the order of R. What one backend refuses, the other must.
        if signature.first_chunk().is_none_or(is_small_order) {
            return Err(ErrorCode::JWS_SIGNATURE);
        }
        verify(&self.0, input, signature)
    }
}

fn verify(key: &ParsedPublicKey, input: &[u8], signature: &[u8]) -> Result<(), ErrorCode> {
    key.verify_sig(input, signature).map_err(|_| ErrorCode::JWS_SIGNATURE)
}
