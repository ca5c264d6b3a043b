//! ID tokens by their claims: rightly signed, and still not for this login.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use oidc_proto::testing::{self, Clock, Lie, User};
use oidc_proto::{Client, ErrorCode, Timestamp};
use serde_json::{Value, json};

use crate::hostile::id_token_form::assert_unverified;
use crate::hostile::world::{At, ISSUER, Row, Say, World, pardons, redirect, refusals};

/// Found out without any key.
#[rustfmt::skip]
const CHEAP: &[(Say, ErrorCode)] = &[
    (Say::Lie(Lie::IssLonger), ErrorCode::ID_TOKEN_ISSUER_MISMATCH),
    (Say::Edit("iss with a slash", |op| claim(op, "iss", json!("https://op.example.org/"))), ErrorCode::ID_TOKEN_ISSUER_MISMATCH),
    (Say::Edit("an empty iss", |op| claim(op, "iss", json!(""))), ErrorCode::ID_TOKEN_ISSUER_MISMATCH),
    (Say::Edit("no iss", |op| unclaim(op, "iss")), ErrorCode::ID_TOKEN_MISSING_CLAIM),
    (Say::Edit("null as iss", |op| claim(op, "iss", Value::Null)), ErrorCode::ID_TOKEN_MISSING_CLAIM),
    (Say::Edit("a list as iss", |op| claim(op, "iss", json!(["https://op.example.org"]))), ErrorCode::ID_TOKEN_CLAIMS),
    (Say::Lie(Lie::AudAbsent), ErrorCode::ID_TOKEN_MISSING_CLAIM),
    (Say::Lie(Lie::AudEmpty), ErrorCode::ID_TOKEN_AUDIENCE_MISMATCH),
    (Say::Lie(Lie::AudNested), ErrorCode::ID_TOKEN_CLAIMS),
    (Say::Lie(Lie::AudOther), ErrorCode::ID_TOKEN_AUDIENCE_MISMATCH),
    (Say::Lie(Lie::AudExtra), ErrorCode::ID_TOKEN_EXTRA_AUDIENCE),
    (Say::Edit("an empty aud", |op| claim(op, "aud", json!(""))), ErrorCode::ID_TOKEN_AUDIENCE_MISMATCH),
    (Say::Edit("a number as aud", |op| claim(op, "aud", json!(7))), ErrorCode::ID_TOKEN_CLAIMS),
    (Say::Edit("an object as aud", |op| claim(op, "aud", json!({}))), ErrorCode::ID_TOKEN_CLAIMS),
    (Say::Edit("null in aud", |op| op.edit_id_token(|t| { let aud = t.claims["aud"].take(); t.claim("aud", json!([aud, null])); })), ErrorCode::ID_TOKEN_CLAIMS),
    (Say::Edit("aud in a longer word", |op| op.edit_id_token(|t| { let aud = t.claims["aud"].as_str().unwrap().to_owned(); t.claim("aud", aud + "x"); })), ErrorCode::ID_TOKEN_AUDIENCE_MISMATCH),
    (Say::Lie(Lie::AzpOther), ErrorCode::ID_TOKEN_AZP_MISMATCH),
    (Say::Edit("an empty azp", |op| claim(op, "azp", json!(""))), ErrorCode::ID_TOKEN_AZP_MISMATCH),
    (Say::Edit("a list as azp", |op| claim(op, "azp", json!([]))), ErrorCode::ID_TOKEN_CLAIMS),
    (Say::Lie(Lie::ExpPast), ErrorCode::ID_TOKEN_EXPIRED),
    (Say::Edit("exp 0", |op| claim(op, "exp", json!(0))), ErrorCode::ID_TOKEN_EXPIRED),
    (Say::Lie(Lie::ExpAbsent), ErrorCode::ID_TOKEN_MISSING_CLAIM),
    (Say::Edit("null as exp", |op| claim(op, "exp", Value::Null)), ErrorCode::ID_TOKEN_MISSING_CLAIM),
    (Say::Lie(Lie::ExpString), ErrorCode::ID_TOKEN_CLAIMS),
    (Say::Lie(Lie::ExpHuge), ErrorCode::ID_TOKEN_CLAIMS),
    (Say::Edit("exp in milliseconds", |op| op.edit_id_token(|t| t.claim("exp", t.date("exp") * 1000))), ErrorCode::ID_TOKEN_CLAIMS),
    (Say::Edit("exp 2^63", |op| claim(op, "exp", json!(1_u64 << 63))), ErrorCode::ID_TOKEN_CLAIMS),
    (Say::Edit("exp -1", |op| claim(op, "exp", json!(-1))), ErrorCode::ID_TOKEN_CLAIMS),
    (Say::Lie(Lie::IatAbsent), ErrorCode::ID_TOKEN_MISSING_CLAIM),
    (Say::Lie(Lie::IatFuture), ErrorCode::ID_TOKEN_ISSUED_IN_FUTURE),
    (Say::Edit("iat true", |op| claim(op, "iat", json!(true))), ErrorCode::ID_TOKEN_CLAIMS),
    (Say::Lie(Lie::NbfFuture), ErrorCode::ID_TOKEN_NOT_YET_VALID),
    (Say::Edit("nbf as a string", |op| claim(op, "nbf", json!("0"))), ErrorCode::ID_TOKEN_CLAIMS),
    (Say::Lie(Lie::SubAbsent), ErrorCode::ID_TOKEN_MISSING_CLAIM),
    (Say::Lie(Lie::SubEmpty), ErrorCode::ID_TOKEN_SUBJECT),
    (Say::Lie(Lie::SubNumber), ErrorCode::ID_TOKEN_CLAIMS),
    (Say::Edit("a sub of 256 characters", |op| claim(op, "sub", json!("s".repeat(256)))), ErrorCode::ID_TOKEN_SUBJECT),
    (Say::Edit("a number as nonce", |op| claim(op, "nonce", json!(7))), ErrorCode::ID_TOKEN_CLAIMS),
    (Say::Edit("a number as at_hash", |op| claim(op, "at_hash", json!(7))), ErrorCode::ID_TOKEN_CLAIMS),
    (Say::Lie(Lie::ClaimDuplicate), ErrorCode::ID_TOKEN_DUPLICATE_CLAIM),
    (Say::Edit("sub behind an escape", |op| append(op, r#","\u0073ub":"sub-mallory"}"#)), ErrorCode::ID_TOKEN_DUPLICATE_CLAIM),
    (Say::Edit("something after the claims", |op| append(op, "}{}")), ErrorCode::ID_TOKEN_CLAIMS),
    (Say::Edit("claims cut off", |op| append(op, "")), ErrorCode::ID_TOKEN_CLAIMS),
    (Say::Edit("claims too deep", |op| claim(op, "x", (0..40).fold(json!(0), |inner, _| json!([inner])))), ErrorCode::ID_TOKEN_CLAIMS),
    (Say::Lie(Lie::ClaimsList), ErrorCode::ID_TOKEN_CLAIMS),
];

/// Found out once the signature was verified: about a token of anyone else's nothing is told.
#[rustfmt::skip]
const COSTLY: &[(Say, ErrorCode)] = &[
    (Say::Lie(Lie::IatWeekOld), ErrorCode::ID_TOKEN_TOO_OLD),
    (Say::Lie(Lie::NonceAbsent), ErrorCode::ID_TOKEN_NONCE_MISSING),
    (Say::Edit("null as nonce", |op| claim(op, "nonce", Value::Null)), ErrorCode::ID_TOKEN_NONCE_MISSING),
    (Say::Lie(Lie::NonceWrong), ErrorCode::ID_TOKEN_NONCE_MISMATCH),
    (Say::Edit("an empty nonce", |op| claim(op, "nonce", json!(""))), ErrorCode::ID_TOKEN_NONCE_MISSING),
    (Say::Edit("nonce in capitals", |op| op.edit_id_token(|t| { let nonce = t.claims["nonce"].as_str().unwrap().to_uppercase(); t.claim("nonce", nonce); })), ErrorCode::ID_TOKEN_NONCE_MISMATCH),
    (Say::Lie(Lie::AtHashWrong), ErrorCode::ID_TOKEN_AT_HASH_MISMATCH),
    (Say::Edit("an empty at_hash", |op| claim(op, "at_hash", json!(""))), ErrorCode::ID_TOKEN_AT_HASH_MISMATCH),
];

#[rustfmt::skip]
const LIVED_WITH: &[Say] = &[
    Say::Lie(Lie::AudList),
    Say::Lie(Lie::AtHashAbsent),
    Say::Lie(Lie::DatesFractional),
    // Nobody asked for these.
    Say::Lie(Lie::AuthTimeOld),
    Say::Lie(Lie::AuthTimeAbsent),
    Say::Lie(Lie::AcrOther),
    Say::Edit("aud twice the same", |op| op.edit_id_token(|t| { let aud = t.claims["aud"].take(); t.claim("aud", json!([aud, aud])); })),
    Say::Edit("azp of our own", |op| op.edit_id_token(|t| { let aud = t.claims["aud"].clone(); t.claim("azp", aud); })),
    Say::Edit("a sub of 255 characters", |op| { claim(op, "sub", json!("s".repeat(255))); op.edit_json(testing::On::UserInfo, |o| drop(o.insert("sub".into(), json!("s".repeat(255))))); }),
    Say::Edit("exp at the end of dates", |op| claim(op, "exp", json!(253_402_300_799_u64))),
    Say::Edit("nbf in the past", |op| claim(op, "nbf", json!(0))),
    Say::Edit("names twice, but not in one object", |op| claim(op, "x", json!([{ "iss": 1 }, { "iss": 2 }]))),
    Say::Edit("a word as auth_time", |op| claim(op, "auth_time", json!("now"))),
    Say::Edit("a number as acr", |op| claim(op, "acr", json!(1))),
    Say::Edit("a name twice, deep inside", |op| append(op, r#","x":[{"a":1,"a":1}]}"#)),
    Say::Edit("control characters", |op| claim(op, "name", json!("\u{0}\u{1b}[2J\r\n"))),
];

pub(crate) fn rows() -> Vec<Row> {
    let own = [ErrorCode::ID_TOKEN_AUTH_TIME, ErrorCode::ID_TOKEN_ACR, ErrorCode::USERINFO_NO_SUBJECT]
        .map(|code| (Say::Edit("a scenario", |_| {}), Some(code)));
    refusals(CHEAP).chain(refusals(COSTLY)).chain(pardons(LIVED_WITH)).chain(own).collect()
}

fn claim(op: &testing::Provider, name: &'static str, value: Value) {
    op.edit_id_token(move |token| token.claim(name, value.clone()));
}

fn unclaim(op: &testing::Provider, name: &'static str) {
    op.edit_id_token(move |token| drop(token.claims.remove(name)));
}

/// Claims as text, with this in the place of their last brace.
fn append(op: &testing::Provider, text: &'static str) {
    op.edit_id_token(move |token| {
        let honest = Value::Object(token.claims.clone()).to_string();
        token.claims_text = Some(format!("{}{text}", honest.strip_suffix('}').unwrap()));
    });
}

#[test]
fn claims_that_need_no_key_to_be_found_wrong_cost_none() {
    for (say, code) in CHEAP {
        assert_unverified(say, *code, 0);
    }
}

#[test]
fn claims_of_another_login_are_refused() {
    for (say, code) in COSTLY {
        assert_unverified(say, *code, 1);
    }
}

#[test]
fn odd_claims_are_lived_with() {
    for say in LIVED_WITH {
        let mut world = World::new();
        say.to(&world.op);
        let user = world.logged_in().map_err(|refusal| (refusal.what(), say)).unwrap();
        assert_eq!(world.userinfo(&user).map(|_| ()).map_err(|refusal| refusal.what()), Ok(()), "{say:?}");
    }
}

/// The tokens of one login, the ID token of another.
#[test]
fn an_id_token_belongs_to_its_access_token() {
    let mut world = World::new();
    world.op.edit_json(testing::On::Token, |object| {
        let token = object["access_token"].as_str().unwrap().to_owned();
        object.insert("access_token".into(), json!(token + "x"));
    });
    assert_eq!(world.logged_in().err().unwrap().what(), (At::Verification, ErrorCode::ID_TOKEN_AT_HASH_MISMATCH));
}

/// The second at which a date stops being good, by clocks that are a minute apart.
#[test]
fn dates_are_good_to_the_second() {
    const DAY: i64 = 24 * 3600;
    let cases: &[(&'static str, i64, Option<ErrorCode>)] = &[
        ("exp", -59, None),
        ("exp", -60, Some(ErrorCode::ID_TOKEN_EXPIRED)),
        ("iat", 60, None),
        ("iat", 61, Some(ErrorCode::ID_TOKEN_ISSUED_IN_FUTURE)),
        ("nbf", 60, None),
        ("nbf", 61, Some(ErrorCode::ID_TOKEN_NOT_YET_VALID)),
        ("iat", -DAY, None),
        ("iat", -DAY - 1, Some(ErrorCode::ID_TOKEN_TOO_OLD)),
    ];
    for &(name, offset, expected) in cases {
        let mut world = World::new();
        let now = i64::try_from(Clock::START.unix_seconds()).unwrap();
        world.op.edit_id_token(move |token| token.claim(name, now + offset));
        let code = world.logged_in().err().map(|refusal| refusal.error.code());
        assert_eq!(code, expected, "{name} {offset}");
    }
}

#[test]
fn others_are_trusted_only_by_name() {
    type Choose = fn(Client) -> Client;
    let strict: Choose = |client| client;
    let audience: Choose = |client| client.with_trusted_audience("someone-else");
    let party: Choose = |client| client.with_trusted_authorized_party("someone-else");
    for (lie, choose, expected) in [
        (Lie::AudExtra, strict, Some(ErrorCode::ID_TOKEN_EXTRA_AUDIENCE)),
        (Lie::AudExtra, party, Some(ErrorCode::ID_TOKEN_EXTRA_AUDIENCE)),
        (Lie::AudExtra, audience, None),
        (Lie::AudOther, audience, Some(ErrorCode::ID_TOKEN_AUDIENCE_MISMATCH)),
        (Lie::AzpOther, audience, Some(ErrorCode::ID_TOKEN_AZP_MISMATCH)),
        (Lie::AzpOther, party, None),
    ] {
        let mut world = World::with_fixed_client("ES256");
        world.client = world.client.map(choose);
        world.op.lie(lie);
        let code = world.logged_in().err().map(|refusal| refusal.error.code());
        assert_eq!(code, expected, "{lie:?}");
    }
}

#[test]
fn a_login_that_is_too_long_ago_is_refused_when_that_was_asked() {
    let asked = |change: Arc<AtomicI64>| {
        let mut world = World::new();
        world.request = world.request.with_max_age(Duration::from_secs(600));
        world.op.edit_id_token(move |token| {
            token.claim("auth_time", token.date("auth_time") + change.load(Ordering::SeqCst));
        });
        world.logged_in().err().map(|refusal| refusal.what())
    };
    let at = |seconds| asked(Arc::new(AtomicI64::new(seconds)));
    assert_eq!(at(-600), None);
    // Strictly: no skew.
    assert_eq!(at(-601), Some((At::Verification, ErrorCode::ID_TOKEN_AUTH_TIME)));
    for lie in [Lie::AuthTimeOld, Lie::AuthTimeAbsent] {
        let mut world = World::new();
        world.request = world.request.with_max_age(Duration::from_secs(600));
        world.op.lie(lie);
        let expected =
            if lie == Lie::AuthTimeOld { ErrorCode::ID_TOKEN_AUTH_TIME } else { ErrorCode::ID_TOKEN_MISSING_CLAIM };
        assert_eq!(world.logged_in().err().unwrap().what(), (At::Verification, expected));
    }
    // `max_age=0` is a login now, however long the user takes.
    let mut world = World::new();
    world.op = world.op.with_user(User::new("alice").with_sign_in_at(Clock::START));
    world.pass(100);
    world.request = world.request.with_max_age(Duration::ZERO);
    let login = world.login().unwrap();
    world.pass(500);
    assert!(world.finish(login).is_ok());
}

#[test]
fn an_acr_has_to_be_one_of_those_asked_for() {
    for (required, lie, expected) in [
        (true, None, None),
        (true, Some(Lie::AcrOther), Some(ErrorCode::ID_TOKEN_ACR)),
        (false, Some(Lie::AcrOther), None),
    ] {
        let mut world = World::new();
        let values = ["urn:example:gold", "urn:example:silver"];
        let request = world.request;
        world.request =
            if required { request.with_acr_values(values) } else { request.with_preferred_acr_values(values) };
        lie.into_iter().for_each(|lie| world.op.lie(lie));
        let code = world.logged_in().err().map(|refusal| refusal.error.code());
        assert_eq!(code, expected, "{required} {lie:?}");
    }
    let mut world = World::new();
    world.request = world.request.with_acr_values(["urn:example:gold"]);
    unclaim(&world.op, "acr");
    assert_eq!(world.logged_in().err().unwrap().what(), (At::Verification, ErrorCode::ID_TOKEN_ACR));
}

/// Without `openid` nobody asked for an ID token, and one that comes all the same says nothing.
#[test]
fn an_id_token_that_was_not_asked_for_is_passed_over() {
    let mut world = World::new();
    world.request = oidc_proto::AuthorizationRequest::new(redirect(), oidc_proto::Scope::new("profile").unwrap());
    world.op.edit_json(testing::On::Token, |o| drop(o.insert("id_token".into(), json!("e30.e30."))));
    let user = world.logged_in().unwrap();
    assert!(user.tokens.id_token().is_none() && user.tokens.subject().is_none());
    assert_eq!(world.counts([testing::On::Jwks]), [0]);
    assert_eq!(world.userinfo(&user).unwrap_err().what(), (At::Userinfo, ErrorCode::USERINFO_NO_SUBJECT));
    assert!(world.refresh(&user).unwrap().tokens.id_token().is_none());
}

/// What is read from a token is what was signed, and claims that are not there are not made up.
#[test]
fn a_token_says_what_its_claims_say() {
    let mut world = World::new();
    world.op.edit_id_token(|token| {
        token.claim("auth_time", 1_700_000_000);
        token.claim("acr", "urn:example:gold");
        token.claim("sid", "08a5019c");
        token.claim("department", "chemistry");
    });
    let user = world.logged_in().unwrap();
    let token = user.tokens.id_token().unwrap();
    assert_eq!((token.issuer(), token.subject()), (ISSUER, "sub-alice"));
    assert!(token.audience().eq([user.party.client().id()]));
    let now = Clock::START;
    assert_eq!((token.issued_at(), token.expires_at()), (now, now.saturating_add(Duration::from_secs(3600))));
    assert_eq!(token.auth_time(), Some(Timestamp::from_unix_seconds(1_700_000_000)));
    assert_eq!((token.acr(), token.session_id()), (Some("urn:example:gold"), Some("08a5019c")));
    assert_eq!(token.claims::<Value>().unwrap()["department"], "chemistry");
    assert_eq!(token.claims::<Vec<u8>>().unwrap_err().code(), ErrorCode::ID_TOKEN_CLAIMS);
    assert_eq!(token.expose().split('.').count(), 3);

    let mut world = World::new();
    ["auth_time", "acr", "sid"].into_iter().for_each(|name| unclaim(&world.op, name));
    let user = world.logged_in().unwrap();
    let token = user.tokens.id_token().unwrap();
    assert_eq!((token.auth_time(), token.acr(), token.session_id()), (None, None, None));
}
