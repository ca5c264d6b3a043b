//! The adapter and the core at scale: what each unit of work costs at 10^3 to 10^5 of them, and the exponent of the growth.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use http::{Request, Response};
use oidc_proto::adapter::session::{SessionHandle, Sessions};
use oidc_proto::adapter::store::NoStore;
use oidc_proto::adapter::{Driver, HttpClient, NoTimer, from_fn};
use oidc_proto::{Body, Env, Failure, Issuer, MonotonicTime, Policy, Provider, ProviderOptions, Schemes, Timestamp};
use rand_core::CryptoRng;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{oneshot, watch};
use tokio::task::{JoinSet, yield_now};

use crate::contestants::{Login, VirtualEnv, soak_until};
use crate::fixtures::{Alg, DISCOVERY, ISSUED_AT, ISSUER, REFRESH_RESPONSE, respond};
use crate::thread_time::ThreadTime;

/// How long the access tokens of the fixtures live.
const LIFETIME: u64 = 300_000;

/// A clock that several look at.
struct SharedEnv {
    millis: Arc<AtomicU64>,
    inner: VirtualEnv,
}

impl SharedEnv {
    fn new(millis: &Arc<AtomicU64>) -> Self {
        Self { millis: millis.clone(), inner: VirtualEnv::new() }
    }
}

impl Env for SharedEnv {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_millis(1000 * ISSUED_AT + self.millis.load(Ordering::Relaxed))
    }

    fn monotonic(&self) -> MonotonicTime {
        MonotonicTime::from_millis(self.millis.load(Ordering::Relaxed))
    }

    fn rng(&mut self) -> &mut dyn CryptoRng {
        &mut self.inner
    }
}

type Reached = Result<Response<Vec<u8>>, Failure>;

/// A provider that answers when it is told to.
#[derive(Clone, Default)]
struct Held(Arc<Mutex<Vec<oneshot::Sender<Reached>>>>);

impl Held {
    fn client(&self) -> impl HttpClient<Response: Send> + Send + 'static + use<> {
        let held = self.clone();
        from_fn(move |_: Request<Body>, _: Policy| {
            let (sender, receiver) = oneshot::channel();
            held.0.lock().expect("no panic").push(sender);
            async move { receiver.await.expect("a response") }
        })
    }

    async fn wait_for(&self, flights: usize) {
        while self.0.lock().expect("no panic").len() < flights {
            yield_now().await;
        }
    }

    fn respond(&self, body: &[u8]) {
        for sender in self.0.lock().expect("no panic").drain(..) {
            drop(sender.send(Ok(respond(200, body))));
        }
    }
}

/// Sessions of one runner, and its longest poll in nanoseconds.
struct Crowd {
    runtime: Runtime,
    clock: Arc<AtomicU64>,
    held: Held,
    handles: Vec<SessionHandle<SharedEnv>>,
    longest: Arc<AtomicU64>,
}

impl Crowd {
    fn new(login: &Login, sessions: usize, threads: usize) -> Self {
        let mut builder = if threads == 0 { Builder::new_current_thread() } else { Builder::new_multi_thread() };
        let runtime = builder.worker_threads(threads.max(1)).build().expect("a runtime");
        let (clock, held, longest) = (Arc::<AtomicU64>::default(), Held::default(), Arc::<AtomicU64>::default());
        let (entrance, run) = Sessions::new(Driver::new(held.client()).with_timer(NoTimer), SharedEnv::new(&clock));
        let timed = longest.clone();
        runtime.spawn(async move {
            let mut run = pin!(run.with_limit(usize::MAX));
            poll_fn(|cx| {
                let start = ThreadTime::now();
                let poll = run.as_mut().poll(cx);
                timed.fetch_max(start.elapsed().as_nanos() as u64, Ordering::Relaxed);
                poll
            })
            .await;
        });
        let mut env = VirtualEnv::new();
        let handles = (0..sessions).map(|_| entrance.add(login.unsaved(&mut env), NoStore).unwrap()).collect();
        let mut crowd = Self { runtime, clock, held, handles, longest };
        crowd.settle();
        crowd
    }

    /// Lets the runner come to rest.
    fn settle(&mut self) {
        self.runtime.block_on(async {
            for _ in 0..100_000 {
                yield_now().await;
            }
        });
    }

    fn expire(&self) {
        self.clock.fetch_add(LIFETIME + 1000, Ordering::Relaxed);
    }

    /// The time of the thread that runs everything until all callers of the sessions have their tokens, from when the response comes or, if `all`, from
    /// when they ask.
    fn serve(&mut self, callers: usize, all: bool) -> Duration {
        let Self { runtime, held, handles, .. } = self;
        runtime.block_on(async {
            let mut start = ThreadTime::now();
            let mut waiting = JoinSet::new();
            for at in 0..callers {
                let handle = handles[at % handles.len()].clone();
                waiting.spawn(async move { handle.access().await.map(drop) });
            }
            held.wait_for(handles.len().min(callers)).await;
            yield_now().await;
            if !all {
                start = ThreadTime::now();
            }
            held.respond(REFRESH_RESPONSE);
            while let Some(served) = waiting.join_next().await {
                served.expect("no panic").expect("a token");
            }
            start.elapsed()
        })
    }

    /// The time that callers take who give up together.
    fn give_up(&mut self, callers: usize) -> Duration {
        let Self { runtime, held, handles, .. } = self;
        runtime.block_on(async {
            let start = ThreadTime::now();
            let (mut waiting, (deadline, is_over)) = (JoinSet::new(), watch::channel(false));
            for _ in 0..callers {
                let (handle, mut is_over) = (handles[0].clone(), is_over.clone());
                waiting.spawn(async move { handle.access_before(is_over.changed()).await.map(drop) });
            }
            held.wait_for(1).await;
            yield_now().await;
            deadline.send(true).expect("they listen");
            while let Some(late) = waiting.join_next().await {
                late.expect("no panic").expect_err("no token came");
            }
            start.elapsed()
        })
    }
}

fn callers_served(login: &Login, callers: usize) -> f64 {
    let mut crowd = Crowd::new(login, 1, 0);
    crowd.expire();
    crowd.serve(callers, true).as_secs_f64()
}

fn callers_late(login: &Login, callers: usize) -> f64 {
    let mut crowd = Crowd::new(login, 1, 0);
    crowd.expire();
    crowd.give_up(callers).as_secs_f64()
}

/// The time of all responses, and the longest poll.
fn flights(login: &Login, flights: usize) -> (f64, f64) {
    let mut crowd = Crowd::new(login, flights, 0);
    crowd.expire();
    let time = crowd.serve(flights, false).as_secs_f64();
    (time, crowd.longest.load(Ordering::Relaxed) as f64 / 1e9)
}

/// A caller who is not kept waiting, in nanoseconds.
fn access(handle: &SessionHandle<SharedEnv>) -> u64 {
    let start = Instant::now();
    let mut access = pin!(handle.access());
    let Poll::Ready(token) = access.as_mut().poll(&mut Context::from_waker(Waker::noop())) else {
        panic!("a good token");
    };
    let nanoseconds = start.elapsed().as_nanos() as u64;
    token.expect("a good token");
    nanoseconds
}

/// What part of these took no longer than that.
fn quantile(times: &mut [u64], part: f64) -> u64 {
    times.sort_unstable();
    times[((times.len() - 1) as f64 * part) as usize]
}

/// ID tokens that were verified.
static VERIFIED: AtomicU64 = AtomicU64::new(0);

/// `access` over many sessions: the median and the 999th of a thousand, in nanoseconds, while others verify ID tokens
/// or while nothing happens.
fn accesses(login: &Login, sessions: usize, others_verify: bool) -> (u64, u64) {
    let crowd = Crowd::new(login, sessions, 1);
    let response = Alg::Rs256.token_response();
    let (idle, busy) = crowd.handles.split_at(sessions / 2);
    let refreshing: Vec<_> = if others_verify { busy[..64.min(busy.len())].to_vec() } else { Vec::new() };
    let tasks: Vec<_> = refreshing
        .into_iter()
        .map(|handle| {
            crowd.runtime.spawn(async move {
                loop {
                    handle.refresh().await.expect("new tokens");
                    VERIFIED.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    let held = crowd.held.clone();
    let responder = crowd.runtime.spawn(async move {
        loop {
            held.respond(response);
            yield_now().await;
        }
    });
    std::thread::sleep(Duration::from_millis(200));
    let mut times: Vec<u64> = (0..200_000).map(|at| access(&idle[at * 7919 % idle.len()])).collect();
    assert!(!others_verify || VERIFIED.load(Ordering::Relaxed) > 100, "the others verified nothing");
    tasks.iter().for_each(|task| task.abort());
    responder.abort();
    (quantile(&mut times, 0.5), quantile(&mut times, 0.999))
}

/// The exponent of the growth: the slope of a line through the logarithms.
fn exponent(points: &[(usize, f64)]) -> f64 {
    let logs: Vec<(f64, f64)> = points.iter().map(|(n, time)| ((*n as f64).ln(), time.ln())).collect();
    let count = logs.len() as f64;
    let (x, y) = logs.iter().fold((0.0, 0.0), |(x, y), point| (x + point.0 / count, y + point.1 / count));
    let (top, bottom) = logs
        .iter()
        .fold((0.0, 0.0), |(top, bottom), point| (top + (point.0 - x) * (point.1 - y), bottom + (point.0 - x).powi(2)));
    top / bottom
}

fn row(what: &str, sizes: &[usize], time: impl Fn(usize) -> f64) {
    let points: Vec<(usize, f64)> = sizes.iter().map(|size| (*size, time(*size))).collect();
    let each: Vec<String> = points.iter().map(|(n, time)| format!("{:.2}", time * 1e6 / *n as f64)).collect();
    println!("| {what} | {} | {:.2} |", each.join(" | "), exponent(&points));
}

/// The metadata with so many more members.
fn document(members: usize) -> Vec<u8> {
    widened((0..members).map(|at| format!("\"x{at}\":{at}")))
}

/// The metadata with so many more objects in a member.
fn document_of_objects(objects: usize) -> Vec<u8> {
    let objects: Vec<String> = (0..objects).map(|at| format!("{{\"a\":{at}}}")).collect();
    widened([format!("\"x\":[{}]", objects.join(","))].into_iter())
}

fn widened(members: impl Iterator<Item = String>) -> Vec<u8> {
    let known = String::from_utf8(DISCOVERY.to_vec()).expect("text");
    let more: Vec<String> = members.collect();
    format!("{{{},{}", more.join(","), known.trim_start().trim_start_matches('{')).into_bytes()
}

/// The median time to parse the metadata.
fn parse(document: &[u8]) -> f64 {
    let issuer = Issuer::new(ISSUER, Schemes::HttpsOnly).expect("an issuer");
    let mut times: Vec<f64> = (0..21)
        .map(|_| {
            let start = Instant::now();
            Provider::from_json(document, &issuer, ProviderOptions::new()).expect("good metadata");
            start.elapsed().as_secs_f64()
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[10]
}

/// Prints the table, with so many callers, flights and sessions of the core at most.
pub fn print(most: usize) {
    let login = Login::new();
    let sizes: Vec<usize> = std::iter::successors(Some(1000), |n| Some(n * 10)).take_while(|n| *n <= most).collect();
    let adapter: Vec<usize> = sizes.iter().copied().filter(|n| *n <= 100_000).collect();
    // Documents have at most 256 KiB.
    let few: Vec<usize> = sizes.iter().copied().filter(|n| *n <= 10_000).collect();
    let names: Vec<String> = sizes.iter().map(usize::to_string).collect();
    println!("| microseconds of each | {} | exponent |\n|---|{}--:|", names.join(" | "), "--:|".repeat(sizes.len()));
    row("callers of one session, served", &adapter, |n| callers_served(&login, n));
    row("callers of one session, too late", &adapter, |n| callers_late(&login, n));
    row("responses at once", &adapter, |n| flights(&login, n).0);
    row("sessions of the core, a refresh", &sizes, |n| {
        let soak = soak_until(&login, n, LIFETIME * 2);
        soak.elapsed.as_secs_f64() * n as f64 / soak.refreshes.max(1) as f64
    });
    row("members of a metadata document", &few, |n| parse(&document(n)));
    row("objects in a metadata document", &few, |n| parse(&document_of_objects(n)));
    println!();
    for &size in &adapter {
        let longest = flights(&login, size).1;
        println!("longest poll of the runner, {size} sessions: {:.2} ms", longest * 1e3);
    }
    for (what, others_verify) in [("while nothing happens", false), ("while others verify ID tokens", true)] {
        let (median, rare) = accesses(&login, 10_000, others_verify);
        println!("access over 10,000 sessions {what}: p50 {median} ns, p99.9 {rare} ns");
    }
}
