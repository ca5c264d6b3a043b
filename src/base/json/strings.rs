//! Where a JSON string ends.

/// What stands before a string's closing quote, whether it holds escapes, and what comes after.
pub(super) fn take_string(bytes: &[u8]) -> Option<(&[u8], bool, &[u8])> {
    let mut end = 0;
    let mut has_escapes = false;
    loop {
        end += quote_or_backslash(bytes.get(end..)?)?;
        let (string, rest) = bytes.split_at_checked(end)?;
        match rest.split_first()? {
            (b'"', rest) => return Some((string, has_escapes, rest)),
            _ => {
                has_escapes = true;
                end += 2;
            }
        }
    }
}

/// Whether `is_it` is true for a byte. If `is_it` only compares, a compiler examines 128 bytes in
/// one step, and then 32.
pub(super) fn holds(bytes: &[u8], is_it: impl Fn(u8) -> bool) -> bool {
    // Without stopping inside a block, so that it is taken whole.
    fn in_block<const N: usize>(block: &[u8; N], is_it: impl Fn(u8) -> bool) -> bool {
        block.iter().fold(false, |any, &byte| any | is_it(byte))
    }
    let (large, rest) = bytes.as_chunks::<128>();
    let (small, rest) = rest.as_chunks::<32>();
    // The last 32 bytes, some of which were looked at before; a shorter text is looked at by byte.
    let in_rest = match bytes.last_chunk::<32>() {
        Some(block) => in_block(block, &is_it),
        None => rest.iter().any(|&byte| is_it(byte)),
    };
    in_rest || large.iter().any(|block| in_block(block, &is_it)) || small.iter().any(|block| in_block(block, &is_it))
}

/// The first quote or backslash. Everything goes through here: tokens, which are long, are passed over in blocks, and
/// names, which are short, eight bytes at a time.
fn quote_or_backslash(bytes: &[u8]) -> Option<usize> {
    const LOW: u64 = u64::from_ne_bytes([0x01; 8]);
    const HIGH: u64 = u64::from_ne_bytes([0x80; 8]);
    let is_it = |byte: &u8| (*byte == b'"') | (*byte == b'\\');
    // Without stopping inside a block, so that one comparison takes it whole.
    let in_block = |block: &[u8; 16]| block.iter().fold(false, |any, byte| any | is_it(byte));
    let blocks = bytes.as_chunks().0.iter().take_while(|block| !in_block(block)).count();
    let (words, rest) = bytes.get(16 * blocks..)?.as_chunks();
    // The lowest bit that is set belongs to the first byte that is zero. Those above may be wrong.
    let zeros = |word: u64| word.wrapping_sub(LOW) & !word & HIGH;
    for (at, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let found = zeros(word ^ (LOW * u64::from(b'"'))) | zeros(word ^ (LOW * u64::from(b'\\')));
        if found != 0 {
            return Some(16 * blocks + 8 * at + found.trailing_zeros() as usize / 8);
        }
    }
    rest.iter().position(is_it).map(|at| 16 * blocks + 8 * words.len() + at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_is_found_wherever_it_is() {
        for length in 0..300 {
            let mut bytes = vec![b'a'; length];
            assert!(!holds(&bytes, |byte| byte == b'{'), "{length}");
            for at in 0..length {
                bytes[at] = b'{';
                assert!(holds(&bytes, |byte| byte == b'{'), "{at} of {length}");
                bytes[at] = b'a';
            }
        }
    }

    #[test]
    fn strings_end_where_they_end_at_every_length() {
        for length in 0..70 {
            let plain = "\u{e9}".repeat(length / 2) + &"x".repeat(length % 2);
            for (escape, has_escapes) in
                [("", false), (r#"\""#, true), (r"\\", true), ("\u{80}\u{a2}\u{dc}#!][", false)]
            {
                for text in [format!("{plain}{escape}"), format!("{escape}{plain}")] {
                    let (string, escapes, rest) = (text.as_bytes(), has_escapes, b",".as_slice());
                    let document = format!(r#"{text}","#);
                    assert_eq!(take_string(document.as_bytes()), Some((string, escapes, rest)), "{text}");
                    assert_eq!(take_string(string), None, "{text}");
                }
            }
        }
    }
}
