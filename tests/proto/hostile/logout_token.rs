//! Logout tokens: anyone can send one to a client. What they say is checked first, then who signed it, and a strange one
//! costs neither a request nor a session.

use oidc_proto::AuthMethod;
use oidc_proto::jose::Algorithm;
use oidc_proto::testing::{self, IdToken, On, Signature};
use oidc_proto::{Env as _, Error, ErrorCode, LogoutToken, Provider, RelyingParty, SeenLogoutTokens};
use serde_json::{Value, json};

use crate::hostile::world::{Row, Say, User, World, pardons, refusals};

const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

fn claim(op: &testing::Provider, name: &'static str, value: Value) {
    op.edit_logout_token(move |token| token.claim(name, value.clone()));
}

fn without(op: &testing::Provider, name: &'static str) {
    op.edit_logout_token(move |token| drop(token.claims.remove(name)));
}

fn date(op: &testing::Provider, name: &'static str, seconds: i64) {
    op.edit_logout_token(move |token| token.claim(name, token.date(name) + seconds));
}

fn member(op: &testing::Provider, name: &'static str, value: Value) {
    op.edit_logout_token(move |token| token.member(name, value.clone()));
}

fn signed(op: &testing::Provider, how: Signature) {
    op.edit_logout_token(move |token| token.signature = how);
}

/// Found out by what it says.
#[rustfmt::skip]
const CHEAP: &[(Say, ErrorCode)] = &[
    (Say::Edit("alg none", |op| op.edit_logout_token(|t| { t.member("alg", "none"); t.signature = Signature::Empty; })), ErrorCode::JWS_ALGORITHM),
    (Say::Edit("HS256 under the public key", |op| op.edit_logout_token(|t| { t.member("alg", "HS256"); t.signature = Signature::PublicKeyAsSecret; })), ErrorCode::JWS_ALGORITHM),
    (Say::Edit("another algorithm than the one registered", |op| op.edit_logout_token(|t| { t.member("alg", "RS256"); t.algorithm = "RS256".into(); })), ErrorCode::JWS_ALGORITHM),
    (Say::Edit("crit", |op| member(op, "crit", json!(["exp"]))), ErrorCode::JWS_CRIT),
    (Say::Edit("two segments", |op| op.edit_logout_token(|t| t.finish = |jwt| jwt.rsplit_once('.').unwrap().0.to_owned())), ErrorCode::JWS_MALFORMED),
    (Say::Edit("typ of an access token", |op| member(op, "typ", json!("at+jwt"))), ErrorCode::LOGOUT_TOKEN_TYPE),
    (Say::Edit("typ of a proof", |op| member(op, "typ", json!("dpop+jwt"))), ErrorCode::LOGOUT_TOKEN_TYPE),
    (Say::Edit("another iss", |op| claim(op, "iss", json!("https://op.example.org/"))), ErrorCode::LOGOUT_TOKEN_ISSUER_MISMATCH),
    (Say::Edit("no iss", |op| without(op, "iss")), ErrorCode::LOGOUT_TOKEN_MISSING_CLAIM),
    (Say::Edit("another aud", |op| claim(op, "aud", json!("another"))), ErrorCode::LOGOUT_TOKEN_AUDIENCE_MISMATCH),
    (Say::Edit("an empty aud", |op| claim(op, "aud", json!([]))), ErrorCode::LOGOUT_TOKEN_AUDIENCE_MISMATCH),
    (Say::Edit("no aud", |op| without(op, "aud")), ErrorCode::LOGOUT_TOKEN_MISSING_CLAIM),
    (Say::Edit("expired", |op| date(op, "exp", -180)), ErrorCode::LOGOUT_TOKEN_EXPIRED),
    (Say::Edit("no exp", |op| without(op, "exp")), ErrorCode::LOGOUT_TOKEN_MISSING_CLAIM),
    (Say::Edit("exp of text", |op| claim(op, "exp", json!("4000000000"))), ErrorCode::LOGOUT_TOKEN_CLAIMS),
    (Say::Edit("from the future", |op| date(op, "iat", 120)), ErrorCode::LOGOUT_TOKEN_ISSUED_IN_FUTURE),
    (Say::Edit("no iat", |op| without(op, "iat")), ErrorCode::LOGOUT_TOKEN_MISSING_CLAIM),
    (Say::Edit("no jti", |op| without(op, "jti")), ErrorCode::LOGOUT_TOKEN_MISSING_CLAIM),
    (Say::Edit("a nonce", |op| claim(op, "nonce", json!("n"))), ErrorCode::LOGOUT_TOKEN_NONCE),
    (Say::Edit("a nonce of another type", |op| claim(op, "nonce", json!(7))), ErrorCode::LOGOUT_TOKEN_NONCE),
    (Say::Edit("null as nonce", |op| claim(op, "nonce", json!(null))), ErrorCode::LOGOUT_TOKEN_NONCE),
    (Say::Edit("no events", |op| without(op, "events")), ErrorCode::LOGOUT_TOKEN_MISSING_CLAIM),
    (Say::Edit("null as events", |op| claim(op, "events", json!(null))), ErrorCode::LOGOUT_TOKEN_MISSING_CLAIM),
    (Say::Edit("another event", |op| claim(op, "events", json!({ "https://schemas.openid.net/secevent/risc/event-type/account-disabled": {} }))), ErrorCode::LOGOUT_TOKEN_EVENT),
    (Say::Edit("no event", |op| claim(op, "events", json!({}))), ErrorCode::LOGOUT_TOKEN_EVENT),
    (Say::Edit("events in a list", |op| claim(op, "events", json!([EVENT]))), ErrorCode::LOGOUT_TOKEN_CLAIMS),
    (Say::Edit("an event that is no object", |op| claim(op, "events", json!({ EVENT: true }))), ErrorCode::LOGOUT_TOKEN_CLAIMS),
    (Say::Edit("neither sub nor sid", |op| without(op, "sub")), ErrorCode::LOGOUT_TOKEN_NOBODY),
    (Say::Edit("an empty sub", |op| claim(op, "sub", json!(""))), ErrorCode::LOGOUT_TOKEN_NOBODY),
    (Say::Edit("a number as sub", |op| claim(op, "sub", json!(7))), ErrorCode::LOGOUT_TOKEN_CLAIMS),
    (Say::Edit("a claim twice", |op| op.edit_logout_token(|t| t.claims_text = Some(Value::Object(t.claims.clone()).to_string().replacen('{', r#"{"sub":"sub-mallory","#, 1)))), ErrorCode::LOGOUT_TOKEN_CLAIMS),
    (Say::Edit("no claims", |op| op.edit_logout_token(|t| t.claims_text = Some("[]".into()))), ErrorCode::LOGOUT_TOKEN_CLAIMS),
    (Say::Edit("an ID token", |op| op.edit_logout_token(|t| { t.header.remove("typ"); t.claims.remove("events"); t.claim("nonce", "n"); })), ErrorCode::LOGOUT_TOKEN_NONCE),
];

/// Found out with the provider's keys.
#[rustfmt::skip]
const COSTLY: &[(Say, ErrorCode)] = &[
    (Say::Edit("a wrong signature", |op| signed(op, Signature::Wrong)), ErrorCode::JWS_SIGNATURE),
    (Say::Edit("no signature", |op| signed(op, Signature::Empty)), ErrorCode::JWS_SIGNATURE),
    (Say::Edit("zeros", |op| signed(op, Signature::Zeros)), ErrorCode::JWS_SIGNATURE),
    (Say::Edit("somebody else's signature", |op| signed(op, Signature::ForeignKey)), ErrorCode::JWS_SIGNATURE),
    (Say::Edit("a key that nobody knows", |op| { member(op, "kid", json!("another")); signed(op, Signature::ForeignKey); }), ErrorCode::JWS_UNKNOWN_KEY),
];

#[rustfmt::skip]
const LIVED_WITH: &[Say] = &[
    Say::Edit("nothing", |_| {}),
    Say::Edit("no typ", |op| op.edit_logout_token(|t| drop(t.header.remove("typ")))),
    Say::Edit("typ of any JWT", |op| member(op, "typ", json!("JWT"))),
    Say::Edit("typ in full", |op| member(op, "typ", json!("application/LOGOUT+jwt"))),
    Say::Edit("a session", |op| claim(op, "sid", json!("s1"))),
    Say::Edit("a session and no user", |op| op.edit_logout_token(|t| { t.claims.remove("sub"); t.claim("sid", "s1"); })),
    Say::Edit("several audiences", |op| op.edit_logout_token(|t| { let own = t.claims["aud"].clone(); t.claim("aud", json!(["another", own])); })),
    Say::Edit("an event with members", |op| claim(op, "events", json!({ EVENT: { "x": [1] }, "urn:other": {} }))),
    Say::Edit("another event beside it", |op| claim(op, "events", json!({ "urn:other": {}, EVENT: {} }))),
    Say::Edit("claims of tomorrow", |op| claim(op, "x", json!({ "a": null }))),
    Say::Edit("a little late", |op| date(op, "exp", -150)),
];

pub(crate) fn rows() -> Vec<Row> {
    let own = [ErrorCode::LOGOUT_TOKEN_REQUEST, ErrorCode::LOGOUT_TOKEN_REPLAYED];
    let own = own.map(|code| (Say::Edit("told by a scenario", |_| {}), Some(code)));
    refusals(CHEAP).chain(refusals(COSTLY)).chain(pardons(LIVED_WITH)).chain(own).collect()
}

pub(crate) fn request(world: &World, party: &RelyingParty) -> String {
    world.op.logout_request(party.client().id(), "alice", world.env.now())
}

pub(crate) fn take(world: &mut World, party: &RelyingParty, body: &str) -> Result<LogoutToken, Error> {
    let step = party.back_channel_logout(body.as_bytes(), &mut world.env);
    world.run(step)
}

/// The same client at the same provider, before any keys were fetched.
fn without_keys(party: &RelyingParty) -> RelyingParty {
    let (metadata, options) = (party.provider().metadata().clone(), *party.provider().options());
    RelyingParty::new(Provider::new(metadata, options), party.client().clone())
}

#[test]
fn what_it_says_is_checked_before_any_key_is_asked_for() {
    for (say, code) in CHEAP {
        let mut world = World::new();
        let user = world.logged_in().unwrap();
        say.to(&world.op);
        let (body, asked) = (request(&world, &user.party), world.op.requests().len());
        for party in [&without_keys(&user.party), &user.party] {
            assert_eq!(take(&mut world, party, &body).unwrap_err().code(), *code, "{say:?}");
        }
        assert_eq!(world.op.requests().len(), asked, "{say:?}: a request for a stranger");
    }
}

#[test]
fn who_signed_it_is_checked_with_keys_that_are_there_or_fetched() {
    for (say, code) in COSTLY {
        let mut world = World::new();
        let user = world.logged_in().unwrap();
        say.to(&world.op);
        let (body, asked) = (request(&world, &user.party), world.op.count(On::Jwks));
        assert_eq!(take(&mut world, &without_keys(&user.party), &body).unwrap_err().code(), *code, "{say:?}");
        assert_eq!(world.op.count(On::Jwks), asked + 1);
        // Where there are keys, a flood of them fetches once in a minute, and that for the key that nobody knows.
        let fetches = usize::from(*code == ErrorCode::JWS_UNKNOWN_KEY);
        for minutes in 1..=3 {
            for _ in 0..20 {
                assert_eq!(take(&mut world, &user.party, &body).unwrap_err().code(), *code, "{say:?}");
            }
            assert_eq!(world.op.count(On::Jwks), asked + 1 + minutes * fetches, "{say:?}");
            world.pass(60);
        }
    }
}

#[test]
fn what_providers_do_is_lived_with() {
    for say in LIVED_WITH {
        let mut world = World::new();
        let user = world.logged_in().unwrap();
        say.to(&world.op);
        let body = request(&world, &user.party);
        let token = take(&mut world, &user.party, &body).unwrap_or_else(|error| panic!("{say:?}: {error}"));
        assert!(token.subject() == Some("sub-alice") || token.session_id() == Some("s1"), "{say:?}");
        world.show(&token);
        assert!(!world.shown.lines().last().unwrap().contains("sub-alice"));
    }
}

#[test]
fn keys_are_fetched_again_when_the_provider_has_new_ones() {
    let mut world = World::new();
    let user = world.logged_in().unwrap();
    world.op.rotate_keys();
    world.pass(600);
    let old = user.party.provider().keys().unwrap();
    let body = request(&world, &user.party);
    take(&mut world, &user.party, &body).unwrap();
    assert!(!std::sync::Arc::ptr_eq(&old, &user.party.provider().keys().unwrap()));
    assert_eq!(world.op.count(On::Jwks), 2);
}

/// Where the client registered for it, its secret signs, and nothing has to be fetched.
#[test]
fn a_secret_that_was_registered_for_it_verifies() {
    let mut world = World::with_secret(AuthMethod::ClientSecretBasic);
    world.metadata = world.metadata.with_id_token_signed_response_alg(Algorithm::Hs256);
    let user = world.logged_in().unwrap();
    let (body, asked) = (request(&world, &user.party), world.op.requests().len());
    assert_eq!(take(&mut world, &user.party, &body).unwrap().subject(), Some("sub-alice"));
    world.op.edit_logout_token(|token| token.signature = Signature::Wrong);
    let forged = request(&world, &user.party);
    assert_eq!(take(&mut world, &user.party, &forged).unwrap_err().code(), ErrorCode::JWS_SIGNATURE);
    assert_eq!(world.op.requests().len(), asked);
}

#[test]
fn a_request_is_a_form_with_one_token() {
    let mut world = World::new();
    let user = world.logged_in().unwrap();
    let body = request(&world, &user.party);
    let mut code = |body: &[u8]| {
        let step = user.party.back_channel_logout(body, &mut world.env);
        world.run(step).map(drop).map_err(|error| error.code())
    };
    assert_eq!(code(format!("x=%ff&{body}").as_bytes()), Ok(()));
    for wrong in ["", "logout_token", "token=a.b.c", &format!("{body}&{body}"), &body[13..]] {
        let expected = if wrong == "logout_token" { ErrorCode::JWS_MALFORMED } else { ErrorCode::LOGOUT_TOKEN_REQUEST };
        assert_eq!(code(wrong.as_bytes()), Err(expected), "{wrong}");
    }
    assert_eq!(code(b"logout_token=\xff"), Err(ErrorCode::LOGOUT_TOKEN_REQUEST));
    assert_eq!(code(format!("logout_token={}", "a".repeat(70_000)).as_bytes()), Err(ErrorCode::JWS_TOO_LARGE));
    assert_eq!(code(format!("x={}&{body}", "a".repeat(300_000)).as_bytes()), Err(ErrorCode::LOGOUT_TOKEN_REQUEST));
}

fn token(world: &mut World, user: &User, edit: impl Fn(&mut IdToken) + Send + Sync + 'static) -> LogoutToken {
    world.op.honest();
    world.op.edit_logout_token(edit);
    let body = request(world, &user.party);
    take(world, &user.party, &body).unwrap()
}

#[test]
fn a_token_that_comes_again_is_told_as_long_as_it_is_good() {
    let mut world = World::new();
    let user = world.logged_in().unwrap();
    let mut seen = SeenLogoutTokens::new(2);
    let first = token(&mut world, &user, |token| token.claim("jti", "1"));
    // A logout that failed is not done: the provider sends its token again.
    for _ in 0..2 {
        seen.check(&first).unwrap();
    }
    seen.remember(&first, world.env.now());
    assert_eq!(seen.check(&first).unwrap_err().code(), ErrorCode::LOGOUT_TOKEN_REPLAYED);
    world.pass(1);
    let second = token(&mut world, &user, |token| token.claim("jti", "2"));
    seen.check(&second).unwrap();
    seen.remember(&second, world.env.now());
    for old in [&first, &second] {
        assert_eq!(seen.check(old).unwrap_err().code(), ErrorCode::LOGOUT_TOKEN_REPLAYED);
    }
    // It is the `jti` that counts, whatever else the token says.
    let again = token(&mut world, &user, |token| {
        token.claim("jti", "1");
        token.claim("exp", token.date("exp") + 30);
    });
    assert_eq!(seen.check(&again).unwrap_err().code(), ErrorCode::LOGOUT_TOKEN_REPLAYED);
    // Until just before it is refused for its age.
    world.pass(178);
    assert_eq!(seen.check(&first).unwrap_err().code(), ErrorCode::LOGOUT_TOKEN_REPLAYED);
    // Memory is bounded: the third takes the place of the one that expires first.
    let third = token(&mut world, &user, |token| token.claim("jti", "3"));
    seen.remember(&third, world.env.now());
    assert_eq!(seen.check(&second).unwrap_err().code(), ErrorCode::LOGOUT_TOKEN_REPLAYED);
    seen.check(&first).unwrap();
}

/// What several processes share is a set of texts, each until its token is refused for its age (Back-Channel Logout 1.0
/// section 2.6 rule 8).
#[test]
fn the_key_of_a_token_that_came_is_the_same_in_every_process() {
    let (mut one, mut other) = (World::new(), World::new());
    let [of_one, of_other] = [&mut one, &mut other].map(|world| {
        let user = world.logged_in().unwrap();
        [("a.b", 0), ("a.b", 30), ("c", 0)].map(|(jti, later)| {
            let token = token(world, &user, move |token| {
                token.claim("jti", jti);
                token.claim("exp", token.date("exp") + later);
            });
            token.replay_key()
        })
    });
    assert_eq!(of_one, of_other);
    let [first, again, next] = of_one;
    assert!(first == again && first != next);
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || letter == '-' || letter == '_';
    assert!(first.len() == 43 && first.chars().all(is_plain), "{first}: fit for a name in any store");
}
