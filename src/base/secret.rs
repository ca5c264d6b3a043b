//! Secret values: redacted in `Debug`, without `Display`, wiped when dropped.
//!
//! This crate does not wipe copies outside of its types, such as header values and the buffers of an HTTP client. The
//! test in `tests/memory` reads each block that a login frees.

use std::fmt;
use std::sync::Arc;

use http::HeaderValue;
use serde::{Deserialize, Deserializer, Serializer};
use zeroize::{Zeroize, Zeroizing};

use super::base64;
use crate::error::{Error, ErrorCode};

/// A secret string.
///
/// It is redacted in `Debug` and wiped when dropped. It is not `Serialize`: only the types for storage, such as
/// [`TokenSet`](crate::TokenSet), write secrets.
#[derive(Clone, Default)]
pub struct Secret(Box<str>);

impl Secret {
    /// Makes a secret from this string.
    pub fn new(text: impl Into<String>) -> Self {
        let mut text = text.into();
        if text.len() == text.capacity() {
            return Self(text.into_boxed_str());
        }
        // Shrinking the string may move it, and what it leaves behind would not be wiped.
        let exact = Box::from(text.as_str());
        text.zeroize();
        Self(exact)
    }

    /// The secret itself. The caller must not log or leak it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// 256 bits of entropy as 43 characters of base64url, as RFC 7636 section 4.1 wants a verifier to be.
    pub(crate) fn random(rng: &mut dyn rand_core::CryptoRng) -> Self {
        let (mut bytes, mut room) = ([0_u8; 32], base64::EMPTY);
        rng.fill_bytes(&mut bytes);
        base64::encode(&bytes, &mut room);
        let secret = Self::from(base64::text(&room));
        // As slices, a block at a time: arrays are wiped byte by byte.
        bytes.as_mut_slice().zeroize();
        room.as_mut_slice().zeroize();
        secret
    }

    /// Compares in a time that depends only on the lengths.
    pub fn matches(&self, other: &str) -> bool {
        same_bytes(self.0.as_bytes(), other.as_bytes())
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

/// For `#[serde(serialize_with)]` in the types that are stored.
pub(crate) fn store<S: Serializer>(secret: &Secret, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&secret.0)
}

/// Compares without stopping at the first difference. The lengths are not hidden.
pub(crate) fn same_bytes(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && std::hint::black_box(a.iter().zip(b).fold(0_u8, |all, (x, y)| all | (x ^ y))) == 0
}

/// Whether it is printable ASCII and not empty, as an access or refresh token is (RFC 6749 appendices A.12 and A.17).
pub(crate) fn is_token(text: &str) -> bool {
    // By the largest distance from a space, so that many bytes are looked at in one instruction: tokens are long.
    !text.is_empty() && text.bytes().fold(0, |largest: u8, byte| largest.max(byte.wrapping_sub(b' '))) <= b'~' - b' '
}

/// An access token: printable ASCII (RFC 6749 appendix A.12), so that it can always be sent in a header.
///
/// Clones share one text, which is wiped when the last of them is dropped.
#[derive(Clone)]
pub struct AccessToken(Arc<Secret>);

impl AccessToken {
    /// Checks the characters.
    ///
    /// # Errors
    /// `token.malformed` if it is empty or holds anything but printable ASCII.
    pub fn new(token: impl Into<Secret>) -> Result<Self, Error> {
        let token = token.into();
        if !is_token(token.expose()) {
            return Err(Error::new(ErrorCode::TOKEN_MALFORMED).at("access_token"));
        }
        Ok(Self(Arc::new(token)))
    }

    /// The token itself.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    pub(crate) fn secret(&self) -> &Secret {
        &self.0
    }

    /// The value of the `Authorization` header for a bearer token, marked sensitive (RFC 6750 section 2.1).
    pub fn bearer(&self) -> HeaderValue {
        self.authorization("Bearer")
    }

    /// The value of the `Authorization` header under a scheme, marked sensitive.
    pub(crate) fn authorization(&self, scheme: &str) -> HeaderValue {
        sensitive_header(&[scheme, " ", self.0.expose()])
    }
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessToken(…)")
    }
}

/// A header value of printable parts, marked sensitive; empty if a part is not printable, which callers rule out.
pub(crate) fn sensitive_header(parts: &[&str]) -> HeaderValue {
    let text = Zeroizing::new(parts.concat());
    let mut value = HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static(""));
    value.set_sensitive(true);
    value
}

/// The bytes of the body of a request or a response. Redacted in `Debug`, wiped when dropped.
#[derive(Clone, Default)]
pub struct Body(Vec<u8>);

impl Body {
    /// The number of bytes.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether the body is empty, as in a GET request.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        // As `Vec` would do it, but a block at a time.
        self.0.spare_capacity_mut().zeroize();
        self.0.as_mut_slice().zeroize();
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Body({} bytes)", self.0.len())
    }
}

impl AsRef<[u8]> for Body {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        Self(text.into_bytes())
    }
}

impl From<Body> for Vec<u8> {
    /// Moves the bytes out. The receiver then has to wipe them.
    fn from(mut body: Body) -> Self {
        std::mem::take(&mut body.0)
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn texts_of_every_length_are_compared_in_every_byte() {
        for length in 0..100 {
            let text = "a".repeat(length);
            assert!(same_bytes(text.as_bytes(), text.as_bytes()));
            assert!(!same_bytes(text.as_bytes(), &[text.as_bytes(), b"a"].concat()) && !same_bytes(b"ab", b"a"));
            for at in 0..length {
                let mut other = text.clone().into_bytes();
                other[at] ^= 0x80;
                assert!(!same_bytes(text.as_bytes(), &other), "{at} of {length}");
            }
        }
    }

    #[test]
    fn a_token_has_printable_ascii_alone() {
        for byte in 0..=255_u8 {
            for (before, after) in [(0, 0), (0, 40), (40, 0), (15, 17)] {
                let text = format!("{}{}{}", " ".repeat(before), char::from(byte), "~".repeat(after));
                assert_eq!(is_token(&text), matches!(byte, 0x20..=0x7e), "{byte}");
            }
        }
        assert!(!is_token(""));
    }
}
