//! What a caller chooses to accept from a provider.

use crate::base::url::Schemes;
use crate::base::word_set::{Words, words};

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
#[non_exhaustive]
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
