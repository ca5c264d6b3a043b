//! The edge: what carries out a flow's steps. Everything here is thin, and none of it is needed to use a flow.
//!
//! | file | feature | holds |
//! |---|---|---|
//! | `driver.rs` | | [`Driver`]: runs a flow on any executor |
//! | `blocking.rs` | | [`BlockingDriver`]: runs a flow on this thread |
//! | `client.rs` | | [`from_fn`]: an HTTP client made of a closure; pointers to clients |
//! | `key_store.rs` | | [`KeyStore`], [`BlockingKeyStore`]: keys that live elsewhere |
//! | `options.rs` | `reqwest`, `ureq` | `HttpOptions`: the choices both HTTP clients offer |
//! | `reqwest.rs` | `reqwest` | `reqwest::Client`: an [`HttpClient`] for a tokio runtime |
//! | `session/` | | [`session`]: keeps sessions good, for many callers |
//! | `store/` | | [`store`]: what keeps the records of sessions |
//! | `system.rs` | `system` | `SystemEnv`: the operating system's clock and entropy |
//! | `tokio.rs` | `tokio` | `tokio::TokioTimer`, and threads for blocking stores |
//! | `ureq.rs` | `ureq` | `ureq::Client`: a [`BlockingHttpClient`] |

mod blocking;
mod client;
mod driver;
mod key_store;
#[cfg(any(feature = "reqwest", feature = "ureq"))]
mod options;
#[cfg(feature = "reqwest")]
pub mod reqwest;
pub mod session;
pub mod store;
#[cfg(feature = "system")]
mod system;
#[cfg(feature = "tokio")]
pub mod tokio;
#[cfg(feature = "ureq")]
pub mod ureq;

pub use blocking::{BlockingDriver, BlockingHttpClient};
pub use client::{FromFn, from_fn};
pub use driver::{Driver, HttpClient, NoTimer, Timer};
pub use key_store::{BlockingKeyStore, KeyStore, NoKeyStore};
#[cfg(any(feature = "reqwest", feature = "ureq"))]
pub use options::{HttpOptions, OptionsError};
#[cfg(feature = "system")]
pub use system::SystemEnv;
