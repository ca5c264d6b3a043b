//! The way: what networks, proxies and overloaded servers do, at each endpoint.

use oidc_proto::flow::Refresh;
use oidc_proto::testing::{self, Fault, On};
use oidc_proto::{Code, Error, Failure, FailureKind, Sent, Step};

use crate::world::{Row, Say, User, World};

/// Where a fault strikes. The token endpoint has two columns, for the code and for the refresh.
const PLACES: [On; 7] = [On::Metadata, On::Register, On::Jwks, On::Token, On::UserInfo, On::Token, On::Revoke];

use Code::{
    HttpBodyTooLarge as Large, HttpContentType as Type, HttpRedirect as Redirect, HttpServerError as Server,
    HttpStatus as Status, HttpTooManyRequests as Slow, JsonDuplicateName as Twice, JsonSyntax as Syntax,
    JsonTooDeep as Deep, MetadataNotFound as None404, TransportInterrupted as Broken, TransportTimeout as Timeout,
    TransportUnreachable as Unreachable, UserinfoSigned as Signed, UserinfoUnauthorized as Unauthorized,
};

/// `None`: it does no harm. Of the answer to a revocation only the status counts.
#[rustfmt::skip]
const FAULTS: &[(Fault, [Option<Code>; 7])] = &[
    //                                          metadata       register       jwks           code           userinfo            refresh        revocation
    (Fault::Timeout,                            [Some(Timeout),     Some(Timeout),     Some(Timeout),     Some(Timeout),     Some(Timeout),      Some(Timeout),     Some(Timeout)]),
    (Fault::Unreachable,                        [Some(Unreachable), Some(Unreachable), Some(Unreachable), Some(Unreachable), Some(Unreachable),  Some(Unreachable), Some(Unreachable)]),
    (Fault::LostAnswer,                         [Some(Broken),      Some(Broken),      Some(Broken),      Some(Broken),      Some(Broken),       Some(Broken),      Some(Broken)]),
    (Fault::status(204),                        [Some(Syntax),      Some(Syntax),      Some(Syntax),      Some(Syntax),      Some(Syntax),       Some(Syntax),      None]),
    (Fault::status(304),                        [Some(Redirect),    Some(Redirect),    Some(Redirect),    Some(Redirect),    Some(Redirect),     Some(Redirect),    Some(Redirect)]),
    (Fault::status(400),                        [Some(Status),      Some(Status),      Some(Status),      Some(Status),      Some(Status),       Some(Status),      Some(Status)]),
    (Fault::status(401),                        [Some(Status),      Some(Status),      Some(Status),      Some(Status),      Some(Unauthorized), Some(Status),      Some(Status)]),
    (Fault::status(403),                        [Some(Status),      Some(Status),      Some(Status),      Some(Status),      Some(Unauthorized), Some(Status),      Some(Status)]),
    (Fault::status(404),                        [Some(None404),     Some(Status),      Some(Status),      Some(Status),      Some(Status),       Some(Status),      Some(Status)]),
    (Fault::status(408),                        [Some(Timeout),     Some(Timeout),     Some(Timeout),     Some(Timeout),     Some(Timeout),      Some(Timeout),     Some(Timeout)]),
    (Fault::status(425),                        [Some(Slow),        Some(Slow),        Some(Slow),        Some(Slow),        Some(Slow),         Some(Slow),        Some(Slow)]),
    (Fault::status(429),                        [Some(Slow),        Some(Slow),        Some(Slow),        Some(Slow),        Some(Slow),         Some(Slow),        Some(Slow)]),
    (Fault::status(500),                        [Some(Server),      Some(Server),      Some(Server),      Some(Server),      Some(Server),       Some(Server),      Some(Server)]),
    (Fault::status(503),                        [Some(Server),      Some(Server),      Some(Server),      Some(Server),      Some(Server),       Some(Server),      Some(Server)]),
    (Fault::status(999),                        [Some(Status),      Some(Status),      Some(Status),      Some(Status),      Some(Status),       Some(Status),      Some(Status)]),
    (Fault::LoginPage,                          [Some(Type),        Some(Type),        Some(Type),        Some(Type),        Some(Type),         Some(Type),        None]),
    (Fault::Redirect,                           [Some(Redirect),    Some(Redirect),    Some(Redirect),    Some(Redirect),    Some(Redirect),     Some(Redirect),    Some(Redirect)]),
    (Fault::Oversized,                          [Some(Large),       Some(Large),       Some(Large),       Some(Large),       Some(Large),        Some(Large),       Some(Large)]),
    (Fault::Truncated,                          [Some(Syntax),      Some(Syntax),      Some(Syntax),      Some(Syntax),      Some(Syntax),       Some(Syntax),      None]),
    (Fault::Garbage,                            [Some(Syntax),      Some(Syntax),      Some(Syntax),      Some(Syntax),      Some(Syntax),       Some(Syntax),      None]),
    (Fault::EmptyBody,                          [Some(Syntax),      Some(Syntax),      Some(Syntax),      Some(Syntax),      Some(Syntax),       Some(Syntax),      None]),
    (Fault::DeepNesting,                        [Some(Deep),        Some(Deep),        Some(Deep),        Some(Deep),        Some(Deep),         Some(Deep),        None]),
    (Fault::DuplicateName,                      [Some(Twice),       Some(Twice),       Some(Twice),       Some(Twice),       Some(Twice),        Some(Twice),       None]),
    (Fault::ByteOrderMark,                      [None,              None,              None,              None,              None,               None,              None]),
    (Fault::ContentType(None),                  [None,              None,              None,              None,              None,               None,              None]),
    (Fault::ContentType(Some("Application/JSON; charset=UTF-8")), [None, None,         None,              None,              None,               None,              None]),
    (Fault::ContentType(Some("application/x+json")), [None,         None,              None,              None,              None,               None,              None]),
    (Fault::ContentType(Some("text/plain")),    [None,              Some(Type),        None,              Some(Type),        Some(Type),         Some(Type),        None]),
    (Fault::ContentType(Some("application/jsonp")), [None,          Some(Type),        None,              Some(Type),        Some(Type),         Some(Type),        None]),
    (Fault::ContentType(Some("application/jwt")), [None,            Some(Type),        None,              Some(Type),        Some(Signed),       Some(Type),        None]),
    (Fault::ContentType(Some("TEXT/HTML")),     [Some(Type),        Some(Type),        Some(Type),        Some(Type),        Some(Type),         Some(Type),        None]),
    (Fault::ContentType(Some("application/xhtml+xml")), [Some(Type), Some(Type),       Some(Type),        Some(Type),        Some(Type),         Some(Type),        None]),
    (Fault::ContentType(Some("text/xml;charset=utf-8")), [Some(Type), Some(Type),      Some(Type),        Some(Type),        Some(Type),         Some(Type),        None]),
];

/// What an HTTP client may report.
const FAILURES: &[(FailureKind, Code)] = &[
    (FailureKind::Timeout, Code::TransportTimeout),
    (FailureKind::Unreachable, Code::TransportUnreachable),
    (FailureKind::Tls, Code::TransportTls),
    (FailureKind::Interrupted, Code::TransportInterrupted),
    (FailureKind::BodyTooLarge, Code::HttpBodyTooLarge),
    (FailureKind::Refused, Code::TransportRefused),
    (FailureKind::Cancelled, Code::TransportCancelled),
    (FailureKind::Other, Code::TransportOther),
];

pub(crate) fn rows() -> Vec<Row> {
    let row = |(fault, codes): &(Fault, [Option<Code>; 7])| {
        codes.iter().zip(PLACES).map(|(code, on)| (Say::Fault(on, fault.clone()), *code)).collect::<Vec<_>>()
    };
    let failures = FAILURES.iter().map(|(_, code)| (Say::Edit("a failure", |_| {}), Some(*code)));
    FAULTS.iter().flat_map(row).chain(failures).collect()
}

/// Goes on honestly until the request of this column is next, lets it meet the fault, and tells the outcome.
fn strike(column: usize, fault: &Fault) -> (World, Result<(), Error>) {
    let mut world = World::new();
    let before = |world: &mut World| -> User { world.logged_in().unwrap() };
    let set = |world: &World| world.op.fault(PLACES[column], fault.clone(), 1);
    let outcome = match column {
        0..=3 => {
            set(&world);
            world.logged_in().map(|_| ())
        }
        4 => {
            let user = before(&mut world);
            set(&world);
            world.userinfo(&user).map(|_| ())
        }
        5 => {
            let user = before(&mut world);
            set(&world);
            world.refresh(&user, user.keys.clone()).map(|_| ())
        }
        _ => {
            let user = before(&mut world);
            set(&world);
            world.revoke(&user)
        }
    };
    (world, outcome.map_err(|refusal| refusal.error))
}

#[test]
fn a_fault_is_named_for_what_it_is_at_every_endpoint() {
    for (fault, codes) in FAULTS {
        for (column, code) in codes.iter().enumerate() {
            let (_, outcome) = strike(column, fault);
            assert_eq!(outcome.err().map(|error| error.code()), *code, "{fault:?} at {:?}", PLACES[column]);
        }
    }
}

#[test]
fn no_flow_repeats_a_request_by_itself() {
    for (fault, _) in FAULTS {
        for (column, on) in PLACES.into_iter().enumerate() {
            let (world, outcome) = strike(column, fault);
            if outcome.is_err() {
                let expected = if column == 5 { 2 } else { 1 };
                assert_eq!(world.op.count(on), expected, "{fault:?} at {on:?}");
            }
        }
    }
}

#[test]
fn a_failure_tells_whether_the_request_may_have_arrived() {
    for (fault, sent) in [
        (Fault::Timeout, Some(Sent::Maybe)),
        (Fault::Unreachable, Some(Sent::No)),
        (Fault::LostAnswer, Some(Sent::Maybe)),
        (Fault::Oversized, Some(Sent::Maybe)),
        (Fault::status(503), None),
    ] {
        for (column, on) in PLACES.into_iter().enumerate() {
            let error = strike(column, &fault).1.unwrap_err();
            assert_eq!(error.failure().map(|failure| failure.sent), sent, "{fault:?} at {on:?}");
        }
    }
}

#[test]
fn what_an_http_client_reports_is_told_as_it_was() {
    for (kind, code) in FAILURES {
        let mut world = World::new();
        let user = world.logged_in().unwrap();
        let failure = Failure::new(*kind, Sent::Maybe);
        let step = Refresh::start(&user.tokens, &user.provider, &user.client, None, &mut world.env).unwrap();
        let Step::Call(call) = step else { panic!("a refresh begins with a request") };
        let error = call.into_parts().2.fail(failure, &mut world.env).unwrap_err();
        assert_eq!((error.code(), error.failure()), (*code, Some(failure)));
    }
}

/// Keys that cannot be had do not cost the code.
#[test]
fn a_code_is_unspent_while_there_are_no_keys() {
    for (fault, codes) in FAULTS {
        let Some(code) = codes[2] else { continue };
        let mut world = World::new();
        let login = world.login().unwrap();
        let callback = world.callback(&login).unwrap();
        let check = |world: &World| login.pending.check(&callback, &login.provider, &world.env).unwrap();
        world.op.fault(On::Jwks, fault.clone(), 1);
        let evidence = check(&world);
        let failed = world.exchange(&login, evidence).unwrap_err();
        assert_eq!((failed.code(), world.op.count(On::Token)), (code, 0), "{fault:?}");
        let evidence = check(&world);
        let exchanged = world.exchange(&login, evidence).unwrap();
        assert!(exchanged.verified().is_ok(), "{fault:?}");
    }
}

/// An answer that says no, in the body of an answer that says something else.
#[test]
fn a_verdict_is_believed_only_from_a_client_error() {
    let cases = [
        (400, "application/json", Some(Code::TokenInvalidGrant)),
        (401, "application/json", Some(Code::TokenInvalidGrant)),
        (403, "application/json;charset=utf-8", Some(Code::TokenInvalidGrant)),
        (400, "text/html", Some(Status)),
        (400, "text/plain", Some(Status)),
        (408, "application/json", Some(Timeout)),
        (425, "application/json", Some(Slow)),
        (429, "application/json", Some(Slow)),
        (500, "application/json", Some(Server)),
        (503, "application/json", Some(Server)),
        (302, "application/json", Some(Redirect)),
        (200, "application/json", Some(Code::TokenErrorWithSuccess)),
    ];
    for (status, content_type, code) in cases {
        let mut world = World::new();
        let user = world.logged_in().unwrap();
        answer(&world.op, On::Token, status, content_type, r#"{"error":"invalid_grant"}"#);
        let refusal = world.refresh(&user, None).err().unwrap();
        assert_eq!(Some(refusal.error.code()), code, "{status} {content_type}");
    }
}

/// Puts one answer in the place of all others.
pub(crate) fn answer(op: &testing::Provider, on: On, status: u16, content_type: &'static str, body: &'static str) {
    op.tamper(on, move |response| {
        *response.status_mut() = http::StatusCode::from_u16(status).unwrap();
        response.headers_mut().insert("content-type", http::HeaderValue::from_static(content_type));
        *response.body_mut() = body.as_bytes().to_vec();
    });
}
