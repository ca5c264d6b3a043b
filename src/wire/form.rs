//! `application/x-www-form-urlencoded` (RFC 6749 appendix B): written into one buffer that was measured beforehand.

use std::borrow::Cow;

use zeroize::Zeroizing;

use crate::base::secret::Body;
use crate::base::url::Endpoint;

/// A parameter whose name this crate gives. The name is written as it is: it has only letters, `_` and `.`. Without a
/// value the parameter is left out.
pub(crate) type Own<'a> = (&'static str, Option<Value<'a>>);

/// The value of a parameter.
#[derive(Clone, Copy)]
pub(crate) enum Value<'a> {
    /// Any text. It is encoded.
    Text(&'a str),
    /// It is encoded already, or has only letters, digits, `-` and `_`: a constant, base64url. It is written as it is.
    Encoded(&'a str),
}

/// The URL of the endpoint with these parameters in its query: the crate's own, and those that the caller gave.
pub(crate) fn url<'a, const N: usize>(
    endpoint: &Endpoint,
    own: [Own<'_>; N],
    given: impl Iterator<Item = (&'a str, &'a str)> + Clone,
) -> String {
    joined(Some(endpoint), &own, given, &[])
}

/// A form: the crate's own parameters, those that the caller gave, and those that name the client.
pub(crate) fn body<'a, const N: usize, const M: usize>(
    own: [Own<'_>; N],
    given: impl Iterator<Item = (&'a str, &'a str)> + Clone,
    client: [Own<'_>; M],
) -> String {
    joined(None, &own, given, &client)
}

fn joined<'a, const N: usize, const M: usize>(
    endpoint: Option<&Endpoint>,
    own: &[Own<'_>; N],
    given: impl Iterator<Item = (&'a str, &'a str)> + Clone,
    client: &[Own<'_>; M],
) -> String {
    let (own, client) = (Measured::of(own), Measured::of(client));
    let given_length: usize = given.clone().map(|(name, value)| encoded_len(name) + encoded_len(value) + 2).sum();
    let length = (own.length + given_length + client.length).saturating_sub(1);
    // Exact, so that the buffer does not move and leave copies of secrets behind.
    let mut out = String::with_capacity(length + endpoint.map_or(0, Endpoint::length_around_query));
    if let Some(endpoint) = endpoint {
        endpoint.start_query(&mut out);
    }
    let start = out.len();
    own.write(&mut out, start);
    for (name, value) in given {
        separate(&mut out, start);
        encode(&mut out, name);
        out.push('=');
        encode(&mut out, value);
    }
    client.write(&mut out, start);
    if let Some(endpoint) = endpoint {
        endpoint.end_query(&mut out);
    }
    out
}

/// Writes what stands between two pairs; nothing before the first one.
fn separate(out: &mut String, start: usize) {
    if out.len() > start {
        out.push('&');
    }
}

/// Parameters, and whether each value has bytes to escape. A value without such bytes is examined
/// only once, because values are long.
struct Measured<'a, const N: usize> {
    parameters: &'a [Own<'a>; N],
    has_escapes: [bool; N],
    /// The length of all, each with its `=` and `&`.
    length: usize,
}

impl<'a, const N: usize> Measured<'a, N> {
    fn of(parameters: &'a [Own<'a>; N]) -> Self {
        let (mut has_escapes, mut length) = ([false; N], 0);
        for (has_escapes, (name, value)) in has_escapes.iter_mut().zip(parameters) {
            let (value, escapes) = match value {
                None => continue,
                Some(Value::Text(text)) => (text, escapes(text)),
                Some(Value::Encoded(text)) => (text, 0),
            };
            *has_escapes = escapes > 0;
            length += name.len() + value.len() + 2 * escapes + 2;
        }
        Self { parameters, has_escapes, length }
    }

    fn write(&self, out: &mut String, start: usize) {
        for ((name, value), has_escapes) in self.parameters.iter().zip(&self.has_escapes) {
            let Some(Value::Text(value) | Value::Encoded(value)) = value else { continue };
            separate(out, start);
            out.push_str(name);
            out.push('=');
            match has_escapes {
                false => out.push_str(value),
                true => escape(out, value),
            }
        }
    }
}

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
    match escapes(text) {
        0 => out.push_str(text),
        _ => escape(out, text),
    }
}

/// One encoded value.
pub(crate) fn encoded(text: &str) -> Box<str> {
    let mut out = String::with_capacity(encoded_len(text));
    encode(&mut out, text);
    out.into()
}

fn escape(out: &mut String, text: &str) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let digit = |bits: u8| HEX.get(usize::from(bits)).copied().map_or('0', char::from);
    // All plain bytes are ASCII, so a run of plain bytes consists of whole characters. Between two
    // bytes of one character there is no plain byte, and the slice is empty.
    let mut first = 0;
    for (at, byte) in text.bytes().enumerate().filter(|(_, byte)| !is_plain(*byte)) {
        out.push_str(text.get(first..at).unwrap_or_default());
        out.push('%');
        out.push(digit(byte >> 4));
        out.push(digit(byte & 15));
        first = at + 1;
    }
    out.push_str(text.get(first..).unwrap_or_default());
}

fn encoded_len(text: &str) -> usize {
    text.len() + 2 * escapes(text)
}

/// How many bytes of a text have to be escaped. Mostly that is none, as in tokens and secrets.
fn escapes(text: &str) -> usize {
    if text.len() >= 16 && is_all_plain(text.as_bytes()) {
        return 0;
    }
    text.bytes().map(|byte| usize::from(!is_plain(byte))).sum()
}

/// [`is_plain`] without a table: sixteen bytes are looked at in one step.
fn is_plain_by_ranges(byte: u8) -> bool {
    let is_in = |byte: u8, first: u8, last: u8| byte.wrapping_sub(first) <= last - first;
    is_in(byte | 0x20, b'a', b'z') | is_in(byte, b'0', b'9') | is_in(byte, b'-', b'.') | (byte == b'_') | (byte == b'*')
}

/// Whether all bytes are plain, of which there are sixteen at least.
fn is_all_plain(bytes: &[u8]) -> bool {
    let in_block = |block: &[u8; 16]| block.iter().fold(true, |all, &byte| all & is_plain_by_ranges(byte));
    let (blocks, _) = bytes.as_chunks::<16>();
    // The last sixteen bytes, some of which were looked at before.
    blocks.iter().all(in_block) && bytes.last_chunk().is_some_and(in_block)
}

/// Whether a byte stays as it is. A space becomes `%20`, which every reader takes for a space; `+` is one only to those
/// who read a query as a form.
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
        assert_eq!(format!("a%20b={}&=", encoded(&text)), ours);
    }

    #[test]
    fn blocks_and_single_bytes_agree_on_what_is_plain() {
        for byte in 0..=127_u8 {
            for at in 0..18 {
                let text = format!("{}{}{}", "a".repeat(at), char::from(byte), "a".repeat(17 - at));
                assert_eq!(escapes(&text), usize::from(!is_plain(byte)), "{byte} at {at}");
            }
        }
        assert_eq!(escapes(&"\u{e1}".repeat(16)), 32, "above 127");
        assert_eq!(escapes(&" ".repeat(16 * 300)), 16 * 300, "more than a byte counts");
    }

    #[test]
    fn parameters_fill_their_buffer_exactly() {
        let endpoint = |text: &str| Endpoint::page(text, Default::default()).unwrap();
        for (url_of, expected) in [
            ("https://op.example", "https://op.example/?a=1%202&c=%C3%A9&d%20=%26"),
            ("https://op.example/x?y=z", "https://op.example/x?y=z&a=1%202&c=%C3%A9&d%20=%26"),
            ("https://op.example/x?#top", "https://op.example/x?a=1%202&c=%C3%A9&d%20=%26#top"),
        ] {
            let url = url(
                &endpoint(url_of),
                [("a", Some(Value::Text("1 2"))), ("b", None), ("c", Some(Value::Encoded("%C3%A9")))],
                [("d ", "&")].into_iter(),
            );
            assert_eq!((url.as_str(), url.capacity()), (expected, expected.len()));
        }
        let text = |text| Some(Value::Text(text));
        let form = body([("a", text("1"))], [("b", "2")].into_iter(), [("client_id", text("x")), ("c", None)]);
        assert_eq!((form.as_str(), form.capacity()), ("a=1&b=2&client_id=x", 19));
        assert_eq!(body([("a", None)], std::iter::empty(), []), "");
        assert_eq!(body([], [("b", "2")].into_iter(), []), "b=2");
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
