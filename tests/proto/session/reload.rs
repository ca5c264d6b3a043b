//! Somebody says that the record may have changed: what the session finds is what counts.

use oidc_proto::ErrorCode;
use oidc_proto::session::{
    Access, End, Event, Outcome, Persistence, Record, RefreshPolicy, Session, SessionOptions, Standing, StoreAction,
    StoreResponse,
};
use oidc_proto::testing::{self, On, User};

use super::herd;
use super::world::{ISSUER, Store, World, needs_login, record, shared};

/// A session whose record is in the store, and the store.
fn stored(world: &mut World) -> (Session, Store) {
    let (mut session, store) = (world.session(shared()), Store::default());
    session.save(&world.env);
    assert!(world.pump(&mut session, &store).is_empty());
    store.log();
    (session, store)
}

#[test]
fn a_record_that_is_the_same_changes_nothing() {
    let mut world = World::new();
    let (mut session, store) = stored(&mut world);
    let (token, asked) = (world.tokens_of(&session), world.op.requests().len());
    for _ in 0..100 {
        session.reload();
    }
    assert!(world.pump(&mut session, &store).is_empty());
    // Without the lock, and once for all of them.
    assert_eq!(store.log(), ["load"]);
    assert_eq!((world.tokens_of(&session), world.op.requests().len()), (token, asked));
    assert!(world.pump(&mut session, &store).is_empty());
    assert!(store.log().is_empty() && session.is_idle());
}

#[test]
fn newer_tokens_are_taken_without_a_request() {
    let mut world = World::new();
    let (mut session, store) = stored(&mut world);
    let newer = world.login("alice");
    store.put(record(&session, 2, &newer));
    let asked = world.op.requests().len();
    session.reload();
    assert!(matches!(world.pump(&mut session, &store)[..], [Event::TokensRefreshed]));
    assert_eq!(world.ask(&mut session).unwrap(), newer.access_token().expose());
    assert_eq!((session.generation(), world.op.requests().len()), (2, asked));
    assert_eq!(store.log(), ["load"]);
}

#[test]
fn a_record_that_is_gone_ends_the_session() {
    let mut world = World::new();
    let (mut session, store) = stored(&mut world);
    store.clear();
    session.reload();
    let events = world.pump(&mut session, &store);
    assert!(events.iter().any(|event| matches!(event, Event::LoggedOutElsewhere)), "{events:?}");
    assert_eq!(session.end(), Some(End::LoggedOutElsewhere));
    // It has nothing more to learn.
    store.log();
    session.reload();
    assert!(world.pump(&mut session, &store).is_empty() && store.log().is_empty());
}

#[test]
fn a_record_of_another_user_ends_the_session() {
    let op = testing::Provider::new(ISSUER).with_user(User::new("alice")).with_user(User::new("bob"));
    let mut world = World::with(op);
    let (mut session, store) = stored(&mut world);
    store.put(Record::new(2, world.login("bob")));
    session.reload();
    world.pump(&mut session, &store);
    assert!(matches!(session.end(), Some(End::Replaced(_))));
}

/// Nobody knows who has logged in, so another login is taken for another user's, and the error says why.
#[test]
fn a_record_of_another_login_without_an_id_token_is_not_taken_and_it_is_said_why() {
    let mut world = World::new();
    world.tokens = herd::login(&mut world);
    let (mut session, store) = stored(&mut world);
    let others = herd::login(&mut world);
    store.put(Record::of_login(others, session.stored(), &mut world.env));
    session.reload();
    let events = world.pump(&mut session, &store);
    let Some(Event::Replaced(error)) = events.last() else { panic!("{events:?}") };
    assert_eq!((error.code(), error.expected(), error.found()), (ErrorCode::SESSION_MISMATCH, None, None));
    assert!(error.hint().contains("Neither login has an ID token"), "{error}");
}

#[test]
fn a_pause_ends_by_newer_tokens_and_not_by_a_hint() {
    let mut world = World::new();
    let (mut session, store) = stored(&mut world);
    world.advance(301);
    store.fails("load");
    assert!(matches!(world.ask(&mut session), Err(Some(_))), "it waits");
    assert!(matches!(world.pump(&mut session, &store)[..], [Event::BackingOff { .. }]));
    store.fails("");
    let Access::Wait(epoch) = session.access(&mut world.env) else { panic!("it pauses") };
    let asked = world.op.requests().len();
    session.reload();
    assert!(world.pump(&mut session, &store).is_empty());
    assert_eq!((world.outcome(&session, epoch), world.op.requests().len()), (Err("pending"), asked));

    let newer = world.login("alice");
    let asked = world.op.requests().len();
    store.put(record(&session, 2, &newer));
    session.reload();
    assert!(matches!(world.pump(&mut session, &store)[..], [Event::TokensRefreshed]));
    assert_eq!(world.outcome(&session, epoch).unwrap(), newer.access_token().expose());
    assert_eq!((world.op.requests().len(), session.last_failure().is_none()), (asked, true));
}

#[test]
fn a_login_elsewhere_is_enough_for_a_session_that_needs_one() {
    let mut world = World::new();
    let (mut session, store) = stored(&mut world);
    world.op.end_grants();
    let _ = session.refresh(&mut world.env);
    assert!(needs_login(&world.pump(&mut session, &store)));
    // The record is that of the ended grant: a hint alone does not help.
    session.reload();
    assert!(world.pump(&mut session, &store).is_empty() && session.end().is_some());
    // Nor does a record that is gone: whoever logs in anew saves a first one.
    let ended = store.record().unwrap();
    store.clear();
    session.reload();
    assert!(world.pump(&mut session, &store).is_empty());
    assert!(matches!(session.end(), Some(End::NeedsLogin(_))));
    store.put(ended.clone());

    let tokens = world.login("alice");
    let next = Record::of_login(tokens.clone(), Some(ended.version()), &mut world.env);
    store.put(next);
    session.reload();
    assert!(matches!(world.pump(&mut session, &store)[..], [Event::TokensRefreshed]));
    assert_eq!(world.ask(&mut session).unwrap(), tokens.access_token().expose());
    assert!(world.revoke(&mut session).is_empty(), "whoever logged in has given the login before back");
}

#[test]
fn what_was_read_before_a_refresh_is_read_again_after_it() {
    let mut world = World::new();
    let (mut session, store) = stored(&mut world);
    session.reload();
    let (ticket, action) = session.poll_store(&mut world.env).unwrap();
    assert!(matches!(action, StoreAction::Load));
    let stale = store.response(action).unwrap();
    let Access::Wait(epoch) = session.refresh(&mut world.env) else { panic!("it begins") };
    assert!(matches!(world.pump(&mut session, &store)[..], [Event::TokensRefreshed]));
    let token = world.tokens_of(&session);
    store.log();
    session.handle_store(ticket, stale, &mut world.env);
    assert!(world.pump(&mut session, &store).is_empty());
    assert_eq!((world.outcome(&session, epoch), world.tokens_of(&session)), (Ok(token.clone()), token));
    assert_eq!(store.log(), ["load"]);
}

#[test]
fn a_logout_that_was_read_before_a_new_login_does_not_end_it() {
    let mut world = World::new();
    let (mut session, store) = stored(&mut world);
    store.clear();
    session.reload();
    let (ticket, action) = session.poll_store(&mut world.env).unwrap();
    let stale = store.response(action).unwrap();
    assert!(matches!(stale, StoreResponse::Loaded { record: None, .. }));
    let tokens = world.login("alice");
    session.adopt(tokens.clone(), &mut world.env).unwrap();
    world.pump(&mut session, &store);
    session.handle_store(ticket, stale, &mut world.env);
    world.pump(&mut session, &store);
    assert_eq!(world.ask(&mut session).unwrap(), tokens.access_token().expose());
}

#[test]
fn a_hint_waits_until_a_refresh_is_over() {
    let mut world = World::new();
    let (mut session, store) = stored(&mut world);
    let _ = session.refresh(&mut world.env);
    world.keep(&mut session, &store);
    session.reload();
    assert!(session.poll_store(&mut world.env).is_none());
    world.pump(&mut session, &store);
    assert_eq!(store.log(), ["lock", "load", "prepare", "save", "unlock", "load"]);
}

#[test]
fn a_logout_does_not_wait_for_a_reload() {
    let mut world = World::new();
    let (mut session, store) = stored(&mut world);
    session.reload();
    session.log_out(&mut world.env);
    world.pump(&mut session, &store);
    assert_eq!((session.end(), store.record().is_none()), (Some(End::LoggedOut), true));
    assert_eq!(store.log(), ["lock", "load", "erase", "unlock"]);
}

#[test]
fn a_store_that_does_not_answer_a_reload_is_asked_again_after_the_next_refresh() {
    let mut world = World::new();
    let (mut session, store) = stored(&mut world);
    store.fails("load");
    session.reload();
    assert!(world.pump(&mut session, &store).is_empty());
    store.fails("");
    session.reload();
    let (_lost, _) = session.poll_store(&mut world.env).unwrap();
    session.reload();
    assert!(session.poll_store(&mut world.env).is_none());
    let _ = session.refresh(&mut world.env);
    world.pump(&mut session, &store);
    assert_eq!(store.log(), ["load", "lock", "load", "prepare", "save", "unlock", "load"]);
}

#[test]
fn tokens_that_the_store_has_lost_are_not_given_up_for_earlier_ones() {
    let mut world = World::new();
    let (mut session, store) = stored(&mut world);
    let earlier = store.record().unwrap();
    world.advance(10);
    let _ = session.refresh(&mut world.env);
    world.pump(&mut session, &store);
    let (token, asked) = (world.tokens_of(&session), world.op.count(On::Token));
    store.put(earlier);
    session.reload();
    assert!(world.pump(&mut session, &store).is_empty());
    assert_eq!((world.tokens_of(&session), world.op.count(On::Token)), (token, asked));
}

/// They are newer than what it had, and perhaps ended by now: a refresh was begun from them.
#[test]
fn tokens_of_a_refresh_that_was_begun_elsewhere_are_doubtful() {
    for is_pausing in [false, true] {
        let mut world = World::new();
        let (mut session, store) = stored(&mut world);
        if is_pausing {
            store.fails("load");
            let _ = session.refresh(&mut world.env);
            assert!(matches!(world.pump(&mut session, &store)[..], [Event::BackingOff { .. }]));
            store.fails("");
        }
        let newer = world.login("alice");
        store.put(record(&session, 2, &newer));
        begin(&store);
        session.reload();
        assert!(world.pump(&mut session, &store).is_empty(), "no news, and a pause goes on");
        assert_eq!(world.tokens_of(&session), newer.access_token().expose());
        assert_eq!(session.standing(&world.env), Standing::Doubtful);
        assert!(session.current(&world.env).is_none());
        if is_pausing {
            assert!(matches!(session.access(&mut world.env), Access::Doubtful { .. }));
            world.wait(&mut session);
        }
        let epoch = world.ask(&mut session).unwrap_err().unwrap();
        assert_eq!(world.pump(&mut session, &store), [Event::TokensRefreshed]);
        assert_ne!(world.outcome(&session, epoch).unwrap(), newer.access_token().expose());
    }
}

/// Another process has asked for the next ones.
fn begin(store: &Store) {
    let begun = StoreAction::Prepare { expect: store.record().map(|record| record.version()) };
    assert!(matches!(store.response(begun), Some(StoreResponse::Prepared)));
}

/// Somebody has logged in again, and his tokens are not good any more: they are refreshed.
#[test]
fn a_login_elsewhere_that_is_to_be_refreshed_is_enough_for_a_session_that_needs_one() {
    for refresh in [RefreshPolicy::Ahead, RefreshPolicy::OnDemand] {
        for is_begun in [false, true] {
            let (mut world, store) = (World::new(), Store::default());
            let mut session = world.session(shared().with_refresh(refresh));
            session.save(&world.env);
            world.pump(&mut session, &store);
            world.op.end_grants();
            let _ = session.refresh(&mut world.env);
            assert!(needs_login(&world.pump(&mut session, &store)));
            // The ended grant under another number is no other.
            let mut ended = store.record().unwrap();
            ended.generation += 1;
            store.put(ended.clone());
            session.reload();
            assert!(world.pump(&mut session, &store).is_empty() && session.end().is_some());

            let next = Record::of_login(world.login("alice"), Some(ended.version()), &mut world.env);
            store.put(next);
            if is_begun {
                begin(&store);
            } else {
                world.advance(301);
            }
            session.reload();
            assert!(world.pump(&mut session, &store).is_empty());
            assert_eq!(session.end(), None, "{refresh:?} {is_begun}");
            if refresh == RefreshPolicy::Ahead && !is_begun {
                world.wait(&mut session);
            } else {
                assert!(matches!(session.access(&mut world.env), Access::Wait(_)), "{refresh:?} {is_begun}");
            }
            assert_eq!(world.pump(&mut session, &store), [Event::TokensRefreshed], "{refresh:?} {is_begun}");
            assert!(world.honours(&world.tokens_of(&session)));
        }
    }
}

#[test]
fn a_reload_without_a_shared_store_reads_nothing() {
    for persistence in [Persistence::Own, Persistence::Nowhere] {
        let mut world = World::new();
        let mut session = world.session(SessionOptions::default().with_persistence(persistence));
        session.reload();
        assert!(session.poll_store(&mut world.env).is_none());
    }
}

#[test]
fn an_outcome_is_that_of_its_own_attempt() {
    let mut world = World::new();
    let (mut session, store) = stored(&mut world);
    let Access::Wait(epoch) = session.refresh(&mut world.env) else { panic!("it begins") };
    world.op.end_grants();
    world.pump(&mut session, &store);
    session.reload();
    world.pump(&mut session, &store);
    assert!(matches!(session.outcome(epoch, &world.env), Outcome::Ended(End::NeedsLogin(error))
        if error.code() == ErrorCode::TOKEN_INVALID_GRANT));
}
