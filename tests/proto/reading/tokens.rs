//! Tokens that arrived in a response that is not as it should be.

use oidc_proto::testing::{self, On};
use oidc_proto::{Deviation, ErrorCode, Lifetime, TokenType};
use serde_json::{Value, json};

use crate::hostile::world::{At, World};

fn put(op: &testing::Provider, name: &'static str, value: Value) {
    op.edit_json(On::Token, move |object| drop(object.insert(name.to_owned(), value.clone())));
}

type Edit = fn(&testing::Provider);

fn content_type(op: &testing::Provider, value: &'static str) {
    op.tamper(On::Token, move |response| {
        response.headers_mut().insert("content-type", http::HeaderValue::from_static(value));
    });
}

/// Without the choice the tokens come as unverified, and can be revoked.
#[test]
fn flawed_tokens_are_kept_and_used_where_that_was_chosen() {
    let flaws: &[(Edit, Deviation, ErrorCode)] = &[
        (|op| content_type(op, "text/plain"), Deviation::TokenContentType, ErrorCode::TOKEN_CONTENT_TYPE),
        (|op| content_type(op, "text/html"), Deviation::TokenContentType, ErrorCode::TOKEN_CONTENT_TYPE),
        (|op| content_type(op, "text/javascript"), Deviation::TokenContentType, ErrorCode::TOKEN_CONTENT_TYPE),
        (|op| put(op, "token_type", Value::Null), Deviation::MissingTokenType, ErrorCode::TOKEN_MISSING_TYPE),
        (|op| put(op, "token_type", json!("")), Deviation::MissingTokenType, ErrorCode::TOKEN_MISSING_TYPE),
        (|op| put(op, "scope", json!(["openid", "profile"])), Deviation::ScopeArray, ErrorCode::JSON_TYPE),
    ];
    for (edit, deviation, code) in flaws {
        let mut world = World::new();
        let user = world.logged_in().unwrap();
        edit(&world.op);
        let refusal = world.refresh(&user).err().unwrap();
        assert_eq!(refusal.what(), (At::Verification, *code));
        let place = (refusal.error.endpoint(), refusal.error.status().map(|status| status.as_u16()));
        assert_eq!(place, (Some("token_endpoint"), Some(200)), "{code}");
        world.give_up(*refusal.tokens.unwrap()).unwrap();

        let mut world = World::new();
        world.options = world.options.with_deviation(*deviation);
        edit(&world.op);
        let user = world.logged_in().unwrap();
        assert_eq!(user.tokens.token_type(), TokenType::Bearer);
        world.refresh(&user).unwrap();
    }
}

/// A token that is bound to a key is never a bearer token, whatever was chosen.
#[test]
fn a_missing_token_type_does_not_stand_for_a_bound_token() {
    let key = crate::hostile::strong::dpop_key(9);
    let mut world = World { dpop: Some(key), ..World::new() };
    world.options = world.options.with_deviation(Deviation::MissingTokenType);
    put(&world.op, "token_type", Value::Null);
    assert_eq!(world.logged_in().err().unwrap().what(), (At::Verification, ErrorCode::DPOP_NOT_BOUND));
}

#[test]
fn an_error_that_says_nothing_is_none() {
    for value in [json!(""), Value::Null] {
        let mut world = World::new();
        put(&world.op, "error", value);
        world.logged_in().unwrap();
    }
}

#[test]
fn an_error_beside_tokens_does_not_lose_them() {
    for value in [json!("invalid_grant"), json!({ "code": 1 }), json!(7)] {
        let mut world = World::new();
        put(&world.op, "error", value);
        let refusal = world.logged_in().err().unwrap();
        assert_eq!(refusal.what(), (At::Verification, ErrorCode::TOKEN_ERROR_WITH_SUCCESS));
        world.give_up(*refusal.tokens.unwrap()).unwrap();
    }
}

/// Keycloak and FAPI-style servers: the refresh token may die before the access token does.
#[test]
fn the_lifetime_of_a_refresh_token_is_told() {
    for (name, value, lifetime) in [
        ("refresh_expires_in", json!(30), Lifetime::Seconds(30)),
        ("refresh_token_expires_in", json!("30"), Lifetime::Seconds(30)),
        ("refresh_expires_in", json!(0), Lifetime::Absent),
        ("refresh_expires_in", json!(-1), Lifetime::Unreadable),
        ("x", json!(30), Lifetime::Absent),
    ] {
        let mut world = World::new();
        put(&world.op, name, value);
        let login = world.login().unwrap();
        let evidence = world.check(&login).unwrap();
        let grant = world.exchange(&login, evidence).unwrap().verified().unwrap();
        assert_eq!(grant.refresh_lifetime, lifetime, "{name}");
    }
}

/// A name that is read stands for nothing if it is there twice. The refresh token is clear as long as it stands there once.
#[test]
fn a_name_twice_beside_tokens_does_not_lose_them() {
    let twice = ErrorCode::JSON_DUPLICATE_NAME;
    for (name, at) in [
        ("x", None),
        ("expires_in", Some(At::Verification)),
        ("access_token", Some(At::Verification)),
        ("refresh_token", Some(At::Exchange)),
    ] {
        let mut world = World::new();
        world.op.tamper(On::Token, move |response| {
            let text = String::from_utf8(response.body().clone()).unwrap();
            *response.body_mut() = text.replacen('{', &format!(r#"{{"{name}":"1","{name}":"1","#), 1).into_bytes();
        });
        let refusal = world.logged_in().err();
        assert_eq!(refusal.as_ref().map(|refusal| refusal.what()), at.map(|at| (at, twice)), "{name}");
        if let Some(tokens) = refusal.and_then(|refusal| refusal.tokens) {
            world.give_up(*tokens).unwrap();
        }
    }
}

#[test]
fn empty_strings_are_absent() {
    let mut world = World::new();
    let user = world.logged_in().unwrap();
    for name in ["id_token", "refresh_token"] {
        put(&world.op, name, json!(""));
    }
    put(&world.op, "scope", Value::Null);
    let next = world.refresh(&user).unwrap();
    assert_eq!(
        next.tokens.refresh_token().map(|token| token.expose()),
        user.tokens.refresh_token().map(|t| t.expose())
    );
    assert_eq!(next.tokens.subject(), Some("sub-alice"));

    let mut world = World::new();
    put(&world.op, "id_token", json!(""));
    assert_eq!(world.logged_in().err().unwrap().what(), (At::Verification, ErrorCode::ID_TOKEN_MISSING));
}

/// Cognito, Doorkeeper, django-oidc-provider and CAS tell when the session was used last; others add what was left out at
/// first.
#[test]
fn an_id_token_of_a_refresh_may_tell_more_than_the_first() {
    let edits: [fn(&mut testing::IdToken); 3] = [
        |token| token.claim("auth_time", token.date("iat")),
        |token| {
            let aud = token.claims["aud"].clone();
            token.claim("azp", aud);
        },
        |token| token.claim("nonce", ""),
    ];
    for edit in edits {
        let mut world = World::new();
        let user = world.logged_in().unwrap();
        world.pass(100);
        world.op.edit_id_token(edit);
        let next = world.refresh(&user).unwrap();
        // And again from there.
        world.refresh(&next).unwrap();
    }
    let earlier: fn(&mut testing::IdToken) = |token| token.claim("auth_time", token.date("auth_time") - 60);
    let elsewhere: fn(&mut testing::IdToken) = |token| token.claim("azp", "elsewhere");
    for (edit, code) in [(earlier, ErrorCode::ID_TOKEN_CHANGED_CLAIM), (elsewhere, ErrorCode::ID_TOKEN_AZP_MISMATCH)] {
        let mut world = World::new();
        let user = world.logged_in().unwrap();
        world.op.edit_id_token(edit);
        let refusal = world.refresh(&user).err().unwrap();
        assert_eq!(refusal.what(), (At::Verification, code));
        world.give_up(*refusal.tokens.unwrap()).unwrap();
    }
}

/// Compressed though nobody asked, which is neither another content type nor broken JSON.
#[test]
fn a_coding_that_nobody_asked_for_is_told_as_that() {
    for (on, coding, code) in [
        (On::ServerMetadata, "gzip", Some(ErrorCode::HTTP_CONTENT_ENCODING)),
        (On::Register, "gzip", Some(ErrorCode::HTTP_CONTENT_ENCODING)),
        (On::Jwks, "br", Some(ErrorCode::HTTP_CONTENT_ENCODING)),
        (On::Token, "deflate", Some(ErrorCode::HTTP_CONTENT_ENCODING)),
        (On::Token, "identity", None),
    ] {
        let mut world = World::new();
        world.op.tamper(on, move |response| {
            response.headers_mut().insert("content-encoding", http::HeaderValue::from_static(coding));
            if coding != "identity" {
                *response.body_mut() = vec![0x1f, 0x8b, 0x08, 0x00];
            }
        });
        let error = world.logged_in().err().map(|refusal| refusal.error);
        assert_eq!(error.as_ref().map(|error| error.code()), code, "{on:?}");
        assert!(error.is_none_or(|error| error.found().unwrap().as_str() == coding));
    }
}
