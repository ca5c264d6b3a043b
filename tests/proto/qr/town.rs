//! Two devices, a homeserver with a rendezvous, a provider, and time that passes when everybody waits.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use http::{Method, Request, Response};
use oidc_proto::matrix::{Address, Homeserver, Party, SupportCheck, UserId};
use oidc_proto::qr::{Account, LoginFailureReason, Options, Progress, Proposal, Secrets};
use oidc_proto::testing::{self, Clock, RegisteredClient, TestEnv};
use oidc_proto::{
    AccessToken, Body, Client, DpopKey, Env as _, Error, ErrorCode, Failure, Issuer, MonotonicTime, PendingDevice,
    ProviderOptions, RelyingParty, Schemes, Scope, TokenSet,
};

use crate::qr::device::{Device, Pass, ended};
use crate::qr::world::drive;

pub(crate) const HS: &str = "https://hs.example.org";
pub(crate) const OTHER_HS: &str = "https://other.example.org";
/// The two devices' names.
pub(crate) const LOGIN: &str = "login";
pub(crate) const GRANT: &str = "grant";
const OP: &str = "https://op.example.org";
/// Every reason that a device can give, and what the other device ends with.
pub(crate) const REASONS: [(LoginFailureReason, ErrorCode); 6] = [
    (LoginFailureReason::AuthorizationExpired, ErrorCode::QR_PEER_AUTHORIZATION_EXPIRED),
    (LoginFailureReason::DeviceAlreadyExists, ErrorCode::QR_PEER_DEVICE_EXISTS),
    (LoginFailureReason::DeviceNotFound, ErrorCode::QR_PEER_DEVICE_NOT_FOUND),
    (LoginFailureReason::UnexpectedMessageReceived, ErrorCode::QR_PEER_UNEXPECTED_MESSAGE),
    (LoginFailureReason::UnsupportedProtocol, ErrorCode::QR_PEER_UNSUPPORTED_PROTOCOL),
    (LoginFailureReason::UserCancelled, ErrorCode::QR_PEER_CANCELLED),
];
const DEVICE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
/// With characters that a path does not hold as they are.
pub(crate) const DEVICE_ID: &str = "AB/C+D=E%2F";
pub(crate) const TOKEN: &str = "EXISTING";

/// What the humans and the servers do.
#[derive(Clone, Debug, Default)]
pub(crate) struct Plan {
    /// Whether the new device shows the code; else the existing one does.
    pub(crate) login_shows: bool,
    /// The existing device's homeserver is another one than the new device thinks of.
    pub(crate) homeserver_swapped: bool,
    pub(crate) wrong_check_code: bool,
    /// The new device cannot log in where it should, for this reason: the provider has no device authorization, say.
    pub(crate) gives_up: Option<LoginFailureReason>,
    pub(crate) device_exists: bool,
    pub(crate) device_never_appears: bool,
    /// The new device's tokens are bound to a key in a key store.
    pub(crate) binds_tokens: bool,
    /// The existing device's are, too.
    pub(crate) grant_binds_tokens: bool,
    /// That key store refuses.
    pub(crate) key_refused: bool,
    /// At which of its steps a device's driver gives up.
    pub(crate) login_cancels_at: Option<usize>,
    pub(crate) grant_cancels_at: Option<usize>,
    /// What a device's driver does wrong at its steps, one entry for each.
    pub(crate) login_strays: Vec<Option<u8>>,
    pub(crate) grant_strays: Vec<Option<u8>>,
    /// At which pause of which device the human cancels.
    pub(crate) stops_at: Option<(&'static str, Progress)>,
    pub(crate) options: Options,
}

pub(crate) struct Town {
    pub(crate) clock: Clock,
    pub(crate) hs: testing::Rendezvous,
    pub(crate) other_hs: testing::Rendezvous,
    pub(crate) op: testing::Provider,
    pub(crate) devices: RefCell<BTreeSet<String>>,
    /// Answers of the homeserver about devices that say nothing, before those that do.
    pub(crate) device_failures: RefCell<Vec<Result<(u16, &'static str), Failure>>>,
    pub(crate) device_looks: Cell<usize>,
    /// Whether the existing device was left alone, and found the new one by itself.
    pub(crate) was_alone: Cell<bool>,
    pub(crate) timers: RefCell<Vec<MonotonicTime>>,
    pub(crate) has_moved: Cell<bool>,
    pub(crate) progress: RefCell<Vec<(&'static str, Progress)>>,
    /// In how many ways each step that came can go wrong, by device.
    pub(crate) ways: RefCell<Vec<(&'static str, u8)>>,
    /// Where the existing device sends the user.
    pub(crate) page: RefCell<String>,
    /// When somebody gave up.
    pub(crate) cancelled_at: Cell<Option<MonotonicTime>>,
    /// When the provider was asked for tokens.
    pub(crate) polls: RefCell<Vec<MonotonicTime>>,
    /// The statuses of the rendezvous' answers.
    pub(crate) statuses: RefCell<Vec<(Method, u16)>>,
    /// Everything that was shown by `Debug`.
    pub(crate) shown: RefCell<String>,
}

/// How a run ended: the new device's side and the existing one's.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) login: Result<Secrets, Error>,
    pub(crate) grant: Result<(), Error>,
    /// When they had ended.
    pub(crate) ended: (MonotonicTime, MonotonicTime),
    pub(crate) login_steps: usize,
    pub(crate) grant_steps: usize,
}

impl Town {
    pub(crate) fn new() -> Self {
        Self {
            clock: Clock::new(),
            hs: testing::Rendezvous::new(HS).with_lifetime(Duration::from_secs(3600)),
            other_hs: testing::Rendezvous::new(OTHER_HS).with_lifetime(Duration::from_secs(3600)),
            op: provider(),
            devices: RefCell::default(),
            device_failures: RefCell::default(),
            device_looks: Cell::default(),
            was_alone: Cell::default(),
            timers: RefCell::default(),
            has_moved: Cell::default(),
            progress: RefCell::default(),
            ways: RefCell::default(),
            page: RefCell::default(),
            cancelled_at: Cell::default(),
            polls: RefCell::default(),
            statuses: RefCell::default(),
            shown: RefCell::default(),
        }
    }

    /// Where the user has decided at the provider before the first poll.
    pub(crate) fn hasty() -> Self {
        let mut town = Self::new();
        town.op = town.op.with_device_polls(0);
        town
    }

    /// Runs both devices until both have ended.
    pub(crate) fn run(&self, plan: &Plan) -> Outcome {
        let code = Pass::default();
        let check_code = Pass::default();
        let (new, existing) = (Device::new(self, plan, LOGIN), Device::new(self, plan, GRANT));
        if plan.device_exists {
            self.devices.borrow_mut().insert(DEVICE_ID.to_owned());
        }
        let (login, grant) = self.together(
            ended(&code, &check_code, self.timed(new.log_in(&code, &check_code))),
            ended(&code, &check_code, self.timed(existing.let_in(&code, &check_code))),
        );
        let ((login, login_ended), (grant, grant_ended)) = (login, grant);
        let ended = (login_ended, grant_ended);
        Outcome { login, grant, ended, login_steps: new.steps.get(), grant_steps: existing.steps.get() }
    }

    async fn timed<T>(&self, device: impl Future<Output = T>) -> (T, MonotonicTime) {
        (device.await, self.clock.monotonic())
    }

    /// Rendezvous that were not deleted.
    pub(crate) fn boxes(&self) -> usize {
        self.hs.boxes() + self.other_hs.boxes()
    }

    /// Whether something as long as the secrets has been in a rendezvous.
    pub(crate) fn secrets_were_sent(&self) -> bool {
        self.hs.texts().iter().chain(&self.other_hs.texts()).any(|text| text.len() > 1000)
    }

    fn together<A, B>(&self, a: impl Future<Output = A>, b: impl Future<Output = B>) -> (A, B) {
        let (mut a, mut b) = (pin!(a), pin!(b));
        let (mut of_a, mut of_b) = (None, None);
        let mut context = Context::from_waker(Waker::noop());
        for _ in 0..100_000 {
            self.has_moved.set(false);
            if of_a.is_none()
                && let Poll::Ready(output) = a.as_mut().poll(&mut context)
            {
                of_a = Some(output);
                self.has_moved.set(true);
            }
            if of_b.is_none()
                && let Poll::Ready(output) = b.as_mut().poll(&mut context)
            {
                of_b = Some(output);
                self.has_moved.set(true);
            }
            (of_a, of_b) = match (of_a, of_b) {
                (Some(of_a), Some(of_b)) => return (of_a, of_b),
                unfinished => unfinished,
            };
            let timers = std::mem::take(&mut *self.timers.borrow_mut());
            if !self.has_moved.get() {
                let next = timers.into_iter().min().expect("one waits for the other, and nobody for time");
                self.clock.advance(next.saturating_since(self.clock.monotonic()));
            }
        }
        panic!("goes on for ever")
    }

    pub(crate) fn exchange(&self, request: Request<Body>) -> Result<Response<Vec<u8>>, Failure> {
        let now = self.clock.now();
        let path = request.uri().path().to_owned();
        if let Some(device_id) = path.strip_prefix("/_matrix/client/v3/devices/") {
            return self.device(&request, device_id);
        }
        let (method, server) = match request.uri().host() {
            Some("op.example.org") => {
                if path == "/token" {
                    self.polls.borrow_mut().push(self.clock.monotonic());
                }
                return self.op.exchange(request, now);
            }
            Some("other.example.org") => (request.method().clone(), &self.other_hs),
            _ => (request.method().clone(), &self.hs),
        };
        let response = server.exchange(request, now);
        let status = response.as_ref().map_or(0, |response| response.status().as_u16());
        self.statuses.borrow_mut().push((method, status));
        response
    }

    fn device(&self, request: &Request<Body>, escaped: &str) -> Result<Response<Vec<u8>>, Failure> {
        self.device_looks.set(self.device_looks.get() + 1);
        let authorization = request.headers()["authorization"].to_str().unwrap();
        assert_eq!(request.headers().contains_key("dpop"), authorization.starts_with("DPoP "));
        assert!(authorization.starts_with("DPoP ") || authorization == format!("Bearer {TOKEN}"));
        assert_eq!(escaped, "AB%2FC%2BD%3DE%252F");
        let failure = self.device_failures.borrow_mut().pop();
        let (status, body) = match failure {
            Some(Err(failure)) => return Err(failure),
            Some(Ok(response)) => response,
            None if self.devices.borrow().contains(DEVICE_ID) => (200, r#"{"device_id":"AB/C+D=E%2F"}"#),
            None => (404, r#"{"errcode":"M_NOT_FOUND","error":"no"}"#),
        };
        let response = Response::builder().status(status).header("content-type", "application/json");
        Ok(response.body(body.as_bytes().to_vec()).unwrap())
    }
}

/// A provider with a client that may ask for device codes.
pub(crate) fn provider() -> testing::Provider {
    let client = RegisteredClient::public("app", "https://app.example.org/cb").with_grant_type(DEVICE_GRANT);
    testing::Provider::new(OP).with_client(client)
}

/// What goes between two stages: the core's own flows.
pub(crate) fn authorization(
    op: &testing::Provider,
    env: &mut TestEnv,
    dpop: Option<std::sync::Arc<DpopKey>>,
) -> (RelyingParty, PendingDevice) {
    let mut http = |request, now| op.exchange(request, now);
    let issuer = Issuer::new(OP, Schemes::HttpsOnly).unwrap();
    let client = Client::new("app");
    let client = dpop.map_or_else(|| client.clone(), |key| client.clone().with_dpop(key));
    let step = RelyingParty::discover(issuer, client).unwrap();
    let party = drive(step, env, &mut http, &mut Vec::new()).unwrap();
    let step = party.authorize_device(Scope::new("profile").unwrap(), env).unwrap();
    let pending = drive(step, env, &mut http, &mut Vec::new()).unwrap();
    (party, pending)
}

/// What the existing device knows of its account: tokens of its own, bound to a key if there is one.
pub(crate) fn account(
    op: &testing::Provider,
    base: &str,
    dpop: Option<std::sync::Arc<DpopKey>>,
    env: &mut TestEnv,
) -> Account {
    let homeserver = Homeserver::new(base, Schemes::HttpsOnly).unwrap();
    let step = SupportCheck::start(Address::Url(homeserver), ProviderOptions::new()).unwrap();
    let mut http = |request: Request<Body>, now| {
        if request.uri().path() == "/_matrix/client/versions" {
            return Ok(Response::new(br#"{"versions":["v1.18"]}"#.to_vec()));
        }
        let metadata = Request::get(format!("{OP}/.well-known/openid-configuration"));
        op.exchange(metadata.body(Vec::new()).unwrap(), now)
    };
    let server = drive(step, env, &mut http, &mut Vec::new()).unwrap().support.supported().unwrap();
    let (client, tokens) = match dpop {
        None => {
            let issuer = Issuer::new(OP, Schemes::HttpsOnly).unwrap();
            let token = AccessToken::new(TOKEN).unwrap();
            (Client::new("app"), TokenSet::from_parts(&issuer, "app", token, None, env.now()).unwrap())
        }
        Some(key) => {
            let (party, pending) = authorization(op, env, Some(key.clone()));
            let step = party.poll_device(pending, env).unwrap();
            let mut http = |request, now| op.exchange(request, now);
            let outcome = drive(step, env, &mut http, &mut Vec::new()).unwrap();
            (Client::new("app").with_dpop(key), outcome.verified().unwrap().tokens)
        }
    };
    Account::new(&Party::new(server, client), &tokens).with_user(UserId::new("@joe:example.org").unwrap())
}

pub(crate) fn secrets() -> Secrets {
    let key = "SECRET".repeat(50);
    let json = format!(
        r#"{{"cross_signing":{{"master_key":"{key}","self_signing_key":"{key}","user_signing_key":"{key}"}}}}"#
    );
    Secrets::from_json(&json).unwrap()
}

/// Either way round, of either proposal.
pub(crate) fn plans() -> Vec<Plan> {
    [Proposal::Msc4108, Proposal::Msc4388].into_iter().flat_map(plans_of).collect()
}

/// Either way round.
pub(crate) fn plans_of(proposal: Proposal) -> [Plan; 2] {
    let options = Options::new().with_proposal(proposal);
    [true, false].map(|login_shows| Plan { login_shows, options, ..Plan::default() })
}

/// The codes that both devices end with.
pub(crate) fn codes(outcome: &Outcome) -> (Option<ErrorCode>, Option<ErrorCode>) {
    let login = outcome.login.as_ref().err().map(|error| error.code());
    (login, outcome.grant.as_ref().err().map(|error| error.code()))
}
