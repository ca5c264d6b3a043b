//! Keys that are not there any more, or not there yet: how often they are fetched, and whom a fetch holds up.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use oidc_proto::jose::Keys;
use oidc_proto::limits::STRANGERS_COOLDOWN;
use oidc_proto::testing::{Disturbance, Lie, On};
use oidc_proto::{Error, ErrorCode, Provider, RelyingParty};
use serde_json::{Map, Value, json};

use crate::hostile::keys::keys;
use crate::hostile::logout_token::{request, take};
use crate::hostile::world::{At, World};

fn source_code(error: &Error) -> Option<ErrorCode> {
    std::error::Error::source(error)?.downcast_ref::<Error>().map(Error::code)
}

/// A login of a client that may have keys already, and what they are then.
pub(crate) fn again(world: &mut World, party: &RelyingParty) -> Result<Arc<Keys>, Error> {
    let login = world.login_with(party).unwrap();
    world.finish(login).map_err(|refusal| refusal.error)?;
    Ok(party.provider().keys().unwrap())
}

/// A provider, and a client that has its keys.
pub(crate) fn world_with_keys() -> (World, RelyingParty) {
    let mut world = World::new();
    let party = world.party().unwrap();
    world.keys(&party).unwrap();
    (world, party)
}

/// A logout token by a key that nobody has: anyone can send one.
fn forged(world: &World, party: &RelyingParty) -> String {
    world.op.edit_logout_token(|token| {
        token.member("kid", "another");
        token.signature = oidc_proto::testing::Signature::Wrong;
    });
    request(world, party)
}

#[track_caller]
fn assert_unknown(world: &mut World, party: &RelyingParty, logout_token: &str) {
    assert_eq!(take(world, party, logout_token).unwrap_err().code(), ErrorCode::JWS_UNKNOWN_KEY);
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
const FAILURES: [(Disturbance, ErrorCode); 6] = [
    (Disturbance::status(503), ErrorCode::HTTP_SERVER_ERROR),
    (Disturbance::Timeout, ErrorCode::TRANSPORT_TIMEOUT),
    (Disturbance::LoginPage, ErrorCode::HTTP_CONTENT_TYPE),
    (Disturbance::Oversized, ErrorCode::HTTP_BODY_TOO_LARGE),
    (Disturbance::Redirect, ErrorCode::HTTP_REDIRECT),
    (Disturbance::Truncated, ErrorCode::JSON_SYNTAX),
];

#[test]
fn a_refetch_that_fails_leaves_the_tokens_and_is_not_remembered() {
    for (fault, code) in FAILURES {
        let (mut world, party) = world_with_keys();
        world.op.rotate_keys();
        world.op.disturb(On::Jwks, fault.clone(), 1);
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
        world.op.disturb(On::Jwks, fault.clone(), 1);
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
        (Disturbance::Unreachable, ErrorCode::TRANSPORT_UNREACHABLE),
        (Disturbance::status(500), ErrorCode::HTTP_SERVER_ERROR),
        (Disturbance::Garbage, ErrorCode::JSON_SYNTAX),
        (Disturbance::Oversized, ErrorCode::HTTP_BODY_TOO_LARGE),
    ] {
        world.op.disturb(On::Jwks, fault.clone(), 2);
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
        world.op.disturb(On::Jwks, Disturbance::status(503), usize::MAX);
        for minutes in 1..=3 {
            for at in 0..20 {
                let token = request(&world, &party);
                let code = if at == 0 { ErrorCode::HTTP_SERVER_ERROR } else { ErrorCode::JWS_UNKNOWN_KEY };
                assert_eq!(take(&mut world, &party, &token).unwrap_err().code(), code);
            }
            assert_eq!(world.op.count(On::Jwks) - before, minutes, "old keys: {has_old_keys}");
            world.pass(60);
        }
    }
}
