//! A document without needless escapes.

use std::ops::Deref;

use super::strings::holds;
use crate::base::secret::Body;

/// A document in which strings hold no escape that they do not need: a parser borrows them then. A string with escapes
/// is put together in a buffer of the parser, which is not wiped.
pub(crate) enum Plain<'a> {
    Borrowed(&'a [u8]),
    Owned(Body),
}

impl Deref for Plain<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Borrowed(bytes) => bytes,
            Self::Owned(body) => body.as_ref(),
        }
    }
}

/// Takes the needless escapes out. What is wrong stays wrong.
pub(crate) fn plain(bytes: &[u8]) -> Plain<'_> {
    if !holds(bytes, |byte| byte == b'\\') {
        return Plain::Borrowed(bytes);
    }
    let mut out = Vec::with_capacity(bytes.len());
    let (mut rest, mut in_string) = (bytes, false);
    while let Some((&byte, after)) = rest.split_first() {
        let length = match (byte, in_string.then(|| needless(rest)).flatten()) {
            (_, Some((c, length))) => {
                out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                length
            }
            // What follows does not end the string.
            (b'\\', None) if in_string && !after.is_empty() => {
                out.extend(rest.iter().take(2));
                2
            }
            _ => {
                in_string ^= byte == b'"';
                out.push(byte);
                1
            }
        };
        rest = rest.get(length..).unwrap_or_default();
    }
    Plain::Owned(out.into())
}

/// The character that an escape stands for, where it could stand for itself, and the length of the escape.
fn needless(text: &[u8]) -> Option<(char, usize)> {
    let unit = |at: usize| -> Option<u16> {
        let digits =
            text.get(at..)?.strip_prefix(b"\\u")?.get(..4).filter(|hex| hex.iter().all(u8::is_ascii_hexdigit))?;
        u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    };
    let (c, length) = match (text.starts_with(b"\\/"), unit(0)) {
        (true, _) => ('/', 2),
        (_, Some(first)) => {
            let units = [Some(first), unit(6)].into_iter().flatten();
            let c = char::decode_utf16(units).next()?.ok()?;
            (c, 6 * c.len_utf16())
        }
        _ => return None,
    };
    (c >= ' ' && !matches!(c, '"' | '\\')).then_some((c, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn needless_escapes_are_taken_out_and_nothing_else_changes() {
        for (text, expected) in [
            (r#"{"a\/b":"\u0041\u00e9\u20AC\ud83d\ude00"}"#, r#"{"a/b":"Aé€😀"}"#),
            (r#"{"a":"\"\\\u0022\u005c\n\u000a\u0000"}"#, r#"{"a":"\"\\\u0022\u005c\n\u000a\u0000"}"#),
            (r#"{"a":"\\u0041","b":"\\\u0041"}"#, r#"{"a":"\\u0041","b":"\\A"}"#),
            // Half a character, no escape, outside of a string, at the end.
            (r#"{"a":"\ud83d\u0041\ude00"}"#, r#"{"a":"\ud83dA\ude00"}"#),
            (r#"{"a":"\u00g0\u+041\x\u12"}"#, r#"{"a":"\u00g0\u+041\x\u12"}"#),
            (r#"{"a":\u0031,\/"b":1}"#, r#"{"a":\u0031,\/"b":1}"#),
            (r#"{"a\"#, r#"{"a\"#),
        ] {
            assert_eq!(String::from_utf8_lossy(&plain(text.as_bytes())), expected, "{text}");
        }
    }
}
