//! What an action does to a stored row. It is decided within the transaction that reads the row.

use crate::adapter::store::record::{self, Text, mark_of};
use crate::error::Error;
use crate::session::{RecordVersion, StoreAction, StoreResponse};

/// What is stored under one name.
#[derive(Default)]
pub(super) struct Row {
    pub(super) record: Option<Text>,
    /// The refreshes that were begun and have no end, each as `OWNER#VERSION`.
    pub(super) marks: Vec<String>,
}

impl Row {
    pub(super) fn is_empty(&self) -> bool {
        self.record.is_none() && self.marks.is_empty()
    }

    fn is_begun(&self, version: Option<RecordVersion>) -> bool {
        let version = mark_of(version);
        self.marks.iter().any(|mark| mark.split_once('#').is_some_and(|(_, of)| of == version))
    }

    /// Without the marks of this store.
    fn without_marks_of(mut self, owner: &str) -> Self {
        self.marks.retain(|mark| mark.split_once('#').is_none_or(|(of, _)| of != owner));
        self
    }
}

/// The response, and the row to write, if it changes.
pub(super) struct Done {
    pub(super) response: StoreResponse,
    pub(super) next: Option<Row>,
}

/// Carries out an action other than `Lock` and `Unlock`.
pub(super) fn carry_out(action: StoreAction, row: Row, owner: &str) -> Result<Done, Error> {
    let present = row.record.as_deref().map(String::as_str);
    let kept = |response| Ok(Done { response, next: None });
    match action {
        StoreAction::Load => {
            let record = present.map(record::read).transpose()?;
            // A mark of an earlier record says nothing about this one.
            let begun = row.is_begun(record.as_ref().map(|record| record.version()));
            kept(StoreResponse::Loaded { record, begun })
        }
        StoreAction::Prepare { expect } => {
            if let Some(conflict) = record::compare_version(present, expect)? {
                return kept(conflict);
            }
            let mut next = row.without_marks_of(owner);
            next.marks.push(format!("{owner}#{}", mark_of(expect)));
            Ok(Done { response: StoreResponse::Prepared, next: Some(next) })
        }
        StoreAction::Discard => Ok(Done { response: StoreResponse::Done, next: Some(row.without_marks_of(owner)) }),
        StoreAction::Save { expect, next } => {
            let text = record::write(&next)?;
            if let Some(response) = record::compare(present, expect, &text)? {
                return kept(response);
            }
            let next = Row { record: Some(text), marks: Vec::new() };
            Ok(Done { response: StoreResponse::Saved, next: Some(next) })
        }
        StoreAction::Erase { expect } => {
            if let Some(other) = present.and_then(|present| record::other(present, expect)) {
                return kept(StoreResponse::Conflict(Some(other)));
            }
            let response = StoreResponse::Erased { begun: row.is_begun(expect) };
            Ok(Done { response, next: Some(Row::default()) })
        }
        StoreAction::Lock | StoreAction::Unlock => kept(StoreResponse::Done),
    }
}
