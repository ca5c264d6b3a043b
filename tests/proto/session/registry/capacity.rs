//! What is held when there is too much of it: sessions with handles, requests that wait; and what one session costs among
//! many.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use oidc_proto::adapter::Driver;
use oidc_proto::adapter::session::{Registry, RegistryOptions};
use oidc_proto::session::Record;
use oidc_proto::testing::{Disturbance, On};
use oidc_proto::{Env, ErrorCode, MonotonicTime, Timestamp};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use super::shelf::Shelf;
use super::{Handle, IDLE, MOMENT, Server, stored};
use crate::session::tasks::{VirtualEnv, provider};
use crate::session::world::World;

/// Handles keep sessions in memory. When they go, so do those that are too many: without any other event, and long
/// before they have been unused for so long.
#[tokio::test(start_paused = true)]
async fn rule_20_sessions_beyond_the_capacity_leave_the_memory_soon_after_their_handles() {
    let (mut world, shelf) = (World::new(), Shelf::default());
    let tokens = world.login("alice");
    let name = |number: usize| format!("session {number}");
    for number in 0..1000 {
        shelf.memory(&name(number)).put(Record::of_login(tokens.clone(), None, &mut world.env));
    }
    let server = Server::with(&world, &shelf, |options| options.with_capacity(10));
    let mut held = Vec::new();
    for number in 0..1000 {
        held.push(server.session(&name(number)).await);
    }
    sleep(IDLE / 2).await;
    assert_eq!(server.present(), 1000);
    // One of those in the middle, then the rest.
    drop(held.remove(500));
    sleep(Duration::from_secs(2)).await;
    assert_eq!(server.present(), 999);
    drop(held);
    sleep(Duration::from_secs(2)).await;
    assert_eq!(server.present(), 10);
    server.stop().await;
}

/// Who comes while a store hangs waits no longer than for that store, and leaves nothing behind.
#[tokio::test(start_paused = true)]
async fn rule_20_requests_that_wait_for_a_store_that_hangs_do_not_pile_up() {
    let (mut world, shelf) = (World::new(), Shelf::default());
    stored(&mut world, &shelf, "a", "alice");
    shelf.takes(Duration::from_secs(9999));
    let server = Server::start(&world, &shelf);
    let start = Instant::now();
    let ask = |number: usize| {
        let registry = server.registry.clone();
        tokio::spawn(async move { registry.session(&format!("session {number}")).await.map(drop) })
    };
    let (patient, hasty): (Vec<_>, Vec<_>) = ((0..500).map(ask).collect(), (500..1000).map(ask).collect());
    sleep(MOMENT).await;
    hasty.iter().for_each(JoinHandle::abort);
    // One who comes later has more time, and is served when the store can be asked again.
    sleep(Duration::from_secs(10)).await;
    let registry = server.registry.clone();
    let later = tokio::spawn(async move { registry.session("a").await.map(|session| session.is_some()) });
    sleep(Duration::from_secs(30)).await;
    let begun = shelf.loads();
    assert!(begun <= 64, "{begun} were begun");
    shelf.takes(Duration::ZERO);
    for request in patient {
        assert_eq!(request.await.unwrap().unwrap_err().code(), ErrorCode::SESSION_STORE);
    }
    assert_eq!(start.elapsed().as_secs(), 45);
    assert!(later.await.unwrap().unwrap());
    assert_eq!((start.elapsed().as_secs(), shelf.loads()), (45, begun + 1), "nobody waits for the others");
    server.stop().await;
}

#[tokio::test(start_paused = true)]
async fn rule_20_health_counts_what_the_sessions_of_a_registry_are_doing() {
    let (mut world, shelf) = (World::new(), Shelf::default());
    for name in ["a", "b", "c", "d", "e"] {
        stored(&mut world, &shelf, name, "alice");
    }
    let driver = Driver::new(provider(&world, Duration::from_secs(10))).with_timer(sleep);
    let options = RegistryOptions::new(world.party.clone());
    let (registry, run) = Registry::new(driver, VirtualEnv::new(&world), shelf.clone(), options).unwrap();
    let run = tokio::spawn(run.with_limit(1));
    let server = Server { registry, run };
    let refresh = |session: Handle| tokio::spawn(async move { session.refresh().await.is_ok() });
    // One is idle, one has tokens that are not saved, one backs off.
    server.session("a").await;
    shelf.fails("save");
    assert!(refresh(server.session("b").await).await.unwrap());
    world.op.disturb(On::Token, Disturbance::Timeout, 1);
    assert!(!refresh(server.session("c").await).await.unwrap());
    // One of these waits for the other.
    let (first, second) = (refresh(server.session("d").await), refresh(server.session("e").await));
    sleep(MOMENT).await;
    let health = server.registry.health();
    let counted = (health.sessions, health.refreshing, health.queued, health.backing_off, health.unsaved);
    assert_eq!(counted, (5, 1, 1, 1, 1));
    shelf.fails("");
    assert!(first.await.unwrap() && second.await.unwrap());
    sleep(Duration::from_secs(60)).await;
    let health = server.registry.health();
    let counted = (health.sessions, health.refreshing, health.queued, health.backing_off, health.unsaved);
    assert_eq!((counted.0, counted.1, counted.2, counted.4), (5, 0, 0, 0));
    server.stop().await;
}

/// Counts how often it is asked for the time, which whatever looks at a session does.
struct Counted(VirtualEnv, Arc<AtomicUsize>);

impl Env for Counted {
    fn now(&self) -> Timestamp {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.now()
    }

    fn monotonic(&self) -> MonotonicTime {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.monotonic()
    }

    fn rng(&mut self) -> &mut dyn rand_core::CryptoRng {
        self.0.rng()
    }
}

/// What a request of one user costs among so many sessions in memory: one that finds a token, and one that refreshes.
async fn cost(sessions: usize) -> [usize; 2] {
    let (mut world, shelf) = (World::new(), Shelf::default());
    let tokens = world.login("alice");
    let name = |number: usize| format!("session {number}");
    for number in 0..sessions {
        shelf.memory(&name(number)).put(Record::of_login(tokens.clone(), None, &mut world.env));
    }
    stored(&mut world, &shelf, "own", "alice");
    let counts = Arc::<AtomicUsize>::default();
    let driver = Driver::new(provider(&world, MOMENT)).with_timer(sleep);
    let env = Counted(VirtualEnv::new(&world), counts.clone());
    let (registry, run) = Registry::new(driver, env, shelf.clone(), RegistryOptions::new(world.party.clone())).unwrap();
    let run = tokio::spawn(run);
    for number in 0..sessions {
        assert!(registry.session(&name(number)).await.unwrap().is_some());
    }
    let own = registry.session("own").await.unwrap().unwrap();
    sleep(MOMENT).await;
    assert_eq!(registry.health().sessions, sessions + 1);
    let mut costs = [0; 2];
    for (at, refreshes) in [false, true].into_iter().enumerate() {
        let before = counts.load(Ordering::Relaxed);
        for _ in 0..10 {
            let found = registry.session("own").await.unwrap().unwrap();
            let token = if refreshes { found.refresh().await } else { found.access().await };
            assert!(token.is_ok());
            sleep(MOMENT).await;
        }
        costs[at] = counts.load(Ordering::Relaxed) - before;
    }
    drop((own, registry));
    run.await.unwrap();
    costs
}

#[tokio::test(start_paused = true)]
async fn rule_20_a_request_costs_the_same_among_many_sessions() {
    let (few, many) = (cost(50).await, cost(1000).await);
    for (few, many) in few.into_iter().zip(many) {
        assert!(few > 0 && many <= few + few / 10, "{few} among 50, {many} among 1,000");
    }
}
