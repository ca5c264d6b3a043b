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

/// `json.type`, with the member, what it should be and what it is. The parser's own message can quote the input: only
/// the type is taken from it.
pub(super) fn error(text: &str, error: &serde_json::Error) -> Error {
    let message = error.to_string();
    let message = message.rsplit_once(" at line ").map_or(&*message, |(message, _)| message);
    let wrong = Error::new(ErrorCode::JSON_TYPE);
    if message.starts_with("missing field ") {
        return wrong.with_expected(Quote::library(format_args!(
            "the member {}",
            message.trim_start_matches("missing field ")
        )));
    }
    let types = message.strip_prefix("invalid type: ").or_else(|| message.strip_prefix("invalid value: "));
    let types = types.and_then(|types| types.rsplit_once(", expected "));
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

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use crate::base::json::{Text, document};

    #[derive(Deserialize)]
    #[allow(dead_code, reason = "only whether it can be read matters")]
    struct Document<'a> {
        #[serde(borrow)]
        name: Option<Text<'a>>,
        count: Option<u8>,
        list: Option<Vec<u8>>,
    }

    #[test]
    fn the_member_of_the_wrong_type_is_named() {
        for (text, expected, found) in [
            (r#"{"name":1}"#, "a string", "name: number"),
            (r#"{"a":{"name":1},"name":[1]}"#, "a string", "name: array"),
            ("{\"a\":[1,\n2],\n \"name\" : {\"x\":1}}", "a string", "name: object"),
            (r#"{"name":"x","count":"a, expected b"}"#, "u8", "count: string"),
            (r#"{"count":300}"#, "u8", "count: number"),
            (r#"{"count":true,"name":"x"}"#, "u8", "count: boolean"),
            (r#"{"name":"x","list":[1,"secret"]}"#, "u8", "list: string"),
        ] {
            let error = document::<Document<'_>>(text.as_bytes()).err().unwrap();
            assert_eq!(error.expected().unwrap().as_str(), expected, "{text}");
            assert_eq!(error.found().unwrap().as_str(), found, "{text}");
        }
        let error = document::<Document<'_>>(b"[1]").err().unwrap();
        assert_eq!(error.expected().unwrap().as_str(), "an object");
    }
}
