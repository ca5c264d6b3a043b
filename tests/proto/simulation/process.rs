//! A process and its sessions: what goes into one, and what may come out.

use std::collections::VecDeque;
use std::time::Duration;

use oidc_proto::Env;
use oidc_proto::session::{
    Access, Epoch, Event, Outcome, Persistence, Refusal, Session, SessionOptions, StoreAction, StoreResponse,
    StoreTicket, Ticket, Transmit,
};
use oidc_proto::testing::TestEnv;

use crate::simulation::universe::{Exchanged, Post, Seat, Universe, user};

pub(crate) struct Process {
    /// Counts restarts.
    life: u64,
    /// One for each session.
    pub(crate) desks: Vec<Desk>,
    pub(crate) suspended_until: u64,
}

/// Where a process keeps one of its sessions.
#[derive(Default)]
pub(crate) struct Desk {
    session: Option<Session>,
    /// It was given the lock of its own store, and has not given it back.
    holds_lock: bool,
    /// The store does one thing after the other.
    asked: VecDeque<(StoreTicket, StoreAction)>,
    is_storing: bool,
    /// A request was sent, and the session has not heard of it nor given it up.
    in_flight: bool,
    /// A caller who wants new tokens, and the access token that there was.
    refreshing: Option<(Epoch, String)>,
    /// When it is to be woken.
    due: Option<u64>,
    /// When somebody got a token that the provider took.
    pub(crate) served_at: u64,
}

impl Process {
    pub(crate) fn new(sessions: usize) -> Self {
        Self { life: 0, desks: (0..sessions).map(|_| Desk::default()).collect(), suspended_until: 0 }
    }
}

impl Universe {
    fn desk(&mut self, seat: Seat) -> &mut Desk {
        &mut self.processes[seat.process].desks[seat.session]
    }

    pub(crate) fn is_gone(&self, seat: Seat) -> bool {
        let process = &self.processes[seat.process];
        process.life != seat.life || process.desks[seat.session].session.is_none()
    }

    /// With all its sessions, from what is in the store.
    pub(crate) fn restart(&mut self, process: usize) {
        let life = self.processes[process].life;
        for session in 0..self.stores.len() {
            let record = self.stores[session].record.clone();
            self.tell(|| format!("process {process} starts session {session} from generation {}", record.generation));
            let options = SessionOptions { persistence: Persistence::Shared, ..SessionOptions::default() };
            let party = self.party.clone();
            let restored = Session::new(record.tokens.clone(), Some(record.version()), party, options, &mut self.env);
            let seat = Seat { process, life, session };
            let served_at = self.desk(seat).served_at;
            *self.desk(seat) = Desk { session: Some(restored.unwrap()), served_at, ..Desk::default() };
            self.with(seat, |_, _| {});
        }
    }

    /// Somebody wants a token, now and then; and now and then the process fares badly, with all its sessions.
    pub(crate) fn call(&mut self, process: usize, session: usize) {
        let later = 1000 + self.roll(120_000);
        self.post(later, Post::Call { process, session });
        let seat = Seat { process, life: self.processes[process].life, session };
        if self.is_gone(seat) {
            return;
        }
        let sessions = self.stores.len() as u64;
        if self.trouble(40 * sessions) {
            self.tell(|| format!("process {process} is killed"));
            self.processes[process].life += 1;
            self.processes[process].desks.iter_mut().for_each(|desk| desk.session = None);
            let after = self.roll(30_000);
            return self.post(after, Post::Restart { process });
        }
        if self.trouble(40 * sessions) {
            let length = 1000 + self.roll(900_000);
            self.tell(|| format!("process {process} is suspended for {length} ms"));
            self.processes[process].suspended_until = self.now + length;
            return;
        }
        if self.trouble(60 * sessions) {
            let (by, back) = (Duration::from_millis(self.roll(600_000)), self.roll(2) == 0);
            self.tell(|| format!("the clock jumps by {by:?}, back: {back}"));
            if back { self.env.clock().jump_back(by) } else { self.env.clock().jump(by) }
        }
        if self.roll(8) == 0 {
            return self.refresh_now(seat);
        }
        let (op, mut got) = (self.op.clone(), None);
        self.with(seat, |session, env| {
            let (token, is_doubtful) = match session.access(env) {
                Access::Ready(token) => (token.clone(), false),
                Access::Doubtful { token, .. } => (token.clone(), true),
                _ => return,
            };
            let taken_for = op.bearer(token.expose(), env.now());
            if taken_for.is_none() {
                let _ = session.unauthorized(&token, Refusal::Token, env);
            }
            got = Some((token, is_doubtful, taken_for));
        });
        let Some((token, is_doubtful, taken_for)) = got else { return };
        if is_doubtful {
            self.truth.doubtful[usize::from(taken_for.is_none())] += 1;
        }
        match taken_for {
            Some(bearer) if bearer.login != user(session) => {
                self.broken(&format!("session {session} speaks for {}", bearer.login));
            }
            Some(_) => self.desk(seat).served_at = self.now,
            None if !is_doubtful => self.check_dead(seat, token.expose()),
            None => {}
        }
    }

    /// A token was handed out as good, and is dead. That may be only where the process could not know: another one has
    /// refreshed, or the response to its own request is on its way.
    fn check_dead(&mut self, seat: Seat, token: &str) {
        let Some(by) = self.ended_by.get(token).copied().filter(|_| self.ended[seat.session].is_none()) else { return };
        if by == seat && !self.desk(seat).in_flight {
            let Seat { process, session, .. } = seat;
            self.broken(&format!(
                "session {session} of process {process} hands out as good what its own refresh ended"
            ));
        }
        self.truth.unknown += 1;
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

    /// Whoever wanted new tokens has them, or hears that there are none.
    fn hear(&mut self, seat: Seat, session: &Session) {
        let Some((epoch, had)) = self.desk(seat).refreshing.take() else { return };
        match session.outcome(epoch, &self.env) {
            Outcome::Pending => self.desk(seat).refreshing = Some((epoch, had)),
            Outcome::Ready(token) if token.expose() == had => {
                let Seat { process, session, .. } = seat;
                self.broken(&format!("session {session} of process {process} has 'refreshed' to what there was"));
            }
            Outcome::Ready(_) => self.truth.refreshed[0] += 1,
            _ => self.truth.refreshed[1] += 1,
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

    pub(crate) fn answered(&mut self, seat: Seat, ticket: Ticket, response: Exchanged) {
        if self.is_gone(seat) {
            return;
        }
        if let (Some(issued), Ok(response)) = (&mut self.issued[seat.session], &response) {
            let body = String::from_utf8_lossy(response.body());
            issued.is_delivered |= issued.seat == seat && body.contains(&issued.refresh_token);
        }
        self.desk(seat).in_flight = false;
        self.with(seat, |session, env| match response {
            Ok(response) => session.handle_response(ticket, response, env),
            Err(failure) => session.handle_failure(ticket, failure, env),
        });
    }

    pub(crate) fn said(&mut self, seat: Seat, ticket: StoreTicket, response: StoreResponse) {
        if self.is_gone(seat) {
            return;
        }
        self.desk(seat).is_storing = false;
        self.desk(seat).holds_lock |= matches!(response, StoreResponse::Locked);
        self.with(seat, |session, env| session.handle_store(ticket, response, env));
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

    /// Gives a session its input, and posts what it wants in return.
    fn with(&mut self, seat: Seat, input: impl FnOnce(&mut Session, &mut TestEnv)) {
        let Seat { process, session: own, .. } = seat;
        let Some(mut session) = self.desk(seat).session.take() else { return };
        let before = session.tokens().access_token().clone();
        input(&mut session, &mut self.env);
        while let Some((ticket, action)) = session.poll_store(&mut self.env) {
            self.tell(|| format!("session {own} of process {process} {}", name(&action)));
            match &action {
                StoreAction::Unlock => self.desk(seat).holds_lock = false,
                StoreAction::Save { next, .. } => {
                    self.must_own(own, next.tokens.access_token().expose(), "the saved access token");
                    self.must_own(own, next.tokens.refresh_token().unwrap().expose(), "the saved refresh token");
                }
                _ => {}
            }
            self.desk(seat).asked.push_back((ticket, action));
        }
        self.ask(seat);
        while let Some(transmit) = session.poll_transmit(&mut self.env) {
            let Transmit::Call { ticket, request, .. } = transmit else { self.broken("a signature is asked for") };
            if !self.desk(seat).holds_lock {
                self.broken(&format!("session {own} of process {process} refreshes without its own lock"));
            }
            if let Some(issued) = &mut self.issued[own] {
                issued.is_late |= !issued.is_delivered;
            }
            self.desk(seat).in_flight = true;
            let after = 1 + self.roll(2000);
            self.post(after, Post::Request { seat, ticket, request });
        }
        self.hear(seat, &session);
        let token = session.tokens().access_token().clone();
        self.must_own(own, token.expose(), "the access token");
        while let Some(event) = session.poll_event() {
            self.tell(|| format!("session {own} of process {process}: {event:?}"));
            if matches!(event, Event::BackingOff { .. }) {
                self.desk(seat).in_flight = false;
            }
            let may_be = match event {
                Event::TokensRefreshed => before.expose() != token.expose(),
                Event::BackingOff { .. } => true,
                // Only who was suspended can have missed the store's response.
                Event::NotSaved(_) => !self.is_spared(own) || self.processes[process].suspended_until > 0,
                Event::Stalled(_) => !self.is_spared(own),
                Event::NeedsLogin(_) => self.ended[own].is_some(),
                _ => false,
            };
            if !may_be {
                self.broken(&format!("session {own} of process {process}: {event:?}"));
            }
        }
        if let Some(end) = session.end().filter(|_| self.ended[own].is_none()) {
            self.broken(&format!("session {own} of process {process} has ended: {end:?}"));
        }
        if let Some(due) = session.poll_timeout() {
            let after = due.saturating_since(self.env.monotonic()).as_millis() as u64;
            let due = Some(self.now + after);
            if self.desk(seat).due != due {
                self.desk(seat).due = due;
                self.post(after, Post::Wake { seat });
            }
        }
        self.desk(seat).session = Some(session);
    }
}

fn name(action: &StoreAction) -> &'static str {
    match action {
        StoreAction::Lock => "locks",
        StoreAction::Load => "loads",
        StoreAction::Save { .. } => "saves",
        StoreAction::Unlock => "unlocks",
        StoreAction::Erase { .. } => "erases",
    }
}
