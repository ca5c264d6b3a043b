//! How ID tokens are stored: with the claims that were checked.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::IdToken;
use super::texts::{Claims, Texts};
use crate::base::env::Timestamp;
use crate::base::secret::{self, Secret};
use crate::base::url::{Issuer, is_showable};
use crate::error::ErrorCode;

#[derive(Serialize, Deserialize)]
struct StoredIdToken<'a> {
    #[serde(serialize_with = "secret::store")]
    compact: Secret,
    issuer: Cow<'a, str>,
    subject: Cow<'a, str>,
    audience: Vec<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    authorized_party: Option<Cow<'a, str>>,
    expires_at: Timestamp,
    issued_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    auth_time: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    nonce: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    acr: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    session_id: Option<Cow<'a, str>>,
}

impl Serialize for IdToken {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Claims { sub, nonce, acr, sid, azp } = self.texts.claims();
        StoredIdToken {
            compact: self.expose().into(),
            issuer: self.issuer().into(),
            subject: sub.into(),
            audience: self.audience().map(Cow::from).collect(),
            authorized_party: azp.map(Cow::from),
            expires_at: self.expires_at,
            issued_at: self.issued_at,
            auth_time: self.auth_time,
            nonce: nonce.map(Cow::from),
            acr: acr.map(Cow::from),
            session_id: sid.map(Cow::from),
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for IdToken {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let stored = StoredIdToken::deserialize(deserializer)?;
        if !is_showable(&stored.issuer) {
            return Err(de::Error::custom(ErrorCode::STORED_MALFORMED));
        }
        let claims = Claims {
            sub: &stored.subject,
            nonce: stored.nonce.as_deref(),
            acr: stored.acr.as_deref(),
            sid: stored.session_id.as_deref(),
            azp: stored.authorized_party.as_deref(),
        };
        Ok(Self {
            texts: Texts::new(stored.compact.expose(), claims, &stored.audience),
            issuer: Issuer::stored(stored.issuer),
            expires_at: stored.expires_at,
            issued_at: stored.issued_at,
            auth_time: stored.auth_time,
        })
    }
}
