//! Base64url of 32 bytes: a digest, or as much entropy as a secret has. The length of the text is known.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// How long the text is.
const LENGTH: usize = 43;

/// Room for the text. What is left over is zero: the check for UTF-8 takes sixteen bytes in one step, and a rest one by one.
pub(crate) type Room = [u8; 48];

pub(crate) const EMPTY: Room = [0; 48];

/// The text of a digest, without an allocation.
pub(crate) struct DigestText(Room);

impl DigestText {
    pub(crate) fn of(digest: &[u8; 32]) -> Self {
        let mut room = EMPTY;
        encode(digest, &mut room);
        Self(room)
    }

    pub(crate) fn as_str(&self) -> &str {
        text(&self.0)
    }
}

/// The text that was written here.
pub(crate) fn text(room: &Room) -> &str {
    // The alphabet is ASCII.
    std::str::from_utf8(room).ok().and_then(|text| text.get(..LENGTH)).unwrap_or_default()
}

/// Writes the text. Not by the `base64` crate, which takes three times as long for so short a text.
pub(crate) fn encode(bytes: &[u8; 32], room: &mut Room) {
    let letter = |bits: u32| ALPHABET.get(bits as usize & 63).copied().unwrap_or_default();
    let (triples, rest) = bytes.as_chunks::<3>();
    let (fours, _) = room.as_chunks_mut::<4>();
    let mut fours = fours.iter_mut();
    for (&[a, b, c], four) in triples.iter().zip(&mut fours) {
        let bits = u32::from_be_bytes([0, a, b, c]);
        *four = [letter(bits >> 18), letter(bits >> 12), letter(bits >> 6), letter(bits)];
    }
    // Two bytes are left, which are three letters.
    if let ([a, b], Some(four)) = (rest, fours.next()) {
        let bits = u32::from_be_bytes([0, *a, *b, 0]);
        *four = [letter(bits >> 18), letter(bits >> 12), letter(bits >> 6), 0];
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, reason = "tests")]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::*;

    #[test]
    fn a_digest_has_the_text_that_a_string_would_have() {
        let check = |digest: [u8; 32]| {
            assert_eq!(DigestText::of(&digest).as_str(), URL_SAFE_NO_PAD.encode(digest));
        };
        // Every byte at every place.
        for at in 0..32 {
            for byte in 0..=255 {
                let mut digest = [0x5a; 32];
                digest[at] = byte;
                check(digest);
            }
        }
        check([0; 32]);
        check([0xff; 32]);
    }
}
