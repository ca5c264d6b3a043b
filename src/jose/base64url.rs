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
    (decode_into(text, &mut bytes)? == LENGTH).then_some(bytes)
}

/// The same into a buffer; `None` also if it is too short. Returns the length of the value.
pub(super) fn decode_into(text: &str, buffer: &mut [u8]) -> Option<usize> {
    URL_SAFE_NO_PAD.decode_slice(text, buffer).ok()
}

/// The one spelling of a value.
pub(super) fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The same, at the end of a text.
pub(super) fn encode_onto(text: &mut String, bytes: &[u8]) {
    URL_SAFE_NO_PAD.encode_string(bytes, text);
}
