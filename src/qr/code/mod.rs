//! The QR code: what one device shows and the other scans.
//!
//! ```text
//! MSC4108  "MATRIX" 02 mode  key[32]  u16 length, rendezvous URL  (mode 04: u16 length, homeserver)
//!                      03: the new device shows it    04: the existing device shows it
//!
//! MSC4388  "IO_ELEMENT_MSC4388" 03 intent  key[32]  u16 length, rendezvous id  u16 length, base URL
//!                                  00: log in    01: reciprocate
//! ```
//!
//! MSC4388 is a draft: its current text writes each of these two lengths in one byte. Such a code is refused as one of
//! another version.
//!
//! Lengths are big-endian. Bytes after the end are refused: two readers that disagree about them would see two codes.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use super::homeserver::NamedHomeserver;
use super::lenient_base64::base64_any_padding;
use super::proposal::Proposal;
use crate::base::url::Schemes;
use crate::error::{Error, ErrorCode};

mod code_url;
mod rendezvous_id;
#[cfg(test)]
mod tests;

pub use code_url::CodeUrl;
pub(in crate::qr) use rendezvous_id::PATH as PATH_4388;
pub use rendezvous_id::RendezvousId;

/// Largest code, in bytes: what the largest QR symbol holds.
pub const CODE_LIMIT: usize = 2953;

const PREFIX: &[u8] = b"MATRIX";
const VERSION: u8 = 0x02;
const MODE_LOGIN: u8 = 0x03;
const MODE_RECIPROCATE: u8 = 0x04;

const PREFIX_4388: &[u8] = b"IO_ELEMENT_MSC4388";
const TYPE_4388: u8 = 0x03;
const INTENT_LOGIN: u8 = 0x00;
const INTENT_RECIPROCATE: u8 = 0x01;

/// The role of the device that shows a code.
///
/// Exhaustive: a login has two sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Intent {
    /// It is new and wants to log in.
    Login,
    /// It is signed in and wants to log in a new device.
    Reciprocate,
}

/// Where the two devices meet.
#[derive(Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RendezvousAddress {
    /// MSC4108 as deployed.
    Msc4108 {
        /// The URL of the rendezvous.
        rendezvous: CodeUrl,
        /// The homeserver to log in at; present if and only if the existing device shows the code.
        homeserver: Option<NamedHomeserver>,
    },
    /// MSC4388, still a draft.
    Msc4388(RendezvousId),
}

impl fmt::Debug for RendezvousAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Who knows where the devices meet can disturb them.
        f.write_str(match self {
            Self::Msc4108 { .. } => "Msc4108(…)",
            Self::Msc4388(_) => "Msc4388(…)",
        })
    }
}

/// The content of a QR code. Only people who can see the screen may know it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct QrCode {
    intent: Intent,
    public_key: [u8; 32],
    rendezvous_address: RendezvousAddress,
}

impl QrCode {
    /// The code that a new device shows (MSC4108).
    pub fn login(public_key: [u8; 32], rendezvous: CodeUrl) -> Self {
        Self {
            intent: Intent::Login,
            public_key,
            rendezvous_address: RendezvousAddress::Msc4108 { rendezvous, homeserver: None },
        }
    }

    /// The code that an existing device shows (MSC4108).
    pub fn reciprocate(public_key: [u8; 32], rendezvous: CodeUrl, homeserver: NamedHomeserver) -> Self {
        let rendezvous_address = RendezvousAddress::Msc4108 { rendezvous, homeserver: Some(homeserver) };
        Self { intent: Intent::Reciprocate, public_key, rendezvous_address }
    }

    /// The code of MSC4388, for either device.
    pub fn with_id(intent: Intent, public_key: [u8; 32], rendezvous: RendezvousId) -> Self {
        Self { intent, public_key, rendezvous_address: RendezvousAddress::Msc4388(rendezvous) }
    }

    /// Reads the bytes of a QR code.
    ///
    /// # Errors
    /// `qr.code_…`; `qr.homeserver`.
    pub fn from_bytes(bytes: &[u8], schemes: Schemes) -> Result<Self, Error> {
        if bytes.len() > CODE_LIMIT {
            return Err(ErrorCode::QR_CODE_TOO_LARGE.into());
        }
        let mut rest = Bytes(bytes);
        let code = if rest.starts_with(PREFIX_4388) {
            Self::msc4388(&mut rest, schemes)?
        } else if rest.starts_with(PREFIX) {
            Self::msc4108(&mut rest, schemes)?
        } else {
            return Err(ErrorCode::QR_CODE_PREFIX.into());
        };
        if rest.0.is_empty() { Ok(code) } else { Err(ErrorCode::QR_CODE_TRAILING.into()) }
    }

    fn msc4108(rest: &mut Bytes<'_>, schemes: Schemes) -> Result<Self, Error> {
        if rest.byte()? != VERSION {
            return Err(ErrorCode::QR_CODE_VERSION.into());
        }
        let intent = match rest.byte()? {
            MODE_LOGIN => Intent::Login,
            MODE_RECIPROCATE => Intent::Reciprocate,
            _ => return Err(ErrorCode::QR_CODE_MODE.into()),
        };
        let public_key = *rest.take()?;
        let rendezvous = CodeUrl::read(rest.text()?, schemes, "rendezvous URL")?;
        let homeserver = match intent {
            Intent::Login => None,
            Intent::Reciprocate => Some(NamedHomeserver::new(rest.text()?, schemes)?),
        };
        Ok(Self { intent, public_key, rendezvous_address: RendezvousAddress::Msc4108 { rendezvous, homeserver } })
    }

    fn msc4388(rest: &mut Bytes<'_>, schemes: Schemes) -> Result<Self, Error> {
        if rest.byte()? != TYPE_4388 {
            return Err(ErrorCode::QR_CODE_VERSION.into());
        }
        let intent = match rest.byte()? {
            INTENT_LOGIN => Intent::Login,
            INTENT_RECIPROCATE => Intent::Reciprocate,
            _ => return Err(ErrorCode::QR_CODE_MODE.into()),
        };
        let public_key = *rest.take()?;
        // No ID is so long that its length takes two bytes: this is a length of one byte.
        if rest.0.first().is_some_and(|high| *high != 0) {
            return Err(ErrorCode::QR_CODE_VERSION.into());
        }
        let rendezvous = RendezvousId::new(rest.text()?, rest.text()?, schemes)?;
        Ok(Self { intent, public_key, rendezvous_address: RendezvousAddress::Msc4388(rendezvous) })
    }

    /// Reads a code that was copied as text: standard base64 of its bytes, padded or not.
    ///
    /// # Errors
    /// `qr.code_text` if it is not base64; the errors of [`QrCode::from_bytes`].
    pub fn from_base64(text: &str, schemes: Schemes) -> Result<Self, Error> {
        if text.len() > CODE_LIMIT.div_ceil(3) * 4 {
            return Err(ErrorCode::QR_CODE_TOO_LARGE.into());
        }
        Self::from_bytes(&base64_any_padding(text).ok_or(ErrorCode::QR_CODE_TEXT)?, schemes)
    }

    /// The bytes, for a QR symbol in byte mode.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(CODE_LIMIT.min(256));
        let reciprocates = self.intent == Intent::Reciprocate;
        match &self.rendezvous_address {
            RendezvousAddress::Msc4108 { rendezvous, homeserver } => {
                out.extend_from_slice(PREFIX);
                out.extend([VERSION, if reciprocates { MODE_RECIPROCATE } else { MODE_LOGIN }]);
                out.extend_from_slice(&self.public_key);
                push(&mut out, rendezvous.as_str());
                if let Some(homeserver) = homeserver {
                    push(&mut out, homeserver.as_str());
                }
            }
            RendezvousAddress::Msc4388(rendezvous) => {
                out.extend_from_slice(PREFIX_4388);
                out.extend([TYPE_4388, if reciprocates { INTENT_RECIPROCATE } else { INTENT_LOGIN }]);
                out.extend_from_slice(&self.public_key);
                push(&mut out, rendezvous.id());
                push(&mut out, rendezvous.base_url().as_str());
            }
        }
        out
    }

    /// The bytes as unpadded standard base64, to be copied as text.
    pub fn to_base64(&self) -> String {
        STANDARD_NO_PAD.encode(self.to_bytes())
    }

    /// What the device that shows the code wants.
    pub fn intent(&self) -> Intent {
        self.intent
    }

    /// The X25519 public key of the device that shows the code.
    pub fn public_key(&self) -> &[u8; 32] {
        &self.public_key
    }

    /// Where the devices meet.
    pub fn rendezvous_address(&self) -> &RendezvousAddress {
        &self.rendezvous_address
    }

    /// The proposal that it follows.
    pub fn proposal(&self) -> Proposal {
        match self.rendezvous_address {
            RendezvousAddress::Msc4108 { .. } => Proposal::Msc4108,
            RendezvousAddress::Msc4388(_) => Proposal::Msc4388,
        }
    }

    /// The homeserver to log in at; present if and only if the existing device shows the code.
    pub fn homeserver(&self) -> Option<&NamedHomeserver> {
        match &self.rendezvous_address {
            RendezvousAddress::Msc4108 { homeserver, .. } => homeserver.as_ref(),
            RendezvousAddress::Msc4388(rendezvous) => {
                (self.intent == Intent::Reciprocate).then(|| rendezvous.base_url())
            }
        }
    }

    /// Checks that a device with this intent can use the code: exactly one of the two devices must be new.
    ///
    /// # Errors
    /// `qr.other_not_signed_in` if both want to log in, `qr.other_signed_in` if both are.
    pub fn check_scanned_by(&self, own: Intent) -> Result<(), Error> {
        match (own, self.intent) {
            (Intent::Login, Intent::Login) => Err(ErrorCode::QR_OTHER_NOT_SIGNED_IN.into()),
            (Intent::Reciprocate, Intent::Reciprocate) => Err(ErrorCode::QR_OTHER_SIGNED_IN.into()),
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for QrCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "QrCode({:?}, {:?})", self.intent, self.rendezvous_address)
    }
}

fn push(out: &mut Vec<u8>, text: &str) {
    // Every text in a code was checked to be shorter than this.
    out.extend(u16::try_from(text.len()).unwrap_or(u16::MAX).to_be_bytes());
    out.extend_from_slice(text.as_bytes());
}

/// What is left to read.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn starts_with(&mut self, prefix: &[u8]) -> bool {
        let rest = self.0.strip_prefix(prefix);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    fn take<const N: usize>(&mut self) -> Result<&'a [u8; N], ErrorCode> {
        let (head, rest) = self.0.split_first_chunk().ok_or(ErrorCode::QR_CODE_TRUNCATED)?;
        self.0 = rest;
        Ok(head)
    }

    fn byte(&mut self) -> Result<u8, ErrorCode> {
        self.take().map(|[byte]: &[u8; 1]| *byte)
    }

    fn text(&mut self) -> Result<&'a str, ErrorCode> {
        let length = u16::from_be_bytes(*self.take()?);
        let (text, rest) = self.0.split_at_checked(length.into()).ok_or(ErrorCode::QR_CODE_TRUNCATED)?;
        self.0 = rest;
        std::str::from_utf8(text).map_err(|_| ErrorCode::QR_CODE_TEXT)
    }
}
