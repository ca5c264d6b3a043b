//! The rendezvous: its rules of ETags, its refusals, and the faults and tricks of `testing::Rendezvous`.

use std::fmt::Debug;
use std::time::Duration;

use http::{Request, StatusCode, header};
use oidc_proto::matrix::Homeserver;
use oidc_proto::qr::rendezvous::{Delivery, RendezvousOptions};
use oidc_proto::qr::{CodeUrl, MESSAGE_LIMIT, Rendezvous};
use oidc_proto::testing::{self, Clock, Fault, Meet, TestEnv, Trick};
use oidc_proto::{Body, Code, Env as _, Error, Failure, FailureKind, Flow, Schemes, Sent, Step};

use crate::world::drive;

const BASE: &str = "https://hs.example.org";
const MINUTE: Duration = Duration::from_secs(60);

struct World {
    server: testing::Rendezvous,
    env: TestEnv,
    pauses: Vec<Duration>,
}

impl World {
    fn new() -> Self {
        Self { server: testing::Rendezvous::new(BASE), env: TestEnv::seeded(1), pauses: Vec::new() }
    }

    fn run<F: Flow<Output: Debug>>(&mut self, step: Step<F>) -> Result<F::Output, Error> {
        let Self { server, env, pauses } = self;
        drive(step, env, &mut |request, now| server.exchange(request, now), pauses)
    }

    fn create(&mut self) -> Result<Rendezvous, Error> {
        let base = Homeserver::new(BASE, Schemes::HttpsOnly).unwrap();
        self.run(Rendezvous::create(&base, RendezvousOptions::new()).unwrap())
    }

    /// Both devices at one box.
    fn pair(&mut self) -> (Rendezvous, Rendezvous) {
        let made = self.create().unwrap();
        let step = Rendezvous::join(made.url(), RendezvousOptions::new(), MINUTE, &mut self.env);
        (made, self.run(step).unwrap())
    }

    fn send(&mut self, rendezvous: Rendezvous, text: &str) -> Result<Delivery, Error> {
        let step = rendezvous.send(text, MINUTE, &mut self.env);
        self.run(step)
    }

    fn sent(&mut self, rendezvous: Rendezvous, text: &str) -> Rendezvous {
        match self.send(rendezvous, text).unwrap() {
            Delivery::Delivered(rendezvous) => rendezvous,
            other => panic!("{other:?}"),
        }
    }

    fn receive(&mut self, rendezvous: Rendezvous) -> Result<(Rendezvous, String), Error> {
        let step = rendezvous.receive(MINUTE, &mut self.env);
        self.run(step).map(|received| (received.rendezvous, received.text))
    }
}

fn code<T: Debug>(result: Result<T, Error>) -> Code {
    result.unwrap_err().code()
}

#[test]
fn two_devices_write_in_turn() {
    let mut world = World::new();
    let (mut a, mut b) = world.pair();
    assert_eq!(a.lifetime(), Some(MINUTE));
    for turn in 0..3 {
        a = world.sent(a, &format!("a{turn}"));
        let (next, text) = world.receive(b).unwrap();
        assert_eq!(text, format!("a{turn}"));
        b = world.sent(next, &format!("b{turn}"));
        let (next, text) = world.receive(a).unwrap();
        assert_eq!(text, format!("b{turn}"));
        a = next;
    }
    // No round trip more than the texts need.
    assert_eq!((world.server.count(Meet::Send), world.server.count(Meet::Receive)), (6, 7));
    assert_eq!(world.pauses, []);
    world.run(a.delete()).unwrap();
    assert_eq!(world.server.boxes(), 0);
    world.run(b.clone().delete()).unwrap();
    assert_eq!(code(world.receive(b)), Code::QrRendezvousExpired);
}

/// As they travel.
#[test]
fn requests_have_the_form_of_the_standard() {
    let mut world = World::new();
    let base = Homeserver::new("https://hs.example.org/sub/", Schemes::HttpsOnly).unwrap();
    let request = |step: Step<_>| -> Request<Body> { call(step).0 };
    let created = request(Rendezvous::create(&base, RendezvousOptions::new()).unwrap());
    let path = "https://hs.example.org/sub/_matrix/client/unstable/org.matrix.msc4108/rendezvous";
    assert_eq!((created.method().as_str(), created.uri().to_string().as_str()), ("POST", path));
    assert_eq!(created.headers()[header::CONTENT_TYPE], "text/plain");
    assert!(created.body().is_empty());
    let made = world.create().unwrap();
    let (sent, ..) = call(made.clone().send("text", MINUTE, &mut world.env));
    assert_eq!((sent.method().as_str(), sent.uri().to_string().as_str()), ("PUT", made.url().as_str()));
    assert_eq!(sent.headers()[header::IF_MATCH], "\"1\"");
    assert_eq!(sent.headers()[header::CONTENT_TYPE], "text/plain");
    assert_eq!(sent.body().as_ref(), b"text");
    let (looked, policy) = call(made.clone().receive(MINUTE, &mut world.env));
    assert_eq!((looked.method().as_str(), &looked.headers()[header::ACCEPT]), ("GET", &"text/plain".parse().unwrap()));
    assert_eq!(looked.headers()[header::IF_NONE_MATCH], "\"1\"");
    assert_eq!((policy.body_limit, policy.repeatable), (MESSAGE_LIMIT, true));
    let (deleted, ..) = call(made.clone().delete());
    assert_eq!((deleted.method().as_str(), deleted.uri().to_string().as_str()), ("DELETE", made.url().as_str()));
    for request in [created, sent, looked, deleted] {
        assert!(!request.headers().contains_key(header::AUTHORIZATION));
    }
}

fn call<F: Flow>(step: Step<F>) -> (Request<Body>, oidc_proto::Policy) {
    let Step::Call(call) = step else { panic!("{step:?}") };
    let (request, policy, _) = call.into_parts();
    (request, policy)
}

#[test]
fn whoever_waits_looks_once_a_second_until_time_is_up() {
    let mut world = World::new();
    let (a, b) = world.pair();
    world.server = world.server.with_lifetime(MINUTE * 10);
    let a = world.sent(a, "one");
    assert_eq!(code(world.receive(a)), Code::QrTimeout);
    // The last look is at the deadline itself.
    assert_eq!((world.pauses.len(), world.pauses.iter().sum()), (60, MINUTE));
    assert!(world.pauses.iter().all(|pause| *pause == Duration::from_secs(1)));
    world.receive(b).unwrap();

    // Another interval; one of zero would be a flood.
    for (interval, expected) in [(Duration::from_secs(7), 9), (Duration::ZERO, 600)] {
        let mut world = World::new();
        let base = Homeserver::new(BASE, Schemes::HttpsOnly).unwrap();
        let options = RendezvousOptions::new().with_interval(interval);
        world.server = world.server.with_lifetime(MINUTE * 10);
        let made = world.run(Rendezvous::create(&base, options).unwrap()).unwrap();
        assert_eq!(code(world.receive(made)), Code::QrTimeout);
        assert_eq!(world.pauses.len(), expected);
    }
}

/// Deadlines do not care what the time of day does.
#[test]
fn a_clock_that_jumps_changes_nothing() {
    let mut world = World::new();
    world.server = world.server.with_lifetime(Duration::from_secs(100_000_000));
    let (a, _) = world.pair();
    let Step::Call(call) = a.receive(MINUTE, &mut world.env) else { panic!("no call") };
    let (request, _, awaiting) = call.into_parts();
    let response = world.server.exchange(request, world.env.now()).unwrap();
    world.env.clock().jump_back(MINUTE * 1000);
    let step = awaiting.receive(response, &mut world.env).unwrap();
    world.env.clock().jump(MINUTE * 100_000);
    assert_eq!(code(world.run(step)), Code::QrTimeout);
    assert_eq!(world.pauses.iter().sum::<Duration>(), MINUTE);
}

#[test]
fn the_second_to_write_reads_first() {
    let mut world = World::new();
    let (a, b) = world.pair();
    let _ = world.sent(a, "from a");
    let Delivery::Overtaken(b) = world.send(b, "from b").unwrap() else { panic!("delivered") };
    let (b, text) = world.receive(b).unwrap();
    assert_eq!(text, "from a");
    let _ = world.sent(b, "from b, who has read");
    assert_eq!(world.server.texts(), ["from a", "from b, who has read"]);
}

/// Whatever is lost on the way, a text is written once and nobody else's is overwritten.
#[test]
fn a_text_is_written_once_whatever_gets_lost() {
    let lost = [
        Fault::LostAnswer,
        Fault::Timeout,
        Fault::Unreachable,
        Fault::status(502),
        Fault::status(429),
        Fault::status(408),
    ];
    for fault in &lost {
        for times in 1..4 {
            let mut world = World::new();
            let (a, b) = world.pair();
            world.server.trick(Meet::Send, Trick::Fault(fault.clone()), times);
            let a = world.sent(a, "once");
            assert_eq!(world.server.texts(), ["once"], "{fault:?}");
            let (b, text) = world.receive(b).unwrap();
            assert_eq!(text, "once");
            // Both know what is in the box now.
            let _ = world.sent(b, "answer");
            assert_eq!(world.receive(a).unwrap().1, "answer");
        }
    }
    // The answer is lost, and the other device has written meanwhile.
    let mut world = World::new();
    let (a, _) = world.pair();
    world.server.trick(Meet::Send, Trick::Fault(Fault::LostAnswer), 1);
    let Step::Call(call) = a.send("once", MINUTE, &mut world.env) else { panic!("no call") };
    let (request, _, awaiting) = call.into_parts();
    let failure = world.server.exchange(request, world.env.now()).unwrap_err();
    world.server.intrude("other");
    let step = awaiting.fail(failure, &mut world.env).unwrap();
    let Delivery::Uncertain(a) = world.run(step).unwrap() else { panic!("no doubt") };
    assert_eq!(world.receive(a).unwrap().1, "other");
}

#[test]
fn a_wrong_412_is_found_out_or_surfaced() {
    let mut world = World::new();
    let (a, _) = world.pair();
    world.server.trick(Meet::Send, Trick::Conflict, 1);
    let Delivery::Overtaken(a) = world.send(a, "text").unwrap() else { panic!("delivered") };
    // There is nothing to read, so the caller can write again.
    let a = world.sent(a, "text");
    world.server.trick(Meet::Send, Trick::Fault(Fault::Timeout), 1);
    world.server.trick(Meet::Send, Trick::Conflict, 1);
    let _ = world.sent(a, "after a failure");
    assert_eq!(world.server.texts(), ["text", "after a failure"]);
}

#[test]
fn what_is_not_new_is_waited_out() {
    for trick in [Trick::Withhold, Trick::Empty] {
        let mut world = World::new();
        let (a, b) = world.pair();
        let _ = world.sent(a, "text");
        world.server.trick(Meet::Receive, trick.clone(), 3);
        assert_eq!(world.receive(b).unwrap().1, "text", "{trick:?}");
        assert_eq!(world.pauses, [Duration::from_secs(1); 3], "{trick:?}");
    }
    // A device's own text is nothing new, under whatever ETag and status it comes.
    for trick in [Trick::Insist, Trick::Echo] {
        let mut world = World::new();
        world.server = world.server.with_lifetime(MINUTE * 10);
        let (a, _) = world.pair();
        let a = world.sent(a, "own");
        world.server.trick(Meet::Receive, trick.clone(), usize::MAX);
        assert_eq!(code(world.receive(a)), Code::QrTimeout, "{trick:?}");
        assert_eq!(world.pauses.len(), 60, "{trick:?}");
    }
}

#[test]
fn failures_on_the_way_are_waited_out_longer_and_longer() {
    for fault in [Fault::Timeout, Fault::Unreachable, Fault::status(500), Fault::status(503), Fault::status(429)] {
        let mut world = World::new();
        world.server = world.server.with_lifetime(MINUTE * 10);
        let (a, b) = world.pair();
        let _ = world.sent(a, "text");
        world.server.trick(Meet::Receive, Trick::Fault(fault.clone()), 4);
        assert_eq!(world.receive(b.clone()).unwrap().1, "text");
        assert_eq!(world.pauses, [2, 4, 8, 15].map(Duration::from_secs), "{fault:?}");
        // For ever, they end with what they were.
        world.server.trick(Meet::Receive, Trick::Fault(fault.clone()), usize::MAX);
        let error = world.receive(b).unwrap_err();
        assert!(error.code().as_str().starts_with("transport.") || error.code().as_str().starts_with("http."));
    }
    let mut world = World::new();
    let (a, _) = world.pair();
    let after = |seconds| Fault::Status { status: 429, retry_after: Some(seconds) };
    for seconds in ["9", "100000000000"] {
        world.server.trick(Meet::Receive, Trick::Fault(after(seconds)), 1);
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
            code(call.into_parts().2.fail(failure, env).map(|_| ()))
        };
        assert_eq!(fail(a.receive(MINUTE, &mut world.env), &mut world.env), Error::from(failure).code());
        let Step::Call(call) = b.send("text", MINUTE, &mut world.env) else { panic!("no call") };
        assert_eq!(code(call.into_parts().2.fail(failure, &mut world.env)), Error::from(failure).code());
    }
}

/// Every refusal of every request.
#[test]
fn refusals_are_named() {
    for (meet, trick, expected) in [
        (Meet::Create, Trick::Fault(Fault::status(404)), Code::QrRendezvousUnsupported),
        (Meet::Create, Trick::Fault(Fault::status(405)), Code::QrRendezvousUnsupported),
        (Meet::Create, Trick::Fault(Fault::status(501)), Code::QrRendezvousUnsupported),
        (Meet::Create, Trick::Fault(Fault::status(403)), Code::HttpStatus),
        (Meet::Create, Trick::Fault(Fault::status(500)), Code::HttpServerError),
        (Meet::Create, Trick::Fault(Fault::Redirect), Code::HttpRedirect),
        (Meet::Create, Trick::Fault(Fault::Timeout), Code::TransportTimeout),
        (Meet::Create, Trick::Fault(Fault::LoginPage), Code::HttpContentType),
        (Meet::Create, Trick::Fault(Fault::Oversized), Code::HttpBodyTooLarge),
        (Meet::Create, Trick::Fault(Fault::Truncated), Code::JsonSyntax),
        (Meet::Create, Trick::Fault(Fault::DuplicateName), Code::JsonDuplicateName),
        (Meet::Create, Trick::Fault(Fault::DeepNesting), Code::JsonTooDeep),
        (Meet::Create, Trick::NoEtag, Code::QrRendezvousAnswer),
        (Meet::Create, Trick::Url("http://hs.example.org/1"), Code::QrRendezvousAnswer),
        (Meet::Create, Trick::Url("javascript:alert(1)"), Code::QrRendezvousAnswer),
        (Meet::Create, Trick::Url("https://u:p@hs.example.org/1"), Code::QrRendezvousAnswer),
        (Meet::Create, Trick::Url("https://hs.example.org/#1"), Code::QrRendezvousAnswer),
        (Meet::Create, Trick::Url("/1"), Code::QrRendezvousAnswer),
        (Meet::Create, Trick::Url(""), Code::QrRendezvousAnswer),
        (Meet::Receive, Trick::Expire, Code::QrRendezvousExpired),
        (Meet::Receive, Trick::Fault(Fault::status(410)), Code::QrRendezvousExpired),
        (Meet::Receive, Trick::Fault(Fault::status(403)), Code::HttpStatus),
        (Meet::Receive, Trick::Fault(Fault::Redirect), Code::HttpRedirect),
        (Meet::Receive, Trick::Fault(Fault::LoginPage), Code::HttpContentType),
        (Meet::Receive, Trick::Fault(Fault::Oversized), Code::HttpBodyTooLarge),
        (Meet::Receive, Trick::Fault(Fault::Garbage), Code::QrChannelMalformed),
        (Meet::Receive, Trick::ContentType("application/json"), Code::HttpContentType),
        (Meet::Receive, Trick::NoEtag, Code::QrRendezvousAnswer),
        (Meet::Receive, Trick::TooLarge, Code::QrRendezvousTooLarge),
        (Meet::Send, Trick::Expire, Code::QrRendezvousExpired),
        (Meet::Send, Trick::TooLarge, Code::QrRendezvousTooLarge),
        (Meet::Send, Trick::NoEtag, Code::QrRendezvousAnswer),
        (Meet::Send, Trick::Fault(Fault::status(403)), Code::HttpStatus),
        (Meet::Send, Trick::Fault(Fault::Redirect), Code::HttpRedirect),
        (Meet::Delete, Trick::Fault(Fault::status(403)), Code::HttpStatus),
        (Meet::Delete, Trick::Fault(Fault::Redirect), Code::HttpRedirect),
        (Meet::Delete, Trick::Fault(Fault::Timeout), Code::TransportTimeout),
    ] {
        let mut world = World::new();
        let outcome = match meet {
            Meet::Create => {
                world.server.trick(meet, trick.clone(), 1);
                world.create().map(|_| ())
            }
            _ => {
                let (a, _) = world.pair();
                world.server.intrude("text");
                let (a, _) = if meet == Meet::Receive { (a, String::new()) } else { world.receive(a).unwrap() };
                world.server.trick(meet, trick.clone(), 1);
                match meet {
                    Meet::Send => world.send(a, "text").map(|_| ()),
                    Meet::Receive => world.receive(a).map(|_| ()),
                    _ => world.run(a.delete()),
                }
            }
        };
        assert_eq!(code(outcome), expected, "{meet:?} {trick:?}");
    }
}

#[test]
fn what_deployed_servers_leave_out_is_done_without() {
    let mut world = World::new();
    world.server.trick(Meet::Create, Trick::NoDates, 1);
    world.server.trick(Meet::Create, Trick::ContentType("application/json; charset=utf-8"), 1);
    assert_eq!(world.create().unwrap().lifetime(), None);
    let (a, b) = world.pair();
    let _ = world.sent(a, "text");
    world.server.trick(Meet::Receive, Trick::ContentType("Text/Plain;charset=UTF-8"), 1);
    assert_eq!(world.receive(b).unwrap().1, "text");
}

#[test]
fn limits_of_size() {
    let mut world = World::new();
    world.server = world.server.with_limit(MESSAGE_LIMIT + 1);
    let (a, b) = world.pair();
    let a = world.sent(a, &"x".repeat(MESSAGE_LIMIT));
    let (_, text) = world.receive(b.clone()).unwrap();
    assert_eq!(text.len(), MESSAGE_LIMIT);
    let _ = world.sent(a, &"x".repeat(MESSAGE_LIMIT + 1));
    assert_eq!(code(world.receive(b)), Code::HttpBodyTooLarge);
    world.server = world.server.with_limit(4096);
    let made = world.create().unwrap();
    assert_eq!(code(world.send(made, &"x".repeat(4097))), Code::QrRendezvousTooLarge);
}

#[test]
fn a_box_that_somebody_was_at_before_is_not_joined() {
    let mut world = World::new();
    let made = world.create().unwrap();
    world.server.intrude("somebody else");
    let step = Rendezvous::join(made.url(), RendezvousOptions::new(), MINUTE, &mut world.env);
    assert_eq!(code(world.run(step)), Code::QrRendezvousUsed);
    let gone = CodeUrl::new("https://hs.example.org/_synapse/client/rendezvous/none", Schemes::HttpsOnly).unwrap();
    let step = Rendezvous::join(&gone, RendezvousOptions::new(), MINUTE, &mut world.env);
    assert_eq!(code(world.run(step)), Code::QrRendezvousExpired);
    // A network that comes and goes does not matter.
    let made = world.create().unwrap();
    world.server.trick(Meet::Receive, Trick::Fault(Fault::Unreachable), 2);
    let step = Rendezvous::join(made.url(), RendezvousOptions::new(), MINUTE, &mut world.env);
    world.run(step).unwrap();
}

/// Homeservers may leave the rendezvous to another server (307); that one may not pass it on.
#[test]
fn one_redirect_at_creation() {
    let base = Homeserver::new(BASE, Schemes::HttpsOnly).unwrap();
    let mut env = TestEnv::seeded(1);
    let other = testing::Rendezvous::new("https://rendezvous.example.org");
    let elsewhere = "https://rendezvous.example.org/_matrix/client/unstable/org.matrix.msc4108/rendezvous";
    let mut run = |status: u16, location: &'static str, again: bool| {
        let step = Rendezvous::create(&base, RendezvousOptions::new()).unwrap();
        let mut http = |request: Request<Body>, now| {
            if request.uri().host() == Some("hs.example.org") || again {
                assert!(!request.headers().contains_key(header::AUTHORIZATION));
                let mut response = http::Response::new(Vec::new());
                *response.status_mut() = StatusCode::from_u16(status).unwrap();
                response.headers_mut().insert(header::LOCATION, location.parse().unwrap());
                return Ok(response);
            }
            other.exchange(request, now)
        };
        drive(step, &mut env, &mut http, &mut Vec::new()).map(|made| made.url().as_str().to_owned())
    };
    for status in [307, 308] {
        let url = run(status, elsewhere, false).unwrap();
        assert!(url.starts_with("https://rendezvous.example.org/"), "{url}");
        assert_eq!(code(run(status, elsewhere, true)), Code::HttpRedirect);
        // A reference to the same host, which sends on once more.
        assert_eq!(code(run(status, "/elsewhere", false)), Code::HttpRedirect);
        for location in ["http://rendezvous.example.org/", "https://u:p@rendezvous.example.org/", "javascript:alert(1)"]
        {
            assert_eq!(code(run(status, location, false)), Code::QrRendezvousAnswer, "{location}");
        }
    }
    for status in [301, 302, 303] {
        assert_eq!(code(run(status, elsewhere, false)), Code::HttpRedirect);
    }
}

/// A path is all that is needed to write into a box, so nothing shows it.
#[test]
fn nothing_shows_the_url() {
    let mut world = World::new();
    let (a, _) = world.pair();
    let shown = format!(
        "{a:?} {:?} {:?}",
        a.url(),
        a.clone().send("secret text", MINUTE, &mut TestEnv::with_clock(1, Clock::new()))
    );
    assert!(!shown.contains("secret text"), "{shown}");
    assert!(!format!("{a:?} {:?}", a.url()).contains("box1"));
}
