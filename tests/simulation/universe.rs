//! One run: what happens when, and what must hold.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use oidc_proto::adapter::BlockingDriver;
use oidc_proto::flow::Discovery;
use oidc_proto::session::{
    Access, End, Event, Persistence, Record, Refusal, Session, SessionOptions, StoreAction, StoreAnswer, StoreTicket,
    Ticket, Transmit,
};
use oidc_proto::testing::{self, Clock, RegisteredClient, Reuse, TestEnv};
use oidc_proto::{
    AuthorizationRequest, Body, Callback, Client, Env, Failure, FailureKind, Issuer, Provider, ProviderOptions,
    RedirectUri, Schemes, Scope, Sent,
};

const ISSUER: &str = "https://op.example.org";
const REDIRECT_URI: &str = "https://app.example.org/cb";
const PROCESSES: usize = 3;
/// How long a lock is held before it is given to somebody else.
const LEASE: u64 = 60_000;
/// Trouble lasts for an hour, of access tokens that live five minutes; then there is peace.
const TROUBLE: u64 = 3_600_000;
const PEACE: u64 = 1_800_000;

type Answer = Result<Response<Vec<u8>>, Failure>;

/// What is on its way.
enum Post {
    Request { process: usize, life: u64, ticket: Ticket, request: Request<Body> },
    Answer { process: usize, life: u64, ticket: Ticket, answer: Answer },
    Ask { process: usize, life: u64, ticket: StoreTicket, action: StoreAction },
    Said { process: usize, life: u64, ticket: StoreTicket, answer: StoreAnswer },
    Wake { process: usize },
    Call { process: usize },
    Restart { process: usize },
}

struct Process {
    /// Counts restarts: what was meant for an earlier life does not arrive.
    life: u64,
    session: Option<Session>,
    suspended_until: u64,
    /// When somebody got a token that the provider took.
    served_at: u64,
}

#[derive(Default)]
struct Store {
    record: Option<Record>,
    lock: Option<(usize, u64, u64)>,
    waiting: Vec<(usize, u64, StoreTicket)>,
}

pub(crate) struct Universe {
    seed: u64,
    tells: bool,
    dice: u64,
    op: testing::Provider,
    env: TestEnv,
    provider: Arc<Provider>,
    client: Arc<Client>,
    processes: Vec<Process>,
    store: Store,
    /// By time, and by the order in which they were posted.
    queue: BTreeMap<(u64, u64), Post>,
    posted: u64,
    now: u64,
    refreshes: u64,
}

impl Universe {
    pub(crate) fn new(seed: u64, tells: bool) -> Self {
        let mut env = TestEnv::with_clock(seed, Clock::new());
        let op = testing::Provider::new(ISSUER)
            .with_reuse(Reuse::AllowedUntilSuccessorIsUsed)
            .with_client(RegisteredClient::public("app", REDIRECT_URI));
        let http = BlockingDriver::new(op.http(env.clock()));
        let issuer = Issuer::new(ISSUER, Schemes::HttpsOnly).unwrap();
        let step = Discovery::start(issuer, ProviderOptions::new()).unwrap();
        let provider = http.run(step, &mut env).unwrap().provider;
        let redirect_uri = RedirectUri::new(REDIRECT_URI).unwrap();
        let client = Client::new("app").with_redirect_uri(redirect_uri.clone()).shared();
        // Without `openid`: no ID tokens, so that a run costs no signatures.
        let request = AuthorizationRequest::new(redirect_uri, Scope::new("offline_access").unwrap());
        let (url, pending) = request.start(&provider, &client, &mut env).unwrap();
        let callback = Callback::from_url(op.visit(url.as_str(), env.now()).callback()).unwrap();
        let checked = pending.check(&callback, &provider, &env).unwrap();
        let step = pending.redeem(checked, &provider, &client, None, &mut env).unwrap();
        let tokens = http.run(step, &mut env).unwrap().verified().unwrap().tokens;
        let store = Store { record: Some(Record { generation: 1, tokens }), ..Store::default() };
        let processes =
            (0..PROCESSES).map(|_| Process { life: 0, session: None, suspended_until: 0, served_at: 0 }).collect();
        let dice = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let (queue, posted, now, refreshes) = (BTreeMap::new(), 0, 0, 0);
        Self { seed, tells, dice, op, env, provider, client, processes, store, queue, posted, now, refreshes }
    }

    /// Runs to the end, and returns how many refreshes there were.
    pub(crate) fn run(mut self) -> u64 {
        for process in 0..PROCESSES {
            self.post(0, Post::Restart { process });
            let later = self.roll(60_000);
            self.post(later, Post::Call { process });
        }
        while let Some(((at, _), post)) = self.queue.pop_first() {
            if at > TROUBLE + PEACE {
                break;
            }
            self.env.clock().advance(Duration::from_millis(at.saturating_sub(self.now)));
            self.now = at.max(self.now);
            self.carry_out(post);
        }
        // In peace everyone gets a token that the provider takes.
        for process in 0..PROCESSES {
            let last = self.processes[process].served_at;
            if last + 900_000 < TROUBLE + PEACE {
                self.broken(&format!("process {process} got its last good token after {last} ms"));
            }
        }
        self.refreshes
    }

    fn broken(&self, what: &str) -> ! {
        panic!("SIMULATION_SEED={}: after {} ms: {what}", self.seed, self.now)
    }

    fn tell(&self, what: impl FnOnce() -> String) {
        if self.tells {
            println!("{:>9} ms  {}", self.now, what());
        }
    }

    /// A number below `sides`.
    fn roll(&mut self, sides: u64) -> u64 {
        self.dice ^= self.dice << 13;
        self.dice ^= self.dice >> 7;
        self.dice ^= self.dice << 17;
        (self.dice >> 11) % sides
    }

    /// Whether something goes wrong that does so once in `times`; never in peace.
    fn trouble(&mut self, times: u64) -> bool {
        self.now < TROUBLE && self.roll(times) == 0
    }

    fn post(&mut self, after: u64, post: Post) {
        self.posted += 1;
        self.queue.insert((self.now + after, self.posted), post);
    }

    fn is_gone(&self, process: usize, life: u64) -> bool {
        self.processes[process].life != life || self.processes[process].session.is_none()
    }

    fn carry_out(&mut self, post: Post) {
        // A suspended process hears of nothing until it goes on.
        if let Post::Answer { process, .. }
        | Post::Said { process, .. }
        | Post::Wake { process }
        | Post::Call { process } = &post
        {
            let until = self.processes[*process].suspended_until;
            if until > self.now {
                return self.post(until - self.now, post);
            }
        }
        match post {
            Post::Restart { process } => self.restart(process),
            Post::Call { process } => self.call(process),
            Post::Wake { process } => self.with(process, |session, env| session.handle_timeout(env)),
            Post::Request { process, life, ticket, request } => self.serve(process, life, ticket, request),
            Post::Answer { process, life, ticket, answer } => {
                if !self.is_gone(process, life) {
                    self.with(process, |session, env| match answer {
                        Ok(response) => session.handle_response(ticket, response, env),
                        Err(failure) => session.handle_failure(ticket, failure, env),
                    });
                }
            }
            Post::Ask { process, life, ticket, action } => self.keep(process, life, ticket, action),
            Post::Said { process, life, ticket, answer } => {
                if !self.is_gone(process, life) {
                    self.with(process, |session, env| session.handle_store(ticket, answer, env));
                }
            }
        }
    }

    fn restart(&mut self, process: usize) {
        let Some(record) = self.store.record.clone() else { self.broken("the record is gone") };
        self.tell(|| format!("process {process} starts from generation {}", record.generation));
        let options = SessionOptions { persistence: Persistence::Shared, ..SessionOptions::default() };
        let (provider, client) = (self.provider.clone(), self.client.clone());
        let session = Session::new(record.tokens, record.generation, provider, client, options, &mut self.env).unwrap();
        self.processes[process].session = Some(session);
        self.with(process, |_, _| {});
    }

    /// Somebody wants a token, now and then; and now and then the process fares badly.
    fn call(&mut self, process: usize) {
        let later = 1000 + self.roll(120_000);
        self.post(later, Post::Call { process });
        if self.processes[process].session.is_none() {
            return;
        }
        if self.trouble(40) {
            self.tell(|| format!("process {process} is killed"));
            self.processes[process].session = None;
            self.processes[process].life += 1;
            let after = self.roll(30_000);
            return self.post(after, Post::Restart { process });
        }
        if self.trouble(40) {
            let length = 1000 + self.roll(900_000);
            self.tell(|| format!("process {process} is suspended for {length} ms"));
            self.processes[process].suspended_until = self.now + length;
            return;
        }
        if self.trouble(60) {
            let (by, back) = (Duration::from_millis(self.roll(600_000)), self.roll(2) == 0);
            self.tell(|| format!("the clock jumps by {by:?}, back: {back}"));
            if back { self.env.clock().jump_back(by) } else { self.env.clock().jump(by) }
        }
        let (op, mut served) = (self.op.clone(), false);
        self.with(process, |session, env| {
            let Access::Ready(token) = session.access(env) else { return };
            let token = token.clone();
            served = op.bearer(token.expose(), env.now()).is_some();
            if !served {
                let _ = session.unauthorized(&token, Refusal::Token, env);
            }
        });
        if served {
            self.processes[process].served_at = self.now;
        }
    }

    /// Gives a process its input, and posts what it wants in return.
    fn with(&mut self, process: usize, input: impl FnOnce(&mut Session, &mut TestEnv)) {
        let Some(mut session) = self.processes[process].session.take() else { return };
        let life = self.processes[process].life;
        input(&mut session, &mut self.env);
        while let Some((ticket, action)) = session.poll_store(&mut self.env) {
            self.tell(|| format!("process {process}: {}", name(&action)));
            let after = self.roll(50);
            self.post(after, Post::Ask { process, life, ticket, action });
        }
        while let Some(transmit) = session.poll_transmit(&mut self.env) {
            let Transmit::Call { ticket, request, .. } = transmit else { self.broken("a signature is asked for") };
            let after = 1 + self.roll(2000);
            self.post(after, Post::Request { process, life, ticket, request });
        }
        while let Some(event) = session.poll_event() {
            self.tell(|| format!("process {process}: {event:?}"));
            match event {
                Event::TokensRefreshed | Event::BackingOff(_) | Event::NotSaved | Event::Stalled(_) => {}
                other => self.broken(&format!("process {process}: {other:?}")),
            }
        }
        if let Access::Ended(End::NeedsLogin) = session.access(&mut self.env) {
            self.broken("a session has ended");
        }
        if let Some(due) = session.poll_timeout() {
            let after = due.saturating_since(self.env.ticks()).as_millis() as u64;
            self.post(after, Post::Wake { process });
        }
        self.processes[process].session = Some(session);
    }

    /// The provider, at the other end of a bad line.
    fn serve(&mut self, process: usize, life: u64, ticket: Ticket, request: Request<Body>) {
        let lost = Err(Failure::new(FailureKind::Timeout, Sent::Maybe));
        if self.trouble(10) {
            self.tell(|| format!("the request of process {process} is lost"));
            return self.reply(process, life, ticket, lost);
        }
        let answer = if self.trouble(10) {
            Ok(Response::builder().status(503).body(Vec::new()).unwrap())
        } else {
            self.refreshes += 1;
            let sent = String::from_utf8_lossy(request.body().as_ref()).into_owned();
            let answer = self.op.exchange(request, self.env.now());
            self.tell(|| {
                let body = answer.as_ref().map(|answer| String::from_utf8_lossy(answer.body()).into_owned());
                format!("the provider: {sent} -> {}", body.unwrap_or_default())
            });
            answer
        };
        if self.trouble(10) {
            self.tell(|| format!("the answer to process {process} is lost"));
            return self.reply(process, life, ticket, lost);
        }
        self.reply(process, life, ticket, answer);
    }

    fn reply(&mut self, process: usize, life: u64, ticket: Ticket, answer: Answer) {
        let late = if self.trouble(10) { 60_000 } else { 2000 };
        let after = 1 + self.roll(late);
        self.post(after, Post::Answer { process, life, ticket, answer });
    }

    fn keep(&mut self, process: usize, life: u64, ticket: StoreTicket, action: StoreAction) {
        let fails = self.trouble(15);
        let holder = self.store.lock.filter(|(_, _, until)| *until > self.now);
        let said = match action {
            StoreAction::Unlock => {
                if holder.is_some_and(|(own, own_life, _)| (own, own_life) == (process, life)) {
                    self.store.lock = None;
                }
                Some(StoreAnswer::Done)
            }
            StoreAction::Erase => self.broken("a record is erased"),
            StoreAction::Lock if fails => Some(StoreAnswer::Failed),
            StoreAction::Lock if holder.is_some() => {
                self.store.waiting.push((process, life, ticket));
                return;
            }
            StoreAction::Lock => {
                self.store.lock = Some((process, life, self.now + LEASE));
                Some(StoreAnswer::Locked)
            }
            StoreAction::Load if fails => Some(StoreAnswer::Failed),
            StoreAction::Load => Some(StoreAnswer::Loaded(self.store.record.clone().map(Box::new))),
            // It may have been written all the same.
            StoreAction::Save { expect, next } => {
                let current = self.store.record.clone().unwrap();
                let writes = current.generation == expect && (!fails || self.roll(2) == 0);
                if writes {
                    self.store.record = Some(*next);
                }
                let answer = match (fails, writes) {
                    (true, _) => StoreAnswer::Failed,
                    (false, true) => StoreAnswer::Saved,
                    (false, false) => StoreAnswer::Conflict(Box::new(current)),
                };
                Some(answer)
            }
        };
        if let Some(answer) = said {
            let after = 1 + self.roll(50);
            self.post(after, Post::Said { process, life, ticket, answer });
        }
        if self.store.lock.is_none_or(|(_, _, until)| until <= self.now) && !self.store.waiting.is_empty() {
            let (process, life, ticket) = self.store.waiting.remove(0);
            self.post(1, Post::Ask { process, life, ticket, action: StoreAction::Lock });
        }
    }
}

fn name(action: &StoreAction) -> &'static str {
    match action {
        StoreAction::Lock => "locks",
        StoreAction::Load => "loads",
        StoreAction::Save { .. } => "saves",
        StoreAction::Unlock => "unlocks",
        StoreAction::Erase => "erases",
    }
}
