//! Limits: what is just small enough, and what is one too large.

use oidc_proto::limits::{JSON_LIMIT, JWKS_LIMIT, METADATA_LIMIT};
use oidc_proto::testing::{Lie, On};
use oidc_proto::{ErrorCode, FailureKind};
use serde_json::json;

use crate::hostile::world::{At, Row, Say, World};

/// The largest answer of each endpoint.
const BODIES: [(On, usize, At); 6] = [
    (On::ServerMetadata, METADATA_LIMIT, At::ServerMetadataFetch),
    (On::Register, JSON_LIMIT, At::Registration),
    (On::Jwks, JWKS_LIMIT, At::Exchange),
    (On::Token, JSON_LIMIT, At::Exchange),
    (On::UserInfo, JSON_LIMIT, At::Userinfo),
    (On::Revoke, JSON_LIMIT, At::Revocation),
];

pub(crate) fn rows() -> Vec<Row> {
    [ErrorCode::HTTP_BODY_TOO_LARGE, ErrorCode::JSON_TOO_DEEP, ErrorCode::JWS_TOO_LARGE, ErrorCode::JWKS_TOO_MANY_KEYS]
        .map(|code| (Say::Edit("told by a scenario", |_| {}), Some(code)))
        .into()
}

/// The numbers that are promised.
#[test]
fn the_limits_have_their_documented_values() {
    use oidc_proto::jose::TOKEN_LIMIT;
    use oidc_proto::limits::CALLBACK_LIMIT;
    use oidc_proto::limits::KEY_COUNT_LIMIT;
    assert_eq!((METADATA_LIMIT, JWKS_LIMIT), (256 << 10, 512 << 10));
    assert_eq!((JSON_LIMIT, TOKEN_LIMIT, CALLBACK_LIMIT, KEY_COUNT_LIMIT), (1 << 20, 64 << 10, 64 << 10, 100));
}

#[test]
fn a_body_holds_to_the_limit_of_its_endpoint() {
    for (on, limit, at) in BODIES {
        for (size, expected) in [(limit, Ok(())), (limit + 1, Err((at, ErrorCode::HTTP_BODY_TOO_LARGE)))] {
            let mut world = World::new();
            world.op.tamper(on, move |response| response.body_mut().resize(size, b' '));
            let outcome = world.course();
            let failure = outcome.as_ref().err().and_then(|refusal| refusal.error.failure());
            assert_eq!(failure.map(|failure| failure.kind), expected.err().map(|_| FailureKind::BodyTooLarge));
            // And says which it was.
            let told = outcome.as_ref().err().and_then(|refusal| Some(refusal.error.expected()?.as_str().to_owned()));
            assert_eq!(told, expected.err().map(|_| format!("at most {limit} bytes")), "{on:?}");
            assert_eq!(outcome.map_err(|refusal| refusal.what()), expected, "{on:?} {size}");
        }
    }
}

#[test]
fn json_is_nested_32_deep_at_most() {
    for (on, _, at) in BODIES.into_iter().filter(|(on, ..)| *on != On::Revoke) {
        for (depth, expected) in [(31, Ok(())), (32, Err((at, ErrorCode::JSON_TOO_DEEP)))] {
            let mut world = World::new();
            let nested = (0..depth).fold(json!(0), |inner, _| json!([inner]));
            world.op.edit_json(on, move |object| drop(object.insert("x".into(), nested.clone())));
            assert_eq!(world.course().map_err(|refusal| refusal.what()), expected, "{on:?} {depth}");
        }
    }
}

#[test]
fn an_id_token_has_64_kib_at_most() {
    for (padding, expected) in [(45_000, Ok(())), (50_000, Err((At::Verification, ErrorCode::JWS_TOO_LARGE)))] {
        let mut world = World::new();
        world.op.edit_id_token(move |token| token.claim("groups", "x".repeat(padding)));
        assert_eq!(world.course().map_err(|refusal| refusal.what()), expected, "{padding}");
    }
}

#[test]
fn a_set_has_100_keys_at_most() {
    // The provider has three of its own.
    for (more, expected) in [(97, Ok(())), (98, Err((At::Exchange, ErrorCode::JWKS_TOO_MANY_KEYS)))] {
        let mut world = World::new();
        world.op.edit_json(On::Jwks, move |object| {
            object["keys"].as_array_mut().unwrap().extend((0..more).map(|n| json!({ "kty": "none", "kid": n })));
        });
        assert_eq!(world.course().map_err(|refusal| refusal.what()), expected, "{more}");
        assert_eq!(world.op.count(On::Token), if expected.is_ok() { 2 } else { 0 });
    }
}

/// A `kid` of 1 MiB is a response that is too large; one of 60 KiB a token that is; one of 2 KiB is no `kid`.
#[test]
fn a_key_id_is_short() {
    for (length, expected) in [
        (1024, Ok(())),
        (1025, Err((At::Verification, ErrorCode::JWS_HEADER))),
        (60 << 10, Err((At::Verification, ErrorCode::JWS_TOO_LARGE))),
        (1 << 20, Err((At::Exchange, ErrorCode::HTTP_BODY_TOO_LARGE))),
    ] {
        let mut world = World::new();
        world.op.edit_id_token(move |token| token.member("kid", "k".repeat(length)));
        assert_eq!(world.logged_in().map(|_| ()).map_err(|refusal| refusal.what()), expected, "{length}");
    }
}

/// Many names and many audiences cost no more than their length.
#[test]
fn crowds_are_counted_in_reasonable_time() {
    let mut world = World::new();
    world.op.edit_json(On::ServerMetadata, |object| {
        object.extend((0..10_000).map(|n| (format!("x{n}"), json!(n))));
    });
    world.op.edit_id_token(|token| token.claim("aud", vec!["a"; 10_000]));
    let started = std::time::Instant::now();
    assert_eq!(world.logged_in().err().unwrap().what(), (At::Verification, ErrorCode::ID_TOKEN_AUDIENCE_MISMATCH));
    assert!(started.elapsed().as_secs() < 10);
}

#[test]
fn a_callback_has_64_kib_at_most_also_at_the_end_of_a_session() {
    let mut world = World::new();
    let user = world.logged_in().unwrap();
    let request = oidc_proto::EndSessionRequest::new()
        .with_post_logout_redirect_uri(oidc_proto::RedirectUri::new(crate::hostile::world::LOGOUT_REDIRECT).unwrap());
    let (url, pending) = user.party.end_session(request, &mut world.env).unwrap();
    let honest = format!("{}&x=", world.op.visit(url.as_str(), oidc_proto::Env::now(&world.env)).callback());
    assert!(pending.check(&honest).is_ok());
    let error = pending.check(&(honest + &"x".repeat(64 << 10))).unwrap_err();
    assert_eq!(error.code(), ErrorCode::CALLBACK_TOO_LARGE);
    world.op.lie(Lie::CallbackHuge);
    assert_eq!(world.logged_in().err().unwrap().what(), (At::Callback, ErrorCode::CALLBACK_TOO_LARGE));
}
