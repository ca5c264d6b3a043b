//! Stores for the records of sessions: what keeps one session's tokens, in this process or for many.
//!
//! | file | feature | holds |
//! |---|---|---|
//! | `store.rs` | | [`SessionStore`], [`BlockingSessionStore`], [`NoStore`] |

use std::future::{Future, Ready, ready};

use crate::session::{StoreAction, StoreAnswer};

/// Keeps the record of one session, asynchronously. Any closure of this shape does.
///
/// `Lock` waits until the lock is there; a session has given up by its
/// [`deadline`](crate::session::SessionOptions::deadline), so waiting longer than that is of no use. `Save` compares and
/// writes as one act. What an action came to, whether or not anyone still waits for it, has to be true: a lock that is
/// answered is held, and is given back by `Unlock`.
pub trait SessionStore {
    /// The answer to come. A named type, so that what waits for it can be required to be `Send`.
    type Answer: Future<Output = StoreAnswer>;

    /// Does what is asked.
    fn carry_out(&self, action: StoreAction) -> Self::Answer;
}

impl<S, A> SessionStore for S
where
    S: Fn(StoreAction) -> A,
    A: Future<Output = StoreAnswer>,
{
    type Answer = A;

    fn carry_out(&self, action: StoreAction) -> A {
        self(action)
    }
}

/// The same on the thread that calls. Any closure of this shape does.
pub trait BlockingSessionStore {
    /// Does what is asked.
    fn carry_out(&self, action: StoreAction) -> StoreAnswer;
}

impl<S: Fn(StoreAction) -> StoreAnswer> BlockingSessionStore for S {
    fn carry_out(&self, action: StoreAction) -> StoreAnswer {
        self(action)
    }
}

/// No store, for sessions whose tokens are kept [nowhere](crate::session::Persistence::Nowhere).
#[derive(Clone, Copy, Debug, Default)]
pub struct NoStore;

impl SessionStore for NoStore {
    type Answer = Ready<StoreAnswer>;

    fn carry_out(&self, _: StoreAction) -> Self::Answer {
        ready(StoreAnswer::Failed)
    }
}

impl BlockingSessionStore for NoStore {
    fn carry_out(&self, _: StoreAction) -> StoreAnswer {
        StoreAnswer::Failed
    }
}
