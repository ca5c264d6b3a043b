//! What ends a session, and what comes after.

use oidc_proto::ErrorCode;
use oidc_proto::adapter::BlockingDriver;
use oidc_proto::session::{Access, End, Event, Persistence, SessionOptions};
use oidc_proto::testing::{self, Fault, Lie, On, User};

use crate::session::world::{ISSUER, Store, World, broken, needs_login, shared};

fn answering(world: &World, status: u16, error: &'static str) {
    world.op.tamper(On::Token, move |response| {
        *response.status_mut() = status.try_into().unwrap();
        *response.body_mut() = format!(r#"{{"error":"{error}"}}"#).into_bytes();
    });
}

/// There is nothing to refresh with: the owner hears of it when the access token runs out, and not before.
#[test]
fn tokens_without_a_refresh_token_run_out_and_it_is_said() {
    let mut world = World::new();
    world.op.lie(Lie::RefreshTokenAbsent);
    world.tokens = world.login("alice");
    let mut session = world.session(SessionOptions::default());
    world.op.honest();
    world.advance(299);
    session.handle_timeout(&mut world.env);
    assert!(world.pump(&mut session, &Store::default()).is_empty());
    world.advance(1);
    session.handle_timeout(&mut world.env);
    let events = world.pump(&mut session, &Store::default());
    let [Event::NeedsLogin(error)] = &events[..] else { panic!("{events:?}") };
    assert_eq!(error.code(), ErrorCode::TOKEN_NO_REFRESH_TOKEN);
}

#[test]
fn only_the_grant_and_the_client_can_be_said_to_be_gone() {
    type Ends = fn(&End) -> bool;
    let needs_login: Ends = |end| matches!(end, End::NeedsLogin(_));
    let client_rejected: Ends = |end| matches!(end, End::ClientRejected(_));
    for (status, error, ends) in [
        (400, "invalid_grant", Some((needs_login, ErrorCode::TOKEN_INVALID_GRANT))),
        (401, "invalid_client", Some((client_rejected, ErrorCode::TOKEN_INVALID_CLIENT))),
        (400, "unauthorized_client", Some((client_rejected, ErrorCode::TOKEN_UNAUTHORIZED_CLIENT))),
        (500, "invalid_grant", None),
        (503, "invalid_client", None),
        (429, "invalid_grant", None),
        (200, "invalid_grant", None),
        (400, "invalid_request", None),
        (400, "invalid_scope", None),
        (400, "unsupported_grant_type", None),
        (400, "temporarily_unavailable", None),
    ] {
        let mut world = World::new();
        let mut session = world.session(SessionOptions::default());
        answering(&world, status, error);
        world.advance(301);
        let _ = world.ask(&mut session);
        let events = world.pump(&mut session, &Store::default());
        let Some((is_it, code)) = ends else {
            assert!(matches!(events[..], [Event::BackingOff { .. }]), "{status} {error}: {events:?}");
            assert!(matches!(session.access(&mut world.env), Access::Wait(_)));
            continue;
        };
        let end = session.end().unwrap();
        assert!(is_it(&end), "{status} {error}: {end:?}");
        assert!(matches!(session.access(&mut world.env), Access::Ended(own) if own == end), "{status} {error}");
        // The whole error, with the provider's words, also for whoever reads the events.
        let told = end.error().unwrap();
        assert_eq!((told.code(), told.status().unwrap().as_u16()), (code, status));
        assert_eq!(told.provider_text().unwrap().error(), Some(error));
        let [Event::NeedsLogin(seen) | Event::ClientRejected(seen)] = &events[..] else { panic!("{events:?}") };
        assert_eq!(seen, told);
        assert_eq!(session.poll_timeout(), None);
        assert!(session.tokens().refresh_token().is_some(), "tokens are kept");
    }
}

#[test]
fn a_response_about_another_user_is_refused() {
    let mut world = World::new();
    let mut session = world.session(SessionOptions::default());
    let before = session.tokens().access_token().expose().to_owned();
    world.op.lie(Lie::RefreshSubOther);
    world.advance(301);
    let _ = world.ask(&mut session);
    let events = world.pump(&mut session, &Store::default());
    assert!(
        matches!(&events[..], [Event::Refused(error)] if error.code() == ErrorCode::ID_TOKEN_CHANGED_CLAIM),
        "{events:?}"
    );
    assert_eq!(session.tokens().access_token().expose(), before);
    assert!(matches!(session.access(&mut world.env), Access::Ended(End::Refused(_))));
}

#[test]
fn a_new_login_of_the_same_user_revives_a_session_and_nobody_elses_does() {
    let op = testing::Provider::new(ISSUER).with_user(User::new("alice")).with_user(User::new("bob"));
    let mut world = World::with(op);
    let mut session = world.session(SessionOptions { persistence: Persistence::Own, ..SessionOptions::default() });
    let store = Store::default();
    world.op.end_grants();
    world.advance(301);
    let _ = world.ask(&mut session);
    assert!(needs_login(&world.pump(&mut session, &store)));

    let others = world.login("bob");
    assert_eq!(session.adopt(others, &mut world.env).unwrap_err().code(), ErrorCode::SESSION_MISMATCH);
    assert!(matches!(session.access(&mut world.env), Access::Ended(End::NeedsLogin(_))));

    let tokens = world.login("alice");
    session.adopt(tokens.clone(), &mut world.env).unwrap();
    assert!(matches!(world.ask(&mut session), Err(Some(_))), "not before they were handed over for saving");
    assert_eq!(world.pump(&mut session, &store), [Event::TokensRefreshed]);
    assert_eq!(world.ask(&mut session).unwrap(), tokens.access_token().expose());
    assert_eq!(store.record().unwrap().tokens.access_token().expose(), tokens.access_token().expose());
}

#[test]
fn a_logout_ends_here_at_once_and_revokes_as_far_as_the_network_goes() {
    let mut world = World::new();
    let store = Store::default();
    let mut session = world.session(shared());
    world.advance(301);
    let _ = world.ask(&mut session);
    // In the middle of a refresh, with the lock held.
    let (ticket, action) = session.poll_store(&mut world.env).unwrap();
    let answer = store.response(action).unwrap();
    session.handle_store(ticket, answer, &mut world.env);
    assert!(store.is_locked());

    let revocation = session.log_out(&mut world.env).unwrap();
    assert!(matches!(session.access(&mut world.env), Access::Ended(End::LoggedOut)));
    assert_eq!(world.pump(&mut session, &store), [Event::Ended]);
    assert!(!store.is_locked() && store.record().is_none());
    assert_eq!(store.log(), ["lock", "unlock", "erase"]);
    assert_eq!(session.poll_timeout(), None);
    BlockingDriver::new(world.op.http(world.env.clock())).run(revocation, &mut world.env).unwrap();
    assert!(!world.honours(session.tokens().access_token().expose()));
    let tokens = world.login("alice");
    assert_eq!(session.adopt(tokens, &mut world.env).unwrap_err().code(), ErrorCode::SESSION_ENDED);
}

/// An attempt that is paused with the lock in its hands: a response may still come, or keys for what came.
#[test]
fn a_logout_or_a_new_login_gives_back_the_lock_of_a_paused_attempt() {
    for (keys, logs_out) in [(false, true), (false, false), (true, true), (true, false)] {
        let (mut world, store) = (World::new(), Store::default());
        let tokens = world.login("alice");
        world.forget_keys();
        let mut session = world.session(shared());
        world.advance(301);
        let _ = world.ask(&mut session);
        world.keep(&mut session, &store);
        if keys {
            world.op.fault(On::Jwks, Fault::status(503), 1);
            world.exchange(&mut session);
        } else {
            let _never_answered = session.poll_transmit(&mut world.env).unwrap();
            world.wait(&mut session);
        }
        assert!(matches!(session.poll_event(), Some(Event::BackingOff { .. })));
        assert!(store.is_locked());
        if logs_out {
            drop(session.log_out(&mut world.env));
        } else {
            session.adopt(tokens, &mut world.env).unwrap();
        }
        world.pump(&mut session, &store);
        assert!(!store.is_locked() && session.is_idle(), "{keys} {logs_out}");
    }
}

#[test]
fn a_record_that_cannot_be_erased_is_told() {
    let mut world = World::new();
    let store = Store::default();
    let mut session = world.session(shared());
    store.fails("erase");
    drop(session.log_out(&mut world.env));
    assert_eq!(world.pump(&mut session, &store), [Event::Ended, Event::NotErased(broken("erase"))]);
    assert_eq!(world.pump(&mut session, &store), []);
}
