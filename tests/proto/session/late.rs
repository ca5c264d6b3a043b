//! Locks and answers of the store that come late, or after somebody else's.

use oidc_proto::session::{End, Epoch, Event, Record, Session, StoreAction, StoreResponse, StoreTicket};
use oidc_proto::testing::{self, On, Reuse};
use oidc_proto::{Env as _, ErrorCode};

use crate::session::world::{ISSUER, Store, World, call, shared};

fn expired() -> (World, Store) {
    let mut world = World::new();
    world.advance(301);
    (world, Store::default())
}

/// Asks for a token, and takes the question for the lock.
fn asks_for_lock(world: &mut World, session: &mut Session) -> StoreTicket {
    let _ = world.ask(session);
    let (ticket, action) = session.poll_store(&mut world.env).unwrap();
    assert!(matches!(action, StoreAction::Lock));
    ticket
}

/// A session whose new tokens have come, and are not saved yet.
fn has_tokens(world: &mut World, store: &Store) -> (Session, Epoch) {
    let mut session = world.session(shared());
    let epoch = world.ask(&mut session).unwrap_err().unwrap();
    world.keep(&mut session, store);
    world.exchange(&mut session);
    (session, epoch)
}

/// One second earlier it is used, and at the deadline it may be lost.
#[test]
fn a_lock_at_its_deadline_is_given_back() {
    for (seconds, is_used) in [(44, true), (45, false)] {
        let (mut world, store) = expired();
        let mut session = world.session(shared());
        let lock = asks_for_lock(&mut world, &mut session);
        world.advance(seconds);
        let response = store.response(StoreAction::Lock).unwrap();
        session.handle_store(lock, response, &mut world.env);
        let events = world.pump(&mut session, &store);
        assert_eq!(matches!(events[..], [Event::TokensRefreshed]), is_used, "{seconds}: {events:?}");
        assert!(!store.is_locked());
        let expected: &[_] = if is_used { &["lock", "load", "prepare", "save", "unlock"] } else { &["lock", "unlock"] };
        assert_eq!(store.log(), expected);
    }
}

#[test]
fn a_lock_that_nobody_used_in_time_is_given_back() {
    for (seconds, is_used) in [(44, true), (45, false)] {
        let (mut world, store) = expired();
        let mut session = world.session(shared());
        let lock = asks_for_lock(&mut world, &mut session);
        let response = store.response(StoreAction::Lock).unwrap();
        session.handle_store(lock, response, &mut world.env);
        world.advance(seconds);
        let (_, action) = session.poll_store(&mut world.env).unwrap();
        assert_eq!(matches!(action, StoreAction::Load), is_used, "{seconds}: {action:?}");
        assert_eq!(matches!(action, StoreAction::Unlock), !is_used);
    }
}

/// What the store read under a lock that may be lost is not gone on from.
#[test]
fn a_record_that_comes_at_the_deadline_is_read_again() {
    for (seconds, is_used) in [(44, true), (45, false)] {
        let (mut world, store) = expired();
        let mut session = world.session(shared());
        let lock = asks_for_lock(&mut world, &mut session);
        let response = store.response(StoreAction::Lock).unwrap();
        session.handle_store(lock, response, &mut world.env);
        let (ticket, action) = session.poll_store(&mut world.env).unwrap();
        world.advance(seconds);
        session.handle_store(ticket, store.response(action).unwrap(), &mut world.env);
        let next = session.poll_store(&mut world.env).map(|(_, action)| action);
        assert_eq!(matches!(next, Some(StoreAction::Prepare { .. })), is_used, "{seconds}");
    }
}

/// The earlier response serves, and the later one is no second lock.
#[test]
fn a_late_lock_is_as_good_as_the_one_that_is_waited_for() {
    let (mut world, store) = expired();
    let mut session = world.session(shared());
    let late = asks_for_lock(&mut world, &mut session);
    world.wait(&mut session);
    assert!(matches!(session.poll_event(), Some(Event::BackingOff { .. })));
    world.wait(&mut session);
    let lock = asks_for_lock(&mut world, &mut session);
    let response = store.response(StoreAction::Lock).unwrap();
    session.handle_store(late, response, &mut world.env);
    let (ticket, action) = session.poll_store(&mut world.env).unwrap();
    assert!(matches!(action, StoreAction::Load));
    session.handle_store(lock, StoreResponse::Locked, &mut world.env);
    session.handle_store(ticket, store.response(action).unwrap(), &mut world.env);
    assert_eq!(world.pump(&mut session, &store), [Event::TokensRefreshed]);
    assert_eq!(store.log(), ["lock", "load", "prepare", "save", "unlock"]);
    assert!(session.is_idle() && !store.is_locked());
}

/// What was asked for after it has given it back.
#[test]
fn a_lock_that_was_given_back_already_is_not_given_back_again() {
    let (mut world, store) = expired();
    let mut session = world.session(shared());
    let late = asks_for_lock(&mut world, &mut session);
    world.wait(&mut session);
    world.wait(&mut session);
    assert_eq!(world.pump(&mut session, &store).last(), Some(&Event::TokensRefreshed));
    assert_eq!(store.log(), ["lock", "load", "prepare", "save", "unlock"]);
    session.handle_store(late, StoreResponse::Locked, &mut world.env);
    assert!(session.poll_store(&mut world.env).is_none() && session.is_idle());
}

/// Both locks are one: what gives back the first gives back the second, whose response comes last.
#[test]
fn two_locks_are_given_back_by_one_unlock() {
    let (mut world, store) = expired();
    let mut session = world.session(shared());
    let late = asks_for_lock(&mut world, &mut session);
    world.wait(&mut session);
    world.wait(&mut session);
    let lock = asks_for_lock(&mut world, &mut session);
    session.handle_store(late, store.response(StoreAction::Lock).unwrap(), &mut world.env);
    // Nobody looks until it may be lost.
    world.advance(45);
    let (_, action) = session.poll_store(&mut world.env).unwrap();
    assert!(matches!(action, StoreAction::Unlock));
    store.response(action);
    session.handle_store(lock, StoreResponse::Locked, &mut world.env);
    assert!(session.poll_store(&mut world.env).is_none() && session.is_idle());
}

/// A lock that nobody waits for any more, after one that was given back, is given back, too.
#[test]
fn every_late_lock_is_given_back() {
    let (mut world, store) = expired();
    let mut session = world.session(shared());
    let _ = world.ask(&mut session);
    world.pump(&mut session, &store);
    world.advance(301);
    store.log();
    let late = asks_for_lock(&mut world, &mut session);
    world.wait(&mut session);
    session.handle_store(late, store.response(StoreAction::Lock).unwrap(), &mut world.env);
    assert!(!session.is_idle());
    world.pump(&mut session, &store);
    assert_eq!((store.log(), store.is_locked(), session.is_idle()), (vec!["lock", "unlock"], false, true));
}

/// The store has done it, whenever it says so: unlike a lock, what is saved does not run out.
#[test]
fn a_save_may_take_its_time() {
    let (mut world, store) = expired();
    let (mut session, epoch) = has_tokens(&mut world, &store);
    let (ticket, action) = session.poll_store(&mut world.env).unwrap();
    let response = store.response(action).unwrap();
    world.advance(60);
    session.handle_store(ticket, response, &mut world.env);
    assert_eq!(world.pump(&mut session, &store), [Event::TokensRefreshed]);
    assert!(world.outcome(&session, epoch).is_ok());
    assert!(session.generation() == 1 && session.is_idle() && !store.is_locked());
}

/// No response at all: the tokens are used, and their save is tried again, under the lock.
#[test]
fn a_save_that_is_not_answered_is_tried_again() {
    let (mut world, store) = expired();
    let (mut session, epoch) = has_tokens(&mut world, &store);
    let (silent, StoreAction::Save { .. }) = session.poll_store(&mut world.env).unwrap() else { panic!() };
    world.wait(&mut session);
    assert_eq!(
        world.pump(&mut session, &store),
        [Event::TokensRefreshed, Event::NotSaved(ErrorCode::SESSION_STORE.into())]
    );
    assert!(world.outcome(&session, epoch).is_ok());
    assert!(store.is_locked() && !session.is_idle());
    drop(silent);
    world.wait(&mut session);
    assert_eq!(world.pump(&mut session, &store), []);
    assert!(session.generation() == 1 && session.is_idle() && !store.is_locked());
}

/// A store that takes longer than anyone waits says that it has saved them, after it was asked again, once or often.
#[test]
fn a_save_that_is_answered_late_is_a_save() {
    for (is_login, times) in [(false, 0), (false, 1), (false, 3), (true, 1), (true, 3)] {
        let (mut world, store) = if is_login { (World::new(), Store::default()) } else { expired() };
        let (mut session, _) = match is_login {
            true => (world.session(shared()), None),
            false => {
                let (session, epoch) = has_tokens(&mut world, &store);
                (session, Some(epoch))
            }
        };
        if is_login {
            session.save(&world.env);
        }
        let (late, action) = session.poll_store(&mut world.env).unwrap();
        let response = store.response(action).unwrap();
        if !is_login {
            world.wait(&mut session);
        }
        for _ in 0..times {
            world.wait(&mut session);
            let (_, action) = session.poll_store(&mut world.env).unwrap();
            assert!(matches!(action, StoreAction::Save { .. }));
        }
        assert!(!session.is_idle());
        session.handle_store(late, response, &mut world.env);
        world.pump(&mut session, &store);
        assert_eq!(session.generation(), 1, "{is_login} {times}");
        assert!(session.is_idle() && !store.is_locked(), "{is_login} {times}");
    }
}

/// Nobody looked for so long after the response had come: the tokens are handed over all the same.
#[test]
fn tokens_that_nobody_looked_at_are_still_saved() {
    let (mut world, store) = expired();
    let (mut session, epoch) = has_tokens(&mut world, &store);
    for _ in 0..3 {
        world.wait(&mut session);
        assert_eq!(world.outcome(&session, epoch), Err("pending"));
    }
    assert_eq!(world.pump(&mut session, &store), [Event::TokensRefreshed]);
    assert_eq!(world.tokens_of(&session), store.record().unwrap().tokens.access_token().expose());
    assert_eq!(world.op.count(On::Token), 2);
}

/// The response comes when its pause is over, too: while the next attempt waits for its lock, pauses because the store
/// failed, prepares its save, or is about to ask. The provider has given the new tokens out, and is not asked with the old
/// ones again.
#[test]
fn tokens_that_come_after_the_pause_are_used_before_the_provider_is_asked_again() {
    for during in ["the lock", "a failure", "the preparation", "the request"] {
        let (mut world, store) = expired();
        let mut session = world.session(shared());
        let epoch = world.ask(&mut session).unwrap_err().unwrap();
        world.keep(&mut session, &store);
        let (late, request) = session.poll_transmit(&mut world.env).map(call).expect("asks for tokens");
        let response = world.op.exchange(request, world.env.now()).unwrap();
        world.wait(&mut session);
        assert!(matches!(session.poll_event(), Some(Event::BackingOff { .. })));
        world.wait(&mut session);
        let (_, action) = session.poll_store(&mut world.env).unwrap();
        assert!(matches!(action, StoreAction::Unlock));
        store.response(action);
        let (lock, action) = session.poll_store(&mut world.env).unwrap();
        assert!(matches!(action, StoreAction::Lock));
        let arrives = |session: &mut Session, world: &mut World| {
            session.handle_response(late, response, &mut world.env);
            assert!(!session.is_idle(), "the new tokens are not saved");
        };
        match during {
            "a failure" => {
                session.handle_store(lock, StoreResponse::Failed(ErrorCode::STORE_IO.into()), &mut world.env);
                assert!(matches!(session.poll_event(), Some(Event::BackingOff { .. })));
                arrives(&mut session, &mut world);
                world.wait(&mut session);
            }
            "the lock" => {
                arrives(&mut session, &mut world);
                session.handle_store(lock, store.response(action).unwrap(), &mut world.env);
            }
            during => {
                session.handle_store(lock, store.response(action).unwrap(), &mut world.env);
                let (ticket, action) = session.poll_store(&mut world.env).unwrap();
                session.handle_store(ticket, store.response(action).unwrap(), &mut world.env);
                let (ticket, action) = session.poll_store(&mut world.env).unwrap();
                assert!(matches!(action, StoreAction::Prepare { .. }));
                if during == "the request" {
                    session.handle_store(ticket, store.response(action).unwrap(), &mut world.env);
                    arrives(&mut session, &mut world);
                } else {
                    arrives(&mut session, &mut world);
                    session.handle_store(ticket, store.response(action).unwrap(), &mut world.env);
                }
            }
        }
        let events = world.pump(&mut session, &store);
        assert_eq!(events, [Event::TokensRefreshed], "{during}");
        assert_eq!(world.op.count(On::Token), 2, "the login and the refresh: {during}");
        let token = world.outcome(&session, epoch).unwrap();
        assert!(world.honours(&token) && session.is_idle() && !store.is_locked());
    }
}

/// The response to an earlier request is late, and the provider refuses the refresh token that it was asked with: it has
/// exchanged it already. The session waits for it for a while, and goes on with what comes after the end, too.
#[test]
fn a_refusal_while_a_response_is_late_does_not_end_the_session() {
    for comes in ["in time", "after the end", "not at all"] {
        let (mut world, store) =
            (World::with(testing::Provider::new(ISSUER).with_reuse(Reuse::Refused)), Store::default());
        world.advance(301);
        let mut session = world.session(shared());
        let _ = world.ask(&mut session);
        world.keep(&mut session, &store);
        let (late, request) = session.poll_transmit(&mut world.env).map(call).expect("asks for tokens");
        let response = world.op.exchange(request, world.env.now()).unwrap();
        world.wait(&mut session);
        world.pump(&mut session, &store);
        world.wait(&mut session);
        let events = world.pump(&mut session, &store);
        assert!(
            matches!(&events[..], [Event::BackingOff { error, .. }] if error.code() == ErrorCode::TOKEN_INVALID_GRANT)
        );
        if comes == "in time" {
            session.handle_response(late, response, &mut world.env);
            world.wait(&mut session);
            assert_eq!(world.pump(&mut session, &store), [Event::TokensRefreshed]);
            assert!(session.is_idle() && session.end().is_none());
            continue;
        }
        let mut events = Vec::new();
        while session.end().is_none() {
            world.wait(&mut session);
            events.extend(world.pump(&mut session, &store));
        }
        let waited = events.iter().filter(|event| matches!(event, Event::BackingOff { .. })).count();
        assert!(matches!(session.end(), Some(End::NeedsLogin(_))) && waited < 20, "{waited}");
        if comes == "after the end" {
            session.handle_response(late, response, &mut world.env);
            world.wait(&mut session);
            assert_eq!(world.pump(&mut session, &store), [Event::TokensRefreshed]);
            assert!(session.is_idle() && session.end().is_none());
        }
    }
}

/// Two responses are late when the session ends. Whichever comes first may not be the newest: the provider is asked.
#[test]
fn of_two_responses_after_the_end_neither_is_taken_for_the_newest() {
    let mut world = World::with(testing::Provider::new(ISSUER).with_reuse(Reuse::Allowed));
    let store = Store::default();
    world.advance(301);
    let mut session = world.session(shared());
    let _ = world.ask(&mut session);
    let mut late = Vec::new();
    while session.end().is_none() {
        world.keep(&mut session, &store);
        if let Some((ticket, request)) = session.poll_transmit(&mut world.env).map(call) {
            if late.len() < 2 {
                late.push((ticket, world.op.exchange(request, world.env.now()).unwrap()));
            } else {
                let refused = http::Response::builder().status(400).header("content-type", "application/json");
                let body = br#"{"error":"invalid_grant"}"#.to_vec();
                session.handle_response(ticket, refused.body(body).unwrap(), &mut world.env);
                continue;
            }
        }
        while session.poll_event().is_some() {}
        if session.end().is_none() {
            world.wait(&mut session);
        }
    }
    assert!(matches!(session.end(), Some(End::NeedsLogin(_))));
    let asked = world.op.count(On::Token);
    while session.poll_event().is_some() {}
    for (ticket, response) in late {
        session.handle_response(ticket, response, &mut world.env);
    }
    world.wait(&mut session);
    assert_eq!(world.pump(&mut session, &store), [Event::TokensRefreshed]);
    assert_eq!(world.op.count(On::Token), asked + 1);
    assert!(session.is_idle() && session.end().is_none());
}

/// Nobody waits for the record any more; but it says that the login was saved, and so it takes nobody's place.
#[test]
fn a_record_that_comes_late_says_that_a_login_was_saved() {
    let (mut world, store) = expired();
    let mut session = world.session(shared());
    session.save(&world.env);
    let (_unheard, save) = session.poll_store(&mut world.env).unwrap();
    store.response(save);
    let lock = asks_for_lock(&mut world, &mut session);
    session.handle_store(lock, store.response(StoreAction::Lock).unwrap(), &mut world.env);
    let (load, action) = session.poll_store(&mut world.env).unwrap();
    let late = store.response(action).unwrap();
    world.wait(&mut session);
    while let Some((ticket, action)) = session.poll_store(&mut world.env) {
        // Nor does it hear of a second save.
        if !matches!(action, StoreAction::Save { .. }) {
            session.handle_store(ticket, store.response(action).unwrap(), &mut world.env);
        }
    }
    // Somebody logs out, and another one in.
    let theirs = world.login("alice");
    store.put(Record::of_login(theirs.clone(), None, &mut world.env));
    session.handle_store(load, late, &mut world.env);
    world.wait(&mut session);
    world.pump(&mut session, &store);
    assert_eq!(store.record().unwrap().tokens.access_token().expose(), theirs.access_token().expose());
    let own = world.revoke(&mut session);
    assert!(own.len() == 1 && !world.op.has_grant_of(&own[0]));
    assert!(world.honours(&world.tokens_of(&session)) && session.is_idle());
}
