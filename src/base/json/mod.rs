//! Untrusted JSON: its size and nesting are checked first, then it is parsed once.

mod plain;
mod scalar;
mod strings;
mod wrong;

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;

use serde::de::{IgnoredAny, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::error::Category;

use super::secret::Body;
use crate::error::{Error, ErrorCode, Quote};

pub(crate) use plain::plain;
pub(crate) use scalar::Scalar;
use strings::take_string;

const BOM: &[u8] = b"\xef\xbb\xbf";

/// Deepest nesting of objects and arrays. No document of the standards needs more than five levels.
pub(crate) const DEPTH_LIMIT: usize = 32;

/// Parses a document: an optional byte-order mark (RFC 8259 section 8.1 lets a parser ignore it), then one object.
///
/// Names that stand twice in one object are refused wherever they are, also those that `T` does not know.
pub(crate) fn document<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, Error> {
    strict(bytes.strip_prefix(BOM).unwrap_or(bytes))
}

/// Parses one object, without a byte-order mark: the parts of a JWS.
///
/// A derived `Deserialize` would take an array of the fields' values, too.
pub(crate) fn strict<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, Error> {
    check_bounds(bytes)?;
    if bytes.trim_ascii_start().first().is_some_and(|&first| first != b'{') {
        unchecked::<IgnoredAny>(bytes)?;
        return Err(Error::new(ErrorCode::JSON_TYPE).with_expected(Quote::library("an object")));
    }
    unchecked(bytes)
}

/// Parses what has been through [`document`] before.
pub(crate) fn unchecked<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, Error> {
    // Checked as a whole, the strings need not be checked one by one.
    let text = std::str::from_utf8(bytes).map_err(|_| ErrorCode::JSON_SYNTAX)?;
    serde_json::from_str(text).map_err(|error| match error.classify() {
        Category::Data => wrong::error(text, &error),
        Category::Io | Category::Syntax | Category::Eof => ErrorCode::JSON_SYNTAX.into(),
    })
}

/// A string, borrowed where it holds no escapes. Unlike `Cow`, it borrows inside an `Option`, too.
#[derive(PartialEq, Eq)]
pub(crate) struct Text<'a>(pub(crate) Cow<'a, str>);

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }

        deserializer.deserialize_str(Either)
    }
}

/// The JSON object of a response, for fields that this crate does not know. Wiped when dropped.
#[derive(Clone)]
pub struct Fields(Body);

impl Fields {
    pub(crate) fn new(document: &[u8]) -> Self {
        Self(document.to_vec().into())
    }

    /// Reads fields into the application's own type.
    ///
    /// # Errors
    /// `json.type` if a field is missing or of another type.
    pub fn read<'a, T: Deserialize<'a>>(&'a self) -> Result<T, Error> {
        let bytes = self.0.as_ref();
        unchecked(bytes.strip_prefix(BOM).unwrap_or(bytes))
    }
}

impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fields(…)")
    }
}

/// Checks nesting and names without building anything. Syntax is left to the parser.
fn check_bounds(bytes: &[u8]) -> Result<(), ErrorCode> {
    // Where the names of each open object start in `names`; `None` for an array.
    let mut open: [Option<usize>; DEPTH_LIMIT] = [None; DEPTH_LIMIT];
    let mut depth = 0_usize;
    let mut names: Vec<&[u8]> = Vec::with_capacity(32);
    let mut any_escape = false;
    let mut name_next = false;
    let mut rest = bytes;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'"' => {
                let (string, has_escapes);
                (string, has_escapes, rest) = take_string(after).ok_or(ErrorCode::JSON_SYNTAX)?;
                if name_next {
                    names.push(string);
                    any_escape |= has_escapes;
                    name_next = false;
                }
            }
            b'{' | b'[' => {
                *open.get_mut(depth).ok_or(ErrorCode::JSON_TOO_DEEP)? = (byte == b'{').then_some(names.len());
                depth += 1;
                name_next = byte == b'{';
            }
            b'}' | b']' => {
                depth = depth.checked_sub(1).ok_or(ErrorCode::JSON_SYNTAX)?;
                if let Some(&Some(first)) = open.get(depth) {
                    if has_duplicates(names.get_mut(first..).unwrap_or_default(), any_escape)? {
                        return Err(ErrorCode::JSON_DUPLICATE_NAME);
                    }
                    names.truncate(first);
                }
                name_next = false;
            }
            b',' => name_next = depth.checked_sub(1).and_then(|top| open.get(top)).is_some_and(Option::is_some),
            _ => {}
        }
    }
    Ok(())
}

/// So many names are compared each with each; it takes less time than sorting them.
const FEW: usize = 12;

fn has_duplicates(names: &mut [&[u8]], any_escape: bool) -> Result<bool, ErrorCode> {
    if any_escape {
        // An escape can hide that two names are one, or be half a character, which the parser would pass over.
        let unescaped = |name: &&[u8]| serde_json::from_slice([b"\"", *name, b"\""].concat().as_slice());
        let plain: Result<Vec<String>, _> = names.iter().map(unescaped).collect();
        let mut plain = plain.map_err(|_| ErrorCode::JSON_SYNTAX)?;
        plain.sort_unstable();
        return Ok(plain.windows(2).any(|pair| matches!(pair, [a, b] if a == b)));
    }
    if names.len() <= FEW {
        return Ok(names.iter().enumerate().any(|(at, name)| names.iter().skip(at + 1).any(|other| other == name)));
    }
    // Sorting keeps a flood of names from costing its square. Lengths differ mostly, and are compared sooner.
    names.sort_unstable_by(|a, b| a.len().cmp(&b.len()).then_with(|| a.cmp(b)));
    Ok(names.windows(2).any(|pair| matches!(pair, [a, b] if a == b)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(text: &str) -> Result<(), ErrorCode> {
        document::<IgnoredAny>(text.as_bytes()).map(|_| ()).map_err(|error| error.code())
    }

    #[test]
    fn hostile_documents_are_named() {
        let deep = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth - 1), "]".repeat(depth - 1));
        for (text, expected) in [
            (r#"{"a":1,"b":{"a":1},"c":[{"a":2},{"a":3}]}"#, Ok(())),
            ("\u{feff}{}", Ok(())),
            (r#"{"a":"b","b":"a"}"#, Ok(())),
            (r#"{"a":1,"a":1}"#, Err(ErrorCode::JSON_DUPLICATE_NAME)),
            (r#"{"x":[{"a":{},"b":[],"a":"}"}]}"#, Err(ErrorCode::JSON_DUPLICATE_NAME)),
            (r#"{"iss":1,"\u0069ss":2}"#, Err(ErrorCode::JSON_DUPLICATE_NAME)),
            // Half a character: no name, but a value that nobody reads may be cut there.
            (r#"{"x":{"a\ude00":1}}"#, Err(ErrorCode::JSON_SYNTAX)),
            (r#"{"\ud83d":1,"\ude00":2}"#, Err(ErrorCode::JSON_SYNTAX)),
            (r#"{"a":"\ud83d"}"#, Ok(())),
            (&deep(32), Ok(())),
            (&deep(33), Err(ErrorCode::JSON_TOO_DEEP)),
            (&"[".repeat(100_000), Err(ErrorCode::JSON_TOO_DEEP)),
            ("", Err(ErrorCode::JSON_SYNTAX)),
            ("{", Err(ErrorCode::JSON_SYNTAX)),
            (r#"{"a"#, Err(ErrorCode::JSON_SYNTAX)),
            (r#"{"a\"#, Err(ErrorCode::JSON_SYNTAX)),
            ("]", Err(ErrorCode::JSON_SYNTAX)),
            ("[1]", Err(ErrorCode::JSON_TYPE)),
            (" \"a\"", Err(ErrorCode::JSON_TYPE)),
            ("1", Err(ErrorCode::JSON_TYPE)),
            ("<html>", Err(ErrorCode::JSON_SYNTAX)),
            ("{} {}", Err(ErrorCode::JSON_SYNTAX)),
        ] {
            assert_eq!(verdict(text), expected, "{}", &text[..text.len().min(60)]);
        }
    }

    #[test]
    fn a_flood_of_names_is_checked_in_reasonable_time() {
        let mut text = String::from("{");
        for i in 0..100_000 {
            text.push_str(&format!("\"n{i}\":0,"));
        }
        text.push_str("\"n7\":0}");
        assert_eq!(verdict(&text), Err(ErrorCode::JSON_DUPLICATE_NAME));
    }
}
