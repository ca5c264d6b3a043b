//! Refreshes of a client whose key lives elsewhere: in a key store that takes its time, refuses, or says nothing.

use std::sync::Arc;
use std::time::Duration;

use oidc_proto::FailureKind;
use oidc_proto::jose::backend::rustcrypto::SigningKey;
use oidc_proto::jose::{Algorithm, PrivateKey, RemoteKey, Signer as _};
use oidc_proto::session::{Event, Session, SessionOptions, Ticket, Transmit};
use oidc_proto::step::{KeyOutput, KeyUse};
use oidc_proto::testing::{On, RegisteredClient};
use oidc_proto::{Client, ClientAuth, Env, ErrorCode};

use crate::session::world::{REDIRECT_URI, Store, World, call, shared};

/// The key store's own copy, in the form of PKCS #8 (RFC 5915 section 3).
pub fn key() -> SigningKey {
    let header =
        b"\x30\x41\x02\x01\x00\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\
                   \x04\x27\x30\x25\x02\x01\x01\x04\x20";
    SigningKey::from_pkcs8_der(Algorithm::Es256, &[&header[..], &[7; 32]].concat(), Some("own")).unwrap()
}

/// Logged in five minutes ago, by a client that from now on proves by that key who it is.
pub fn keyed() -> World {
    let mut world = World::new();
    let jwk = serde_json::from_str(&key().public_key().to_jwk(Algorithm::Es256, Some("own"))).unwrap();
    world.op = world.op.with_client(RegisteredClient::with_key("app", jwk, REDIRECT_URI));
    let remote = RemoteKey::new("in the key store").with_key_id("own").with_public_key(key().public_key().clone());
    let key = PrivateKey::remote(remote, Algorithm::Es256);
    let client = Client::new("app").with_auth(ClientAuth::PrivateKeyJwt(key));
    world.party = world.party.with_client(client);
    world.advance(301);
    world
}

/// What the session wants signed next. Nothing else is to be carried out until it is.
fn to_sign(world: &mut World, session: &mut Session) -> (Ticket, Vec<u8>) {
    let Some(Transmit::UseKey { ticket, key_use }) = session.poll_transmit(&mut world.env) else {
        panic!("no signature")
    };
    let KeyUse::Sign { key, bytes, .. } = key_use else { panic!("{key_use:?}") };
    assert!(session.poll_transmit(&mut world.env).is_none() && session.poll_store(&mut world.env).is_none());
    assert_eq!(key.name(), "in the key store");
    (ticket, bytes)
}

fn sign(world: &mut World, session: &mut Session) {
    let (ticket, input) = to_sign(world, session);
    let signature = key().sign(&input).unwrap();
    session.handle_key_output(ticket, Ok(signature.into()), &mut world.env);
}

#[test]
fn a_refresh_waits_for_a_key_that_lives_elsewhere() {
    let (mut world, store) = (keyed(), Store::default());
    let mut session = world.session(shared());
    let epoch = world.ask(&mut session).unwrap_err().unwrap();
    world.keep(&mut session, &store);
    let (ticket, input) = to_sign(&mut world, &mut session);
    assert_eq!(world.outcome(&session, epoch), Err("pending"));
    assert!(!session.is_idle());
    // The user had to unlock the key.
    world.advance(30);
    let signature = key().sign(&input).unwrap();
    session.handle_key_output(ticket, Ok(signature.into()), &mut world.env);
    assert_eq!(world.pump(&mut session, &store), [Event::TokensRefreshed]);
    assert!(world.honours(&world.outcome(&session, epoch).unwrap()));
    assert_eq!(store.log(), ["lock", "load", "prepare", "save", "unlock"]);
}

#[test]
fn a_key_store_that_refuses_delays_and_does_not_end() {
    let (mut world, store) = (keyed(), Store::default());
    let mut session = world.session(shared());
    let asked = world.op.count(On::Token);
    let epoch = world.ask(&mut session).unwrap_err().unwrap();
    world.keep(&mut session, &store);
    let (ticket, _) = to_sign(&mut world, &mut session);
    session.handle_key_output(ticket, Err(FailureKind::KeyRefused.into()), &mut world.env);
    assert!(matches!(world.pump(&mut session, &store)[..], [Event::BackingOff { .. }]));
    assert_eq!((world.outcome(&session, epoch), world.op.count(On::Token)), (Err("key.refused"), asked));
    assert!(!store.is_locked());

    world.wait(&mut session);
    world.keep(&mut session, &store);
    sign(&mut world, &mut session);
    assert_eq!(world.pump(&mut session, &store), [Event::TokensRefreshed]);
}

#[test]
fn a_signature_that_does_not_come_delays_and_is_not_taken_later() {
    let (mut world, store) = (keyed(), Store::default());
    let mut session = world.session(shared());
    let epoch = world.ask(&mut session).unwrap_err().unwrap();
    world.keep(&mut session, &store);
    let (late, input) = to_sign(&mut world, &mut session);
    world.wait(&mut session);
    assert!(matches!(world.pump(&mut session, &store)[..], [Event::BackingOff { .. }]));
    assert_eq!(world.outcome(&session, epoch), Err("transport.timeout"));
    assert!(!store.is_locked(), "others may refresh meanwhile");

    world.wait(&mut session);
    world.keep(&mut session, &store);
    let (ticket, again) = to_sign(&mut world, &mut session);
    assert_ne!(again, input, "an assertion is made for one use");
    session.handle_key_output(late, Ok(key().sign(&input).unwrap().into()), &mut world.env);
    assert!(session.poll_transmit(&mut world.env).is_none(), "the wrong one is passed over");
    session.handle_key_output(ticket, Ok(key().sign(&again).unwrap().into()), &mut world.env);
    assert_eq!(world.pump(&mut session, &store), [Event::TokensRefreshed]);
}

/// Nobody looked for longer than the deadline: the lock may be lost, and what was to be signed is too old.
#[test]
fn what_nobody_has_looked_at_in_time_is_not_signed() {
    let (mut world, store) = (keyed(), Store::default());
    let mut session = world.session(shared());
    let _ = world.ask(&mut session);
    world.keep(&mut session, &store);
    world.advance(45);
    assert!(session.poll_transmit(&mut world.env).is_none());
    assert!(matches!(world.pump(&mut session, &store)[..], [Event::BackingOff { .. }]));
    assert!(!store.is_locked());
}

/// A response is no signature, and a signature no response.
#[test]
fn a_response_of_the_wrong_kind_is_passed_over() {
    let mut world = keyed();
    let mut session = world.session(SessionOptions::default());
    let epoch = world.ask(&mut session).unwrap_err().unwrap();
    let (ticket, _) = to_sign(&mut world, &mut session);
    session.handle_response(ticket, http::Response::new(b"{}".to_vec()), &mut world.env);
    assert_eq!(world.outcome(&session, epoch), Err("pending"));
    world.wait(&mut session);
    world.wait(&mut session);

    sign(&mut world, &mut session);
    let (ticket, _never_sent) = call(session.poll_transmit(&mut world.env).unwrap());
    session.handle_key_output(ticket, Ok(KeyOutput::bytes(*b"signature")), &mut world.env);
    assert!(session.poll_transmit(&mut world.env).is_none());
    assert_eq!(session.end(), None);
    world.wait(&mut session);
    world.wait(&mut session);

    sign(&mut world, &mut session);
    let token = session.tokens().access_token().expose().to_owned();
    world.pump(&mut session, &Store::default());
    assert_ne!(world.ask(&mut session).unwrap(), token);
}

/// The same on an executor.
#[tokio::test(start_paused = true)]
async fn a_key_store_signs_on_an_executor() {
    use oidc_proto::adapter::session::Sessions;
    use oidc_proto::adapter::store::NoStore;
    use oidc_proto::adapter::{Driver, from_fn};

    let mut world = keyed();
    let (op, clock) = (world.op.clone(), world.env.clone());
    let http = from_fn(move |request, _| std::future::ready(op.exchange(request, clock.now())));
    let signer = Arc::new(key());
    let driver = Driver::new(http).with_timer(tokio::time::sleep).with_keys(move |key_use| {
        let signer = signer.clone();
        async move {
            tokio::task::yield_now().await;
            let KeyUse::Sign { bytes, .. } = key_use else { return Err(FailureKind::Unsupported.into()) };
            Ok(KeyOutput::bytes(signer.sign(&bytes).unwrap()))
        }
    });
    let (sessions, run) = Sessions::new(driver, world.env.clone());
    tokio::spawn(run);
    let session = sessions.add(world.session(SessionOptions::default()), NoStore).unwrap();
    let token = tokio::time::timeout(Duration::from_secs(3600), session.access()).await.unwrap().unwrap();
    assert!(world.honours(token.expose()));
}

/// A store that refuses, or none at all, ends no session on an executor either.
#[tokio::test(start_paused = true)]
async fn a_key_store_that_does_not_sign_is_an_error_on_an_executor() {
    use oidc_proto::adapter::session::{NoToken, Sessions};
    use oidc_proto::adapter::store::NoStore;
    use oidc_proto::adapter::{Driver, KeyStore, NoKeyStore};

    async fn access(keys: impl KeyStore<Output: Send> + Send + 'static) -> ErrorCode {
        let mut world = keyed();
        let asked = world.op.count(On::Token);
        let http = world.op.http_async(world.env.clock());
        let driver = Driver::new(http).with_timer(tokio::time::sleep).with_keys(keys);
        let (sessions, run) = Sessions::new(driver, world.env.clone());
        tokio::spawn(run);
        let session = sessions.add(world.session(SessionOptions::default()), NoStore).unwrap();
        let Err(NoToken::Failed(error)) = session.access().await else { panic!("it has a token") };
        assert_eq!(world.op.count(On::Token), asked, "nothing was sent without a signature");
        error.code()
    }

    assert_eq!(access(NoKeyStore).await, ErrorCode::KEY_UNSUPPORTED);
    assert_eq!(access(|_| std::future::ready(Err(FailureKind::KeyRefused.into()))).await, ErrorCode::KEY_REFUSED);
}

/// The same on a thread. A store that refuses, or none at all, ends no session.
#[test]
fn a_key_store_signs_on_a_thread() {
    use oidc_proto::adapter::session::{BlockingSession, NoToken};
    use oidc_proto::adapter::store::NoStore;

    let blocking = |world: &mut World| {
        let session = world.session(SessionOptions::default());
        BlockingSession::new(session, world.op.http(world.env.clock()), NoStore, world.env.clone()).unwrap()
    };
    let mut world = keyed();
    let session = blocking(&mut world).with_keys(|key_use| {
        let KeyUse::Sign { bytes, .. } = key_use else { return Err(FailureKind::Unsupported.into()) };
        Ok(KeyOutput::bytes(key().sign(&bytes).unwrap()))
    });
    assert!(world.honours(session.access(Duration::ZERO).unwrap().expose()));

    let mut world = keyed();
    let asked = world.op.count(On::Token);
    let refusing = blocking(&mut world).with_keys(|_| Err(FailureKind::KeyRefused.into()));
    for (outcome, code) in [
        (refusing.access(Duration::ZERO), ErrorCode::KEY_REFUSED),
        (blocking(&mut world).access(Duration::ZERO), ErrorCode::KEY_UNSUPPORTED),
    ] {
        let Err(NoToken::Failed(error)) = outcome else { panic!("{outcome:?}") };
        assert_eq!(error.code(), code);
    }
    assert_eq!(world.op.count(On::Token), asked, "nothing was sent without a signature");
}
