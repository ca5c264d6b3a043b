//! A session for threads.

use std::fmt;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::fit::{Misfit, fit};
use super::input::Input;
use super::listener::{Listener, Listeners, next_event};
use super::lock::lock;
use super::token_result::{NoToken, TokenResult, came_too_late, late, outcome, response};
use crate::adapter::blocking::BlockingHttpClient;
use crate::adapter::key_store::{BlockingKeyStore, NoKeyStore};
use crate::adapter::store::{BlockingSessionStore, InUse};
use crate::adapter::trace;
use crate::base::env::Env;
use crate::base::secret::AccessToken;
use crate::error::Error;
use crate::flow::Revocation;
use crate::session::{Access, Refusal, Session, Standing, StoreAction, StoreTicket, Transmit};
use crate::step::Step;
use crate::token::token_set::TokenSet;

/// A session for threads. One of the waiting threads does the work; the other threads get its result.
///
/// Put it behind an [`Arc`](std::sync::Arc). Tokens that could not be saved are saved by whoever calls next after a
/// pause. Without a caller the session does nothing, unless a thread of the application calls [`tend`](Self::tend).
/// Call `tend` once after [`Session::save`]. Before you drop the session, call `tend` until [`is_idle`](Self::is_idle)
/// returns `true`. Otherwise the running work is lost, and other processes wait until a lock with a lease expires.
pub struct BlockingSession<C, D, E, K = NoKeyStore> {
    http: C,
    store: D,
    keys: K,
    shared: Mutex<Shared<E>>,
    changed: Condvar,
    in_use: Option<InUse>,
}

struct Shared<E> {
    session: Session,
    env: E,
    listeners: Listeners,
    /// A thread does the work.
    is_driven: bool,
}

/// When a caller's patience ends; never if that is farther than the clock reaches.
#[derive(Clone, Copy)]
struct Deadline(Option<Instant>);

impl Deadline {
    fn after(patience: Duration) -> Self {
        Self(Instant::now().checked_add(patience))
    }

    fn left(self) -> Duration {
        self.0.map_or(Duration::MAX, |end| end.saturating_duration_since(Instant::now()))
    }
}

/// What a thread does for the session.
#[allow(clippy::large_enum_variant, reason = "taken apart where it is polled")]
enum Work {
    Transmit(Transmit),
    Store(StoreTicket, StoreAction),
}

type Guard<'a, E> = MutexGuard<'a, Shared<E>>;

impl<C: BlockingHttpClient, D: BlockingSessionStore, E: Env> BlockingSession<C, D, E> {
    /// A session whose record is in this store.
    ///
    /// # Errors
    /// As [`Sessions::add`](super::Sessions::add).
    pub fn new(session: Session, http: C, store: D, env: E) -> Result<Self, Misfit<D>> {
        let in_use = match fit(&session, store.keeps(), store.lease(), store.holder()) {
            Ok(in_use) => in_use,
            Err(error) => return Err(Misfit::new(error, session, store)),
        };
        let shared = Shared { session, env, listeners: Listeners::default(), is_driven: false };
        Ok(Self { http, store, keys: NoKeyStore, shared: Mutex::new(shared), changed: Condvar::new(), in_use })
    }
}

impl<C: BlockingHttpClient, D: BlockingSessionStore, E: Env, K: BlockingKeyStore> BlockingSession<C, D, E, K> {
    /// The same session with a key store.
    pub fn with_keys<S: BlockingKeyStore>(self, keys: S) -> BlockingSession<C, D, E, S> {
        let Self { http, store, shared, changed, in_use, .. } = self;
        BlockingSession { http, store, keys, shared, changed, in_use }
    }

    /// Returns a good access token. `patience` limits the wait for other threads and for the pause after a failure. It
    /// does not limit a request that this thread sends itself; the HTTP client's time-out does.
    ///
    /// # Errors
    /// The reason why there is no good token; [`NoToken::Doubtful`] contains a token that may not be good.
    pub fn access(&self, patience: Duration) -> Result<AccessToken, NoToken> {
        self.ask(patience, |session, env| session.access(env))
    }

    /// Returns an access token that is newer than the current token, even if the current token is still good. After a
    /// failure, [`standing`](Self::standing) says whether it is.
    ///
    /// # Errors
    /// The reason why there is no newer token; never the old token. [`NoToken::Late`] if the session pauses for longer
    /// than `patience`.
    pub fn refresh(&self, patience: Duration) -> Result<AccessToken, NoToken> {
        self.ask(patience, |session, env| session.refresh(env))
    }

    /// Reports that a resource server refused this token, and why. Returns the token to use now.
    ///
    /// # Errors
    /// The reason why there is no token.
    pub fn unauthorized(
        &self,
        token: &AccessToken,
        refusal: Refusal,
        patience: Duration,
    ) -> Result<AccessToken, NoToken> {
        self.ask(patience, |session, env| session.unauthorized(token, refusal, env))
    }

    /// Takes the tokens of a new login of the same user, like [`Session::adopt`], and saves them.
    ///
    /// # Errors
    /// Those of [`Session::adopt`].
    pub fn adopt(&self, tokens: TokenSet) -> Result<(), Error> {
        let mut shared = lock(&self.shared);
        let Shared { session, env, .. } = &mut *shared;
        session.adopt(tokens, env)?;
        drop(self.work(shared));
        self.changed.notify_all();
        Ok(())
    }

    /// Says that another process may have changed the record, as [`Session::reload`] does, and reads it.
    pub fn reload(&self) {
        let mut shared = lock(&self.shared);
        shared.session.reload();
        drop(self.work(shared));
        self.changed.notify_all();
    }

    /// Ends the session at once, as [`Session::log_out`] does, and has its record erased. If the
    /// session [is not at rest](Self::is_idle) then, another thread does the work, or a response is
    /// awaited: call [`tend`](Self::tend) until it is at rest. After that, drive what
    /// [`poll_revocation`](Self::poll_revocation) gives, until it returns `None`.
    pub fn log_out(&self) {
        let mut shared = lock(&self.shared);
        let Shared { session, env, .. } = &mut *shared;
        session.log_out(env);
        drop(self.work(shared));
        self.changed.notify_all();
    }

    /// Works for the session on this thread for this duration: refreshes before the token expires, and saves tokens
    /// that could not be saved before.
    pub fn tend(&self, duration: Duration) {
        let end = Deadline::after(duration);
        let mut shared = lock(&self.shared);
        loop {
            shared = self.work(shared);
            if end.left().is_zero() {
                return;
            }
            shared = self.pause(shared, end);
        }
    }

    /// Whether the session can be dropped without a loss; see [`Session::is_idle`].
    pub fn is_idle(&self) -> bool {
        lock(&self.shared).session.is_idle()
    }

    /// What the session knows about its current access token.
    pub fn standing(&self) -> Standing {
        let shared = lock(&self.shared);
        shared.session.standing(&shared.env)
    }

    /// A copy of the newest tokens.
    pub fn tokens(&self) -> TokenSet {
        lock(&self.shared).session.tokens().clone()
    }

    /// A revocation to drive, as [`Session::poll_revocation`] gives it.
    ///
    /// # Errors
    /// Those of [`Session::poll_revocation`].
    pub fn poll_revocation(&self) -> Option<Result<Step<Revocation>, Error>> {
        let mut shared = lock(&self.shared);
        let Shared { session, env, .. } = &mut *shared;
        session.poll_revocation(env)
    }

    /// Listens to the events from now on. The first listener also gets the earlier events that were not read.
    pub fn subscribe(&self) -> Listener {
        let mut shared = lock(&self.shared);
        let listener = shared.listeners.subscribe();
        self.publish(&mut shared);
        listener
    }

    fn ask(&self, patience: Duration, ask: impl for<'a> FnOnce(&'a mut Session, &mut E) -> Access<'a>) -> TokenResult {
        let end = Deadline::after(patience);
        let mut shared = lock(&self.shared);
        if shared.session.has_unsaved() {
            // Perhaps no other thread ever calls.
            shared = self.work(shared);
        }
        let Shared { session, env, .. } = &mut *shared;
        let asked = response(ask(session, env));
        self.publish(&mut shared);
        let mut epoch = match asked {
            Ok(response) => return response,
            Err(epoch) => epoch,
        };
        let mut has_waited = false;
        loop {
            shared = self.work(shared);
            let result = outcome(shared.session.outcome(epoch, &shared.env));
            let is_over = end.left().is_zero();
            match result {
                // It waits for one more attempt.
                Some(result) if !has_waited && !is_over && came_too_late(epoch, &result) => {
                    has_waited = true;
                    let Shared { session, env, .. } = &mut *shared;
                    let asked = response(session.access(env));
                    self.publish(&mut shared);
                    match asked {
                        Ok(response) => return response,
                        Err(next) => epoch = next,
                    }
                }
                Some(result) => return result,
                None if is_over => return late(&shared.session, epoch, &shared.env),
                None => shared = self.pause(shared, end),
            }
        }
    }

    /// Waits until something has changed, something is due, or the end.
    fn pause<'a>(&'a self, shared: Guard<'a, E>, end: Deadline) -> Guard<'a, E> {
        let left = end.left();
        // Whoever does the work looks at the deadlines by itself.
        let due = shared.session.poll_timeout().filter(|_| !shared.is_driven);
        let pause = due.map_or(left, |due| left.min(due.saturating_since(shared.env.monotonic())));
        self.changed.wait_timeout(shared, pause).unwrap_or_else(PoisonError::into_inner).0
    }

    /// Does what there is to do, unless another thread does.
    fn work<'a>(&'a self, mut shared: Guard<'a, E>) -> Guard<'a, E> {
        if shared.is_driven {
            return shared;
        }
        loop {
            let Shared { session, env, .. } = &mut *shared;
            session.handle_timeout(env);
            let store = session.poll_store(env).map(|(ticket, action)| Work::Store(ticket, action));
            let work = store.or_else(|| session.poll_transmit(env).map(Work::Transmit));
            self.in_use.iter().for_each(|in_use| in_use.holder().name_in(session));
            self.publish(&mut shared);
            let Some(work) = work else { return shared };
            shared.is_driven = true;
            drop(shared);
            let driven = Driven { session: self, is_over: false };
            let input = match work {
                Work::Store(ticket, action) => Input::Store(ticket, self.store.carry_out(action)),
                Work::Transmit(Transmit::Call { ticket, request, policy }) => {
                    let uri = request.uri().clone();
                    trace::request(request.method(), &uri);
                    Input::response(ticket, self.http.call(request, policy), &uri)
                }
                Work::Transmit(Transmit::UseKey { ticket, key_use }) => {
                    trace::key_use(&key_use);
                    Input::KeyOutput(ticket, self.keys.use_key(key_use))
                }
            };
            shared = driven.end();
            let Shared { session, env, .. } = &mut *shared;
            input.hand(session, env);
            // Not before: whoever looked in between would find nothing to do, and sleep through what comes of it.
            self.changed.notify_all();
        }
    }

    fn publish(&self, shared: &mut Shared<E>) {
        let Shared { session, listeners, .. } = shared;
        for waker in listeners.publish(|| next_event(session)) {
            waker.wake();
        }
    }
}

/// The turn of a thread: it ends even if an HTTP client or a store panics. Their response is then never given, and the
/// session goes on after its deadline.
struct Driven<'a, C, D, E, K> {
    session: &'a BlockingSession<C, D, E, K>,
    is_over: bool,
}

impl<'a, C, D, E, K> Driven<'a, C, D, E, K> {
    fn end(mut self) -> Guard<'a, E> {
        self.is_over = true;
        let mut shared = lock(&self.session.shared);
        shared.is_driven = false;
        shared
    }
}

impl<C, D, E, K> Drop for Driven<'_, C, D, E, K> {
    fn drop(&mut self) {
        if !self.is_over {
            lock(&self.session.shared).is_driven = false;
            self.session.changed.notify_all();
        }
    }
}

impl<C, D, E, K> fmt::Debug for BlockingSession<C, D, E, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BlockingSession(…)")
    }
}
