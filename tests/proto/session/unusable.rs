//! A refresh whose response has a refresh token, and no access token that can be used.

use std::time::Duration;

use oidc_proto::ErrorCode;
use oidc_proto::adapter::session::BlockingSession;
use oidc_proto::session::{End, Event, Persistence, Record, Session, Standing};
use oidc_proto::testing::{Lie, On};
use serde_json::json;

use crate::session::memory::Memory;
use crate::session::uncertain::session;
use crate::session::world::{Store, World, broken, shared};

type Edit = fn(&World);

/// What a provider may send in place of an access token.
const UNUSABLE: [(Edit, ErrorCode); 4] = [
    (|world| world.op.lie(Lie::TokenEmpty), ErrorCode::TOKEN_MISSING_ACCESS_TOKEN),
    (|world| world.op.lie(Lie::TokenAbsent), ErrorCode::TOKEN_MISSING_ACCESS_TOKEN),
    (|world| world.op.lie(Lie::TokenCrLf), ErrorCode::TOKEN_MALFORMED),
    (|world| put(world, "access_token", json!(7)), ErrorCode::JSON_TYPE),
];

fn put(world: &World, name: &'static str, value: serde_json::Value) {
    world.op.edit_json(On::Token, move |object| drop(object.insert(name.to_owned(), value.clone())));
}

fn refresh_token(session: &Session) -> String {
    session.tokens().refresh_token().unwrap().expose().to_owned()
}

/// The provider rotates, and a refresh token that comes twice ends the grant.
#[test]
fn rule_4_a_refresh_token_without_an_access_token_takes_the_place_of_the_spent_one() {
    for (edit, code) in UNUSABLE {
        for persistence in [Persistence::Nowhere, Persistence::Own, Persistence::Shared] {
            let mut world = World::new();
            let store = Store::default();
            let mut session = session(&mut world, &store, persistence);
            let (before, generation) = (refresh_token(&session), session.generation());
            edit(&world);
            let _ = session.refresh(&mut world.env);
            let events = world.pump(&mut session, &store);
            let [Event::BackingOff { error, pause }] = events.as_slice() else { panic!("{code} {events:?}") };
            assert_eq!((error.code(), *pause > Duration::from_millis(500)), (code, true), "{persistence:?}");
            assert_ne!(refresh_token(&session), before, "{code} {persistence:?}");
            assert!(world.op.has_grant_of(&refresh_token(&session)), "{code} {persistence:?}");
            assert_eq!(session.standing(&world.env), Standing::Doubtful, "nobody knows whether the old one is good");
            assert!(session.is_idle() && !store.is_locked() && !store.is_begun(), "{code} {persistence:?}");
            if persistence != Persistence::Nowhere {
                let kept = store.record().unwrap();
                assert_eq!((kept.generation, session.generation()), (generation + 1, generation + 1));
                assert!(kept.tokens.refresh_token().unwrap().matches(&refresh_token(&session)));
            }
            assert!(world.revoke(&mut session).is_empty(), "{code} {persistence:?}");

            world.op.honest();
            world.wait(&mut session);
            assert_eq!(world.pump(&mut session, &store), [Event::TokensRefreshed], "{code} {persistence:?}");
            assert!(world.honours(&world.tokens_of(&session)), "{code} {persistence:?}");
        }
    }
}

/// The process ends after the failed attempt. The next one goes on.
#[test]
fn what_was_kept_is_there_for_the_next_process() {
    let mut world = World::new();
    let store = Store::default();
    let mut session = session(&mut world, &store, Persistence::Shared);
    world.op.lie(Lie::TokenEmpty);
    let _ = session.refresh(&mut world.env);
    world.pump(&mut session, &store);
    drop(session);
    world.op.honest();
    let mut next = world.restore(store.record().unwrap(), shared());
    next.handle_timeout(&mut world.env);
    assert_eq!(world.pump(&mut next, &store), [Event::TokensRefreshed]);
    assert!(world.honours(&world.tokens_of(&next)));
}

/// Each response spends a refresh token, and the pauses grow.
#[test]
fn a_provider_that_goes_on_like_this_is_asked_slower_and_slower() {
    let mut world = World::new();
    let store = Store::default();
    let mut session = session(&mut world, &store, Persistence::Shared);
    world.op.lie(Lie::TokenEmpty);
    let asked = world.op.count(On::Token);
    let _ = session.refresh(&mut world.env);
    let mut events = world.pump(&mut session, &store);
    for _ in 0..9 {
        world.wait(&mut session);
        events.extend(world.pump(&mut session, &store));
    }
    let pauses: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            Event::BackingOff { pause, .. } => Some(*pause),
            _ => None,
        })
        .collect();
    assert_eq!((pauses.len(), world.op.count(On::Token) - asked), (10, 10));
    assert!(pauses.windows(2).all(|pair| pair[1] > pair[0] || pair[0] > Duration::from_secs(200)), "{pauses:?}");
    assert!(events.iter().any(|event| matches!(event, Event::Stalled(_))), "{events:?}");
    world.op.honest();
    world.wait(&mut session);
    assert_eq!(world.pump(&mut session, &store), [Event::TokensRefreshed]);
}

#[test]
fn a_refresh_token_that_the_store_does_not_take_is_saved_later() {
    let mut world = World::new();
    let store = Store::default();
    let mut session = session(&mut world, &store, Persistence::Shared);
    world.op.lie(Lie::TokenAbsent);
    store.fails("save");
    let _ = session.refresh(&mut world.env);
    let events = world.pump(&mut session, &store);
    assert!(events.contains(&Event::NotSaved(broken("save"))), "{events:?}");
    assert!(!session.is_idle() && store.is_locked(), "nobody else uses the refresh token of before");
    store.fails("");
    world.op.honest();
    world.advance(5);
    session.handle_timeout(&mut world.env);
    assert_eq!(world.pump(&mut session, &store), [Event::TokensRefreshed]);
    assert!(session.is_idle() && !store.is_locked() && world.honours(&world.tokens_of(&session)));
}

/// A logout that finds it under way ends the grant with certainty.
#[test]
fn a_logout_revokes_the_refresh_token_that_came_alone() {
    let mut world = World::new();
    let store = Store::default();
    let mut session = session(&mut world, &store, Persistence::Shared);
    world.op.lie(Lie::TokenEmpty);
    let _ = session.refresh(&mut world.env);
    world.pump(&mut session, &store);
    let newest = refresh_token(&session);
    session.log_out(&mut world.env);
    let events = world.pump(&mut session, &store);
    let is_certain = |event: &Event| matches!(event, Event::LoggedOut(logout) if logout.is_certain());
    assert!(events.iter().any(is_certain), "{events:?}");
    assert!(world.revoke(&mut session).contains(&newest) && !world.op.has_grant_of(&newest));
}

/// Who waits is told when the refresh token is saved, and may end then.
#[test]
fn a_blocking_caller_gets_the_error_once_the_refresh_token_is_saved() {
    let mut world = World::new();
    let memory = Memory::default();
    memory.put(Record::of_login(world.tokens.clone(), None, &mut world.env));
    world.op.lie(Lie::TokenEmpty);
    let live = world.restore(memory.record().unwrap(), shared());
    let session =
        BlockingSession::new(live, world.op.http(world.env.clock()), memory.blocking(), world.env.clone()).unwrap();
    let error = session.refresh(Duration::from_secs(60)).unwrap_err();
    assert_eq!(error.error().unwrap().code(), ErrorCode::TOKEN_MISSING_ACCESS_TOKEN);
    drop(session);
    let kept = memory.record().unwrap();
    assert!(kept.generation == 2 && world.op.has_grant_of(kept.tokens.refresh_token().unwrap().expose()));
}

/// Tokens that came whole and cannot be used end the session, as ID tokens that are wrong do: asking again brings the same,
/// and what came is revoked.
#[test]
fn tokens_in_a_response_that_breaks_the_standard_are_revoked() {
    let edits: [(Edit, ErrorCode); 4] = [
        (|world| world.op.lie(Lie::TokenTypeUnknown), ErrorCode::TOKEN_TYPE),
        (|world| world.op.lie(Lie::TokenTypeAbsent), ErrorCode::TOKEN_MISSING_TYPE),
        (|world| world.op.lie(Lie::ScopeList), ErrorCode::JSON_TYPE),
        (|world| put(world, "id_token", json!({})), ErrorCode::JSON_TYPE),
    ];
    for (edit, code) in edits {
        let mut world = World::new();
        let store = Store::default();
        let mut session = session(&mut world, &store, Persistence::Shared);
        edit(&world);
        let _ = session.refresh(&mut world.env);
        let events = world.pump(&mut session, &store);
        assert!(matches!(session.end(), Some(End::Unverified(error)) if error.code() == code), "{code} {events:?}");
        assert!(!store.is_locked(), "{code}");
        assert_eq!(world.revoke(&mut session).len(), 1, "{code}");
        assert!(!world.op.has_grant_of(&refresh_token(&session)), "{code}");
    }
}

/// Neither token can be used: nothing came.
#[test]
fn a_response_whose_tokens_are_all_malformed_ends_no_session() {
    let mut world = World::new();
    let store = Store::default();
    let mut session = session(&mut world, &store, Persistence::Shared);
    world.op.lie(Lie::RefreshTokenKept);
    world.op.lie(Lie::TokenEmpty);
    put(&world, "refresh_token", json!("a\r\nb"));
    let _ = session.refresh(&mut world.env);
    let events = world.pump(&mut session, &store);
    assert!(matches!(&events[..], [Event::BackingOff { .. }]), "{events:?}");
    world.op.honest();
    world.wait(&mut session);
    assert_eq!(world.pump(&mut session, &store), [Event::TokensRefreshed]);
}

/// The refresh token that came is the one that was sent: nothing is new, and nobody knows whether the old access token is
/// still good.
#[test]
fn a_refresh_token_that_stays_the_same_is_no_news() {
    let mut world = World::new();
    let store = Store::default();
    let mut session = session(&mut world, &store, Persistence::Shared);
    world.op.lie(Lie::RefreshTokenKept);
    world.op.lie(Lie::TokenEmpty);
    let before = refresh_token(&session);
    world.op.edit_json(On::Token, {
        let same = before.clone();
        move |object| drop(object.insert("refresh_token".into(), json!(same)))
    });
    let _ = session.refresh(&mut world.env);
    let events = world.pump(&mut session, &store);
    assert!(matches!(&events[..], [Event::BackingOff { .. }]), "{events:?}");
    assert_eq!((session.standing(&world.env), refresh_token(&session)), (Standing::Doubtful, before));
    assert_eq!(store.record().unwrap().generation, 1);
    assert!(world.revoke(&mut session).is_empty() && session.is_idle() && !store.is_locked());
    world.op.honest();
    world.wait(&mut session);
    assert_eq!(world.pump(&mut session, &store), [Event::TokensRefreshed]);
}
