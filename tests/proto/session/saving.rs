//! Tokens that could not be saved: what becomes of them when the next refresh is due.

use oidc_proto::session::{
    Access, Event, Persistence, Record, RefreshPolicy, Session, SessionOptions, Standing, StoreAction, StoreResponse,
};
use oidc_proto::testing::{Disturbance, On};
use oidc_proto::{Env as _, ErrorCode};

use crate::session::world::{Store, World, broken, record, shared, stalled};

/// Refreshed five minutes ago, and not saved ever since: the access token has expired again.
fn unsaved(world: &mut World, store: &Store) -> Session {
    // The last record that was saved: nobody else has saved one since.
    store.put(Record::new(1, world.tokens.clone()));
    let mut session = world.restore(store.record().unwrap(), shared());
    store.fails("save");
    world.advance(301);
    let _ = world.ask(&mut session);
    assert_eq!(world.pump(&mut session, store), [Event::TokensRefreshed, Event::NotSaved(broken("save"))]);
    world.advance(301);
    store.log();
    session
}

/// Another process would go on from a refresh token whose successor has been used.
#[test]
fn what_was_not_saved_is_saved_before_it_is_refreshed_again() {
    let (mut world, store) = (World::new(), Store::default());
    let mut session = unsaved(&mut world, &store);
    store.fails("");
    let epoch = world.ask(&mut session).unwrap_err().unwrap();
    assert_eq!(world.pump(&mut session, &store), [Event::TokensRefreshed]);
    assert_eq!(store.log(), ["load", "save", "prepare", "save", "unlock"], "the lock has been held since");
    assert_eq!((session.generation(), store.record().unwrap().generation), (3, 3));
    let kept = store.record().unwrap().tokens.access_token().expose().to_owned();
    assert_eq!(world.outcome(&session, epoch), Ok(kept));
    assert!(session.is_idle());
}

#[test]
fn a_refresh_waits_for_a_store_that_does_not_save() {
    let (mut world, store) = (World::new(), Store::default());
    let mut session = unsaved(&mut world, &store);
    let asked = world.op.count(On::Token);
    let epoch = world.ask(&mut session).unwrap_err().unwrap();
    let events = world.pump(&mut session, &store);
    assert!(matches!(events[..], [Event::NotSaved(_), Event::BackingOff { .. }]), "{events:?}");
    assert_eq!(world.outcome(&session, epoch), Err("store.io"));
    assert_eq!((store.log(), store.is_locked()), (vec!["load", "save"], true));
    let mut failures = 1;
    while failures < 10 {
        world.wait(&mut session);
        let events = world.pump(&mut session, &store);
        if events.iter().any(|event| matches!(event, Event::BackingOff { .. })) {
            failures += 1;
            assert_eq!(stalled(&events, ErrorCode::STORE_IO), failures == 8, "{failures}: {events:?}");
        }
        assert_eq!((world.op.count(On::Token), events.contains(&Event::NotSaved(broken("save")))), (asked, true));
    }
    store.fails("");
    let mut events = Vec::new();
    while events.is_empty() {
        world.wait(&mut session);
        events = world.pump(&mut session, &store);
    }
    assert_eq!(events, [Event::TokensRefreshed]);
    let token = world.ask(&mut session).unwrap();
    assert!(world.honours(&token));
    assert_eq!(store.record().unwrap().tokens.access_token().expose(), token);
    assert!(!store.is_locked() && session.is_idle());
}

/// A full disk, or a read-only one: the old token is as good as it was, and the provider was not asked.
#[test]
fn nothing_is_spent_that_cannot_be_kept() {
    for persistence in [Persistence::Shared, Persistence::Own] {
        let (mut world, store) = (World::new(), Store::default());
        store.put(Record::new(1, world.tokens.clone()));
        let options = SessionOptions::default().with_persistence(persistence);
        let mut session = world.restore(store.record().unwrap(), options);
        let asked = world.op.count(On::Token);
        store.fails("prepare");
        let Access::Wait(epoch) = session.refresh(&mut world.env) else { panic!() };
        assert!(matches!(world.pump(&mut session, &store)[..], [Event::BackingOff { .. }]));
        assert_eq!((world.outcome(&session, epoch), world.op.count(On::Token)), (Err("store.io"), asked));
        assert_eq!(world.ask(&mut session).as_deref(), Ok(world.tokens.access_token().expose()));
        assert!(!store.is_locked() && !store.is_begun());
        store.fails("");
        world.wait(&mut session);
        assert_eq!(world.pump(&mut session, &store), [Event::TokensRefreshed]);
        assert!(session.is_idle() && !store.is_begun());
    }
}

#[test]
fn the_mark_of_a_refresh_stays_until_it_has_an_end() {
    for persistence in [Persistence::Shared, Persistence::Own] {
        for (fault, stays) in [
            (Disturbance::status(503), false),
            (Disturbance::status(429), false),
            (Disturbance::status(502), true),
            (Disturbance::Timeout, true),
        ] {
            let (mut world, store) = (World::new(), Store::default());
            store.put(Record::new(1, world.tokens.clone()));
            let options = SessionOptions::default().with_persistence(persistence);
            let mut session = world.restore(store.record().unwrap(), options);
            world.op.disturb(On::Token, fault.clone(), 1);
            let _ = session.refresh(&mut world.env);
            world.pump(&mut session, &store);
            assert_eq!(store.is_begun(), stays, "{fault:?}");
            // What was begun before is not ended by an attempt that spends nothing.
            world.op.disturb(On::Token, Disturbance::status(503), 1);
            world.wait(&mut session);
            world.pump(&mut session, &store);
            assert_eq!(store.is_begun(), stays, "{fault:?}");
            world.wait(&mut session);
            assert!(world.pump(&mut session, &store).contains(&Event::TokensRefreshed));
            assert!(!store.is_begun() && session.is_idle());
        }
    }
}

/// A process was killed in the middle of a refresh. The access token before may have ended with it.
#[test]
fn tokens_beside_a_refresh_that_was_begun_are_refreshed_before_anyone_gets_them() {
    let (mut world, store) = (World::new(), Store::default());
    let mut session = world.restore(Record::new(1, world.tokens.clone()), shared());
    let theirs = world.login("alice");
    store.put(Record::new(2, theirs.clone()));
    let prepare = StoreAction::Prepare { expect: store.record().map(|record| record.version()) };
    assert!(matches!(store.response(prepare), Some(StoreResponse::Prepared)));
    world.advance(301);
    let epoch = world.ask(&mut session).unwrap_err().unwrap();
    assert_eq!(world.pump(&mut session, &store), [Event::TokensRefreshed]);
    assert_ne!(world.outcome(&session, epoch).unwrap(), theirs.access_token().expose());
    assert_eq!(store.log(), ["prepare", "lock", "load", "prepare", "save", "unlock"]);
}

/// Tokens that came and were not saved are the end of no refresh in the store: whoever starts from the record has to know.
#[test]
fn the_mark_stays_while_tokens_are_not_saved() {
    let (mut world, store) = (World::new(), Store::default());
    let mut session = unsaved(&mut world, &store);
    assert!(store.is_begun());
    for action in ["load", "save"] {
        store.fails(action);
        let _ = world.ask(&mut session);
        world.keep(&mut session, &store);
        assert!(store.is_begun(), "{action}");
        world.wait(&mut session);
    }
    // The store says nothing at all.
    let (_never, _) = session.poll_store(&mut world.env).unwrap();
    world.advance(60);
    session.handle_timeout(&mut world.env);
    store.fails("save");
    world.keep(&mut session, &store);
    assert!(store.is_begun(), "no response");
    let newer = world.login("alice");
    session.adopt(newer, &mut world.env).unwrap();
    world.keep(&mut session, &store);
    assert!(store.is_begun(), "a new login that is not saved");
    store.fails("");
    world.wait(&mut session);
    world.pump(&mut session, &store);
    assert!(!store.is_begun() && session.is_idle());
}

/// The lease ran out, and another process saved something while this one was about to.
#[test]
fn what_others_saved_first_is_taken() {
    let (mut world, store) = (World::new(), Store::default());
    let mut session = unsaved(&mut world, &store);
    store.fails("");
    let epoch = world.ask(&mut session).unwrap_err().unwrap();
    let (ticket, action) = session.poll_store(&mut world.env).unwrap();
    let response = store.response(action).unwrap();
    session.handle_store(ticket, response, &mut world.env);
    let theirs = world.login("alice");
    store.put(record(&session, 3, &theirs));
    let asked = world.op.count(On::Token);
    assert_eq!(world.pump(&mut session, &store), [Event::TokensRefreshed]);
    assert_eq!(store.log(), ["load", "save", "unlock"]);
    assert_eq!(world.outcome(&session, epoch).unwrap(), theirs.access_token().expose());
    assert_eq!((session.generation(), world.op.count(On::Token)), (3, asked));
    assert!(session.is_idle(), "there is nothing of its own left to save");
}

/// The same when it is tried again without a refresh. The lock is given back, whoever holds it by now.
#[test]
fn what_others_saved_meanwhile_is_not_overwritten() {
    let (mut world, store) = (World::new(), Store::default());
    let mut session = world.session(shared());
    store.fails("save");
    world.advance(301);
    let _ = world.ask(&mut session);
    world.pump(&mut session, &store);
    let theirs = world.login("alice");
    store.put(record(&session, 3, &theirs));
    store.fails("");
    store.log();
    world.wait(&mut session);
    assert_eq!(world.pump(&mut session, &store), []);
    assert_eq!((store.log(), store.is_locked(), session.is_idle()), (vec!["save", "unlock"], false, true));
    let record = store.record().unwrap();
    assert_eq!((record.generation, record.tokens.access_token().expose()), (3, theirs.access_token().expose()));
    assert_ne!(world.tokens_of(&session), theirs.access_token().expose());
    // Which of the two the provider issued last, nobody knows: theirs are looked at before ours are used on.
    assert_eq!(session.standing(&world.env), Standing::Doubtful);
    let epoch = world.ask(&mut session).unwrap_err().unwrap();
    assert_eq!(world.pump(&mut session, &store), [Event::TokensRefreshed]);
    assert_eq!(world.outcome(&session, epoch).as_deref(), Ok(theirs.access_token().expose()));
}

/// The store was slow: it saved the tokens of the login after all, and those of the next one it did not.
#[test]
fn an_older_record_of_its_own_is_not_taken_for_another_process() {
    let (mut world, store) = (World::new(), Store::default());
    let mut session = world.session(shared());
    session.save(&world.env);
    let (_slow, save) = session.poll_store(&mut world.env).unwrap();
    let newer = world.login("alice");
    session.adopt(newer.clone(), &mut world.env).unwrap();
    let _lost = session.poll_store(&mut world.env).unwrap();
    world.wait(&mut session);
    store.response(save);
    let old = world.tokens.access_token().expose().to_owned();
    assert_eq!(store.record().unwrap().tokens.access_token().expose(), old);
    assert_eq!(world.tokens_of(&session), newer.access_token().expose());

    let Access::Wait(epoch) = session.refresh(&mut world.env) else { panic!() };
    world.pump(&mut session, &store);
    let token = world.outcome(&session, epoch).unwrap();
    assert!(token != old && token != newer.access_token().expose(), "it was refreshed");
    assert_eq!(store.record().unwrap().tokens.access_token().expose(), token);
}

/// The lock that is kept for unsaved tokens is a lease: each save renews it, before it ends.
#[test]
fn the_pause_before_the_next_save_is_shorter_than_the_lease() {
    let (mut world, store) = (World::new(), Store::default());
    let options = shared().with_refresh(RefreshPolicy::Manual);
    store.put(Record::new(1, world.tokens.clone()));
    let mut session = world.restore(store.record().unwrap(), options);
    store.fails("save");
    assert!(matches!(session.refresh(&mut world.env), Access::Wait(_)));
    assert_eq!(world.pump(&mut session, &store), [Event::TokensRefreshed, Event::NotSaved(broken("save"))]);
    for _ in 0..12 {
        let before = world.env.monotonic();
        world.wait(&mut session);
        let pause = world.env.monotonic().saturating_since(before);
        assert!(pause <= options.deadline() / 2, "{pause:?}");
        assert_eq!(world.pump(&mut session, &store), [Event::NotSaved(broken("save"))]);
        assert!(store.is_locked());
    }
    store.fails("");
    world.wait(&mut session);
    assert_eq!(world.pump(&mut session, &store), []);
    assert!(session.is_idle() && !store.is_locked());
}

/// A lock that is a lease, and no longer than it has to be: whoever has unsaved tokens gives a sign of life in time, however
/// long the store fails, also when the next refresh is due.
#[test]
fn rule_9_a_lease_is_renewed_while_tokens_are_not_saved() {
    for refresh in [RefreshPolicy::Ahead, RefreshPolicy::OnDemand, RefreshPolicy::Manual] {
        let (mut world, store) = (World::new(), Store::default());
        let options = shared().with_refresh(refresh);
        store.put(Record::new(1, world.tokens.clone()));
        let mut session = world.restore(store.record().unwrap(), options);
        store.fails("save");
        assert!(matches!(session.refresh(&mut world.env), Access::Wait(_)));
        let mut renewed = world.env.monotonic();
        for round in 0..40 {
            world.pump(&mut session, &store);
            // With these the lease begins anew, also if the store then fails.
            if store.log().iter().any(|action| ["lock", "load", "save"].contains(action)) {
                renewed = world.env.monotonic();
            }
            world.wait(&mut session);
            if world.env.monotonic().saturating_since(renewed) >= options.deadline() {
                store.break_lock();
            }
            let others = store.response(StoreAction::Lock);
            assert!(others.is_none(), "{refresh:?}, {round}: another process has the lock, and the spent token");
        }
        store.fails("");
        while store.is_locked() {
            world.wait(&mut session);
            world.pump(&mut session, &store);
        }
        let kept = store.record().unwrap().tokens;
        assert_eq!(kept.access_token().expose(), world.tokens_of(&session), "{refresh:?}");
    }
}
