//! Records that somebody else saved while this session refreshed: whose tokens are the better ones.

use oidc_proto::session::{Event, Persistence, Record, Refusal, Session, SessionOptions, Standing, Ticket};
use oidc_proto::testing::{self, Fault, On, User};
use oidc_proto::{Body, ErrorCode, Failure, FailureKind, Sent, TokenSet};

use crate::session::world::{ISSUER, Store, World, call, needs_login, shared};

fn world() -> World {
    let op = testing::Provider::new(ISSUER).with_user(User::new("alice")).with_user(User::new("bob"));
    let mut world = World::with(op);
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

#[test]
fn a_record_of_another_user_is_not_taken() {
    let (mut world, store) = (world(), Store::default());
    let bobs = world.login("bob");
    store.put(Record::new(4, bobs.clone()));
    let mut session = world.session(shared());
    let (own, asked) = (world.tokens_of(&session), world.op.count(On::Token));
    let epoch = world.ask(&mut session).unwrap_err().unwrap();
    assert!(matches!(world.pump(&mut session, &store)[..], [Event::BackingOff { .. }]));
    assert_eq!(world.outcome(&session, epoch), Err("session.mismatch"));
    assert_eq!((world.tokens_of(&session), session.generation(), store.is_locked()), (own, 0, false));
    assert_eq!((kept(&store), world.op.count(On::Token)), ((4, name(&bobs)), asked));
}

/// It came while ours were under way: ours are used, and not put in its place.
#[test]
fn a_record_of_another_user_that_came_during_a_refresh_is_not_replaced() {
    let (mut world, store) = (world(), Store::default());
    let mut session = world.session(shared());
    let (ticket, request) = asked(&mut world, &mut session, &store);
    world.send(&mut session, ticket, request);
    let bobs = world.login("bob");
    store.put(Record::new(4, bobs.clone()));
    assert_eq!(world.pump(&mut session, &store), [Event::TokensRefreshed]);
    let own = world.ask(&mut session).unwrap();
    assert!(world.honours(&own) && own != name(&bobs));
    assert_eq!((kept(&store), store.is_locked()), ((4, name(&bobs)), false));
}

/// Whoever saved it had lost the lock: the provider may have taken theirs back when it answered us.
#[test]
fn ours_are_better_than_what_came_before_we_asked() {
    let (mut world, store) = (world(), Store::default());
    let mut session = world.session(shared());
    let theirs = world.login("alice");
    world.advance(1);
    let (ticket, request) = asked(&mut world, &mut session, &store);
    world.send(&mut session, ticket, request);
    store.put(Record::new(4, theirs.clone()));
    store.log();
    assert_eq!(world.pump(&mut session, &store), [Event::TokensRefreshed]);
    let own = world.ask(&mut session).unwrap();
    assert_ne!(own, name(&theirs));
    assert_eq!((kept(&store), session.generation()), ((5, own), 5));
    assert_eq!(store.log(), ["save", "save", "unlock"]);
}

/// It may be older than what came meanwhile, whatever the time of day says.
#[test]
fn a_response_that_took_longer_than_a_lock_lasts_is_not_better() {
    for (seconds, ours) in [(44, true), (45, false)] {
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
        store.put(Record::new(4, theirs.clone()));
        assert_eq!(world.pump(&mut session, &store), [Event::TokensRefreshed]);
        assert_eq!(world.tokens_of(&session) != name(&theirs), ours, "{seconds}");
        assert_eq!(session.generation(), if ours { 5 } else { 4 });
        assert_eq!(kept(&store), (session.generation(), world.tokens_of(&session)));
        assert!(session.is_idle() && !store.is_locked());
    }
}

#[test]
fn tokens_that_are_verified_later_were_asked_for_before() {
    let (mut world, store) = (world(), Store::default());
    world.forget_keys();
    let mut session = world.session(shared());
    let (ticket, request) = asked(&mut world, &mut session, &store);
    world.op.fault(On::Jwks, Fault::status(503), 1);
    world.send(&mut session, ticket, request);
    assert!(matches!(world.pump(&mut session, &store)[..], [Event::BackingOff { .. }]));
    assert!(store.is_locked(), "nobody is to go on from the old refresh token");
    store.break_lock();
    let theirs = world.login("alice");
    store.put(Record::new(4, theirs.clone()));
    world.wait(&mut session);
    assert_eq!(world.pump(&mut session, &store), [Event::TokensRefreshed]);
    assert_eq!((kept(&store), world.tokens_of(&session)), ((4, name(&theirs)), name(&theirs)));
}

/// Somebody has saved once more what this session has just replaced.
#[test]
fn what_was_replaced_is_replaced_again() {
    for options in [shared(), SessionOptions { persistence: Persistence::Own, ..SessionOptions::default() }] {
        let (mut world, store) = (world(), Store::default());
        let mut session = world.session(options);
        let (ticket, request) = asked(&mut world, &mut session, &store);
        store.put(Record::new(4, world.tokens.clone()));
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
    store.put(Record::new(4, theirs));
    let options = SessionOptions { persistence: Persistence::Own, ..SessionOptions::default() };
    let mut session = world.session(options);
    session.save(&world.env);
    assert_eq!(world.pump(&mut session, &store), [Event::NotSaved(ErrorCode::STORE_CONFLICT.into())]);
    world.wait(&mut session);
    assert_eq!(world.pump(&mut session, &store), []);
    assert_eq!((kept(&store), session.generation()), ((5, world.tokens_of(&session)), 5));
    assert!(session.is_idle());
}

/// A record with these tokens under another number: they are refreshed, and it is replaced.
#[test]
fn a_record_that_was_only_renumbered_is_gone_on_from() {
    let (mut world, store) = (world(), Store::default());
    store.put(Record::new(4, world.tokens.clone()));
    let mut session = world.session(shared());
    let _ = world.ask(&mut session);
    assert_eq!(world.pump(&mut session, &store), [Event::TokensRefreshed]);
    assert_eq!(kept(&store), (5, world.tokens_of(&session)));

    // The same before it is given up: nothing better has come.
    let (mut world, store) = (self::world(), Store::default());
    world.op.end_grants();
    let mut session = world.session(shared());
    let (ticket, request) = asked(&mut world, &mut session, &store);
    store.put(Record::new(4, world.tokens.clone()));
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
    store.put(Record::new(4, theirs.clone()));
    world.advance(301);
    let mut session = world.session(shared());
    let asked = world.op.count(On::Token);
    let epoch = world.ask(&mut session).unwrap_err().unwrap();
    assert_eq!(world.pump(&mut session, &store), [Event::TokensRefreshed]);
    assert!(world.honours(&world.outcome(&session, epoch).unwrap()));
    assert_eq!((kept(&store).0, world.op.count(On::Token)), (5, asked + 1));
}

/// The same where the second look after a refusal finds them: the login is not asked for while they may do.
#[test]
fn newer_tokens_that_have_expired_are_refreshed_before_it_is_given_up() {
    let (mut world, store) = (world(), Store::default());
    let theirs = world.login("alice");
    world.advance(301);
    let mut session = world.session(shared());
    let (ticket, _never_sent) = asked(&mut world, &mut session, &store);
    store.put(Record::new(4, theirs));
    let body = br#"{"error":"invalid_grant"}"#.to_vec();
    let denial = http::Response::builder().status(400).header("content-type", "application/json").body(body).unwrap();
    session.handle_response(ticket, denial, &mut world.env);
    assert_eq!(world.pump(&mut session, &store), [Event::TokensRefreshed]);
    let token = world.ask(&mut session).unwrap();
    assert!(world.honours(&token));
    assert_eq!((kept(&store), store.is_locked()), ((5, token), false));
}

/// Asked for earlier than this session's own, which did not come: the provider may have ended them with those.
#[test]
fn tokens_of_another_process_that_are_older_than_a_lost_response_are_doubtful() {
    for (is_older, is_refused) in [(true, false), (true, true), (false, false), (false, true)] {
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
        store.put(Record::new(1, theirs.clone()));
        world.wait(&mut session);
        assert_eq!(world.pump(&mut session, &store), [Event::TokensRefreshed]);
        let is_theirs = world.tokens_of(&session) == theirs.access_token().expose();
        assert_eq!(is_theirs, !is_older, "older tokens are refreshed before anyone gets them");
        assert_eq!(session.standing(&world.env), Standing::Good);
    }
}
