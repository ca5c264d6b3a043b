//! The secure channel between the two devices (ECIES, MSC4108).
//!
//! Device G generates the QR code. Device S scans it and sends the first message.
//!
//! ```text
//!   G                                              S
//! Generator::new ── public key in the QR code ──▶ Initiated::new
//! Generator::receive ◀── b64(ct)|b64(key) ─────────┘
//!   └▶ Unconfirmed ───── b64(ct) ────────────────▶ Initiated::receive ─▶ (Channel, CheckCode)
//!                                                          the user carries the check code over
//! Unconfirmed::confirm ◀─────────────────────────────────────────┘
//!   └▶ Channel ◀──────── b64(ct), either way ────▶ Channel
//! ```
//!
//! Anyone who can write to the rendezvous can respond to a QR code. Only the check code proves that S is the device
//! that scanned it. So G gets no [`Channel`] before the user has typed in the check code. An attacker guesses two
//! digits with a probability of 1 %, so there is only one try. After a wrong code, or a message that cannot be read,
//! there is no channel, only the right to send a [`LastMessage`].
//!
//! ```
//! # fn main() -> Result<(), oidc_proto::Error> {
//! use oidc_proto::qr::{CheckCode, Generator, Initiated};
//! # let mut env = oidc_proto::testing::TestEnv::seeded(1);
//! let g = Generator::new(&mut env);
//! let (s, first) = Initiated::new(g.public_key(), &mut env)?;
//! let (g, response) = g.receive(&first)?;
//! let (s, check_code) = s.receive(&response)?;
//! // S shows the check code, the user types it in on G.
//! let g = g.confirm(&CheckCode::parse(&check_code.digits())?)?;
//! let (_s, message) = s.seal("to G")?;
//! let (_g, text) = g.open(&message)?;
//! assert_eq!(text.expose(), "to G");
//! # Ok(()) }
//! ```

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use chacha20poly1305::aead::AeadInOut as _;
use chacha20poly1305::{ChaCha20Poly1305, KeyInit as _, Nonce};
use hkdf::Hkdf;
use sha2::Sha512;
use x25519_dalek::{EphemeralSecret, PublicKey, SharedSecret};
use zeroize::{Zeroize as _, Zeroizing};

use super::lenient_base64::base64_any_padding;
use super::redacted::redacted;
use crate::base::env::Env;
use crate::base::secret::{Secret, same_bytes};
use crate::error::{Error, ErrorCode};

#[cfg(test)]
mod tests;

const INITIATE: &str = "MATRIX_QR_CODE_LOGIN_INITIATE";
const OK: &str = "MATRIX_QR_CODE_LOGIN_OK";

// What is derived: the key of what S writes, the key of what G writes, the check code.
const ENCKEY_S: &str = "MATRIX_QR_CODE_LOGIN_ENCKEY_S";
const ENCKEY_G: &str = "MATRIX_QR_CODE_LOGIN_ENCKEY_G";
const CHECK_CODE: &str = "MATRIX_QR_CODE_LOGIN_CHECKCODE";

/// Longest encoded message, in bytes. Deployed rendezvous servers accept 4 KiB, and some accept more.
pub const MESSAGE_LIMIT: usize = 64 * 1024;

/// The device that generates the QR code (G), before the first message.
pub struct Generator {
    secret: EphemeralSecret,
    public: PublicKey,
}

impl Generator {
    /// A new key pair.
    pub fn new(env: &mut dyn Env) -> Self {
        let secret = EphemeralSecret::random_from_rng(env.rng());
        Self { public: PublicKey::from(&secret), secret }
    }

    /// The public key, for the QR code.
    pub fn public_key(&self) -> &[u8; 32] {
        self.public.as_bytes()
    }

    /// Reads the first message, which contains the other device's key, and returns the response to it.
    ///
    /// # Errors
    /// `qr.channel_malformed`, `qr.channel_key`, `qr.channel_decryption`, `qr.channel_greeting`.
    pub fn receive(self, first: &str) -> Result<(Unconfirmed, String), Error> {
        let (ciphertext, key) = first.split_once('|').ok_or(ErrorCode::QR_CHANNEL_MALFORMED)?;
        let key = base64_any_padding(key).ok_or(ErrorCode::QR_CHANNEL_MALFORMED)?;
        let theirs = <[u8; 32]>::try_from(key).map_err(|_| ErrorCode::QR_CHANNEL_MALFORMED)?;
        let shared = self.secret.diffie_hellman(&PublicKey::from(theirs));
        let derivation = Derivation::new(&shared, self.public.as_bytes(), &theirs)?;
        let mut opening = derivation.direction(ENCKEY_S)?;
        if opening.open(ciphertext)?.expose() != INITIATE {
            return Err(ErrorCode::QR_CHANNEL_GREETING.into());
        }
        let mut sealing = derivation.direction(ENCKEY_G)?;
        let response = sealing.seal(OK)?;
        Ok((Unconfirmed { channel: Channel { sealing, opening }, expected: derivation.check_code()? }, response))
    }
}

/// The device that generated the QR code (G), after the first message. The other end of the channel is not verified
/// until the user has typed in the check code.
pub struct Unconfirmed {
    channel: Channel,
    expected: CheckCode,
}

impl Unconfirmed {
    /// Compares the check code that the user typed in, in constant time. There is one try.
    ///
    /// # Errors
    /// `qr.check_code_mismatch`.
    pub fn confirm(self, typed: &CheckCode) -> Result<Channel, ChannelError> {
        if !same_bytes(&[*self.expected.0], &[*typed.0]) {
            return Err(self.channel.failed(ErrorCode::QR_CHECK_CODE_MISMATCH));
        }
        Ok(self.channel)
    }

    /// Gives up, for example because the other device shows no check code, or is not the user's.
    pub fn give_up(self) -> LastMessage {
        LastMessage(self.channel.sealing)
    }
}

/// The device that scanned the QR code (S), after its first message.
pub struct Initiated {
    sealing: Direction,
    opening: Direction,
    check_code: CheckCode,
}

impl Initiated {
    /// Creates a key pair and the first message for the device whose key was scanned.
    ///
    /// # Errors
    /// `qr.channel_key`.
    pub fn new(scanned: &[u8; 32], env: &mut dyn Env) -> Result<(Self, String), Error> {
        let secret = EphemeralSecret::random_from_rng(env.rng());
        let own = PublicKey::from(&secret);
        let shared = secret.diffie_hellman(&PublicKey::from(*scanned));
        let derivation = Derivation::new(&shared, scanned, own.as_bytes())?;
        let mut sealing = derivation.direction(ENCKEY_S)?;
        let mut first = sealing.seal(INITIATE)?;
        first.push('|');
        STANDARD_NO_PAD.encode_string(own.as_bytes(), &mut first);
        let opening = derivation.direction(ENCKEY_G)?;
        Ok((Self { sealing, opening, check_code: derivation.check_code()? }, first))
    }

    /// Reads the response. Only the device with the private key of the scanned code can have written it.
    ///
    /// # Errors
    /// `qr.channel_malformed`, `qr.channel_decryption`, `qr.channel_greeting`.
    pub fn receive(self, response: &str) -> Result<(Channel, CheckCode), ChannelError> {
        let Self { sealing, opening, check_code } = self;
        let (channel, greeting) = Channel { sealing, opening }.open(response)?;
        if greeting.expose() != OK {
            return Err(channel.failed(ErrorCode::QR_CHANNEL_GREETING));
        }
        Ok((channel, check_code))
    }
}

/// The secure channel. Each use consumes it and returns the next state.
pub struct Channel {
    sealing: Direction,
    opening: Direction,
}

impl Channel {
    /// Encrypts a text.
    ///
    /// # Errors
    /// `qr.channel_exhausted`.
    pub fn seal(mut self, text: &str) -> Result<(Self, String), Error> {
        let message = self.sealing.seal(text)?;
        Ok((self, message))
    }

    /// Decrypts the next message of the other device. A message out of its order cannot be read.
    ///
    /// # Errors
    /// `qr.channel_malformed`, `qr.channel_decryption`, `qr.channel_exhausted`.
    pub fn open(mut self, message: &str) -> Result<(Self, Secret), ChannelError> {
        match self.opening.open(message) {
            Ok(text) => Ok((self, text)),
            Err(code) => Err(self.failed(code)),
        }
    }

    fn failed(self, code: ErrorCode) -> ChannelError {
        ChannelError { error: code.into(), last_message: self.last_message() }
    }

    /// Ends the channel, except for one last message.
    pub fn last_message(self) -> LastMessage {
        LastMessage(self.sealing)
    }
}

/// The rest of an ended channel: the right to send one last message.
pub struct LastMessage(Direction);

impl LastMessage {
    /// Encrypts the last message.
    ///
    /// # Errors
    /// `qr.channel_exhausted`.
    pub fn seal(mut self, text: &str) -> Result<String, Error> {
        Ok(self.0.seal(text)?)
    }
}

/// The error that ended a channel, and the right to send one last message.
#[derive(Debug)]
#[non_exhaustive]
pub struct ChannelError {
    /// Why.
    pub error: Error,
    /// To tell the other device.
    pub last_message: LastMessage,
}

impl From<ChannelError> for Error {
    fn from(error: ChannelError) -> Self {
        error.error
    }
}

/// The check code: two digits that the scanning device shows and the user types in on the generating device.
pub struct CheckCode(Zeroizing<u8>);

impl CheckCode {
    /// Reads what the user typed.
    ///
    /// # Errors
    /// `qr.check_code_syntax` unless it is two digits; blanks around them do not matter.
    pub fn parse(typed: &str) -> Result<Self, Error> {
        match typed.trim().as_bytes() {
            [tens @ b'0'..=b'9', units @ b'0'..=b'9'] => Ok(Self(Zeroizing::new((tens - b'0') * 10 + (units - b'0')))),
            _ => Err(ErrorCode::QR_CHECK_CODE_SYNTAX.into()),
        }
    }

    fn new([first, second]: [u8; 2]) -> Self {
        Self(Zeroizing::new((first % 10) * 10 + second % 10))
    }

    /// The two digits, to be shown.
    pub fn digits(&self) -> String {
        format!("{:02}", *self.0)
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

    fn check_code(&self) -> Result<CheckCode, ErrorCode> {
        self.expand(CHECK_CODE).map(|bytes| CheckCode::new(*bytes))
    }
}

/// One direction of the channel: its key, and the number of its next message, which is the nonce.
struct Direction {
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

    fn seal(&mut self, text: &str) -> Result<String, ErrorCode> {
        let (cipher, nonce) = self.cipher()?;
        let mut buffer = Vec::with_capacity(text.len() + TAG);
        buffer.extend_from_slice(text.as_bytes());
        // It fails beyond 256 GiB only.
        cipher.encrypt_in_place(&nonce, b"", &mut buffer).map_err(|_| ErrorCode::QR_CHANNEL_EXHAUSTED)?;
        Ok(STANDARD_NO_PAD.encode(buffer))
    }

    fn open(&mut self, message: &str) -> Result<Secret, ErrorCode> {
        if message.len() > MESSAGE_LIMIT {
            return Err(ErrorCode::QR_CHANNEL_MALFORMED);
        }
        let mut buffer = Zeroizing::new(base64_any_padding(message).ok_or(ErrorCode::QR_CHANNEL_MALFORMED)?);
        let (cipher, nonce) = self.cipher()?;
        cipher.decrypt_in_place(&nonce, b"", &mut *buffer).map_err(|_| ErrorCode::QR_CHANNEL_DECRYPTION)?;
        // What was written by the other device, but is no text.
        let text = std::str::from_utf8(&buffer).map_err(|_| ErrorCode::QR_CHANNEL_MALFORMED)?;
        Ok(Secret::new(text))
    }
}

/// Length of the tag of Poly1305.
const TAG: usize = 16;

redacted!(Generator Unconfirmed Initiated Channel LastMessage CheckCode);
