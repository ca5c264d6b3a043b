//! The record of a session, and its lock.

use std::collections::{HashMap, HashSet};

use oidc_proto::session::{LoginId, Record, RecordVersion, StoreAction, StoreResponse, StoreTicket};
use oidc_proto::testing::TestEnv;
use oidc_proto::{ErrorCode, TokenSet};

use crate::simulation::process::Desk;
use crate::simulation::provider::is_signed;
use crate::simulation::universe::{Post, Seat, TROUBLE, Universe};

/// How long a lock is held before it is given to somebody else.
const LEASE: u64 = 60_000;
/// How long it is waited for; in trouble for longer than a session waits.
const PATIENCE: u64 = 30_000;
const TOO_LONG: u64 = 90_000;

/// The bit of seeds whose processes tell each other that a record has changed, also when it has not. It may be missing.
pub(crate) const HINTS: u64 = 1 << 40;

/// The bit of seeds with more: worlds that are harsh, in which processes are killed between any two steps of the store, stores
/// lose everything, and a provider refuses a spent refresh token without ending the grant.
pub(crate) const MORE: u64 = 1 << 41;

/// The bit of seeds whose providers issue an ID token with each refresh, and change their keys now and then: tokens come that
/// cannot be verified for a while.
pub(crate) const SIGNED: u64 = 1 << 42;

/// What is wrong with a store for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Condition {
    /// There is no room but that which was prepared.
    Full,
    ReadOnly,
    /// Its responses come when nobody waits for them any more.
    Slow,
}

pub(crate) struct Store {
    pub(crate) record: Option<Record>,
    /// The record that it replaced, if that was of the same login.
    pub(crate) before: Option<Record>,
    /// Refreshes that were begun and have no end: who began them.
    pub(crate) begun: Vec<Seat>,
    /// The next record, whole, beside the version that it is to replace: whoever wrote it was killed before the end.
    pub(crate) draft: Option<(Option<RecordVersion>, Record)>,
    pub(crate) condition: Option<(Condition, u64)>,
    /// Who logged in last.
    user: String,
    /// All logins that were ever in it.
    logins: HashSet<LoginId>,
    /// Logins whose first save was carried out, and who asked for it and has not heard so; and whether he has, but had
    /// asked for another save before.
    unheard: HashMap<LoginId, (Seat, bool)>,
    /// How often the provider has refused these tokens without a reason. It never does so three times.
    pub(crate) silent: u64,
    /// How often the record was erased, and how often another user's took its place.
    pub(crate) erased: u64,
    pub(crate) switched: u64,
    /// Who holds it, and until when.
    pub(crate) lock: Option<(Seat, u64)>,
}

impl Store {
    pub(crate) fn new(tokens: TokenSet, user: String, env: &mut TestEnv) -> Self {
        let record = Record::of_login(tokens, None, env);
        let logins = record.login.into_iter().collect();
        let (before, begun, draft, condition, lock) = (None, Vec::new(), None, None, None);
        let (silent, erased, switched, unheard) = (0, 0, 0, HashMap::new());
        Self {
            record: Some(record),
            before,
            begun,
            draft,
            condition,
            user,
            logins,
            unheard,
            silent,
            erased,
            switched,
            lock,
        }
    }

    /// Whoever asked for the first save of a login hears of it, or of a record of that login. `is_asked` if he has asked for
    /// another save before.
    pub(crate) fn is_heard(&mut self, by: Seat, response: &StoreResponse, is_asked: bool) {
        let there = match response {
            StoreResponse::Loaded { record, .. } | StoreResponse::Conflict(record) => record.as_deref(),
            _ => None,
        };
        let login = there.and_then(|there| there.login);
        for (unheard, (saver, is_heard)) in &mut self.unheard {
            *is_heard |= *saver == by && (matches!(response, StoreResponse::Saved) || login == Some(*unheard));
        }
        self.unheard.retain(|_, (saver, is_heard)| !*is_heard || *saver != by || is_asked);
    }

    fn holder(&self, now: u64) -> Option<Seat> {
        self.lock.filter(|(_, until)| *until > now).map(|(seat, _)| seat)
    }
}

impl Universe {
    pub(crate) fn has_lock(&self, seat: Seat) -> bool {
        self.stores[seat.session].holder(self.now) == Some(seat)
    }

    /// Does what a session asks of its store.
    pub(crate) fn keep(&mut self, seat: Seat, ticket: StoreTicket, action: StoreAction) {
        let is_save = matches!(action, StoreAction::Save { .. });
        if is_save || matches!(action, StoreAction::Erase { .. }) || self.hints() && self.roll(40) == 0 {
            self.tell_others(seat);
        }
        if is_save && !self.is_gone(seat) && self.mishap(seat.session, 100, "the process is killed while it saves") {
            self.kill(seat.process);
        }
        let is_more = self.has_more() && !self.is_gone(seat);
        if is_more && self.mishap(seat.session, 200, "the process is killed between two steps of the store") {
            self.kill(seat.process);
        }
        if self.is_harsh() && self.is_gone(seat) && self.dies_with(seat, &action) {
            return;
        }
        let (fails, now) = (self.trouble_for(seat.session, 15), self.now);
        // It may have been written all the same.
        let may_write = !fails || self.roll(2) == 0;
        let is_refused = self.refuses(seat.session, &action) || self.is_locked_out(seat, &action);
        let (fails, writes) = (fails || is_refused, may_write && !is_refused);
        if self.is_harsh() {
            self.finish_draft(seat);
        }
        let renews = (self.is_harsh() || is_signed(self.seed))
            && matches!(action, StoreAction::Load | StoreAction::Prepare { .. } | StoreAction::Save { .. });
        let store = &mut self.stores[seat.session];
        let holder = store.holder(now);
        if renews && !is_refused && (holder == Some(seat) || matches!(action, StoreAction::Prepare { .. })) {
            store.lock = Some((seat, now + LEASE));
        }
        let response = match action {
            StoreAction::Unlock => {
                if holder == Some(seat) {
                    store.lock = None;
                }
                StoreResponse::Done
            }
            StoreAction::Lock | StoreAction::Load if fails => StoreResponse::Failed(ErrorCode::STORE_IO.into()),
            StoreAction::Lock => {
                let patience = if self.trouble_for(seat.session, 10) { TOO_LONG } else { PATIENCE };
                return self.lock(seat, ticket, now + patience);
            }
            StoreAction::Load => {
                StoreResponse::Loaded { record: store.record.clone().map(Box::new), begun: !store.begun.is_empty() }
            }
            StoreAction::Prepare { expect } if expect != store.record.as_ref().map(Record::version) => {
                StoreResponse::Conflict(store.record.clone().map(Box::new))
            }
            StoreAction::Prepare { .. } => {
                if writes && !store.begun.contains(&seat) {
                    store.begun.push(seat);
                }
                StoreResponse::Prepared
            }
            StoreAction::Discard => {
                store.begun.retain(|maker| !writes || *maker != seat);
                StoreResponse::Done
            }
            StoreAction::Erase { expect } => match store.record.clone() {
                Some(record) if Some(record.version()) != expect => StoreResponse::Conflict(Some(Box::new(record))),
                record => {
                    let begun = !store.begun.is_empty() && record.is_some();
                    if writes && let Some(record) = &record {
                        let grant = self.owners[record.tokens.access_token().expose()];
                        self.grants[grant].replaced_by = Some(seat);
                        (store.record, store.before, store.erased) = (None, None, store.erased + 1);
                        store.begun.clear();
                    }
                    StoreResponse::Erased { begun }
                }
            },
            StoreAction::Save { expect, .. } if expect != store.record.as_ref().map(Record::version) => {
                StoreResponse::Conflict(store.record.clone().map(Box::new))
            }
            StoreAction::Save { next, .. } => {
                if writes {
                    self.write(seat, next);
                }
                StoreResponse::Saved
            }
        };
        let response = if fails { StoreResponse::Failed(ErrorCode::STORE_IO.into()) } else { response };
        self.say(seat, ticket, response);
    }

    pub(crate) fn has_more(&self) -> bool {
        self.seed & MORE != 0
    }

    fn hints(&self) -> bool {
        self.seed & HINTS != 0
    }

    /// Hints come early, late and not at all.
    fn tell_others(&mut self, seat: Seat) {
        for process in 0..self.processes.len() {
            if self.hints() && process != seat.process && self.roll(10) > 0 {
                let after = self.roll(3000);
                self.post(after, Post::Hint { process, session: seat.session });
            }
        }
    }

    pub(crate) fn hint(&mut self, process: usize, session: usize) {
        let seat = Seat { process, life: self.processes[process].life, session };
        if !self.is_gone(seat) {
            self.tell(|| format!("session {session} of process {process} is told that its record may have changed"));
            self.with(seat, |session, _| session.reload());
        }
    }

    /// Whether what this process had asked for does not happen, since it was killed. A draft may be left.
    fn dies_with(&mut self, seat: Seat, action: &StoreAction) -> bool {
        let rest = self.roll_more(3);
        if let StoreAction::Save { expect, next } = action
            && rest == 0
            && self.has_lock(seat)
        {
            *self.mishaps.entry("a draft was left").or_default() += 1;
            self.stores[seat.session].draft = Some((*expect, (*next).clone()));
            let grant = self.owners[next.tokens.access_token().expose()];
            let refresh_token = next.tokens.refresh_token().unwrap().expose();
            let issued = self.grants[grant].issued.as_mut();
            if let Some(issued) = issued.filter(|issued| issued.refresh_token == refresh_token) {
                issued.is_drafted = true;
            }
        }
        rest < 2
    }

    /// Whoever holds the lock finishes what somebody has left, if it is the successor of the record.
    fn finish_draft(&mut self, seat: Seat) {
        if !self.has_lock(seat) {
            return;
        }
        let store = &mut self.stores[seat.session];
        let there = store.record.as_ref().map(Record::version);
        if let Some((expect, next)) = store.draft.take()
            && expect == there
            && next.login == there.and_then(|there| there.login)
        {
            self.write(seat, next);
        }
    }

    /// Whether the store is not fit for this.
    fn refuses(&self, session: usize, action: &StoreAction) -> bool {
        let store = &self.stores[session];
        match (self.condition(session), action) {
            (Some(Condition::ReadOnly), action) => {
                !matches!(action, StoreAction::Lock | StoreAction::Load | StoreAction::Unlock)
            }
            (Some(Condition::Full), StoreAction::Prepare { .. } | StoreAction::Save { .. }) => store.begun.is_empty(),
            _ => false,
        }
    }

    /// Nothing is prepared under somebody else's lock.
    fn is_locked_out(&self, seat: Seat, action: &StoreAction) -> bool {
        let holder = self.stores[seat.session].holder(self.now);
        self.is_harsh() && matches!(action, StoreAction::Prepare { .. }) && holder.is_some_and(|holder| holder != seat)
    }

    fn condition(&self, session: usize) -> Option<Condition> {
        let until = self.now.min(TROUBLE);
        self.stores[session].condition.filter(|(_, end)| *end > until && self.now < TROUBLE).map(|(what, _)| what)
    }

    /// A login that was replaced or erased does not come back, unless whoever saves it has not heard that it was saved
    /// before.
    fn write(&mut self, seat: Seat, next: Record) {
        let session = seat.session;
        let grant = self.owners[next.tokens.access_token().expose()];
        let user = self.grants[grant].user.clone();
        self.grants[grant].unsaved = None;
        let store = &mut self.stores[session];
        store.switched += u64::from(store.user != user);
        store.user = user;
        let is_other = store.record.as_ref().is_none_or(|record| record.login != next.login);
        let is_new = next.login.is_none_or(|login| store.logins.insert(login));
        if let Some(login) = next.login.filter(|_| is_new) {
            store.unheard.insert(login, (seat, false));
        }
        let is_unheard =
            next.login.is_some_and(|login| store.unheard.get(&login).is_some_and(|(saver, _)| *saver == seat));
        let before = store.record.take();
        let is_same = |before: &Record| before.tokens.access_token().expose() == next.tokens.access_token().expose();
        if !before.as_ref().is_some_and(is_same) {
            store.silent = 0;
        }
        // Whoever had replaced that login, and finds it again, goes on with the one that the store has lost.
        let mut had_replaced_it = false;
        if let Some(before) = before.as_ref().filter(|_| is_other) {
            let replaced = self.owners[before.tokens.access_token().expose()];
            had_replaced_it = self.grants[replaced].replaced_by.replace(seat) == Some(seat);
        }
        store.before = before.filter(|_| !is_other);
        store.record = Some(next);
        store.begun.clear();
        if is_other && !is_new {
            self.grants[grant].came_back_over = self.grants[grant].replaced_by;
        }
        self.is_mended(seat, grant);
        if is_other && !is_new && !is_unheard && !had_replaced_it {
            self.broken(&format!("a login of session {session} comes back that was replaced or erased"));
        }
    }

    /// Once the newest tokens are stored, and no other process is at work, what the store had lost and what was asked for
    /// twice excuses nothing any more.
    fn is_mended(&mut self, seat: Seat, grant: usize) {
        let record = self.stores[seat.session].record.as_ref();
        let is_newest = record.is_some_and(|record| record.tokens.access_token().expose() == self.grants[grant].newest);
        let others = self.processes.iter().enumerate().filter(|(process, _)| *process != seat.process);
        if is_newest && others.map(|(_, other)| &other.desks[seat.session]).all(Desk::is_at_rest) {
            (self.grants[grant].lost, self.grants[grant].is_raced) = (None, false);
        }
    }

    /// The lock, or another look in a while.
    pub(crate) fn lock(&mut self, seat: Seat, ticket: StoreTicket, until: u64) {
        let now = self.now;
        let store = &mut self.stores[seat.session];
        if store.holder(now).is_none_or(|holder| holder == seat) {
            store.lock = Some((seat, now + LEASE));
            return self.say(seat, ticket, StoreResponse::Locked);
        }
        if now >= until {
            return self.say(seat, ticket, StoreResponse::Failed(ErrorCode::STORE_IO.into()));
        }
        let after = 1 + self.roll(2000);
        self.post(after, Post::Look { seat, ticket, until });
    }

    fn say(&mut self, seat: Seat, ticket: StoreTicket, response: StoreResponse) {
        let mut after = 1 + self.roll(50);
        if self.condition(seat.session) == Some(Condition::Slow) {
            after += self.roll_more(100_000);
        }
        self.post(after, Post::Said { seat, ticket, response });
    }
}
