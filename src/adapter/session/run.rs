//! The future that does the work of sessions.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use http::Uri;

use super::gate::{Gate, LIMIT, Place};
use super::health::Figures;
use super::hub::Hub;
use super::input::Input;
use super::lock::lock;
use super::ordered::Ordered;
use super::pause::Pause;
use super::slot::{Arrivals, Slot, Tended, Used};
use super::waiters::{Crowd, Served};
use super::work::Works;
use crate::adapter::driver::{Driver, HttpClient, Timer};
use crate::adapter::key_store::KeyStore;
use crate::adapter::store::SessionStore;
use crate::adapter::trace;
use crate::base::env::{Env, MonotonicTime};
use crate::session::{Activity, StoreAction, StoreTicket, Ticket, Transmit};

/// Does the work of all sessions that were added to one [`Sessions`](super::Sessions). Spawn it once.
///
/// It is `Send` if the HTTP client, the timer, the key store, the stores and the environment are.
///
/// If you drop it or abort its task, it abandons the running work, and every caller gets
/// [`NoToken::Stopped`](super::NoToken::Stopped). The result of a refresh may then be lost, and other processes wait
/// until a lock with a lease expires. To stop it without a loss, drop all handles and all clones of
/// [`Sessions`](super::Sessions), and await it: it ends when no work is running.
#[must_use = "sessions do nothing until it is spawned or awaited"]
pub struct Run<C: HttpClient, T: Timer, K: KeyStore, D: SessionStore, E> {
    pub(super) driver: Driver<C, T, K>,
    hub: Arc<Hub<E>>,
    arrivals: Arc<Arrivals<D, E>>,
    // Not a hash table: one that grows moves all its entries at once.
    entries: Ordered<u64, Box<Entry<D, E>>>,
    limit: usize,
    gates: Vec<Gate>,
    gate_of: Ordered<String, usize>,
    /// Gates where sessions wait.
    crowded: Ordered<usize, ()>,
    /// Deadlines of sessions, the next one first.
    due: Ordered<(MonotonicTime, u64), ()>,
    sleep: Pause<T>,
    calls: Works<C::Response, (u64, Ticket, Uri)>,
    key_uses: Works<K::Output, (u64, Ticket)>,
    actions: Works<D::Future, (u64, StoreTicket)>,
    /// Callers who were served and are to be woken.
    served: VecDeque<Served>,
    /// The work of this poll so far.
    spent: usize,
}

struct Entry<D, E> {
    slot: Arc<Slot<E>>,
    store: Used<D>,
    gate: usize,
    place: Place,
    figures: Option<Figures>,
    due: Option<MonotonicTime>,
    /// It was overdue when it came, and is spread.
    not_before: Option<MonotonicTime>,
    /// The store does one thing after the other: a lock that overtakes its unlock would never come.
    asked: VecDeque<(StoreTicket, StoreAction)>,
    is_storing: bool,
}

// Nothing in it is pinned in place: futures are boxed.
impl<C: HttpClient, T: Timer, K: KeyStore, D: SessionStore, E> Unpin for Run<C, T, K, D, E> {}

impl<C: HttpClient, T: Timer, K: KeyStore, D: SessionStore, E: Env> Run<C, T, K, D, E> {
    pub(super) fn new(driver: Driver<C, T, K>, hub: Arc<Hub<E>>, arrivals: Arc<Arrivals<D, E>>) -> Self {
        let (calls, key_uses, actions) = (Works::new(), Works::new(), Works::new());
        let (entries, due, served) = (Ordered::default(), Ordered::default(), VecDeque::new());
        let (limit, gates, gate_of, crowded) = (LIMIT, Vec::new(), Ordered::default(), Ordered::default());
        let sleep = Pause::none();
        Self {
            driver,
            hub,
            arrivals,
            entries,
            limit,
            gates,
            gate_of,
            crowded,
            due,
            sleep,
            calls,
            key_uses,
            actions,
            served,
            spent: 0,
        }
    }

    /// Sets how many refreshes of one provider run at once: at least one; by default 64. The other sessions wait, and
    /// their deadlines do not run. Sessions with waiting callers come first. A session that waits for its store counts
    /// as running.
    pub fn with_limit(mut self, refreshes: usize) -> Self {
        self.set_limit(refreshes);
        self
    }

    pub(super) fn set_limit(&mut self, refreshes: usize) {
        self.limit = refreshes.max(1);
    }

    /// Does some of what can be done now.
    fn advance(&mut self, cx: &mut Context<'_>) -> Next {
        let mut is_anything = self.wake_served();
        for (slot, store) in self.arrived() {
            let id = slot.id;
            self.take_in(slot, store);
            self.tend(id, None);
            self.spread(id);
            is_anything = true;
        }
        for id in self.hub.poll_touched(SOME, cx) {
            self.tend(id, None);
            is_anything = true;
        }
        let now = self.hub.env().monotonic();
        let due: Vec<u64> = self
            .due
            .iter()
            .map(|(due, ())| *due)
            .take_while(|(due, _)| *due <= now)
            .take(SOME)
            .map(|(_, id)| id)
            .collect();
        for id in due {
            self.tend(id, Some(Input::Timeout));
            is_anything = true;
        }
        is_anything |= self.admit(now);
        let actions = self.actions.poll(SOME, cx);
        for ((id, ticket), answer) in actions.done {
            if let Some(entry) = self.entries.get_mut(&id) {
                entry.is_storing = false;
            }
            self.tend(id, Some(Input::Store(ticket, answer)));
        }
        let key_uses = self.key_uses.poll(SOME, cx);
        for ((id, ticket), output) in key_uses.done {
            self.tend(id, Some(Input::KeyOutput(ticket, output)));
        }
        let calls = self.calls.poll(FEW, cx);
        for ((id, ticket, uri), response) in calls.done {
            self.tend(id, Some(Input::response(ticket, response, &uri)));
        }
        is_anything |= actions.is_any | key_uses.is_any | calls.is_any | self.poll_sleep(now, cx);
        match actions.yields | key_uses.yields | calls.yields {
            true => Next::Yield,
            false if is_anything => Next::Again,
            false => Next::Wait,
        }
    }

    fn take_in(&mut self, slot: Arc<Slot<E>>, store: Used<D>) {
        let issuer = slot.look(|session| session.issuer().as_str().to_owned());
        let known = self.gate_of.get(&issuer).copied();
        let gate = known.unwrap_or(self.gates.len());
        if known.is_none() {
            self.gates.push(Gate::new(self.limit));
            self.gate_of.insert(issuer, gate);
        }
        let (asked, place) = (VecDeque::new(), Place::default());
        let (due, figures, not_before) = (None, None, None);
        let entry = Entry { slot, store, gate, place, figures, due, not_before, asked, is_storing: false };
        self.entries.insert(entry.slot.id, Box::new(entry));
    }

    /// A session that is overdue when it comes was so for a while, and others with it: not all begin now. A caller does
    /// not wait for that.
    fn spread(&mut self, id: u64) {
        let mut env = self.hub.env();
        let now = env.monotonic();
        let Some(entry) = self.entries.get_mut(&id) else { return };
        if entry.due.is_some_and(|due| due <= now)
            && entry.place == Place::Elsewhere
            && let Some(gate) = self.gates.get_mut(entry.gate)
        {
            let later = gate.spread(now, env.rng().next_u32());
            entry.not_before = Some(later);
            let old = entry.due.replace(later);
            self.due.remove(&(old.unwrap_or(later), id));
            self.due.insert((later, id), ());
        }
    }

    /// Lets attempts begin that have waited; says whether there were any.
    fn admit(&mut self, now: MonotonicTime) -> bool {
        let mut is_any = false;
        for gate in self.crowded.iter().map(|(gate, ())| *gate).collect::<Vec<_>>() {
            for _ in 0..SOME {
                let Some((id, place)) = self.gates.get_mut(gate).and_then(|gate| gate.next(now)) else { break };
                if self.entries.get(&id).is_some_and(|entry| entry.place == place) {
                    self.tend(id, Some(Input::Admitted));
                }
                is_any = true;
            }
            if self.gates.get(gate).is_none_or(Gate::is_empty) {
                self.crowded.remove(&gate);
            }
        }
        is_any
    }

    fn arrived(&self) -> Vec<(Arc<Slot<E>>, Used<D>)> {
        let mut arrivals = lock(&self.arrivals);
        let some = arrivals.len().min(SOME);
        arrivals.drain(..some).collect()
    }

    /// Wakes some of those who were served; says whether there were any.
    fn wake_served(&mut self) -> bool {
        let is_any = !self.served.is_empty();
        let mut left = MANY;
        while left > 0
            && let Some(crowd) = self.served.front_mut()
        {
            match crowd.next() {
                Some((_, waker)) => waker.wake(),
                None => drop(self.served.pop_front()),
            }
            left -= 1;
        }
        is_any
    }

    /// Gives a session its input, and begins what it wants.
    fn tend(&mut self, id: u64, input: Option<Input>) {
        let Some(entry) = self.entries.get_mut(&id) else { return };
        let (mut transmits, is_response) = (Vec::new(), matches!(input, Some(Input::Response(..))));
        self.spent += if is_response { RESPONSE } else { 1 };
        let (asked, in_use) = (&mut entry.asked, &entry.store.1);
        let tended = entry.slot.tend(|session, env| {
            if let Some(input) = input {
                input.hand(session, env);
            }
            asked.extend(std::iter::from_fn(|| session.poll_store(env)));
            transmits.extend(std::iter::from_fn(|| session.poll_transmit(env)));
            in_use.iter().for_each(|in_use| in_use.holder().name_in(session));
        });
        let Tended { listeners, served, activity, is_wanted, pause, has_unsaved, mut due, may_go } = tended;
        listeners.into_iter().for_each(Waker::wake);
        let figures = Some((activity, has_unsaved));
        self.hub.board.change(entry.figures, figures);
        entry.figures = figures;
        if let Some(gate) = self.gates.get_mut(entry.gate) {
            let place = match activity {
                Activity::Refreshing => Place::Running,
                Activity::Queued if is_wanted || entry.place == Place::Wanted => Place::Wanted,
                Activity::Queued => Place::Queued,
                Activity::Idle | Activity::BackingOff => Place::Elsewhere,
            };
            if entry.place == Place::Running && activity == Activity::Idle {
                gate.succeeded();
            }
            gate.moves(id, entry.place, place);
            entry.place = place;
            if matches!(place, Place::Wanted | Place::Queued) {
                self.crowded.insert(entry.gate, ());
            }
            if let Some(retry_after) = pause.filter(|_| is_response) {
                let mut env = self.hub.env();
                gate.shut(retry_after, env.monotonic(), env.rng().next_u32());
            }
            if activity != Activity::Idle && entry.not_before.take().is_some() {
                gate.is_no_longer_overdue();
            }
        }
        due = due.map(|due| entry.not_before.map_or(due, |not_before| due.max(not_before)));
        self.served.extend(served.into_iter().map(Crowd::drained));
        if entry.due != due {
            if let Some(old) = entry.due {
                self.due.remove(&(old, id));
            }
            if let Some(due) = due {
                self.due.insert((due, id), ());
            }
            entry.due = due;
        }
        if !entry.is_storing
            && let Some((ticket, action)) = entry.asked.pop_front()
        {
            entry.is_storing = true;
            self.actions.push(entry.store.0.carry_out(action), (id, ticket));
        }
        if may_go && !entry.is_storing {
            if let Some(due) = entry.due {
                self.due.remove(&(due, id));
            }
            self.hub.board.change(entry.figures, None);
            if let Some(gate) = self.gates.get_mut(entry.gate) {
                gate.moves(id, entry.place, Place::Elsewhere);
                entry.not_before.inspect(|_| gate.is_no_longer_overdue());
            }
            entry.slot.give_back();
            self.entries.remove(&id);
        }
        for transmit in transmits {
            match transmit {
                Transmit::Call { ticket, request, policy } => {
                    let key = (id, ticket, request.uri().clone());
                    trace::request(request.method(), &key.2);
                    self.calls.push(self.driver.http.call(request, policy), key);
                }
                Transmit::UseKey { ticket, key_use } => {
                    trace::key_use(&key_use);
                    self.key_uses.push(self.driver.keys.use_key(key_use), (id, ticket));
                }
            }
        }
    }

    /// One pause for all: until the first deadline, or until a provider may be asked again.
    fn poll_sleep(&mut self, now: MonotonicTime, cx: &mut Context<'_>) -> bool {
        let first = self.due.iter().next().map(|((due, _), ())| *due);
        let opening = self.crowded.iter().filter_map(|(gate, ())| self.gates.get(*gate)?.opens_at());
        let first = first.into_iter().chain(opening).min();
        self.sleep.poll(first, now, &self.driver.timer, cx)
    }
}

impl<C: HttpClient, T: Timer, K: KeyStore, D: SessionStore, E: Env> Future for Run<C, T, K, D, E> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        this.spent = 0;
        // Not without end: others on this thread want their turn, too.
        for _ in 0..ROUNDS {
            match this.advance(cx) {
                Next::Again if this.spent < BUDGET => {}
                Next::Again | Next::Yield => break,
                Next::Wait => {
                    let is_over = this.hub.is_closed() && this.entries.is_empty() && lock(&this.arrivals).is_empty();
                    return if is_over { Poll::Ready(()) } else { Poll::Pending };
                }
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

/// What follows a round.
enum Next {
    /// There may be more to do.
    Again,
    /// There is more, in the next turn.
    Yield,
    /// There is nothing until somebody wakes.
    Wait,
}

/// How many rounds one poll takes. A refresh with a store takes five.
const ROUNDS: usize = 4;

/// No other round begins in a poll that has looked after so many sessions. A round adds up to 128:
/// 16 each of those who come, who were touched, who are due, whose store and whose key store
/// respond, and who are admitted by one provider, and two responses, which count 16 each. So a poll
/// looks after 191 at most, some microseconds each, and after up to 16 more for each other provider
/// for which sessions wait.
const BUDGET: usize = 64;

/// Sessions, and futures, of each kind in a round.
const SOME: usize = 16;

/// Responses in a round: an ID token in one takes up to a third of a millisecond.
const FEW: usize = 2;

/// As many sessions could be looked after in that time.
const RESPONSE: usize = 16;

/// Callers who are woken in a round.
const MANY: usize = 256;

impl<C: HttpClient, T: Timer, K: KeyStore, D: SessionStore, E> Drop for Run<C, T, K, D, E> {
    fn drop(&mut self) {
        // First: who comes from now on sees it.
        self.hub.stop();
        let arrivals = std::mem::take(&mut *lock(&self.arrivals));
        let slots = self.entries.iter().map(|(_, entry)| &entry.slot);
        slots.chain(arrivals.iter().map(|(slot, _)| slot)).for_each(|slot| slot.stop());
        self.served.drain(..).flatten().for_each(|(_, waker)| waker.wake());
    }
}

impl<C: HttpClient, T: Timer, K: KeyStore, D: SessionStore, E> fmt::Debug for Run<C, T, K, D, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Run({} sessions)", self.entries.len())
    }
}
