//! The current tokens of a session, and their standing.

use super::access::Standing;
use super::policy::{self, Options, RefreshPolicy};
use super::same::{Fingerprint, are_same, are_same_secrets};
use crate::base::env::{Env, MonotonicTime, Timestamp};
use crate::base::secret::{AccessToken, Secret, same_bytes};
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
    refusals: Refusals,
    /// Whether [`CurrentTokens::settle`] has seen these tokens.
    is_settled: bool,
    /// When it saw them first.
    taken_at: MonotonicTime,
    /// The fingerprints of the tokens that these have replaced, and of the tokens before those. If
    /// the store goes back to an earlier record while the newest tokens are not saved, that record
    /// may have the second ones.
    before: [Fingerprint; 2],
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

/// Tokens that a resource server refused one after the other, each but the first as soon as it was obtained.
#[derive(Clone, Copy, Default)]
pub(super) struct Refusals {
    pub(super) all: u8,
    /// Without the first, if that one was not fresh.
    pub(super) fresh: u8,
}

/// Until when an access token is good, by both clocks; `None` where that is not known.
#[derive(Clone, Copy)]
pub(crate) struct Validity {
    until: Option<MonotonicTime>,
    expires_at: Option<Timestamp>,
}

impl Validity {
    pub(crate) fn is_over(self, env: &dyn Env) -> bool {
        env.monotonic().has_reached(self.until) || env.now().has_reached(self.expires_at)
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
            refusals: Refusals::default(),
            is_settled: false,
            taken_at: MonotonicTime::from_millis(0),
            before: [Fingerprint::default(); 2],
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

    /// Whether these are the same tokens.
    pub(super) fn are(&self, tokens: &TokenSet) -> bool {
        are_same(&self.tokens, tokens)
    }

    /// Whether these are tokens that the current ones have replaced.
    pub(super) fn are_before(&self, tokens: &TokenSet) -> bool {
        self.before.contains(&Fingerprint::of(tokens))
    }

    /// Others take their place.
    fn are_replaced(&mut self) {
        let [newest, _] = self.before;
        self.before = [Fingerprint::of(&self.tokens), newest];
    }

    /// Whether the access token has expired. If the time of day is set back, the token does not live longer than the
    /// monotonic clock allows.
    fn is_expired(&self, env: &dyn Env) -> bool {
        match self.have_kept() {
            true => env.monotonic().has_reached(self.good_until),
            false => self.validity().is_over(env),
        }
    }

    /// Whether the provider gave the access token for less than a second. One that only counts as expired
    /// ([`CurrentTokens::continue_with`]) is none of these.
    pub(super) fn is_short(&self) -> bool {
        let obtained_at = self.tokens.obtained_at();
        let is_short = |end: Timestamp| end >= obtained_at && end.saturating_since(obtained_at) < policy::SHORTEST;
        self.tokens.expires_at().is_some_and(is_short)
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
        self.objection == Objection::None && !self.validity().is_over(env)
    }

    /// The provider may have ended the access token, when it was asked at this time for new ones.
    pub(super) fn doubt(&mut self, asked_at: Option<Timestamp>) {
        self.lost_at = asked_at.or(self.lost_at);
        if self.objection == Objection::None {
            self.objection = Objection::Doubt;
        }
    }

    /// Whether the provider may have given tokens that did not come.
    pub(super) fn has_lost(&self) -> bool {
        self.lost_at.is_some()
    }

    pub(super) fn is_refused(&self) -> bool {
        self.objection == Objection::Refusal
    }

    /// A resource server refused the access token. Returns how many it refused one after the other.
    pub(super) fn refuse(&mut self, env: &dyn Env) -> Refusals {
        self.objection = Objection::Refusal;
        // The clock of the machine that obtained it may be ahead of this one's.
        let by_time_of_day = env.now().saturating_since(self.tokens.obtained_at());
        let age = by_time_of_day.max(env.monotonic().saturating_since(self.taken_at));
        self.refusals = match age < policy::YOUNG {
            true => Refusals { all: self.refusals.all.saturating_add(1), fresh: self.refusals.fresh.saturating_add(1) },
            false => Refusals { all: 1, fresh: 0 },
        };
        self.refusals
    }

    /// New tokens take the place of the current ones. If nobody has refused the current ones, the
    /// count of refusals in a row begins anew.
    fn end_refusals(&mut self, tokens: &TokenSet) {
        if self.refusals.all > 0 && !self.is_refused() && self.is_other_response(tokens) {
            self.refusals = Refusals::default();
        }
    }

    /// Takes tokens that were just obtained. They have no objection.
    pub(super) fn renew(&mut self, tokens: TokenSet) {
        self.end_refusals(&tokens);
        if !self.are(&tokens) {
            self.are_replaced();
        }
        (self.tokens, self.is_settled) = (tokens, false);
        (self.objection, self.lost_at) = (Objection::None, None);
    }

    /// A refresh token that came with tokens that cannot be used takes the place of the old one. What the provider has given
    /// is not lost. Nobody knows whether the old access token is still good: among the tokens, also in a record, it counts
    /// as expired, so that whoever finds them refreshes first. Here it is doubtful until its time is over.
    pub(super) fn continue_with(&mut self, refresh_token: Secret, expires_at: Option<Timestamp>) {
        self.are_replaced();
        self.tokens = self.tokens.clone().with(|tokens| {
            tokens.refresh_token = Some(refresh_token);
            tokens.refresh_expires_at = expires_at;
            // Before it was obtained: no provider gives such a lifetime.
            tokens.expires_at = Some(tokens.obtained_at.saturating_sub(policy::SHORTEST));
        });
        self.lost_at = None;
    }

    /// Whether the refresh token is newer than the access token ([`CurrentTokens::continue_with`]).
    fn have_kept(&self) -> bool {
        self.tokens.expires_at().is_some_and(|end| end < self.tokens.obtained_at())
    }

    /// Whether these are the whole of the response that the current refresh token was kept from.
    pub(super) fn are_completed_by(&self, tokens: &TokenSet) -> bool {
        self.have_kept() && are_same_secrets(self.tokens.refresh_token(), tokens.refresh_token())
    }

    /// Takes tokens that another process saved. If they are of the same response, their objection remains. Tokens are
    /// doubtful if they may have been requested before this session's last request: the provider may have ended them. A
    /// refused access token that the provider gave once more stays refused.
    pub(super) fn replace(&mut self, tokens: TokenSet, may_be_older: bool) {
        let is_same = self.is(tokens.access_token());
        self.end_refusals(&tokens);
        if self.is_other_response(&tokens) {
            let is_older = may_be_older || self.lost_at.is_some_and(|lost_at| tokens.obtained_at() < lost_at);
            if !is_older {
                self.lost_at = None;
            }
            if !(is_same && self.is_refused()) {
                self.objection = if is_older { Objection::Doubt } else { Objection::None };
            }
            self.is_settled = false;
        }
        if !self.are(&tokens) {
            self.are_replaced();
        }
        self.tokens = tokens;
    }

    /// Whether these tokens came with another response than the current ones. Some providers give the same access token
    /// again, with a new life.
    pub(super) fn is_other_response(&self, tokens: &TokenSet) -> bool {
        tokens.obtained_at() != self.tokens.obtained_at() || !self.are(tokens)
    }

    /// Computes what follows from new tokens. The rest of their lifetime is never longer than the
    /// whole lifetime. A time of day that was set back does not lengthen the rest for tokens that
    /// are known already. Returns when they are to be refreshed; `None` if never. Without a refresh
    /// token that is when they expire: the attempt finds newer ones in the store, or says that a
    /// login is needed.
    pub(super) fn settle(
        &mut self,
        party: &RelyingParty,
        options: &Options,
        env: &mut dyn Env,
    ) -> Option<MonotonicTime> {
        options.trim(&mut self.tokens);
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
            (lifetime >= policy::SHORTEST || end < obtained_at)
                .then(|| ticks.saturating_add(left(end).saturating_sub(margin)))
        });
        ends.into_iter().flatten().min()
    }
}
