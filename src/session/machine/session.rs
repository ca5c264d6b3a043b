//! The session, as its owner and its callers see it. `driving.rs` has what its driver does with it.

use std::fmt;

use super::Core;
use super::exchange::Exchange;
use super::late::LateResponse;
use super::state::{Resume, State};
use crate::base::env::Env;
use crate::base::secret::AccessToken;
use crate::error::{Error, ErrorCode};
use crate::flow::Revocation;
use crate::party::relying_party::RelyingParty;
use crate::session::access::{Access, End, Epoch, Outcome, Refusal, Standing, Wants};
use crate::session::attempts::Attempts;
use crate::session::current::CurrentTokens;
use crate::session::event::{Event, Events};
use crate::session::policy::{Persistence, RefreshPolicy, SessionOptions};
use crate::session::store_protocol::{Question, StoreProtocol};
use crate::step::Step;
use crate::token::token_set::TokenSet;

/// A token set that stays good. See [the module](crate::session) for how to drive it.
pub struct Session {
    pub(super) core: Core,
    pub(super) state: State,
}

impl Session {
    /// A session of these tokens, restored or just logged in. `generation` is the stored record's; 0 without one.
    ///
    /// After a login, [`Session::save`] puts its tokens into the store. Where the record of an earlier login is there, give
    /// its generation, and they take its place.
    ///
    /// # Errors
    /// `provider.mismatch`, `client.mismatch`, `dpop.key_mismatch`.
    pub fn new(
        tokens: TokenSet,
        generation: u64,
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
            store: StoreProtocol::new(generation),
            events: Events::default(),
            late: LateResponse::default(),
        };
        let state = core.settle(env);
        Ok(Self { core, state })
    }

    /// Makes a transition. It gets the state by value, and no part of the session that could look at what is left in its
    /// place.
    pub(super) fn transition(&mut self, next: impl FnOnce(State, &mut Core) -> State) {
        let state = std::mem::take(&mut self.state);
        self.state = next(state, &mut self.core);
    }

    /// The newest tokens.
    pub fn tokens(&self) -> &TokenSet {
        self.core.current.tokens()
    }

    /// The generation of the newest record that is known to be in the store.
    pub fn generation(&self) -> u64 {
        self.core.store.generation()
    }

    /// Why it gives out no more tokens; `None` while it does.
    pub fn end(&self) -> Option<End> {
        match &self.state {
            State::Stopped(end) => Some(end.clone()),
            State::LoggedOut => Some(End::LoggedOut),
            _ => None,
        }
    }

    /// The access token, if it is good: what [`Session::access`] hands out, without beginning anything.
    pub fn current(&self, env: &dyn Env) -> Option<&AccessToken> {
        self.has_good_token(env).then(|| self.core.current.access_token())
    }

    fn has_good_token(&self, env: &dyn Env) -> bool {
        !self.state.is_over() && self.core.current.is_good(env)
    }

    /// What is known of the access token, also after the session has ended.
    pub fn standing(&self, env: &dyn Env) -> Standing {
        self.core.current.standing(env)
    }

    /// How the last attempt failed; `None` if it did not.
    pub fn last_failure(&self) -> Option<&Error> {
        self.core.attempts.last_failure()
    }

    /// Whether nothing would be lost if the session were dropped now: nothing is under way, and everything was saved.
    pub fn is_idle(&self) -> bool {
        self.state.is_quiet() && self.core.store.is_quiet() && self.core.late.is_none()
    }

    /// An access token for a caller. Many callers cause one refresh.
    ///
    /// A token that is [doubtful](Standing::Doubtful) is not handed out as a good one: the provider is asked again first. If
    /// the session pauses, or the caller's time is up before the attempt is over ([`Session::outcome_now`]), the token is
    /// handed out as what it is.
    ///
    /// It allocates nothing while the token is good.
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

    /// Refreshes now, whatever the policy; joins an attempt that is going on, or waits for the one after the pause.
    ///
    /// Its [outcome](Session::outcome) is `Ready` only with tokens that are newer than those at the call. Else it is the
    /// error of the attempt, also if the old access token is still good: [`Session::standing`] says whether it is.
    pub fn refresh(&mut self, env: &mut dyn Env) -> Access<'_> {
        match self.end() {
            Some(end) => Access::Ended(end),
            None => Access::Wait(self.join(Wants::NewTokens, env)),
        }
    }

    /// What came of an attempt. A caller who waits asks again after each input.
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
            // Good for no time at all, or seen late: it is what the provider gave.
            (_, Standing::Expired) if self.core.attempts.last_failure().is_none() => Outcome::Ready(token),
            (Wants::Token, Standing::Doubtful) => Outcome::Doubtful { token, error: self.core.attempts.why() },
            _ => Outcome::Failed(self.core.attempts.why()),
        }
    }

    /// The same for a caller whose time is up: while the attempt is going on, the old access token is what there is, if the
    /// caller asked for any token and it has not expired.
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
        matches!(&self.state, State::Pausing(pause) if pause.until > env.monotonic())
    }

    /// A resource server refused this token. If it is not the current one any more, the caller gets the current one;
    /// else it is refreshed. If new tokens are refused as soon as they come, the next ones are asked for after a pause
    /// that grows as after failures, with `session.token_refused`: not once for each call.
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

    /// Takes the tokens of a new login of the same user. A session that needed one lives again.
    ///
    /// # Errors
    /// `session.mismatch` if they are another user's; `provider.mismatch`, `client.mismatch`, `dpop.key_mismatch`.
    /// The session is then what it was.
    pub fn adopt(&mut self, tokens: TokenSet, env: &mut dyn Env) -> Result<(), Error> {
        self.core.party.owner().check(tokens.owner())?;
        if tokens.subject() != self.core.current.tokens().subject() {
            return Err(ErrorCode::SESSION_MISMATCH.into());
        }
        if let State::LoggedOut = self.state {
            return Err(ErrorCode::SESSION_ENDED.into());
        }
        self.abandon();
        self.core.attempts.begin();
        let obtained = Exchange::new(None, env).obtained(tokens);
        self.state = self.core.obtained(obtained, env);
        Ok(())
    }

    /// Ends the session at once, and says how to revoke its tokens: drive that, and report its failure. The store is
    /// told to erase the record.
    ///
    /// # Errors
    /// Why no revocation can be asked for. The session has ended all the same.
    pub fn log_out(&mut self, env: &mut dyn Env) -> Result<Step<Revocation>, Error> {
        self.abandon();
        self.core.store.drop_unsaved();
        self.core.attempts.end();
        if self.core.options.persistence != Persistence::Nowhere {
            self.core.store.ask(Question::Erase);
        }
        self.state = State::LoggedOut;
        self.core.events.push(Event::Ended);
        self.core.party.revoke(self.core.current.tokens(), env)
    }

    /// Has the tokens saved as they are. Those of a login are in no store yet: without this they get there with the first
    /// refresh, and a crash before it loses them.
    ///
    /// They can be used meanwhile. A save that fails is told ([`Event::NotSaved`]) and tried again. A record of another
    /// generation than the session knows is somebody else's and stays: the next refresh goes on from it. Does nothing
    /// without a store, or once the session has ended.
    pub fn save(&mut self, env: &dyn Env) {
        if self.core.options.persistence != Persistence::Nowhere && !self.state.is_over() {
            let again_at = self.core.deadline(env);
            self.core.store.save_current(again_at);
        }
    }

    /// The attempt that a caller waits for: the one that is going on, or a new one, or the one after the pause.
    fn join(&mut self, wants: Wants, env: &mut dyn Env) -> Epoch {
        if self.is_pausing(env) {
            return self.core.attempts.next(wants);
        }
        self.begin(env);
        self.core.attempts.current(wants)
    }

    /// Begins an attempt, unless one is going on or the session is over. A pause ends.
    pub(super) fn begin(&mut self, env: &mut dyn Env) {
        self.transition(|state, core| match state {
            State::Idle { .. } => core.begin(env),
            State::Pausing(pause) => core.resume(pause.resume, env),
            other => other,
        });
    }

    /// The access token is not good, whatever the clocks say.
    fn refuse(&mut self, env: &mut dyn Env) {
        let refused = self.core.current.refuse(env);
        let is_idle = matches!(self.state, State::Idle { .. });
        if refused > 1 && is_idle && self.core.options.refresh == RefreshPolicy::Automatic {
            self.core.attempts.set_failures(u32::from(refused) - 2);
            self.state = self.core.back_off(ErrorCode::SESSION_TOKEN_REFUSED.into(), Resume::Anew, env);
        }
    }

    /// What is going on is not waited for any more. The lock is given back, if there is one.
    fn abandon(&mut self) {
        if self.state.may_have_rotated() {
            self.core.current.doubt(None);
        }
        self.core.late.forget();
        self.core.store.abandon();
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Session({}, generation {})", self.state.name(), self.generation())
    }
}
