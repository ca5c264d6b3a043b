//! The provider's keys, which all its sessions share: who fetches them, who waits, and what becomes of tokens meanwhile.

use std::time::Duration;

use http::{Method, Request};
use oidc_proto::session::{Access, Event, Record, Session, SessionOptions, Ticket};
use oidc_proto::testing::{Disturbance, On};
use oidc_proto::{Body, Env as _};

use crate::session::world::{Store, World, call, shared};

/// What the session wants sent next.
fn sends(world: &mut World, session: &mut Session) -> Option<(Ticket, Request<Body>)> {
    session.poll_transmit(&mut world.env).map(call)
}

/// The request of a refresh is sent, and its tokens come.
fn obtains(world: &mut World, session: &mut Session) {
    let (ticket, request) = sends(world, session).expect("asks for tokens");
    assert_eq!(request.method(), Method::POST);
    world.send(session, ticket, request);
}

/// A session that asks for the keys, and gets no response until the test gives it one.
fn fetches(world: &mut World, session: &mut Session) -> (Ticket, Request<Body>) {
    let (ticket, request) = sends(world, session).expect("asks for keys");
    assert_eq!(request.method(), Method::GET);
    (ticket, request)
}

/// Has its tokens, and waits for the keys that another one fetches.
fn waits(world: &mut World, session: &mut Session) {
    assert!(sends(world, session).is_none() && session.poll_event().is_none());
    let pause = session.poll_timeout().unwrap().saturating_since(world.env.monotonic());
    assert!(pause < Duration::from_secs(1), "{pause:?}");
}

/// Sessions of a login each, at a provider that has new keys since.
fn rotated(world: &mut World, sessions: usize, options: SessionOptions) -> Vec<Session> {
    let sessions = (0..sessions).map(|_| {
        let tokens = world.login("alice");
        world.restore(Record::new(0, tokens), options)
    });
    let sessions = sessions.collect();
    world.op.rotate_keys();
    sessions
}

#[test]
fn a_restored_session_fetches_no_keys_that_the_provider_has() {
    let mut world = World::new();
    let fetched = world.op.count(On::Jwks);
    for _ in 0..3 {
        let tokens = world.login("alice");
        let mut session = world.restore(Record::new(0, tokens), SessionOptions::default());
        let _ = session.refresh(&mut world.env);
        assert_eq!(world.pump(&mut session, &Store::default()), [Event::TokensRefreshed]);
    }
    assert_eq!(world.op.count(On::Jwks), fetched);

    // In a process that has none the first one fetches them for all.
    let [first, second] = [(); 2].map(|()| world.login("alice"));
    world.forget_keys();
    for tokens in [first, second] {
        let mut session = world.restore(Record::new(0, tokens), SessionOptions::default());
        let _ = session.refresh(&mut world.env);
        assert_eq!(world.pump(&mut session, &Store::default()), [Event::TokensRefreshed]);
        assert_eq!(world.op.count(On::Jwks), fetched + 1);
    }
}

/// A session counts from when its tokens came, and not from when its process began.
#[test]
fn a_process_that_is_older_than_a_token_restores_it_without_a_refresh() {
    let mut world = World::new();
    world.advance(100_000);
    let tokens = world.login("alice");
    let asked = world.op.count(On::Token);
    world.advance(30);
    let mut session = world.restore(Record::new(0, tokens.clone()), SessionOptions::default());
    assert_eq!(world.ask(&mut session), Ok(tokens.access_token().expose().to_owned()));
    assert_eq!(world.pump(&mut session, &Store::default()), []);
    assert_eq!(world.op.count(On::Token), asked);
}

/// Some have their tokens before the fetch is sent, some while it is under way, some after it.
#[test]
fn ten_sessions_of_a_provider_that_has_new_keys_cause_one_fetch() {
    let mut world = World::new();
    let mut sessions = rotated(&mut world, 10, SessionOptions::default());
    let (fetched, asked) = (world.op.count(On::Jwks), world.op.count(On::Token));
    let mut epochs = Vec::new();
    let mut answers = Vec::new();
    for session in &mut sessions {
        let Access::Wait(epoch) = session.refresh(&mut world.env) else { panic!("the session has ended") };
        epochs.push(epoch);
    }
    // All have asked before any of them has tokens, and the responses come in the order of the sessions.
    for session in &mut sessions {
        let (ticket, request) = sends(&mut world, session).expect("asks for tokens");
        answers.push((ticket, world.op.exchange(request, world.env.now()).unwrap()));
    }
    let mut answers = answers.into_iter();
    let mut response = |world: &mut World, session: &mut Session| {
        let (ticket, response) = answers.next().unwrap();
        session.handle_response(ticket, response, &mut world.env);
    };

    for session in &mut sessions[..4] {
        response(&mut world, session);
    }
    let (ticket, request) = fetches(&mut world, &mut sessions[0]);
    for session in &mut sessions[4..7] {
        response(&mut world, session);
    }
    for session in &mut sessions[1..7] {
        waits(&mut world, session);
        // Another look changes nothing.
        world.wait(session);
        waits(&mut world, session);
    }
    world.send(&mut sessions[0], ticket, request);
    assert!(world.outcome(&sessions[0], epochs[0]).is_ok());
    for session in &mut sessions[7..] {
        response(&mut world, session);
    }
    for (session, epoch) in sessions[7..].iter().zip(&epochs[7..]) {
        assert!(world.outcome(session, *epoch).is_ok(), "the new keys are there already");
    }
    for (session, epoch) in sessions[1..7].iter_mut().zip(&epochs[1..7]) {
        assert_eq!(world.outcome(session, *epoch), Err("pending"));
        world.wait(session);
        assert!(world.outcome(session, *epoch).is_ok());
    }
    for session in &mut sessions {
        assert_eq!(world.pump(session, &Store::default()), [Event::TokensRefreshed]);
        let token = world.ask(session).unwrap();
        assert!(world.honours(&token));
    }
    assert_eq!((world.op.count(On::Jwks), world.op.count(On::Token)), (fetched + 1, asked + 10));
}

/// Nobody has keys, or those that are there do not do; and another session fetches, whose response does not come.
#[test]
fn a_wait_for_keys_that_takes_too_long_costs_no_tokens() {
    for has_old_keys in [true, false] {
        let (mut world, store) = (World::new(), Store::default());
        let tokens = world.login("alice");
        if has_old_keys {
            world.op.rotate_keys();
        } else {
            world.forget_keys();
        }
        let mut session = world.restore(Record::new(0, tokens), shared());
        let mut other = world.session(SessionOptions::default());
        let _ = other.refresh(&mut world.env);
        obtains(&mut world, &mut other);
        let _never_answered = fetches(&mut world, &mut other);

        let Access::Wait(epoch) = session.refresh(&mut world.env) else { panic!("the session has ended") };
        world.keep(&mut session, &store);
        obtains(&mut world, &mut session);
        let (fetched, asked) = (world.op.count(On::Jwks), world.op.count(On::Token));
        let (since, mut events) = (world.env.monotonic(), Vec::new());
        while !session.is_idle() {
            assert!(store.is_locked(), "nobody is to go on from the old refresh token");
            assert!(world.env.monotonic().saturating_since(since).as_secs() < 600, "it waits and waits");
            events.extend(world.pump(&mut session, &store));
            if !session.is_idle() {
                world.wait(&mut session);
            }
        }
        // The other one's fetch counts for a minute, and then this session fetches for itself.
        let waited = world.env.monotonic().saturating_since(since);
        assert!((45..75).contains(&waited.as_secs()), "{waited:?}");
        assert_eq!(events.last(), Some(&Event::TokensRefreshed), "{events:?}");
        assert_eq!((world.op.count(On::Jwks), world.op.count(On::Token)), (fetched + 1, asked), "asked once");
        let token = world.outcome(&session, epoch).unwrap();
        assert!(world.honours(&token) && !store.is_locked());
        assert_eq!(store.record().unwrap().tokens.access_token().expose(), token);
    }
}

/// The same if nobody looks at the session until long after: it is woken once.
#[test]
fn a_wait_for_keys_that_nobody_looks_at_costs_no_tokens() {
    let (mut world, store) = (World::new(), Store::default());
    let mut sessions = rotated(&mut world, 2, shared());
    let mut session = sessions.remove(0);
    let mut other = sessions.remove(0);
    let _ = other.refresh(&mut world.env);
    world.keep(&mut other, &Store::default());
    obtains(&mut world, &mut other);
    let _never_answered = fetches(&mut world, &mut other);

    let Access::Wait(epoch) = session.refresh(&mut world.env) else { panic!("the session has ended") };
    world.keep(&mut session, &store);
    obtains(&mut world, &mut session);
    waits(&mut world, &mut session);
    let asked = world.op.count(On::Token);
    world.advance(200);
    for _ in 0..2 {
        session.handle_timeout(&mut world.env);
        world.pump(&mut session, &store);
        world.advance(2);
    }
    assert!(world.honours(&world.outcome(&session, epoch).unwrap()));
    assert_eq!(world.op.count(On::Token), asked, "the refresh token was not sent twice");
    assert!(session.is_idle() && !store.is_locked());
}

/// Nobody has looked at the session since its tokens came: the keys were never asked for.
#[test]
fn a_fetch_of_keys_that_was_never_sent_costs_no_tokens() {
    for is_polled in [false, true] {
        let (mut world, store) = (World::new(), Store::default());
        let mut session = rotated(&mut world, 1, shared()).remove(0);
        let Access::Wait(epoch) = session.refresh(&mut world.env) else { panic!("the session has ended") };
        world.keep(&mut session, &store);
        obtains(&mut world, &mut session);
        let (fetched, asked) = (world.op.count(On::Jwks), world.op.count(On::Token));
        if is_polled {
            world.advance(45);
            assert!(sends(&mut world, &mut session).is_none(), "it comes too late");
        } else {
            world.wait(&mut session);
        }
        assert_eq!(world.outcome(&session, epoch), Err("jws.unknown_key"));
        assert!(matches!(session.poll_event(), Some(Event::BackingOff { .. })));
        assert!(!session.is_idle() && store.is_locked() && session.end().is_none());

        // Nobody waits for a fetch that was given up.
        let mut other = world.session(SessionOptions::default());
        let _ = other.refresh(&mut world.env);
        assert_eq!(world.pump(&mut other, &Store::default()), [Event::TokensRefreshed]);
        assert_eq!(world.op.count(On::Jwks), fetched + 1);

        world.wait(&mut session);
        assert_eq!(world.pump(&mut session, &store), [Event::TokensRefreshed]);
        assert_eq!((world.op.count(On::Jwks), world.op.count(On::Token)), (fetched + 1, asked + 1));
        let token = world.tokens_of(&session);
        assert!(world.honours(&token) && session.is_idle() && !store.is_locked());
    }
}

/// The keys were asked for, and nothing has come back when the time is up: the tokens wait for the next fetch.
#[test]
fn a_fetch_of_keys_that_is_never_answered_costs_no_tokens() {
    let (mut world, store) = (World::new(), Store::default());
    let mut session = rotated(&mut world, 1, shared()).remove(0);
    let Access::Wait(epoch) = session.refresh(&mut world.env) else { panic!("the session has ended") };
    world.keep(&mut session, &store);
    obtains(&mut world, &mut session);
    let asked = world.op.count(On::Token);
    let (ticket, request) = fetches(&mut world, &mut session);
    world.wait(&mut session);
    assert_eq!(world.outcome(&session, epoch), Err("jws.unknown_key"));
    assert!(!session.is_idle() && store.is_locked() && session.end().is_none());

    // What comes now comes too late.
    world.send(&mut session, ticket, request);
    assert!(!session.is_idle());

    world.wait(&mut session);
    let events = world.pump(&mut session, &store);
    assert_eq!(events.last(), Some(&Event::TokensRefreshed), "{events:?}");
    assert_eq!(world.op.count(On::Token), asked, "the refresh token was not sent twice");
    let token = world.tokens_of(&session);
    assert!(world.honours(&token) && session.is_idle() && !store.is_locked());
}

/// One fetch fails, and all who waited for it hear of that; each has kept its tokens, and the next fetch serves them all.
#[test]
fn a_fetch_that_fails_costs_those_who_waited_no_tokens() {
    let mut world = World::new();
    let mut sessions = rotated(&mut world, 3, SessionOptions::default());
    for session in &mut sessions {
        let _ = session.refresh(&mut world.env);
        obtains(&mut world, session);
    }
    let (fetched, asked) = (world.op.count(On::Jwks), world.op.count(On::Token));
    let (ticket, request) = fetches(&mut world, &mut sessions[0]);
    for session in &mut sessions[1..] {
        waits(&mut world, session);
    }
    world.op.disturb(On::Jwks, Disturbance::status(503), 1);
    world.send(&mut sessions[0], ticket, request);
    for session in &mut sessions[1..] {
        world.wait(session);
    }
    for session in &mut sessions {
        assert!(matches!(world.pump(session, &Store::default())[..], [Event::BackingOff { .. }]));
        assert_eq!(session.last_failure().map(|error| error.code().as_str()), Some("jws.unknown_key"));
    }
    for session in &mut sessions {
        world.wait(session);
        assert_eq!(world.pump(session, &Store::default()), [Event::TokensRefreshed]);
    }
    assert_eq!((world.op.count(On::Jwks), world.op.count(On::Token)), (fetched + 2, asked));
}
