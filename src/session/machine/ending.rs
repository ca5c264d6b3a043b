//! The ends of an attempt, and what follows from each.

use super::Core;
use super::exchange::{Exchange, Obtained};
use super::giving_back::Held;
use super::state::{Resume, State};
use crate::base::env::Env;
use crate::error::{Error, ErrorCode};
use crate::flow::token_outcome::is_silent_refusal;
use crate::session::access::End;
use crate::session::event::Event;
use crate::session::policy::{self, Came, RefreshPolicy, SILENT_REFUSALS, STALLED_AFTER, Verdict};
use crate::session::record::LoginId;
use crate::token::token_set::TokenSet;

impl Core {
    /// The session becomes idle.
    pub(super) fn settle(&mut self, env: &mut dyn Env) -> State {
        State::Idle { due: self.current.settle(&self.party, &self.options, env) }
    }

    /// There are new tokens, of this login.
    pub(super) fn succeeded(&mut self, tokens: TokenSet, login: Option<LoginId>, env: &mut dyn Env) -> State {
        self.store.set_login(login);
        self.store.release();
        self.late.forget();
        // The provider's last word: what came before is of no use any more.
        self.orphans.drop_set_aside();
        self.current.renew(tokens);
        self.attempts.succeed();
        self.events.push(Event::TokensRefreshed);
        self.settle(env)
    }

    /// An exchange ends without new tokens.
    pub(super) fn ends_in_vain(&mut self, exchange: &Exchange) {
        if exchange.may_have_rotated() {
            self.current.doubt(Some(exchange.asked_at()));
            self.store.may_have_spent();
        }
    }

    /// The exchange failed. `came` are tokens that cannot be trusted, if any came.
    pub(super) fn failed(&mut self, error: Error, came: Came, exchange: Exchange, env: &mut dyn Env) -> State {
        self.ends_in_vain(&exchange);
        let (counted, silent) = (self.attempts.silent(), self.attempts.refusals(is_silent_refusal(&error)));
        let (error, verdict) = match policy::verdict(&error, came) {
            Verdict::Later if silent >= SILENT_REFUSALS => (policy::silently_refused(error), Verdict::NeedsLogin),
            verdict => (error, verdict),
        };
        if verdict == Verdict::NeedsLogin && self.store.holds_lock() {
            // Another process may have been faster. The session looks once more at what it saved.
            return self.load_after(exchange.rejected(error), env);
        }
        if verdict == Verdict::NeedsLogin
            && let Some(other) = self.untried(exchange.parent.spent.as_ref(), None)
        {
            return self.ask_with(other, env);
        }
        let is_spent = exchange.may_have_rotated();
        if silent != counted && verdict == Verdict::Later && !is_spent && self.store.holds_lock() {
            return self.count(error, env);
        }
        if !is_spent {
            self.store.spent_nothing();
        }
        self.store.release();
        match verdict {
            Verdict::NeedsLogin => self.give_up(error, env),
            Verdict::ClientRejected => self.stop(End::ClientRejected(error.clone()), Event::ClientRejected(error)),
            Verdict::Refused => self.stop(End::Unverified(error.clone()), Event::Unverified(error)),
            Verdict::Later => self.back_off(error, Resume::Anew, env),
        }
    }

    /// The store failed. This does not end the session. While tokens are not saved, no other process gets the lock: it
    /// would find the refresh token that was spent for them.
    pub(super) fn store_failed(&mut self, error: Error, env: &mut dyn Env) -> State {
        match self.store.has_unsaved() {
            true => self.store.keep_lock(),
            false => self.store.release(),
        }
        self.back_off(error, Resume::Anew, env)
    }

    /// The provider does not accept the refresh token, and no other process has a better one. If the response to an earlier
    /// request may still come, the refresh token may be spent for what that one brings.
    pub(super) fn give_up(&mut self, error: Error, env: &mut dyn Env) -> State {
        self.store.release();
        if self.late.may_come() && self.attempts.failures() < STALLED_AFTER {
            return self.back_off(error, Resume::Anew, env);
        }
        if error.code() == ErrorCode::TOKEN_INVALID_GRANT {
            // Some providers end the access tokens of a grant with the grant.
            self.current.doubt(None);
        }
        self.stop(End::NeedsLogin(error.clone()), Event::NeedsLogin(error))
    }

    /// The record is another user's. `late` are tokens that came all the same. Whoever put it in
    /// the place of this session's has revoked the tokens of that one; but the store may have lost
    /// that record before, and then nobody else can.
    pub(super) fn replaced(&mut self, error: Error, late: Option<TokenSet>, env: &mut dyn Env) -> State {
        self.give_way(late, true);
        self.let_late_go(env);
        self.stop(End::Replaced(error.clone()), Event::Replaced(error))
    }

    /// There is no record any more. `late` are tokens that came all the same. Whoever has logged out has revoked the
    /// tokens; but the store may have lost the record, and then nobody else can.
    pub(super) fn logged_out_elsewhere(&mut self, late: Option<TokenSet>, env: &mut dyn Env) -> State {
        self.give_way(late, true);
        self.let_late_go(env);
        self.stop(End::LoggedOutElsewhere, Event::LoggedOutElsewhere)
    }

    /// The same, learned beside whatever else goes on. A session that has ended keeps its end, and
    /// a new login that is about to be saved takes the place of whatever is there.
    pub(super) fn gone_beside(&mut self, state: State, replaced: Option<Error>, env: &mut dyn Env) -> State {
        if state.has_new_login() {
            self.current.doubt(None);
            self.store.need_not_save();
            return state;
        }
        if state.is_over() {
            self.give_way(None, false);
            return state;
        }
        if state.may_have_rotated() {
            self.current.doubt(None);
        }
        self.give_back(state, env);
        match replaced {
            Some(error) => self.replaced(error, None, env),
            None => self.logged_out_elsewhere(None, env),
        }
    }

    /// A new login takes the place of this one, and what is under way ends. What it has is given
    /// back once the new login is saved.
    pub(super) fn adopt(&mut self, obtained: Obtained, state: State, env: &mut dyn Env) -> State {
        if state.may_have_rotated() {
            self.current.doubt(None);
            self.store.may_have_spent();
        }
        if !state.is_grant_gone() && !state.has_obtained() {
            self.orphans.replace(self.current.tokens().clone());
        }
        while let Some((step, exchange)) = self.late.take_arrived(env) {
            self.give_back_late(step, exchange, true, env);
        }
        self.orphans.replace_set_aside();
        match Held::by(state, env) {
            Held::Tokens(orphan, _) | Held::NewLogin(orphan) => self.orphans.replace(orphan),
            Held::Expected(expect) => self.late.expect(self.attempts.ticket(), expect),
            Held::Nothing | Held::Lost => {}
        }
        self.late.let_go();
        self.store.spent_nothing();
        self.store.abandon();
        self.attempts.begin();
        self.obtained(obtained, env)
    }

    /// Nothing is written any more. The current tokens are given back if nobody else has them.
    fn give_way(&mut self, late: Option<TokenSet>, is_lost: bool) {
        let is_lost = self.store.has_unsaved() || is_lost && late.is_none();
        let own = is_lost.then(|| self.current.tokens().clone());
        self.store.abandon();
        self.store.need_not_save();
        late.into_iter().chain(own).for_each(|tokens| self.orphaned(tokens));
        self.nothing_is_replaced();
    }

    /// What a response that is late still brings is not lost: the session goes on with it, or gives it back.
    fn stop(&mut self, end: End, event: Event) -> State {
        self.store.forget();
        self.attempts.stop(end.error().cloned());
        self.events.push(event);
        State::Stopped(end)
    }

    pub(super) fn back_off(&mut self, error: Error, resume: Resume, env: &mut dyn Env) -> State {
        self.store.forget();
        let failures = self.attempts.fail(error.clone());
        let pause = policy::pause(failures, error.retry_after(), env.rng().next_u32());
        self.events.push(Event::BackingOff { pause, error: error.clone() });
        if failures == STALLED_AFTER && !self.current.is_good(env) {
            self.events.push(Event::Stalled(error));
        }
        let awaits_caller = self.options.refresh == RefreshPolicy::OnDemand && matches!(resume, Resume::Anew);
        State::pausing(env.monotonic().saturating_add(pause), resume, awaits_caller)
    }
}
