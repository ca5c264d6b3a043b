//! Key sets: keys that are broken, too many, not for this, or not there any more; and how often they are fetched.

use std::sync::Arc;

use oidc_proto::flow::KeysFetch;
use oidc_proto::jose::Keys;
use oidc_proto::jose::{Algorithm, REFETCH_COOLDOWN};
use oidc_proto::testing::{self, Fault, Lie, On};
use oidc_proto::{Error, ErrorCode, TokenOutcome};
use serde_json::{Map, Value, json};

use crate::hostile::world::{At, Login, Row, Say, World, pardons, refusals};

/// What no set can be read from: known before the code is spent.
#[rustfmt::skip]
const UNREADABLE: &[(Say, ErrorCode)] = &[
    (Say::Lie(Lie::JwksHundred), ErrorCode::JWKS_TOO_MANY_KEYS),
    (Say::Lie(Lie::JwksNotList), ErrorCode::JSON_TYPE),
    (Say::Edit("no keys", |op| op.edit_json(On::Jwks, |o| drop(o.remove("keys")))), ErrorCode::JSON_MISSING_FIELD),
    (Say::Edit("null as keys", |op| op.edit_json(On::Jwks, |o| drop(o.insert("keys".into(), Value::Null)))), ErrorCode::JSON_MISSING_FIELD),
    (Say::Edit("a list", |op| op.tamper(On::Jwks, |r| *r.body_mut() = b"[]".to_vec())), ErrorCode::JSON_TYPE),
    (Say::Edit("a name twice in a key", |op| op.tamper(On::Jwks, |r| *r.body_mut() = br#"{"keys":[{"kty":"RSA","kty":"oct"}]}"#.to_vec())), ErrorCode::JSON_DUPLICATE_NAME),
];

/// What is wrong with the key that an ID token is signed with, and by which algorithm that is.
#[rustfmt::skip]
const BAD_KEYS: &[(Algorithm, Say, ErrorCode)] = &[
    (Algorithm::Es256, Say::Lie(Lie::JwksEmpty), ErrorCode::JWS_UNKNOWN_KEY),
    (Algorithm::Es256, Say::Lie(Lie::JwksBroken), ErrorCode::JWS_UNUSABLE_KEY),
    (Algorithm::Rs256, Say::Lie(Lie::JwksBroken), ErrorCode::JWS_UNUSABLE_KEY),
    (Algorithm::EdDsa, Say::Lie(Lie::JwksBroken), ErrorCode::JWS_UNUSABLE_KEY),
    (Algorithm::Rs256, Say::Edit("exponent 1", |op| set(op, "e", json!("AQ"))), ErrorCode::JWS_UNUSABLE_KEY),
    (Algorithm::Rs256, Say::Edit("exponent 2", |op| set(op, "e", json!("Ag"))), ErrorCode::JWS_UNUSABLE_KEY),
    (Algorithm::Rs256, Say::Edit("exponent 0", |op| set(op, "e", json!("AA"))), ErrorCode::JWS_UNUSABLE_KEY),
    (Algorithm::Rs256, Say::Edit("an exponent of 65 bits", |op| set(op, "e", json!("AQAAAAAAAAAB"))), ErrorCode::JWS_UNUSABLE_KEY),
    (Algorithm::Rs256, Say::Edit("a padded exponent", |op| set(op, "e", json!("AQAB===="))), ErrorCode::JWS_UNUSABLE_KEY),
    (Algorithm::Rs256, Say::Edit("a modulus of 512 bits", |op| set(op, "n", json!("_".repeat(84) + "_w"))), ErrorCode::JWS_UNUSABLE_KEY),
    (Algorithm::Rs256, Say::Edit("a modulus of 2040 bits", |op| set(op, "n", json!("_".repeat(340)))), ErrorCode::JWS_UNUSABLE_KEY),
    (Algorithm::Rs256, Say::Edit("a modulus of 16384 bits", |op| set(op, "n", json!("_".repeat(2730) + "8"))), ErrorCode::JWS_UNUSABLE_KEY),
    (Algorithm::Rs256, Say::Edit("an even modulus", |op| set(op, "n", json!("_".repeat(341) + "g"))), ErrorCode::JWS_UNUSABLE_KEY),
    (Algorithm::Rs256, Say::Edit("another modulus", |op| set(op, "n", json!("_".repeat(341) + "w"))), ErrorCode::JWS_SIGNATURE),
    (Algorithm::Rs256, Say::Edit("no modulus", |op| op.edit_json(On::Jwks, |o| keys(o, |key| drop(key.remove("n"))))), ErrorCode::JWS_UNUSABLE_KEY),
    (Algorithm::Es256, Say::Edit("a point off the curve", |op| op.edit_json(On::Jwks, |o| keys(o, |key| drop(key.insert("y".into(), key.get("x").cloned().into()))))), ErrorCode::JWS_UNUSABLE_KEY),
    (Algorithm::Es256, Say::Edit("the point 0, 0", |op| { set(op, "x", json!("A".repeat(43))); set(op, "y", json!("A".repeat(43))); }), ErrorCode::JWS_UNUSABLE_KEY),
    (Algorithm::Es256, Say::Edit("coordinates beyond the field", |op| set(op, "x", json!("_".repeat(42) + "8"))), ErrorCode::JWS_UNUSABLE_KEY),
    (Algorithm::Es256, Say::Edit("short coordinates", |op| set(op, "x", json!("AQ"))), ErrorCode::JWS_UNUSABLE_KEY),
    (Algorithm::Es256, Say::Edit("another curve", |op| set(op, "crv", json!("P-384"))), ErrorCode::JWS_UNKNOWN_KEY),
    (Algorithm::Es256, Say::Edit("an unknown curve", |op| set(op, "crv", json!("secp256k1"))), ErrorCode::JWS_UNKNOWN_KEY),
    (Algorithm::EdDsa, Say::Edit("a point of small order", |op| set(op, "x", json!("A".repeat(43)))), ErrorCode::JWS_UNUSABLE_KEY),
    (Algorithm::EdDsa, Say::Edit("a number for a point", |op| set(op, "x", json!(7))), ErrorCode::JWS_UNUSABLE_KEY),
    (Algorithm::Es256, Say::Edit("for encryption", |op| set(op, "use", json!("enc"))), ErrorCode::JWS_UNKNOWN_KEY),
    (Algorithm::Es256, Say::Edit("for signing alone", |op| set(op, "key_ops", json!(["sign"]))), ErrorCode::JWS_UNKNOWN_KEY),
    (Algorithm::Es256, Say::Edit("for another algorithm", |op| set(op, "alg", json!("ES384"))), ErrorCode::JWS_UNKNOWN_KEY),
    (Algorithm::Rs256, Say::Edit("for another algorithm of its type", |op| set(op, "alg", json!("RS512"))), ErrorCode::JWS_UNKNOWN_KEY),
    (Algorithm::Rs256, Say::Edit("for encryption by its algorithm", |op| set(op, "alg", json!("RSA-OAEP"))), ErrorCode::JWS_UNKNOWN_KEY),
    (Algorithm::Es256, Say::Edit("with its private part", |op| set(op, "d", json!("AQ"))), ErrorCode::JWS_UNKNOWN_KEY),
    (Algorithm::Rs256, Say::Edit("with its primes", |op| set(op, "p", json!("AQ"))), ErrorCode::JWS_UNKNOWN_KEY),
    (Algorithm::Es256, Say::Edit("symmetric", |op| { set(op, "kty", json!("oct")); set(op, "k", json!("c2VjcmV0")); }), ErrorCode::JWS_UNKNOWN_KEY),
    (Algorithm::Es256, Say::Edit("of an unknown type", |op| set(op, "kty", json!("AKP"))), ErrorCode::JWS_UNKNOWN_KEY),
    (Algorithm::Es256, Say::Edit("of a type in small letters", |op| set(op, "kty", json!("ec"))), ErrorCode::JWS_UNKNOWN_KEY),
    (Algorithm::Es256, Say::Edit("under another name", |op| set(op, "kid", json!("es-1 "))), ErrorCode::JWS_UNKNOWN_KEY),
    (Algorithm::Es256, Say::Edit("under a number", |op| set(op, "kid", json!(1))), ErrorCode::JWS_UNKNOWN_KEY),
    (Algorithm::Es256, Say::Edit("four of one name", |op| copies(op, 4, true)), ErrorCode::JWS_AMBIGUOUS_KEY),
    (Algorithm::Es256, Say::Edit("two without a name, and none named", |op| { copies(op, 2, false); op.lie(Lie::KidAbsent); }), ErrorCode::JWS_AMBIGUOUS_KEY),
];

#[rustfmt::skip]
const LIVED_WITH: &[Say] = &[
    Say::Lie(Lie::JwksMixed),
    Say::Edit("three of one name", |op| copies(op, 3, true)),
    Say::Edit("a broken one without a name, and none named", |op| {
        op.edit_json(On::Jwks, |o| o["keys"].as_array_mut().unwrap().insert(0, json!({ "kty": "EC", "crv": "P-256" })));
        op.lie(Lie::KidAbsent);
    }),
    Say::Edit("members of tomorrow", |op| { set(op, "x5c", json!([7])); op.edit_json(On::Jwks, |o| drop(o.insert("x".into(), json!([{}])))); }),
];

pub(crate) fn rows() -> Vec<Row> {
    let bad = BAD_KEYS.iter().map(|(_, say, code)| (say.clone(), Some(*code)));
    refusals(UNREADABLE).chain(bad).chain(pardons(LIVED_WITH)).collect()
}

fn keys(set: &mut Map<String, Value>, change: impl Fn(&mut Map<String, Value>)) {
    set["keys"].as_array_mut().unwrap().iter_mut().filter_map(Value::as_object_mut).for_each(change);
}

/// Sets a member of every key.
fn set(op: &testing::Provider, name: &'static str, value: Value) {
    op.edit_json(On::Jwks, move |set| keys(set, |key| drop(key.insert(name.to_owned(), value.clone()))));
}

/// So many of the key for ES256.
fn copies(op: &testing::Provider, count: usize, named: bool) {
    op.edit_json(On::Jwks, move |set| {
        let mut key = set["keys"].as_array().unwrap().iter().find(|key| key["kty"] == "EC").unwrap().clone();
        if !named {
            key.as_object_mut().unwrap().remove("kid");
        }
        set.insert("keys".into(), vec![key; count].into());
    });
}

fn source_code(error: &Error) -> Option<ErrorCode> {
    std::error::Error::source(error)?.downcast_ref::<Error>().map(Error::code)
}

/// A login with these keys, at a provider and client that are already known.
fn again(world: &mut World, known: &Login, keys: &Arc<Keys>) -> Result<Option<Arc<Keys>>, Error> {
    let login = world.login_with(known.provider.clone(), known.client.clone()).unwrap();
    world.finish(login, Some(keys.clone())).map(|user| user.keys).map_err(|refusal| refusal.error)
}

#[test]
fn a_set_that_cannot_be_read_does_not_cost_the_code() {
    for (say, code) in UNREADABLE {
        let mut world = World::new();
        let login = world.login().unwrap();
        let callback = world.callback(&login).unwrap();
        let check = |world: &World| login.pending.check(&callback, &login.provider, &world.env).unwrap();
        say.to(&world.op);
        let evidence = check(&world);
        let error = world.exchange(&login, evidence).unwrap_err();
        assert_eq!((error.code(), world.op.count(On::Token)), (*code, 0), "{say:?}");
        world.op.honest();
        let evidence = check(&world);
        assert!(world.exchange(&login, evidence).unwrap().verified().is_ok());
    }
}

#[test]
fn a_bad_key_verifies_nothing_until_it_is_mended() {
    for (algorithm, say, code) in BAD_KEYS {
        let mut world = World::with_algorithm(*algorithm);
        say.to(&world.op);
        let refusal = world.logged_in().err().unwrap();
        assert_eq!(refusal.what(), (At::Verification, *code), "{say:?}");
        assert_eq!(world.op.count(On::Jwks), 1, "a set that was just fetched is not fetched again: {say:?}");
        if *code == ErrorCode::JWS_AMBIGUOUS_KEY && say_names_none(say) {
            continue;
        }
        // The tokens were not lost: with the right keys they are good.
        world.op.honest();
        let step = refusal.grant.unwrap().verify(None, &mut world.env);
        assert!(matches!(world.run(Ok(step)).unwrap(), TokenOutcome::Verified(_)), "{say:?}");
        assert_eq!(world.counts([On::Token, On::Jwks]), [1, 2], "{say:?}");
    }
}

fn say_names_none(say: &Say) -> bool {
    matches!(say, Say::Edit(name, _) if name.ends_with("none named"))
}

#[test]
fn keys_of_no_use_are_not_in_the_way() {
    for algorithm in [Algorithm::Es256, Algorithm::Rs256, Algorithm::EdDsa] {
        for say in LIVED_WITH {
            if algorithm != Algorithm::Es256 && matches!(say, Say::Edit("three of one name", _)) {
                continue;
            }
            let mut world = World::with_algorithm(algorithm);
            say.to(&world.op);
            assert_eq!(world.course().map_err(|refusal| refusal.what()), Ok(()), "{say:?} {algorithm:?}");
        }
    }
}

#[test]
fn rotated_keys_are_picked_up_by_one_refetch() {
    let mut world = World::new();
    let known = world.login().unwrap();
    let old = world.keys(&known.provider);
    world.pass(3600);
    world.op.rotate_keys();
    let new = again(&mut world, &known, &old).unwrap().unwrap();
    assert_eq!(world.op.count(On::Jwks), 2);
    assert!(new.fetched_at() > old.fetched_at());
    // The new set does for all who get it; those who hold the old one still wait out the cooldown.
    again(&mut world, &known, &new).unwrap();
    assert_eq!(again(&mut world, &known, &old).unwrap_err().code(), ErrorCode::JWS_UNKNOWN_KEY);
    assert_eq!(world.op.count(On::Jwks), 2);
}

#[test]
fn a_key_that_does_not_fit_the_algorithm_is_not_tried() {
    for signed in ["ES256", "RS256"] {
        let mut world = World::with_fixed_client(signed);
        world.op.lie(Lie::AlgorithmMisfit);
        assert_eq!(world.logged_in().err().unwrap().what(), (At::Verification, ErrorCode::JWS_UNKNOWN_KEY), "{signed}");
        assert_eq!(world.op.count(On::Jwks), 1);
    }
}

/// A thousand forged tokens, by logins that share their keys, also those that were refetched in between.
#[test]
fn a_flood_of_forged_tokens_starts_one_refetch_in_a_cooldown() {
    let mut world = World::new();
    let known = world.login().unwrap();
    let keys = world.keys(&known.provider);
    world.pass(10);
    world.op.lie(Lie::KidUnknown);
    for n in 0..1000 {
        let code = again(&mut world, &known, &keys).unwrap_err().code();
        assert_eq!(code, ErrorCode::JWS_UNKNOWN_KEY);
        assert_eq!(world.op.count(On::Jwks), 2, "{n}");
        world.shown.clear();
        world.env.clock().advance(std::time::Duration::from_millis(50));
    }
    // Who fetches them anew by himself takes the cooldown over.
    let newer = world.run(KeysFetch::start(&known.provider, Some(keys.clone()))).unwrap().keys;
    world.pass(6);
    assert_eq!(again(&mut world, &known, &newer).unwrap_err().code(), ErrorCode::JWS_UNKNOWN_KEY);
    assert_eq!(world.op.count(On::Jwks), 3);
    world.env.clock().advance(REFETCH_COOLDOWN);
    for keys in [&keys, &newer, &keys] {
        assert_eq!(again(&mut world, &known, keys).unwrap_err().code(), ErrorCode::JWS_UNKNOWN_KEY);
        assert_eq!(world.op.count(On::Jwks), 4);
    }
}

/// A clock that is set does not open the flood gates, nor shut them for good.
#[test]
fn the_cooldown_survives_a_clock_that_is_set() {
    let mut world = World::new();
    let known = world.login().unwrap();
    let keys = world.keys(&known.provider);
    world.pass(10);
    world.op.lie(Lie::KidUnknown);
    let ask = |world: &mut World| {
        assert_eq!(again(world, &known, &keys).unwrap_err().code(), ErrorCode::JWS_UNKNOWN_KEY);
        world.op.count(On::Jwks)
    };
    assert_eq!(ask(&mut world), 2);
    world.env.clock().jump_back(std::time::Duration::from_secs(30));
    assert_eq!(ask(&mut world), 2);
    world.env.clock().jump_back(std::time::Duration::from_secs(3600));
    assert_eq!(ask(&mut world), 3);
    assert_eq!(ask(&mut world), 3);
}

#[test]
fn a_refetch_that_fails_leaves_the_tokens_and_counts_as_one() {
    for (fault, code) in [
        (Fault::status(503), ErrorCode::HTTP_SERVER_ERROR),
        (Fault::Timeout, ErrorCode::TRANSPORT_TIMEOUT),
        (Fault::LoginPage, ErrorCode::HTTP_CONTENT_TYPE),
        (Fault::Oversized, ErrorCode::HTTP_BODY_TOO_LARGE),
        (Fault::Redirect, ErrorCode::HTTP_REDIRECT),
        (Fault::Truncated, ErrorCode::JSON_SYNTAX),
    ] {
        let mut world = World::new();
        let known = world.login().unwrap();
        let keys = world.keys(&known.provider);
        world.pass(3600);
        world.op.rotate_keys();
        world.op.fault(On::Jwks, fault.clone(), 1);
        let login = world.login_with(known.provider.clone(), known.client.clone()).unwrap();
        let refusal = world.finish(login, Some(keys.clone())).err().unwrap();
        assert_eq!(refusal.what(), (At::Verification, ErrorCode::JWS_UNKNOWN_KEY), "{fault:?}");
        assert_eq!(source_code(&refusal.error), Some(code), "{fault:?}");
        assert_eq!(world.op.count(On::Jwks), 2);

        let step = refusal.grant.unwrap().verify(Some(keys.clone()), &mut world.env);
        let TokenOutcome::Unverified { grant, .. } = world.run(Ok(step)).unwrap() else { panic!("{fault:?}") };
        assert_eq!(world.op.count(On::Jwks), 2);
        world.pass(60);
        let step = grant.verify(Some(keys), &mut world.env);
        assert!(matches!(world.run(Ok(step)).unwrap(), TokenOutcome::Verified(_)), "{fault:?}");
        assert_eq!(world.counts([On::Token, On::Jwks]), [1, 3]);
    }
}

/// Keys that cannot be had when a grant is verified again are no reason to lose it.
#[test]
fn an_unverified_grant_survives_any_number_of_failures() {
    let mut world = World::new();
    world.op.lie(Lie::JwksEmpty);
    let mut grant = *world.logged_in().err().unwrap().grant.unwrap();
    for (fault, code) in [
        (Fault::Unreachable, ErrorCode::TRANSPORT_UNREACHABLE),
        (Fault::status(500), ErrorCode::HTTP_SERVER_ERROR),
        (Fault::Garbage, ErrorCode::JSON_SYNTAX),
        (Fault::Oversized, ErrorCode::HTTP_BODY_TOO_LARGE),
    ] {
        world.op.fault(On::Jwks, fault.clone(), 1);
        let step = grant.verify(None, &mut world.env);
        let TokenOutcome::Unverified { error, grant: back } = world.run(Ok(step)).unwrap() else { panic!("{fault:?}") };
        assert_eq!(error.code(), code, "{fault:?}");
        grant = back;
    }
    world.op.honest();
    let step = grant.verify(None, &mut world.env);
    assert!(matches!(world.run(Ok(step)).unwrap(), TokenOutcome::Verified(_)));
}
