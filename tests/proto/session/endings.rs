//! What ends a session, and what comes after.

use oidc_proto::session::{Access, End, Erased, Event, Persistence, Record, SessionOptions, StoreAction};
use oidc_proto::testing::{self, Disturbance, Lie, On, Reuse, RevokingSpent, User};
use oidc_proto::{Env as _, ErrorCode, Quote};

use crate::session::world::{ISSUER, Store, World, broken, call, needs_login, record, shared};

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
        (200, "invalid_grant", Some((needs_login, ErrorCode::TOKEN_INVALID_GRANT))),
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
        matches!(&events[..], [Event::Orphaned, Event::Unverified(error)] if error.code() == ErrorCode::ID_TOKEN_CHANGED_CLAIM),
        "{events:?}"
    );
    assert_eq!(session.tokens().access_token().expose(), before);
    assert!(matches!(session.access(&mut world.env), Access::Ended(End::Unverified(_))));
    // What came is not dropped: it may live for months, and nobody else has it.
    let spent = session.tokens().refresh_token().unwrap().expose().to_owned();
    assert!(world.op.has_grant_of(&spent));
    let step = session.poll_revocation(&mut world.env).unwrap().unwrap();
    let http = world.op.http(world.env.clock());
    oidc_proto::adapter::BlockingDriver::new(http).run(step, &mut world.env).unwrap();
    assert!(!world.op.has_grant_of(&spent));
    assert!(session.poll_revocation(&mut world.env).is_none());
}

/// The provider has rotated: the tokens that came are the only ones that live. The clock is set right some time later.
#[test]
fn a_clock_that_is_wrong_for_a_while_costs_no_tokens() {
    for (lie, code, right) in [
        (Lie::IatFuture, ErrorCode::ID_TOKEN_ISSUED_IN_FUTURE, Some(3600)),
        (Lie::ExpPast, ErrorCode::ID_TOKEN_EXPIRED, None),
    ] {
        let mut world = World::new();
        let mut session = world.session(SessionOptions::default());
        world.op.lie(lie);
        world.advance(301);
        let _ = world.ask(&mut session);
        let asked = world.op.count(On::Token);
        let events = world.pump(&mut session, &Store::default());
        assert!(matches!(&events[..], [Event::BackingOff { error, .. }] if error.code() == code), "{events:?}");
        world.op.honest();
        world.wait(&mut session);
        world.pump(&mut session, &Store::default());
        assert_eq!(world.op.count(On::Token), asked + 1, "the spent refresh token was not sent again");
        let Some(later) = right else { continue };
        world.advance(later);
        world.wait(&mut session);
        assert_eq!(world.pump(&mut session, &Store::default()), [Event::TokensRefreshed]);
        world.advance(301);
        let _ = world.ask(&mut session);
        assert_eq!(world.pump(&mut session, &Store::default()), [Event::TokensRefreshed]);
    }
}

#[test]
fn a_new_login_of_the_same_user_revives_a_session_and_nobody_elses_does() {
    let op = testing::Provider::new(ISSUER).with_user(User::new("alice")).with_user(User::new("bob"));
    let mut world = World::with(op);
    let mut session = world.session(SessionOptions::default().with_persistence(Persistence::Own));
    let store = Store::default();
    world.op.end_grants();
    world.advance(301);
    let _ = world.ask(&mut session);
    assert!(needs_login(&world.pump(&mut session, &store)));

    let others = world.login("bob");
    let error = session.adopt(others, &mut world.env).unwrap_err();
    let [expected, found] = [error.expected(), error.found()].map(|quote| quote.map(Quote::as_str));
    assert_eq!((error.code(), expected, found), (ErrorCode::SESSION_MISMATCH, Some("sub-alice"), Some("sub-bob")));
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
    store.put(Record::new(1, world.tokens.clone()));
    let mut session = world.restore(store.record().unwrap(), shared());
    world.advance(301);
    let _ = world.ask(&mut session);
    // In the middle of a refresh, with the lock held.
    let (ticket, action) = session.poll_store(&mut world.env).unwrap();
    let answer = store.response(action).unwrap();
    session.handle_store(ticket, answer, &mut world.env);
    assert!(store.is_locked());

    session.log_out(&mut world.env);
    assert!(matches!(session.access(&mut world.env), Access::Ended(End::LoggedOut)));
    let events = world.pump(&mut session, &store);
    assert!(logged_out(&events, Erased::Record, true), "{events:?}");
    assert_eq!(events[..2], [Event::Ended, Event::Orphaned]);
    assert!(!store.is_locked() && store.record().is_none() && session.is_idle());
    assert_eq!(store.log(), ["lock", "load", "erase", "unlock"]);
    assert_eq!(session.poll_timeout(), None);
    assert_eq!(world.revoke(&mut session).len(), 1);
    assert!(!world.honours(session.tokens().access_token().expose()));
    let tokens = world.login("alice");
    assert_eq!(session.adopt(tokens, &mut world.env).unwrap_err().code(), ErrorCode::SESSION_ENDED);
    // Once more is no more.
    session.log_out(&mut world.env);
    assert!(world.pump(&mut session, &store).is_empty() && session.is_idle());
}

/// Another process has refreshed: the tokens that this one has may be worth nothing, and their revocation does nothing.
#[test]
fn a_logout_revokes_what_is_stored() {
    for persistence in [Persistence::Shared, Persistence::Own] {
        let mut world = World::with(ignores_spent());
        let store = Store::default();
        store.put(Record::of_login(world.tokens.clone(), None, &mut world.env));
        let options = SessionOptions::default().with_persistence(persistence);
        let [mut first, mut second] = [(); 2].map(|()| world.restore(store.record().unwrap(), options));
        let _ = second.refresh(&mut world.env);
        world.pump(&mut second, &store);
        let newest = world.tokens_of(&second);
        first.log_out(&mut world.env);
        let events = world.pump(&mut first, &store);
        assert!(logged_out(&events, Erased::Record, true), "{events:?}");
        assert!(store.record().is_none() && first.is_idle());
        assert_eq!(world.revoke(&mut first).len(), 2, "what this process had, too");
        assert!(!world.op.has_grant_of(&newest));
        // And the other one does not bring it back.
        let _ = second.refresh(&mut world.env);
        assert!(world.pump(&mut second, &store).contains(&Event::LoggedOutElsewhere));
        assert!(store.record().is_none());
    }
}

/// A process was killed after it had asked: the stored refresh token is spent, and its revocation ends nothing.
#[test]
fn a_logout_after_a_refresh_without_an_end_refreshes_first() {
    for reuse in [Reuse::AllowedUntilSuccessorIsUsed, Reuse::EndsGrant] {
        for is_offline in [false, true] {
            let mut world = World::with(ignores_spent().with_reuse(reuse));
            let store = Store::default();
            store.put(Record::of_login(world.tokens.clone(), None, &mut world.env));
            let mut killed = world.restore(store.record().unwrap(), shared());
            let _ = killed.refresh(&mut world.env);
            world.keep(&mut killed, &store);
            let (_, request) = call(killed.poll_transmit(&mut world.env).unwrap());
            world.op.exchange(request, world.env.now()).unwrap();
            drop(killed);
            store.break_lock();

            let mut session = world.restore(store.record().unwrap(), shared());
            if is_offline {
                world.op.disturb(On::Token, Disturbance::Timeout, 1);
            }
            session.log_out(&mut world.env);
            let events = world.pump(&mut session, &store);
            let is_certain = !is_offline && reuse != Reuse::EndsGrant;
            assert!(logged_out(&events, Erased::Record, is_certain), "{reuse:?} {is_offline}: {events:?}");
            world.revoke(&mut session);
            let lives = world.op.has_grant_of(world.tokens.refresh_token().unwrap().expose());
            assert_eq!(lives, is_offline, "{reuse:?}");
            assert!(session.is_idle() && store.record().is_none() && !store.is_locked());
        }
    }
}

/// A response that was under way brings the newest tokens. They are revoked as they come.
#[test]
fn tokens_that_come_after_the_logout_are_revoked_as_they_come() {
    for is_late in [false, true] {
        let mut world = World::with(ignores_spent());
        world.forget_keys();
        let store = Store::default();
        store.put(Record::of_login(world.tokens.clone(), None, &mut world.env));
        let mut session = world.restore(store.record().unwrap(), shared());
        let _ = session.refresh(&mut world.env);
        world.keep(&mut session, &store);
        let (ticket, request) = call(session.poll_transmit(&mut world.env).unwrap());
        session.log_out(&mut world.env);
        world.keep(&mut session, &store);
        assert!(store.record().is_none() && !session.is_idle(), "it is erased at once, and the response is waited for");
        let response = world.op.exchange(request, world.env.now()).unwrap();
        if is_late {
            world.wait(&mut session);
        } else {
            session.handle_response(ticket, response, &mut world.env);
        }
        let events = world.pump(&mut session, &store);
        assert!(logged_out(&events, Erased::Record, !is_late), "{events:?}");
        world.revoke(&mut session);
        assert!(session.is_idle() && !store.is_locked());
        assert_eq!(world.op.has_grant_of(world.tokens.refresh_token().unwrap().expose()), is_late);
    }
}

/// Somebody else has logged in meanwhile. That login is not this session's to end.
#[test]
fn a_logout_leaves_the_record_of_another_user() {
    let op = testing::Provider::new(ISSUER).with_user(User::new("alice")).with_user(User::new("bob"));
    let mut world = World::with(op);
    let store = Store::default();
    let mut session = world.restore(Record::new(1, world.tokens.clone()), shared());
    let bobs = world.login("bob");
    store.put(Record::of_login(bobs.clone(), session.stored(), &mut world.env));
    session.log_out(&mut world.env);
    let events = world.pump(&mut session, &store);
    assert!(logged_out(&events, Erased::OtherLogin, false), "{events:?}");
    assert_eq!(world.revoke(&mut session).len(), 1);
    assert!(store.record().is_some() && world.honours(bobs.access_token().expose()));
}

/// Somebody holds the lock and does not give it back.
#[test]
fn a_logout_without_the_lock_erases_and_says_that_it_knows_no_more() {
    let (mut world, store) = (World::new(), Store::default());
    store.put(Record::new(1, world.tokens.clone()));
    let mut session = world.restore(store.record().unwrap(), shared());
    assert!(store.response(StoreAction::Lock).is_some());
    session.log_out(&mut world.env);
    let (_never, _) = session.poll_store(&mut world.env).unwrap();
    world.wait(&mut session);
    let events = world.pump(&mut session, &store);
    assert!(logged_out(&events, Erased::Record, false), "{events:?}");
    assert!(store.record().is_none() && session.is_idle());
    assert_eq!(world.revoke(&mut session).len(), 1);
}

/// Revoking a spent token does nothing there.
pub(super) fn ignores_spent() -> testing::Provider {
    testing::Provider::new(ISSUER)
        .with_reuse(Reuse::AllowedUntilSuccessorIsUsed)
        .with_revoking_spent(RevokingSpent::DoesNothing)
}

pub(super) fn logged_out(events: &[Event], erased: Erased, is_certain: bool) -> bool {
    let logouts = events.iter().filter_map(|event| match event {
        Event::LoggedOut(logout) => Some(logout),
        _ => None,
    });
    logouts.map(|logout| (&logout.erased, logout.is_certain())).eq([(&erased, is_certain)])
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
            world.op.disturb(On::Jwks, Disturbance::status(503), 1);
            world.exchange(&mut session);
        } else {
            let _never_answered = session.poll_transmit(&mut world.env).unwrap();
            world.wait(&mut session);
        }
        assert!(matches!(session.poll_event(), Some(Event::BackingOff { .. })));
        assert!(store.is_locked());
        if logs_out {
            session.log_out(&mut world.env);
        } else {
            session.adopt(tokens, &mut world.env).unwrap();
        }
        world.pump(&mut session, &store);
        if logs_out && !keys {
            assert!(!session.is_idle(), "it waits for the response, which may bring tokens");
            world.wait(&mut session);
            world.pump(&mut session, &store);
        }
        assert!(!store.is_locked() && session.is_idle(), "{keys} {logs_out}");
    }
}

#[test]
fn a_record_that_cannot_be_erased_is_told() {
    let mut world = World::new();
    let store = Store::default();
    let mut session = world.session(shared());
    store.put(record(&session, 1, &world.tokens));
    store.fails("erase");
    session.log_out(&mut world.env);
    let events = world.pump(&mut session, &store);
    assert!(events.contains(&Event::NotErased(broken("erase"))), "{events:?}");
    assert!(logged_out(&events, Erased::Failed(broken("erase")), false), "{events:?}");
    assert_eq!(world.pump(&mut session, &store), []);
    assert!(session.is_idle() && !store.is_locked());
}

/// What cannot be revoked is left to expire: the logout goes on to the provider's own logout.
#[test]
fn a_logout_without_a_revocation_endpoint_has_nothing_to_revoke() {
    let op = testing::Provider::new(ISSUER);
    op.lie(Lie::MetadataNull("revocation_endpoint"));
    let mut world = World::with(op);
    let mut session = world.session(SessionOptions::default());
    session.log_out(&mut world.env);
    let events = world.pump(&mut session, &Store::default());
    assert!(matches!(&events[..], [.., Event::LoggedOut(_)]), "{events:?}");
    assert!(session.poll_revocation(&mut world.env).is_none());
}
