//! `application/x-www-form-urlencoded` (RFC 6749 appendix B): written into one buffer that was measured beforehand.

use std::borrow::Cow;

/// Appends the pairs, joined by `&`, to a buffer that has or gets room for all of them.
pub(crate) fn append(out: &mut String, pairs: &[(&str, &str)]) {
    // Exact, so that the buffer does not move and leave copies of secrets behind.
    out.reserve_exact(pairs.iter().map(|(name, value)| encoded_len(name) + encoded_len(value) + 2).sum());
    for (i, (name, value)) in pairs.iter().enumerate() {
        if i > 0 {
            out.push('&');
        }
        encode(out, name);
        out.push('=');
        encode(out, value);
    }
}

/// Appends one encoded name or value.
pub(crate) fn encode(out: &mut String, text: &str) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text.bytes() {
        if is_plain(byte) {
            out.push(char::from(byte));
        } else if byte == b' ' {
            out.push('+');
        } else {
            out.push('%');
            for digit in [byte >> 4, byte & 15] {
                out.push(HEX.get(usize::from(digit)).copied().map_or('0', char::from));
            }
        }
    }
}

fn encoded_len(text: &str) -> usize {
    text.bytes().map(|byte| if is_plain(byte) || byte == b' ' { 1 } else { 3 }).sum()
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'*' | b'-' | b'.' | b'_')
}

/// The pairs of a form, decoded. Invalid percent escapes stay as they are, as the URL Standard has it.
pub(crate) fn pairs(form: &str) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
    url::form_urlencoded::parse(form.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_writer_agrees_with_the_url_crate_and_its_own_measure() {
        let text: String = (0..=255_u8).map(char::from).chain("€ 😀".chars()).collect();
        let mut ours = String::new();
        append(&mut ours, &[("a b", &text), ("", "")]);
        let theirs =
            url::form_urlencoded::Serializer::new(String::new()).append_pair("a b", &text).append_pair("", "").finish();
        assert_eq!(ours, theirs);
        assert_eq!(encoded_len(&text), ours.len() - "a+b=&=".len());
    }
}
