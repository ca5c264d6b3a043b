//! Sessions of oidc-proto. No peer has one.

use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::future::Future;
use std::hint::black_box;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use http::{Request, Response};
use oidc_proto::adapter::session::Sessions;
use oidc_proto::adapter::store::NoStore;
use oidc_proto::adapter::{Driver, NoTimer, from_fn};
use oidc_proto::session::{
    Access, Persistence, Session, SessionOptions, StoreAction, StoreResponse, StoreTicket, Ticket, Transmit,
};
use oidc_proto::{Body, Env, Failure, IdToken, MonotonicTime, Policy, RelyingParty, Secret, Timestamp, TokenSet};
use rand_core::{CryptoRng, Infallible, TryCryptoRng, TryRng};

use super::ours::{ANY, World};
use crate::case::{Case, Held, Soak};
use crate::counting::count;
use crate::fixtures::*;

/// A clock that is set, and numbers that only spread the moments at which sessions refresh.
pub struct VirtualEnv {
    millis: u64,
    drawn: u64,
}

impl VirtualEnv {
    pub fn new() -> Self {
        Self { millis: 0, drawn: 0 }
    }
}

impl Env for VirtualEnv {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_millis(1000 * ISSUED_AT + self.millis)
    }

    fn monotonic(&self) -> MonotonicTime {
        MonotonicTime::from_millis(self.millis)
    }

    fn rng(&mut self) -> &mut dyn CryptoRng {
        self
    }
}

impl TryRng for VirtualEnv {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        self.try_next_u64().map(|number| (number >> 32) as u32)
    }

    /// SplitMix64.
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.drawn = self.drawn.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.drawn ^ self.drawn >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        Ok(mixed ^ mixed >> 31)
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        for chunk in out.chunks_mut(8) {
            chunk.copy_from_slice(&self.try_next_u64()?.to_le_bytes()[..chunk.len()]);
        }
        Ok(())
    }
}

impl TryCryptoRng for VirtualEnv {}

/// What all sessions have in common, and the tokens that they start with, as they were stored.
pub struct Login {
    party: RelyingParty,
    tokens: TokenSet,
    stored: String,
}

impl Login {
    pub fn new() -> Self {
        let world = World::with_keys(None);
        let tokens = world.tokens(&SCOPES.join(" "));
        let stored = serde_json::to_string(&tokens).expect("they are made to be stored");
        Self { party: world.party.clone(), tokens, stored }
    }

    fn session(&self, env: &mut VirtualEnv) -> Session {
        self.restore(SessionOptions::default().with_persistence(Persistence::Own), env)
    }

    /// A session without a store.
    pub fn unsaved(&self, env: &mut VirtualEnv) -> Session {
        self.restore(SessionOptions::default(), env)
    }

    fn restore(&self, options: SessionOptions, env: &mut VirtualEnv) -> Session {
        let tokens = TokenSet::from_json(&self.stored).expect("as it was stored");
        Session::new(tokens, None, self.party.clone(), options, env).expect("its own tokens")
    }

    /// How long the texts of the tokens are.
    fn texts(&self) -> usize {
        let refresh_token = self.tokens.refresh_token().map_or("", Secret::expose);
        let id_token = self.tokens.id_token().map_or("", |id_token| id_token.expose());
        self.tokens.access_token().expose().len() + refresh_token.len() + id_token.len()
    }
}

fn ask(session: &mut Session, env: &mut VirtualEnv) -> Ticket {
    let Access::Wait(_) = session.refresh(env) else { panic!("a refresh") };
    sent(session, env)
}

/// The store shows that it can save what comes, and the request is sent.
fn sent(session: &mut Session, env: &mut VirtualEnv) -> Ticket {
    while let Some((ticket, action)) = session.poll_store(env) {
        let StoreAction::Prepare { .. } = action else { panic!("a preparation") };
        session.handle_store(ticket, StoreResponse::Prepared, env);
    }
    let Some(Transmit::Call { ticket, request, .. }) = session.poll_transmit(env) else { panic!("a request") };
    black_box(request);
    ticket
}

fn receive(session: &mut Session, ticket: Ticket, response: Response<Vec<u8>>, env: &mut VirtualEnv) -> StoreTicket {
    session.handle_response(ticket, response, env);
    let Some((ticket, StoreAction::Save { next, .. })) = session.poll_store(env) else { panic!("tokens to save") };
    black_box(next);
    ticket
}

fn saved(session: &mut Session, ticket: StoreTicket, env: &mut VirtualEnv) {
    session.handle_store(ticket, StoreResponse::Saved, env);
    while let Some(event) = session.poll_event() {
        black_box(event);
    }
}

/// An operation on a session of its own, which outlives the measurement.
fn step<T: 'static>(
    work: &'static str,
    input: impl Fn() -> (Session, T) + 'static,
    run: impl Fn(&mut Session, T) + Clone + 'static,
) -> Case {
    let kept = Rc::new(RefCell::new(Vec::with_capacity(1 << 14)));
    let own = kept.clone();
    let input = move || {
        own.borrow_mut().clear();
        input()
    };
    Case::consuming(work, ANY, input, move |(mut session, with)| {
        run(&mut session, with);
        kept.borrow_mut().push(session);
    })
}

/// A caller at a handle, whose session has a good token.
fn handle_access(login: &Login) -> Case {
    let client = from_fn(|_: Request<Body>, _: Policy| std::future::pending::<Result<Response<Vec<u8>>, Failure>>());
    let (sessions, run) = Sessions::new(Driver::new(client).with_timer(NoTimer), VirtualEnv::new());
    let handle = sessions.add(login.unsaved(&mut VirtualEnv::new()), NoStore).unwrap();
    let kept = Rc::new((handle, run));
    Case::new("S1h-handle-access", ANY, move || {
        let mut access = pin!(kept.0.access());
        let Poll::Ready(token) = access.as_mut().poll(&mut Context::from_waker(Waker::noop())) else {
            panic!("a good token")
        };
        drop(black_box(token.expect("a good token")));
    })
}

pub fn cases() -> Vec<Case> {
    let login = Rc::new(Login::new());
    let logins: [_; 6] = std::array::from_fn(|_| login.clone());
    let [good, handle_of, whole, to_ask, to_receive, to_save] = logins;
    let good = Rc::new(RefCell::new(good.session(&mut VirtualEnv::new())));
    let whole = Rc::new(RefCell::new(whole.session(&mut VirtualEnv::new())));
    vec![
        Case::new("S1-access", ANY, move || {
            let mut session = good.borrow_mut();
            let Access::Ready(token) = session.access(&mut VirtualEnv::new()) else { panic!("a good token") };
            black_box(token);
        }),
        Case::new("S2-refresh", ANY, move || {
            let (session, env) = (&mut *whole.borrow_mut(), &mut VirtualEnv::new());
            let ticket = ask(session, env);
            let ticket = receive(session, ticket, respond(200, REFRESH_RESPONSE), env);
            saved(session, ticket, env);
        }),
        handle_access(&handle_of),
        step(
            "S2a-refresh-asked",
            move || (to_ask.session(&mut VirtualEnv::new()), ()),
            |session, ()| drop(black_box(ask(session, &mut VirtualEnv::new()))),
        ),
        step(
            "S2b-refresh-answered",
            move || {
                let mut session = to_receive.session(&mut VirtualEnv::new());
                let ticket = ask(&mut session, &mut VirtualEnv::new());
                (session, (ticket, respond(200, REFRESH_RESPONSE)))
            },
            |session, (ticket, response)| drop(black_box(receive(session, ticket, response, &mut VirtualEnv::new()))),
        ),
        step(
            "S2c-refresh-saved",
            move || {
                let (mut session, env) = (to_save.session(&mut VirtualEnv::new()), &mut VirtualEnv::new());
                let ticket = ask(&mut session, env);
                let ticket = receive(&mut session, ticket, respond(200, REFRESH_RESPONSE), env);
                (session, ticket)
            },
            |session, ticket| saved(session, ticket, &mut VirtualEnv::new()),
        ),
    ]
}

pub fn held() -> Vec<Held> {
    let login = Login::new();
    let idle = super::hold("oidc-proto Session, restored, idle", size_of::<Session>(), || {
        login.session(&mut VirtualEnv::new())
    });
    let rest = Held {
        who: "oidc-proto Session, restored, idle, less the texts of its three tokens".into(),
        heap: idle.heap - login.texts(),
        ..idle.clone()
    };
    let values = Held {
        who: "oidc-proto Session, restored, idle: Session and IdToken without any string".into(),
        // The ID token is behind an `Arc`, whose counts are two words.
        heap: size_of::<IdToken>() + 2 * size_of::<usize>(),
        ..idle.clone()
    };
    vec![idle, rest, values]
}

/// What a session that does nothing costs beside the texts of its tokens, in bytes.
pub fn idle_session() -> usize {
    let login = Login::new();
    let idle = super::hold("", size_of::<Session>(), || login.session(&mut VirtualEnv::new()));
    idle.size + idle.heap - login.texts()
}

/// A day of many sessions in one thread: each refreshes when its tokens, which live for an hour, run low. Once for the
/// time, and once more to count.
pub fn soak(sessions: usize) -> Soak {
    soak_until(&Login::new(), sessions, DAY)
}

/// The same for so many milliseconds.
pub fn soak_until(login: &Login, sessions: usize, end: u64) -> Soak {
    let start = Instant::now();
    let (_, refreshes) = live(login, sessions, end);
    let elapsed = start.elapsed();
    let ((all, _), counted) = count(|| live(login, sessions, end));
    drop(all);
    let bytes = usize::try_from(counted.live).unwrap_or(0) / sessions;
    Soak { sessions, refreshes, elapsed, bytes, allocations: counted.allocations }
}

const DAY: u64 = 24 * 3600 * 1000;

fn live(login: &Login, sessions: usize, end: u64) -> (Vec<Session>, u64) {
    let answer = String::from_utf8(REFRESH_RESPONSE.to_vec()).expect("text");
    let answer = answer.replace("\"expires_in\":300", "\"expires_in\":3600");
    assert!(answer.len() > REFRESH_RESPONSE.len(), "the fixture has another lifetime");
    let env = &mut VirtualEnv::new();
    let mut all: Vec<Session> = (0..sessions).map(|_| login.session(env)).collect();
    let due = |session: &Session| session.poll_timeout().expect("it refreshes by itself").as_millis();
    let mut queue: BinaryHeap<_> = all.iter().enumerate().map(|(at, session)| Reverse((due(session), at))).collect();
    let mut refreshes = 0;
    while let Some(mut next) = queue.peek_mut() {
        let Reverse((millis, at)) = *next;
        if millis > end {
            break;
        }
        env.millis = millis;
        let session = &mut all[at];
        session.handle_timeout(env);
        let ticket = sent(session, env);
        let ticket = receive(session, ticket, respond(200, answer.as_bytes()), env);
        saved(session, ticket, env);
        *next = Reverse((due(session), at));
        refreshes += 1;
    }
    env.millis = end;
    let is_good = |session: &mut Session| matches!(session.access(env), Access::Ready(_));
    assert!(all.iter_mut().all(is_good), "a session has no good token after a day");
    (all, refreshes)
}
