//! Sessions on an executor: callers who come and go, listeners, deadlines. The runtime's clock is paused, so that an hour
//! takes as long as its work.

use std::future::{Future, ready};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::Request;
use oidc_proto::adapter::session::{NoToken, SessionHandle, Sessions};
use oidc_proto::adapter::store::{NoStore, SessionStore};
use oidc_proto::adapter::{Driver, HttpClient, from_fn};
use oidc_proto::jose::{Algorithm, PrivateKey, RemoteKey};
use oidc_proto::session::{End, Event, Persistence, RefreshPolicy, Refusal, SessionOptions, StoreResponse};
use oidc_proto::testing::{Disturbance, On, TestEnv};
use oidc_proto::{Body, Client, ClientAuth, Env, ErrorCode, Failure, MonotonicTime, Policy, Timestamp};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use crate::session::memory::Memory;
use crate::session::world::World;

/// The runtime's clock, from where the test's stands.
pub struct VirtualEnv {
    start: Instant,
    seeded: TestEnv,
}

impl VirtualEnv {
    pub fn new(world: &World) -> Self {
        Self { start: Instant::now(), seeded: world.env.clone() }
    }
}

impl Env for VirtualEnv {
    fn now(&self) -> Timestamp {
        self.seeded.now().saturating_add(self.start.elapsed())
    }

    fn monotonic(&self) -> MonotonicTime {
        self.seeded.monotonic().saturating_add(self.start.elapsed())
    }

    fn rng(&mut self) -> &mut dyn rand_core::CryptoRng {
        self.seeded.rng()
    }
}

type Answer = Result<http::Response<Vec<u8>>, Failure>;

/// The provider, which takes its time.
pub fn provider(world: &World, delay: Duration) -> impl HttpClient<Response: Send> + Clone + Send + 'static + use<> {
    let (op, env) = (world.op.clone(), Arc::new(VirtualEnv::new(world)));
    from_fn(move |request: Request<Body>, _: Policy| -> std::pin::Pin<Box<dyn Future<Output = Answer> + Send>> {
        let (op, env) = (op.clone(), env.clone());
        Box::pin(async move {
            sleep(delay).await;
            op.exchange(request, env.now())
        })
    })
}

fn start<D>(world: &World, delay: Duration) -> (Sessions<D, VirtualEnv>, JoinHandle<()>)
where
    D: SessionStore<Future: Send> + Send + 'static,
{
    let driver = Driver::new(provider(world, delay)).with_timer(sleep);
    let (sessions, run) = Sessions::new(driver, VirtualEnv::new(world));
    (sessions, tokio::spawn(run))
}

fn one(world: &mut World, delay: Duration, options: SessionOptions) -> (SessionHandle<VirtualEnv>, JoinHandle<()>) {
    let session = world.session(options);
    let (sessions, run) = start(world, delay);
    (sessions.add(session, NoStore).unwrap(), run)
}

const MOMENT: Duration = Duration::from_millis(100);

/// Logged in, and five minutes later: the access token has expired.
fn expired() -> World {
    let mut world = World::new();
    world.advance(301);
    world
}

#[tokio::test(start_paused = true)]
async fn a_hundred_callers_cause_one_refresh() {
    let mut world = expired();
    let asked = world.op.count(On::Token);
    let (session, _run) = one(&mut world, MOMENT, SessionOptions::default());
    let callers: Vec<_> = (0..100)
        .map(|_| {
            let session = session.clone();
            tokio::spawn(async move { session.access().await.unwrap() })
        })
        .collect();
    for caller in callers {
        assert!(world.honours(caller.await.unwrap().expose()));
    }
    assert_eq!(world.op.count(On::Token), asked + 1);
    session.access().await.unwrap();
    assert_eq!(world.op.count(On::Token), asked + 1);
}

#[tokio::test(start_paused = true)]
async fn a_refresh_comes_to_its_end_without_the_caller_who_caused_it() {
    let mut world = expired();
    let asked = world.op.count(On::Token);
    let (session, _run) = one(&mut world, MOMENT, SessionOptions::default());
    let mut events = session.subscribe();
    tokio::select! {
        biased;
        _ = session.access() => panic!("it takes a moment"),
        () = tokio::task::yield_now() => {}
    }
    assert_eq!(events.next().await, Some(Event::TokensRefreshed));
    assert!(session.access().await.is_ok());
    assert_eq!(world.op.count(On::Token), asked + 1);
}

#[tokio::test(start_paused = true)]
async fn a_session_is_kept_good_by_its_deadlines_alone() {
    let mut world = World::new();
    let asked = world.op.count(On::Token);
    let (session, _run) = one(&mut world, MOMENT, SessionOptions::default());
    for _ in 0..60 {
        sleep(Duration::from_secs(60)).await;
        // Nobody waits: the token was refreshed before it expired.
        let before = Instant::now();
        session.access().await.unwrap();
        assert_eq!(before.elapsed(), Duration::ZERO);
    }
    let refreshes = world.op.count(On::Token) - asked;
    assert!((12..=14).contains(&refreshes), "{refreshes} in an hour, of tokens that live five minutes");
}

#[tokio::test(start_paused = true)]
async fn a_thousand_sessions_have_one_pause_between_them() {
    let mut world = World::new();
    let pauses = Arc::new(AtomicUsize::new(0));
    let timer = {
        let pauses = pauses.clone();
        move |duration| {
            pauses.fetch_add(1, Ordering::Relaxed);
            sleep(duration)
        }
    };
    let driver = Driver::new(provider(&world, MOMENT)).with_timer(timer);
    let (sessions, run) = Sessions::new(driver, VirtualEnv::new(&world));
    let _run = tokio::spawn(run);
    // Of one grant: what is counted is the work that is not done.
    let handles: Vec<_> =
        (0..1000).map(|_| sessions.add(world.session(SessionOptions::default()), NoStore).unwrap()).collect();
    sleep(Duration::from_secs(200)).await;
    assert_eq!(handles.len(), 1000);
    let pauses = pauses.load(Ordering::Relaxed);
    assert!(pauses < 20, "{pauses} pauses begun");
}

#[tokio::test(start_paused = true)]
async fn every_listener_hears_and_the_first_one_hears_what_was() {
    let mut world = expired();
    let (session, run) = one(&mut world, MOMENT, SessionOptions::default());
    session.access().await.unwrap();
    let mut first = session.subscribe();
    assert_eq!(first.next().await, Some(Event::TokensRefreshed));
    let (mut second, third) = (session.subscribe(), session.subscribe());
    drop(third);
    session.refresh().await.unwrap();
    assert_eq!((first.next().await, second.next().await), (Some(Event::TokensRefreshed), Some(Event::TokensRefreshed)));
    // Nobody reads: of each kind one is kept.
    for _ in 0..3 {
        session.refresh().await.unwrap();
    }
    drop(session);
    run.await.unwrap();
    assert_eq!((second.next().await, second.next().await), (Some(Event::TokensRefreshed), None));
}

#[tokio::test(start_paused = true)]
async fn a_late_refusal_gets_the_token_that_is_there_already() {
    let mut world = World::new();
    let asked = world.op.count(On::Token);
    let (session, _run) = one(&mut world, MOMENT, SessionOptions::default());
    let old = session.access().await.unwrap();
    let new = session.unauthorized(&old, Refusal::Token).await.unwrap();
    let again = session.unauthorized(&old, Refusal::Token).await.unwrap();
    assert!(new.expose() != old.expose() && again.expose() == new.expose());
    assert_eq!(world.op.count(On::Token), asked + 1);
}

#[tokio::test(start_paused = true)]
async fn who_waits_learns_how_it_ended() {
    let mut world = expired();
    world.op.disturb(On::Token, Disturbance::status(503), 1);
    let (session, _run) = one(&mut world, MOMENT, SessionOptions::default());
    assert!(matches!(session.access().await, Err(NoToken::Failed(_))));
    // The next one waits for the next attempt, which is made by the clock.
    session.access().await.unwrap();

    let mut events = session.subscribe();
    assert!(matches!(events.next().await, Some(Event::BackingOff { .. })));
    assert_eq!(events.next().await, Some(Event::TokensRefreshed));
    let waiting = tokio::spawn({
        let session = session.clone();
        async move { session.refresh().await }
    });
    tokio::task::yield_now().await;
    session.log_out();
    assert!(matches!(waiting.await.unwrap(), Err(NoToken::Ended(End::LoggedOut))));
    assert!(matches!(session.access().await, Err(NoToken::Ended(End::LoggedOut))));
    assert_eq!(events.next().await, Some(Event::Ended));
    while !matches!(events.next().await, Some(Event::LoggedOut(_))) {}
    while let Some(revocation) = session.poll_revocation() {
        let driver = Driver::new(provider(&world, MOMENT));
        driver.run(revocation.unwrap(), &mut VirtualEnv::new(&world)).await.unwrap();
    }
    assert!(!world.honours(session.tokens().access_token().expose()));

    let mut world = expired();
    let manual = SessionOptions::default().with_refresh(RefreshPolicy::Manual);
    let (session, _run) = one(&mut world, MOMENT, manual);
    assert!(matches!(session.access().await, Err(NoToken::Expired)));
    session.refresh().await.unwrap();
    session.access().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn without_its_task_a_session_says_that_it_has_stopped() {
    let mut world = expired();
    let (session, run) = one(&mut world, Duration::from_secs(3600), SessionOptions::default());
    let mut events = session.subscribe();
    let waiting = tokio::spawn({
        let session = session.clone();
        async move { session.access().await }
    });
    sleep(MOMENT).await;
    run.abort();
    assert!(matches!(waiting.await.unwrap(), Err(NoToken::Stopped)));
    assert!(matches!(session.access().await, Err(NoToken::Stopped)));
    assert_eq!(events.next().await, None);
    assert_eq!(session.subscribe().next().await, None);

    let driver = Driver::new(provider(&world, MOMENT)).with_timer(sleep);
    let (sessions, run) = Sessions::new(driver, VirtualEnv::new(&world));
    drop(run);
    let session = sessions.add(world.session(SessionOptions::default()), NoStore).unwrap();
    assert!(matches!(session.access().await, Err(NoToken::Stopped)));
}

#[tokio::test(start_paused = true)]
async fn what_is_under_way_is_finished_and_saved_after_the_last_handle_is_gone() {
    let mut world = expired();
    let memory = Memory::default();
    let options = SessionOptions::default().with_persistence(Persistence::Shared);
    let session = world.session(options);
    let (sessions, run) = start(&world, MOMENT);
    let session = sessions.add(session, memory.store()).unwrap();
    let caller = tokio::spawn(async move { session.access().await });
    sleep(MOMENT / 2).await;
    caller.abort();
    drop(sessions);
    run.await.unwrap();
    let record = memory.record().unwrap();
    assert!(world.honours(record.tokens.access_token().expose()));
    assert_eq!((record.generation, memory.log()), (1, vec!["lock", "load", "prepare", "save", "unlock"]));
}

/// Two processes: each with its own task, both with the same store.
#[tokio::test(start_paused = true)]
async fn processes_that_share_a_store_refresh_once() {
    let mut world = expired();
    let memory = Memory::default();
    let asked = world.op.count(On::Token);
    let options = SessionOptions::default().with_persistence(Persistence::Shared);
    let mut tokens = Vec::new();
    let processes: Vec<_> = (0..10)
        .map(|_| {
            let session = world.session(options);
            let (sessions, run) = start(&world, MOMENT);
            (sessions.add(session, memory.store()).unwrap(), run)
        })
        .collect();
    for (session, _) in &processes {
        tokens.push(session.access().await.unwrap().expose().to_owned());
    }
    tokens.dedup();
    assert_eq!((tokens.len(), world.op.count(On::Token)), (1, asked + 1));
}

/// The store keeps a lock from being asked for before the last one was given back.
#[tokio::test(start_paused = true)]
async fn a_store_is_asked_one_thing_at_a_time() {
    let mut world = expired();
    let (busy, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let permits = Arc::new(Semaphore::new(1));
    let memory = Memory::default();
    let store = {
        let (busy, most, inner) = (busy.clone(), most.clone(), memory.store());
        move |action| -> std::pin::Pin<Box<dyn Future<Output = StoreResponse> + Send>> {
            let (busy, most, permits) = (busy.clone(), most.clone(), permits.clone());
            let response = inner.carry_out(action);
            Box::pin(async move {
                let now = busy.fetch_add(1, Ordering::SeqCst) + 1;
                most.fetch_max(now, Ordering::SeqCst);
                let _permit = permits.acquire().await.unwrap();
                sleep(MOMENT).await;
                busy.fetch_sub(1, Ordering::SeqCst);
                response.await
            })
        }
    };
    let options = SessionOptions::default().with_persistence(Persistence::Shared);
    let session = world.session(options);
    let (sessions, _run) = start(&world, MOMENT);
    let session = sessions.add(session, store).unwrap();
    for _ in 0..5 {
        session.refresh().await.unwrap();
    }
    assert_eq!(most.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn a_key_that_nobody_signs_with_is_a_failure_and_no_hang() {
    let mut world = expired();
    let key = PrivateKey::remote(RemoteKey::new("elsewhere"), Algorithm::Es256);
    world.party = world.party.with_client(Client::new("app").with_auth(ClientAuth::PrivateKeyJwt(key)));
    let (session, _run) = one(&mut world, MOMENT, SessionOptions::default());
    let error = tokio::time::timeout(MOMENT, session.access()).await.unwrap().unwrap_err();
    assert!(matches!(&error, NoToken::Failed(error) if error.code() == ErrorCode::KEY_UNSUPPORTED), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_cannot_be_reached_is_named() {
    let mut world = expired();
    world.op.disturb(On::Token, oidc_proto::testing::Disturbance::Unreachable, 1);
    let (session, _run) = one(&mut world, MOMENT, SessionOptions::default());
    let error = session.access().await.unwrap_err();
    let error = error.error().unwrap();
    assert_eq!(error.code(), ErrorCode::TRANSPORT_UNREACHABLE);
    assert_eq!(error.found().unwrap().as_str(), "op.example.org:443");
}

/// Compiles only if what is spawned and shared can be.
#[test]
fn what_is_shared_can_be_sent() {
    fn is_shared<T: Send + Sync + 'static>() {}
    is_shared::<SessionHandle<TestEnv>>();
    is_shared::<Sessions<NoStore, TestEnv>>();
    let http = |_: Request<Body>, _: Policy| ready(Ok(http::Response::new(Vec::new())));
    let (_, run) = Sessions::<NoStore, _>::new(Driver::new(from_fn(http)), TestEnv::seeded(1));
    fn is_sent(_: impl Send + 'static) {}
    is_sent(run);
}
