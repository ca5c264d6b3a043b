//! The handles, one for each step. `caller.rs` has their methods.

use std::fmt;

use http::Request;

use super::key_use::KeyUse;
use crate::base::bell::Bell;
use crate::base::env::MonotonicTime;
use crate::base::secret::Body;
use crate::wire::policy::{Accept, Policy};

/// A request to send, and the state that takes its response.
#[must_use = "the flow goes on when the response is received"]
pub struct Call<F> {
    pub(super) request: Request<Body>,
    pub(super) policy: Policy,
    pub(super) awaiting: Awaiting<F>,
}

impl<F> fmt::Debug for Call<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Queries, header values and bodies hold codes, secrets and tokens.
        let uri = self.request.uri();
        write!(f, "Call({} {}{})", self.request.method(), uri.host().unwrap_or(""), uri.path())
    }
}

/// The state that takes the response to a request.
#[must_use = "the flow goes on when the response is received"]
pub struct Awaiting<F> {
    pub(super) body_limit: usize,
    pub(super) accept: Accept,
    pub(super) flow: F,
}

impl<F> fmt::Debug for Awaiting<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Awaiting(…)")
    }
}

/// A time to wait for before the flow continues.
#[must_use = "the flow goes on when it is woken"]
pub struct Wait<F> {
    pub(super) until: MonotonicTime,
    pub(super) bell: Option<Bell>,
    pub(super) flow: F,
}

impl<F> fmt::Debug for Wait<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Wait(until {} ms)", self.until.as_millis())
    }
}

/// A key operation for the driver's key store, and the state that takes its output.
#[must_use = "the flow goes on when the key store's output is received"]
pub struct UseKey<F> {
    pub(super) key_use: KeyUse,
    pub(super) flow: F,
}

impl<F> fmt::Debug for UseKey<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UseKey({:?})", self.key_use)
    }
}
