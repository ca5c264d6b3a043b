//! The rendezvous: its requests, its rules of ETags, how one comes there.

use std::time::Duration;

use http::{Request, StatusCode, header};
use oidc_proto::matrix::Homeserver;
use oidc_proto::qr::rendezvous::{Availability, Delivery, RendezvousCheck};
use oidc_proto::qr::{MESSAGE_LIMIT, Proposal, Rendezvous, RendezvousOptions};
use oidc_proto::testing::{self, Clock, Disturbance, Meet, TestEnv, Trick};
use oidc_proto::{Body, Env as _, ErrorCode, Flow, Schemes, Step};

use crate::qr::world::{BASE, BOTH, MINUTE, World, code, code_of, drive};

#[test]
fn two_devices_write_in_turn() {
    for proposal in BOTH {
        let mut world = World::of(proposal);
        let (mut a, mut b) = world.pair();
        assert_eq!(a.lifetime(world.env.monotonic()), Some(MINUTE));
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
}

/// How long it still lasts, where texts do not make it last longer.
#[test]
fn a_rendezvous_of_one_minute_says_how_much_of_it_is_left() {
    for proposal in BOTH {
        let mut world = World::of(proposal);
        world.server = world.server.with_fixed_lifetime();
        let (mut a, mut b) = world.pair();
        let left = |rendezvous: &Rendezvous, world: &World| rendezvous.lifetime(world.env.monotonic()).unwrap();
        for seconds in [60, 40, 20] {
            assert_eq!(
                (left(&a, &world), left(&b, &world)),
                (Duration::from_secs(seconds), Duration::from_secs(seconds))
            );
            a = world.sent(a, &format!("{seconds}"));
            b = world.receive(b).unwrap().0;
            world.env.clock().advance(Duration::from_secs(20));
        }
        assert_eq!(left(&b, &world), Duration::ZERO);
        assert_eq!(code(world.send(a, "late")), ErrorCode::QR_RENDEZVOUS_EXPIRED);
    }
}

/// As they travel.
#[test]
fn requests_have_the_form_of_the_standard() {
    let mut world = World::new();
    let base = Homeserver::new("https://hs.example.org/sub/", Schemes::HttpsOnly).unwrap();
    let created = call(Rendezvous::create(&base, RendezvousOptions::new()).unwrap()).0;
    let path = "https://hs.example.org/sub/_matrix/client/unstable/org.matrix.msc4108/rendezvous";
    assert_eq!((created.method().as_str(), created.uri().to_string().as_str()), ("POST", path));
    assert_eq!(created.headers()[header::CONTENT_TYPE], "text/plain");
    assert!(created.body().is_empty());
    let made = world.create().unwrap();
    let (sent, ..) = call(made.clone().send("text", MINUTE, &mut world.env));
    assert_eq!((sent.method().as_str(), sent.uri()), ("PUT", made.uri()));
    assert_eq!(sent.headers()[header::IF_MATCH], "\"1\"");
    assert_eq!(sent.headers()[header::CONTENT_TYPE], "text/plain");
    assert_eq!(sent.body().as_ref(), b"text");
    let (looked, policy) = call(made.clone().receive(MINUTE, &mut world.env));
    assert_eq!((looked.method().as_str(), &looked.headers()[header::ACCEPT]), ("GET", &"text/plain".parse().unwrap()));
    assert_eq!(looked.headers()[header::IF_NONE_MATCH], "\"1\"");
    assert_eq!((policy.body_limit(), policy.repeatable()), (MESSAGE_LIMIT, true));
    let (deleted, ..) = call(made.clone().delete());
    assert_eq!((deleted.method().as_str(), deleted.uri()), ("DELETE", made.uri()));
    for request in [created, sent, looked, deleted] {
        assert!(!request.headers().contains_key(header::AUTHORIZATION));
    }
}

/// The draft's: no header tells anything, and the body is JSON.
#[test]
fn requests_have_the_form_of_the_draft() {
    let mut world = World::of(Proposal::Msc4388);
    let base = Homeserver::new("https://hs.example.org/sub/", Schemes::HttpsOnly).unwrap();
    let options = RendezvousOptions::new().with_proposal(Proposal::Msc4388);
    let path = "/_matrix/client/unstable/io.element.msc4388/rendezvous";
    let checked = call(RendezvousCheck::start(&base, options).unwrap()).0;
    let created = call(Rendezvous::create(&base, options).unwrap()).0;
    assert_eq!((checked.method().as_str(), created.method().as_str()), ("GET", "POST"));
    for request in [&checked, &created] {
        assert_eq!(request.uri().to_string(), format!("https://hs.example.org/sub{path}"));
    }
    assert_eq!(created.body().as_ref(), br#"{"data":""}"#);
    let made = world.create().unwrap();
    let url = format!("{BASE}{path}/box1");
    let (sent, ..) = call(made.clone().send("te\"xt", MINUTE, &mut world.env));
    assert_eq!((sent.method().as_str(), sent.uri().to_string()), ("PUT", url.clone()));
    assert_eq!(sent.body().as_ref(), br#"{"sequence_token":"token-1","data":"te\"xt"}"#);
    let (looked, policy) = call(made.clone().receive(MINUTE, &mut world.env));
    assert_eq!((looked.method().as_str(), looked.uri().to_string()), ("GET", url.clone()));
    assert!(policy.repeatable() && policy.body_limit() > MESSAGE_LIMIT);
    let (deleted, ..) = call(made.delete());
    assert_eq!((deleted.method().as_str(), deleted.uri().to_string()), ("DELETE", url));
    for request in [&created, &sent] {
        assert_eq!(request.headers()[header::CONTENT_TYPE], "application/json");
    }
    for request in [checked, created, sent, looked, deleted] {
        for name in [header::AUTHORIZATION, header::IF_MATCH, header::IF_NONE_MATCH] {
            assert!(!request.headers().contains_key(&name), "{name}");
        }
    }
}

#[test]
fn whether_a_homeserver_has_a_rendezvous_is_asked_first() {
    let base = Homeserver::new(BASE, Schemes::HttpsOnly).unwrap();
    let ask = |proposal, status: u16, body: &'static str| {
        let step = RendezvousCheck::start(&base, RendezvousOptions::new().with_proposal(proposal)).unwrap();
        let mut http = |_: Request<Body>, _| {
            let response = http::Response::builder().status(status).header("content-type", "application/json");
            Ok(response.body(body.as_bytes().to_vec()).unwrap())
        };
        drive(step, &mut TestEnv::seeded(1), &mut http, &mut Vec::new()).map_err(|error| error.code())
    };
    let unknown = r#"{"errcode":"M_UNRECOGNIZED","error":"Unrecognized request"}"#;
    for (status, body, expected) in [
        (200, r#"{"create_available":true}"#, Ok(Availability::Available)),
        (200, r#"{"create_available":false,"later":[1]}"#, Ok(Availability::NotForThisUser)),
        (403, r#"{"errcode":"M_FORBIDDEN"}"#, Ok(Availability::NotForThisUser)),
        (404, unknown, Ok(Availability::Missing)),
        (404, "<html>", Ok(Availability::Missing)),
        (200, "{}", Err(ErrorCode::QR_RENDEZVOUS_RESPONSE)),
        (200, r#"{"create_available":"true"}"#, Err(ErrorCode::QR_RENDEZVOUS_RESPONSE)),
        (200, "true", Err(ErrorCode::JSON_TYPE)),
        (401, r#"{"errcode":"M_UNKNOWN_TOKEN"}"#, Err(ErrorCode::HOMESERVER_UNKNOWN_TOKEN)),
        (500, "", Err(ErrorCode::HTTP_SERVER_ERROR)),
    ] {
        assert_eq!(ask(Proposal::Msc4388, status, body), expected, "{status} {body}");
    }
    for (status, body, expected) in [
        (200, r#"{"versions":[],"unstable_features":{"org.matrix.msc4108":true}}"#, Ok(Availability::Available)),
        (200, r#"{"versions":[],"unstable_features":{"org.matrix.msc4108":false}}"#, Ok(Availability::Missing)),
        (200, r#"{"versions":[]}"#, Ok(Availability::Missing)),
        (500, "", Err(ErrorCode::HTTP_SERVER_ERROR)),
    ] {
        assert_eq!(ask(Proposal::Msc4108, status, body), expected, "{status} {body}");
    }
    // The embedded one.
    let mut world = World::of(Proposal::Msc4388);
    let options = RendezvousOptions::new().with_proposal(Proposal::Msc4388);
    let mut check = |server: testing::Rendezvous| {
        world.server = server;
        world.run(RendezvousCheck::start(&base, options).unwrap()).unwrap()
    };
    assert_eq!(check(testing::Rendezvous::new(BASE)), Availability::Available);
    assert_eq!(check(testing::Rendezvous::new(BASE).with_users_only()), Availability::NotForThisUser);
    assert_eq!(check(testing::Rendezvous::new(BASE).without_msc4388()), Availability::Missing);
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
    assert!(made.uri().to_string().starts_with("http://127.0.0.1:8008/"));
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
    for proposal in BOTH {
        let mut world = World::of(proposal);
        let (a, b) = world.pair();
        let _ = world.sent(a, "from a");
        let Delivery::Overtaken(b) = world.send(b, "from b").unwrap() else { panic!("delivered") };
        let (b, text) = world.receive(b).unwrap();
        assert_eq!(text, "from a");
        let _ = world.sent(b, "from b, who has read");
        assert_eq!(world.server.texts(), ["from a", "from b, who has read"]);
    }
}

#[test]
fn what_is_not_new_is_waited_out() {
    let tricks = [Trick::Withhold, Trick::Empty];
    for (trick, proposal) in tricks.iter().flat_map(|trick| BOTH.map(|proposal| (trick, proposal))) {
        let mut world = World::of(proposal);
        let (a, b) = world.pair();
        let _ = world.sent(a, "text");
        world.server.trick(Meet::Receive, trick.clone(), 3);
        assert_eq!(world.receive(b).unwrap().1, "text", "{trick:?}");
        assert_eq!(world.pauses, [Duration::from_secs(1); 3], "{trick:?}");
    }
    // A device's own text is nothing new, under whatever ETag and status it comes.
    let tricks = [Trick::Insist, Trick::Echo];
    for (trick, proposal) in tricks.iter().flat_map(|trick| BOTH.map(|proposal| (trick, proposal))) {
        let mut world = World::of(proposal);
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
    for proposal in BOTH {
        let mut world = World::of(proposal);
        let made = world.create().unwrap();
        world.server.intrude("somebody else");
        assert_eq!(code(world.join(&made)), ErrorCode::QR_RENDEZVOUS_USED);
        let gone = world.create().unwrap();
        world.run(gone.clone().delete()).unwrap();
        assert_eq!(code(world.join(&gone)), ErrorCode::QR_RENDEZVOUS_EXPIRED);
        // A network that comes and goes does not matter.
        let made = world.create().unwrap();
        world.server.trick(Meet::Receive, Trick::Disturbance(Disturbance::Unreachable), 2);
        world.join(&made).unwrap();
    }
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
        drive(step, &mut env, &mut http, &mut Vec::new()).map(|made| made.uri().to_string())
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

/// The embedded server with this habit: the code names the other host, and both devices meet there.
#[test]
fn two_devices_meet_at_the_other_host() {
    let mut world = World::new();
    world.server = world.server.with_other_host("https://rendezvous.example.org");
    let (a, b) = world.pair();
    assert_eq!(a.uri().host(), Some("rendezvous.example.org"));
    let _ = world.sent(a, "text");
    assert_eq!(world.receive(b).unwrap().1, "text");
    assert_eq!(world.server.count(Meet::Create), 2);
}

/// A path is all that is needed to write into a box, so nothing shows it.
#[test]
fn nothing_shows_the_url() {
    for proposal in BOTH {
        let mut world = World::of(proposal);
        let (a, _) = world.pair();
        let code = code_of(&a, &mut world.env);
        let sending = a.clone().send("secret text", MINUTE, &mut TestEnv::with_clock(1, Clock::new()));
        let shown = format!("{a:?} {:?} {sending:?}", code.rendezvous_address());
        assert!(!shown.contains("secret text"), "{shown}");
        assert!(!format!("{a:?} {code:?} {:?} {:?}", code.rendezvous_address(), a.binding()).contains("box1"));
    }
}
