//! Numbers beyond every range, and strings that were cut in the middle of a character. They are JSON, so that a member which
//! nobody needs may be one.

use std::time::Duration;

use oidc_proto::ErrorCode;
use oidc_proto::testing::On;

use crate::hostile::logout_token::{request, take};
use crate::hostile::world::{At, World};

const UNHELD: [&str; 4] = ["1e400", "-1e999", r#""Zo\u00eb \ud83d""#, r#"[{"a":["\ude00",1e400]}]"#];

/// Puts a member into the response, in front of the others.
fn put(world: &World, on: On, name: &'static str, value: &'static str) {
    world.op.tamper(on, move |response| {
        let body = String::from_utf8(std::mem::take(response.body_mut())).unwrap();
        let renamed = body.replace(&format!("\"{name}\""), "\"renamed\"");
        *response.body_mut() = renamed.replacen('{', &format!("{{\"{name}\":{value},"), 1).into_bytes();
    });
}

#[test]
fn a_member_that_nobody_needs_costs_nothing() {
    for value in UNHELD {
        for (on, name) in [
            (On::ServerMetadata, "end_session_endpoint"),
            (On::ServerMetadata, "x-unknown"),
            (On::Register, "client_secret_expires_at"),
            (On::Register, "registration_client_uri"),
            (On::Token, "expires_in"),
            (On::Token, "refresh_expires_in"),
            (On::Token, "x-unknown"),
        ] {
            let mut world = World::new();
            put(&world, on, name, value);
            let user = world.logged_in().unwrap_or_else(|refused| panic!("{name} {value}: {refused:?}"));
            let user = world.refresh(&user).unwrap();
            assert!(user.tokens.refresh_token().is_some(), "{name} {value}");
        }
    }
}

#[test]
fn one_key_does_not_cost_the_others() {
    for value in UNHELD {
        let mut world = World::new();
        world.op.tamper(On::Jwks, move |response| {
            let body = String::from_utf8(std::mem::take(response.body_mut())).unwrap();
            let other = format!(r#"[{{"kty":"OKP","crv":"Ed25519","kid":"other","x":{value}}},"#);
            *response.body_mut() = body.replacen('[', &other, 1).into_bytes();
        });
        world.logged_in().unwrap();
    }
}

#[test]
fn a_verdict_is_read_beside_words_that_were_cut() {
    for value in UNHELD {
        let mut world = World::new();
        let user = world.logged_in().unwrap();
        world.op.tamper(On::Token, move |response| {
            *response.status_mut() = http::StatusCode::BAD_REQUEST;
            *response.body_mut() = format!(r#"{{"error":"invalid_grant","error_description":{value}}}"#).into_bytes();
        });
        assert_eq!(world.refresh(&user).err().unwrap().what(), (At::Refresh, ErrorCode::TOKEN_INVALID_GRANT));
    }
}

/// What is needed is not made up.
#[test]
fn a_member_that_is_needed_is_refused() {
    for value in UNHELD {
        for (on, name, at) in [
            (On::ServerMetadata, "issuer", At::ServerMetadataFetch),
            (On::ServerMetadata, "token_endpoint", At::ServerMetadataFetch),
            (On::Register, "client_id", At::Registration),
            (On::Token, "access_token", At::Exchange),
        ] {
            let mut world = World::new();
            put(&world, on, name, value);
            let refused = world.logged_in().err().unwrap_or_else(|| panic!("{name} {value}"));
            assert_eq!(refused.what().0, at, "{name} {value}");
        }
    }
}

/// Writes a claim before the others of each ID token.
fn claim(world: &World, name: &'static str, value: &'static str) {
    world.op.edit_id_token(move |token| {
        token.claims.remove(name);
        let honest = serde_json::to_string(&token.claims).unwrap();
        token.claims_text = Some(honest.replacen('{', &format!("{{\"{name}\":{value},"), 1));
    });
}

#[test]
fn a_claim_that_nobody_asked_for_costs_no_login() {
    for value in UNHELD {
        for name in ["acr", "sid", "auth_time", "tid", "x-unknown"] {
            let mut world = World::new();
            claim(&world, name, value);
            let user = world.logged_in().unwrap_or_else(|refused| panic!("{name} {value}: {refused:?}"));
            let user = world.refresh(&user).unwrap_or_else(|refused| panic!("{name} {value}: {refused:?}"));
            assert_eq!(user.tokens.subject(), Some("sub-alice"));
        }
    }
}

#[test]
fn a_claim_that_is_asked_for_or_needed_is_refused_by_its_name() {
    type Ask = fn(World) -> World;
    let acr: Ask = |world| World { request: world.request.clone().with_acr_values(["urn:a"]), ..world };
    let age: Ask = |world| World { request: world.request.clone().with_max_age(Duration::from_secs(60)), ..world };
    for value in UNHELD {
        for (name, ask, code) in [
            ("acr", acr, ErrorCode::ID_TOKEN_ACR),
            ("auth_time", age, ErrorCode::ID_TOKEN_MISSING_CLAIM),
            ("exp", |world| world, ErrorCode::ID_TOKEN_CLAIMS),
            ("nonce", |world| world, ErrorCode::ID_TOKEN_CLAIMS),
            ("sub", |world| world, ErrorCode::ID_TOKEN_CLAIMS),
            ("aud", |world| world, ErrorCode::ID_TOKEN_CLAIMS),
            ("at_hash", |world| world, ErrorCode::ID_TOKEN_CLAIMS),
        ] {
            let mut world = ask(World::new());
            claim(&world, name, value);
            let refused = world.logged_in().err().unwrap_or_else(|| panic!("{name} {value}"));
            assert_eq!(refused.what(), (At::Verification, code), "{name} {value}");
        }
    }
}

#[test]
fn a_logout_token_may_hold_one() {
    for value in UNHELD {
        for (name, is_taken) in [("trace", true), ("tid", true), ("sub", false), ("exp", false), ("events", false)] {
            let mut world = World::new();
            let user = world.logged_in().unwrap();
            let party = user.party.clone();
            world.op.edit_logout_token(move |token| {
                token.claims.remove(name);
                let honest = serde_json::to_string(&token.claims).unwrap();
                token.claims_text = Some(honest.replacen('{', &format!("{{\"{name}\":{value},"), 1));
            });
            let body = request(&world, &party);
            assert_eq!(take(&mut world, &party, &body).is_ok(), is_taken, "{name} {value}");
        }
    }
}
