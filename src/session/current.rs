//! The current tokens of a session, and their standing.

use std::hash::{DefaultHasher, Hasher as _};

use super::access::Standing;
use super::policy::{self, Options, RefreshPolicy};
use crate::base::env::{Env, MonotonicTime, Timestamp};
use crate::base::secret::{AccessToken, same_bytes};
use crate::party::relying_party::RelyingParty;
use crate::token::token_set::TokenSet;

/// The newest tokens.
pub(super) struct CurrentTokens {
    tokens: TokenSet,
    /// Until when the access token is good by the monotonic clock; `None` if that is not known.
    good_until: Option<MonotonicTime>,
    objection: Objection,
    /// When the provider was last asked for tokens that it may have given, and that did not come.
    lost_at: Option<Timestamp>,
    /// Tokens that were refused as soon as they were obtained, one after the other.
    refused: u8,
    /// Whether [`CurrentTokens::settle`] has seen these tokens.
    is_settled: bool,
    /// When it saw them first.
    taken_at: MonotonicTime,
    /// Of the access token that these tokens have replaced; 0 if there was none.
    before: u64,
}

/// Why the access token may not be good although it has not expired.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Objection {
    None,
    /// The provider may have ended it.
    Doubt,
    /// A resource server refused it.
    Refusal,
}

/// Until when an access token is good, by both clocks; `None` where that is not known.
#[derive(Clone, Copy)]
pub(crate) struct Validity {
    until: Option<MonotonicTime>,
    expires_at: Option<Timestamp>,
}

impl Validity {
    pub(crate) fn is_over(self, env: &dyn Env) -> bool {
        self.until.is_some_and(|until| env.monotonic() >= until) || self.expires_at.is_some_and(|at| env.now() >= at)
    }
}

impl CurrentTokens {
    /// Tokens without an objection. [`CurrentTokens::settle`] completes them.
    pub(super) fn new(tokens: TokenSet) -> Self {
        Self {
            tokens,
            good_until: None,
            objection: Objection::None,
            lost_at: None,
            refused: 0,
            is_settled: false,
            taken_at: MonotonicTime::from_millis(0),
            before: 0,
        }
    }

    pub(super) fn tokens(&self) -> &TokenSet {
        &self.tokens
    }

    pub(super) fn access_token(&self) -> &AccessToken {
        self.tokens.access_token()
    }

    /// Whether this is the access token.
    pub(super) fn is(&self, token: &AccessToken) -> bool {
        same_bytes(token.expose().as_bytes(), self.access_token().expose().as_bytes())
    }

    /// Whether this is the access token that the current one has replaced.
    pub(super) fn is_before(&self, token: &AccessToken) -> bool {
        self.before != 0 && self.before == fingerprint(token)
    }

    /// Whether the access token has expired. If the time of day is set back, the token does not live longer than the
    /// monotonic clock allows.
    fn is_expired(&self, env: &dyn Env) -> bool {
        self.validity().is_over(env)
    }

    fn validity(&self) -> Validity {
        Validity { until: self.good_until, expires_at: self.tokens.expires_at() }
    }

    /// The access token, if there is no objection, and until when it is good.
    pub(super) fn good(&self) -> Option<(&AccessToken, Validity)> {
        (self.objection == Objection::None).then(|| (self.access_token(), self.validity()))
    }

    /// The standing of the access token.
    pub(super) fn standing(&self, env: &dyn Env) -> Standing {
        match self.objection {
            _ if self.is_expired(env) => Standing::Expired,
            Objection::None => Standing::Good,
            Objection::Doubt => Standing::Doubtful,
            Objection::Refusal => Standing::Refused,
        }
    }

    /// Whether the access token's standing is [`Standing::Good`].
    pub(super) fn is_good(&self, env: &dyn Env) -> bool {
        self.objection == Objection::None && !self.is_expired(env)
    }

    /// The provider may have ended the access token, when it was asked at this time for new ones.
    pub(super) fn doubt(&mut self, asked_at: Option<Timestamp>) {
        self.lost_at = asked_at.or(self.lost_at);
        if self.objection == Objection::None {
            self.objection = Objection::Doubt;
        }
    }

    pub(super) fn is_refused(&self) -> bool {
        self.objection == Objection::Refusal
    }

    /// A resource server refused the access token. Returns how many tokens it refused one after the other, each as soon
    /// as it was obtained.
    pub(super) fn refuse(&mut self, env: &dyn Env) -> u8 {
        self.objection = Objection::Refusal;
        // The clock of the machine that obtained it may be ahead of this one's.
        let by_time_of_day = env.now().saturating_since(self.tokens.obtained_at());
        let age = by_time_of_day.max(env.monotonic().saturating_since(self.taken_at));
        self.refused = if age < policy::YOUNG { self.refused.saturating_add(1) } else { 1 };
        self.refused
    }

    /// Takes tokens that were just obtained. They have no objection.
    pub(super) fn renew(&mut self, tokens: TokenSet) {
        if !self.is(tokens.access_token()) {
            self.before = fingerprint(self.access_token());
        }
        (self.tokens, self.is_settled) = (tokens, false);
        (self.objection, self.lost_at) = (Objection::None, None);
    }

    /// Whether the provider was asked for tokens that it may have given, and that did not come.
    pub(super) fn has_lost(&self) -> bool {
        self.lost_at.is_some()
    }

    /// Takes tokens that another process saved. If the access token is the same, its objection remains. Tokens are
    /// doubtful if they may have been requested before this session's last request: the provider may have ended them.
    pub(super) fn replace(&mut self, tokens: TokenSet, may_be_older: bool) {
        if !self.is(tokens.access_token()) {
            let is_older = may_be_older || self.lost_at.is_some_and(|lost_at| tokens.obtained_at() < lost_at);
            if !is_older {
                self.lost_at = None;
            }
            self.objection = if is_older { Objection::Doubt } else { Objection::None };
            self.before = fingerprint(self.access_token());
            self.is_settled = false;
        }
        self.tokens = tokens;
    }

    /// Computes what follows from new tokens. What is left of their lifetime is never more than all of it, and a time of
    /// day that was set back makes it no longer for tokens that are known. Returns when they are to be refreshed; `None`
    /// if never. Without a refresh token that is when they expire: the attempt finds newer ones in the store, or says that
    /// a login is needed.
    pub(super) fn settle(
        &mut self,
        party: &RelyingParty,
        options: &Options,
        env: &mut dyn Env,
    ) -> Option<MonotonicTime> {
        self.tokens.share_owner(party.owner());
        let (now, ticks) = (env.now(), env.monotonic());
        let (expires_at, obtained_at) = (self.tokens.expires_at(), self.tokens.obtained_at());
        let left = |end: Timestamp| end.saturating_since(now).min(end.saturating_since(obtained_at));
        let good_until = expires_at.map(|end| ticks.saturating_add(left(end)));
        let known = self.good_until.filter(|_| self.is_settled);
        self.good_until = good_until.map(|until| known.map_or(until, |known| known.min(until)));
        if !self.is_settled {
            (self.is_settled, self.taken_at) = (true, ticks);
        }
        if options.refresh != RefreshPolicy::Ahead {
            return None;
        }
        if self.tokens.refresh_token().is_none() {
            return self.good_until;
        }
        // Some refresh tokens die before the access token.
        let ends = [expires_at, self.tokens.refresh_expires_at()].map(|end| {
            let end = end?;
            let lifetime = end.saturating_since(obtained_at);
            let margin = policy::margin(lifetime, env.rng().next_u32());
            (lifetime >= policy::SHORTEST).then(|| ticks.saturating_add(left(end).saturating_sub(margin)))
        });
        ends.into_iter().flatten().min()
    }
}

/// Enough to know one token again: a hash of its length and of its end, which is the signature of a JWT. The whole would
/// cost more than everything else that a session does for a refresh.
fn fingerprint(token: &AccessToken) -> u64 {
    let bytes = token.expose().as_bytes();
    let mut hasher = DefaultHasher::new();
    hasher.write_usize(bytes.len());
    hasher.write(bytes.last_chunk::<64>().map_or(bytes, |end| end));
    hasher.finish()
}
