//! The secure channel between the two devices: one interface, with ECIES below it (MSC4108) or HPKE (MSC4388).
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
//! Anyone who can write to the rendezvous can respond to a QR code. Only the check code proves that
//! S is the device that scanned it. So G gets no [`Channel`] before the user has typed in the check
//! code. An attacker guesses two digits with a probability of about 1 %, so there is only one try.
//! After a wrong code, or a message that cannot be read, there is no channel, only a
//! [`LastMessage`] for one last message.
//!
//! In MSC4388 the first message is `b64(key ‖ ct)`, the response is `b64(nonce ‖ ct)`, and each message is bound to the
//! state of the rendezvous that its writer has seen ([`AssociatedData`]).
//!
//! ```
//! # fn main() -> Result<(), oidc_proto::Error> {
//! use oidc_proto::qr::{AssociatedData, CheckCode, Generator, Initiated, Proposal};
//! # let mut env = oidc_proto::testing::TestEnv::seeded(1);
//! let none = AssociatedData::none();
//! let g = Generator::new(Proposal::Msc4108, &mut env);
//! let (s, first) = Initiated::new(Proposal::Msc4108, g.public_key(), &none, &mut env)?;
//! let (g, response) = g.receive(&first, &none, &none, &mut env)?;
//! let (s, check_code) = s.receive(&response, &none)?;
//! // S shows the check code, the user types it in on G.
//! let g = g.confirm(&CheckCode::parse(&check_code.digits())?)?;
//! let (_s, message) = s.seal("to G", &none)?;
//! let (_g, text) = g.open(&message, &none)?;
//! assert_eq!(text.expose(), "to G");
//! # Ok(()) }
//! ```

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use super::lenient_base64::base64_any_padding;
use super::proposal::Proposal;
use super::redacted::redacted;
use crate::base::env::Env;
use crate::base::secret::Secret;
use crate::error::{Error, ErrorCode};
use hpke::Export as _;

mod associated_data;
mod check_code;
mod ecies;
mod hpke;
#[cfg(test)]
mod tests;

pub use associated_data::AssociatedData;
pub use check_code::CheckCode;

const INITIATE: &str = "MATRIX_QR_CODE_LOGIN_INITIATE";
const OK: &str = "MATRIX_QR_CODE_LOGIN_OK";

/// Longest encoded message, in bytes. Deployed rendezvous servers accept 4 KiB, and some accept more.
pub const MESSAGE_LIMIT: usize = 64 * 1024;

/// The device that generates the QR code (G), before the first message.
pub struct Generator {
    secret: OwnKey,
    public: [u8; 32],
}

enum OwnKey {
    Ecies(ecies::SecretKey),
    Hpke(hpke::SecretKey),
}

impl Generator {
    /// A new key pair.
    pub fn new(proposal: Proposal, env: &mut dyn Env) -> Self {
        let (secret, public) = match proposal {
            Proposal::Msc4108 => {
                let (secret, public) = ecies::key_pair(env);
                (OwnKey::Ecies(secret), public)
            }
            Proposal::Msc4388 => {
                let (secret, public) = hpke::key_pair(env);
                (OwnKey::Hpke(secret), public)
            }
        };
        Self { secret, public }
    }

    /// The public key, for the QR code.
    pub fn public_key(&self) -> &[u8; 32] {
        &self.public
    }

    /// Reads the first message, which contains the other device's key, and returns the response to it. `opening` is
    /// what the first message is bound to, `sealing` what the response will be.
    ///
    /// # Errors
    /// `qr.channel_malformed`, `qr.channel_key`, `qr.channel_decryption`, `qr.channel_greeting`.
    pub fn receive(
        self,
        first: &str,
        opening: &AssociatedData,
        sealing: &AssociatedData,
        env: &mut dyn Env,
    ) -> Result<(Unconfirmed, String), Error> {
        let Self { secret, public } = self;
        Ok(match secret {
            OwnKey::Ecies(secret) => greeted_by_ecies(secret, &public, first)?,
            OwnKey::Hpke(secret) => greeted_by_hpke(&secret, &public, first, (opening, sealing), env)?,
        })
    }
}

fn greeted_by_ecies(secret: ecies::SecretKey, own: &[u8; 32], first: &str) -> Result<(Unconfirmed, String), ErrorCode> {
    let (ciphertext, key) = first.split_once('|').ok_or(ErrorCode::QR_CHANNEL_MALFORMED)?;
    let key = base64_any_padding(key).ok_or(ErrorCode::QR_CHANNEL_MALFORMED)?;
    let theirs = <[u8; 32]>::try_from(key).map_err(|_| ErrorCode::QR_CHANNEL_MALFORMED)?;
    let keys = ecies::Keys::of_generator(secret, own, &theirs)?;
    let mut opening = Opening::Ecies(keys.of_scanner);
    check_greeting(&opening.open(ciphertext, &AssociatedData::none())?, INITIATE)?;
    let mut sealing = Sealing::Ecies(keys.of_generator);
    let response = sealing.seal(OK, &AssociatedData::none())?;
    Ok((Unconfirmed { channel: Channel { sealing, opening }, expected: keys.check_code }, response))
}

fn greeted_by_hpke(
    secret: &hpke::SecretKey,
    own: &[u8; 32],
    first: &str,
    (opens, seals): (&AssociatedData, &AssociatedData),
    env: &mut dyn Env,
) -> Result<(Unconfirmed, String), ErrorCode> {
    let (theirs, ciphertext) = prefixed(first)?;
    let mut opening = hpke::setup_receiver(secret, &theirs)?;
    let greeting = hpke::open(&mut opening, &ciphertext, opens.as_bytes())?;
    check_greeting(&text(&greeting)?, INITIATE)?;
    let mut nonce = hpke::ResponseNonce::default();
    env.rng().fill_bytes(&mut nonce);
    let mut sealing = hpke::response_sealing(&opening, &theirs, &nonce)?;
    let expected = opening.check_code(own, &theirs)?;
    let mut response = nonce.to_vec();
    response.append(&mut hpke::seal(&mut sealing, OK, seals.as_bytes())?);
    let channel = Channel { sealing: Sealing::Hpke(sealing.into()), opening: Opening::Hpke(opening.into()) };
    Ok((Unconfirmed { channel, expected }, STANDARD_NO_PAD.encode(response)))
}

fn check_greeting(greeting: &Secret, expected: &str) -> Result<(), ErrorCode> {
    if greeting.expose() == expected { Ok(()) } else { Err(ErrorCode::QR_CHANNEL_GREETING) }
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
        if !self.expected.is_same(typed) {
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
pub struct Initiated(Greeting);

enum Greeting {
    Ecies { sealing: Sealing, opening: Opening, check_code: CheckCode },
    Hpke { sealing: Box<hpke::Sealing>, own: [u8; 32], scanned: [u8; 32] },
}

impl Initiated {
    /// Creates a key pair and the first message for the device whose key was scanned.
    ///
    /// # Errors
    /// `qr.channel_key`.
    pub fn new(
        proposal: Proposal,
        scanned: &[u8; 32],
        binding: &AssociatedData,
        env: &mut dyn Env,
    ) -> Result<(Self, String), Error> {
        match proposal {
            Proposal::Msc4108 => {
                let (secret, own) = ecies::key_pair(env);
                let keys = ecies::Keys::of_scanner(secret, &own, scanned)?;
                let (mut sealing, opening) = (Sealing::Ecies(keys.of_scanner), Opening::Ecies(keys.of_generator));
                let mut first = sealing.seal(INITIATE, &AssociatedData::none())?;
                first.push('|');
                STANDARD_NO_PAD.encode_string(own, &mut first);
                Ok((Self(Greeting::Ecies { sealing, opening, check_code: keys.check_code }), first))
            }
            Proposal::Msc4388 => {
                let (mut sealing, own) = hpke::setup_sender(scanned, env)?;
                let mut first = own.to_vec();
                first.append(&mut hpke::seal(&mut sealing, INITIATE, binding.as_bytes())?);
                let greeting = Greeting::Hpke { sealing: sealing.into(), own, scanned: *scanned };
                Ok((Self(greeting), STANDARD_NO_PAD.encode(first)))
            }
        }
    }

    /// Reads the response. Only the device with the private key of the scanned code can have written it.
    ///
    /// # Errors
    /// `qr.channel_malformed`, `qr.channel_decryption`, `qr.channel_greeting`.
    pub fn receive(self, response: &str, binding: &AssociatedData) -> Result<(Channel, CheckCode), ChannelError> {
        let (channel, greeting, check_code) = match self.0 {
            Greeting::Ecies { sealing, opening, check_code } => {
                let (channel, greeting) = Channel { sealing, opening }.open(response, binding)?;
                (channel, greeting, check_code)
            }
            Greeting::Hpke { sealing, own, scanned } => {
                let read = hpke_response(&sealing, (&own, &scanned), response, binding);
                let sealing = Sealing::Hpke(sealing);
                match read {
                    Ok((opening, greeting, check_code)) => {
                        (Channel { sealing, opening: Opening::Hpke(opening) }, greeting, check_code)
                    }
                    Err(code) => return Err(ChannelError { error: code.into(), last_message: LastMessage(sealing) }),
                }
            }
        };
        match check_greeting(&greeting, OK) {
            Ok(()) => Ok((channel, check_code)),
            Err(code) => Err(channel.failed(code)),
        }
    }
}

fn hpke_response(
    sealing: &hpke::Sealing,
    (own, scanned): (&[u8; 32], &[u8; 32]),
    response: &str,
    binding: &AssociatedData,
) -> Result<(Box<hpke::Opening>, Secret, CheckCode), ErrorCode> {
    let (nonce, ciphertext) = prefixed(response)?;
    let mut opening = hpke::response_opening(sealing, own, &nonce)?;
    let greeting = text(&hpke::open(&mut opening, &ciphertext, binding.as_bytes())?)?;
    Ok((opening.into(), greeting, sealing.check_code(scanned, own)?))
}

/// The secure channel. Each use consumes it and returns the next state.
pub struct Channel {
    sealing: Sealing,
    opening: Opening,
}

impl Channel {
    /// Encrypts a text.
    ///
    /// # Errors
    /// `qr.channel_exhausted`.
    pub fn seal(mut self, text: &str, binding: &AssociatedData) -> Result<(Self, String), Error> {
        let message = self.sealing.seal(text, binding)?;
        Ok((self, message))
    }

    /// Decrypts the next message of the other device. A message out of its order, or with another binding, cannot be
    /// read.
    ///
    /// # Errors
    /// `qr.channel_malformed`, `qr.channel_decryption`, `qr.channel_exhausted`.
    pub fn open(mut self, message: &str, binding: &AssociatedData) -> Result<(Self, Secret), ChannelError> {
        match self.opening.open(message, binding) {
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
pub struct LastMessage(Sealing);

impl LastMessage {
    /// Encrypts the last message.
    ///
    /// # Errors
    /// `qr.channel_exhausted`.
    pub fn seal(mut self, text: &str, binding: &AssociatedData) -> Result<String, Error> {
        Ok(self.0.seal(text, binding)?)
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
    fn from(broken: ChannelError) -> Self {
        broken.error
    }
}

/// What this device writes with.
enum Sealing {
    Ecies(ecies::Direction),
    Hpke(Box<hpke::Sealing>),
}

impl Sealing {
    fn seal(&mut self, text: &str, binding: &AssociatedData) -> Result<String, ErrorCode> {
        let sealed = match self {
            Self::Ecies(direction) => direction.seal(text)?,
            Self::Hpke(context) => hpke::seal(context, text, binding.as_bytes())?,
        };
        Ok(STANDARD_NO_PAD.encode(sealed))
    }
}

/// What this device reads with.
enum Opening {
    Ecies(ecies::Direction),
    Hpke(Box<hpke::Opening>),
}

impl Opening {
    fn open(&mut self, message: &str, binding: &AssociatedData) -> Result<Secret, ErrorCode> {
        let sealed = decoded(message)?;
        let opened = match self {
            Self::Ecies(direction) => direction.open(sealed)?,
            Self::Hpke(context) => hpke::open(context, &sealed, binding.as_bytes())?,
        };
        text(&opened)
    }
}

fn decoded(message: &str) -> Result<Vec<u8>, ErrorCode> {
    let decoded = if message.len() > MESSAGE_LIMIT { None } else { base64_any_padding(message) };
    decoded.ok_or(ErrorCode::QR_CHANNEL_MALFORMED)
}

/// A key or a nonce, and what follows it.
fn prefixed(message: &str) -> Result<([u8; 32], Vec<u8>), ErrorCode> {
    let bytes = decoded(message)?;
    let (prefix, rest) = bytes.split_first_chunk().ok_or(ErrorCode::QR_CHANNEL_MALFORMED)?;
    Ok((*prefix, rest.to_vec()))
}

/// What was written by the other device, if it is text.
fn text(opened: &[u8]) -> Result<Secret, ErrorCode> {
    std::str::from_utf8(opened).map(Secret::new).map_err(|_| ErrorCode::QR_CHANNEL_MALFORMED)
}

redacted!(Generator Unconfirmed Initiated Channel LastMessage CheckCode);
