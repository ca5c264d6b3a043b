//! Two processes, one store and a provider, explored exhaustively to a depth: every order of their steps, with a process
//! that is killed, a response that is lost, a lease that runs out, a timer, and a logout in between.
//!
//! A session cannot be cloned: each state is reached again from the beginning. States that look alike from outside are
//! explored once. `CHECKER_DEPTH=12 cargo test --test proto session::checker` goes deeper.

use std::collections::{HashSet, VecDeque};
use std::fmt::Write as _;
use std::time::Duration;

use http::{Request, Response};
use oidc_proto::session::{
    End, Erased, Event, Logout, Persistence, Record, Session, SessionOptions, StoreAction, StoreResponse, StoreTicket,
    Ticket, Transmit,
};
use oidc_proto::testing::TestEnv;
use oidc_proto::{Body, Env, ErrorCode, Failure, FailureKind, Sent, Step};

use crate::targets::session::{party, tokens};

const DEPTH: usize = 8;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Move {
    /// The store does the next thing that this process asked for.
    Store(usize),
    /// The provider gets its request.
    Send(usize),
    Deliver(usize),
    Lose(usize),
    Kill(usize),
    Timer(usize),
    LogOut(usize),
    LeaseEnds,
}

#[derive(Default)]
struct Process {
    session: Option<Session>,
    asked: VecDeque<(StoreTicket, StoreAction)>,
    request: Option<(Ticket, Request<Body>)>,
    response: Option<(Ticket, Response<Vec<u8>>)>,
    /// What its logout came to.
    logout: Option<Logout>,
}

struct World {
    env: TestEnv,
    record: Option<Record>,
    begun: bool,
    holder: Option<usize>,
    processes: [Process; 2],
    /// The provider: the newest refresh token, the one that it was issued for, and whether the grant lives. A token that was
    /// used works again until its successor is used; after that it fails and ends nothing. Revoking it does nothing.
    newest: u64,
    before: Option<u64>,
    lives: bool,
    issued: u64,
    /// Mishaps so far: each happens once.
    moved: Vec<Move>,
}

impl World {
    fn new() -> Self {
        let mut env = TestEnv::seeded(1);
        let record = Record::of_login(tokens(0, &env), None, &mut env);
        let mut world = Self {
            env,
            record: Some(record),
            begun: false,
            holder: None,
            processes: Default::default(),
            newest: 0,
            before: None,
            lives: true,
            issued: 0,
            moved: Vec::new(),
        };
        for process in [0, 1] {
            world.start(process);
        }
        world
    }

    /// From the store; its user wants a new token.
    fn start(&mut self, process: usize) {
        self.processes[process] = Process::default();
        let Some(record) = self.record.clone() else { return };
        let options = SessionOptions::default().with_persistence(Persistence::Shared);
        let stored = Some(record.version());
        let mut session = Session::new(record.tokens, stored, party().clone(), options, &mut self.env).unwrap();
        let _ = session.refresh(&mut self.env);
        self.processes[process].session = Some(session);
        self.poll(process);
    }

    fn poll(&mut self, process: usize) {
        let Process { session: Some(session), asked, request, logout: told, .. } = &mut self.processes[process] else {
            return;
        };
        asked.extend(std::iter::from_fn(|| session.poll_store(&mut self.env)));
        if let Some(Transmit::Call { ticket, request: own, .. }) = session.poll_transmit(&mut self.env) {
            *request = Some((ticket, own));
        }
        while let Some(event) = session.poll_event() {
            if let Event::LoggedOut(logout) = event {
                *told = Some(logout);
            }
        }
    }

    fn can(&self, what: Move) -> bool {
        let once = |is_same: fn(&Move) -> bool| !self.moved.iter().any(is_same);
        match what {
            Move::Store(process) => {
                let next = self.processes[process].asked.front().map(|(_, action)| action);
                let is_held = self.holder.is_some_and(|holder| holder != process);
                next.is_some_and(|action| !is_held || !matches!(action, StoreAction::Lock))
            }
            Move::Send(process) => self.processes[process].request.is_some(),
            Move::Deliver(process) => self.processes[process].response.is_some(),
            Move::Lose(process) => {
                self.processes[process].response.is_some() && once(|before| matches!(before, Move::Lose(_)))
            }
            Move::Kill(process) => {
                self.processes[process].session.is_some() && once(|before| matches!(before, Move::Kill(_)))
            }
            Move::Timer(process) => {
                let session = self.processes[process].session.as_ref();
                session.is_some_and(|session| session.poll_timeout().is_some())
                    && once(|before| matches!(before, Move::Timer(_)))
            }
            Move::LogOut(process) => {
                let session = self.processes[process].session.as_ref();
                session.is_some_and(|session| session.end().is_none())
                    && once(|before| matches!(before, Move::LogOut(_)))
            }
            Move::LeaseEnds => self.holder.is_some() && once(|before| *before == Move::LeaseEnds),
        }
    }

    fn make(&mut self, what: Move) {
        self.moved.push(what);
        self.env.clock().advance(Duration::from_millis(1));
        match what {
            Move::Store(process) => {
                let (ticket, action) = self.processes[process].asked.pop_front().unwrap();
                let response = self.store(process, action);
                if let Some(session) = &mut self.processes[process].session {
                    session.handle_store(ticket, response, &mut self.env);
                }
                self.poll(process);
            }
            Move::Send(process) => {
                let (ticket, request) = self.processes[process].request.take().unwrap();
                self.processes[process].response = Some((ticket, self.provide(&request)));
            }
            Move::Deliver(process) | Move::Lose(process) => {
                let (ticket, response) = self.processes[process].response.take().unwrap();
                let Some(session) = &mut self.processes[process].session else { return };
                if matches!(what, Move::Deliver(_)) {
                    session.handle_response(ticket, response, &mut self.env);
                } else {
                    let lost = Failure::new(FailureKind::Timeout, Sent::Maybe);
                    session.handle_failure(ticket, lost, &mut self.env);
                }
                self.poll(process);
            }
            Move::Kill(process) => {
                if self.holder == Some(process) {
                    self.holder = None;
                }
                self.start(process);
            }
            Move::Timer(process) => self.wait(process),
            Move::LogOut(process) => {
                if let Some(session) = &mut self.processes[process].session {
                    session.log_out(&mut self.env);
                }
                self.poll(process);
            }
            Move::LeaseEnds => self.holder = None,
        }
    }

    fn wait(&mut self, process: usize) {
        if let Some(session) = &mut self.processes[process].session
            && let Some(due) = session.poll_timeout()
        {
            self.env.clock().advance(due.saturating_since(self.env.monotonic()));
            session.handle_timeout(&mut self.env);
        }
        self.poll(process);
    }

    fn store(&mut self, process: usize, action: StoreAction) -> StoreResponse {
        let there = self.record.as_ref().map(Record::version);
        let conflict = || StoreResponse::Conflict(self.record.clone().map(Box::new));
        match action {
            StoreAction::Lock => {
                self.holder = Some(process);
                StoreResponse::Locked
            }
            StoreAction::Load => StoreResponse::Loaded { record: self.record.clone().map(Box::new), begun: self.begun },
            StoreAction::Prepare { expect } | StoreAction::Save { expect, .. } if expect != there => conflict(),
            StoreAction::Prepare { .. } => {
                self.begun = true;
                StoreResponse::Prepared
            }
            StoreAction::Save { next, .. } => {
                (self.record, self.begun) = (Some(next), false);
                StoreResponse::Saved
            }
            StoreAction::Erase { expect } if there.is_some() && there != expect => conflict(),
            StoreAction::Erase { .. } => {
                let begun = self.begun && self.record.is_some();
                (self.record, self.begun) = (None, false);
                StoreResponse::Erased { begun }
            }
            StoreAction::Discard => {
                self.begun &= self.holder != Some(process);
                StoreResponse::Done
            }
            StoreAction::Unlock => {
                if self.holder == Some(process) {
                    self.holder = None;
                }
                StoreResponse::Done
            }
        }
    }

    fn provide(&mut self, request: &Request<Body>) -> Response<Vec<u8>> {
        let sent = number(request, "refresh_token");
        let (status, body) = if self.lives && (sent == self.newest || Some(sent) == self.before) {
            self.issued += 1;
            (self.newest, self.before) = (self.issued, Some(sent));
            let rest = format!(r#""token_type":"Bearer","expires_in":300,"refresh_token":"rt-{}""#, self.issued);
            (200, format!(r#"{{"access_token":"at-{}",{rest}}}"#, self.issued))
        } else {
            (400, r#"{"error":"invalid_grant"}"#.to_owned())
        };
        let response = Response::builder().status(status).header("content-type", "application/json");
        response.body(body.into_bytes()).unwrap()
    }

    /// What of it can be seen.
    fn looks(&self) -> String {
        let Self { record, begun, holder, processes, newest, before, lives, moved, .. } = self;
        let name = |record: &Record| (record.generation, record.tokens.access_token().expose().to_owned());
        let mut looks = format!("{:?} {begun} {holder:?} {newest} {before:?} {lives}", record.as_ref().map(name));
        for Process { session, asked, request, response, logout } in processes {
            let tokens = session.as_ref().map(|session| session.tokens().access_token().expose());
            let due = session.as_ref().and_then(Session::poll_timeout);
            let due = due.map(|due| due.saturating_since(self.env.monotonic()).as_secs());
            let asked: Vec<_> = asked.iter().map(|(_, action)| std::mem::discriminant(action)).collect();
            let sent = request.as_ref().map(|(_, request)| number(request, "refresh_token"));
            let came = response.as_ref().map(|(_, response)| response.body());
            let _ = write!(looks, " | {session:?} {tokens:?} {due:?} {asked:?} {sent:?} {came:?} {logout:?}");
        }
        let mishaps = moved.iter().filter(|made| !matches!(made, Move::Store(_) | Move::Send(_) | Move::Deliver(_)));
        let _ = write!(looks, " {:?}", mishaps.collect::<Vec<_>>());
        looks
    }

    /// Nothing more goes wrong.
    fn calm_down(&mut self) {
        for _ in 0..200 {
            let moves = [0, 1].map(|process| [Move::Store(process), Move::Send(process), Move::Deliver(process)]);
            if let Some(next) = moves.into_iter().flatten().find(|next| self.can(*next)) {
                self.make(next);
                continue;
            }
            let is_at_rest = |process: &Process| process.session.as_ref().is_none_or(Session::is_idle);
            match self.processes.iter().position(|process| !is_at_rest(process)) {
                Some(process) => self.wait(process),
                None => break,
            }
        }
        for process in &mut self.processes {
            let Some(session) = &mut process.session else { continue };
            while let Some(step) = session.poll_revocation(&mut self.env) {
                let Ok(Step::Call(call)) = step else { panic!("a request") };
                self.lives &= number(&call.into_parts().0, "token") != self.newest;
            }
        }
    }

    /// What must hold then.
    fn check(&mut self) {
        let is_logged_out = self.moved.iter().any(|made| matches!(made, Move::LogOut(_)));
        let story = self.moved.clone();
        for process in &self.processes {
            match process.session.as_ref().and_then(Session::end) {
                None => {}
                Some(End::LoggedOut | End::LoggedOutElsewhere) if is_logged_out => {}
                Some(End::NeedsLogin(error)) if is_logged_out => {
                    assert_eq!(error.code(), ErrorCode::TOKEN_INVALID_GRANT, "{story:?}");
                }
                Some(end) => panic!("{end:?} after {story:?}"),
            }
            let is_certain = process.logout.as_ref().is_some_and(|logout| logout.is_certain);
            assert!(!is_certain || !self.lives, "said to be revoked, and lives: {story:?}");
        }
        if is_logged_out {
            // Unless it was killed, or says that the store did not erase it.
            let was_killed = story.iter().any(|made| matches!(made, Move::Kill(_)));
            let logouts = self.processes.iter().filter_map(|process| process.logout.as_ref());
            let has_failed = logouts.into_iter().any(|logout| matches!(logout.erased, Erased::Failed(_)));
            assert!(self.record.is_none() || was_killed || has_failed, "logged out, and there is a record: {story:?}");
        } else {
            // Whoever starts now gets a token that the provider takes.
            self.start(0);
            self.calm_down();
            let session = self.processes[0].session.as_ref().unwrap();
            let newest = format!("at-{}", self.newest);
            assert_eq!((session.tokens().access_token().expose(), session.end()), (&*newest, None), "{story:?}");
        }
    }
}

fn number(request: &Request<Body>, name: &str) -> u64 {
    let form = url::form_urlencoded::parse(request.body().as_ref());
    let token = form.filter(|(own, _)| own == name).map(|(_, token)| token.into_owned()).next().unwrap();
    token.trim_start_matches("rt-").parse().unwrap()
}

fn reach(story: &[Move]) -> World {
    let mut world = World::new();
    story.iter().for_each(|next| world.make(*next));
    world
}

#[test]
fn no_order_of_steps_loses_a_grant_or_undoes_a_logout() {
    let depth = std::env::var("CHECKER_DEPTH").ok().and_then(|depth| depth.parse().ok()).unwrap_or(DEPTH);
    let all: Vec<Move> = [0, 1]
        .into_iter()
        .flat_map(|process| {
            [Move::Store, Move::Send, Move::Deliver, Move::Lose, Move::Kill, Move::Timer, Move::LogOut]
                .map(|make| make(process))
        })
        .chain([Move::LeaseEnds])
        .collect();
    let (mut seen, mut stories) = (HashSet::new(), vec![Vec::new()]);
    for _ in 0..depth {
        let mut longer = Vec::new();
        for story in stories {
            let world = reach(&story);
            for next in all.iter().filter(|next| world.can(**next)) {
                let mut story = story.clone();
                story.push(*next);
                let mut world = reach(&story);
                if seen.insert(world.looks()) {
                    world.calm_down();
                    world.check();
                    longer.push(story);
                }
            }
        }
        stories = longer;
    }
    println!("{} states to a depth of {depth}", seen.len());
    assert!(seen.len() > 1000, "hardly anything was explored");
}
