//! The names of an object, compared with one another.

use super::bounds::FEW;

/// A name of an object, without escapes.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Name<'de> {
    /// Equal for equal names.
    digest: u64,
    text: &'de str,
}

impl<'de> Name<'de> {
    pub(super) fn new(text: &'de str) -> Self {
        let bytes = text.as_bytes();
        let word = |bytes: Option<&[u8; 8]>| bytes.map_or(0, |bytes| u64::from_le_bytes(*bytes));
        // The length, the first eight bytes, eight in the middle and the last eight tell nearly all names apart.
        let (first, middle) = (bytes.first_chunk(), bytes.get(bytes.len() / 2..).and_then(<[u8]>::first_chunk));
        let last = match bytes.last_chunk() {
            Some(bytes) => u64::from_le_bytes(*bytes),
            None => bytes.iter().fold(0, |word, &byte| word << 8 | u64::from(byte)),
        };
        let (first, middle) = (word(first).rotate_left(23), word(middle).rotate_left(41));
        let digest = last ^ first ^ middle ^ (bytes.len() as u64).rotate_right(8);
        Self { digest, text }
    }
}

/// So many names are kept in place: those of most documents.
const IN_PLACE: usize = 24;

/// The names of the objects that are open, the outermost first.
#[derive(Default)]
pub(super) struct Names<'de> {
    in_place: [Name<'de>; IN_PLACE],
    count: usize,
    /// All names, if there were more than there is place for.
    all: Vec<Name<'de>>,
}

impl<'de> Names<'de> {
    pub(super) fn len(&self) -> usize {
        self.count
    }

    #[inline]
    pub(super) fn push(&mut self, name: Name<'de>) {
        let place = self.in_place.get_mut(self.count).filter(|_| self.all.is_empty());
        self.count += 1;
        if let Some(place) = place {
            *place = name;
            return;
        }
        if self.all.is_empty() {
            self.all.reserve(128);
            self.all.extend_from_slice(&self.in_place);
        }
        self.all.push(name);
    }

    /// Ends the object whose names begin at `first`. Returns whether one of them stands twice.
    pub(super) fn end_object(&mut self, first: usize) -> bool {
        let names =
            if self.all.is_empty() { self.in_place.get_mut(first..self.count) } else { self.all.get_mut(first..) };
        let has_duplicates = names.is_some_and(has_duplicates);
        self.all.truncate(first);
        self.count = first;
        has_duplicates
    }
}

/// Most names for which a table is used.
const SOME: usize = 128;

/// Whether a name stands twice. The order of the names is not kept.
fn has_duplicates(names: &mut [Name<'_>]) -> bool {
    if names.len() <= FEW {
        return names.iter().enumerate().any(|(at, name)| names.iter().skip(at + 1).any(|other| name == other));
    }
    if names.len() <= SOME {
        // A bit for each place that a name can have. Only those that share a place are compared, with all before them.
        let mut taken = [0_u64; 64];
        return names.iter().enumerate().any(|(at, name)| {
            let place = name.digest.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 52;
            let (word, bit) = (taken.get_mut((place >> 6) as usize), 1 << (place & 63));
            let is_taken = word.is_none_or(|word| std::mem::replace(word, *word | bit) & bit != 0);
            is_taken && names.iter().take(at).any(|other| name == other)
        });
    }
    // Sorting keeps a flood of names from costing its square.
    names.sort_unstable();
    names.windows(2).any(|pair| matches!(pair, [a, b] if a == b))
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, reason = "tests")]
mod tests {
    use super::*;

    fn verdict(names: &[String]) -> bool {
        has_duplicates(&mut names.iter().map(|name| Name::new(name)).collect::<Vec<_>>())
    }

    /// Names of one digest: their first eight bytes and their last eight differ in the same bits.
    fn alike() -> Vec<String> {
        let first =
            |at: u8| u64::from_le_bytes([b'a' + at % 8 * 2, b'a' + at / 8 * 2, b'a', b'a', b'a', b'a', b'a', b'a']);
        let last = |at: u8| first(0) ^ (first(at) ^ first(0)).rotate_left(23);
        let middle = first(0);
        (0..64)
            .map(|at| {
                let words = [first(at), middle, middle, last(at)];
                words.iter().flat_map(|word| word.to_le_bytes().map(char::from)).collect()
            })
            .collect()
    }

    #[test]
    fn a_name_that_stands_twice_is_found_in_objects_of_every_size() {
        for count in (1..40).chain(120..140).chain([300, 1000]) {
            let names: Vec<String> = (0..count).map(|at| format!("name_{at}_of_this_length")).collect();
            assert!(!verdict(&names), "{count}");
            for at in [0, count / 2, count - 1] {
                let mut twice = names.clone();
                twice.push(names[at].clone());
                assert!(verdict(&twice), "{at} of {count}");
                twice.swap(count, at / 3);
                assert!(verdict(&twice), "{at} of {count}");
            }
        }
    }

    #[test]
    fn names_of_objects_in_one_another_are_compared_apart() {
        let texts: Vec<String> = (0..=40).map(|at| format!("name_{at}")).collect();
        for outer in [0, 1, 7, 15, 16, 17, 40] {
            for inner in [1, 9, 16, 17, 40] {
                let mut names = Names::default();
                (0..outer).for_each(|at| names.push(Name::new(&texts[at])));
                for twice in [false, true, false] {
                    let first = names.len();
                    assert_eq!(first, outer);
                    (0..inner).for_each(|at| names.push(Name::new(&texts[at])));
                    if twice {
                        names.push(Name::new(&texts[inner / 2]));
                    }
                    assert_eq!(names.end_object(first), twice, "{inner} names in an object with {outer}");
                }
                names.push(Name::new(&texts[outer]));
                assert!(!names.end_object(0));
                assert_eq!(names.len(), 0);
            }
        }
    }

    #[test]
    fn names_that_look_alike_are_told_apart() {
        let names = alike();
        let digests: Vec<u64> = names.iter().map(|name| Name::new(name).digest).collect();
        assert!(digests.iter().all(|digest| *digest == digests[0]));
        for count in [12, 13, 64] {
            assert!(!verdict(&names[..count]), "{count}");
            assert!(verdict(&[&names[..count], &[names[count / 2].clone()]].concat()), "{count}");
        }
    }
}
