//! Untrusted JSON: parsed once, its nesting and its names watched on the way. What fails is parsed again in two passes,
//! to find out why. On wasm all is parsed in two passes: that takes less code.

mod bounds;
#[cfg(test)]
#[allow(clippy::indexing_slicing, reason = "tests")]
mod differential;
pub(crate) mod members;
mod names;
mod object;
mod objects;
mod one_pass;
mod plain;
mod scalar;
pub(crate) mod sized;
mod strings;
mod text;
mod unheld;
mod wrong;
#[cfg(test)]
mod wrong_members;

use std::fmt;
use std::sync::OnceLock;

use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::error::Category;

use super::secret::Body;
use super::small::IS_SMALL;
use crate::error::{Error, ErrorCode, Quote};

use bounds::check_bounds;
pub(crate) use members::members;
pub(crate) use object::Object;
pub(crate) use objects::typed;
pub(crate) use plain::plain;
pub(crate) use scalar::{Scalar, scalars, unreadable};
pub(crate) use text::Text;

const BOM: &[u8] = b"\xef\xbb\xbf";

/// Parses a document: an optional byte-order mark (RFC 8259 section 8.1 lets a parser ignore it), then one object.
///
/// A member that `T` reads is refused if it stands twice: nobody knows which of the two counts.
/// Others may stand twice, and are the affair of those who read them.
pub(crate) fn document<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, Error> {
    object(bytes.strip_prefix(BOM).unwrap_or(bytes), 0)
}

/// [`document`] for a JWK set or a JWK: no name may stand twice. Readers would disagree on which key it is.
pub(crate) fn key_set<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, Error> {
    const LEVEL_OF_KEYS: usize = 3;
    object(bytes.strip_prefix(BOM).unwrap_or(bytes), LEVEL_OF_KEYS)
}

/// Parses one object, without a byte-order mark: the parts of a JWS. No name of this object may
/// stand twice, also none that `T` does not read: readers would disagree on what was signed (RFC
/// 7515 section 4, RFC 7519 section 4). The names of nested objects are not compared.
///
/// A derived `Deserialize` would take an array of the fields' values, too.
pub(crate) fn strict<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, Error> {
    object(bytes, 1)
}

/// The result of `read` for the payload of a token. If no type can hold a value of the payload, the
/// rest is still read: a member that nobody needs must not make the token unreadable.
pub(crate) fn around_unheld<T>(payload: &[u8], read: impl Fn(&[u8]) -> Result<T, Error>) -> Result<T, Error> {
    around(payload, false, read)
}

/// The same for a response. In addition, its strings may be invalid JSON: no signature depends on
/// them, and the provider may not send the content of the response a second time. RFC 8259 section
/// 9 lets a parser accept that. (A token is JSON in UTF-8: RFC 7519 section 7.2.)
pub(crate) fn around_broken<T>(document: &[u8], read: impl Fn(&[u8]) -> Result<T, Error>) -> Result<T, Error> {
    around(document, true, read)
}

fn around<T>(document: &[u8], with_broken: bool, read: impl Fn(&[u8]) -> Result<T, Error>) -> Result<T, Error> {
    // One call in a loop, since a compiler would put two of them into the module of a page in full.
    let mut rest = None;
    loop {
        match read(rest.as_ref().map_or(document, AsRef::as_ref)) {
            Err(error) if error.code() == ErrorCode::JSON_SYNTAX && rest.is_none() => {
                rest = Some(unheld::without_unheld(document, with_broken, unheld::UNREADABLE).ok_or(error)?);
            }
            outcome => return outcome,
        }
    }
}

/// What an application's type makes of the payload of a token. What no type holds is `null` for it.
pub(crate) fn for_application<T: DeserializeOwned>(payload: &[u8]) -> Result<T, Error> {
    match unchecked(payload) {
        Err(error) if error.code() == ErrorCode::JSON_SYNTAX => {
            let mended = unheld::without_unheld(payload, false, unheld::NONE).ok_or(error)?;
            unchecked(mended.as_ref())
        }
        outcome => outcome,
    }
}

/// One object. Names are compared in its outermost levels.
fn object<'a, T: Deserialize<'a>>(bytes: &'a [u8], levels: usize) -> Result<T, Error> {
    let first = bytes.trim_ascii_start().first();
    if !IS_SMALL
        && first == Some(&b'{')
        && let Some(value) = std::str::from_utf8(bytes).ok().and_then(|text| one_pass::parse(text, levels))
    {
        return Ok(value);
    }
    two_passes(bytes, levels)
}

/// The bounds first, then the types. This decides what is an error, and which.
fn two_passes<'a, T: Deserialize<'a>>(bytes: &'a [u8], levels: usize) -> Result<T, Error> {
    if bytes.trim_ascii_start().is_empty() {
        return Err(Error::new(ErrorCode::JSON_SYNTAX).with_found(Quote::library("nothing: the document is empty")));
    }
    check_bounds(bytes, 0, levels)?;
    if bytes.trim_ascii_start().first().is_some_and(|&first| first != b'{') {
        unchecked::<IgnoredAny>(bytes)?;
        return Err(Error::new(ErrorCode::JSON_TYPE).with_expected(Quote::library("an object")));
    }
    unchecked(bytes)
}

/// Parses without a check of nesting and names: the caller makes that check.
pub(crate) fn unchecked<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, Error> {
    // Checked as a whole, the strings need not be checked one by one.
    let text = std::str::from_utf8(bytes).map_err(|_| ErrorCode::JSON_SYNTAX)?;
    typed(text).map_err(|error| match error.classify() {
        Category::Data => wrong::error(text, &error),
        Category::Io | Category::Syntax | Category::Eof => ErrorCode::JSON_SYNTAX.into(),
    })
}

/// The JSON object of a response, for fields that this crate does not know. Wiped when dropped.
#[derive(Clone)]
pub struct Fields(Box<Kept>);

/// Boxed, because responses are moved often, and most of them keep no fields.
#[derive(Clone)]
struct Kept {
    document: Body,
    /// With `null` in place of what no type holds, once that was needed.
    mended: OnceLock<Option<Body>>,
}

impl Fields {
    pub(crate) fn new(document: &[u8]) -> Self {
        Self(Box::new(Kept { document: document.to_vec().into(), mended: OnceLock::new() }))
    }

    /// Deserializes the fields into the application's own type. A value that no type can hold (a
    /// number beyond the range of `f64`, a string with half a character or in another encoding than
    /// UTF-8) is read as `null`.
    ///
    /// # Errors
    /// `json.type` if a field is missing or of another type, `json.duplicate_name` if it stands twice.
    pub fn read<'a, T: Deserialize<'a>>(&'a self) -> Result<T, Error> {
        let Kept { document, mended } = &*self.0;
        let bytes = document.as_ref();
        let bytes = bytes.strip_prefix(BOM).unwrap_or(bytes);
        match unchecked(bytes) {
            Err(error) if error.code() == ErrorCode::JSON_SYNTAX => {
                let mended = mended.get_or_init(|| unheld::without_unheld(bytes, true, unheld::NONE));
                unchecked(mended.as_ref().ok_or(error)?.as_ref())
            }
            outcome => outcome,
        }
    }
}

impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fields(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(text: &str) -> Result<(), ErrorCode> {
        object::<IgnoredAny>(text.trim_start_matches('\u{feff}').as_bytes(), 1)
            .map(|_| ())
            .map_err(|error| error.code())
    }

    #[test]
    fn hostile_documents_are_named() {
        let deep = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth - 1), "]".repeat(depth - 1));
        for (text, expected) in [
            (r#"{"a":1,"b":{"a":1},"c":[{"a":2},{"a":3}]}"#, Ok(())),
            ("\u{feff}{}", Ok(())),
            (r#"{"a":"b","b":"a"}"#, Ok(())),
            (r#"{"a":1,"a":1}"#, Err(ErrorCode::JSON_DUPLICATE_NAME)),
            (r#"{"x":[{"a":{},"b":[],"a":"}"}]}"#, Ok(())),
            (r#"{"x":{"a":1},"a":{"x":1,"x":2},"b":[{"x":1},[{"x":1}]],"x":"}"}"#, Err(ErrorCode::JSON_DUPLICATE_NAME)),
            (r#"{"iss":1,"\u0069ss":2}"#, Err(ErrorCode::JSON_DUPLICATE_NAME)),
            // Half a character: it is refused in a name, and accepted in a value that nobody reads.
            (r#"{"x":{"a\ude00":1}}"#, Ok(())),
            (r#"{"a\ude00":1}"#, Err(ErrorCode::JSON_SYNTAX)),
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
    fn a_member_of_a_document_is_refused_twice_if_it_is_read() {
        #[derive(Debug, Deserialize)]
        struct Members {
            a: Option<u8>,
        }
        let read = |text: &str| document::<Members>(text.as_bytes()).map(|read| read.a).map_err(|error| error.code());
        for (text, expected) in [
            (r#"{"b":1,"a":7,"b":{}}"#, Ok(Some(7))),
            (r#"{"b":{"a":1,"a":2},"a":7}"#, Ok(Some(7))),
            (r#"{"a":1,"a":1}"#, Err(ErrorCode::JSON_DUPLICATE_NAME)),
            (r#"{"a":1,"\u0061":2}"#, Err(ErrorCode::JSON_DUPLICATE_NAME)),
            (r#"{"a":null,"a":2}"#, Err(ErrorCode::JSON_DUPLICATE_NAME)),
        ] {
            assert_eq!(read(text), expected, "{text}");
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
