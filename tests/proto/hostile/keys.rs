//! Key sets: keys that are broken, too many, or not for this.

use oidc_proto::jose::Algorithm;
use oidc_proto::testing::{self, Lie, On};
use oidc_proto::{Env as _, ErrorCode};
use serde_json::{Map, Value, json};

use crate::hostile::world::{At, Row, Say, World, pardons, refusals};

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
    (Algorithm::Es256, Say::Edit("four of one name", |op| copies(op, 4, true)), ErrorCode::JWS_AMBIGUOUS_KEY),
    (Algorithm::Es256, Say::Edit("two without a name, and none named", |op| { copies(op, 2, false); op.lie(Lie::KidAbsent); }), ErrorCode::JWS_AMBIGUOUS_KEY),
];

#[rustfmt::skip]
const LIVED_WITH: &[Say] = &[
    Say::Lie(Lie::JwksMixed),
    Say::Edit("under another name", |op| set(op, "kid", json!("es-1 "))),
    Say::Edit("under a number", |op| set(op, "kid", json!(1))),
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

pub(crate) fn keys(set: &mut Map<String, Value>, change: impl Fn(&mut Map<String, Value>)) {
    set["keys"].as_array_mut().unwrap().iter_mut().filter_map(Value::as_object_mut).for_each(change);
}

/// Sets a member of every key.
fn set(op: &testing::Provider, name: &'static str, value: Value) {
    op.edit_json(On::Jwks, move |set| keys(set, |key| drop(key.insert(name.to_owned(), value.clone()))));
}

/// So many keys for ES256, the right one last.
fn copies(op: &testing::Provider, count: usize, named: bool) {
    op.edit_json(On::Jwks, move |set| {
        let mut key = set["keys"].as_array().unwrap().iter().find(|key| key["kty"] == "EC").unwrap().clone();
        if !named {
            key.as_object_mut().unwrap().remove("kid");
        }
        let mut all = vec![key.clone(); count - 1];
        for (n, other) in all.iter_mut().enumerate() {
            let x = format!("{}{}", ["A", "B", "C"][n], &key["x"].as_str().unwrap()[1..]);
            other["x"] = json!(x);
        }
        all.push(key);
        set.insert("keys".into(), all.into());
    });
}

#[test]
fn a_set_that_cannot_be_read_does_not_cost_the_code() {
    for (say, code) in UNREADABLE {
        let mut world = World::new();
        let login = world.login().unwrap();
        let callback = world.callback(&login).unwrap();
        let check = |world: &World| login.party.check(&login.pending, &callback, world.env.now()).unwrap();
        say.to(&world.op);
        let evidence = check(&world);
        let error = world.exchange(&login, evidence).unwrap_err();
        assert_eq!((error.code(), world.op.count(On::Token)), (*code, 0), "{say:?}");
        world.op.honest();
        let evidence = check(&world);
        assert!(world.exchange(&login, evidence).unwrap().verified().is_ok());
    }
}

/// A set that has the key under its name is the provider's word until it is too old, however bad the key; where the key is
/// not in it, the provider is asked.
#[test]
fn a_bad_key_verifies_nothing_until_it_is_mended() {
    for (algorithm, say, code) in BAD_KEYS {
        let mut world = World::with_algorithm(*algorithm);
        say.to(&world.op);
        let login = world.login().unwrap();
        let party = login.party.clone();
        let mut refusal = world.finish(login).err().unwrap();
        assert_eq!(refusal.what(), (At::Verification, *code), "{say:?}");
        // One fetch before the code was spent, and one after the tokens had come if they name a key that is not there.
        let fetches = if *code == ErrorCode::JWS_UNKNOWN_KEY { 2 } else { 1 };
        assert_eq!(world.op.count(On::Jwks), fetches, "{say:?}");
        if *code == ErrorCode::JWS_AMBIGUOUS_KEY && say_names_none(say) {
            continue;
        }
        // The tokens were not lost: with the right keys they are good.
        world.op.honest();
        if *code != ErrorCode::JWS_UNKNOWN_KEY {
            refusal = world.verify(&party, *refusal.tokens.unwrap()).err().unwrap();
            assert_eq!((refusal.error.code(), world.op.count(On::Jwks)), (*code, fetches), "{say:?}");
            world.age_keys();
        }
        assert!(world.verify(&party, *refusal.tokens.unwrap()).is_ok(), "{say:?}");
        assert_eq!(world.counts([On::Token, On::Jwks]), [1, fetches + 1], "{say:?}");
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
fn a_key_that_does_not_fit_the_algorithm_is_not_tried() {
    for signed in ["ES256", "RS256"] {
        let mut world = World::with_fixed_client(signed);
        world.op.lie(Lie::AlgorithmMisfit);
        assert_eq!(world.logged_in().err().unwrap().what(), (At::Verification, ErrorCode::JWS_UNKNOWN_KEY), "{signed}");
        // Before the code was spent, and after the tokens had come.
        assert_eq!(world.op.count(On::Jwks), 2);
    }
}
