//! Many sessions at one provider: none is lost because all of them come at once. The runtime's clock is paused.

use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::Request;
use oidc_proto::adapter::session::{SessionHandle, Sessions};
use oidc_proto::adapter::store::NoStore;
use oidc_proto::adapter::{BlockingDriver, Driver, HttpClient, from_fn};
use oidc_proto::session::{SessionOptions, Standing};
use oidc_proto::testing::{Disturbance, On, Reuse};
use oidc_proto::{
    AuthorizationRequest, Body, Callback, Env, ErrorCode, Failure, FailureKind, Policy, RedirectUri, Scope, Sent,
    TokenSet,
};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep};

use crate::session::tasks::VirtualEnv;
use crate::session::world::{REDIRECT_URI, World};

type Handle = SessionHandle<VirtualEnv>;
type Reached = Result<http::Response<Vec<u8>>, Failure>;

/// A grant of its own, without an ID token: what is tested is not the signatures.
pub(super) fn login(world: &mut World) -> TokenSet {
    let request =
        AuthorizationRequest::new(RedirectUri::new(REDIRECT_URI).unwrap(), Scope::new("offline_access").unwrap());
    let (url, pending) = world.party.authorize(request, &mut world.env).unwrap();
    let callback = Callback::from_url(world.op.visit(url.as_str(), world.env.now()).callback()).unwrap();
    let verified = world.party.check(&pending, &callback, world.env.now()).unwrap();
    let step = world.party.redeem(pending, verified, &mut world.env).unwrap();
    BlockingDriver::new(world.op.http(world.env.clock())).run(step, &mut world.env).unwrap().verified().unwrap().tokens
}

/// So many users, whose access tokens have expired.
struct Crowd {
    world: World,
    sessions: Sessions<NoStore, VirtualEnv>,
    handles: Vec<Handle>,
    _run: JoinHandle<()>,
}

impl Crowd {
    fn new<C>(users: usize, limit: impl Into<Option<usize>>, http: impl FnOnce(&World) -> C) -> Self
    where
        C: HttpClient<Response: Send> + Send + 'static,
    {
        let mut world = World::new();
        let logins: Vec<_> = (0..users).map(|_| login(&mut world)).collect();
        world.advance(301);
        let driver = Driver::new(http(&world)).with_timer(sleep);
        let (sessions, run) = Sessions::new(driver, VirtualEnv::new(&world));
        let run = tokio::spawn(match limit.into() {
            Some(limit) => run.with_limit(limit),
            None => run,
        });
        let handles = logins.into_iter().map(|tokens| {
            world.tokens = tokens;
            sessions.add(world.session(SessionOptions::default()), NoStore).unwrap()
        });
        let handles = handles.collect();
        Self { world, sessions, handles, _run: run }
    }

    /// How many have good tokens.
    fn good(&self) -> usize {
        self.handles.iter().filter(|handle| handle.standing() == Standing::Good).count()
    }

    /// Lets time pass until all have good tokens, and says how much.
    async fn settle(&self) -> Duration {
        let start = Instant::now();
        while !self.handles.iter().all(|handle| handle.standing() == Standing::Good) {
            let is_in_time = start.elapsed() < Duration::from_secs(3600);
            assert!(is_in_time, "{:?}, {} are good", self.sessions.health(), self.good());
            sleep(Duration::from_secs(1)).await;
        }
        start.elapsed()
    }
}

/// How long a caller waited for a token.
async fn access(handle: Handle) -> Duration {
    let start = Instant::now();
    handle.access().await.unwrap();
    start.elapsed()
}

/// The provider, which takes so long for each request.
fn provider(world: &World, delay: Duration, busiest: &Arc<AtomicUsize>) -> impl HttpClient<Response: Send> + use<> {
    let (op, env) = (world.op.clone(), Arc::new(VirtualEnv::new(world)));
    let (busy, busiest) = (Arc::new(AtomicUsize::new(0)), busiest.clone());
    from_fn(move |request: Request<Body>, _: Policy| -> Pin<Box<dyn Future<Output = Reached> + Send>> {
        let (op, env, busy) = (op.clone(), env.clone(), busy.clone());
        busiest.fetch_max(busy.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        Box::pin(async move {
            sleep(delay).await;
            busy.fetch_sub(1, Ordering::SeqCst);
            op.exchange(request, env.now())
        })
    })
}

/// So many users come back at once after a restart, at a provider that serves 200 requests a second and takes a spent
/// refresh token for a theft. None is lost, and not many more requests are sent than are needed.
async fn come_back(users: usize) {
    let busiest = Arc::<AtomicUsize>::default();
    let crowd = Crowd::new(users, 64, |world| {
        // New tokens live for an hour: with less, so many users need more requests in the long run than are served.
        let lifetime = Duration::from_secs(3600);
        drop(world.op.clone().with_rate_limit(200).with_reuse(Reuse::EndsGrant).with_access_token_lifetime(lifetime));
        provider(world, Duration::from_millis(5), &busiest)
    });
    let (asked, since) = (crowd.world.op.count(On::Token), std::time::Instant::now());
    let time = crowd.settle().await;
    let requests = crowd.world.op.count(On::Token) - asked;
    let busiest = busiest.load(Ordering::SeqCst);
    println!(
        "{users} overdue sessions, 200 requests a second: none lost; {requests} requests, {busiest} at once at most, \
         after {time:?} of virtual time; {:?} on this machine",
        since.elapsed()
    );
    // The limit alone takes this long. Each time that the provider asks for a pause, all sessions pause.
    let least = Duration::from_secs(users as u64 / 200);
    assert!(time < least * 2 + Duration::from_secs(10), "{time:?}");
    assert!(busiest <= 64);
    assert!(requests < users * 3 / 2, "{requests} requests for {users} refreshes");
}

#[tokio::test(start_paused = true)]
async fn two_thousand_overdue_sessions_at_a_provider_with_a_limit_lose_nothing() {
    come_back(2000).await;
}

#[tokio::test(start_paused = true)]
#[ignore = "takes minutes; `.ci/deep herd` runs it"]
async fn a_hundred_thousand_overdue_sessions_at_a_provider_with_a_limit_lose_nothing() {
    let users = std::env::var("HERD").ok().and_then(|users| users.parse().ok());
    come_back(users.unwrap_or(100_000)).await;
}

/// A provider that lets requests wait: those who give up lose their refresh tokens.
#[tokio::test(start_paused = true)]
async fn two_thousand_callers_at_once_at_a_slow_provider_lose_nothing() {
    const EACH: Duration = Duration::from_millis(5);
    const PATIENCE: Duration = Duration::from_secs(5);
    let crowd = Crowd::new(2000, 64, |world| {
        let (op, env) = (world.op.clone(), Arc::new(VirtualEnv::new(world)));
        let free_at = Arc::new(Mutex::new(Instant::now()));
        from_fn(move |request: Request<Body>, _: Policy| -> Pin<Box<dyn Future<Output = Reached> + Send>> {
            let (op, env) = (op.clone(), env.clone());
            let end = {
                let mut free_at = free_at.lock().unwrap();
                *free_at = (*free_at).max(Instant::now()) + EACH;
                *free_at
            };
            Box::pin(async move {
                let response = op.exchange(request, env.now());
                let pause = end.saturating_duration_since(Instant::now());
                sleep(pause.min(PATIENCE)).await;
                if pause > PATIENCE { Err(Failure::new(FailureKind::Timeout, Sent::Maybe)) } else { response }
            })
        })
    });
    let mut callers: JoinSet<_> = crowd.handles.iter().cloned().map(access).collect();
    while let Some(served) = callers.join_next().await {
        served.unwrap();
    }
    crowd.settle().await;
}

#[tokio::test(start_paused = true)]
async fn a_refresh_that_waits_for_its_turn_spends_no_deadline() {
    let crowd = Crowd::new(5, 1, |world| provider(world, Duration::from_secs(30), &Arc::default()));
    let asked = crowd.world.op.count(On::Token);
    let mut callers: JoinSet<_> = crowd.handles.iter().cloned().map(access).collect();
    sleep(Duration::from_secs(1)).await;
    let health = crowd.sessions.health();
    assert_eq!((health.sessions, health.refreshing, health.queued, health.backing_off), (5, 1, 4, 0));
    let mut longest = Duration::ZERO;
    while let Some(waited) = callers.join_next().await {
        longest = longest.max(waited.unwrap());
    }
    // 45 seconds are the deadline of each.
    assert!(longest >= Duration::from_secs(150), "{longest:?}");
    assert_eq!(crowd.world.op.count(On::Token), asked + 5);
    drop(crowd.handles);
    sleep(Duration::from_millis(1)).await;
    assert_eq!(crowd.sessions.health(), oidc_proto::adapter::session::Health::default());
}

#[tokio::test(start_paused = true)]
async fn a_caller_overtakes_the_sessions_that_nobody_waits_for() {
    let crowd = Crowd::new(50, 1, |world| provider(world, Duration::from_millis(100), &Arc::default()));
    sleep(Duration::from_secs(1)).await;
    assert!(crowd.sessions.health().queued > 20, "{:?}", crowd.sessions.health());
    let queued = crowd.handles.iter().rev().find(|handle| handle.standing() != Standing::Good).unwrap();
    let waited = access(queued.clone()).await;
    assert!(waited <= Duration::from_millis(200), "{waited:?}");
}

/// Also where nobody has set a limit.
#[tokio::test(start_paused = true)]
async fn sixty_four_refreshes_of_a_provider_go_on_at_once() {
    let busiest = Arc::<AtomicUsize>::default();
    let crowd = Crowd::new(200, None, |world| provider(world, Duration::from_secs(10), &busiest));
    let mut callers: JoinSet<_> = crowd.handles.iter().cloned().map(access).collect();
    sleep(Duration::from_secs(1)).await;
    let health = crowd.sessions.health();
    assert_eq!((health.refreshing, health.queued), (64, 136));
    while callers.join_next().await.is_some() {}
    assert_eq!(busiest.load(Ordering::SeqCst), 64);
}

/// Those that nobody waits for: a hundred take half a second to begin, and are not all there in the first tenth of it.
#[tokio::test(start_paused = true)]
async fn sessions_that_are_overdue_when_they_come_do_not_begin_together() {
    let crowd = Crowd::new(100, None, |world| provider(world, Duration::ZERO, &Arc::default()));
    let asked = crowd.world.op.count(On::Token);
    let mut begun = [0; 6];
    for begun in &mut begun {
        sleep(Duration::from_millis(100)).await;
        *begun = crowd.world.op.count(On::Token) - asked;
    }
    assert!(begun.is_sorted() && begun[0] < 80 && begun[3] > begun[0] + 5, "{begun:?}");
    assert_eq!(begun[5], 100, "{begun:?}");
}

/// The whole herd, not only the session that got the response.
#[tokio::test(start_paused = true)]
async fn a_provider_that_is_unavailable_for_a_while_pauses_the_herd() {
    let crowd = Crowd::new(100, 4, |world| {
        world.op.disturb(On::Token, Disturbance::Status { status: 503, retry_after: Some("30") }, 4);
        provider(world, Duration::from_millis(100), &Arc::default())
    });
    let asked = crowd.world.op.count(On::Token);
    let callers: JoinSet<_> =
        crowd.handles.iter().cloned().map(|handle| async move { handle.access().await }).collect();
    sleep(Duration::from_secs(29)).await;
    // Those that were under way when the first response came.
    assert_eq!(crowd.world.op.count(On::Token), asked + 4);
    let results = callers.join_all().await;
    let refused = results.iter().filter_map(|result| result.as_ref().err()?.error());
    assert!(refused.map(|error| error.code()).eq([ErrorCode::HTTP_SERVER_ERROR; 4]), "four were told");
    crowd.settle().await;
    assert_eq!(crowd.world.op.count(On::Token), asked + 104);
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_asks_for_a_pause_is_left_alone_by_all_sessions() {
    let crowd = Crowd::new(2, 1, |world| provider(world, Duration::from_millis(100), &Arc::default()));
    crowd.world.op.disturb(On::Token, Disturbance::Status { status: 429, retry_after: Some("20") }, 1);
    let [first, second] = &crowd.handles[..] else { panic!() };
    let error = first.access().await.unwrap_err();
    assert_eq!(error.error().unwrap().code(), ErrorCode::HTTP_TOO_MANY_REQUESTS);
    let asked = crowd.world.op.count(On::Token);
    let waiting = tokio::spawn(access(second.clone()));
    sleep(Duration::from_secs(19)).await;
    assert_eq!(crowd.world.op.count(On::Token), asked);
    let waited = waiting.await.unwrap();
    assert!((20..=26).contains(&waited.as_secs()), "{waited:?}");
    assert!(access(first.clone()).await < Duration::from_secs(10));
}
