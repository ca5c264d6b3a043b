//! A provider: its metadata and what the caller chose to accept from it.

use std::sync::Arc;

use super::metadata::ServerMetadata;
use super::options::ProviderOptions;
use crate::base::url::Issuer;
use crate::error::Error;

/// A provider, immutable and shared by everything that talks to it.
#[derive(Debug)]
pub struct Provider {
    metadata: ServerMetadata,
    options: ProviderOptions,
}

impl Provider {
    /// From metadata that were discovered or configured.
    pub fn new(metadata: ServerMetadata, options: ProviderOptions) -> Arc<Self> {
        Arc::new(Self { metadata, options })
    }

    /// From a metadata document that the caller has: bundled, cached, or handed over by other means than discovery.
    ///
    /// # Errors
    /// As discovery's.
    pub fn from_json(document: &[u8], issuer: &Issuer, options: ProviderOptions) -> Result<Arc<Self>, Error> {
        Ok(Self::new(ServerMetadata::parse(document, issuer, &options)?, options))
    }

    /// The issuer.
    pub fn issuer(&self) -> &Issuer {
        &self.metadata.issuer
    }

    /// The metadata.
    pub fn metadata(&self) -> &ServerMetadata {
        &self.metadata
    }

    /// What the caller accepts.
    pub fn options(&self) -> &ProviderOptions {
        &self.options
    }
}
