//! The future that does the work of a registry.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::loading::Loading;
use super::roster::{Loaded, SOME};
use super::shared::Shared;
use crate::adapter::driver::{HttpClient, Timer};
use crate::adapter::key_store::KeyStore;
use crate::adapter::session::handle::{SessionHandle, Sessions};
use crate::adapter::session::pause::Pause;
use crate::adapter::session::run::Run;
use crate::adapter::session::work::Works;
use crate::adapter::store::{IndexKey, Indexed, SessionStore, SessionStores};
use crate::base::env::{Env, MonotonicTime};
use crate::error::{Error, ErrorCode};
use crate::session::{StoreAction, StoreResponse};

/// How many sessions are loaded at once. A blocking store has a thread for each.
const LOADS: usize = 64;

/// Does the work of a [`Registry`](super::Registry) and of all its sessions. Spawn it once.
///
/// It is `Send` if the HTTP client, the timer, the key store, the stores and the environment are. If you drop it or
/// abort its task, it abandons the running work, as [`Run`] does. To stop it without a loss, drop all clones of the
/// registry and all handles, and await it.
#[must_use = "sessions do nothing until it is spawned or awaited"]
pub struct RegistryRun<C: HttpClient, T: Timer, K: KeyStore, P: SessionStores, E> {
    run: Run<C, T, K, Indexed<P>, E>,
    /// Until the registry is closed.
    sessions: Option<Sessions<Indexed<P>, E>>,
    shared: Arc<Shared<P, E>>,
    loads: Works<<Indexed<P> as SessionStore>::Future, Load<P, E>>,
    /// When a load has to be done, the first one first.
    deadlines: VecDeque<(MonotonicTime, u64)>,
    sleep: Pause<T>,
}

struct Load<P: SessionStores, E> {
    name: Arc<str>,
    loading: Arc<Loading<SessionHandle<E>>>,
    store: Indexed<P>,
}

// Nothing in it is pinned in place: futures are boxed.
impl<C: HttpClient, T: Timer, K: KeyStore, P: SessionStores, E> Unpin for RegistryRun<C, T, K, P, E> {}

impl<C: HttpClient, T: Timer, K: KeyStore, P: SessionStores, E: Env> RegistryRun<C, T, K, P, E> {
    pub(super) fn new(
        run: Run<C, T, K, Indexed<P>, E>,
        sessions: Sessions<Indexed<P>, E>,
        shared: Arc<Shared<P, E>>,
    ) -> Self {
        let (loads, deadlines) = (Works::new(), VecDeque::new());
        Self { run, sessions: Some(sessions), shared, loads, deadlines, sleep: Pause::none() }
    }

    /// Sets how many refreshes of one provider run at once; see [`Run::with_limit`].
    pub fn with_limit(mut self, refreshes: usize) -> Self {
        self.run.set_limit(refreshes);
        self
    }

    /// Begins to load names; says whether there may be more to begin.
    fn begin(&mut self) -> bool {
        for _ in 0..SOME {
            if self.loads.len() >= LOADS {
                return false;
            }
            let any = MonotonicTime::from_millis(u64::MAX);
            let Some((wanted, name, loading)) = self.shared.roster(|roster| roster.next_wanted(any)) else {
                return false;
            };
            let store = self.shared.store(&name);
            let future = store.carry_out(StoreAction::Load);
            let id = self.loads.push(future, Load { name, loading, store });
            // Of the one who asked first. They are in order.
            let deadline = wanted.saturating_add(self.shared.options.session.deadline());
            self.deadlines.push_back((deadline, id));
        }
        true
    }

    /// Takes what was loaded; says whether there may be more.
    fn take_loaded(&mut self, now: MonotonicTime, cx: &Context<'_>) -> bool {
        let polled = self.loads.poll(SOME, cx);
        for (load, response) in polled.done {
            self.loaded(load, response);
        }
        let mut has_room = false;
        while let Some((deadline, id)) = self.deadlines.front().copied()
            && (deadline <= now || !self.loads.has(id))
        {
            self.deadlines.pop_front();
            if let Some(load) = self.loads.abandon(id) {
                self.end(&load, Err(is_late(&load.store)));
                has_room = true;
            }
        }
        polled.is_any || has_room
    }

    /// Those who wait for their turn do not wait longer than for a store that hangs; says whether there may be more.
    fn refuse_late(&self, now: MonotonicTime) -> bool {
        let patience = self.shared.options.session.deadline();
        let patience = u64::try_from(patience.as_millis()).unwrap_or(u64::MAX);
        let Some(until) = now.as_millis().checked_sub(patience).map(MonotonicTime::from_millis) else { return false };
        for _ in 0..SOME {
            let late = self.shared.roster(|roster| roster.next_wanted(until));
            let Some((_, name, loading)) = late else { return false };
            self.end_with(&name, &loading, Err(is_late(&self.shared.store(&name))));
        }
        true
    }

    fn loaded(&self, load: Load<P, E>, response: StoreResponse) {
        let record = match response {
            StoreResponse::Loaded { record, .. } => record,
            StoreResponse::Failed(error) => return self.end(&load, Err(error)),
            _ => return self.end(&load, Err(is_late(&load.store))),
        };
        let Some(record) = record else { return self.end(&load, Ok(None)) };
        let (keys, version) = (IndexKey::of(&record.tokens), record.version());
        match (self.shared.session(record.tokens, Some(version)), &self.sessions) {
            (Ok(session), Some(sessions)) => {
                let Load { name, loading, store } = load;
                let handle = self.shared.put(sessions, &name, session, store);
                self.end_with(&name, &loading, handle.map(|handle| Some((handle, keys))));
            }
            (Err(error), _) => self.end(&load, Err(error)),
            (Ok(_), None) => self.end(&load, Err(ErrorCode::SESSION_STOPPED.into())),
        }
    }

    fn end(&self, load: &Load<P, E>, result: Loaded<SessionHandle<E>>) {
        self.end_with(&load.name, &load.loading, result);
    }

    /// Says to all who wait what there is.
    fn end_with(&self, name: &Arc<str>, loading: &Arc<Loading<SessionHandle<E>>>, result: Loaded<SessionHandle<E>>) {
        let now = self.shared.now();
        loading.end(self.shared.roster(|roster| roster.loaded(name, loading, result, now)));
    }

    /// Lets sessions go that nobody uses; says whether there are more.
    fn let_go(&self, now: MonotonicTime) -> bool {
        let options = &self.shared.options;
        let may_go = |handle: &SessionHandle<E>| handle.retire();
        let (handles, more) = self.shared.roster(|roster| roster.take_idle(now, options.idle, options.most, may_go));
        drop(handles);
        more
    }

    /// Nobody asks any more: what is in memory goes.
    fn close(&mut self) {
        if self.sessions.take().is_some() {
            let _ = self.loads.take().count();
            self.deadlines.clear();
            drop(self.shared.roster(|roster| roster.clear()));
        }
    }

    /// One pause, until a session may go or a load is late.
    fn poll_sleep(&mut self, now: MonotonicTime, cx: &mut Context<'_>) -> bool {
        let idle = self.shared.options.idle;
        let next_idle = self.shared.roster(|roster| roster.next_idle(idle));
        let late = self.deadlines.front().map(|(deadline, _)| *deadline);
        let wanted = self.shared.roster(|roster| roster.first_wanted());
        let late_wanted = wanted.map(|wanted| wanted.saturating_add(self.shared.options.session.deadline()));
        // When sessions are used, the next one is due later.
        let first = next_idle.into_iter().chain(late).chain(late_wanted).min();
        self.sleep.poll(first, now, &self.run.driver.timer, cx)
    }
}

impl<C: HttpClient, T: Timer, K: KeyStore, P: SessionStores, E: Env> Future for RegistryRun<C, T, K, P, E> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        this.shared.wakes(cx);
        if this.shared.is_closed() {
            this.close();
        }
        let now = this.shared.now();
        let refuses = this.refuse_late(now);
        let begins = !refuses && this.begin();
        let takes = this.take_loaded(now, cx);
        let lets_go = this.sessions.is_some() && this.let_go(now);
        let wakes = this.poll_sleep(now, cx);
        if refuses || begins || takes || lets_go || wakes {
            // Others on this thread want their turn, too.
            cx.waker().wake_by_ref();
        }
        match Pin::new(&mut this.run).poll(cx) {
            Poll::Ready(()) => {
                this.shared.feed.close();
                Poll::Ready(())
            }
            Poll::Pending => Poll::Pending,
        }
    }
}

/// The store did not respond.
fn is_late(store: &impl SessionStore) -> Error {
    let error = Error::new(ErrorCode::SESSION_STORE);
    match store.holder() {
        Some(holder) => holder.name(error),
        None => error,
    }
}

impl<C: HttpClient, T: Timer, K: KeyStore, P: SessionStores, E> Drop for RegistryRun<C, T, K, P, E> {
    fn drop(&mut self) {
        self.shared.stop();
    }
}

impl<C: HttpClient, T: Timer, K: KeyStore, P: SessionStores, E> fmt::Debug for RegistryRun<C, T, K, P, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RegistryRun({:?})", self.run)
    }
}
