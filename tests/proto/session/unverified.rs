//! Tokens that came and cannot be verified yet: their refresh token is kept at once, and they are verified again.

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
use crate::session::uncertain::{asks, session};
use crate::session::world::{ISSUER, Store, World, call, shared};

/// A session of a stored record, whose refresh has brought tokens that this machine's clock refuses. A refresh token
/// that comes twice ends the grant.
pub(super) fn refused(world: &mut World) -> (Session, Store) {
    let (session, store, _) = refused_after(world);
    (session, store)
}

/// The same, and the record of before.
pub(super) fn refused_after(world: &mut World) -> (Session, Store, Record) {
    let store = Store::default();
    store.put(Record::of_login(world.tokens.clone(), None, &mut world.env));
    let before = store.record().unwrap();
    let mut session = world.restore(before.clone(), shared());
    behind(world);
    assert!(matches!(session.refresh(&mut world.env), Access::Wait(_)));
    assert_eq!(code(&world.pump(&mut session, &store)), ErrorCode::ID_TOKEN_ISSUED_IN_FUTURE);
    (session, store, before)
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
fn rule_4_tokens_that_a_wrong_clock_refuses_are_kept_at_once() {
    let mut world = World::new();
    let (session, store) = refused(&mut world);
    let kept = store.record().unwrap();
    assert_eq!(kept.generation, 2);
    assert!(!kept.tokens.refresh_token().unwrap().matches(world.tokens.refresh_token().unwrap().expose()));
    assert_eq!(kept.tokens.access_token().expose(), world.tokens.access_token().expose());
    assert!(session.is_idle() && !store.is_locked() && !store.is_begun());
    assert_eq!(session.standing(&world.env), Standing::Doubtful, "it may be good");
    assert!(session.tokens().is_expired(world.env.now(), Duration::ZERO), "whoever keeps them refreshes first");
    goes_on(&mut world, &store);
}

/// The request for the keys had no response in time. Its response comes when the next attempt has begun.
#[test]
fn a_late_response_to_the_request_for_the_keys_costs_no_tokens() {
    let mut world = World::new();
    world.forget_keys();
    let store = Store::default();
    let mut session = session(&mut world, &store, Persistence::Shared);
    let (ticket, request) = asks(&mut world, &mut session, &store);
    world.send(&mut session, ticket, request);
    world.keep(&mut session, &store);
    let (keys, request) = call(session.poll_transmit(&mut world.env).unwrap());
    let response = world.op.exchange(request, world.env.now()).unwrap();
    world.wait(&mut session);
    assert_eq!(code(&world.pump(&mut session, &store)), ErrorCode::TRANSPORT_TIMEOUT);
    world.wait(&mut session);
    session.handle_response(keys, response, &mut world.env);
    let asked = world.op.count(On::Token);
    attempts(&mut world, &mut session, &store);
    assert_eq!((world.op.count(On::Token), store.record().unwrap().generation), (asked, 3));
}

/// Another process that has the record of before goes on with what was kept.
#[test]
fn who_finds_a_refresh_token_that_was_kept_refreshes_with_it() {
    let mut world = World::new();
    let mut other = world.session(shared());
    let (_session, store) = refused(&mut world);
    world.op.honest();
    let asked = world.op.count(On::Token);
    let _ = other.refresh(&mut world.env);
    assert_eq!(world.pump(&mut other, &store), [Event::TokensRefreshed]);
    assert!(world.honours(&world.tokens_of(&other)) && world.op.count(On::Token) == asked + 1);
}

/// Carries out each attempt when it is due, until one brings tokens. Returns how many failed.
pub(super) fn attempts(world: &mut World, session: &mut Session, store: &Store) -> usize {
    for failures in 0..100 {
        world.wait(session);
        match world.pump(session, store)[..] {
            [Event::TokensRefreshed] => return failures,
            [] | [Event::BackingOff { .. }] | [Event::BackingOff { .. }, Event::Stalled(_)] => {}
            ref other => panic!("{other:?}"),
        }
    }
    panic!("there are no tokens");
}

/// The key that signed them is withdrawn, and nobody will ever verify them: others are asked for, but not at once.
#[test]
fn who_can_never_verify_what_came_asks_for_others_in_the_end() {
    let mut world = World::new();
    let (mut session, store) = refused(&mut world);
    world.op.honest();
    let asked = world.op.count(On::Token);
    assert_eq!(attempts(&mut world, &mut session, &store), 7, "with the first, eight");
    assert!(world.honours(&world.tokens_of(&session)) && session.is_idle());
    assert_eq!((world.op.count(On::Token), store.record().unwrap().generation), (asked + 1, 3));
}

#[test]
fn a_refresh_token_that_is_kept_and_not_saved_is_saved_later() {
    let mut world = World::new();
    let store = Store::default();
    let mut session = session(&mut world, &store, Persistence::Shared);
    behind(&world);
    store.fails("save");
    let _ = session.refresh(&mut world.env);
    let events = world.pump(&mut session, &store);
    assert!(matches!(events[..], [Event::BackingOff { .. }, Event::NotSaved(_)]), "{events:?}");
    assert!(!session.is_idle() && store.is_locked(), "nobody else uses the refresh token of before");
    store.fails("");
    world.advance(5);
    session.handle_timeout(&mut world.env);
    world.pump(&mut session, &store);
    assert!(session.is_idle() && !store.is_locked() && !store.is_begun());
    goes_on(&mut world, &store);
}

/// Keys that cannot be fetched are the same case. When they can, the tokens that came are good: nobody asks for others.
#[test]
fn tokens_whose_keys_cannot_be_had_are_kept_and_verified_when_they_can() {
    for is_dropped in [false, true] {
        let mut world = World::new();
        world.forget_keys();
        let store = Store::default();
        store.put(Record::of_login(world.tokens.clone(), None, &mut world.env));
        let mut session = world.restore(store.record().unwrap(), shared());
        world.op.disturb(On::Jwks, Disturbance::status(503), 3);
        let _ = session.refresh(&mut world.env);
        code(&world.pump(&mut session, &store));
        let kept = store.record().unwrap();
        assert!(session.is_idle() && !store.is_locked() && kept.generation == 2);
        if is_dropped {
            world.op.disturb(On::Jwks, Disturbance::status(200), 0);
            world.forget_keys();
            goes_on(&mut world, &store);
            continue;
        }
        let asked = world.op.count(On::Token);
        attempts(&mut world, &mut session, &store);
        let record = store.record().unwrap();
        assert_eq!((world.op.count(On::Token), record.generation), (asked, 3));
        assert!(record.tokens.refresh_token().unwrap().matches(kept.tokens.refresh_token().unwrap().expose()));
        assert!(world.honours(&world.tokens_of(&session)) && session.is_idle() && !store.is_locked());
    }
}

/// Another process knows the record of the refresh token that was kept. What is verified later is newer.
#[test]
fn what_is_verified_later_is_newer_than_the_record_of_what_was_kept() {
    let mut world = World::new();
    world.forget_keys();
    let store = Store::default();
    let mut session = session(&mut world, &store, Persistence::Shared);
    world.op.disturb(On::Jwks, Disturbance::status(503), 1);
    let _ = session.refresh(&mut world.env);
    world.pump(&mut session, &store);
    let mut other = world.restore(store.record().unwrap(), shared());
    let asked = world.op.count(On::Token);
    attempts(&mut world, &mut session, &store);
    other.reload();
    assert_eq!(world.pump(&mut other, &store), [Event::TokensRefreshed]);
    assert_eq!((other.standing(&world.env), world.op.count(On::Token)), (Standing::Good, asked));
    assert_eq!(world.tokens_of(&other), world.tokens_of(&session));
}

#[test]
fn without_tokens_that_came_there_is_nothing_to_keep() {
    let mut world = World::new();
    let store = Store::default();
    let mut session = session(&mut world, &store, Persistence::Shared);
    world.op.disturb(On::Token, Disturbance::LostResponse, 1);
    let _ = session.refresh(&mut world.env);
    code(&world.pump(&mut session, &store));
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

/// It is saved before the caller hears of the failure.
#[test]
fn a_blocking_session_keeps_a_refresh_token_before_it_says_so() {
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
    assert!(session.is_idle() && !memory.is_locked() && memory.record().unwrap().generation == 2);
    drop(session);
    world.op.honest();
    open(&mut world).refresh(Duration::from_secs(60)).unwrap();
}

/// What waits to be verified keeps nobody from the record, and no lock is held meanwhile.
#[test]
fn while_tokens_are_not_verified_others_get_the_lock() {
    let mut world = World::new();
    let mut other = world.session(shared());
    let (mut session, store) = refused(&mut world);
    store.log();
    world.wait(&mut session);
    assert_eq!(code(&world.pump(&mut session, &store)), ErrorCode::ID_TOKEN_ISSUED_IN_FUTURE);
    assert_eq!(store.log(), ["lock", "load", "unlock"], "what was not sent needs no preparation");
    assert!(!store.is_locked() && !store.is_begun());
    world.op.honest();
    let _ = other.refresh(&mut world.env);
    assert_eq!(world.pump(&mut other, &store), [Event::TokensRefreshed]);
    world.wait(&mut session);
    let asked = world.op.count(On::Token);
    assert_eq!(world.pump(&mut session, &store), [Event::TokensRefreshed]);
    assert_eq!((world.op.count(On::Token), world.tokens_of(&session)), (asked, world.tokens_of(&other)));
}

/// Others have gone on while tokens are not verified: the session takes what they have saved, or ends with them. What it has
/// is not lost.
#[test]
fn unverified_tokens_do_not_keep_a_session_from_what_others_have_saved() {
    for what in ["a refresh", "a logout", "another user"] {
        let op = testing::Provider::new(ISSUER).with_reuse(Reuse::Allowed);
        let mut world = World::with(op.with_user(User::new("alice")).with_user(User::new("bob")));
        let (mut session, store) = refused(&mut world);
        world.op.honest();
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
        // Long before it could verify what it has.
        let deadline = world.env.monotonic().saturating_add(Duration::from_secs(60));
        while session.end().is_none() && session.generation() == 2 {
            assert!(world.env.monotonic() < deadline, "{what}: nothing is noticed");
            world.wait(&mut session);
            world.pump(&mut session, &store);
        }
        match what {
            "a refresh" => {
                assert_eq!((session.generation(), session.standing(&world.env)), (4, Standing::Good));
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
    let mut session = session(&mut world, &store, Persistence::Shared);
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
async fn a_session_whose_last_handle_is_gone_keeps_unverified_tokens_by_itself() {
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
