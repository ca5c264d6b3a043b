//! The rendezvous: its requests, its rules of ETags, how one comes there.

use std::time::Duration;

use http::{Request, StatusCode, header};
use oidc_proto::matrix::Homeserver;
use oidc_proto::qr::RendezvousOptions;
use oidc_proto::qr::rendezvous::Delivery;
use oidc_proto::qr::{CodeUrl, MESSAGE_LIMIT, Rendezvous};
use oidc_proto::testing::{self, Clock, Fault, Meet, TestEnv, Trick};
use oidc_proto::{Body, Env as _, ErrorCode, Flow, Schemes, Step};

use crate::qr::world::{BASE, MINUTE, World, code, drive};

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
    assert!(world.pauses.is_empty(), "{:?}", world.pauses);
    world.run(a.delete()).unwrap();
    assert_eq!(world.server.boxes(), 0);
    world.run(b.clone().delete()).unwrap();
    assert_eq!(code(world.receive(b)), ErrorCode::QR_RENDEZVOUS_EXPIRED);
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
    assert_eq!(code(world.receive(a)), ErrorCode::QR_TIMEOUT);
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
        assert_eq!(code(world.receive(made)), ErrorCode::QR_TIMEOUT);
        assert_eq!(world.pauses.len(), expected);
    }
}

#[test]
fn http_on_loopback_is_a_named_choice() {
    let loopback = Schemes::DangerousHttpOnLoopback;
    let base = Homeserver::new("http://127.0.0.1:8008", loopback).unwrap();
    let error = Rendezvous::create(&base, RendezvousOptions::new()).unwrap_err();
    assert_eq!(error.code(), ErrorCode::URL_SCHEME);
    let mut world = World::new();
    world.server = testing::Rendezvous::new("http://127.0.0.1:8008");
    let made = world.run(Rendezvous::create(&base, RendezvousOptions::new().with_schemes(loopback)).unwrap()).unwrap();
    assert_eq!(made.options(), RendezvousOptions::new().with_schemes(loopback));
    assert!(made.url().as_str().starts_with("http://127.0.0.1:8008/"));
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
    assert_eq!(code(world.run(step)), ErrorCode::QR_TIMEOUT);
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
        assert_eq!(code(world.receive(a)), ErrorCode::QR_TIMEOUT, "{trick:?}");
        assert_eq!(world.pauses.len(), 60, "{trick:?}");
    }
}

#[test]
fn a_box_that_somebody_was_at_before_is_not_joined() {
    let mut world = World::new();
    let made = world.create().unwrap();
    world.server.intrude("somebody else");
    let step = Rendezvous::join(made.url(), RendezvousOptions::new(), MINUTE, &mut world.env);
    assert_eq!(code(world.run(step)), ErrorCode::QR_RENDEZVOUS_USED);
    let gone = CodeUrl::new("https://hs.example.org/_synapse/client/rendezvous/none", Schemes::HttpsOnly).unwrap();
    let step = Rendezvous::join(&gone, RendezvousOptions::new(), MINUTE, &mut world.env);
    assert_eq!(code(world.run(step)), ErrorCode::QR_RENDEZVOUS_EXPIRED);
    // A network that comes and goes does not matter.
    let made = world.create().unwrap();
    world.server.trick(Meet::Receive, Trick::Fault(Fault::Unreachable), 2);
    let step = Rendezvous::join(made.url(), RendezvousOptions::new(), MINUTE, &mut world.env);
    world.run(step).unwrap();
}

/// Homeservers may leave the rendezvous to another server (307); that one may not pass it on.
#[test]
fn only_the_creation_follows_one_redirect() {
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
        assert_eq!(code(run(status, elsewhere, true)), ErrorCode::HTTP_REDIRECT);
        // A reference to the same host, which sends on once more.
        assert_eq!(code(run(status, "/elsewhere", false)), ErrorCode::HTTP_REDIRECT);
        for location in ["http://rendezvous.example.org/", "https://u:p@rendezvous.example.org/", "javascript:alert(1)"]
        {
            assert_eq!(code(run(status, location, false)), ErrorCode::QR_RENDEZVOUS_RESPONSE, "{location}");
        }
    }
    for status in [301, 302, 303] {
        assert_eq!(code(run(status, elsewhere, false)), ErrorCode::HTTP_REDIRECT);
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
