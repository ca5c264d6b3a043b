//! How long keys are good, and what is verified by keys that are too old.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderValue, header};
use oidc_proto::jose::Algorithm;
use oidc_proto::limits::{OLDEST_KEYS, YOUNGEST_KEYS};
use oidc_proto::testing::{Disturbance, Lie, On, Reuse};
use oidc_proto::{Env as _, Error, ErrorCode, Provider, RelyingParty, Timestamp};

use crate::hostile::key_rotation::{again, world_with_keys};
use crate::hostile::logout_token::{request, take};
use crate::hostile::world::{User, World};

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
        world.op.disturb(On::Jwks, Disturbance::status(503), 1);
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
    world.metadata = world.metadata.with_userinfo_signed_response_alg(Algorithm::Es256);
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
        world.op.disturb(On::Jwks, Disturbance::status(503), 1);
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
