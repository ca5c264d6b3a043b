//! The bounds of a document: how deep it is nested, and that no name stands twice in one object.

use super::objects::typed;
use super::strings::take_string;
use crate::base::sorting;
use crate::error::ErrorCode;

/// Deepest nesting of objects and arrays. No document of the standards needs more than five levels.
pub(crate) const DEPTH_LIMIT: usize = 32;

/// Checks nesting, and the names in the outermost `levels`, without building anything. Syntax is left to the parser.
/// The value is inside of `outside` objects and arrays, which count as levels.
pub(super) fn check_bounds(bytes: &[u8], outside: usize, levels: usize) -> Result<(), ErrorCode> {
    // Where the names of each open object start in `names`; `None` for an array, and for what is deeper than the
    // levels.
    let mut open: [Option<usize>; DEPTH_LIMIT] = [None; DEPTH_LIMIT];
    let mut depth = 0_usize;
    let mut names: Vec<&[u8]> = Vec::with_capacity(if outside < levels { 32 } else { 0 });
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
                name_next = byte == b'{' && depth + outside < levels;
                *open.get_mut(depth).filter(|_| depth + outside < DEPTH_LIMIT).ok_or(ErrorCode::JSON_TOO_DEEP)? =
                    name_next.then_some(names.len());
                depth += 1;
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
pub(super) const FEW: usize = 12;

/// By the parser that reads text, as everywhere: the one that reads bytes would be a second copy in a page's module.
fn unescaped(name: &[u8]) -> Option<String> {
    let quoted = [b"\"", name, b"\""].concat();
    typed(std::str::from_utf8(&quoted).ok()?).ok()
}

fn has_duplicates(names: &mut [&[u8]], any_escape: bool) -> Result<bool, ErrorCode> {
    if any_escape {
        // An escape can hide that two names are one, or be half a character, which the parser would pass over.
        let mut plain = Vec::with_capacity(names.len());
        for name in names {
            plain.push(unescaped(name).ok_or(ErrorCode::JSON_SYNTAX)?);
        }
        return Ok(sorting::has_duplicates(&mut plain.iter().map(String::as_bytes).collect::<Vec<_>>()));
    }
    if names.len() <= FEW {
        return Ok(names.iter().enumerate().any(|(at, name)| names.iter().skip(at + 1).any(|other| other == name)));
    }
    Ok(sorting::has_duplicates(names))
}
