//! The stores of many sessions, by name, and an index of them: which names have a session of a user.

use std::fmt;
use std::future::{Future, Ready, ready};
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use super::contract::SessionStore;
use crate::base::base64url;
use crate::base::env::Env;
use crate::error::Error;
use crate::party::owner::Owner;
use crate::session::{LoginId, Record};
use crate::token::id_token::IdToken;
use crate::token::token_set::TokenSet;

/// The stores of a [`Registry`](crate::adapter::session::Registry): one for each name, and an index. A closure that
/// makes a store for a name implements it, without an index.
///
/// The index finds the sessions that a logout ends by user or by session of the provider. Without an index, such a
/// logout reaches only the sessions in the memory of this process. An index may have entries whose record is gone or is
/// another login's: the registry loads each record before it ends the session.
pub trait SessionStores {
    /// The store of one session.
    type Store: SessionStore;
    /// The future of a change of the index.
    type Noted: Future<Output = Result<(), Error>>;
    /// The future of a search.
    type Found: Future<Output = Result<Option<Vec<String>>, Error>>;

    /// A new store for the session with this name. The environment is for names of lock holders.
    fn store(&self, name: &str, env: &mut dyn Env) -> Self::Store;

    /// Adds an entry to the index, or renews it. The registry calls this before it saves the
    /// record. If it fails, the record is saved all the same, and the session saves it once more
    /// later.
    fn note(&self, entry: &IndexEntry) -> Self::Noted;

    /// Removes an entry from the index, if it is there.
    fn forget(&self, entry: &IndexEntry) -> Self::Noted;

    /// The names of all entries with this key, in any order; `None` if there is no index.
    fn find(&self, key: IndexKey) -> Self::Found;

    /// How long the locks of its stores last without a sign of life, if they are leases. A registry
    /// whose sessions have [`Persistence::Shared`](crate::session::Persistence::Shared) and a
    /// longer deadline is refused with `session.setup`.
    fn lease(&self) -> Option<Duration> {
        None
    }

    /// Whether entries expire unless they are noted again, as records with a lifetime do. They are then noted each time
    /// the record is loaded.
    fn expires(&self) -> bool {
        false
    }
}

impl<F, S> SessionStores for F
where
    F: Fn(&str) -> S,
    S: SessionStore,
{
    type Store = S;
    type Noted = Ready<Result<(), Error>>;
    type Found = Ready<Result<Option<Vec<String>>, Error>>;

    fn store(&self, name: &str, _: &mut dyn Env) -> S {
        self(name)
    }

    fn note(&self, _: &IndexEntry) -> Self::Noted {
        ready(Ok(()))
    }

    fn forget(&self, _: &IndexEntry) -> Self::Noted {
        ready(Ok(()))
    }

    fn find(&self, _: IndexKey) -> Self::Found {
        ready(Ok(None))
    }
}

/// What an index is searched for: a user of a client at a provider, or a session of the provider. A digest, so that an
/// index tells nobody who the users are.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IndexKey([u8; 32]);

impl IndexKey {
    /// The user whose ID tokens have this `sub`.
    pub fn subject(owner: &Owner, subject: &str) -> Self {
        Self::new("sub", owner, subject)
    }

    /// The session of the provider whose ID tokens have this `sid`.
    pub fn session_id(owner: &Owner, session_id: &str) -> Self {
        Self::new("sid", owner, session_id)
    }

    /// The keys of these tokens: none if they have no ID token.
    pub fn of(tokens: &TokenSet) -> Vec<Self> {
        let subject = tokens.subject().map(|subject| Self::subject(tokens.owner(), subject));
        let session_id = tokens.id_token().and_then(IdToken::session_id);
        subject.into_iter().chain(session_id.map(|sid| Self::session_id(tokens.owner(), sid))).collect()
    }

    fn new(claim: &str, owner: &Owner, value: &str) -> Self {
        let mut digest = Sha256::new();
        for part in [claim, owner.issuer().as_str(), owner.client_id(), value] {
            digest.update((part.len() as u64).to_be_bytes());
            digest.update(part);
        }
        Self(digest.finalize().into())
    }
}

/// 43 characters of base64url.
impl fmt::Display for IndexKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base64url::encode(self.0))
    }
}

impl fmt::Debug for IndexKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IndexKey({self})")
    }
}

/// An entry of an index: the name of a record, its login, and what it can be found by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexEntry {
    name: String,
    login: Option<LoginId>,
    keys: Vec<IndexKey>,
}

impl IndexEntry {
    /// The entry of this record.
    pub fn new(name: &str, record: &Record) -> Self {
        Self { name: name.to_owned(), login: record.login, keys: IndexKey::of(&record.tokens) }
    }

    /// The name of the record.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The login of the record. An entry of one login does not replace that of another: if a new login takes a name,
    /// the entry of the old one can be removed later.
    pub fn login(&self) -> Option<LoginId> {
        self.login
    }

    /// What the entry can be found by: none, one or two keys.
    pub fn keys(&self) -> &[IndexKey] {
        &self.keys
    }
}
