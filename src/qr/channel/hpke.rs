//! The cipher of MSC4388: HPKE (RFC 9180) in base mode, which encrypts from S to G. For the other
//! direction both derive a second context from a secret that they export from the first one, and a
//! nonce that G sends, as Oblivious HTTP does (RFC 9458 section 4.4).
//!
//! MSC4388 is a draft. The label of the exported secret is the one of the deployed library (`…_RESPONSE`); the current
//! text of the draft writes `… response`.

use ::hpke::aead::{AeadCtxR, AeadCtxS, ChaCha20Poly1305};
use ::hpke::danger::streaming_enc::{
    AeadKey, AeadNonce, ExporterSecret, create_receiver_context, create_sender_context,
};
use ::hpke::kdf::HkdfSha256;
use ::hpke::kem::X25519HkdfSha256;
use ::hpke::{Deserializable, HpkeError, Kem as _, OpModeR, OpModeS, Serializable as _};
use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::{Zeroize as _, Zeroizing};

use super::check_code::CheckCode;
use crate::base::env::Env;
use crate::error::ErrorCode;

const INFO: &[u8] = b"MATRIX_QR_CODE_LOGIN";
const RESPONSE: &[u8] = b"MATRIX_QR_CODE_LOGIN_RESPONSE";
const CHECK_CODE: &[u8] = b"MATRIX_QR_CODE_LOGIN_CHECKCODE";

type Kem = X25519HkdfSha256;
type Key = AeadKey<ChaCha20Poly1305>;
type BaseNonce = AeadNonce<ChaCha20Poly1305>;

pub(super) type SecretKey = <Kem as ::hpke::Kem>::PrivateKey;
/// One direction of the channel, at the device that writes.
pub(super) type Sealing = AeadCtxS<ChaCha20Poly1305, HkdfSha256, Kem>;
/// One direction of the channel, at the device that reads.
pub(super) type Opening = AeadCtxR<ChaCha20Poly1305, HkdfSha256, Kem>;
/// G's, in its response: as long as a key.
pub(super) type ResponseNonce = [u8; 32];

pub(super) fn key_pair(env: &mut dyn Env) -> (SecretKey, [u8; 32]) {
    let (secret, public) = Kem::gen_keypair_with_rng(&mut env.rng());
    (secret, public.to_bytes().into())
}

/// S: the context from S to G, and S's public key.
pub(super) fn setup_sender(generator: &[u8; 32], env: &mut dyn Env) -> Result<(Sealing, [u8; 32]), ErrorCode> {
    let mode = OpModeS::<Kem>::Base;
    let (key, context) =
        ::hpke::setup_sender_with_rng(&mode, &read(generator)?, INFO, &mut env.rng()).map_err(is_unsafe)?;
    Ok((context, key.to_bytes().into()))
}

/// G: the same context.
pub(super) fn setup_receiver(secret: &SecretKey, scanner: &[u8; 32]) -> Result<Opening, ErrorCode> {
    ::hpke::setup_receiver(&OpModeR::<Kem>::Base, secret, &read(scanner)?, INFO).map_err(is_unsafe)
}

fn read<T: Deserializable>(key: &[u8; 32]) -> Result<T, ErrorCode> {
    T::from_bytes(key).map_err(is_unsafe)
}

/// A key of low order, which gives a secret that does not depend on ours (RFC 9180 section 7.1.4).
fn is_unsafe(_: HpkeError) -> ErrorCode {
    ErrorCode::QR_CHANNEL_KEY
}

/// What both ends of the context from S to G can derive.
pub(super) trait Export {
    fn export(&self, context: &[u8], out: &mut [u8]) -> Result<(), HpkeError>;

    /// What the context from G to S is made of.
    fn response(&self, scanner: &[u8; 32], nonce: &ResponseNonce) -> Result<(Key, BaseNonce), ErrorCode> {
        let mut secret = Zeroizing::new([0; 32]);
        self.export(RESPONSE, secret.as_mut_slice()).map_err(is_unsafe)?;
        let salt = [scanner.as_slice(), nonce.as_slice()].concat();
        let (mut extracted, hkdf) = Hkdf::<Sha256>::extract(Some(&salt), secret.as_slice());
        extracted.as_mut_slice().zeroize();
        let (mut key, mut base_nonce) = (Key::default(), BaseNonce::default());
        // They fail beyond 255 blocks only.
        hkdf.expand(b"key", key.0.as_mut_slice()).map_err(|_| ErrorCode::QR_CHANNEL_KEY)?;
        hkdf.expand(b"nonce", base_nonce.0.as_mut_slice()).map_err(|_| ErrorCode::QR_CHANNEL_KEY)?;
        Ok((key, base_nonce))
    }

    fn check_code(&self, generator: &[u8; 32], scanner: &[u8; 32]) -> Result<CheckCode, ErrorCode> {
        let mut bytes = Zeroizing::new([0; 2]);
        let context = [CHECK_CODE, generator, scanner].concat();
        self.export(&context, bytes.as_mut_slice()).map_err(is_unsafe)?;
        Ok(CheckCode::without_leading_zero(*bytes))
    }
}

impl Export for Sealing {
    fn export(&self, context: &[u8], out: &mut [u8]) -> Result<(), HpkeError> {
        Self::export(self, context, out)
    }
}

impl Export for Opening {
    fn export(&self, context: &[u8], out: &mut [u8]) -> Result<(), HpkeError> {
        Self::export(self, context, out)
    }
}

/// S: the context from G to S.
pub(super) fn response_opening(
    context: &Sealing,
    scanner: &[u8; 32],
    nonce: &ResponseNonce,
) -> Result<Opening, ErrorCode> {
    let (key, base_nonce) = context.response(scanner, nonce)?;
    // Nothing is exported from this context, so its exporter secret is of no use to anybody.
    Ok(create_receiver_context(&key, base_nonce, ExporterSecret::default()))
}

/// G: the context from G to S.
pub(super) fn response_sealing(
    context: &Opening,
    scanner: &[u8; 32],
    nonce: &ResponseNonce,
) -> Result<Sealing, ErrorCode> {
    let (key, base_nonce) = context.response(scanner, nonce)?;
    Ok(create_sender_context(&key, base_nonce, ExporterSecret::default()))
}

pub(super) fn seal(context: &mut Sealing, text: &str, binding: &[u8]) -> Result<Vec<u8>, ErrorCode> {
    context.seal(text.as_bytes(), binding).map_err(|_| ErrorCode::QR_CHANNEL_EXHAUSTED)
}

pub(super) fn open(context: &mut Opening, sealed: &[u8], binding: &[u8]) -> Result<Zeroizing<Vec<u8>>, ErrorCode> {
    context.open(sealed, binding).map(Zeroizing::new).map_err(|error| match error {
        HpkeError::MessageLimitReached => ErrorCode::QR_CHANNEL_EXHAUSTED,
        _ => ErrorCode::QR_CHANNEL_DECRYPTION,
    })
}
