//! The registry, as its callers see it.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::loading::Loading;
use super::options::RegistryOptions;
use super::roster::Found;
use super::run::RegistryRun;
use super::shared::Shared;
use crate::adapter::driver::{Driver, HttpClient, Timer};
use crate::adapter::key_store::KeyStore;
use crate::adapter::session::feed::NamedListener;
use crate::adapter::session::handle::{SessionHandle, Sessions};
use crate::adapter::session::health::Health;
use crate::adapter::store::{IndexKey, Indexed, SessionStores};
use crate::base::env::Env;
use crate::error::{Error, ErrorCode};
use crate::flow::Revocation;
use crate::session::EndedForGood;
use crate::step::Step;
use crate::token::token_set::TokenSet;

/// The sessions of a server, by name. A name is what the server finds a user's session by: a random value of the
/// user's cookie, for example. Give each login a name of its own.
///
/// ```text
///   log_in ──▶ in memory ◀── loaded once, for all who ask ◀── in the store
///                  └── idle, or too many; nothing unsaved ───────▲
/// ```
///
/// [`session`](Self::session) returns the session of a name. A session that is not in memory is loaded from the store:
/// once, also if many requests ask for it at the same time. Sessions that nobody has used for a while, and those that
/// are too many, leave the memory ([`RegistryOptions::with_idle`], [`RegistryOptions::with_capacity`]); their records
/// stay in the store. A session stays in memory while somebody has a handle, while it refreshes, and while it has
/// tokens that are not saved. In one process, a record has at most one session.
///
/// By default sessions refresh on demand and share their stores with other processes. Each process
/// has a registry of its own, over the same stores. A name means the same record in each of them.
/// Which sessions are in memory is independent in each process.
///
/// Clones are handles to the same registry. To shut down, drop them and all session handles, and await the
/// [`RegistryRun`].
///
/// ```
/// use oidc_proto::adapter::session::{NoToken, Registry, RegistryOptions};
/// use oidc_proto::adapter::store::SessionStores;
/// use oidc_proto::adapter::{Driver, HttpClient, SystemEnv};
/// use oidc_proto::{Error, RelyingParty, TokenSet};
///
/// async fn serve<C, S>(http: C, stores: S, party: RelyingParty, tokens: TokenSet) -> Result<(), Box<dyn std::error::Error>>
/// where
///     C: HttpClient<Response: Send> + Send + 'static,
///     S: SessionStores<Noted: Send, Found: Send> + Send + Sync + 'static,
///     S::Store: oidc_proto::adapter::store::SessionStore<Future: Send> + Send + Sync,
/// {
///     let driver = Driver::new(http).with_timer(tokio::time::sleep);
///     let (registry, run) = Registry::new(driver, SystemEnv::new()?, stores, RegistryOptions::new(party))?;
///     tokio::spawn(run);
///     // After the callback; then in each request.
///     registry.log_in("name", tokens)?;
///     if let Some(session) = registry.session("name").await? {
///         let _token = session.access().await?;
///     }
///     Ok(())
/// }
/// ```
pub struct Registry<P: SessionStores, E>(pub(super) Arc<Entrance<P, E>>);

pub(super) struct Entrance<P: SessionStores, E> {
    sessions: Sessions<Indexed<P>, E>,
    pub(super) shared: Arc<Shared<P, E>>,
}

impl<P: SessionStores, E: Env> Registry<P, E> {
    /// Returns the registry, and the future that does its work: spawn the future. The driver needs a timer.
    ///
    /// # Errors
    /// `session.setup` if the sessions have
    /// [`Persistence::Shared`](crate::session::Persistence::Shared) and the
    /// [lease](SessionStores::lease) of the stores is shorter than their deadline.
    #[allow(clippy::type_complexity, reason = "the registry, and the future that does its work")]
    pub fn new<C: HttpClient, T: Timer, K: KeyStore>(
        driver: Driver<C, T, K>,
        env: E,
        stores: P,
        options: RegistryOptions,
    ) -> Result<(Self, RegistryRun<C, T, K, P, E>), Error> {
        options.session.check_lease(stores.lease())?;
        let (sessions, run) = Sessions::new(driver, env);
        let shared = Shared::new(stores, options, sessions.hub().clone());
        let run = RegistryRun::new(run, sessions.clone(), shared.clone());
        Ok((Self(Arc::new(Entrance { sessions, shared })), run))
    }

    /// The session with this name; `None` if there is no record. It is loaded from the store if it is not in memory.
    /// The future can be dropped at any time.
    ///
    /// A session that has ended because its record is gone, or is another login's, is loaded anew. A session that was
    /// logged out here, and whose record could not be erased, stays ended.
    ///
    /// # Errors
    /// Those of the store: `store.io`, `store.busy`, `stored.malformed`, `stored.version`; `session.store` if the store
    /// does not respond before the sessions' deadline; `session.stopped` if nothing does the work any more. No error
    /// is kept: the next call loads again. `provider.mismatch`, `client.mismatch`, `dpop.key_mismatch` if the record
    /// belongs to none of the clients. `session.setup` if the stores give this name a store, or a clone of one, that
    /// another session of this process uses.
    pub async fn session(&self, name: &str) -> Result<Option<SessionHandle<E>>, Error> {
        self.find(name, |ended| ended != Some(EndedForGood::Gone)).await
    }

    /// The same, but with a say in which of those that have ended are of use.
    pub(super) async fn find(
        &self,
        name: &str,
        is_of_use: impl Fn(Option<EndedForGood>) -> bool,
    ) -> Result<Option<SessionHandle<E>>, Error> {
        let shared = &self.0.shared;
        let (now, idle) = (shared.now(), shared.options.idle);
        let found = shared.roster(|roster| {
            let stays = |handle: &SessionHandle<E>| handle.ended() == Some(EndedForGood::NotErased);
            roster.find(name, now, idle, |handle| is_of_use(handle.ended()), stays)
        });
        let loading = match found {
            Found::Present(handle) => return Ok(Some(handle)),
            Found::Loading(loading) => loading,
        };
        shared.wake();
        let mut waiting = Waiting { loading: &loading, id: None };
        // `is_stopped` is read after the name was added to the roster. If the task ends after that,
        // it finds the name; if it ended before, this sees it.
        poll_fn(|cx| match Pin::new(&mut waiting).poll(cx) {
            Poll::Pending if shared.is_stopped() => Poll::Ready(Err(ErrorCode::SESSION_STOPPED.into())),
            other => other,
        })
        .await
    }

    /// The session with this name, if it is in memory; also one that has ended.
    pub fn present(&self, name: &str) -> Option<SessionHandle<E>> {
        self.0.shared.roster(|roster| roster.present(name))
    }

    /// Takes the tokens of a login, and has them saved. The tokens can be used meanwhile. If the save fails, the event
    /// is [`Event::NotSaved`](crate::session::Event::NotSaved), and the session tries again.
    ///
    /// If the name has a session of the same user, that session goes on with the new tokens. In the store, the login
    /// takes the place of any other, also of another user's; what it replaced is given back to be revoked.
    ///
    /// # Errors
    /// `provider.mismatch`, `client.mismatch`, `dpop.key_mismatch` if the tokens belong to none of the clients;
    /// `session.setup` as for [`session`](Self::session). The tokens are dropped then. To be able
    /// to revoke them, keep a clone before the call.
    pub fn log_in(&self, name: &str, tokens: TokenSet) -> Result<SessionHandle<E>, Error> {
        let Entrance { sessions, shared } = &*self.0;
        let keys = IndexKey::of(&tokens);
        let mut session = shared.session(tokens.clone(), None)?;
        session.save(&shared.hub.env());
        let (name, now): (Arc<str>, _) = (name.into(), shared.now());
        let mut new = Some((session, shared.store(&name)));
        let mut refused = None::<SessionHandle<E>>;
        loop {
            if let Some(present) = self.present(&name) {
                if present.adopt(tokens.clone()).is_ok() {
                    shared.roster(|roster| roster.renew(&name, keys, now, |own| own.is(&present)));
                    return Ok(present);
                }
                refused = Some(present);
            }
            let put = shared.roster(|roster| {
                // Another login may have come first.
                let is_refused = |own: &SessionHandle<E>| refused.as_ref().is_some_and(|refused| refused.is(own));
                let is_free = roster.present(&name).is_none_or(|own| is_refused(&own));
                let (session, store) = new.take_if(|_| is_free)?;
                let handle = shared.put(sessions, &name, session, store);
                Some(handle.map(|handle| (handle.clone(), roster.insert(name.clone(), handle, keys.clone(), now))))
            });
            if let Some(put) = put {
                let (handle, waiting) = put?;
                waiting.iter().for_each(|loading| loading.end(Ok(Some(handle.clone()))));
                shared.wake();
                return Ok(handle);
            }
        }
    }

    /// Listens to the events of all sessions from now on. Subscribe before the first session: events that nobody reads
    /// wait in their session, and go with it when it leaves the memory.
    pub fn subscribe(&self) -> NamedListener {
        let listener = self.0.shared.feed.subscribe();
        if self.0.shared.is_stopped() {
            self.0.shared.feed.close();
        }
        listener
    }

    /// A revocation to drive. Its tokens are those that a session had to give back and that were
    /// not revoked when the session left the memory; see
    /// [`Session::poll_revocation`](crate::session::Session::poll_revocation). At most 1,024 wait.
    ///
    /// # Errors
    /// Those of [`Session::poll_revocation`](crate::session::Session::poll_revocation).
    pub fn poll_revocation(&self) -> Option<Result<Step<Revocation>, Error>> {
        self.0.shared.feed.poll_revocation()
    }

    /// Counts what the sessions in memory are doing. The cost does not depend on the number of sessions.
    pub fn health(&self) -> Health {
        self.0.sessions.health()
    }
}

impl<P: SessionStores, E> Clone for Registry<P, E> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<P: SessionStores, E> Drop for Entrance<P, E> {
    fn drop(&mut self) {
        self.shared.close();
    }
}

impl<P: SessionStores, E> fmt::Debug for Registry<P, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Registry(…)")
    }
}

/// A caller who waits for a session to be loaded.
struct Waiting<'a, H: Clone> {
    loading: &'a Loading<H>,
    id: Option<u64>,
}

impl<H: Clone> Future for Waiting<'_, H> {
    type Output = Result<Option<H>, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        this.loading.poll(&mut this.id, cx)
    }
}

impl<H: Clone> Drop for Waiting<'_, H> {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            self.loading.leave(id);
        }
    }
}
