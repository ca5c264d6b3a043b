//! The handles that callers use.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use super::fit::{Misfit, fit};
use super::health::Health;
use super::hub::Hub;
use super::listener::{Listener, Listeners};
use super::lock::lock;
use super::run::Run;
use super::slot::{Arrivals, Slot, Used};
use super::token_result::{NoToken, TokenResult, came_too_late};
use crate::adapter::driver::{Driver, HttpClient, Timer};
use crate::adapter::key_store::KeyStore;
use crate::adapter::store::SessionStore;
use crate::base::env::Env;
use crate::base::secret::AccessToken;
use crate::error::Error;
use crate::flow::Revocation;
use crate::session::{EndedForGood, Epoch, Refusal, Session, Standing};
use crate::step::Step;
use crate::token::token_set::TokenSet;

/// A set of sessions. One [`Run`] does the work of all of them. An idle session uses memory, but no time until
/// something is due.
///
/// Clones add sessions to the same [`Run`].
pub struct Sessions<D, E>(Arc<Entrance<D, E>>);

pub(super) struct Entrance<D, E> {
    hub: Arc<Hub<E>>,
    arrivals: Arc<Arrivals<D, E>>,
}

impl<D: SessionStore, E: Env> Sessions<D, E> {
    /// Returns the set, and the future that does the work of its sessions: spawn the future. It ends when the last
    /// clone of the set and the last handle are dropped and no work is running.
    ///
    /// The driver needs a timer. Without a timer, no session refreshes before its token expires, and no deadline is
    /// enforced.
    pub fn new<C: HttpClient, T: Timer, K: KeyStore>(driver: Driver<C, T, K>, env: E) -> (Self, Run<C, T, K, D, E>) {
        let (hub, arrivals) = (Hub::new(env), Arc::new(Mutex::default()));
        let run = Run::new(driver, hub.clone(), arrivals.clone());
        (Self(Arc::new(Entrance { hub, arrivals })), run)
    }

    /// Adds a session whose record is in this store.
    ///
    /// If a refresh is already overdue, it begins at once for a waiting caller. Otherwise it begins after a random
    /// delay, which grows with the number of overdue sessions. So the sessions do not all send requests at the same
    /// time after a restart.
    ///
    /// # Errors
    /// `session.setup` if the session keeps its tokens
    /// [nowhere](crate::session::Persistence::Nowhere) and there is a store, or the other way
    /// round; if the session has [`Persistence::Shared`](crate::session::Persistence::Shared) and
    /// the lease of the store is shorter than its deadline; or if another session of this process
    /// uses the store or a clone of it. A session uses its store until its last handle is dropped
    /// and its work is done.
    pub fn add(&self, session: Session, store: D) -> Result<SessionHandle<E>, Misfit<D>> {
        let in_use = match fit(&session, store.keeps(), store.lease(), store.holder()) {
            Ok(in_use) => in_use,
            Err(error) => return Err(Misfit::new(error, session, store)),
        };
        let handle = self.put(session, (store, in_use), Listeners::default());
        self.0.hub.arrived();
        Ok(handle)
    }

    /// The same with those who listen to its events from the start. Nobody is woken.
    pub(super) fn put(&self, mut session: Session, store: Used<D>, listeners: Listeners) -> SessionHandle<E> {
        session.queue_attempts();
        let slot = Slot::new(self.0.hub.clone(), session, listeners);
        lock(&self.0.arrivals).push_back((slot.clone(), store));
        SessionHandle(Arc::new(Held(slot)))
    }
}

impl<D, E> Sessions<D, E> {
    pub(super) fn hub(&self) -> &Arc<Hub<E>> {
        &self.0.hub
    }

    /// Counts what the sessions are doing. The cost does not depend on the number of sessions.
    pub fn health(&self) -> Health {
        self.0.hub.board.read()
    }
}

impl<D, E> Clone for Sessions<D, E> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<D, E> Drop for Entrance<D, E> {
    fn drop(&mut self) {
        self.hub.close();
    }
}

impl<D, E> fmt::Debug for Sessions<D, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sessions(…)")
    }
}

/// A handle to a session. Clones are handles to the same session. When the last handle is dropped, the session finishes
/// its running work and is then dropped.
pub struct SessionHandle<E>(Arc<Held<E>>);

struct Held<E>(Arc<Slot<E>>);

impl<E: Env> SessionHandle<E> {
    /// Returns a good access token.
    ///
    /// The future can be dropped at any time; a refresh that it started continues. If the session
    /// pauses after a failure, the future waits for the next attempt; with a
    /// [doubtful](crate::session::Standing::Doubtful) token it returns [`NoToken::Doubtful`] at
    /// once instead. If the attempt fails, the future returns the error. Use
    /// [`access_before`](Self::access_before) to limit the wait.
    ///
    /// # Errors
    /// The reason why there is no good token; [`NoToken::Doubtful`] contains a token that may not be good.
    pub async fn access(&self) -> Result<AccessToken, NoToken> {
        if let Some(current) = self.0.0.current() {
            return current;
        }
        self.wait(self.0.0.ask(|session, env| session.access(env))).await
    }

    /// Like [`access`](Self::access), but waits only until `deadline` ends. `deadline` is, for example, a sleep of the
    /// runtime.
    ///
    /// # Errors
    /// Those of [`access`](Self::access), and [`NoToken::Late`]. If an attempt is running at the deadline and there is
    /// a doubtful token, the error is [`NoToken::Doubtful`].
    pub async fn access_before(&self, deadline: impl Future) -> Result<AccessToken, NoToken> {
        if let Some(current) = self.0.0.current() {
            return current;
        }
        let epoch = match self.0.0.ask(|session, env| session.access(env)) {
            Ok(response) => return response,
            Err(epoch) => epoch,
        };
        let (mut deadline, mut waiting) = (pin!(deadline), Waiting::new(&self.0.0, epoch));
        poll_fn(|cx| match Pin::new(&mut waiting).poll(cx) {
            Poll::Ready(response) => Poll::Ready(response),
            Poll::Pending => deadline.as_mut().poll(cx).map(|_| self.0.0.late(waiting.epoch)),
        })
        .await
    }

    /// Returns an access token that is newer than the current token, even if the current token is
    /// still good. It starts a refresh, whatever the
    /// [`RefreshPolicy`](crate::session::RefreshPolicy) is, joins a running refresh, or waits for
    /// the attempt after the pause.
    ///
    /// # Errors
    /// The reason why there is no newer token; never the old token. [`standing`](Self::standing) says whether the old
    /// token is still good.
    pub async fn refresh(&self) -> Result<AccessToken, NoToken> {
        self.wait(self.0.0.ask(|session, env| session.refresh(env))).await
    }

    /// Reports that a resource server refused this token, and why. Returns the token to use now.
    ///
    /// # Errors
    /// The reason why there is no token.
    pub async fn unauthorized(&self, token: &AccessToken, refusal: Refusal) -> Result<AccessToken, NoToken> {
        self.wait(self.0.0.ask(|session, env| session.unauthorized(token, refusal, env))).await
    }

    async fn wait(&self, asked: Result<TokenResult, Epoch>) -> TokenResult {
        match asked {
            Ok(response) => response,
            Err(epoch) => Waiting::new(&self.0.0, epoch).await,
        }
    }

    /// Takes the tokens of a new login of the same user, like [`Session::adopt`].
    ///
    /// # Errors
    /// Those of [`Session::adopt`].
    pub fn adopt(&self, tokens: TokenSet) -> Result<(), Error> {
        self.0.0.act(|session, env| session.adopt(tokens, env))
    }

    /// Ends the session at once, as [`Session::log_out`] does. After
    /// [`Event::LoggedOut`](crate::session::Event::LoggedOut), drive what [`poll_revocation`](Self::poll_revocation)
    /// gives.
    pub fn log_out(&self) {
        self.0.0.act(|session, env| session.log_out(env));
    }

    /// Says that another process may have changed the record, as [`Session::reload`] does. It may be called for every
    /// message that comes from anywhere: the store is read, and nothing is sent to the provider.
    pub fn reload(&self) {
        self.0.0.act(|session, _| session.reload());
    }

    /// Whether the process can end now without a loss; see [`Session::is_idle`].
    pub fn is_idle(&self) -> bool {
        self.0.0.look(Session::is_idle)
    }

    /// What the session knows about its current access token.
    pub fn standing(&self) -> Standing {
        self.0.0.standing()
    }

    /// A copy of the newest tokens.
    pub fn tokens(&self) -> TokenSet {
        self.0.0.look(|session| session.tokens().clone())
    }

    /// A revocation to drive, as [`Session::poll_revocation`] gives it.
    ///
    /// # Errors
    /// Those of [`Session::poll_revocation`].
    pub fn poll_revocation(&self) -> Option<Result<Step<Revocation>, Error>> {
        self.0.0.act(|session, env| session.poll_revocation(env))
    }

    /// Listens to the events from now on. The first listener also gets the earlier events that were not read.
    pub fn subscribe(&self) -> Listener {
        self.0.0.subscribe()
    }
}

impl<E: Env> SessionHandle<E> {
    /// How the session has ended for good; `None` if it has not. This waits for nobody.
    pub(super) fn ended(&self) -> Option<EndedForGood> {
        self.0.0.ended()
    }

    /// Lets the session go, unless somebody else has a handle or that would lose something. Returns whether it goes.
    pub(super) fn retire(&self) -> bool {
        Arc::strong_count(&self.0) == 1 && self.0.0.retire()
    }

    pub(super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl<E> Clone for SessionHandle<E> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<E> Drop for Held<E> {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

impl<E> fmt::Debug for SessionHandle<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionHandle({})", self.0.0.id)
    }
}

/// A caller who waits for an attempt.
struct Waiting<'a, E> {
    slot: &'a Slot<E>,
    epoch: Epoch,
    id: Option<u64>,
    /// It is the second attempt that the caller waits for.
    has_waited: bool,
}

impl<'a, E> Waiting<'a, E> {
    fn new(slot: &'a Slot<E>, epoch: Epoch) -> Self {
        Self { slot, epoch, id: None, has_waited: false }
    }

    /// Waits no longer for this attempt.
    fn leave(&mut self) {
        if let Some(id) = self.id.take() {
            self.slot.leave(self.epoch, id);
        }
    }
}

impl<E: Env> Future for Waiting<'_, E> {
    type Output = TokenResult;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<TokenResult> {
        let this = self.get_mut();
        let polled = this.slot.poll_outcome(this.epoch, &mut this.id, cx);
        let Poll::Ready(result) = polled else { return polled };
        if this.has_waited || !came_too_late(this.epoch, &result) {
            return Poll::Ready(result);
        }
        this.leave();
        this.has_waited = true;
        match this.slot.ask(|session, env| session.access(env)) {
            Ok(result) => Poll::Ready(result),
            Err(epoch) => {
                this.epoch = epoch;
                this.slot.poll_outcome(epoch, &mut this.id, cx)
            }
        }
    }
}

impl<E> Drop for Waiting<'_, E> {
    fn drop(&mut self) {
        self.leave();
    }
}
