//! What happens to a session through no fault of its own: clocks of several machines, stores that lose records, accounts
//! that are locked.

use std::collections::HashSet;
use std::time::Duration;

use oidc_proto::adapter::BlockingDriver;
use oidc_proto::session::{Access, End, Event, Record, RefreshPolicy, Refusal, Session, SessionOptions};
use oidc_proto::testing::{self, On, Reuse, TestEnv, User};
use oidc_proto::{Env, ErrorCode};

use crate::session::world::{ISSUER, Store, World, shared, stalled};

const DAY: Duration = Duration::from_secs(86_400);

/// A session of a record in a shared store.
fn stored(world: &mut World) -> (Session, Store) {
    let store = Store::default();
    store.put(Record::of_login(world.tokens.clone(), None, &mut world.env));
    (world.restore(store.record().unwrap(), shared()), store)
}

/// Asks for new tokens, and lets everything happen.
fn refresh(world: &mut World, session: &mut Session, store: &Store) -> Vec<Event> {
    let _ = session.refresh(&mut world.env);
    world.pump(session, store)
}

/// The account is locked: no resource takes a token, and the provider refreshes. It takes none of those that it issued
/// meanwhile afterwards either.
#[test]
fn rule_15a_tokens_that_are_refused_again_and_again_are_refreshed_more_and_more_slowly() {
    const HOURS: usize = 3;
    let mut world = World::new();
    let (mut session, store) = (world.session(SessionOptions::default()), Store::default());
    let (mut refused, mut events) = (HashSet::new(), Vec::new());
    // The token of the login was good for a while.
    world.advance(60);
    let call = |world: &mut World, session: &mut Session, takes: &mut dyn FnMut(&str) -> bool| {
        session.handle_timeout(&mut world.env);
        let token = match session.access(&mut world.env) {
            Access::Ready(token) => token.clone(),
            _ => return (false, world.pump(session, &store)),
        };
        let is_taken = takes(token.expose());
        if !is_taken {
            let _ = session.unauthorized(&token, Refusal::Token, &mut world.env);
        }
        (is_taken, world.pump(session, &store))
    };
    for _ in 0..HOURS * 3600 {
        world.advance(1);
        events.extend(call(&mut world, &mut session, &mut |token| !refused.insert(token.to_owned())).1);
    }
    let issued = world.op.count(On::Token);
    assert!((12 * HOURS..=12 * HOURS + 15).contains(&issued), "{issued} tokens in {HOURS} hours: slower and slower");
    let is_told = |event: &Event| matches!(event, Event::TokensRefused(_));
    let first = events.iter().position(is_told).expect("the owner hears of it");
    let fresh = events[..first].iter().filter(|event| **event == Event::TokensRefreshed).count();
    assert_eq!(fresh, 2, "after two fresh tokens: {:?}", &events[..first]);
    assert!(events.iter().filter(|event| is_told(event)).count() > 10, "as long as it goes on");
    assert!(stalled(&events, ErrorCode::SESSION_TOKEN_REFUSED));
    let is_refusal = |event: &Event| match event.error() {
        Some(error) => {
            let is_own = matches!(event, Event::TokensRefused(_) | Event::BackingOff { .. } | Event::Stalled(_));
            is_own && error.code() == ErrorCode::SESSION_TOKEN_REFUSED
        }
        None => *event == Event::TokensRefreshed,
    };
    assert!(events.iter().all(is_refusal), "it is neither a logout nor a fault of the network: {events:?}");
    assert_eq!(session.end(), None, "everything is kept");

    // The account is unlocked.
    let mut waited = 0;
    while !call(&mut world, &mut session, &mut |token| !refused.contains(token)).0 {
        world.advance(1);
        waited += 1;
        assert!(waited < 400, "within the longest pause");
    }
    assert_eq!(world.op.count(On::Token), issued + 1, "once more");
    world.advance(120);
    assert!(call(&mut world, &mut session, &mut |_| true).0);
    assert_eq!(world.op.count(On::Token), issued + 1, "and no more");
}

#[test]
fn rule_14_a_test_provider_accepts_a_spent_refresh_token_as_long_as_it_is_set_to() {
    let a_minute = Reuse::AllowedFor(Duration::from_secs(60));
    for (reuse, seconds, is_accepted) in [(a_minute, 59, true), (a_minute, 60, false), (Reuse::Allowed, 86_400, true)] {
        let mut world = World::with(testing::Provider::new(ISSUER).with_reuse(reuse));
        let http = BlockingDriver::new(world.op.http(world.env.clock()));
        let first = world.party.refresh(&world.tokens, &mut world.env).unwrap();
        let newer = http.run(first, &mut world.env).unwrap().verified().unwrap().tokens;
        world.advance(seconds);
        let second = world.party.refresh(&world.tokens, &mut world.env).unwrap();
        assert_eq!(http.run(second, &mut world.env).is_ok(), is_accepted, "{reuse:?}");
        assert_eq!(world.op.has_grant_of(newer.refresh_token().unwrap().expose()), is_accepted, "{reuse:?}");
    }
}

#[test]
fn rule_19_a_clock_that_was_set_back_makes_no_stored_token_live_longer() {
    let mut world = World::new();
    let (_, store) = stored(&mut world);
    world.env.clock().jump_back(DAY);
    let mut session = world.restore(store.record().unwrap(), shared().with_refresh(RefreshPolicy::Manual));
    world.advance(299);
    assert!(world.ask(&mut session).is_ok(), "what is left is at most its lifetime");
    world.advance(2);
    assert_eq!(world.ask(&mut session), Err(None), "it has expired");
    // It is refreshed in time.
    let session = world.restore(store.record().unwrap(), shared());
    let due = session.poll_timeout().unwrap().saturating_since(world.env.monotonic());
    assert!(due <= Duration::from_secs(300), "{due:?}");
}

#[test]
fn rule_19_a_token_that_is_loaded_again_lives_no_longer() {
    let mut world = World::new();
    let (mut session, store) = stored(&mut world);
    world.advance(200);
    world.env.clock().jump_back(DAY);
    let mut renumbered = store.record().unwrap();
    renumbered.generation += 1;
    store.put(renumbered);
    store.fails("prepare");
    refresh(&mut world, &mut session, &store);
    assert_eq!(session.generation(), 2);
    world.advance(99);
    assert!(session.current(&world.env).is_some());
    world.advance(2);
    assert!(session.current(&world.env).is_none(), "301 seconds of 300");
}

#[test]
fn rule_19_a_session_in_another_env_of_its_process_keeps_its_deadlines() {
    let mut world = World::new();
    let (mut session, store) = stored(&mut world);
    let due = session.poll_timeout();
    let mut other = TestEnv::with_clock(8, world.env.clock().clone());
    session.handle_timeout(&mut other);
    assert!(session.poll_timeout() == due && session.poll_store(&mut other).is_none());
    std::mem::swap(&mut world.env, &mut other);
    world.wait(&mut session);
    assert_eq!(world.pump(&mut session, &store), [Event::TokensRefreshed]);
}

/// The clocks of the machines differ by ten minutes: what the other one obtained looks as if it were never any older.
#[test]
fn a_token_of_a_machine_whose_clock_is_ahead_does_not_stay_young() {
    let mut world = World::new();
    let (mut session, store) = stored(&mut world);
    world.env.clock().jump(Duration::from_secs(600));
    let mut theirs = store.record().unwrap();
    (theirs.generation, theirs.tokens) = (2, world.login("alice"));
    world.env.clock().jump_back(Duration::from_secs(600));
    store.put(theirs);
    for expected in [2, 3] {
        world.advance(100);
        let token = session.tokens().access_token().clone();
        assert!(matches!(session.unauthorized(&token, Refusal::Token, &mut world.env), Access::Wait(_)));
        assert_eq!(world.pump(&mut session, &store), [Event::TokensRefreshed], "and no pause");
        assert_eq!(session.generation(), expected);
    }
}

/// A replica that was behind takes the place of its primary. The session has the only tokens that live; a provider that
/// takes a spent refresh token for a theft would end the grant.
#[test]
fn a_store_that_goes_back_to_the_record_before_gets_the_newest_again() {
    for is_late in [false, true] {
        let mut world = World::new();
        let (mut session, store) = stored(&mut world);
        let first = store.record().unwrap();
        refresh(&mut world, &mut session, &store);
        assert_eq!(store.record().unwrap().generation, 2);
        // By the time of day the first one is newer.
        world.env.clock().jump_back(DAY);
        let _ = session.refresh(&mut world.env);
        if is_late {
            // Between the load and the preparation.
            for _ in ["lock", "load"] {
                let (ticket, action) = session.poll_store(&mut world.env).unwrap();
                session.handle_store(ticket, store.response(action).unwrap(), &mut world.env);
            }
        }
        store.put(first);
        assert_eq!(world.pump(&mut session, &store), [Event::TokensRefreshed]);
        let record = store.record().unwrap();
        assert_eq!((record.generation, session.generation()), (3, 3));
        assert_eq!(record.tokens.access_token().expose(), world.tokens_of(&session));
        assert!(world.honours(&world.tokens_of(&session)) && session.is_idle());
    }
}

/// Another process has refreshed from the record that the store went back to: it has the number of the one that was
/// lost, and other tokens, by the same refresh token. Whose are newer, nobody knows: they are refreshed.
#[test]
fn a_session_goes_on_from_a_record_of_the_same_number_with_other_tokens() {
    let mut world = World::new();
    let (mut session, store) = stored(&mut world);
    refresh(&mut world, &mut session, &store);
    let mut theirs = store.record().unwrap();
    theirs.tokens = world.login("alice");
    store.put(theirs.clone());
    let asked = world.op.count(On::Token);
    assert_eq!(refresh(&mut world, &mut session, &store), [Event::TokensRefreshed]);
    assert_ne!(session.tokens().access_token().expose(), theirs.tokens.access_token().expose());
    assert_eq!(world.op.count(On::Token), asked + 1);
}

/// The record was evicted, and a new login came before this process looked. It replaced nobody, and revoked nothing.
#[test]
fn tokens_of_a_lost_record_are_given_back_when_another_login_is_there() {
    for user in ["alice", "bob"] {
        let op = testing::Provider::new(ISSUER);
        let mut world = World::with(op.with_user(User::new("alice")).with_user(User::new("bob")));
        let (mut session, store) = stored(&mut world);
        let own = session.tokens().refresh_token().unwrap().clone();
        let tokens = world.login(user);
        store.put(Record::of_login(tokens, None, &mut world.env));
        refresh(&mut world, &mut session, &store);
        let orphans = world.revoke(&mut session);
        assert!(orphans.len() == 1 && own.matches(&orphans[0]), "{user}: {orphans:?}");
        match session.end() {
            Some(End::Replaced(_)) => assert_eq!(user, "bob"),
            end => assert_eq!((user, end), ("alice", None)),
        }
    }
}
