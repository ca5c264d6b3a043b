//! The provider's habits, and the logins there.

use std::collections::HashMap;
use std::time::Duration;

use oidc_proto::adapter::BlockingDriver;
use oidc_proto::testing::{
    self, Clock, Homeserver, Lie, RegisteredClient, Reuse, RevokingSpent, Rotation, TestEnv, User,
};
use oidc_proto::{
    AuthorizationRequest, Callback, Client, Env, Issuer, RedirectUri, RelyingParty, Schemes, Scope, TokenSet,
};

use crate::simulation::store::{MORE, SIGNED};
use crate::simulation::universe::{Grant, SESSIONS, Universe};

const ISSUER: &str = "https://op.example.org";
const REDIRECT_URI: &str = "https://app.example.org/cb";
/// How long access tokens live.
pub(crate) const LIFETIME: u64 = 300_000;
/// How long a spent refresh token is accepted where that is a matter of time.
pub(crate) const GRACE: u64 = 60_000;

/// What the provider does with a refresh token that comes a second time.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Habit {
    /// It takes it for a theft: in one world of four.
    Strict,
    UntilSuccessorIsUsed,
    /// It takes it for a theft after a minute.
    ForAWhile,
    Always,
    /// There is only one for the whole life of a grant.
    NeverRotates,
}

impl Habit {
    pub(crate) fn of(seed: u64) -> Self {
        match (seed % 4, is_harsh(seed), seed / 32 % 5) {
            (3, _, _) => Self::Strict,
            (_, false, _) | (_, _, 0 | 1) => Self::UntilSuccessorIsUsed,
            (_, _, 2) => Self::ForAWhile,
            (_, _, 3) => Self::Always,
            _ => Self::NeverRotates,
        }
    }

    /// Whether a lost response may cost the grant.
    pub(crate) fn is_strict(self) -> bool {
        matches!(self, Self::Strict | Self::ForAWhile)
    }
}

/// Whether there are all mishaps: in three worlds of seven, and where there are more. The others are those of old seeds, and of
/// ID tokens: on a machine whose clock is wrong for hours nobody can verify one.
pub(crate) fn is_harsh(seed: u64) -> bool {
    seed % 7 >= 4 && !is_signed(seed) || seed & MORE != 0
}

/// The provider of this world, and its client; for logins once more, which do not wait for keys that a session fetches.
pub(crate) fn provider(seed: u64, env: &mut TestEnv) -> (testing::Provider, [RelyingParty; 2]) {
    let users = (0..SESSIONS as usize).flat_map(|session| [0, 1].map(|turn| User::new(&user(session, turn))));
    let habit = Habit::of(seed);
    let reuse = match habit {
        Habit::Strict => Reuse::EndsGrant,
        Habit::UntilSuccessorIsUsed => Reuse::AllowedUntilSuccessorIsUsed,
        Habit::ForAWhile => Reuse::AllowedFor(Duration::from_millis(GRACE)),
        Habit::Always | Habit::NeverRotates => Reuse::Allowed,
    };
    // A refresh ends the access token before in one world of two.
    let rotation = if rotation_ends_tokens(seed) { Rotation::EndsAccessTokens } else { Rotation::KeepsAccessTokens };
    let op = users
        .fold(testing::Provider::new(ISSUER), testing::Provider::with_user)
        .with_reuse(reuse)
        .with_rotation(rotation)
        .with_revoking_spent(if spent_tokens_do_nothing(seed) {
            RevokingSpent::DoesNothing
        } else {
            RevokingSpent::EndsGrant
        })
        .with_client(RegisteredClient::public("app", REDIRECT_URI).with_id_token_signed_response_alg("ES256"));
    if is_mas(seed) {
        // A spent refresh token then fails, and the grant goes on; revoking it does nothing.
        drop(Homeserver::new("https://hs.example.org", "example.org", op.clone()).with_habits_of_mas());
    }
    if habit == Habit::NeverRotates {
        op.lie(Lie::RefreshTokenKept);
    }
    let http = BlockingDriver::new(op.http(env.clock()));
    let issuer = Issuer::new(ISSUER, Schemes::HttpsOnly).unwrap();
    let client = Client::new("app").with_redirect_uri(RedirectUri::new(REDIRECT_URI).unwrap());
    let parties = [(); 2].map(|()| {
        let step = RelyingParty::discover(issuer.clone(), client.clone()).unwrap();
        http.run(step, env).unwrap()
    });
    (op, parties)
}

fn rotation_ends_tokens(seed: u64) -> bool {
    seed / 4 % 2 == 1 || is_mas(seed)
}

fn spent_tokens_do_nothing(seed: u64) -> bool {
    seed / 16 % 2 == 1 || is_mas(seed)
}

/// Whether it has the habits of the Matrix Authentication Service.
fn is_mas(seed: u64) -> bool {
    seed & MORE != 0 && Habit::of(seed) == Habit::UntilSuccessorIsUsed
}

/// Whether there are ID tokens, and keys that change.
pub(crate) fn is_signed(seed: u64) -> bool {
    seed & SIGNED != 0
}

/// Two machines. The clock of the second has run for longer.
pub(crate) fn machines() -> [Clock; 2] {
    let clocks = [Clock::new(), Clock::new()];
    clocks[1].advance(Duration::from_secs(100_000));
    clocks[1].set(Clock::START);
    clocks
}

/// Of users whose accounts are locked: until when, and the access tokens that were issued or used meanwhile. No resource
/// takes them, also not when the account is unlocked.
#[derive(Default)]
pub(crate) struct LockedUsers {
    pub(crate) until: HashMap<String, u64>,
    pub(crate) tokens: std::collections::HashSet<String>,
    /// How many there were.
    pub(crate) times: u64,
}

impl Universe {
    pub(crate) fn login(&mut self, session: usize, user: &str) -> TokenSet {
        let http = BlockingDriver::new(self.op.http(self.env.clock()));
        // Mostly without `openid`: no ID tokens, so that a run costs no signatures.
        let openid = if is_signed(self.seed) { "openid " } else { "" };
        let redirect_uri = self.logins.client().redirect_uris()[0].clone();
        let scope = Scope::new(&format!("{openid}offline_access urn:matrix:client:device:DEVICE-OF-{user}")).unwrap();
        let request = AuthorizationRequest::new(redirect_uri, scope).with_login_hint(format!("auto:{user}"));
        let (url, pending) = self.logins.authorize(request, &mut self.env).unwrap();
        let now = oidc_proto::Env::now(&self.env);
        let visit = self.op.visit(url.as_str(), now);
        let callback = Callback::from_url(visit.callback()).unwrap();
        let verified = self.logins.check(&pending, &callback, now).unwrap();
        let step = self.logins.redeem(pending, verified, &mut self.env).unwrap();
        let tokens = http.run(step, &mut self.env).unwrap().verified().unwrap().tokens;
        let (access_token, refresh_token) = (tokens.access_token().expose(), tokens.refresh_token().unwrap().expose());
        if self.grants.iter().any(|grant| grant.user == user && self.op.has_grant_of(&grant.newest)) {
            *self.mishaps.entry("a device has two grants").or_default() += 1;
        }
        self.grants.push(Grant::new(session, user, access_token, refresh_token));
        let grant = self.grants.len() - 1;
        self.own(grant, access_token);
        self.own(grant, refresh_token);
        self.tell(|| format!("{user} logs in: grant {grant}"));
        if is_signed(self.seed) { tokens } else { named(&tokens, user) }
    }

    /// Whether the revocation of a spent refresh token ends the grant.
    pub(crate) fn spent_tokens_end_grants(&self) -> bool {
        !spent_tokens_do_nothing(self.seed)
    }

    /// Whether a resource would take it, were no account locked. Nothing counts as used.
    pub(crate) fn is_honoured(&self, token: &str) -> bool {
        let is_newest = self.grant_of(token).newest == token;
        let is_rotated = rotation_ends_tokens(self.seed) && !is_newest;
        self.op.has_grant_of(token) && !is_rotated && !self.has_expired(token)
    }

    /// By the right time.
    pub(crate) fn has_expired(&self, token: &str) -> bool {
        self.issues[token].1 + LIFETIME <= self.now
    }

    /// Whether no resource takes this user's token.
    pub(crate) fn is_refused(&self, user: &str, token: &str) -> bool {
        let is_locked = self.is_locked(user) || self.locked.tokens.contains(token);
        is_locked || self.op.bearer(token, Env::now(&self.env)).is_none()
    }

    pub(crate) fn is_locked(&self, user: &str) -> bool {
        self.locked.until.get(user).is_some_and(|until| *until > self.now)
    }
}

/// The login names of a session's users, who take turns.
pub(crate) fn user(session: usize, turn: u64) -> String {
    format!("user-{session}-{turn}")
}

/// With the user's name in an ID token that nobody has signed: so a run costs no signatures, and a session knows whose the
/// tokens are.
fn named(tokens: &TokenSet, user: &str) -> TokenSet {
    let mut stored = serde_json::to_value(tokens).unwrap();
    stored["id_token"] = serde_json::json!({
        "compact": "e30.e30.AA", "issuer": ISSUER, "subject": user, "audience": ["app"],
        "expires_at": stored["obtained_at"], "issued_at": stored["obtained_at"],
    });
    serde_json::from_value(stored).unwrap()
}
