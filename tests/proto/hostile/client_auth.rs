//! Clients that prove who they are by signatures, here or elsewhere, and grants that are for nobody else.

use std::collections::BTreeSet;
use std::future::ready;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use http::Request;
use oidc_proto::AuthMethod;
use oidc_proto::adapter::{BlockingDriver, Driver};
use oidc_proto::flow::{GrantRequest, TokenRequest};
use oidc_proto::jose::backend::rustcrypto::SigningKey;
use oidc_proto::jose::{Algorithm, PrivateKey, PublicKey, Signer};
use oidc_proto::step::{Input, KeyOutput, KeyUse};
use oidc_proto::testing::{self, On, RegisteredClient};
use oidc_proto::{
    Accept, Body, Client, ClientAuth, Error, ErrorCode, Fault, IdTokenTrust, Policy, Scope, Secret, Step, TokenOutcome,
    TokenSet,
};
use oidc_proto::{Failure, FailureKind};
use serde_json::{Value, json};

use crate::hostile::strong::{CLIENT_SEED, DPOP_SEED, headers, key, parameters, read, sign_remotely};
use crate::hostile::world::{At, ISSUER, REDIRECT, Row, Say, User, World, redirect};

pub(crate) fn rows() -> Vec<Row> {
    let own = [ErrorCode::AUTHORIZATION_PARAMETER, ErrorCode::TOKEN_CLIENT_AUTH, ErrorCode::TOKEN_INVALID_CLIENT];
    own.map(|code| (Say::Edit("told by a scenario", |_| {}), Some(code))).into()
}

/// Parameters that no grant may bring along.
#[rustfmt::skip]
const PARAMETERS: &[(&[&str], bool)] = &[
    (&["subject_token", "subject_token_type"], true),
    (&["grant_type"], false),
    (&["scope"], false),
    (&["client_id"], false),
    (&["client_secret"], false),
    (&["client_assertion"], false),
    (&["client_assertion_type"], false),
    (&["x", "x"], false),
    (&[""], false),
];

/// What an assertion says of a client, and what it does not say twice.
fn assert_assertions(world: &World, algorithm: &str, requests: usize) {
    let assertions = parameters(&world.sent, "client_assertion");
    assert_eq!(assertions.len(), requests);
    let ids: BTreeSet<_> = parameters(&world.sent, "client_id").into_iter().collect();
    let now = testing::Clock::START.unix_seconds();
    let mut jtis = BTreeSet::new();
    for assertion in &assertions {
        let (header, claims) = read(assertion);
        assert_eq!(header["alg"], json!(algorithm));
        let names: BTreeSet<&str> = claims.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(names, ["aud", "exp", "iat", "iss", "jti", "sub"].into());
        // One audience, which no other provider has.
        assert_eq!(claims["aud"], json!(ISSUER));
        assert_eq!(claims["iss"], claims["sub"]);
        assert_eq!(ids, [claims["iss"].as_str().unwrap().to_owned()].into());
        assert_eq!((&claims["iat"], &claims["exp"]), (&json!(now), &json!(now + 60)));
        assert!(jtis.insert(claims["jti"].as_str().unwrap().to_owned()), "a jti comes twice");
    }
    assert_eq!(parameters(&world.sent, "client_assertion_type").len(), requests);
    let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    assert!(parameters(&world.sent, "client_assertion_type").iter().all(|own| own == kind));
    assert!(parameters(&world.sent, "client_secret").is_empty());
    assert!(headers(&world.sent, "authorization: ").iter().all(|value| !value.starts_with("Basic ")));
}

#[test]
fn an_assertion_is_for_one_provider_one_request_and_one_minute() {
    for algorithm in [Algorithm::Es256, Algorithm::EdDsa] {
        let mut world = World::with_key(PrivateKey::local(key(algorithm, CLIENT_SEED)));
        world.pushes = true;
        world.course().unwrap();
        assert_assertions(&world, algorithm.name(), 4);
        assert!(parameters(&world.sent, "client_assertion").iter().all(|jwt| read(jwt).0["kid"] == json!("own")));
    }
    let mut world = World::with_secret(AuthMethod::ClientSecretJwt);
    world.metadata = world.metadata.with_id_token_signed_response_alg(Algorithm::Hs256);
    world.pushes = true;
    world.course().unwrap();
    assert_assertions(&world, "HS256", 4);
    let answers: Vec<Value> = world.received.iter().filter_map(|body| serde_json::from_slice(body).ok()).collect();
    let secret = answers.iter().find_map(|response| response["client_secret"].as_str()).unwrap();
    assert!(!world.sent.iter().any(|request| request.contains(secret)));
}

#[test]
fn a_request_that_is_sent_again_is_asserted_again() {
    let mut world = World::strong(1, Algorithm::Es256, false);
    world.op = world.op.with_dpop_nonce(true);
    let login = world.login().unwrap();
    world.op.rotate_dpop_nonce();
    let user = world.finish(login).unwrap();
    world.op.rotate_dpop_nonce();
    world.refresh(&user).unwrap();
    assert_eq!(world.counts([On::Par, On::Token]), [2, 4]);
    assert_assertions(&world, "ES256", 6);
}

#[test]
fn a_secret_that_is_too_short_signs_nothing() {
    for (length, usable) in [(31, false), (32, true)] {
        let secret = "s".repeat(length);
        let mut world = World::new();
        let registered = RegisteredClient::confidential("app", &secret, REDIRECT)
            .with_auth_method("client_secret_jwt")
            .with_id_token_signed_response_alg("HS256");
        world.op = world.op.with_client(registered);
        let client = Client::new("app").with_redirect_uri(redirect()).with_registered_algorithm(Algorithm::Hs256);
        world.client = Some(client.clone().with_auth(ClientAuth::SecretJwt(secret.as_str().into())));
        let refusal = world.logged_in().err().map(|refusal| (refusal.what(), refusal.error.fault()));
        assert_eq!(refusal, (!usable).then_some(((At::Request, ErrorCode::TOKEN_CLIENT_AUTH), Fault::Local)));
        assert_eq!(world.op.count(On::Token), usize::from(usable));

        // And what is signed with it proves nothing.
        let mut world = World::new();
        let registered =
            RegisteredClient::confidential("app", &secret, REDIRECT).with_id_token_signed_response_alg("HS256");
        world.op = world.op.with_client(registered);
        world.client = Some(client.with_auth(ClientAuth::SecretBasic(secret.as_str().into())));
        let refusal = world.logged_in().err().map(|refusal| refusal.what());
        assert_eq!(refusal, (!usable).then_some((At::Request, ErrorCode::TOKEN_CLIENT_AUTH)));
    }
}

/// Nobody is asked to log in for an ID token that cannot be verified.
#[test]
fn hs256_needs_the_secret_that_it_signs_with_before_the_user_is_asked() {
    for trust in [IdTokenTrust::Verify, IdTokenTrust::DangerousTrustTls] {
        let mut world = World::new();
        world.op = world.op.with_client(RegisteredClient::public("app", REDIRECT));
        let client = Client::new("app").with_redirect_uri(redirect()).with_registered_algorithm(Algorithm::Hs256);
        world.client = Some(client.with_id_token_trust(trust));
        let error = world.login().err().map(|refusal| refusal.error);
        if trust == IdTokenTrust::DangerousTrustTls {
            assert!(error.is_none(), "{error:?}");
            continue;
        }
        let error = error.unwrap();
        assert_eq!((error.code(), error.fault()), (ErrorCode::TOKEN_CLIENT_AUTH, Fault::Local));
        assert!(error.hint().contains("HS256") && error.hint().contains("no secret"), "{}", error.hint());
        // Without an ID token there is nothing to sign.
        world.request = oidc_proto::AuthorizationRequest::new(redirect(), Scope::new("profile").unwrap());
        assert!(world.login().is_ok());
    }
}

#[test]
fn the_strongest_method_in_common_is_chosen() {
    let long = "s".repeat(32);
    for (supported, secret, chosen) in [
        (
            json!(["client_secret_post", "client_secret_jwt", "client_secret_basic"]),
            &*long,
            Some(AuthMethod::ClientSecretJwt),
        ),
        // HS256 needs 256 bits.
        (json!(["client_secret_jwt", "client_secret_basic"]), "short", Some(AuthMethod::ClientSecretBasic)),
        (json!(["client_secret_post", "client_secret_basic"]), &*long, Some(AuthMethod::ClientSecretBasic)),
        (json!(["none", "client_secret_post"]), &*long, Some(AuthMethod::ClientSecretPost)),
        (json!(["none", "private_key_jwt"]), &*long, None),
        (Value::Null, &*long, Some(AuthMethod::ClientSecretBasic)),
    ] {
        let mut world = World::new();
        let value = supported.clone();
        world.op.edit_json(On::ServerMetadata, move |o| {
            drop(o.insert("token_endpoint_auth_methods_supported".into(), value.clone()));
        });
        let provider = world.discover().unwrap();
        let strongest = ClientAuth::strongest(secret.into(), &provider);
        let code = strongest.as_ref().err().map(Error::code);
        assert_eq!(strongest.as_ref().ok().map(ClientAuth::method), chosen, "{supported}");
        assert_eq!(code, chosen.is_none().then_some(ErrorCode::TOKEN_CLIENT_AUTH));
    }
}

/// What every flow with credentials is, in one type.
type Start = fn(&User, &mut World) -> Result<Step<oidc_proto::step::BoxFlow<()>>, Error>;

/// A key store.
type Keys = fn(&KeyUse) -> Result<KeyOutput, Failure>;

fn is_named(key_use: &KeyUse, name: &str) -> bool {
    matches!(key_use, KeyUse::Sign { key, .. } if key.name() == name)
}

fn scope() -> Scope {
    Scope::new("openid profile").unwrap()
}

fn forget<F: oidc_proto::Flow>(step: Result<Step<F>, Error>) -> Result<Step<oidc_proto::step::BoxFlow<()>>, Error> {
    struct Forgetting<F>(F);

    impl<F: oidc_proto::Flow> Forgetting<F> {
        fn go_on(step: Step<F>) -> Result<Step<Self>, Error> {
            step.embed((), |(), flow| Self(flow), |(), _| Ok(Step::Done(())))
        }
    }

    impl<F: oidc_proto::Flow> oidc_proto::Flow for Forgetting<F> {
        type Output = ();

        fn on(self, input: Input<'_>, env: &mut dyn oidc_proto::Env) -> Result<Step<Self>, Error> {
            Self::go_on(self.0.on(input, env)?)
        }
    }

    Ok(Forgetting::go_on(step?)?.boxed())
}

/// Each flow, and how many signatures it takes for one request: an assertion, a proof, or both.
const FLOWS: &[(&str, usize, Start)] = &[
    ("pushed request", 2, |user, world| forget(user.party.push(world.request.clone(), &mut world.env))),
    ("code", 2, |user, world| {
        let login = world.login_with(&user.party).unwrap();
        let checked = world.check(&login).unwrap();
        forget(user.party.redeem(login.pending, checked, &mut world.env))
    }),
    ("refresh", 2, |user, world| forget(user.party.refresh(&user.tokens, &mut world.env))),
    ("userinfo", 1, |user, world| forget(user.party.userinfo(&user.tokens, &mut world.env))),
    ("resource", 1, |user, world| {
        let request = Request::get(format!("{ISSUER}/userinfo")).body(Body::default()).unwrap();
        let policy = Policy::read(4096, Accept::Any);
        forget(user.party.call(request, policy, &user.tokens, &mut world.env))
    }),
    ("device", 2, |user, world| forget(user.party.authorize_device(scope(), &mut world.env))),
    ("device's poll", 2, |user, world| {
        let pending = world.device(&user.party).unwrap();
        forget(user.party.poll_device(pending, &mut world.env))
    }),
    ("client credentials", 2, |user, world| {
        forget(user.party.request_tokens(GrantRequest::client_credentials(), &mut world.env))
    }),
    ("revocation", 2, |user, world| forget(user.party.revoke(&user.tokens, &mut world.env))),
];

fn in_a_key_store() -> (World, User) {
    let mut world = World::strong(1, Algorithm::Es256, true);
    world.metadata = world.metadata.with_grant_type(oidc_proto::GrantType::ClientCredentials);
    world.op = world.op.with_device_polls(0);
    let user = world.logged_in().unwrap();
    (world, user)
}

#[test]
fn a_key_that_lives_elsewhere_signs_in_every_flow() {
    for (what, signatures, start) in FLOWS {
        let (mut world, user) = in_a_key_store();
        let step = start(&user, &mut world);
        world.asked_to_sign = 0;
        let step = step.unwrap();
        world.run(Ok(step)).unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(world.asked_to_sign, *signatures, "{what}");
    }
}

#[test]
fn a_key_store_that_refuses_ends_every_flow_and_nothing_is_sent() {
    /// Refuses both keys, or only the one for proofs.
    const REFUSING: [Keys; 2] = [
        |_| Err(FailureKind::KeyRefused.into()),
        |key_use| {
            if is_named(key_use, &DPOP_SEED.to_string()) {
                Err(FailureKind::KeyRefused.into())
            } else {
                sign_remotely(key_use)
            }
        },
    ];
    for (what, _, start) in FLOWS {
        for keys in REFUSING {
            let (mut world, user) = in_a_key_store();
            let step = start(&user, &mut world).unwrap();
            let before = world.op.requests().len();
            world.keys = keys;
            let error = world.run(Ok(step)).unwrap_err();
            assert_eq!((error.code(), error.fault()), (ErrorCode::KEY_REFUSED, Fault::Environment), "{what}");
            assert_eq!(world.op.requests().len(), before, "{what}");
        }
    }
}

/// A key of the program that fails as soon as it is used.
struct Broken(SigningKey);

impl Signer for Broken {
    fn algorithm(&self) -> Algorithm {
        self.0.algorithm()
    }

    fn key_id(&self) -> Option<&str> {
        self.0.key_id()
    }

    fn public_key(&self) -> Option<&PublicKey> {
        Some(self.0.public_key())
    }

    fn sign(&self, _: &[u8]) -> Result<Vec<u8>, Error> {
        Err(ErrorCode::SIGN_FAILED.into())
    }
}

#[test]
fn a_signer_that_fails_ends_the_login_and_the_code_is_not_spent() {
    let broken = || PrivateKey::local(Broken(key(Algorithm::Es256, 8)));
    let with_dpop = || World { dpop: Some(oidc_proto::DpopKey::new(broken()).unwrap()), ..World::new() };
    for mut world in [World::with_key(broken()), with_dpop()] {
        let refusal = world.logged_in().err().unwrap();
        assert_eq!((refusal.error.code(), refusal.error.fault()), (ErrorCode::SIGN_FAILED, Fault::Environment));
        assert!(!world.op.requests().contains(&On::Token), "{:?}", world.op.requests());
    }
}

/// What a key store makes up is for the provider to judge.
#[test]
fn a_signature_that_is_none_is_refused_by_the_provider() {
    for (keys, error) in [
        ((|_| Ok(KeyOutput::bytes([0; 64]))) as Keys, ErrorCode::TOKEN_INVALID_CLIENT),
        (|_| Ok(KeyOutput::bytes(vec![0xff; 100_000])), ErrorCode::TOKEN_INVALID_CLIENT),
        (
            |key_use| if is_named(key_use, "7") { sign_remotely(key_use) } else { Ok(KeyOutput::bytes([1; 64])) },
            ErrorCode::DPOP_PROOF,
        ),
        // An output of another kind is the store's fault, and nothing is sent.
        (|_| Ok(KeyOutput::bytes([])), ErrorCode::KEY_OUTPUT),
        (|_| Ok(KeyOutput::derived([1; 64])), ErrorCode::KEY_OUTPUT),
        (|_| Ok(KeyOutput::verified(true)), ErrorCode::KEY_OUTPUT),
    ] {
        let (mut world, user) = in_a_key_store();
        world.keys = keys;
        assert_eq!(world.refresh(&user).err().unwrap().what(), (At::Refresh, error));
    }
}

#[test]
fn a_driver_without_a_key_store_says_so_in_every_flow() {
    for (what, _, start) in FLOWS {
        let (mut world, user) = in_a_key_store();
        let clock = world.env.clock().clone();
        let timer = |time| {
            clock.advance(time);
            ready(())
        };
        let step = start(&user, &mut world).unwrap();
        let driver = Driver::new(world.op.http_async(&clock)).with_timer(timer);
        let outcome = match pin!(driver.run(step, &mut world.env)).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(outcome) => outcome,
            Poll::Pending => panic!("nothing here has to be waited for"),
        };
        assert_eq!(outcome.unwrap_err().code(), ErrorCode::KEY_UNSUPPORTED, "{what}");
        if *what != "device's poll" {
            let step = start(&user, &mut world).unwrap();
            let error = BlockingDriver::new(world.op.http(&clock)).run(step, &mut world.env).unwrap_err();
            assert_eq!(error.code(), ErrorCode::KEY_UNSUPPORTED, "{what}");
        }
    }
}

#[test]
fn a_client_registers_the_public_half_of_its_key_alone() {
    let mut world = World::with_key(PrivateKey::local(key(Algorithm::Es256, CLIENT_SEED)));
    let provider = world.discover().unwrap();
    let registered = world.register(&provider).unwrap();
    assert_eq!(registered.auth().method(), AuthMethod::PrivateKeyJwt);
    let sent: Value = serde_json::from_str(world.sent.last().unwrap().split_once("\n\n").unwrap().1).unwrap();
    assert_eq!(sent["token_endpoint_auth_signing_alg"], json!("ES256"));
    let jwk = sent.pointer("/jwks/keys/0").unwrap().as_object().unwrap();
    assert_eq!(jwk.keys().collect::<Vec<_>>(), ["alg", "crv", "kid", "kty", "use", "x", "y"]);
    // A shared key is nothing to publish.
    for algorithm in [Algorithm::Hs256, Algorithm::Es256] {
        let key = PrivateKey::remote(oidc_proto::jose::RemoteKey::new("x"), algorithm);
        let error = World::new().metadata.with_private_key(key).unwrap_err();
        assert_eq!(error.code(), ErrorCode::TOKEN_CLIENT_AUTH);
    }
}

fn granted(world: &mut World, step: Result<Step<TokenRequest>, Error>) -> Result<TokenSet, Error> {
    Ok(world.run(step).and_then(TokenOutcome::verified)?.tokens)
}

#[test]
fn a_grant_brings_its_own_parameters_and_no_others() {
    let mut world = World::with_secret(AuthMethod::ClientSecretBasic);
    world.op =
        world.op.with_grant("urn:example:grant", |_| Ok(testing::ExtensionGrant::new("elsewhere").with_login("alice")));
    world.op = world
        .op
        .with_client(RegisteredClient::confidential("app", "s3cret", REDIRECT).with_grant_type("urn:example:grant"));
    world.client = Some(Client::new("app").with_auth(ClientAuth::SecretBasic("s3cret".into())));
    let party = world.party().unwrap();
    for (names, allowed) in PARAMETERS {
        let mut request = GrantRequest::new("urn:example:grant").with_scope(Scope::new("elsewhere").unwrap());
        for name in *names {
            request = request.with_parameter(*name, Secret::from("x"));
        }
        let before = world.op.count(On::Token);
        let step = party.request_tokens(request, &mut world.env);
        let outcome = granted(&mut world, step);
        let code = outcome.as_ref().err().map(|error| (error.code(), error.fault()));
        assert_eq!(code, (!allowed).then_some((ErrorCode::AUTHORIZATION_PARAMETER, Fault::Local)), "{names:?}");
        assert_eq!(world.op.count(On::Token) - before, usize::from(*allowed));
    }
}

#[test]
fn a_client_gets_tokens_for_itself_only_by_proving_that_it_is() {
    for method in [AuthMethod::ClientSecretBasic, AuthMethod::ClientSecretPost, AuthMethod::ClientSecretJwt] {
        let mut world = World::allowing_client_credentials(method);
        let party = world.party().unwrap();
        let request = GrantRequest::client_credentials().with_scope(Scope::new("a b").unwrap());
        let step = party.request_tokens(request, &mut world.env);
        let tokens = granted(&mut world, step).unwrap();
        assert!(tokens.subject().is_none() && tokens.refresh_token().is_none());
    }
    let mut world = World::new();
    let party = world.party().unwrap();
    let step = party.request_tokens(GrantRequest::client_credentials(), &mut world.env);
    assert_eq!(step.unwrap_err().code(), ErrorCode::TOKEN_CLIENT_AUTH);
    assert_eq!(world.op.count(On::Token), 0);
    // No ID token comes with it, whatever the scope says; nothing could be checked about one.
    let mut world = World::allowing_client_credentials(AuthMethod::ClientSecretBasic);
    let party = world.party().unwrap();
    world.op.edit_json(On::Token, |o| drop(o.insert("id_token".into(), json!("e30.e30."))));
    let step = party.request_tokens(GrantRequest::client_credentials(), &mut world.env);
    assert!(granted(&mut world, step).unwrap().id_token().is_none());
}
