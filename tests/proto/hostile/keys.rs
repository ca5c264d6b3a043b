//! Key sets: keys that are broken, too many, not for this, or not there any more; and how often they are fetched.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::{HeaderValue, Request, header};
use oidc_proto::jose::{Algorithm, Keys};
use oidc_proto::limits::{OLDEST_KEYS, STRANGERS_COOLDOWN, YOUNGEST_KEYS};
use oidc_proto::testing::{self, Fault, Lie, On, Reuse};
use oidc_proto::{
    Accept, Body, Client, Env as _, Error, ErrorCode, Fault as Whose, Owner, Policy, Provider, RelyingParty, Scope,
    Timestamp,
};
use serde_json::{Map, Value, json};

use crate::hostile::logout_token::{request, take};
use crate::hostile::strong::dpop_key;
use crate::hostile::world::{At, Row, Say, User, World, pardons, redirect, refusals};

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

fn keys(set: &mut Map<String, Value>, change: impl Fn(&mut Map<String, Value>)) {
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

fn source_code(error: &Error) -> Option<ErrorCode> {
    std::error::Error::source(error)?.downcast_ref::<Error>().map(Error::code)
}

/// A login of a client that may have keys already, and what they are then.
fn again(world: &mut World, party: &RelyingParty) -> Result<Arc<Keys>, Error> {
    let login = world.login_with(party).unwrap();
    world.finish(login).map_err(|refusal| refusal.error)?;
    Ok(party.provider().keys().unwrap())
}

/// A provider, and a client that has its keys.
fn world_with_keys() -> (World, RelyingParty) {
    let mut world = World::new();
    let party = world.party().unwrap();
    world.keys(&party).unwrap();
    (world, party)
}

/// A logout token by a key that nobody has: anyone can send one.
fn forged(world: &World, party: &RelyingParty) -> String {
    world.op.edit_logout_token(|token| {
        token.member("kid", "another");
        token.signature = testing::Signature::Wrong;
    });
    request(world, party)
}

#[track_caller]
fn assert_unknown(world: &mut World, party: &RelyingParty, logout_token: &str) {
    assert_eq!(take(world, party, logout_token).unwrap_err().code(), ErrorCode::JWS_UNKNOWN_KEY);
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
fn rotated_keys_are_picked_up_by_one_refetch() {
    let (mut world, party) = world_with_keys();
    let old = party.provider().keys().unwrap();
    world.pass(600);
    world.op.rotate_keys();
    let new = again(&mut world, &party).unwrap();
    assert_eq!(world.op.count(On::Jwks), 2);
    assert!(new.fetched_at() > old.fetched_at());
    // The new set does for all who share the provider, whoever fetched it.
    let other = party.with_client(party.client().clone());
    for party in [&party, &party.clone(), &other] {
        assert!(Arc::ptr_eq(&again(&mut world, party).unwrap(), &new));
    }
    assert_eq!(world.op.count(On::Jwks), 2);
    // Who has the metadata alone starts without keys.
    let provider = Provider::new(party.provider().metadata().clone(), *party.provider().options());
    let apart = RelyingParty::new(provider, party.client().clone());
    assert!(apart.provider().keys().is_none());
    again(&mut world, &apart).unwrap();
    assert_eq!(world.op.count(On::Jwks), 3);
}

/// Keys that were fetched before the tokens were asked for never prove that there is no such key, however young they are.
#[test]
fn keys_from_before_a_login_are_no_response_to_it() {
    let (mut world, party) = world_with_keys();
    for rotations in 1..=20 {
        world.op.rotate_keys();
        // No time passes: it is the order that counts.
        again(&mut world, &party).unwrap();
        assert_eq!(world.op.count(On::Jwks), 1 + rotations);
    }
}

/// A provider that publishes its keys in several places does so in one after the other: the first set, fetched before the
/// code was spent, is from before the rotation, and the second one from after it.
#[test]
fn a_key_that_is_published_after_the_first_fetch_is_found() {
    let withheld: [fn(&mut Map<String, Value>); 2] = [
        |set| drop(set.insert("keys".into(), json!([]))),
        |set| keys(set, |key| drop(key.insert("use".into(), json!("enc")))),
    ];
    for withhold in withheld {
        let mut world = World::new();
        let answers = AtomicUsize::new(0);
        world.op.edit_json(On::Jwks, move |set| {
            if answers.fetch_add(1, Ordering::Relaxed) == 0 {
                withhold(set);
            }
        });
        world.logged_in().unwrap();
        let begin = world.op.requests().iter().position(|on| *on == On::Authorize).unwrap();
        assert_eq!(world.op.requests()[begin + 1..], [On::Jwks, On::Token, On::Jwks]);
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

/// Each response to a request of ours has cost a request already, and costs one more; nothing holds the next one up.
#[test]
fn a_flood_of_forged_id_tokens_costs_one_refetch_each_and_holds_up_nobody() {
    let (mut world, party) = world_with_keys();
    for logins in 1..=100 {
        world.op.lie(Lie::KidUnknown);
        world.op.lie(Lie::SignatureForeign);
        assert_eq!(again(&mut world, &party).unwrap_err().code(), ErrorCode::JWS_UNKNOWN_KEY);
        assert_eq!(world.op.count(On::Jwks), 1 + logins);
        // The keys are known: an honest login costs nothing.
        world.op.honest();
        again(&mut world, &party).unwrap();
        assert_eq!(world.op.count(On::Jwks), 1 + logins);
        world.shown.clear();
    }
}

/// A thousand forged logout tokens, which anyone can send, by parties that share their keys.
#[test]
fn a_flood_of_forged_tokens_starts_one_refetch_in_a_cooldown() {
    let (mut world, party) = world_with_keys();
    let other = party.with_client(party.client().clone());
    let token = forged(&world, &party);
    for n in 0..1000 {
        assert_unknown(&mut world, if n % 2 == 0 { &party } else { &other }, &token);
        assert_eq!(world.op.count(On::Jwks), 2, "{n}");
        world.shown.clear();
        world.env.clock().advance(Duration::from_millis(50));
    }
    // A login of ours in the meantime fetches what it needs; the cooldown stays what it is.
    world.op.rotate_keys();
    again(&mut world, &party).unwrap();
    assert_eq!(world.op.count(On::Jwks), 3);
    world.pass(9);
    assert_unknown(&mut world, &party, &token);
    assert_eq!(world.op.count(On::Jwks), 3);
    for fetches in 4..=6 {
        // At first it is 59 s since the strangers' last fetch.
        world.env.clock().advance(if fetches == 4 { Duration::from_secs(1) } else { STRANGERS_COOLDOWN });
        let token = request(&world, &party);
        for party in [&party, &other, &party] {
            assert_unknown(&mut world, party, &token);
            assert_eq!(world.op.count(On::Jwks), fetches);
        }
    }
}

/// One forged token a minute takes every fetch that strangers get, and each honest login needs one of its own: the keys are
/// rotated before it.
#[test]
fn an_hour_of_forged_tokens_fails_no_honest_login() {
    let (mut world, party) = world_with_keys();
    let mut fetches = 1;
    for minute in 0..60 {
        let token = forged(&world, &party);
        assert_unknown(&mut world, &party, &token);
        fetches += 1;
        assert_eq!(world.op.count(On::Jwks), fetches, "minute {minute}: strangers get one fetch");

        // The same from the token endpoint's side: it lies, and is honest again.
        world.op.lie(Lie::KidUnknown);
        world.op.lie(Lie::SignatureForeign);
        assert_eq!(again(&mut world, &party).unwrap_err().code(), ErrorCode::JWS_UNKNOWN_KEY);
        fetches += 1;

        world.pass(30);
        world.op.honest();
        world.op.rotate_keys();
        again(&mut world, &party).unwrap_or_else(|error| panic!("minute {minute}: {error}"));
        fetches += 1;
        // The next one has the keys.
        again(&mut world, &party).unwrap_or_else(|error| panic!("minute {minute}: {error}"));
        let honest = request(&world, &party);
        take(&mut world, &party, &honest).unwrap_or_else(|error| panic!("minute {minute}: {error}"));
        assert_eq!(world.op.count(On::Jwks), fetches, "minute {minute}");
        world.pass(30);
        world.shown.clear();
    }
    assert_eq!(fetches, 1 + 3 * 60);
}

/// A clock that is set does not open the flood gates, nor shut them for good: the time of day does not count.
#[test]
fn the_cooldown_survives_a_clock_that_is_set() {
    const HOUR: Duration = Duration::from_secs(3600);
    let (mut world, party) = world_with_keys();
    let ask = |world: &mut World| {
        let token = forged(world, &party);
        assert_unknown(world, &party, &token);
        world.op.count(On::Jwks)
    };
    assert_eq!(ask(&mut world), 2);
    world.env.clock().jump_back(Duration::from_secs(30));
    assert_eq!(ask(&mut world), 2);
    world.env.clock().jump_back(HOUR);
    assert_eq!(ask(&mut world), 2);
    world.env.clock().jump(100 * HOUR);
    assert_eq!(ask(&mut world), 2);
    world.pass(59);
    assert_eq!(ask(&mut world), 2);
    world.pass(1);
    assert_eq!(ask(&mut world), 3);
    world.env.clock().jump_back(100 * HOUR);
    assert_eq!(ask(&mut world), 3);
}

/// What a fetch of the keys may fail by.
const FAILURES: [(Fault, ErrorCode); 6] = [
    (Fault::status(503), ErrorCode::HTTP_SERVER_ERROR),
    (Fault::Timeout, ErrorCode::TRANSPORT_TIMEOUT),
    (Fault::LoginPage, ErrorCode::HTTP_CONTENT_TYPE),
    (Fault::Oversized, ErrorCode::HTTP_BODY_TOO_LARGE),
    (Fault::Redirect, ErrorCode::HTTP_REDIRECT),
    (Fault::Truncated, ErrorCode::JSON_SYNTAX),
];

#[test]
fn a_refetch_that_fails_leaves_the_tokens_and_is_not_remembered() {
    for (fault, code) in FAILURES {
        let (mut world, party) = world_with_keys();
        world.op.rotate_keys();
        world.op.fault(On::Jwks, fault.clone(), 1);
        let login = world.login_with(&party).unwrap();
        let refusal = world.finish(login).err().unwrap();
        assert_eq!(refusal.what(), (At::Verification, ErrorCode::JWS_UNKNOWN_KEY), "{fault:?}");
        assert_eq!(source_code(&refusal.error), Some(code), "{fault:?}");
        assert_eq!(world.counts([On::Token, On::Jwks]), [1, 2]);
        // At once.
        assert!(world.verify(&party, *refusal.tokens.unwrap()).is_ok(), "{fault:?}");
        assert_eq!(world.counts([On::Token, On::Jwks]), [1, 3]);
    }
}

#[test]
fn a_refetch_for_a_stranger_that_fails_counts_as_one() {
    for (fault, code) in FAILURES {
        let (mut world, party) = world_with_keys();
        world.op.rotate_keys();
        world.op.fault(On::Jwks, fault.clone(), 1);
        let token = request(&world, &party);
        let error = take(&mut world, &party, &token).unwrap_err();
        assert_eq!((error.code(), source_code(&error)), (ErrorCode::JWS_UNKNOWN_KEY, Some(code)), "{fault:?}");
        assert_eq!(world.op.count(On::Jwks), 2);

        world.pass(59);
        assert_unknown(&mut world, &party, &token);
        assert_eq!(world.op.count(On::Jwks), 2);
        world.pass(1);
        assert!(take(&mut world, &party, &token).is_ok(), "{fault:?}");
        assert_eq!(world.op.count(On::Jwks), 3);
    }
}

/// Keys that cannot be had when tokens are verified again are no reason to lose them.
#[test]
fn an_unverified_grant_survives_any_number_of_failures() {
    let mut world = World::new();
    world.op.lie(Lie::JwksEmpty);
    let login = world.login().unwrap();
    let party = login.party.clone();
    let mut tokens = world.finish(login).err().unwrap().tokens.unwrap();
    for (fault, code) in [
        (Fault::Unreachable, ErrorCode::TRANSPORT_UNREACHABLE),
        (Fault::status(500), ErrorCode::HTTP_SERVER_ERROR),
        (Fault::Garbage, ErrorCode::JSON_SYNTAX),
        (Fault::Oversized, ErrorCode::HTTP_BODY_TOO_LARGE),
    ] {
        world.op.fault(On::Jwks, fault.clone(), 2);
        // A set was tried, and it does not have the key.
        let refusal = world.verify(&party, *tokens).err().unwrap();
        let known = (refusal.error.code(), source_code(&refusal.error));
        assert_eq!(known, (ErrorCode::JWS_UNKNOWN_KEY, Some(code)), "{fault:?}");
        // There is none to be tried.
        world.age_keys();
        let refusal = world.verify(&party, *refusal.tokens.unwrap()).err().unwrap();
        assert_eq!(refusal.error.code(), code, "{fault:?}");
        tokens = refusal.tokens.unwrap();
        world.keys(&party).unwrap();
    }
    world.op.honest();
    assert!(world.verify(&party, *tokens).is_ok());
}

/// What the provider says of how long its keys may be kept, and how long they are.
const AGES: [(Option<&str>, Duration); 7] = [
    (None, OLDEST_KEYS),
    (Some("max-age=604800"), OLDEST_KEYS),
    (Some("max-age=86400"), OLDEST_KEYS),
    (Some("max-age=3600"), Duration::from_secs(3600)),
    (Some("max-age=300"), YOUNGEST_KEYS),
    (Some("max-age=0"), YOUNGEST_KEYS),
    (Some("no-store"), YOUNGEST_KEYS),
];

/// They are fetched before the code is spent: if they cannot be had, the login can be finished later.
#[test]
fn keys_that_are_too_old_are_fetched_anew_before_they_verify() {
    for (said, age) in AGES {
        let mut world = World::new();
        world.op.tamper(On::Jwks, move |response| {
            response.headers_mut().remove(header::CACHE_CONTROL);
            if let Some(said) = said {
                response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static(said));
            }
        });
        let party = world.party().unwrap();
        let old = world.keys(&party).unwrap();
        world.env.clock().advance(age - Duration::from_secs(1));
        assert!(Arc::ptr_eq(&again(&mut world, &party).unwrap(), &old), "{said:?}");
        assert_eq!(world.counts([On::Jwks, On::Token]), [1, 1], "{said:?}");

        world.pass(1);
        let login = world.login_with(&party).unwrap();
        let callback = world.callback(&login).unwrap();
        let check = |world: &World| login.party.check(&login.pending, &callback, world.env.now()).unwrap();
        world.op.fault(On::Jwks, Fault::status(503), 1);
        let evidence = check(&world);
        let error = world.exchange(&login, evidence).unwrap_err();
        assert_eq!(error.code(), ErrorCode::HTTP_SERVER_ERROR, "{said:?}");
        assert_eq!(world.counts([On::Jwks, On::Token]), [2, 1], "{said:?}: the code is not spent");
        let evidence = check(&world);
        assert!(world.exchange(&login, evidence).unwrap().verified().is_ok(), "{said:?}");
        assert_eq!(world.op.requests()[world.op.requests().len() - 3..], [On::Jwks, On::Jwks, On::Token], "{said:?}");
        assert!(party.provider().keys().unwrap().fetched_at() > old.fetched_at());
    }
}

type Way = fn(&mut World, &User) -> Result<(), Error>;

/// What else is verified by the provider's keys.
const OTHER_WAYS: [(&str, Way); 4] = [
    ("refresh", |world, user| world.refresh(user).map(drop).map_err(|refusal| refusal.error)),
    ("userinfo", |world, user| world.userinfo(user).map(drop).map_err(|refusal| refusal.error)),
    ("device", |world, user| world.logged_in_by_device_with(&user.party).map(drop).map_err(|refusal| refusal.error)),
    ("logout token", |world, user| {
        let token = request(world, &user.party);
        take(world, &user.party, &token).map(drop)
    }),
];

/// A user for all of them.
fn user_of_all_ways() -> (World, User) {
    let mut world = World::new().allowing_devices();
    world.metadata.userinfo_signed_response_alg = Some(Algorithm::Es256);
    // So that one refresh token does for several attempts.
    world.op = world.op.with_reuse(Reuse::AllowedUntilSuccessorIsUsed);
    let user = world.logged_in().unwrap();
    (world, user)
}

#[test]
fn keys_that_are_too_old_are_fetched_anew_also_for_what_has_come() {
    for (what, way) in OTHER_WAYS {
        let (mut world, user) = user_of_all_ways();
        way(&mut world, &user).unwrap();
        assert_eq!(world.op.count(On::Jwks), 1, "{what}: the keys are fresh");
        world.age_keys();
        way(&mut world, &user).unwrap();
        assert_eq!(world.op.count(On::Jwks), 2, "{what}: the keys are too old");
        world.age_keys();
        world.op.fault(On::Jwks, Fault::status(503), 1);
        assert_eq!(way(&mut world, &user).unwrap_err().code(), ErrorCode::HTTP_SERVER_ERROR, "{what}");
        assert_eq!(world.op.count(On::Jwks), 3, "{what}");
    }
}

/// What the provider withdrew while nobody asked is not good any more.
#[test]
fn keys_that_are_too_old_verify_nothing_once_they_are_withdrawn() {
    for (what, way) in OTHER_WAYS {
        let (mut world, user) = user_of_all_ways();
        world.age_keys();
        world.op.lie(Lie::JwksEmpty);
        assert_eq!(way(&mut world, &user).unwrap_err().code(), ErrorCode::JWS_UNKNOWN_KEY, "{what}");
        assert_eq!(world.op.count(On::Jwks), 2, "{what}");
    }
}

/// Nor do strangers get more than one fetch a minute where there are no keys, and none can be had.
#[test]
fn strangers_get_one_fetch_in_a_cooldown_also_without_keys() {
    for has_old_keys in [false, true] {
        let mut world = World::new();
        let party = world.party().unwrap();
        if has_old_keys {
            world.keys(&party).unwrap();
            world.age_keys();
        }
        let before = world.op.count(On::Jwks);
        world.op.fault(On::Jwks, Fault::status(503), usize::MAX);
        for minutes in 1..=3 {
            for _ in 0..20 {
                let token = request(&world, &party);
                assert!(take(&mut world, &party, &token).is_err());
            }
            assert_eq!(world.op.count(On::Jwks) - before, minutes, "old keys: {has_old_keys}");
            world.pass(60);
        }
    }
}

/// Keys that the caller kept count until they are 24 hours old, by the time of day at which they were fetched.
#[test]
fn keys_that_were_supplied_are_as_good_as_fetched_ones() {
    for (age, fetches) in [(0, 0), (24 * 3600 - 1, 0), (24 * 3600, 1), (100 * 24 * 3600, 1)] {
        let (mut world, party) = world_with_keys();
        let jwks = world.received.last().unwrap().clone();
        let provider = Provider::new(party.provider().metadata().clone(), *party.provider().options());
        let fetched_at = Timestamp::from_unix_seconds(world.env.now().unix_seconds() - age);
        provider.supply_keys(&jwks, fetched_at, &world.env).unwrap();
        let party = RelyingParty::new(provider, party.client().clone());
        let before = world.op.count(On::Jwks);
        again(&mut world, &party).unwrap();
        assert_eq!(world.op.count(On::Jwks) - before, fetches, "{age} s");
        // And they prove no more than fetched ones.
        world.op.rotate_keys();
        again(&mut world, &party).unwrap();
        assert_eq!(world.op.count(On::Jwks) - before, fetches + 1, "{age} s");
    }
}

/// Tokens, a login, its callback, a login by another device: each has an owner, and nobody else is shown any of it.
#[test]
fn a_party_takes_nothing_that_another_one_owns() {
    const ELSEWHERE: &str = "https://other.example.org";
    for mut world in [World::bound().allowing_devices(), World::new().allowing_devices()] {
        let user = world.logged_in().unwrap();
        let login = world.login_with(&user.party).unwrap();
        let callback = world.callback(&login).unwrap();
        let device = world.device(&user.party).unwrap();
        let mut elsewhere =
            World { issuer: ELSEWHERE.to_owned(), op: testing::Provider::new(ELSEWHERE), ..World::new() };
        let (own, provider) = (user.party.client().clone(), elsewhere.discover().unwrap());
        let other_key = own.clone().with_dpop(dpop_key(8));
        let stranger = Client::new("stranger").with_redirect_uri(redirect());
        let mut others = vec![
            (RelyingParty::new(provider.clone(), own.clone()), ErrorCode::PROVIDER_MISMATCH),
            // The first that is wrong is told.
            (RelyingParty::new(provider, stranger.clone().with_dpop(dpop_key(8))), ErrorCode::PROVIDER_MISMATCH),
            (user.party.with_client(stranger.clone()), ErrorCode::CLIENT_MISMATCH),
            (user.party.with_client(stranger.with_dpop(dpop_key(8))), ErrorCode::CLIENT_MISMATCH),
            (user.party.with_client(other_key), ErrorCode::DPOP_KEY_MISMATCH),
        ];
        if own.dpop().is_some() {
            let bare = Client::new(own.id()).with_redirect_uri(redirect());
            others.push((user.party.with_client(bare), ErrorCode::DPOP_KEY_MISMATCH));
        }
        let before = world.op.requests();
        let (tokens, scope) = (&user.tokens, Scope::new("openid").unwrap());
        let env = &mut world.env;
        for (other, code) in &others {
            let verified = user.party.check(&login.pending, &callback, env.now()).unwrap();
            let resource = Request::get("https://rs.example.org/").body(Body::default()).unwrap();
            let outcomes = [
                ("callback", other.check(&login.pending, &callback, env.now()).err()),
                ("pending login", other.redeem(login.pending.clone(), verified, env).err()),
                ("pending device login", other.poll_device(device.clone(), env).err()),
                ("refresh", other.refresh(tokens, env).err()),
                ("refresh with a scope", other.refresh_with_scope(tokens, &scope, env).err()),
                ("userinfo", other.userinfo(tokens, env).err()),
                ("resource", other.call(resource, Policy::read(1, Accept::Any), tokens, env).err()),
                ("revocation", other.revoke(tokens, env).err()),
            ];
            for (what, error) in outcomes {
                let error = error.unwrap_or_else(|| panic!("{what}: taken from {other:?}"));
                assert_eq!((error.code(), error.fault()), (*code, Whose::Local), "{what}: {other:?}");
                // Both are named: whose it would have to be, and whose it is.
                let (own, stored) = (part(other.owner(), *code), part(tokens.owner(), *code));
                let said = format!("expected {own}, found {stored}");
                assert!(own != stored && error.to_string().contains(&said), "{what}: {error}: {said}");
            }
        }
        assert_eq!((world.op.requests(), elsewhere.op.requests()), (before, vec![On::ServerMetadata]));
        // Nor do the metadata of one provider renew another.
        let error = user.party.provider().renewed(others[0].0.provider()).unwrap_err();
        assert_eq!(error.code(), ErrorCode::PROVIDER_MISMATCH);
        let said = format!("expected \"{}\", found \"{ELSEWHERE}\"", user.party.provider().issuer());
        assert!(error.to_string().contains(&said), "{error}");
        // It is the value of the owner that counts, not which handle it came by; and nothing was used up.
        let same = RelyingParty::new(user.party.provider().clone(), own);
        let verified = same.check(&login.pending, &callback, world.env.now()).unwrap();
        let step = same.redeem(login.pending, verified, &mut world.env);
        assert!(world.run(step).unwrap().verified().is_ok());
        world.poll(device, &same).unwrap();
    }
}

/// What an error of this code says about an owner.
fn part(owner: &Owner, code: ErrorCode) -> String {
    let part = match code {
        ErrorCode::PROVIDER_MISMATCH => Some(owner.issuer().as_str()),
        ErrorCode::CLIENT_MISMATCH => Some(owner.client_id()),
        _ => owner.dpop_thumbprint(),
    };
    part.map_or("no key".to_owned(), |part| format!("{part:?}"))
}
