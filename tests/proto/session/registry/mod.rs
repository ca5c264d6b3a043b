//! The sessions of a server, by name: loaded once, kept, and let go. The runtime's clock is paused.

mod capacity;
mod holders;
mod logouts;
mod parties;
mod shelf;

use std::time::Duration;

use oidc_proto::adapter::Driver;
use oidc_proto::adapter::session::{NamedEvent, NoToken, Registry, RegistryOptions, SessionHandle};
use oidc_proto::adapter::store::NoStore;
use oidc_proto::session::{End, Event, Record};
use oidc_proto::testing::{On, Provider, User};
use oidc_proto::{ErrorCode, Fault, TokenSet};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use self::shelf::Shelf;
use crate::session::tasks::{VirtualEnv, provider};
use crate::session::world::{ISSUER, World};

const MOMENT: Duration = Duration::from_millis(100);
const IDLE: Duration = Duration::from_secs(600);

type Handle = SessionHandle<VirtualEnv>;

/// A process of a server.
struct Server {
    registry: Registry<Shelf, VirtualEnv>,
    run: JoinHandle<()>,
}

impl Server {
    fn start(world: &World, shelf: &Shelf) -> Self {
        Self::with(world, shelf, |options| options)
    }

    fn with(world: &World, shelf: &Shelf, set: impl FnOnce(RegistryOptions) -> RegistryOptions) -> Self {
        let driver = Driver::new(provider(world, MOMENT)).with_timer(sleep);
        let options = set(RegistryOptions::new(world.party.clone()));
        let (registry, run) = Registry::new(driver, VirtualEnv::new(world), shelf.clone(), options).unwrap();
        Self { registry, run: tokio::spawn(run) }
    }

    async fn session(&self, name: &str) -> Handle {
        self.registry.session(name).await.unwrap().unwrap()
    }

    /// How many sessions are in memory.
    fn present(&self) -> usize {
        self.registry.health().sessions
    }

    /// All handles and the registry go. Whatever goes on comes to its end.
    async fn stop(self) {
        drop(self.registry);
        timeout(Duration::from_secs(60), self.run).await.unwrap().unwrap();
    }
}

/// The stored record of a login.
fn stored(world: &mut World, shelf: &Shelf, name: &str, user: &str) -> TokenSet {
    let tokens = world.login(user);
    shelf.put(name, Record::of_login(tokens.clone(), None, &mut world.env));
    tokens
}

/// Alice and Bob.
fn two_users() -> World {
    World::with(Provider::new(ISSUER).with_user(User::new("alice")).with_user(User::new("bob")))
}

fn expired(world: &mut World) {
    world.advance(301);
}

#[tokio::test(start_paused = true)]
async fn requests_that_race_for_a_session_load_it_once_and_refresh_it_once() {
    let (mut world, shelf) = (World::new(), Shelf::default());
    stored(&mut world, &shelf, "a", "alice");
    expired(&mut world);
    let asked = world.op.count(On::Token);
    shelf.takes(MOMENT);
    let server = Server::start(&world, &shelf);
    let requests: Vec<_> = (0..100)
        .map(|_| {
            let registry = server.registry.clone();
            tokio::spawn(async move {
                let session = registry.session("a").await.unwrap().unwrap();
                session.access().await.unwrap()
            })
        })
        .collect();
    // One of them gives up: the others do not depend on it.
    requests[0].abort();
    for request in requests.into_iter().skip(1) {
        assert!(world.honours(request.await.unwrap().expose()));
    }
    // By the registry, and by the refresh.
    assert_eq!((shelf.loads(), world.op.count(On::Token) - asked, server.present()), (2, 1, 1));
    server.stop().await;
}

/// The text of an ID token is the longest part of many sessions.
#[tokio::test(start_paused = true)]
async fn a_registry_may_keep_no_text_of_an_id_token() {
    for keeps in [true, false] {
        let (mut world, shelf) = (World::new(), Shelf::default());
        stored(&mut world, &shelf, "alice", "alice");
        let running = Server::with(&world, &shelf, |options| options.with_id_token_text(keeps));
        let handle = running.session("alice").await;
        handle.refresh().await.unwrap();
        let kept = handle.tokens().id_token().unwrap().expose().to_owned();
        assert_eq!(!kept.is_empty(), keeps);
        drop(handle);
        running.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_name_without_a_record_has_no_session_and_costs_nothing_afterwards() {
    let (mut world, shelf) = (World::new(), Shelf::default());
    let server = Server::start(&world, &shelf);
    assert!(server.registry.session("a").await.unwrap().is_none());
    assert_eq!((server.present(), shelf.loads()), (0, 1));
    // Another process logs in.
    stored(&mut world, &shelf, "a", "alice");
    assert!(server.session("a").await.access().await.is_ok());
    server.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_session_that_nobody_uses_leaves_the_memory_and_comes_back() {
    let (mut world, shelf) = (World::new(), Shelf::default());
    for name in ["a", "b", "c"] {
        stored(&mut world, &shelf, name, "alice");
    }
    let asked = world.op.count(On::Token);
    let server = Server::start(&world, &shelf);
    let held = server.session("a").await;
    server.session("b").await;
    for _ in 0..20 {
        // Used all the time, by no handle that stays.
        server.session("c").await;
        sleep(IDLE / 10).await;
    }
    assert_eq!(server.present(), 2);
    assert!(server.registry.present("b").is_none() && server.registry.present("c").is_some());
    let again = server.session("a").await;
    // On demand: nobody wanted a token.
    assert_eq!(world.op.count(On::Token), asked);
    // One session: the other handle has what this one gets.
    let before = again.tokens().access_token().expose().to_owned();
    held.refresh().await.unwrap();
    assert_ne!(again.tokens().access_token().expose(), before);
    drop((held, again));
    sleep(2 * IDLE).await;
    // Without a caller and without any other event.
    assert_eq!((server.present(), world.op.count(On::Token)), (0, asked + 1));
    assert!(server.session("b").await.access().await.is_ok());
    server.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_session_that_refreshes_stays_until_its_tokens_are_saved() {
    let (mut world, shelf) = (World::new(), Shelf::default());
    stored(&mut world, &shelf, "a", "alice");
    expired(&mut world);
    let server = Server::with(&world, &shelf, |options| options.with_idle(Duration::ZERO).with_capacity(0));
    let session = server.session("a").await;
    let caller = tokio::spawn(async move { session.access().await });
    sleep(MOMENT / 2).await;
    caller.abort();
    sleep(Duration::ZERO).await;
    assert_eq!((server.registry.health().refreshing, shelf.record("a").unwrap().generation), (1, 1));
    sleep(Duration::from_secs(2)).await;
    assert_eq!((server.present(), shelf.record("a").unwrap().generation), (0, 2));
    assert!(world.honours(shelf.record("a").unwrap().tokens.access_token().expose()));
    assert!(!shelf.memory("a").is_locked());

    // The store fails when the tokens are there: they stay in memory, however long that takes.
    world.op.honest();
    shelf.fails("save");
    server.session("a").await.refresh().await.unwrap();
    sleep(Duration::from_secs(3600)).await;
    assert_eq!((server.registry.health().unsaved, server.present()), (1, 1));
    let unsaved = server.session("a").await.tokens();
    shelf.fails("");
    sleep(Duration::from_secs(120)).await;
    assert_eq!((server.present(), shelf.record("a").unwrap().generation), (0, 3));
    assert_eq!(shelf.record("a").unwrap().tokens.access_token().expose(), unsaved.access_token().expose());
    server.stop().await;
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_names_take_the_memory_of_a_hundred() {
    let (mut world, shelf) = (World::new(), Shelf::default());
    let tokens = world.login("alice");
    let name = |number: usize| format!("session {number}");
    for number in 0..10_000 {
        shelf.memory(&name(number)).put(Record::of_login(tokens.clone(), None, &mut world.env));
    }
    let server = Server::with(&world, &shelf, |options| options.with_capacity(100));
    let mut most = 0;
    for number in 0..10_000 {
        assert!(server.session(&name(number)).await.access().await.is_ok());
        most = most.max(server.present());
    }
    assert!(most <= 102, "{most} sessions at once");
    // All at once: not all are loaded at the same time.
    let requests: Vec<_> = (0..10_000)
        .map(|number| {
            let registry = server.registry.clone();
            tokio::spawn(async move { registry.session(&name(number)).await.unwrap().unwrap().access().await.unwrap() })
        })
        .collect();
    for request in requests {
        request.await.unwrap();
    }
    assert!(shelf.busiest() <= 64, "{} loads at once", shelf.busiest());
    sleep(MOMENT).await;
    assert!(server.present() <= 100, "{}", server.present());
    server.stop().await;
}

#[tokio::test(start_paused = true)]
async fn events_come_in_one_stream_and_carry_names() {
    let (mut world, shelf) = (World::new(), Shelf::default());
    let server = Server::start(&world, &shelf);
    let mut events = server.registry.subscribe();
    for name in ["a", "b"] {
        let session = server.registry.log_in(name, world.login("alice")).unwrap();
        session.refresh().await.unwrap();
    }
    let told = |event: Option<NamedEvent>| event.map(|event| (event.name().to_owned(), event.into_event()));
    assert_eq!(told(events.next().await), Some(("a".to_owned(), Event::TokensRefreshed)));
    assert_eq!(told(events.next().await), Some(("b".to_owned(), Event::TokensRefreshed)));
    // What happened to a session that has left the memory is not lost.
    world.op.end_grants();
    server.session("b").await.refresh().await.unwrap_err();
    sleep(3 * IDLE).await;
    assert_eq!(server.present(), 0);
    let Some((name, Event::NeedsLogin(error))) = told(events.next().await) else { panic!() };
    assert_eq!((&*name, error.code(), events.missed()), ("b", ErrorCode::TOKEN_INVALID_GRANT, 0));
    server.stop().await;
    assert_eq!(told(events.next().await), None);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_or_hangs_is_an_error_of_that_request_only() {
    let (mut world, shelf) = (World::new(), Shelf::default());
    stored(&mut world, &shelf, "a", "alice");
    let server = Server::start(&world, &shelf);
    shelf.fails("load");
    let error = server.registry.session("a").await.unwrap_err();
    assert_eq!((error.code(), error.fault()), (ErrorCode::STORE_IO, Fault::Environment));
    shelf.fails("note");
    stored(&mut world, &shelf, "b", "alice");
    assert_eq!(server.registry.session("b").await.unwrap_err().code(), ErrorCode::STORE_IO);
    shelf.fails("");
    shelf.takes(Duration::from_secs(9999));
    let start = Instant::now();
    let error = server.registry.session("a").await.unwrap_err();
    assert_eq!((error.code(), error.fault()), (ErrorCode::SESSION_STORE, Fault::Environment));
    assert_eq!(start.elapsed().as_secs(), 45);
    shelf.takes(Duration::ZERO);
    assert!(server.session("a").await.access().await.is_ok());
    server.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_login_is_saved_and_the_same_name_has_one_session() {
    let (mut world, shelf) = (World::new(), Shelf::default());
    let server = Server::start(&world, &shelf);
    let logins: Vec<_> = (0..20).map(|_| world.login("alice")).collect();
    let handles: Vec<_> = logins.iter().map(|tokens| server.registry.log_in("a", tokens.clone()).unwrap()).collect();
    sleep(MOMENT).await;
    let newest = logins[19].access_token().expose();
    assert!(handles.iter().all(|handle| handle.tokens().access_token().expose() == newest));
    assert_eq!(shelf.record("a").unwrap().tokens.access_token().expose(), newest);
    assert_eq!((server.session("a").await.tokens().access_token().expose(), server.present()), (newest, 1));
    // What was replaced is given back.
    let driver = Driver::new(provider(&world, MOMENT));
    while let Some(revocation) = handles[0].poll_revocation() {
        driver.run(revocation.unwrap(), &mut VirtualEnv::new(&world)).await.unwrap();
    }
    let living = logins.iter().filter(|tokens| world.honours(tokens.access_token().expose())).count();
    assert_eq!(living, 1);
    // A login while the name is being loaded counts.
    drop(handles);
    sleep(2 * IDLE).await;
    shelf.takes(MOMENT);
    let waiting = tokio::spawn({
        let registry = server.registry.clone();
        async move { registry.session("a").await }
    });
    sleep(MOMENT / 2).await;
    let login = world.login("alice");
    let handle = server.registry.log_in("a", login.clone()).unwrap();
    let other = waiting.await.unwrap().unwrap().unwrap();
    sleep(MOMENT * 10).await;
    assert!([&handle, &other].iter().all(|own| own.tokens().access_token().expose() == login.access_token().expose()));
    assert_eq!(shelf.record("a").unwrap().tokens.access_token().expose(), login.access_token().expose());
    assert_eq!(server.present(), 1);
    drop((handle, other));
    server.stop().await;
}

#[tokio::test(start_paused = true)]
async fn another_users_login_takes_the_name_and_what_it_replaced_is_revoked() {
    let (mut world, shelf) = (two_users(), Shelf::default());
    let server = Server::start(&world, &shelf);
    let (alice, bob) = (world.login("alice"), world.login("bob"));
    drop(server.registry.log_in("a", alice.clone()).unwrap());
    sleep(MOMENT).await;
    let handle = server.registry.log_in("a", bob.clone()).unwrap();
    assert_eq!(handle.access().await.unwrap().expose(), bob.access_token().expose());
    sleep(MOMENT).await;
    assert_eq!(shelf.record("a").unwrap().tokens.subject(), bob.subject());
    // The index knows the name by its new user only.
    assert_eq!((server.present(), shelf.entries()), (1, 1));
    let driver = Driver::new(provider(&world, MOMENT));
    while let Some(revocation) = handle.poll_revocation().or_else(|| server.registry.poll_revocation()) {
        driver.run(revocation.unwrap(), &mut VirtualEnv::new(&world)).await.unwrap();
    }
    assert!(!world.honours(alice.access_token().expose()) && world.honours(bob.access_token().expose()));
    drop(handle);
    server.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_session_that_another_process_has_ended_is_loaded_anew() {
    let (mut world, shelf) = (two_users(), Shelf::default());
    let [one, two] = [(); 2].map(|()| Server::start(&world, &shelf));
    one.registry.log_in("a", world.login("alice")).unwrap();
    sleep(MOMENT).await;
    let there = two.session("a").await;
    assert!(one.registry.log_out("a").await.unwrap().is_some());
    assert!(matches!(there.refresh().await, Err(NoToken::Ended(End::LoggedOutElsewhere))));
    assert!(two.registry.session("a").await.unwrap().is_none());
    // The same name again, which nobody should do.
    one.registry.log_in("a", world.login("bob")).unwrap();
    sleep(MOMENT).await;
    let again = two.session("a").await;
    assert!(again.refresh().await.is_ok() && again.tokens().subject() == world.login("bob").subject());
    drop((there, again));
    one.stop().await;
    two.stop().await;
}

#[tokio::test(start_paused = true)]
async fn without_its_task_a_registry_says_that_it_has_stopped() {
    let (mut world, shelf) = (World::new(), Shelf::default());
    stored(&mut world, &shelf, "a", "alice");
    let server = Server::start(&world, &shelf);
    let session = server.session("a").await;
    let mut events = server.registry.subscribe();
    shelf.takes(Duration::from_secs(3600));
    let waiting = tokio::spawn({
        let registry = server.registry.clone();
        async move { registry.session("b").await }
    });
    sleep(MOMENT).await;
    server.run.abort();
    assert_eq!(waiting.await.unwrap().unwrap_err().code(), ErrorCode::SESSION_STOPPED);
    assert_eq!(server.registry.session("a").await.unwrap_err().code(), ErrorCode::SESSION_STOPPED);
    assert!(matches!(session.refresh().await, Err(NoToken::Stopped)));
    assert!(events.next().await.is_none() && server.registry.subscribe().next().await.is_none());
}

/// Compiles only if what is spawned and shared can be.
#[test]
fn what_is_shared_can_be_sent() {
    fn is_shared<T: Send + Sync + 'static>(_: &T) {}
    fn is_sent(_: impl Send + 'static) {}
    let world = World::new();
    let http = |_: http::Request<oidc_proto::Body>, _: oidc_proto::Policy| {
        std::future::ready(Ok(http::Response::new(Vec::new())))
    };
    let driver = Driver::new(oidc_proto::adapter::from_fn(http));
    let options = RegistryOptions::new(world.party.clone());
    let (registry, run) = Registry::new(driver, world.env.clone(), |_: &str| NoStore, options).unwrap();
    is_shared(&registry);
    is_sent(run);
}
