//! The machines: one file each. A file opens with its states and a diagram; all that decides a transition is in it.
//!
//! | machine | start | output |
//! |---|---|---|
//! | [`Discovery`] | an issuer | [`Discovered`]: a provider, and how long its metadata are fresh |
//! | [`Registration`] | client metadata | [`Registered`](crate::Registered) |
//! | [`KeysFetch`] | a provider | [`FetchedKeys`] |
//! | [`PendingAuthorization`] | an [`AuthorizationRequest`](crate::AuthorizationRequest) | a checked callback, redeemed by: |
//! | [`CodeExchange`] | a checked callback | [`Exchanged`] |
//! | [`Verification`] | an [`UnverifiedGrant`] | [`Exchanged`] |
//! | [`Refresh`] | a [`TokenSet`](crate::TokenSet) | [`Exchanged`] |
//! | [`UserinfoFetch`] | a [`TokenSet`](crate::TokenSet) | [`Userinfo`](crate::Userinfo) |
//! | [`Revocation`] | a [`TokenSet`](crate::TokenSet) | nothing |

mod authorization;
mod code_exchange;
mod discovery;
mod keys_fetch;
mod refresh;
mod registration;
mod revocation;
mod userinfo;
mod verification;

pub use authorization::{Checked, PendingAuthorization};
pub use code_exchange::CodeExchange;
pub use discovery::{Discovered, Discovery};
pub use keys_fetch::{FetchedKeys, KeysFetch};
pub use refresh::Refresh;
pub use registration::Registration;
pub use revocation::Revocation;
pub use userinfo::UserinfoFetch;
pub use verification::{Exchanged, Granted, UnverifiedGrant, Verification};
