//! A private key in memory.

use std::convert::Infallible;

use ed25519_dalek::pkcs8::DecodePrivateKey as _;
use p256::ecdsa::signature::Signer as _;
use rsa::rand_core::utils::next_word_via_fill;
use rsa::rand_core::{TryCryptoRng, TryRng};
use rsa::traits::PublicKeyParts as _;
use sha2::{Digest, Sha256, Sha384, Sha512};
use zeroize::Zeroizing;

use crate::jose::algorithm::Algorithm;
use crate::jose::backend::signing_key::signing_key;
use crate::jose::public_key::PublicKey;

signing_key! {
    /// A private key for every algorithm of this backend.
    ///
    /// It needs no entropy: it derives the nonces of ECDSA (RFC 6979), the salts of PS256 and the blinding of RSA from
    /// the key and the message. Ed25519 is deterministic by definition. The same input gives the same signature.
}

enum Private {
    Rsa {
        key: Box<rsa::PrivateKey>,
        /// Known to nobody who does not know the key.
        seed: Zeroizing<[u8; 32]>,
    },
    P256(p256::ecdsa::SigningKey),
    P384(p384::ecdsa::SigningKey),
    P521(p521::ecdsa::SigningKey),
    Ed25519(ed25519_dalek::SigningKey),
}

impl Private {
    fn read(algorithm: Algorithm, der: &[u8]) -> Option<(Self, PublicKey)> {
        match algorithm {
            Algorithm::Es256 => ecdsa_p256(der),
            Algorithm::Es384 => ecdsa_p384(der),
            Algorithm::Es512 => ecdsa_p521(der),
            Algorithm::EdDsa | Algorithm::Ed25519 => ed25519(der),
            Algorithm::Hs256 => None,
            _ => rsa(der),
        }
    }

    fn sign(&self, algorithm: Algorithm, input: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::Rsa { key, seed } => {
                let mut rng = Derived::new(seed, algorithm, input);
                match algorithm {
                    Algorithm::Rs256 => key.pkcs1v15_sign_with_rng::<Sha256, _>(&mut rng, input),
                    Algorithm::Rs384 => key.pkcs1v15_sign_with_rng::<Sha384, _>(&mut rng, input),
                    Algorithm::Rs512 => key.pkcs1v15_sign_with_rng::<Sha512, _>(&mut rng, input),
                    Algorithm::Ps256 => key.pss_sign_with_rng::<Sha256, _>(&mut rng, input),
                    Algorithm::Ps384 => key.pss_sign_with_rng::<Sha384, _>(&mut rng, input),
                    Algorithm::Ps512 => key.pss_sign_with_rng::<Sha512, _>(&mut rng, input),
                    _ => return None,
                }
                .ok()
            }
            Self::P256(key) => key.try_sign(input).map(|signature: p256::ecdsa::Signature| signature.to_vec()).ok(),
            Self::P384(key) => key.try_sign(input).map(|signature: p384::ecdsa::Signature| signature.to_vec()).ok(),
            Self::P521(key) => key.try_sign(input).map(|signature: p521::ecdsa::Signature| signature.to_vec()).ok(),
            Self::Ed25519(key) => key.try_sign(input).map(|signature| signature.to_bytes().to_vec()).ok(),
        }
    }
}

fn rsa(der: &[u8]) -> Option<(Private, PublicKey)> {
    let key = Box::new(rsa::PrivateKey::from_pkcs8_der(der).ok()?);
    let public = PublicKey::rsa(&key.n().to_be_bytes(), &key.e().to_be_bytes())?;
    let seed = Zeroizing::new(Sha256::new().chain_update(b"oidc-proto RSA\0").chain_update(der).finalize().into());
    Some((Private::Rsa { key, seed }, public))
}

fn ecdsa_p256(der: &[u8]) -> Option<(Private, PublicKey)> {
    let key = p256::ecdsa::SigningKey::from_pkcs8_der(der).ok()?;
    let point = key.verifying_key().to_sec1_point(false).as_bytes().try_into().ok()?;
    Some((Private::P256(key), PublicKey::P256(point)))
}

fn ecdsa_p384(der: &[u8]) -> Option<(Private, PublicKey)> {
    let key = p384::ecdsa::SigningKey::from_pkcs8_der(der).ok()?;
    let point = key.verifying_key().to_sec1_point(false).as_bytes().try_into().ok()?;
    Some((Private::P384(key), PublicKey::P384(point)))
}

fn ecdsa_p521(der: &[u8]) -> Option<(Private, PublicKey)> {
    let key = p521::ecdsa::SigningKey::from_pkcs8_der(der).ok()?;
    let point = key.verifying_key().to_sec1_point(false).as_bytes().try_into().ok()?;
    Some((Private::P521(key), PublicKey::P521(point)))
}

fn ed25519(der: &[u8]) -> Option<(Private, PublicKey)> {
    let key = ed25519_dalek::SigningKey::from_pkcs8_der(der).ok()?;
    let public = PublicKey::ed25519(key.verifying_key().as_bytes())?;
    Some((Private::Ed25519(key), public))
}

/// A stream of bytes that nobody can foresee who does not know the key: SHA-256 over seed, message and a counter.
struct Derived {
    state: Zeroizing<[u8; 32]>,
    counter: u64,
}

impl Derived {
    /// The algorithm has a part in it: the salt of a PS256 signature is no secret, the blinding of an RS256 signature
    /// is.
    fn new(seed: &[u8; 32], algorithm: Algorithm, input: &[u8]) -> Self {
        let state = Sha256::new().chain_update(seed).chain_update([algorithm as u8]).chain_update(input);
        let state = state.finalize().into();
        Self { state: Zeroizing::new(state), counter: 0 }
    }

    fn block(&mut self) -> Zeroizing<[u8; 32]> {
        self.counter = self.counter.wrapping_add(1);
        let block = Sha256::new().chain_update(*self.state).chain_update(self.counter.to_be_bytes());
        Zeroizing::new(block.finalize().into())
    }
}

impl TryRng for Derived {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        next_word_via_fill(self)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        next_word_via_fill(self)
    }

    fn try_fill_bytes(&mut self, dst: &mut [u8]) -> Result<(), Infallible> {
        for chunk in dst.chunks_mut(32) {
            let block = self.block();
            chunk.iter_mut().zip(block.iter()).for_each(|(to, from)| *to = *from);
        }
        Ok(())
    }
}

impl TryCryptoRng for Derived {}

#[cfg(test)]
mod tests {
    use rsa::rand_core::Rng as _;

    use super::*;

    /// Whoever foresees the blinding of a signature learns of the key by how long it takes.
    #[test]
    fn what_is_derived_differs_by_key_algorithm_message_and_place() {
        let seed = [7; 32];
        let mut same = [Derived::new(&seed, Algorithm::Ps256, b"a"), Derived::new(&seed, Algorithm::Ps256, b"a")];
        let [first, again] = same.each_mut().map(|rng| {
            let mut bytes = [0; 80];
            rng.fill_bytes(&mut bytes);
            bytes
        });
        assert_eq!(first, again);
        let blocks = [
            first[..32].to_vec(),
            first[32..64].to_vec(),
            Derived::new(&[8; 32], Algorithm::Ps256, b"a").block().to_vec(),
            Derived::new(&seed, Algorithm::Rs256, b"a").block().to_vec(),
            Derived::new(&seed, Algorithm::Ps256, b"b").block().to_vec(),
        ];
        for (at, block) in blocks.iter().enumerate() {
            assert!(!blocks[..at].contains(block), "{at}");
        }
        assert_ne!(first[64..], [0; 16]);
        let [rng, _] = &mut same;
        assert_ne!(rng.next_u32(), rng.next_u32());
        assert_ne!(rng.next_u64(), rng.next_u64());
    }
}
