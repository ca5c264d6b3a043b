//! OpenID Connect and OAuth 2.0 client as pure state machines.

pub mod adapter;
pub mod endpoint;
pub mod env;
pub mod error;
pub mod jose;
mod json;
pub mod reply;
pub mod secret;
pub mod step;
#[cfg(feature = "testing")]
pub mod testing;
pub mod words;

pub use endpoint::{Endpoint, Issuer, Schemes};
pub use env::{Env, Ticks, Timestamp};
pub use error::{Code, Error, Fault};
pub use reply::{Accept, Policy, Reply};
pub use secret::{AccessToken, Body, Secret};
pub use step::{Failure, FailureKind, Flow, Sent, Step};
