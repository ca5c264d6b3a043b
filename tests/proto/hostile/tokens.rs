//! Tokens: answers of the token endpoint that are out of order, and those that are merely odd.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use oidc_proto::AuthMethod;
use oidc_proto::Lifetime;
use oidc_proto::testing::{self, Lie, On};
use oidc_proto::{Client, ClientAuth, ErrorCode, Fault, TokenOutcome};
use oidc_proto::{Deviation, UnknownFields};
use serde_json::{Value, json};

use crate::hostile::transport::respond;
use crate::hostile::world::{At, Row, Say, World, pardons, redirect, refusals};

#[rustfmt::skip]
const REFUSED: &[(Say, ErrorCode)] = &[
    (Say::Lie(Lie::ErrorWith200), ErrorCode::TOKEN_INVALID_GRANT),
    (Say::Edit("a list", |op| respond(op, On::Token, 200, "application/json", r#"["at","Bearer",300]"#)), ErrorCode::JSON_TYPE),
    (Say::Edit("two responses", |op| respond(op, On::Token, 200, "application/json", "{}{}")), ErrorCode::JSON_SYNTAX),
    (Say::Edit("NaN", |op| respond(op, On::Token, 200, "application/json", r#"{"expires_in":NaN}"#)), ErrorCode::JSON_SYNTAX),
];

/// No access token came that can be used, but a refresh token may have.
#[rustfmt::skip]
const NO_ACCESS_TOKEN: &[(Say, ErrorCode)] = &[
    (Say::Lie(Lie::TokenCrLf), ErrorCode::TOKEN_MALFORMED),
    (Say::Edit("a zero byte", |op| put(op, "access_token", json!("at_\u{0}"))), ErrorCode::TOKEN_MALFORMED),
    (Say::Edit("a letter beyond ASCII", |op| put(op, "access_token", json!("at_é"))), ErrorCode::TOKEN_MALFORMED),
    (Say::Edit("DEL", |op| put(op, "access_token", json!("at_\u{7f}"))), ErrorCode::TOKEN_MALFORMED),
    (Say::Edit("a number as access_token", |op| put(op, "access_token", json!(7))), ErrorCode::JSON_TYPE),
    (Say::Lie(Lie::TokenEmpty), ErrorCode::TOKEN_MISSING_ACCESS_TOKEN),
    (Say::Lie(Lie::TokenAbsent), ErrorCode::TOKEN_MISSING_ACCESS_TOKEN),
    (Say::Edit("null as access_token", |op| put(op, "access_token", Value::Null)), ErrorCode::TOKEN_MISSING_ACCESS_TOKEN),
    (Say::Edit("a list as access_token", |op| put(op, "access_token", json!(["at_"]))), ErrorCode::JSON_TYPE),
    (Say::Edit("access_token twice", access_token_twice), ErrorCode::JSON_DUPLICATE_NAME),
];

/// An access token came, but the rest spoils it: nothing is lost, and nothing is used.
#[rustfmt::skip]
const SPOILED: &[(Say, ErrorCode)] = &[
    (Say::Edit("an error beside tokens", |op| put(op, "error", json!("invalid_grant"))), ErrorCode::TOKEN_ERROR_WITH_SUCCESS),
    (Say::Edit("an error of another type", |op| put(op, "error", json!({}))), ErrorCode::TOKEN_ERROR_WITH_SUCCESS),
    (Say::Edit("CR LF in the refresh token", |op| put(op, "refresh_token", json!("rt_\r\n"))), ErrorCode::TOKEN_MALFORMED),
    (Say::Edit("a list as refresh_token", |op| put(op, "refresh_token", json!(["rt_"]))), ErrorCode::TOKEN_MALFORMED),
    (Say::Edit("an object as id_token", |op| put(op, "id_token", json!({}))), ErrorCode::JSON_TYPE),
    (Say::Lie(Lie::TokenTypeUnknown), ErrorCode::TOKEN_TYPE),
    (Say::Edit("an empty token_type", |op| put(op, "token_type", json!(""))), ErrorCode::TOKEN_MISSING_TYPE),
    (Say::Edit("a token_type with a space", |op| put(op, "token_type", json!("Bearer "))), ErrorCode::TOKEN_TYPE),
    (Say::Lie(Lie::TokenTypeAbsent), ErrorCode::TOKEN_MISSING_TYPE),
    (Say::Lie(Lie::ScopeList), ErrorCode::JSON_TYPE),
    (Say::Edit("a number as scope", |op| put(op, "scope", json!(7))), ErrorCode::JSON_TYPE),
    (Say::Edit("a scope with quotes", |op| put(op, "scope", json!("openid \"x\""))), ErrorCode::JSON_TYPE),
    (Say::Edit("a scope with a line break", |op| put(op, "scope", json!("openid\nx"))), ErrorCode::JSON_TYPE),
];

/// The provider's no.
const DENIED: &[(&str, ErrorCode)] = &[
    ("invalid_request", ErrorCode::TOKEN_INVALID_REQUEST),
    ("invalid_client", ErrorCode::TOKEN_INVALID_CLIENT),
    ("invalid_grant", ErrorCode::TOKEN_INVALID_GRANT),
    ("unauthorized_client", ErrorCode::TOKEN_UNAUTHORIZED_CLIENT),
    ("unsupported_grant_type", ErrorCode::TOKEN_UNSUPPORTED_GRANT_TYPE),
    ("invalid_scope", ErrorCode::TOKEN_INVALID_SCOPE),
    ("INVALID_GRANT", ErrorCode::TOKEN_ERROR),
    ("invalid_grant ", ErrorCode::TOKEN_ERROR),
    ("", ErrorCode::TOKEN_ERROR),
];

/// What is no verdict, with a status that would allow one.
const NO_VERDICT: &[&str] = &[
    "",
    "{}",
    "null",
    r#""invalid_grant""#,
    r#"["invalid_grant"]"#,
    r#"{"error":null}"#,
    r#"{"error":{"code":"invalid_grant"}}"#,
    r#"{"error":"invalid_grant","error":"invalid_grant"}"#,
    r#"{"error":"invalid_grant""#,
    "error=invalid_grant",
];

#[rustfmt::skip]
const LIVED_WITH: &[Say] = &[
    Say::Lie(Lie::TokenTypeCase),
    Say::Lie(Lie::TokenTypeBearer),
    Say::Lie(Lie::ScopeOther),
    Say::Lie(Lie::UnknownMembers),
    Say::Edit("nulls", |op| op.edit_json(On::Token, |o| for name in ["scope", "error", "expires_in"] { o.insert(name.into(), Value::Null); })),
    Say::Edit("an empty scope", |op| put(op, "scope", json!(""))),
    Say::Edit("spaces in a scope", |op| put(op, "scope", json!("  openid   profile "))),
];

/// `expires_in` never fails a login.
#[rustfmt::skip]
const LIFETIMES: &[(Say, Lifetime)] = &[
    (Say::Lie(Lie::ExpiresInAbsent), Lifetime::Absent),
    (Say::Lie(Lie::ExpiresInZero), Lifetime::Seconds(0)),
    (Say::Lie(Lie::ExpiresInNegative), Lifetime::Unreadable),
    (Say::Lie(Lie::ExpiresInString), Lifetime::Seconds(300)),
    (Say::Lie(Lie::ExpiresInFloat), Lifetime::Seconds(300)),
    (Say::Lie(Lie::ExpiresInHuge), Lifetime::Unreadable),
    (Say::Lie(Lie::ExpiresInGarbage), Lifetime::Unreadable),
    (Say::Edit("1e308", |op| put(op, "expires_in", json!(1e308))), Lifetime::Unreadable),
    (Say::Edit("a fraction", |op| put(op, "expires_in", json!(0.5))), Lifetime::Unreadable),
    (Say::Edit("true", |op| put(op, "expires_in", json!(true))), Lifetime::Unreadable),
    (Say::Edit("an object", |op| put(op, "expires_in", json!({ "s": 300 }))), Lifetime::Unreadable),
    (Say::Edit("2^53", |op| put(op, "expires_in", json!(1_u64 << 53))), Lifetime::Seconds(1 << 53)),
    (Say::Edit("2^53 + 1", |op| put(op, "expires_in", json!((1_u64 << 53) + 1))), Lifetime::Unreadable),
];

pub(crate) fn rows() -> Vec<Row> {
    let denied = DENIED.iter().map(|(_, code)| (Say::Edit("an error", |_| {}), Some(*code)));
    let lifetimes = LIFETIMES.iter().map(|(say, _)| (say.clone(), None));
    let own = [ErrorCode::HTTP_STATUS, ErrorCode::TOKEN_INVALID_CLIENT, ErrorCode::DPOP_NOT_BOUND];
    let own = own.map(|code| (Say::Edit("told by a scenario", |_| {}), Some(code)));
    refusals(REFUSED)
        .chain(refusals(NO_ACCESS_TOKEN))
        .chain(refusals(SPOILED))
        .chain(pardons(LIVED_WITH))
        .chain(denied)
        .chain(lifetimes)
        .chain(own)
        .chain([(Lie::TokenTypeDpop.into(), Some(ErrorCode::DPOP_NOT_BOUND))])
        .collect()
}

fn put(op: &testing::Provider, name: &'static str, value: Value) {
    op.edit_json(On::Token, move |object| drop(object.insert(name.to_owned(), value.clone())));
}

fn access_token_twice(op: &testing::Provider) {
    op.tamper(On::Token, |response| {
        let text = String::from_utf8(response.body().clone()).unwrap();
        *response.body_mut() = text.replacen('{', r#"{"access_token":"at_1","#, 1).into_bytes();
    });
}

#[test]
fn a_response_that_cannot_be_used_is_refused_at_login_and_at_refresh() {
    for (say, code) in REFUSED.iter().chain(NO_ACCESS_TOKEN) {
        let mut world = World::new();
        world.op.lie(Lie::RefreshTokenAbsent);
        say.to(&world.op);
        assert_eq!(world.logged_in().err().unwrap().what(), (At::Exchange, *code), "{say:?}");
        assert_eq!(world.op.count(On::Token), 1, "{say:?}");

        let mut world = World::new();
        let user = world.logged_in().unwrap();
        world.op.lie(Lie::RefreshTokenAbsent);
        say.to(&world.op);
        let refusal = world.refresh(&user).err().unwrap();
        assert_eq!(refusal.what(), (At::Refresh, *code), "{say:?}");
    }
}

#[test]
fn tokens_that_cannot_be_used_can_be_revoked() {
    for (say, code) in SPOILED.iter().chain(NO_ACCESS_TOKEN) {
        let mut world = World::new();
        say.to(&world.op);
        let refusal = world.logged_in().err().unwrap();
        assert_eq!(refusal.what(), (At::Verification, *code), "{say:?}");
        // Asking again does not make them better.
        let again = refusal.tokens.unwrap().verify(&mut world.env);
        let TokenOutcome::Unverified { error, tokens } = world.run(Ok(again)).unwrap() else { panic!("{say:?}") };
        assert_eq!(error.code(), *code, "{say:?}");
        world.give_up(tokens).unwrap();
        assert_eq!(world.op.count(On::Revoke), 1, "{say:?}");

        let mut world = World::new();
        let user = world.logged_in().unwrap();
        say.to(&world.op);
        let refusal = world.refresh(&user).err().unwrap();
        assert_eq!(refusal.what(), (At::Verification, *code), "{say:?}");
    }
}

/// Tokens that are bound to a key that nobody named cannot be used, but they can be revoked.
#[test]
fn tokens_that_are_bound_to_no_key_of_ours_are_not_taken() {
    let mut world = World::new();
    world.op.lie(Lie::TokenTypeDpop);
    let refusal = world.logged_in().err().unwrap();
    assert_eq!(refusal.what(), (At::Verification, ErrorCode::DPOP_NOT_BOUND));
    world.give_up(*refusal.tokens.unwrap()).unwrap();

    let mut world = World::new();
    let user = world.logged_in().unwrap();
    put(&world.op, "token_type", json!("dpop"));
    let refusal = world.refresh(&user).err().unwrap();
    assert_eq!(refusal.what(), (At::Verification, ErrorCode::DPOP_NOT_BOUND));
}

#[test]
fn a_no_is_told_apart_and_its_words_are_data() {
    for (name, code) in DENIED {
        let mut world = World::new();
        let login = world.login().unwrap();
        let body = json!({ "error": name, "error_description": "<b>\r\n\u{1b}[2J", "error_uri": "x" }).to_string();
        world.op.tamper(On::Token, move |response| {
            *response.status_mut() = http::StatusCode::BAD_REQUEST;
            *response.body_mut() = body.clone().into_bytes();
        });
        let error = world.finish(login).err().unwrap().error;
        assert_eq!((error.code(), error.fault()), (*code, Fault::Denied), "{name}");
        let said = error.provider_text().unwrap();
        assert_eq!((said.error(), said.description()), (Some(*name), Some("<b>\\r\\n\\u{1b}[2J")));
        assert!(!format!("{error} {error:?}").contains("<b>"));
    }
}

#[test]
fn an_error_that_says_nothing_is_no_verdict() {
    for body in NO_VERDICT {
        let mut world = World::new();
        let user = world.logged_in().unwrap();
        respond(&world.op, On::Token, 400, "application/json", body);
        let refusal = world.refresh(&user).err().unwrap();
        assert_eq!(refusal.what(), (At::Refresh, ErrorCode::HTTP_STATUS), "{body}");
    }
}

#[test]
fn odd_answers_are_lived_with() {
    for say in LIVED_WITH {
        let mut world = World::new();
        say.to(&world.op);
        let outcome = world.logged_in().map(|_| ()).map_err(|refusal| refusal.what());
        assert_eq!(outcome, Ok(()), "{say:?}");
    }
}

#[test]
fn a_lifetime_that_cannot_be_read_is_unknown() {
    for (say, lifetime) in LIFETIMES {
        let mut world = World::new();
        say.to(&world.op);
        let login = world.login().unwrap();
        let evidence = world.check(&login).unwrap();
        let exchanged = world.exchange(&login, evidence).unwrap();
        let TokenOutcome::Verified(granted) = exchanged else { panic!("{say:?}") };
        assert_eq!(granted.lifetime, *lifetime, "{say:?}");
        let tokens = granted.tokens;
        let known = matches!(lifetime, Lifetime::Seconds(_));
        assert_eq!(tokens.expires_at().is_some(), known, "{say:?}");
        assert_eq!(
            tokens.is_expired(tokens.obtained_at(), Duration::ZERO),
            *lifetime == Lifetime::Seconds(0),
            "{say:?}"
        );
    }
}

/// A string with characters that no scope has is not "a string" to be expected.
#[test]
fn a_scope_that_cannot_be_one_is_told_what_a_scope_is() {
    for scope in [json!("openid \"x\""), json!("openid\tprofile"), json!("\u{fc}"), json!(7)] {
        let mut world = World::new();
        put(&world.op, "scope", scope.clone());
        let error = world.logged_in().err().unwrap().error;
        assert_eq!((error.code(), error.field()), (ErrorCode::JSON_TYPE, Some("scope")), "{scope}");
        assert!(error.expected().unwrap().as_str().contains("printable ASCII"), "{scope}: {error}");
    }
}

#[test]
fn a_scope_in_a_list_is_read_where_that_was_chosen() {
    let mut world = World::new();
    world.options = world.options.with_deviation(Deviation::ScopeArray);
    world.op.lie(Lie::ScopeList);
    assert_eq!(world.logged_in().unwrap().tokens.scope().as_str(), "openid profile");
    put(&world.op, "scope", json!(["openid profile"]));
    assert_eq!(world.logged_in().err().unwrap().what(), (At::Verification, ErrorCode::JSON_TYPE));
}

#[test]
fn unknown_fields_are_kept_for_those_who_ask() {
    #[derive(serde::Deserialize)]
    struct Mine {
        x_text: String,
    }
    for (unknown_fields, kept) in [(UnknownFields::Drop, false), (UnknownFields::Keep, true)] {
        let mut world = World::new();
        world.options = world.options.with_unknown_fields(unknown_fields);
        world.op.lie(Lie::UnknownMembers);
        let login = world.login().unwrap();
        let evidence = world.check(&login).unwrap();
        let exchanged = world.exchange(&login, evidence).unwrap();
        let fields = exchanged.verified().unwrap().fields;
        assert_eq!(fields.map(|fields| fields.read::<Mine>().unwrap().x_text), kept.then(|| "text".to_owned()));
    }
}

/// A secret is sent to the token and revocation endpoints only, and by the one method that was registered.
#[test]
fn a_secret_goes_where_its_method_puts_it_and_nowhere_else() {
    for (method, places) in
        [(AuthMethod::None, [0, 0]), (AuthMethod::ClientSecretBasic, [3, 0]), (AuthMethod::ClientSecretPost, [0, 3])]
    {
        let mut world = World::with_secret(method);
        world.course().unwrap();
        let count = |text: &str| world.sent.iter().filter(|request| request.contains(text)).count();
        assert_eq!([count("authorization: Basic "), count("client_secret=")], places, "{method:?}");
        assert_eq!(count("authorization: Bearer "), 1);
        let gets = world.sent.iter().filter(|request| request.starts_with("GET "));
        assert!(gets.clone().all(|request| !request.contains('?')) && gets.count() == 3);
    }
}

#[test]
fn a_client_that_does_not_prove_itself_gets_nothing() {
    let mut world = World::new();
    world.op =
        world.op.with_client(testing::RegisteredClient::confidential("app", "s3cret", crate::hostile::world::REDIRECT));
    for auth in [ClientAuth::None, ClientAuth::SecretBasic("wrong".into()), ClientAuth::SecretPost("s3cret".into())] {
        world.client = Some(Client::new("app").with_auth(auth).with_redirect_uri(redirect()));
        assert_eq!(world.logged_in().err().unwrap().what(), (At::Exchange, ErrorCode::TOKEN_INVALID_CLIENT));
    }
}

/// A refresh token that nobody can keep is not lost: it can be revoked.
#[test]
fn a_refresh_token_that_cannot_be_kept_can_be_revoked() {
    for token in ["rt_\u{e9}", "rt_\r\nx", "rt_\u{1f600}"] {
        let mut world = World::new();
        world.op.edit_json(On::Token, move |object| drop(object.insert("refresh_token".into(), json!(token))));
        let refusal = world.logged_in().err().unwrap();
        assert_eq!(refusal.what(), (At::Verification, ErrorCode::TOKEN_MALFORMED), "{token:?}");
        assert_eq!(refusal.error.field(), Some("refresh_token"));
        let before = world.sent.len();
        world.give_up(*refusal.tokens.unwrap()).unwrap();
        let revoked = crate::hostile::strong::parameters(&world.sent[before..], "token");
        assert!(revoked.iter().any(|own| own == token), "{token:?} {revoked:?}");
    }
}

/// What ends the grant is the refresh token, if one came.
#[test]
fn a_refresh_token_without_an_access_token_is_given_to_the_caller() {
    for (say, code) in NO_ACCESS_TOKEN {
        let mut world = World::new();
        let last = Arc::new(Mutex::new(String::new()));
        let seen = Arc::clone(&last);
        world.op.edit_json(On::Token, move |object| {
            *seen.lock().unwrap() = object["refresh_token"].as_str().unwrap().to_owned();
        });
        say.to(&world.op);
        let refusal = world.logged_in().err().unwrap();
        assert_eq!(refusal.what(), (At::Verification, *code), "{say:?}");
        let place = (refusal.error.endpoint(), refusal.error.status().map(|status| status.as_u16()));
        assert_eq!(place, (Some("token_endpoint"), Some(200)), "{say:?}");
        let refresh_token = last.lock().unwrap().clone();
        assert!(world.op.has_grant_of(&refresh_token), "{say:?}");
        world.give_up(*refusal.tokens.unwrap()).unwrap();
        assert!(!world.op.has_grant_of(&refresh_token), "{say:?}");
    }
}
