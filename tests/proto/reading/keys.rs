//! A `kid` is a hint (RFC 7515 section 4.1.4): what verifies a token is a key of the provider, by whatever name.

use oidc_proto::testing::{self, Lie, On};
use oidc_proto::{ErrorCode, IdTokenWarning, TokenOutcome};
use serde_json::{Value, json};

use crate::hostile::world::{At, World};

/// The set has this key for ES256 instead of the provider's own, or beside it.
fn edit(op: &testing::Provider, change: fn(&mut Vec<Value>, Value)) {
    op.edit_json(On::Jwks, move |set| {
        let keys = set["keys"].as_array_mut().unwrap();
        let at = keys.iter().position(|key| key["crv"] == "P-256").unwrap();
        let own = keys.remove(at);
        change(keys, own);
    });
}

/// Another point, which may or may not be on the curve.
fn other(key: &Value, kid: &str, first: char) -> Value {
    let mut other = key.clone();
    other["kid"] = json!(kid);
    other["x"] = json!(format!("{first}{}", &key["x"].as_str().unwrap()[1..]));
    other
}

fn warnings(world: &mut World) -> Vec<IdTokenWarning> {
    let login = world.login().unwrap();
    let evidence = world.check(&login).unwrap();
    match world.exchange(&login, evidence).unwrap() {
        TokenOutcome::Verified(grant) => grant.warnings.iter().collect(),
        TokenOutcome::Unverified { error, .. } => panic!("{error}"),
    }
}

/// Hydra signs with the new key under the name of the old one, at every refresh of an older session.
#[test]
fn a_new_key_under_the_old_name_verifies_and_is_noted() {
    let mut world = World::new();
    world.op.edit_json(On::Jwks, |set| {
        let keys = set["keys"].as_array_mut().unwrap();
        let own = keys.iter().find(|key| key["crv"] == "P-256").unwrap().clone();
        let kid = own["kid"].as_str().unwrap().to_owned();
        keys.retain(|key| key["crv"] != "P-256");
        keys.push(other(&own, &kid, 'A'));
        let mut renamed = own;
        renamed["kid"] = json!("new");
        keys.push(renamed);
    });
    assert_eq!(warnings(&mut world), [IdTokenWarning::OtherKey]);
    assert_eq!(world.op.count(On::Jwks), 1);
    world.op.lie(Lie::SignatureForeign);
    assert_eq!(world.logged_in().err().unwrap().what(), (At::Verification, ErrorCode::JWS_UNUSABLE_KEY));
}

#[test]
fn four_other_keys_are_tried_and_no_more() {
    for (before, is_found) in [(3, true), (4, false)] {
        let mut world = World::new();
        world.op.edit_json(On::Jwks, move |set| {
            let keys = set["keys"].as_array_mut().unwrap();
            let at = keys.iter().position(|key| key["crv"] == "P-256").unwrap();
            let mut own = keys.remove(at);
            for n in 0..before {
                keys.push(other(&own, &format!("other-{n}"), char::from(b'A' + n)));
            }
            own["kid"] = json!("new");
            keys.push(own);
        });
        assert_eq!(world.logged_in().is_ok(), is_found, "{before}");
    }
}

#[test]
fn the_only_key_needs_no_name() {
    let sets: [fn(&mut Vec<Value>, Value); 2] = [
        |keys, mut own| {
            own.as_object_mut().unwrap().remove("kid");
            keys.push(own);
        },
        |keys, mut own| {
            own["kid"] = json!("renamed");
            keys.push(own);
        },
    ];
    for set in sets {
        let mut world = World::new();
        edit(&world.op, set);
        assert_eq!(warnings(&mut world), [IdTokenWarning::OtherKey]);
        world.op.lie(Lie::KidAbsent);
        assert_eq!(warnings(&mut world), []);
    }
}

#[test]
fn two_equal_keys_are_one() {
    let mut world = World::new();
    edit(&world.op, |keys, own| {
        let mut second = own.clone();
        second["kid"] = json!("twin");
        keys.extend([own.clone(), own, second]);
    });
    world.op.lie(Lie::KidAbsent);
    assert_eq!(warnings(&mut world), []);
}

#[test]
fn a_key_that_was_dropped_for_its_algorithm_is_named() {
    let mut world = World::new();
    edit(&world.op, |keys, mut own| {
        own["alg"] = json!("ES256K");
        keys.push(own);
    });
    let error = world.logged_in().err().unwrap().error;
    assert_eq!(error.code(), ErrorCode::JWS_UNKNOWN_KEY);
    assert!(error.hint().contains("`alg`"), "{error}");
}

#[test]
fn a_later_auth_time_is_noted() {
    let mut world = World::new();
    let user = world.logged_in().unwrap();
    world.op.lie(Lie::RefreshAuthTimeOther);
    let step = user.party.refresh(&user.tokens, &mut world.env);
    let TokenOutcome::Verified(grant) = world.run(step).unwrap() else { panic!() };
    assert_eq!(grant.warnings.iter().collect::<Vec<_>>(), [IdTokenWarning::LaterAuthTime]);
}
