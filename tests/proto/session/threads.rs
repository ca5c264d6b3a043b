//! A session on threads.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use http::Request;
use oidc_proto::adapter::session::{BlockingSession, NoToken};
use oidc_proto::adapter::store::{BlockingSessionStore as _, NoStore};
use oidc_proto::adapter::{BlockingDriver, BlockingHttpClient, from_fn};
use oidc_proto::session::{
    End, Event, Persistence, RefreshPolicy, Refusal, SessionOptions, StoreAction, StoreResponse,
};
use oidc_proto::testing::{Disturbance, On, TestEnv};
use oidc_proto::{Body, ErrorCode, Policy};

use crate::session::memory::Memory;
use crate::session::world::World;

/// Long enough for anything that a test does.
const PATIENCE: Duration = Duration::from_secs(60);

type Threaded<C> = BlockingSession<C, NoStore, TestEnv>;

fn expired() -> World {
    let mut world = World::new();
    world.advance(301);
    world
}

fn one(world: &mut World, options: SessionOptions) -> Threaded<impl BlockingHttpClient + Send + Sync + use<>> {
    let session = world.session(options);
    BlockingSession::new(session, world.op.http(world.env.clock()), NoStore, world.env.clone()).unwrap()
}

#[test]
fn many_threads_cause_one_refresh() {
    let mut world = expired();
    let asked = world.op.count(On::Token);
    let session = one(&mut world, SessionOptions::default());
    let tokens: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| session.access(PATIENCE).unwrap())).collect();
        threads.into_iter().map(|thread| thread.join().unwrap().expose().to_owned()).collect()
    });
    assert!(tokens.iter().all(|token| *token == tokens[0] && world.honours(token)));
    assert_eq!(world.op.count(On::Token), asked + 1);
}

#[test]
fn processes_that_share_a_store_refresh_once() {
    let mut world = expired();
    let (memory, asked) = (Memory::default(), world.op.count(On::Token));
    let options = SessionOptions::default().with_persistence(Persistence::Shared);
    let processes: Vec<_> = (0..4)
        .map(|_| {
            let session = world.session(options);
            BlockingSession::new(session, world.op.http(world.env.clock()), memory.blocking(), world.env.clone())
                .unwrap()
        })
        .collect();
    thread::scope(|scope| {
        for process in &processes {
            scope.spawn(|| process.access(PATIENCE).unwrap());
        }
    });
    assert_eq!(world.op.count(On::Token), asked + 1);
    let record = memory.record().unwrap();
    for process in &processes {
        assert_eq!(process.tokens().access_token().expose(), record.tokens.access_token().expose());
    }
}

#[test]
fn a_failure_is_an_error_and_an_event_and_no_caller_waits_longer_than_its_patience() {
    let mut world = expired();
    world.op.disturb(On::Token, Disturbance::status(503), 1);
    let session = one(&mut world, SessionOptions::default());
    let mut events = session.subscribe();
    assert!(matches!(session.access(PATIENCE), Err(NoToken::Failed(_))));
    assert!(matches!(events.wait(PATIENCE), Some(Event::BackingOff { .. })));
    assert!(matches!(session.access(Duration::ZERO), Err(NoToken::Late(_))));
    world.advance(2);
    session.access(Duration::ZERO).unwrap();
    assert_eq!(events.wait(PATIENCE), Some(Event::TokensRefreshed));
    assert_eq!(events.wait(Duration::ZERO), None);
}

#[test]
fn a_server_that_cannot_be_reached_is_named() {
    let mut world = expired();
    world.op.disturb(On::Token, Disturbance::Unreachable, 1);
    let error = one(&mut world, SessionOptions::default()).access(PATIENCE).unwrap_err();
    let error = error.error().unwrap();
    assert_eq!(error.code(), ErrorCode::TRANSPORT_UNREACHABLE);
    assert_eq!(error.found().unwrap().as_str(), "op.example.org:443");
}

#[test]
fn a_listener_on_a_thread_waits_for_what_has_not_happened_yet() {
    let mut world = expired();
    let (begun, http) = (AtomicBool::new(false), world.op.http(world.env.clock()));
    let http = from_fn(|request: Request<Body>, policy: Policy| {
        while !begun.load(Ordering::SeqCst) {
            thread::yield_now();
        }
        http.call(request, policy)
    });
    let session =
        BlockingSession::new(world.session(SessionOptions::default()), http, NoStore, world.env.clone()).unwrap();
    let mut events = session.subscribe();
    thread::scope(|scope| {
        scope.spawn(|| session.access(PATIENCE).unwrap());
        begun.store(true, Ordering::SeqCst);
        assert_eq!(events.wait(PATIENCE), Some(Event::TokensRefreshed));
    });
    drop(session);
    assert_eq!(events.wait(PATIENCE), None, "nothing more comes");
}

#[test]
fn a_session_that_is_tended_is_refreshed_before_anyone_asks() {
    let mut world = World::new();
    let asked = world.op.count(On::Token);
    let session = one(&mut world, SessionOptions::default());
    session.tend(Duration::ZERO);
    assert_eq!(world.op.count(On::Token), asked);
    world.advance(299);
    session.tend(Duration::ZERO);
    assert_eq!(world.op.count(On::Token), asked + 1);
}

#[test]
fn a_refusal_refreshes_and_a_late_one_does_not() {
    let mut world = World::new();
    let asked = world.op.count(On::Token);
    let session = one(&mut world, SessionOptions::default().with_refresh(RefreshPolicy::Manual));
    let old = session.access(PATIENCE).unwrap();
    assert!(matches!(session.unauthorized(&old, Refusal::Token, PATIENCE), Err(NoToken::Expired)));
    let new = session.refresh(PATIENCE).unwrap();
    assert_eq!(session.unauthorized(&old, Refusal::Token, PATIENCE).unwrap().expose(), new.expose());
    assert_eq!(world.op.count(On::Token), asked + 1);
}

#[test]
fn a_new_login_is_saved_and_a_logout_ends_the_session() {
    let mut world = World::new();
    let memory = Memory::default();
    let options = SessionOptions::default().with_persistence(Persistence::Own);
    let (session, http) = (world.session(options), world.op.http(world.env.clock()));
    let session = BlockingSession::new(session, http.clone(), memory.blocking(), world.env.clone()).unwrap();
    let tokens = world.login("alice");
    session.adopt(tokens.clone()).unwrap();
    assert_eq!(memory.record().unwrap().tokens.access_token().expose(), tokens.access_token().expose());
    session.log_out();
    assert!(memory.record().is_none());
    assert!(matches!(session.access(PATIENCE), Err(NoToken::Ended(End::LoggedOut))));
    let driver = BlockingDriver::new(http);
    while let Some(revocation) = session.poll_revocation() {
        driver.run(revocation.unwrap(), &mut world.env).unwrap();
    }
    assert!(!world.honours(tokens.access_token().expose()));
}

/// The thread that did the work is gone; the others are not kept waiting for ever.
#[test]
fn a_client_that_panics_takes_one_caller_with_it() {
    let mut world = expired();
    let panics = Arc::new(AtomicBool::new(true));
    let http = {
        let (panics, http) = (panics.clone(), world.op.http(world.env.clock()));
        from_fn(move |request: Request<Body>, policy: Policy| {
            assert!(!panics.swap(false, Ordering::SeqCst), "as the test wants");
            http.call(request, policy)
        })
    };
    let session =
        BlockingSession::new(world.session(SessionOptions::default()), http, NoStore, world.env.clone()).unwrap();
    assert!(catch_unwind(AssertUnwindSafe(|| session.access(PATIENCE))).is_err());
    assert!(matches!(session.access(Duration::ZERO), Err(NoToken::Late(_))));
    // The request may have arrived, so it gets its time.
    world.advance(46);
    session.tend(Duration::ZERO);
    world.advance(3);
    session.access(Duration::ZERO).unwrap();
}

/// Who looks just when a response has come, and was not handed in yet, does not sleep through what comes of it.
#[test]
fn nobody_sleeps_through_what_another_thread_has_done() {
    for _ in 0..30 {
        let mut world = expired();
        let session = one(&mut world, SessionOptions::default());
        thread::scope(|scope| {
            let ask = || session.access(Duration::from_secs(20));
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(ask)).collect();
            threads.into_iter().for_each(|thread| drop(thread.join().unwrap().unwrap()));
        });
    }
}

/// More than the clock can count is for ever.
#[test]
fn patience_may_have_no_end() {
    let mut world = expired();
    let session = one(&mut world, SessionOptions::default().with_deadline(Duration::MAX));
    let mut events = session.subscribe();
    let token = session.access(Duration::MAX).unwrap();
    assert!(
        session.refresh(Duration::MAX).is_ok() && session.unauthorized(&token, Refusal::Token, Duration::MAX).is_ok()
    );
    assert_eq!(events.wait(Duration::MAX), Some(Event::TokensRefreshed));
}

/// Without a thread that tends the session, and though the token is good.
#[test]
fn whoever_calls_next_saves_what_was_not_saved() {
    let mut world = World::new();
    let memory = Memory::default();
    let is_broken = Arc::new(AtomicBool::new(true));
    let (kept, breaks) = (memory.blocking(), Arc::clone(&is_broken));
    let store = move |action: StoreAction| match action {
        StoreAction::Save { .. } if breaks.load(Ordering::Relaxed) => {
            StoreResponse::Failed(oidc_proto::ErrorCode::STORE_IO.into())
        }
        action => kept.carry_out(action),
    };
    let options = SessionOptions::default().with_persistence(Persistence::Own);
    let session =
        BlockingSession::new(world.session(options), world.op.http(world.env.clock()), store, world.env.clone())
            .unwrap();
    let token = session.refresh(PATIENCE).unwrap();
    assert!(memory.record().is_none() && !session.is_idle());
    is_broken.store(false, Ordering::Relaxed);
    // The pause is not over.
    assert_eq!(session.access(PATIENCE).unwrap().expose(), token.expose());
    assert!(memory.record().is_none());
    world.advance(5);
    assert_eq!(session.access(PATIENCE).unwrap().expose(), token.expose());
    assert_eq!(memory.record().unwrap().tokens.access_token().expose(), token.expose());
    assert!(session.is_idle());
}
