//! A client whose clock is wrong by a minute.

use oidc_proto::jose::backend::rustcrypto::SigningKey;
use oidc_proto::jose::{Algorithm, PrivateKey};
use oidc_proto::{ClientAuth, ErrorCode};

use super::super::world::World;
use super::strong::{dpop_key, with_keys};
use super::{Realm, native};

#[test]
#[ignore = "needs Keycloak"]
fn a_login_works_with_a_clock_that_is_off_by_a_minute() {
    let realm = Realm::new(|_| {});
    for ahead in [-58, 58] {
        let mut world = realm.world();
        world.ahead = ahead;
        let tokens = world.tokens("openid");
        world.refresh(&tokens).unwrap();
        world.userinfo(&tokens).unwrap();
    }
}

#[test]
#[ignore = "needs Keycloak"]
fn a_clock_that_is_further_off_is_named() {
    let mut world = Realm::new(|_| {}).world();
    // A clock that is ahead is not noticed until the ID token has expired by it.
    for (ahead, code) in [(-90, ErrorCode::ID_TOKEN_ISSUED_IN_FUTURE), (400, ErrorCode::ID_TOKEN_EXPIRED)] {
        world.ahead = ahead;
        let refused = world.login(World::request("openid")).unwrap().verified().unwrap_err();
        assert_eq!(refused.code(), code, "{refused}");
        assert!(refused.hint().contains("seconds") && refused.hint().contains("clock"), "{}", refused.hint());
    }
}

/// A proof is good from 10 seconds before to 15 seconds after its time.
#[test]
#[ignore = "needs Keycloak"]
fn a_proof_is_refused_for_its_time() {
    let realm = Realm::new(|_| {});
    for ahead in [-60, 60] {
        let mut world = realm.world();
        world.party = world.party.with_client(world.party.client().clone().with_dpop(dpop_key()));
        world.ahead = ahead;
        let refused = world.login(World::request("openid")).unwrap_err();
        let words = refused.provider_text().and_then(|text| text.description()).unwrap_or_default();
        assert_eq!((refused.code(), words), (ErrorCode::AUTHORIZATION_INVALID_REQUEST, "DPoP proof is not active"));
        assert!(refused.hint().contains("clock"), "{}", refused.hint());
    }
}

#[test]
#[ignore = "needs Keycloak"]
fn an_assertion_is_refused_for_its_time() {
    let pair = rcgen::KeyPair::generate().unwrap();
    let key = || SigningKey::from_pkcs8_der(Algorithm::Es256, &pair.serialize_der(), Some("only")).unwrap();
    let realm = with_keys(&[(&key(), "only")]);
    for ahead in [-90, 90] {
        let auth = ClientAuth::PrivateKeyJwt(PrivateKey::local(key()));
        let mut world = World::new(&realm.issuer, |_| native(auth));
        world.ahead = ahead;
        let refused = world.login(World::request("openid")).unwrap_err();
        assert_eq!(refused.code(), ErrorCode::TOKEN_INVALID_CLIENT);
        assert!(refused.hint().contains("clock"), "{}", refused.hint());
    }
}
