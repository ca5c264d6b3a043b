//! HMAC-SHA-256 (RFC 2104), for `client_secret_jwt`: 20 lines over the hash that is here anyway.

use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

/// Shortest secret for HS256, in bytes: that of the hash (RFC 7518 section 3.2, OpenID Connect Core 1.0 section 16.19).
pub(crate) const HS256_SECRET_LENGTH: usize = 32;

/// Block length of SHA-256 in bytes.
const BLOCK: usize = 64;

/// The authentication code of `input` under `secret`.
pub(crate) fn hs256(secret: &[u8], input: &[u8]) -> [u8; 32] {
    let mut key = Zeroizing::new([0_u8; BLOCK]);
    if secret.len() > BLOCK {
        key.iter_mut().zip(Sha256::digest(secret)).for_each(|(slot, byte)| *slot = byte);
    } else {
        key.iter_mut().zip(secret).for_each(|(slot, byte)| *slot = *byte);
    }
    let padded = |pad: u8| Zeroizing::new(key.map(|byte| byte ^ pad));
    let inner = Sha256::new().chain_update(padded(0x36).as_slice()).chain_update(input).finalize();
    Sha256::new().chain_update(padded(0x5c).as_slice()).chain_update(inner).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4231 sections 4.2, 4.3 and 4.7 (a key longer than a block); and one of just a block, by Python's `hmac`.
    #[test]
    fn the_vectors_of_rfc_4231() {
        let hex = |text: &str| -> Vec<u8> {
            (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
        };
        for (key, input, expected) in [
            (vec![0x0b; 20], "Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
            (
                b"Jefe".to_vec(),
                "what do ya want for nothing?",
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ),
            (
                vec![0xaa; 131],
                "Test Using Larger Than Block-Size Key - Hash Key First",
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
            ),
            (
                vec![0xaa; 64],
                "A key of one block is taken as it is",
                "5529d841ddbb880a32f7eb7513d96c4dc48cc92c2bd3f6761912e2984cbc3c4b",
            ),
        ] {
            assert_eq!(hs256(&key, input.as_bytes()).as_slice(), hex(expected));
        }
    }
}
