//! What every store in memory keeps, and how it responds.

use oidc_proto::session::{Record, StoreAction, StoreResponse};

/// A record, and the mark that a refresh was begun. Locks are the store's own.
#[derive(Default)]
pub struct Kept {
    pub record: Option<Record>,
    pub begun: bool,
}

/// The name of an action, for logs.
pub fn name(action: &StoreAction) -> &'static str {
    match action {
        StoreAction::Lock => "lock",
        StoreAction::Load => "load",
        StoreAction::Prepare { .. } => "prepare",
        StoreAction::Discard => "discard",
        StoreAction::Save { .. } => "save",
        StoreAction::Unlock => "unlock",
        StoreAction::Erase { .. } => "erase",
    }
}

impl Kept {
    /// The response of a store that works. Unless it `writes`, nothing changes.
    pub fn respond(&mut self, action: StoreAction, writes: bool) -> StoreResponse {
        let there = self.record.as_ref().map(Record::version);
        let conflict = |kept: &Self| StoreResponse::Conflict(kept.record.clone().map(Box::new));
        match action {
            StoreAction::Lock => StoreResponse::Locked,
            StoreAction::Load => StoreResponse::Loaded { record: self.record.clone().map(Box::new), begun: self.begun },
            StoreAction::Prepare { expect } | StoreAction::Save { expect, .. } if there != expect => conflict(self),
            StoreAction::Prepare { .. } => {
                self.begun |= writes;
                StoreResponse::Prepared
            }
            StoreAction::Save { next, .. } => {
                if writes {
                    (self.record, self.begun) = (Some(next), false);
                }
                StoreResponse::Saved
            }
            StoreAction::Erase { expect } if there.is_some() && there != expect => conflict(self),
            StoreAction::Erase { .. } => {
                let begun = self.begun;
                if writes {
                    (self.record, self.begun) = (None, false);
                }
                StoreResponse::Erased { begun }
            }
            StoreAction::Discard => {
                self.begun &= !writes;
                StoreResponse::Done
            }
            StoreAction::Unlock => StoreResponse::Done,
        }
    }
}
