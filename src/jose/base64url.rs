//! Unpadded base64url, as RFC 7515 has it everywhere.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Unpadded base64url (RFC 7515 section 2). Padding, other characters, and last characters with bits that mean nothing
/// are refused, so that one value has one spelling.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// The same for a value whose length is known.
pub(super) fn decode_exact<const LENGTH: usize>(text: &str) -> Option<[u8; LENGTH]> {
    let mut bytes = [0; LENGTH];
    let length = URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).ok()?;
    (length == LENGTH).then_some(bytes)
}

/// The same for a value that is only looked at: on the stack, if it has at most `USUAL` bytes.
pub(super) fn decoded<const USUAL: usize, T>(text: &str, then: impl FnOnce(&[u8]) -> T) -> Option<T> {
    let mut buffer = [0; USUAL];
    match URL_SAFE_NO_PAD.decode_slice(text, &mut buffer) {
        Ok(length) => buffer.get(..length).map(then),
        Err(_) => decode(text).map(|bytes| then(&bytes)),
    }
}

/// The one spelling of a value.
pub(super) fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The same, at the end of a text.
pub(super) fn encode_onto(text: &mut String, bytes: &[u8]) {
    URL_SAFE_NO_PAD.encode_string(bytes, text);
}
