//! Tokens that may be the newest, and are not what the session goes on with: nothing that came is dropped.

use oidc_proto::session::{Event, Persistence, Record, RefreshPolicy, Session, SessionOptions, Ticket};
use oidc_proto::testing::{self, Reuse, User};
use oidc_proto::{Body, Env as _, Failure, FailureKind, Sent};

use crate::session::endings::ignores_spent;
use crate::session::world::{ISSUER, Store, World, call, shared};

const POLICIES: [RefreshPolicy; 3] = [RefreshPolicy::Ahead, RefreshPolicy::OnDemand, RefreshPolicy::Manual];

fn until_successor_is_used() -> testing::Provider {
    let op = testing::Provider::new(ISSUER).with_user(User::new("alice"));
    op.with_reuse(Reuse::AllowedUntilSuccessorIsUsed)
}

fn session(world: &mut World, store: &Store) -> Session {
    world.restore(store.record().unwrap(), shared())
}

/// Up to the response of the provider, which is still on its way.
fn asks(world: &mut World, session: &mut Session, store: &Store) -> (Ticket, http::Response<Vec<u8>>) {
    let _ = session.refresh(&mut world.env);
    world.keep(session, store);
    let (ticket, request): (_, http::Request<Body>) = call(session.poll_transmit(&mut world.env).unwrap());
    (ticket, world.op.exchange(request, world.env.now()).unwrap())
}

fn access_token(response: &http::Response<Vec<u8>>) -> String {
    let body: serde_json::Value = serde_json::from_slice(response.body()).unwrap();
    body["access_token"].as_str().unwrap().to_owned()
}

/// The store, and the second of two sessions that have refreshed at once, since the lock was lost: what the provider issued
/// last is the second one's, and not in the store.
fn overtaken(world: &mut World, options: SessionOptions) -> (Store, Session) {
    let store = Store::default();
    store.put(Record::of_login(world.tokens.clone(), None, &mut world.env));
    let mut first = session(world, &store);
    let mut second = world.restore(store.record().unwrap(), options);
    let (ticket, response) = asks(world, &mut first, &store);
    store.break_lock();
    let (last_ticket, last) = asks(world, &mut second, &store);
    first.handle_response(ticket, response, &mut world.env);
    world.pump(&mut first, &store);
    // From here on the provider takes neither the first one's nor the one before.
    assert!(world.honours(&access_token(&last)));
    second.handle_response(last_ticket, last, &mut world.env);
    world.pump(&mut second, &store);
    (store, second)
}

#[test]
fn tokens_that_met_another_record_are_tried_before_the_session_ends() {
    let mut world = World::with(until_successor_is_used());
    let (store, mut second) = overtaken(&mut world, shared());
    world.wait(&mut second);
    let events = world.pump(&mut second, &store);
    assert_eq!(events.last(), Some(&Event::TokensRefreshed), "{events:?}");
    assert_eq!(second.end(), None);
    let token = world.tokens_of(&second);
    assert!(world.honours(&token));
    assert_eq!(store.record().unwrap().tokens.access_token().expose(), token);
}

/// The same session is in memory only while somebody uses it: whoever drops it now loses what may be the newest tokens.
#[test]
fn tokens_that_were_set_aside_are_not_dropped_with_the_session() {
    for refresh in POLICIES {
        let mut world = World::with(until_successor_is_used());
        let (store, mut second) = overtaken(&mut world, shared().with_refresh(refresh));
        assert!(!second.is_idle() && second.poll_timeout().is_some(), "{refresh:?}");
        world.wait(&mut second);
        assert_eq!(world.pump(&mut second, &store).last(), Some(&Event::TokensRefreshed), "{refresh:?}");
        assert!(second.is_idle() && world.honours(&world.tokens_of(&second)), "{refresh:?}");
    }
}

/// The store has lost a record, and another process has refreshed from the one before. Somebody says that it has changed.
#[test]
fn tokens_that_a_reload_has_set_aside_are_not_dropped_with_the_session() {
    for refresh in POLICIES {
        let (mut world, store) = (World::with(until_successor_is_used()), Store::default());
        let before = Record::of_login(world.tokens.clone(), None, &mut world.env);
        store.put(before.clone());
        let mut first = world.restore(before.clone(), shared().with_refresh(refresh));
        let mut second = session(&mut world, &store);
        for (refreshed, kept) in [(&mut first, None), (&mut second, Some(before))] {
            kept.into_iter().for_each(|kept| store.put(kept));
            let _ = refreshed.refresh(&mut world.env);
            assert_eq!(world.pump(refreshed, &store), [Event::TokensRefreshed]);
        }
        first.reload();
        world.pump(&mut first, &store);
        assert!(!first.is_idle() && first.poll_timeout().is_some(), "{refresh:?}");
        world.wait(&mut first);
        assert_eq!(world.pump(&mut first, &store), [Event::TokensRefreshed], "{refresh:?}");
        assert!(first.is_idle() && world.honours(&world.tokens_of(&first)), "{refresh:?}");
    }
}

/// The response to the request before comes while the next one is under way, which the provider denies: the refresh token is
/// spent. There is no lock, and no record of somebody else.
#[test]
fn tokens_that_came_late_are_tried_before_a_session_of_its_own_ends() {
    for persistence in [Persistence::Nowhere, Persistence::Own, Persistence::Shared] {
        let (mut world, store) = (World::with(until_successor_is_used()), Store::default());
        store.put(Record::of_login(world.tokens.clone(), None, &mut world.env));
        let options = SessionOptions::default().with_persistence(persistence);
        let mut session = world.restore(store.record().unwrap(), options);
        let (late, response) = asks(&mut world, &mut session, &store);
        world.wait(&mut session);
        world.wait(&mut session);
        world.keep(&mut session, &store);
        let (ticket, _request) = call(session.poll_transmit(&mut world.env).unwrap());
        session.handle_response(late, response, &mut world.env);
        let denied = http::Response::builder().status(400).header("content-type", "application/json");
        let denied = denied.body(br#"{"error":"invalid_grant"}"#.to_vec()).unwrap();
        session.handle_response(ticket, denied, &mut world.env);
        let events = world.pump(&mut session, &store);
        assert_eq!((events.last(), session.end()), (Some(&Event::TokensRefreshed), None), "{persistence:?} {events:?}");
        assert!(session.is_idle() && world.honours(&world.tokens_of(&session)), "{persistence:?}");
    }
}

/// Each was being refreshed when the next one came, and the responses come at last.
#[test]
fn late_responses_of_two_logins_that_were_replaced_are_both_given_back() {
    let (mut world, store) = (World::with(ignores_spent()), Store::default());
    store.put(Record::of_login(world.tokens.clone(), None, &mut world.env));
    let mut session = session(&mut world, &store);
    let mut late = Vec::new();
    for _ in 0..2 {
        late.push(asks(&mut world, &mut session, &store));
        let newer = world.login("alice");
        session.adopt(newer, &mut world.env).unwrap();
        world.pump(&mut session, &store);
        world.revoke(&mut session);
    }
    let brought: Vec<_> = late.iter().map(|(_, response)| access_token(response)).collect();
    assert!(brought.iter().all(|token| world.honours(token)), "their revocation has done nothing");
    for (ticket, response) in late {
        session.handle_response(ticket, response, &mut world.env);
        world.pump(&mut session, &store);
        world.revoke(&mut session);
    }
    assert!(!brought.iter().any(|token| world.honours(token)), "both are revoked");
    assert!(world.honours(&world.tokens_of(&session)) && session.is_idle());
}

/// The response to the first request comes while a logout asks for the newest tokens, in vain. What it brings is all that lives.
#[test]
fn tokens_that_come_late_while_a_logout_asks_are_given_back() {
    for persistence in [Persistence::Nowhere, Persistence::Own, Persistence::Shared] {
        let (mut world, store) = (World::with(ignores_spent()), Store::default());
        store.put(Record::of_login(world.tokens.clone(), None, &mut world.env));
        let options = SessionOptions::default().with_persistence(persistence);
        let mut session = world.restore(store.record().unwrap(), options);
        let (late, response) = asks(&mut world, &mut session, &store);
        let brought = access_token(&response);
        world.wait(&mut session);
        world.wait(&mut session);
        world.keep(&mut session, &store);
        let lost = || Failure::new(FailureKind::Interrupted, Sent::Maybe);
        let (ticket, _request) = call(session.poll_transmit(&mut world.env).unwrap());
        session.handle_failure(ticket, lost(), &mut world.env);
        session.log_out(&mut world.env);
        world.keep(&mut session, &store);
        let (ticket, _request) = call(session.poll_transmit(&mut world.env).unwrap());
        session.handle_response(late, response, &mut world.env);
        session.handle_failure(ticket, lost(), &mut world.env);
        world.pump(&mut session, &store);
        assert!(session.is_idle() && world.honours(&brought), "{persistence:?}");
        world.revoke(&mut session);
        assert!(!world.honours(&brought), "{persistence:?}");
    }
}
