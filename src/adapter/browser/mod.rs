//! Browsers and Node.js: HTTP by `fetch`, a timer, clock and entropy, keys of WebCrypto, logins.
//! For `wasm32-unknown-unknown`.
//!
//! It runs in a window, in a worker, in a service worker and in Node.js 20 or later. All of them
//! have the same globals: `fetch`, `setTimeout`, `Date`, `performance` and `crypto`. Values of
//! JavaScript stay in the thread that made them, so the futures of this module are not `Send`.
//!
// | file | holds |
// |---|---|
// | `fetch.rs` | [`Client`]: requests and responses |
// | `request.rs` | a request as `fetch` takes it |
// | `failure.rs` | why a request failed, as far as it can be known |
// | `violation.rs` | requests that the page's content security policy stops |
// | `timer.rs` | [`BrowserTimer`], [`Sleep`] |
// | `env.rs` | [`BrowserEnv`] |
// | `login.rs` | [`log_in_by_redirect`], [`PageCallback`]: a login by redirect, the callback in the page's URL |
// | `popup.rs` | [`Popup`]: a login in a window of its own |
// | `page.rs` `events.rs` `channel.rs` | the page, its events, messages between windows |
// | `keys.rs` `verify.rs` `subtle.rs` | [`WebCryptoKeys`] |
// | `database.rs` | IndexedDB, for keys and for [`BrowserStore`](crate::adapter::store::BrowserStore) |
//!
//! ```no_run
//! use oidc_proto::adapter::Driver;
//! use oidc_proto::adapter::browser::{BrowserEnv, BrowserTimer, Client};
//! use oidc_proto::{Error, Issuer, RelyingParty, Schemes};
//!
//! async fn discover(client: oidc_proto::Client) -> Result<RelyingParty, Error> {
//!     let mut env = BrowserEnv::new()?;
//!     let driver = Driver::new(Client::new()).with_timer(BrowserTimer);
//!     let issuer = Issuer::new("https://op.example.org", Schemes::HttpsOnly)?;
//!     driver.run(RelyingParty::discover(issuer, client)?, &mut env).await
//! }
//! ```

pub(in crate::adapter) mod channel;
pub(in crate::adapter) mod database;
mod env;
pub(in crate::adapter) mod events;
mod failure;
mod fetch;
mod keys;
mod login;
mod page;
mod popup;
mod request;
mod subtle;
mod timer;
mod verify;
mod violation;

pub use env::BrowserEnv;
pub use fetch::Client;
pub use keys::WebCryptoKeys;
pub use login::{PageCallback, log_in_by_redirect};
pub use popup::Popup;
pub use timer::{BrowserTimer, Sleep};
