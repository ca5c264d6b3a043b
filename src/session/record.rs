//! The stored tokens of a session, and the login that they come from.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::same::checksum;
use crate::base::base64url;
use crate::base::env::Env;
use crate::base::secret::{Secret, is_token};
use crate::base::versioned::{self, Version};
use crate::error::{Error, ErrorCode};
use crate::token::token_set::TokenSet;

/// The random name of a login: 128 bits, made when the login's tokens are given to a session or a record. It is no
/// secret.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct LoginId([u8; 16]);

impl LoginId {
    /// A new one.
    pub fn random(env: &mut dyn Env) -> Self {
        let mut bytes = [0; 16];
        env.rng().fill_bytes(&mut bytes);
        Self(bytes)
    }

    fn from_text(text: &str) -> Option<Self> {
        base64url::decode_exact(text).map(Self)
    }
}

/// 22 characters of base64url.
impl fmt::Display for LoginId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base64url::encode(self.0))
    }
}

impl fmt::Debug for LoginId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LoginId({self})")
    }
}

impl Serialize for LoginId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for LoginId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::from_text(&text).ok_or_else(|| de::Error::custom(ErrorCode::STORED_MALFORMED))
    }
}

/// Which record it is: of which login, how often it was saved, and with which tokens.
///
/// [`Record::version`] computes it. A store can lose a save, for example if a replica that was
/// behind becomes the primary. Another record can then get the same number: the checksum tells the
/// two apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct RecordVersion {
    /// As in the [`Record`].
    pub login: Option<LoginId>,
    /// Of the access token and the refresh token: 32 bits, the same in every process and version of this crate.
    pub checksum: u32,
    /// As in the [`Record`].
    pub generation: u64,
}

/// A token set as it is stored, with its version.
///
/// Serde, versioned. As secret as a [`TokenSet`]. A record of refreshed tokens also holds the
/// number of the record that they were refreshed from and, if the store is shared, the previous
/// refresh token. If the provider rejects the current refresh token, the session tries the previous
/// one: two processes may have used it at the same time, and one response was lost.
#[derive(Clone, Debug)]
pub struct Record {
    /// The login that the tokens come from; `None` in a record that was made without one
    /// ([`Record::new`], or an earlier version of this crate). Such a record counts as a separate
    /// login.
    pub login: Option<LoginId>,
    /// The number of the save: 1 for the first record, and one more with each save, also by another login.
    pub generation: u64,
    /// The tokens.
    pub tokens: TokenSet,
    /// What the tokens were obtained from.
    pub(super) parent: Parent,
    /// How many refreshes of these tokens in a row were refused without a reason. Each process adds
    /// to the count of the others.
    pub(super) silent_refusals: u16,
    /// An earlier refresh had begun and had no end when this record was saved. That save removed
    /// the mark from the store, so the record keeps this.
    pub(super) may_be_spent: bool,
}

/// What refreshed tokens were obtained from.
#[derive(Clone, Debug, Default)]
pub(super) struct Parent {
    /// The refresh token that they were obtained with, if the store is shared. A provider may still accept it, if two
    /// processes used it at the same time and one response was lost.
    pub(super) spent: Option<Secret>,
    /// The generation of the newest record that was known when they were asked for. A record with a
    /// later generation was not known then. The generations do not say whether the provider issued
    /// its tokens last, or these.
    pub(super) generation: Option<u64>,
}

impl Parent {
    /// What a record of these tokens says. A refresh token that is still the current one was not spent.
    pub(super) fn of(&self, tokens: &TokenSet) -> Self {
        let is_spent = |spent: &&Secret| tokens.refresh_token().is_none_or(|own| !own.matches(spent.expose()));
        Self { spent: self.spent.as_ref().filter(is_spent).cloned(), ..*self }
    }
}

impl Record {
    /// A record of tokens that come from another program, without the name of a login.
    pub fn new(generation: u64, tokens: TokenSet) -> Self {
        Self { login: None, generation, tokens, parent: Parent::default(), silent_refusals: 0, may_be_spent: false }
    }

    /// The record of a new login, in place of the record with this version; `None` if there is no record.
    pub fn of_login(tokens: TokenSet, replaced: Option<RecordVersion>, env: &mut dyn Env) -> Self {
        Self { login: Some(LoginId::random(env)), ..Self::new(next_generation(replaced), tokens) }
    }

    /// Which record it is.
    pub fn version(&self) -> RecordVersion {
        RecordVersion { login: self.login, checksum: checksum(&self.tokens), generation: self.generation }
    }

    /// Whether the refresh token may be spent: the store has a mark, or the record says so.
    pub(crate) fn is_begun(record: Option<&Self>, has_mark: bool) -> bool {
        has_mark || record.is_some_and(|record| record.may_be_spent)
    }

    /// Reads a stored record.
    ///
    /// # Errors
    /// `stored.version`, `stored.malformed`.
    pub fn from_json(json: &str) -> Result<Self, Error> {
        versioned::from_json(json)
    }
}

/// The generation of the record that replaces the one with this version.
pub(super) fn next_generation(replaced: Option<RecordVersion>) -> u64 {
    replaced.map_or(0, |replaced| replaced.generation).saturating_add(1)
}

#[derive(Serialize, Deserialize)]
struct StoredRecord {
    version: Version,
    generation: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    login: Option<LoginId>,
    tokens: TokenSet,
    #[serde(default, skip_serializing_if = "Option::is_none", serialize_with = "versioned::optional_secret")]
    spent_refresh_token: Option<Secret>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refreshed_from: Option<u64>,
    #[serde(default, skip_serializing_if = "is_none")]
    silent_refusals: u16,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    may_be_spent: bool,
}

/// What is left out of a record.
fn is_none(count: &u16) -> bool {
    *count == 0
}

impl Serialize for Record {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { login, generation, tokens, parent, silent_refusals, may_be_spent } = self.clone();
        let Parent { spent: spent_refresh_token, generation: refreshed_from } = parent;
        StoredRecord {
            version: Version,
            generation,
            login,
            tokens,
            spent_refresh_token,
            refreshed_from,
            silent_refusals,
            may_be_spent,
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Record {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let stored = StoredRecord::deserialize(deserializer)?;
        let StoredRecord { generation, login, tokens, silent_refusals, may_be_spent, .. } = stored;
        let parent = Parent { spent: stored.spent_refresh_token, generation: stored.refreshed_from };
        match parent.spent.as_ref().is_none_or(|token| is_token(token.expose())) {
            true => Ok(Self { login, generation, tokens, parent, silent_refusals, may_be_spent }),
            false => Err(de::Error::custom(ErrorCode::STORED_MALFORMED)),
        }
    }
}
