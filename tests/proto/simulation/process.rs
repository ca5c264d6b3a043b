//! A process and its sessions: what goes into one, and what may come out.

use std::collections::{HashSet, VecDeque};

use http::Method;
use oidc_proto::session::{
    Access, End, Epoch, Event, Persistence, RecordVersion, Refusal, Session, SessionOptions, StoreAction,
    StoreResponse, StoreTicket, Transmit,
};
use oidc_proto::testing::{Clock, TestEnv};
use oidc_proto::{Env, TokenSet};

use crate::simulation::line::{LOST, TWICE};
use crate::simulation::provider::{is_signed, user};
use crate::simulation::store::Store;
use crate::simulation::story::{answer, name};
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
    erased: u64,
    switched: u64,
    /// It was given the lock of its own store, and has not given it back.
    holds_lock: bool,
    /// The store does one thing after the other.
    pub(crate) asked: VecDeque<(StoreTicket, StoreAction)>,
    is_storing: bool,
    /// The ticket of the newest request, if the session has neither heard of it nor given it up. A ticket has no clone:
    /// this is its text.
    pub(crate) in_flight: Option<String>,
    /// A caller who wants new tokens, and the access token that there was.
    pub(crate) refreshing: Option<(Epoch, String)>,
    /// What came cannot be verified. The application has the session keep it, and ask again.
    is_unverified: bool,
    /// When it is to be woken.
    due: Option<u64>,
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
    is_told: [bool; 2],
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
        let is_unverified = std::mem::take(&mut desk.is_unverified);
        self.with(seat, |session, env| {
            if is_unverified {
                let _ = session.keep_unverified(env);
            }
            session.handle_timeout(env)
        });
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
    fn asks(&mut self, seat: Seat, session: &Session) {
        let grant = self.owners[session.tokens().access_token().expose()];
        if let Some(issued) = &mut self.grants[grant].issued {
            issued.is_late |= !issued.is_delivered;
        }
        let others = self.processes.iter().enumerate().filter(|(other, _)| *other != seat.process);
        let is_raced = others.map(|(_, other)| &other.desks[seat.session]).any(|desk| desk.in_flight.is_some());
        self.grants[grant].is_raced |= is_raced && self.is_harsh();
    }

    fn ask(&mut self, seat: Seat) {
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

    /// Gives a session its input, and posts what it wants in return.
    pub(crate) fn with(&mut self, seat: Seat, input: impl FnOnce(&mut Session, &mut TestEnv)) {
        let Seat { process, session: own, .. } = seat;
        let Some(mut session) = self.desk(seat).session.take() else { return };
        let before = session.tokens().access_token().clone();
        input(&mut session, self.env_of(process));
        while let Some((ticket, action)) = session.poll_store(self.env_of(process)) {
            self.tell(|| format!("session {own} of process {process} {}", name(&action)));
            match &action {
                StoreAction::Unlock => self.desk(seat).holds_lock = false,
                StoreAction::Erase { .. } if session.end() != Some(End::LoggedOut) => {
                    self.broken(&format!("session {own} of process {process} erases, and nobody has logged out"));
                }
                StoreAction::Save { next, .. } => {
                    self.must_own(seat, next.tokens.access_token().expose(), "the saved access token");
                    self.must_own(seat, next.tokens.refresh_token().unwrap().expose(), "the saved refresh token");
                }
                _ => {}
            }
            self.desk(seat).asked.push_back((ticket, action));
        }
        self.ask(seat);
        while let Some(transmit) = session.poll_transmit(self.env_of(process)) {
            let Transmit::Call { ticket, request, .. } = transmit else { self.broken("a signature is asked for") };
            if !self.desk(seat).holds_lock {
                self.broken(&format!("session {own} of process {process} refreshes without its own lock"));
            }
            if request.method() == Method::POST {
                self.asks(seat, &session);
            }
            self.desk(seat).in_flight = Some(format!("{ticket:?}"));
            let (after, call) = (1 + self.roll(2000), Call { since: self.desk(seat).since, ticket });
            self.post(after, Post::Request { seat, call, request });
        }
        self.hear(seat, &session);
        let token = session.tokens().access_token().clone();
        self.must_own(seat, token.expose(), "the access token");
        if token.expose() != before.expose() {
            self.desk(seat).is_of_lost = self.grant_of(token.expose()).lost.is_some();
        }
        if !self.desk(seat).had.contains(token.expose()) {
            self.desk(seat).had.insert(token.expose().to_owned());
        }
        let new = self.owners[token.expose()];
        let has_ended = self.grant_of(token.expose()).ended.is_some();
        let (is_erased, is_switched) = {
            let store = &self.stores[own];
            let desk = &self.processes[process].desks[own];
            (store.erased > desk.erased, store.switched > desk.switched)
        };
        let [is_told_nothing, is_told_another] = self.desk(seat).is_told;
        while let Some(step) = session.poll_revocation(self.env_of(process)) {
            let revoked = self.revoke(seat, step.unwrap());
            if revoked == new && session.current(self.env_of(process)).is_some() {
                self.broken(&format!("session {own} of process {process} gives back what it goes on with"));
            }
            self.check_given_back(seat, revoked, &session);
        }
        while let Some(event) = session.poll_event() {
            self.tell(|| format!("session {own} of process {process}: {event:?}"));
            if matches!(event, Event::BackingOff { .. }) {
                self.desk(seat).in_flight = None;
            }
            if matches!(event, Event::TokensRefreshed) && self.is_honoured(token.expose()) {
                // Whoever waits uses it at once.
                self.desk(seat).served_at = self.now;
            }
            if matches!(event, Event::BackingOff { .. }) && is_signed(self.seed) && self.roll(4) == 0 {
                self.desk(seat).is_unverified = true;
                self.post(0, Post::Wake { seat });
            }
            let may_be = match event {
                Event::TokensRefreshed => before.expose() != token.expose(),
                Event::BackingOff { .. } => true,
                // Only who was suspended can have missed the store's response.
                Event::NotSaved(_) => !self.is_spared(own) || self.processes[process].suspended_until > 0,
                // The keys are not one session's.
                Event::Stalled(_) if is_signed(self.seed) => true,
                Event::Stalled(_) => !self.is_spared(own) || self.processes[process].offline_until > 0,
                Event::TokensRefused(_) => self.is_refused(&self.processes[process].desks[own].user, token.expose()),
                Event::NeedsLogin(_) => has_ended,
                Event::LoggedOutElsewhere => is_erased && is_told_nothing,
                Event::Replaced(_) => is_switched && is_told_another,
                Event::Ended | Event::NotErased(_) => session.end() == Some(End::LoggedOut),
                Event::Orphaned => true,
                Event::LoggedOut(ref logout) => {
                    let grant = self.owners[token.expose()];
                    let newest = &self.grants[grant].newest;
                    let is_lost = self.unrevoked.get(&grant).is_some_and(|why| [LOST, TWICE].contains(why));
                    // Where the store has lost the record of the newest tokens, only who had them knows of them.
                    let had = &self.processes[process].desks[own].had;
                    let is_unknown = self.grants[grant].lost.is_some() && !had.contains(newest);
                    let is_true = is_lost || is_unknown || !self.op.has_grant_of(newest);
                    !logout.is_certain() || is_true && self.other_grant_of_device(seat, grant).is_none()
                }
                _ => false,
            };
            if !may_be {
                self.broken(&format!("session {own} of process {process}: {event:?}"));
            }
        }
        let may_end = match session.end() {
            None => true,
            Some(End::LoggedOut) => true,
            Some(End::LoggedOutElsewhere) => is_erased,
            Some(End::Replaced(_)) => is_switched,
            Some(_) => has_ended,
        };
        if !may_end {
            self.broken(&format!("session {own} of process {process} has ended: {:?}", session.end()));
        }
        // Another process may have logged in anew.
        let pause = if matches!(session.end(), Some(End::NeedsLogin(_))) { 300_000 } else { 20_000 };
        let is_over = session.end().is_some() && self.changes();
        let desk = self.desk(seat);
        if is_over && session.is_idle() && desk.asked.is_empty() && !desk.is_storing {
            self.given_up(seat, &session);
            self.post(pause, Post::Open { process, session: own, logs_in: false });
            return;
        }
        if let Some(due) = session.poll_timeout() {
            let after = due.saturating_since(self.env_of(process).monotonic()).as_millis() as u64;
            let due = Some(self.now + after);
            if self.desk(seat).due != due {
                self.desk(seat).due = due;
                self.post(after, Post::Wake { seat });
            }
        }
        self.desk(seat).session = Some(session);
    }
}
