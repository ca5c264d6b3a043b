//! The requests of a session to its store, and the responses of the store.
//!
//! ```text
//! Shared:  Lock ─▶ Load ─▶ (another process has refreshed: adopt) ─▶ Unlock
//!                     └──▶ (refresh) ─┬─▶ Save { expect, next } ─▶ Unlock
//!                                     └─ invalid_grant ─▶ Load ─▶ (adopt, or refresh with the token before) ─▶ …
//! Own:     (refresh) ─▶ Save { expect, next }
//! ```
//!
//! A lock that is a lease can expire unnoticed. Therefore a save names the generation that it replaces, and the store
//! compares the generations. If another process has saved first, the store answers with that process's record.

use std::num::NonZero;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::base::secret::{Secret, is_token};
use crate::base::versioned::{self, Version};
use crate::error::{Error, ErrorCode};
use crate::token::token_set::TokenSet;

/// A token set as it is stored, with its generation.
///
/// Serde, versioned. As secret as a [`TokenSet`]. A record that a session makes also holds the previous refresh token. If the
/// provider rejects the current refresh token, the session tries the previous one: two processes may have used it at the
/// same time, and one response was lost.
#[derive(Clone, Debug)]
pub struct Record {
    /// The number of the save: 1 for the first record, and one more with each save.
    pub generation: u64,
    /// The tokens.
    pub tokens: TokenSet,
    /// The refresh token that the tokens were obtained with. A provider may still accept it, if two processes used it at the
    /// same time and one response was lost.
    pub(super) spent: Option<Secret>,
}

impl Record {
    /// A record of tokens that come from a login or from another program. A session makes its own records.
    pub fn new(generation: u64, tokens: TokenSet) -> Self {
        Self { generation, tokens, spent: None }
    }

    /// Reads a stored record.
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

/// The right to pass in one response of the store. It is not `Clone`, and only a session makes it.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "the session waits for the response"]
pub struct StoreTicket(pub(super) NonZero<u32>);

/// What a session asks of its store. The store carries the actions out in the order in which they are polled.
#[derive(Debug)]
pub enum StoreAction {
    /// Take the lock, so that no other process refreshes. Answer [`StoreResponse::Locked`] once the lock is held. Locks are
    /// not counted: one `Unlock` releases the lock, even after several `Lock` actions.
    Lock,
    /// Read the record.
    Load,
    /// Replace the record of generation `expect` by `next`, or write the first record. The comparison and the write are
    /// atomic.
    Save {
        /// The generation of the record to replace; 0 if there is no record.
        expect: u64,
        /// The record to write.
        next: Box<Record>,
    },
    /// Release the lock. The session ignores the response.
    Unlock,
    /// Delete the record.
    Erase,
}

/// A response of the store.
#[derive(Debug)]
pub enum StoreResponse {
    /// The lock is held.
    Locked,
    /// The record, if there is one.
    Loaded(Option<Box<Record>>),
    /// The record was written.
    Saved,
    /// The stored record has another generation than `expect`. This is the stored record; nothing was written.
    Conflict(Box<Record>),
    /// The lock was released, or the record was erased.
    Done,
    /// The store failed with this error. An error of any code does not end the session.
    Failed(Error),
}

impl StoreResponse {
    /// Why it is none of those that were waited for.
    pub(super) fn into_error(self) -> Error {
        match self {
            Self::Failed(error) => error,
            Self::Conflict(_) => ErrorCode::STORE_CONFLICT.into(),
            _ => ErrorCode::SESSION_STORE.into(),
        }
    }
}
