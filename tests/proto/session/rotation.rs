//! Two processes that ask with the same refresh token, since one of them has lost its lock. The provider goes on from the
//! answer that it gave last, and that one gets lost: what was saved is worth nothing, the token before it may be.

use oidc_proto::session::{Access, Event, Record, Refusal, Session, Standing};
use oidc_proto::testing::{self, Disturbance, On, Reuse};
use oidc_proto::{Env as _, Failure, FailureKind, Sent};

use crate::session::world::{ISSUER, Store, World, call, needs_login, shared};

/// A process that has saved its response, and the provider does not know it any more.
fn overtaken(reuse: Reuse) -> (World, Session, Store) {
    let mut world = World::with(testing::Provider::new(ISSUER).with_reuse(reuse));
    let store = Store::default();
    store.put(Record::new(1, world.tokens.clone()));
    world.forget_keys();
    let [mut slow, mut fast] = [(); 2].map(|()| world.restore(store.record().unwrap(), shared()));

    let _ = slow.refresh(&mut world.env);
    world.keep(&mut slow, &store);
    let (ticket, request) = call(slow.poll_transmit(&mut world.env).unwrap());
    let response = world.op.exchange(request, world.env.now()).unwrap();
    store.break_lock();

    let _ = fast.refresh(&mut world.env);
    world.keep(&mut fast, &store);
    let (lost, request) = call(fast.poll_transmit(&mut world.env).unwrap());
    let _ = world.op.exchange(request, world.env.now());
    fast.handle_failure(lost, Failure::new(FailureKind::Interrupted, Sent::Maybe), &mut world.env);
    world.keep(&mut fast, &store);

    slow.handle_response(ticket, response, &mut world.env);
    // The keys for its ID token.
    world.exchange(&mut slow);
    world.keep(&mut slow, &store);
    assert_eq!((slow.generation(), slow.end()), (2, None));
    while slow.poll_event().is_some() {}
    (world, slow, store)
}

#[test]
fn the_token_before_is_tried_once_more() {
    for restored in [false, true] {
        let (mut world, mut session, store) = overtaken(Reuse::AllowedUntilSuccessorIsUsed);
        if restored {
            // Another process, or the same after a restart, has it from the record.
            let json = serde_json::to_string(&store.record().unwrap()).unwrap();
            session = world.restore(Record::from_json(&json).unwrap(), shared());
        }
        let asked = world.op.count(On::Token);
        let _ = session.refresh(&mut world.env);
        assert_eq!(world.pump(&mut session, &store), [Event::TokensRefreshed]);
        assert_eq!(world.op.count(On::Token), asked + 2);
        let token = world.tokens_of(&session);
        assert!(world.honours(&token) && !store.is_locked());
        assert_eq!(store.record().unwrap().tokens.access_token().expose(), token);
        // And it goes on from there.
        let _ = session.refresh(&mut world.env);
        assert_eq!(world.pump(&mut session, &store), [Event::TokensRefreshed]);
    }
}

#[test]
fn a_grant_that_is_gone_is_asked_for_twice_and_no_more() {
    let (mut world, mut session, store) = overtaken(Reuse::EndsGrant);
    let asked = world.op.count(On::Token);
    let _ = session.refresh(&mut world.env);
    assert!(needs_login(&world.pump(&mut session, &store)));
    assert_eq!((world.op.count(On::Token), session.end().is_some()), (asked + 2, true));
    assert!(!store.is_locked());
}

/// Tokens of a new login have nothing before them.
#[test]
fn a_new_login_does_not_go_back_to_the_one_before() {
    let (mut world, mut session, store) = overtaken(Reuse::AllowedUntilSuccessorIsUsed);
    let tokens = world.login("alice");
    session.adopt(tokens, &mut world.env).unwrap();
    world.pump(&mut session, &store);
    world.op.end_grants();
    let asked = world.op.count(On::Token);
    let _ = session.refresh(&mut world.env);
    assert!(needs_login(&world.pump(&mut session, &store)));
    assert_eq!(world.op.count(On::Token), asked + 1);
}

/// Whether another process was faster cannot be known then: the session is not given up for that.
#[test]
fn a_last_look_that_fails_is_no_end() {
    for waits in [false, true] {
        let mut world = World::new();
        let store = Store::default();
        store.put(Record::new(1, world.tokens.clone()));
        let mut session = world.restore(store.record().unwrap(), shared());
        world.advance(301);
        let theirs = world.login("alice");
        world.op.end_grants();
        let _ = world.ask(&mut session);
        world.keep(&mut session, &store);
        world.exchange(&mut session);
        if waits {
            // The store says nothing at all.
            let _unanswered = session.poll_store(&mut world.env).unwrap();
            world.wait(&mut session);
        } else {
            store.fails("load");
        }
        let events = world.pump(&mut session, &store);
        assert!(matches!(events[..], [Event::BackingOff { .. }]), "{events:?}");
        assert_eq!((session.end(), store.is_locked()), (None, false));
        store.fails("");
        store.put(Record::new(2, theirs));
        world.wait(&mut session);
        assert_eq!(world.pump(&mut session, &store), [Event::TokensRefreshed]);
    }
}

/// Also of tokens whose keys came later.
#[test]
fn a_record_has_the_token_that_its_own_were_obtained_by() {
    for is_late in [false, true] {
        let mut world = World::new();
        let store = Store::default();
        store.put(Record::new(1, world.tokens.clone()));
        if is_late {
            world.forget_keys();
            world.op.disturb(On::Jwks, Disturbance::Timeout, 1);
        }
        let mut session = world.restore(store.record().unwrap(), shared());
        let _ = session.refresh(&mut world.env);
        world.pump(&mut session, &store);
        if is_late {
            assert_eq!(session.generation(), 2, "the refresh token that came");
            world.wait(&mut session);
            world.pump(&mut session, &store);
        }
        assert_eq!(session.generation(), if is_late { 3 } else { 2 });
        let stored = serde_json::to_value(store.record().unwrap()).unwrap();
        let before = world.tokens.refresh_token().unwrap();
        assert_eq!(stored["spent_refresh_token"], before.expose(), "{is_late}");
    }
}

/// Where a provider gives the same access token again with a new life, newer is what came later, not what reads otherwise.
#[test]
fn eight_processes_refresh_once_where_the_access_token_stays_the_same() {
    let mut world = World::new();
    let store = Store::default();
    store.put(Record::of_login(world.tokens.clone(), None, &mut world.env));
    world.op.edit_json(On::Token, |response| {
        response.insert("access_token".into(), "the same".into());
        response.remove("id_token");
    });
    let mut first = world.restore(store.record().unwrap(), shared());
    let _ = first.refresh(&mut world.env);
    assert_eq!(world.pump(&mut first, &store), [Event::TokensRefreshed]);
    let mut sessions: Vec<_> = (0..8).map(|_| world.restore(store.record().unwrap(), shared())).collect();
    for _ in 0..3 {
        world.advance(301);
        let asked = world.op.count(On::Token);
        for session in &mut sessions {
            assert!(matches!(world.ask(session), Err(Some(_))), "it has expired");
            assert_eq!(world.pump(session, &store), [Event::TokensRefreshed]);
            assert_eq!(session.standing(&world.env), Standing::Good);
            world.advance(1);
        }
        assert_eq!(world.op.count(On::Token), asked + 1);
    }
    // A doubt is about what was there before, a refusal about the token itself.
    let [one, two, ..] = &mut sessions[..] else { panic!() };
    let token = one.tokens().access_token().clone();
    let _ = two.refresh(&mut world.env);
    world.pump(two, &store);
    let asked = world.op.count(On::Token);
    assert!(matches!(one.unauthorized(&token, Refusal::Token, &mut world.env), Access::Wait(_)));
    world.pump(one, &store);
    assert_eq!(world.op.count(On::Token), asked + 1);
}
