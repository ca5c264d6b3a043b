//! The edge: what carries out a flow's steps. Everything here is thin, and none of it is needed to use a flow.
//!
//! | file | feature | holds |
//! |---|---|---|
//! | `driver.rs` | | [`Driver`]: runs a flow on any executor |
//! | `blocking.rs` | | [`BlockingDriver`]: runs a flow on this thread |

mod blocking;
mod driver;

pub use blocking::{BlockingDriver, BlockingHttpClient};
pub use driver::{Driver, HttpClient, NoSigner, NoTimer, RemoteSigner, Timer};
