//! A private key in memory.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair as RsaKeyPair;
use aws_lc_rs::signature::{
    self, ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, ECDSA_P521_SHA512_FIXED_SIGNING,
    EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair as _, RsaSignatureEncoding,
};

use crate::jose::algorithm::Algorithm;
use crate::jose::backend::signing_key::signing_key;
use crate::jose::pem;
use crate::jose::public_key::PublicKey;

signing_key! {
    /// A private key for every algorithm of this backend.
    ///
    /// AWS-LC creates the nonces of ECDSA and the salts of RSA-PSS with its own random generator, so two signatures of
    /// the same input differ.
}

enum Private {
    Rsa(Box<RsaKeyPair>, &'static RsaSignatureEncoding),
    Ecdsa(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl Private {
    fn read(algorithm: Algorithm, der: &[u8]) -> Option<(Self, PublicKey)> {
        match algorithm {
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
    }

    fn sign(&self, _: Algorithm, input: &[u8]) -> Option<Vec<u8>> {
        let random = SystemRandom::new();
        let signed = match self {
            Self::Rsa(key, encoding) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(*encoding, &random, input, &mut signature).map(|()| signature)
            }
            Self::Ecdsa(key) => key.sign(&random, input).map(|signature| signature.as_ref().to_vec()),
            Self::Ed25519(key) => key.try_sign(input).map(|signature| signature.as_ref().to_vec()),
        };
        signed.ok()
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
