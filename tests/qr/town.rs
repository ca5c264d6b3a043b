//! Two devices, a homeserver with a rendezvous, a provider, and time that passes when everybody waits.

use std::cell::{Cell, RefCell, RefMut};
use std::collections::BTreeSet;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use http::{Request, Response};
use oidc_proto::adapter::BlockingDriver;
use oidc_proto::flow::{DeviceAuthorization, Discovery};
use oidc_proto::matrix::Homeserver;
use oidc_proto::qr::{
    Account, CheckCode, Code, FailureReason, Grant, Login, NamedHomeserver, Options, Progress, Role, Scanned, Secrets,
    Secured, Shown, Stage,
};
use oidc_proto::testing::{self, Clock, RegisteredClient, TestEnv};
use oidc_proto::{
    AccessToken, Body, Client, Error, Failure, FailureKind, Flow, Issuer, PendingDevice, Provider, ProviderOptions,
    Schemes, Scope, Sent, Step, Ticks,
};

pub(crate) const HS: &str = "https://hs.example.org";
pub(crate) const OTHER_HS: &str = "https://other.example.org";
const OP: &str = "https://op.example.org";
const DEVICE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
/// With characters that a path does not hold as they are.
pub(crate) const DEVICE_ID: &str = "AB/C+D=E%2F";
const TOKEN: &str = "EXISTING";

/// What the humans and the servers do.
#[derive(Clone, Debug, Default)]
pub(crate) struct Plan {
    /// Whether the new device shows the code; else the existing one does.
    pub(crate) login_shows: bool,
    /// The existing device's homeserver is another one than the new device thinks of.
    pub(crate) homeserver_swapped: bool,
    pub(crate) wrong_check_code: bool,
    /// The user says no at the existing device.
    pub(crate) refused: bool,
    /// The provider has no device authorization.
    pub(crate) no_endpoint: bool,
    pub(crate) device_exists: bool,
    pub(crate) device_never_appears: bool,
    /// At which of its steps a device's driver gives up.
    pub(crate) login_cancels_at: Option<usize>,
    pub(crate) grant_cancels_at: Option<usize>,
}

pub(crate) struct Town {
    pub(crate) clock: Clock,
    pub(crate) hs: testing::Rendezvous,
    pub(crate) other_hs: testing::Rendezvous,
    pub(crate) op: testing::Provider,
    devices: RefCell<BTreeSet<String>>,
    /// Answers of the homeserver about devices that say nothing, before those that do.
    pub(crate) device_failures: RefCell<Vec<Result<(u16, &'static str), Failure>>>,
    pub(crate) device_looks: Cell<usize>,
    timers: RefCell<Vec<Ticks>>,
    has_moved: Cell<bool>,
    pub(crate) progress: RefCell<Vec<(&'static str, Progress)>>,
    /// Everything that was shown by `Debug`.
    pub(crate) shown: RefCell<String>,
}

/// How a run ended: the new device's side and the existing one's.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) login: Result<Secrets, Error>,
    pub(crate) grant: Result<(), Error>,
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
            timers: RefCell::default(),
            has_moved: Cell::default(),
            progress: RefCell::default(),
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
        let device = |name, seed, cancel_at| Device {
            town: self,
            name,
            env: RefCell::new(TestEnv::with_clock(seed, self.clock.clone())),
            steps: Cell::default(),
            cancel_at,
        };
        let new = device("login", 1, plan.login_cancels_at);
        let existing = device("grant", 2, plan.grant_cancels_at);
        if plan.device_exists {
            self.devices.borrow_mut().insert(DEVICE_ID.to_owned());
        }
        let (login, grant) = self.together(
            ended(&code, &check_code, new.log_in(plan, &code, &check_code)),
            ended(&code, &check_code, existing.let_in(plan, &code, &check_code)),
        );
        Outcome { login, grant, login_steps: new.steps.get(), grant_steps: existing.steps.get() }
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
        for _ in 0..1_000_000 {
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
                self.clock.advance(next.saturating_since(self.clock.ticks()));
            }
        }
        panic!("goes on for ever")
    }

    fn exchange(&self, request: Request<Body>) -> Result<Response<Vec<u8>>, Failure> {
        let now = self.clock.now();
        let path = request.uri().path().to_owned();
        if let Some(device_id) = path.strip_prefix("/_matrix/client/v3/devices/") {
            return self.device(&request, device_id);
        }
        match request.uri().host() {
            Some("op.example.org") => self.op.exchange(request, now),
            Some("other.example.org") => self.other_hs.exchange(request, now),
            _ => self.hs.exchange(request, now),
        }
    }

    fn device(&self, request: &Request<Body>, escaped: &str) -> Result<Response<Vec<u8>>, Failure> {
        self.device_looks.set(self.device_looks.get() + 1);
        assert_eq!(request.headers()["authorization"], format!("Bearer {TOKEN}"));
        assert_eq!(escaped, "AB%2FC%2BD%3DE%252F");
        let failure = self.device_failures.borrow_mut().pop();
        let (status, body) = match failure {
            Some(Err(failure)) => return Err(failure),
            Some(Ok(answer)) => answer,
            None if self.devices.borrow().contains(DEVICE_ID) => (200, r#"{"device_id":"AB/C+D=E%2F"}"#),
            None => (404, r#"{"errcode":"M_NOT_FOUND","error":"no"}"#),
        };
        let response = Response::builder().status(status).header("content-type", "application/json");
        Ok(response.body(body.as_bytes().to_vec()).unwrap())
    }
}

/// Something that a human carries from one device to the other.
struct Pass<T>(RefCell<Option<T>>, Cell<bool>);

impl<T> Default for Pass<T> {
    fn default() -> Self {
        Self(RefCell::new(None), Cell::new(false))
    }
}

impl<T: Clone> Pass<T> {
    fn put(&self, value: T) {
        *self.0.borrow_mut() = Some(value);
    }

    /// `None` if it will never come.
    async fn get(&self) -> Option<T> {
        std::future::poll_fn(|_| match self.0.borrow().clone() {
            Some(value) => Poll::Ready(Some(value)),
            None if self.1.get() => Poll::Ready(None),
            None => Poll::Pending,
        })
        .await
    }
}

/// A device that has ended shows nothing any more.
async fn ended<T>(code: &Pass<Code>, check_code: &Pass<String>, device: impl Future<Output = T>) -> T {
    let output = device.await;
    code.1.set(true);
    check_code.1.set(true);
    output
}

struct Device<'a> {
    town: &'a Town,
    name: &'static str,
    env: RefCell<TestEnv>,
    steps: Cell<usize>,
    cancel_at: Option<usize>,
}

impl Device<'_> {
    fn env(&self) -> RefMut<'_, TestEnv> {
        self.env.borrow_mut()
    }

    fn progress(&self, progress: Progress) {
        self.town.progress.borrow_mut().push((self.name, progress));
    }

    fn show(&self, what: &impl std::fmt::Debug) {
        self.town.shown.borrow_mut().push_str(&format!("{what:?}\n"));
    }

    /// A driver that gives up at one of its steps.
    async fn run<F: Flow>(&self, stage: Result<Step<F>, Error>) -> Result<F::Output, Error> {
        let mut step = stage?;
        loop {
            self.show(&step);
            self.steps.set(self.steps.get() + 1);
            let gives_up = Some(self.steps.get()) == self.cancel_at;
            step = match step {
                Step::Call(call) => {
                    let (request, _, awaiting) = call.into_parts();
                    self.moment().await;
                    let outcome = self.town.exchange(request);
                    match outcome {
                        // The answer comes, but nobody waits for it any more.
                        _ if gives_up => {
                            awaiting.fail(Failure::new(FailureKind::Cancelled, Sent::Maybe), &mut *self.env())?
                        }
                        Ok(response) => awaiting.receive(response, &mut *self.env())?,
                        Err(failure) => awaiting.fail(failure, &mut *self.env())?,
                    }
                }
                Step::Wait(wait) if gives_up => wait.cancel(&mut *self.env())?,
                Step::Wait(wait) => {
                    self.sleep(wait.until()).await;
                    wait.wake(&mut *self.env())?
                }
                Step::Sign(_) => panic!("nothing is signed"),
                Step::Done(output) => return Ok(output),
            };
        }
    }

    /// Lets the other device do something.
    async fn moment(&self) {
        let mut is_over = false;
        std::future::poll_fn(|_| {
            self.town.has_moved.set(true);
            if std::mem::replace(&mut is_over, true) { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    async fn sleep(&self, until: Ticks) {
        std::future::poll_fn(|_| {
            if self.town.clock.ticks() >= until {
                self.town.has_moved.set(true);
                return Poll::Ready(());
            }
            self.town.timers.borrow_mut().push(until);
            Poll::Pending
        })
        .await;
    }

    async fn show_code<R: Role>(
        &self,
        plan: &Plan,
        shown: Stage<Shown<R>>,
        (code, check_code): (&Pass<Code>, &Pass<String>),
    ) -> Result<Secured<R>, Error> {
        let shown = self.run(shown).await?;
        self.progress(shown.progress());
        assert!(shown.lifetime().is_some());
        self.show(&shown);
        code.put(Code::from_bytes(&shown.code().to_bytes(), Schemes::HttpsOnly).unwrap());
        let stage = shown.wait(&mut *self.env());
        let greeted = self.run(stage).await?;
        self.progress(greeted.progress());
        self.show(&greeted);
        let Some(digits) = check_code.get().await else {
            let stage = greeted.cancel(&mut *self.env());
            self.run(stage).await?;
            return Err(oidc_proto::Code::QrCancelled.into());
        };
        let typed = match plan.wrong_check_code {
            true => format!("{:02}", (digits.parse::<u8>().unwrap() + 1) % 100),
            false => digits,
        };
        let stage = greeted.confirm(&CheckCode::parse(&typed).unwrap(), &mut *self.env());
        self.run(stage).await
    }

    async fn scan_code<R: Role>(
        &self,
        scanned: Stage<Scanned<R>>,
        check_code: &Pass<String>,
    ) -> Result<Secured<R>, Error> {
        let scanned = self.run(scanned).await?;
        self.progress(scanned.progress());
        self.show(&scanned);
        check_code.put(scanned.check_code().digits());
        Ok(scanned.go_on())
    }

    async fn log_in(&self, plan: &Plan, code: &Pass<Code>, check_code: &Pass<String>) -> Result<Secrets, Error> {
        let secured = if plan.login_shows {
            let base = Homeserver::new(HS, Schemes::HttpsOnly).unwrap();
            let stage = Login::show(&base, Options::new(), &mut *self.env());
            self.show_code(plan, stage, (code, check_code)).await?
        } else {
            let Some(code) = code.get().await else { return Err(oidc_proto::Code::QrCancelled.into()) };
            let stage = Login::scan(&code, Options::new(), &mut *self.env());
            self.scan_code(stage, check_code).await?
        };
        self.progress(secured.progress());
        self.show(&secured);
        let stage = secured.begin(&mut *self.env());
        let at = self.run(stage).await?;
        self.progress(at.progress());
        self.show(&at);
        let expected = if plan.homeserver_swapped { OTHER_HS } else { HS };
        assert_eq!(at.homeserver().as_str(), expected);
        if plan.no_endpoint {
            let stage = at.give_up(FailureReason::UnsupportedProtocol, &mut *self.env());
            self.run(stage).await?;
            return Err(oidc_proto::Code::DeviceUnsupported.into());
        }
        let (provider, client, pending) = authorization(&self.town.op, &self.town.clock, &mut self.env());
        let stage = at.ask(pending, DEVICE_ID, &mut *self.env());
        let accepted = self.run(stage).await?;
        self.progress(accepted.progress());
        self.show(&accepted);
        assert!(!accepted.user_code().is_empty());
        let stage = accepted.poll(&provider, &client, None, &mut *self.env());
        let logged_in = self.run(stage).await?;
        assert!(logged_in.exchanged.verified().is_ok());
        if !plan.device_never_appears {
            self.town.devices.borrow_mut().insert(DEVICE_ID.to_owned());
        }
        self.progress(logged_in.rest.progress());
        let stage = logged_in.rest.succeed(&mut *self.env());
        self.run(stage).await
    }

    async fn let_in(&self, plan: &Plan, code: &Pass<Code>, check_code: &Pass<String>) -> Result<(), Error> {
        let base = if plan.homeserver_swapped { OTHER_HS } else { HS };
        let account = Account {
            homeserver: Homeserver::new(base, Schemes::HttpsOnly).unwrap(),
            named: NamedHomeserver::new(base, Schemes::HttpsOnly).unwrap(),
            access_token: AccessToken::new(TOKEN).unwrap(),
        };
        self.show(&account);
        let secured = if plan.login_shows {
            let Some(code) = code.get().await else { return Err(oidc_proto::Code::QrCancelled.into()) };
            let stage = Grant::scan(&code, Options::new(), &mut *self.env());
            self.scan_code(stage, check_code).await?
        } else {
            let stage = Grant::show(&account, Options::new(), &mut *self.env());
            self.show_code(plan, stage, (code, check_code)).await?
        };
        self.progress(secured.progress());
        let stage = secured.begin(&account, &mut *self.env());
        let asked = self.run(stage).await?;
        self.progress(asked.progress());
        self.show(&asked);
        assert!(asked.login().page().starts_with("https://op.example.org/device?user_code="));
        assert_eq!(asked.login().device_id(), DEVICE_ID);
        if plan.refused {
            let stage = asked.refuse(&mut *self.env());
            self.run(stage).await?;
            return Err(oidc_proto::Code::QrCancelled.into());
        }
        let stage = asked.allow(&mut *self.env());
        let succeeded = self.run(stage).await?;
        self.progress(succeeded.progress());
        self.show(&succeeded);
        let stage = succeeded.share(secrets(), &account.access_token, &mut *self.env());
        self.run(stage).await
    }
}

/// A provider with a client that may ask for device codes.
pub(crate) fn provider() -> testing::Provider {
    let client = RegisteredClient::public("app", "https://app.example.org/cb").allowing(DEVICE_GRANT);
    testing::Provider::new(OP).with_client(client)
}

/// What goes between two stages: the core's own flows.
pub(crate) fn authorization(
    op: &testing::Provider,
    clock: &Clock,
    env: &mut TestEnv,
) -> (Arc<Provider>, Arc<Client>, PendingDevice) {
    let driver = BlockingDriver::new(op.http(clock));
    let issuer = Issuer::new(OP, Schemes::HttpsOnly).unwrap();
    let step = Discovery::start(issuer, ProviderOptions::new()).unwrap();
    let provider = driver.run(step, env).unwrap().provider;
    let client = Client::new("app").shared();
    let scope = Scope::new("profile").unwrap();
    let step = DeviceAuthorization::start(scope, &provider, &client, env).unwrap();
    let pending = driver.run(step, env).unwrap();
    (provider, client, pending)
}

pub(crate) fn secrets() -> Secrets {
    let key = "SECRET".repeat(50);
    let json = format!(
        r#"{{"cross_signing":{{"master_key":"{key}","self_signing_key":"{key}","user_signing_key":"{key}"}}}}"#
    );
    Secrets::from_json(&json).unwrap()
}
