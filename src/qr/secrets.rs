//! The secrets of a user's account, which the existing device hands to the new one. What they mean is the
//! application's.

use serde::{Deserialize, Serialize};

use super::fields::{is_text, unusable};
use crate::base::json::{self, sized};
use crate::base::secret::{self, Secret};
use crate::error::{Error, ErrorCode};

/// Longest of the texts: base64 of 32 bytes, mostly.
const LIMIT: usize = 1024;

/// The content of `m.login.secrets`. Redacted in `Debug`, wiped when dropped.
#[derive(Clone, Debug, Serialize)]
pub struct Secrets {
    /// `cross_signing`.
    pub cross_signing: CrossSigning,
    /// `backup`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backup: Option<Backup>,
}

/// The private keys that sign the user's identity, each in unpadded base64.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CrossSigning {
    /// `master_key`.
    #[serde(serialize_with = "secret::store")]
    pub master_key: Secret,
    /// `self_signing_key`.
    #[serde(serialize_with = "secret::store")]
    pub self_signing_key: Secret,
    /// `user_signing_key`.
    #[serde(serialize_with = "secret::store")]
    pub user_signing_key: Secret,
}

/// The key to the backup of the user's message keys.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Backup {
    /// `algorithm`.
    pub algorithm: Box<str>,
    /// `key`.
    #[serde(serialize_with = "secret::store")]
    pub key: Secret,
    /// `backup_version`.
    pub backup_version: Box<str>,
}

#[derive(Deserialize)]
struct Bundle {
    cross_signing: CrossSigning,
    backup: Option<Backup>,
}

impl Secrets {
    /// Reads the object `{cross_signing, backup?}`. Unknown fields are ignored.
    ///
    /// # Errors
    /// `qr.message`, with `json.…` as its source if it is not a JSON object of the right types.
    pub fn from_json(json: &str) -> Result<Self, Error> {
        let is_malformed = |error: Error| Error::new(ErrorCode::QR_MESSAGE).with_source(error);
        let Bundle { cross_signing, backup } = json::document(json.as_bytes()).map_err(is_malformed)?;
        let secrets = Self { cross_signing, backup };
        secrets.check()?;
        Ok(secrets)
    }

    /// Writes the object `{cross_signing, backup?}`.
    pub fn to_json(&self) -> Secret {
        written(self)
    }

    /// That no text is empty, or holds what no key holds.
    pub(super) fn check(&self) -> Result<(), Error> {
        let Self { cross_signing: CrossSigning { master_key, self_signing_key, user_signing_key }, backup } = self;
        let signing = [
            ("master_key", master_key),
            ("self_signing_key", self_signing_key),
            ("user_signing_key", user_signing_key),
        ];
        let keys = signing.into_iter().chain(backup.as_ref().map(|backup| ("key", &backup.key)));
        let texts = backup.as_ref().map(|Backup { algorithm, backup_version, .. }| {
            [("algorithm", &**algorithm), ("backup_version", &**backup_version)]
        });
        let mut all = keys.map(|(name, key)| (name, key.expose())).chain(texts.into_iter().flatten());
        match all.find(|(_, text)| !is_text(text, LIMIT)) {
            Some((name, _)) => Err(unusable(name)),
            None => Ok(()),
        }
    }
}

/// JSON, written into a buffer of its length.
pub(super) fn written<T: Serialize>(value: &T) -> Secret {
    // Nothing here has a serializer that can fail.
    let mut out = String::with_capacity(sized::length(value).unwrap_or_default());
    let _ = sized::append(&mut out, value);
    Secret::new(out)
}
