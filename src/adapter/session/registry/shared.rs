//! What a registry has in common with the future that does its work.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};

use super::options::RegistryOptions;
use super::roster::Roster;
use crate::adapter::session::feed::Feed;
use crate::adapter::session::fit::in_use;
use crate::adapter::session::handle::{SessionHandle, Sessions};
use crate::adapter::session::hub::Hub;
use crate::adapter::session::listener::Listeners;
use crate::adapter::session::lock::lock;
use crate::adapter::store::{Indexed, SessionStore as _, SessionStores};
use crate::base::env::{Env, MonotonicTime};
use crate::error::{Error, ErrorCode};
use crate::party::relying_party::RelyingParty;
use crate::session::{RecordVersion, Session};
use crate::token::logout_token::SeenLogoutTokens;
use crate::token::token_set::TokenSet;

pub(super) struct Shared<P, E> {
    pub(super) stores: Arc<P>,
    pub(super) options: RegistryOptions,
    pub(super) feed: Arc<Feed>,
    pub(super) seen: Mutex<SeenLogoutTokens>,
    pub(super) hub: Arc<Hub<E>>,
    roster: Mutex<Roster<SessionHandle<E>>>,
    waker: Mutex<Option<Waker>>,
    /// Nobody can ask for a session any more.
    is_closed: AtomicBool,
    /// Nothing does the work any more.
    is_stopped: AtomicBool,
}

impl<P: SessionStores, E: Env> Shared<P, E> {
    pub(super) fn new(stores: P, options: RegistryOptions, hub: Arc<Hub<E>>) -> Arc<Self> {
        let seen = Mutex::new(SeenLogoutTokens::new(options.logout_tokens));
        let (stores, feed, roster) = (Arc::new(stores), Arc::default(), Mutex::new(Roster::new()));
        let (waker, is_closed, is_stopped) = (Mutex::default(), AtomicBool::new(false), AtomicBool::new(false));
        Arc::new(Self { stores, options, feed, seen, hub, roster, waker, is_closed, is_stopped })
    }

    /// The only way to the roster. What is removed is dropped without its lock: a session may be verifying.
    pub(super) fn roster<R>(&self, act: impl FnOnce(&mut Roster<SessionHandle<E>>) -> R) -> R {
        let (result, removed) = {
            let mut roster = lock(&self.roster);
            (act(&mut roster), roster.take_removed())
        };
        drop(removed);
        result
    }

    pub(super) fn now(&self) -> MonotonicTime {
        self.hub.env().monotonic()
    }

    /// The store of a name, which keeps the index.
    pub(super) fn store(&self, name: &Arc<str>) -> Indexed<P> {
        Indexed::new(self.stores.clone(), name.clone(), &mut self.hub.env())
    }

    /// A session of these tokens.
    pub(super) fn session(&self, tokens: TokenSet, stored: Option<RecordVersion>) -> Result<Session, Error> {
        let party = self.party(&tokens)?.clone();
        let session = Session::new(tokens, stored, party, self.options.session, &mut self.hub.env())?;
        session.check_store(true, self.stores.lease())?;
        Ok(session)
    }

    /// The client that the tokens belong to. If there is none, the error is that of the client that is nearest.
    fn party(&self, tokens: &TokenSet) -> Result<&RelyingParty, Error> {
        let mut refused: Option<Error> = None;
        for party in &self.options.parties {
            match party.owner().check(tokens.owner()) {
                Ok(()) => return Ok(party),
                Err(error) if refused.as_ref().is_some_and(|nearest| nearness(nearest) >= nearness(&error)) => {}
                Err(error) => refused = Some(error),
            }
        }
        Err(refused.unwrap_or_else(|| ErrorCode::CLIENT_MISMATCH.into()))
    }

    /// Has a session looked after. Nobody is woken.
    ///
    /// # Errors
    /// `session.setup` if another session of this process uses the store.
    pub(super) fn put(
        &self,
        sessions: &Sessions<Indexed<P>, E>,
        name: &Arc<str>,
        session: Session,
        store: Indexed<P>,
    ) -> Result<SessionHandle<E>, Error> {
        let in_use = in_use(store.holder())?;
        Ok(sessions.put(session, (store, in_use), Listeners::named(name.clone(), self.feed.clone())))
    }

    /// There is something to do.
    pub(super) fn wake(&self) {
        let waker = lock(&self.waker).take();
        waker.into_iter().for_each(Waker::wake);
        self.hub.arrived();
    }

    /// Whom to wake.
    pub(super) fn wakes(&self, cx: &Context<'_>) {
        *lock(&self.waker) = Some(cx.waker().clone());
    }

    pub(super) fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Acquire)
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.is_stopped.load(Ordering::SeqCst)
    }
}

/// How much of the owner is right: the provider, and the client.
fn nearness(mismatch: &Error) -> u8 {
    match mismatch.code() {
        ErrorCode::PROVIDER_MISMATCH => 0,
        ErrorCode::CLIENT_MISMATCH => 1,
        _ => 2,
    }
}

impl<P, E> Shared<P, E> {
    /// Nothing does the work any more: whoever waits is told.
    pub(super) fn stop(&self) {
        // First: who comes from now on sees it.
        self.is_stopped.store(true, Ordering::SeqCst);
        let (handles, waiting) = lock(&self.roster).clear();
        drop(handles);
        waiting.iter().for_each(|loading| loading.end(Err(ErrorCode::SESSION_STOPPED.into())));
        self.feed.close();
    }

    pub(super) fn close(&self) {
        self.is_closed.store(true, Ordering::Release);
        let waker = lock(&self.waker).take();
        waker.into_iter().for_each(Waker::wake);
    }
}
