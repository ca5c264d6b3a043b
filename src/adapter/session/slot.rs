//! A session between its callers and the future that does its work.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, TryLockError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::hub::Hub;
use super::listener::{Listener, Listeners, next_event};
use super::lock::lock;
use super::shared_env::SharedEnv;
use super::token_result::{NoToken, TokenResult, late, outcome, response};
use super::waiters::{Crowd, Waiters};
use crate::adapter::store::InUse;
use crate::base::env::{Env, MonotonicTime};
use crate::base::secret::AccessToken;
use crate::error::Error;
use crate::session::{Access, Activity, EndedForGood, Epoch, Outcome, Session, Standing, Validity};

/// Sessions that were added, each with its store.
pub(super) type Arrivals<D, E> = Mutex<VecDeque<(Arc<Slot<E>>, Used<D>)>>;

/// A store, and the right to use it if it knows who does.
pub(super) type Used<D> = (D, Option<InUse>);

pub(super) struct Slot<E> {
    pub(super) id: u64,
    hub: Arc<Hub<E>>,
    /// The [`Run`](super::Run) will look at it.
    is_touched: AtomicBool,
    good: Mutex<Option<GoodToken>>,
    /// How the session has ended for good, if it has: without its lock.
    ended: AtomicU8,
    inner: Mutex<Inner>,
}

/// The session's token while it is good, shared with the session. A caller finds it here even while
/// the session verifies a response.
struct GoodToken {
    token: AccessToken,
    validity: Validity,
}

struct Inner {
    session: Session,
    listeners: Listeners,
    waiters: Waiters<Epoch>,
    /// A caller waits for the attempt that is queued.
    is_wanted: bool,
    /// Nobody can ask for a token any more.
    is_abandoned: bool,
}

impl<E: Env> Slot<E> {
    pub(super) fn new(hub: Arc<Hub<E>>, session: Session, listeners: Listeners) -> Arc<Self> {
        let waiters = Waiters::default();
        let inner = Inner { session, listeners, waiters, is_wanted: false, is_abandoned: false };
        let slot = Self {
            id: hub.number(),
            hub,
            is_touched: AtomicBool::new(false),
            good: Mutex::default(),
            ended: AtomicU8::new(0),
            inner: Mutex::new(inner),
        };
        slot.show(&lock(&slot.inner).session);
        Arc::new(slot)
    }

    /// A good token, which callers nearly always find. This does not lock the session.
    pub(super) fn current(&self) -> Option<TokenResult> {
        let good = lock(&self.good);
        let good = good.as_ref()?;
        (!good.validity.is_over(&self.hub.env())).then(|| Ok(good.token.clone()))
    }

    /// Keeps the copies like the session.
    fn show(&self, session: &Session) {
        let ended = match session.ended() {
            None => 0,
            Some(EndedForGood::Gone) => 1,
            Some(EndedForGood::NotErased) => 2,
        };
        self.ended.store(ended, Ordering::Release);
        let mut copy = lock(&self.good);
        *copy = match (session.good_token(), copy.take()) {
            (None, _) => None,
            (Some((token, validity)), Some(copy)) if copy.token.secret().matches(token.expose()) => {
                Some(GoodToken { validity, ..copy })
            }
            (Some((token, validity)), _) => Some(GoodToken { token: token.clone(), validity }),
        };
    }

    pub(super) fn standing(&self) -> Standing {
        lock(&self.inner).session.standing(&self.hub.env())
    }

    /// For a caller whose time is up.
    pub(super) fn late(&self, epoch: Epoch) -> TokenResult {
        late(&lock(&self.inner).session, epoch, &self.hub.env())
    }

    /// Gives input to the session, and has its work done.
    pub(super) fn act<R>(&self, act: impl FnOnce(&mut Session, &mut SharedEnv<'_, E>) -> R) -> R {
        let result = {
            let mut inner = lock(&self.inner);
            let result = act(&mut inner.session, &mut self.hub.env());
            self.show(&inner.session);
            result
        };
        self.touch();
        result
    }

    /// Asks the session for a token, for a caller who waits if there is none.
    pub(super) fn ask(
        &self,
        ask: impl for<'a> FnOnce(&'a mut Session, &mut SharedEnv<'_, E>) -> Access<'a>,
    ) -> Result<TokenResult, Epoch> {
        let asked = {
            let mut inner = lock(&self.inner);
            let asked = response(ask(&mut inner.session, &mut self.hub.env()));
            inner.is_wanted |= asked.is_err();
            self.show(&inner.session);
            asked
        };
        self.touch();
        asked
    }

    /// How the session has ended for good; `None` if it has not. This waits for nobody.
    pub(super) fn ended(&self) -> Option<EndedForGood> {
        match self.ended.load(Ordering::Acquire) {
            0 => None,
            1 => Some(EndedForGood::Gone),
            _ => Some(EndedForGood::NotErased),
        }
    }

    /// Lets the session go if that loses nothing: from then on it begins nothing. Returns whether it goes. A session
    /// that is looked after right now stays.
    pub(super) fn retire(&self) -> bool {
        let mut inner = match self.inner.try_lock() {
            Ok(inner) => inner,
            Err(TryLockError::Poisoned(inner)) => inner.into_inner(),
            Err(TryLockError::WouldBlock) => return false,
        };
        if self.ended() != Some(EndedForGood::NotErased) && inner.session.is_idle() {
            inner.is_abandoned = true;
        }
        inner.is_abandoned
    }

    /// Gives the registry what is to be revoked of a session that goes.
    pub(super) fn give_back(&self) {
        let mut inner = lock(&self.inner);
        let Inner { session, listeners, .. } = &mut *inner;
        if let Some(feed) = listeners.feed() {
            while let Some(revocation) = session.poll_revocation(&mut self.hub.env()) {
                feed.give_back(revocation);
            }
        }
    }

    pub(super) fn look<R>(&self, look: impl FnOnce(&Session) -> R) -> R {
        look(&lock(&self.inner).session)
    }

    pub(super) fn subscribe(&self) -> Listener {
        let mut inner = lock(&self.inner);
        let listener = inner.listeners.subscribe();
        if self.hub.is_stopped() {
            inner.listeners = Listeners::default();
        }
        drop(inner);
        self.touch();
        listener
    }

    /// What became of an attempt. `id` is the caller's place among those who wait.
    pub(super) fn poll_outcome(&self, epoch: Epoch, id: &mut Option<u64>, cx: &mut Context<'_>) -> Poll<TokenResult> {
        let mut inner = lock(&self.inner);
        if let Some(response) = outcome(inner.session.outcome(epoch, &self.hub.env())) {
            return Poll::Ready(response);
        }
        if self.hub.is_stopped() {
            return Poll::Ready(Err(NoToken::Stopped));
        }
        inner.waiters.wait(epoch, id, cx.waker().clone());
        Poll::Pending
    }

    /// Lets the session be looked after: what it wants is taken, what happened is told. Returns who is to be woken,
    /// when it is due next, and whether it can be dropped.
    pub(super) fn tend(&self, take: impl FnOnce(&mut Session, &mut SharedEnv<'_, E>)) -> Tended {
        // Before: what touches it from now on may be missed here.
        self.is_touched.store(false, Ordering::Release);
        let mut inner = lock(&self.inner);
        let Inner { session, listeners, waiters, is_wanted, is_abandoned } = &mut *inner;
        let mut env = self.hub.env();
        // Nothing begins in a session that nobody can ask.
        if !*is_abandoned || !session.is_idle() {
            take(session, &mut env);
        }
        self.show(session);
        let activity = session.activity();
        let is_wanted = std::mem::replace(is_wanted, *is_wanted && activity == Activity::Queued);
        let slows_down = |error: &&Error| {
            let status = error.status().map(|status| status.as_u16());
            activity == Activity::BackingOff && matches!(status, Some(429 | 503))
        };
        Tended {
            activity,
            is_wanted,
            pause: session.last_failure().filter(slows_down).map(Error::retry_after),
            has_unsaved: session.has_unsaved(),
            listeners: listeners.publish(|| next_event(session)),
            served: waiters.take_served(|epoch| !matches!(session.outcome(epoch, &env), Outcome::Pending)),
            due: session.poll_timeout(),
            may_go: *is_abandoned && session.is_idle(),
        }
    }
}

/// What is known of a session that was looked after. Whoever is in it is woken without the session's lock: an executor
/// may poll right then.
pub(super) struct Tended {
    pub(super) listeners: Vec<Waker>,
    pub(super) served: Vec<Crowd>,
    pub(super) activity: Activity,
    /// A caller waits for the attempt.
    pub(super) is_wanted: bool,
    /// It backs off because its provider asks for fewer requests, and for how long if that was said.
    pub(super) pause: Option<Option<Duration>>,
    pub(super) has_unsaved: bool,
    pub(super) due: Option<MonotonicTime>,
    pub(super) may_go: bool,
}

impl<E> Slot<E> {
    fn touch(&self) {
        if !self.is_touched.swap(true, Ordering::AcqRel) {
            self.hub.touch(self.id);
        }
    }

    pub(super) fn leave(&self, epoch: Epoch, id: u64) {
        lock(&self.inner).waiters.leave(epoch, id);
    }

    pub(super) fn abandon(&self) {
        lock(&self.inner).is_abandoned = true;
        self.touch();
    }

    pub(super) fn stop(&self) {
        let (listeners, mut waiters) = {
            let mut inner = lock(&self.inner);
            (std::mem::take(&mut inner.listeners), std::mem::take(&mut inner.waiters))
        };
        drop(listeners);
        waiters.take_served(|_| true).into_iter().flat_map(Crowd::drained).for_each(|(_, waker)| waker.wake());
    }
}
