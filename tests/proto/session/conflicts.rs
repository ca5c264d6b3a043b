//! Records that somebody else saved while this session refreshed: whose tokens are the better ones.

use oidc_proto::session::{
    End, Event, Persistence, Record, Refusal, Session, SessionOptions, Standing, StoreAction, StoreResponse, Ticket,
};
use oidc_proto::testing::{self, Disturbance, Lie, On, User};
use oidc_proto::{Body, ErrorCode, Failure, FailureKind, Quote, Sent, TokenSet};

use crate::session::world::{ISSUER, Store, World, broken, call, needs_login, record, shared};

fn two_users() -> testing::Provider {
    testing::Provider::new(ISSUER).with_user(User::new("alice")).with_user(User::new("bob"))
}

fn world() -> World {
    let mut world = World::with(two_users());
    world.advance(301);
    world
}

/// Up to the request of the refresh, under the lock.
fn asked(world: &mut World, session: &mut Session, store: &Store) -> (Ticket, http::Request<Body>) {
    let _ = world.ask(session);
    world.keep(session, store);
    call(session.poll_transmit(&mut world.env).unwrap())
}

fn kept(store: &Store) -> (u64, String) {
    let record = store.record().unwrap();
    (record.generation, name(&record.tokens))
}

fn name(tokens: &TokenSet) -> String {
    tokens.access_token().expose().to_owned()
}

/// An account switch in another process: this session is over, and the new user's record stays.
#[test]
fn a_record_of_another_user_ends_the_session_and_is_not_overwritten() {
    for persistence in [Persistence::Shared, Persistence::Own] {
        for is_stored in [true, false] {
            let (mut world, store) = (world(), Store::default());
            let options = SessionOptions::default().with_persistence(persistence);
            let mut session = world.restore(Record::new(u64::from(is_stored), world.tokens.clone()), options);
            let bobs = world.login("bob");
            store.put(Record::of_login(bobs.clone(), session.stored(), &mut world.env));
            let epoch = world.ask(&mut session).unwrap_err().unwrap();
            let events = world.pump(&mut session, &store);
            assert!(
                matches!(&events[..], [Event::Replaced(error)] | [Event::Orphaned, Event::Replaced(error)]
                    if error.code() == ErrorCode::SESSION_MISMATCH && error.found().map(Quote::as_str) == Some("sub-bob")),
                "{events:?}"
            );
            assert_eq!(world.outcome(&session, epoch), Err("ended"));
            assert_eq!((kept(&store).1, store.is_locked(), session.is_idle()), (name(&bobs), false, true));
            assert!(matches!(session.end(), Some(End::Replaced(_))));
            session.save(&world.env);
            let again = world.login("alice");
            assert_eq!(session.adopt(again, &mut world.env).unwrap_err().code(), ErrorCode::SESSION_ENDED);
            assert!(session.poll_store(&mut world.env).is_none() && session.poll_timeout().is_none());
        }
    }
}

/// It came while ours were under way: ours are nobody's now, and are given back to be revoked.
#[test]
fn a_record_of_another_user_that_came_during_a_refresh_is_not_replaced() {
    let (mut world, store) = (world(), Store::default());
    let mut session = world.session(shared());
    let (ticket, request) = asked(&mut world, &mut session, &store);
    world.send(&mut session, ticket, request);
    let bobs = world.login("bob");
    store.put(Record::new(4, bobs.clone()));
    assert!(matches!(world.pump(&mut session, &store)[..], [Event::Orphaned, Event::Replaced(_)]));
    let orphans = world.revoke(&mut session);
    assert!(orphans.len() == 1 && !world.op.has_grant_of(&orphans[0]));
    assert_eq!((kept(&store), store.is_locked()), ((4, name(&bobs)), false));
}

/// A new login of the same user in another process is taken by this one.
#[test]
fn a_new_login_of_the_same_user_elsewhere_is_adopted() {
    for is_in_flight in [false, true] {
        let (mut world, store) = (world(), Store::default());
        store.put(Record::of_login(world.tokens.clone(), None, &mut world.env));
        let mut session = world.restore(store.record().unwrap(), shared());
        let (ticket, request) = asked(&mut world, &mut session, &store);
        let theirs = world.login("alice");
        let next = Record::of_login(theirs.clone(), session.stored(), &mut world.env);
        store.put(next.clone());
        if is_in_flight {
            world.send(&mut session, ticket, request);
            assert_eq!(world.pump(&mut session, &store), [Event::Orphaned, Event::TokensRefreshed]);
        } else {
            session.handle_failure(ticket, Failure::new(FailureKind::Timeout, Sent::No), &mut world.env);
            world.wait(&mut session);
            let events = world.pump(&mut session, &store);
            assert_eq!(events.last(), Some(&Event::TokensRefreshed), "{events:?}");
        }
        // What came for the old login is in nobody's hands; and the store may have lost its record before it was replaced.
        let orphans = world.revoke(&mut session);
        assert!(orphans.len() == 1 && !world.op.has_grant_of(&orphans[0]));
        assert_eq!((world.tokens_of(&session), session.login()), (name(&theirs), next.login));
        assert_eq!((session.stored(), store.is_locked()), (Some(next.version()), false));
    }
}

/// Nothing is written back: the record would be a login that nobody has asked for.
#[test]
fn a_record_that_is_gone_ends_the_session_and_is_not_written_back() {
    for persistence in [Persistence::Shared, Persistence::Own] {
        for is_in_flight in [false, true] {
            let (mut world, store) = (world(), Store::default());
            store.put(Record::of_login(world.tokens.clone(), None, &mut world.env));
            let options = SessionOptions::default().with_persistence(persistence);
            let mut session = world.restore(store.record().unwrap(), options);
            if is_in_flight {
                let (ticket, request) = asked(&mut world, &mut session, &store);
                world.send(&mut session, ticket, request);
            } else {
                let _ = world.ask(&mut session);
            }
            store.clear();
            let events = world.pump(&mut session, &store);
            assert_eq!(events.last(), Some(&Event::LoggedOutElsewhere), "{events:?}");
            // Whoever has logged out has revoked it; but it may be the store that has lost the record.
            let orphans = world.revoke(&mut session);
            assert_eq!(orphans.len(), 1, "the newest tokens are given back to be revoked");
            assert_eq!(world.tokens.refresh_token().unwrap().matches(&orphans[0]), !is_in_flight);
            assert_eq!(session.end(), Some(End::LoggedOutElsewhere));
            assert!(store.record().is_none() && !store.is_locked() && session.is_idle());
        }
    }
}

/// The same for tokens that could not be saved.
#[test]
fn unsaved_tokens_are_not_written_where_the_record_is_gone() {
    let (mut world, store) = (world(), Store::default());
    store.put(Record::of_login(world.tokens.clone(), None, &mut world.env));
    let mut session = world.restore(store.record().unwrap(), shared());
    store.fails("save");
    let _ = world.ask(&mut session);
    world.pump(&mut session, &store);
    store.fails("");
    store.clear();
    world.wait(&mut session);
    assert_eq!(world.pump(&mut session, &store), [Event::Orphaned, Event::LoggedOutElsewhere]);
    assert!(store.record().is_none() && !store.is_locked() && session.is_idle());
    assert_eq!(world.revoke(&mut session).len(), 1);
}

/// A login takes the place of whatever is there, says so, and gives back what is to be revoked.
#[test]
fn a_new_login_takes_the_place_of_an_old_record() {
    for (user, adopts) in [("alice", false), ("bob", false), ("alice", true), ("bob", true)] {
        let (mut world, store) = (World::with(two_users()), Store::default());
        let theirs = world.login(user);
        let old = Record::of_login(theirs.clone(), None, &mut world.env);
        store.put(old.clone());
        let mut session = world.session(shared());
        if adopts {
            let newer = world.login("alice");
            session.adopt(newer, &mut world.env).unwrap();
        } else {
            session.save(&world.env);
        }
        assert!(world.revoke(&mut session).is_empty(), "not before the new one is saved");
        let events = world.pump(&mut session, &store);
        assert!(events.contains(&Event::Orphaned), "{events:?}");
        let record = store.record().unwrap();
        assert_eq!((record.generation, name(&record.tokens)), (2, world.tokens_of(&session)));
        assert!(record.login.is_some() && record.login != old.login && record.login == session.login());
        let orphans = world.revoke(&mut session);
        assert!(orphans.iter().any(|token| theirs.refresh_token().unwrap().matches(token)), "{user} {adopts}");
        assert_eq!(orphans.len(), 1 + usize::from(adopts), "adopted tokens also replace those of the session");
        assert!(session.is_idle() && session.end().is_none());
    }
}

/// The store said that it failed, and has it. It is not given back as if it were another's.
#[test]
fn a_new_login_that_was_saved_unheard_takes_nobodys_place() {
    for (adopts, others) in [(false, false), (true, false), (false, true), (true, true)] {
        let (mut world, store) = (world(), Store::default());
        let mut session = world.session(shared());
        let theirs = world.login("alice");
        if others {
            store.put(Record::of_login(theirs.clone(), None, &mut world.env));
        }
        if adopts {
            let newer = world.login("alice");
            session.adopt(newer, &mut world.env).unwrap();
        } else {
            session.save(&world.env);
        }
        let (ticket, action) = session.poll_store(&mut world.env).unwrap();
        let StoreAction::Save { next, .. } = action else { panic!("{action:?}") };
        store.put(next);
        session.handle_store(ticket, StoreResponse::Failed(broken("save")), &mut world.env);
        world.wait(&mut session);
        world.pump(&mut session, &store);
        assert_eq!(kept(&store).1, world.tokens_of(&session));
        assert!(session.is_idle() && session.end().is_none());
        let own = session.tokens().refresh_token().unwrap().clone();
        assert!(world.revoke(&mut session).iter().all(|token| !own.matches(token)), "{adopts} {others}");
    }
}

/// The session goes on with what others have saved. Which of the two the provider issued last, nobody knows: the tokens are
/// doubtful until the provider was asked again.
fn takes_theirs(world: &mut World, session: &mut Session, store: &Store) {
    let events = world.pump(session, store);
    let [Event::BackingOff { error, .. }] = &events[..] else { panic!("{events:?}") };
    assert_eq!(error.code(), ErrorCode::STORE_CONFLICT);
    assert_eq!(session.standing(&world.env), Standing::Doubtful);
}

/// Times of day are those of two machines: which came first they do not say, however long the response took.
#[test]
fn tokens_of_two_who_asked_at_once_are_doubtful_until_the_provider_is_asked() {
    for seconds in [0, 1, 44, 45] {
        let (mut world, store) = (world(), Store::default());
        let theirs = world.login("alice");
        world.forget_keys();
        let mut session = world.session(shared());
        world.advance(1);
        let (ticket, request) = asked(&mut world, &mut session, &store);
        world.advance(seconds);
        world.send(&mut session, ticket, request);
        // The keys are fetched after it, which makes it no newer.
        world.exchange(&mut session);
        store.put(record(&session, 4, &theirs));
        takes_theirs(&mut world, &mut session, &store);
        assert_eq!((world.tokens_of(&session), session.generation()), (name(&theirs), 4));
        assert_eq!(kept(&store), (4, name(&theirs)));
        // What is set aside is not given back before the session has found out.
        assert!(!session.is_idle() && world.revoke(&mut session).is_empty());
        world.wait(&mut session);
        assert_eq!(world.pump(&mut session, &store), [Event::TokensRefreshed]);
        assert_eq!((session.standing(&world.env), session.generation()), (Standing::Good, 5));
        assert!(session.is_idle() && !store.is_locked());
    }
}

#[test]
fn tokens_that_are_verified_after_another_process_saved_its_own_do_not_replace_them() {
    let (mut world, store) = (world(), Store::default());
    let theirs = world.login("alice");
    world.forget_keys();
    let mut session = world.session(shared());
    let (ticket, request) = asked(&mut world, &mut session, &store);
    world.op.disturb(On::Jwks, Disturbance::status(503), 1);
    world.send(&mut session, ticket, request);
    // The lock was lost, and their tokens come before the refresh token that came is kept.
    store.break_lock();
    store.put(record(&session, 1, &theirs));
    assert!(matches!(world.pump(&mut session, &store)[..], [Event::BackingOff { .. }]));
    assert_eq!(kept(&store), (1, name(&theirs)));
    let asked = world.op.count(On::Token);
    world.wait(&mut session);
    assert_eq!(world.pump(&mut session, &store), [Event::TokensRefreshed]);
    assert_eq!((kept(&store), world.op.count(On::Token)), ((2, world.tokens_of(&session)), asked + 1));
    assert!(session.is_idle() && !store.is_locked());
}

/// The lock was lost, and two processes have asked with one refresh token. Neither knows whose tokens are the newest, however
/// often the others have tried to save theirs, and also where the refresh token stays the same.
#[test]
fn tokens_by_the_same_refresh_token_are_doubtful() {
    for (rotates, generation) in [(true, 3), (true, 5), (false, 3), (false, 5)] {
        let op = testing::Provider::new(ISSUER).with_user(User::new("alice")).with_reuse(testing::Reuse::Allowed);
        if !rotates {
            op.lie(Lie::RefreshTokenKept);
        }
        let (mut world, store) = (World::with(op), Store::default());
        let stored = Record::of_login(world.tokens.clone(), None, &mut world.env);
        store.put(stored.clone());
        let mut ours = world.restore(stored.clone(), shared());
        let mut others = world.restore(stored, shared());
        world.advance(301);
        let (ticket, request) = asked(&mut world, &mut others, &store);
        world.send(&mut others, ticket, request);
        let (_, action) = others.poll_store(&mut world.env).unwrap();
        let StoreAction::Save { next, .. } = action else { panic!("{action:?}") };
        store.break_lock();
        let (ticket, request) = asked(&mut world, &mut ours, &store);
        world.send(&mut ours, ticket, request);
        assert_eq!(world.pump(&mut ours, &store), [Event::TokensRefreshed]);
        // They save theirs in the place of ours, as it is read from the store.
        let mut theirs = Record::from_json(&serde_json::to_string(&next).unwrap()).unwrap();
        theirs.generation = generation;
        store.put(theirs);
        let asked = world.op.count(On::Token);
        let _ = ours.refresh(&mut world.env);
        assert_eq!(world.pump(&mut ours, &store), [Event::TokensRefreshed]);
        assert_ne!(world.tokens_of(&ours), name(&next.tokens), "{rotates} {generation}");
        assert_eq!((kept(&store), world.op.count(On::Token)), ((generation + 1, world.tokens_of(&ours)), asked + 1));
        // What others ask for from now on, they ask for from there.
        let mut next = world.restore(store.record().unwrap(), shared());
        let _ = next.refresh(&mut world.env);
        assert_eq!(world.pump(&mut next, &store), [Event::TokensRefreshed]);
        let asked = world.op.count(On::Token);
        let _ = ours.refresh(&mut world.env);
        assert_eq!(world.pump(&mut ours, &store), [Event::TokensRefreshed]);
        assert_eq!((world.tokens_of(&ours), world.op.count(On::Token)), (world.tokens_of(&next), asked));
    }
}

/// Somebody has saved once more what this session has just replaced.
#[test]
fn a_record_that_the_session_has_just_replaced_is_replaced_again() {
    for options in [shared(), SessionOptions::default().with_persistence(Persistence::Own)] {
        let (mut world, store) = (world(), Store::default());
        let mut session = world.session(options);
        let (ticket, request) = asked(&mut world, &mut session, &store);
        store.put(record(&session, 4, &world.tokens));
        world.advance(45);
        world.send(&mut session, ticket, request);
        assert_eq!(world.pump(&mut session, &store), [Event::TokensRefreshed]);
        assert_ne!(world.tokens_of(&session), name(&world.tokens));
        assert_eq!(kept(&store), (5, world.tokens_of(&session)));
    }
}

/// A store that is this session's own has nobody else's record.
#[test]
fn in_a_store_of_its_own_a_session_has_the_last_word() {
    let (mut world, store) = (World::new(), Store::default());
    let theirs = world.login("alice");
    let options = SessionOptions::default().with_persistence(Persistence::Own);
    let mut session = world.restore(Record::new(1, world.tokens.clone()), options);
    store.put(record(&session, 4, &theirs));
    session.save(&world.env);
    assert_eq!(world.pump(&mut session, &store), [Event::NotSaved(ErrorCode::STORE_CONFLICT.into())]);
    world.wait(&mut session);
    assert_eq!(world.pump(&mut session, &store), []);
    assert_eq!((kept(&store), session.generation()), ((5, world.tokens_of(&session)), 5));
    assert!(session.is_idle());
}

/// A record with these tokens under another number: they are refreshed, and it is replaced.
#[test]
fn a_session_goes_on_from_a_record_that_was_only_renumbered() {
    let (mut world, store) = (world(), Store::default());
    let mut session = world.session(shared());
    store.put(record(&session, 4, &world.tokens));
    let _ = world.ask(&mut session);
    assert_eq!(world.pump(&mut session, &store), [Event::TokensRefreshed]);
    assert_eq!(kept(&store), (5, world.tokens_of(&session)));

    // The same before it is given up: nothing better has come.
    let (mut world, store) = (self::world(), Store::default());
    world.op.end_grants();
    let mut session = world.session(shared());
    let (ticket, request) = asked(&mut world, &mut session, &store);
    store.put(record(&session, 4, &world.tokens));
    world.send(&mut session, ticket, request);
    let asked = world.op.count(On::Token);
    assert!(needs_login(&world.pump(&mut session, &store)));
    assert_eq!((world.op.count(On::Token), store.is_locked()), (asked, false));
}

/// Others have refreshed, and that has expired, too.
#[test]
fn newer_tokens_that_have_expired_are_refreshed() {
    let (mut world, store) = (world(), Store::default());
    let theirs = world.login("alice");
    let mut session = world.session(shared());
    store.put(record(&session, 4, &theirs));
    world.advance(301);
    let asked = world.op.count(On::Token);
    let epoch = world.ask(&mut session).unwrap_err().unwrap();
    assert_eq!(world.pump(&mut session, &store), [Event::TokensRefreshed]);
    assert!(world.honours(&world.outcome(&session, epoch).unwrap()));
    assert_eq!((kept(&store).0, world.op.count(On::Token)), (5, asked + 1));
}

/// The same where the second look after a refusal finds them: the login is not asked for while they may do.
#[test]
fn newer_tokens_that_have_expired_are_refreshed_before_a_login_is_needed() {
    let (mut world, store) = (world(), Store::default());
    let theirs = world.login("alice");
    world.advance(301);
    let mut session = world.session(shared());
    let (ticket, _never_sent) = asked(&mut world, &mut session, &store);
    store.put(record(&session, 4, &theirs));
    let body = br#"{"error":"invalid_grant"}"#.to_vec();
    let denial = http::Response::builder().status(400).header("content-type", "application/json").body(body).unwrap();
    session.handle_response(ticket, denial, &mut world.env);
    assert_eq!(world.pump(&mut session, &store), [Event::TokensRefreshed]);
    let token = world.ask(&mut session).unwrap();
    assert!(world.honours(&token));
    assert_eq!((kept(&store), store.is_locked()), ((5, token), false));
}

/// Perhaps asked for earlier than this session's own, which did not come: the provider may have ended them with those.
/// What comes after the next record was asked for later, unless the times of day say otherwise.
#[test]
fn tokens_of_another_process_that_may_be_older_than_a_lost_response_are_doubtful() {
    for (generation, is_older) in [(1, true), (1, false), (2, true), (2, false)] {
        for is_refused in [false, true] {
            let (mut world, store) = (World::new(), Store::default());
            let mut session = world.session(shared());
            let theirs = world.login("alice");
            world.advance(100);
            if is_refused {
                let token = session.tokens().access_token().clone();
                let _ = session.unauthorized(&token, Refusal::Token, &mut world.env);
            } else {
                let _ = session.refresh(&mut world.env);
            }
            world.keep(&mut session, &store);
            let (ticket, _) = session.poll_transmit(&mut world.env).map(call).expect("asks for tokens");
            session.handle_failure(ticket, Failure::new(FailureKind::Timeout, Sent::Maybe), &mut world.env);
            assert!(matches!(session.poll_event(), Some(Event::BackingOff { .. })));
            let standing = if is_refused { Standing::Refused } else { Standing::Doubtful };
            assert_eq!(session.standing(&world.env), standing);

            let theirs = if is_older { theirs } else { world.login("alice") };
            store.put(record(&session, generation, &theirs));
            world.wait(&mut session);
            assert_eq!(world.pump(&mut session, &store), [Event::TokensRefreshed]);
            let is_theirs = world.tokens_of(&session) == theirs.access_token().expose();
            let is_taken = generation == 2 && !is_older;
            assert_eq!(is_theirs, is_taken, "{generation} {is_older}: refreshed before anyone gets them");
            assert_eq!(session.standing(&world.env), Standing::Good);
        }
    }
}
