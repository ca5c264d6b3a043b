//! Values that are JSON, and that no type of a program holds: numbers beyond the range of `f64`,
//! and strings with half a character. Such a string comes, for example, from a program that cuts
//! texts at a number of UTF-16 units. Also strings that are no JSON: in another encoding than
//! UTF-8, or with control characters that are not escaped.

use super::plain::plain;
use super::strings::take_string;
use crate::base::secret::Body;

/// An empty object, which every member takes for a value that it cannot read.
pub(super) const UNREADABLE: &[u8] = b"{}";

/// What an application takes for no value.
pub(super) const NONE: &[u8] = b"null";

/// The document with this in place of each such value; `None` if there is none. Names stay, and
/// strings that are no JSON, unless `with_broken`.
#[cold]
#[inline(never)]
pub(super) fn without_unheld(document: &[u8], with_broken: bool, in_place: &[u8]) -> Option<Body> {
    let document = plain(document);
    let mut out = Vec::with_capacity(document.len());
    let (mut rest, mut any) = (&*document, false);
    while let Some((&byte, after)) = rest.split_first() {
        let (value, left, is_unheld) = match byte {
            b'"' => {
                let (string, has_escapes, left) = take_string(after)?;
                let is_name = left.trim_ascii_start().first() == Some(&b':');
                let whole = rest.split_at_checked(rest.len() - left.len())?.0;
                let is_odd = has_escapes && has_half(string) || with_broken && is_broken(string);
                (whole, left, !is_name && is_odd)
            }
            b'-' | b'0'..=b'9' => {
                let is_part = |byte: &u8| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
                let (number, left) = rest.split_at_checked(rest.iter().take_while(|byte| is_part(byte)).count())?;
                (number, left, is_beyond(number))
            }
            _ => (rest.split_at_checked(1)?.0, after, false),
        };
        out.extend_from_slice(if is_unheld { in_place } else { value });
        (rest, any) = (left, any || is_unheld);
    }
    let out = Body::from(out);
    any.then_some(out)
}

/// Whether a number is `1e308` or more. `f64` ends a little above that, at `1.8e308`. The digits
/// are counted: the tables of a reader of floating-point numbers would be a tenth of a WebAssembly
/// module.
fn is_beyond(number: &[u8]) -> bool {
    let (number, exponent) = match number.iter().position(|byte| matches!(byte, b'e' | b'E')) {
        Some(at) => (number.get(..at).unwrap_or_default(), number.get(at + 1..).unwrap_or_default()),
        None => (number, &[][..]),
    };
    let digits = number.strip_prefix(b"-").unwrap_or(number);
    let whole = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    // The place of the first digit that is not zero. The point is not counted.
    let first = digits.iter().filter(|&&byte| byte != b'.').position(|&byte| byte != b'0');
    let Some(first) = first else { return false };
    let places = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    let exponent = std::str::from_utf8(exponent).unwrap_or_default();
    let is_small = exponent.starts_with('-');
    // More digits than fit are an exponent that is beyond everything.
    let exponent = match exponent.is_empty() {
        true => 0,
        false => exponent.parse::<i64>().unwrap_or(if is_small { i64::MIN } else { i64::MAX }),
    };
    exponent.saturating_add(places(whole)).saturating_sub(places(first)) > 308
}

/// Whether a string is in another encoding, or has a control character that is not escaped.
fn is_broken(string: &[u8]) -> bool {
    string.iter().any(|&byte| byte < b' ') || std::str::from_utf8(string).is_err()
}

/// Whether there is a surrogate. Those of whole characters are not escaped any more.
fn has_half(string: &[u8]) -> bool {
    let mut rest = string;
    while let Some(at) = rest.iter().position(|&byte| byte == b'\\') {
        let escape = rest.get(at + 1..).unwrap_or_default();
        if matches!(escape, [b'u', b'd' | b'D', b'8'..=b'9' | b'a'..=b'f' | b'A'..=b'F', ..]) {
            return true;
        }
        rest = escape.get(1..).unwrap_or_default();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_held_is_an_empty_object_and_the_rest_stays() {
        for (text, expected) in [
            (
                r#"{"a":1e400,"b":-1E+999 ,"c":[1e307,1e308,0.001e311,0e999,1e-999]}"#,
                Some(r#"{"a":{},"b":{} ,"c":[1e307,{},{},0e999,1e-999]}"#),
            ),
            (r#"{"a":"Bob \ud83d","b":"\uDE00","c":"\ud83d\ude00"}"#, Some(r#"{"a":{},"b":{},"c":"😀"}"#)),
            (r#"{"\ud83d" : "\\ud83d","b":1}"#, None),
            (r#"{"a":"1e400","b":-0,"c":1.5e3,"d":"\"\\"}"#, None),
            (r#"{"a":"\ud83d"#, None),
            ("{\"a\":1e400", Some("{\"a\":{}")),
            ("", None),
            ("-", None),
        ] {
            let mended = without_unheld(text.as_bytes(), false, UNREADABLE);
            let mended = mended.as_ref().map(|body| std::str::from_utf8(body.as_ref()).unwrap());
            assert_eq!(mended, expected, "{text}");
        }
        let digits = format!("{{\"a\":{}}}", "9".repeat(400));
        assert_eq!(without_unheld(digits.as_bytes(), false, UNREADABLE).unwrap().as_ref(), b"{\"a\":{}}");
    }

    #[test]
    fn a_string_that_is_no_json_goes_where_that_is_wanted() {
        for (text, expected) in [
            (&b"{\"a\":\"J\xfcrgen\",\"b\":\"J\xc3\xbcrgen\"}"[..], Some(&b"{\"a\":null,\"b\":\"J\xc3\xbcrgen\"}"[..])),
            (b"{\"a\":[\"two\nlines\",\"\\n\"]}", Some(b"{\"a\":[null,\"\\n\"]}")),
            (b"{\"a\":\"\\\"\xff\"\n}", Some(b"{\"a\":null\n}")),
            (b"{\"a\xff\":1}", None),
            (b"{\"a\":1}\xff", None),
        ] {
            let mended = without_unheld(text, true, NONE);
            assert_eq!(mended.as_ref().map(AsRef::as_ref), expected, "{}", text.escape_ascii());
            assert!(without_unheld(text, false, NONE).is_none(), "{}", text.escape_ascii());
        }
    }
}
