//! One token request and its outcome.

use std::time::Duration;

use http::StatusCode;

use crate::base::env::{Env, MonotonicTime, Timestamp};
use crate::base::secret::Secret;
use crate::error::Error;
use crate::error::transport::Sent;
use crate::session::record::{LoginId, Parent, RecordVersion};
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
    /// When the store is to be asked to renew it.
    renew_at: MonotonicTime,
}

/// Whether the provider has exchanged the refresh token.
enum Rotation {
    /// It was not asked, or said that it did not.
    No,
    /// It was asked, and nothing has come back.
    Requested,
    /// Tokens came, or nothing that says whether there are new ones.
    Maybe,
    /// Tokens came that are not verified, and this refresh token of theirs is the current one: it is not spent.
    Kept(Secret),
}

impl Exchange {
    /// One that begins now, with a lock whose lease lasts until then.
    pub(super) fn new(parent: Parent, lease_until: MonotonicTime, deadline: Duration, env: &dyn Env) -> Self {
        let now = env.monotonic();
        let renew_at = now.saturating_add(lease_until.saturating_since(now).saturating_sub(deadline / 2));
        Self { asked_at: env.now(), parent, rotation: Rotation::No, is_unlocked: false, lease_until, renew_at }
    }

    /// The store is asked to renew the lease of the lock.
    pub(super) fn renews(&mut self, deadline: Duration, env: &dyn Env) {
        self.renew_at = env.monotonic().saturating_add(deadline / 2);
    }

    /// Whether half of the session's deadline has passed since the store was asked for the lease.
    pub(super) fn is_renewal_due(&self, env: &dyn Env) -> bool {
        self.renew_at <= env.monotonic()
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

    /// The refresh token that came takes the place of the one that was spent.
    pub(super) fn is_kept(&mut self, refresh_token: Secret) {
        self.rotation = Rotation::Kept(refresh_token);
    }

    /// What comes of it is saved in the place of this record, which has the tokens that it was asked with.
    pub(super) fn is_of(&mut self, record: Option<RecordVersion>) {
        self.parent.generation = record.map(|record| record.generation);
    }

    /// Whether another process may have asked with the same refresh token since.
    pub(super) fn may_be_overtaken(&self, env: &dyn Env) -> bool {
        self.is_unlocked || self.lease_until <= env.monotonic()
    }

    /// The end of its refresh, for which tokens came.
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
        if self.awaits_tokens() {
            self.rotation = if may_have_rotated { Rotation::Maybe } else { Rotation::No };
        }
    }

    /// The provider says that it did not rotate.
    pub(super) fn denied(self) -> Self {
        Self { rotation: Rotation::No, ..self }
    }

    /// Whether the provider may have ended the current tokens.
    pub(super) fn may_have_rotated(&self) -> bool {
        matches!(self.rotation, Rotation::Requested | Rotation::Maybe)
    }

    /// Whether there may be new tokens: nothing more comes for the token request, and it was not denied.
    pub(super) fn may_have_yielded(&self) -> bool {
        matches!(self.rotation, Rotation::Maybe | Rotation::Kept(_))
    }

    /// Whether the provider was asked, or has given tokens.
    pub(super) fn has_begun(&self) -> bool {
        !matches!(self.rotation, Rotation::No)
    }

    /// When the provider was asked.
    pub(super) fn asked_at(&self) -> Timestamp {
        self.asked_at
    }

    /// Whether the response to the token request is still to come.
    pub(super) fn awaits_tokens(&self) -> bool {
        matches!(self.rotation, Rotation::Requested)
    }

    /// Whether the provider was asked with this refresh token, or it came and was kept. Without a shared store there is no
    /// other.
    pub(super) fn goes_with(&self, refresh_token: Option<&Secret>) -> bool {
        let own = if let Rotation::Kept(kept) = &self.rotation { Some(kept) } else { self.parent.spent.as_ref() };
        is_by(own, refresh_token)
    }

    pub(super) fn obtained(self, tokens: TokenSet, may_be_spent: bool) -> Obtained {
        Obtained { tokens, parent: self.parent, new_login: None, may_be_spent, lease_until: self.lease_until }
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

/// The end of a refresh: its tokens came.
pub(super) struct EndOfRefresh {
    /// The refresh token that it was asked with. Without a shared store, `None` for the current one.
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
    /// Another process may have asked with the same refresh token since: the provider may have issued newer ones.
    pub(super) may_be_spent: bool,
    /// As in the [`Exchange`].
    pub(super) lease_until: MonotonicTime,
}

/// Why the session ends, unless another process has newer tokens.
pub(super) struct Rejection {
    pub(super) error: Error,
    /// The refresh token that the provider was asked with.
    pub(super) spent: Option<Secret>,
}
