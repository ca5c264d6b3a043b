//! What is said of a refresh that failed, and of the access token that was there before.

use oidc_proto::session::{Access, End, Epoch, Event, Outcome, Record, Refusal, Session, SessionOptions, Standing};
use oidc_proto::testing::{self, Disturbance, Lie, On, Reuse, Rotation};
use oidc_proto::{Env as _, Error, ErrorCode};

use crate::session::world::{ISSUER, Store, World, broken, call, shared};

mod adapters;
mod expired;

/// What becomes of a refresh.
#[derive(Clone, Debug)]
enum Response {
    Disturbance(Disturbance),
    /// An error object with this status.
    Denial(u16, &'static str),
}

impl Response {
    fn set(self, op: &testing::Provider) {
        match self {
            Self::Disturbance(fault) => op.disturb(On::Token, fault, 1000),
            Self::Denial(status, error) => op.tamper(On::Token, move |response| {
                *response.status_mut() = status.try_into().unwrap();
                *response.body_mut() = format!(r#"{{"error":"{error}","error_description":"not today"}}"#).into_bytes();
            }),
        }
    }
}

/// Those after which the provider surely has not rotated.
fn answered() -> Vec<(Response, ErrorCode, Option<u16>)> {
    vec![
        (Response::Disturbance(Disturbance::status(503)), ErrorCode::HTTP_SERVER_ERROR, Some(503)),
        (Response::Disturbance(Disturbance::status(429)), ErrorCode::HTTP_TOO_MANY_REQUESTS, Some(429)),
        (Response::Disturbance(Disturbance::Redirect), ErrorCode::HTTP_REDIRECT, Some(302)),
        (Response::Denial(400, "invalid_scope"), ErrorCode::TOKEN_INVALID_SCOPE, Some(400)),
        (Response::Denial(200, "invalid_scope"), ErrorCode::TOKEN_INVALID_SCOPE, Some(200)),
        // Not a response, but the request surely was not sent.
        (Response::Disturbance(Disturbance::Unreachable), ErrorCode::TRANSPORT_UNREACHABLE, None),
    ]
}

/// Those after which it may have.
fn unanswered() -> Vec<(Response, ErrorCode, Option<u16>)> {
    vec![
        (Response::Disturbance(Disturbance::LostResponse), ErrorCode::TRANSPORT_INTERRUPTED, None),
        (Response::Disturbance(Disturbance::Timeout), ErrorCode::TRANSPORT_TIMEOUT, None),
        (Response::Disturbance(Disturbance::Garbage), ErrorCode::JSON_SYNTAX, Some(200)),
        (Response::Disturbance(Disturbance::EmptyBody), ErrorCode::JSON_SYNTAX, Some(200)),
        (Response::Disturbance(Disturbance::Truncated), ErrorCode::JSON_SYNTAX, Some(200)),
        (Response::Disturbance(Disturbance::Oversized), ErrorCode::HTTP_BODY_TOO_LARGE, Some(200)),
        (Response::Disturbance(Disturbance::LoginPage), ErrorCode::HTTP_CONTENT_TYPE, Some(200)),
        (Response::Disturbance(Disturbance::status(502)), ErrorCode::HTTP_SERVER_ERROR, Some(502)),
        (Response::Disturbance(Disturbance::status(504)), ErrorCode::HTTP_SERVER_ERROR, Some(504)),
    ]
}

fn rotating() -> World {
    let op = testing::Provider::new(ISSUER).with_rotation(Rotation::EndsAccessTokens);
    World::with(op.with_reuse(Reuse::AllowedUntilSuccessorIsUsed))
}

fn refresh(world: &mut World, session: &mut Session) -> Epoch {
    match session.refresh(&mut world.env) {
        Access::Wait(epoch) => epoch,
        other => panic!("{other:?}"),
    }
}

fn failure(world: &World, session: &Session, epoch: Epoch) -> Error {
    match session.outcome(epoch, &world.env) {
        Outcome::Failed(error) => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_refresh_that_was_denied_fails_and_the_old_token_is_still_good() {
    for (response, code, status) in answered() {
        let mut world = World::new();
        let mut session = world.session(SessionOptions::default());
        response.clone().set(&world.op);
        let epoch = refresh(&mut world, &mut session);
        let events = world.pump(&mut session, &Store::default());
        let error = failure(&world, &session, epoch);
        assert_eq!((error.code(), error.status().map(|status| status.as_u16())), (code, status), "{response:?}");
        assert_eq!(error.provider_text().is_some(), matches!(response, Response::Denial(..)), "{response:?}");
        assert!(matches!(&events[..], [Event::BackingOff { error: told, .. }] if *told == error), "{events:?}");
        assert_eq!(session.standing(&world.env), Standing::Good, "{response:?}");
        let token = world.ask(&mut session).unwrap();
        assert!(token == world.tokens.access_token().expose() && world.honours(&token), "{response:?}");
    }
}

#[test]
fn a_refresh_without_a_response_fails_and_the_old_token_is_doubtful() {
    for (response, code, status) in unanswered() {
        let mut world = rotating();
        let mut session = world.session(SessionOptions::default());
        response.clone().set(&world.op);
        let epoch = refresh(&mut world, &mut session);
        world.pump(&mut session, &Store::default());
        let error = failure(&world, &session, epoch);
        assert_eq!((error.code(), error.status().map(|status| status.as_u16())), (code, status), "{response:?}");
        assert_eq!(session.standing(&world.env), Standing::Doubtful, "{response:?}");
        assert!(session.current(&world.env).is_none());
        // Nothing can be asked during the pause.
        let Access::Doubtful { token, error: why } = session.access(&mut world.env) else { panic!("{response:?}") };
        assert_eq!((token.expose(), why), (world.tokens.access_token().expose(), error));
        // After it the provider is asked first.
        let asked = world.op.count(On::Token);
        let pause = session.poll_timeout().unwrap().saturating_since(world.env.monotonic());
        world.env.clock().advance(pause);
        let epoch = world.ask(&mut session).unwrap_err().unwrap();
        assert!(matches!(session.outcome(epoch, &world.env), Outcome::Pending));
        // Whoever cannot wait gets the old one, and is told what it is.
        assert!(matches!(session.outcome_now(epoch, &world.env), Outcome::Doubtful { .. }), "{response:?}");
        world.pump(&mut session, &Store::default());
        assert!(world.op.count(On::Token) > asked);
        assert!(matches!(session.outcome(epoch, &world.env), Outcome::Doubtful { .. }), "{response:?}");
        // And once it works again, there is a good one.
        world.op.honest();
        world.wait(&mut session);
        assert_eq!(world.pump(&mut session, &Store::default()), [Event::TokensRefreshed], "{response:?}");
        let token = world.ask(&mut session).unwrap();
        assert!(world.honours(&token) && session.last_failure().is_none());
    }
}

/// Silence, until the deadline. The response may still come.
#[test]
fn a_refresh_that_hangs_leaves_a_doubtful_token_until_the_late_response_comes() {
    let mut world = rotating();
    let mut session = world.session(SessionOptions::default());
    let epoch = refresh(&mut world, &mut session);
    let (ticket, request) = call(session.poll_transmit(&mut world.env).unwrap());
    assert_eq!(session.standing(&world.env), Standing::Good, "the response is on its way");
    let response = world.op.exchange(request, world.env.now()).unwrap();
    world.wait(&mut session);
    assert_eq!(failure(&world, &session, epoch).code(), ErrorCode::TRANSPORT_TIMEOUT);
    assert!(matches!(session.access(&mut world.env), Access::Doubtful { .. }));
    assert!(!world.honours(world.tokens.access_token().expose()));
    session.handle_response(ticket, response, &mut world.env);
    world.pump(&mut session, &Store::default());
    let token = world.ask(&mut session).unwrap();
    assert!(world.honours(&token));
    // Who was told that it failed, and looks once more: new tokens are new tokens.
    assert_eq!(world.outcome(&session, epoch), Ok(token));
}

/// New tokens are there, but the keys to verify them are not: the old one may be gone already.
#[test]
fn tokens_that_cannot_be_verified_yet_make_the_old_one_doubtful() {
    let mut world = rotating();
    world.forget_keys();
    let mut session = world.session(SessionOptions::default());
    world.op.disturb(On::Jwks, Disturbance::status(503), 1);
    let epoch = refresh(&mut world, &mut session);
    world.pump(&mut session, &Store::default());
    let error = failure(&world, &session, epoch);
    assert_eq!((error.code(), error.status().unwrap().as_u16()), (ErrorCode::HTTP_SERVER_ERROR, 503));
    assert_eq!(session.standing(&world.env), Standing::Doubtful);
    world.wait(&mut session);
    world.pump(&mut session, &Store::default());
    assert_eq!(session.standing(&world.env), Standing::Good);
}

/// The keys were asked for once the tokens had come, and nobody has answered.
#[test]
fn keys_that_do_not_come_make_the_old_token_doubtful_too() {
    let mut world = rotating();
    world.forget_keys();
    let mut session = world.session(SessionOptions::default());
    let _ = refresh(&mut world, &mut session);
    let (ticket, request) = call(session.poll_transmit(&mut world.env).unwrap());
    world.send(&mut session, ticket, request);
    let (_, request) = call(session.poll_transmit(&mut world.env).unwrap());
    assert_eq!(request.method(), http::Method::GET);
    world.wait(&mut session);
    assert_eq!(session.standing(&world.env), Standing::Doubtful);
}

/// A new login takes the place of a refresh that is under way, and nobody waits for its response any more.
#[test]
fn a_refresh_that_is_given_up_for_a_new_login_makes_the_old_token_doubtful() {
    let mut world = rotating();
    let mut session = world.session(shared());
    let newer = world.login("alice");
    let _ = refresh(&mut world, &mut session);
    world.keep(&mut session, &Store::default());
    let (_, request) = call(session.poll_transmit(&mut world.env).unwrap());
    let _lost = world.op.exchange(request, world.env.now());
    session.adopt(newer.clone(), &mut world.env).unwrap();
    assert_eq!(session.standing(&world.env), Standing::Doubtful, "the newer tokens are not saved yet");
    let epoch = world.ask(&mut session).unwrap_err().unwrap();
    world.pump(&mut session, &Store::default());
    assert_eq!(world.outcome(&session, epoch).as_deref(), Ok(newer.access_token().expose()));
    assert_eq!(session.standing(&world.env), Standing::Good);
}

#[test]
fn a_response_that_cannot_be_trusted_leaves_a_doubtful_token_and_the_whole_error() {
    let mut world = rotating();
    let mut session = world.session(SessionOptions::default());
    world.op.lie(Lie::RefreshSubOther);
    let epoch = refresh(&mut world, &mut session);
    world.pump(&mut session, &Store::default());
    let Outcome::Ended(End::Unverified(error)) = session.outcome(epoch, &world.env) else { panic!() };
    assert_eq!(error.code(), ErrorCode::ID_TOKEN_CHANGED_CLAIM);
    assert_eq!(session.standing(&world.env), Standing::Doubtful);
}

/// The doubt is about the token: a later answer that the provider is busy does not take it away.
#[test]
fn a_doubt_lasts_until_there_are_new_tokens() {
    let mut world = rotating();
    let mut session = world.session(SessionOptions::default());
    world.op.disturb(On::Token, Disturbance::LostResponse, 1);
    world.op.disturb(On::Token, Disturbance::status(503), 1);
    let _ = refresh(&mut world, &mut session);
    world.pump(&mut session, &Store::default());
    world.wait(&mut session);
    world.pump(&mut session, &Store::default());
    assert_eq!(session.last_failure().map(Error::code), Some(ErrorCode::HTTP_SERVER_ERROR));
    assert_eq!(session.standing(&world.env), Standing::Doubtful);
    world.wait(&mut session);
    world.pump(&mut session, &Store::default());
    assert_eq!(session.standing(&world.env), Standing::Good);
}

/// A resource server knows better than a doubt.
#[test]
fn a_doubtful_token_that_is_refused_is_not_handed_out_again() {
    let mut world = rotating();
    let mut session = world.session(SessionOptions::default());
    world.op.disturb(On::Token, Disturbance::LostResponse, 2);
    let _ = refresh(&mut world, &mut session);
    world.pump(&mut session, &Store::default());
    let token = world.tokens.access_token().clone();
    assert!(matches!(session.unauthorized(&token, Refusal::Token, &mut world.env), Access::Wait(_)));
    world.wait(&mut session);
    world.pump(&mut session, &Store::default());
    assert_eq!(session.standing(&world.env), Standing::Refused);
    assert!(matches!(session.access(&mut world.env), Access::Wait(_)));
}

/// Each of those who wait for one attempt gets what it asked for.
#[test]
fn who_wants_a_token_and_who_wants_a_new_one_learn_different_things_of_one_attempt() {
    let mut world = rotating();
    let mut session = world.session(SessionOptions::default());
    world.op.disturb(On::Token, Disturbance::LostResponse, 1);
    world.op.disturb(On::Token, Disturbance::status(503), 1);
    let _ = refresh(&mut world, &mut session);
    world.pump(&mut session, &Store::default());
    let pause = session.poll_timeout().unwrap().saturating_since(world.env.monotonic());
    world.env.clock().advance(pause);
    let any = world.ask(&mut session).unwrap_err().unwrap();
    let new = refresh(&mut world, &mut session);
    world.pump(&mut session, &Store::default());
    assert!(matches!(session.outcome(any, &world.env), Outcome::Doubtful { .. }));
    assert_eq!(failure(&world, &session, new).code(), ErrorCode::HTTP_SERVER_ERROR);
    assert!(matches!(session.outcome_now(new, &world.env), Outcome::Failed(_)));
}

/// Who looks late at an attempt that has brought tokens is not told of a later one that has not.
#[test]
fn a_refresh_that_succeeded_stays_a_success() {
    let mut world = World::new();
    let mut session = world.session(SessionOptions::default());
    let first = refresh(&mut world, &mut session);
    world.pump(&mut session, &Store::default());
    world.op.disturb(On::Token, Disturbance::status(503), 1);
    let second = refresh(&mut world, &mut session);
    world.pump(&mut session, &Store::default());
    assert_eq!(world.outcome(&session, first), Ok(world.tokens_of(&session)));
    assert_eq!(world.outcome(&session, second), Err("http.server_error"));
}

/// What another process has saved next may be older than the request whose response was lost: it is refreshed before
/// anyone gets it.
#[test]
fn a_refresh_after_a_lost_response_does_not_trust_what_another_process_got() {
    let (mut world, store) = (rotating(), Store::default());
    store.put(Record::new(1, world.tokens.clone()));
    let [mut slow, mut fast] = [(); 2].map(|()| world.restore(store.record().unwrap(), shared()));
    world.op.disturb(On::Token, Disturbance::LostResponse, 1);
    let _ = refresh(&mut world, &mut slow);
    world.pump(&mut slow, &store);
    assert_eq!(slow.standing(&world.env), Standing::Doubtful);
    let _ = refresh(&mut world, &mut fast);
    world.pump(&mut fast, &store);
    let asked = world.op.count(On::Token);
    let epoch = refresh(&mut world, &mut slow);
    world.wait(&mut slow);
    world.pump(&mut slow, &store);
    let token = world.outcome(&slow, epoch).unwrap();
    assert!(world.honours(&token) && slow.standing(&world.env) == Standing::Good);
    assert_eq!(world.op.count(On::Token), asked + 1);
}

/// A record with the same access token under another number does not make it any better.
#[test]
fn a_record_with_the_same_tokens_takes_no_doubt_and_no_refusal_away() {
    for is_refused in [false, true] {
        let (mut world, store) = (World::new(), Store::default());
        store.put(Record::new(1, world.tokens.clone()));
        let mut session = world.restore(store.record().unwrap(), shared());
        world.op.disturb(On::Token, Disturbance::Timeout, 2);
        let _ = refresh(&mut world, &mut session);
        world.pump(&mut session, &store);
        if is_refused {
            let token = world.tokens.access_token().clone();
            let _ = session.unauthorized(&token, Refusal::Token, &mut world.env);
        }
        let expected = if is_refused { Standing::Refused } else { Standing::Doubtful };
        store.put(Record::new(2, world.tokens.clone()));
        world.wait(&mut session);
        world.pump(&mut session, &store);
        assert_eq!((session.generation(), session.standing(&world.env)), (2, expected));
    }
}

#[test]
fn a_store_that_fails_is_heard_in_its_own_words_and_leaves_the_token_good() {
    for action in ["lock", "load"] {
        let (mut world, store) = (World::new(), Store::default());
        let mut session = world.session(shared());
        store.fails(action);
        let epoch = refresh(&mut world, &mut session);
        let events = world.pump(&mut session, &store);
        assert_eq!(failure(&world, &session, epoch), broken(action));
        assert!(matches!(&events[..], [Event::BackingOff { error, .. }] if *error == broken(action)), "{events:?}");
        assert_eq!(session.standing(&world.env), Standing::Good);
    }
}

/// Whatever a store says, it is not the provider.
#[test]
fn an_error_of_the_store_ends_no_session() {
    use oidc_proto::session::{StoreAction, StoreResponse};
    let mut world = World::new();
    let mut session = world.session(shared());
    let epoch = refresh(&mut world, &mut session);
    let (ticket, StoreAction::Lock) = session.poll_store(&mut world.env).unwrap() else { panic!() };
    session.handle_store(ticket, StoreResponse::Failed(ErrorCode::TOKEN_INVALID_GRANT.into()), &mut world.env);
    assert_eq!(failure(&world, &session, epoch).code(), ErrorCode::TOKEN_INVALID_GRANT);
    assert!(session.end().is_none());
}
