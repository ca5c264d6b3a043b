//! JSON from strangers: bounded first, then parsed once, straight into what is kept.

mod scalar;

use std::borrow::Cow;
use std::fmt;
use std::ops::{Deref, Range};

use serde::de::{IgnoredAny, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::error::Category;

use crate::error::{Code, Error};
use crate::secret::Body;

pub(crate) use scalar::Scalar;

const BOM: &[u8] = b"\xef\xbb\xbf";

/// Deepest nesting of objects and arrays. No document of the standards needs more than five levels.
pub(crate) const DEPTH_LIMIT: usize = 32;

/// Parses a document: an optional byte-order mark (RFC 8259 section 8.1 lets a parser ignore it), then one object.
///
/// Names that stand twice in one object are refused wherever they are, also those that `T` does not know.
pub(crate) fn document<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, Code> {
    strict(bytes.strip_prefix(BOM).unwrap_or(bytes))
}

/// Parses one object, without a byte-order mark: the parts of a JWS.
///
/// A derived `Deserialize` would take an array of the fields' values, too.
pub(crate) fn strict<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, Code> {
    check_bounds(bytes)?;
    if bytes.trim_ascii_start().first().is_some_and(|&first| first != b'{') {
        unchecked::<IgnoredAny>(bytes)?;
        return Err(Code::JsonType);
    }
    unchecked(bytes)
}

/// Parses what has been through [`document`] before.
pub(crate) fn unchecked<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, Code> {
    // The parser's own message can quote the input: only its category is kept.
    serde_json::from_slice(bytes).map_err(|error| match error.classify() {
        Category::Data => Code::JsonType,
        Category::Io | Category::Syntax | Category::Eof => Code::JsonSyntax,
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

/// An answer's JSON object as it came, for fields that this crate does not know. Wiped when dropped.
#[derive(Clone)]
pub struct Fields(Body);

impl Fields {
    pub(crate) fn new(document: &[u8]) -> Self {
        Self(document.to_vec().into())
    }

    /// Reads fields by the application's own type.
    ///
    /// # Errors
    /// `json.type` if a field is missing or of another type.
    pub fn read<'a, T: Deserialize<'a>>(&'a self) -> Result<T, Error> {
        let bytes = self.0.as_ref();
        Ok(unchecked(bytes.strip_prefix(BOM).unwrap_or(bytes))?)
    }
}

impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fields(…)")
    }
}

/// Checks nesting and names without building anything. Syntax is left to the parser.
fn check_bounds(bytes: &[u8]) -> Result<(), Code> {
    // Where the names of each open object start in `names`; `None` for an array.
    let mut open: [Option<usize>; DEPTH_LIMIT] = [None; DEPTH_LIMIT];
    let mut depth = 0_usize;
    let mut names: Vec<Range<usize>> = Vec::new();
    let mut name_next = false;
    let mut at = 0_usize;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => {
                let end = string_end(bytes, at).ok_or(Code::JsonSyntax)?;
                if name_next {
                    names.push(at..end);
                    name_next = false;
                }
                at = end;
                continue;
            }
            b'{' | b'[' => {
                *open.get_mut(depth).ok_or(Code::JsonTooDeep)? = (byte == b'{').then_some(names.len());
                depth += 1;
                name_next = byte == b'{';
            }
            b'}' | b']' => {
                depth = depth.checked_sub(1).ok_or(Code::JsonSyntax)?;
                if let Some(&Some(first)) = open.get(depth) {
                    if has_duplicates(bytes, names.get_mut(first..).unwrap_or_default()) {
                        return Err(Code::JsonDuplicateName);
                    }
                    names.truncate(first);
                }
                name_next = false;
            }
            b',' => name_next = depth.checked_sub(1).and_then(|top| open.get(top)).is_some_and(Option::is_some),
            _ => {}
        }
        at += 1;
    }
    Ok(())
}

/// The position after the closing quote of the string that opens at `start`.
fn string_end(bytes: &[u8], start: usize) -> Option<usize> {
    let mut at = start + 1;
    loop {
        match bytes.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// Sorting keeps a flood of names from costing its square.
fn has_duplicates(bytes: &[u8], names: &mut [Range<usize>]) -> bool {
    let raw = |name: &Range<usize>| bytes.get(name.clone()).unwrap_or_default();
    if names.iter().any(|name| raw(name).contains(&b'\\')) {
        // An escape can hide that two names are one.
        let mut plain: Vec<String> =
            names.iter().map(|name| serde_json::from_slice(raw(name)).unwrap_or_default()).collect();
        plain.sort_unstable();
        return plain.windows(2).any(|pair| matches!(pair, [a, b] if a == b));
    }
    names.sort_unstable_by(|a, b| raw(a).cmp(raw(b)));
    names.windows(2).any(|pair| matches!(pair, [a, b] if raw(a) == raw(b)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(text: &str) -> Result<(), Code> {
        document::<IgnoredAny>(text.as_bytes()).map(|_| ())
    }

    #[test]
    fn hostile_documents_are_named() {
        let deep = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth - 1), "]".repeat(depth - 1));
        for (text, expected) in [
            (r#"{"a":1,"b":{"a":1},"c":[{"a":2},{"a":3}]}"#, Ok(())),
            ("\u{feff}{}", Ok(())),
            (r#"{"a":"b","b":"a"}"#, Ok(())),
            (r#"{"a":1,"a":1}"#, Err(Code::JsonDuplicateName)),
            (r#"{"x":[{"a":{},"b":[],"a":"}"}]}"#, Err(Code::JsonDuplicateName)),
            (r#"{"iss":1,"\u0069ss":2}"#, Err(Code::JsonDuplicateName)),
            (&deep(32), Ok(())),
            (&deep(33), Err(Code::JsonTooDeep)),
            (&"[".repeat(100_000), Err(Code::JsonTooDeep)),
            ("", Err(Code::JsonSyntax)),
            ("{", Err(Code::JsonSyntax)),
            (r#"{"a"#, Err(Code::JsonSyntax)),
            (r#"{"a\"#, Err(Code::JsonSyntax)),
            ("]", Err(Code::JsonSyntax)),
            ("[1]", Err(Code::JsonType)),
            (" \"a\"", Err(Code::JsonType)),
            ("1", Err(Code::JsonType)),
            ("<html>", Err(Code::JsonSyntax)),
            ("{} {}", Err(Code::JsonSyntax)),
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
        assert_eq!(verdict(&text), Err(Code::JsonDuplicateName));
    }
}
