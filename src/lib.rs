#![doc = include_str!("../README.md")]
//!
//! # Where to look
//!
//! | you want | look at |
//! |---|---|
//! | to log a user in | [`AuthorizationRequest::start`], [`PendingAuthorization`] |
//! | to drive flows by a loop of your own | [`step`] |
//! | to drive them by `reqwest`, `ureq` or a closure | [`adapter`] |
//! | to know why something failed | [`Error`], [`Code`] |
//! | to store a pending login, tokens, client IDs | [`PendingAuthorization`], [`TokenSet`], [`Registrations`] |
//! | to log in at a Matrix homeserver | `matrix` (feature `matrix`, on by default) |
//! | to write a flow | [`Flow`], and the files of [`flow`] as examples |
//! | to log in with a QR code | `qr` (feature `qr-login`) |
//! | to test against a provider that lies | `testing` (feature `testing`) |

pub mod adapter;
pub mod client;
pub mod dpop;
pub mod endpoint;
pub mod env;
pub mod error;
pub mod failure;
pub mod flow;
pub mod jose;
mod json;
#[cfg(feature = "matrix")]
pub mod matrix;
pub mod message;
pub mod provider;
#[cfg(feature = "qr-login")]
pub mod qr;
pub mod registrations;
pub mod reply;
pub mod secret;
pub mod session;
pub mod step;
mod stored;
#[cfg(feature = "testing")]
pub mod testing;
pub mod tokens;
pub mod words;

pub use client::{Client, ClientAuth, IdTokenTrust, RedirectUri};
pub use dpop::DpopKey;
pub use endpoint::{Endpoint, Issuer, Schemes};
pub use env::{Env, Ticks, Timestamp};
pub use error::{Code, Error, Fault, ProviderText};
pub use failure::{Failure, FailureKind, Sent};
pub use flow::{Checked, Exchanged, Granted, PendingAuthorization, PendingDevice, UnverifiedGrant};
pub use jose::Keys;
pub use json::Fields;
pub use message::authorization::{AuthorizationRequest, AuthorizationUrl};
pub use message::callback::Callback;
pub use message::freshness::Freshness;
pub use message::id_token::IdToken;
pub use message::metadata::Metadata;
pub use message::registration::{ClientMetadata, Registered};
pub use message::scope::Scope;
pub use message::userinfo::Userinfo;
pub use provider::{Provider, ProviderOptions};
pub use registrations::Registrations;
pub use reply::{Accept, Policy, Reply};
pub use secret::{AccessToken, Body, Secret};
pub use step::{BoxFlow, Flow, Step};
pub use tokens::TokenSet;
