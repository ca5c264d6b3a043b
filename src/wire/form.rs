//! `application/x-www-form-urlencoded` (RFC 6749 appendix B): written into one buffer that was measured beforehand.

use std::borrow::Cow;

use zeroize::Zeroizing;

use crate::base::secret::Body;

/// Appends the pairs, joined by `&`, to a buffer that has or gets room for all of them.
pub(crate) fn append<'a>(out: &mut String, pairs: impl IntoIterator<Item = (&'a str, &'a str), IntoIter: Clone>) {
    let pairs = pairs.into_iter();
    // Exact, so that the buffer does not move and leave copies of secrets behind.
    let length: usize = pairs.clone().map(|(name, value)| encoded_len(name) + encoded_len(value) + 2).sum();
    out.reserve_exact(length.saturating_sub(1));
    for (i, (name, value)) in pairs.enumerate() {
        if i > 0 {
            out.push('&');
        }
        encode(out, name);
        out.push('=');
        encode(out, value);
    }
}

/// A form with more pairs, in a buffer of its own: the old one is wiped.
pub(crate) fn extended<'a>(form: &Body, pairs: impl IntoIterator<Item = (&'a str, &'a str), IntoIter: Clone>) -> Body {
    let pairs = pairs.into_iter();
    let more: usize = pairs.clone().map(|(name, value)| encoded_len(name) + encoded_len(value) + 2).sum();
    let mut out = String::with_capacity(form.len() + more);
    out.push_str(std::str::from_utf8(form.as_ref()).unwrap_or_default());
    out.push('&');
    append(&mut out, pairs);
    out.into()
}

/// Appends one encoded name or value.
pub(crate) fn encode(out: &mut String, text: &str) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let mut rest = text;
    // What is plain is ASCII, so that between two bytes that are not there are whole characters, or nothing.
    while let Some((at, _)) = rest.bytes().enumerate().find(|(_, byte)| !is_plain(*byte)) {
        let (plain, from) = rest.split_at_checked(at).unwrap_or_default();
        out.push_str(plain);
        // One character, which may be several bytes.
        let end = from.char_indices().nth(1).map_or(from.len(), |(end, _)| end);
        let (character, after) = from.split_at_checked(end).unwrap_or_default();
        for byte in character.bytes() {
            out.push('%');
            for digit in [byte >> 4, byte & 15] {
                out.push(HEX.get(usize::from(digit)).copied().map_or('0', char::from));
            }
        }
        rest = after;
    }
    out.push_str(rest);
}

fn encoded_len(text: &str) -> usize {
    text.len() + 2 * text.bytes().map(|byte| usize::from(!is_plain(byte))).sum::<usize>()
}

/// Whether a byte stays as it is. A table: it is asked twice for each byte that is sent. A space becomes `%20`, which
/// every reader takes for a space; `+` is one only to those who read a query as a form.
fn is_plain(byte: u8) -> bool {
    #[allow(clippy::indexing_slicing, reason = "a constant: an index out of bounds would not compile")]
    const PLAIN: [bool; 256] = {
        let mut table = [false; 256];
        let mut rest: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz*-._";
        while let [byte, others @ ..] = rest {
            table[*byte as usize] = true;
            rest = others;
        }
        table
    };
    PLAIN.get(usize::from(byte)).copied().unwrap_or(false)
}

/// The pairs of a form, decoded as the URL Standard has it: invalid percent escapes stay as they are.
///
/// Not by the `url` crate, which leaves copies of what it decodes.
pub(crate) fn pairs(form: &str) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
    raw(form).map(|(name, value)| (decode(name), decode(value)))
}

/// The names alone: no value is decoded.
pub(crate) fn names(form: &str) -> impl Iterator<Item = Cow<'_, str>> {
    raw(form).map(|(name, _)| decode(name))
}

fn raw(form: &str) -> impl Iterator<Item = (&str, &str)> {
    form.split('&').filter(|pair| !pair.is_empty()).map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

fn decode(text: &str) -> Cow<'_, str> {
    if !text.contains(['+', '%']) {
        return Cow::Borrowed(text);
    }
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        out.push(match (byte, after) {
            (b'+', _) => b' ',
            (b'%', [high, low, after @ ..]) => match (digit(high), digit(low)) {
                (Some(high), Some(low)) => {
                    rest = after;
                    high << 4 | low
                }
                _ => byte,
            },
            _ => byte,
        });
    }
    Cow::Owned(
        String::from_utf8(out)
            .unwrap_or_else(|error| String::from_utf8_lossy(&Zeroizing::new(error.into_bytes())).into_owned()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_writer_agrees_with_the_url_crate_and_its_own_measure() {
        let text: String = (0..=255_u8).map(char::from).chain("€ 😀".chars()).collect();
        let mut ours = String::new();
        append(&mut ours, [("a b", text.as_str()), ("", "")]);
        let theirs =
            url::form_urlencoded::Serializer::new(String::new()).append_pair("a b", &text).append_pair("", "").finish();
        assert_eq!(ours, theirs.replace('+', "%20"));
        assert_eq!(encoded_len(&text), ours.len() - "a%20b=&=".len());
    }

    #[test]
    fn the_reader_agrees_with_the_url_crate() {
        let odd = [
            "",
            "&",
            "=",
            "a",
            "a=",
            "=b",
            "a=b=c",
            "&&a=1&&",
            "a+b=%20%2B",
            "%zz=%4&%=%4g%41",
            "%c3%a9=%ff%C3",
            "é=😀+",
        ];
        for form in odd {
            let theirs: Vec<_> = url::form_urlencoded::parse(form.as_bytes()).collect();
            assert_eq!(pairs(form).collect::<Vec<_>>(), theirs, "{form}");
        }
    }
}
