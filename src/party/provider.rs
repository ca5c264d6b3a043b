//! A provider: its metadata and what the caller chose to accept from it.

use std::sync::Arc;

use super::key_cell::{KeyCell, OLDEST_KEYS};
use super::metadata::ServerMetadata;
use super::options::ProviderOptions;
use crate::base::env::{Env, Timestamp};
use crate::base::url::Issuer;
use crate::error::{Error, ErrorCode, Quote};
use crate::jose::Keys;
use crate::jose::backend::{self, Backend};

/// A provider: its metadata, and its newest keys, which all flows at it share. Clones share everything.
#[derive(Clone, Debug)]
pub struct Provider(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    metadata: ServerMetadata,
    options: ProviderOptions,
    keys: Arc<KeyCell>,
}

impl Provider {
    /// From metadata that were discovered or configured.
    pub fn new(metadata: ServerMetadata, options: ProviderOptions) -> Self {
        let keys = KeyCell::new(backend::default());
        Self(Arc::new(Inner { metadata, options, keys }))
    }

    /// The same provider with another library for signatures than the default one. It shares no keys.
    #[must_use]
    pub fn with_backend(&self, backend: &'static dyn Backend) -> Self {
        let (metadata, options) = (self.0.metadata.clone(), self.0.options);
        Self(Arc::new(Inner { metadata, options, keys: KeyCell::new(Some(backend)) }))
    }

    /// Takes newer metadata of this provider, as they were fetched again. It shares the keys.
    ///
    /// # Errors
    /// `provider.mismatch` for another issuer's.
    pub fn renewed(&self, newer: &Self) -> Result<Self, Error> {
        if newer.issuer() != self.issuer() {
            let error = Error::new(ErrorCode::PROVIDER_MISMATCH).with_expected(Quote::caller(self.issuer().as_str()));
            return Err(error.with_found(Quote::caller(newer.issuer().as_str())));
        }
        let (metadata, options) = (newer.0.metadata.clone(), newer.0.options);
        Ok(Self(Arc::new(Inner { metadata, options, keys: self.0.keys.clone() })))
    }

    /// Supplies a JWK set of this provider that the caller kept, if there are no keys yet. It counts until it is 24 hours
    /// old.
    ///
    /// # Errors
    /// As [`Keys::parse`].
    pub fn supply_keys(&self, jwks: &[u8], fetched_at: Timestamp, env: &dyn Env) -> Result<(), Error> {
        let keys = Keys::read(self.0.keys.backend(), jwks, fetched_at)?;
        let left = OLDEST_KEYS.saturating_sub(env.now().saturating_since(fetched_at));
        self.0.keys.supply(Arc::new(keys), env.monotonic().saturating_add(left));
        Ok(())
    }

    /// The newest keys, if any were fetched or supplied.
    pub fn keys(&self) -> Option<Arc<Keys>> {
        self.0.keys.newest()
    }

    pub(crate) fn key_cell(&self) -> &Arc<KeyCell> {
        &self.0.keys
    }

    /// From a metadata document that the caller has: bundled, cached, or handed over by other means than discovery.
    ///
    /// # Errors
    /// As discovery's.
    pub fn from_json(document: &[u8], issuer: &Issuer, options: ProviderOptions) -> Result<Self, Error> {
        Ok(Self::new(ServerMetadata::parse(document, issuer, &options)?, options))
    }

    /// The issuer.
    pub fn issuer(&self) -> &Issuer {
        &self.0.metadata.issuer
    }

    /// The metadata.
    pub fn metadata(&self) -> &ServerMetadata {
        &self.0.metadata
    }

    /// What the caller accepts.
    pub fn options(&self) -> &ProviderOptions {
        &self.0.options
    }
}
