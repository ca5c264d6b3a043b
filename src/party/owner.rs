//! The owner of a stored value.

use std::fmt;
use std::sync::Arc;

use super::client::Client;
use crate::base::url::Issuer;
use crate::error::{Error, ErrorCode};

/// The owner of a token set or a pending login: a provider, a client ID, and the thumbprint of the client's DPoP key if it
/// has one. Clones share one value.
#[derive(Clone, PartialEq, Eq)]
pub struct Owner(Arc<Inner>);

#[derive(PartialEq, Eq)]
struct Inner {
    issuer: Issuer,
    client_id: Box<str>,
    key: Option<Box<str>>,
}

impl Owner {
    pub(super) fn of(issuer: &Issuer, client: &Client) -> Self {
        Self::stored(issuer.clone(), client.id(), client.dpop().map(|key| key.thumbprint()))
    }

    /// As it was read from a stored value.
    pub(crate) fn stored(issuer: Issuer, client_id: &str, key: Option<&str>) -> Self {
        Self(Arc::new(Inner { issuer, client_id: client_id.into(), key: key.map(Box::from) }))
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

    /// Checks that a stored value has this owner.
    ///
    /// # Errors
    /// `provider.mismatch`, `client.mismatch`, `dpop.key_mismatch`.
    pub fn check(&self, stored: &Self) -> Result<(), Error> {
        if Arc::ptr_eq(&self.0, &stored.0) {
            return Ok(());
        }
        if self.0.issuer != stored.0.issuer {
            return Err(ErrorCode::PROVIDER_MISMATCH.into());
        }
        if self.0.client_id != stored.0.client_id {
            return Err(ErrorCode::CLIENT_MISMATCH.into());
        }
        if self.0.key == stored.0.key { Ok(()) } else { Err(ErrorCode::DPOP_KEY_MISMATCH.into()) }
    }
}

impl fmt::Debug for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Owner({}, {})", self.0.issuer, self.0.client_id.escape_debug())
    }
}
