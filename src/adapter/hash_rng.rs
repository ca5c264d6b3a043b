//! A random generator of SHA-256, for modules that should not need a second algorithm.

use std::convert::Infallible;

use rand_core::{TryCryptoRng, TryRng};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

/// Made by a seed of 256 bits. The digest of the state and a 1 is the next block, that of the state and a 0 is the next state:
/// whoever sees the state later cannot tell what came before ("fast key erasure").
pub(super) struct HashRng {
    state: Zeroizing<[u8; 32]>,
}

impl HashRng {
    pub(super) const fn new(seed: Zeroizing<[u8; 32]>) -> Self {
        Self { state: seed }
    }

    fn digest(&self, purpose: u8) -> Zeroizing<[u8; 32]> {
        let digest = Sha256::new().chain_update(self.state.as_slice()).chain_update([purpose]);
        Zeroizing::new(digest.finalize().into())
    }
}

impl TryRng for HashRng {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        for part in bytes.chunks_mut(32) {
            let block = self.digest(1);
            part.iter_mut().zip(block.iter()).for_each(|(byte, made)| *byte = *made);
            self.state = self.digest(0);
        }
        Ok(())
    }
}

impl TryCryptoRng for HashRng {}

#[cfg(test)]
mod tests {
    use rand_core::Rng as _;

    use super::*;

    fn of(bytes: &[u8], purpose: u8) -> [u8; 32] {
        Sha256::digest([bytes, &[purpose]].concat()).into()
    }

    #[test]
    fn blocks_are_digests_of_states_that_are_not_kept() {
        let seed = [7; 32];
        let mut rng = HashRng::new(Zeroizing::new(seed));
        let mut bytes = [0; 70];
        rng.fill_bytes(&mut bytes);
        let second = of(&seed, 0);
        let third = of(&second, 0);
        assert_eq!(bytes[..32], of(&seed, 1));
        assert_eq!(bytes[32..64], of(&second, 1));
        assert_eq!(bytes[64..], of(&third, 1)[..6]);
        // What is left of a block is not given to anybody.
        let fourth = of(&third, 0);
        assert_eq!(rng.next_u32().to_le_bytes(), of(&fourth, 1)[..4]);
        assert_eq!(rng.next_u64().to_le_bytes(), of(&of(&fourth, 0), 1)[..8]);
    }
}
