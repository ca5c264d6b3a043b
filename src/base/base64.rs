//! Base64url of 32 bytes: a digest, or as much entropy as a secret has. The length of the text is known.

/// How long the text is.
const LENGTH: usize = 43;

/// Room for the text. What is left over is zero: the check for UTF-8 takes sixteen bytes in one
/// step, and a rest one by one.
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

/// Writes the text. Not by the `base64` crate, which takes several times as long for so short a text.
pub(crate) fn encode(bytes: &[u8; 32], room: &mut Room) {
    let (eights, _) = room.as_chunks_mut::<8>();
    let [.., before_last, last] = *bytes;
    for (at, eight) in eights.iter_mut().enumerate() {
        // Six bytes make eight letters. Two bytes are left, which make three.
        let word = match bytes.get(6 * at..).and_then(<[u8]>::first_chunk) {
            Some(word) => u64::from_be_bytes(*word),
            None => u64::from_be_bytes([before_last, last, 0, 0, 0, 0, 0, 0]),
        };
        *eight = sextets(word >> 16);
    }
    // Without a branch or a table: sixteen letters are made in one step.
    for letter in room.iter_mut() {
        *letter = of_sextet(*letter);
    }
    // Letters of no sextet.
    if let Some(rest) = room.get_mut(LENGTH..) {
        rest.fill(0);
    }
}

/// The eight groups of six bits in 48 bits: halves, quarters and eighths of them are moved apart.
fn sextets(bits: u64) -> [u8; 8] {
    let halves = (bits & 0xffff_ff00_0000) << 8 | bits & 0x00ff_ffff;
    let quarters = (halves & 0x00ff_f000_00ff_f000) << 4 | halves & 0x0000_0fff_0000_0fff;
    let eighths = (quarters & 0x0fc0_0fc0_0fc0_0fc0) << 2 | quarters & 0x003f_003f_003f_003f;
    eighths.to_be_bytes()
}

/// The letter for six bits (RFC 4648 section 5): `A`-`Z`, `a`-`z`, `0`-`9`, `-`, `_`. What is added
/// changes where a range ends. With a sign, because that comparison is one instruction.
fn of_sextet(bits: u8) -> u8 {
    let from = |first: i8, change: u8| if bits.cast_signed() >= first { change } else { 0 };
    bits.wrapping_add(b'A')
        .wrapping_add(from(26, b'a' - 26 - b'A'))
        .wrapping_sub(from(52, b'a' - 26 + 52 - b'0'))
        .wrapping_sub(from(62, b'0' + 10 - b'-'))
        .wrapping_add(from(63, b'_' - b'-' - 1))
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
