//! What the stored values have in common: a version, and two errors.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serializer};

use crate::endpoint::{Issuer, Schemes};
use crate::error::{Code, Error};
use crate::secret::{self, Secret};

/// Reads a stored value, telling a value from a newer version apart from a damaged one.
pub(crate) fn from_json<T: DeserializeOwned>(json: &str) -> Result<T, Error> {
    #[derive(Deserialize)]
    struct Versioned {
        version: u32,
    }

    // The parser's message can quote a secret: it is dropped.
    serde_json::from_str(json).map_err(|_| match serde_json::from_str::<Versioned>(json) {
        // A known version that cannot be read is damaged; every known version is 1.
        Ok(Versioned { version }) if version > 1 => Code::StoredVersion.into(),
        _ => Code::StoredMalformed.into(),
    })
}

/// Refuses versions that this build does not know.
pub(crate) fn check_version<E: serde::de::Error>(version: u32, newest: u32) -> Result<(), E> {
    if version == 0 || version > newest {
        return Err(E::custom(format_args!("version {version}, but this build reads up to {newest}")));
    }
    Ok(())
}

/// An issuer that was stored. Whether `http` on loopback is still allowed is decided where it is used.
pub(crate) fn issuer<E: serde::de::Error>(text: &str) -> Result<Issuer, E> {
    Issuer::new(text, Schemes::DangerousHttpOnLoopback).map_err(|_| E::custom("not an issuer"))
}

/// For `#[serde(serialize_with)]`.
pub(crate) fn optional_secret<S: Serializer>(secret: &Option<Secret>, serializer: S) -> Result<S::Ok, S::Error> {
    match secret {
        Some(secret) => secret::store(secret, serializer),
        None => serializer.serialize_none(),
    }
}
