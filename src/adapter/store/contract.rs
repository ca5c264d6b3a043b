//! The traits of stores, and the store that does nothing.

use std::future::{Future, Ready, ready};
use std::time::Duration;

use super::holder::Holder;
use crate::error::{Error, ErrorCode, Quote};
use crate::session::{StoreAction, StoreResponse};

/// How long to wait for the lock: a session has given up after 45 seconds.
#[cfg(any(
    feature = "file-store",
    feature = "redis",
    all(feature = "browser", target_family = "wasm", target_os = "unknown")
))]
pub(super) const PATIENCE: std::time::Duration = std::time::Duration::from_secs(30);

/// An asynchronous store for the record of one session. A closure of this shape implements it.
///
/// `Lock` waits until it has the lock. A session gives up at its
/// [`deadline`](crate::session::SessionOptions::deadline), so a longer wait is useless. `Save` compares and writes
/// atomically. A response must be true even if nobody waits for it any more: after the response `Locked`, the store
/// holds the lock until `Unlock`.
pub trait SessionStore {
    /// The future of the response. It is a named type, so that callers can require it to be `Send`.
    type Future: Future<Output = StoreResponse>;

    /// Does what is asked.
    fn carry_out(&self, action: StoreAction) -> Self::Future;

    /// Whether it keeps records at all: [`NoStore`] does not.
    fn keeps(&self) -> bool {
        true
    }

    /// How long a lock lasts without a sign of life, if it is a lease. A session with
    /// [`Persistence::Shared`](crate::session::Persistence::Shared) whose deadline is longer is
    /// refused.
    fn lease(&self) -> Option<Duration> {
        None
    }

    /// This store and its clones, as one [`Holder`] of the lock. With a holder, a second session
    /// with this store is refused. `None`: the store does not record which session uses it.
    fn holder(&self) -> Option<Holder> {
        None
    }
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

/// A store that works on the calling thread. A closure of this shape implements it.
pub trait BlockingSessionStore {
    /// Does what is asked.
    fn carry_out(&self, action: StoreAction) -> StoreResponse;

    /// Whether it keeps records at all: [`NoStore`] does not.
    fn keeps(&self) -> bool {
        true
    }

    /// How long a lock lasts without a sign of life, if it is a lease. A session with
    /// [`Persistence::Shared`](crate::session::Persistence::Shared) whose deadline is longer is
    /// refused.
    fn lease(&self) -> Option<Duration> {
        None
    }

    /// This store and its clones, as one [`Holder`] of the lock. With a holder, a second session
    /// with this store is refused. `None`: the store does not record which session uses it.
    fn holder(&self) -> Option<Holder> {
        None
    }
}

impl<S: Fn(StoreAction) -> StoreResponse> BlockingSessionStore for S {
    fn carry_out(&self, action: StoreAction) -> StoreResponse {
        self(action)
    }
}

/// The error of a store that could not act, with the reason.
pub(super) fn failed(why: &'static str) -> Error {
    Error::new(ErrorCode::STORE_IO).with_found(Quote::library(why)).with_source(why)
}

/// No store, for sessions whose tokens are kept [nowhere](crate::session::Persistence::Nowhere).
#[derive(Clone, Copy, Debug, Default)]
pub struct NoStore;

impl SessionStore for NoStore {
    type Future = Ready<StoreResponse>;

    fn carry_out(&self, action: StoreAction) -> Self::Future {
        ready(BlockingSessionStore::carry_out(self, action))
    }

    fn keeps(&self) -> bool {
        false
    }
}

impl BlockingSessionStore for NoStore {
    fn carry_out(&self, _: StoreAction) -> StoreResponse {
        StoreResponse::Failed(failed("there is no store"))
    }

    fn keeps(&self) -> bool {
        false
    }
}
