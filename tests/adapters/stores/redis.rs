//! A real Redis server, which is killed, restarted, paused and made read-only.
//!
//! A test that starts one fails without `redis-server`, so it is marked `#[ignore = "needs a Redis server"]`.

use std::time::{Duration, Instant};

use oidc_proto::adapter::store::redis::{AsyncRedis, Redis, RedisOptions, RedisStore};
use oidc_proto::adapter::store::{BlockingSessionStore, IndexKey, Offload, SessionStore, SessionStores as _};
use oidc_proto::session::{StoreAction, StoreResponse};
use oidc_proto::testing::TestEnv;
use oidc_proto::{Env, ErrorCode, Fault};

use crate::stores::conformance::{conforms, conforms_blocking};
use crate::stores::processes::{Process, lease, one_of_them_refreshes};
use crate::stores::redis_server::{Server, TIMEOUT};
use crate::stores::tools::{NOW, SOON, act, block_on, chain, erase, prepare, record, save, token, told};
use crate::stores::world::World;
use crate::support::server::DeadPort;

/// An asynchronous store, waited for.
struct Waited<S>(S);

impl<S: SessionStore> BlockingSessionStore for Waited<S> {
    fn carry_out(&self, action: StoreAction) -> StoreResponse {
        block_on(self.0.carry_out(action))
    }
}

pub fn options(patience: Duration) -> RedisOptions {
    RedisOptions::new().with_patience(patience).with_timeout(TIMEOUT)
}

/// A store in a process of its own.
pub fn open(url: &str, env: &mut dyn Env) -> RedisStore {
    // One of the processes is killed, perhaps while it holds the lock.
    let options = RedisOptions::new().with_lease(lease());
    Redis::new(redis::Client::open(url).unwrap(), options).store("alice", env)
}

/// Whether the store fails in this way, and in time: a connection and a response, twice.
fn fails(store: &impl BlockingSessionStore, action: StoreAction) {
    let since = Instant::now();
    assert_eq!(act(store, action), "failed");
    assert!(since.elapsed() < 4 * TIMEOUT, "{:?}", since.elapsed());
}

#[test]
#[ignore = "needs a Redis server"]
fn a_redis_store_conforms() {
    let server = Server::start(&[]);
    let seeds = std::cell::Cell::new(0);
    let env = || {
        seeds.set(seeds.get() + 1);
        TestEnv::seeded(seeds.get())
    };
    conforms_blocking(|patience| Redis::new(server.client(), options(patience)).store("a", &mut env()));
    conforms(|patience| Offload::new(Redis::new(server.client(), options(patience)).store("b", &mut env())));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let _inside = runtime.enter();
    conforms(|patience| AsyncRedis::new(server.client(), options(patience)).store("c", &mut env()));
    // Everything has been erased, and no lock is left.
    assert_eq!(server.command(&["DBSIZE"]), redis::Value::Int(0));
}

/// Whoever reads the error has to find the record. It needs no server.
#[test]
fn an_error_names_the_key_with_its_prefix_and_no_token() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (dead, mut env, record) = (DeadPort::new(), TestEnv::seeded(1), record(&mut World::new(), 1));
    let client = || redis::Client::open(dead.url().replace("http://", "redis://")).unwrap();
    let options = || options(NOW).with_prefix("app:");
    let blocking = Redis::new(client(), options()).store("alice", &mut env);
    let tasks = runtime.block_on(async { AsyncRedis::new(client(), options()) });
    let told = |error: oidc_proto::Error| {
        assert_eq!((error.code(), error.fault()), (ErrorCode::STORE_IO, Fault::Environment));
        let told = chain(&error);
        assert!(told.contains("\"app:record:alice\"") && !told.contains(token(&record)), "{told}");
    };
    told(blocking.load().unwrap_err());
    fails(&blocking, save(None, &record));
    told(blocking.take_error().unwrap());
    let store = tasks.store("alice", &mut env);
    told(runtime.block_on(store.load()).unwrap_err());
    fails(&Waited(store.clone()), save(None, &record));
    told(store.take_error().unwrap());
    let key = IndexKey::of(&record.tokens)[0];
    let error = runtime.block_on(tasks.find(key)).unwrap_err();
    assert!(chain(&error).contains(&format!("\"app:index:{key}\"")), "{}", chain(&error));
}

#[test]
#[ignore = "needs a Redis server"]
fn ten_processes_and_a_server() {
    let server = Server::start(&[]);
    one_of_them_refreshes(&server.url(), 10);
}

#[test]
#[ignore = "needs a Redis server"]
fn a_lock_ends_with_its_lease_and_a_load_or_a_save_begins_it_anew() {
    let server = Server::start(&[]);
    let mut holder = Process::start("lock", &server.url(), "");
    assert_eq!(holder.says(), "locked");
    holder.kill();
    let mut env = TestEnv::seeded(1);
    let redis = Redis::new(server.client(), options(NOW));
    let store = redis.store("alice", &mut env);
    assert_eq!(act(&store, StoreAction::Lock), "failed");
    assert_eq!(store.take_error().unwrap().code().as_str(), "store.busy");
    // The server is told that it is over; nobody has to wait for it here.
    assert_eq!(server.command(&["PEXPIRE", "oidc-proto:lock:alice", "1"]), redis::Value::Int(1));
    let patient = Redis::new(server.client(), options(SOON)).store("alice", &mut env);
    assert_eq!(act(&patient, StoreAction::Lock), "locked");
    let left = || match server.command(&["PTTL", "oidc-proto:lock:alice"]) {
        redis::Value::Int(left) => left,
        other => panic!("{other:?}"),
    };
    assert!((50_000..=60_000).contains(&left()), "{}", left());
    server.command(&["PEXPIRE", "oidc-proto:lock:alice", "30000"]);
    // Another's load is not the holder's.
    assert_eq!(act(&store, StoreAction::Load), "nothing");
    assert!(left() <= 30_000);
    assert_eq!(act(&patient, StoreAction::Load), "nothing");
    assert!(left() > 50_000);
    // So does a save, also one that fails.
    server.command(&["PEXPIRE", "oidc-proto:lock:alice", "30000"]);
    let (known, next) = (record(&mut World::new(), 1), record(&mut World::new(), 2));
    assert_eq!(act(&patient, save(&known, &next)), "conflict nothing");
    assert!(left() > 50_000);
}

#[test]
#[ignore = "needs a Redis server"]
fn a_lease_that_was_lost_loses_nothing() {
    let server = Server::start(&[]);
    let (mut env, mut world) = (TestEnv::seeded(1), World::new());
    let redis = Redis::new(server.client(), options(NOW));
    let (store, other) = (redis.store("alice", &mut env), redis.store("alice", &mut env));
    let (first, second, late) = (record(&mut world, 1), record(&mut world, 2), record(&mut world, 2));
    assert_eq!(act(&store, save(None, &first)), "saved");
    assert_eq!(act(&store, StoreAction::Lock), "locked");
    server.command(&["DEL", "oidc-proto:lock:alice"]);
    assert_eq!(act(&other, StoreAction::Lock), "locked");
    assert_eq!(act(&other, save(&first, &second)), "saved");
    assert_eq!(act(&store, save(&first, &late)), format!("conflict 2 {}", token(&second)));
    // The lock is the other's: this one cannot give it back.
    assert_eq!(act(&store, StoreAction::Unlock), "done");
    assert_eq!(act(&store, StoreAction::Lock), "failed");
    assert_eq!(act(&other, StoreAction::Unlock), "done");
    assert_eq!(act(&store, StoreAction::Lock), "locked");
}

#[test]
#[ignore = "needs a Redis server"]
fn a_server_that_is_killed_and_comes_back() {
    let mut server = Server::start(&[]);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let _inside = runtime.enter();
    let (mut env, mut world) = (TestEnv::seeded(1), World::new());
    let record = record(&mut world, 1);
    let store = Redis::new(server.client(), options(NOW)).store("alice", &mut env);
    let own = AsyncRedis::new(server.client(), options(NOW)).store("bob", &mut env);
    let waited = Waited(own.clone());
    assert_eq!(act(&store, save(None, &record)), "saved");
    assert_eq!(act(&waited, save(None, &record)), "saved");
    server.kill();
    for action in [StoreAction::Load, StoreAction::Lock, save(&record, &record), StoreAction::Unlock, erase(&record)] {
        fails(&store, action);
    }
    fails(&waited, StoreAction::Load);
    for error in [store.take_error().unwrap(), own.take_error().unwrap()] {
        assert_eq!(error.code().as_str(), "store.io");
    }
    for error in [store.load().unwrap_err(), block_on(own.load()).unwrap_err()] {
        assert_eq!(error.code().as_str(), "store.io");
    }
    server.restart();
    // It kept nothing, as it was told; what counts is that it is used again at once.
    assert_eq!(act(&store, StoreAction::Load), "nothing");
    assert_eq!(act(&waited, StoreAction::Load), "nothing");
    assert_eq!(act(&store, save(&record, &record)), "conflict nothing");
    assert_eq!(act(&store, save(None, &record)), "saved");
    assert_eq!(token(&store.load().unwrap().unwrap()), token(&record));
    assert!(block_on(own.load()).unwrap().is_none());
    // A restart that nobody has noticed costs nothing.
    server.kill();
    server.restart();
    assert_eq!(act(&store, StoreAction::Lock), "locked");
    assert_eq!(act(&waited, StoreAction::Lock), "locked");
}

#[test]
#[ignore = "needs a Redis server"]
fn a_server_that_is_paused_is_a_failure_in_time() {
    let server = Server::start(&[]);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let _inside = runtime.enter();
    let (mut env, mut world) = (TestEnv::seeded(1), World::new());
    let record = record(&mut world, 1);
    let store = Redis::new(server.client(), options(NOW)).store("alice", &mut env);
    let waited = Waited(AsyncRedis::new(server.client(), options(NOW)).store("bob", &mut env));
    assert_eq!(act(&store, save(None, &record)), "saved");
    assert_eq!(act(&waited, save(None, &record)), "saved");
    server.signal("-STOP");
    // With a connection that it had, and with a new one.
    for _ in 0..2 {
        fails(&store, StoreAction::Lock);
        fails(&waited, StoreAction::Lock);
    }
    let error = chain(&store.take_error().unwrap());
    assert!(error.contains("no response in time"), "{error}");
    server.signal("-CONT");
    // What it was asked then it may have done since: the lock is still the same holder's.
    for _ in 0..2 {
        assert_eq!(act(&store, StoreAction::Lock), "locked");
        assert_eq!(act(&waited, StoreAction::Lock), "locked");
    }
    assert_eq!(act(&store, StoreAction::Load), format!("1 {}", token(&record)));
}

#[test]
#[ignore = "needs a Redis server"]
fn a_server_that_refuses_is_a_failure_without_its_words() {
    let server = Server::start(&[]);
    let (mut env, mut world) = (TestEnv::seeded(1), World::new());
    let (first, second) = (record(&mut world, 1), record(&mut world, 2));
    let store = Redis::new(server.client(), options(NOW)).store("alice", &mut env);
    assert_eq!(act(&store, save(None, &first)), "saved");
    // A replica whose first server is nowhere.
    server.command(&["REPLICAOF", "127.0.0.1", "1"]);
    fails(&store, save(&first, &second));
    assert!(chain(&store.take_error().unwrap()).contains("READONLY"));
    server.command(&["REPLICAOF", "NO", "ONE"]);
    assert_eq!(act(&store, save(&first, &second)), "saved");
    // What is not a record, and a record of another kind.
    for (words, code) in [
        (&["SET", "oidc-proto:record:alice", "{\"version\":2}"] as &[&str], "stored.version"),
        (&["SET", "oidc-proto:record:alice", ""], "stored.malformed"),
        (&["SETRANGE", "oidc-proto:record:alice", "5000000", "x"], "stored.malformed"),
        (&["LPUSH", "oidc-proto:record:alice", "x"], "store.io"),
    ] {
        if words[0] == "LPUSH" {
            server.command(&["DEL", "oidc-proto:record:alice"]);
        }
        server.command(words);
        for action in [StoreAction::Load, save(&second, &second), save(None, &second)] {
            fails(&store, action);
            assert_eq!(store.take_error().unwrap().code().as_str(), code, "{words:?}");
        }
    }
    // A server without scripts repeats what it was sent.
    let server = Server::start(&["--rename-command", "EVAL", ""]);
    let store = Redis::new(server.client(), options(NOW)).store("alice", &mut env);
    fails(&store, save(None, &first));
    let error = chain(&store.take_error().unwrap());
    assert!(error.contains("store.io") && !error.contains("redis.call") && !error.contains(token(&first)), "{error}");
    // One that wants a password.
    let server = Server::start(&["--requirepass", "open sesame", "--protected-mode", "no"]);
    let client = redis::Client::open(format!("redis://:wrong-words@127.0.0.1:{}/", server.port)).unwrap();
    let redis = Redis::new(client, options(NOW));
    let store = redis.store("alice", &mut env);
    fails(&store, StoreAction::Load);
    let error = format!("{redis:?} {store:?} {}", chain(&store.take_error().unwrap()));
    assert!(error.contains("store.io") && !error.contains("wrong-words"), "{error}");
}

#[test]
#[ignore = "needs a Redis server"]
fn a_lock_whose_response_nobody_waits_for_is_given_back() {
    let server = Server::start(&[]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut env = TestEnv::seeded(1);
    let other = Redis::new(server.client(), options(NOW)).store("alice", &mut env);
    let store = runtime.block_on(async { AsyncRedis::new(server.client(), options(SOON)).store("alice", &mut env) });
    assert_eq!(act(&other, StoreAction::Lock), "locked");
    drop(store.carry_out(StoreAction::Lock));
    let waiting = store.carry_out(StoreAction::Lock);
    // The first one was not begun: nobody waits for it.
    assert_eq!(act(&other, StoreAction::Unlock), "done");
    assert_eq!(told(runtime.block_on(waiting)), "locked");
    let waiting = store.carry_out(StoreAction::Lock);
    assert_eq!(told(runtime.block_on(store.carry_out(StoreAction::Load))), "nothing");
    drop(waiting);
    assert_eq!(told(runtime.block_on(store.carry_out(StoreAction::Load))), "nothing");
    assert_eq!(act(&other, StoreAction::Lock), "locked");
    // Without a runtime nothing can be done, and that is said.
    let store = AsyncRedis::new(server.client(), options(NOW)).store("alice", &mut env);
    assert_eq!(told(block_on(store.carry_out(StoreAction::Load))), "failed");
}

/// What one process did not spend another may have.
#[test]
#[ignore = "needs a Redis server"]
fn a_mark_belongs_to_the_one_who_made_it() {
    let server = Server::start(&[]);
    let (mut env, mut world) = (TestEnv::seeded(1), World::new());
    let redis = Redis::new(server.client(), options(NOW));
    let (store, other) = (redis.store("alice", &mut env), redis.store("alice", &mut env));
    let first = record(&mut world, 1);
    let begun = format!("1 {}, begun", token(&first));
    assert_eq!(act(&store, save(None, &first)), "saved");
    assert_eq!(act(&store, StoreAction::Lock), "locked");
    assert_eq!(act(&store, prepare(&first)), "prepared");
    server.command(&["DEL", "oidc-proto:lock:alice"]);
    assert_eq!(act(&other, StoreAction::Lock), "locked");
    assert_eq!(act(&other, prepare(&first)), "prepared");
    assert_eq!(act(&store, StoreAction::Discard), "done");
    assert_eq!(act(&other, StoreAction::Load), begun);
    // Nothing is spent under a lock that is another's.
    assert_eq!(act(&store, prepare(&first)), "failed");
    assert_eq!(store.take_error().unwrap().code().as_str(), "store.busy");
    assert_eq!(act(&store, StoreAction::Discard), "done");
    assert_eq!(act(&store, erase(&first)), "done, begun");
}

/// A lock that was lost while nobody else took it is taken again before anything is spent.
#[test]
#[ignore = "needs a Redis server"]
fn a_lost_lock_is_taken_again_before_a_refresh() {
    let server = Server::start(&[]);
    let (mut env, mut world) = (TestEnv::seeded(1), World::new());
    let redis = Redis::new(server.client(), options(NOW));
    let (store, other) = (redis.store("alice", &mut env), redis.store("alice", &mut env));
    let first = record(&mut world, 1);
    assert_eq!(act(&store, save(None, &first)), "saved");
    assert_eq!(act(&store, StoreAction::Lock), "locked");
    server.command(&["DEL", "oidc-proto:lock:alice"]);
    assert_eq!(act(&store, prepare(&first)), "prepared");
    assert_eq!(act(&other, StoreAction::Lock), "failed");
    // An unlock of an earlier lock, which arrives late.
    let text = |value| match value {
        redis::Value::BulkString(bytes) => String::from_utf8(bytes).unwrap(),
        other => panic!("{other:?}"),
    };
    let holder = || text(server.command(&["GET", "oidc-proto:lock:alice"]));
    let earlier = holder();
    assert_eq!(act(&store, StoreAction::Unlock), "done");
    assert_eq!(act(&store, StoreAction::Lock), "locked");
    assert_ne!(holder(), earlier);
}

#[test]
#[ignore = "needs a Redis server"]
fn a_record_lives_as_long_after_its_last_use_as_it_is_told() {
    let server = Server::start(&[]);
    let (mut env, mut world) = (TestEnv::seeded(1), World::new());
    let lasting = options(NOW).with_prefix("app:").with_record_lifetime(Duration::from_secs(1000));
    let store = Redis::new(server.client(), lasting).store("alice", &mut env);
    let (first, second) = (record(&mut world, 1), record(&mut world, 2));
    let left = |key: &str| match server.command(&["TTL", key]) {
        redis::Value::Int(left) => left,
        other => panic!("{other:?}"),
    };
    assert_eq!(act(&store, save(None, &first)), "saved");
    assert!((990..=1000).contains(&left("app:record:alice")));
    server.command(&["EXPIRE", "app:record:alice", "10"]);
    assert_eq!(act(&store, StoreAction::Load), format!("1 {}", token(&first)));
    assert!(left("app:record:alice") > 10);
    assert_eq!(act(&store, prepare(&first)), "prepared");
    assert!((990..=1000).contains(&left("{app:record:alice}:begun")));
    assert_eq!(act(&store, save(&first, &second)), "saved");
    assert!((990..=1000).contains(&left("app:record:alice")));
    assert_eq!(left("{app:record:alice}:begun"), -2);
    // Without a lifetime, the next save lets it live for ever.
    let store = Redis::new(server.client(), options(NOW).with_prefix("app:")).store("alice", &mut env);
    assert_eq!(act(&store, save(&second, &record(&mut world, 3))), "saved");
    assert_eq!(left("app:record:alice"), -1);
}

/// However many wait for it.
#[test]
#[ignore = "needs a Redis server"]
fn a_connection_that_was_lost_is_made_again_once() {
    let server = Server::start(&[]);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let _inside = runtime.enter();
    let mut env = TestEnv::seeded(1);
    let redis = AsyncRedis::new(server.client(), options(SOON));
    let stores: Vec<_> = (0..200).map(|number| redis.store(&number.to_string(), &mut env)).collect();
    let all_load = || {
        let waiting: Vec<_> = stores.iter().map(|store| store.carry_out(StoreAction::Load)).collect();
        waiting.into_iter().for_each(|waiting| assert_eq!(told(block_on(waiting)), "nothing"));
    };
    let connections = || {
        let redis::Value::BulkString(told) = server.command(&["INFO", "stats"]) else { panic!("no text") };
        let told = String::from_utf8(told).unwrap();
        let number = told.lines().find_map(|line| line.strip_prefix("total_connections_received:")).unwrap();
        number.parse::<u64>().unwrap()
    };
    // Each look at the server takes one connection, too.
    let before = connections();
    all_load();
    assert_eq!(connections(), before + 2);
    for _ in 0..5 {
        let before = connections();
        server.command(&["CLIENT", "KILL", "TYPE", "normal"]);
        all_load();
        assert_eq!(connections(), before + 3);
    }
}
