//! A device of the town: its driver, and the human who has it in hand.

use std::cell::{Cell, RefCell, RefMut};
use std::future::Future;
use std::task::Poll;

use oidc_proto::matrix::{Homeserver, UserId};
use oidc_proto::qr::{
    Allowed, CheckCode, Grant, Login, LoginFailureReason, Progress, QrCode, Role, Scanned, Secrets, Secured, Shown,
    Stage,
};
use oidc_proto::step::{KeyOutput, KeyUse};
use oidc_proto::testing::TestEnv;
use oidc_proto::{DpopKey, Env as _, Error, Failure, FailureKind, Flow, MonotonicTime, Schemes, Sent, Step};

use crate::qr::keystore;
use crate::qr::town::{DEVICE_ID, HS, LOGIN, OTHER_HS, Plan, Town, account, authorization, secrets};
use crate::walk::{astray, ways};

/// Something that a human carries from one device to the other.
pub(crate) struct Pass<T>(RefCell<Option<T>>, Cell<bool>);

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
pub(crate) async fn ended<T>(code: &Pass<QrCode>, check_code: &Pass<String>, device: impl Future<Output = T>) -> T {
    let output = device.await;
    code.1.set(true);
    check_code.1.set(true);
    output
}

/// A device and its driver.
pub(crate) struct Device<'a> {
    town: &'a Town,
    plan: &'a Plan,
    name: &'static str,
    env: RefCell<TestEnv>,
    pub(crate) steps: Cell<usize>,
    /// At which of its steps the driver gives up.
    cancel_at: Option<usize>,
}

impl<'a> Device<'a> {
    pub(crate) fn new(town: &'a Town, plan: &'a Plan, name: &'static str) -> Self {
        let (seed, cancel_at) = if name == LOGIN { (1, plan.login_cancels_at) } else { (2, plan.grant_cancels_at) };
        let env = RefCell::new(TestEnv::with_clock(seed, town.clock.clone()));
        Self { town, plan, name, env, steps: Cell::default(), cancel_at }
    }

    fn env(&self) -> RefMut<'_, TestEnv> {
        self.env.borrow_mut()
    }

    /// Whether the human has enough at this pause.
    fn stops(&self, progress: Progress) -> bool {
        self.town.progress.borrow_mut().push((self.name, progress));
        let stops = self.plan.stops_at == Some((self.name, progress));
        if stops {
            self.town.cancelled_at.set(Some(self.town.clock.monotonic()));
        }
        stops
    }

    /// Cancels at a pause.
    async fn stop<T>(&self, stage: Stage<()>) -> Result<T, Error> {
        self.run(stage).await?;
        Err(oidc_proto::ErrorCode::QR_CANCELLED.into())
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
            self.town.ways.borrow_mut().push((self.name, ways(&step)));
            assert!(self.steps.get() < 50_000, "goes on for ever");
            let gives_up = Some(self.steps.get()) == self.cancel_at;
            if gives_up && !matches!(step, Step::Done(_)) {
                self.town.cancelled_at.set(Some(self.town.clock.monotonic()));
            }
            let strays = if self.name == LOGIN { &self.plan.login_strays } else { &self.plan.grant_strays };
            let way = strays.get(self.steps.get() - 1).copied().flatten();
            step = match (way, step) {
                (_, Step::Done(output)) => return Ok(output),
                (Some(way), step) => astray(step, way, &mut *self.env())?,
                (None, Step::Call(call)) => {
                    let (request, _, awaiting) = call.into_parts();
                    self.moment().await;
                    let outcome = self.town.exchange(request);
                    match outcome {
                        // The response comes, but nobody waits for it any more.
                        _ if gives_up => {
                            awaiting.fail(Failure::new(FailureKind::Cancelled, Sent::Maybe), &mut *self.env())?
                        }
                        Ok(response) => awaiting.receive(response, &mut *self.env())?,
                        Err(failure) => awaiting.fail(failure, &mut *self.env())?,
                    }
                }
                (None, Step::Wait(wait)) if gives_up => wait.cancel(&mut *self.env())?,
                (None, Step::Wait(wait)) => {
                    self.sleep(wait.until()).await;
                    wait.wake(&mut *self.env())?
                }
                (None, Step::UseKey(use_key)) => {
                    let (key_use, awaiting) = use_key.into_parts();
                    match self.use_key(&key_use) {
                        Ok(output) => awaiting.receive(output, &mut *self.env())?,
                        Err(kind) => awaiting.fail(kind, &mut *self.env())?,
                    }
                }
            };
        }
    }

    fn use_key(&self, key_use: &KeyUse) -> Result<KeyOutput, Failure> {
        if self.plan.key_refused { Err(FailureKind::KeyRefused.into()) } else { keystore::use_key(key_use) }
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

    async fn sleep(&self, until: MonotonicTime) {
        std::future::poll_fn(|_| {
            if self.town.clock.monotonic() >= until {
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
        shown: Stage<Shown<R>>,
        (code, check_code): (&Pass<QrCode>, &Pass<String>),
    ) -> Result<Secured<R>, Error> {
        let shown = self.run(shown).await?;
        assert!(shown.expires_at().is_some_and(|at| at > self.env().monotonic()));
        self.show(&shown);
        code.put(QrCode::from_bytes(&shown.code().to_bytes(), Schemes::HttpsOnly).unwrap());
        if self.stops(shown.progress()) {
            let stage = shown.cancel(&mut *self.env());
            return self.stop(stage).await;
        }
        let stage = shown.wait(&mut *self.env());
        let awaiting = self.run(stage).await?;
        self.show(&awaiting);
        let stops = self.stops(awaiting.progress());
        let digits = check_code.get().await;
        let Some(digits) = digits.filter(|_| !stops) else {
            let stage = awaiting.cancel(&mut *self.env());
            return self.stop(stage).await;
        };
        let typed = match self.plan.wrong_check_code {
            true => format!("{:02}", (digits.parse::<u8>().unwrap() + 1) % 100),
            false => digits,
        };
        let stage = awaiting.confirm(&CheckCode::parse(&typed).unwrap(), &mut *self.env());
        self.secured(self.run(stage).await?).await
    }

    async fn scan_code<R: Role>(
        &self,
        scanned: Stage<Scanned<R>>,
        check_code: &Pass<String>,
    ) -> Result<Secured<R>, Error> {
        let scanned = self.run(scanned).await?;
        self.show(&scanned);
        check_code.put(scanned.check_code().digits());
        if self.stops(scanned.progress()) {
            let stage = scanned.cancel(&mut *self.env());
            return self.stop(stage).await;
        }
        self.secured(scanned.go_on()).await
    }

    async fn secured<R: Role>(&self, secured: Secured<R>) -> Result<Secured<R>, Error> {
        self.show(&secured);
        if self.stops(secured.progress()) {
            let stage = secured.cancel(&mut *self.env());
            return self.stop(stage).await;
        }
        Ok(secured)
    }

    pub(crate) async fn log_in(&self, code: &Pass<QrCode>, check_code: &Pass<String>) -> Result<Secrets, Error> {
        let secured = if self.plan.login_shows {
            let base = Homeserver::new(HS, Schemes::HttpsOnly).unwrap();
            let stage = Login::show(&base, self.plan.options, &mut *self.env());
            self.show_code(stage, (code, check_code)).await?
        } else {
            let Some(code) = code.get().await else { return Err(oidc_proto::ErrorCode::QR_CANCELLED.into()) };
            let stage = Login::scan(&code, self.plan.options, &mut *self.env());
            self.scan_code(stage, check_code).await?
        };
        let stage = secured.begin(&mut *self.env());
        let at = self.run(stage).await?;
        self.show(&at);
        let expected = if self.plan.homeserver_swapped { OTHER_HS } else { HS };
        assert_eq!(at.homeserver().as_str(), expected);
        if self.stops(at.progress()) {
            let stage = at.give_up(LoginFailureReason::UserCancelled, &mut *self.env());
            return self.stop(stage).await;
        }
        if let Some(reason) = self.plan.gives_up {
            let stage = at.give_up(reason, &mut *self.env());
            self.run(stage).await?;
            return Err(oidc_proto::ErrorCode::DEVICE_UNSUPPORTED.into());
        }
        let dpop = self.plan.binds_tokens.then(|| DpopKey::new(keystore::remote()).unwrap());
        let (party, pending) = authorization(&self.town.op, &mut self.env(), dpop);
        let stage = at.ask(pending, DEVICE_ID, &mut *self.env());
        let accepted = self.run(stage).await?;
        self.show(&accepted);
        let page = format!("https://op.example.org/device?user_code={}", accepted.user_code());
        assert_eq!(*self.town.page.borrow(), page);
        if self.stops(accepted.progress()) {
            let stage = accepted.give_up(LoginFailureReason::UserCancelled, &mut *self.env());
            return self.stop(stage).await;
        }
        let stage = accepted.poll(&party, &mut *self.env());
        let logged_in = self.run(stage).await?;
        let tokens = logged_in.exchanged.verified().unwrap().tokens;
        assert_eq!(tokens.dpop_thumbprint().is_some(), self.plan.binds_tokens);
        if !self.plan.device_never_appears {
            self.town.devices.borrow_mut().insert(DEVICE_ID.to_owned());
        }
        if self.stops(logged_in.rest.progress()) {
            let stage = logged_in.rest.give_up(LoginFailureReason::UserCancelled, &mut *self.env());
            return self.stop(stage).await;
        }
        let rest = logged_in.rest.of_user(UserId::new("@bob:example.org").unwrap());
        let stage = rest.succeed(&mut *self.env());
        self.run(stage).await
    }

    pub(crate) async fn let_in(&self, code: &Pass<QrCode>, check_code: &Pass<String>) -> Result<(), Error> {
        let base = if self.plan.homeserver_swapped { OTHER_HS } else { HS };
        let dpop = self.plan.grant_binds_tokens.then(|| DpopKey::new(keystore::remote()).unwrap());
        let account = account(&self.town.op, base, dpop, &mut self.env());
        self.show(&account);
        let secured = if self.plan.login_shows {
            let Some(code) = code.get().await else { return Err(oidc_proto::ErrorCode::QR_CANCELLED.into()) };
            let stage = Grant::scan(&code, self.plan.options, &mut *self.env());
            self.scan_code(stage, check_code).await?
        } else {
            let stage = Grant::show(&account, self.plan.options, &mut *self.env());
            self.show_code(stage, (code, check_code)).await?
        };
        let stage = secured.begin(&account, &mut *self.env());
        let asked = self.run(stage).await?;
        self.show(&asked);
        self.town.page.replace(asked.login().page().to_owned());
        assert_eq!(asked.login().device_id().as_str(), DEVICE_ID);
        if self.stops(asked.progress()) {
            let stage = asked.refuse(&mut *self.env());
            return self.stop(stage).await;
        }
        let stage = asked.allow(&mut *self.env());
        let succeeded = match self.run(stage).await? {
            Allowed::Succeeded(succeeded) => succeeded,
            Allowed::Unreachable(unreachable) => {
                self.show(&unreachable);
                self.town.progress.borrow_mut().push((self.name, unreachable.progress()));
                let stage = unreachable.find(&account, &mut *self.env());
                self.run(stage).await?;
                self.town.was_alone.set(true);
                return Ok(());
            }
        };
        self.show(&succeeded);
        if self.stops(succeeded.progress()) {
            let stage = succeeded.refuse(&mut *self.env());
            return self.stop(stage).await;
        }
        let stage = succeeded.share(secrets(), &account, &mut *self.env());
        self.run(stage).await
    }
}
