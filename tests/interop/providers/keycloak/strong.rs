//! Strong clients: requests that must be pushed, bound tokens, assertions.

use std::sync::Arc;

use oidc_proto::TokenType;
use oidc_proto::jose::backend::rustcrypto::SigningKey;
use oidc_proto::jose::{Algorithm, PrivateKey};
use oidc_proto::{AuthMethod, ClientAuth, DpopKey, ErrorCode, Secret};
use serde_json::{Value, json};

use super::super::world::{World, login_by_cli};
use super::{Realm, native};
use crate::support::cli::Cli;

pub(super) fn dpop_key() -> Arc<DpopKey> {
    let pair = rcgen::KeyPair::generate().unwrap();
    let key = SigningKey::from_pkcs8_der(Algorithm::Es256, &pair.serialize_der(), None).unwrap();
    DpopKey::new(PrivateKey::local(key)).unwrap()
}

#[test]
#[ignore = "needs Keycloak"]
fn requests_are_pushed_where_the_client_must() {
    let (realm, cli) = (
        Realm::new(|realm| {
            realm["clients"][0]["attributes"]["require.pushed.authorization.requests"] = json!("true");
        }),
        Cli::new(),
    );
    login_by_cli(&cli, &realm.issuer, &["--client-id", "native"]).done();
    let refused = login_by_cli(&cli, &realm.issuer, &["--client-id", "native", "--par", "never"]);
    assert_eq!(refused.exit, 1, "{}", refused.stdout);
}

#[test]
#[ignore = "needs Keycloak"]
fn tokens_are_bound_where_the_client_must() {
    let realm = Realm::new(|realm| realm["clients"][0]["attributes"]["dpop.bound.access.tokens"] = json!("true"));
    let cli = Cli::new();
    let refused = login_by_cli(&cli, &realm.issuer, &["--client-id", "native"]);
    let error = refused.events.last().unwrap();
    assert_eq!(refused.exit, 1, "{error}");
    assert!(error["hint"].as_str().unwrap().contains("--dpop"), "{error}");
    let run = login_by_cli(&cli, &realm.issuer, &["--client-id", "native", "--dpop"]).done();
    let thumbprint = &run.event("logged_in")["dpop_thumbprint"];
    assert!(thumbprint.is_string());
    assert_eq!(cli.run(&["refresh"]).done().event("refreshed")["dpop_thumbprint"], *thumbprint);
    cli.run(&["userinfo"]).done();
    assert_eq!(cli.run(&["token"]).done().event("token")["token_type"], "DPoP");
    cli.run(&["logout"]).done();
}

#[test]
#[ignore = "needs Keycloak"]
fn a_bound_session_by_the_library_is_nobody_elses() {
    let realm = Realm::new(|_| {});
    let mut world = realm.world();
    let plain = world.party.client().clone();
    world.party = world.party.with_client(plain.clone().with_dpop(dpop_key()));
    let tokens = world.tokens("openid");
    assert_eq!(tokens.token_type(), TokenType::Dpop);
    let tokens = world.refresh(&tokens).unwrap();
    world.userinfo(&tokens).unwrap();
    world.party = world.party.with_client(plain.with_dpop(dpop_key()));
    assert_eq!(world.refresh(&tokens).unwrap_err().code(), ErrorCode::DPOP_KEY_MISMATCH);
}

/// A PKCS #8 key, and a client whose public keys are these.
pub(super) fn with_keys(keys: &[(&SigningKey, &str)]) -> Realm {
    let keys: Vec<_> = keys
        .iter()
        .map(|(key, id)| {
            let jwk = key.public_key().to_jwk(Algorithm::Es256, Some(id));
            serde_json::from_str::<Value>(&jwk).unwrap()
        })
        .collect();
    Realm::new(|realm| {
        let client = &mut realm["clients"][0];
        client["publicClient"] = json!(false);
        client["clientAuthenticatorType"] = json!("client-jwt");
        client["attributes"]["use.jwks.string"] = json!("true");
        client["attributes"]["jwks.string"] = json!(json!({ "keys": keys }).to_string());
    })
}

#[test]
#[ignore = "needs Keycloak"]
fn a_client_authenticates_with_one_of_its_two_keys() {
    let pairs = [(); 2].map(|()| rcgen::KeyPair::generate().unwrap());
    let key = |index: usize, id| SigningKey::from_pkcs8_der(Algorithm::Es256, &pairs[index].serialize_der(), id);
    let realm = with_keys(&[(&key(0, None).unwrap(), "one"), (&key(1, None).unwrap(), "two")]);
    let auth = ClientAuth::PrivateKeyJwt(PrivateKey::local(key(1, Some("two")).unwrap()));
    let world = World::new(&realm.issuer, |_| native(auth));
    let tokens = world.tokens("openid");
    let tokens = world.refresh(&tokens).unwrap();
    world.run(world.party.revoke(&tokens, &mut world.env()).unwrap()).unwrap();

    let auth = ClientAuth::PrivateKeyJwt(PrivateKey::local(key(0, Some("two")).unwrap()));
    let world = World::new(&realm.issuer, |_| native(auth));
    let refused = world.login(World::request("openid")).unwrap_err();
    assert_eq!(refused.code(), ErrorCode::TOKEN_INVALID_CLIENT, "{refused}");
}

#[test]
#[ignore = "needs Keycloak"]
fn a_client_with_a_key_file_logs_in_by_the_command_line() {
    let pair = rcgen::KeyPair::generate().unwrap();
    let key = SigningKey::from_pkcs8_der(Algorithm::Es256, &pair.serialize_der(), None).unwrap();
    let (realm, cli) = (with_keys(&[(&key, "only")]), Cli::new());
    let file = cli.file("key.pem", pair.serialize_pem());
    login_by_cli(&cli, &realm.issuer, &["--client-id", "native", "--key", &file]).done();
    cli.run(&["refresh"]).done();
    cli.run(&["logout"]).done();
}

#[test]
#[ignore = "needs Keycloak"]
fn a_client_authenticates_by_its_secret_in_each_way() {
    let secret = "a secret+with%every/thing: of 40 bytes &=";
    for (kind, method) in [
        ("client-secret", AuthMethod::ClientSecretBasic),
        ("client-secret", AuthMethod::ClientSecretPost),
        ("client-secret-jwt", AuthMethod::ClientSecretJwt),
    ] {
        let realm = Realm::new(|realm| {
            let client = &mut realm["clients"][0];
            client["publicClient"] = json!(false);
            client["clientAuthenticatorType"] = json!(kind);
            client["secret"] = json!(secret);
        });
        let auth = |secret: &str| ClientAuth::new(method, Some(Secret::from(secret))).unwrap();
        let world = World::new(&realm.issuer, |_| native(auth(secret)));
        let tokens = world.tokens("openid");
        world.refresh(&tokens).unwrap();
        let world = World::new(&realm.issuer, |_| native(auth("another secret, which is as long as the first")));
        let refused = world.login(World::request("openid")).unwrap_err();
        assert_eq!(refused.code(), ErrorCode::TOKEN_INVALID_CLIENT, "{refused}");

        let cli = Cli::new();
        let client = ["--client-id", "native", "--client-secret", secret];
        login_by_cli(&cli, &realm.issuer, &[&client[..], &["--auth-method", method.name()]].concat()).done();
        cli.run(&["refresh"]).done();
        let run = cli.run(&["logout"]).done();
        run.hides(&[secret.to_owned()]);
    }
}
