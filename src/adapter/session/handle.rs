//! What callers hold.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use super::health::Health;
use super::hub::Hub;
use super::listener::Listener;
use super::lock::lock;
use super::run::Run;
use super::slot::{Arrivals, Slot};
use super::token_result::{NoToken, TokenResult};
use crate::adapter::driver::{Driver, HttpClient, Timer};
use crate::adapter::key_store::KeyStore;
use crate::adapter::store::SessionStore;
use crate::base::env::Env;
use crate::base::secret::AccessToken;
use crate::error::Error;
use crate::flow::Revocation;
use crate::session::{Epoch, Refusal, Session, Standing};
use crate::step::Step;
use crate::token::token_set::TokenSet;

/// Takes sessions in. One [`Run`] does the work of all of them: a million sessions that are idle cost memory, and no
/// time until something is due.
///
/// Clones take in for the same [`Run`].
pub struct Sessions<D, E>(Arc<Entrance<D, E>>);

pub(super) struct Entrance<D, E> {
    hub: Arc<Hub<E>>,
    arrivals: Arc<Arrivals<D, E>>,
}

impl<D: SessionStore, E: Env> Sessions<D, E> {
    /// Where to add sessions, and the future that does their work: spawn it. It ends when the last clone of the former
    /// and the last handle are gone and nothing is under way; until then it waits without using time.
    ///
    /// The driver needs a timer: without one nothing is refreshed before it has expired, and no deadline is kept.
    pub fn new<C: HttpClient, T: Timer, K: KeyStore>(driver: Driver<C, T, K>, env: E) -> (Self, Run<C, T, K, D, E>) {
        let (hub, arrivals) = (Hub::new(env), Arc::new(Mutex::default()));
        let run = Run::new(driver, hub.clone(), arrivals.clone());
        (Self(Arc::new(Entrance { hub, arrivals })), run)
    }

    /// Takes in a session, whose record this store keeps.
    ///
    /// A refresh that is overdue by now begins at once for a caller. Otherwise it begins a little later, by chance, the
    /// more such sessions come the later: after a restart they do not all ask the provider together.
    pub fn add(&self, mut session: Session, store: D) -> SessionHandle<E> {
        session.queue_attempts();
        let slot = Slot::new(self.0.hub.clone(), session);
        lock(&self.0.arrivals).push_back((slot.clone(), store));
        self.0.hub.arrived();
        SessionHandle(Arc::new(Held(slot)))
    }
}

impl<D, E> Sessions<D, E> {
    /// How many sessions do what. It takes the same time for any number of sessions.
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

/// A session for its callers. Clones are handles on the same session; it is given up with the last of them, once nothing
/// is under way that would be lost.
pub struct SessionHandle<E>(Arc<Held<E>>);

struct Held<E>(Arc<Slot<E>>);

impl<E: Env> SessionHandle<E> {
    /// An access token that is good as far as anyone knows.
    ///
    /// The future can be dropped at any time; a refresh that it caused goes on. While the provider cannot be reached it
    /// waits for the next attempt: [`access_before`](Self::access_before) has an end.
    ///
    /// # Errors
    /// Why there is none; [`NoToken::Doubtful`] has one that may not be good.
    pub async fn access(&self) -> Result<AccessToken, NoToken> {
        if let Some(current) = self.0.0.current() {
            return current;
        }
        self.wait(self.0.0.ask(|session, env| session.access(env))).await
    }

    /// The same for a caller who waits no longer than this future does: a sleep of the runtime, for example.
    ///
    /// # Errors
    /// Those of [`access`](Self::access), and [`NoToken::Late`]. If an attempt is under way at the deadline and there is a
    /// doubtful token, it is that one.
    pub async fn access_before(&self, deadline: impl Future) -> Result<AccessToken, NoToken> {
        if let Some(current) = self.0.0.current() {
            return current;
        }
        let epoch = match self.0.0.ask(|session, env| session.access(env)) {
            Ok(response) => return response,
            Err(epoch) => epoch,
        };
        let (mut deadline, mut waiting) = (pin!(deadline), Waiting { slot: &self.0.0, epoch, id: None });
        poll_fn(|cx| match Pin::new(&mut waiting).poll(cx) {
            Poll::Ready(response) => Poll::Ready(response),
            Poll::Pending => deadline.as_mut().poll(cx).map(|_| self.0.0.late(epoch)),
        })
        .await
    }

    /// An access token that is newer than the one there is now, also where that is still good: refreshes whatever the
    /// policy, or joins a refresh that is under way, or waits for the one after the pause.
    ///
    /// # Errors
    /// Why there is none, never the old one; [`standing`](Self::standing) says whether that is still good.
    pub async fn refresh(&self) -> Result<AccessToken, NoToken> {
        self.wait(self.0.0.ask(|session, env| session.refresh(env))).await
    }

    /// Says that a resource server refused this token, and why; asks for the token to use now.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn unauthorized(&self, token: &AccessToken, refusal: Refusal) -> Result<AccessToken, NoToken> {
        self.wait(self.0.0.ask(|session, env| session.unauthorized(token, refusal, env))).await
    }

    async fn wait(&self, asked: Result<TokenResult, Epoch>) -> TokenResult {
        match asked {
            Ok(response) => response,
            Err(epoch) => Waiting { slot: &self.0.0, epoch, id: None }.await,
        }
    }

    /// Takes the tokens of a new login of the same user, as [`Session::adopt`] does.
    ///
    /// # Errors
    /// Those of [`Session::adopt`].
    pub fn adopt(&self, tokens: TokenSet) -> Result<(), Error> {
        self.0.0.act(|session, env| session.adopt(tokens, env))
    }

    /// Ends the session at once, as [`Session::log_out`] does. After
    /// [`Event::LoggedOut`](crate::session::Event::LoggedOut), drive what [`poll_revocation`](Self::poll_revocation) gives.
    pub fn log_out(&self) {
        self.0.0.act(|session, env| session.log_out(env));
    }

    /// Whether nothing would be lost if the process ended now, as [`Session::is_idle`] says.
    pub fn is_idle(&self) -> bool {
        self.0.0.look(Session::is_idle)
    }

    /// What is known of the access token that there is now.
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

    /// Events from now on; for the first listener also those that nobody has read.
    pub fn subscribe(&self) -> Listener {
        self.0.0.subscribe()
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
}

impl<E: Env> Future for Waiting<'_, E> {
    type Output = TokenResult;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<TokenResult> {
        let this = self.get_mut();
        this.slot.poll_outcome(this.epoch, &mut this.id, cx)
    }
}

impl<E> Drop for Waiting<'_, E> {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            self.slot.leave(self.epoch, id);
        }
    }
}
