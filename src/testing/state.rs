//! What the provider remembers.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng as _, SeedableRng as _};

use super::client::RegisteredClient;
use super::edit::Edit;
use super::fault::Fault;
use super::provider::{On, Reuse};
use super::user::User;
use crate::env::Timestamp;

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
    /// Which of the two generations of keys signs.
    pub(super) second_keys: bool,
    pub(super) rotates: bool,
    pub(super) reuse: Reuse,
    pub(super) access_token_lifetime: Duration,
    pub(super) edits: Vec<Edit>,
    pub(super) faults: Vec<(On, Fault, usize)>,
    pub(super) requests: Vec<On>,
    next_grant: u64,
}

#[derive(Clone)]
pub(super) struct Grant {
    pub(super) client_id: String,
    pub(super) login: String,
    pub(super) subject: String,
    pub(super) scope: String,
    pub(super) nonce: Option<String>,
    pub(super) acr: Option<String>,
    pub(super) auth_time: Timestamp,
}

pub(super) struct AuthorizationCode {
    pub(super) grant: u64,
    pub(super) redirect_uri: String,
    pub(super) code_challenge: String,
    pub(super) expires_at: Timestamp,
    pub(super) used: bool,
}

pub(super) struct Access {
    pub(super) grant: u64,
    pub(super) scope: String,
    pub(super) issued_at: Timestamp,
    pub(super) expires_at: Timestamp,
    pub(super) used: bool,
}

pub(super) struct Refresh {
    pub(super) grant: u64,
    /// The tokens it was exchanged for.
    pub(super) successors: Option<Tokens>,
}

#[derive(Clone)]
pub(super) struct Tokens {
    pub(super) access: String,
    pub(super) refresh: Option<String>,
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
            second_keys: false,
            rotates: true,
            reuse: Reuse::EndsGrant,
            access_token_lifetime: Duration::from_secs(300),
            edits: Vec::new(),
            faults: Vec::new(),
            requests: Vec::new(),
            next_grant: 0,
        }
    }

    /// The URL of something under the issuer. A slash at the issuer's end is not doubled.
    pub(super) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.issuer.trim_end_matches('/'))
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

    /// New tokens for a grant; the access token may have less scope than the grant.
    pub(super) fn issue(&mut self, grant: u64, scope: &str, with_refresh: bool, now: Timestamp) -> Tokens {
        let access = self.random("at_");
        let expires_at = now.saturating_add(self.access_token_lifetime);
        let scope = scope.to_owned();
        self.access_tokens.insert(access.clone(), Access { grant, scope, issued_at: now, expires_at, used: false });
        let refresh = with_refresh.then(|| self.random("rt_"));
        if let Some(refresh) = &refresh {
            self.refresh_tokens.insert(refresh.clone(), Refresh { grant, successors: None });
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

    /// The fault that this request meets, if any.
    pub(super) fn next_fault(&mut self, on: On) -> Option<Fault> {
        let at = self.faults.iter().position(|(place, _, times)| *place == on && *times > 0)?;
        let (_, fault, times) = self.faults.get_mut(at)?;
        *times = times.saturating_sub(1);
        let fault = fault.clone();
        self.faults.retain(|(_, _, times)| *times > 0);
        Some(fault)
    }
}
