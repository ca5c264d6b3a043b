//! Adapters: they carry out the steps of flows. They are optional.
//!
//! | feature | holds |
//! |---|---|
//! | | [`Driver`]: runs a flow on any executor |
//! | | [`BlockingDriver`]: runs a flow on this thread |
//! | | [`from_fn`]: an HTTP client made of a closure; pointers to clients |
//! | `browser` | `browser`: `fetch`, timer, clock, entropy and keys of browsers and Node.js, on `wasm32-unknown-unknown` |
//! | `reqwest`, `tower`, `ureq` | headers that every request has |
//! | | [`KeyStore`], [`BlockingKeyStore`]: keys that live elsewhere |
//! | `reqwest`, `ureq` | `HttpOptions`: the choices both HTTP clients offer |
//! | `reqwest` | `reqwest::Client`: an [`HttpClient`] for a tokio runtime |
//! | | [`session`]: runs sessions for many callers |
//! | | [`store`]: stores for the records of sessions |
//! | `system` | `SystemEnv`: the operating system's clock and entropy |
//! | `tokio` | `tokio::TokioTimer`, and threads for blocking stores |
//! | `reqwest`, `ureq` | TLS for both HTTP clients |
//! | `tower`, `hyper` | `tower::Client`: an [`HttpClient`] over any `tower::Service` |
//! | `ureq` | `ureq::Client`: a [`BlockingHttpClient`] |
//! | `tracing` | events of the target `oidc_proto`, see below |
//!
//! # Tracing
//!
//! With the feature `tracing` the drivers and the session adapters emit events of the target `oidc_proto`. Names and
//! fields are stable. No event contains a secret, the path or query of a URL, what identifies a user, or the provider's
//! own text.
//!
//! | event | level | fields |
//! |---|---|---|
//! | `oidc_proto.request` | debug | `method`, `server` (host and port) |
//! | `oidc_proto.response` | debug | `server`, `status` |
//! | `oidc_proto.failure` | debug | `server`, `kind` ([`FailureKind::name`](crate::FailureKind::name)), `text` of the HTTP library |
//! | `oidc_proto.wait` | debug | `milliseconds` |
//! | `oidc_proto.key_use` | debug | `operation` |
//! | `oidc_proto.error` | debug | `code`, `endpoint`: a flow or a session's attempt ended with this error |
//! | `oidc_proto.session` | info | `event` ([`Event::name`](crate::session::Event::name)), `issuer`, `code`: when a listener receives the event |

mod blocking;
#[cfg(all(feature = "browser", target_family = "wasm", target_os = "unknown"))]
pub mod browser;
#[cfg(any(feature = "reqwest-own-tls", feature = "tower", feature = "ureq-own-tls"))]
mod causes;
mod client;
mod driver;
#[cfg(any(test, all(feature = "browser", target_family = "wasm", target_os = "unknown")))]
mod hash_rng;
#[cfg(any(feature = "reqwest-own-tls", feature = "tower", feature = "ureq-own-tls"))]
mod headers;
mod key_store;
#[cfg(any(feature = "reqwest-own-tls", feature = "ureq-own-tls"))]
mod options;
#[cfg(feature = "reqwest-own-tls")]
pub mod reqwest;
pub mod session;
pub mod store;
#[cfg(feature = "system")]
mod system;
#[cfg(any(feature = "reqwest-own-tls", feature = "ureq-own-tls"))]
mod tls;
#[cfg(any(feature = "reqwest-own-tls", feature = "ureq-own-tls"))]
mod tls_errors;
#[cfg(feature = "tokio")]
pub mod tokio;
#[cfg(feature = "tower")]
pub mod tower;
mod trace;
#[cfg(feature = "ureq-own-tls")]
pub mod ureq;
#[cfg(feature = "ureq-own-tls")]
mod ureq_tls;

pub use blocking::{BlockingDriver, BlockingHttpClient};
pub use client::{FromFn, from_fn};
pub use driver::{Driver, HttpClient, NoTimer, Timer};
pub use key_store::{BlockingKeyStore, KeyStore, NoKeyStore};
#[cfg(any(feature = "reqwest-own-tls", feature = "ureq-own-tls"))]
pub use options::{HttpOptions, OptionsError};
#[cfg(feature = "system")]
pub use system::SystemEnv;
