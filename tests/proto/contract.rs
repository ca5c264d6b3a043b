//! The contract between a flow and its driver, told with flows that do nothing else.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::{Future, ready};
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use http::Request;
use oidc_proto::adapter::{BlockingDriver, BlockingHttpClient, Driver, FromFn, HttpClient, SystemEnv, from_fn, ureq};
use oidc_proto::jose::{Algorithm, RemoteKey};
use oidc_proto::step::{BoxFlow, Input, KeyOutput, KeyUse};
use oidc_proto::{
    Accept, Body, Env, Error, ErrorCode, Failure, FailureKind, Flow, MonotonicTime, Policy, Sent, Step, Timestamp,
};

/// A clock that stands still until it is moved.
#[derive(Default)]
struct Still {
    ticks: Mutex<u64>,
}

impl Still {
    fn pass(&self, time: Duration) {
        *self.ticks.lock().unwrap() += u64::try_from(time.as_millis()).unwrap();
    }
}

impl Env for &Still {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_seconds(1_800_000_000)
    }

    fn monotonic(&self) -> MonotonicTime {
        MonotonicTime::from_millis(*self.ticks.lock().unwrap())
    }

    fn rng(&mut self) -> &mut dyn rand_core::CryptoRng {
        panic!("these flows draw nothing")
    }
}

/// Calls, waits two seconds, asks for a signature, and is done with what it has seen.
enum Tour {
    Answer,
    Pause { body: Vec<u8> },
    Signature { body: Vec<u8> },
}

const URL: &str = "https://provider.example/token?code=SECRET1";

fn request() -> Request<Body> {
    Request::post(URL)
        .header("authorization", "Bearer SECRET2")
        .body(Body::from("client_secret=SECRET3".to_owned()))
        .unwrap()
}

impl Tour {
    fn start(limit: usize) -> Step<Self> {
        let policy = Policy::write(Accept::Any).with_body_limit(limit);
        Step::call(request(), policy, Self::Answer)
    }
}

impl Flow for Tour {
    type Output = String;

    fn on(self, input: Input<'_>, env: &mut dyn Env) -> Result<Step<Self>, Error> {
        match self {
            Self::Answer => {
                let until = env.monotonic().saturating_add(Duration::from_secs(2));
                Ok(Step::wait(until, Self::Pause { body: input.response()?.body.to_vec() }))
            }
            Self::Pause { body } => {
                input.woken()?;
                let key = Arc::new(RemoteKey::new("device"));
                Ok(Step::use_key(KeyUse::sign(key, Algorithm::Es256, *b"SECRET4"), Self::Signature { body }))
            }
            Self::Signature { body } => {
                let signature = input.key_output()?.into_bytes()?;
                Ok(Step::Done(format!("{} {}", String::from_utf8_lossy(&body), String::from_utf8_lossy(&signature))))
            }
        }
    }
}

/// Calls once and tells the status.
struct Once;

impl Flow for Once {
    type Output = String;

    fn on(self, input: Input<'_>, _: &mut dyn Env) -> Result<Step<Self>, Error> {
        Ok(Step::Done(input.response()?.status.as_str().to_owned()))
    }
}

type Answered = Result<http::Response<Vec<u8>>, Failure>;

fn answered(_: Request<Body>, _: Policy) -> Answered {
    Ok(http::Response::new(b"body".to_vec()))
}

async fn answered_later(request: Request<Body>, policy: Policy) -> Answered {
    answered(request, policy)
}

fn unreachable(_: Request<Body>, _: Policy) -> Answered {
    Err(Failure::new(FailureKind::Unreachable, Sent::No))
}

/// Runs a future whose every part is ready.
fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("nothing here has to be waited for"),
    }
}

#[test]
fn a_driver_carries_out_call_wait_and_use_of_a_key_until_done() {
    let env = Still::default();
    let keys = |key_use| {
        let KeyUse::Sign { key, bytes, .. } = key_use else { panic!("{key_use:?}") };
        assert_eq!((bytes.as_slice(), key.name()), (&b"SECRET4"[..], "device"));
        ready(Ok(KeyOutput::bytes(*b"signed")))
    };
    let timer = |time| {
        env.pass(time);
        ready(())
    };
    let driver = Driver::new(from_fn(answered_later)).with_timer(timer).with_keys(keys);
    assert_eq!(now(driver.run(Tour::start(4), &mut &env)).unwrap(), "body signed");
    assert_eq!((&env).monotonic(), MonotonicTime::from_millis(2000));
}

#[test]
fn without_a_timer_or_a_key_store_a_driver_says_so() {
    let env = Still::default();
    let error = now(Driver::new(from_fn(answered_later)).run(Tour::start(4), &mut &env)).unwrap_err();
    assert_eq!(error.code().as_str(), "step.no_timer");

    let timer = |time| {
        env.pass(time);
        ready(())
    };
    let driver = Driver::new(from_fn(answered_later)).with_timer(timer);
    let error = now(driver.run(Tour::start(4), &mut &env)).unwrap_err();
    assert_eq!(error.code(), ErrorCode::KEY_UNSUPPORTED);

    let driver = driver.with_keys(|_| ready(Err(FailureKind::KeyRefused.into())));
    let error = now(driver.run(Tour::start(4), &mut &env)).unwrap_err();
    assert_eq!(error.code(), ErrorCode::KEY_REFUSED);
}

#[test]
fn a_blocking_driver_sleeps_and_uses_keys() {
    let (env, slept) = (Still::default(), RefCell::new(Vec::new()));
    let sleep = |time| {
        slept.borrow_mut().push(time);
        env.pass(time);
    };
    let driver = BlockingDriver::new(from_fn(answered)).with_sleep(sleep);
    let error = driver.run(Tour::start(4), &mut &env).unwrap_err();
    assert_eq!(error.code(), ErrorCode::KEY_UNSUPPORTED);
    assert_eq!(*slept.borrow(), [Duration::from_secs(2)]);
    let driver = driver.with_keys(|_| Ok(KeyOutput::bytes(*b"signed")));
    assert_eq!(driver.run(Tour::start(4), &mut &env).unwrap(), "body signed");
    assert_eq!(driver.run(Step::call(request(), Policy::write(Accept::Any), Once), &mut &env).unwrap(), "200");
}

#[test]
fn a_sleep_that_ends_early_is_slept_again() {
    let (env, sleeps) = (Still::default(), RefCell::new(Vec::new()));
    let half = |time: Duration| {
        sleeps.borrow_mut().push(time.as_millis());
        env.pass(time.div_f64(2.0).max(Duration::from_millis(500)));
    };
    let driver = BlockingDriver::new(from_fn(answered)).with_sleep(half);
    let error = driver.run(Tour::start(4), &mut &env).unwrap_err();
    assert_eq!(error.code(), ErrorCode::KEY_UNSUPPORTED);
    assert_eq!(*sleeps.borrow(), [2000, 1000, 500]);
}

#[test]
fn a_wake_before_its_time_waits_again() {
    let env = Still::default();
    let Step::Call(call) = Tour::start(4) else { panic!() };
    let (.., awaiting) = call.into_parts();
    let Step::Wait(wait) = awaiting.receive(http::Response::new(*b"body"), &mut &env).unwrap() else { panic!() };
    assert_eq!(
        (wait.until(), wait.duration((&env).monotonic())),
        (MonotonicTime::from_millis(2000), Duration::from_secs(2))
    );
    env.pass(Duration::from_millis(1999));
    let Step::Wait(wait) = wait.wake(&mut &env).unwrap() else { panic!("woken too early") };
    assert_eq!(wait.duration((&env).monotonic()), Duration::from_millis(1));
    env.pass(Duration::from_millis(1));
    assert!(matches!(wait.wake(&mut &env).unwrap(), Step::UseKey(_)));
}

#[test]
fn a_wait_can_be_given_up() {
    let env = Still::default();
    let Step::Wait(wait) = Step::wait(MonotonicTime::from_millis(2000), Once) else { panic!() };
    let error = wait.cancel(&mut &env).unwrap_err();
    assert_eq!(error.code(), ErrorCode::TRANSPORT_CANCELLED);
    assert_eq!(error.failure(), Some(&Failure::new(FailureKind::Cancelled, Sent::No)));
}

#[test]
fn the_core_holds_the_body_limit_whatever_the_client_does() {
    let env = Still::default();
    for (limit, code) in [(3, "http.body_too_large"), (4, "step.no_timer")] {
        let error = now(Driver::new(from_fn(answered_later)).run(Tour::start(limit), &mut &env)).unwrap_err();
        assert_eq!(error.code().as_str(), code, "{limit}");
    }
}

#[test]
fn a_failure_ends_a_flow_that_does_not_say_otherwise() {
    let kinds = [
        (FailureKind::Timeout, "transport.timeout"),
        (FailureKind::Unreachable, "transport.unreachable"),
        (FailureKind::Tls, "transport.tls"),
        (FailureKind::Interrupted, "transport.interrupted"),
        (FailureKind::BodyTooLarge, "http.body_too_large"),
        (FailureKind::Refused, "transport.refused"),
        (FailureKind::Cancelled, "transport.cancelled"),
        (FailureKind::KeyRefused, "key.refused"),
        (FailureKind::Unsupported, "key.unsupported"),
        (FailureKind::Other, "transport.other"),
    ];
    let env = Still::default();
    for (kind, code) in kinds {
        let failing = move |_: Request<Body>, _: Policy| Answered::Err(Failure::new(kind, Sent::Maybe));
        let error = BlockingDriver::new(from_fn(failing)).run(Tour::start(4), &mut &env).unwrap_err();
        assert_eq!(error.code().as_str(), code);
    }
}

#[test]
fn an_error_keeps_the_text_of_the_http_library_and_of_the_key_store() {
    let env = Still::default();
    let token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0xxx";
    let failure = |kind| Failure::from(kind).with_text(format_args!("slot 3 is locked:\n{token}"));
    let shown = "slot 3 is locked:\\neyJhbGci\u{2026}.eyJzdWIi\u{2026}";
    let failing = |_: Request<Body>, _: Policy| Answered::Err(failure(FailureKind::Tls));
    let error = BlockingDriver::new(from_fn(failing)).run(Tour::start(4), &mut &env).unwrap_err();
    assert_eq!(error.code(), ErrorCode::TRANSPORT_TLS);
    assert_eq!(error.found().unwrap().as_str(), format!("provider.example:443: {shown}"));
    assert_eq!(error.found().unwrap().source(), oidc_proto::QuoteSource::Adapter);
    assert_eq!(error.failure().unwrap().sent, Sent::Maybe);

    let step = Step::use_key(KeyUse::sign(Arc::new(RemoteKey::new("")), Algorithm::Es256, []), Once);
    let driver = BlockingDriver::new(from_fn(answered)).with_keys(|_| Err(failure(FailureKind::KeyRefused)));
    let error = driver.run(step, &mut &env).unwrap_err();
    assert_eq!((error.code(), error.found().unwrap().as_str()), (ErrorCode::KEY_REFUSED, shown));
    assert_eq!(error.failure().unwrap().sent, Sent::No, "nothing was sent");
}

#[test]
fn an_error_says_in_seconds_when_the_client_gave_up() {
    let env = Still::default();
    for (millis, shown) in [(10_000, "10 s"), (300, "0.3 s"), (2_050, "2.05 s"), (1, "0.001 s"), (0, "0 s")] {
        let failure = Failure::from(FailureKind::Timeout).after(Duration::from_millis(millis));
        let failing = |_: Request<Body>, _: Policy| Answered::Err(failure.clone());
        let error = BlockingDriver::new(from_fn(failing)).run(Tour::start(4), &mut &env).unwrap_err();
        assert_eq!(error.found().unwrap().as_str(), format!("no response after {shown}"));
    }
}

#[test]
fn drivers_share_an_http_client() {
    struct Counting(Mutex<u32>);

    impl HttpClient for Counting {
        type Response = std::future::Ready<Answered>;

        fn call(&self, request: Request<Body>, policy: Policy) -> Self::Response {
            ready(BlockingHttpClient::call(self, request, policy))
        }
    }

    impl BlockingHttpClient for Counting {
        fn call(&self, request: Request<Body>, policy: Policy) -> Answered {
            *self.0.lock().unwrap() += 1;
            answered(request, policy)
        }
    }

    let (counting, env) = (Arc::new(Counting(Mutex::new(0))), Still::default());
    let step = || Step::call(request(), Policy::write(Accept::Any), Once);
    assert_eq!(BlockingDriver::new(counting.clone()).run(step(), &mut &env).unwrap(), "200");
    let any: Arc<dyn BlockingHttpClient> = counting.clone();
    assert_eq!(BlockingDriver::new(&any).run(step(), &mut &env).unwrap(), "200");
    let any: Box<dyn BlockingHttpClient> = Box::new(any);
    assert_eq!(BlockingDriver::new(any).run(step(), &mut &env).unwrap(), "200");
    assert_eq!(now(Driver::new(counting.clone()).run(step(), &mut &env)).unwrap(), "200");
    assert_eq!(now(Driver::new(&*counting).run(step(), &mut &env)).unwrap(), "200");
    assert_eq!(*counting.0.lock().unwrap(), 5);
}

#[test]
fn the_systems_environment_goes_to_any_thread() {
    fn is_free<T: std::fmt::Debug + Send + Sync + 'static>() {}
    is_free::<SystemEnv>();
}

#[test]
fn what_a_flow_does_not_wait_for_is_an_error() {
    let env = Still::default();
    let error = Step::wait(MonotonicTime::from_millis(0), Once);
    let Step::Wait(wait) = error else { panic!() };
    assert_eq!(wait.wake(&mut &env).unwrap_err().code(), ErrorCode::STEP_UNEXPECTED);
    let key_use = KeyUse::sign(Arc::new(RemoteKey::new("")), Algorithm::Es256, []);
    let Step::UseKey(use_key) = Step::use_key(key_use, Once) else { panic!() };
    let error = use_key.into_parts().1.receive(KeyOutput::bytes(*b"x"), &mut &env).unwrap_err();
    assert_eq!(error.code(), ErrorCode::STEP_UNEXPECTED);
}

#[test]
fn different_flows_of_one_output_stand_in_one_queue() {
    let env = Still::default();
    let once = || Step::call(request(), Policy::write(Accept::Any), Once);
    let mut queue: VecDeque<Step<BoxFlow<String>>> =
        [Tour::start(4).boxed(), once().boxed(), once().boxed().boxed()].into();
    let mut done = Vec::new();
    while let Some(step) = queue.pop_front() {
        queue.push_back(match step {
            Step::Call(call) => {
                let (request, policy, awaiting) = call.into_parts();
                awaiting.receive(answered(request, policy).unwrap(), &mut &env).unwrap()
            }
            Step::Wait(wait) => {
                env.pass(wait.duration((&env).monotonic()));
                wait.wake(&mut &env).unwrap()
            }
            Step::UseKey(use_key) => use_key.into_parts().1.receive(&b"signed"[..], &mut &env).unwrap(),
            Step::Done(output) => {
                done.push(output);
                continue;
            }
        });
    }
    assert_eq!(done, ["200", "200", "body signed"]);

    let error = BlockingDriver::new(from_fn(unreachable)).run(once().boxed(), &mut &env).unwrap_err();
    assert_eq!(error.code(), ErrorCode::TRANSPORT_UNREACHABLE);
}

/// A flow that runs a tour and then tells how often it was asked.
struct Guided {
    inner: Tour,
    steps: usize,
}

impl Guided {
    fn wrap(step: Step<Tour>, steps: usize) -> Result<Step<Self>, Error> {
        step.embed(
            steps,
            |steps, inner| Self { inner, steps: steps + 1 },
            |steps, output| Ok(Step::Done((output, steps))),
        )
    }
}

impl Flow for Guided {
    type Output = (String, usize);

    fn on(self, input: Input<'_>, env: &mut dyn Env) -> Result<Step<Self>, Error> {
        Self::wrap(self.inner.on(input, env)?, self.steps)
    }
}

#[test]
fn a_flow_is_embedded_in_another_and_keeps_its_body_limit() {
    let env = Still::default();
    let timer = |time| {
        env.pass(time);
        ready(())
    };
    let driver =
        Driver::new(from_fn(answered_later)).with_timer(timer).with_keys(|_| ready(Ok(KeyOutput::bytes(*b"signed"))));
    let run = |limit| now(driver.run(Guided::wrap(Tour::start(limit), 0).unwrap(), &mut &env));
    assert_eq!(run(4).unwrap(), ("body signed".to_owned(), 3));
    assert_eq!(run(3).unwrap_err().code(), ErrorCode::HTTP_BODY_TOO_LARGE);
}

#[test]
fn debug_shows_no_query_no_header_value_and_no_body() {
    let env = Still::default();
    let step = Tour::start(9);
    let mut shown = format!("{step:?}");
    let Step::Call(call) = step else { panic!() };
    shown += &format!("{call:?}");
    let (request, policy, awaiting) = call.into_parts();
    shown += &format!("{:?} {policy:?} {awaiting:?}", request.body());
    let step = awaiting.receive(http::Response::new(b"SECRET5"), &mut &env).unwrap();
    shown += &format!("{step:?}");
    let Step::Wait(wait) = step else { panic!() };
    shown += &format!("{wait:?}");
    env.pass(Duration::from_secs(2));
    let step = wait.wake(&mut &env).unwrap();
    shown += &format!("{step:?}");
    let Step::UseKey(use_key) = step else { panic!() };
    let (key_use, awaiting) = use_key.into_parts();
    let output = KeyOutput::bytes(*b"SECRET6");
    shown += &format!("{key_use:?} {output:?} {awaiting:?}");
    let step = awaiting.receive(output, &mut &env).unwrap();
    shown += &format!("{step:?} {:?}", Tour::start(9).boxed());
    assert!(!shown.contains("SECRET"), "{shown}");
}

/// Compiles only if the driver's future is `Send` for any client whose response is.
fn spawn_generic<C>(http: C, step: Step<Once>) -> tokio::task::JoinHandle<Result<String, Error>>
where
    C: HttpClient + Send + Sync + 'static,
    C::Response: Send,
{
    tokio::spawn(async move { Driver::new(http).run(step, &mut SystemEnv::new()?).await })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_driver_that_is_generic_over_its_client_is_spawned() {
    let once = || Step::call(request(), Policy::write(Accept::Any), Once);
    let tasks: Vec<_> = (0..8).map(|_| spawn_generic(from_fn(answered_later), once())).collect();
    for task in tasks {
        assert_eq!(task.await.unwrap().unwrap(), "200");
    }
}

#[test]
fn every_value_of_the_contract_can_cross_threads() {
    fn check<T: Send + Sync + 'static>() {}
    check::<Step<Tour>>();
    check::<Step<BoxFlow<String>>>();
    check::<oidc_proto::step::Awaiting<Tour>>();
    check::<Driver<FromFn<fn(Request<Body>, Policy) -> std::future::Ready<Answered>>>>();
    check::<Error>();
    check::<Failure>();
    check::<SystemEnv>();
    check::<ureq::Client>();
}
