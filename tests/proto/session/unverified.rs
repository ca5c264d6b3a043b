//! Tokens that came and cannot be verified yet, when the process ends: their refresh token is kept.

use std::time::Duration;

use oidc_proto::adapter::Driver;
use oidc_proto::adapter::session::{BlockingSession, Sessions};
use oidc_proto::session::{Access, End, Event, Persistence, Record, Session, SessionOptions, Standing};
use oidc_proto::testing::{self, Disturbance, Lie, On, Reuse, User};
use oidc_proto::{Env as _, ErrorCode};
use serde_json::json;
use tokio::time::{sleep, timeout};

use crate::session::memory::Memory;
use crate::session::tasks::{VirtualEnv, provider};
use crate::session::uncertain::asks;
use crate::session::world::{ISSUER, Store, World, broken, call, shared};

/// A session of a stored record, whose refresh has brought tokens that this machine's clock refuses. A refresh token
/// that comes twice ends the grant.
pub(super) fn refused(world: &mut World) -> (Session, Store) {
    let store = Store::default();
    store.put(Record::of_login(world.tokens.clone(), None, &mut world.env));
    let mut session = world.restore(store.record().unwrap(), shared());
    behind(world);
    assert!(matches!(session.refresh(&mut world.env), Access::Wait(_)));
    assert_eq!(code(&world.pump(&mut session, &store)), ErrorCode::ID_TOKEN_ISSUED_IN_FUTURE);
    assert!(!session.is_idle() && store.is_locked());
    (session, store)
}

/// This machine's clock is an hour behind.
pub(super) fn behind(world: &World) {
    world.op.edit_id_token(|token| {
        for claim in ["iat", "exp"] {
            let time = token.claims[claim].as_u64().unwrap();
            token.claims.insert(claim.into(), json!(time + 3600));
        }
    });
}

fn code(events: &[Event]) -> ErrorCode {
    let [Event::BackingOff { error, .. }] = events else { panic!("{events:?}") };
    error.code()
}

/// The next process goes on with what was kept.
fn goes_on(world: &mut World, store: &Store) {
    world.op.honest();
    let mut next = world.restore(store.record().unwrap(), shared());
    assert_eq!(next.standing(&world.env), Standing::Expired, "an access token that nobody has verified is not good");
    let now = world.env.monotonic();
    assert_eq!(next.poll_timeout(), Some(now), "it is refreshed at once, and not only when somebody asks");
    next.handle_timeout(&mut world.env);
    assert_eq!(world.pump(&mut next, store), [Event::TokensRefreshed]);
    assert!(world.honours(&world.tokens_of(&next)));
}

#[test]
fn rule_4_tokens_that_a_wrong_clock_refuses_are_kept_when_the_process_ends() {
    let mut world = World::new();
    let (mut session, store) = refused(&mut world);
    let before = store.record().unwrap();
    assert!(session.keep_unverified(&mut world.env));
    assert!(!session.keep_unverified(&mut world.env), "once");
    assert_eq!(world.pump(&mut session, &store), []);
    let kept = store.record().unwrap();
    assert_eq!((kept.login, kept.generation), (before.login, before.generation + 1));
    let refresh_token = |record: &Record| record.tokens.refresh_token().unwrap().expose().to_owned();
    assert_ne!(refresh_token(&kept), refresh_token(&before));
    assert_eq!(kept.tokens.access_token().expose(), before.tokens.access_token().expose());
    assert!(session.is_idle() && !store.is_locked() && !store.is_begun());
    goes_on(&mut world, &store);
}

/// The session itself goes on, too, and so does another process that has the record of before.
#[test]
fn who_kept_a_refresh_token_and_who_finds_it_refresh_with_it() {
    for is_other in [false, true] {
        let mut world = World::new();
        let (mut session, store) = refused(&mut world);
        let mut other = world.restore(store.record().unwrap(), shared());
        assert!(session.keep_unverified(&mut world.env));
        world.pump(&mut session, &store);
        world.op.honest();
        world.advance(10);
        let asked = world.op.count(On::Token);
        let who = if is_other { &mut other } else { &mut session };
        let _ = who.refresh(&mut world.env);
        who.handle_timeout(&mut world.env);
        assert_eq!(world.pump(who, &store), [Event::TokensRefreshed], "{is_other}");
        assert!(world.honours(&world.tokens_of(who)) && world.op.count(On::Token) == asked + 1);
    }
}

#[test]
fn a_refresh_token_that_is_kept_and_not_saved_is_saved_later() {
    let mut world = World::new();
    let (mut session, store) = refused(&mut world);
    store.fails("save");
    assert!(session.keep_unverified(&mut world.env));
    assert_eq!(world.pump(&mut session, &store), [Event::NotSaved(broken("save"))]);
    assert!(!session.is_idle() && store.is_locked(), "nobody else uses the refresh token of before");
    store.fails("");
    world.op.honest();
    world.advance(5);
    session.handle_timeout(&mut world.env);
    assert_eq!(world.pump(&mut session, &store), [Event::TokensRefreshed]);
    assert!(session.is_idle() && !store.is_locked());
    assert_eq!(store.record().unwrap().tokens.access_token().expose(), world.tokens_of(&session));
    assert!(world.honours(&world.tokens_of(&session)));
}

/// Keys that cannot be fetched are the same case.
#[test]
fn tokens_whose_keys_cannot_be_had_are_kept_when_the_process_ends() {
    let mut world = World::new();
    world.forget_keys();
    let store = Store::default();
    store.put(Record::of_login(world.tokens.clone(), None, &mut world.env));
    let mut session = world.restore(store.record().unwrap(), shared());
    world.op.disturb(On::Jwks, Disturbance::status(503), 100);
    let _ = session.refresh(&mut world.env);
    code(&world.pump(&mut session, &store));
    assert!(session.keep_unverified(&mut world.env));
    world.pump(&mut session, &store);
    assert!(session.is_idle());
    goes_on(&mut world, &store);
}

#[test]
fn without_tokens_that_came_there_is_nothing_to_keep() {
    let mut world = World::new();
    let store = Store::default();
    store.put(Record::of_login(world.tokens.clone(), None, &mut world.env));
    let mut session = world.restore(store.record().unwrap(), shared());
    assert!(!session.keep_unverified(&mut world.env));
    world.op.disturb(On::Token, Disturbance::LostResponse, 1);
    let _ = session.refresh(&mut world.env);
    code(&world.pump(&mut session, &store));
    assert!(!session.keep_unverified(&mut world.env));
    world.pump(&mut session, &store);
    assert_eq!(store.record().unwrap().generation, 1);
}

/// The response has no refresh token, since that of before goes on: there is nothing to keep, and what came is still
/// verified when the clock is right.
#[test]
fn unverified_tokens_without_a_refresh_token_are_not_dropped() {
    let mut world = World::new();
    world.op.lie(Lie::RefreshTokenAbsent);
    world.op.lie(Lie::RefreshTokenKept);
    let (mut session, store) = refused(&mut world);
    assert!(!session.keep_unverified(&mut world.env));
    assert_eq!(world.pump(&mut session, &store), []);
    assert!(session.is_idle() && !store.is_locked(), "the process may end: the stored refresh token is not spent");
    assert_eq!(store.record().unwrap().generation, 1);
    world.op.honest();
    let asked = world.op.count(On::Token);
    world.advance(3600);
    session.handle_timeout(&mut world.env);
    assert_eq!(world.pump(&mut session, &store), [Event::TokensRefreshed]);
    assert_eq!((world.op.count(On::Token), store.record().unwrap().generation), (asked, 2));
    assert!(session.is_idle() && !store.is_locked() && !store.is_begun());
}

/// With the refresh token that came, nothing is lost any more: what another process saves next is as good as ever.
#[test]
fn once_a_refresh_token_is_kept_nothing_is_lost() {
    let mut world = World::new();
    let (mut session, store) = refused(&mut world);
    assert!(session.keep_unverified(&mut world.env));
    world.pump(&mut session, &store);
    world.op.honest();
    world.advance(10);
    let mut other = world.restore(store.record().unwrap(), shared());
    let _ = other.refresh(&mut world.env);
    assert_eq!(world.pump(&mut other, &store), [Event::TokensRefreshed]);
    let asked = world.op.count(On::Token);
    let _ = session.refresh(&mut world.env);
    session.handle_timeout(&mut world.env);
    assert_eq!(world.pump(&mut session, &store), [Event::TokensRefreshed]);
    assert_eq!((world.op.count(On::Token), world.tokens_of(&session)), (asked, world.tokens_of(&other)));
}

/// The pause after the refresh is over, and nobody has tended the session: what is kept is not spent meanwhile.
#[test]
fn a_refresh_token_that_is_kept_is_not_used_at_once() {
    let mut world = World::new();
    let memory = Memory::default();
    memory.put(Record::of_login(world.tokens.clone(), None, &mut world.env));
    behind(&world);
    let open = |world: &mut World| {
        let session = world.restore(memory.record().unwrap(), shared());
        BlockingSession::new(session, world.op.http(world.env.clock()), memory.blocking(), world.env.clone()).unwrap()
    };
    let session = open(&mut world);
    let early = session.refresh(Duration::from_secs(60)).unwrap_err();
    assert_eq!(early.error().unwrap().code(), ErrorCode::ID_TOKEN_ISSUED_IN_FUTURE);
    world.advance(5);
    let asked = world.op.count(On::Token);
    assert!(session.keep_unverified());
    assert_eq!(world.op.count(On::Token), asked);
    drop(session);
    world.op.honest();
    open(&mut world).refresh(Duration::from_secs(60)).unwrap();
}

/// The lock may be a lease that is no longer than the deadline, and what the record has is spent. The pauses are longer.
#[test]
fn rule_9_a_lease_is_renewed_while_tokens_are_not_verified() {
    let mut world = World::new();
    let (mut session, store) = refused(&mut world);
    assert_eq!(store.log(), ["lock", "load", "prepare", "load"]);
    let (start, mut renewed_at, mut pauses) = (world.env.monotonic(), world.env.monotonic(), Vec::new());
    while world.env.monotonic().saturating_since(start) < Duration::from_secs(3600) {
        world.wait(&mut session);
        let events = world.pump(&mut session, &store);
        pauses.extend(events.into_iter().filter_map(|event| match event {
            Event::BackingOff { pause, .. } => Some(pause),
            _ => None,
        }));
        let asked = store.log();
        assert!(asked.iter().all(|action| *action == "load"), "{asked:?}");
        if !asked.is_empty() {
            renewed_at = world.env.monotonic();
        }
        assert!(world.env.monotonic().saturating_since(renewed_at) < Duration::from_secs(45));
    }
    assert!(pauses.iter().any(|pause| *pause > Duration::from_secs(200)), "{pauses:?}");
    assert!(store.is_locked() && store.is_begun() && world.op.count(On::Token) == 2);
    world.op.honest();
    world.advance(3600);
    session.handle_timeout(&mut world.env);
    assert_eq!(world.pump(&mut session, &store), [Event::TokensRefreshed]);
    assert!(session.is_idle() && !store.is_locked() && !store.is_begun());
}

/// The lock was lost while tokens are not verified, and others have gone on: the session takes what they have saved, or ends
/// with them. What it has is not lost.
#[test]
fn unverified_tokens_do_not_keep_a_session_from_what_others_have_saved() {
    for what in ["a refresh", "a logout", "another user"] {
        let op = testing::Provider::new(ISSUER).with_reuse(Reuse::Allowed);
        let mut world = World::with(op.with_user(User::new("alice")).with_user(User::new("bob")));
        let (mut session, store) = refused(&mut world);
        world.op.honest();
        store.break_lock();
        match what {
            "a refresh" => {
                for _ in 0..2 {
                    let mut other = world.restore(store.record().unwrap(), shared());
                    let _ = other.refresh(&mut world.env);
                    assert_eq!(world.pump(&mut other, &store), [Event::TokensRefreshed]);
                }
            }
            "a logout" => store.clear(),
            _ => {
                let bobs = world.login("bob");
                store.put(Record::of_login(bobs, session.stored(), &mut world.env));
            }
        }
        behind(&world);
        // At the first renewal of the lease, long before it could verify what it has.
        let deadline = world.env.monotonic().saturating_add(Duration::from_secs(60));
        while session.end().is_none() && session.generation() == 1 {
            assert!(world.env.monotonic() < deadline, "{what}: nothing is noticed");
            world.wait(&mut session);
            world.pump(&mut session, &store);
        }
        match what {
            "a refresh" => {
                assert_eq!((session.generation(), session.standing(&world.env)), (3, Standing::Good));
                assert!(world.honours(&world.tokens_of(&session)) && session.is_idle());
            }
            "a logout" => assert_eq!(session.end(), Some(End::LoggedOutElsewhere)),
            _ => assert!(matches!(session.end(), Some(End::Replaced(_)))),
        }
        assert_eq!(world.revoke(&mut session).is_empty(), what == "a refresh", "{what}");
    }
}

/// The request for the keys has its own deadline.
#[test]
fn a_lease_is_renewed_before_the_keys_are_fetched_for_tokens_that_came() {
    let mut world = World::new();
    world.forget_keys();
    let store = Store::default();
    store.put(Record::of_login(world.tokens.clone(), None, &mut world.env));
    let mut session = world.restore(store.record().unwrap(), shared());
    let _ = session.refresh(&mut world.env);
    world.keep(&mut session, &store);
    let (ticket, request) = call(session.poll_transmit(&mut world.env).unwrap());
    store.log();
    world.send(&mut session, ticket, request);
    world.keep(&mut session, &store);
    assert_eq!(store.log(), ["load"]);
    assert_eq!(world.pump(&mut session, &store), [Event::TokensRefreshed]);
    assert_eq!(store.log(), ["save", "unlock"]);
}

/// The flow looks every fifty milliseconds whether the keys are there.
#[test]
fn a_lease_is_renewed_seldom_while_another_session_fetches_the_keys() {
    let mut world = World::new();
    let store = Store::default();
    let record = Record::of_login(world.login("alice"), None, &mut world.env);
    let mut fetches = world.restore(record, SessionOptions::default().with_persistence(Persistence::Nowhere));
    let mut session = world.session(shared());
    world.op.rotate_keys();
    let mut fetch = None;
    for session in [&mut fetches, &mut session] {
        let (ticket, request) = asks(&mut world, session, &store);
        world.send(session, ticket, request);
        fetch = fetch.or(session.poll_transmit(&mut world.env));
    }
    assert!(fetch.is_some() && session.poll_transmit(&mut world.env).is_none());
    store.log();
    let start = world.env.monotonic();
    while world.env.monotonic().saturating_since(start) < Duration::from_secs(59) {
        world.wait(&mut session);
        world.keep(&mut session, &store);
    }
    assert_eq!(store.log(), ["load", "load"]);
}

/// Nobody waits for the clock to be set right.
#[tokio::test(start_paused = true)]
async fn a_session_whose_last_handle_is_gone_keeps_them_by_itself() {
    let mut world = World::new();
    let memory = Memory::default();
    memory.put(Record::of_login(world.tokens.clone(), None, &mut world.env));
    behind(&world);
    let driver = Driver::new(provider(&world, Duration::from_millis(100))).with_timer(sleep);
    let (sessions, run) = Sessions::new(driver, VirtualEnv::new(&world));
    let run = tokio::spawn(run);
    let handle = sessions.add(world.restore(memory.record().unwrap(), shared()), memory.store()).unwrap();
    assert_eq!(handle.refresh().await.unwrap_err().error().unwrap().code(), ErrorCode::ID_TOKEN_ISSUED_IN_FUTURE);
    drop((handle, sessions));
    timeout(Duration::from_secs(3600), run).await.unwrap().unwrap();
    let kept = memory.record().unwrap();
    let refresh_token = kept.tokens.refresh_token().unwrap().expose();
    assert!(kept.generation == 2 && world.op.has_grant_of(refresh_token) && !memory.is_locked());
    assert!(!world.tokens.refresh_token().unwrap().matches(refresh_token));
}
