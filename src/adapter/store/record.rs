//! The text of a record, and what a save means for the text that is there.

use zeroize::Zeroizing;

use crate::base::json::sized;
use crate::error::{Error, ErrorCode};
use crate::session::{Record, RecordVersion, StoreResponse};

/// Wiped when dropped.
pub(super) type Text = Zeroizing<String>;

/// The longest text that is read or written, in bytes: a token response of the largest size that is taken (1 MiB), with
/// room for escapes. It keeps a wrong file from filling the memory.
pub(super) const LIMIT: usize = 4 * 1024 * 1024;

/// The text for a record, written into a buffer of its size: one that grew would leave copies behind.
pub(super) fn write(record: &Record) -> Result<Text, Error> {
    let length = sized::length(record).map_err(|_| ErrorCode::STORED_MALFORMED)?;
    if length > LIMIT {
        return Err(
            too_large().with_hint("The session is larger than the store accepts: request fewer claims or scopes.")
        );
    }
    let mut text = Text::new(String::with_capacity(length));
    sized::append(&mut text, record).map_err(|_| ErrorCode::STORED_MALFORMED)?;
    Ok(text)
}

pub(super) fn read(text: &str) -> Result<Box<Record>, Error> {
    if text.len() > LIMIT {
        return Err(too_large());
    }
    Record::from_json(text).map(Box::new)
}

#[cfg(feature = "file-store")]
pub(super) fn loaded(text: Option<&str>, begun: bool) -> Result<StoreResponse, Error> {
    let record = text.map(read).transpose()?;
    let begun = Record::is_begun(record.as_deref(), begun);
    Ok(StoreResponse::Loaded { record, begun })
}

/// The text of a mark: the record that a refresh was begun from.
#[cfg(any(feature = "redis", all(feature = "browser", target_family = "wasm", target_os = "unknown")))]
pub(super) fn mark_of(version: Option<RecordVersion>) -> String {
    let login = version.and_then(|version| version.login).map_or_else(String::new, |login| login.to_string());
    format!("{login}:{}", version.map_or(0, |version| version.generation))
}

/// The record in the response to a load.
#[cfg(any(feature = "redis", all(feature = "browser", target_family = "wasm", target_os = "unknown")))]
pub(super) fn of(response: StoreResponse) -> Option<Record> {
    match response {
        StoreResponse::Loaded { record, .. } => record.map(|record| *record),
        _ => None,
    }
}

/// What a save means for the text that is there: `None` if it is to be replaced. One that cannot be read, because it is
/// damaged or newer than this build, never is.
pub(super) fn compare(
    present: Option<&str>,
    expect: Option<RecordVersion>,
    next: &str,
) -> Result<Option<StoreResponse>, Error> {
    // An earlier save of the same, whose response did not arrive.
    if present == Some(next) {
        return Ok(Some(StoreResponse::Saved));
    }
    compare_version(present, expect)
}

/// The conflict, if the text that is there is not the record of this version.
pub(super) fn compare_version(
    present: Option<&str>,
    expect: Option<RecordVersion>,
) -> Result<Option<StoreResponse>, Error> {
    let record = present.map(read).transpose()?;
    let version = record.as_ref().map(|record| record.version());
    Ok((version != expect).then_some(StoreResponse::Conflict(record)))
}

/// Whether the text is the whole record that a refresh of the record that is there was about to put in its place: its
/// tokens may be the only ones that live.
#[cfg(feature = "file-store")]
pub(super) fn is_successor(text: &str, present: Option<&str>) -> bool {
    let (Ok(next), Ok(present)) = (read(text), present.map(read).transpose()) else { return false };
    let generation = present.as_ref().map_or(0, |present| present.generation);
    let is_same_login = present.is_none_or(|present| present.login == next.login);
    is_same_login && Some(next.generation) == generation.checked_add(1)
}

/// The record that is there, if it is another than the one that is to be erased. One that cannot be read is erased: the
/// owner's last word counts.
pub(super) fn other(present: &str, expect: Option<RecordVersion>) -> Option<Box<Record>> {
    read(present).ok().filter(|record| Some(record.version()) != expect)
}

pub(super) fn too_large() -> Error {
    Error::new(ErrorCode::STORED_MALFORMED).at("size")
}

/// Why the last action that failed did so, until it is asked for.
#[derive(Debug, Default)]
pub(super) struct LastError(std::sync::Mutex<Option<Error>>);

impl LastError {
    pub(super) fn take(&self) -> Option<Error> {
        super::queue::lock(&self.0).take()
    }

    /// The response, after its error was put here.
    pub(super) fn response(&self, result: Result<StoreResponse, Error>) -> StoreResponse {
        result.unwrap_or_else(|error| {
            *super::queue::lock(&self.0) = Some(error.clone());
            StoreResponse::Failed(error)
        })
    }
}
