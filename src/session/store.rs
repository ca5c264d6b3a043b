//! What a session asks of the store that keeps its tokens, and what the store answers.
//!
//! ```text
//! Shared:  Lock ─▶ Load ─▶ (another process has refreshed: adopt) ─▶ Unlock
//!                     └──▶ (refresh) ─┬─▶ Save { expect, next } ─▶ Unlock
//!                                     └─ invalid_grant ─▶ Load ─▶ (adopt, or refresh with the token before) ─▶ …
//! Own:     (refresh) ─▶ Save { expect, next }
//! ```
//!
//! A lock that is a lease can be lost without anyone noticing, so a save says which generation it replaces, and the store
//! compares: whoever comes second gets the first one's record in return.

use std::num::NonZero;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::base::secret::{Secret, is_token};
use crate::base::versioned::{self, Version};
use crate::error::{Error, ErrorCode};
use crate::token::token_set::TokenSet;

/// A token set as it is kept in a store, with the number of its refresh.
///
/// Serde, versioned. As secret as a [`TokenSet`]. Of one that a session makes, the refresh token before the current one is a
/// part: the session goes back to it where the provider does not take the current one (two processes had come by it at
/// once, and one answer was lost).
#[derive(Clone, Debug)]
pub struct Record {
    /// One more with each save.
    pub generation: u64,
    /// The tokens.
    pub tokens: TokenSet,
    /// The refresh token that they were obtained by. A provider may go back to it: where two processes came by it at once
    /// and what one of them got was lost.
    pub(super) spent: Option<Secret>,
}

impl Record {
    /// Tokens of a login, or from elsewhere. A session makes its records by itself.
    pub fn new(generation: u64, tokens: TokenSet) -> Self {
        Self { generation, tokens, spent: None }
    }

    /// Reads what was stored.
    ///
    /// # Errors
    /// `stored.version`, `stored.malformed`.
    pub fn from_json(json: &str) -> Result<Self, Error> {
        versioned::from_json(json)
    }
}

#[derive(Serialize, Deserialize)]
struct StoredRecord {
    version: Version,
    generation: u64,
    tokens: TokenSet,
    #[serde(default, skip_serializing_if = "Option::is_none", serialize_with = "versioned::optional_secret")]
    spent_refresh_token: Option<Secret>,
}

impl Serialize for Record {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { generation, tokens, spent } = self.clone();
        StoredRecord { version: Version, generation, tokens, spent_refresh_token: spent }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Record {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let StoredRecord { generation, tokens, spent_refresh_token: spent, .. } =
            StoredRecord::deserialize(deserializer)?;
        match spent.as_ref().is_none_or(|token| is_token(token.expose())) {
            true => Ok(Self { generation, tokens, spent }),
            false => Err(de::Error::custom(ErrorCode::STORED_MALFORMED)),
        }
    }
}

/// The right to hand in one answer of the store. Neither `Clone` nor made by anyone else.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "the session waits for the answer"]
pub struct StoreTicket(pub(super) NonZero<u32>);

/// What the session asks of its store, which does it in the order in which it was asked.
#[derive(Debug)]
pub enum StoreAction {
    /// Keep other processes from refreshing. Answer [`StoreAnswer::Locked`] once it is so. It is not counted: one
    /// `Unlock` gives it back, however often it was asked for.
    Lock,
    /// Read the record.
    Load,
    /// Replace the record of generation `expect` by `next`, or write the first one. Nothing else may be in between.
    Save {
        /// The generation that is replaced; 0 before the first save.
        expect: u64,
        /// What to write.
        next: Box<Record>,
    },
    /// Let other processes refresh. What is answered is not looked at.
    Unlock,
    /// Delete the record.
    Erase,
}

/// What the store answers.
#[derive(Debug)]
pub enum StoreAnswer {
    /// The lock is held.
    Locked,
    /// The record, if there is one.
    Loaded(Option<Box<Record>>),
    /// The record was written.
    Saved,
    /// The record has another generation than was expected: this one. Nothing was written.
    Conflict(Box<Record>),
    /// The lock was given back, or the record is gone.
    Done,
    /// The store could not do what was asked, for this reason. Whatever its code, it ends no session.
    Failed(Error),
}

impl StoreAnswer {
    /// Why it is none of those that were waited for.
    pub(super) fn into_error(self) -> Error {
        match self {
            Self::Failed(error) => error,
            Self::Conflict(_) => ErrorCode::STORE_CONFLICT.into(),
            _ => ErrorCode::SESSION_STORE.into(),
        }
    }
}
