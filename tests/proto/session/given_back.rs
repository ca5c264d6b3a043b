//! Tokens of a login that a session does not go on with: they are given back, whatever state they were in.

use oidc_proto::Env as _;
use oidc_proto::session::{End, Event, Persistence, Record, Session, SessionOptions, StoreAction};
use oidc_proto::testing::{Disturbance, On};

use crate::session::endings::ignores_spent;
use crate::session::uncertain::{asks, session};
use crate::session::unverified::behind;
use crate::session::world::{Store, World, broken, call, record, shared};

fn lives(world: &World) -> bool {
    world.op.has_grant_of(world.tokens.refresh_token().unwrap().expose())
}

/// A refresh has brought tokens, and has not come to its end. A new login takes their place.
#[test]
fn a_new_login_gives_back_what_a_refresh_has_brought() {
    for persistence in [Persistence::Nowhere, Persistence::Own, Persistence::Shared] {
        for stage in ["a pause", "the keys", "the save"] {
            if stage == "the save" && persistence == Persistence::Nowhere {
                continue;
            }
            let mut world = World::with(ignores_spent());
            let store = Store::default();
            let newer = world.login("alice");
            let mut session = session(&mut world, &store, persistence);
            match stage {
                "a pause" => behind(&world),
                "the keys" => world.forget_keys(),
                _ => {}
            }
            if stage == "the keys" {
                session =
                    world.restore(store.record().unwrap(), SessionOptions::default().with_persistence(persistence));
            }
            let (ticket, request) = asks(&mut world, &mut session, &store);
            world.send(&mut session, ticket, request);
            if stage == "the keys" {
                let (_, request) = call(session.poll_transmit(&mut world.env).unwrap());
                assert_eq!(request.method(), http::Method::GET);
            }
            while session.poll_event().is_some() {}
            world.op.honest();

            session.adopt(newer.clone(), &mut world.env).unwrap();
            assert!(
                persistence == Persistence::Nowhere || world.revoke(&mut session).is_empty(),
                "it is not saved yet"
            );
            let events = world.pump(&mut session, &store);
            assert_eq!(events, [Event::Orphaned, Event::TokensRefreshed], "{persistence:?} {stage}");
            world.revoke(&mut session);
            assert!(!lives(&world), "{persistence:?} {stage}");
            assert!(world.honours(newer.access_token().expose()) && session.is_idle(), "{persistence:?} {stage}");
            assert_eq!(world.tokens_of(&session), newer.access_token().expose());
        }
    }
}

/// The response to a refresh of the login before: it comes once the new one is there, or before it is saved.
#[test]
fn what_comes_for_a_login_that_was_replaced_is_given_back() {
    for persistence in [Persistence::Nowhere, Persistence::Own, Persistence::Shared] {
        for (is_saved, is_late) in [(false, false), (true, false), (false, true), (true, true)] {
            let mut world = World::with(ignores_spent());
            let store = Store::default();
            let newer = world.login("alice");
            let mut session = session(&mut world, &store, persistence);
            let (ticket, request) = asks(&mut world, &mut session, &store);
            let response = world.op.exchange(request, world.env.now()).unwrap();
            if is_late {
                // The next attempt has begun.
                world.wait(&mut session);
                world.wait(&mut session);
                world.keep(&mut session, &store);
            }
            session.adopt(newer.clone(), &mut world.env).unwrap();
            if is_saved {
                world.keep(&mut session, &store);
            }
            session.handle_response(ticket, response, &mut world.env);
            let is_kept = is_saved || persistence == Persistence::Nowhere;
            assert_eq!(world.revoke(&mut session).is_empty(), !is_kept, "{persistence:?} {is_saved} {is_late}");
            world.pump(&mut session, &store);
            world.revoke(&mut session);
            assert!(!lives(&world), "{persistence:?} {is_saved} {is_late}");
            let token = newer.access_token().expose();
            assert!(world.honours(token) && world.tokens_of(&session) == token && session.is_idle());
            let _ = session.refresh(&mut world.env);
            assert_eq!(world.pump(&mut session, &store), [Event::TokensRefreshed]);
        }
    }
}

/// A session whose tokens were not saved, and whose next refresh has brought tokens: somebody logs out.
fn unsaved_and_unverified(world: &mut World, store: &Store) -> Session {
    let mut session = session(world, store, Persistence::Own);
    store.fails("save");
    let _ = session.refresh(&mut world.env);
    assert_eq!(world.pump(&mut session, store), [Event::TokensRefreshed, Event::NotSaved(broken("save"))]);
    behind(world);
    let _ = session.refresh(&mut world.env);
    let events = world.pump(&mut session, store);
    assert!(matches!(events[..], [Event::BackingOff { .. }, Event::NotSaved(_)]), "{events:?}");
    store.fails("");
    session
}

#[test]
fn unverified_tokens_are_given_back_where_the_record_is_gone() {
    let mut world = World::with(ignores_spent());
    let store = Store::default();
    let mut session = unsaved_and_unverified(&mut world, &store);
    store.clear();
    while session.end().is_none() {
        world.wait(&mut session);
        world.pump(&mut session, &store);
    }
    assert_eq!(session.end(), Some(End::LoggedOutElsewhere));
    world.revoke(&mut session);
    assert!(!lives(&world) && session.is_idle());
}

/// The response is still to come when the record is found to be gone.
#[test]
fn what_comes_after_the_record_is_gone_is_given_back() {
    let mut world = World::with(ignores_spent());
    let store = Store::default();
    let mut session = session(&mut world, &store, Persistence::Own);
    store.fails("save");
    let _ = session.refresh(&mut world.env);
    world.pump(&mut session, &store);
    let (ticket, request) = asks(&mut world, &mut session, &store);
    let response = world.op.exchange(request, world.env.now()).unwrap();
    store.fails("");
    store.clear();
    world.wait(&mut session);
    let events = world.pump(&mut session, &store);
    assert_eq!((events.last(), session.end()), (Some(&Event::LoggedOutElsewhere), Some(End::LoggedOutElsewhere)));
    world.revoke(&mut session);
    assert!(lives(&world), "what was revoked was spent");
    session.handle_response(ticket, response, &mut world.env);
    assert_eq!(world.pump(&mut session, &store), [Event::Orphaned]);
    world.revoke(&mut session);
    assert!(!lives(&world) && session.is_idle());
}

/// A response that is still to come when the session ends, too.
#[test]
fn what_comes_after_a_logout_elsewhere_is_given_back() {
    let mut world = World::with(ignores_spent());
    let store = Store::default();
    let mut session = session(&mut world, &store, Persistence::Shared);
    let (ticket, request) = asks(&mut world, &mut session, &store);
    let response = world.op.exchange(request, world.env.now()).unwrap();
    world.wait(&mut session);
    world.wait(&mut session);
    store.clear();
    let events = world.pump(&mut session, &store);
    assert_eq!(events.last(), Some(&Event::LoggedOutElsewhere), "{events:?}");
    world.revoke(&mut session);
    assert!(session.is_idle() && lives(&world), "what was revoked was spent");
    session.handle_response(ticket, response, &mut world.env);
    assert_eq!(world.pump(&mut session, &store), [Event::Orphaned]);
    world.revoke(&mut session);
    assert!(session.is_idle() && !lives(&world));
}

/// What a new login was to replace, and the new login: neither is saved when the user logs out.
#[test]
fn a_logout_gives_back_what_an_unsaved_login_was_to_replace() {
    for is_saved_before in [true, false] {
        let mut world = World::with(ignores_spent());
        let store = Store::default();
        let mut session = match is_saved_before {
            true => session(&mut world, &store, Persistence::Shared),
            false => world.session(shared()),
        };
        store.fails("save");
        session.save(&world.env);
        world.pump(&mut session, &store);
        let newer = world.login("alice");
        session.adopt(newer.clone(), &mut world.env).unwrap();
        world.pump(&mut session, &store);
        store.fails("");
        session.log_out(&mut world.env);
        world.pump(&mut session, &store);
        world.revoke(&mut session);
        assert!(!lives(&world), "{is_saved_before}");
        assert!(!world.honours(newer.access_token().expose()) && session.is_idle(), "{is_saved_before}");
    }
}

/// Somebody logs out while an adopted login is about to be saved, and unsaved tokens of the one before are: the new login
/// is no part of that.
#[test]
fn a_login_that_is_about_to_be_saved_survives_that_the_record_is_gone() {
    let mut world = World::with(ignores_spent());
    let store = Store::default();
    let mut session = session(&mut world, &store, Persistence::Own);
    store.fails("save");
    let _ = session.refresh(&mut world.env);
    world.pump(&mut session, &store);
    let newer = world.login("alice");
    world.wait(&mut session);
    let (again, action) = session.poll_store(&mut world.env).unwrap();
    session.adopt(newer.clone(), &mut world.env).unwrap();
    // The store has not answered when those of before are saved again.
    let (adopted, save) = session.poll_store(&mut world.env).unwrap();
    assert!(matches!(save, StoreAction::Save { .. }), "the mark stays: {save:?}");
    store.fails("");
    store.clear();
    session.handle_store(again, store.response(action).unwrap(), &mut world.env);
    assert_eq!(session.end(), None);
    session.handle_store(adopted, store.response(save).unwrap(), &mut world.env);
    world.pump(&mut session, &store);
    assert_eq!(world.ask(&mut session).as_deref(), Ok(newer.access_token().expose()));
    assert_eq!(store.record().unwrap().tokens.access_token().expose(), newer.access_token().expose());
    world.revoke(&mut session);
    assert!(!lives(&world) && world.honours(newer.access_token().expose()) && session.is_idle());
}

/// Another login of the user is in the store when the response to a request of before comes.
#[test]
fn what_comes_for_a_login_that_was_replaced_elsewhere_is_given_back() {
    let mut world = World::with(ignores_spent());
    let store = Store::default();
    let mut session = session(&mut world, &store, Persistence::Shared);
    world.op.disturb(On::Jwks, Disturbance::status(503), 1);
    let (ticket, request) = asks(&mut world, &mut session, &store);
    let response = world.op.exchange(request, world.env.now()).unwrap();
    world.wait(&mut session);
    world.wait(&mut session);
    let theirs = world.login("alice");
    store.put(Record::of_login(theirs.clone(), session.stored(), &mut world.env));
    let events = world.pump(&mut session, &store);
    assert_eq!(events.last(), Some(&Event::TokensRefreshed), "{events:?}");
    session.handle_response(ticket, response, &mut world.env);
    assert_eq!(world.pump(&mut session, &store), [Event::Orphaned]);
    world.revoke(&mut session);
    assert!(!lives(&world) && world.honours(theirs.access_token().expose()) && session.is_idle());
}

/// The store loses the record while a process is suspended, and others log in and refresh until their record has a later
/// number: it has not taken the place of this one.
#[test]
fn what_the_store_has_lost_is_given_back_however_late_the_next_login_is_found() {
    for refreshes in 0..4 {
        let mut world = World::with(ignores_spent());
        let store = Store::default();
        let mut session = session(&mut world, &store, Persistence::Shared);
        let theirs = world.login("alice");
        store.put(Record::of_login(theirs, None, &mut world.env));
        let mut others = world.restore(store.record().unwrap(), shared());
        for _ in 0..refreshes {
            let _ = others.refresh(&mut world.env);
            assert_eq!(world.pump(&mut others, &store), [Event::TokensRefreshed]);
        }
        let _ = session.refresh(&mut world.env);
        let events = world.pump(&mut session, &store);
        assert_eq!(events, [Event::Orphaned, Event::TokensRefreshed], "{refreshes}");
        world.revoke(&mut session);
        assert!(!lives(&world) && session.is_idle(), "{refreshes}");
        assert_eq!(world.tokens_of(&session), world.tokens_of(&others));
        assert!(world.honours(&world.tokens_of(&session)));
    }
}

/// A lock was lost, and two processes have refreshed at once: one of them has saved over what the other one had saved.
/// Somebody logs in anew.
#[test]
fn tokens_that_another_process_has_saved_over_are_given_back_when_a_login_takes_their_place() {
    let mut world = World::with(ignores_spent());
    let store = Store::default();
    let mut first = session(&mut world, &store, Persistence::Shared);
    let mut second = world.restore(store.record().unwrap(), shared());
    let (ticket, request) = asks(&mut world, &mut first, &store);
    store.break_lock();
    let (other_ticket, other_request) = asks(&mut world, &mut second, &store);
    // The first one's is the last that the provider issues, and the first that is saved.
    let other_response = world.op.exchange(other_request, world.env.now()).unwrap();
    world.send(&mut first, ticket, request);
    world.pump(&mut first, &store);
    second.handle_response(other_ticket, other_response, &mut world.env);
    let mut theirs = record(&first, first.generation() + 1, &world.tokens);
    theirs.tokens = second.tokens().clone();
    store.put(theirs);
    let newer = world.login("alice");
    let version = store.record().unwrap().version();
    store.put(Record::of_login(newer.clone(), Some(version), &mut world.env));
    let _ = first.refresh(&mut world.env);
    world.pump(&mut first, &store);
    world.revoke(&mut first);
    assert!(!lives(&world) && world.honours(newer.access_token().expose()));
    assert_eq!(world.tokens_of(&first), newer.access_token().expose());
}
