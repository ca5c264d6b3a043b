//! The same seed and the same responses give the same requests, byte for byte.

use oidc_proto::AuthMethod;
use oidc_proto::jose::Algorithm;

use crate::hostile::world::World;

/// Where the transcripts are committed. Where one is meant to change, run the tests with `UPDATE_TRANSCRIPT=1` and read
/// the difference.
const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures");

/// A client with a secret.
fn plain(seed: u64) -> World {
    let mut world = World::seeded(seed);
    world.metadata = world.metadata.with_token_endpoint_auth_method(AuthMethod::ClientSecretBasic);
    world
}

/// Pushed requests, bound tokens with nonces, and a client with a key. ECDSA is deterministic by RFC 6979, Ed25519 by
/// itself.
fn strong(algorithm: Algorithm) -> impl Fn(u64) -> World {
    move |seed| {
        let mut world = World::strong(seed, algorithm, false);
        world.op = world.op.with_dpop_nonce(true);
        world
    }
}

/// Every request of a login and what follows it, with the authorization URL in its place.
fn transcript(mut world: World) -> String {
    let login = world.login().unwrap();
    world.sent.push(format!("BROWSER {}", login.url.as_str()));
    let user = world.finish(login).unwrap();
    world.userinfo(&user).unwrap();
    let user = world.refresh(&user).unwrap();
    world.revoke(&user).unwrap();
    world.sent.join("\n\n") + "\n"
}

#[track_caller]
fn assert_committed(name: &str, world: impl Fn(u64) -> World) {
    let now = transcript(world(7));
    assert_eq!(now, transcript(world(7)), "{name}: the same seed sends the same bytes");
    assert_ne!(now, transcript(world(8)), "{name}");
    let path = format!("{FIXTURES}/{name}.transcript");
    if std::env::var_os("UPDATE_TRANSCRIPT").is_some() {
        std::fs::write(&path, &now).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap();
    for (now, committed) in now.lines().zip(committed.lines()) {
        assert_eq!(now, committed, "{name}");
    }
    assert_eq!(now.len(), committed.len(), "{name}");
}

#[test]
fn the_requests_of_a_login_are_those_committed() {
    assert_committed("login", plain);
}

#[test]
fn the_requests_of_a_strong_login_are_those_committed() {
    assert_committed("login_strong_es256", strong(Algorithm::Es256));
    assert_committed("login_strong_eddsa", strong(Algorithm::EdDsa));
}
