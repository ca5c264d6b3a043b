//! A provider's JWK set (RFC 7517 section 5).

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, SeqAccess, Visitor};

use super::algorithm::Algorithm;
use super::backend::{self, Backend};
use super::jwk::{Dropped, Jwk, Raw};
use crate::base::env::Timestamp;
use crate::base::json::{self, Object};
use crate::error::{Error, ErrorCode, Quote};

/// Largest JWK set in bytes: 100 RSA keys of 4096 bits with certificates fit.
pub const JWKS_LIMIT: usize = 512 * 1024;
/// Most keys in a set: a provider that rotates daily and keeps every key for a quarter stays below.
pub const KEY_COUNT_LIMIT: usize = 100;
/// Most keys that are tried for one `kid`. A `kid` ought to be unique; two that are alike for the time of a rotation
/// happen.
const SAME_KID_LIMIT: usize = 3;

/// Most keys that are tried beside those that a token names. Hydra signs with a new key under the old `kid`.
const OTHER_KEYS_LIMIT: usize = 4;

/// Most keys that an error lists.
const LISTED: usize = 6;

/// A provider's keys, and the backend that verifies with them.
pub struct Keys {
    keys: Box<[Jwk]>,
    dropped: Box<[Dropped]>,
    fetched_at: Timestamp,
    backend: Option<&'static dyn Backend>,
}

impl Keys {
    /// Reads a key set.
    ///
    /// It keeps the public keys of the types RSA, EC (P-256, P-384, P-521) and OKP (Ed25519) that may verify
    /// signatures. It skips all other keys, including symmetric keys and keys that were published with their private
    /// part.
    ///
    /// # Errors
    /// `http.body_too_large` beyond 512 KiB; `json.…` if it is not a key set; `jwks.too_many_keys` beyond 100 keys.
    pub fn parse(body: &[u8], fetched_at: Timestamp) -> Result<Self, Error> {
        Self::read(backend::default(), body, fetched_at)
    }

    /// [`Keys::parse`] for another backend than the default one.
    ///
    /// # Errors
    /// As [`Keys::parse`].
    pub fn parse_with(backend: &'static dyn Backend, body: &[u8], fetched_at: Timestamp) -> Result<Self, Error> {
        Self::read(Some(backend), body, fetched_at)
    }

    pub(crate) fn read(
        backend: Option<&'static dyn Backend>,
        body: &[u8],
        fetched_at: Timestamp,
    ) -> Result<Self, Error> {
        if body.len() > JWKS_LIMIT {
            return Err(Error::body_too_large(JWKS_LIMIT).at("jwks_uri"));
        }
        let set: Object<Set> =
            json::around_broken(body, |body| json::key_set(body)).map_err(|error| error.at("keys"))?;
        let list = set.0.ok_or_else(|| Error::new(ErrorCode::JSON_TYPE).at("jwks_uri"))?.keys;
        let List { keys, dropped, too_many } =
            list.ok_or_else(|| Error::new(ErrorCode::JSON_MISSING_FIELD).at("keys"))?;
        if too_many {
            return Err(ErrorCode::JWKS_TOO_MANY_KEYS.into());
        }
        let (keys, dropped) = (keys.into_boxed_slice(), dropped.into_boxed_slice());
        Ok(Self { keys, dropped, fetched_at, backend })
    }

    /// When the set was fetched.
    pub fn fetched_at(&self) -> Timestamp {
        self.fetched_at
    }

    /// How many keys were kept.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether no key was kept.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The keys that were kept, in the order of the set.
    pub fn iter(&self) -> impl Iterator<Item = &Jwk> {
        self.keys.iter()
    }

    pub(super) fn backend(&self) -> Option<&'static dyn Backend> {
        self.backend
    }

    /// The keys that a signature can be by: those with this `kid`, or without a `kid` the only one there is for the
    /// algorithm (OpenID Connect Core 1.0 section 10.1). A `kid` is a hint (RFC 7515 section 4.1.4): other keys come
    /// after it.
    ///
    /// # Errors
    /// `jws.ambiguous_key`, `jws.unusable_key`, and `jws.unknown_key` if no key fits at all.
    pub(super) fn candidates(&self, algorithm: Algorithm, kid: Option<&str>) -> Result<Candidates<'_>, ErrorCode> {
        let fitting = || self.keys.iter().filter(|key| key.fits(algorithm));
        let usable = || fitting().filter(|key| key.public_key().is_some());
        let Some(kid) = kid else {
            // A malformed key that nobody names is not in the way of a good one.
            let named = distinct(usable(), 2);
            return match named.len() {
                0 if fitting().next().is_some() => Err(ErrorCode::JWS_UNUSABLE_KEY),
                0 => Err(ErrorCode::JWS_UNKNOWN_KEY),
                1 => Ok(Candidates { named, others: Few::default() }),
                _ => Err(ErrorCode::JWS_AMBIGUOUS_KEY),
            };
        };
        let is_named = |key: &&Jwk| key.key_id() == Some(kid);
        let named = distinct(fitting().filter(is_named), SAME_KID_LIMIT + 1);
        if named.len() > SAME_KID_LIMIT {
            return Err(ErrorCode::JWS_AMBIGUOUS_KEY);
        }
        // If the `kid` belongs to a key of another type, no other key is tried.
        if named.is_empty() && self.keys.iter().any(|key| is_named(&key)) {
            return Err(ErrorCode::JWS_UNKNOWN_KEY);
        }
        let others = distinct(usable().filter(|key| !is_named(key)), OTHER_KEYS_LIMIT);
        if named.is_empty() && others.is_empty() {
            return Err(ErrorCode::JWS_UNKNOWN_KEY);
        }
        Ok(Candidates { named, others })
    }
}

/// The keys to try for a signature, at least one.
pub(super) struct Candidates<'a> {
    /// Those that the token names.
    pub(super) named: Few<'a>,
    /// Those that fit its algorithm and have another name or none.
    pub(super) others: Few<'a>,
}

/// A few keys, without an allocation.
#[derive(Default)]
pub(super) struct Few<'a>([Option<&'a Jwk>; MOST]);

/// As many as are ever asked for.
const MOST: usize = if SAME_KID_LIMIT + 1 > OTHER_KEYS_LIMIT { SAME_KID_LIMIT + 1 } else { OTHER_KEYS_LIMIT };

impl Few<'_> {
    pub(super) fn len(&self) -> usize {
        self.0.iter().flatten().count()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<'a> IntoIterator for Few<'a> {
    type Item = &'a Jwk;
    type IntoIter = std::iter::Flatten<std::array::IntoIter<Option<&'a Jwk>, MOST>>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter().flatten()
    }
}

/// The first keys that differ: a set may hold a key twice.
fn distinct<'a>(keys: impl Iterator<Item = &'a Jwk>, most: usize) -> Few<'a> {
    let mut found = Few::default();
    for key in keys {
        let is_same = |own: &&Jwk| own.public_key().is_some() && own.public_key() == key.public_key();
        if !found.0.iter().flatten().any(is_same)
            && let Some(place) = found.0.iter_mut().take(most).find(|place| place.is_none())
        {
            *place = Some(key);
        }
    }
    found
}

impl Keys {
    /// Why there is no key to verify with: what the token names, what there is, and what was dropped.
    pub(super) fn explained(&self, code: ErrorCode, algorithm: Algorithm, kid: Option<&str>) -> Error {
        let quoted = |kid: Option<&str>| kid.map_or_else(|| "no kid".to_owned(), |kid| format!("kid {kid}"));
        let kept = self.keys.iter().map(|key| quoted(key.key_id()));
        let dropped = self.dropped.iter().map(|key| format!("{}, dropped: {}", quoted(key.kid.as_deref()), key.why));
        let list: Vec<String> = kept.chain(dropped).take(LISTED).collect();
        let mut error = Error::new(code)
            .with_expected(Quote::provider(&format!("one of the provider's keys ({})", list.join("; "))))
            .with_found(Quote::provider(&format!("{}, {}", quoted(kid), algorithm.name())));
        let named = self.dropped.iter().find(|key| kid.is_some() && key.kid.as_deref() == kid);
        if let Some(named) = named.filter(|_| code == ErrorCode::JWS_UNKNOWN_KEY) {
            let why = named.why;
            error = error.with_hint(format!("The provider publishes this key, but it cannot be used: {why}."));
        }
        error
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys")
            .field("len", &self.keys.len())
            .field("fetched_at", &self.fetched_at)
            .finish_non_exhaustive()
    }
}

#[derive(serde::Deserialize)]
struct Set {
    keys: Option<List>,
}

/// The members of `keys` that are of use, made one by one.
struct List {
    keys: Vec<Jwk>,
    dropped: Vec<Dropped>,
    too_many: bool,
}

impl<'de> Deserialize<'de> for List {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;

        impl<'de> Visitor<'de> for Collect {
            type Value = List;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array of keys")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let (mut keys, mut dropped) = (Vec::new(), Vec::new());
                for _ in 0..KEY_COUNT_LIMIT {
                    match seq.next_element::<Object<Raw<'de>>>()? {
                        Some(Object(None)) => dropped.push(Dropped { kid: None, why: "it is not an object" }),
                        Some(Object(Some(raw))) => match raw.into_jwk() {
                            Ok(key) => keys.push(key),
                            Err(other) => dropped.push(other),
                        },
                        None => return Ok(List { keys, dropped, too_many: false }),
                    }
                }
                let mut too_many = false;
                while seq.next_element::<IgnoredAny>()?.is_some() {
                    too_many = true;
                }
                Ok(List { keys, dropped, too_many })
            }
        }

        deserializer.deserialize_seq(Collect)
    }
}
