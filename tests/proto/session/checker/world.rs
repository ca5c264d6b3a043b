//! The processes, the store and the provider, and what each step does.

use std::collections::{BTreeSet, VecDeque};
use std::fmt::Write as _;
use std::time::Duration;

use http::{Request, Response};
use oidc_proto::session::{
    Access, Epoch, Event, Logout, Outcome, Persistence, Record, Session, SessionOptions, StoreAction, StoreResponse,
    StoreTicket, Ticket, Transmit,
};
use oidc_proto::testing::{Clock, TestEnv};
use oidc_proto::{Body, Env, ErrorCode, Failure, FailureKind, Sent};

use crate::targets::session::{party, tokens};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Move {
    /// The store does the next thing that this process asked for.
    Store(usize),
    /// It refuses it.
    Refuse(usize),
    /// It does it, and says that it failed.
    Unsaid(usize),
    /// The provider gets its request, also after it was killed.
    Send(usize),
    Deliver(usize),
    Lose(usize),
    Kill(usize),
    Timer(usize),
    LogOut(usize),
    LeaseEnds,
}

/// What happens once. Of some it matters whether the provider had issued tokens that are not in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Mishap {
    Refuse,
    Unsaid,
    Lose,
    Kill,
    Timer,
    /// Of a process that lives.
    LeaseEnds,
    LogOut,
}

/// What the provider does with a refresh token that was used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Habit {
    /// It works again until its successor is used; after that it fails and ends nothing.
    UntilSuccessorIsUsed,
    /// It ends the grant.
    Strict,
}

/// Revoking a refresh token that was used does nothing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Provider {
    pub(super) habit: Habit,
    pub(super) newest: u64,
    /// The one that it was issued for.
    pub(super) before: Option<u64>,
    pub(super) issued: u64,
    pub(super) lives: bool,
    /// Whose request it was that brought the newest.
    pub(super) newest_for: Option<(usize, u32)>,
    pub(super) served_at: u64,
}

pub(super) struct Sending {
    pub(super) life: u32,
    ticket: Ticket,
    pub(super) request: Request<Body>,
    pub(super) at: u64,
}

pub(super) struct Coming {
    pub(super) life: u32,
    ticket: Ticket,
    pub(super) response: Response<Vec<u8>>,
    pub(super) at: u64,
}

pub(super) struct Process {
    pub(super) session: Option<Session>,
    clock: Clock,
    pub(super) env: TestEnv,
    /// By its clock.
    pub(super) now: u64,
    /// Counts restarts.
    pub(super) life: u32,
    /// What has gone into its session.
    pub(super) history: String,
    asked: VecDeque<(StoreTicket, StoreAction)>,
    pub(super) requests: VecDeque<Sending>,
    pub(super) responses: VecDeque<Coming>,
    /// Who waits for new tokens, and the access token that there was.
    waits: Option<(Epoch, String)>,
    /// The life in which its user logged out, and what that came to.
    pub(super) logout_life: Option<u32>,
    pub(super) logout: Option<Logout>,
}

pub(super) struct World {
    pub(super) record: Option<Record>,
    /// Who has begun a refresh that has no end.
    pub(super) begun: Vec<(usize, u32)>,
    /// Who holds it. Nobody else gets it before the lease has run out, whether or not he lives.
    pub(super) lock: Option<(usize, u32)>,
    pub(super) written_at: u64,
    pub(super) locked_at: u64,
    pub(super) is_erased: bool,
    pub(super) provider: Provider,
    /// Each with whether it fell between the provider's response and the save.
    pub(super) mishaps: BTreeSet<(Mishap, bool)>,
    /// How many there are in a story.
    most: usize,
    pub(super) processes: [Process; 2],
}

impl Process {
    /// It has a clock of its own, and the same randomness as the other.
    fn new() -> Self {
        let clock = Clock::new();
        let env = TestEnv::with_clock(1, clock.clone());
        let (asked, requests, responses) = Default::default();
        let (session, waits, logout_life, logout) = (None, None, None, None);
        let history = String::new();
        Self { session, clock, env, now: 0, life: 0, history, asked, requests, responses, waits, logout_life, logout }
    }

    /// Something is heard that is of this time.
    fn hears(&mut self, at: u64, what: &str) {
        self.passes(at.saturating_sub(self.now) + 1);
        let _ = write!(self.history, "\n{} {what}", self.now);
    }

    pub(super) fn passes(&mut self, millis: u64) {
        self.clock.advance(Duration::from_millis(millis));
        self.now += millis;
    }

    /// Its user wants a new token.
    pub(super) fn refresh(&mut self) {
        let Self { session: Some(session), env, waits, .. } = self else { return };
        let had = session.tokens().access_token().expose().to_owned();
        if let Access::Wait(epoch) = session.refresh(env) {
            *waits = Some((epoch, had));
        }
    }

    pub(super) fn poll(&mut self) {
        let Self { session: Some(session), env, asked, requests, logout, waits, life, now, .. } = self else { return };
        asked.extend(std::iter::from_fn(|| session.poll_store(env)));
        if let Some(Transmit::Call { ticket, request, .. }) = session.poll_transmit(env) {
            requests.push_back(Sending { life: *life, ticket, request, at: *now });
        }
        while let Some(event) = session.poll_event() {
            if let Event::LoggedOut(told) = event {
                *logout = Some(told);
            }
        }
        if let Some((epoch, had)) = waits {
            match session.outcome(*epoch, env) {
                Outcome::Pending => {}
                Outcome::Ready(token) => {
                    assert_ne!(token.expose(), had, "'refreshed' to what there was");
                    *waits = None;
                }
                _ => *waits = None,
            }
        }
    }

    pub(super) fn waits(&self) -> bool {
        self.waits.is_some()
    }
}

impl World {
    pub(super) fn new(habit: Habit, most: usize) -> Self {
        let mut env = TestEnv::seeded(1);
        let record = Record::of_login(tokens(0, &env), None, &mut env);
        let provider =
            Provider { habit, newest: 0, before: None, issued: 0, lives: true, newest_for: None, served_at: 0 };
        let mut world = Self {
            record: Some(record),
            begun: Vec::new(),
            lock: None,
            written_at: 0,
            locked_at: 0,
            is_erased: false,
            provider,
            mishaps: BTreeSet::new(),
            most,
            processes: [Process::new(), Process::new()],
        };
        world.start(0);
        world.start(1);
        world
    }

    /// From the store; its user wants a new token.
    pub(super) fn start(&mut self, own: usize) {
        let process = &mut self.processes[own];
        let (now, life, logout_life) = (process.now, process.life + 1, process.logout_life);
        let (requests, responses) = (std::mem::take(&mut process.requests), std::mem::take(&mut process.responses));
        *process = Process { life, logout_life, requests, responses, ..Process::new() };
        process.passes(now);
        let Some(record) = self.record.clone() else { return process.hears(self.written_at, "nothing") };
        process.hears(self.written_at, &stored(&record));
        let options = SessionOptions::default().with_persistence(Persistence::Shared);
        let version = Some(record.version());
        let session = Session::new(record.tokens, version, party().clone(), options, &mut process.env).unwrap();
        process.session = Some(session);
        process.refresh();
        process.poll();
    }

    fn is_alive(&self, (process, life): (usize, u32)) -> bool {
        self.processes[process].life == life && self.processes[process].session.is_some()
    }

    /// Tokens were issued, or are asked for, and are not in the store.
    fn is_in_window(&self) -> bool {
        let has = |record: &Record| record.tokens.access_token().expose() == format!("at-{}", self.provider.newest);
        let is_asked = self.processes.iter().any(|process| !process.requests.is_empty());
        is_asked || !self.record.as_ref().is_some_and(has)
    }

    pub(super) fn has_happened(&self, what: Mishap) -> bool {
        self.mishaps.iter().any(|(mishap, _)| *mishap == what)
    }

    /// What can happen now.
    pub(super) fn moves(&self) -> Vec<Move> {
        let of = |own| {
            [
                Move::Store(own),
                Move::Refuse(own),
                Move::Unsaid(own),
                Move::Send(own),
                Move::Deliver(own),
                Move::Lose(own),
                Move::Kill(own),
                Move::Timer(own),
                Move::LogOut(own),
            ]
        };
        let all = of(0).into_iter().chain(of(1)).chain([Move::LeaseEnds]);
        all.filter(|what| self.can(*what)).collect()
    }

    pub(super) fn can(&self, what: Move) -> bool {
        let once = |mishap| !self.has_happened(mishap) && self.mishaps.len() < self.most;
        let session = |own: usize| self.processes[own].session.as_ref();
        let next = |own: usize| self.processes[own].asked.front().map(|(_, action)| action);
        let is_held = |own: usize| self.lock.is_some_and(|holder| holder != (own, self.processes[own].life));
        let can_do = |own: usize| next(own).is_some_and(|action| !is_held(own) || !matches!(action, StoreAction::Lock));
        match what {
            Move::Store(own) => can_do(own),
            Move::Refuse(own) => next(own).is_some() && once(Mishap::Refuse),
            // What reads has nothing to do that is not said.
            Move::Unsaid(own) => can_do(own) && !matches!(next(own), Some(StoreAction::Load)) && once(Mishap::Unsaid),
            Move::Send(own) => !self.processes[own].requests.is_empty(),
            Move::Deliver(own) => !self.processes[own].responses.is_empty(),
            Move::Lose(own) => !self.processes[own].responses.is_empty() && once(Mishap::Lose),
            Move::Kill(own) => session(own).is_some() && once(Mishap::Kill),
            Move::Timer(own) => {
                session(own).is_some_and(|session| session.poll_timeout().is_some()) && once(Mishap::Timer)
            }
            Move::LogOut(own) => session(own).is_some_and(|session| session.end().is_none()) && once(Mishap::LogOut),
            Move::LeaseEnds => self.lock.is_some_and(|holder| !self.is_alive(holder) || once(Mishap::LeaseEnds)),
        }
    }

    pub(super) fn make(&mut self, what: Move) {
        let mishap = match what {
            Move::Store(_) | Move::Send(_) | Move::Deliver(_) => None,
            Move::Refuse(_) => Some(Mishap::Refuse),
            Move::Unsaid(_) => Some(Mishap::Unsaid),
            Move::Lose(_) => Some(Mishap::Lose),
            Move::Kill(_) => Some(Mishap::Kill),
            Move::Timer(_) => Some(Mishap::Timer),
            Move::LogOut(_) => Some(Mishap::LogOut),
            Move::LeaseEnds => self.lock.filter(|holder| self.is_alive(*holder)).map(|_| Mishap::LeaseEnds),
        };
        self.mishaps.extend(mishap.map(|mishap| (mishap, self.is_in_window())));
        match what {
            Move::Store(own) | Move::Refuse(own) | Move::Unsaid(own) => {
                let (ticket, action) = self.processes[own].asked.pop_front().unwrap();
                let (at, response) = match what {
                    Move::Refuse(_) => (0, StoreResponse::Failed(ErrorCode::STORE_IO.into())),
                    _ => self.store(own, action),
                };
                let response = match what {
                    Move::Unsaid(_) => StoreResponse::Failed(ErrorCode::STORE_IO.into()),
                    _ => response,
                };
                let process = &mut self.processes[own];
                process.hears(at, &said(&response));
                if let Some(session) = &mut process.session {
                    session.handle_store(ticket, response, &mut process.env);
                }
                process.poll();
            }
            Move::Send(own) => {
                let Sending { life, ticket, request, at } = self.processes[own].requests.pop_front().unwrap();
                let (at, response) = self.provider.serve(&request, (own, life), at);
                if life == self.processes[own].life {
                    self.processes[own].responses.push_back(Coming { life, ticket, response, at });
                }
            }
            Move::Deliver(own) | Move::Lose(own) => {
                let process = &mut self.processes[own];
                let Coming { life, ticket, response, at } = process.responses.pop_front().unwrap();
                if life != process.life {
                    return;
                }
                let is_lost = matches!(what, Move::Lose(_));
                let heard = if is_lost { "no response" } else { &*String::from_utf8_lossy(response.body()) };
                process.hears(if is_lost { 0 } else { at }, heard);
                let Process { session: Some(session), env, .. } = process else { return };
                if is_lost {
                    session.handle_failure(ticket, Failure::new(FailureKind::Timeout, Sent::Maybe), env);
                } else {
                    session.handle_response(ticket, response, env);
                }
                process.poll();
            }
            Move::Kill(own) => self.start(own),
            Move::Timer(own) => self.wait(own),
            Move::LogOut(own) => {
                let process = &mut self.processes[own];
                process.hears(0, "logout");
                process.logout_life = Some(process.life);
                if let Some(session) = &mut process.session {
                    session.log_out(&mut process.env);
                }
                process.poll();
            }
            Move::LeaseEnds => self.lock = None,
        }
    }

    pub(super) fn wait(&mut self, own: usize) {
        let process = &mut self.processes[own];
        if let Some(due) = process.session.as_ref().and_then(Session::poll_timeout) {
            let left = due.saturating_since(process.env.monotonic());
            process.passes(u64::try_from(left.as_millis()).unwrap());
            process.hears(0, "time");
            process.session.as_mut().unwrap().handle_timeout(&mut process.env);
        }
        process.poll();
    }

    /// What the store does and says, and the time of what that tells.
    fn store(&mut self, own: usize, action: StoreAction) -> (u64, StoreResponse) {
        let (who, now) = ((own, self.processes[own].life), self.processes[own].now);
        let there = self.record.as_ref().map(Record::version);
        let conflict = || StoreResponse::Conflict(self.record.clone().map(Box::new));
        let is_held = self.lock.is_some_and(|holder| holder != who);
        let response = match action {
            StoreAction::Lock => {
                (self.lock, self.locked_at) = (Some(who), self.locked_at.max(now));
                return (self.locked_at, StoreResponse::Locked);
            }
            StoreAction::Unlock => {
                if !is_held && self.lock.is_some() {
                    (self.lock, self.locked_at) = (None, self.locked_at.max(now));
                }
                return (0, StoreResponse::Done);
            }
            StoreAction::Load => {
                let begun = !self.begun.is_empty();
                StoreResponse::Loaded { record: self.record.clone().map(Box::new), begun }
            }
            StoreAction::Prepare { expect } | StoreAction::Save { expect, .. } if expect != there => conflict(),
            // Nothing is prepared under somebody else's lock.
            StoreAction::Prepare { .. } if is_held => StoreResponse::Failed(ErrorCode::STORE_IO.into()),
            StoreAction::Prepare { .. } => {
                self.lock = Some(who);
                if !self.begun.contains(&who) {
                    self.begun.push(who);
                }
                StoreResponse::Prepared
            }
            StoreAction::Save { next, .. } => {
                (self.record, self.written_at) = (Some(next), self.written_at.max(now));
                self.begun.clear();
                StoreResponse::Saved
            }
            StoreAction::Erase { expect } if there.is_some() && there != expect => conflict(),
            StoreAction::Erase { .. } => {
                let begun = !self.begun.is_empty() && self.record.is_some();
                self.is_erased |= self.record.is_some();
                (self.record, self.written_at) = (None, self.written_at.max(now));
                self.begun.clear();
                StoreResponse::Erased { begun }
            }
            StoreAction::Discard => {
                self.begun.retain(|maker| *maker != who);
                StoreResponse::Done
            }
        };
        (self.written_at, response)
    }
}

impl Provider {
    fn serve(&mut self, request: &Request<Body>, by: (usize, u32), at: u64) -> (u64, Response<Vec<u8>>) {
        let sent = number(request, "refresh_token");
        let is_again = self.habit == Habit::UntilSuccessorIsUsed && Some(sent) == self.before;
        let (status, body) = if self.lives && (sent == self.newest || is_again) {
            self.issued += 1;
            (self.newest, self.before, self.newest_for) = (self.issued, Some(sent), Some(by));
            let rest = format!(r#""token_type":"Bearer","expires_in":300,"refresh_token":"rt-{}""#, self.issued);
            (200, format!(r#"{{"access_token":"at-{}",{rest}}}"#, self.issued))
        } else {
            self.lives &= self.habit != Habit::Strict;
            (400, r#"{"error":"invalid_grant"}"#.to_owned())
        };
        self.served_at = self.served_at.max(at) + 1;
        let response = Response::builder().status(status).header("content-type", "application/json");
        (self.served_at, response.body(body.into_bytes()).unwrap())
    }
}

/// All of a record.
pub(super) fn stored(record: &Record) -> String {
    serde_json::to_string(record).unwrap()
}

/// All of what the store says.
fn said(response: &StoreResponse) -> String {
    match response {
        StoreResponse::Loaded { record, begun } => format!("loaded {:?} {begun}", record.as_deref().map(stored)),
        StoreResponse::Conflict(record) => format!("conflict {:?}", record.as_deref().map(stored)),
        other => format!("{other:?}"),
    }
}

pub(super) fn number(request: &Request<Body>, name: &str) -> u64 {
    let form = url::form_urlencoded::parse(request.body().as_ref());
    let token = form.filter(|(own, _)| own == name).map(|(_, token)| token.into_owned()).next().unwrap();
    token.trim_start_matches("rt-").parse().unwrap()
}
