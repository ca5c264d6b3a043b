//! A map in the order of its keys: sorted blocks, one after the other.
//!
//! The standard library's ordered map takes four kilobytes of code for each type that it holds, and modules for browsers are
//! to be small. A sorted list alone would move all that follows what is put in or taken out. Here that is the rest of a block,
//! and the places of the blocks that follow.

use std::iter::{Chain, Flatten};
use std::{mem, vec};

/// Most entries of a block.
const MOST: usize = 64;

/// A block with fewer is joined with one beside it.
const FEW: usize = MOST / 4;

type Block<K, V> = Vec<(K, V)>;

#[derive(Debug)]
pub(super) struct Ordered<K, V> {
    /// The blocks before the last one. None of them is empty.
    earlier: Vec<Block<K, V>>,
    /// It is empty if the map is: a map of a few entries allocates once.
    last: Block<K, V>,
    length: usize,
}

/// The entries of a map that is no longer needed.
pub(super) type Drained<K, V> = Chain<Flatten<vec::IntoIter<Block<K, V>>>, vec::IntoIter<(K, V)>>;

impl<K, V> Default for Ordered<K, V> {
    fn default() -> Self {
        Self { earlier: Vec::new(), last: Vec::new(), length: 0 }
    }
}

impl<K, V> Ordered<K, V> {
    pub(super) fn len(&self) -> usize {
        self.length
    }

    pub(super) fn is_empty(&self) -> bool {
        self.length == 0
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &(K, V)> {
        self.earlier.iter().flatten().chain(&self.last)
    }

    pub(super) fn drained(self) -> Drained<K, V> {
        self.earlier.into_iter().flatten().chain(self.last)
    }

    fn block(&mut self, at: usize) -> &mut Block<K, V> {
        self.earlier.get_mut(at).unwrap_or(&mut self.last)
    }
}

// Not inlined: the compiler can then use one copy for types of one size.
impl<K: Ord, V> Ordered<K, V> {
    /// The block of a key, and its place there: where it is, or where it would be.
    #[inline(never)]
    fn place(&self, key: &K) -> (usize, Result<usize, usize>) {
        let ends_before = |block: &Block<K, V>| block.last().is_some_and(|(last, _)| last < key);
        let at = self.earlier.partition_point(ends_before);
        (at, self.earlier.get(at).unwrap_or(&self.last).binary_search_by(|(own, _)| own.cmp(key)))
    }

    pub(super) fn get(&self, key: &K) -> Option<&V> {
        let (at, place) = self.place(key);
        self.earlier.get(at).unwrap_or(&self.last).get(place.ok()?).map(|(_, value)| value)
    }

    pub(super) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        let (at, place) = self.place(key);
        self.block(at).get_mut(place.ok()?).map(|(_, value)| value)
    }

    /// Returns the value that the key had before.
    #[inline(never)]
    pub(super) fn insert(&mut self, key: K, value: V) -> Option<V> {
        let (at, place) = match self.place(&key) {
            (at, Err(place)) => (at, place),
            (at, Ok(place)) => {
                let (_, own) = self.block(at).get_mut(place)?;
                return Some(mem::replace(own, value));
            }
        };
        self.length += 1;
        let block = self.block(at);
        if block.len() < MOST {
            block.insert(place, (key, value));
            return None;
        }
        // Keys that only grow fill their blocks. Another block is halved: the lower half comes before it.
        let lower = match place {
            MOST => mem::replace(block, vec![(key, value)]),
            _ => {
                let upper = block.split_off(MOST / 2);
                let mut lower = mem::replace(block, upper);
                match place.checked_sub(MOST / 2) {
                    Some(place) => block.insert(place, (key, value)),
                    None => lower.insert(place, (key, value)),
                }
                lower
            }
        };
        self.earlier.insert(at, lower);
        None
    }

    #[inline(never)]
    pub(super) fn remove(&mut self, key: &K) -> Option<V> {
        let (at, place) = self.place(key);
        let (place, block) = (place.ok()?, self.block(at));
        let (_, value) = block.remove(place);
        let left = block.len();
        self.length -= 1;
        if left < FEW {
            self.join(at);
            self.join(at.saturating_sub(1));
        }
        Some(value)
    }

    /// Puts a block before the next one, if one of them is empty, or both together are not more than half full.
    fn join(&mut self, at: usize) {
        let Some(length) = self.earlier.get(at).map(Vec::len) else { return };
        let next = self.block(at + 1).len();
        if length.min(next) == 0 || length + next <= MOST / 2 {
            let mut block = self.earlier.remove(at);
            let next = self.block(at);
            block.append(next);
            *next = block;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// A generator (SplitMix64).
    fn word(seed: &mut u64) -> u64 {
        *seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let word = (*seed ^ (*seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word ^ (word >> 27)
    }

    #[test]
    fn it_is_the_map_of_the_standard_library() {
        for seed in 0..40 {
            let (mut own, mut other, mut words) = (Ordered::default(), BTreeMap::new(), seed);
            let range = [10, 100, 1000, 100_000][seed as usize % 4];
            for step in 0..4000 {
                // It grows, shrinks, and grows again; most keys come in order.
                let grows = step % 2000 < 1200;
                let key = if seed % 3 == 0 && grows { step } else { word(&mut words) % range };
                if word(&mut words).is_multiple_of(4) ^ grows {
                    assert_eq!(own.insert(key, step), other.insert(key, step));
                } else {
                    let key = other.range(key..).next().map_or(key, |(key, _)| *key);
                    assert_eq!(own.get_mut(&key), other.get_mut(&key));
                    assert_eq!(own.remove(&key), other.remove(&key));
                    assert_eq!((own.remove(&key), own.get(&key)), (None, None));
                }
                assert_eq!((own.len(), own.is_empty()), (other.len(), other.is_empty()));
                if step % 100 == 0 {
                    assert!(own.iter().map(|(key, value)| (key, value)).eq(&other));
                    assert!(own.earlier.iter().all(|block| (1..=MOST).contains(&block.len())));
                    assert!(own.last.len() <= MOST && own.last.is_empty() == own.is_empty());
                }
            }
            assert!(own.drained().eq(other));
        }
    }

    /// Blocks that hold little are joined: what is left of many entries takes no more room than few entries do.
    #[test]
    fn the_blocks_are_in_proportion_to_the_entries() {
        let mut map = Ordered::default();
        for key in 0..100_000 {
            map.insert(key, ());
        }
        assert_eq!(map.earlier.len() + 1, 100_000_usize.div_ceil(MOST));
        for key in 0..100_000 {
            if key % 50 > 0 {
                map.remove(&key);
            }
        }
        assert_eq!(map.len(), 2000);
        assert!(map.earlier.len() <= 2000 / FEW, "{}", map.earlier.len());
        for key in (0..100_000).step_by(50) {
            map.remove(&key);
        }
        assert!(map.is_empty() && map.earlier.is_empty());
    }
}
