//! A store that several processes share, and everything that can go wrong between them.

use oidc_proto::session::{Event, Persistence, Record, SessionOptions};
use oidc_proto::testing::On;

use crate::session::world::{Store, World, broken, call, needs_login, record, shared};

#[test]
fn a_refresh_locks_loads_saves_and_unlocks() {
    let mut world = World::new();
    let store = Store::default();
    let mut session = world.session(shared());
    world.advance(301);
    let epoch = world.ask(&mut session).unwrap_err().unwrap();
    assert_eq!(world.pump(&mut session, &store), [Event::TokensRefreshed]);
    assert_eq!(store.log(), ["lock", "load", "prepare", "save", "unlock"]);
    let record = store.record().unwrap();
    assert_eq!((record.generation, session.generation()), (1, 1));
    assert_eq!(record.tokens.access_token().expose(), world.outcome(&session, epoch).unwrap());
    let again = Record::from_json(&serde_json::to_string(&record).unwrap()).unwrap();
    assert_eq!(again.tokens.access_token().expose(), record.tokens.access_token().expose());
}

#[test]
fn two_processes_cause_one_refresh() {
    let mut world = World::new();
    let store = Store::default();
    let (mut first, mut second) = (world.session(shared()), world.session(shared()));
    world.advance(301);
    let (a, b) = (world.ask(&mut first).unwrap_err().unwrap(), world.ask(&mut second).unwrap_err().unwrap());
    let asked = world.op.count(On::Token);
    // The first one holds the lock when the second one asks for it, and is served first.
    let (ticket, lock) = first.poll_store(&mut world.env).unwrap();
    let response = store.response(lock).unwrap();
    let (_, waiting) = second.poll_store(&mut world.env).unwrap();
    assert!(store.response(waiting).is_none());
    first.handle_store(ticket, response, &mut world.env);
    world.pump(&mut first, &store);
    // The second one gives up waiting, comes again, and finds what the first one saved.
    world.wait(&mut second);
    world.wait(&mut second);
    assert_eq!(world.pump(&mut second, &store).last(), Some(&Event::TokensRefreshed));
    assert_eq!(world.op.count(On::Token), asked + 1);
    assert_eq!(world.outcome(&first, a), world.outcome(&second, b));
}

#[test]
fn tokens_are_not_used_before_they_were_handed_over_for_saving() {
    for options in [shared(), SessionOptions::default().with_persistence(Persistence::Own)] {
        let mut world = World::new();
        let store = Store::default();
        let mut session = world.session(options);
        world.advance(301);
        let epoch = world.ask(&mut session).unwrap_err().unwrap();
        world.keep(&mut session, &store);
        world.exchange(&mut session);
        assert_eq!(world.outcome(&session, epoch), Err("pending"));
        assert!(matches!(world.ask(&mut session), Err(Some(_))), "the new token is not handed out before it is saved");
        world.pump(&mut session, &store);
        assert!(world.outcome(&session, epoch).is_ok());
    }
}

#[test]
fn a_store_that_fails_to_save_costs_a_warning_and_a_retry() {
    let mut world = World::new();
    let store = Store::default();
    let mut session = world.session(shared());
    store.fails("save");
    world.advance(301);
    let epoch = world.ask(&mut session).unwrap_err().unwrap();
    assert_eq!(world.pump(&mut session, &store), [Event::TokensRefreshed, Event::NotSaved(broken("save"))]);
    let token = world.outcome(&session, epoch).unwrap();
    assert!(world.honours(&token) && store.record().is_none());
    assert!(store.is_locked(), "nobody is to go on from the old refresh token");
    for _ in 0..3 {
        world.wait(&mut session);
        assert_eq!(world.pump(&mut session, &store), [Event::NotSaved(broken("save"))]);
    }
    store.fails("");
    world.wait(&mut session);
    assert_eq!(world.pump(&mut session, &store), []);
    assert_eq!(store.record().unwrap().tokens.access_token().expose(), token);
    assert!(session.generation() == 1 && !store.is_locked());
}

#[test]
fn a_store_that_fails_to_lock_or_load_delays_and_does_not_end() {
    for action in ["lock", "load"] {
        let mut world = World::new();
        let store = Store::default();
        let mut session = world.session(shared());
        store.fails(action);
        world.advance(301);
        let epoch = world.ask(&mut session).unwrap_err().unwrap();
        assert!(matches!(world.pump(&mut session, &store)[..], [Event::BackingOff { .. }]), "{action}");
        assert_eq!(world.outcome(&session, epoch), Err("store.io"));
        assert!(!store.is_locked());
        store.fails("");
        world.wait(&mut session);
        assert_eq!(world.pump(&mut session, &store), [Event::TokensRefreshed]);
    }
}

/// The lease ran out while the response was under way, and another process refreshed and saved.
#[test]
fn a_lost_lock_ends_in_the_others_tokens() {
    let mut world = World::new();
    let store = Store::default();
    let (mut first, mut second) = (world.session(shared()), world.session(shared()));
    world.advance(301);
    let epoch = world.ask(&mut first).unwrap_err().unwrap();
    world.keep(&mut first, &store);
    let (ticket, _never_sent) = call(first.poll_transmit(&mut world.env).unwrap());
    store.break_lock();
    let _ = world.ask(&mut second);
    world.pump(&mut second, &store);
    let theirs = world.ask(&mut second).unwrap();
    // The first one's request arrives after all, with a refresh token that has been used.
    let body = br#"{"error":"invalid_grant"}"#.to_vec();
    let denial = http::Response::builder().status(400).header("content-type", "application/json").body(body).unwrap();
    first.handle_response(ticket, denial, &mut world.env);
    assert_eq!(world.pump(&mut first, &store), [Event::TokensRefreshed]);
    assert_eq!(world.outcome(&first, epoch), Ok(theirs));
}

#[test]
fn a_conflict_ends_in_what_the_others_use() {
    let mut world = World::new();
    let store = Store::default();
    let mut session = world.session(shared());
    world.advance(301);
    let epoch = world.ask(&mut session).unwrap_err().unwrap();
    world.keep(&mut session, &store);
    let (ticket, request) = call(session.poll_transmit(&mut world.env).unwrap());
    world.send(&mut session, ticket, request);
    let others = world.login("alice");
    store.put(record(&session, 9, &others));
    // The provider may have ended theirs with ours. They are refreshed.
    assert!(matches!(world.pump(&mut session, &store)[..], [Event::BackingOff { .. }]));
    assert_eq!(world.outcome(&session, epoch), Err("doubtful"));
    assert_eq!((session.generation(), world.tokens_of(&session)), (9, others.access_token().expose().to_owned()));
    world.wait(&mut session);
    assert_eq!(world.pump(&mut session, &store), [Event::TokensRefreshed]);
    assert_eq!((session.generation(), store.record().unwrap().generation), (10, 10));
}

/// Killed after each number of store actions and requests; a process that is restored from the store goes on.
#[test]
fn a_process_killed_between_any_two_steps_loses_nothing_but_the_step() {
    for steps in 0..8 {
        let mut world = World::new();
        let store = Store::default();
        store.put(Record::new(1, world.tokens.clone()));
        world.forget_keys();
        let mut session = world.restore(store.record().unwrap(), shared());
        world.advance(301);
        let _ = world.ask(&mut session);
        let mut rotated = false;
        for _ in 0..steps {
            if let Some((ticket, action)) = session.poll_store(&mut world.env) {
                if let Some(response) = store.response(action) {
                    session.handle_store(ticket, response, &mut world.env);
                }
            } else if let Some(transmit) = session.poll_transmit(&mut world.env) {
                let (ticket, request) = call(transmit);
                rotated = true;
                world.send(&mut session, ticket, request);
            }
        }
        let saved = store.record().unwrap().generation == 2;
        drop(session);
        store.break_lock();

        world.forget_keys();
        let mut session = world.restore(store.record().unwrap(), shared());
        let asked = world.ask(&mut session);
        let events = world.pump(&mut session, &store);
        // The one window that no client can close: the provider has rotated, and nobody has saved.
        if rotated && !saved {
            assert!(needs_login(&events), "{steps}: {events:?}");
        } else {
            let token = asked.or_else(|epoch| world.outcome(&session, epoch.unwrap())).unwrap();
            assert!(world.honours(&token), "{steps}");
        }
    }
}

/// The lease of a process that was suspended may have run out: it begins anew instead of going on.
#[test]
fn a_store_that_answers_too_late_is_asked_again() {
    let mut world = World::new();
    let store = Store::default();
    let mut session = world.session(shared());
    world.advance(301);
    let _ = world.ask(&mut session);
    let (ticket, action) = session.poll_store(&mut world.env).unwrap();
    let response = store.response(action).unwrap();
    session.handle_store(ticket, response, &mut world.env);
    let (ticket, action) = session.poll_store(&mut world.env).unwrap();
    let response = store.response(action).unwrap();
    world.advance(120);
    session.handle_store(ticket, response, &mut world.env);
    assert!(session.poll_transmit(&mut world.env).is_none(), "nothing is sent under a lock that may be lost");
    assert!(matches!(world.pump(&mut session, &store)[..], [Event::BackingOff { .. }]));
    assert!(!store.is_locked());
    world.wait(&mut session);
    assert_eq!(world.pump(&mut session, &store), [Event::TokensRefreshed]);
}

/// A lock that is granted to an attempt that has given up waiting for it is given back.
#[test]
fn a_lock_that_comes_too_late_is_given_back() {
    let mut world = World::new();
    let store = Store::default();
    let mut session = world.session(shared());
    world.advance(301);
    let _ = world.ask(&mut session);
    let (ticket, action) = session.poll_store(&mut world.env).unwrap();
    world.wait(&mut session);
    let response = store.response(action).unwrap();
    assert!(store.is_locked());
    session.handle_store(ticket, response, &mut world.env);
    world.pump(&mut session, &store);
    assert!(!store.is_locked());
}

/// Whoever waits for the lock gets it before the next attempt does.
#[test]
fn a_session_gives_the_lock_back_when_the_pause_for_a_late_response_is_over() {
    let mut world = World::new();
    let store = Store::default();
    let mut session = world.session(shared());
    world.advance(301);
    let _ = world.ask(&mut session);
    world.keep(&mut session, &store);
    let (_silent, _never_sent) = call(session.poll_transmit(&mut world.env).unwrap());
    world.wait(&mut session);
    assert!(matches!(world.pump(&mut session, &store)[..], [Event::BackingOff { .. }]));
    assert!(store.is_locked() && !session.is_idle(), "the response may still come");
    store.log();
    world.wait(&mut session);
    assert_eq!(world.pump(&mut session, &store), [Event::TokensRefreshed]);
    assert_eq!(store.log(), ["unlock", "lock", "load", "prepare", "save", "unlock"]);
}
