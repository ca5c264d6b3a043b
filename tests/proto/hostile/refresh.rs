//! Refresh: the new tokens belong to the same login, or they are not taken.

use oidc_proto::testing::{Disturbance, Lie, On, Reuse};
use oidc_proto::{Env as _, ErrorCode, Fault, Scope, TokenOutcome};
use serde_json::json;

use crate::hostile::world::{At, Row, Say, World, pardons, refusals};

/// What may not change, and by what name it is called where only that can be told.
#[rustfmt::skip]
const CHANGED: &[(Say, ErrorCode)] = &[
    (Say::Lie(Lie::RefreshSubOther), ErrorCode::ID_TOKEN_CHANGED_CLAIM),
    (Say::Lie(Lie::RefreshIssOther), ErrorCode::ID_TOKEN_ISSUER_MISMATCH),
    (Say::Lie(Lie::RefreshAudOther), ErrorCode::ID_TOKEN_AUDIENCE_MISMATCH),
    (Say::Lie(Lie::RefreshNonceOther), ErrorCode::ID_TOKEN_CHANGED_CLAIM),
    (Say::Edit("an earlier login", |op| op.edit_id_token(|t| t.claim("auth_time", t.date("auth_time") - 1))), ErrorCode::ID_TOKEN_CHANGED_CLAIM),
    (Say::Lie(Lie::AzpOther), ErrorCode::ID_TOKEN_AZP_MISMATCH),
    (Say::Edit("sub in capitals", |op| op.edit_id_token(|t| t.claim("sub", "SUB-ALICE"))), ErrorCode::ID_TOKEN_CHANGED_CLAIM),
    (Say::Lie(Lie::ExpPast), ErrorCode::ID_TOKEN_EXPIRED),
    (Say::Lie(Lie::AtHashWrong), ErrorCode::ID_TOKEN_AT_HASH_MISMATCH),
    (Say::Lie(Lie::SignatureForeign), ErrorCode::JWS_SIGNATURE),
];

#[rustfmt::skip]
const LIVED_WITH: &[Say] = &[
    Say::Lie(Lie::IdTokenAbsent),
    Say::Lie(Lie::IdTokenEmpty),
    Say::Lie(Lie::RefreshAuthTimeOther),
    Say::Lie(Lie::RefreshTokenAbsent),
    Say::Lie(Lie::RefreshTokenKept),
    Say::Lie(Lie::AuthTimeAbsent),
    Say::Lie(Lie::AudList),
    Say::Lie(Lie::IatWeekOld),
    Say::Edit("no scope", |op| op.edit_json(On::Token, |o| drop(o.remove("scope")))),
    Say::Edit("an empty refresh token", |op| op.edit_json(On::Token, |o| drop(o.insert("refresh_token".into(), json!(""))))),
];

pub(crate) fn rows() -> Vec<Row> {
    let own = [ErrorCode::TOKEN_NO_REFRESH_TOKEN, ErrorCode::TOKEN_INVALID_GRANT];
    let own = own.map(|code| (Say::Edit("told by a scenario", |_| {}), Some(code)));
    refusals(CHANGED).chain(pardons(LIVED_WITH)).chain(own).collect()
}

#[test]
fn tokens_of_another_login_are_not_taken_and_can_be_revoked() {
    for (say, code) in CHANGED {
        let mut world = World::new();
        let user = world.logged_in().unwrap();
        let before = serde_json::to_string(&user.tokens).unwrap();
        say.to(&world.op);
        let refusal = world.refresh(&user).err().unwrap();
        assert_eq!(refusal.what(), (At::Verification, *code), "{say:?}");
        assert_eq!(serde_json::to_string(&user.tokens).unwrap(), before);
        assert_eq!(world.counts([On::Token, On::Jwks]), [2, 1], "{say:?}");
        world.give_up(*refusal.tokens.unwrap()).unwrap();
        assert!(world.op.bearer(user.tokens.access_token().expose(), world.env.now()).is_none(), "{say:?}");
    }
}

#[test]
fn the_claim_that_changed_is_named() {
    for (lie, name) in [(Lie::RefreshSubOther, "sub"), (Lie::RefreshNonceOther, "nonce")] {
        let mut world = World::new();
        let user = world.logged_in().unwrap();
        world.op.lie(lie);
        assert_eq!(world.refresh(&user).err().unwrap().error.field(), Some(name));
    }
}

#[test]
fn a_nonce_that_is_the_same_is_allowed() {
    let mut world = World::new();
    let login = world.login().unwrap();
    let nonce = login.url.as_str().split("&nonce=").nth(1).unwrap().split('&').next().unwrap().to_owned();
    let user = world.finish(login).unwrap();
    world.op.edit_id_token(move |token| token.claim("nonce", nonce.clone()));
    assert!(world.refresh(&user).is_ok());
}

#[test]
fn what_a_refresh_need_not_bring_is_kept() {
    for say in LIVED_WITH {
        let mut world = World::new();
        let user = world.logged_in().unwrap();
        say.to(&world.op);
        let next = world.refresh(&user).map_err(|refusal| (refusal.what(), say)).unwrap();
        assert!(next.tokens.refresh_token().is_some_and(|token| !token.expose().is_empty()), "{say:?}");
        assert_eq!(next.tokens.scope(), user.tokens.scope(), "{say:?}");
        assert_eq!(next.tokens.subject(), Some("sub-alice"), "{say:?}");
        assert_ne!(next.tokens.access_token().expose(), user.tokens.access_token().expose());
    }
}

/// RFC 6749 section 5.1: a scope that is not answered is the one that was asked for.
/// RFC 6749 section 6. What was granted is known where the request or the response named it.
#[test]
fn no_more_scope_is_asked_for_than_was_granted() {
    for (granted, asked, allowed) in [
        (Some("openid profile"), "profile openid", true),
        (Some("openid profile"), "openid", true),
        (Some("openid profile"), "openid email", false),
        (Some("openid"), "openid profile", false),
        (Some("openid profile"), "OPENID", false),
        (Some(""), "email", true),
        (None, "openid profile", true),
        (None, "email", false),
    ] {
        let mut world = World::new();
        world.op.edit_json(On::Token, move |object| {
            object.remove("scope");
            granted.into_iter().for_each(|scope| drop(object.insert("scope".into(), scope.into())));
        });
        let user = world.logged_in().unwrap();
        let asked = Scope::new(asked).unwrap();
        let before = world.op.count(On::Token);
        let step = user.party.refresh_with_scope(&user.tokens, &asked, &mut world.env);
        let code = step.err().map(|error| (error.code(), error.fault()));
        assert_eq!(code, (!allowed).then_some((ErrorCode::AUTHORIZATION_SCOPE, Fault::Local)), "{granted:?} {asked:?}");
        assert_eq!(world.op.count(On::Token), before);
    }
}

#[test]
fn a_smaller_scope_is_what_was_asked_for() {
    for answered in [true, false] {
        let mut world = World::new();
        let user = world.logged_in().unwrap();
        if !answered {
            world.op.edit_json(On::Token, |object| drop(object.remove("scope")));
        }
        let smaller = Scope::new("openid").unwrap();
        let step = user.party.refresh_with_scope(&user.tokens, &smaller, &mut world.env);
        let TokenOutcome::Verified(granted) = world.run(step).unwrap() else { panic!() };
        assert_eq!(granted.tokens.scope(), &smaller, "answered: {answered}");
    }
}

#[test]
fn without_a_refresh_token_there_is_no_refresh() {
    let mut world = World::new();
    world.op.lie(Lie::RefreshTokenAbsent);
    let user = world.logged_in().unwrap();
    assert_eq!(world.refresh(&user).err().unwrap().what(), (At::Refresh, ErrorCode::TOKEN_NO_REFRESH_TOKEN));
    assert_eq!(world.op.count(On::Token), 1);
}

#[test]
fn a_lost_response_is_asked_for_again_with_the_same_token_where_the_provider_allows_it() {
    for (reuse, expected) in [
        (Reuse::AllowedUntilSuccessorIsUsed, None),
        (Reuse::EndsGrant, Some((At::Refresh, ErrorCode::TOKEN_INVALID_GRANT))),
    ] {
        let mut world = World::new();
        world.op = world.op.with_reuse(reuse);
        let user = world.logged_in().unwrap();
        world.op.disturb(On::Token, Disturbance::LostResponse, 1);
        let refusal = world.refresh(&user).err().unwrap();
        assert_eq!(refusal.what(), (At::Refresh, ErrorCode::TRANSPORT_INTERRUPTED));
        assert_eq!(world.refresh(&user).err().map(|refusal| refusal.what()), expected);
    }
}

/// The signature is checked only where it matters: without keys that are fresh they are fetched once a new ID token has
/// come.
#[test]
fn keys_are_fetched_only_for_a_new_id_token() {
    for (lie, is_fresh, fetches) in [
        (None, true, 0),
        (None, false, 1),
        (Some(Lie::IdTokenAbsent), false, 0),
        (Some(Lie::AlgorithmNone("none")), false, 0),
    ] {
        let mut world = World::new();
        let user = world.logged_in().unwrap();
        lie.into_iter().for_each(|lie| world.op.lie(lie));
        if !is_fresh {
            world.age_keys();
        }
        let before = world.op.count(On::Jwks);
        let _ = world.refresh(&user);
        assert_eq!(world.op.count(On::Jwks) - before, fetches, "{lie:?} {is_fresh}");
    }
}

/// In another order they are the same audiences; one more or less is another matter, however trusted it is.
#[test]
fn the_audiences_stay_the_same() {
    for (first, second, expected) in [
        (["app", "partner"].as_slice(), ["partner", "app"].as_slice(), None),
        (&["app"], &["app", "partner"], Some(ErrorCode::ID_TOKEN_CHANGED_CLAIM)),
        (&["app", "partner"], &["app"], Some(ErrorCode::ID_TOKEN_CHANGED_CLAIM)),
    ] {
        let mut world = World::with_fixed_client("ES256");
        world.client = world.client.map(|client| client.with_trusted_audience("partner"));
        world.op.edit_id_token(move |token| token.claim("aud", if token.refreshed { second } else { first }));
        let user = world.logged_in().unwrap();
        let refreshed = world.refresh(&user);
        assert_eq!(refreshed.err().map(|refusal| refusal.error.code()), expected, "{first:?} {second:?}");
    }
}
