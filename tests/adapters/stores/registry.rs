//! A registry over real stores: files, a real Redis server.

use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use oidc_proto::adapter::session::{Registry, RegistryOptions};
use oidc_proto::adapter::store::{FileStores, IndexEntry, IndexKey, SessionStore, SessionStores};
use oidc_proto::adapter::{BlockingDriver, Driver, from_fn};
use oidc_proto::session::{Record, StoreAction, StoreResponse};
use oidc_proto::testing::{On, Provider, TestEnv, User};
use oidc_proto::{Body, Env, ErrorCode, Fault, Policy, TokenSet};
use tokio::runtime::Runtime;

use crate::stores::tools::{SOON, block_on, folder};
use crate::stores::world::{ISSUER, World};

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

fn world() -> World {
    World::with(Provider::new(ISSUER).with_user(User::new("alice")).with_user(User::new("bob")))
}

/// A process of a server. Its runtime runs on.
fn server<P>(world: &World, stores: P, options: RegistryOptions) -> Registry<P, TestEnv>
where
    P: SessionStores<Noted: Send, Found: Send> + Send + Sync + 'static,
    P::Store: SessionStore<Future: Send> + Send + Sync,
{
    let (op, clock) = (world.op.clone(), Arc::new(Mutex::new(world.env.clone())));
    let http = from_fn(move |request: http::Request<Body>, _: Policy| {
        std::future::ready(op.exchange(request, clock.lock().unwrap().now()))
    });
    let driver = Driver::new(http).with_timer(tokio::time::sleep);
    let (registry, run) = Registry::new(driver, world.env.clone(), stores, options).unwrap();
    tokio::spawn(run);
    registry
}

/// Waits until the store has what it is to have.
async fn until(mut is_so: impl AsyncFnMut() -> bool) {
    let since = Instant::now();
    while !is_so().await {
        assert!(since.elapsed() < SOON);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn load<P: SessionStores>(stores: &P, name: &str) -> Option<Box<Record>> {
    match stores.store(name, &mut TestEnv::seeded(9)).carry_out(StoreAction::Load).await {
        StoreResponse::Loaded { record, .. } => record,
        other => panic!("{other:?}"),
    }
}

/// What is shown with stores in memory, with two processes over these.
fn serves<P>(stores: &P)
where
    P: SessionStores<Noted: Send, Found: Send> + Clone + Send + Sync + 'static,
    P::Store: SessionStore<Future: Send> + Send + Sync,
{
    let runtime = runtime();
    runtime.block_on(async {
        let mut world = world();
        let options = RegistryOptions::new(world.party.clone());
        let [one, two] = [(); 2].map(|()| server(&world, stores.clone(), options.clone()));
        let logins: Vec<TokenSet> = ["alice", "alice", "bob"].map(|user| world.login(user)).into();
        for (name, tokens) in ["a/../1", "a 2", "b"].into_iter().zip(&logins) {
            one.log_in(name, tokens.clone()).unwrap();
            until(async || load(stores, name).await.is_some()).await;
        }
        world.advance(301);
        // Requests of one user race at both processes: one refresh.
        let asked = world.op.count(On::Token);
        let requests: Vec<_> = (0..20)
            .map(|number| {
                let registry = if number % 2 == 0 { one.clone() } else { two.clone() };
                tokio::spawn(async move {
                    let session = registry.session("a/../1").await.unwrap().unwrap();
                    session.access().await.unwrap().expose().to_owned()
                })
            })
            .collect();
        let mut tokens = Vec::new();
        for request in requests {
            tokens.push(request.await.unwrap());
        }
        tokens.dedup();
        assert_eq!((tokens.len(), world.op.count(On::Token)), (1, asked + 1));
        assert!(two.session("nobody").await.unwrap().is_none());
        // The second process has not seen the second session of this user.
        let subject = logins[0].subject().unwrap();
        let done = two.log_out_subject(&world.party, subject).await.unwrap();
        let names: Vec<_> = done.sessions().iter().map(|session| session.name().to_owned()).collect();
        assert_eq!((names, done.reaches_stores()), (vec!["a 2".to_owned(), "a/../1".to_owned()], true));
        assert!(load(stores, "a 2").await.is_none() && load(stores, "a/../1").await.is_none());
        assert_eq!(two.log_out_subject(&world.party, subject).await.unwrap().sessions().len(), 0);
        let session = two.session("b").await.unwrap().unwrap();
        assert!(world.honours(session.refresh().await.unwrap().expose()));
        assert!(two.log_out("b").await.unwrap().is_some() && load(stores, "b").await.is_none());
        // The tokens are still to be revoked.
        let driver = BlockingDriver::new(world.op.http(world.env.clock()));
        let mut revoked = 0;
        for session in done.sessions() {
            while let Some(revocation) = session.poll_revocation() {
                driver.run(revocation.unwrap(), &mut world.env).unwrap();
                revoked += 1;
            }
        }
        assert!(revoked >= 2 && !world.honours(&tokens[0]));
    });
}

#[test]
fn a_folder_serves_two_processes() {
    let folder = folder();
    serves(&FileStores::new(folder.path().join("new")));
    // Nothing names a user or a session, and the index is empty again.
    let users = std::fs::read_dir(folder.path().join("new/users")).unwrap();
    assert_eq!(users.count(), 0);
    for entry in std::fs::read_dir(folder.path().join("new/sessions")).unwrap() {
        assert_eq!(entry.unwrap().file_name().len(), 43);
    }
}

/// Whoever reads the error has to find the file. A file lies where the folder of the index would be.
#[test]
fn an_error_of_the_index_of_a_folder_names_the_path() {
    let folder = folder();
    let users = folder.path().join("users");
    std::fs::write(&users, "").unwrap();
    let (stores, mut world) = (FileStores::new(folder.path()), world());
    let record = Record::of_login(world.login("alice"), None, &mut world.env);
    let (entry, key) = (IndexEntry::new("alice", &record), IndexKey::of(&record.tokens)[0]);
    let told = [
        block_on(stores.note(&entry)).unwrap_err(),
        block_on(stores.forget(&entry)).unwrap_err(),
        block_on(stores.find(key)).unwrap_err(),
    ];
    for error in told {
        assert_eq!((error.code(), error.fault()), (ErrorCode::STORE_IO, Fault::Environment));
        assert!(error.to_string().contains(users.to_str().unwrap()), "{error}");
        assert!(error.to_string().contains("Not a directory") || cfg!(not(unix)), "{error}");
    }
}

#[cfg(feature = "redis")]
#[test]
#[ignore = "needs a Redis server"]
fn a_redis_server_serves_two_processes() {
    use oidc_proto::adapter::store::redis::{AsyncRedis, RedisOptions};

    let redis = crate::stores::redis_server::Server::start(&[]);
    for lifetime in [None, Some(Duration::from_secs(100))] {
        let runtime = runtime();
        let _inside = runtime.enter();
        let options = RedisOptions::new().with_prefix("app:");
        let options = lifetime.into_iter().fold(options, RedisOptions::with_record_lifetime);
        serves(&AsyncRedis::new(redis.client(), options));
        // The last lock is being given back.
        runtime.block_on(until(async || redis.command(&["DBSIZE"]) == redis::Value::Int(0)));
    }
    // An entry lives longer than its record, which is loaded and lives anew.
    let runtime = runtime();
    let _inside = runtime.enter();
    let options = RedisOptions::new().with_record_lifetime(Duration::from_secs(100));
    let stores = AsyncRedis::new(redis.client(), options);
    runtime.block_on(async {
        let mut world = world();
        let registry =
            server(&world, stores.clone(), RegistryOptions::new(world.party.clone()).with_idle(Duration::ZERO));
        let tokens = world.login("alice");
        registry.log_in("a", tokens.clone()).unwrap();
        let key = oidc_proto::adapter::store::IndexKey::of(&tokens)[0];
        until(async || load(&stores, "a").await.is_some()).await;
        assert_eq!(stores.find(key).await.unwrap(), Some(vec!["a".to_owned()]));
        let left = |key: &str| match redis.command(&["PTTL", key]) {
            redis::Value::Int(left) => left,
            other => panic!("{other:?}"),
        };
        let index = format!("oidc-proto:index:{key}");
        assert!(left(&index) > left("oidc-proto:record:a") && left("oidc-proto:record:a") > 50_000);
        redis.command(&["PEXPIRE", &index, "5000"]);
        // The time of the sessions is the world's.
        world.advance(2);
        until(async || registry.health().sessions == 0).await;
        registry.session("a").await.unwrap();
        assert!(left(&index) > 100_000);
    });
}

const CHILD: &str = "OIDC_PROTO_CROWD";

/// A process whose files are limited: so many sessions are saved at once, loaded at once, and some are refreshed.
#[cfg(target_os = "linux")]
fn needs_few_threads_and_few_files(sessions: &str) {
    let mut shell = Command::new("sh");
    shell.args(["-c", "ulimit -n 256; exec \"$0\" \"$@\""]).arg(std::env::current_exe().unwrap());
    shell.args(["--exact", "stores::registry::crowd", "--ignored", "--nocapture"]).env(CHILD, sessions);
    let output = shell.stdin(Stdio::null()).output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{told}{}", String::from_utf8_lossy(&output.stderr));
    assert!(told.contains("threads"), "{told}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_thousand_sessions_in_files_need_few_threads_and_few_files() {
    needs_few_threads_and_few_files("1000");
}

#[cfg(target_os = "linux")]
#[test]
#[ignore = "takes minutes"]
fn ten_thousand_sessions_in_files_need_few_threads_and_few_files() {
    needs_few_threads_and_few_files("10000");
}

#[test]
#[ignore = "a process of its own, which another test starts"]
fn crowd() {
    let Ok(names) = std::env::var(CHILD) else { return };
    let names: usize = names.parse().unwrap();
    const REFRESHED: usize = 200;
    let folder = folder();
    let runtime = runtime();
    runtime.block_on(async {
        let mut world = world();
        let stores = FileStores::new(folder.path());
        let options = RegistryOptions::new(world.party.clone()).with_capacity(100);
        let registry = server(&world, stores.clone(), options);
        let most = Arc::new(Mutex::new((0, 0)));
        let watch = {
            let most = most.clone();
            tokio::spawn(async move {
                loop {
                    let count = |folder: &str| std::fs::read_dir(folder).unwrap().count();
                    let now = (count("/proc/self/task"), count("/proc/self/fd"));
                    {
                        let mut most = most.lock().unwrap();
                        *most = (most.0.max(now.0), most.1.max(now.1));
                    }
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            })
        };
        let name = |number: usize| format!("session {number}");
        let tokens = world.login("alice");
        let logins: Vec<_> = (0..REFRESHED).map(|_| world.login("alice")).collect();
        for number in 0..names {
            let tokens = logins.get(number).unwrap_or(&tokens);
            registry.log_in(&name(number), tokens.clone()).unwrap();
        }
        until_saved(&registry).await;
        world.advance(301);
        let requests: Vec<_> = (0..names)
            .map(|number| {
                let registry = registry.clone();
                tokio::spawn(async move {
                    let session = registry.session(&name(number)).await.unwrap().unwrap();
                    if number < REFRESHED {
                        session.access().await.unwrap();
                    }
                })
            })
            .collect();
        for request in requests {
            request.await.unwrap();
        }
        watch.abort();
        let (threads, files) = *most.lock().unwrap();
        println!("{threads} threads and {files} files at once");
        assert!(threads < 40 && files < 200, "{threads} threads and {files} files");
    });
}

async fn until_saved(registry: &Registry<FileStores, TestEnv>) {
    let since = Instant::now();
    while registry.health().unsaved > 0 || registry.health().sessions > 100 {
        assert!(since.elapsed() < Duration::from_secs(300), "{:?}", registry.health());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
