//! What befalls processes, machines, stores and users.

use std::time::Duration;

use oidc_proto::session::Session;

use crate::simulation::provider::user;
use crate::simulation::store::Condition;
use crate::simulation::universe::{Post, Seat, TROUBLE, Universe};

impl Universe {
    /// A user logs in anew, another one does, or logs out.
    pub(crate) fn change(&mut self, seat: Seat) {
        let Seat { process, session, .. } = seat;
        let own = self.desk(seat).user.clone();
        match self.roll(3) {
            0 => {
                let tokens = self.login(session, &own);
                self.grants.last_mut().unwrap().unsaved = Some(seat);
                let mut is_refused = false;
                self.with(seat, |session, env| is_refused = session.adopt(tokens.clone(), env).is_err());
                if is_refused {
                    // The session has ended for good. The application keeps no login that no session has.
                    let revocation = self.party.revoke(&tokens, &mut self.env).unwrap();
                    self.revoke(seat, revocation);
                }
            }
            // The application gives a session up only when nothing is lost.
            1 if self.desk(seat).session.as_ref().is_some_and(Session::is_idle) && self.desk(seat).asked.is_empty() => {
                let turn = u64::from(own.ends_with('0'));
                let tokens = self.login(session, &user(session, turn));
                self.begin(seat, tokens, None);
            }
            _ => {
                self.tell(|| format!("{own} logs out of session {session} in process {process}"));
                self.with(seat, |session, env| session.log_out(env));
                self.post(5000, Post::Open { process, session, logs_in: true });
            }
        }
    }

    /// A process, or its machine, fares badly, with all its sessions. Returns whether it hears of nothing else now.
    pub(crate) fn befalls(&mut self, process: usize) -> bool {
        let sessions = self.stores.len() as u64;
        if self.trouble(40 * sessions) {
            self.kill(process);
            return true;
        }
        if self.trouble(40 * sessions) {
            let length = 1000 + self.roll(900_000);
            self.tell(|| format!("process {process} is suspended for {length} ms"));
            self.processes[process].suspended_until = self.now + length;
            return true;
        }
        if self.trouble(60 * sessions) {
            let (by, back) = (Duration::from_millis(self.roll(600_000)), self.roll(2) == 0);
            self.tell(|| format!("the clock jumps by {by:?}, back: {back}"));
            self.clocks_are_right = false;
            let clock = if self.is_harsh() { &self.machines[process / 2] } else { self.env.clock() };
            if back { clock.jump_back(by) } else { clock.jump(by) }
        }
        if self.is_harsh() && self.now < TROUBLE && self.roll_more(60 * sessions) == 0 {
            *self.mishaps.entry("a process is offline").or_default() += 1;
            self.processes[process].offline_until = (self.now + 1000 + self.roll_more(300_000)).min(TROUBLE);
        }
        false
    }

    /// With all its sessions. It comes back.
    pub(crate) fn kill(&mut self, process: usize) {
        self.tell(|| format!("process {process} is killed"));
        self.processes[process].life += 1;
        self.processes[process].is_down = true;
        self.processes[process].desks.iter_mut().for_each(|desk| desk.session = None);
        let after = self.roll(30_000);
        self.post(after, Post::Restart { process });
    }

    pub(crate) fn is_offline(&self, process: usize) -> bool {
        self.processes[process].offline_until > self.now
    }

    /// What befalls one session's store, or its user.
    pub(crate) fn befalls_session(&mut self, seat: Seat) {
        let Seat { session, .. } = seat;
        let conditions = [
            (Condition::Full, "the store is full"),
            (Condition::ReadOnly, "the store is read-only"),
            (Condition::Slow, "the store is slow"),
        ];
        for (condition, name) in conditions {
            if self.mishap(session, 100, name) {
                let until = self.now + 1000 + self.roll_more(600_000);
                self.stores[session].condition = Some((condition, until));
            }
        }
        if self.mishap(session, 40, "the lock is lost") {
            self.stores[session].lock = None;
        }
        if self.mishap(session, 100, "the store loses the last save") {
            self.lose_the_last_save(session);
        }
        if self.changes() && self.mishap(session, 150, "the record is evicted") {
            self.evict(session);
        }
        if self.has_more() && self.changes() && self.mishap(session, 150, "the store loses everything") {
            self.evict(session);
            let store = &mut self.stores[session];
            (store.lock, store.draft) = (None, None);
            store.begun.clear();
        }
        if self.mishap(session, 100, "the account is locked") {
            let user = self.desk(seat).user.clone();
            let until = (self.now + 1000 + self.roll_more(900_000)).min(TROUBLE);
            self.locked.until.insert(user, until);
            self.locked.times += 1;
        }
    }

    /// A failover to a replica that was behind: its record is the one before, and it knows of no lock and no mark.
    fn lose_the_last_save(&mut self, session: usize) {
        let Some(before) = self.stores[session].before.take() else { return };
        self.is_lost(session);
        let store = &mut self.stores[session];
        (store.record, store.lock) = (Some(before), None);
        store.begun.clear();
    }

    fn evict(&mut self, session: usize) {
        if self.stores[session].record.is_none() {
            return;
        }
        self.is_lost(session);
        let store = &mut self.stores[session];
        (store.record, store.before, store.erased) = (None, None, store.erased + 1);
    }

    /// Notes who can still show the tokens of the record that is lost now.
    fn is_lost(&mut self, session: usize) {
        let Some(record) = &self.stores[session].record else { return };
        let grant = self.owners[record.tokens.access_token().expose()];
        let has_it = |session: &Session| {
            session.end().is_none() && self.owners[session.tokens().access_token().expose()] == grant
        };
        let holders = self.processes.iter().enumerate().filter_map(|(process, own)| {
            let is_holder = own.desks[session].session.as_ref().is_some_and(has_it);
            is_holder.then_some(Seat { process, life: own.life, session })
        });
        let holders = holders.collect();
        self.grants[grant].lost = Some(holders);
    }
}
