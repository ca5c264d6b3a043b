//! What the stored values have in common: a version, and two errors.

use serde::de::DeserializeOwned;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::json::typed;
use super::secret::{self, Secret};
use super::url::{Issuer, Schemes};
use crate::error::{Error, ErrorCode};

/// Reads a stored value, telling a value from a newer version apart from a damaged one.
pub(crate) fn from_json<T: DeserializeOwned>(json: &str) -> Result<T, Error> {
    #[derive(Deserialize)]
    struct Versioned {
        version: u32,
    }

    // The parser's message can quote a secret: it is dropped.
    typed(json).map_err(|_| match typed::<Versioned>(json) {
        // A known version that cannot be read is damaged.
        Ok(Versioned { version }) if version > VERSION => ErrorCode::STORED_VERSION.into(),
        _ => ErrorCode::STORED_MALFORMED.into(),
    })
}

/// The version of a stored value: 1, of each of them. A value of another version is refused.
#[derive(Clone)]
pub(crate) struct Version;

const VERSION: u32 = 1;

impl Serialize for Version {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u32(VERSION)
    }
}

impl<'de> Deserialize<'de> for Version {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u32::deserialize(deserializer)? {
            VERSION => Ok(Self),
            version => Err(D::Error::custom(format_args!("version {version}, but this build reads {VERSION}"))),
        }
    }
}

/// An issuer that was stored. Whether `http` is still allowed is decided where it is used.
pub(crate) fn issuer<E: serde::de::Error>(text: &str) -> Result<Issuer, E> {
    Issuer::new(text, Schemes::DangerousHttpOnPrivateNetwork).map_err(|_| E::custom("not an issuer"))
}

/// For `#[serde(serialize_with)]`.
pub(crate) fn optional_secret<S: Serializer>(secret: &Option<Secret>, serializer: S) -> Result<S::Ok, S::Error> {
    match secret {
        Some(secret) => secret::store(secret, serializer),
        None => serializer.serialize_none(),
    }
}
