//! Which member of a document has the wrong type.

use super::strings::take_string;
use crate::error::{Error, ErrorCode, Quote};

/// What the parser calls the types, and what JSON calls them.
const KINDS: [(&str, &str); 7] = [
    ("string", "string"),
    ("integer", "number"),
    ("floating point", "number"),
    ("boolean", "boolean"),
    ("map", "object"),
    ("sequence", "array"),
    ("null", "null"),
];

/// `json.type`, with the member, what it should be and what it is; `json.duplicate_name` if it
/// stands twice. The parser's own message can quote the input: only the type is taken from it.
pub(super) fn error(text: &str, error: &serde_json::Error) -> Error {
    let message = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    let message = message.strip_suffix(&place).unwrap_or(&message);
    let wrong = Error::new(ErrorCode::JSON_TYPE);
    if message.starts_with("missing field ") {
        return wrong.with_expected(Quote::library(format_args!(
            "the member {}",
            message.trim_start_matches("missing field ")
        )));
    }
    if message.starts_with("duplicate field ") {
        return ErrorCode::JSON_DUPLICATE_NAME.into();
    }
    let types = message.strip_prefix("invalid type: ").or_else(|| message.strip_prefix("invalid value: "));
    let types = types.and_then(|types| Some((types, types.split(", expected ").skip(1).last()?)));
    let wrong = match types {
        Some((_, expected)) => wrong.with_expected(Quote::library(expected)),
        None => wrong,
    };
    let kind =
        types.and_then(|(found, _)| KINDS.iter().find(|(name, _)| found.starts_with(name))).map(|(_, kind)| kind);
    match (member_at(text, error.line(), error.column()), kind) {
        (Some(member), Some(kind)) => wrong.with_found(Quote::provider(&format!("{member}: {kind}"))),
        (Some(member), None) => wrong.with_found(Quote::provider(member)),
        (None, Some(kind)) => wrong.with_found(Quote::library(kind)),
        (None, None) => wrong,
    }
}

/// The member of the outermost object that this place belongs to, as it is written.
fn member_at(text: &str, line: usize, column: usize) -> Option<&str> {
    let before: usize = text.split_inclusive('\n').take(line.checked_sub(1)?).map(str::len).sum();
    let end = before.checked_add(column)?.min(text.len());
    let mut rest = text.as_bytes();
    let (mut depth, mut name_next, mut member) = (0_usize, false, None);
    while let Some((&byte, after)) = rest.split_first().filter(|(_, after)| text.len() - after.len() <= end) {
        rest = after;
        match byte {
            b'"' => {
                let (string, _, after) = take_string(rest)?;
                if depth == 1 && name_next {
                    (member, name_next) = (Some(string), false);
                }
                rest = after;
            }
            b'{' | b'[' => {
                depth += 1;
                name_next |= depth == 1;
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            b',' => name_next |= depth == 1,
            _ => {}
        }
    }
    std::str::from_utf8(member?).ok()
}
