//! The names of a registry, without IO: which are in memory, which are being loaded, and who was used last.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use super::loading::Loading;
use crate::adapter::store::IndexKey;
use crate::base::env::MonotonicTime;
use crate::error::Error;

/// How many sessions a look for idle ones examines: one that stays goes to the end.
pub(super) const SOME: usize = 32;

/// How often sessions that are too many, and that could not go, are looked at.
const AGAIN: Duration = Duration::from_secs(1);

/// A use is noted if the last one is older than this part of the idle time: most uses change nothing.
const NOTED: u32 = 16;

/// `H` is a handle.
pub(super) struct Roster<H> {
    // Not a hash table: one that grows moves all its entries at once.
    entries: BTreeMap<Arc<str>, Entry<H>>,
    /// Sessions in memory, the one that was used the longest ago first.
    order: BTreeMap<Use, Arc<str>>,
    /// Sessions in memory by what they can be found by.
    found: BTreeMap<IndexKey, BTreeSet<Arc<str>>>,
    /// Names that are to be loaded, and since when, the first one first.
    wanted: VecDeque<(MonotonicTime, Arc<str>)>,
    sweep: Sweep,
    /// Handles that were removed. Whoever drops them does so without the roster's lock.
    removed: Vec<H>,
    next: u64,
}

/// The look at all, while there are too many.
#[derive(Default)]
struct Sweep {
    /// How many are still to be looked at.
    left: usize,
    /// When the next look begins.
    again_at: Option<MonotonicTime>,
}

/// When a session was last used. The number makes it unique.
type Use = (MonotonicTime, u64);

enum Entry<H> {
    /// And what stays if it cannot be loaded.
    Loading(Arc<Loading<H>>, Option<(H, Vec<IndexKey>)>),
    Present(Present<H>),
}

struct Present<H> {
    handle: H,
    used: Use,
    keys: Vec<IndexKey>,
}

/// What came of loading: a handle and what it can be found by, if there is a record.
pub(super) type Loaded<H> = Result<Option<(H, Vec<IndexKey>)>, Error>;

/// Since when a name is wanted, and who waits for it.
pub(super) type Wanted<H> = (MonotonicTime, Arc<str>, Arc<Loading<H>>);

/// What there is of a name.
pub(super) enum Found<H> {
    Present(H),
    /// Somebody has it loaded already, or it is to be loaded from now on.
    Loading(Arc<Loading<H>>),
}

impl<H: Clone> Roster<H> {
    pub(super) fn new() -> Self {
        let (entries, order, found, wanted) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new(), VecDeque::new());
        Self { entries, order, found, wanted, sweep: Sweep::default(), removed: Vec::new(), next: 0 }
    }

    /// Takes the handles that were removed.
    pub(super) fn take_removed(&mut self) -> Vec<H> {
        std::mem::take(&mut self.removed)
    }

    /// The handle of this name, if it `is_good`; otherwise it is loaded. A use is noted. One that `stays` does so until
    /// another one was loaded.
    pub(super) fn find(
        &mut self,
        name: &str,
        now: MonotonicTime,
        idle: Duration,
        is_good: impl Fn(&H) -> bool,
        stays: impl FnOnce(&H) -> bool,
    ) -> Found<H> {
        match self.entries.get_mut(name) {
            Some(Entry::Loading(_, Some((handle, _)))) if is_good(handle) => return Found::Present(handle.clone()),
            Some(Entry::Loading(loading, _)) => return Found::Loading(loading.clone()),
            Some(Entry::Present(present)) if is_good(&present.handle) => {
                let handle = present.handle.clone();
                if now.saturating_since(present.used.0) > idle / NOTED {
                    self.order.remove(&present.used);
                    self.next += 1;
                    present.used = (now, self.next);
                    if let Some((name, _)) = self.entries.get_key_value(name) {
                        self.order.insert((now, self.next), name.clone());
                    }
                }
                return Found::Present(handle);
            }
            _ => {}
        }
        let name: Arc<str> = name.into();
        let kept = match self.entries.get(&name) {
            Some(Entry::Present(present)) if stays(&present.handle) => {
                Some((present.handle.clone(), present.keys.clone()))
            }
            _ => None,
        };
        self.remove(&name);
        let loading = Arc::new(Loading::default());
        self.entries.insert(name.clone(), Entry::Loading(loading.clone(), kept));
        self.wanted.push_back((now, name));
        Found::Loading(loading)
    }

    /// The handle of this name, if it is in memory.
    pub(super) fn present(&self, name: &str) -> Option<H> {
        match self.entries.get(name) {
            Some(Entry::Present(present)) => Some(present.handle.clone()),
            _ => None,
        }
    }

    /// The next name to load, if it was wanted at this time or before. One that has a session meanwhile is passed over,
    /// and so is one that nobody waits for any more. Returns since when it is wanted, too.
    pub(super) fn next_wanted(&mut self, until: MonotonicTime) -> Option<Wanted<H>> {
        loop {
            self.wanted.front().filter(|(at, _)| *at <= until)?;
            let (at, name) = self.wanted.pop_front()?;
            match self.entries.get_mut(&name) {
                // Whoever waits has a share of it.
                Some(Entry::Loading(loading, kept)) if Arc::strong_count(loading) == 1 => {
                    let kept = kept.take();
                    self.entries.remove(&name);
                    if let Some((handle, keys)) = kept {
                        self.insert(name, handle, keys, at);
                    }
                }
                Some(Entry::Loading(loading, _)) => return Some((at, name, loading.clone())),
                _ => {}
            }
        }
    }

    /// When the name that waits longest was wanted.
    pub(super) fn first_wanted(&self) -> Option<MonotonicTime> {
        self.wanted.front().map(|(at, _)| *at)
    }

    /// Puts a session in, in place of any other. Returns who waits for the name to be loaded.
    pub(super) fn insert(
        &mut self,
        name: Arc<str>,
        handle: H,
        keys: Vec<IndexKey>,
        now: MonotonicTime,
    ) -> Option<Arc<Loading<H>>> {
        let waiting = self.remove(&name);
        self.next += 1;
        let used = (now, self.next);
        self.order.insert(used, name.clone());
        for key in &keys {
            self.found.entry(*key).or_default().insert(name.clone());
        }
        self.entries.insert(name, Entry::Present(Present { handle, used, keys }));
        waiting
    }

    /// A session that is there can be found by these keys from now on, if `is_it`.
    pub(super) fn renew(
        &mut self,
        name: &Arc<str>,
        keys: Vec<IndexKey>,
        now: MonotonicTime,
        is_it: impl FnOnce(&H) -> bool,
    ) {
        if let Some(handle) = self.present(name).filter(is_it) {
            self.insert(name.clone(), handle, keys, now);
        }
    }

    /// The name was loaded with this result: a handle with its keys, or nothing, or a failure. Returns the handle that
    /// counts.
    pub(super) fn loaded(
        &mut self,
        name: &Arc<str>,
        loading: &Arc<Loading<H>>,
        result: Loaded<H>,
        now: MonotonicTime,
    ) -> Result<Option<H>, Error> {
        match self.entries.get_mut(name) {
            Some(Entry::Loading(own, kept)) if Arc::ptr_eq(own, loading) => {
                let kept = kept.take();
                self.entries.remove(name);
                match result {
                    Ok(Some((handle, keys))) => {
                        self.removed.extend(kept.map(|kept| kept.0));
                        self.insert(name.clone(), handle.clone(), keys, now);
                        Ok(Some(handle))
                    }
                    Ok(None) => {
                        self.removed.extend(kept.map(|kept| kept.0));
                        Ok(None)
                    }
                    Err(error) => {
                        if let Some((handle, keys)) = kept {
                            self.insert(name.clone(), handle, keys, now);
                        }
                        Err(error)
                    }
                }
            }
            // There was a login meanwhile.
            Some(Entry::Present(present)) => Ok(Some(present.handle.clone())),
            _ => result.map(|_| None),
        }
    }

    /// Removes a session, if `is_it`. Returns its handle.
    pub(super) fn remove_if(&mut self, name: &str, is_it: impl FnOnce(&H) -> bool) -> Option<H> {
        self.present(name).filter(is_it)?;
        self.remove(name);
        self.removed.pop()
    }

    /// Removes whatever there is. Returns who waits for it to be loaded.
    fn remove(&mut self, name: &str) -> Option<Arc<Loading<H>>> {
        match self.entries.remove(name)? {
            Entry::Loading(loading, kept) => {
                self.removed.extend(kept.map(|kept| kept.0));
                Some(loading)
            }
            Entry::Present(present) => {
                self.order.remove(&present.used);
                for key in present.keys {
                    if let Some(names) = self.found.get_mut(&key) {
                        names.remove(name);
                        if names.is_empty() {
                            self.found.remove(&key);
                        }
                    }
                }
                self.removed.push(present.handle);
                None
            }
        }
    }

    /// The names in memory that can be found by this key.
    pub(super) fn names(&self, key: IndexKey) -> Vec<Arc<str>> {
        self.found.get(&key).into_iter().flatten().cloned().collect()
    }

    /// Takes out sessions that were not used for so long, or that are too many, and that `may_go`. It looks at a few;
    /// the second value says whether there are more to look at. While there are too many, all are looked at once in
    /// [`AGAIN`].
    pub(super) fn take_idle(
        &mut self,
        now: MonotonicTime,
        idle: Duration,
        most: usize,
        may_go: impl FnMut(&H) -> bool,
    ) -> (Vec<H>, bool) {
        let taken = self.take_some_idle(now, idle, most, may_go);
        if self.order.len() <= most {
            self.sweep = Sweep::default();
        }
        let is_idle = self.order.first_key_value().is_some_and(|(used, _)| used.0.saturating_add(idle) <= now);
        (taken, is_idle || self.sweep.left > 0)
    }

    fn take_some_idle(
        &mut self,
        now: MonotonicTime,
        idle: Duration,
        most: usize,
        mut may_go: impl FnMut(&H) -> bool,
    ) -> Vec<H> {
        let mut taken = Vec::new();
        if self.order.len() > most && self.sweep.again_at.is_none_or(|at| at <= now) {
            self.sweep = Sweep { left: self.order.len(), again_at: Some(now.saturating_add(AGAIN)) };
        }
        for _ in 0..SOME {
            let Some((used, name)) = self.order.first_key_value().map(|(used, name)| (*used, name.clone())) else {
                break;
            };
            let is_idle = used.0.saturating_add(idle) <= now;
            if !is_idle && self.order.len() <= most {
                break;
            }
            self.sweep.left = self.sweep.left.saturating_sub(1);
            match self.entries.get_mut(&name) {
                Some(Entry::Present(present)) if !may_go(&present.handle) => {
                    self.order.remove(&used);
                    self.next += 1;
                    present.used = (now, self.next);
                    self.order.insert(present.used, name);
                }
                Some(Entry::Present(_)) => {
                    self.remove(&name);
                    taken.extend(self.removed.pop());
                }
                _ => drop(self.order.remove(&used)),
            }
        }
        taken
    }

    /// When the next session will not have been used for so long, or those that are too many are looked at again.
    pub(super) fn next_idle(&self, idle: Duration) -> Option<MonotonicTime> {
        let next = self.order.first_key_value().map(|(used, _)| used.0.saturating_add(idle));
        next.into_iter().chain(self.sweep.again_at).min()
    }

    /// Takes everything out.
    pub(super) fn clear(&mut self) -> (Vec<H>, Vec<Arc<Loading<H>>>) {
        let (mut handles, mut waiting) = (self.take_removed(), Vec::new());
        for entry in std::mem::replace(self, Self::new()).entries.into_values() {
            match entry {
                Entry::Present(present) => handles.push(present.handle),
                Entry::Loading(loading, kept) => {
                    handles.extend(kept.map(|kept| kept.0));
                    waiting.push(loading);
                }
            }
        }
        (handles, waiting)
    }
}

#[cfg(test)]
mod tests;
