//! What must hold once nothing more goes wrong.

use std::time::Duration;

use oidc_proto::session::{End, Erased, Session, Uncertainty};
use oidc_proto::{Env as _, ErrorCode, Step};

use super::world::{Habit, Mishap, Move, Process, World, number};

pub(super) const ENDED: &str = "the grant ended in the window of a strict provider";

impl World {
    /// Nothing more goes wrong, and both have the same time. Leases of processes that are dead run out.
    pub(super) fn calm_down(&mut self) {
        for _ in 0..200 {
            let now = self.processes.iter().map(|process| process.now).max().unwrap();
            self.processes.iter_mut().for_each(|process| process.passes(now - process.now));
            let moves = [0, 1].map(|own| [Move::Store(own), Move::Send(own), Move::Deliver(own)]);
            if let Some(next) = moves.into_iter().flatten().find(|next| self.can(*next)) {
                self.make(next);
                continue;
            }
            let is_at_rest = |process: &Process| {
                process.session.as_ref().is_none_or(|session| session.is_idle() && !process.waits())
            };
            // A holder who is dead, or does not know that he holds it.
            let is_left = |(own, life): (usize, u32)| {
                let process = &self.processes[own];
                process.life != life || is_at_rest(process)
            };
            // Who has to wait the least: the other may wait for him.
            let restless = (0..self.processes.len()).filter(|own| !is_at_rest(&self.processes[*own]));
            match restless.min_by_key(|own| left(&self.processes[*own])) {
                Some(_) if self.lock.is_some_and(is_left) => self.make(Move::LeaseEnds),
                Some(own) => self.wait(own),
                None => return self.revoke(),
            }
        }
        panic!("it does not come to rest");
    }

    /// The owners revoke what their sessions give back.
    fn revoke(&mut self) {
        for process in &mut self.processes {
            let Process { session: Some(session), env, .. } = process else { continue };
            while let Some(step) = session.poll_revocation(env) {
                let Ok(Step::Call(call)) = step else { panic!("a request") };
                self.provider.lives &= number(&call.into_parts().0, "token") != self.provider.newest;
            }
        }
    }

    pub(super) fn lose_the_grant(&mut self) {
        self.provider.lives = false;
    }

    /// Returns the window that excuses what is wrong, if anything is.
    pub(super) fn check(&mut self, story: &[Move]) -> Option<&'static str> {
        if self.record.is_none() {
            // Who has tokens that the store never got gives them back when he finds no record.
            self.processes.iter_mut().for_each(Process::refresh);
            self.processes.iter_mut().for_each(Process::poll);
            self.calm_down();
        }
        let told = || format!("{story:?}, {:?}, {:?}", self.provider, self.mishaps);
        let is_logged_out = self.has_happened(Mishap::LogOut);
        assert!(self.provider.lives || is_logged_out || self.may_end(), "the grant has ended: {}", told());
        // Who has erased the record of this login has logged out.
        assert!(self.record.is_some() || is_logged_out, "there is no record: {}", told());
        for (own, process) in self.processes.iter().enumerate() {
            let has_left = process.logout_life == Some(process.life);
            match process.session.as_ref().and_then(Session::end) {
                None => assert!(!has_left, "it goes on after its logout: {}", told()),
                Some(End::LoggedOut) => assert!(has_left, "nobody has logged out: {}", told()),
                Some(End::LoggedOutElsewhere) => assert!(self.is_erased, "nobody has erased it: {}", told()),
                Some(End::NeedsLogin(error)) => {
                    assert_eq!(error.code(), ErrorCode::TOKEN_INVALID_GRANT, "{}", told());
                    assert!(!self.provider.lives, "the grant lives: {}", told());
                }
                Some(end) => panic!("{end:?}: {}", told()),
            }
            if !has_left || process.session.is_none() {
                continue;
            }
            let Some(logout) = &process.logout else { panic!("nothing is said of the logout: {}", told()) };
            let may_fail = [Mishap::Refuse, Mishap::Unsaid, Mishap::Timer, Mishap::LeaseEnds];
            let has_failed = matches!(logout.erased, Erased::Failed(_));
            assert!(!has_failed || may_fail.iter().any(|what| self.has_happened(*what)), "not erased: {}", told());
            assert!(self.record.is_none() || has_failed, "logged out, and there is a record: {}", told());
            let is_stray = self.provider.newest_for.is_some_and(|(own, life)| self.processes[own].life != life);
            if logout.is_certain() && self.provider.lives {
                // It came after the logout had refreshed.
                if is_stray && self.has_happened(Mishap::Kill) {
                    return Some("a request of a process that was killed came after its lease");
                }
                let is_others = self.provider.newest_for.is_some_and(|(other, _)| other != own);
                let is_lost = self.has_happened(Mishap::Lose) || self.has_happened(Mishap::Timer);
                let is_raced = is_others && self.has_happened(Mishap::LeaseEnds) && is_lost;
                assert!(is_raced, "said to be revoked, and lives: {}", told());
                return Some("two have refreshed at once, and the response to the other one was lost");
            }
            let has_reason = logout.uncertainty.as_ref().is_none_or(|why| self.has_reason(why));
            assert!(has_reason, "uncertain without a reason: {:?}, {}", logout.uncertainty, told());
        }
        if self.provider.lives && self.record.is_some() {
            self.all_get_tokens(story);
        }
        let has_ended = !self.provider.lives && !is_logged_out;
        has_ended.then_some(ENDED)
    }

    /// Whether something has happened that a logout may be uncertain for.
    fn has_reason(&self, uncertainty: &Uncertainty) -> bool {
        let reasons: &[Mishap] = match uncertainty {
            // A refresh has no end: its response was lost or is late, or whoever began it does not hold the lock any more.
            Uncertainty::LostResponse | Uncertainty::RefreshFailed(_) => {
                &[Mishap::Lose, Mishap::Timer, Mishap::Kill, Mishap::LeaseEnds]
            }
            Uncertainty::Store(_) => &[Mishap::Refuse, Mishap::Unsaid, Mishap::Timer],
            _ => &[],
        };
        reasons.iter().any(|what| self.has_happened(*what))
    }

    /// At a strict provider a grant may end in the window, and where two have refreshed at once.
    fn may_end(&self) -> bool {
        let is_in_window = |(what, is_in_window): &(Mishap, bool)| match what {
            Mishap::Lose | Mishap::Kill | Mishap::Timer => *is_in_window,
            Mishap::LeaseEnds => true,
            Mishap::Refuse | Mishap::Unsaid | Mishap::LogOut => false,
        };
        self.provider.habit == Habit::Strict && self.mishaps.iter().any(is_in_window)
    }

    /// Whoever starts now, and who is there already, gets a token that the provider takes.
    fn all_get_tokens(&mut self, story: &[Move]) {
        let has_left = self.processes.iter().position(|process| process.logout_life == Some(process.life));
        // A process that has logged out starts anew, too.
        self.start(has_left.unwrap_or(0));
        self.calm_down();
        for own in [0, 1] {
            self.processes[own].refresh();
            self.processes[own].poll();
            self.calm_down();
            if !self.provider.lives && self.may_end() {
                return;
            }
            let newest = format!("at-{}", self.provider.newest);
            let session = self.processes[own].session.as_ref().unwrap();
            let is_served = session.end().is_none() && session.tokens().access_token().expose() == newest;
            let (tokens, failure) = (session.tokens().access_token().expose(), session.last_failure());
            assert!(is_served, "process {own} has {tokens} for {newest}, {failure:?}: {story:?}");
        }
    }
}

/// How long until its session is due.
fn left(process: &Process) -> Option<Duration> {
    let due = process.session.as_ref().and_then(Session::poll_timeout)?;
    Some(due.saturating_since(process.env.monotonic()))
}
