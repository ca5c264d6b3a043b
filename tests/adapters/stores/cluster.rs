//! A real Redis cluster of three primaries, and one server with a sentinel; and what becomes of the sessions when a primary
//! dies.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use oidc_proto::Env as _;
use oidc_proto::adapter::session::{BlockingSession, NoToken};
use oidc_proto::adapter::store::redis::{AsyncRedis, Redis, RedisOptions, RedisStore};
use oidc_proto::adapter::{SystemEnv, ureq};
use oidc_proto::session::Session;
use oidc_proto::testing::{RegisteredClient, Reuse, TestEnv};
use redis::cluster::ClusterClient;
use redis::sentinel::{SentinelClient, SentinelServerType};
use tempfile::TempDir;

use crate::stores::conformance::{conforms, conforms_blocking};
use crate::stores::processes::{REDIRECT_URI, log_in, party};
use crate::stores::redis::options;
use crate::stores::redis_server::{Server, TIMEOUT};
use crate::stores::tools::{LEASE, SOON, folder};
use crate::stores::world::shared;
use crate::support::op::Op;

/// How long a node is silent before the others take it for dead, in milliseconds.
const SILENCE: &str = "1000";

/// Longer than a replica needs to be elected on a busy machine.
const ELECTION: Duration = Duration::from_secs(60);

const SESSIONS: usize = 24;

/// Three nodes, each with a third of the slots, and a replica of each where there are six.
struct Cluster(Vec<Server>);

impl Cluster {
    fn start(replicas: usize) -> Self {
        let arguments = ["--cluster-enabled", "yes", "--cluster-node-timeout", SILENCE];
        let nodes: Vec<_> = (0..3 * (1 + replicas)).map(|_| Server::start(&arguments)).collect();
        let mut create = Command::new("redis-cli");
        create.args(["--cluster", "create"]).args(nodes.iter().map(|node| format!("127.0.0.1:{}", node.port)));
        create.args(["--cluster-replicas", &replicas.to_string(), "--cluster-yes"]);
        assert!(create.stdout(Stdio::null()).status().unwrap().success());
        let cluster = Self(nodes);
        cluster.until(|cluster| cluster.0.iter().all(|node| info(node, "CLUSTER", "cluster_state") == "ok"));
        if replicas > 0 {
            // What a replica has not got yet is lost with its primary.
            cluster.until(|cluster| {
                cluster.0.iter().filter(|node| info(node, "INFO", "master_link_status") == "up").count() == 3
            });
        }
        cluster
    }

    fn until(&self, is_so: impl Fn(&Self) -> bool) {
        let since = Instant::now();
        while !is_so(self) {
            assert!(since.elapsed() < ELECTION, "the cluster does not come to this state");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn client(&self, timeout: Duration) -> ClusterClient {
        redis::cluster::ClusterClientBuilder::new(self.0.iter().map(Server::url))
            .connection_timeout(timeout)
            .response_timeout(timeout)
            // Each try takes time that a session's lock does not have.
            .retries(1)
            .build()
            .unwrap()
    }

    fn redis(&self, options: RedisOptions) -> Redis {
        let client = self.client(TIMEOUT);
        Redis::with_connections(move |_| client.get_connection(), options)
    }

    /// By `SIGKILL`.
    fn kill(&mut self, node: usize) {
        self.0.remove(node).kill();
    }

    /// Somebody else has the slots of the primary that died, and all know it.
    fn has_healed(&self) -> bool {
        let is_good = |node| info(node, "CLUSTER", "cluster_state") == "ok";
        self.primaries().len() == 3 && self.0.iter().all(is_good)
    }

    fn primaries(&self) -> Vec<usize> {
        let is_primary = |at: &usize| info(&self.0[*at], "INFO", "role") == "master";
        (0..self.0.len()).filter(is_primary).collect()
    }
}

/// A line of `CLUSTER INFO` or `INFO`; nothing from a node that changes its role right now.
fn info(node: &Server, what: &str, name: &str) -> String {
    let words: &[&str] = if what == "CLUSTER" { &["CLUSTER", "INFO"] } else { &["INFO", "replication"] };
    let text = match node.try_command(words) {
        Ok(redis::Value::BulkString(text)) => String::from_utf8(text).unwrap(),
        Ok(redis::Value::VerbatimString { text, .. }) => text,
        Ok(other) => panic!("{other:?}"),
        Err(_) => String::new(),
    };
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    value.unwrap_or_default().trim_end().to_owned()
}

#[test]
#[ignore = "needs a Redis server"]
fn a_cluster_conforms() {
    let cluster = Cluster::start(0);
    let seeds = std::cell::Cell::new(0);
    let env = || {
        seeds.set(seeds.get() + 1);
        TestEnv::seeded(seeds.get())
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let _inside = runtime.enter();
    for name in ["a", "b", "c", "d", "{e}f"] {
        conforms_blocking(|patience| cluster.redis(options(patience)).store(name, &mut env()));
        conforms(|patience| {
            let client = cluster.client(TIMEOUT);
            let connect = move |_| {
                let client = client.clone();
                async move { client.get_async_connection().await }
            };
            AsyncRedis::with_connection(connect, options(patience)).store(name, &mut env())
        });
    }
    for node in &cluster.0 {
        assert_eq!(node.command(&["DBSIZE"]), redis::Value::Int(0));
    }
}

/// What became of the refreshes of one session.
#[derive(Debug, Default)]
struct Figures {
    refreshed: usize,
    /// The errors of those that failed.
    failed: BTreeMap<&'static str, usize>,
    /// Why the session has ended, if it has.
    ended: Option<String>,
}

/// Refreshes all the time, until it has done so after the cluster has healed.
fn refreshes(op: &Op, store: RedisStore, begun: &AtomicUsize, healed: &AtomicBool) -> Figures {
    const ENOUGH: usize = 3;
    let mut env = SystemEnv::new().unwrap();
    let record = store.load().unwrap().unwrap();
    let (stored, party) = (Some(record.version()), party(&op.issuer, &mut env));
    // No longer than the lease of the store.
    let options = shared().with_deadline(LEASE);
    let session = Session::new(record.tokens, stored, party, options, &mut env).unwrap();
    let session = BlockingSession::new(session, ureq::Client::new().unwrap(), store, env).unwrap();
    let (mut figures, mut since_then, start) = (Figures::default(), 0, Instant::now());
    while since_then < ENOUGH && start.elapsed() < 2 * ELECTION {
        let is_healed = healed.load(Ordering::SeqCst);
        match session.refresh(Duration::from_secs(5)) {
            Ok(_) => {
                if figures.refreshed == 0 {
                    begun.fetch_add(1, Ordering::SeqCst);
                }
                figures.refreshed += 1;
                since_then += usize::from(is_healed);
            }
            Err(NoToken::Ended(end)) => {
                figures.ended = Some(end.to_string());
                break;
            }
            Err(error) => {
                let code = error.error().map_or("late", |error| error.code().as_str());
                *figures.failed.entry(code).or_default() += 1;
            }
        }
    }
    while !session.is_idle() && start.elapsed() < 3 * ELECTION {
        session.tend(Duration::from_millis(50));
    }
    figures
}

/// Has each session refresh in so many processes, and kills whoever keeps it meanwhile. `kill` returns when there is a
/// successor. Returns how many sessions were lost.
fn lost(redis: &Redis, reuse: Reuse, processes: usize, kill: impl FnOnce()) -> usize {
    let op = Op::with(|provider| provider.with_client(RegisteredClient::public("app", REDIRECT_URI)).with_reuse(reuse));
    let store = |number: usize| redis.store(&format!("session {number}"), &mut SystemEnv::new().unwrap());
    (0..SESSIONS).for_each(|number| log_in(&op, &store(number)));
    let (begun, healed) = (AtomicUsize::new(0), AtomicBool::new(false));
    let figures: Vec<_> = std::thread::scope(|scope| {
        let (op, begun, healed, store) = (&op, &begun, &healed, &store);
        let running: Vec<_> = (0..SESSIONS * processes)
            .map(|number| store(number % SESSIONS))
            .map(|store| scope.spawn(move || refreshes(op, store, begun, healed)))
            .collect();
        let since = Instant::now();
        while begun.load(Ordering::SeqCst) < running.len() && since.elapsed() < ELECTION {
            std::thread::sleep(Duration::from_millis(1));
        }
        let since = Instant::now();
        kill();
        println!("a successor after {} ms", since.elapsed().as_millis());
        healed.store(true, Ordering::SeqCst);
        running.into_iter().map(|running| running.join().unwrap()).collect()
    });
    let refreshed: usize = figures.iter().map(|figures| figures.refreshed).sum();
    let mut failed = BTreeMap::new();
    for (code, count) in figures.iter().flat_map(|figures| &figures.failed) {
        *failed.entry(*code).or_insert(0) += count;
    }
    let has_ended = |at: &usize| figures[*at].ended.is_some();
    let ended: BTreeSet<_> = (0..figures.len()).filter(has_ended).map(|at| at % SESSIONS).collect();
    println!("{reuse:?}, {processes} processes a session: {refreshed} refreshed, failed {failed:?}, lost {ended:?}");
    // A fault of the store is no other's.
    let is_of_store = |code: &&str| ["late", "session.store"].contains(code) || code.starts_with("store.");
    assert!(failed.keys().all(is_of_store), "{failed:?}");
    for number in (0..SESSIONS).filter(|number| !ended.contains(number)) {
        let token = store(number).load().unwrap().unwrap().tokens.access_token().expose().to_owned();
        let is_good = op.provider.bearer(&token, SystemEnv::new().unwrap().now()).is_some();
        assert!(is_good, "session {number}: what is stored is not what lives");
    }
    ended.len()
}

/// Kills a primary of the cluster.
fn lost_with_a_primary(reuse: Reuse, processes: usize) -> usize {
    let mut cluster = Cluster::start(1);
    let redis = cluster.redis(options(SOON).with_lease(LEASE));
    lost(&redis, reuse, processes, || {
        let primary = cluster.primaries()[0];
        cluster.kill(primary);
        cluster.until(Cluster::has_healed);
    })
}

/// Saves that the primary took with it are made again by the process that has the tokens.
#[test]
#[ignore = "needs a Redis server"]
fn a_primary_that_dies_costs_no_session() {
    assert_eq!(lost_with_a_primary(Reuse::EndsGrant, 1), 0);
}

/// A lock that the primary took with it is free for another process while its holder refreshes: both use one refresh
/// token. A provider with grace accepts that.
#[test]
#[ignore = "needs a Redis server"]
fn a_primary_that_dies_costs_no_session_of_two_processes() {
    assert_eq!(lost_with_a_primary(Reuse::AllowedUntilSuccessorIsUsed, 2), 0);
}

/// A process that says who the primary of one server and its replica is, and makes the replica one.
struct Sentinel {
    child: Child,
    port: u16,
    _folder: TempDir,
}

impl Sentinel {
    fn start(primary: u16) -> Self {
        let started = (0..5).find_map(|_| {
            let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
            let folder = folder();
            let path = folder.path().join("sentinel.conf");
            let lines = [
                format!("bind 127.0.0.1\nport {port}\ndir {}", folder.path().display()),
                format!("sentinel monitor app 127.0.0.1 {primary} 1"),
                format!("sentinel down-after-milliseconds app {SILENCE}\nsentinel failover-timeout app 5000\n"),
            ];
            std::fs::write(&path, lines.join("\n")).unwrap();
            let mut command = Command::new("redis-server");
            let child = command.arg(&path).arg("--sentinel").stdout(Stdio::null()).spawn().unwrap();
            let mut sentinel = Self { child, port, _folder: folder };
            sentinel.is_ready().then_some(sentinel)
        });
        started.expect("a sentinel that responds")
    }

    /// Whether it knows the replica; not if it has ended.
    fn is_ready(&mut self) -> bool {
        let since = Instant::now();
        while since.elapsed() < ELECTION && self.child.try_wait().unwrap().is_none() {
            let replicas = self.ask(&["SENTINEL", "REPLICAS", "app"]);
            if matches!(replicas, Ok(redis::Value::Array(replicas)) if replicas.len() == 1) {
                return true;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        false
    }

    fn ask(&self, words: &[&str]) -> redis::RedisResult<redis::Value> {
        let client = redis::Client::open(format!("redis://127.0.0.1:{}/", self.port))?;
        redis::cmd(words[0]).arg(&words[1..]).query(&mut client.get_connection_with_timeout(TIMEOUT)?)
    }

    fn redis(&self, options: RedisOptions) -> Redis {
        let url = format!("redis://127.0.0.1:{}/", self.port);
        let client = SentinelClient::build(vec![url], "app".to_owned(), None, SentinelServerType::Master).unwrap();
        let client = Mutex::new(client);
        let connect = move |timeout| {
            let primary = client.lock().unwrap().get_client()?;
            let connection = primary.get_connection_with_timeout(timeout)?;
            connection.set_read_timeout(Some(timeout))?;
            connection.set_write_timeout(Some(timeout))?;
            Ok(connection)
        };
        Redis::with_connections(connect, options)
    }
}

impl Drop for Sentinel {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
#[ignore = "needs a Redis server"]
fn a_sentinel_names_the_successor_and_no_session_is_lost() {
    let mut primary = Server::start(&[]);
    let replica = Server::start(&["--replicaof", "127.0.0.1", &primary.port.to_string()]);
    let sentinel = Sentinel::start(primary.port);
    let since = Instant::now();
    while info(&replica, "INFO", "master_link_status") != "up" {
        assert!(since.elapsed() < ELECTION);
        std::thread::sleep(Duration::from_millis(20));
    }
    let redis = sentinel.redis(options(SOON).with_lease(LEASE));
    let lost = lost(&redis, Reuse::EndsGrant, 1, || {
        primary.kill();
        let since = Instant::now();
        while info(&replica, "INFO", "role") != "master" {
            assert!(since.elapsed() < ELECTION);
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    assert_eq!(lost, 0);
}
