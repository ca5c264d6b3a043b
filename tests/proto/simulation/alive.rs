//! Logins that live on at the provider and that nobody uses any more.

use oidc_proto::session::{End, Session};

use crate::simulation::line::SPENT;
use crate::simulation::universe::{Grant, Seat, Universe};

impl Universe {
    /// No login that was replaced or logged out lives on, unless nobody could know its newest tokens or revoke them.
    pub(crate) fn alive(&self) -> Vec<&'static str> {
        let is_kept = |grant: usize| (0..self.stores.len()).any(|session| self.stored_grant(session) == Some(grant));
        let mut alive = Vec::new();
        for (number, grant) in self.grants.iter().enumerate() {
            if is_kept(number) || !self.op.has_grant_of(&grant.newest) {
                continue;
            }
            let is_lost = grant.issued.as_ref().is_some_and(|issued| !issued.is_delivered || issued.is_late);
            let is_gone =
                grant.issued.as_ref().is_some_and(|issued| self.processes[issued.seat.process].life > issued.seat.life);
            // That a spent token was revoked excuses nothing: somebody had the newest, and was to give it back.
            alive.push(match self.unrevoked.get(&number).filter(|why| **why != SPENT) {
                Some(why) => *why,
                None if self.was_lost_with_all(grant) => "the store lost the record, and nobody else knew it",
                None if grant.replaced_by.is_some_and(|seat| self.processes[seat.process].life > seat.life) => {
                    "the process was killed before it revoked the login that it had replaced or erased"
                }
                None if is_lost => "the response was lost or late",
                None if is_gone => "the process was killed",
                None if grant.unsaved.is_some_and(|seat| self.processes[seat.process].life > seat.life) => {
                    "the process was killed before the login was saved"
                }
                None => {
                    self.broken(&format!("grant {number} of session {} lives, and nobody can end it", grant.session))
                }
            });
        }
        alive
    }

    /// A user's device lives while any grant of it does. After a logout that is certain none does that this process has put
    /// another one in the place of, and whose newest tokens it had.
    pub(crate) fn other_grant_of_device(&self, seat: Seat, left: usize) -> Option<usize> {
        let Seat { process, session, .. } = seat;
        let had = &self.processes[process].desks[session].had;
        let mut grants = self.grants.iter().enumerate().filter(|(_, grant)| grant.user == self.grants[left].user);
        let other = grants.find(|(number, grant)| {
            let is_own = [grant.replaced_by, grant.unsaved].contains(&Some(seat)) && had.contains(&grant.newest);
            let is_excused = self.unrevoked.get(number).is_some_and(|why| *why != SPENT);
            let is_stored = self.stored_grant(session) == Some(*number);
            *number != left && is_own && !is_excused && !is_stored && self.op.has_grant_of(&grant.newest)
        });
        other.map(|(number, _)| number)
    }

    /// A process has given up a session that has ended.
    pub(crate) fn given_up(&mut self, seat: Seat, session: &Session) {
        let Seat { process, session: own, .. } = seat;
        self.tell(|| format!("process {process} gives session {own} up"));
        let Grant { lost, newest, .. } = &mut self.grants[self.owners[session.tokens().access_token().expose()]];
        let had_newest = self.processes[process].desks[own].had.contains(newest);
        let is_rejected = matches!(session.end(), Some(End::NeedsLogin(_)));
        if let Some(holders) = lost.as_mut().filter(|_| is_rejected && !had_newest) {
            // What it had of it the provider does not take.
            holders.retain(|holder| *holder != seat);
        }
    }

    /// Whether the store has lost its record, and all who knew it are dead, or have met another login there.
    fn was_lost_with_all(&self, grant: &Grant) -> bool {
        let is_dead = |seat: &Seat| self.processes[seat.process].life > seat.life;
        grant.lost.as_ref().is_some_and(|holders| holders.iter().all(is_dead))
    }
}
