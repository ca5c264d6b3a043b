//! One token request and its outcome.

use std::time::Duration;

use http::StatusCode;

use crate::base::env::{Env, MonotonicTime, Timestamp};
use crate::base::secret::Secret;
use crate::error::Error;
use crate::error::transport::Sent;
use crate::session::record::{LoginId, Parent};
use crate::token::token_set::TokenSet;

/// The state of one token request until its tokens can be used.
pub(super) struct Exchange {
    /// When the provider was asked for tokens.
    asked_at: Timestamp,
    /// What it was asked with.
    pub(super) parent: Parent,
    rotation: Rotation,
    /// The lock was given back before its response came.
    is_unlocked: bool,
    /// Until when the lease of the lock lasts: it is no shorter than the session's deadline.
    lease_until: MonotonicTime,
    /// When the store was asked last to renew it.
    renewed_at: MonotonicTime,
}

/// Whether the provider has exchanged the refresh token.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rotation {
    /// It was not asked, or said that it did not.
    No,
    /// It was asked, and nothing has come back.
    Requested,
    /// Tokens came, or nothing that says whether there are new ones.
    Maybe,
}

impl Exchange {
    /// One that begins now.
    pub(super) fn new(parent: Parent, deadline: Duration, env: &dyn Env) -> Self {
        let renewed_at = env.monotonic();
        let lease_until = renewed_at.saturating_add(deadline);
        Self { asked_at: env.now(), parent, rotation: Rotation::No, is_unlocked: false, lease_until, renewed_at }
    }

    /// The store is asked to renew the lease of the lock.
    pub(super) fn renews(&mut self, env: &dyn Env) {
        self.renewed_at = env.monotonic();
    }

    /// The store has answered. If the lease was over by now, another process may have had the lock.
    pub(super) fn renewed(&mut self, deadline: Duration, env: &dyn Env) {
        if env.monotonic() < self.lease_until {
            self.lease_until = self.lease_until.max(self.renewed_at.saturating_add(deadline));
        }
    }

    /// Whether the store was asked half a lease ago.
    pub(super) fn is_renewal_due(&self, deadline: Duration, env: &dyn Env) -> bool {
        self.renewed_at.saturating_add(deadline / 2) <= env.monotonic()
    }

    /// The token request is sent now.
    pub(super) fn sent(&mut self, env: &dyn Env) {
        self.asked_at = env.now();
        self.rotation = Rotation::Requested;
    }

    /// The lock is given back, and no response has come.
    pub(super) fn unlocked(&mut self) {
        self.is_unlocked = true;
    }

    /// Whether another process may have asked with the same refresh token since.
    pub(super) fn may_be_overtaken(&self, env: &dyn Env) -> bool {
        self.is_unlocked || self.lease_until <= env.monotonic()
    }

    /// What it says of its refresh that tokens came for it.
    pub(super) fn end(self, env: &dyn Env) -> EndOfRefresh {
        EndOfRefresh { may_be_overtaken: self.may_be_overtaken(env), spent: self.parent.spent }
    }

    /// A response came. If it is the one to the token request, its status says whether there may be new tokens: a
    /// gateway that got no response says nothing about that (RFC 9110 sections 15.6.3 and 15.6.5).
    pub(super) fn answered(&mut self, status: StatusCode) {
        let is_unknown = matches!(status, StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT);
        self.learned(is_unknown || status.is_success());
    }

    /// No response came. If the token request was not sent either, there are no new tokens.
    pub(super) fn not_answered(&mut self, sent: Sent) {
        self.learned(sent != Sent::No);
    }

    fn learned(&mut self, may_have_rotated: bool) {
        if self.rotation == Rotation::Requested {
            self.rotation = if may_have_rotated { Rotation::Maybe } else { Rotation::No };
        }
    }

    /// The provider says that it did not rotate.
    pub(super) fn denied(self) -> Self {
        Self { rotation: Rotation::No, ..self }
    }

    /// Whether the provider may have ended the old access token.
    pub(super) fn may_have_rotated(&self) -> bool {
        self.rotation != Rotation::No
    }

    /// Whether there may be new tokens: nothing more comes for the token request, and it was not denied.
    pub(super) fn may_have_yielded(&self) -> bool {
        self.rotation == Rotation::Maybe
    }

    /// When the provider was asked.
    pub(super) fn asked_at(&self) -> Timestamp {
        self.asked_at
    }

    /// Whether the response to the token request is still to come.
    pub(super) fn awaits_tokens(&self) -> bool {
        self.rotation == Rotation::Requested
    }

    /// Whether the provider was asked with this refresh token. Without a shared store there is no other.
    pub(super) fn is_by(&self, refresh_token: Option<&Secret>) -> bool {
        is_by(self.parent.spent.as_ref(), refresh_token)
    }

    pub(super) fn obtained(self, tokens: TokenSet) -> Obtained {
        Obtained { tokens, parent: self.parent, new_login: None, in_vain: None, lease_until: self.lease_until }
    }

    /// No access token came that can be used: the attempt has failed. The refresh token is among these tokens.
    pub(super) fn obtained_in_vain(self, tokens: TokenSet, error: Error) -> Obtained {
        Obtained { in_vain: Some(error), ..self.obtained(tokens) }
    }

    pub(super) fn rejected(self, error: Error) -> Rejection {
        Rejection { error, spent: self.parent.spent }
    }
}

/// Whether this refresh token is the one that was spent, if the store is shared. Without a shared
/// store there is no other.
pub(super) fn is_by(spent: Option<&Secret>, refresh_token: Option<&Secret>) -> bool {
    spent.is_none_or(|spent| refresh_token.is_some_and(|own| own.matches(spent.expose())))
}

/// The end of a refresh: the tokens that were asked for with this refresh token, if the store is shared.
pub(super) struct EndOfRefresh {
    pub(super) spent: Option<Secret>,
    /// Another process may have asked with the same refresh token since.
    pub(super) may_be_overtaken: bool,
}

/// New tokens, and where they come from.
pub(super) struct Obtained {
    pub(super) tokens: TokenSet,
    /// What they were obtained from.
    pub(super) parent: Parent,
    /// The login that they come from, if it is a new one.
    pub(super) new_login: Option<LoginId>,
    /// Why the attempt has failed all the same.
    pub(super) in_vain: Option<Error>,
    /// As in the [`Exchange`].
    pub(super) lease_until: MonotonicTime,
}

/// Why the session ends, unless another process has newer tokens.
pub(super) struct Rejection {
    pub(super) error: Error,
    /// The refresh token that the provider was asked with.
    pub(super) spent: Option<Secret>,
}
