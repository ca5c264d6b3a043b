//! A scripted OpenID Provider with a clock, entropy and a user. **For tests only**: the provider's signing keys are
//! constants of this crate, its users have no passwords, and it can be told to break the standards. Do not run it as a
//! real provider.
//!
//! [`Provider::handle`] is a pure function from request to response. There are also:
//! - [`Provider::http`] and [`Provider::http_async`]: HTTP clients for the drivers of [`adapter`](crate::adapter) that
//!   reach this provider without any network;
//! - [`Provider::visit`]: the user's browser, from an authorization URL to the callback;
//! - [`TestEnv`] and its [`Clock`], to set by hand;
//! - [`Habits`]: what known providers do, from Google to Keycloak, as one value;
//! - [`Provider::disturb`], [`Provider::lie`] and the `edit_…` calls, to make it misbehave, and [`Provider::requests`],
//!   to see the requests that it received.
//!
//! The same seed, the same requests and the same times give the same bytes. The exceptions are
//! signatures by RSA-PSS, ES384 and ES512 with the feature `aws-lc-rs`, which contain random
//! numbers. Except for the algorithms of [`Provider::with_all_algorithms`], the provider uses no
//! parser and no serializer of this crate, so that an error in one does not hide the same error
//! in the other. Both use the crates `serde_json` and `url`.
//!
// | file | holds |
// |---|---|
// | `env.rs` | [`TestEnv`], [`Clock`] |
// | `provider.rs` `switches.rs` | [`Provider`]: handle, switches |
// | `route.rs` `endpoints.rs` | [`On`]: the endpoint of a request, and the function that handles it |
// | `state.rs` | the state: users, clients, codes, grants, tokens |
// | `records.rs` `settings.rs` `nonces.rs` | the parts of the state: records, settings, nonces |
// | `client.rs` | [`RegisteredClient`] |
// | `authentication.rs` `assertion.rs` | client authentication |
// | `user.rs` | [`User`] |
// | `discovery.rs` `register.rs` `par.rs` `authorize.rs` `device.rs` `token.rs` `userinfo.rs` `resource.rs` | the endpoints |
// | `grants.rs` | client credentials, extension grants |
// | `dpop.rs` | proofs of possession |
// | `token_response.rs` `signing.rs` | token responses, and signed tokens |
// | `id_token.rs` `keys.rs` | [`IdToken`], signatures |
// | `verify.rs` | the signatures of clients |
// | `habits/` `adopt.rs` | [`Habits`]: what known providers do |
// | `homeserver/` | [`Homeserver`]: a Matrix homeserver beside the provider |
// | `browser.rs` | [`Visit`] |
// | `rendezvous/` | [`Rendezvous`]: where two devices meet for a login by QR code, with [`Trick`]s |
// | `disturbance.rs` | [`Disturbance`]: failures of the network |
// | `edit.rs` `lie/` | changes to responses; [`Lie`]: the table of changes |
// | `http.rs` | request forms and responses |
// | `reach.rs` | the HTTP clients that reach a server |

mod adopt;
mod assertion;
mod authentication;
mod authorize;
mod browser;
mod client;
mod device;
mod discovery;
mod disturbance;
mod dpop;
mod edit;
mod endpoints;
mod env;
mod grants;
mod habits;
mod homeserver;
mod http;
mod id_token;
mod keys;
mod lie;
mod more_keys;
mod nonces;
mod par;
mod provider;
mod reach;
mod records;
mod register;
mod rendezvous;
mod resource;
mod route;
mod settings;
mod signing;
mod state;
mod switches;
mod token;
mod token_response;
mod user;
mod userinfo;
mod verify;

#[cfg(test)]
mod tests;

pub use browser::Visit;
pub use client::RegisteredClient;
pub use disturbance::Disturbance;
pub use edit::{Callback, ResponseMode};
pub use env::{Clock, TestEnv};
pub use habits::Habits;
pub use homeserver::{Homeserver, KnownScopes, OnMatrix, RequestTo};
pub use id_token::{IdToken, Signature};
pub use lie::Lie;
pub use provider::{Bearer, Provider};
pub use rendezvous::{Meet, Rendezvous, Trick};
pub use route::On;
pub use settings::{Dpop, ExtensionGrant, Par, Reuse, RevokingSpent, Rotation};
pub use user::{Decision, User};
