//! What a rendezvous refuses, loses and leaves out: the faults and tricks of `testing::Rendezvous`.

use std::time::Duration;

use oidc_proto::qr::rendezvous::Delivery;
use oidc_proto::qr::{MESSAGE_LIMIT, Proposal};
use oidc_proto::testing::{Disturbance, Meet, TestEnv, Trick};
use oidc_proto::{Env as _, Error, ErrorCode, Failure, FailureKind, Sent, Step};

use crate::qr::world::{BOTH, MINUTE, World, code};

/// Whatever is lost on the way, a text is written once and nobody else's is overwritten.
#[test]
fn a_text_is_written_once_whatever_gets_lost() {
    let lost = [
        Disturbance::LostResponse,
        Disturbance::Timeout,
        Disturbance::Unreachable,
        Disturbance::status(502),
        Disturbance::status(429),
        Disturbance::status(408),
    ];
    for (fault, proposal) in lost.iter().flat_map(|fault| BOTH.map(|proposal| (fault, proposal))) {
        for times in 1..4 {
            let mut world = World::of(proposal);
            let (a, b) = world.pair();
            world.server.trick(Meet::Send, Trick::Disturbance(fault.clone()), times);
            let a = world.sent(a, "once");
            assert_eq!(world.server.texts(), ["once"], "{fault:?}");
            let (b, text) = world.receive(b).unwrap();
            assert_eq!(text, "once");
            // Both know what is in the box now.
            let _ = world.sent(b, "answer");
            assert_eq!(world.receive(a).unwrap().1, "answer");
        }
    }
    // The response is lost, and the other device has written meanwhile.
    let mut world = World::new();
    let (a, _) = world.pair();
    world.server.trick(Meet::Send, Trick::Disturbance(Disturbance::LostResponse), 1);
    let Step::Call(call) = a.send("once", MINUTE, &mut world.env) else { panic!("no call") };
    let (request, _, awaiting) = call.into_parts();
    let failure = world.server.exchange(request, world.env.now()).unwrap_err();
    assert_eq!((failure.kind, failure.sent), (FailureKind::Interrupted, Sent::Maybe));
    world.server.intrude("other");
    let step = awaiting.fail(failure.clone(), &mut world.env).unwrap();
    let Delivery::Uncertain(a) = world.run(step).unwrap() else { panic!("no doubt") };
    assert_eq!(world.receive(a).unwrap().1, "other");
}

#[test]
fn a_wrong_412_is_found_out_or_surfaced() {
    for proposal in BOTH {
        a_wrong_conflict(World::of(proposal));
    }
}

fn a_wrong_conflict(mut world: World) {
    let (a, _) = world.pair();
    world.server.trick(Meet::Send, Trick::Conflict, 1);
    let Delivery::Overtaken(a) = world.send(a, "text").unwrap() else { panic!("delivered") };
    // There is nothing to read, so the caller can write again.
    let a = world.sent(a, "text");
    if world.proposal == Proposal::Msc4388 {
        // It has looked before it wrote once more: nothing is left in doubt.
        return;
    }
    world.server.trick(Meet::Send, Trick::Disturbance(Disturbance::Timeout), 1);
    world.server.trick(Meet::Send, Trick::Conflict, 1);
    let _ = world.sent(a, "after a failure");
    assert_eq!(world.server.texts(), ["text", "after a failure"]);
}

#[test]
fn failures_on_the_way_are_waited_out_longer_and_longer() {
    for fault in [
        Disturbance::Timeout,
        Disturbance::Unreachable,
        Disturbance::status(500),
        Disturbance::status(503),
        Disturbance::status(429),
    ] {
        let mut world = World::new();
        world.server = world.server.with_lifetime(MINUTE * 10);
        let (a, b) = world.pair();
        let _ = world.sent(a, "text");
        world.server.trick(Meet::Receive, Trick::Disturbance(fault.clone()), 4);
        assert_eq!(world.receive(b.clone()).unwrap().1, "text");
        assert_eq!(world.pauses, [2, 4, 8, 15].map(Duration::from_secs), "{fault:?}");
        // For ever, they end with what they were.
        world.server.trick(Meet::Receive, Trick::Disturbance(fault.clone()), usize::MAX);
        let error = world.receive(b).unwrap_err();
        assert!(error.code().as_str().starts_with("transport.") || error.code().as_str().starts_with("http."));
    }
    let mut world = World::new();
    let (a, _) = world.pair();
    let after = |seconds| Disturbance::Status { status: 429, retry_after: Some(seconds) };
    for seconds in ["9", "100000000000"] {
        world.server.trick(Meet::Receive, Trick::Disturbance(after(seconds)), 1);
    }
    world.server.intrude("text");
    world.receive(a).unwrap();
    assert_eq!(world.pauses, [9, 15].map(Duration::from_secs));
}

#[test]
fn what_time_does_not_mend_ends_at_once() {
    for kind in [FailureKind::Cancelled, FailureKind::Refused, FailureKind::Tls] {
        let mut world = World::new();
        let (a, b) = world.pair();
        let failure = Failure::new(kind, Sent::No);
        let fail = |step: Step<_>, env: &mut TestEnv| {
            let Step::Call(call) = step else { panic!("{step:?}") };
            code(call.into_parts().2.fail(failure.clone(), env).map(|_| ()))
        };
        assert_eq!(fail(a.receive(MINUTE, &mut world.env), &mut world.env), Error::from(failure.clone()).code());
        let Step::Call(call) = b.send("text", MINUTE, &mut world.env) else { panic!("no call") };
        assert_eq!(
            code(call.into_parts().2.fail(failure.clone(), &mut world.env)),
            Error::from(failure.clone()).code()
        );
    }
}

/// Every refusal of every request.
#[test]
fn refusals_are_named() {
    for (meet, trick, expected) in [
        (Meet::Create, Trick::Disturbance(Disturbance::status(404)), ErrorCode::QR_RENDEZVOUS_UNSUPPORTED),
        (Meet::Create, Trick::Disturbance(Disturbance::status(405)), ErrorCode::QR_RENDEZVOUS_UNSUPPORTED),
        (Meet::Create, Trick::Disturbance(Disturbance::status(501)), ErrorCode::QR_RENDEZVOUS_UNSUPPORTED),
        (Meet::Create, Trick::Disturbance(Disturbance::status(403)), ErrorCode::QR_RENDEZVOUS_FORBIDDEN),
        (Meet::Create, Trick::Disturbance(Disturbance::status(500)), ErrorCode::HTTP_SERVER_ERROR),
        (Meet::Create, Trick::Disturbance(Disturbance::Redirect), ErrorCode::HTTP_REDIRECT),
        (Meet::Create, Trick::Disturbance(Disturbance::Timeout), ErrorCode::TRANSPORT_TIMEOUT),
        (Meet::Create, Trick::Disturbance(Disturbance::LoginPage), ErrorCode::HTTP_CONTENT_TYPE),
        (Meet::Create, Trick::Disturbance(Disturbance::Oversized), ErrorCode::HTTP_BODY_TOO_LARGE),
        (Meet::Create, Trick::Disturbance(Disturbance::Truncated), ErrorCode::JSON_SYNTAX),
        (Meet::Create, Trick::Disturbance(Disturbance::DuplicateName), ErrorCode::JSON_DUPLICATE_NAME),
        (Meet::Create, Trick::Disturbance(Disturbance::DeepNesting), ErrorCode::JSON_TOO_DEEP),
        (Meet::Create, Trick::NoEtag, ErrorCode::QR_RENDEZVOUS_RESPONSE),
        (Meet::Create, Trick::Url("http://hs.example.org/1"), ErrorCode::QR_RENDEZVOUS_RESPONSE),
        (Meet::Create, Trick::Url("javascript:alert(1)"), ErrorCode::QR_RENDEZVOUS_RESPONSE),
        (Meet::Create, Trick::Url("https://u:p@hs.example.org/1"), ErrorCode::QR_RENDEZVOUS_RESPONSE),
        (Meet::Create, Trick::Url("https://hs.example.org/#1"), ErrorCode::QR_RENDEZVOUS_RESPONSE),
        (Meet::Create, Trick::Url("/1"), ErrorCode::QR_RENDEZVOUS_RESPONSE),
        (Meet::Create, Trick::Url(""), ErrorCode::QR_RENDEZVOUS_RESPONSE),
        (Meet::Receive, Trick::Expire, ErrorCode::QR_RENDEZVOUS_EXPIRED),
        (Meet::Receive, Trick::Disturbance(Disturbance::status(410)), ErrorCode::QR_RENDEZVOUS_EXPIRED),
        (Meet::Receive, Trick::Disturbance(Disturbance::status(403)), ErrorCode::HTTP_STATUS),
        (Meet::Receive, Trick::Disturbance(Disturbance::Redirect), ErrorCode::HTTP_REDIRECT),
        (Meet::Receive, Trick::Disturbance(Disturbance::LoginPage), ErrorCode::HTTP_CONTENT_TYPE),
        (Meet::Receive, Trick::Disturbance(Disturbance::Oversized), ErrorCode::HTTP_BODY_TOO_LARGE),
        (Meet::Receive, Trick::Disturbance(Disturbance::Garbage), ErrorCode::QR_CHANNEL_MALFORMED),
        (Meet::Receive, Trick::ContentType("application/json"), ErrorCode::HTTP_CONTENT_TYPE),
        (Meet::Receive, Trick::NoEtag, ErrorCode::QR_RENDEZVOUS_RESPONSE),
        (Meet::Receive, Trick::TooLarge, ErrorCode::QR_RENDEZVOUS_TOO_LARGE),
        (Meet::Send, Trick::Expire, ErrorCode::QR_RENDEZVOUS_EXPIRED),
        (Meet::Send, Trick::TooLarge, ErrorCode::QR_RENDEZVOUS_TOO_LARGE),
        (Meet::Send, Trick::NoEtag, ErrorCode::QR_RENDEZVOUS_RESPONSE),
        (Meet::Send, Trick::Disturbance(Disturbance::status(403)), ErrorCode::HTTP_STATUS),
        (Meet::Send, Trick::Disturbance(Disturbance::Redirect), ErrorCode::HTTP_REDIRECT),
        (Meet::Delete, Trick::Disturbance(Disturbance::status(403)), ErrorCode::HTTP_STATUS),
        (Meet::Delete, Trick::Disturbance(Disturbance::Redirect), ErrorCode::HTTP_REDIRECT),
        (Meet::Delete, Trick::Disturbance(Disturbance::Timeout), ErrorCode::TRANSPORT_TIMEOUT),
    ] {
        assert_eq!(code(tricked(World::new(), meet, &trick)), expected, "{meet:?} {trick:?}");
    }
}

/// What becomes of a request of this kind whose response is a trick.
fn tricked(mut world: World, meet: Meet, trick: &Trick) -> Result<(), Error> {
    if meet == Meet::Create {
        world.server.trick(meet, trick.clone(), 1);
        return world.create().map(|_| ());
    }
    let (a, _) = world.pair();
    world.server.intrude("text");
    let a = if meet == Meet::Receive { a } else { world.receive(a).unwrap().0 };
    world.server.trick(meet, trick.clone(), 1);
    match meet {
        Meet::Send => world.send(a, "text").map(|_| ()),
        Meet::Receive => world.receive(a).map(|_| ()),
        _ => world.run(a.delete()),
    }
}

/// The same of the draft, whose responses are JSON.
#[test]
fn refusals_of_the_draft_are_named() {
    for (meet, trick, expected) in [
        (Meet::Create, Trick::Disturbance(Disturbance::status(404)), ErrorCode::QR_RENDEZVOUS_UNSUPPORTED),
        (Meet::Create, Trick::Disturbance(Disturbance::status(403)), ErrorCode::QR_RENDEZVOUS_FORBIDDEN),
        (Meet::Create, Trick::Disturbance(Disturbance::status(500)), ErrorCode::HTTP_SERVER_ERROR),
        (Meet::Create, Trick::Disturbance(Disturbance::Redirect), ErrorCode::HTTP_REDIRECT),
        (Meet::Create, Trick::Disturbance(Disturbance::LoginPage), ErrorCode::HTTP_CONTENT_TYPE),
        (Meet::Create, Trick::Disturbance(Disturbance::Truncated), ErrorCode::JSON_SYNTAX),
        (Meet::Create, Trick::Disturbance(Disturbance::DuplicateName), ErrorCode::JSON_DUPLICATE_NAME),
        (Meet::Create, Trick::NoEtag, ErrorCode::QR_RENDEZVOUS_RESPONSE),
        (Meet::Create, Trick::Url(""), ErrorCode::QR_RENDEZVOUS_RESPONSE),
        (Meet::Create, Trick::Url(".."), ErrorCode::QR_RENDEZVOUS_RESPONSE),
        (Meet::Create, Trick::Url("a/b"), ErrorCode::QR_RENDEZVOUS_RESPONSE),
        (Meet::Create, Trick::Url("a?b"), ErrorCode::QR_RENDEZVOUS_RESPONSE),
        (Meet::Create, Trick::Url("https://other.example.org"), ErrorCode::QR_RENDEZVOUS_RESPONSE),
        (Meet::Receive, Trick::Expire, ErrorCode::QR_RENDEZVOUS_EXPIRED),
        (Meet::Receive, Trick::Disturbance(Disturbance::status(403)), ErrorCode::HTTP_STATUS),
        (Meet::Receive, Trick::Disturbance(Disturbance::Redirect), ErrorCode::HTTP_REDIRECT),
        (Meet::Receive, Trick::Disturbance(Disturbance::LoginPage), ErrorCode::HTTP_CONTENT_TYPE),
        (Meet::Receive, Trick::Disturbance(Disturbance::Oversized), ErrorCode::HTTP_BODY_TOO_LARGE),
        (Meet::Receive, Trick::Disturbance(Disturbance::Truncated), ErrorCode::JSON_SYNTAX),
        (Meet::Receive, Trick::NoEtag, ErrorCode::QR_RENDEZVOUS_RESPONSE),
        (Meet::Receive, Trick::TooLarge, ErrorCode::QR_RENDEZVOUS_TOO_LARGE),
        (Meet::Send, Trick::Expire, ErrorCode::QR_RENDEZVOUS_EXPIRED),
        (Meet::Send, Trick::TooLarge, ErrorCode::QR_RENDEZVOUS_TOO_LARGE),
        (Meet::Send, Trick::NoEtag, ErrorCode::QR_RENDEZVOUS_RESPONSE),
        (Meet::Send, Trick::Disturbance(Disturbance::Garbage), ErrorCode::JSON_SYNTAX),
        (Meet::Send, Trick::Disturbance(Disturbance::status(403)), ErrorCode::HTTP_STATUS),
        (Meet::Delete, Trick::Disturbance(Disturbance::status(403)), ErrorCode::HTTP_STATUS),
    ] {
        assert_eq!(code(tricked(World::of(Proposal::Msc4388), meet, &trick)), expected, "{meet:?} {trick:?}");
    }
}

/// A token that cannot be sent back as it is, and bodies of other shapes.
#[test]
fn hostile_bodies_of_the_draft_are_refused() {
    let long = format!(r#"{{"data":"text","sequence_token":"{}"}}"#, "x".repeat(256));
    for (body, expected) in [
        (r#"{"data":"text"}"#, ErrorCode::QR_RENDEZVOUS_RESPONSE),
        (r#"{"data":"text","sequence_token":""}"#, ErrorCode::QR_RENDEZVOUS_RESPONSE),
        (r#"{"data":"text","sequence_token":"a b"}"#, ErrorCode::QR_RENDEZVOUS_RESPONSE),
        (r#"{"data":"text","sequence_token":"a\nb"}"#, ErrorCode::QR_RENDEZVOUS_RESPONSE),
        (r#"{"data":"text","sequence_token":"\u00e9"}"#, ErrorCode::QR_RENDEZVOUS_RESPONSE),
        (&long, ErrorCode::QR_RENDEZVOUS_RESPONSE),
        (r#"{"sequence_token":"2"}"#, ErrorCode::QR_RENDEZVOUS_RESPONSE),
        (r#"{"data":1,"sequence_token":"2"}"#, ErrorCode::JSON_TYPE),
        (r#"{"data":"text","sequence_token":2}"#, ErrorCode::JSON_TYPE),
        (r#"["text"]"#, ErrorCode::JSON_TYPE),
        ("", ErrorCode::JSON_SYNTAX),
    ] {
        let mut world = World::of(Proposal::Msc4388);
        let (a, _) = world.pair();
        let Step::Call(call) = a.receive(MINUTE, &mut world.env) else { panic!("no call") };
        let (_, _, awaiting) = call.into_parts();
        let response = http::Response::builder().header("content-type", "application/json");
        let outcome = awaiting.receive(response.body(body.as_bytes().to_vec()).unwrap(), &mut world.env);
        assert_eq!(code(outcome), expected, "{body}");
    }
    // An expiry that is none is done without.
    for expiry in ["-1", "1.5", "null", "\"soon\"", "[]"] {
        let mut world = World::of(Proposal::Msc4388);
        let (a, _) = world.pair();
        let before = a.expires_at();
        let Step::Call(call) = a.receive(MINUTE, &mut world.env) else { panic!("no call") };
        let body = format!(r#"{{"data":"text","sequence_token":"2","expires_in_ms":{expiry}}}"#);
        let response = http::Response::new(body.into_bytes());
        let step = call.into_parts().2.receive(response, &mut world.env).unwrap();
        let Step::Done(received) = step else { panic!("nothing") };
        assert_eq!(received.rendezvous.expires_at(), before, "{expiry}");
    }
}

#[test]
fn what_deployed_servers_leave_out_is_done_without() {
    let mut world = World::new();
    world.server.trick(Meet::Create, Trick::NoDates, 1);
    world.server.trick(Meet::Create, Trick::ContentType("application/json; charset=utf-8"), 1);
    assert_eq!(world.create().unwrap().expires_at(), None);
    let (a, b) = world.pair();
    let _ = world.sent(a, "text");
    world.server.trick(Meet::Receive, Trick::ContentType("Text/Plain;charset=UTF-8"), 1);
    assert_eq!(world.receive(b).unwrap().1, "text");
}

#[test]
fn a_message_beyond_the_limit_is_refused() {
    let mut world = World::new();
    world.server = world.server.with_limit(MESSAGE_LIMIT + 1);
    let (a, b) = world.pair();
    let a = world.sent(a, &"x".repeat(MESSAGE_LIMIT));
    let (_, text) = world.receive(b.clone()).unwrap();
    assert_eq!(text.len(), MESSAGE_LIMIT);
    let _ = world.sent(a, &"x".repeat(MESSAGE_LIMIT + 1));
    assert_eq!(code(world.receive(b)), ErrorCode::HTTP_BODY_TOO_LARGE);
    world.server = world.server.with_limit(4096);
    let made = world.create().unwrap();
    assert_eq!(code(world.send(made, &"x".repeat(4097))), ErrorCode::QR_RENDEZVOUS_TOO_LARGE);
}

#[test]
fn the_limit_also_holds_for_the_text_of_the_creation() {
    let world = World::new();
    let server = world.server.with_limit(10);
    for (length, status) in [(10, 201), (11, 413)] {
        let uri = "/_matrix/client/unstable/org.matrix.msc4108/rendezvous";
        let request = http::Request::post(uri).header("content-type", "text/plain").body("x".repeat(length)).unwrap();
        assert_eq!(server.handle(request, world.env.now()).status(), status, "{length} bytes");
    }
    assert_eq!(server.boxes(), 1);
}

/// A text may be in the box unless it was refused, or never sent: a 412 or a 404 then says that it was passed by.
#[test]
fn who_may_have_written_looks_before_it_says_that_it_has_not() {
    let faults = [
        (Disturbance::status(502), true),
        (Disturbance::status(408), true),
        (Disturbance::Timeout, true),
        (Disturbance::status(429), false),
        (Disturbance::Unreachable, false),
    ];
    for (fault, may_be_there) in faults {
        let failed = |trick: Trick| {
            let mut world = World::new();
            let (a, _) = world.pair();
            world.server.trick(Meet::Send, Trick::Disturbance(fault.clone()), 1);
            world.server.trick(Meet::Send, trick, 1);
            (world.send(a, "text"), world)
        };
        let (conflict, world) = failed(Trick::Conflict);
        assert_eq!(matches!(conflict, Ok(Delivery::Delivered(_))), may_be_there, "{fault:?} {conflict:?}");
        assert_eq!(matches!(conflict, Ok(Delivery::Overtaken(_))), !may_be_there, "{fault:?} {conflict:?}");
        assert_eq!(world.server.texts().len(), usize::from(may_be_there));
        let (gone, _) = failed(Trick::Expire);
        match gone {
            Ok(Delivery::Uncertain(_)) => assert!(may_be_there, "{fault:?}"),
            gone => assert_eq!((code(gone), may_be_there), (ErrorCode::QR_RENDEZVOUS_EXPIRED, false), "{fault:?}"),
        }
    }
    // The look finds the box gone, or is refused.
    for (trick, expected) in
        [(Trick::Expire, None), (Trick::Disturbance(Disturbance::status(403)), Some(ErrorCode::HTTP_STATUS))]
    {
        let mut world = World::new();
        let (a, _) = world.pair();
        world.server.trick(Meet::Send, Trick::Disturbance(Disturbance::LostResponse), 1);
        world.server.trick(Meet::Receive, trick, 1);
        let sent = world.send(a, "text");
        assert_eq!(sent.as_ref().err().map(Error::code), expected);
        assert_eq!(matches!(sent, Ok(Delivery::Uncertain(_))), expected.is_none());
    }
}
