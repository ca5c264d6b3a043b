//! The operations of a key store that only flows of other authors ask for: decrypt and agree. Each driver carries them out,
//! and says so if the store refuses, does not know the operation, or is missing.

use std::future::ready;
use std::sync::Arc;

use oidc_proto::adapter::{BlockingDriver, Driver, from_fn};
use oidc_proto::jose::RemoteKey;
use oidc_proto::step::{Input, KeyOutput, KeyUse};
use oidc_proto::testing::TestEnv;
use oidc_proto::{Body, Env, Error, ErrorCode, Failure, FailureKind, Flow, Policy, Step};

use crate::qr::keystore;

type Store = fn(KeyUse) -> Result<KeyOutput, Failure>;

/// Decrypts one key, and agrees on another.
enum Unsealing {
    ExpectDecrypted,
    ExpectAgreed { decrypted: Vec<u8> },
}

fn key() -> Arc<RemoteKey> {
    Arc::new(RemoteKey::new("device"))
}

impl Unsealing {
    fn start() -> Step<Self> {
        Step::use_key(KeyUse::decrypt(key(), "RSA-OAEP-256", *b"sealed"), Self::ExpectDecrypted)
    }
}

impl Flow for Unsealing {
    type Output = [Vec<u8>; 2];

    fn on(self, input: Input<'_>, _: &mut dyn Env) -> Result<Step<Self>, Error> {
        let output = input.key_output()?;
        match self {
            Self::ExpectDecrypted => {
                let decrypted = output.into_bytes()?.to_vec();
                let agree = KeyUse::agree(key(), keystore::public_key(), *b"info", 32);
                Ok(Step::use_key(agree, Self::ExpectAgreed { decrypted }))
            }
            Self::ExpectAgreed { decrypted } => {
                let agreed = output.into_derived().or_else(KeyOutput::into_bytes)?;
                Ok(Step::Done([decrypted, agreed.to_vec()]))
            }
        }
    }
}

fn decrypts(key_use: KeyUse) -> Result<KeyOutput, Failure> {
    let KeyUse::Decrypt { key, algorithm, encrypted_key, .. } = key_use else {
        return Err(FailureKind::Unsupported.into());
    };
    assert_eq!((key.name(), algorithm.as_str(), &*encrypted_key), ("device", "RSA-OAEP-256", &b"sealed"[..]));
    Ok(KeyOutput::bytes(*b"decrypted"))
}

fn agrees(key_use: KeyUse) -> Result<KeyOutput, Failure> {
    let KeyUse::Agree { key, peer, other_info, length, .. } = key_use else { return decrypts(key_use) };
    assert_eq!((key.name(), &*other_info, length), ("device", &b"info"[..], 32));
    assert_eq!(peer.thumbprint(), keystore::public_key().thumbprint());
    Ok(KeyOutput::bytes(*b"agreed"))
}

fn derives(key_use: KeyUse) -> Result<KeyOutput, Failure> {
    let is_agreement = matches!(key_use, KeyUse::Agree { .. });
    agrees(key_use).map(|output| if is_agreement { KeyOutput::derived(*b"derived") } else { output })
}

/// A loop without an adapter.
fn own_loop(mut step: Step<Unsealing>, store: Option<Store>, env: &mut TestEnv) -> Result<[Vec<u8>; 2], Error> {
    loop {
        step = match step {
            Step::UseKey(use_key) => {
                let (key_use, awaiting) = use_key.into_parts();
                match store.map_or(Err(FailureKind::Unsupported.into()), |store| store(key_use)) {
                    Ok(output) => awaiting.receive(output, env)?,
                    Err(kind) => awaiting.fail(kind, env)?,
                }
            }
            Step::Done(output) => return Ok(output),
            Step::Call(_) | Step::Wait(_) => panic!("it only uses keys"),
        };
    }
}

/// The same by every driver; without a store if there is none.
fn unsealed(store: Option<Store>) -> Vec<Result<[Vec<u8>; 2], ErrorCode>> {
    let nothing = |_: http::Request<Body>, _: Policy| -> Result<http::Response<Vec<u8>>, Failure> { panic!("no call") };
    let later = |_: http::Request<Body>, _: Policy| async { panic!("no call") };
    let env = &mut TestEnv::seeded(1);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let (driver, blocking) = (Driver::new(from_fn(later)), BlockingDriver::new(from_fn(nothing)));
    let outcomes = match store {
        Some(store) => [
            runtime.block_on(driver.with_keys(|key_use| ready(store(key_use))).run(Unsealing::start(), env)),
            blocking.with_keys(store).run(Unsealing::start(), env),
            own_loop(Unsealing::start(), Some(store), env),
        ],
        None => [
            runtime.block_on(driver.run(Unsealing::start(), env)),
            blocking.run(Unsealing::start(), env),
            own_loop(Unsealing::start(), None, env),
        ],
    };
    outcomes.map(|outcome| outcome.map_err(|error| error.code())).into()
}

#[test]
fn every_driver_decrypts_and_agrees() {
    for (store, agreed) in [(agrees as Store, "agreed"), (derives, "derived")] {
        let expected = Ok([b"decrypted".to_vec(), agreed.as_bytes().to_vec()]);
        for outcome in unsealed(Some(store)) {
            assert_eq!(outcome, expected);
        }
    }
}

#[test]
fn every_driver_says_why_a_key_was_not_used() {
    let verdict: Store = |_| Ok(KeyOutput::verified(true));
    let empty: Store = |_| Ok(KeyOutput::bytes([]));
    let derived: Store = |_| Ok(KeyOutput::derived([1]));
    for (store, code) in [
        (None, ErrorCode::KEY_UNSUPPORTED),
        (Some((|_| Err(FailureKind::KeyRefused.into())) as Store), ErrorCode::KEY_REFUSED),
        // It does not know the second operation.
        (Some(decrypts), ErrorCode::KEY_UNSUPPORTED),
        (Some(verdict), ErrorCode::KEY_OUTPUT),
        (Some(empty), ErrorCode::KEY_OUTPUT),
        // Nothing is derived where something is decrypted.
        (Some(derived), ErrorCode::KEY_OUTPUT),
    ] {
        for outcome in unsealed(store) {
            assert_eq!(outcome, Err(code));
        }
    }
}
