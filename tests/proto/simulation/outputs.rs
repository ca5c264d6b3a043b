//! What a session wants in return for an input, and whether it may say so.

use http::Method;
use oidc_proto::Env;
use oidc_proto::session::{End, Event, Session, StoreAction, Transmit};
use oidc_proto::testing::TestEnv;

use crate::simulation::line::{LOST, TWICE};
use crate::simulation::provider::is_signed;
use crate::simulation::story::name;
use crate::simulation::universe::{Call, Post, Seat, Universe};

impl Universe {
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
