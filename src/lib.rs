// Examples need an environment and a provider: without these features they are not tested.
#![cfg_attr(all(doctest, not(all(feature = "system", feature = "testing", feature = "ureq"))), cfg(false))]
// Which feature an item needs, on docs.rs.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![doc = include_str!("../README.md")]
//!
//! # Where to look
//!
//! | you want | look at |
//! |---|---|
//! | to log a user in | [`RelyingParty`]: [`discover`](RelyingParty::discover), [`authorize`](RelyingParty::authorize), [`check`](RelyingParty::check), [`redeem`](RelyingParty::redeem) |
//! | what else a client does at a provider | the other methods of [`RelyingParty`] |
//! | a session that keeps tokens valid for many callers | [`session`], driven by [`adapter::session`] |
//! | to drive flows with your own loop | [`step`] |
//! | to drive flows with `reqwest`, `ureq` or a closure | [`adapter`] |
//! | to know why something failed | [`Error`], [`ErrorCode`] |
//! | to store a pending login, tokens, client IDs | [`PendingAuthorization`], [`TokenSet`], [`Registrations`] |
//! | to log in at a Matrix homeserver | `matrix` (feature `matrix`, on by default) |
//! | to write a flow | [`Flow`], and the files of [`flow`] as examples |
//! | to log in with a QR code | `qr` (feature `qr-login`) |
//! | to test against a provider that breaks the standards | `testing` (feature `testing`) |

pub mod adapter;
mod base;
mod error;
pub mod flow;
pub mod jose;
#[cfg(feature = "matrix")]
pub mod matrix;
mod message;
mod party;
#[cfg(feature = "qr-login")]
pub mod qr;
pub mod session;
pub mod step;
#[cfg(feature = "testing")]
pub mod testing;
mod token;
mod wire;

pub use base::env::{Env, MonotonicTime, Timestamp};
pub use base::json::Fields;
pub use base::secret::{AccessToken, Body, Secret};
pub use base::url::{Endpoint, Issuer, Schemes};
pub use base::word_set::{Word, Words};
pub use error::{
    Error, ErrorCode, Failure, FailureKind, FailureReason, Family, Fault, ProviderText, Quote, QuoteSource, Recovery,
    Sent,
};
pub use flow::authorization::{PendingAuthorization, VerifiedCallback};
pub use flow::device::PendingDevice;
pub use flow::token_outcome::{IdTokenWarning, TokenGrant, TokenOutcome, UnverifiedTokens};
pub use message::authorization::{AuthorizationRequest, AuthorizationUrl};
pub use message::callback::Callback;
pub use message::end_session::{EndSessionRequest, EndSessionUrl, PendingLogout};
pub use message::revocation::TokenTypeHint;
pub use party::client::{Client, ClientAuth, IdTokenTrust};
pub use party::client_metadata::{ApplicationType, ClientMetadata};
pub use party::dpop::DpopKey;
pub use party::localized::Localized;
pub use party::metadata::{
    AuthMethod, CodeChallengeMethod, GrantType, Prompt, ResponseMode, ResponseType, ServerMetadata,
};
pub use party::options::{Deviation, ProviderOptions, UnknownFields};
pub use party::owner::Owner;
pub use party::provider::Provider;
pub use party::redirect_uri::RedirectUri;
pub use party::registered::Registered;
pub use party::registrations::Registrations;
pub use party::relying_party::RelyingParty;
pub use party::well_known::WellKnown;
pub use step::contract::{Flow, Step};
pub use token::id_token::IdToken;
pub use token::logout_token::{LogoutToken, SeenLogoutTokens};
pub use token::numeric::{Lifetime, NumericDate};
pub use token::scope::Scope;
pub use token::token_set::TokenSet;
pub use token::token_type::TokenType;
pub use token::userinfo::Userinfo;
pub use wire::challenge::{Challenge, ResourceError};
pub use wire::freshness::Freshness;
pub use wire::policy::{Accept, Policy};
pub use wire::response::Response;
pub use {http, rand_core, url};

/// Limits and defaults of the core of this crate.
pub mod limits {
    pub use crate::jose::keys::{JWKS_LIMIT, KEY_COUNT_LIMIT};
    pub use crate::message::authorization::LOGIN_LIFETIME;
    pub use crate::message::callback::CALLBACK_LIMIT;
    pub use crate::message::device::DEVICE_INTERVAL;
    pub use crate::party::key_cell::{OLDEST_KEYS, STRANGERS_COOLDOWN, YOUNGEST_KEYS};
    pub use crate::party::options::{CLOCK_SKEW, LONGEST_CLOCK_SKEW};
    pub use crate::token::id_token::OLDEST_ID_TOKEN;
    pub use crate::wire::policy::{JSON_LIMIT, METADATA_LIMIT};
}

impl ErrorCode {
    /// All codes, including those of the compiled profiles.
    pub fn all() -> impl Iterator<Item = Self> {
        Self::rows().map(|(code, _)| code)
    }

    /// The usual cause, in one or two sentences.
    pub fn cause(self) -> &'static str {
        Self::rows().find(|(code, _)| *code == self).map_or("", |(_, cause)| cause)
    }

    fn rows() -> impl Iterator<Item = error::code::Row> {
        let profiles: &[&[error::code::Row]] = &[
            #[cfg(feature = "matrix")]
            matrix::codes::CODES,
            #[cfg(feature = "qr-login")]
            qr::codes::CODES,
        ];
        error::codes::TABLES.iter().chain(profiles).copied().flatten().copied()
    }
}

#[doc = include_str!("../docs/manual/index.md")]
pub mod manual {
    #[doc = include_str!("../docs/manual/login.md")]
    pub mod login {}

    #[doc = include_str!("../docs/manual/server.md")]
    pub mod server {}

    #[doc = include_str!("../docs/manual/own_loop.md")]
    pub mod own_loop {}

    #[doc = include_str!("../docs/manual/sessions.md")]
    pub mod sessions {}

    #[cfg(all(feature = "redis", feature = "tokio"))]
    #[doc = include_str!("../docs/manual/web_server.md")]
    #[doc = "```ignore"]
    #[doc = include_str!("../examples/web_server.rs")]
    #[doc = "```"]
    pub mod web_server {}

    #[cfg(feature = "file-store")]
    #[doc = include_str!("../docs/manual/desktop.md")]
    #[doc = "```ignore"]
    #[doc = include_str!("../examples/desktop.rs")]
    #[doc = "```"]
    pub mod desktop {}

    #[cfg(feature = "qr-login")]
    #[doc = include_str!("../docs/manual/qr.md")]
    pub mod qr {}

    #[doc = include_str!("../docs/manual/errors.md")]
    pub mod errors {}

    #[cfg(feature = "testing")]
    #[doc = include_str!("../docs/manual/tests.md")]
    pub mod tests {}

    #[cfg(feature = "testing")]
    #[doc = include_str!("../docs/manual/fuzzing.md")]
    pub mod fuzzing {}

    #[doc = include_str!("../docs/manual/wasm.md")]
    pub mod wasm {}

    #[doc = include_str!("../docs/manual/cost.md")]
    pub mod cost {}

    #[doc = include_str!("../docs/manual/threats.md")]
    pub mod threats {}
}
