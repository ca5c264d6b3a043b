//! What fields of messages have in common.

use crate::error::{Error, ErrorCode};

/// A field that is missing, or whose value is of no use.
pub(super) fn unusable(name: &'static str) -> Error {
    Error::new(ErrorCode::QR_MESSAGE).at(name)
}

/// Printable ASCII without blanks, not empty, not too long.
pub(super) fn is_text(text: &str, limit: usize) -> bool {
    (1..=limit).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}
