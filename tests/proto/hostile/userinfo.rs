//! Userinfo, revocation, and the end of the session: after the login, the provider can still lie.

use oidc_proto::EndSessionRequest;
use oidc_proto::jose::{Algorithm, Signer as _, signing_input, with_signature};
use oidc_proto::testing::{Lie, On};
use oidc_proto::{Env as _, ErrorCode, Fault, PendingLogout, RedirectUri};
use serde_json::{Value, json};

use crate::hostile::strong;
use crate::hostile::transport::respond;
use crate::hostile::world::{At, ISSUER, LOGOUT_REDIRECT, Row, Say, World, refusals};

#[rustfmt::skip]
const USERINFO: &[(Say, ErrorCode)] = &[
    (Say::Lie(Lie::UserInfoSubOther), ErrorCode::USERINFO_SUBJECT_MISMATCH),
    (Say::Lie(Lie::UserInfoSubAbsent), ErrorCode::USERINFO_MISSING_SUB),
    (Say::Lie(Lie::UserInfoJwtType), ErrorCode::USERINFO_SIGNED),
    (Say::Edit("null as sub", |op| op.edit_json(On::UserInfo, |o| drop(o.insert("sub".into(), json!(null))))), ErrorCode::USERINFO_MISSING_SUB),
    (Say::Edit("an empty sub", |op| op.edit_json(On::UserInfo, |o| drop(o.insert("sub".into(), json!(""))))), ErrorCode::USERINFO_SUBJECT_MISMATCH),
    (Say::Edit("sub in capitals", |op| op.edit_json(On::UserInfo, |o| drop(o.insert("sub".into(), json!("SUB-ALICE"))))), ErrorCode::USERINFO_SUBJECT_MISMATCH),
    (Say::Edit("a number as sub", |op| op.edit_json(On::UserInfo, |o| drop(o.insert("sub".into(), json!(7))))), ErrorCode::JSON_TYPE),
    (Say::Edit("sub twice", |op| respond(op, On::UserInfo, 200, "application/json", r#"{"sub":"sub-alice","\u0073ub":"sub-mallory"}"#)), ErrorCode::JSON_DUPLICATE_NAME),
    (Say::Edit("a list", |op| respond(op, On::UserInfo, 200, "application/json", r#"["sub-alice"]"#)), ErrorCode::JSON_TYPE),
    (Say::Edit("a real JWT", |op| respond(op, On::UserInfo, 200, "application/jwt", "e30.e30.")), ErrorCode::USERINFO_SIGNED),
    (Say::Edit("401 with a body", |op| respond(op, On::UserInfo, 401, "application/json", r#"{"sub":"sub-alice"}"#)), ErrorCode::USERINFO_UNAUTHORIZED),
    (Say::Edit("400 with an error", |op| respond(op, On::UserInfo, 400, "application/json", r#"{"error":"invalid_token"}"#)), ErrorCode::USERINFO_UNAUTHORIZED),
    (Say::Edit("500 with an error", |op| respond(op, On::UserInfo, 500, "application/json", r#"{"error":"invalid_token"}"#)), ErrorCode::HTTP_SERVER_ERROR),
];

#[rustfmt::skip]
const REVOCATION: &[(Say, ErrorCode)] = &[
    (Say::Edit("another type", |op| respond(op, On::Revoke, 400, "application/json", r#"{"error":"unsupported_token_type"}"#)), ErrorCode::REVOCATION_UNSUPPORTED_TOKEN_TYPE),
    (Say::Edit("another client", |op| respond(op, On::Revoke, 401, "application/json", r#"{"error":"invalid_client"}"#)), ErrorCode::TOKEN_INVALID_CLIENT),
    (Say::Edit("no", |op| respond(op, On::Revoke, 403, "application/json", r#"{"error":"access_denied"}"#)), ErrorCode::REVOCATION_DENIED),
    (Say::Edit("503", |op| respond(op, On::Revoke, 503, "application/json", r#"{"error":"access_denied"}"#)), ErrorCode::HTTP_SERVER_ERROR),
    (Say::Edit("400 without words", |op| respond(op, On::Revoke, 400, "text/plain", "no")), ErrorCode::HTTP_STATUS),
];

pub(crate) fn rows() -> Vec<Row> {
    let own = [
        ErrorCode::END_SESSION_STATE_MISMATCH,
        ErrorCode::CALLBACK_REDIRECT_URI,
        ErrorCode::CALLBACK_MALFORMED,
        ErrorCode::USERINFO_NOT_SIGNED,
        ErrorCode::USERINFO_ISSUER_MISMATCH,
    ];
    let own = own.map(|code| (Say::Edit("told by a scenario", |_| {}), Some(code)));
    refusals(USERINFO).chain(refusals(REVOCATION)).chain(own).collect()
}

fn cut_signature(response: &mut http::Response<Vec<u8>>) {
    let text = String::from_utf8(response.body().clone()).unwrap();
    *response.body_mut() = format!("{}.AAAA", text.rsplit_once('.').unwrap().0).into_bytes();
}

#[test]
fn userinfo_of_anyone_else_or_out_of_order_is_refused() {
    for (say, code) in USERINFO {
        let mut world = World::new();
        let user = world.logged_in().unwrap();
        say.to(&world.op);
        assert_eq!(world.userinfo(&user).unwrap_err().what(), (At::Userinfo, *code), "{say:?}");
        // The session is not affected.
        world.op.honest();
        assert_eq!(world.userinfo(&user).unwrap().subject(), "sub-alice");
    }
}

/// Where signed claims were registered, plain ones are not taken in their place, and the signature is the provider's.
#[test]
fn userinfo_that_has_to_be_signed_is() {
    type Tell = fn(&oidc_proto::testing::Provider);
    let cases: &[(&str, Tell, Option<ErrorCode>)] = &[
        ("the truth", |_| {}, None),
        (
            "plain",
            |op| respond(op, On::UserInfo, 200, "application/json", r#"{"sub":"sub-alice"}"#),
            Some(ErrorCode::USERINFO_NOT_SIGNED),
        ),
        (
            "unsigned",
            |op| respond(op, On::UserInfo, 200, "application/jwt", "eyJhbGciOiJub25lIn0.e30."),
            Some(ErrorCode::JWS_ALGORITHM),
        ),
        ("no JWT", |op| respond(op, On::UserInfo, 200, "application/jwt", "{}"), Some(ErrorCode::JWS_MALFORMED)),
        (
            "a JWE",
            |op| respond(op, On::UserInfo, 200, "application/jwt", "e30.e30.e30.e30.e30"),
            Some(ErrorCode::JWS_ENCRYPTED),
        ),
        ("not text", |op| op.tamper(On::UserInfo, |r| r.body_mut().insert(0, 0xff)), Some(ErrorCode::JWS_MALFORMED)),
        ("another signature", |op| op.tamper(On::UserInfo, cut_signature), Some(ErrorCode::JWS_SIGNATURE)),
        (
            "other keys",
            |op| {
                op.lie(Lie::JwksEmpty);
                op.rotate_keys();
            },
            Some(ErrorCode::JWS_UNKNOWN_KEY),
        ),
        (
            "too large",
            |op| op.tamper(On::UserInfo, |r| r.body_mut().resize(70_000, b'A')),
            Some(ErrorCode::JWS_TOO_LARGE),
        ),
    ];
    for (what, tell, expected) in cases {
        let mut world = World::new();
        world.metadata = world.metadata.with_userinfo_signed_response_alg(Algorithm::Es256);
        let user = world.logged_in().unwrap();
        tell(&world.op);
        assert_eq!(world.userinfo(&user).err().map(|refusal| refusal.error.code()), *expected, "{what}");
    }
}

/// Claims of a signed response, how they are signed, and what comes of it. In place of `""` there is this login's own.
#[rustfmt::skip]
const SIGNED: &[(&str, Algorithm, &str, Option<ErrorCode>)] = &[
    (r#"{"iss":"","aud":"","sub":""}"#, Algorithm::Es256, "ours", None),
    (r#"{"iss":"","aud":["x",""],"sub":""}"#, Algorithm::Es256, "ours", None),
    (r#"{"sub":"","exp":1,"typ":"x"}"#, Algorithm::Es256, "ours", None),
    (r#"{"iss":"https://evil.example","aud":"","sub":""}"#, Algorithm::Es256, "ours", Some(ErrorCode::USERINFO_ISSUER_MISMATCH)),
    (r#"{"iss":"https://op.example.org/","aud":"","sub":""}"#, Algorithm::Es256, "ours", Some(ErrorCode::USERINFO_ISSUER_MISMATCH)),
    (r#"{"iss":"","aud":"another","sub":""}"#, Algorithm::Es256, "ours", Some(ErrorCode::USERINFO_ISSUER_MISMATCH)),
    (r#"{"iss":"","aud":[],"sub":""}"#, Algorithm::Es256, "ours", Some(ErrorCode::USERINFO_ISSUER_MISMATCH)),
    (r#"{"iss":"","aud":"","sub":"sub-mallory"}"#, Algorithm::Es256, "ours", Some(ErrorCode::USERINFO_SUBJECT_MISMATCH)),
    (r#"{"iss":"","aud":""}"#, Algorithm::Es256, "ours", Some(ErrorCode::USERINFO_MISSING_SUB)),
    (r#"{"iss":"","aud":"","sub":"","sub":""}"#, Algorithm::Es256, "ours", Some(ErrorCode::JSON_DUPLICATE_NAME)),
    (r#"["",""]"#, Algorithm::Es256, "ours", Some(ErrorCode::JSON_TYPE)),
    ("sub", Algorithm::Es256, "ours", Some(ErrorCode::JSON_SYNTAX)),
    // Another algorithm than the one registered, by a key that is the provider's all the same.
    (r#"{"iss":"","aud":"","sub":""}"#, Algorithm::EdDsa, "ours", Some(ErrorCode::JWS_ALGORITHM)),
    (r#"{"iss":"","aud":"","sub":""}"#, Algorithm::Es256, "unknown", None),
    (r#"{"iss":"","aud":"","sub":"","x":1}"#, Algorithm::Es256, "stranger", Some(ErrorCode::JWS_UNKNOWN_KEY)),
];

#[test]
fn signed_userinfo_is_this_providers_for_this_client_about_this_user() {
    for (claims, algorithm, kid, expected) in SIGNED {
        let mut world = World::new();
        world.metadata = world.metadata.with_userinfo_signed_response_alg(Algorithm::Es256);
        // A second key of the provider's, with which the test can sign what the provider would not.
        let own = strong::key(*algorithm, 5);
        let jwk: Value = serde_json::from_str(&own.public_jwk().replace("\"own\"", "\"ours\"")).unwrap();
        world.op.edit_json(On::Jwks, move |o| o["keys"].as_array_mut().unwrap().push(jwk.clone()));
        let user = world.logged_in().unwrap();
        let client_id = user.party.client().id();
        let claims = claims
            .replace(r#""iss":"""#, &format!(r#""iss":"{ISSUER}""#))
            .replace(r#""aud":"""#, &format!(r#""aud":"{client_id}""#))
            .replace(r#"["x",""]"#, &format!(r#"["x","{client_id}"]"#))
            .replace(r#""sub":"""#, r#""sub":"sub-alice""#);
        let input = signing_input(*algorithm, Some(kid), None, claims.as_bytes());
        let stranger = strong::key(*algorithm, 6);
        let signature = if *kid == "stranger" { &stranger } else { &own }.sign(input.as_bytes()).unwrap();
        let jwt = with_signature(input, &signature);
        world.op.tamper(On::UserInfo, move |response| *response.body_mut() = jwt.clone().into_bytes());
        assert_eq!(world.userinfo(&user).err().map(|refusal| refusal.error.code()), *expected, "{claims}");
    }
}

/// Keys that were kept may be old: they are fetched once more for a response whose key is unknown, and then they serve
/// all.
#[test]
fn signed_userinfo_survives_a_rotation_of_keys() {
    let mut world = World::new();
    world.metadata = world.metadata.with_userinfo_signed_response_alg(Algorithm::Es256);
    let user = world.logged_in().unwrap();
    world.op.rotate_keys();
    world.pass(299);
    let before = world.op.count(On::Jwks);
    for _ in 0..2 {
        world.userinfo(&user).unwrap();
        assert_eq!(world.op.count(On::Jwks) - before, 1);
    }
    // A key that is nowhere to be found costs each response one fetch: the provider was asked for each.
    world.op.lie(Lie::JwksEmpty);
    world.op.rotate_keys();
    for fetches in [2, 3] {
        assert_eq!(world.userinfo(&user).unwrap_err().error.code(), ErrorCode::JWS_UNKNOWN_KEY);
        assert_eq!(world.op.count(On::Jwks) - before, fetches);
    }
}

#[test]
fn a_token_that_is_not_good_any_more_is_told_to_be_so() {
    let mut world = World::new();
    let user = world.logged_in().unwrap();
    world.op.forget_access_tokens();
    let error = world.userinfo(&user).unwrap_err().error;
    assert_eq!((error.code(), error.fault()), (ErrorCode::USERINFO_UNAUTHORIZED, Fault::Denied));
}

#[test]
fn a_revocation_that_fails_can_be_tried_again() {
    for (say, code) in REVOCATION {
        let mut world = World::new();
        let user = world.logged_in().unwrap();
        say.to(&world.op);
        assert_eq!(world.revoke(&user).unwrap_err().what(), (At::Revocation, *code), "{say:?}");
        world.op.honest();
        world.revoke(&user).unwrap();
        assert!(world.op.bearer(user.tokens.access_token().expose(), world.env.now()).is_none());
        // What is not valid any more is revoked, too.
        world.revoke(&user).unwrap();
    }
}

#[test]
fn only_the_response_to_this_logout_is_one() {
    let mut world = World::new();
    let user = world.logged_in().unwrap();
    let redirect = RedirectUri::new(LOGOUT_REDIRECT).unwrap();
    let request = EndSessionRequest::new().with_id_token_hint(user.tokens.id_token().unwrap());
    let (url, pending) =
        user.party.end_session(request.clone().with_post_logout_redirect_uri(redirect), &mut world.env).unwrap();
    let visit = world.op.visit(url.as_str(), world.env.now());
    let (honest, state) = (visit.callback(), visit.param("state").unwrap());
    pending.check(honest).unwrap();
    // A server keeps it meanwhile.
    let pending = PendingLogout::from_json(&serde_json::to_string(&pending).unwrap()).unwrap();
    pending.check(honest).unwrap();
    for (url, code) in [
        (LOGOUT_REDIRECT.to_owned(), ErrorCode::END_SESSION_STATE_MISMATCH),
        (format!("{LOGOUT_REDIRECT}?state="), ErrorCode::END_SESSION_STATE_MISMATCH),
        (format!("{LOGOUT_REDIRECT}?state={state}x"), ErrorCode::END_SESSION_STATE_MISMATCH),
        (format!("{LOGOUT_REDIRECT}?state={state}&state={state}"), ErrorCode::END_SESSION_STATE_MISMATCH),
        (format!("{LOGOUT_REDIRECT}?state={state}&%73tate=x"), ErrorCode::END_SESSION_STATE_MISMATCH),
        (format!("{LOGOUT_REDIRECT}#state={state}"), ErrorCode::END_SESSION_STATE_MISMATCH),
        (format!("https://app.example.org/cb?state={state}"), ErrorCode::CALLBACK_REDIRECT_URI),
        (format!("https://evil.example/bye?state={state}"), ErrorCode::CALLBACK_REDIRECT_URI),
        (format!("/bye?state={state}"), ErrorCode::CALLBACK_MALFORMED),
    ] {
        let error = pending.check(&url).unwrap_err();
        assert_eq!(error.code(), code, "{url}");
        // Both URLs are named, and nobody's `state`.
        if code == ErrorCode::CALLBACK_REDIRECT_URI {
            let found = url.split('?').next().unwrap();
            let said = format!("expected {LOGOUT_REDIRECT:?}, found {found:?}");
            assert!(
                error.to_string().contains(&said) && !error.to_string().contains(state.as_str()),
                "{error}: {said}"
            );
        }
    }
    // Without a redirect URI nothing comes back, and nothing counts.
    let (url, pending) = user.party.end_session(request, &mut world.env).unwrap();
    assert!(!url.as_str().contains("state="));
    assert_eq!(pending.check(honest).unwrap_err().code(), ErrorCode::CALLBACK_REDIRECT_URI);
}
