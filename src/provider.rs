//! A provider: its metadata and what the caller chose to accept from it.

use std::sync::Arc;

use crate::endpoint::{Issuer, Schemes};
use crate::error::Error;
use crate::message::metadata::Metadata;
use crate::words::{Words, words};

words! {
    /// A known way in which providers deviate from the standards. None is accepted unless it is named.
    Deviation {
        /// The issuer of the metadata is a template with `{tenantid}`, and an ID token's `iss` is that template with the
        /// token's own `tid` claim filled in (Microsoft Entra ID's `common` and `organizations`). Every tenant of the
        /// provider can then log in: check `tid` where that matters.
        TenantIssuer = "tenant_issuer",
        /// Booleans in metadata are the strings `"true"` and `"false"`.
        StringBooleans = "string_booleans",
        /// `scope` in a token response is an array.
        ScopeArray = "scope_array",
    }
}

/// Whether an answer's unknown fields are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UnknownFields {
    /// They are passed over and cost nothing.
    #[default]
    Drop,
    /// The answer is kept as it came, beside what was parsed from it.
    Keep,
}

/// What the caller chooses to accept from a provider.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProviderOptions {
    schemes: Schemes,
    deviations: Words<Deviation>,
    unknown_fields: UnknownFields,
}

impl ProviderOptions {
    /// The standards' own rules.
    pub fn new() -> Self {
        Self::default()
    }

    /// Which schemes the provider's URLs may have.
    #[must_use]
    pub fn with_schemes(self, schemes: Schemes) -> Self {
        Self { schemes, ..self }
    }

    /// Accepts a deviation.
    #[must_use]
    pub fn accepting(self, deviation: Deviation) -> Self {
        Self { deviations: self.deviations.with(deviation), ..self }
    }

    /// Whether unknown fields of metadata and token responses are kept.
    #[must_use]
    pub fn with_unknown_fields(self, unknown_fields: UnknownFields) -> Self {
        Self { unknown_fields, ..self }
    }

    /// Which schemes the provider's URLs may have.
    pub fn schemes(&self) -> Schemes {
        self.schemes
    }

    /// Whether the deviation is accepted.
    pub fn accepts(&self, deviation: Deviation) -> bool {
        self.deviations.contains(deviation)
    }

    /// Whether unknown fields are kept.
    pub fn keeps_unknown_fields(&self) -> bool {
        self.unknown_fields == UnknownFields::Keep
    }
}

/// A provider, immutable and shared by everything that talks to it.
#[derive(Debug)]
pub struct Provider {
    metadata: Metadata,
    options: ProviderOptions,
}

impl Provider {
    /// From metadata that were discovered or configured.
    pub fn new(metadata: Metadata, options: ProviderOptions) -> Arc<Self> {
        Arc::new(Self { metadata, options })
    }

    /// From a metadata document that the caller has: bundled, cached, or handed over by other means than discovery.
    ///
    /// # Errors
    /// As discovery's.
    pub fn from_json(document: &[u8], issuer: &Issuer, options: ProviderOptions) -> Result<Arc<Self>, Error> {
        Ok(Self::new(Metadata::parse(document, issuer, &options)?, options))
    }

    /// The issuer.
    pub fn issuer(&self) -> &Issuer {
        &self.metadata.issuer
    }

    /// The metadata.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// What the caller accepts.
    pub fn options(&self) -> &ProviderOptions {
        &self.options
    }
}
