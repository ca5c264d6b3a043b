//! Answers that are lost, late, doubled or none.

use std::time::Duration;

use http::StatusCode;
use oidc_proto::session::{Access, Event, Outcome, SessionOptions, Standing};
use oidc_proto::testing::{self, Disturbance, On, Reuse};
use oidc_proto::{Env, ErrorCode, Failure, FailureKind, Sent};

use crate::session::world::{ISSUER, Store, World, call, stalled};

/// What is no verdict: the session backs off, keeps its tokens, and heals by itself.
#[test]
fn failures_that_time_may_mend_do_not_end_a_session() {
    for (fault, code) in [
        (Disturbance::Timeout, "transport.timeout"),
        (Disturbance::Unreachable, "transport.unreachable"),
        (Disturbance::status(408), "transport.timeout"),
        (Disturbance::status(425), "http.too_many_requests"),
        (Disturbance::status(429), "http.too_many_requests"),
        (Disturbance::status(500), "http.server_error"),
        (Disturbance::status(503), "http.server_error"),
        (Disturbance::status(400), "http.status"),
        (Disturbance::status(401), "http.status"),
        (Disturbance::status(404), "http.status"),
        (Disturbance::LoginPage, "http.content_type"),
        (Disturbance::Redirect, "http.redirect"),
        (Disturbance::Garbage, "json.syntax"),
        (Disturbance::EmptyBody, "json.syntax"),
        (Disturbance::Oversized, "http.body_too_large"),
    ] {
        // Some of these have reached the provider, which has rotated by then.
        let mut world = World::with(testing::Provider::new(ISSUER).with_reuse(Reuse::AllowedUntilSuccessorIsUsed));
        let mut session = world.session(SessionOptions::default());
        world.op.disturb(On::Token, fault, 1);
        world.advance(301);
        let epoch = world.ask(&mut session).unwrap_err().unwrap();
        let events = world.pump(&mut session, &Store::default());
        assert!(matches!(events[..], [Event::BackingOff { .. }]), "{code}: {events:?}");
        assert_eq!(world.outcome(&session, epoch), Err(code));
        let next = world.ask(&mut session).unwrap_err().unwrap();
        assert!(next > epoch, "who asks now waits for the next attempt");
        assert_eq!(world.outcome(&session, next), Err("pending"));
        world.wait(&mut session);
        assert_eq!(world.pump(&mut session, &Store::default()), [Event::TokensRefreshed], "{code}");
        assert!(world.honours(&world.outcome(&session, next).unwrap()));
    }
}

/// The body was too large, broke off or did not end. The status says all the same what it always says.
#[test]
fn a_status_whose_body_is_not_there_counts() {
    use {ErrorCode as Code, Standing::Doubtful, Standing::Good};

    for (status, code, standing) in [
        (503, Some(Code::HTTP_SERVER_ERROR), Good),
        (500, Some(Code::HTTP_SERVER_ERROR), Good),
        (429, Some(Code::HTTP_TOO_MANY_REQUESTS), Good),
        (408, Some(Code::TRANSPORT_TIMEOUT), Good),
        (400, Some(Code::HTTP_STATUS), Good),
        (302, Some(Code::HTTP_REDIRECT), Good),
        // A gateway says nothing about the provider, and a success may have been new tokens.
        (502, Some(Code::HTTP_SERVER_ERROR), Doubtful),
        (504, Some(Code::HTTP_SERVER_ERROR), Doubtful),
        (200, None, Doubtful),
    ] {
        for (kind, own) in [
            (FailureKind::BodyTooLarge, Code::HTTP_BODY_TOO_LARGE),
            (FailureKind::Interrupted, Code::TRANSPORT_INTERRUPTED),
            (FailureKind::Timeout, Code::TRANSPORT_TIMEOUT),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            let failure = Failure::new(kind, Sent::Maybe).with_status(status);
            let by_core = (kind == FailureKind::BodyTooLarge).then(|| {
                let mut response = http::Response::new(vec![b' '; 2 << 20]);
                *response.status_mut() = status;
                Ok(response)
            });
            for came in by_core.into_iter().chain([Err(failure)]) {
                let mut world = World::new();
                let mut session = world.session(SessionOptions::default());
                let Access::Wait(epoch) = session.refresh(&mut world.env) else { panic!() };
                let (ticket, _request) = call(session.poll_transmit(&mut world.env).unwrap());
                match came {
                    Ok(response) => session.handle_response(ticket, response, &mut world.env),
                    Err(failure) => session.handle_failure(ticket, failure, &mut world.env),
                }
                let Outcome::Failed(error) = session.outcome(epoch, &world.env) else { panic!("{status} {kind}") };
                assert_eq!((error.code(), error.status()), (code.unwrap_or(own), Some(status)), "{kind}");
                assert_eq!(session.standing(&world.env), standing, "{status} {kind}");
            }
        }
    }
}

/// The process was suspended while the response waited for it: what the provider said counts from the question.
#[test]
fn a_response_ages_while_it_waits_to_be_read() {
    let mut world = World::new();
    let mut session = world.session(SessionOptions::default());
    world.advance(301);
    let _ = world.ask(&mut session);
    let (ticket, request) = call(session.poll_transmit(&mut world.env).unwrap());
    let answer = world.op.exchange(request, world.env.now()).unwrap();
    world.advance(200);
    session.handle_response(ticket, answer, &mut world.env);
    world.pump(&mut session, &Store::default());
    assert!(world.ask(&mut session).is_ok(), "it is good for another hundred seconds");
    world.advance(101);
    assert!(matches!(world.ask(&mut session), Err(Some(_))), "the token has expired");
}

/// A provider whose tokens live for no time at all is not asked over and over.
#[test]
fn tokens_without_a_life_are_refreshed_when_somebody_asks() {
    let mut world = World::with(testing::Provider::new(ISSUER).with_access_token_lifetime(Duration::ZERO));
    let mut session = world.session(SessionOptions::default());
    for refreshes in 1..4 {
        let asked = world.op.count(On::Token);
        let epoch = world.ask(&mut session).unwrap_err().unwrap();
        world.pump(&mut session, &Store::default());
        assert!(world.outcome(&session, epoch).is_ok(), "{refreshes}");
        assert_eq!((session.poll_timeout(), world.op.count(On::Token)), (None, asked + 1));
    }
}

#[test]
fn the_server_says_when_to_come_back_but_not_in_a_year() {
    for (retry_after, least, most) in [("7", 7, 7), ("99999999999", 3600, 3600), ("-1", 0, 2), ("soon", 0, 2)] {
        let mut world = World::new();
        let mut session = world.session(SessionOptions::default());
        world.op.disturb(On::Token, Disturbance::Status { status: 503, retry_after: Some(retry_after) }, 1);
        world.advance(301);
        let _ = world.ask(&mut session);
        world.pump(&mut session, &Store::default());
        let pause = session.poll_timeout().unwrap().saturating_since(world.env.monotonic()).as_secs();
        assert!((least..=most).contains(&pause), "{retry_after}: {pause}");
    }
}

#[test]
fn a_long_outage_is_told_once_and_survived() {
    let mut world = World::new();
    let mut session = world.session(SessionOptions::default());
    world.op.disturb(On::Token, Disturbance::status(503), 20);
    world.advance(301);
    let _ = world.ask(&mut session);
    let mut times = 0;
    for attempt in 1..=20 {
        let events = world.pump(&mut session, &Store::default());
        times += usize::from(stalled(&events, ErrorCode::HTTP_SERVER_ERROR));
        assert_eq!(times, usize::from(attempt >= 8));
        world.wait(&mut session);
    }
    assert_eq!(world.pump(&mut session, &Store::default()), [Event::TokensRefreshed]);
}

/// Who asks for a token goes on with the one that is still good, and the next attempt comes by itself.
#[test]
fn a_refresh_that_fails_early_costs_nobody_the_token() {
    let mut world = World::new();
    let mut session = world.session(SessionOptions::default());
    world.op.disturb(On::Token, Disturbance::status(503), 1);
    let Access::Wait(epoch) = session.refresh(&mut world.env) else { panic!() };
    assert!(matches!(world.pump(&mut session, &Store::default())[..], [Event::BackingOff { .. }]));
    let token = world.tokens.access_token().expose().to_owned();
    assert_eq!(world.outcome(&session, epoch), Err("http.server_error"));
    assert_eq!(world.ask(&mut session), Ok(token));
    for _ in 0..10 {
        session.handle_timeout(&mut world.env);
        assert!(session.poll_transmit(&mut world.env).is_none(), "not before the pause is over");
    }
    world.wait(&mut session);
    assert_eq!(world.pump(&mut session, &Store::default()), [Event::TokensRefreshed]);
}

/// The provider has rotated, its response was lost, and it takes the old refresh token for a while.
#[test]
fn a_lost_response_is_asked_for_again() {
    let op = testing::Provider::new(ISSUER).with_reuse(Reuse::AllowedUntilSuccessorIsUsed);
    let mut world = World::with(op);
    let mut session = world.session(SessionOptions::default());
    world.op.disturb(On::Token, Disturbance::LostResponse, 1);
    world.advance(301);
    let _ = world.ask(&mut session);
    world.pump(&mut session, &Store::default());
    world.wait(&mut session);
    assert_eq!(world.pump(&mut session, &Store::default()), [Event::TokensRefreshed]);
    assert!(world.honours(&world.tokens_of(&session)));
}

/// The response comes after the deadline, but before the next attempt: it is as good as any.
#[test]
fn a_late_response_is_taken_and_a_doubled_one_is_not() {
    let mut world = World::new();
    let mut session = world.session(SessionOptions::default());
    world.advance(301);
    let epoch = world.ask(&mut session).unwrap_err().unwrap();
    let (ticket, request) = call(session.poll_transmit(&mut world.env).unwrap());
    let response = world.op.exchange(request, world.env.now()).unwrap();
    world.wait(&mut session);
    assert_eq!(world.outcome(&session, epoch), Err("transport.timeout"));
    session.handle_response(ticket, response.clone(), &mut world.env);
    assert!(world.pump(&mut session, &Store::default()).contains(&Event::TokensRefreshed));
    let token = world.ask(&mut session).unwrap();
    assert!(world.honours(&token));
    assert_eq!(world.op.count(On::Token), 2, "the login, and one refresh");
}

#[test]
fn a_response_from_before_the_last_attempt_is_passed_over() {
    let mut world = World::new();
    let mut session = world.session(SessionOptions::default());
    world.advance(301);
    let _ = world.ask(&mut session);
    let (stale, request) = call(session.poll_transmit(&mut world.env).unwrap());
    drop(request);
    world.wait(&mut session);
    world.wait(&mut session);
    let body = br#"{"error":"invalid_grant"}"#.to_vec();
    let denial = http::Response::builder().status(400).header("content-type", "application/json").body(body).unwrap();
    session.handle_response(stale, denial, &mut world.env);
    assert_eq!(world.pump(&mut session, &Store::default()).last(), Some(&Event::TokensRefreshed));
}

/// Nor is it when the last attempt's own response is late, too.
#[test]
fn of_two_late_answers_only_the_newer_one_is_taken() {
    let mut world = World::with(testing::Provider::new(ISSUER).with_reuse(Reuse::AllowedUntilSuccessorIsUsed));
    let mut session = world.session(SessionOptions::default());
    world.advance(301);
    let _ = world.ask(&mut session);
    let mut sent = Vec::new();
    for _ in 0..2 {
        let (ticket, request) = call(session.poll_transmit(&mut world.env).unwrap());
        sent.push((ticket, world.op.exchange(request, world.env.now()).unwrap()));
        world.wait(&mut session);
        if sent.len() < 2 {
            world.wait(&mut session);
        }
    }
    let (newer, (older, stale)) = (sent.pop().unwrap(), sent.pop().unwrap());
    session.handle_response(older, stale, &mut world.env);
    assert!(matches!(world.pump(&mut session, &Store::default())[..], [Event::BackingOff { .. }]));
    assert!(!session.is_idle(), "the newer one may still come");
    session.handle_response(newer.0, newer.1, &mut world.env);
    assert_eq!(world.pump(&mut session, &Store::default()), [Event::TokensRefreshed]);
    let token = world.ask(&mut session).unwrap();
    assert!(world.honours(&token));
}

#[test]
fn timeouts_that_are_not_due_do_nothing() {
    let mut world = World::new();
    let mut session = world.session(SessionOptions::default());
    for _ in 0..100 {
        session.handle_timeout(&mut world.env);
    }
    assert!(session.poll_transmit(&mut world.env).is_none());
    world.advance(301);
    let _ = world.ask(&mut session);
    session.handle_timeout(&mut world.env);
    assert!(session.poll_transmit(&mut world.env).is_some() && session.poll_transmit(&mut world.env).is_none());
}

/// Keys that cannot be had do not cost the rotated tokens: they are verified later.
#[test]
fn new_tokens_survive_that_their_keys_cannot_be_had() {
    let mut world = World::new();
    world.forget_keys();
    let mut session = world.session(SessionOptions::default());
    world.op.disturb(On::Jwks, Disturbance::status(503), 1);
    world.advance(301);
    let _ = world.ask(&mut session);
    assert!(matches!(world.pump(&mut session, &Store::default())[..], [Event::BackingOff { .. }]));
    let asked = world.op.count(On::Token);
    let epoch = world.ask(&mut session).unwrap_err().unwrap();
    assert_eq!(world.outcome(&session, epoch), Err("pending"));
    world.wait(&mut session);
    assert_eq!(world.pump(&mut session, &Store::default()), [Event::TokensRefreshed]);
    assert_eq!(world.op.count(On::Token), asked, "the refresh token was not sent twice");
    assert!(world.honours(&world.outcome(&session, epoch).unwrap()));
}

#[test]
fn a_week_of_suspension_costs_one_refresh() {
    let mut world = World::new();
    let mut session = world.session(SessionOptions::default());
    world.env.clock().jump(Duration::from_secs(7 * 86_400));
    let epoch = world.ask(&mut session).unwrap_err().unwrap();
    assert_eq!(world.pump(&mut session, &Store::default()), [Event::TokensRefreshed]);
    assert!(world.outcome(&session, epoch).is_ok());
    assert_eq!(world.op.count(On::Token), 2);
}
