//! The same seed and the same answers give the same requests, byte for byte.

use oidc_proto::message::metadata::AuthMethod;

use crate::world::World;

/// Committed. Where it is meant to change, run the test with `UPDATE_TRANSCRIPT=1` and read the difference.
const TRANSCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/login.transcript");

/// Every request of a login and what follows it, with the authorization URL in its place.
fn transcript(seed: u64) -> String {
    let mut world = World::seeded(seed);
    world.metadata.token_endpoint_auth_method = AuthMethod::ClientSecretBasic;
    let login = world.login().unwrap();
    world.sent.push(format!("BROWSER {}", login.url.as_str()));
    let user = world.finish(login, None).unwrap();
    world.userinfo(&user).unwrap();
    let user = world.refresh(&user, user.keys.clone()).unwrap();
    world.revoke(&user).unwrap();
    world.sent.join("\n\n") + "\n"
}

#[test]
fn the_same_seed_sends_the_same_bytes() {
    assert_eq!(transcript(7), transcript(7));
    assert_ne!(transcript(7), transcript(8));
}

#[test]
fn the_requests_of_a_login_are_those_committed() {
    let now = transcript(7);
    if std::env::var_os("UPDATE_TRANSCRIPT").is_some() {
        std::fs::write(TRANSCRIPT, &now).unwrap();
    }
    let committed = std::fs::read_to_string(TRANSCRIPT).unwrap();
    for (now, committed) in now.lines().zip(committed.lines()) {
        assert_eq!(now, committed);
    }
    assert_eq!(now.len(), committed.len());
}
