//! Values that are JSON, and that no type of a program holds: numbers beyond the range of `f64`, and strings with half a
//! character. A name is cut there that somebody counted in UTF-16, for example.

use super::plain::plain;
use super::strings::take_string;
use crate::base::secret::Body;

/// The document with an empty object in place of each such value, which every member takes for a value that it cannot
/// read; `None` if there is none. Names stay.
pub(super) fn without_unheld(document: &[u8]) -> Option<Body> {
    let document = plain(document);
    let mut out = Vec::with_capacity(document.len());
    let (mut rest, mut any) = (&*document, false);
    while let Some((&byte, after)) = rest.split_first() {
        let (value, left, is_unheld) = match byte {
            b'"' => {
                let (string, has_escapes, left) = take_string(after)?;
                let is_name = left.trim_ascii_start().first() == Some(&b':');
                let whole = rest.split_at_checked(rest.len() - left.len())?.0;
                (whole, left, has_escapes && !is_name && has_half(string))
            }
            b'-' | b'0'..=b'9' => {
                let is_part = |byte: &u8| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
                let (number, left) = rest.split_at_checked(rest.iter().take_while(|byte| is_part(byte)).count())?;
                let value = std::str::from_utf8(number).ok().and_then(|number| number.parse::<f64>().ok());
                (number, left, value.is_some_and(f64::is_infinite))
            }
            _ => (rest.split_at_checked(1)?.0, after, false),
        };
        out.extend_from_slice(if is_unheld { b"{}" } else { value });
        (rest, any) = (left, any || is_unheld);
    }
    let out = Body::from(out);
    any.then_some(out)
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
            (r#"{"a":1e400,"b":-1E+999 ,"c":[1e308,1e309]}"#, Some(r#"{"a":{},"b":{} ,"c":[1e308,{}]}"#)),
            (r#"{"a":"Bob \ud83d","b":"\uDE00","c":"\ud83d\ude00"}"#, Some(r#"{"a":{},"b":{},"c":"😀"}"#)),
            (r#"{"\ud83d" : "\\ud83d","b":1}"#, None),
            (r#"{"a":"1e400","b":-0,"c":1.5e3,"d":"\"\\"}"#, None),
            (r#"{"a":"\ud83d"#, None),
            ("{\"a\":1e400", Some("{\"a\":{}")),
            ("", None),
            ("-", None),
        ] {
            let mended = without_unheld(text.as_bytes());
            let mended = mended.as_ref().map(|body| std::str::from_utf8(body.as_ref()).unwrap());
            assert_eq!(mended, expected, "{text}");
        }
        let digits = format!("{{\"a\":{}}}", "9".repeat(400));
        assert_eq!(without_unheld(digits.as_bytes()).unwrap().as_ref(), b"{\"a\":{}}");
    }
}
