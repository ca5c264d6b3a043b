//! What a store does, and the one that does nothing.

use std::future::{Future, Ready, ready};

use crate::error::{Error, ErrorCode};
use crate::session::{StoreAction, StoreResponse};

/// How long to wait for the lock: a session has given up after 45 seconds.
#[cfg(any(feature = "file-store", feature = "redis"))]
pub(super) const PATIENCE: std::time::Duration = std::time::Duration::from_secs(30);

/// Keeps the record of one session, asynchronously. Any closure of this shape does.
///
/// `Lock` waits until the lock is there; a session has given up by its
/// [`deadline`](crate::session::SessionOptions::deadline), so waiting longer than that is of no use. `Save` compares and
/// writes as one act. What an action came to, whether or not anyone still waits for it, has to be true: a lock that is
/// answered is held, and is given back by `Unlock`.
pub trait SessionStore {
    /// The response to come. A named type, so that what waits for it can be required to be `Send`.
    type Future: Future<Output = StoreResponse>;

    /// Does what is asked.
    fn carry_out(&self, action: StoreAction) -> Self::Future;
}

impl<S, A> SessionStore for S
where
    S: Fn(StoreAction) -> A,
    A: Future<Output = StoreResponse>,
{
    type Future = A;

    fn carry_out(&self, action: StoreAction) -> A {
        self(action)
    }
}

/// The same on the thread that calls. Any closure of this shape does.
pub trait BlockingSessionStore {
    /// Does what is asked.
    fn carry_out(&self, action: StoreAction) -> StoreResponse;
}

impl<S: Fn(StoreAction) -> StoreResponse> BlockingSessionStore for S {
    fn carry_out(&self, action: StoreAction) -> StoreResponse {
        self(action)
    }
}

/// A store that does nothing, and why.
pub(super) fn failed(why: &'static str) -> Error {
    Error::new(ErrorCode::STORE_IO).with_source(why)
}

/// No store, for sessions whose tokens are kept [nowhere](crate::session::Persistence::Nowhere).
#[derive(Clone, Copy, Debug, Default)]
pub struct NoStore;

impl SessionStore for NoStore {
    type Future = Ready<StoreResponse>;

    fn carry_out(&self, action: StoreAction) -> Self::Future {
        ready(BlockingSessionStore::carry_out(self, action))
    }
}

impl BlockingSessionStore for NoStore {
    fn carry_out(&self, _: StoreAction) -> StoreResponse {
        StoreResponse::Failed(failed("there is no store"))
    }
}
