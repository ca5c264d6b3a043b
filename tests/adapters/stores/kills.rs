//! Processes that are killed while they refresh, round after round. `ROUNDS` says how many rounds there are.

use std::time::{Duration, Instant};

use oidc_proto::Env as _;
use oidc_proto::adapter::SystemEnv;
use oidc_proto::testing::{On, RegisteredClient, Reuse};

use crate::stores::processes::{Process, Progress, REDIRECT_URI, log_in, open};
use crate::stores::tools::folder;
use crate::support::op::Op;

const PROCESSES: usize = 3;

/// How often a process asks again whose refresh failed.
const TRIES: usize = 20;

/// Whoever holds the lock of a server and is killed holds it until its lease ends.
const LEASE_SECONDS: u64 = 2;

/// How long to wait for a process whose request is under way.
const SOON: Duration = Duration::from_millis(500);

/// Kills, by how far the refresh of the process had come.
#[derive(Debug, Default)]
struct Kills {
    /// It had not asked the provider: it waited for another one, or had not begun.
    before: usize,
    /// The request was under way.
    sent: usize,
    /// The response had come, and the tokens were not known to be saved.
    answered: usize,
    /// The tokens were saved.
    after: usize,
}

impl Kills {
    fn count(&mut self, progress: Progress) {
        match progress {
            Progress::Nothing => self.before += 1,
            Progress::Sent => self.sent += 1,
            Progress::Answered => self.answered += 1,
            Progress::Saved => self.after += 1,
        }
    }
}

#[derive(Debug, Default)]
struct Figures {
    /// Refreshes that reached the provider.
    requests: usize,
    kills: Kills,
    /// Those after which the user has to log in again.
    lost: Kills,
    /// Rounds after which the next process needed more than one try.
    late: usize,
}

fn rounds() -> usize {
    std::env::var("ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(20)
}

/// Which process to kill: in three of four rounds the one whose request is under way, after a moment.
fn victim(processes: &[Process], round: usize) -> usize {
    let moment = |most: usize| std::thread::sleep(Duration::from_micros(((round * 7919) % most) as u64));
    let since = Instant::now();
    while !round.is_multiple_of(4) && since.elapsed() < SOON {
        if let Some(asks) = processes.iter().position(|process| process.progress() >= Progress::Sent) {
            moment(4_000);
            return asks;
        }
    }
    moment(40_000);
    round % PROCESSES
}

/// Each round: all refresh, one of them is killed, the others say what they have, and a new one takes its place.
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
        let victim = victim(&processes, round);
        let progress = processes.remove(victim).kill();
        figures.kills.count(progress);
        let told: Vec<_> = processes.iter_mut().map(Process::says).collect();
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
        let requests = op.provider.count(On::Token) - asked;
        figures.requests += requests;
        figures.late += usize::from(tries > 1);
        processes.push(next);
        // One that has failed pauses, or has ended: it starts anew.
        let is_token = |told: &String| !told.contains(['.', ' ']) && told != "pending";
        for (at, told) in told.iter().enumerate().filter(|(_, told)| !is_token(told)) {
            println!("round {round}: {told}");
            processes[at] = start(store, &op);
        }
        if token.is_none() {
            // Whose request was it that spent the refresh token? The one that was killed, and somebody sent it again.
            assert!(requests > 1, "lost by a single request, killed at {progress:?}");
            figures.lost.count(progress);
            processes = begin();
        }
    }
    figures
}

fn start(store: &str, op: &Op) -> Process {
    let mut process = Process::with_lease(LEASE_SECONDS, store, &op.issuer);
    assert_eq!(process.says(), "ready");
    process
}

/// A provider that accepts a refresh token once more loses nobody. One that does not loses those whose process was
/// killed between the request and the save: no client can know those tokens.
fn compare(name: &str, store: &str) {
    let rounds = rounds();
    for (provider, reuse) in
        [("a provider with grace", Reuse::AllowedUntilSuccessorIsUsed), ("a strict provider", Reuse::EndsGrant)]
    {
        let figures = run(store, reuse, rounds);
        println!("{name}, {provider}, {rounds} rounds: {figures:?}");
        let Figures { kills, lost, .. } = &figures;
        assert!(rounds < 20 || kills.sent + kills.answered > 0, "no kill met a refresh: {figures:?}");
        assert_eq!((lost.before, lost.after), (0, 0), "lost outside the window: {figures:?}");
        if reuse != Reuse::EndsGrant {
            assert_eq!((lost.sent, lost.answered), (0, 0), "{figures:?}");
        }
    }
}

#[test]
#[ignore = "takes minutes; `.ci/deep kills` runs it"]
fn processes_that_are_killed_lose_nothing_that_is_in_a_file() {
    let folder = folder();
    compare("a real file system", folder.path().join("session.json").to_str().unwrap());
}

#[cfg(target_os = "linux")]
#[test]
#[ignore = "takes minutes; `.ci/deep kills` runs it"]
fn processes_that_are_killed_lose_nothing_on_a_small_disk() {
    let small = crate::stores::full::Small::mount();
    compare("64 KiB", small.path().join("session.json").to_str().unwrap());
}

#[cfg(feature = "redis")]
#[test]
#[ignore = "takes minutes; `.ci/deep kills` runs it"]
fn processes_that_are_killed_lose_nothing_on_a_redis_server() {
    let server = crate::stores::redis_server::Server::start(&[]);
    compare("Redis", &server.url());
}
