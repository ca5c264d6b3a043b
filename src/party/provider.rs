//! A provider: its metadata, its keys, and what the caller accepts from it.

use std::sync::Arc;

use super::key_cell::{KeyCell, OLDEST_KEYS};
use super::metadata::ServerMetadata;
use super::options::ProviderOptions;
use super::server_time::ServerTime;
use crate::base::env::{Env, Timestamp};
use crate::base::url::Issuer;
use crate::error::{Error, ErrorCode, Quote};
use crate::jose::Keys;
use crate::jose::backend::{self, Backend};

/// A provider: its metadata and its newest keys. Clones share everything, so all flows at the provider share the keys.
///
/// Make one value for each issuer, and clone it: two values of one issuer, for example of two
/// discoveries, have their own keys, and each fetches them. [`renewed`](Self::renewed) joins a
/// second discovery to the first.
#[derive(Clone, Debug)]
pub struct Provider(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    metadata: ServerMetadata,
    options: ProviderOptions,
    keys: Arc<KeyCell>,
    time: Arc<ServerTime>,
}

impl Provider {
    /// A provider with metadata that were discovered or configured. It has no keys yet.
    pub fn new(metadata: ServerMetadata, options: ProviderOptions) -> Self {
        let keys = KeyCell::new(backend::default());
        Self(Arc::new(Inner { metadata, options, keys, time: Arc::default() }))
    }

    /// The same provider with another signature backend than the default. It does not share the keys.
    #[must_use]
    pub fn with_backend(&self, backend: &'static dyn Backend) -> Self {
        let (metadata, options) = (self.0.metadata.clone(), self.0.options);
        Self(Arc::new(Inner { metadata, options, keys: KeyCell::new(Some(backend)), time: self.0.time.clone() }))
    }

    /// This provider with the metadata and options of `newer`, for example after a second fetch. It keeps this
    /// provider's keys.
    ///
    /// # Errors
    /// `provider.mismatch` if `newer` has another issuer.
    pub fn renewed(&self, newer: &Self) -> Result<Self, Error> {
        if newer.issuer() != self.issuer() {
            let error = Error::new(ErrorCode::PROVIDER_MISMATCH).with_expected(Quote::caller(self.issuer().as_str()));
            return Err(error.with_found(Quote::caller(newer.issuer().as_str())));
        }
        let (metadata, options) = (newer.0.metadata.clone(), newer.0.options);
        Ok(Self(Arc::new(Inner { metadata, options, keys: self.0.keys.clone(), time: self.0.time.clone() })))
    }

    /// Supplies a JWK set of this provider that the caller stored. It is used only if the provider has no keys yet, and
    /// is fresh until it is 24 hours old. A JWK set does not name its issuer: store it under the issuer's URL.
    ///
    /// # Errors
    /// Those of [`Keys::parse`].
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

    pub(crate) fn server_time(&self) -> &ServerTime {
        &self.0.time
    }

    pub(crate) fn key_cell(&self) -> &Arc<KeyCell> {
        &self.0.keys
    }

    /// A provider with a metadata document that the caller has, for example bundled or cached.
    ///
    /// # Errors
    /// Those of [`ServerMetadata::parse`].
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
