//! One set of keys for many logins: what a rotation costs, and whom a failure strands.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::{Request, Response};
use oidc_proto::adapter::{BlockingDriver, Driver, from_fn};
use oidc_proto::testing::{Disturbance, On, Provider, RegisteredClient, TestEnv};
use oidc_proto::{
    AuthorizationRequest, Body, Callback, Client, Env as _, Error, ErrorCode, Failure, Issuer, PendingAuthorization,
    Policy, RedirectUri, RelyingParty, Schemes, Scope, Step, TokenOutcome, VerifiedCallback,
};

const REDIRECT_URI: &str = "https://app.example.org/cb";

struct World {
    op: Provider,
    env: TestEnv,
    party: RelyingParty,
}

impl World {
    fn new() -> Self {
        let mut env = TestEnv::seeded(1);
        let op = Provider::new("https://op.example.org").with_client(RegisteredClient::public("app", REDIRECT_URI));
        let issuer = Issuer::new("https://op.example.org", Schemes::HttpsOnly).unwrap();
        let client = Client::new("app").with_redirect_uri(RedirectUri::new(REDIRECT_URI).unwrap());
        let http = BlockingDriver::new(op.http(env.clock()));
        let party = http.run(RelyingParty::discover(issuer, client).unwrap(), &mut env).unwrap();
        Self { op, env, party }
    }

    /// A login whose user has come back.
    fn come_back(&mut self) -> (PendingAuthorization, VerifiedCallback) {
        let request = AuthorizationRequest::new(RedirectUri::new(REDIRECT_URI).unwrap(), Scope::new("openid").unwrap());
        let (url, pending) = self.party.authorize(request, &mut self.env).unwrap();
        let visit = self.op.visit(url.as_str(), self.env.now());
        let callback = Callback::from_url(visit.callback()).unwrap();
        let verified = self.party.check(&pending, &callback, self.env.now()).unwrap();
        (pending, verified)
    }

    fn login(&mut self) -> Result<TokenOutcome, Error> {
        let (pending, verified) = self.come_back();
        let step = self.party.redeem(pending, verified, &mut self.env).unwrap();
        BlockingDriver::new(self.op.http(self.env.clock())).run(step, &mut self.env)
    }

    /// Ten logins that are redeemed at once, by a network in which each request takes its time. The driver has no timer.
    fn ten(&mut self) -> Vec<Result<TokenOutcome, Error>> {
        let ten: Vec<_> = (0..10).map(|_| self.come_back()).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        let local = tokio::task::LocalSet::new();
        local.block_on(&runtime, async {
            let tasks: Vec<_> = ten
                .into_iter()
                .map(|(pending, verified)| {
                    let (op, mut env, party) = (self.op.clone(), self.env.clone(), self.party.clone());
                    tokio::task::spawn_local(async move {
                        let clock = env.clock().clone();
                        let http = move |request: Request<Body>, _: Policy| {
                            let (op, clock) = (op.clone(), clock.clone());
                            async move {
                                tokio::time::sleep(Duration::from_millis(5)).await;
                                op.exchange(request, clock.now())
                            }
                        };
                        let step = party.redeem(pending, verified, &mut env).unwrap();
                        Driver::new(from_fn(http)).run(step, &mut env).await
                    })
                })
                .collect();
            let mut outcomes = Vec::new();
            for task in tasks {
                outcomes.push(task.await.unwrap());
            }
            outcomes
        })
    }
}

fn succeeded(outcomes: &[Result<TokenOutcome, Error>]) -> usize {
    outcomes.iter().filter(|outcome| matches!(outcome, Ok(TokenOutcome::Verified(_)))).count()
}

#[test]
fn ten_cold_logins_fetch_the_keys_once() {
    let mut world = World::new();
    let outcomes = world.ten();
    assert_eq!((succeeded(&outcomes), world.op.count(On::Jwks)), (10, 1));
}

#[test]
fn after_a_rotation_ten_logins_succeed_with_one_refetch() {
    let mut world = World::new();
    world.login().unwrap().verified().unwrap();
    world.op.rotate_keys();
    let outcomes = world.ten();
    assert_eq!((succeeded(&outcomes), world.op.count(On::Jwks)), (10, 2));
}

#[test]
fn after_a_rotation_ten_threads_succeed_with_one_refetch() {
    let mut world = World::new();
    world.login().unwrap().verified().unwrap();
    world.op.rotate_keys();
    let ten: Vec<_> = (0..10).map(|_| world.come_back()).collect();
    // No thread gets its keys before all have their tokens: each of them needs the refetch.
    let barrier = std::sync::Barrier::new(10);
    let outcomes: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = ten
            .into_iter()
            .map(|(pending, verified)| {
                let (op, mut env, party, barrier) =
                    (world.op.clone(), world.env.clone(), world.party.clone(), &barrier);
                scope.spawn(move || {
                    let clock = env.clock().clone();
                    let http = |request: Request<Body>, _: Policy| {
                        let is_token = request.uri().path() == "/token";
                        let response = op.exchange(request, clock.now());
                        if is_token {
                            barrier.wait();
                        }
                        response
                    };
                    // The clock stands still: a thread that waits looks again until the bell has rung.
                    let sleep = |_| std::thread::yield_now();
                    let step = party.redeem(pending, verified, &mut env).unwrap();
                    BlockingDriver::new(from_fn(http)).with_sleep(sleep).run(step, &mut env)
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!((succeeded(&outcomes), world.op.count(On::Jwks)), (10, 2));
}

/// Both rotation modules of the OpenID Foundation's conformance suite: the keys were fetched a moment ago, before the tokens
/// were asked for.
#[test]
fn a_key_published_a_moment_after_the_first_fetch_is_found() {
    let mut world = World::new();
    let (pending, verified) = world.come_back();
    let (op, clock, rotated) = (world.op.clone(), world.env.clock().clone(), AtomicBool::new(false));
    let http = |request: Request<Body>, _: Policy| -> Result<Response<Vec<u8>>, Failure> {
        if request.uri().path() == "/token" && !rotated.swap(true, Ordering::Relaxed) {
            op.rotate_keys();
        }
        op.exchange(request, clock.now())
    };
    let step = world.party.redeem(pending, verified, &mut world.env).unwrap();
    let outcome = BlockingDriver::new(from_fn(http)).run(step, &mut world.env).unwrap();
    assert!(matches!(outcome, TokenOutcome::Verified(_)));
    assert_eq!(world.op.count(On::Jwks), 2);
}

#[test]
fn those_who_waited_for_a_fetch_share_its_failure_and_the_next_ones_do_not() {
    let mut world = World::new();
    world.login().unwrap().verified().unwrap();
    world.op.rotate_keys();
    world.op.disturb(On::Jwks, Disturbance::status(503), 1);
    let outcomes = world.ten();
    assert_eq!((succeeded(&outcomes), world.op.count(On::Jwks)), (0, 2));
    for outcome in outcomes {
        assert_eq!(outcome.unwrap().verified().unwrap_err().code(), ErrorCode::JWS_UNKNOWN_KEY);
    }
    let outcomes = world.ten();
    assert_eq!((succeeded(&outcomes), world.op.count(On::Jwks)), (10, 3));
}

/// The task that fetched is gone: another one fetches at once, without waiting for a lease.
#[test]
fn a_flow_that_is_dropped_while_it_fetches_strands_nobody() {
    let mut world = World::new();
    let (first, second) = (world.come_back(), world.come_back());
    let Step::Call(fetching) = world.party.redeem(first.0, first.1, &mut world.env).unwrap() else {
        panic!("a request")
    };
    assert_eq!(fetching.request().uri().path(), "/jwks");
    let Step::Wait(waiting) = world.party.redeem(second.0, second.1, &mut world.env).unwrap() else { panic!("a wait") };
    assert!(!waiting.bell().unwrap().has_rung());
    drop(fetching);
    assert!(waiting.bell().unwrap().has_rung());
    let Step::Call(call) = waiting.wake(&mut world.env).unwrap() else { panic!("a request") };
    assert_eq!(call.request().uri().path(), "/jwks");
}

/// The same where a runtime aborts the task.
#[tokio::test]
async fn a_task_that_is_aborted_while_it_fetches_strands_nobody() {
    let mut world = World::new();
    let [fetching, waiting] = [(); 2].map(|()| {
        let (pending, verified) = world.come_back();
        world.party.redeem(pending, verified, &mut world.env).unwrap()
    });
    assert!(matches!((&fetching, &waiting), (Step::Call(_), Step::Wait(_))));
    let (op, clock) = (world.op.clone(), world.env.clock().clone());
    let (mut first, mut second) = (world.env.clone(), world.env.clone());
    let never = |_: Request<Body>, _: Policy| std::future::pending::<Result<Response<Vec<u8>>, Failure>>();
    let http = move |request: Request<Body>, _: Policy| std::future::ready(op.exchange(request, clock.now()));
    let fetching = tokio::spawn(async move { Driver::new(from_fn(never)).run(fetching, &mut first).await });
    let waiting = tokio::spawn(async move { Driver::new(from_fn(http)).run(waiting, &mut second).await });
    tokio::task::yield_now().await;
    assert_eq!(world.op.count(On::Jwks), 0);
    fetching.abort();
    assert!(fetching.await.is_err_and(|error| error.is_cancelled()));
    waiting.await.unwrap().unwrap().verified().unwrap();
    assert_eq!(world.op.count(On::Jwks), 1);
}

/// The same where a thread panics.
#[test]
fn a_thread_that_panics_while_it_fetches_strands_nobody() {
    let mut world = World::new();
    let [fetching, waiting] = [(); 2].map(|()| {
        let (pending, verified) = world.come_back();
        world.party.redeem(pending, verified, &mut world.env).unwrap()
    });
    assert!(matches!((&fetching, &waiting), (Step::Call(_), Step::Wait(_))));
    let mut env = world.env.clone();
    let panics = |_: Request<Body>, _: Policy| -> Result<Response<Vec<u8>>, Failure> { panic!("a broken client") };
    let thread = std::thread::spawn(move || BlockingDriver::new(from_fn(panics)).run(fetching, &mut env).map(drop));
    assert_eq!(thread.join().unwrap_err().downcast_ref(), Some(&"a broken client"));
    let http = BlockingDriver::new(world.op.http(world.env.clock()));
    http.run(waiting, &mut world.env).unwrap().verified().unwrap();
    assert_eq!(world.op.count(On::Jwks), 1);
}

/// A provider that withdraws its old key at once: tokens that were asked for before the newest fetch began are still judged
/// by the set before.
#[test]
fn tokens_that_were_asked_for_before_a_rotation_are_judged_by_the_keys_of_that_time() {
    let mut world = World::new();
    world.login().unwrap().verified().unwrap();
    // The response is made before the rotation and comes after it.
    let (pending, verified) = world.come_back();
    let Step::Call(call) = world.party.redeem(pending, verified, &mut world.env).unwrap() else { panic!("a request") };
    let (request, _, awaiting) = call.into_parts();
    let late = world.op.exchange(request, world.env.now()).unwrap();
    world.op.rotate_keys();
    world.login().unwrap().verified().unwrap();
    let Step::Done(outcome) = awaiting.receive(late, &mut world.env).unwrap() else { panic!("another fetch") };
    assert!(matches!(outcome, TokenOutcome::Verified(_)));
}
