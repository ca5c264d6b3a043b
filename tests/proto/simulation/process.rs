//! A process and its sessions: what goes into one, and what may come out.

use std::collections::{HashSet, VecDeque};

use oidc_proto::session::{
    Access, Epoch, Persistence, RecordVersion, Refusal, Session, SessionOptions, StoreAction, StoreResponse,
    StoreTicket,
};
use oidc_proto::testing::{Clock, TestEnv};
use oidc_proto::{Env, TokenSet};

use crate::simulation::provider::user;
use crate::simulation::store::Store;
use crate::simulation::story::answer;
use crate::simulation::universe::{Call, Exchanged, Post, Seat, TROUBLE, Universe};

pub(crate) struct Process {
    /// Counts restarts.
    pub(crate) life: u64,
    /// It was killed, and has not come back.
    pub(crate) is_down: bool,
    /// One for each session.
    pub(crate) desks: Vec<Desk>,
    pub(crate) suspended_until: u64,
    pub(crate) offline_until: u64,
    /// Two of one machine, which have the clock in common.
    envs: [TestEnv; 2],
}

/// Where a process keeps one of its sessions.
#[derive(Default)]
pub(crate) struct Desk {
    pub(crate) session: Option<Session>,
    /// Whose it is.
    pub(crate) user: String,
    /// How often the record had been erased, and another user's put in its place, when the session began.
    pub(crate) erased: u64,
    pub(crate) switched: u64,
    /// It was given the lock of its own store, and has not given it back.
    pub(crate) holds_lock: bool,
    /// The store does one thing after the other.
    pub(crate) asked: VecDeque<(StoreTicket, StoreAction)>,
    pub(crate) is_storing: bool,
    /// The ticket of the newest request, if the session has neither heard of it nor given it up. A ticket has no clone:
    /// this is its text.
    pub(crate) in_flight: Option<String>,
    /// A caller who wants new tokens, and the access token that there was.
    pub(crate) refreshing: Option<(Epoch, String)>,
    /// When it is to be woken.
    pub(crate) due: Option<u64>,
    /// When somebody got a token that the provider took.
    pub(crate) served_at: u64,
    /// A token that was handed out as good, and when it was first.
    pub(crate) handed_out: Option<(String, u64)>,
    /// When the session began.
    pub(crate) since: u64,
    /// The access token was taken while the store had lost a record of its login.
    pub(crate) is_of_lost: bool,
    /// The access tokens that it has had.
    pub(crate) had: HashSet<String>,
    /// The store says right now that there is no record, and that it is another user's.
    pub(crate) is_told: [bool; 2],
}

impl Process {
    pub(crate) fn new(sessions: usize, own: usize, seed: u64, clock: &Clock) -> Self {
        let env = |which: u64| TestEnv::with_clock(seed ^ (own as u64 + 1) << 32 ^ which << 40, clock.clone());
        let desks = (0..sessions).map(|_| Desk::default()).collect();
        Self { life: 0, is_down: false, desks, suspended_until: 0, offline_until: 0, envs: [env(0), env(1)] }
    }
}

impl Desk {
    /// Nothing is under way, and nothing of before waits to be saved.
    pub(crate) fn is_at_rest(&self) -> bool {
        let is_idle = self.session.as_ref().is_none_or(Session::is_idle);
        is_idle && self.in_flight.is_none() && self.asked.is_empty() && !self.is_storing
    }
}

impl Universe {
    pub(crate) fn desk(&mut self, seat: Seat) -> &mut Desk {
        &mut self.processes[seat.process].desks[seat.session]
    }

    pub(crate) fn is_gone(&self, seat: Seat) -> bool {
        let process = &self.processes[seat.process];
        process.life != seat.life || process.desks[seat.session].session.is_none()
    }

    /// With all its sessions, from what is in the store.
    pub(crate) fn restart(&mut self, process: usize) {
        self.processes[process].is_down = false;
        let life = self.processes[process].life;
        for session in 0..self.stores.len() {
            self.restore(Seat { process, life, session });
        }
    }

    /// From what is in the store.
    fn restore(&mut self, seat: Seat) {
        let Seat { process, session, .. } = seat;
        match self.stores[session].record.clone() {
            Some(record) => {
                let generation = record.generation;
                self.tell(|| format!("process {process} starts session {session} from generation {generation}"));
                let stored = Some(record.version());
                self.begin(seat, record.tokens, stored);
            }
            // Where the store has lost it, nobody knows that somebody else logs in again. In peace somebody does.
            None => {
                let logs_in = self.changes() && (self.is_harsh() && self.roll_more(4) == 0 || self.now >= TROUBLE);
                self.post(10_000, Post::Open { process, session, logs_in });
            }
        }
    }

    pub(crate) fn begin(&mut self, seat: Seat, tokens: TokenSet, stored: Option<RecordVersion>) {
        let grant = self.owners[tokens.access_token().expose()];
        let user = self.grants[grant].user.clone();
        self.grants[grant].unsaved = stored.is_none().then_some(seat);
        let options = SessionOptions::default().with_persistence(Persistence::Shared);
        let party = self.party.clone();
        let session = Session::new(tokens, stored, party, options, self.env_of(seat.process)).unwrap();
        let Store { erased, switched, .. } = self.stores[seat.session];
        let served_at = self.desk(seat).served_at;
        if self.desk(seat).session.is_some() {
            // The application has given another one up. Whatever that one alone knew is lost.
            let holders = self.grants.iter_mut().filter_map(|grant| grant.lost.as_mut());
            holders.for_each(|holders| holders.retain(|holder| *holder != seat));
        }
        let since = self.now;
        *self.desk(seat) = Desk { session: Some(session), user, erased, switched, served_at, since, ..Desk::default() };
        self.with(seat, |session, env| {
            if stored.is_none() {
                session.save(env)
            }
        });
    }

    /// A process without a session looks for one. If there is none, its user logs in.
    pub(crate) fn open(&mut self, process: usize, session: usize, logs_in: bool) {
        let seat = Seat { process, life: self.processes[process].life, session };
        if self.processes[process].is_down {
            // Nobody logs in there until it is back.
            return self.post(10_000, Post::Open { process, session, logs_in });
        }
        let is_over = self.desk(seat).session.as_ref().is_none_or(|session| session.end().is_some());
        if !is_over {
            return;
        }
        if self.desk(seat).session.is_some() {
            return self.post(10_000, Post::Open { process, session, logs_in });
        }
        if !logs_in || self.stores[session].record.is_some() {
            return self.restore(seat);
        }
        let turn = self.roll(2);
        let tokens = self.login(session, &user(session, turn));
        self.begin(seat, tokens, None);
    }

    /// Somebody wants a token, now and then; and now and then the process fares badly, with all its sessions.
    pub(crate) fn call(&mut self, process: usize, session: usize) {
        let later = 1000 + self.roll(120_000);
        self.post(later, Post::Call { process, session });
        let seat = Seat { process, life: self.processes[process].life, session };
        if self.is_gone(seat) {
            return;
        }
        if self.befalls(process) || self.is_gone(seat) {
            return;
        }
        self.befalls_session(seat);
        if self.changes() && self.trouble_for(session, 80) {
            return self.change(seat);
        }
        if self.roll(8) == 0 {
            return self.refresh_now(seat);
        }
        let (op, now, mut got) = (self.op.clone(), Env::now(&self.env), None);
        let is_locked = self.is_locked(&self.processes[process].desks[session].user);
        let locked = self.locked.tokens.clone();
        self.with(seat, |session, env| {
            let (token, is_doubtful) = match session.access(env) {
                Access::Ready(token) => (token.clone(), false),
                Access::Doubtful { token, .. } => (token.clone(), true),
                _ => return,
            };
            let is_refused = is_locked || locked.contains(token.expose());
            let taken_for = if is_refused { None } else { op.bearer(token.expose(), now) };
            if taken_for.is_none() {
                let _ = session.unauthorized(&token, Refusal::Token, env);
            }
            got = Some((token, is_doubtful, taken_for));
        });
        let Some((token, is_doubtful, taken_for)) = got else { return };
        if is_doubtful {
            self.truth.doubtful[usize::from(taken_for.is_none())] += 1;
        }
        if is_locked {
            self.locked.tokens.insert(token.expose().to_owned());
        }
        if !is_doubtful {
            self.check_age(seat, token.expose());
        }
        match taken_for {
            Some(bearer) if bearer.login != self.desk(seat).user => {
                self.broken(&format!("session {session} speaks for {}", bearer.login));
            }
            Some(_) => self.desk(seat).served_at = self.now,
            None if !is_doubtful => self.check_dead(seat, token.expose()),
            None => {}
        }
    }

    /// Somebody wants new tokens, and no others.
    fn refresh_now(&mut self, seat: Seat) {
        let mut asked = None;
        self.with(seat, |session, env| {
            let had = session.tokens().access_token().expose().to_owned();
            if let Access::Wait(epoch) = session.refresh(env) {
                asked = Some((epoch, had));
            }
        });
        if asked.is_some() {
            self.desk(seat).refreshing = asked;
        }
    }

    pub(crate) fn wake(&mut self, seat: Seat) {
        if self.is_gone(seat) {
            return;
        }
        let now = self.now;
        let desk = self.desk(seat);
        desk.due = desk.due.filter(|due| *due > now);
        self.with(seat, |session, env| session.handle_timeout(env));
    }

    pub(crate) fn answered(&mut self, seat: Seat, call: Call, response: Exchanged) {
        let Call { since, ticket } = call;
        if self.is_gone(seat) || self.desk(seat).since != since {
            return;
        }
        if let Ok(response) = &response {
            let body = String::from_utf8_lossy(response.body());
            for issued in self.grants.iter_mut().filter_map(|grant| grant.issued.as_mut()) {
                issued.is_delivered |= issued.seat == seat && body.contains(&issued.refresh_token);
            }
        }
        // What comes of an earlier one says nothing of the newest.
        let ticket_text = format!("{ticket:?}");
        let desk = self.desk(seat);
        desk.in_flight = desk.in_flight.take().filter(|newest| *newest != ticket_text);
        if let Ok(response) = &response {
            self.is_delivered(response);
        }
        self.with(seat, |session, env| match response {
            Ok(response) => session.handle_response(ticket, response, env),
            Err(failure) => session.handle_failure(ticket, failure, env),
        });
    }

    pub(crate) fn said(&mut self, seat: Seat, ticket: StoreTicket, response: StoreResponse) {
        if self.is_gone(seat) {
            return;
        }
        self.tell(|| {
            format!("the store to session {} of process {}: {}", seat.session, seat.process, answer(&response))
        });
        let is_asked = self.desk(seat).asked.iter().any(|(_, action)| matches!(action, StoreAction::Save { .. }));
        self.stores[seat.session].is_heard(seat, &response, is_asked);
        self.desk(seat).is_storing = false;
        self.desk(seat).holds_lock |= matches!(response, StoreResponse::Locked);
        self.desk(seat).is_told = self.what_is_told(seat, &response);
        self.with(seat, |session, env| session.handle_store(ticket, response, env));
        self.desk(seat).is_told = [false; 2];
    }

    /// Whether the store says that there is no record, and whether it says that it is another user's.
    fn what_is_told(&mut self, seat: Seat, response: &StoreResponse) -> [bool; 2] {
        let record = match response {
            StoreResponse::Loaded { record, .. } | StoreResponse::Conflict(record) => record,
            _ => return [false; 2],
        };
        if let Some(record) = record {
            let found = &mut self.grants[self.owners[record.tokens.access_token().expose()]];
            found.came_back_over = found.came_back_over.filter(|other| *other != seat);
        }
        let user = record.as_ref().map(|record| &self.grant_of(record.tokens.access_token().expose()).user);
        let own = &self.processes[seat.process].desks[seat.session].user;
        [user.is_none(), user.is_some_and(|user| user != own)]
    }

    /// A session asks the provider for new tokens.
    pub(crate) fn asks(&mut self, seat: Seat, session: &Session) {
        let grant = self.owners[session.tokens().access_token().expose()];
        if let Some(issued) = &mut self.grants[grant].issued {
            issued.is_late |= !issued.is_delivered;
        }
        let others = self.processes.iter().enumerate().filter(|(other, _)| *other != seat.process);
        let is_raced = others.map(|(_, other)| &other.desks[seat.session]).any(|desk| desk.in_flight.is_some());
        self.grants[grant].is_raced |= is_raced && self.is_harsh();
    }

    pub(crate) fn ask(&mut self, seat: Seat) {
        let desk = self.desk(seat);
        if desk.is_storing {
            return;
        }
        let Some((ticket, action)) = desk.asked.pop_front() else { return };
        desk.is_storing = true;
        let after = self.roll(50);
        self.post(after, Post::Ask { seat, ticket, action });
    }

    /// The time and the randomness of a process.
    pub(crate) fn env_of(&mut self, process: usize) -> &mut TestEnv {
        if !self.is_harsh() {
            return &mut self.env;
        }
        let which = self.roll_more(2) as usize;
        &mut self.processes[process].envs[which]
    }
}
