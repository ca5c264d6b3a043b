//! A private key in memory.

use std::fmt;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair as RsaKeyPair;
use aws_lc_rs::signature::{
    self, ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, ECDSA_P521_SHA512_FIXED_SIGNING,
    EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair as _, RsaSignatureEncoding,
};

use crate::error::{Error, ErrorCode};
use crate::jose::algorithm::Algorithm;
use crate::jose::pem;
use crate::jose::public_key::PublicKey;
use crate::jose::signer::Signer;

/// A private key for every algorithm of this backend.
///
/// AWS-LC creates the nonces of ECDSA and the salts of RSA-PSS with its own random generator, so two signatures of the
/// same input differ.
pub struct SigningKey {
    algorithm: Algorithm,
    kid: Option<Box<str>>,
    private: Private,
    public: PublicKey,
}

enum Private {
    Rsa(Box<RsaKeyPair>, &'static RsaSignatureEncoding),
    Ecdsa(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl SigningKey {
    /// Reads a key in PEM: PKCS #8, PKCS #1 or SEC 1.
    ///
    /// # Errors
    /// As [`PrivateKey::from_pem`](crate::jose::PrivateKey::from_pem).
    pub fn from_pem(algorithm: Algorithm, pem: &str, kid: Option<&str>) -> Result<Self, Error> {
        Self::from_pkcs8_der(algorithm, &pem::private_key(algorithm, pem)?, kid)
    }

    /// Reads a key in the form of PKCS #8 (RFC 5958), DER.
    ///
    /// # Errors
    /// `private_key.unusable` if the bytes are not such a key, if the key is for another algorithm, or if it is an RSA
    /// key below 2048 or above 8192 bits.
    pub fn from_pkcs8_der(algorithm: Algorithm, der: &[u8], kid: Option<&str>) -> Result<Self, Error> {
        let (private, public) = match algorithm {
            Algorithm::Rs256 => rsa(der, &signature::RSA_PKCS1_SHA256),
            Algorithm::Rs384 => rsa(der, &signature::RSA_PKCS1_SHA384),
            Algorithm::Rs512 => rsa(der, &signature::RSA_PKCS1_SHA512),
            Algorithm::Ps256 => rsa(der, &signature::RSA_PSS_SHA256),
            Algorithm::Ps384 => rsa(der, &signature::RSA_PSS_SHA384),
            Algorithm::Ps512 => rsa(der, &signature::RSA_PSS_SHA512),
            Algorithm::Es256 => {
                ecdsa(der, &ECDSA_P256_SHA256_FIXED_SIGNING, |point| Some(PublicKey::P256(point.try_into().ok()?)))
            }
            Algorithm::Es384 => {
                ecdsa(der, &ECDSA_P384_SHA384_FIXED_SIGNING, |point| Some(PublicKey::P384(point.try_into().ok()?)))
            }
            Algorithm::Es512 => {
                ecdsa(der, &ECDSA_P521_SHA512_FIXED_SIGNING, |point| Some(PublicKey::P521(point.try_into().ok()?)))
            }
            Algorithm::EdDsa | Algorithm::Ed25519 => ed25519(der),
            Algorithm::Hs256 => None,
        }
        .ok_or(ErrorCode::PRIVATE_KEY_UNUSABLE)?;
        Ok(Self { algorithm, kid: kid.map(Into::into), private, public })
    }

    /// The public key.
    pub fn public_key(&self) -> &PublicKey {
        &self.public
    }

    /// The public key as a JWK, with `use`, `alg` and `kid`: a member of a key set.
    pub fn public_jwk(&self) -> String {
        self.public.to_jwk(self.algorithm, self.kid.as_deref())
    }
}

fn rsa(der: &[u8], encoding: &'static RsaSignatureEncoding) -> Option<(Private, PublicKey)> {
    let key = Box::new(RsaKeyPair::from_pkcs8(der).ok()?);
    // `RSAPublicKey` (RFC 8017 appendix A.1.1): a sequence of two numbers.
    let (numbers, _) = pem::der_content(0x30, key.public_key().as_ref())?;
    let (modulus, rest) = pem::der_content(0x02, numbers)?;
    let (exponent, _) = pem::der_content(0x02, rest)?;
    let public = PublicKey::rsa(modulus, exponent)?;
    Some((Private::Rsa(key, encoding), public))
}

fn ecdsa(
    der: &[u8],
    algorithm: &'static EcdsaSigningAlgorithm,
    public: fn(&[u8]) -> Option<PublicKey>,
) -> Option<(Private, PublicKey)> {
    let key = EcdsaKeyPair::from_pkcs8(algorithm, der).ok()?;
    let public = public(key.public_key().as_ref())?;
    Some((Private::Ecdsa(key), public))
}

fn ed25519(der: &[u8]) -> Option<(Private, PublicKey)> {
    // The public key is an optional part of the form. If it is there, it is compared.
    let key = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).ok()?;
    let public = PublicKey::ed25519(key.public_key().as_ref())?;
    Some((Private::Ed25519(key), public))
}

impl Signer for SigningKey {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    fn key_id(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    fn public_key(&self) -> Option<&PublicKey> {
        Some(&self.public)
    }

    fn sign(&self, input: &[u8]) -> Result<Vec<u8>, Error> {
        let random = SystemRandom::new();
        let signed = match &self.private {
            Private::Rsa(key, encoding) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(*encoding, &random, input, &mut signature).map(|()| signature)
            }
            Private::Ecdsa(key) => key.sign(&random, input).map(|signature| signature.as_ref().to_vec()),
            Private::Ed25519(key) => key.try_sign(input).map(|signature| signature.as_ref().to_vec()),
        };
        signed.map_err(|_| ErrorCode::SIGN_FAILED.into())
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("algorithm", &self.algorithm).field("kid", &self.kid).finish_non_exhaustive()
    }
}
