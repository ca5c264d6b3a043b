//! Logouts whose newest tokens may have been lost before: they are found out, or the result says that it is not certain.

use std::time::Duration;

use http::Request;
use oidc_proto::session::{
    Erased, Event, Persistence, Record, Session, SessionOptions, StoreAction, Ticket, Uncertainty,
};
use oidc_proto::testing::{Disturbance, Lie, On, Reuse, User};
use oidc_proto::{Body, Env as _, Failure, FailureKind, Sent};

use crate::session::endings::{ignores_spent, logged_out};
use crate::session::unverified::behind;
use crate::session::world::{Store, World, call, shared};

const EVERYWHERE: [Persistence; 3] = [Persistence::Nowhere, Persistence::Own, Persistence::Shared];

/// A session with this persistence, whose tokens are in the store if it has one.
pub(super) fn session(world: &mut World, store: &Store, persistence: Persistence) -> Session {
    let record = Record::of_login(world.tokens.clone(), None, &mut world.env);
    store.put(record.clone());
    world.restore(record, SessionOptions::default().with_persistence(persistence))
}

/// Begins a refresh, up to the request for tokens.
pub(super) fn asks(world: &mut World, session: &mut Session, store: &Store) -> (Ticket, Request<Body>) {
    let _ = session.refresh(&mut world.env);
    world.keep(session, store);
    call(session.poll_transmit(&mut world.env).unwrap())
}

/// Whether the login lives, once what the session has given back was revoked.
fn lives(world: &mut World, session: &mut Session) -> bool {
    world.revoke(session);
    world.op.has_grant_of(world.tokens.refresh_token().unwrap().expose())
}

fn is_certain(events: &[Event]) -> bool {
    events.iter().any(|event| matches!(event, Event::LoggedOut(logout) if logout.is_certain()))
}

/// The provider has issued tokens that did not come: the revocation of those before does nothing.
#[test]
fn a_logout_after_a_lost_response_asks_once_more_or_is_not_certain() {
    for persistence in EVERYWHERE {
        for reuse in [Reuse::AllowedUntilSuccessorIsUsed, Reuse::EndsGrant] {
            for in_flight in [false, true] {
                let mut world = World::with(ignores_spent().with_reuse(reuse));
                let store = Store::default();
                let mut session = session(&mut world, &store, persistence);
                let (ticket, request) = asks(&mut world, &mut session, &store);
                world.op.exchange(request, world.env.now()).unwrap();
                let lost = Failure::new(FailureKind::Interrupted, Sent::Maybe);
                if in_flight {
                    session.log_out(&mut world.env);
                    world.keep(&mut session, &store);
                    session.handle_failure(ticket, lost, &mut world.env);
                } else {
                    session.handle_failure(ticket, lost, &mut world.env);
                    session.log_out(&mut world.env);
                }
                let events = world.pump(&mut session, &store);
                let what = format!("{persistence:?} {reuse:?} {in_flight}: {events:?}");
                assert_eq!(is_certain(&events), reuse != Reuse::EndsGrant, "{what}");
                assert!(!lives(&mut world, &mut session) && session.is_idle(), "{what}");
            }
        }
    }
}

/// Tokens that came and are not verified are the newest: nobody is asked for more.
#[test]
fn a_logout_with_unverified_tokens_is_certain() {
    for persistence in EVERYWHERE {
        let mut world = World::with(ignores_spent());
        let store = Store::default();
        let mut session = session(&mut world, &store, persistence);
        behind(&world);
        let _ = session.refresh(&mut world.env);
        world.pump(&mut session, &store);
        let asked = world.op.count(On::Token);
        session.log_out(&mut world.env);
        let events = world.pump(&mut session, &store);
        assert_eq!((is_certain(&events), world.op.count(On::Token)), (true, asked), "{persistence:?}: {events:?}");
        assert!(!lives(&mut world, &mut session) && session.is_idle(), "{persistence:?}");
    }
}

/// The same for tokens that came and whose save is under way, or has failed.
#[test]
fn a_logout_with_tokens_that_are_not_saved_is_certain() {
    for persistence in [Persistence::Own, Persistence::Shared] {
        for has_failed in [false, true] {
            let mut world = World::with(ignores_spent());
            let store = Store::default();
            let mut session = session(&mut world, &store, persistence);
            let _ = session.refresh(&mut world.env);
            if has_failed {
                store.fails("save");
                world.pump(&mut session, &store);
                store.fails("");
            } else {
                world.keep(&mut session, &store);
                world.exchange(&mut session);
            }
            let asked = world.op.count(On::Token);
            session.log_out(&mut world.env);
            let events = world.pump(&mut session, &store);
            let what = format!("{persistence:?} {has_failed}: {events:?}");
            assert_eq!((is_certain(&events), world.op.count(On::Token)), (true, asked), "{what}");
            assert!(!lives(&mut world, &mut session) && session.is_idle(), "{what}");
        }
    }
}

/// The next refresh was sent from tokens that are not saved, and its response is lost: those are not the newest.
#[test]
fn a_logout_after_a_lost_response_to_tokens_that_are_not_saved_asks_once_more() {
    let mut world = World::with(ignores_spent());
    let store = Store::default();
    let mut session = session(&mut world, &store, Persistence::Own);
    store.fails("save");
    let _ = session.refresh(&mut world.env);
    world.pump(&mut session, &store);
    world.op.disturb(On::Token, Disturbance::LostResponse, 1);
    let _ = session.refresh(&mut world.env);
    world.pump(&mut session, &store);
    store.fails("");
    session.log_out(&mut world.env);
    let events = world.pump(&mut session, &store);
    let is_certain = is_certain(&events);
    assert!(!is_certain || !lives(&mut world, &mut session), "{events:?}");
}

/// What comes late is of an earlier record. The refresh that was begun from the later one has no end all the same.
#[test]
fn a_late_response_does_not_explain_the_mark_of_a_later_record() {
    let mut world = World::with(ignores_spent());
    let store = Store::default();
    let mut slow = session(&mut world, &store, Persistence::Shared);
    let mut fast = world.restore(store.record().unwrap(), shared());
    let (late, request) = asks(&mut world, &mut slow, &store);
    let response = world.op.exchange(request, world.env.now()).unwrap();
    store.break_lock();
    let _ = fast.refresh(&mut world.env);
    assert_eq!(world.pump(&mut fast, &store), [Event::TokensRefreshed]);
    // It is killed in the middle of the next one.
    let (_, request) = asks(&mut world, &mut fast, &store);
    world.op.exchange(request, world.env.now()).unwrap();
    drop(fast);
    store.break_lock();

    slow.log_out(&mut world.env);
    world.keep(&mut slow, &store);
    slow.handle_response(late, response, &mut world.env);
    let events = world.pump(&mut slow, &store);
    assert!(logged_out(&events, Erased::Record, true), "{events:?}");
    assert!(!lives(&mut world, &mut slow) && slow.is_idle());
}

/// Somebody has logged out, or another user has logged in. Whoever did may have known less.
#[test]
fn a_lost_response_counts_where_the_record_is_gone_or_another_users() {
    for is_gone in [true, false] {
        for reuse in [Reuse::AllowedUntilSuccessorIsUsed, Reuse::EndsGrant] {
            let op = ignores_spent().with_reuse(reuse).with_user(User::new("alice")).with_user(User::new("bob"));
            let mut world = World::with(op);
            let store = Store::default();
            let mut session = session(&mut world, &store, Persistence::Shared);
            world.op.disturb(On::Token, Disturbance::LostResponse, 1);
            let _ = session.refresh(&mut world.env);
            world.pump(&mut session, &store);
            let erased = if is_gone {
                store.clear();
                Erased::Nothing
            } else {
                let bobs = world.login("bob");
                store.put(Record::of_login(bobs, session.stored(), &mut world.env));
                Erased::OtherLogin
            };
            session.log_out(&mut world.env);
            let events = world.pump(&mut session, &store);
            let is_certain = is_gone && reuse != Reuse::EndsGrant;
            assert!(logged_out(&events, erased, is_certain), "{is_gone} {reuse:?}: {events:?}");
            assert!(!lives(&mut world, &mut session) && session.is_idle(), "{is_gone} {reuse:?}");
        }
    }
}

/// A process was killed in the middle of a refresh, and another user has logged in: the mark is gone with the record.
#[test]
fn a_logout_whose_record_is_another_users_is_not_certain() {
    let op = ignores_spent().with_user(User::new("alice")).with_user(User::new("bob"));
    let mut world = World::with(op);
    let store = Store::default();
    let mut session = session(&mut world, &store, Persistence::Shared);
    let mut killed = world.restore(store.record().unwrap(), shared());
    let (_, request) = asks(&mut world, &mut killed, &store);
    world.op.exchange(request, world.env.now()).unwrap();
    drop(killed);
    store.break_lock();
    let bobs = world.login("bob");
    store.put(Record::of_login(bobs, session.stored(), &mut world.env));
    session.log_out(&mut world.env);
    let events = world.pump(&mut session, &store);
    assert!(logged_out(&events, Erased::OtherLogin, false), "{events:?}");
    assert!(lives(&mut world, &mut session), "nobody has its newest tokens");
}

/// A new login of the same user has taken its place, and has revoked a token that is spent.
#[test]
fn a_lost_response_of_a_login_that_was_replaced_makes_a_logout_uncertain() {
    let mut world = World::with(ignores_spent());
    let store = Store::default();
    let mut session = session(&mut world, &store, Persistence::Shared);
    world.op.disturb(On::Token, Disturbance::LostResponse, 1);
    let _ = session.refresh(&mut world.env);
    world.pump(&mut session, &store);
    let theirs = world.login("alice");
    store.put(Record::of_login(theirs.clone(), session.stored(), &mut world.env));
    session.log_out(&mut world.env);
    let events = world.pump(&mut session, &store);
    assert!(logged_out(&events, Erased::Record, false), "{events:?}");
    assert!(lives(&mut world, &mut session), "nobody has its newest tokens");
    assert!(!world.honours(theirs.access_token().expose()));
}

/// Another process has refreshed, and then the record went: erased by a logout that could not revoke, or lost by the store.
#[test]
fn a_logout_whose_record_is_gone_asks_once_more_or_is_not_certain() {
    for (reuse, is_offline) in [
        (Reuse::AllowedUntilSuccessorIsUsed, false),
        (Reuse::AllowedUntilSuccessorIsUsed, true),
        (Reuse::EndsGrant, false),
    ] {
        let mut world = World::with(ignores_spent().with_reuse(reuse));
        let store = Store::default();
        let mut session = session(&mut world, &store, Persistence::Shared);
        let mut other = world.restore(store.record().unwrap(), shared());
        let _ = other.refresh(&mut world.env);
        assert_eq!(world.pump(&mut other, &store), [Event::TokensRefreshed]);
        store.clear();
        if is_offline {
            world.op.disturb(On::Token, Disturbance::Unreachable, 1);
        }
        session.log_out(&mut world.env);
        let events = world.pump(&mut session, &store);
        let is_certain = reuse != Reuse::EndsGrant && !is_offline;
        assert!(logged_out(&events, Erased::Nothing, is_certain), "{reuse:?} {is_offline}: {events:?}");
        assert_eq!(lives(&mut world, &mut session), is_offline, "{reuse:?} {is_offline}");
    }
}

/// Who has found the record gone, or another user's in its place, knows no more about it when the user logs out.
#[test]
fn a_logout_after_the_end_of_a_session_elsewhere_is_not_certain() {
    for is_gone in [true, false] {
        let mut world = World::with(ignores_spent().with_user(User::new("alice")).with_user(User::new("bob")));
        let store = Store::default();
        let mut session = session(&mut world, &store, Persistence::Shared);
        match is_gone {
            true => store.clear(),
            false => {
                let bobs = world.login("bob");
                store.put(Record::of_login(bobs, session.stored(), &mut world.env));
            }
        }
        let _ = session.refresh(&mut world.env);
        world.pump(&mut session, &store);
        session.log_out(&mut world.env);
        let events = world.pump(&mut session, &store);
        let (erased, why) = match is_gone {
            true => (Erased::Nothing, Uncertainty::NoRecord),
            false => (Erased::OtherLogin, Uncertainty::OtherLogin),
        };
        let is_so = |event: &Event| match event {
            Event::LoggedOut(logout) => logout.erased == erased && logout.uncertainty.as_ref() == Some(&why),
            _ => false,
        };
        assert!(events.iter().any(is_so), "{events:?}");
    }
}

/// The tokens have come, and the keys are fetched for another session: nobody knows when they come.
#[test]
fn tokens_that_wait_for_the_keys_of_another_session_are_given_back() {
    for during_logout in [false, true] {
        let mut world = World::with(ignores_spent().with_reuse(Reuse::AllowedUntilSuccessorIsUsed));
        let store = Store::default();
        let mut session = session(&mut world, &store, Persistence::Nowhere);
        let record = Record::of_login(world.login("alice"), None, &mut world.env);
        let mut fetches = world.restore(record, SessionOptions::default().with_persistence(Persistence::Nowhere));
        world.op.rotate_keys();
        let (ticket, request) = asks(&mut world, &mut fetches, &store);
        world.send(&mut fetches, ticket, request);
        let fetch = fetches.poll_transmit(&mut world.env).map(call).expect("fetches keys");
        if during_logout {
            let (ticket, request) = asks(&mut world, &mut session, &store);
            world.op.exchange(request, world.env.now()).unwrap();
            session.handle_failure(ticket, Failure::new(FailureKind::Interrupted, Sent::Maybe), &mut world.env);
            session.log_out(&mut world.env);
        } else {
            let _ = session.refresh(&mut world.env);
        }
        let (ticket, request) = session.poll_transmit(&mut world.env).map(call).expect("asks for tokens");
        world.send(&mut session, ticket, request);
        assert!(session.poll_transmit(&mut world.env).is_none(), "waits for the keys");
        session.log_out(&mut world.env);
        let events = world.pump(&mut session, &store);
        assert!(is_certain(&events), "{events:?}");
        assert!(!lives(&mut world, &mut session) && session.is_idle());
        drop(fetch);
    }
}

/// Another process has asked with the same refresh token since, and its response was lost: what comes late is not the newest.
#[test]
fn a_record_of_tokens_that_came_late_says_that_they_may_not_be_the_newest() {
    let cases = ["nothing", "save", "save, and leaves", "clock", "access token"];
    for (case, in_pause) in cases.into_iter().flat_map(|case| [(case, false), (case, true)]) {
        let mut world = World::with(ignores_spent().with_reuse(Reuse::AllowedUntilSuccessorIsUsed));
        let store = Store::default();
        let mut late = session(&mut world, &store, Persistence::Shared);
        match case {
            "clock" => behind(&world),
            "access token" => world.op.lie(Lie::TokenEmpty),
            _ => {}
        }
        let (ticket, request) = asks(&mut world, &mut late, &store);
        let response = world.op.exchange(request, world.env.now()).unwrap();
        world.op.honest();
        world.wait(&mut late);
        if in_pause {
            // The lease is over.
            store.break_lock();
        } else {
            world.wait(&mut late);
            let (unlocked, action) = late.poll_store(&mut world.env).unwrap();
            late.handle_store(unlocked, store.response(action).unwrap(), &mut world.env);
        }
        let mut other = world.restore(store.record().unwrap(), shared());
        let (_, request) = asks(&mut world, &mut other, &store);
        world.op.exchange(request, world.env.now()).unwrap();
        drop(other);
        store.break_lock();
        late.handle_response(ticket, response, &mut world.env);
        store.fails(if case.starts_with("save") { "save" } else { "nothing" });
        world.pump(&mut late, &store);
        store.fails("nothing");
        if case == "save" {
            world.wait(&mut late);
            world.pump(&mut late, &store);
        }
        let fails = format!("{case}, {in_pause}");
        let mut leaves = late;
        if case != "save, and leaves" {
            assert_eq!((leaves.generation(), leaves.is_idle()), (2, true), "{fails}");
            leaves = world.restore(store.record().unwrap(), shared());
        }
        let asked = world.op.count(On::Token);
        leaves.log_out(&mut world.env);
        let events = world.pump(&mut leaves, &store);
        assert_eq!(world.op.count(On::Token), asked + 1, "{fails}: {events:?}");
        assert!(!is_certain(&events) || !lives(&mut world, &mut leaves), "{fails}: {events:?}");
    }
}

/// The store was slow to answer when the session prepared the refresh. The lease counts from when it was asked.
#[test]
fn a_lease_counts_from_when_the_store_was_asked_and_not_from_its_answer() {
    for seconds in [4, 6] {
        let mut world = World::with(ignores_spent().with_reuse(Reuse::AllowedUntilSuccessorIsUsed));
        let store = Store::default();
        let mut session = session(&mut world, &store, Persistence::Shared);
        let _ = session.refresh(&mut world.env);
        let (prepared, action) = loop {
            let (ticket, action) = session.poll_store(&mut world.env).unwrap();
            match action {
                StoreAction::Prepare { .. } => break (ticket, action),
                action => session.handle_store(ticket, store.response(action).unwrap(), &mut world.env),
            }
        };
        world.advance(40);
        session.handle_store(prepared, store.response(action).unwrap(), &mut world.env);
        let (ticket, request) = call(session.poll_transmit(&mut world.env).unwrap());
        world.send(&mut session, ticket, request);
        world.advance(seconds);
        store.break_lock();
        let asked = world.op.count(On::Token);
        session.log_out(&mut world.env);
        let events = world.pump(&mut session, &store);
        let has_asked = world.op.count(On::Token) > asked;
        assert_eq!((is_certain(&events), has_asked), (true, seconds == 6), "{seconds}: {events:?}");
        assert!(!lives(&mut world, &mut session), "{seconds}");
    }
}

/// The process slept with tokens that it had not verified or not saved, or could not reach its store, the lease ran out, and
/// another process has asked with the same refresh token and was killed.
#[test]
fn a_logout_after_a_lease_that_ran_out_does_not_take_its_own_tokens_for_the_newest() {
    for (is_unsaved, sleeps) in [(false, true), (true, true), (false, false), (true, false)] {
        let mut world = World::with(ignores_spent().with_reuse(Reuse::AllowedUntilSuccessorIsUsed));
        let store = Store::default();
        let mut session = session(&mut world, &store, Persistence::Shared);
        if is_unsaved {
            store.fails("save");
        } else {
            behind(&world);
        }
        let _ = session.refresh(&mut world.env);
        world.pump(&mut session, &store);
        assert_eq!((store.is_locked(), session.is_idle()), (is_unsaved, !is_unsaved));
        if sleeps {
            world.advance(100);
        } else {
            let until = world.env.monotonic().saturating_add(Duration::from_secs(100));
            store.fails(if is_unsaved { "save" } else { "load" });
            while world.env.monotonic() < until {
                world.wait(&mut session);
                world.pump(&mut session, &store);
            }
        }
        store.fails("nothing");
        store.break_lock();
        let mut other = world.restore(store.record().unwrap(), shared());
        let (_, request) = asks(&mut world, &mut other, &store);
        world.op.exchange(request, world.env.now()).unwrap();
        drop(other);
        store.break_lock();
        let asked = world.op.count(On::Token);
        session.log_out(&mut world.env);
        let events = world.pump(&mut session, &store);
        assert_eq!(
            (is_certain(&events), world.op.count(On::Token)),
            (true, asked + 1),
            "{is_unsaved} {sleeps}: {events:?}"
        );
        assert!(!lives(&mut world, &mut session), "{is_unsaved} {sleeps}");
    }
}
