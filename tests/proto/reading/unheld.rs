//! Numbers beyond every range, and strings that were cut in the middle of a character. They are JSON, so that a member which
//! nobody needs may be one. Strings in another encoding than UTF-8 and with bare line breaks are no JSON: a response may have
//! them where nobody reads them, a signed token may not.

use std::time::Duration;

use oidc_proto::ErrorCode;
use oidc_proto::testing::On;
use serde_json::{Map, Value, json};

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
            (On::Token, "access_token", At::Verification),
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

/// Latin-1, a character that was cut, and line breaks that are not escaped.
const BROKEN: [&[u8]; 4] = [b"\"J\xfcrgen\"", b"\"Zo\xc3\"", b"\"two\nlines\"", b"[{\"a\":[\"\x00\"]}]"];

/// Puts a member into the response, in front of the others.
fn put_bytes(world: &World, on: On, name: &'static str, value: &'static [u8]) {
    world.op.tamper(on, move |response| {
        let body = String::from_utf8(std::mem::take(response.body_mut())).unwrap();
        let renamed = body.replace(&format!("\"{name}\""), "\"renamed\"");
        let member = [format!("{{\"{name}\":").as_bytes(), value, b","].concat();
        *response.body_mut() = [&member, renamed.strip_prefix('{').unwrap().as_bytes()].concat();
    });
}

/// With a refresh token that is good once, the session would be lost.
#[test]
fn a_text_that_nobody_reads_costs_nothing_in_any_encoding() {
    for value in BROKEN {
        for (on, name) in [
            (On::ServerMetadata, "service_documentation"),
            (On::ServerMetadata, "end_session_endpoint"),
            (On::Jwks, "x-unknown"),
            (On::Register, "client_name"),
            (On::Par, "x-unknown"),
            (On::Token, "user_name"),
            (On::Token, "error_description"),
            (On::Token, "expires_in"),
            (On::UserInfo, "name"),
        ] {
            let mut world = World { pushes: true, ..World::new() };
            put_bytes(&world, on, name, value);
            let user = world.logged_in().unwrap_or_else(|refused| panic!("{name} {value:?}: {refused:?}"));
            let user = world.refresh(&user).unwrap_or_else(|refused| panic!("{name} {value:?}: {refused:?}"));
            let userinfo = world.userinfo(&user).unwrap_or_else(|refused| panic!("{name} {value:?}: {refused:?}"));
            assert_eq!(userinfo.subject(), "sub-alice");
        }
        let mut world = World::new().allowing_devices();
        let party = world.party().unwrap();
        put_bytes(&world, On::DeviceAuthorization, "message", value);
        world.device(&party).unwrap_or_else(|refused| panic!("{value:?}: {refused:?}"));
    }
}

#[test]
fn a_verdict_is_read_beside_words_in_any_encoding() {
    for value in BROKEN {
        let mut world = World::new();
        let user = world.logged_in().unwrap();
        world.op.tamper(On::Token, move |response| {
            *response.status_mut() = http::StatusCode::BAD_REQUEST;
            *response.body_mut() = [br#"{"error":"invalid_grant","error_description":"#, value, b"}"].concat();
        });
        let refused = world.refresh(&user).err().unwrap();
        assert_eq!(refused.what(), (At::Refresh, ErrorCode::TOKEN_INVALID_GRANT), "{value:?}");
        // What can be read of them is.
        let words = refused.error.provider_text().and_then(|text| text.description()).unwrap_or_default();
        assert_eq!(words.contains("rgen"), value.ends_with(b"rgen\""), "{words}");
    }
}

/// What is needed is not made up, and what is signed is JSON (RFC 7519 section 7.2).
#[test]
fn what_is_needed_or_signed_is_in_utf_8() {
    for value in BROKEN {
        for (on, name, at) in [
            (On::ServerMetadata, "issuer", At::ServerMetadataFetch),
            (On::ServerMetadata, "token_endpoint", At::ServerMetadataFetch),
            (On::Register, "client_id", At::Registration),
            (On::Token, "access_token", At::Verification),
            (On::Token, "id_token", At::Verification),
            (On::Token, "refresh_token", At::Verification),
        ] {
            let mut world = World::new();
            put_bytes(&world, on, name, value);
            let refused = world.logged_in().err().unwrap_or_else(|| panic!("{name} {value:?}"));
            assert_eq!(refused.what().0, at, "{name} {value:?}");
        }
        let mut world = World::new();
        let user = world.logged_in().unwrap();
        put_bytes(&world, On::UserInfo, "sub", value);
        assert_eq!(world.userinfo(&user).err().unwrap().what().0, At::Userinfo);
    }
    // A token's claims are text here: the line break alone can be written.
    for name in ["x-unknown", "name"] {
        let mut world = World::new();
        claim(&world, name, "\"two\nlines\"");
        let refused = world.logged_in().err().unwrap();
        assert_eq!(refused.what(), (At::Verification, ErrorCode::ID_TOKEN_CLAIMS), "{name}");
    }
}

/// An application reads the other claims, also all of them.
#[test]
fn an_application_reads_around_what_no_type_holds() {
    type All = Map<String, Value>;
    #[derive(serde::Deserialize)]
    struct Some {
        picture: Option<String>,
        email: String,
    }
    for value in UNHELD {
        let mut world = World::new();
        world.request = oidc_proto::AuthorizationRequest::new(
            crate::hostile::world::redirect(),
            oidc_proto::Scope::new("openid email").unwrap(),
        );
        put(&world, On::UserInfo, "picture", value);
        world.op.edit_id_token(move |token| {
            token.claim("email", "alice@users.example");
            let honest = serde_json::to_string(&token.claims).unwrap();
            token.claims_text = Some(honest.replacen('{', &format!("{{\"picture\":{value},"), 1));
        });
        let user = world.logged_in().unwrap();
        let userinfo = world.userinfo(&user).unwrap();
        let id_token = user.tokens.id_token().unwrap();
        for all in [userinfo.claims::<All>(), id_token.claims::<All>()] {
            let all = all.unwrap_or_else(|error| panic!("{value}: {error}"));
            let unheld = if value.starts_with('[') { json!([{ "a": [null, null] }]) } else { json!(null) };
            assert_eq!((&all["email"], &all["picture"]), (&json!("alice@users.example"), &unheld));
        }
        if value.starts_with('[') {
            continue;
        }
        for some in [userinfo.claims::<Some>(), id_token.claims::<Some>()] {
            let some = some.unwrap_or_else(|error| panic!("{value}: {error}"));
            assert_eq!((some.email.as_str(), some.picture), ("alice@users.example", None));
        }
    }
    for value in BROKEN {
        let mut world = World::new();
        let user = world.logged_in().unwrap();
        put_bytes(&world, On::UserInfo, "picture", value);
        let all = world.userinfo(&user).unwrap().claims::<All>().unwrap();
        let unheld = if value.starts_with(b"[") { json!([{ "a": [null] }]) } else { json!(null) };
        assert_eq!((&all["sub"], &all["picture"]), (&json!("sub-alice"), &unheld));
    }
}
