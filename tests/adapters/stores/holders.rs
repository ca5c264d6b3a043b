//! A store and its clones are one holder of their lock: two sessions of them would both have it, and refresh at once.

use std::future::{Future, pending};
use std::pin::pin;
use std::task::{Context, Waker};
use std::time::Duration;

use oidc_proto::adapter::session::{BlockingSession, NoToken, Sessions};
use oidc_proto::adapter::store::{FileStore, FileStores, Offload, SessionStore, SessionStores};
use oidc_proto::adapter::{Driver, from_fn};
use oidc_proto::session::{End, Session};
use oidc_proto::testing::{On, Provider, Reuse, TestEnv};
use oidc_proto::{Error, ErrorCode, Fault};

use crate::stores::tools::{SOON, act, folder, save};
use crate::stores::world::{ISSUER, World, record, shared};

fn assert_refused(error: &Error) {
    assert_eq!((error.code(), error.fault()), (ErrorCode::SESSION_SETUP, Fault::Local), "{error}");
    let (expected, found) = (error.expected().unwrap().to_string(), error.found().unwrap().to_string());
    assert!(expected.contains("a store of its own") && found.contains("another session"), "{error:?}");
}

/// Where a spent refresh token ends the grant, two sessions of one store would cost the login.
#[test]
fn a_second_session_of_a_store_is_refused_until_the_first_is_gone() {
    let folder = folder();
    let mut world = World::with(Provider::new(ISSUER).with_reuse(Reuse::EndsGrant));
    let store = FileStore::with_patience(folder.path().join("session.json"), SOON);
    let session = world.session(shared());
    let first = record(&session, 1, session.tokens());
    assert_eq!(act(&store, save(None, &first)), "saved");
    let begin = |world: &mut World, store: FileStore| {
        let (session, http) = (world.restore(first.clone(), shared()), world.op.http(world.env.clock()));
        BlockingSession::new(session, http, store, world.env.clone())
    };
    let one = begin(&mut world, store.clone()).unwrap();
    let misfit = begin(&mut world, store.clone()).unwrap_err();
    assert_refused(&misfit.error);
    // Nothing is lost by it. A store of its own is another holder: they take turns.
    let other = FileStore::with_patience(folder.path().join("session.json"), SOON);
    let http = world.op.http(world.env.clock());
    let two = BlockingSession::new(*misfit.session, http, other, world.env.clone()).unwrap();
    let asked = world.op.count(On::Token);
    std::thread::scope(|threads| {
        let refresh = || one.refresh(SOON).unwrap().expose().to_owned();
        let other = threads.spawn(refresh);
        let tokens = [two.refresh(SOON).unwrap().expose().to_owned(), other.join().unwrap()];
        assert!(tokens.iter().any(|token| world.honours(token)));
    });
    assert!((1..=2).contains(&(world.op.count(On::Token) - asked)));
    assert!(two.refresh(SOON).is_ok() && one.refresh(SOON).is_ok(), "the login lives");
    drop(one);
    begin(&mut world, store).unwrap();
}

/// Two stores of one path are two holders, as in two processes: each lets the other finish. At a provider that ends the
/// grant where a refresh token comes twice, neither costs the login, and none is asked more often than is needed.
#[test]
fn two_stores_of_one_path_in_one_process_take_turns_and_lose_nothing() {
    const ROUNDS: usize = 20;
    let folder = folder();
    let path = folder.path().join("session.json");
    let mut world = World::with(Provider::new(ISSUER).with_reuse(Reuse::EndsGrant));
    let session = world.session(shared());
    let first = record(&session, 1, session.tokens());
    let [one, two] = [(); 2].map(|()| FileStore::with_patience(&path, SOON));
    assert_eq!(act(&one, save(None, &first)), "saved");
    let [one, two] = [one, two].map(|store| {
        let (session, http) = (world.restore(first.clone(), shared()), world.op.http(world.env.clock()));
        BlockingSession::new(session, http, store, world.env.clone()).unwrap()
    });
    let asked = world.op.count(On::Token);
    for _ in 0..ROUNDS {
        // By the provider's clock new tokens are newer.
        world.env.clock().advance(Duration::from_secs(1));
        let refreshed = std::thread::scope(|threads| {
            let [one, two] = [&one, &two].map(|session| threads.spawn(|| session.refresh(SOON)));
            [one, two].map(|refreshed| refreshed.join().unwrap().unwrap().expose().to_owned())
        });
        assert!(refreshed.iter().any(|token| world.honours(token)), "the login lives");
    }
    let asked = world.op.count(On::Token) - asked;
    assert!((ROUNDS..=2 * ROUNDS).contains(&asked), "{asked}");
    // Whoever comes late takes what is there.
    let newest = one.refresh(SOON).unwrap();
    two.reload();
    assert_eq!(two.access(SOON).unwrap().expose(), newest.expose());
    // A logout of one is a logout of both.
    one.log_out();
    two.reload();
    assert!(matches!(two.access(SOON), Err(NoToken::Ended(End::LoggedOutElsewhere))));
}

/// A poll is all that it needs: nothing here waits.
fn poll(future: impl Future) -> bool {
    pin!(future).poll(&mut Context::from_waker(Waker::noop())).is_ready()
}

fn one_at_a_time<D: SessionStore + Clone>(store: D) {
    let mut world = World::new();
    let http = from_fn(|_, _| pending());
    let driver = Driver::new(http).with_timer(|_: Duration| pending::<()>());
    let (sessions, run) = Sessions::new(driver, world.env.clone());
    let (other, _run) = Sessions::new(Driver::new(from_fn(|_, _| pending())), world.env.clone());
    let mut run = pin!(run);
    let mut session = || -> Session { world.session(shared()) };
    let first = sessions.add(session(), store.clone()).unwrap();
    assert_refused(&sessions.add(session(), store.clone()).unwrap_err().error);
    // Of another set of the same process, too.
    assert_refused(&other.add(session(), store.clone()).unwrap_err().error);
    assert!(!poll(run.as_mut()));
    drop(first);
    assert!(!poll(run.as_mut()));
    let second = other.add(session(), store.clone()).unwrap();
    assert_refused(&sessions.add(session(), store).unwrap_err().error);
    assert!(second.tokens().subject().is_some());
}

#[test]
fn every_store_knows_that_a_session_uses_it() {
    let folder = folder();
    let file = FileStore::new(folder.path().join("session.json"));
    one_at_a_time(Offload::new(file.clone()));
    // Around a store that is used already, it is no other holder.
    let mut world = World::new();
    let http = world.op.http(world.env.clock());
    let session = world.session(shared());
    let _used = BlockingSession::new(session, http, file.clone(), world.env.clone()).unwrap();
    let (sessions, _run) = Sessions::new(Driver::new(from_fn(|_, _| pending())), world.env.clone());
    assert_refused(&sessions.add(world.session(shared()), Offload::new(file)).unwrap_err().error);
    one_at_a_time(FileStores::new(folder.path()).store("alice", &mut TestEnv::seeded(1)));
    one_at_a_time(Offload::new(|_| panic!("nothing is asked")));
}

#[cfg(feature = "redis")]
#[test]
fn every_store_of_a_server_knows_that_a_session_uses_it() {
    use oidc_proto::adapter::store::redis::{AsyncRedis, Redis, RedisOptions};

    let client = redis::Client::open("redis://127.0.0.1:1").unwrap();
    let options = RedisOptions::new();
    let mut env = TestEnv::seeded(1);
    one_at_a_time(AsyncRedis::new(client.clone(), options.clone()).store("alice", &mut env));
    let store = Redis::new(client, options).store("alice", &mut env);
    let mut world = World::new();
    let mut begin = || {
        let (session, http) = (world.session(shared()), world.op.http(world.env.clock()));
        BlockingSession::new(session, http, store.clone(), world.env.clone()).map_err(|misfit| misfit.error)
    };
    let _first = begin().unwrap();
    assert_refused(&begin().err().unwrap());
}
