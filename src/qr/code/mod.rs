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
//! Lengths are big-endian. Bytes after the end are refused: two readers that disagree about them would see two codes.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use super::homeserver::{NamedHomeserver, URL_LIMIT, plain_url};
use super::lenient_base64::base64_any_padding;
use crate::base::url::{Endpoint, Schemes};
use crate::error::{Error, ErrorCode};

#[cfg(test)]
mod tests;

/// Largest code, in bytes: what the largest QR symbol holds.
pub const CODE_LIMIT: usize = 2953;

/// Longest rendezvous id of MSC4388.
const ID_LIMIT: usize = 255;

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
    /// MSC4388, still a draft. This crate only reads and writes the code.
    Msc4388 {
        /// Which rendezvous: characters that need no escape in a URL.
        rendezvous_id: Box<str>,
        /// The base URL of the homeserver that has the rendezvous.
        base_url: CodeUrl,
    },
}

impl fmt::Debug for RendezvousAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Who knows where the devices meet can disturb them.
        f.write_str(match self {
            Self::Msc4108 { .. } => "Msc4108(…)",
            Self::Msc4388 { .. } => "Msc4388(…)",
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
        let id = rest.text()?;
        if !is_id(id) {
            return Err(Error::new(ErrorCode::QR_CODE_TEXT).at("rendezvous id"));
        }
        let base_url = CodeUrl::read(rest.text()?, schemes, "base URL")?;
        let rendezvous_address = RendezvousAddress::Msc4388 { rendezvous_id: id.into(), base_url };
        Ok(Self { intent, public_key, rendezvous_address })
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
            RendezvousAddress::Msc4388 { rendezvous_id, base_url } => {
                out.extend_from_slice(PREFIX_4388);
                out.extend([TYPE_4388, if reciprocates { INTENT_RECIPROCATE } else { INTENT_LOGIN }]);
                out.extend_from_slice(&self.public_key);
                push(&mut out, rendezvous_id);
                push(&mut out, base_url.as_str());
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

/// A URL in a code, kept as it was written, so that the code is printed as it was read.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct CodeUrl {
    text: Box<str>,
    endpoint: Endpoint,
}

impl CodeUrl {
    /// Checks a URL.
    ///
    /// # Errors
    /// `qr.code_url`, with `url.…` as its source; `qr.code_too_large`.
    pub fn new(text: &str, schemes: Schemes) -> Result<Self, Error> {
        Self::read(text, schemes, "rendezvous URL")
    }

    pub(crate) fn read(text: &str, schemes: Schemes, name: &'static str) -> Result<Self, Error> {
        if text.len() > URL_LIMIT {
            return Err(Error::new(ErrorCode::QR_CODE_TOO_LARGE).at(name));
        }
        let endpoint = plain_url(text, schemes);
        let unusable = |error| Error::new(ErrorCode::QR_CODE_URL).at(name).with_source(error);
        Ok(Self { endpoint: endpoint.map_err(unusable)?, text: text.into() })
    }

    /// The URL as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The URL, checked.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }
}

impl fmt::Debug for CodeUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CodeUrl({})", self.endpoint.uri().host().unwrap_or(""))
    }
}

/// RFC 3986 section 2.3: what stands in a path as it is. Dots alone would be another path.
fn is_id(text: &str) -> bool {
    (1..=ID_LIMIT).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~'))
        && !matches!(text, "." | "..")
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
