//! An OpenID Provider, a clock, entropy and a user, all scripted. **For tests**: the provider's signing keys are
//! constants of this crate, its users have no passwords, and it can be told to lie. It is not a provider to run.
//!
//! [`Provider::handle`] is a pure function from request to response. Around it there is
//! - [`Provider::http`] and [`Provider::http_async`]: HTTP clients for the drivers of [`adapter`](crate::adapter) that
//!   reach this provider without any network;
//! - [`Provider::visit`]: the user's browser, from an authorization URL to the callback;
//! - [`TestEnv`] and its [`Clock`], to set by hand;
//! - [`Provider::fault`], [`Provider::lie`] and the `edit_…` calls, to make it misbehave, and [`Provider::requests`], to
//!   see what it was asked.
//!
//! The same seed, the same requests and the same times give the same bytes. It shares no parser and no serializer with
//! the client, so that a mistake cannot hide by being made on both sides.
//!
//! | file | holds |
//! |---|---|
//! | `env.rs` | [`TestEnv`], [`Clock`] |
//! | `provider.rs` | [`Provider`]: handle, routes, switches |
//! | `state.rs` | what it remembers: users, clients, codes, grants, tokens |
//! | `client.rs` | [`RegisteredClient`], client authentication |
//! | `user.rs` | [`User`] |
//! | `discovery.rs` `register.rs` `authorize.rs` `token.rs` `resource.rs` | the endpoints |
//! | `id_token.rs` `keys.rs` | [`IdToken`], signatures |
//! | `browser.rs` | [`Visit`] |
//! | `fault.rs` | [`Fault`]: what goes wrong on the way |
//! | `edit.rs` `lie.rs` | changes to what it says; [`Lie`]: the table of them, in the words of `lie/say.rs` |
//! | `http.rs` | forms in, answers out |

mod authorize;
mod browser;
mod client;
mod discovery;
mod edit;
mod env;
mod fault;
mod http;
mod id_token;
mod keys;
mod lie;
mod provider;
mod register;
mod resource;
mod state;
mod token;
mod user;

#[cfg(test)]
mod tests;

pub use browser::Visit;
pub use client::RegisteredClient;
pub use edit::{Callback, ResponseMode};
pub use env::{Clock, TestEnv};
pub use fault::Fault;
pub use id_token::{IdToken, Signature};
pub use lie::Lie;
pub use provider::{Bearer, On, Provider, Reuse};
pub use user::{Decision, User};
