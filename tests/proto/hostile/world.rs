//! A provider, a client and everything between them, and jumps to the states that a test starts from.

use std::cell::RefCell;
use std::fmt::{Debug, Write as _};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use oidc_proto::AuthMethod;
use oidc_proto::Failure;
use oidc_proto::flow::{Registration, ServerMetadataFetch};
use oidc_proto::jose::Algorithm;
use oidc_proto::jose::Keys;
use oidc_proto::limits::OLDEST_KEYS;
use oidc_proto::step::{KeyOutput, KeyUse};
use oidc_proto::testing::{self, Clock, Disturbance, Lie, On, TestEnv, Visit};
use oidc_proto::{ApplicationType, ClientMetadata};
use oidc_proto::{
    AuthorizationRequest, AuthorizationUrl, Callback, Client, DpopKey, Env as _, Error, ErrorCode, Issuer,
    PendingAuthorization, Provider, ProviderOptions, RedirectUri, Registered, Registrations, RelyingParty, Schemes,
    Scope, TokenOutcome, TokenSet, UnverifiedTokens, Userinfo, VerifiedCallback,
};

use crate::hostile::strong;

pub(crate) const ISSUER: &str = "https://op.example.org";
pub(crate) const REDIRECT: &str = "https://app.example.org/cb";
pub(crate) const LOGOUT_REDIRECT: &str = "https://app.example.org/bye";

/// Something that the provider, or whoever stands before it, says from now on.
#[derive(Clone, Debug)]
pub(crate) enum Say {
    Lie(Lie),
    Disturbance(On, Disturbance),
    Edit(&'static str, fn(&testing::Provider)),
}

impl Say {
    pub(crate) fn to(&self, op: &testing::Provider) {
        match self {
            Self::Lie(lie) => op.lie(*lie),
            Self::Disturbance(on, fault) => op.disturb(*on, fault.clone(), usize::MAX),
            Self::Edit(_, edit) => edit(op),
        }
    }
}

impl From<Lie> for Say {
    fn from(lie: Lie) -> Self {
        Self::Lie(lie)
    }
}

/// What a table says of one thing: its code, or that it is lived with.
pub(crate) type Row = (Say, Option<ErrorCode>);

/// Rows of a table of refusals.
pub(crate) fn refusals(table: &[(Say, ErrorCode)]) -> impl Iterator<Item = Row> {
    table.iter().map(|(say, code)| (say.clone(), Some(*code)))
}

/// Rows of a table of what is lived with.
pub(crate) fn pardons(table: &[Say]) -> impl Iterator<Item = Row> {
    table.iter().map(|say| (say.clone(), None))
}

/// Where on its way a login or a session is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum At {
    ServerMetadataFetch,
    Registration,
    Request,
    Device,
    Callback,
    /// No tokens came.
    Exchange,
    /// Tokens came, but cannot be trusted.
    Verification,
    Userinfo,
    Refresh,
    Revocation,
    Logout,
}

#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) at: At,
    pub(crate) error: Error,
    /// What came all the same.
    pub(crate) tokens: Option<Box<UnverifiedTokens>>,
}

impl Refusal {
    pub(crate) fn new(at: At) -> impl Fn(Error) -> Self {
        move |error| Self { at, error, tokens: None }
    }

    pub(crate) fn what(&self) -> (At, ErrorCode) {
        (self.at, self.error.code())
    }
}

pub(crate) struct World {
    pub(crate) op: testing::Provider,
    pub(crate) env: TestEnv,
    pub(crate) issuer: String,
    pub(crate) options: ProviderOptions,
    pub(crate) metadata: ClientMetadata,
    /// Used in place of one that is registered.
    pub(crate) client: Option<Client>,
    pub(crate) request: AuthorizationRequest,
    /// The key that tokens are bound to.
    pub(crate) dpop: Option<Arc<DpopKey>>,
    /// Whether the request goes to the provider first.
    pub(crate) pushes: bool,
    /// Makes the signatures of keys that live elsewhere, or refuses.
    pub(crate) keys: fn(&KeyUse) -> Result<KeyOutput, Failure>,
    /// How many it was asked for.
    pub(crate) asked_to_sign: usize,
    /// Each pause that a flow made.
    pub(crate) pauses: Vec<Duration>,
    /// Requests as they were sent.
    pub(crate) sent: Vec<String>,
    /// Bodies as they came.
    pub(crate) received: Vec<Vec<u8>>,
    /// Where the browser was sent, and with what it came back.
    pub(crate) browsed: RefCell<Vec<String>>,
    /// Logins as they are stored.
    pub(crate) kept: Vec<String>,
    /// The form or the token of the last request: what a hostile provider has at hand.
    pub(crate) last: Arc<Mutex<String>>,
    /// What `Debug` and `Display` made of every value and every error.
    pub(crate) shown: String,
}

pub(crate) struct Login {
    pub(crate) party: RelyingParty,
    pub(crate) url: AuthorizationUrl,
    pub(crate) pending: PendingAuthorization,
}

pub(crate) struct User {
    pub(crate) party: RelyingParty,
    pub(crate) tokens: TokenSet,
}

pub(crate) fn redirect() -> RedirectUri {
    RedirectUri::new(REDIRECT).unwrap()
}

/// Of a public client that says nothing about algorithms.
pub(crate) fn metadata() -> ClientMetadata {
    ClientMetadata::new(ApplicationType::Web, vec![redirect()])
        .with_post_logout_redirect_uri(RedirectUri::new(LOGOUT_REDIRECT).unwrap())
}

impl World {
    /// With a public client that registers for ES256, and a login for `openid profile`.
    pub(crate) fn new() -> Self {
        Self::seeded(1)
    }

    pub(crate) fn seeded(seed: u64) -> Self {
        let metadata = metadata().with_id_token_signed_response_alg(Algorithm::Es256);
        Self {
            // Not the seed of the client: what one of them draws must not look like what the other does.
            op: testing::Provider::new(ISSUER).with_seed(seed + 1000),
            env: TestEnv::with_clock(seed, Clock::new()),
            issuer: ISSUER.to_owned(),
            options: ProviderOptions::new(),
            metadata,
            client: None,
            request: AuthorizationRequest::new(redirect(), Scope::new("openid profile").unwrap()),
            dpop: None,
            pushes: false,
            keys: strong::sign_remotely,
            asked_to_sign: 0,
            pauses: Vec::new(),
            sent: Vec::new(),
            received: Vec::new(),
            browsed: RefCell::default(),
            kept: Vec::new(),
            last: Arc::default(),
            shown: String::new(),
        }
    }

    pub(crate) fn with_algorithm(algorithm: Algorithm) -> Self {
        let mut world = Self::new();
        world.metadata = world.metadata.with_id_token_signed_response_alg(algorithm);
        world
    }

    /// With a client that authenticates by a secret.
    pub(crate) fn with_secret(method: AuthMethod) -> Self {
        let mut world = Self::new();
        world.metadata = world.metadata.with_token_endpoint_auth_method(method);
        world
    }

    /// With a client that was configured by hand and says nothing about algorithms; its tokens are signed with this one.
    pub(crate) fn with_fixed_client(algorithm: &str) -> Self {
        let mut world = Self::new();
        let registered =
            testing::RegisteredClient::public("app", REDIRECT).with_id_token_signed_response_alg(algorithm);
        world.op = world.op.with_client(registered);
        world.client = Some(Client::new("app").with_redirect_uri(redirect()));
        world
    }

    pub(crate) fn pass(&self, seconds: u64) {
        self.env.clock().advance(Duration::from_secs(seconds));
    }

    /// Makes all keys too old. The time of day does not change, so that tokens are as good as before.
    pub(crate) fn age_keys(&self) {
        self.env.clock().advance(OLDEST_KEYS);
        self.env.clock().jump_back(OLDEST_KEYS);
    }

    pub(crate) fn show(&mut self, value: &impl Debug) {
        write!(self.shown, "{value:?}\n{value:#?}\n").unwrap();
    }

    pub(crate) fn show_error(&mut self, error: &Error) {
        self.show(error);
        let mut source: Option<&dyn std::error::Error> = Some(error);
        while let Some(error) = source {
            write!(self.shown, "{error}\n{error:?}\n").unwrap();
            source = error.source();
        }
        let quotes = [error.expected(), error.found()].into_iter().flatten();
        quotes.for_each(|quote| writeln!(self.shown, "{quote} {quote:?} {}", quote.as_str()).unwrap());
        writeln!(self.shown, "{}", error.hint()).unwrap();
        assert!(ErrorCode::all().any(|code| code == error.code()));
        assert_eq!((error.fault(), error.section()), (error.code().fault(), error.code().section()));
    }

    pub(crate) fn discover(&mut self) -> Result<Provider, Refusal> {
        let issuer = Issuer::new(&self.issuer, Schemes::HttpsOnly).map_err(Refusal::new(At::ServerMetadataFetch))?;
        let found = self
            .run(ServerMetadataFetch::start(issuer, self.options))
            .map_err(Refusal::new(At::ServerMetadataFetch))?;
        Ok(found.provider)
    }

    pub(crate) fn register(&mut self, provider: &Provider) -> Result<Registered, Refusal> {
        let registered =
            self.run(Registration::start(provider, self.metadata.clone())).map_err(Refusal::new(At::Registration))?;
        let mut registrations = Registrations::default();
        registrations.insert(provider.issuer(), &self.metadata, registered.clone());
        self.show(&registrations);
        Ok(registered)
    }

    /// Jumps to a provider that is known, and a client that it knows.
    pub(crate) fn party(&mut self) -> Result<RelyingParty, Refusal> {
        let provider = self.discover()?;
        let client = match self.client.clone() {
            Some(client) => client,
            None => self.register(&provider)?.client(&[redirect()]),
        };
        let client = match self.dpop.clone() {
            Some(key) => client.with_dpop(key),
            None => client,
        };
        Ok(RelyingParty::new(provider, client))
    }

    /// Jumps to where the user is at the provider.
    pub(crate) fn login(&mut self) -> Result<Login, Refusal> {
        let party = self.party()?;
        self.login_with(&party)
    }

    pub(crate) fn login_with(&mut self, party: &RelyingParty) -> Result<Login, Refusal> {
        let request = self.request.clone();
        let started = if self.pushes {
            let step = party.push(request, &mut self.env);
            self.run(step)
        } else {
            party.authorize(request, &mut self.env)
        };
        let (url, pending) = started.map_err(|error| {
            self.show_error(&error);
            Refusal::new(At::Request)(error)
        })?;
        self.show(&(&url, &pending, party, party.client(), party.provider()));
        self.browsed.borrow_mut().push(url.as_str().to_owned());
        self.kept.push(serde_json::to_string(&pending).unwrap());
        Ok(Login { party: party.clone(), url, pending })
    }

    /// The response that the user's browser brings, as it is.
    pub(crate) fn visit(&self, login: &Login) -> Visit {
        let visit = self.op.visit(login.url.as_str(), self.env.now());
        self.browsed.borrow_mut().push(format!("?{}", visit.callback()));
        visit
    }

    pub(crate) fn callback(&self, login: &Login) -> Result<Callback, Error> {
        match self.visit(login) {
            Visit::Post { body, .. } => Callback::from_form_post(body.as_bytes()),
            visit => Callback::from_url(visit.callback()),
        }
    }

    pub(crate) fn check(&mut self, login: &Login) -> Result<VerifiedCallback, Refusal> {
        let checked = self.callback(login).and_then(|callback| {
            self.show(&callback);
            login.party.check(&login.pending, &callback, self.env.now())
        });
        match &checked {
            Ok(checked) => self.show(checked),
            Err(error) => self.show_error(error),
        }
        checked.map_err(Refusal::new(At::Callback))
    }

    pub(crate) fn redeem(&mut self, login: Login, checked: VerifiedCallback) -> Result<User, Refusal> {
        let step = login.party.redeem(login.pending, checked, &mut self.env);
        let exchanged = self.run(step);
        self.settle(&login.party, exchanged, At::Exchange)
    }

    pub(crate) fn settle(
        &mut self,
        party: &RelyingParty,
        exchanged: Result<TokenOutcome, Error>,
        at: At,
    ) -> Result<User, Refusal> {
        match exchanged.map_err(Refusal::new(at))? {
            TokenOutcome::Verified(granted) => {
                let tokens = granted.tokens;
                self.show(&(&tokens, tokens.id_token(), party.provider().keys()));
                Ok(User { party: party.clone(), tokens })
            }
            TokenOutcome::Unverified { error, tokens } => {
                self.show_error(&error);
                Err(Refusal { at: At::Verification, error, tokens: Some(Box::new(tokens)) })
            }
        }
    }

    /// From the user at the provider to tokens.
    pub(crate) fn finish(&mut self, login: Login) -> Result<User, Refusal> {
        let checked = self.check(&login)?;
        self.redeem(login, checked)
    }

    /// Jumps to a user with tokens.
    pub(crate) fn logged_in(&mut self) -> Result<User, Refusal> {
        let login = self.login()?;
        self.finish(login)
    }

    /// The provider's keys, fetched unless there are fresh ones.
    pub(crate) fn keys(&mut self, party: &RelyingParty) -> Result<Arc<Keys>, Error> {
        let step = party.fetch_keys(&mut self.env);
        self.run(step)
    }

    pub(crate) fn refresh(&mut self, user: &User) -> Result<User, Refusal> {
        let step = user.party.refresh(&user.tokens, &mut self.env);
        let exchanged = self.run(step);
        self.settle(&user.party, exchanged, At::Refresh)
    }

    /// Looks at tokens once more that could not be trusted.
    pub(crate) fn verify(&mut self, party: &RelyingParty, tokens: UnverifiedTokens) -> Result<User, Refusal> {
        let step = tokens.verify(&mut self.env);
        let verified = self.run(Ok(step));
        self.settle(party, verified, At::Verification)
    }

    pub(crate) fn userinfo(&mut self, user: &User) -> Result<Userinfo, Refusal> {
        let step = user.party.userinfo(&user.tokens, &mut self.env);
        self.run(step).map_err(Refusal::new(At::Userinfo))
    }

    pub(crate) fn revoke(&mut self, user: &User) -> Result<(), Refusal> {
        let step = user.party.revoke(&user.tokens, &mut self.env);
        self.run(step).map_err(Refusal::new(At::Revocation))
    }

    /// How many requests went to each of these.
    pub(crate) fn counts<const N: usize>(&self, places: [On; N]) -> [usize; N] {
        places.map(|on| self.op.count(on))
    }
}
