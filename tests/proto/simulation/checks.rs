//! What a session says and does is true: of tokens that it hands out, of refreshes, and of what it gives back.

use oidc_proto::session::{End, Outcome, Session};

use crate::simulation::provider::LIFETIME;
use crate::simulation::universe::{Seat, Universe};

impl Universe {
    /// Whatever the time of day, a process has no token for longer than it lives.
    pub(crate) fn check_age(&mut self, seat: Seat, token: &str) {
        let now = self.now;
        let desk = self.desk(seat);
        match &desk.handed_out {
            Some((before, since)) if before == token => {
                if now > since + LIFETIME {
                    let Seat { process, session, .. } = seat;
                    self.broken(&format!("session {session} of process {process} hands out as good what has expired"));
                }
            }
            _ => desk.handed_out = Some((token.to_owned(), now)),
        }
    }

    /// A token was handed out as good, and is dead. That may be only where the process could not know: another one has
    /// refreshed, or the response to its own request is on its way.
    pub(crate) fn check_dead(&mut self, seat: Seat, token: &str) {
        let is_ended = self.grant_of(token).ended.is_some();
        if self.has_expired(token) && self.clocks_are_right {
            let Seat { process, session, .. } = seat;
            self.broken(&format!("session {session} of process {process} hands out as good what has expired"));
        }
        let Some((by, at)) = self.ended_by.get(token).copied().filter(|_| !is_ended) else { return };
        // Where the store has lost a record, what it has again may be older than anyone can know. Whoever took it then has
        // it until the next look.
        let is_lost = self.grant_of(token).lost.is_some() || self.desk(seat).is_of_lost;
        // One that is made of the record after a logout that did not erase it has asked for nothing.
        let is_own = by == seat && self.desk(seat).since <= at;
        if is_own && self.desk(seat).in_flight.is_none() && !is_lost {
            let Seat { process, session, .. } = seat;
            self.broken(&format!(
                "session {session} of process {process} hands out as good what its own refresh ended"
            ));
        }
        self.truth.unknown += 1;
    }

    /// Who has not logged out does not end what is in the store, and others go on with. Who has put another login in its place
    /// cannot know that it has come back.
    pub(crate) fn check_given_back(&mut self, seat: Seat, grant: usize, session: &Session) {
        let Seat { process, session: own, .. } = seat;
        let is_stored = self.stored_grant(own) == Some(grant) && self.grants[grant].came_back_over != Some(seat);
        if is_stored && session.end() != Some(End::LoggedOut) {
            self.broken(&format!("session {own} of process {process} gives back what is stored, without a logout"));
        }
    }

    /// The grant of the record.
    pub(crate) fn stored_grant(&self, session: usize) -> Option<usize> {
        let record = self.stores[session].record.as_ref()?;
        Some(self.owners[record.tokens.access_token().expose()])
    }

    /// Whoever wanted new tokens has them, or hears that there are none.
    pub(crate) fn hear(&mut self, seat: Seat, session: &Session) {
        let Some((epoch, had)) = self.desk(seat).refreshing.take() else { return };
        match session.outcome(epoch, self.env_of(seat.process)) {
            Outcome::Pending => self.desk(seat).refreshing = Some((epoch, had)),
            Outcome::Ready(token) if token.expose() == had => {
                let Seat { process, session, .. } = seat;
                self.broken(&format!("session {session} of process {process} has 'refreshed' to what there was"));
            }
            Outcome::Ready(token) => {
                let token = token.expose();
                // Of another login it is whatever that has: its record came later.
                if self.owners[token] == self.owners[&had] && self.issues[token] <= self.issues[&had] {
                    let Seat { process, session, .. } = seat;
                    self.broken(&format!("session {session} of process {process} has 'refreshed' to what is older"));
                }
                if !self.is_honoured(token) {
                    self.check_dead(seat, token);
                }
                self.truth.refreshed[0] += 1;
            }
            _ => self.truth.refreshed[1] += 1,
        }
    }
}
