//! Options: what a caller accepts from a provider.

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
        /// A token response has another content type than JSON. Without this, its tokens come as unverified.
        TokenContentType = "token_content_type",
        /// A token response has no `token_type`: the tokens are bearer tokens (RFC 6750). Without this, they come as
        /// unverified.
        MissingTokenType = "missing_token_type",
        /// At a refresh, `bad_refresh_token` and `invalid_request` say that the refresh token is not valid, like
        /// `invalid_grant` (GitHub and others).
        RefreshErrors = "refresh_errors",
    }
}

/// Whether the unknown fields of metadata and token responses are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum UnknownFields {
    /// Unknown fields are ignored and cost nothing.
    #[default]
    Drop,
    /// The whole JSON document is kept, besides the parsed values.
    Keep,
}

/// What the caller accepts from a provider.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProviderOptions {
    schemes: Schemes,
    deviations: Words<Deviation>,
    unknown_fields: UnknownFields,
}

impl ProviderOptions {
    /// The rules of the standards: `https` only, no deviation, unknown fields dropped.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets which schemes the provider's URLs may have.
    #[must_use]
    pub fn with_schemes(self, schemes: Schemes) -> Self {
        Self { schemes, ..self }
    }

    /// Accepts a deviation.
    #[must_use]
    pub fn accepting(self, deviation: Deviation) -> Self {
        Self { deviations: self.deviations.with(deviation), ..self }
    }

    /// Sets whether unknown fields of metadata and token responses are kept.
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
