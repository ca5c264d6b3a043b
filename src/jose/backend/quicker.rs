//! Both backends, each for the algorithms that it verifies more quickly.

use super::aws_lc::AwsLc;
use super::contract::{Backend, VerifyingKey};
use super::rustcrypto::RustCrypto;
use crate::jose::algorithm::{Algorithm, Algorithms};
use crate::jose::public_key::PublicKey;

/// The default where both are compiled in. `benches/RESULTS.md` has the figures behind the choice.
#[derive(Clone, Copy, Debug)]
pub(super) struct Quicker;

impl Backend for Quicker {
    fn algorithms(&self) -> Algorithms {
        AwsLc.algorithms()
    }

    fn parse(&self, key: &PublicKey) -> Option<Box<dyn VerifyingKey>> {
        match key {
            PublicKey::Ed25519(_) => RustCrypto.parse(key),
            _ => AwsLc.parse(key),
        }
    }

    fn half_hash(&self, algorithm: Algorithm, ascii: &str) -> String {
        AwsLc.half_hash(algorithm, ascii)
    }
}
