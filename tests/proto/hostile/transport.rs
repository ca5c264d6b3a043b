//! The way: what networks, proxies and overloaded servers do, at each endpoint.

use oidc_proto::testing::{self, Disturbance, On};
use oidc_proto::{Env as _, Error, ErrorCode, Failure, FailureKind, Sent, Step};

use crate::hostile::world::{Row, Say, User, World};

/// Where a fault strikes. The token endpoint has two columns, for the code and for the refresh.
const PLACES: [On; 7] = [On::ServerMetadata, On::Register, On::Jwks, On::Token, On::UserInfo, On::Token, On::Revoke];

const CLIENT: ErrorCode = ErrorCode::TOKEN_INVALID_CLIENT;
const DENIED: ErrorCode = ErrorCode::REGISTRATION_DENIED;
const LARGE: ErrorCode = ErrorCode::HTTP_BODY_TOO_LARGE;
const TOKEN: ErrorCode = ErrorCode::TOKEN_CONTENT_TYPE;
const TYPE: ErrorCode = ErrorCode::HTTP_CONTENT_TYPE;
const REDIRECT: ErrorCode = ErrorCode::HTTP_REDIRECT;
const SERVER: ErrorCode = ErrorCode::HTTP_SERVER_ERROR;
const STATUS: ErrorCode = ErrorCode::HTTP_STATUS;
const SLOW: ErrorCode = ErrorCode::HTTP_TOO_MANY_REQUESTS;
const TWICE: ErrorCode = ErrorCode::JSON_DUPLICATE_NAME;
const SYNTAX: ErrorCode = ErrorCode::JSON_SYNTAX;
const DEEP: ErrorCode = ErrorCode::JSON_TOO_DEEP;
const NONE404: ErrorCode = ErrorCode::METADATA_NOT_FOUND;
const BROKEN: ErrorCode = ErrorCode::TRANSPORT_INTERRUPTED;
const TIMEOUT: ErrorCode = ErrorCode::TRANSPORT_TIMEOUT;
const UNREACHABLE: ErrorCode = ErrorCode::TRANSPORT_UNREACHABLE;
const SIGNED: ErrorCode = ErrorCode::USERINFO_SIGNED;
const UNAUTHORIZED: ErrorCode = ErrorCode::USERINFO_UNAUTHORIZED;

/// `None`: it does no harm. Of the response to a revocation only the status counts.
#[rustfmt::skip]
const FAULTS: &[(Disturbance, [Option<ErrorCode>; 7])] = &[
    //                                          metadata       register       jwks           code           userinfo            refresh        revocation
    (Disturbance::Timeout,                            [Some(TIMEOUT),     Some(TIMEOUT),     Some(TIMEOUT),     Some(TIMEOUT),     Some(TIMEOUT),      Some(TIMEOUT),     Some(TIMEOUT)]),
    (Disturbance::Unreachable,                        [Some(UNREACHABLE), Some(UNREACHABLE), Some(UNREACHABLE), Some(UNREACHABLE), Some(UNREACHABLE),  Some(UNREACHABLE), Some(UNREACHABLE)]),
    (Disturbance::LostResponse,                         [Some(BROKEN),      Some(BROKEN),      Some(BROKEN),      Some(BROKEN),      Some(BROKEN),       Some(BROKEN),      Some(BROKEN)]),
    (Disturbance::status(204),                        [Some(SYNTAX),      Some(SYNTAX),      Some(SYNTAX),      Some(SYNTAX),      Some(SYNTAX),       Some(SYNTAX),      None]),
    (Disturbance::status(304),                        [Some(REDIRECT),    Some(REDIRECT),    Some(REDIRECT),    Some(REDIRECT),    Some(REDIRECT),     Some(REDIRECT),    Some(REDIRECT)]),
    (Disturbance::status(400),                        [Some(STATUS),      Some(STATUS),      Some(STATUS),      Some(STATUS),      Some(STATUS),       Some(STATUS),      Some(STATUS)]),
    (Disturbance::status(401),                        [Some(STATUS),      Some(DENIED),      Some(STATUS),      Some(STATUS),      Some(UNAUTHORIZED), Some(STATUS),      Some(CLIENT)]),
    (Disturbance::status(403),                        [Some(STATUS),      Some(DENIED),      Some(STATUS),      Some(STATUS),      Some(UNAUTHORIZED), Some(STATUS),      Some(CLIENT)]),
    (Disturbance::status(404),                        [Some(NONE404),     Some(STATUS),      Some(STATUS),      Some(STATUS),      Some(STATUS),       Some(STATUS),      Some(STATUS)]),
    (Disturbance::status(408),                        [Some(TIMEOUT),     Some(TIMEOUT),     Some(TIMEOUT),     Some(TIMEOUT),     Some(TIMEOUT),      Some(TIMEOUT),     Some(TIMEOUT)]),
    (Disturbance::status(425),                        [Some(SLOW),        Some(SLOW),        Some(SLOW),        Some(SLOW),        Some(SLOW),         Some(SLOW),        Some(SLOW)]),
    (Disturbance::status(429),                        [Some(SLOW),        Some(SLOW),        Some(SLOW),        Some(SLOW),        Some(SLOW),         Some(SLOW),        Some(SLOW)]),
    (Disturbance::status(500),                        [Some(SERVER),      Some(SERVER),      Some(SERVER),      Some(SERVER),      Some(SERVER),       Some(SERVER),      Some(SERVER)]),
    (Disturbance::status(503),                        [Some(SERVER),      Some(SERVER),      Some(SERVER),      Some(SERVER),      Some(SERVER),       Some(SERVER),      Some(SERVER)]),
    (Disturbance::status(999),                        [Some(STATUS),      Some(STATUS),      Some(STATUS),      Some(STATUS),      Some(STATUS),       Some(STATUS),      Some(STATUS)]),
    (Disturbance::LoginPage,                          [Some(TYPE),        Some(TYPE),        Some(TYPE),        Some(TYPE),        Some(TYPE),         Some(TYPE),        None]),
    (Disturbance::Redirect,                           [Some(REDIRECT),    Some(REDIRECT),    Some(REDIRECT),    Some(REDIRECT),    Some(REDIRECT),     Some(REDIRECT),    Some(REDIRECT)]),
    (Disturbance::Oversized,                          [Some(LARGE),       Some(LARGE),       Some(LARGE),       Some(LARGE),       Some(LARGE),        Some(LARGE),       Some(LARGE)]),
    (Disturbance::Truncated,                          [Some(SYNTAX),      Some(SYNTAX),      Some(SYNTAX),      Some(SYNTAX),      Some(SYNTAX),       Some(SYNTAX),      None]),
    (Disturbance::Garbage,                            [Some(SYNTAX),      Some(SYNTAX),      Some(SYNTAX),      Some(SYNTAX),      Some(SYNTAX),       Some(SYNTAX),      None]),
    (Disturbance::EmptyBody,                          [Some(SYNTAX),      Some(SYNTAX),      Some(SYNTAX),      Some(SYNTAX),      Some(SYNTAX),       Some(SYNTAX),      None]),
    (Disturbance::DeepNesting,                        [Some(DEEP),        Some(DEEP),        Some(DEEP),        Some(DEEP),        Some(DEEP),         Some(DEEP),        None]),
    (Disturbance::DuplicateName,                      [Some(TWICE),       Some(TWICE),       Some(TWICE),       Some(TWICE),       Some(TWICE),        Some(TWICE),       None]),
    (Disturbance::ByteOrderMark,                      [None,              None,              None,              None,              None,               None,              None]),
    (Disturbance::ContentType(None),                  [None,              None,              None,              None,              None,               None,              None]),
    (Disturbance::ContentType(Some("Application/JSON; charset=UTF-8")), [None, None,         None,              None,              None,               None,              None]),
    (Disturbance::ContentType(Some("application/x+json")), [None,         None,              None,              None,              None,               None,              None]),
    (Disturbance::ContentType(Some("text/plain")),    [None,              None      ,        None,              Some(TOKEN),       Some(TYPE),        Some(TOKEN),       None]),
    (Disturbance::ContentType(Some("application/jsonp")), [None,              None      ,        None,              Some(TOKEN),       Some(TYPE),        Some(TOKEN),       None]),
    (Disturbance::ContentType(Some("application/jwt")), [None,              None      ,        None,              Some(TOKEN),       Some(SIGNED),      Some(TOKEN),       None]),
    (Disturbance::ContentType(Some("TEXT/HTML")),     [Some(TYPE),        None      ,        Some(TYPE),        Some(TOKEN),       Some(TYPE),        Some(TOKEN),       None]),
    (Disturbance::ContentType(Some("application/xhtml+xml")), [Some(TYPE),        None      ,        Some(TYPE),        Some(TOKEN),       Some(TYPE),        Some(TOKEN),       None]),
    (Disturbance::ContentType(Some("text/xml;charset=utf-8")), [Some(TYPE),        None      ,        Some(TYPE),        Some(TOKEN),       Some(TYPE),        Some(TOKEN),       None]),
];

/// What an HTTP client may report.
const FAILURES: &[(FailureKind, ErrorCode)] = &[
    (FailureKind::Timeout, ErrorCode::TRANSPORT_TIMEOUT),
    (FailureKind::Unreachable, ErrorCode::TRANSPORT_UNREACHABLE),
    (FailureKind::Tls, ErrorCode::TRANSPORT_TLS),
    (FailureKind::Interrupted, ErrorCode::TRANSPORT_INTERRUPTED),
    (FailureKind::BodyTooLarge, ErrorCode::HTTP_BODY_TOO_LARGE),
    (FailureKind::Refused, ErrorCode::TRANSPORT_REFUSED),
    (FailureKind::Cancelled, ErrorCode::TRANSPORT_CANCELLED),
    (FailureKind::Other, ErrorCode::TRANSPORT_OTHER),
];

pub(crate) fn rows() -> Vec<Row> {
    let row = |(fault, codes): &(Disturbance, [Option<ErrorCode>; 7])| {
        codes.iter().zip(PLACES).map(|(code, on)| (Say::Disturbance(on, fault.clone()), *code)).collect::<Vec<_>>()
    };
    let failures = FAILURES.iter().map(|(_, code)| (Say::Edit("a failure", |_| {}), Some(*code)));
    let coded = (Say::Edit("told by a scenario", |_| {}), Some(ErrorCode::HTTP_CONTENT_ENCODING));
    FAULTS.iter().flat_map(row).chain(failures).chain([coded]).collect()
}

/// Goes on honestly until the request of this column is next, lets it meet the fault, and tells the outcome.
fn strike(column: usize, fault: &Disturbance) -> (World, Result<(), Error>) {
    let mut world = World::new();
    let before = |world: &mut World| -> User { world.logged_in().unwrap() };
    let set = |world: &World| world.op.disturb(PLACES[column], fault.clone(), 1);
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
            world.refresh(&user).map(|_| ())
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
fn an_empty_body_is_told_as_that_wherever_json_is_expected() {
    // The last one gives nothing back.
    for (column, place) in PLACES.iter().enumerate().take(6) {
        let error = strike(column, &Disturbance::EmptyBody).1.unwrap_err();
        assert!(error.found().unwrap().as_str().contains("empty"), "{error} at {place:?}");
        assert_eq!(error.status().map(|status| status.is_success()), Some(true), "{error}");
    }
}

/// It is told as that, not as wrong JSON; a client that decodes the body may leave the header.
#[test]
fn a_content_coding_that_nobody_asked_for_is_named() {
    for (status, body, expected) in [
        (200, b"\x1f\x8b\x08\x00".as_slice(), ErrorCode::HTTP_CONTENT_ENCODING),
        (400, b"\x1f\x8b\x08\x00", ErrorCode::HTTP_CONTENT_ENCODING),
        (401, b"\x1f\x8b\x08\x00", ErrorCode::HTTP_CONTENT_ENCODING),
        (503, b"\x1f\x8b\x08\x00", SERVER),
        (400, b"{\"error\":\"invalid_grant\"}", ErrorCode::TOKEN_INVALID_GRANT),
    ] {
        let world = &mut World::new();
        let user = world.logged_in().unwrap();
        world.op.tamper(On::Token, move |response| {
            *response.status_mut() = http::StatusCode::from_u16(status).unwrap();
            response.headers_mut().insert("content-encoding", http::HeaderValue::from_static("gzip"));
            *response.body_mut() = body.to_vec();
        });
        let error = world.refresh(&user).err().unwrap().error;
        assert_eq!(error.code(), expected, "{status}");
        let found = error.found().map(|found| found.as_str());
        assert!(expected != ErrorCode::HTTP_CONTENT_ENCODING || found == Some("gzip"), "{found:?}");
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
        (Disturbance::Timeout, Some(Sent::Maybe)),
        (Disturbance::Unreachable, Some(Sent::No)),
        (Disturbance::LostResponse, Some(Sent::Maybe)),
        (Disturbance::Oversized, Some(Sent::Maybe)),
        (Disturbance::status(503), None),
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
        let step = user.party.refresh(&user.tokens, &mut world.env).unwrap();
        let Step::Call(call) = step else { panic!("a refresh begins with a request") };
        let error = call.into_parts().2.fail(failure.clone(), &mut world.env).unwrap_err();
        assert_eq!((error.code(), error.failure()), (*code, Some(&failure)));
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
        let check = |world: &World| login.party.check(&login.pending, &callback, world.env.now()).unwrap();
        world.op.disturb(On::Jwks, fault.clone(), 1);
        let evidence = check(&world);
        let failed = world.exchange(&login, evidence).unwrap_err();
        assert_eq!((failed.code(), world.op.count(On::Token)), (code, 0), "{fault:?}");
        let evidence = check(&world);
        let exchanged = world.exchange(&login, evidence).unwrap();
        assert!(exchanged.verified().is_ok(), "{fault:?}");
    }
}

/// A response that says no, in the body of a response that says something else.
#[test]
fn a_verdict_is_believed_from_a_client_error_or_in_place_of_tokens() {
    let cases = [
        (400, "application/json", Some(ErrorCode::TOKEN_INVALID_GRANT)),
        (401, "application/json", Some(ErrorCode::TOKEN_INVALID_GRANT)),
        (403, "application/json;charset=utf-8", Some(ErrorCode::TOKEN_INVALID_GRANT)),
        (400, "text/html", Some(ErrorCode::TOKEN_INVALID_GRANT)),
        (400, "text/plain", Some(ErrorCode::TOKEN_INVALID_GRANT)),
        (408, "application/json", Some(TIMEOUT)),
        (425, "application/json", Some(SLOW)),
        (429, "application/json", Some(SLOW)),
        (500, "application/json", Some(SERVER)),
        (503, "application/json", Some(SERVER)),
        (302, "application/json", Some(REDIRECT)),
        (200, "application/json", Some(ErrorCode::TOKEN_INVALID_GRANT)),
    ];
    for (status, content_type, code) in cases {
        let mut world = World::new();
        let user = world.logged_in().unwrap();
        respond(&world.op, On::Token, status, content_type, r#"{"error":"invalid_grant"}"#);
        let refusal = world.refresh(&user).err().unwrap();
        assert_eq!(Some(refusal.error.code()), code, "{status} {content_type}");
    }
}

/// Puts one response in the place of all others.
pub(crate) fn respond(op: &testing::Provider, on: On, status: u16, content_type: &'static str, body: &'static str) {
    op.tamper(on, move |response| {
        *response.status_mut() = http::StatusCode::from_u16(status).unwrap();
        response.headers_mut().insert("content-type", http::HeaderValue::from_static(content_type));
        *response.body_mut() = body.as_bytes().to_vec();
    });
}
