//! Base64url of 32 bytes: a digest, or as much entropy as a secret has. The length of the text is known.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// How long the text is.
pub(crate) const LENGTH: usize = 43;

/// The text of a digest, without an allocation.
pub(crate) struct DigestText([u8; LENGTH]);

impl DigestText {
    pub(crate) fn of(digest: &[u8; 32]) -> Self {
        let mut text = [0; LENGTH];
        encode(digest, &mut text);
        Self(text)
    }

    pub(crate) fn as_str(&self) -> &str {
        // The alphabet is ASCII.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// Writes the text. The buffer has exactly its length.
pub(crate) fn encode(bytes: &[u8; 32], text: &mut [u8; LENGTH]) {
    // It fails only where the buffer is too short, which the types rule out.
    let _ = URL_SAFE_NO_PAD.encode_slice(bytes, text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_has_the_text_that_a_string_would_have() {
        for byte in [0, 1, 0x5a, 0xff] {
            let digest = [byte; 32];
            assert_eq!(DigestText::of(&digest).as_str(), URL_SAFE_NO_PAD.encode(digest));
        }
    }
}
