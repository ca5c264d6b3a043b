//! Redis without a server: a session whose server takes no writes, lifetimes, prefixes, and one connection for all.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use oidc_proto::adapter::session::{BlockingSession, NoToken};
use oidc_proto::adapter::store::SessionStore;
use oidc_proto::adapter::store::redis::{AsyncRedis, Redis};
use oidc_proto::adapter::{BlockingHttpClient, from_fn};
use oidc_proto::session::{Event, Standing, StoreAction};
use oidc_proto::testing::{On, Provider, Reuse, TestEnv};
use oidc_proto::{Body, ErrorCode, Failure, Fault, Policy};

use super::redis_fake::{Fake, Line, Refuses};
use crate::stores::conformance::{conforms, conforms_blocking};
use crate::stores::redis::options;
use crate::stores::tools::{NOW, SOON, act, block_on, chain, prepare, record, save, token, told};
use crate::stores::world::{ISSUER, World, record as record_of, shared};

fn redis(fake: &Fake, options: oidc_proto::adapter::store::redis::RedisOptions) -> Redis {
    let fake = fake.clone();
    Redis::with_connections(move |_| Ok(fake.connect()), options)
}

fn async_redis(fake: &Fake, options: oidc_proto::adapter::store::redis::RedisOptions) -> AsyncRedis {
    let fake = fake.clone();
    AsyncRedis::with_connection(move |_| std::future::ready(Ok::<Line, _>(fake.connect())), options)
}

/// The fake does what a server does; else the tests below say nothing.
#[test]
fn a_redis_store_in_this_process_conforms() {
    let fake = Fake::default();
    conforms_blocking(|patience| redis(&fake, options(patience)).store("a", &mut env()));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let _inside = runtime.enter();
    conforms(|patience| async_redis(&fake, options(patience)).store("b", &mut env()));
    assert!(fake.keys().is_empty(), "{:?}", fake.keys());
}

/// Each holder of a lock has a name of its own.
fn env() -> TestEnv {
    static NUMBER: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    TestEnv::seeded(NUMBER.fetch_add(1, Ordering::Relaxed))
}

/// A server that is full, or that has become a replica, at a provider that takes a spent refresh token for a theft.
#[test]
fn a_redis_server_that_takes_no_writes_costs_no_session() {
    for (refuses, code) in [(Refuses::Memory, "OOM"), (Refuses::All, "READONLY")] {
        let mut world = World::with(Provider::new(ISSUER).with_reuse(Reuse::EndsGrant));
        let fake = Fake::default();
        let redis = redis(&fake, options(NOW));
        let session = world.session(shared());
        let first = record_of(&session, 1, session.tokens());
        assert_eq!(act(&redis.store("alice", &mut env()), save(None, &first)), "saved");
        // It may fail while the provider answers.
        let fails_meanwhile = AtomicBool::new(false);
        let (inner, fails) = (world.op.http(world.env.clock()), &fails_meanwhile);
        let http =
            from_fn(|request: http::Request<Body>, policy: Policy| -> Result<http::Response<Vec<u8>>, Failure> {
                let response = inner.call(request, policy);
                if fails.load(Ordering::SeqCst) {
                    fake.refuse(Some(refuses));
                }
                response
            });
        let (session, store) = (world.restore(first, shared()), redis.store("alice", &mut env()));
        let session = BlockingSession::new(session, http, store, world.env.clone()).unwrap();
        let mut events = session.subscribe();

        // Before the refresh: nothing is spent.
        let asked = world.op.count(On::Token);
        fake.refuse(Some(refuses));
        let Err(NoToken::Failed(error)) = session.refresh(SOON) else { panic!("{refuses:?}") };
        assert_eq!((error.code(), error.fault()), (ErrorCode::STORE_IO, Fault::Environment));
        let told = chain(&error);
        assert!(error.to_string().contains("oidc-proto:record:alice"), "{error}");
        assert!(told.contains(code) && !told.contains("memory >"), "{told}");
        assert_eq!((world.op.count(On::Token), session.standing()), (asked, Standing::Good));
        assert!(session.access(NOW).is_ok(), "the old token is good");

        // After it: the new tokens are used, and are saved by whoever calls next.
        fake.refuse(None);
        fails_meanwhile.store(true, Ordering::SeqCst);
        world.env.clock().advance(Duration::from_secs(2));
        let newest = session.refresh(SOON).unwrap();
        assert!(world.honours(newest.expose()) && !session.is_idle());
        let not_saved = std::iter::from_fn(|| events.wait(NOW)).find(|event| matches!(event, Event::NotSaved(_)));
        let Some(Event::NotSaved(error)) = not_saved else { panic!("nobody was told") };
        assert!(chain(&error).contains(code), "{}", chain(&error));
        assert_eq!(session.access(NOW).unwrap().expose(), newest.expose());
        fake.refuse(None);
        fails_meanwhile.store(false, Ordering::SeqCst);
        world.env.clock().advance(Duration::from_secs(30));
        assert_eq!(session.access(NOW).unwrap().expose(), newest.expose());
        assert!(session.is_idle(), "{refuses:?}");
        let stored = redis.store("alice", &mut env()).load().unwrap().unwrap();
        assert_eq!(token(&stored), newest.expose());
        // The next process goes on with it.
        drop(session);
        let (next, http) = (world.restore(stored, shared()), world.op.http(world.env.clock()));
        let next = BlockingSession::new(next, http, redis.store("alice", &mut env()), world.env.clone()).unwrap();
        assert!(world.honours(next.refresh(SOON).unwrap().expose()));
    }
}

/// Rule 11, as far as it needs no server: each use begins the record's life anew, also that of its mark; a record whose life
/// is over is one that is gone; and every key has the prefix.
#[test]
fn rule_11_records_have_a_lifetime_and_keys_a_prefix() {
    let (fake, mut world) = (Fake::default(), World::new());
    let lasting = options(NOW).with_prefix("app:").with_record_lifetime(Duration::from_secs(1000));
    let store = redis(&fake, lasting.clone()).store("alice", &mut env());
    let (first, second) = (record(&mut world, 1), record(&mut world, 2));
    let (key, mark) = ("app:record:alice", "{app:record:alice}:begun");
    assert_eq!(act(&store, save(None, &first)), "saved");
    assert_eq!((fake.lifetime(key), fake.lifetime(mark)), (1_000_000, -2));
    let other = redis(&fake, options(NOW).with_prefix("app:").with_record_lifetime(Duration::from_secs(2000)));
    let other = other.store("alice", &mut env());
    assert_eq!(act(&other, StoreAction::Load), format!("1 {}", token(&first)));
    assert_eq!(fake.lifetime(key), 2_000_000);
    assert_eq!(act(&store, StoreAction::Lock), "locked");
    assert_eq!(act(&store, prepare(&first)), "prepared");
    assert_eq!((fake.lifetime(key), fake.lifetime(mark)), (1_000_000, 1_000_000));
    assert!(fake.keys().iter().all(|key| key.contains("app:")), "{:?}", fake.keys());
    assert_eq!(act(&store, save(&first, &second)), "saved");
    assert_eq!((fake.lifetime(key), fake.lifetime(mark)), (1_000_000, -2));
    assert_eq!(act(&store, StoreAction::Unlock), "done");
    assert_eq!(fake.keys(), [key]);
    fake.expire(key);
    assert_eq!(act(&other, StoreAction::Load), "nothing");
    assert_eq!(act(&store, save(&second, &second)), "conflict nothing");
    // Another prefix is another server; and without a lifetime a record lives for ever.
    let lasting = redis(&fake, options(NOW)).store("alice", &mut env());
    assert_eq!(act(&lasting, StoreAction::Load), "nothing");
    assert_eq!(act(&lasting, save(None, &first)), "saved");
    assert_eq!(fake.lifetime("oidc-proto:record:alice"), -1);
}

/// However many wait for it.
#[test]
fn rule_11_a_connection_that_was_lost_is_made_again_once() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let _inside = runtime.enter();
    let fake = Fake::default();
    let redis = async_redis(&fake, options(SOON));
    let stores: Vec<_> = (0..200).map(|number| redis.store(&number.to_string(), &mut env())).collect();
    for connections in 1..6 {
        let waiting: Vec<_> = stores.iter().map(|store| store.carry_out(StoreAction::Load)).collect();
        waiting.into_iter().for_each(|waiting| assert_eq!(told(block_on(waiting)), "nothing"));
        assert_eq!(fake.connections(), connections);
        fake.kill_connections();
    }
}
