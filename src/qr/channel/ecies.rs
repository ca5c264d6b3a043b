//! The cipher of MSC4108: ECIES.
//!
//! HKDF-SHA512 over the X25519 secret gives one key for each direction and the check code. The
//! nonce is the number of the message.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use chacha20poly1305::aead::AeadInOut as _;
use chacha20poly1305::{ChaCha20Poly1305, KeyInit as _, Nonce};
use hkdf::Hkdf;
use sha2::Sha512;
use x25519_dalek::{EphemeralSecret, PublicKey, SharedSecret};
use zeroize::{Zeroize as _, Zeroizing};

use super::check_code::CheckCode;
use crate::base::env::Env;
use crate::error::ErrorCode;

#[cfg(test)]
mod tests;

// What is derived: the key of what S writes, the key of what G writes, the check code.
const ENCKEY_S: &str = "MATRIX_QR_CODE_LOGIN_ENCKEY_S";
const ENCKEY_G: &str = "MATRIX_QR_CODE_LOGIN_ENCKEY_G";
const CHECK_CODE: &str = "MATRIX_QR_CODE_LOGIN_CHECKCODE";

/// Length of the tag of Poly1305.
const TAG: usize = 16;

pub(super) type SecretKey = EphemeralSecret;

pub(super) fn key_pair(env: &mut dyn Env) -> (SecretKey, [u8; 32]) {
    let secret = EphemeralSecret::random_from_rng(env.rng());
    let public = PublicKey::from(&secret).to_bytes();
    (secret, public)
}

/// The keys of both directions, and the check code.
pub(super) struct Keys {
    /// Of what S writes.
    pub(super) of_scanner: Direction,
    /// Of what G writes.
    pub(super) of_generator: Direction,
    pub(super) check_code: CheckCode,
}

impl Keys {
    /// For S.
    pub(super) fn of_scanner(secret: SecretKey, own: &[u8; 32], generator: &[u8; 32]) -> Result<Self, ErrorCode> {
        let shared = secret.diffie_hellman(&PublicKey::from(*generator));
        Derivation::new(&shared, generator, own)?.keys()
    }

    /// For G.
    pub(super) fn of_generator(secret: SecretKey, own: &[u8; 32], scanner: &[u8; 32]) -> Result<Self, ErrorCode> {
        let shared = secret.diffie_hellman(&PublicKey::from(*scanner));
        Derivation::new(&shared, own, scanner)?.keys()
    }
}

/// What the keys and the check code are derived from.
struct Derivation {
    hkdf: Hkdf<Sha512>,
    /// Both public keys, G's first.
    keys: String,
}

impl Derivation {
    fn new(shared: &SharedSecret, generator: &[u8; 32], scanner: &[u8; 32]) -> Result<Self, ErrorCode> {
        // A key of low order gives a secret that does not depend on ours.
        if !shared.was_contributory() {
            return Err(ErrorCode::QR_CHANNEL_KEY);
        }
        let keys = format!("|{}|{}", STANDARD_NO_PAD.encode(generator), STANDARD_NO_PAD.encode(scanner));
        // The same as `Hkdf::new`, which leaves the key that is extracted where it was.
        let (mut extracted, hkdf) = Hkdf::extract(None, shared.as_bytes());
        extracted.as_mut_slice().zeroize();
        Ok(Self { hkdf, keys })
    }

    fn keys(&self) -> Result<Keys, ErrorCode> {
        Ok(Keys {
            of_scanner: self.direction(ENCKEY_S)?,
            of_generator: self.direction(ENCKEY_G)?,
            check_code: self.expand(CHECK_CODE).map(|bytes| CheckCode::with_leading_zero(*bytes))?,
        })
    }

    fn expand<const N: usize>(&self, label: &str) -> Result<Zeroizing<[u8; N]>, ErrorCode> {
        let mut out = Zeroizing::new([0; N]);
        // It fails beyond 255 blocks only.
        self.hkdf
            .expand_multi_info(&[label.as_bytes(), self.keys.as_bytes()], out.as_mut_slice())
            .map_err(|_| ErrorCode::QR_CHANNEL_KEY)?;
        Ok(out)
    }

    fn direction(&self, label: &str) -> Result<Direction, ErrorCode> {
        Ok(Direction { key: self.expand(label)?, next: Some(0) })
    }
}

/// One direction of the channel: its key, and the number of its next message, which is the nonce.
pub(super) struct Direction {
    key: Zeroizing<[u8; 32]>,
    /// `None` once all were used: a nonce must not come twice.
    next: Option<u64>,
}

impl Direction {
    fn cipher(&mut self) -> Result<(ChaCha20Poly1305, Nonce), ErrorCode> {
        let number = self.next.ok_or(ErrorCode::QR_CHANNEL_EXHAUSTED)?;
        self.next = number.checked_add(1);
        let mut nonce = Nonce::default();
        nonce.iter_mut().zip(number.to_le_bytes()).for_each(|(to, from)| *to = from);
        Ok((ChaCha20Poly1305::new((&*self.key).into()), nonce))
    }

    pub(super) fn seal(&mut self, text: &str) -> Result<Vec<u8>, ErrorCode> {
        let (cipher, nonce) = self.cipher()?;
        let mut buffer = Vec::with_capacity(text.len() + TAG);
        buffer.extend_from_slice(text.as_bytes());
        // It fails beyond 256 GiB only.
        cipher.encrypt_in_place(&nonce, b"", &mut buffer).map_err(|_| ErrorCode::QR_CHANNEL_EXHAUSTED)?;
        Ok(buffer)
    }

    pub(super) fn open(&mut self, sealed: Vec<u8>) -> Result<Zeroizing<Vec<u8>>, ErrorCode> {
        let mut buffer = Zeroizing::new(sealed);
        let (cipher, nonce) = self.cipher()?;
        cipher.decrypt_in_place(&nonce, b"", &mut *buffer).map_err(|_| ErrorCode::QR_CHANNEL_DECRYPTION)?;
        Ok(buffer)
    }
}
