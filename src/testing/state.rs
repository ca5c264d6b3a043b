//! What the provider remembers.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::Uri;
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng as _, SeedableRng as _};

use super::client::RegisteredClient;
use super::disturbance::Disturbance;
use super::edit::Edit;
use super::habits::adopted::Adopted;
use super::nonces::Nonces;
use super::records::{Access, AuthorizationCode, Grant, Pushed, Refresh, Tokens, Waiting};
use super::route::{On, by_path, route};
use super::settings::{Dpop, Extension, Par, Rate, Reuse, RevokingSpent, Rotation, StepUp, Terms};
use super::user::User;
use crate::base::env::Timestamp;

pub(super) struct State {
    pub(super) issuer: String,
    pub(super) rng: ChaCha20Rng,
    pub(super) users: Vec<User>,
    pub(super) clients: BTreeMap<String, RegisteredClient>,
    pub(super) codes: BTreeMap<String, AuthorizationCode>,
    /// What users have allowed. Tokens of a grant that is no longer here are worth nothing.
    pub(super) grants: BTreeMap<u64, Grant>,
    pub(super) access_tokens: BTreeMap<String, Access>,
    pub(super) refresh_tokens: BTreeMap<String, Refresh>,
    pub(super) pushed: BTreeMap<String, Pushed>,
    pub(super) devices: BTreeMap<String, Waiting>,
    pub(super) nonces: Nonces,
    pub(super) par: Par,
    pub(super) dpop: Dpop,
    /// What a registration needs (RFC 7591 section 3); `None` if everyone may register.
    pub(super) initial_access_token: Option<String>,
    pub(super) device_terms: Terms,
    pub(super) extensions: Vec<Extension>,
    pub(super) step_up: StepUp,
    /// Refresh tokens are for `offline_access` only, which is granted with consent only.
    pub(super) offline_by_consent: bool,
    /// Web clients may have redirect URIs with `http` on loopback, for developers.
    pub(super) web_on_loopback: bool,
    /// Signs by each algorithm that a client registers for.
    pub(super) has_all_algorithms: bool,
    /// Which of the two generations of keys signs.
    pub(super) second_keys: bool,
    pub(super) rate: Option<Rate>,
    /// Whether refresh tokens are rotated. A lie can prevent it: see [`State::rotates`].
    pub(super) has_rotation: bool,
    pub(super) reuse: Reuse,
    pub(super) revoking_spent: RevokingSpent,
    pub(super) rotation: Rotation,
    /// Of the Matrix Authentication Service.
    pub(super) has_habits_of_mas: bool,
    /// Of a known provider.
    pub(super) adopted: Option<Adopted>,
    /// What public clients have registered with.
    pub(super) registered: BTreeMap<Vec<u8>, String>,
    pub(super) access_token_lifetime: Duration,
    pub(super) edits: Vec<Edit>,
    pub(super) disturbances: Vec<(On, Disturbance, usize)>,
    pub(super) requests: Vec<On>,
    /// Each `jti` with whose it is: assertions and proofs are good once.
    seen: BTreeSet<(String, String)>,
    next_grant: u64,
}

/// What tokens are to be issued for.
pub(super) struct Issue<'a> {
    pub(super) grant: u64,
    /// Less than the grant's, maybe.
    pub(super) scope: &'a str,
    pub(super) with_refresh: bool,
    /// Whether they take the place of others.
    pub(super) refreshed: bool,
    /// The key to bind them to.
    pub(super) jkt: Option<&'a str>,
    /// Refresh tokens of other clients are bound by the client's authentication (RFC 9449 section 5).
    pub(super) is_public: bool,
}

impl<'a> Issue<'a> {
    pub(super) fn new(grant: u64, scope: &'a str, client: &RegisteredClient, jkt: Option<&'a str>) -> Self {
        let with_refresh = client.allows_grant("refresh_token");
        Self { grant, scope, with_refresh, refreshed: false, jkt, is_public: client.is_public() }
    }
}

impl State {
    pub(super) fn new(issuer: &str) -> Self {
        Self {
            issuer: issuer.to_owned(),
            rng: ChaCha20Rng::seed_from_u64(0),
            users: Vec::new(),
            clients: BTreeMap::new(),
            codes: BTreeMap::new(),
            grants: BTreeMap::new(),
            access_tokens: BTreeMap::new(),
            refresh_tokens: BTreeMap::new(),
            pushed: BTreeMap::new(),
            devices: BTreeMap::new(),
            nonces: Nonces::default(),
            par: Par::Advertised,
            dpop: Dpop::Advertised,
            initial_access_token: None,
            device_terms: Terms::default(),
            extensions: Vec::new(),
            step_up: StepUp::default(),
            offline_by_consent: false,
            web_on_loopback: false,
            has_all_algorithms: false,
            second_keys: false,
            rate: None,
            has_rotation: true,
            reuse: Reuse::EndsGrant,
            revoking_spent: RevokingSpent::EndsGrant,
            rotation: Rotation::KeepsAccessTokens,
            has_habits_of_mas: false,
            adopted: None,
            registered: BTreeMap::new(),
            access_token_lifetime: Duration::from_secs(300),
            edits: Vec::new(),
            disturbances: Vec::new(),
            requests: Vec::new(),
            seen: BTreeSet::new(),
            next_grant: 0,
        }
    }

    /// Whether a refresh brings a new refresh token.
    pub(super) fn rotates(&self) -> bool {
        self.has_rotation && !self.edits.iter().any(|edit| matches!(edit, Edit::KeepsRefreshTokens))
    }

    /// The URL of something under the issuer. A slash at the issuer's end is not doubled.
    pub(super) fn url(&self, path: &str) -> String {
        let adopted = self.adopted.as_ref().and_then(|adopted| adopted.url(path));
        adopted.map_or_else(|| self.own_url(path), str::to_owned)
    }

    fn own_url(&self, path: &str) -> String {
        format!("{}{path}", self.issuer.trim_end_matches('/'))
    }

    /// Which endpoint a URL names; `None` for another host.
    pub(super) fn endpoint(&self, uri: &Uri) -> Option<On> {
        let Some(adopted) = &self.adopted else { return route(&self.issuer, uri) };
        match (adopted.path(uri), route(&self.issuer, uri)) {
            (Some(path), _) => Some(by_path(path)),
            (None, Some(On::Device)) => Some(On::Device),
            (None, own) => own.map(|_| On::Elsewhere),
        }
    }

    /// 128 bits behind a prefix that says what it is, to whoever searches a log for it.
    pub(super) fn random(&mut self, prefix: &str) -> String {
        let mut bytes = [0_u8; 16];
        self.rng.fill_bytes(&mut bytes);
        format!("{prefix}{}", URL_SAFE_NO_PAD.encode(bytes))
    }

    /// The user of that login name; the first one if none is named. With no users of one's own there is `alice`.
    pub(super) fn user(&self, login: Option<&str>) -> Option<User> {
        match login {
            _ if self.users.is_empty() => Some(User::new("alice")).filter(|user| login.is_none_or(|l| l == user.login)),
            Some(login) => self.users.iter().find(|user| user.login == login).cloned(),
            None => self.users.first().cloned(),
        }
    }

    pub(super) fn add_grant(&mut self, grant: Grant) -> u64 {
        self.next_grant += 1;
        self.grants.insert(self.next_grant, grant);
        self.next_grant
    }

    /// The access token and its grant, if it is good now.
    pub(super) fn access(&self, token: &str, now: Timestamp) -> Option<(&Access, &Grant)> {
        let access = self.access_tokens.get(token).filter(|access| now < access.expires_at)?;
        Some((access, self.grants.get(&access.grant)?))
    }

    /// Whether this is the first `jti` of that name from them.
    pub(super) fn is_first(&mut self, whose: &str, jti: &str) -> bool {
        self.seen.insert((whose.to_owned(), jti.to_owned()))
    }

    /// New tokens for a grant.
    pub(super) fn issue(&mut self, issue: &Issue<'_>, now: Timestamp) -> Tokens {
        let access = self.random("at_");
        let expires_at = now.saturating_add(self.access_token_lifetime);
        let (grant, scope, jkt) = (issue.grant, issue.scope.to_owned(), issue.jkt.map(str::to_owned));
        let refresh_jkt = jkt.clone().filter(|_| issue.is_public);
        let kept = Access { grant, scope, jkt, issued_at: now, expires_at, used: false };
        self.access_tokens.insert(access.clone(), kept);
        let is_offline = !self.offline_by_consent || issue.scope.split(' ').any(|word| word == "offline_access");
        let may =
            self.adopted.as_ref().is_none_or(|adopted| adopted.refreshes(issue.grant, issue.scope, issue.is_public));
        let refresh = (issue.with_refresh && is_offline && may).then(|| self.random("rt_"));
        if let Some(refresh) = &refresh {
            self.refresh_tokens
                .insert(refresh.clone(), Refresh { grant, jkt: refresh_jkt, successors: None, spent_at: None });
        }
        Tokens { access, refresh }
    }

    /// Whether none of the tokens was used yet.
    pub(super) fn untouched(&self, tokens: &Tokens) -> bool {
        let access = self.access_tokens.get(&tokens.access).is_some_and(|access| !access.used);
        let refresh = tokens.refresh.as_ref().and_then(|refresh| self.refresh_tokens.get(refresh));
        access && refresh.is_none_or(|refresh| refresh.successors.is_none())
    }

    pub(super) fn forget(&mut self, tokens: &Tokens) {
        self.access_tokens.remove(&tokens.access);
        if let Some(refresh) = &tokens.refresh {
            self.refresh_tokens.remove(refresh);
        }
    }

    /// The disturbance that this request meets, if any.
    pub(super) fn next_disturbance(&mut self, on: On) -> Option<Disturbance> {
        let at = self.disturbances.iter().position(|(place, _, times)| *place == on && *times > 0)?;
        let (_, disturbance, times) = self.disturbances.get_mut(at)?;
        *times = times.saturating_sub(1);
        let disturbance = disturbance.clone();
        self.disturbances.retain(|(_, _, times)| *times > 0);
        Some(disturbance)
    }
}
