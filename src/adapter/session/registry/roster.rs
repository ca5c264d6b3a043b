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
    /// Names that are to be loaded.
    wanted: VecDeque<Arc<str>>,
    /// Handles that were removed. Whoever drops them does so without the roster's lock.
    removed: Vec<H>,
    next: u64,
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

/// What there is of a name.
pub(super) enum Found<H> {
    Present(H),
    /// Somebody has it loaded already, or it is to be loaded from now on.
    Loading(Arc<Loading<H>>),
}

impl<H: Clone> Roster<H> {
    pub(super) fn new() -> Self {
        let (entries, order, found, wanted) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new(), VecDeque::new());
        Self { entries, order, found, wanted, removed: Vec::new(), next: 0 }
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
        self.wanted.push_back(name);
        Found::Loading(loading)
    }

    /// The handle of this name, if it is in memory.
    pub(super) fn present(&self, name: &str) -> Option<H> {
        match self.entries.get(name) {
            Some(Entry::Present(present)) => Some(present.handle.clone()),
            _ => None,
        }
    }

    /// The next name to load. One that has a session meanwhile is passed over.
    pub(super) fn next_wanted(&mut self) -> Option<(Arc<str>, Arc<Loading<H>>)> {
        loop {
            let name = self.wanted.pop_front()?;
            if let Some(Entry::Loading(loading, _)) = self.entries.get(&name) {
                return Some((name, loading.clone()));
            }
        }
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
    /// the second value says whether there are more to look at.
    pub(super) fn take_idle(
        &mut self,
        now: MonotonicTime,
        idle: Duration,
        most: usize,
        mut may_go: impl FnMut(&H) -> bool,
    ) -> (Vec<H>, bool) {
        let mut taken = Vec::new();
        for _ in 0..SOME {
            let Some((used, name)) = self.order.first_key_value().map(|(used, name)| (*used, name.clone())) else {
                return (taken, false);
            };
            let is_idle = used.0.saturating_add(idle) <= now;
            if !is_idle && self.order.len() <= most {
                return (taken, false);
            }
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
        // What is too many and stays is looked at again when there is one more.
        let more = self.order.first_key_value().is_some_and(|(used, _)| used.0.saturating_add(idle) <= now);
        let more = more || (self.order.len() > most && !taken.is_empty());
        (taken, more)
    }

    /// When the next session will not have been used for so long.
    pub(super) fn next_idle(&self, idle: Duration) -> Option<MonotonicTime> {
        self.order.first_key_value().map(|(used, _)| used.0.saturating_add(idle))
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
mod tests {
    use super::*;
    use crate::error::ErrorCode;

    const IDLE: Duration = Duration::from_secs(60);

    fn at(seconds: u64) -> MonotonicTime {
        MonotonicTime::from_millis(seconds * 1000)
    }

    fn key(number: u8) -> IndexKey {
        let owner = crate::party::owner::Owner::stored(
            crate::base::url::Issuer::new("https://op.example.org", crate::base::url::Schemes::HttpsOnly).unwrap(),
            "app",
            None,
        );
        IndexKey::subject(&owner, &number.to_string())
    }

    fn present(names: u64) -> Roster<u64> {
        let mut roster = Roster::new();
        for name in 0..names {
            roster.insert(name.to_string().into(), name, vec![key((name % 3) as u8)], at(name));
        }
        roster
    }

    #[test]
    fn who_was_not_used_for_long_goes_first_and_who_may_not_go_stays() {
        let mut roster = present(5);
        // Used once more, a moment after and much later.
        assert!(matches!(roster.find("0", at(1), IDLE, |_| true, |_| false), Found::Present(0)));
        assert!(matches!(roster.find("1", at(30), IDLE, |_| true, |_| false), Found::Present(1)));
        assert_eq!(roster.next_idle(IDLE), Some(at(60)));
        assert_eq!(roster.take_idle(at(59), IDLE, 5, |_| true), (vec![], false));
        assert_eq!(roster.take_idle(at(63), IDLE, 5, |handle| *handle != 2), (vec![0, 3], false));
        assert_eq!(roster.take_idle(at(63), IDLE, 1, |_| true), (vec![4, 1], false));
        assert_eq!((roster.present("2"), roster.next_idle(IDLE)), (Some(2), Some(at(123))));
    }

    #[test]
    fn names_are_found_by_their_keys_while_they_are_there() {
        let mut roster = present(7);
        assert_eq!(roster.names(key(0)).len(), 3);
        assert_eq!(roster.remove_if("3", |handle| *handle == 4), None);
        assert_eq!(roster.remove_if("3", |handle| *handle == 3), Some(3));
        roster.insert("0".into(), 9, vec![key(1)], at(9));
        assert_eq!((roster.names(key(0)), roster.names(key(1)).len()), (vec!["6".into()], 3));
        assert_eq!(roster.take_removed(), [0]);
        assert_eq!(roster.clear().0, [9, 1, 2, 4, 5, 6]);
        assert!(roster.names(key(1)).is_empty());
    }

    #[test]
    fn a_name_is_loaded_once_and_a_login_meanwhile_counts() {
        let mut roster = present(1);
        let [first, second] = [(); 2].map(|()| match roster.find("a", at(0), IDLE, |_| true, |_| false) {
            Found::Loading(loading) => loading,
            Found::Present(_) => panic!(),
        });
        assert!(Arc::ptr_eq(&first, &second));
        let (name, loading) = roster.next_wanted().unwrap();
        assert!(Arc::ptr_eq(&first, &loading) && roster.next_wanted().is_none());
        assert_eq!(roster.loaded(&name, &loading, Ok(Some((1, vec![]))), at(0)).unwrap(), Some(1));
        // One that is of no use any more is loaded again.
        let Found::Loading(loading) = roster.find("a", at(0), IDLE, |_| false, |_| false) else { panic!() };
        assert!(roster.insert("a".into(), 2, vec![], at(0)).is_some());
        assert!(roster.next_wanted().is_none());
        assert_eq!(roster.loaded(&name, &loading, Ok(Some((3, vec![]))), at(0)).unwrap(), Some(2));
        let Found::Loading(loading) = roster.find("b", at(0), IDLE, |_| true, |_| false) else { panic!() };
        assert_eq!(roster.loaded(&"b".into(), &loading, Ok(None), at(0)).unwrap(), None);
        assert!(roster.present("b").is_none());
    }

    #[test]
    fn one_that_stays_does_so_until_another_one_was_loaded() {
        let (mut roster, name) = (present(1), Arc::from("0"));
        let mut load = |result: Result<_, ErrorCode>| {
            let Found::Loading(loading) = roster.find("0", at(0), IDLE, |_| false, |_| true) else { panic!() };
            // Others get it meanwhile.
            assert!(matches!(roster.find("0", at(0), IDLE, |_| true, |_| true), Found::Present(0)));
            let result = result.map_err(Error::from);
            (roster.loaded(&name, &loading, result, at(0)).is_ok(), roster.present("0"))
        };
        assert_eq!(load(Err(ErrorCode::STORE_IO)), (false, Some(0)));
        assert_eq!(load(Ok(Some((1, vec![])))), (true, Some(1)));
    }

    /// However many there are, a look costs a few steps.
    #[test]
    fn a_look_for_idle_ones_is_bounded() {
        let mut roster = present(1000);
        let mut asked = 0;
        let (taken, more) = roster.take_idle(at(5000), IDLE, 1000, |_| {
            asked += 1;
            false
        });
        assert_eq!((taken.len(), more, asked), (0, true, SOME));
        assert_eq!(roster.take_idle(at(5000), IDLE, 1000, |_| true).0.len(), SOME);
        // More than may be there, and none may go: nothing spins.
        assert!(!roster.take_idle(at(1000), Duration::from_secs(9999), 10, |_| false).1);
    }
}
