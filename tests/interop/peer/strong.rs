//! Strong clients and bound tokens at the certified provider: pushed requests, DPoP with nonces, assertions, the device
//! grant, client credentials.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use oidc_proto::FailureKind;
use oidc_proto::TokenType;
use oidc_proto::adapter::{BlockingDriver, Driver, HttpOptions, SystemEnv, from_fn, ureq};
use oidc_proto::flow::GrantRequest;
use oidc_proto::jose::backend::rustcrypto::SigningKey;
use oidc_proto::jose::{Algorithm, PrivateKey, RemoteKey, Signer};
use oidc_proto::step::{KeyOutput, KeyUse};
use oidc_proto::{
    Accept, AuthorizationRequest, Body, Client, ClientAuth, ClientMetadata, DpopKey, Env as _, Error, ErrorCode,
    PendingDevice, Policy, Scope, TokenOutcome,
};
use oidc_proto::{AuthMethod, GrantType};

use crate::peer::login::{Run, World, by_ureq, callback};
use crate::support::browser::Browser;
use crate::support::peer::Peer;

const CONF_SECRET: &str = "conf-secret-conf-secret-conf-secret-0123";
const REDIRECT_URI: &str = "http://127.0.0.1:7878/cb";

fn ec_key(kid: &str) -> SigningKey {
    let pair = rcgen::KeyPair::generate().unwrap();
    SigningKey::from_pkcs8_der(Algorithm::Es256, &pair.serialize_der(), Some(kid)).unwrap()
}

fn world(peer: &Peer, edit: impl FnOnce(ClientMetadata) -> ClientMetadata) -> World<impl Run> {
    World::new(by_ureq(HttpOptions::new()), HttpOptions::new(), peer, edit)
}

/// A login whose request is pushed.
fn pushed_login<R: Run>(world: &World<R>, request: AuthorizationRequest) -> Result<TokenOutcome, Error> {
    let mut env = SystemEnv::new().unwrap();
    let (url, pending) = world.run.run(world.party.push(request, &mut env)?)?;
    assert!(!url.as_str().contains("scope"), "nothing but the reference goes through the browser");
    let landing = Browser::new(world.options.clone()).visit(url.as_str(), REDIRECT_URI);
    let verified = world.party.check(&pending, &callback(&landing)?, env.now())?;
    world.run.run(world.party.redeem(pending, verified, &mut env)?)
}

#[test]
#[ignore = "needs Node.js"]
fn requests_are_pushed_where_the_provider_demands_it() {
    let peer = Peer::start(&[("REQUIRE_PAR", "1")]);
    for method in [AuthMethod::None, AuthMethod::ClientSecretBasic, AuthMethod::ClientSecretPost] {
        let world = world(&peer, |metadata| metadata.with_token_endpoint_auth_method(method));
        let refused = world.login(world.request("auto:alice")).unwrap_err();
        assert_eq!(refused.code(), ErrorCode::PAR_REQUIRED);
        let tokens = pushed_login(&world, world.request("auto:alice")).unwrap().verified().unwrap().tokens;
        assert_eq!(tokens.subject(), Some("alice"), "{method:?}");
    }
}

fn bound_from_login_to_revocation(peer: &Peer) {
    let mut world = world(peer, |metadata| metadata);
    let key = DpopKey::new(PrivateKey::local(ec_key("dpop"))).unwrap();
    world.party = world.party.with_client(world.party.client().clone().with_dpop(key));
    let World { run, party, .. } = &world;
    let mut env = SystemEnv::new().unwrap();

    let tokens = pushed_login(&world, world.request("auto:alice")).unwrap().verified().unwrap().tokens;
    assert_eq!(tokens.token_type(), TokenType::Dpop);
    let tokens = world.refresh(&tokens).unwrap();
    let userinfo = run.run(party.userinfo(&tokens, &mut env).unwrap()).unwrap();
    assert_eq!(userinfo.subject(), "alice");

    // The same by a request of the application's own, and not as a bearer token.
    let userinfo_endpoint = party.provider().metadata().userinfo_endpoint.as_ref().unwrap().uri().clone();
    let request = || http::Request::get(userinfo_endpoint.clone()).body(Body::default()).unwrap();
    let policy = Policy::read(65536, Accept::Json);
    let step = party.call(request(), policy, &tokens, &mut env).unwrap();
    assert_eq!(run.run(step).unwrap().status(), 200);

    let other = DpopKey::new(PrivateKey::local(ec_key("other"))).unwrap();
    let stranger = party.with_client(party.client().clone().with_dpop(other));
    let error = stranger.userinfo(&tokens, &mut env).unwrap_err();
    assert_eq!(error.code(), ErrorCode::DPOP_KEY_MISMATCH);

    run.run(party.revoke(&tokens, &mut env).unwrap()).unwrap();
    let refused = run.run(party.userinfo(&tokens, &mut env).unwrap()).unwrap_err();
    assert_eq!(refused.code(), ErrorCode::USERINFO_UNAUTHORIZED);
}

#[test]
#[ignore = "needs Node.js"]
fn tokens_are_bound_to_a_key() {
    let peer = Peer::start(&[]);
    bound_from_login_to_revocation(&peer);
}

#[test]
#[ignore = "needs Node.js"]
fn tokens_are_bound_to_a_key_where_nonces_are_demanded() {
    let peer = Peer::start(&[("DPOP_NONCE", "1")]);
    bound_from_login_to_revocation(&peer);
}

#[test]
#[ignore = "needs Node.js"]
fn a_client_authenticates_by_a_key_here_or_elsewhere() {
    let peer = Peer::start(&[]);
    let registering = |key: PrivateKey| world(&peer, |metadata| metadata.with_private_key(key).unwrap());
    let world = registering(PrivateKey::local(ec_key("k1")));
    assert_eq!(world.party.client().auth().method(), AuthMethod::PrivateKeyJwt);
    let tokens = world.login(world.request("auto:alice")).unwrap().verified().unwrap().tokens;
    assert!(world.refresh(&tokens).is_ok());

    let signer = Arc::new(ec_key("k2"));
    let key = RemoteKey::new("in the key store").with_key_id("k2").with_public_key(signer.public_key().clone());
    let world = registering(PrivateKey::remote(key, Algorithm::Es256));
    let mut env = SystemEnv::new().unwrap();
    let (url, pending) = world.party.authorize(world.request("auto:alice"), &mut env).unwrap();
    let landing = Browser::new(HttpOptions::new()).visit(url.as_str(), REDIRECT_URI);
    let verified = world.party.check(&pending, &callback(&landing).unwrap(), env.now()).unwrap();
    let step = world.party.redeem(pending, verified, &mut env).unwrap();
    let http = ureq::Client::new().unwrap();
    let driver = Driver::new(from_fn(move |request, policy| {
        std::future::ready(oidc_proto::adapter::BlockingHttpClient::call(&http, request, policy))
    }))
    .with_keys(move |key_use| {
        let signer = signer.clone();
        async move {
            tokio::task::yield_now().await;
            let KeyUse::Sign { key, bytes, .. } = key_use else { return Err(FailureKind::Unsupported.into()) };
            assert_eq!(key.name(), "in the key store");
            Ok(KeyOutput::bytes(signer.sign(&bytes).unwrap()))
        }
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let granted = runtime.block_on(driver.run(step, &mut env)).unwrap().verified().unwrap();
    assert_eq!(granted.tokens.subject(), Some("alice"));
}

#[test]
#[ignore = "needs Node.js"]
fn a_client_authenticates_by_an_assertion_under_its_secret() {
    let peer = Peer::start(&[]);
    let world = world(&peer, |metadata| metadata.with_token_endpoint_auth_method(AuthMethod::ClientSecretJwt));
    let tokens = world.login(world.request("auto:alice")).unwrap().verified().unwrap().tokens;
    assert_eq!(tokens.subject(), Some("alice"));
}

/// A client that the peer knows beforehand.
fn conf() -> Client {
    Client::new("conf").with_auth(ClientAuth::SecretBasic(CONF_SECRET.into()))
}

#[test]
#[ignore = "needs Node.js"]
fn a_device_waits_for_its_user() {
    let peer = Peer::start(&[]);
    let world = world(&peer, |metadata| metadata);
    let party = world.party.with_client(conf());
    for (yes, expected) in [(true, None), (false, Some(ErrorCode::DEVICE_ACCESS_DENIED))] {
        let mut env = SystemEnv::new().unwrap();
        let scope = Scope::new("openid profile").unwrap();
        let step = party.authorize_device(scope, &mut env).unwrap();
        let stored = serde_json::to_string(&world.run.run(step).unwrap()).unwrap();
        let pending = PendingDevice::from_json(&stored).unwrap();
        let page = pending.verification_uri_complete().unwrap().to_owned();
        // The user decides during the second pause: the first poll comes too early.
        let (pauses, ticks) = (Cell::new(0), Rc::new(Cell::new(0)));
        let sleep = |duration: Duration| {
            assert_eq!(duration, Duration::from_secs(5), "the provider names no interval");
            ticks.set(ticks.get() + 5_000);
            pauses.set(pauses.get() + 1);
            if pauses.get() == 2 {
                Browser::new(HttpOptions::new()).confirm_device(&page, "alice", yes);
            }
        };
        let driver = BlockingDriver::new(ureq::Client::new().unwrap()).with_sleep(sleep);
        let mut env = Impatient(env, ticks.clone());
        let step = party.poll_device(pending, &mut env).unwrap();
        match driver.run(step, &mut env) {
            Ok(exchanged) => {
                assert_eq!(exchanged.verified().unwrap().tokens.subject(), Some("alice"));
                assert_eq!(expected, None);
            }
            Err(error) => assert_eq!(Some(error.code()), expected),
        }
        assert_eq!(pauses.get(), 2);
    }
}

/// An environment whose pauses are over at once: its counter is moved by the test.
struct Impatient(SystemEnv, Rc<Cell<u64>>);

impl oidc_proto::Env for Impatient {
    fn now(&self) -> oidc_proto::Timestamp {
        self.0.now()
    }

    fn monotonic(&self) -> oidc_proto::MonotonicTime {
        oidc_proto::MonotonicTime::from_millis(self.1.get())
    }

    fn rng(&mut self) -> &mut dyn rand_core::CryptoRng {
        self.0.rng()
    }
}

#[test]
#[ignore = "needs Node.js"]
fn a_client_gets_tokens_for_itself() {
    let peer = Peer::start(&[]);
    let world = world(&peer, |metadata| metadata.with_grant_type(GrantType::RefreshToken));
    let mut env = SystemEnv::new().unwrap();
    let party = world.party.with_client(conf());
    let step = party.request_tokens(GrantRequest::client_credentials(), &mut env).unwrap();
    let tokens = world.run.run(step).unwrap().verified().unwrap().tokens;
    assert!(tokens.id_token().is_none() && tokens.expires_at().is_some());
    let refused = world.party.request_tokens(GrantRequest::client_credentials(), &mut env).unwrap_err();
    assert_eq!(refused.code(), ErrorCode::TOKEN_CLIENT_AUTH);
    let step = party.request_tokens(GrantRequest::new("urn:example:nothing"), &mut env).unwrap();
    assert_eq!(world.run.run(step).unwrap_err().code(), ErrorCode::TOKEN_UNSUPPORTED_GRANT_TYPE);
}

#[test]
#[ignore = "needs Node.js"]
fn userinfo_can_be_signed() {
    let peer = Peer::start(&[]);
    let world = world(&peer, |metadata| metadata.with_userinfo_signed_response_alg(Algorithm::Es256));
    let tokens = world.login(world.request("auto:alice")).unwrap().verified().unwrap().tokens;
    let mut env = SystemEnv::new().unwrap();
    let step = world.party.userinfo(&tokens, &mut env).unwrap();
    assert_eq!(world.run.run(step).unwrap().subject(), "alice");
}
