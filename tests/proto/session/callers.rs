//! Who gets which token, and when it is refreshed.

use std::time::Duration;

use oidc_proto::session::{Access, Event, RefreshPolicy, Refusal, Session, SessionOptions, Transmit};
use oidc_proto::testing::{self, Disturbance, On, Reuse};
use oidc_proto::{AccessToken, Env, ErrorCode, IdToken, TokenSet};

use crate::session::world::{ISSUER, Store, World, shared, stalled};

fn options() -> SessionOptions {
    SessionOptions::default()
}

#[test]
fn a_good_token_is_handed_out_and_nothing_is_sent() {
    let mut world = World::new();
    let mut session = world.session(options());
    let token = world.tokens.access_token().expose().to_owned();
    for _ in 0..3 {
        assert_eq!(world.ask(&mut session).unwrap(), token);
    }
    assert!(
        session.poll_transmit(&mut world.env).is_none()
            && session.poll_store(&mut world.env).is_none()
            && session.poll_event().is_none()
    );
}

#[test]
fn a_look_at_the_current_token_begins_nothing() {
    let mut world = World::new();
    let mut session = world.session(options());
    let token = world.tokens.access_token().expose();
    assert_eq!(session.current(&world.env).map(AccessToken::expose), Some(token));
    world.env.clock().advance(Duration::from_secs(300));
    assert!(session.current(&world.env).is_none());
    assert!(session.poll_transmit(&mut world.env).is_none() && session.is_idle());

    let mut session = world.session(options());
    world.env.clock().jump_back(Duration::from_secs(300));
    session.log_out(&mut world.env);
    assert!(session.current(&world.env).is_none(), "the owner has ended it");
}

#[test]
fn many_callers_cause_one_refresh_and_all_get_its_token() {
    let mut world = World::new();
    let mut session = world.session(options());
    let asked = world.op.count(On::Token);
    world.advance(301);
    let epochs: Vec<_> = (0..5).map(|_| world.ask(&mut session).unwrap_err().unwrap()).collect();
    assert!(epochs.windows(2).all(|pair| pair[0] == pair[1]));
    assert_eq!(world.outcome(&session, epochs[0]), Err("pending"));
    assert_eq!(world.pump(&mut session, &Store::default()), [Event::TokensRefreshed]);
    let token = world.outcome(&session, epochs[0]).unwrap();
    assert!(world.honours(&token));
    assert!(epochs.iter().all(|&epoch| world.outcome(&session, epoch).as_ref() == Ok(&token)));
    assert_eq!(world.op.count(On::Token), asked + 1);
}

#[test]
fn a_token_is_refreshed_before_it_expires_and_stays_good_meanwhile() {
    let mut world = World::new();
    let mut session = world.session(options());
    let old = world.ask(&mut session).unwrap();
    let due = session.poll_timeout().unwrap().saturating_since(world.env.monotonic());
    assert!(due >= Duration::from_secs(255) && due <= Duration::from_secs(270), "{due:?}");
    world.wait(&mut session);
    assert_eq!(world.ask(&mut session).unwrap(), old, "the refresh is under way");
    world.pump(&mut session, &Store::default());
    assert_ne!(world.ask(&mut session).unwrap(), old);
}

#[test]
fn a_refusal_of_the_current_token_refreshes_and_one_of_an_old_token_does_not() {
    let mut world = World::new();
    let mut session = world.session(options());
    let old = world.tokens.access_token().clone();
    let Access::Wait(epoch) = session.unauthorized(&old, Refusal::Token, &mut world.env) else { panic!() };
    world.pump(&mut session, &Store::default());
    let new = world.outcome(&session, epoch).unwrap();
    let asked = world.op.count(On::Token);
    // The response to a request that was sent before the refresh.
    match session.unauthorized(&old, Refusal::Token, &mut world.env) {
        Access::Ready(token) => assert_eq!(token.expose(), new),
        other => panic!("{other:?}"),
    }
    let foreign = AccessToken::new("another's").unwrap();
    assert!(matches!(session.unauthorized(&foreign, Refusal::Token, &mut world.env), Access::Ready(_)));
    world.pump(&mut session, &Store::default());
    assert_eq!(world.op.count(On::Token), asked);
}

/// A resource server that takes no token at all does not make the provider's work: one refresh at once, then pauses.
#[test]
fn tokens_that_are_refused_as_soon_as_they_come_are_not_replaced_for_each_call() {
    let mut world = World::new();
    let (mut session, store) = (world.session(SessionOptions::default()), Store::default());
    let mut events = Vec::new();
    let mut call = |world: &mut World, session: &mut Session| {
        if let Access::Ready(token) = session.access(&mut world.env) {
            let token = token.clone();
            let _ = session.unauthorized(&token, Refusal::Token, &mut world.env);
        }
        events.extend(world.pump(session, &store));
    };
    for _ in 0..20 {
        call(&mut world, &mut session);
    }
    assert_eq!(world.op.count(On::Token), 2, "one of them is the login");
    // An hour of it, with a call each second: the pauses grow to minutes.
    for _ in 0..3600 {
        world.advance(1);
        session.handle_timeout(&mut world.env);
        call(&mut world, &mut session);
    }
    assert!((10..=25).contains(&world.op.count(On::Token)), "{}", world.op.count(On::Token));
    assert!(stalled(&events, ErrorCode::SESSION_TOKEN_REFUSED), "the owner hears of it");

    // A token that was good for a while begins anew.
    world.advance(3600);
    session.handle_timeout(&mut world.env);
    world.pump(&mut session, &store);
    world.advance(60);
    let before = world.op.count(On::Token);
    let Access::Ready(token) = session.access(&mut world.env) else { panic!() };
    let token = token.clone();
    assert!(matches!(session.unauthorized(&token, Refusal::Token, &mut world.env), Access::Wait(_)));
    world.pump(&mut session, &store);
    assert_eq!(world.op.count(On::Token), before + 1);
    assert!(matches!(session.access(&mut world.env), Access::Ready(_)));
}

/// Ten seconds are enough to have been good; the first pause is about a second, and they double.
#[test]
fn how_soon_a_token_is_refused_decides_whether_the_next_one_waits() {
    let mut world = World::new();
    let (mut session, store) = (world.session(SessionOptions::default()), Store::default());
    let refuse = |world: &mut World, session: &mut Session| {
        let token = session.tokens().access_token().clone();
        let _ = session.unauthorized(&token, Refusal::Token, &mut world.env);
        world.pump(session, &store)
    };
    for _ in 0..3 {
        world.advance(10);
        assert_eq!(refuse(&mut world, &mut session), [Event::TokensRefreshed]);
    }
    for (nominal, is_told) in [(1000, false), (2000, true), (4000, true)] {
        world.env.clock().advance(Duration::from_millis(9999));
        let events = refuse(&mut world, &mut session);
        let Some((Event::BackingOff { pause, .. }, told)) = events.split_last() else { panic!("{events:?}") };
        assert_eq!(matches!(told, [Event::TokensRefused(_)]), is_told, "{events:?}");
        assert!((nominal * 8 / 10..=nominal * 12 / 10).contains(&pause.as_millis()), "{pause:?}");
        world.wait(&mut session);
        assert_eq!(world.pump(&mut session, &store), [Event::TokensRefreshed]);
    }
}

/// A token in between was good: two that are refused with one between them that is not are not two in a row.
#[test]
fn a_good_token_between_two_that_are_refused_ends_the_count() {
    for by_another in [false, true] {
        let mut world = World::new();
        let (mut session, store) = (world.session(shared()), Store::default());
        for _ in 0..3 {
            let token = session.tokens().access_token().clone();
            let _ = session.unauthorized(&token, Refusal::Token, &mut world.env);
            assert_eq!(world.pump(&mut session, &store), [Event::TokensRefreshed], "{by_another}: at once");
            // It is used until it expires.
            world.advance(301);
            if by_another {
                let mut other = world.restore(store.record().unwrap(), shared());
                let _ = other.refresh(&mut world.env);
                world.pump(&mut other, &store);
            }
            assert!(matches!(world.ask(&mut session), Err(Some(_))), "it waits");
            assert_eq!(world.pump(&mut session, &store), [Event::TokensRefreshed]);
        }
    }
}

/// The next one is another process's, and is refused as well: that is the second in a row.
#[test]
fn refusals_in_a_row_are_counted_whoever_has_refreshed() {
    let mut world = World::new();
    let (mut session, store) = (world.session(shared()), Store::default());
    session.save(&world.env);
    world.pump(&mut session, &store);
    for is_told in [false, true] {
        let mut other = world.restore(store.record().unwrap(), shared());
        let _ = other.refresh(&mut world.env);
        world.pump(&mut other, &store);
        let token = session.tokens().access_token().clone();
        let _ = session.unauthorized(&token, Refusal::Token, &mut world.env);
        let events = world.pump(&mut session, &store);
        assert_eq!(matches!(events[0], Event::TokensRefused(_)), is_told, "{events:?}");
        assert!(is_told || world.tokens_of(&session) == world.tokens_of(&other));
    }
}

#[test]
fn a_step_up_and_a_lock_reach_the_owner_and_leave_the_session_alone() {
    let mut world = World::new();
    let mut session = world.session(options());
    let token = world.tokens.access_token().clone();
    let step_up = Refusal::StepUp { acr_values: vec!["mfa".to_owned()], max_age: Some(Duration::from_secs(5)) };
    assert!(matches!(session.unauthorized(&token, step_up, &mut world.env), Access::Ready(_)));
    assert!(matches!(session.unauthorized(&token, Refusal::Locked, &mut world.env), Access::Ready(_)));
    let expected = Event::StepUp { acr_values: vec!["mfa".to_owned()], max_age: Some(Duration::from_secs(5)) };
    assert_eq!(world.pump(&mut session, &Store::default()), [expected, Event::Locked]);
}

#[test]
fn a_manual_session_refreshes_when_it_is_told_to() {
    let mut world = World::new();
    let mut session = world.session(options().with_refresh(RefreshPolicy::Manual));
    assert_eq!(session.poll_timeout(), None);
    world.advance(301);
    assert!(matches!(session.access(&mut world.env), Access::Expired));
    let Access::Wait(epoch) = session.refresh(&mut world.env) else { panic!() };
    world.pump(&mut session, &Store::default());
    assert!(world.outcome(&session, epoch).is_ok());

    // What it was told to do once, it tries until it has it.
    world.op.disturb(On::Token, Disturbance::status(503), 1);
    let Access::Wait(epoch) = session.refresh(&mut world.env) else { panic!() };
    world.pump(&mut session, &Store::default());
    assert_eq!(world.outcome(&session, epoch), Err("http.server_error"));
    world.wait(&mut session);
    assert_eq!(world.pump(&mut session, &Store::default()), [Event::TokensRefreshed]);
    assert_eq!(session.poll_timeout(), None);
}

#[test]
fn an_idle_user_costs_no_request() {
    let mut world = World::new();
    let asked = world.op.count(On::Token);
    let on_demand = options().with_refresh(RefreshPolicy::OnDemand);
    let (mut session, store) = (world.session(on_demand), Store::default());
    assert!(world.ask(&mut session).is_ok());
    assert_eq!(session.poll_timeout(), None);
    world.advance(7 * 86_400);
    assert_eq!((session.poll_timeout(), world.op.count(On::Token)), (None, asked));
    let epoch = world.ask(&mut session).unwrap_err().unwrap();
    world.pump(&mut session, &store);
    assert!(world.outcome(&session, epoch).is_ok());
    assert_eq!((session.poll_timeout(), world.op.count(On::Token)), (None, asked + 1));

    // Nor does one whose last caller got an error and is gone.
    world.advance(301);
    world.op.disturb(On::Token, Disturbance::status(503), 2);
    let epoch = world.ask(&mut session).unwrap_err().unwrap();
    world.pump(&mut session, &store);
    assert_eq!(world.outcome(&session, epoch), Err("http.server_error"));
    assert_eq!(session.poll_timeout(), None);
    // Who comes in the pause waits for its end.
    let epoch = world.ask(&mut session).unwrap_err().unwrap();
    world.wait(&mut session);
    world.pump(&mut session, &store);
    assert_eq!(world.outcome(&session, epoch), Err("http.server_error"));
    // Who comes after it waits for a response only.
    world.advance(400);
    let epoch = world.ask(&mut session).unwrap_err().unwrap();
    world.pump(&mut session, &store);
    assert!(world.outcome(&session, epoch).is_ok());
}

#[test]
fn tokens_that_may_have_been_lost_are_asked_for_without_a_caller() {
    let mut world = World::with(testing::Provider::new(ISSUER).with_reuse(Reuse::AllowedUntilSuccessorIsUsed));
    let (mut session, store) = (world.session(options().with_refresh(RefreshPolicy::OnDemand)), Store::default());
    world.advance(301);
    world.ask(&mut session).unwrap_err().unwrap();
    let Some(Transmit::Call { .. }) = session.poll_transmit(&mut world.env) else { panic!() };
    world.wait(&mut session);
    assert!(session.poll_timeout().is_some(), "the response may still come, or the provider is asked again");
    world.wait(&mut session);
    world.pump(&mut session, &store);
    assert!(world.ask(&mut session).is_ok());
}

#[test]
fn a_clock_that_jumps_costs_a_refresh_at_most() {
    let mut world = World::new();
    // Forward by a year: the token seems to have expired.
    let mut session = world.session(options());
    world.env.clock().jump(Duration::from_secs(365 * 86_400));
    let epoch = world.ask(&mut session).unwrap_err().unwrap();
    world.pump(&mut session, &Store::default());
    assert!(world.outcome(&session, epoch).is_ok());
    // Back by a year: the token does not live a year longer for it.
    world.env.clock().jump_back(Duration::from_secs(365 * 86_400));
    world.advance(299);
    assert!(world.ask(&mut session).is_ok());
    world.advance(1);
    assert!(matches!(world.ask(&mut session), Err(Some(_))), "the token has expired");
}

#[test]
fn a_lifetime_that_nobody_told_lasts_until_a_refusal() {
    let op = testing::Provider::new(ISSUER);
    op.edit_json(On::Token, |response| drop(response.remove("expires_in")));
    let mut world = World::with(op);
    let mut session = world.session(options());
    assert_eq!(session.poll_timeout(), None);
    world.advance(7 * 86_400);
    assert!(world.ask(&mut session).is_ok());
    let token = world.tokens.access_token().clone();
    assert!(matches!(session.unauthorized(&token, Refusal::Token, &mut world.env), Access::Wait(_)));
}

#[test]
fn events_are_kept_one_of_each_kind() {
    let mut world = World::new();
    let mut session = world.session(options());
    let token = world.tokens.access_token().clone();
    for _ in 0..1000 {
        let _ = session.unauthorized(&token, Refusal::Locked, &mut world.env);
    }
    assert_eq!(std::iter::from_fn(|| session.poll_event()).count(), 1);
}

#[test]
fn an_idle_session_is_small() {
    // What it costs beside texts; `benches` counts those too, of its own login, and then 512 bytes are the limit.
    // The ID token is shared: two counts stand before it.
    let id_token = size_of::<IdToken>() + 2 * size_of::<usize>();
    let all = size_of::<Session>() + id_token;
    println!("Session {} with its TokenSet {} + IdToken {id_token}", size_of::<Session>(), size_of::<TokenSet>());
    assert!(all <= 352, "{all}");
}
