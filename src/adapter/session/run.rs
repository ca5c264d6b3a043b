//! The future that does the work of sessions.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::input::Input;
use super::lock::lock;
use super::slot::{Arrivals, Hub, Slot};
use super::work::Works;
use crate::adapter::driver::{Driver, HttpClient, Timer};
use crate::adapter::key_store::KeyStore;
use crate::adapter::store::SessionStore;
use crate::base::env::{Env, MonotonicTime};
use crate::session::{StoreAction, StoreTicket, Ticket, Transmit};

/// Does the work of all sessions that were added to one [`Sessions`](super::Sessions). Spawn it once.
///
/// It is `Send` if the HTTP client, the timer, the key store, the stores and the environment are.
///
/// Dropping it, or aborting its task, abandons what is under way, and every caller gets
/// [`NoToken::Stopped`](super::NoToken::Stopped). A refresh may then be lost, and a lock that is a lease keeps the other
/// processes waiting until it ends. Rather drop all handles and [`Sessions`](super::Sessions), and await it: it ends when
/// nothing is under way.
#[must_use = "sessions do nothing until it is spawned or awaited"]
pub struct Run<C: HttpClient, T: Timer, K: KeyStore, D: SessionStore, E> {
    driver: Driver<C, T, K>,
    hub: Arc<Hub<E>>,
    arrivals: Arc<Arrivals<D, E>>,
    entries: HashMap<u64, Entry<D, E>>,
    /// Deadlines of sessions, the next one first.
    due: BTreeSet<(MonotonicTime, u64)>,
    sleep: Option<(MonotonicTime, Pin<Box<T::Sleep>>)>,
    calls: Works<C::Response, (u64, Ticket)>,
    key_uses: Works<K::Output, (u64, Ticket)>,
    actions: Works<D::Future, (u64, StoreTicket)>,
}

struct Entry<D, E> {
    slot: Arc<Slot<E>>,
    store: D,
    due: Option<MonotonicTime>,
    /// The store does one thing after the other: a lock that overtakes its unlock would never come.
    asked: VecDeque<(StoreTicket, StoreAction)>,
    is_storing: bool,
}

// Nothing in it is pinned in place: futures are boxed.
impl<C: HttpClient, T: Timer, K: KeyStore, D: SessionStore, E> Unpin for Run<C, T, K, D, E> {}

impl<C: HttpClient, T: Timer, K: KeyStore, D: SessionStore, E: Env> Run<C, T, K, D, E> {
    pub(super) fn new(driver: Driver<C, T, K>, hub: Arc<Hub<E>>, arrivals: Arc<Arrivals<D, E>>) -> Self {
        let (calls, key_uses, actions) = (Works::new(), Works::new(), Works::new());
        let (entries, due) = (HashMap::new(), BTreeSet::new());
        Self { driver, hub, arrivals, entries, due, sleep: None, calls, key_uses, actions }
    }

    /// Does what can be done now; says whether there was anything.
    fn advance(&mut self, cx: &mut Context<'_>) -> bool {
        let mut inputs: Vec<(u64, Option<Input>)> = Vec::new();
        inputs.extend(self.hub.poll_touched(cx).into_iter().map(|id| (id, None)));
        // After it: a session is touched once it has arrived.
        for (slot, store) in std::mem::take(&mut *lock(&self.arrivals)) {
            let entry = Entry { slot, store, due: None, asked: VecDeque::new(), is_storing: false };
            self.entries.insert(entry.slot.id, entry);
        }
        let calls = self.calls.poll(cx).into_iter();
        inputs.extend(calls.map(|((id, ticket), response)| (id, Some(Input::Response(ticket, response)))));
        let outputs = self.key_uses.poll(cx).into_iter();
        inputs.extend(outputs.map(|((id, ticket), output)| (id, Some(Input::KeyOutput(ticket, output)))));
        for ((id, ticket), answer) in self.actions.poll(cx) {
            if let Some(entry) = self.entries.get_mut(&id) {
                entry.is_storing = false;
            }
            inputs.push((id, Some(Input::Store(ticket, answer))));
        }
        let now = self.hub.monotonic();
        inputs.extend(self.due.iter().take_while(|(due, _)| *due <= now).map(|(_, id)| (*id, Some(Input::Timeout))));
        let is_anything = !inputs.is_empty();
        for (id, input) in inputs {
            self.tend(id, input);
        }
        self.poll_sleep(now, cx) || is_anything
    }

    /// Gives a session its input, and begins what it wants.
    fn tend(&mut self, id: u64, input: Option<Input>) {
        let Some(entry) = self.entries.get_mut(&id) else { return };
        let mut transmits = Vec::new();
        let asked = &mut entry.asked;
        let tended = entry.slot.tend(|session, env| {
            if let Some(input) = input {
                input.hand(session, env);
            }
            asked.extend(std::iter::from_fn(|| session.poll_store(env)));
            transmits.extend(std::iter::from_fn(|| session.poll_transmit(env)));
        });
        if entry.due != tended.due {
            if let Some(old) = entry.due {
                self.due.remove(&(old, id));
            }
            self.due.extend(tended.due.map(|due| (due, id)));
            entry.due = tended.due;
        }
        if !entry.is_storing
            && let Some((ticket, action)) = entry.asked.pop_front()
        {
            entry.is_storing = true;
            self.actions.push(entry.store.carry_out(action), (id, ticket));
        }
        if tended.may_go && !entry.is_storing {
            if let Some(due) = entry.due {
                self.due.remove(&(due, id));
            }
            self.entries.remove(&id);
        }
        for transmit in transmits {
            match transmit {
                Transmit::Call { ticket, request, policy } => {
                    self.calls.push(self.driver.http.call(request, policy), (id, ticket));
                }
                Transmit::UseKey { ticket, key_use } => {
                    self.key_uses.push(self.driver.keys.use_key(key_use), (id, ticket));
                }
            }
        }
    }

    /// One pause for all: until the first deadline.
    fn poll_sleep(&mut self, now: MonotonicTime, cx: &mut Context<'_>) -> bool {
        let Some((due, _)) = self.due.first().copied() else {
            self.sleep = None;
            return false;
        };
        if self.sleep.as_ref().is_none_or(|(until, _)| *until != due) {
            let sleep = self.driver.timer.sleep(due.saturating_since(now));
            self.sleep = sleep.map(|sleep| (due, Box::pin(sleep)));
        }
        let is_over = self.sleep.as_mut().is_some_and(|(_, sleep)| sleep.as_mut().poll(cx).is_ready());
        if is_over {
            self.sleep = None;
        }
        is_over
    }
}

impl<C: HttpClient, T: Timer, K: KeyStore, D: SessionStore, E: Env> Future for Run<C, T, K, D, E> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        // Not without end: others on this thread want their turn, too.
        for _ in 0..ROUNDS {
            if !this.advance(cx) {
                let is_over = this.hub.is_closed() && this.entries.is_empty() && lock(&this.arrivals).is_empty();
                return if is_over { Poll::Ready(()) } else { Poll::Pending };
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

/// A refresh with a store takes five.
const ROUNDS: usize = 32;

impl<C: HttpClient, T: Timer, K: KeyStore, D: SessionStore, E> Drop for Run<C, T, K, D, E> {
    fn drop(&mut self) {
        // First: who comes from now on sees it.
        self.hub.stop();
        let arrivals = std::mem::take(&mut *lock(&self.arrivals));
        let slots = self.entries.values().map(|entry| &entry.slot);
        slots.chain(arrivals.iter().map(|(slot, _)| slot)).for_each(|slot| slot.stop());
    }
}

impl<C: HttpClient, T: Timer, K: KeyStore, D: SessionStore, E> fmt::Debug for Run<C, T, K, D, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Run({} sessions)", self.entries.len())
    }
}
