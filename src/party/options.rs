//! Options: what a caller accepts from a provider.

use std::time::Duration;

use crate::base::url::Schemes;
use crate::base::word_set::{Words, words};

/// The one table of deviations: each with its name, and with what accepting it means.
macro_rules! deviations {
    ($( $deviation:ident = $name:literal, $about:literal; )*) => {
        words! {
            /// A known way in which providers deviate from the standards. None is accepted unless it is named.
            Deviation { $( #[doc = ""] #[doc = $about] $deviation = $name, )* }
        }

        impl Deviation {
            /// A description: what the provider does, and what accepting it means.
            pub const fn about(self) -> &'static str {
                match self { $( Self::$deviation => $about, )* }
            }
        }
    };
}

deviations! {
    TenantIssuer = "tenant_issuer",
        "The issuer of the metadata is a template with `{tenantid}`, and an ID token's `iss` is that template with the token's \
         own `tid` claim filled in (Microsoft Entra ID's `common` and `organizations`). Every tenant of the provider can then \
         log in: check `tid` where that matters.";
    StringBooleans = "string_booleans",
        "Booleans in metadata are the strings `\"true\"` and `\"false\"`.";
    ScopeArray = "scope_array",
        "`scope` in a token response is an array. If the deviation is not accepted, the tokens are not trusted, \
         and the login or the refresh fails.";
    TokenContentType = "token_content_type",
        "A token response has another content type than JSON. If the deviation is not accepted, the tokens are not trusted, \
         and the login or the refresh fails.";
    MissingTokenType = "missing_token_type",
        "A token response has no `token_type`: the tokens are bearer tokens (RFC 6750). If the deviation is not accepted, the tokens are not trusted, \
         and the login or the refresh fails.";
    NoNonce = "no_nonce",
        "An ID token has no `nonce` although the request had one (LinkedIn). Accepted only if the provider advertises PKCE, \
         which then alone binds the code to the login; a `nonce` that is there has to be right.";
    LogoutTokenWithoutExp = "logout_token_without_exp",
        "A logout token has no `exp` (Hydra, older versions of Keycloak): it is good for five minutes after its `iat`.";
    RefreshErrors = "refresh_errors",
        "At a refresh, `bad_refresh_token` (GitHub) and `invalid_request` say that the refresh token is not valid, like \
         `invalid_grant`.";
    TokenEndpointAudience = "token_endpoint_audience",
        "Client assertions name the URL of the token endpoint as their audience, not the issuer (OpenID Connect Core 1.0 \
         section 9 as it was deployed: Canaille, Glewlwyd).";
    UnencodedBasic = "unencoded_basic",
        "The client ID and the secret are not form-encoded in the `Authorization` header, against RFC 6749 section 2.3.1.";
}

/// How far the clocks of provider and client may differ, if the caller does not say.
pub const CLOCK_SKEW: Duration = Duration::from_secs(60);

/// How far they may differ at most.
pub const LONGEST_CLOCK_SKEW: Duration = Duration::from_secs(300);

/// Whether the unknown fields of metadata, token responses and registration responses are kept.
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
    clock_skew: Option<Duration>,
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
    pub fn with_deviation(self, deviation: Deviation) -> Self {
        Self { deviations: self.deviations.with(deviation), ..self }
    }

    /// Sets whether unknown fields of metadata, token responses and registration responses are
    /// kept.
    #[must_use]
    pub fn with_unknown_fields(self, unknown_fields: UnknownFields) -> Self {
        Self { unknown_fields, ..self }
    }

    /// Sets how far the clocks of provider and client may differ: at most five minutes, by default one.
    #[must_use]
    pub fn with_clock_skew(self, clock_skew: Duration) -> Self {
        Self { clock_skew: Some(clock_skew.min(LONGEST_CLOCK_SKEW)), ..self }
    }

    /// How far the clocks of provider and client may differ.
    pub fn clock_skew(&self) -> Duration {
        self.clock_skew.unwrap_or(CLOCK_SKEW)
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
