//! Processes that are killed while they refresh, round after round. `ROUNDS` says how many rounds there are.

use std::time::Duration;

use oidc_proto::Env as _;
use oidc_proto::adapter::SystemEnv;
use oidc_proto::testing::{On, RegisteredClient, Reuse};

use crate::stores::processes::{Process, REDIRECT_URI, log_in, open};
use crate::stores::tools::folder;
use crate::support::op::Op;

const PROCESSES: usize = 3;

/// How often a process asks again whose refresh failed.
const TRIES: usize = 20;

#[derive(Debug, Default)]
struct Figures {
    /// Refreshes that reached the provider.
    requests: usize,
    /// Rounds after which the user has to log in again.
    lost: usize,
    /// Rounds after which the next process needed more than one try.
    late: usize,
}

fn rounds() -> usize {
    std::env::var("ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(20)
}

/// Each round: all refresh, one of them is killed at some moment, the others say what they have, and a new one takes
/// its place.
fn run(store: &str, reuse: Reuse, rounds: usize) -> Figures {
    let op = Op::with(|provider| provider.with_client(RegisteredClient::public("app", REDIRECT_URI)).with_reuse(reuse));
    let env = SystemEnv::new().unwrap();
    let mut figures = Figures::default();
    let begin = || {
        log_in(&op, &*open(store));
        (0..PROCESSES).map(|_| start(store, &op)).collect::<Vec<_>>()
    };
    let mut processes = begin();
    for round in 0..rounds {
        let asked = op.provider.count(On::Token);
        processes.iter_mut().for_each(Process::go);
        // A refresh takes some milliseconds: each of them is met.
        std::thread::sleep(Duration::from_micros((round as u64 * 7919) % 40_000));
        processes.remove(round % PROCESSES).kill();
        let told: Vec<_> = processes.iter_mut().map(Process::says).collect();
        figures.requests += op.provider.count(On::Token) - asked;
        let mut next = start(store, &op);
        let mut tries = 0;
        let token = loop {
            next.go();
            tries += 1;
            let token = next.says();
            let is_good = op.provider.bearer(&token, env.now()).is_some();
            if is_good || token.contains("log in") || tries > TRIES {
                break is_good.then_some(token);
            }
            std::thread::sleep(Duration::from_millis(100));
        };
        figures.late += usize::from(tries > 1);
        processes.push(next);
        // One that has failed pauses, or has ended: it starts anew.
        let is_token = |told: &String| !told.contains(['.', ' ']) && told != "pending";
        for (at, told) in told.iter().enumerate().filter(|(_, told)| !is_token(told)) {
            println!("round {round}: {told}");
            processes[at] = start(store, &op);
        }
        if token.is_none() {
            figures.lost += 1;
            processes = begin();
        }
    }
    figures
}

fn start(store: &str, op: &Op) -> Process {
    let mut process = Process::start("refresh", store, &op.issuer);
    assert_eq!(process.says(), "ready");
    process
}

/// A provider that accepts a refresh token once more loses nobody. One that does not loses those whose process was
/// killed between the request and the save: no client can know those tokens.
fn compare(name: &str, store: &str, rounds: usize) {
    let grace = run(store, Reuse::AllowedUntilSuccessorIsUsed, rounds);
    println!("{name}, a provider with grace, {rounds} rounds: {grace:?}");
    assert_eq!(grace.lost, 0, "{grace:?}");
    let strict = run(store, Reuse::EndsGrant, rounds);
    println!("{name}, a strict provider, {rounds} rounds: {strict:?}");
    // Not each kill, and not half of them, falls into the time of one request.
    assert!(strict.lost <= rounds / 2, "{strict:?}");
}

#[test]
#[ignore = "takes minutes; `.ci/deep kills` runs it"]
fn processes_that_are_killed_lose_nothing_that_is_in_a_file() {
    let folder = folder();
    compare("a real file system", folder.path().join("session.json").to_str().unwrap(), rounds());
}

#[cfg(target_os = "linux")]
#[test]
#[ignore = "takes minutes; `.ci/deep kills` runs it"]
fn processes_that_are_killed_lose_nothing_on_a_small_disk() {
    let small = crate::stores::full::Small::mount();
    compare("64 KiB", small.path().join("session.json").to_str().unwrap(), rounds());
}

#[cfg(feature = "redis")]
#[test]
#[ignore = "takes minutes; `.ci/deep kills` runs it"]
fn processes_that_are_killed_lose_nothing_on_a_redis_server() {
    let server = crate::stores::redis_server::Server::start(&[]);
    // Whoever holds the lock and is killed holds it until its lease ends.
    compare("Redis", &server.url(), rounds().div_ceil(5));
}
