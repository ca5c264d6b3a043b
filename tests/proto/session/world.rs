//! A provider, a store, and processes that share both.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use oidc_proto::IdToken;
use oidc_proto::adapter::BlockingDriver;
use oidc_proto::session::{
    Access, Epoch, Event, Outcome, Persistence, Record, Session, SessionOptions, StoreAction, StoreResponse, Ticket,
    Transmit,
};
use oidc_proto::testing::{self, Clock, RegisteredClient, TestEnv};
use oidc_proto::{
    AuthorizationRequest, Body, Callback, Client, Env, Error, ErrorCode, Issuer, Provider, RedirectUri, RelyingParty,
    Schemes, Scope, Step, TokenSet,
};

use super::kept::{self, Kept};

pub const ISSUER: &str = "https://op.example.org";
pub const REDIRECT_URI: &str = "https://app.example.org/cb";

/// More than a session does at a time.
const MUCH: usize = 100;

/// What all processes have in common.
pub struct World {
    pub op: testing::Provider,
    pub env: TestEnv,
    /// With the keys that the login has fetched: a refresh fetches none.
    pub party: RelyingParty,
    pub tokens: TokenSet,
}

impl World {
    /// A user is logged in; access tokens live for five minutes.
    pub fn new() -> Self {
        Self::with(testing::Provider::new(ISSUER))
    }

    pub fn with(op: testing::Provider) -> Self {
        let mut env = TestEnv::with_clock(7, Clock::new());
        let op = op.with_client(RegisteredClient::public("app", REDIRECT_URI));
        let http = BlockingDriver::new(op.http(env.clock()));
        let issuer = Issuer::new(ISSUER, Schemes::HttpsOnly).unwrap();
        let client = Client::new("app").with_redirect_uri(RedirectUri::new(REDIRECT_URI).unwrap());
        let party = http.run(RelyingParty::discover(issuer, client).unwrap(), &mut env).unwrap();
        let tokens = login(&op, &party, "alice", &mut env);
        Self { op, env, party, tokens }
    }

    pub fn login(&mut self, user: &str) -> TokenSet {
        login(&self.op, &self.party, user, &mut self.env)
    }

    /// As in a process that has just started: from now on sessions have no keys until one of them fetches some.
    pub fn forget_keys(&mut self) {
        let (provider, client) = (self.party.provider(), self.party.client().clone());
        let provider = Provider::new(provider.metadata().clone(), *provider.options());
        self.party = RelyingParty::new(provider, client);
    }

    pub fn session(&mut self, options: SessionOptions) -> Session {
        self.restore(Record::new(0, self.tokens.clone()), options)
    }

    pub fn restore(&mut self, record: Record, options: SessionOptions) -> Session {
        // One of generation 0 is not stored.
        let stored = Some(record.version()).filter(|version| version.generation > 0);
        Session::new(record.tokens, stored, self.party.clone(), options, &mut self.env).unwrap()
    }

    pub fn advance(&mut self, seconds: u64) {
        self.env.clock().advance(Duration::from_secs(seconds));
    }

    /// Carries out everything that the session asks for, and returns what it told.
    pub fn pump(&mut self, session: &mut Session, store: &Store) -> Vec<Event> {
        for _ in 0..MUCH {
            if let Some((ticket, action)) = session.poll_store(&mut self.env) {
                if let Some(answer) = store.response(action) {
                    session.handle_store(ticket, answer, &mut self.env);
                }
            } else if let Some(transmit) = session.poll_transmit(&mut self.env) {
                let (ticket, request) = call(transmit);
                self.send(session, ticket, request);
            } else {
                return std::iter::from_fn(|| session.poll_event()).take(MUCH).collect();
            }
        }
        panic!("it does not come to an end");
    }

    /// The store does what it is asked for, and nothing is sent.
    pub fn keep(&mut self, session: &mut Session, store: &Store) {
        for _ in 0..MUCH {
            let Some((ticket, action)) = session.poll_store(&mut self.env) else { return };
            let answer = store.response(action).unwrap();
            session.handle_store(ticket, answer, &mut self.env);
        }
        panic!("it asks and asks");
    }

    /// What is to be sent is, and its responses come; nothing is kept.
    pub fn exchange(&mut self, session: &mut Session) {
        for _ in 0..MUCH {
            let Some(transmit) = session.poll_transmit(&mut self.env) else { return };
            let (ticket, request) = call(transmit);
            self.send(session, ticket, request);
        }
        panic!("it sends and sends");
    }

    pub fn send(&mut self, session: &mut Session, ticket: Ticket, request: http::Request<Body>) {
        match self.op.exchange(request, self.env.now()) {
            Ok(response) => session.handle_response(ticket, response, &mut self.env),
            Err(failure) => session.handle_failure(ticket, failure, &mut self.env),
        }
    }

    /// Lets the time come for whatever the session waits for next.
    pub fn wait(&mut self, session: &mut Session) {
        let due = session.poll_timeout().expect("the session waits for something");
        let pause = due.saturating_since(self.env.monotonic());
        self.env.clock().advance(pause);
        session.handle_timeout(&mut self.env);
    }

    /// A caller who takes what there is, or waits.
    pub fn ask(&mut self, session: &mut Session) -> Result<String, Option<Epoch>> {
        match session.access(&mut self.env) {
            Access::Ready(token) => Ok(token.expose().to_owned()),
            Access::Wait(epoch) => Err(Some(epoch)),
            Access::Doubtful { .. } | Access::Expired | Access::Ended(_) => Err(None),
        }
    }

    pub fn outcome(&self, session: &Session, epoch: Epoch) -> Result<String, &'static str> {
        match session.outcome(epoch, &self.env) {
            Outcome::Ready(token) => Ok(token.expose().to_owned()),
            Outcome::Pending => Err("pending"),
            Outcome::Doubtful { .. } => Err("doubtful"),
            Outcome::Failed(error) => Err(error.code().as_str()),
            Outcome::Ended(_) => Err("ended"),
        }
    }

    pub fn tokens_of(&self, session: &Session) -> String {
        session.tokens().access_token().expose().to_owned()
    }

    /// Revokes what the session gives back, and returns those tokens.
    pub fn revoke(&mut self, session: &mut Session) -> Vec<String> {
        let mut tokens = Vec::new();
        while let Some(step) = session.poll_revocation(&mut self.env) {
            let Step::Call(call) = step.unwrap() else { panic!("a request") };
            let (request, ..) = call.into_parts();
            let form = url::form_urlencoded::parse(request.body().as_ref());
            tokens.extend(form.filter(|(name, _)| name == "token").map(|(_, token)| token.into_owned()));
            assert_eq!(self.op.exchange(request, self.env.now()).unwrap().status(), 200);
        }
        tokens
    }

    /// Whether the provider still takes the token.
    pub fn honours(&self, token: &str) -> bool {
        self.op.bearer(token, self.env.now()).is_some()
    }
}

pub fn call(transmit: Transmit) -> (Ticket, http::Request<Body>) {
    match transmit {
        Transmit::Call { ticket, request, .. } => (ticket, request),
        Transmit::UseKey { .. } => panic!("no key lives elsewhere"),
    }
}

fn login(op: &testing::Provider, party: &RelyingParty, user: &str, env: &mut TestEnv) -> TokenSet {
    let scope = Scope::new("openid offline_access").unwrap();
    let request = AuthorizationRequest::new(party.client().redirect_uris()[0].clone(), scope)
        .with_login_hint(format!("auto:{user}"));
    let (url, pending) = party.authorize(request, env).unwrap();
    let callback = Callback::from_url(op.visit(url.as_str(), env.now()).callback()).unwrap();
    let verified = party.check(&pending, &callback, env.now()).unwrap();
    let step = party.redeem(pending, verified, env).unwrap();
    let tokens = BlockingDriver::new(op.http(env.clock())).run(step, env).unwrap().verified().unwrap().tokens;
    assert!(tokens.id_token().map(IdToken::subject).is_some_and(|subject| subject.ends_with(user)));
    tokens
}

/// A store that several processes share, and what is wrong with it.
#[derive(Clone, Default)]
pub struct Store(Rc<RefCell<Inner>>);

#[derive(Default)]
struct Inner {
    kept: Kept,
    locked: bool,
    fails: &'static str,
    log: Vec<&'static str>,
}

impl Store {
    pub fn fails(&self, action: &'static str) {
        self.0.borrow_mut().fails = action;
    }

    /// What was asked since the last time.
    pub fn log(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.0.borrow_mut().log)
    }

    pub fn record(&self) -> Option<Record> {
        self.0.borrow().kept.record.clone()
    }

    pub fn is_locked(&self) -> bool {
        self.0.borrow().locked
    }

    /// A lease that ran out, or a process that was killed while it held the lock.
    pub fn break_lock(&self) {
        self.0.borrow_mut().locked = false;
    }

    pub fn put(&self, record: Record) {
        let mut inner = self.0.borrow_mut();
        (inner.kept.record, inner.kept.begun) = (Some(record), false);
    }

    pub fn is_begun(&self) -> bool {
        self.0.borrow().kept.begun
    }

    /// Another process logs out.
    pub fn clear(&self) {
        let mut inner = self.0.borrow_mut();
        (inner.kept.record, inner.kept.begun) = (None, false);
    }

    /// The response; `None` for a lock that somebody else holds.
    pub fn response(&self, action: StoreAction) -> Option<StoreResponse> {
        let mut inner = self.0.borrow_mut();
        let (name, fails) = (kept::name(&action), inner.fails == kept::name(&action));
        if name == "lock" && inner.locked {
            return None;
        }
        let response = inner.kept.respond(action, !fails);
        inner.log.push(name);
        match name {
            "lock" => inner.locked = !fails,
            "unlock" => inner.locked = false,
            _ => {}
        }
        Some(if fails { StoreResponse::Failed(broken(name)) } else { response })
    }
}

/// A record of the session's own login: another process has refreshed.
pub fn record(session: &Session, generation: u64, tokens: &TokenSet) -> Record {
    let mut record = Record::new(generation, tokens.clone());
    record.login = session.login();
    record
}

/// Whether this is all that happened: the provider said that the grant is gone.
pub fn needs_login(events: &[Event]) -> bool {
    matches!(events, [Event::NeedsLogin(error)] if error.code() == ErrorCode::TOKEN_INVALID_GRANT)
}

/// Whether the owner was told that it goes on failing in this way.
pub fn stalled(events: &[Event], code: ErrorCode) -> bool {
    events.iter().any(|event| matches!(event, Event::Stalled(error) if error.code() == code))
}

/// What the store says of an action that it fails to carry out.
pub fn broken(action: &'static str) -> Error {
    Error::new(ErrorCode::STORE_IO).at(action)
}

pub fn shared() -> SessionOptions {
    SessionOptions::default().with_persistence(Persistence::Shared)
}
