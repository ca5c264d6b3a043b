//! The owner of a stored value.

use std::fmt;
use std::sync::Arc;

use serde::de;

use super::client::{Client, is_client_id};
use crate::base::url::Issuer;
use crate::base::versioned;
use crate::error::{Error, ErrorCode, Quote};

/// The owner of a token set or a pending login: a provider, a client ID, and the thumbprint of the client's DPoP key if
/// it has one. Clones share one value.
#[derive(Clone, PartialEq, Eq)]
pub struct Owner(Arc<Inner>);

#[derive(PartialEq, Eq)]
struct Inner {
    issuer: Issuer,
    client_id: Arc<str>,
    key: Option<Box<str>>,
}

impl Owner {
    pub(super) fn of(issuer: &Issuer, client: &Client) -> Self {
        let key = client.dpop().map(|key| key.thumbprint().into());
        Self(Arc::new(Inner { issuer: issuer.clone(), client_id: client.id.clone(), key }))
    }

    /// As it stands in a stored value. Whether `http` is still allowed is decided where the value
    /// is used. Refuses what is no issuer, and a client ID that nobody can have.
    pub(crate) fn read<E: de::Error>(issuer: &str, client_id: &str, key: Option<&str>) -> Result<Self, E> {
        let issuer = versioned::issuer(issuer)?;
        if !is_client_id(client_id) {
            return Err(E::custom(ErrorCode::STORED_MALFORMED));
        }
        Ok(Self::stored(issuer, client_id, key))
    }

    /// The same of a client ID that was checked.
    pub(crate) fn stored(issuer: Issuer, client_id: &str, key: Option<&str>) -> Self {
        Self(Arc::new(Inner { issuer, client_id: client_id.into(), key: key.map(Box::from) }))
    }

    /// Whether both are clones of one value.
    pub(crate) fn is_shared_with(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// The provider.
    pub fn issuer(&self) -> &Issuer {
        &self.0.issuer
    }

    /// `client_id`.
    pub fn client_id(&self) -> &str {
        &self.0.client_id
    }

    /// The thumbprint of the DPoP key (RFC 7638), if the client has one.
    pub fn dpop_thumbprint(&self) -> Option<&str> {
        self.0.key.as_deref()
    }

    /// Checks that a stored value has this owner. The error names both: this one as expected, the stored one as found.
    ///
    /// # Errors
    /// `provider.mismatch` (RFC 9700 section 4.4), `client.mismatch` (RFC 6749 section 4.1.3), `dpop.key_mismatch`
    /// (RFC 9449 section 5).
    pub fn check(&self, stored: &Self) -> Result<(), Error> {
        if self.is_shared_with(stored) {
            return Ok(());
        }
        let (own, other) = (&*self.0, &*stored.0);
        let mismatch = |code, own, other| Err(Error::new(code).with_expected(own).with_found(other));
        if own.issuer != other.issuer {
            let [own, other] = [own, other].map(|inner| Quote::caller(inner.issuer.as_str()));
            return mismatch(ErrorCode::PROVIDER_MISMATCH, own, other);
        }
        if own.client_id != other.client_id {
            let [own, other] = [own, other].map(|inner| Quote::caller(&inner.client_id));
            return mismatch(ErrorCode::CLIENT_MISMATCH, own, other);
        }
        if own.key == other.key {
            return Ok(());
        }
        let [own, other] = [own, other].map(|inner| match &inner.key {
            Some(thumbprint) => Quote::caller(thumbprint),
            None => Quote::library("no key"),
        });
        mismatch(ErrorCode::DPOP_KEY_MISMATCH, own, other)
    }
}

impl fmt::Debug for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Owner({}, {})", self.0.issuer, self.0.client_id.escape_debug())
    }
}
