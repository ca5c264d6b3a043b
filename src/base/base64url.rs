//! Unpadded base64url, as RFC 7515 has it everywhere. Where the size of the code counts more than its time it is not done by
//! the `base64` crate, whose engine is four times as large.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::small::IS_SMALL;

/// Marks what is no letter of the alphabet. No value has this bit.
const NONE: u8 = 0x80;

/// The alphabet (RFC 4648 section 5).
const LETTERS: [u8; 64] = *b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// The six bits that each letter stands for.
#[allow(
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "a constant: an index out of bounds would not compile"
)]
const VALUES: [u8; 256] = {
    let (mut values, mut at) = ([NONE; 256], 0);
    while at < LETTERS.len() {
        values[LETTERS[at] as usize] = at as u8;
        at += 1;
    }
    values
};

/// Three bytes of each four letters. `wrong` gets the mark of what is no letter.
fn three_of(four: [u8; 4], wrong: &mut u8) -> [u8; 3] {
    let values = four.map(|letter| VALUES.get(usize::from(letter)).copied().unwrap_or(NONE));
    let [a, b, c, d] = values;
    *wrong |= a | b | c | d;
    let [a, b, c, d] = values.map(u32::from);
    let [_, x, y, z] = (a << 18 | b << 12 | c << 6 | d).to_be_bytes();
    [x, y, z]
}

/// Writes the value at the beginning of `out`, and returns its length; `None` also if there is not enough room.
fn decode_to(text: &str, out: &mut [u8]) -> Option<usize> {
    if IS_SMALL { decode_small(text, out) } else { URL_SAFE_NO_PAD.decode_slice(text, out).ok() }
}

fn decode_small(text: &str, out: &mut [u8]) -> Option<usize> {
    let (fours, rest) = text.as_bytes().as_chunks::<4>();
    let bytes_of_rest = [0, 0, 1, 2].get(rest.len()).copied().unwrap_or(0);
    let length = 3 * fours.len() + bytes_of_rest;
    let (threes, room) = out.get_mut(..length)?.as_chunks_mut::<3>();
    let mut wrong = 0;
    for (four, three) in fours.iter().zip(threes) {
        *three = three_of(*four, &mut wrong);
    }
    if !rest.is_empty() {
        // The letter for zero in place of those that are missing: the bytes beyond the value must be zero then.
        let mut four = [b'A'; 4];
        four.iter_mut().zip(rest).for_each(|(own, letter)| *own = *letter);
        let three = three_of(four, &mut wrong);
        let (value, beyond) = three.split_at_checked(bytes_of_rest)?;
        if rest.len() == 1 || beyond.iter().any(|byte| *byte != 0) {
            return None;
        }
        room.copy_from_slice(value);
    }
    (wrong & NONE == 0).then_some(length)
}

/// Unpadded base64url (RFC 7515 section 2). Padding, other characters, and last characters with bits that mean nothing
/// are refused, so that one value has one spelling.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    if !IS_SMALL {
        return URL_SAFE_NO_PAD.decode(text).ok();
    }
    let mut bytes = vec![0; text.len() / 4 * 3 + 2];
    let length = decode_to(text, &mut bytes)?;
    bytes.truncate(length);
    Some(bytes)
}

/// The same for a value whose length is known.
pub(crate) fn decode_exact<const LENGTH: usize>(text: &str) -> Option<[u8; LENGTH]> {
    let mut bytes = [0; LENGTH];
    let length = decode_to(text, &mut bytes)?;
    (length == LENGTH).then_some(bytes)
}

/// The same for a value that is only looked at: on the stack, if it has at most `USUAL` bytes.
pub(crate) fn decoded<const USUAL: usize, T>(text: &str, then: impl FnOnce(&[u8]) -> T) -> Option<T> {
    let mut buffer = [0; USUAL];
    match decode_to(text, &mut buffer) {
        Some(length) => buffer.get(..length).map(then),
        None => decode(text).map(|bytes| then(&bytes)),
    }
}

/// The one spelling of a value.
pub(crate) fn encode(bytes: impl AsRef<[u8]>) -> String {
    if !IS_SMALL {
        return URL_SAFE_NO_PAD.encode(bytes);
    }
    fn inner(bytes: &[u8]) -> String {
        let mut text = String::with_capacity(length_of(bytes));
        encode_onto(&mut text, bytes);
        text
    }
    inner(bytes.as_ref())
}

/// How many letters a value has.
fn length_of(bytes: &[u8]) -> usize {
    (4 * bytes.len()).div_ceil(3)
}

/// The same, at the end of a text.
pub(crate) fn encode_onto(text: &mut String, bytes: &[u8]) {
    if IS_SMALL { encode_small(text, bytes) } else { URL_SAFE_NO_PAD.encode_string(bytes, text) }
}

fn encode_small(text: &mut String, bytes: &[u8]) {
    const BLOCK: usize = 96;
    text.reserve(length_of(bytes));
    for block in bytes.chunks(BLOCK) {
        let mut room = [0; BLOCK / 3 * 4];
        let (fours, _) = room.as_chunks_mut::<4>();
        let (threes, rest) = block.as_chunks::<3>();
        let mut fours = fours.iter_mut();
        for (three, four) in threes.iter().zip(&mut fours) {
            *four = four_of(*three);
        }
        if let Some(four) = fours.next().filter(|_| !rest.is_empty()) {
            let mut three = [0; 3];
            three.iter_mut().zip(rest).for_each(|(own, byte)| *own = *byte);
            *four = four_of(three);
        }
        // The alphabet is ASCII.
        let letters = room.get(..length_of(block)).and_then(|letters| std::str::from_utf8(letters).ok());
        text.push_str(letters.unwrap_or_default());
    }
}

fn four_of([x, y, z]: [u8; 3]) -> [u8; 4] {
    let bits = u32::from_be_bytes([0, x, y, z]);
    [bits >> 18, bits >> 12, bits >> 6, bits]
        .map(|bits| LETTERS.get(usize::from(bits.to_le_bytes()[0] & 63)).copied().unwrap_or_default())
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, reason = "tests")]
mod tests {
    use super::*;

    /// A generator (SplitMix64).
    fn word(seed: &mut u64) -> u64 {
        *seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let word = (*seed ^ (*seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word ^ (word >> 27)
    }

    fn check(text: &str) {
        let expected = URL_SAFE_NO_PAD.decode(text).ok();
        let mut room = vec![0; text.len()];
        let length = decode_small(text, &mut room);
        assert_eq!(length.map(|length| room[..length].to_vec()), expected, "{text}");
        if let Some(length) = length {
            assert_eq!(decode_small(text, &mut room[..length]), Some(length), "{text}");
            assert!(length == 0 || decode_small(text, &mut room[..length - 1]).is_none(), "{text}");
        }
        assert_eq!(decode(text), expected, "{text}");
        assert_eq!(decoded::<8, _>(text, <[u8]>::to_vec), expected, "{text}");
        let four: Option<[u8; 4]> = expected.and_then(|bytes| bytes.try_into().ok());
        assert_eq!(decode_exact::<4>(text), four, "{text}");
    }

    #[test]
    fn it_is_what_the_crate_makes_of_it() {
        let mut seed = 1;
        for length in 0..400 {
            let bytes: Vec<u8> = (0..length).map(|_| word(&mut seed).to_le_bytes()[0]).collect();
            let text = URL_SAFE_NO_PAD.encode(&bytes);
            assert_eq!(encode(&bytes), text);
            for encode_onto in [encode_onto, encode_small] {
                let mut onto = "x".to_owned();
                encode_onto(&mut onto, &bytes);
                assert_eq!(onto, format!("x{text}"));
            }
            check(&text);
        }
    }

    /// Every byte at every place of short texts, and every last letter.
    #[test]
    fn it_refuses_what_the_crate_refuses() {
        for length in 0..10 {
            let text = "Q".repeat(length);
            check(&text);
            check(&format!("{text}="));
            for at in 0..length {
                for byte in 0..=0x7f_u8 {
                    let mut bytes = text.clone().into_bytes();
                    bytes[at] = byte;
                    check(std::str::from_utf8(&bytes).unwrap());
                }
            }
            for other in ["é", "€", "😀", "\u{80}"] {
                check(&format!("{text}{other}"));
                check(&format!("{other}{text}"));
            }
        }
    }
}
