//! Resource servers: where tokens may go, what comes back, and what a refusal says.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use oidc_proto::Challenge;
use oidc_proto::ResourceError;
use oidc_proto::flow::ResourceCall;
use oidc_proto::testing::{self, Disturbance, On, RegisteredClient};
use oidc_proto::{
    Accept, AuthorizationRequest, Body, Client, Error, ErrorCode, Fault, Policy, RelyingParty, Schemes, Scope, Step,
};

use crate::hostile::world::{At, ISSUER, REDIRECT, Row, Say, User, World, redirect};

pub(crate) fn rows() -> Vec<Row> {
    vec![(Say::Edit("told by a scenario", |_| {}), Some(ErrorCode::RESOURCE_URL))]
}

/// Where a token may go to. The last column is for a provider that may be `http` on a loopback address.
#[rustfmt::skip]
const URLS: &[(&str, bool, bool)] = &[
    ("https://rs.example.org/x?y=z", true, true),
    ("https://op.example.org", true, true),
    ("https://[2001:db8::1]:8443/", true, true),
    ("http://rs.example.org/", false, false),
    ("HTTP://rs.example.org/", false, false),
    ("http://127.0.0.1:8080/x", false, true),
    ("http://127.0.0.1.evil.example/", false, false),
    ("http://localhost@evil.example/", false, false),
    ("https://user@rs.example.org/", false, false),
    ("https://user:password@rs.example.org/", false, false),
    ("ftp://rs.example.org/", false, false),
    ("ws://rs.example.org/", false, false),
    ("/relative", false, false),
    ("rs.example.org:443", false, false),
    ("*", false, false),
];

fn policy() -> Policy {
    Policy::write(Accept::Any)
}

fn get(url: &str) -> Request<Body> {
    Request::get(url).body(Body::default()).unwrap()
}

fn start(request: Request<Body>, user: &User, world: &mut World) -> Result<Step<ResourceCall>, Error> {
    user.party.call(request, policy(), &user.tokens, &mut world.env)
}

fn parts(step: Step<ResourceCall>) -> (Request<Body>, oidc_proto::step::Awaiting<ResourceCall>) {
    let Step::Call(call) = step else { panic!("a request") };
    let (request, policy, awaiting) = call.into_parts();
    assert!(!policy.follow_redirects());
    (request, awaiting)
}

#[test]
fn a_token_goes_over_tls_or_nowhere() {
    let mut secure = World::new();
    let user = secure.logged_in().unwrap();
    let mut local = World::new();
    local.issuer = "http://127.0.0.1:8080".into();
    local.op = testing::Provider::new(&local.issuer).with_client(RegisteredClient::public("app", REDIRECT));
    local.options = local.options.with_schemes(Schemes::DangerousHttpOnLoopback);
    let issuer = oidc_proto::Issuer::new(&local.issuer, Schemes::DangerousHttpOnLoopback).unwrap();
    let provider = local.run(oidc_proto::flow::ServerMetadataFetch::start(issuer, local.options)).unwrap().provider;
    let party = RelyingParty::new(provider, Client::new("app").with_redirect_uri(redirect()));
    let login = local.login_with(&party).unwrap();
    let at_loopback = local.finish(login).unwrap();
    for (url, allowed, allowed_local) in URLS {
        for (user, world, allowed) in [(&user, &mut secure, allowed), (&at_loopback, &mut local, allowed_local)] {
            let outcome = start(get(url), user, world).map(|_| ()).map_err(|error| (error.code(), error.fault()));
            assert_eq!(outcome, if *allowed { Ok(()) } else { Err((ErrorCode::RESOURCE_URL, Fault::Local)) }, "{url}");
        }
    }
}

/// The request, its DPoP proof and the check of its URL have one spelling.
#[test]
fn the_url_that_was_checked_is_the_url_that_is_sent() {
    for (url, sent) in [
        ("https://2130706433/x", "https://127.0.0.1/x"),
        ("https://0x7f.1:443/x?y=z", "https://127.0.0.1/x?y=z"),
        ("https://RS.example.org./a/../b", "https://rs.example.org./b"),
        ("https://rs.example.org/%2e%2e/b", "https://rs.example.org/b"),
    ] {
        let mut world = World::bound();
        let user = world.logged_in().unwrap();
        let (request, _) = parts(start(get(url), &user, &mut world).unwrap());
        assert_eq!(request.uri().to_string(), sent);
        let proof = request.headers()["dpop"].to_str().unwrap().split('.').nth(1).unwrap().to_owned();
        let claims: serde_json::Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(proof).unwrap()).unwrap();
        assert_eq!(claims["htu"], sent.split('?').next().unwrap());
    }
}

/// One way of showing a token, whatever was in the request before.
#[test]
fn credentials_of_another_kind_are_replaced() {
    for mut world in [World::new(), World::bound()] {
        let user = world.logged_in().unwrap();
        let mut request = get("https://rs.example.org/");
        for (name, value) in [("authorization", "Basic eDp5"), ("authorization", "Bearer x"), ("x-own", "kept")] {
            request.headers_mut().append(name, HeaderValue::from_static(value));
        }
        if world.dpop.is_some() {
            request.headers_mut().append("dpop", HeaderValue::from_static("x.y.z"));
            request.headers_mut().append("dpop", HeaderValue::from_static("x.y.z"));
        }
        let (request, _) = parts(start(request, &user, &mut world).unwrap());
        let headers = request.headers();
        let scheme = if world.dpop.is_some() { "DPoP" } else { "Bearer" };
        let expected = format!("{scheme} {}", user.tokens.access_token().expose());
        let all: Vec<_> = headers.get_all(AUTHORIZATION).iter().collect();
        assert_eq!(all, [expected.as_str()]);
        assert!(all[0].is_sensitive() && headers["x-own"] == "kept");
        assert_eq!(headers.get_all("dpop").iter().count(), usize::from(world.dpop.is_some()));
        assert!(headers.get_all("dpop").iter().all(|proof| proof != "x.y.z"));
    }
}

#[test]
fn any_response_is_an_answer() {
    for status in [200, 204, 301, 307, 400, 401, 403, 404, 429, 500, 503] {
        let mut world = World::bound();
        let user = world.logged_in().unwrap();
        let (_, awaiting) = parts(start(get("https://rs.example.org/"), &user, &mut world).unwrap());
        let response =
            Response::builder().status(status).header("location", "https://evil.example/").body(b"x".to_vec());
        let Step::Done(answer) = awaiting.receive(response.unwrap(), &mut world.env).unwrap() else {
            panic!("{status} is followed by something");
        };
        assert_eq!((answer.status().as_u16(), answer.body().as_ref()), (status, &b"x"[..]));
    }
}

/// The same request, with its body, once.
#[test]
fn a_demand_for_a_nonce_is_met_once() {
    let demand = |nonce: &str| {
        Response::builder()
            .status(401)
            .header(WWW_AUTHENTICATE, r#"DPoP error="use_dpop_nonce""#)
            .header("dpop-nonce", nonce)
            .body(Vec::new())
            .unwrap()
    };
    let mut world = World::bound();
    let user = world.logged_in().unwrap();
    let request = Request::put("https://rs.example.org/x").body(Body::from(b"content".to_vec())).unwrap();
    let (_, awaiting) = parts(start(request, &user, &mut world).unwrap());
    let (again, awaiting) = parts(awaiting.receive(demand("first"), &mut world.env).unwrap());
    assert_eq!((again.method().as_str(), again.body().as_ref()), ("PUT", &b"content"[..]));
    let (_, claims) = crate::hostile::strong::read(again.headers()["dpop"].to_str().unwrap());
    assert_eq!(claims["nonce"], "first");
    let Step::Done(answer) = awaiting.receive(demand("second"), &mut world.env).unwrap() else { panic!("once") };
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);

    // Nobody else's demand counts: neither by another status or scheme's word, nor without a key.
    for (status, challenge) in
        [(400, r#"DPoP error="use_dpop_nonce""#), (401, r#"DPoP error="invalid_token""#), (403, "DPoP")]
    {
        let (_, awaiting) = parts(start(get("https://rs.example.org/"), &user, &mut world).unwrap());
        let mut response = demand("x");
        *response.status_mut() = StatusCode::from_u16(status).unwrap();
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        assert!(matches!(awaiting.receive(response, &mut world.env).unwrap(), Step::Done(_)), "{status} {challenge}");
    }
    let mut world = World::new();
    let user = world.logged_in().unwrap();
    let (_, awaiting) = parts(start(get("https://rs.example.org/"), &user, &mut world).unwrap());
    assert!(matches!(awaiting.receive(demand("x"), &mut world.env).unwrap(), Step::Done(_)));
}

/// Headers that no honest server sends, and how many challenges they hold.
#[test]
fn challenges_are_read_as_far_as_they_make_sense() {
    let long = "a".repeat(600);
    for (values, schemes) in [
        (vec!["Bearer error=\"invalid_token\"".to_owned()], vec!["bearer"]),
        (vec!["bEaReR".to_owned(), "DPOP".to_owned()], vec!["bearer", "dpop"]),
        (vec![format!("Bearer error=\"{}", "\\\"".repeat(50))], vec!["bearer"]),
        (vec!["Bearer error=\"a\" error=\"b\"".to_owned()], vec![]),
        (vec!["Bearer error=\"a\", ERROR=\"b\"".to_owned()], vec![]),
        (vec!["\"Bearer\"".to_owned(), "Bearer".to_owned()], vec!["bearer"]),
        (vec!["Bearer ".repeat(40)], vec!["bearer"; 16]),
        (vec!["Basic realm=\"x\"".to_owned(); 40], vec!["basic"; 16]),
        (vec![format!("Bearer error=\"{}\"", "x".repeat(20_000)), "DPoP".to_owned()], vec![]),
        (vec![format!("Bearer error_description=\"{long}\"")], vec!["bearer"]),
        (vec![String::new(), ",,,".to_owned(), "=".to_owned(), "===".to_owned()], vec![]),
    ] {
        let mut headers = HeaderMap::new();
        for value in &values {
            headers.append(WWW_AUTHENTICATE, HeaderValue::from_str(value).unwrap());
        }
        let read = Challenge::parse_all(&headers);
        assert_eq!(read.iter().map(|one| one.scheme.as_str()).collect::<Vec<_>>(), schemes, "{values:.60?}");
        for challenge in &read {
            assert!(challenge.text.description().is_none_or(|text| text.len() <= 503 && text.is_ascii()));
        }
    }
    // What is not text is passed over, and what is beside it read.
    let mut headers = HeaderMap::new();
    headers.append(WWW_AUTHENTICATE, HeaderValue::from_bytes(b"Bearer error=\"\xff\"").unwrap());
    headers.append(WWW_AUTHENTICATE, HeaderValue::from_static("DPoP algs=\"ES256\", max_age=\"-1\", acr_values=\"\""));
    let read = Challenge::parse_all(&headers);
    assert_eq!((read.len(), read[0].max_age, read[0].acr_values.len()), (1, None, 0));
}

#[test]
fn a_refusal_of_userinfo_is_told_in_the_servers_words() {
    for (challenge, code, words) in [
        (
            r#"Bearer error="invalid_token", error_description="gone""#,
            ErrorCode::USERINFO_UNAUTHORIZED,
            Some("invalid_token"),
        ),
        (
            r#"Basic realm="x", Bearer error="insufficient_scope""#,
            ErrorCode::USERINFO_UNAUTHORIZED,
            Some("insufficient_scope"),
        ),
        (r#"Bearer error="use_dpop_nonce""#, ErrorCode::DPOP_REQUIRED, Some("use_dpop_nonce")),
        (r#"DPoP error="invalid_dpop_proof""#, ErrorCode::DPOP_REQUIRED, Some("invalid_dpop_proof")),
        ("Bearer", ErrorCode::USERINFO_UNAUTHORIZED, None),
        ("", ErrorCode::USERINFO_UNAUTHORIZED, None),
    ] {
        for status in [401, 403] {
            let mut world = World::new();
            let user = world.logged_in().unwrap();
            world.op.tamper(On::UserInfo, move |response| {
                *response.status_mut() = StatusCode::from_u16(status).unwrap();
                response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
            });
            let refusal = world.userinfo(&user).unwrap_err();
            assert_eq!(refusal.what(), (At::Userinfo, code), "{challenge}");
            assert_eq!(refusal.error.provider_text().and_then(|text| text.error()), words, "{challenge}");
        }
    }
}

/// RFC 9470: the resource says what it needs, the user logs in so, and it is content.
#[test]
fn a_step_up_is_asked_for_and_met() {
    let mut world = World::new();
    let user = world.logged_in().unwrap();
    world.pass(100);
    world.op.require_authentication(&["urn:example:gold"], Some(Duration::from_secs(60)));
    let refusal = world.userinfo(&user).unwrap_err();
    let words = refusal.error.provider_text().and_then(|text| text.error());
    assert_eq!((refusal.what().1, words), (ErrorCode::USERINFO_UNAUTHORIZED, Some("insufficient_user_authentication")));

    let step = start(get(&format!("{ISSUER}/userinfo")), &user, &mut world);
    let answer = world.run(step).unwrap();
    let challenge = Challenge::parse_all(answer.headers()).remove(0);
    assert_eq!(challenge.error, Some(ResourceError::InsufficientUserAuthentication));
    let request = AuthorizationRequest::new(redirect(), Scope::new("openid profile").unwrap());
    world.request = request.with_acr_values(challenge.acr_values).with_max_age(challenge.max_age.unwrap());
    let login = world.login_with(&user.party).unwrap();
    let user = world.finish(login).unwrap();
    world.userinfo(&user).unwrap();
}

#[test]
fn a_network_that_fails_is_told_as_such() {
    for (fault, code) in [
        (Disturbance::Timeout, ErrorCode::TRANSPORT_TIMEOUT),
        (Disturbance::Unreachable, ErrorCode::TRANSPORT_UNREACHABLE),
        (Disturbance::Oversized, ErrorCode::HTTP_BODY_TOO_LARGE),
    ] {
        let mut world = World::bound();
        let user = world.logged_in().unwrap();
        world.op.disturb(On::UserInfo, fault, 1);
        let step = start(get(&format!("{ISSUER}/userinfo")), &user, &mut world);
        assert_eq!(world.run(step).unwrap_err().code(), code);
    }
}
