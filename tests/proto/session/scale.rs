//! Work that grows no faster than what causes it. What is counted is the same on every machine.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::thread::{self, ThreadId};
use std::time::Duration;

use http::{Request, Response};
use oidc_proto::adapter::session::{NoToken, SessionHandle, Sessions};
use oidc_proto::adapter::store::NoStore;
use oidc_proto::adapter::{Driver, HttpClient, from_fn};
use oidc_proto::session::SessionOptions;
use oidc_proto::testing::TestEnv;
use oidc_proto::{Body, Env, Failure, MonotonicTime, Policy, Timestamp};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet, yield_now};

use crate::session::world::World;

type Reached = Result<Response<Vec<u8>>, Failure>;

#[derive(Default)]
struct Counts {
    /// Requests that were sent, and are answered together.
    flights: Mutex<Vec<oneshot::Sender<Reached>>>,
    /// The last of them.
    request: Mutex<Option<Request<Body>>>,
    flight_polls: AtomicUsize,
    runner_polls: AtomicUsize,
    caller_polls: AtomicUsize,
    /// In one poll of the runner: requests, and callers woken.
    most: AtomicUsize,
    now: AtomicUsize,
}

impl Counts {
    fn client(self: &Arc<Self>) -> impl HttpClient<Response: Send> + Send + 'static + use<> {
        let counts = self.clone();
        from_fn(move |request: Request<Body>, _: Policy| {
            let (sender, mut receiver) = oneshot::channel();
            counts.flights.lock().unwrap().push(sender);
            *counts.request.lock().unwrap() = Some(request);
            counts.now.fetch_add(1, Ordering::SeqCst);
            let counts = counts.clone();
            poll_fn(move |cx| {
                counts.flight_polls.fetch_add(1, Ordering::SeqCst);
                std::pin::Pin::new(&mut receiver).poll(cx).map(Result::unwrap)
            })
        })
    }

    fn run(self: &Arc<Self>, run: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
        let counts = self.clone();
        tokio::spawn(async move {
            let mut run = pin!(run);
            poll_fn(|cx| {
                counts.now.store(0, Ordering::SeqCst);
                let poll = run.as_mut().poll(cx);
                counts.runner_polls.fetch_add(1, Ordering::SeqCst);
                counts.most.fetch_max(counts.now.load(Ordering::SeqCst), Ordering::SeqCst);
                poll
            })
            .await;
        })
    }
}

/// How much was counted for so many sessions with so many callers each: polls of all kinds, and the most of one poll.
async fn count(sessions: usize, callers: usize) -> (usize, usize) {
    let mut world = World::new();
    world.advance(301);
    let counts = Arc::<Counts>::default();
    let (entrance, run) = Sessions::new(Driver::new(counts.client()), world.env.clone());
    let _run = counts.run(run.with_limit(usize::MAX));
    let handles: Vec<SessionHandle<TestEnv>> =
        (0..sessions).map(|_| entrance.add(world.session(SessionOptions::default()), NoStore).unwrap()).collect();
    let mut waiting = JoinSet::new();
    for handle in &handles {
        for _ in 0..callers {
            let (handle, counts) = (handle.clone(), counts.clone());
            waiting.spawn(async move {
                let mut access = pin!(handle.access());
                poll_fn(|cx| {
                    counts.caller_polls.fetch_add(1, Ordering::SeqCst);
                    access.as_mut().poll(cx).map(Result::unwrap)
                })
                .await
            });
        }
    }
    while counts.flights.lock().unwrap().len() < sessions {
        yield_now().await;
    }
    // The same for all: what is counted is the work of the adapter.
    let request = counts.request.lock().unwrap().take().unwrap();
    let response = world.op.handle(request, world.env.now());
    for flight in counts.flights.lock().unwrap().drain(..) {
        flight.send(Ok(response.clone())).unwrap();
    }
    while let Some(served) = waiting.join_next().await {
        served.unwrap();
    }
    let polls = [&counts.flight_polls, &counts.runner_polls, &counts.caller_polls];
    (polls.iter().map(|polls| polls.load(Ordering::SeqCst)).sum(), counts.most.load(Ordering::SeqCst))
}

/// The count at twice and at four times as much, each by the count before: 2 is linear.
fn assert_linear(counts: [usize; 3]) {
    let [one, two, four] = counts;
    let grows = |less: usize, more: usize| more as f64 / less as f64;
    assert!(grows(one, two) < 2.2 && grows(two, four) < 2.2, "{counts:?}");
}

#[tokio::test]
async fn a_response_costs_the_same_among_many_others() {
    let (one, two, four) = (count(400, 1).await, count(800, 1).await, count(1600, 1).await);
    assert_linear([one.0, two.0, four.0]);
    assert!(four.1 <= 96, "{} requests in one poll", four.1);
}

/// What one poll of the runner may do does not grow with the sessions that are due.
#[tokio::test]
async fn a_poll_of_the_runner_is_bounded_however_many_sessions_are_due() {
    let (few, many) = (count(1600, 1).await.1, count(12_800, 1).await.1);
    assert!(many <= few.max(96), "{few} requests in one poll, {many} of eight times as many sessions");
}

#[tokio::test]
async fn a_caller_costs_the_same_among_many_others() {
    let (one, two, four) = (count(1, 2000).await, count(1, 4000).await, count(1, 8000).await);
    assert_linear([one.0, two.0, four.0]);
}

/// The polls of callers who all give up at once, of a session whose provider does not respond.
async fn count_leaving(callers: usize) -> usize {
    let mut world = World::new();
    world.advance(301);
    let counts = Arc::<Counts>::default();
    let (entrance, run) = Sessions::new(Driver::new(counts.client()), world.env.clone());
    let _run = counts.run(run);
    let handle = entrance.add(world.session(SessionOptions::default()), NoStore).unwrap();
    let (leave, time) = tokio::sync::watch::channel(false);
    let mut waiting = JoinSet::new();
    for _ in 0..callers {
        let (handle, counts, mut time) = (handle.clone(), counts.clone(), time.clone());
        waiting.spawn(async move {
            let mut access = pin!(handle.access_before(async move { drop(time.changed().await) }));
            poll_fn(|cx| {
                counts.caller_polls.fetch_add(1, Ordering::SeqCst);
                access.as_mut().poll(cx)
            })
            .await
        });
    }
    while counts.caller_polls.load(Ordering::SeqCst) < callers || counts.flights.lock().unwrap().is_empty() {
        yield_now().await;
    }
    leave.send(true).unwrap();
    while let Some(left) = waiting.join_next().await {
        let left = left.unwrap();
        assert!(matches!(left, Err(NoToken::Late(None))), "{left:?}");
    }
    counts.runner_polls.load(Ordering::SeqCst) + counts.caller_polls.load(Ordering::SeqCst)
}

#[tokio::test]
async fn a_caller_who_gives_up_costs_the_same_among_many_others() {
    assert_linear([count_leaving(2000).await, count_leaving(4000).await, count_leaving(8000).await]);
}

/// Which thread, whom to tell, and what it waits for.
type Stop = (ThreadId, Sender<()>, Receiver<()>);

/// Stops a thread where it looks at the time of day.
struct Stopping {
    inner: TestEnv,
    stop: Arc<Mutex<Option<Stop>>>,
}

impl Env for Stopping {
    fn now(&self) -> Timestamp {
        let mut stop = self.stop.lock().unwrap();
        if stop.as_ref().is_some_and(|(whom, ..)| *whom == thread::current().id()) {
            let (_, stopped, go_on) = stop.take().unwrap();
            drop(stop);
            stopped.send(()).unwrap();
            let _ = go_on.recv();
        }
        self.inner.now()
    }

    fn monotonic(&self) -> MonotonicTime {
        self.inner.monotonic()
    }

    fn rng(&mut self) -> &mut dyn rand_core::CryptoRng {
        self.inner.rng()
    }
}

/// Asks on a thread of its own. The token, or nothing after a while.
fn access(handle: &SessionHandle<Stopping>) -> Option<String> {
    let (sender, receiver) = channel();
    let handle = handle.clone();
    thread::spawn(move || {
        let mut access = pin!(handle.access());
        if let Poll::Ready(Ok(token)) = access.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            let _ = sender.send(token.expose().to_owned());
        }
    });
    receiver.recv_timeout(Duration::from_secs(5)).ok()
}

#[test]
fn nobody_with_a_good_token_waits_while_a_response_is_verified() {
    let mut world = World::new();
    let (op, clock) = (world.op.clone(), world.env.clock().clone());
    let ((stopped, is_stopped), (go_on, goes_on)) = (channel(), channel());
    let (stop, orders) = (Arc::new(Mutex::new(None)), Arc::new(Mutex::new(Some((stopped, goes_on)))));
    let http = {
        let stop = stop.clone();
        move |request: Request<Body>, _: Policy| {
            let (stopped, goes_on) = orders.lock().unwrap().take().unwrap();
            *stop.lock().unwrap() = Some((thread::current().id(), stopped, goes_on));
            std::future::ready(op.exchange(request, clock.now()))
        }
    };
    let env = Stopping { inner: world.env.clone(), stop };
    let (sessions, run) = Sessions::new(Driver::new(from_fn(http)), env);
    let mut one = || sessions.add(world.session(SessionOptions::default()), NoStore).unwrap();
    let (refreshing, other) = (one(), one());
    let mut refresh = Box::pin({
        let refreshing = refreshing.clone();
        async move { refreshing.refresh().await.map(drop) }
    });
    assert!(refresh.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    let runner = thread::spawn(move || {
        let mut run = pin!(run);
        for _ in 0..100 {
            if run.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready() {
                return;
            }
        }
    });
    is_stopped.recv_timeout(Duration::from_secs(5)).unwrap();
    let (of_another, of_the_same) = (access(&other), access(&refreshing));
    go_on.send(()).unwrap();
    runner.join().unwrap();
    let old = world.tokens.access_token().expose();
    assert_eq!(of_another.as_deref(), Some(old), "the caller of another session");
    assert_eq!(of_the_same.as_deref(), Some(old), "the caller of the same session");
    assert!(matches!(refresh.as_mut().poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(Ok(()))));
}
