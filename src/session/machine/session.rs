//! The session: the functions for its owner and its callers. `driving.rs` has the functions for its driver.

use std::fmt;

use super::exchange::Obtained;
use super::late::LateResponses;
use super::logout::LogoutStage;
use super::orphans::{Orphan, Orphans};
use super::state::{Resume, State};
use super::{Core, Session};
use crate::base::env::Env;
use crate::base::secret::AccessToken;
use crate::error::{Error, ErrorCode};
use crate::flow::Revocation;
use crate::party::relying_party::RelyingParty;
use crate::session::access::{Access, End, EndedForGood, Epoch, Outcome, Refusal, Standing, Wants};
use crate::session::attempts::Attempts;
use crate::session::current::{CurrentTokens, Validity};
use crate::session::event::{Event, Events};
use crate::session::policy::{Persistence, REFUSED_AFTER, RefreshPolicy, SessionOptions};
use crate::session::record::{LoginId, Parent, RecordVersion};
use crate::session::same::other_user;
use crate::session::store_protocol::StoreProtocol;
use crate::step::Step;
use crate::token::token_set::TokenSet;

impl Session {
    /// A session of these tokens. `stored` is the version of the record that they were read from;
    /// it is `None` after a login, and if the tokens are not in a store.
    ///
    /// After a login, [`Session::save`] saves the tokens in the store.
    ///
    /// # Errors
    /// `provider.mismatch`, `client.mismatch`, `dpop.key_mismatch`.
    pub fn new(
        tokens: TokenSet,
        stored: Option<RecordVersion>,
        party: RelyingParty,
        options: SessionOptions,
        env: &mut dyn Env,
    ) -> Result<Self, Error> {
        party.owner().check(tokens.owner())?;
        let mut core = Core {
            party,
            current: CurrentTokens::new(tokens),
            options: options.into(),
            attempts: Attempts::default(),
            store: StoreProtocol::new(stored, env),
            events: Events::default(),
            late: LateResponses::default(),
            orphans: Orphans::default(),
            reload: None,
        };
        let state = core.settle(env);
        Ok(Self { core, state })
    }

    /// Makes a transition. `next` gets the state by value, and only those parts of the session that do not see the
    /// state.
    pub(super) fn transition(&mut self, next: impl FnOnce(State, &mut Core) -> State) {
        // What is true if `next` panics.
        let interrupted = self.state.if_interrupted();
        let state = std::mem::replace(&mut self.state, interrupted);
        self.state = next(state, &mut self.core);
    }

    /// The newest tokens.
    pub fn tokens(&self) -> &TokenSet {
        self.core.current.tokens()
    }

    /// The generation of the newest record that the session knows to be in the store; 0 if there is no record.
    pub fn generation(&self) -> u64 {
        self.stored().map_or(0, |stored| stored.generation)
    }

    /// The version of the newest record that the session knows to be in the store; `None` if there is no record.
    pub fn stored(&self) -> Option<RecordVersion> {
        self.core.store.known()
    }

    /// The login that the tokens come from, as records name it.
    pub fn login(&self) -> Option<LoginId> {
        self.core.store.login()
    }

    /// The next revocation to drive: of tokens that this session does not use any more, and that
    /// the provider may still honour. They are those of a session that was logged out, or whose
    /// record is gone, or is another user's or another client's; those of a login that a new login
    /// has replaced in the store; those of a response that was refused; and those that came later
    /// for one of these. Drop the revocation of a replaced login if the provider keeps one grant
    /// for all logins of a user. Call it until it returns `None`; [`Event::Orphaned`] says when. If
    /// the provider has no revocation endpoint, there is nothing to drive: the tokens stay valid
    /// until they expire.
    ///
    /// # Errors
    /// The errors of [`RelyingParty::revoke`], except `revocation.unsupported`.
    pub fn poll_revocation(&mut self, env: &mut dyn Env) -> Option<Result<Step<Revocation>, Error>> {
        loop {
            let revocation = match self.core.orphans.pop()? {
                Orphan::Tokens(tokens) => self.core.party.revoke(&tokens, env),
                Orphan::Unverified(tokens) => tokens.revoke(env),
            };
            if !matches!(&revocation, Err(error) if error.code() == ErrorCode::REVOCATION_UNSUPPORTED) {
                return Some(revocation);
            }
        }
    }

    /// Why the session has ended; `None` if it has not.
    pub fn end(&self) -> Option<End> {
        self.state.end()
    }

    /// The access token, if it is good and the session has not ended. Unlike [`Session::access`], this starts no
    /// refresh.
    pub fn current(&self, env: &dyn Env) -> Option<&AccessToken> {
        self.has_good_token(env).then(|| self.core.current.access_token())
    }

    /// The access token and until when it is good; `None` if the session has ended or something speaks against the
    /// token.
    pub(crate) fn good_token(&self) -> Option<(&AccessToken, Validity)> {
        self.core.current.good().filter(|_| self.state.can_give_tokens())
    }

    /// Whether the session has ended for good.
    pub(crate) fn ended(&self) -> Option<EndedForGood> {
        match &self.state {
            State::LoggedOut if self.core.store.has_failed_to_erase() => Some(EndedForGood::NotErased),
            State::LoggedOut => Some(EndedForGood::Gone),
            State::Stopped(end) if end.is_final() => Some(EndedForGood::Gone),
            _ => None,
        }
    }

    fn has_good_token(&self, env: &dyn Env) -> bool {
        self.state.can_give_tokens() && self.core.current.is_good(env)
    }

    /// What the session knows about its access token, also after the session has ended.
    pub fn standing(&self, env: &dyn Env) -> Standing {
        match self.core.current.standing(env) {
            Standing::Good if self.state.is_interrupted() => Standing::Doubtful,
            standing => standing,
        }
    }

    /// The error of the last attempt; `None` if it did not fail.
    pub fn last_failure(&self) -> Option<&Error> {
        self.core.attempts.last_failure()
    }

    /// Whether the session can be dropped without a loss: no attempt is running, everything was saved, and the tokens
    /// are known to be the newest. If they are not, the session finds out by a refresh, with any policy.
    pub fn is_idle(&self) -> bool {
        let awaits_late = self.core.late.is_awaited() && !matches!(self.state, State::LoggedOut);
        let is_uncertain = self.core.orphans.has_set_aside() && !self.state.is_over();
        self.state.is_quiet() && self.core.store.is_quiet() && !awaits_late && !is_uncertain
    }

    /// Returns an access token, or the attempt to wait for. Many callers share one refresh.
    ///
    /// If the token is [doubtful](Standing::Doubtful), the session asks the provider again first. The caller gets the
    /// doubtful token, marked as doubtful, only if the session pauses, or if the caller's time is up before the attempt
    /// has ended ([`Session::outcome_now`]).
    ///
    /// This allocates nothing while the token is good.
    pub fn access(&mut self, env: &mut dyn Env) -> Access<'_> {
        if self.has_good_token(env) {
            return Access::Ready(self.core.current.access_token());
        }
        self.access_without_good_token(env)
    }

    /// Kept out of [`Session::access`], which nearly always finds a good token.
    #[cold]
    fn access_without_good_token(&mut self, env: &mut dyn Env) -> Access<'_> {
        if let Some(end) = self.end() {
            return Access::Ended(end);
        }
        let is_manual = self.core.options.refresh == RefreshPolicy::Manual;
        match self.standing(env) {
            Standing::Doubtful if self.is_pausing(env) => {
                Access::Doubtful { token: self.core.current.access_token(), error: self.core.attempts.why() }
            }
            Standing::Expired | Standing::Refused if is_manual && matches!(self.state, State::Idle { .. }) => {
                Access::Expired
            }
            _ => Access::Wait(self.join(Wants::Token, env)),
        }
    }

    /// Refreshes now, with any policy. If an attempt is running, the caller joins it. If the session pauses, the caller
    /// waits for the attempt after the pause.
    ///
    /// The [outcome](Session::outcome) is `Ready` only with tokens that are newer than those at the call. Otherwise it
    /// is the error of the attempt, even if the old access token is still good
    /// ([`Session::standing`]). If the new access token has expired by the time the caller asks,
    /// the outcome is the error `session.token_late`.
    pub fn refresh(&mut self, env: &mut dyn Env) -> Access<'_> {
        match self.end() {
            Some(end) => Access::Ended(end),
            None => Access::Wait(self.join(Wants::NewTokens, env)),
        }
    }

    /// The outcome of an attempt. A waiting caller asks again after each input.
    pub fn outcome(&self, epoch: Epoch, env: &dyn Env) -> Outcome<'_> {
        if let Some(end) = self.end() {
            return Outcome::Ended(end);
        }
        if !self.core.attempts.is_over(epoch) {
            return Outcome::Pending;
        }
        let token = self.core.current.access_token();
        let is_new = self.core.attempts.has_renewed(epoch);
        match (epoch.wants, self.standing(env)) {
            (Wants::NewTokens, _) if !is_new => Outcome::Failed(self.core.attempts.why()),
            (_, Standing::Good) => Outcome::Ready(token),
            // Good for no time at all: it is what the provider gave.
            (_, Standing::Expired) if is_new && self.core.current.is_short() => Outcome::Ready(token),
            // It was, and nobody has seen it in time.
            (_, Standing::Expired) if is_new => Outcome::Failed(ErrorCode::SESSION_TOKEN_LATE.into()),
            (Wants::Token, Standing::Doubtful) => Outcome::Doubtful { token, error: self.core.attempts.why() },
            _ => Outcome::Failed(self.core.attempts.why()),
        }
    }

    /// The outcome of an attempt for a caller whose time is up. While the attempt is running, a caller of
    /// [`Session::access`] gets the old access token, if that token is good or doubtful.
    pub fn outcome_now(&self, epoch: Epoch, env: &dyn Env) -> Outcome<'_> {
        let token = self.core.current.access_token();
        match (self.outcome(epoch, env), epoch.wants, self.standing(env)) {
            (Outcome::Pending, Wants::Token, Standing::Good) => Outcome::Ready(token),
            (Outcome::Pending, Wants::Token, Standing::Doubtful) => {
                Outcome::Doubtful { token, error: self.core.attempts.why() }
            }
            (outcome, _, _) => outcome,
        }
    }

    fn is_pausing(&self, env: &dyn Env) -> bool {
        matches!(&self.state, State::Pausing(pause) if !pause.is_over(env.monotonic()))
    }

    /// Says that a resource server refused this token. For [`Refusal::StepUp`] and
    /// [`Refusal::Locked`] the session only reports the event ([`Event::StepUp`],
    /// [`Event::Locked`]): it does not refresh, and the result can be the same token. Do not repeat
    /// the request with it. For [`Refusal::Token`]: if the session already has another token, the
    /// caller gets that token; otherwise the session refreshes, unless the policy is
    /// [`RefreshPolicy::Manual`](crate::session::RefreshPolicy::Manual). If new tokens are refused
    /// as soon as they come, the session does not refresh for each call: it backs off with
    /// `session.token_refused`, as after failures, and after the second of them it says so
    /// ([`Event::TokensRefused`]).
    pub fn unauthorized(&mut self, token: &AccessToken, refusal: Refusal, env: &mut dyn Env) -> Access<'_> {
        let is_current = self.core.current.is(token);
        match refusal {
            Refusal::Token if is_current && !self.core.current.is_refused() => self.refuse(env),
            Refusal::Token => {}
            Refusal::StepUp { acr_values, max_age } => self.core.events.push(Event::StepUp { acr_values, max_age }),
            Refusal::Locked => self.core.events.push(Event::Locked),
        }
        self.access(env)
    }

    /// Takes the tokens of a new login of the same user. The session compares the `sub` of the ID
    /// tokens. If neither login has an ID token, it cannot compare: check the user first (for
    /// Matrix: `matrix::Binding::check`). A session that needed a login works again. In the store,
    /// the login takes the place of any other, which is [given back](Session::poll_revocation) once
    /// the new tokens are saved.
    ///
    /// # Errors
    /// `session.mismatch` if the ID tokens name different users, or only one of the two logins has
    /// an ID token; `session.ended` if the session has ended by [`End::LoggedOut`],
    /// [`End::LoggedOutElsewhere`] or [`End::Replaced`]; `provider.mismatch`, `client.mismatch`,
    /// `dpop.key_mismatch`. After an error the session has not changed, and has not kept the
    /// tokens: give it a copy, and begin another session with them or revoke them.
    pub fn adopt(&mut self, tokens: TokenSet, env: &mut dyn Env) -> Result<(), Error> {
        self.core.party.owner().check(tokens.owner())?;
        if tokens.subject() != self.core.current.tokens().subject() {
            return Err(other_user(self.core.current.tokens(), &tokens));
        }
        if self.end().is_some_and(|end| end.is_final()) {
            return Err(ErrorCode::SESSION_ENDED.into());
        }
        let new_login = Some(LoginId::random(env));
        let lease_until = self.core.deadline(env);
        let obtained = Obtained { tokens, parent: Parent::default(), new_login, may_be_spent: false, lease_until };
        self.transition(|state, core| core.adopt(obtained, state, env));
        Ok(())
    }

    /// Ends the session at once. Callers get [`End::LoggedOut`]. Then the session loads the record, which another
    /// process may have refreshed, has it erased, waits for a response that is under way, and asks the provider for the
    /// newest tokens if a refresh was begun and has no end. [`Event::LoggedOut`] has the result. What is to be revoked
    /// is given back by [`Session::poll_revocation`].
    pub fn log_out(&mut self, env: &mut dyn Env) {
        if self.end() != Some(End::LoggedOut) {
            self.transition(|state, core| core.leave(state, env));
        }
    }

    /// Saves the current tokens. Call it after a login: otherwise the first refresh saves the tokens, and a crash
    /// before that loses them.
    ///
    /// The tokens can be used meanwhile. If the save fails, the session reports [`Event::NotSaved`] and tries again. If
    /// the store has a record of another login, also of another user, the new tokens take its place, and the tokens of
    /// that record are [given back](Session::poll_revocation). Without a store, or once the session has ended, this
    /// does nothing.
    pub fn save(&mut self, env: &dyn Env) {
        if self.core.options.persistence != Persistence::Nowhere && !self.state.is_over() {
            let again_at = self.core.deadline(env);
            self.core.store.save_current(again_at);
        }
    }

    /// The attempt that a caller waits for: the one that is going on, or a new one, or the one after the pause.
    fn join(&mut self, wants: Wants, env: &mut dyn Env) -> Epoch {
        if self.is_pausing(env) {
            if let State::Pausing(pause) = &mut self.state {
                pause.has_caller();
            }
            return self.core.attempts.next(wants);
        }
        self.begin(env);
        self.core.attempts.current(wants)
    }

    /// Begins an attempt, unless one is going on or the session is over. A pause ends.
    pub(super) fn begin(&mut self, env: &mut dyn Env) {
        self.transition(|state, core| match state {
            State::Idle { .. } => core.begin(env),
            State::Pausing(pause) => core.resume(pause.into_resume(), env),
            State::Interrupted => core.resume_interrupted(env),
            State::Leaving(leaving) if matches!(leaving.stage, LogoutStage::Interrupted) => {
                core.leave_interrupted(leaving.known, env)
            }
            other => other,
        });
    }

    /// A resource server refused the access token.
    fn refuse(&mut self, env: &mut dyn Env) {
        let refused = self.core.current.refuse(env);
        if refused.fresh >= REFUSED_AFTER {
            self.core.events.push(Event::TokensRefused(ErrorCode::SESSION_TOKEN_REFUSED.into()));
        }
        let is_idle = matches!(self.state, State::Idle { .. });
        if refused.all > 1 && is_idle && self.core.options.refresh != RefreshPolicy::Manual {
            self.core.attempts.set_failures(u32::from(refused.all) - 2);
            self.state = self.core.back_off(ErrorCode::SESSION_TOKEN_REFUSED.into(), Resume::Anew, env);
        }
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Session({}, generation {})", self.state.name(), self.generation())
    }
}
