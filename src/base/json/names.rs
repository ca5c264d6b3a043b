//! The names of an object, compared with one another.

use std::borrow::Cow;

use super::bounds::FEW;

/// A name of an object, without escapes.
pub(super) struct Name<'de> {
    /// Equal for equal names.
    digest: u64,
    text: Cow<'de, str>,
}

impl<'de> Name<'de> {
    pub(super) fn new(text: Cow<'de, str>) -> Self {
        let bytes = text.as_bytes();
        // The length, the first eight bytes and the last eight tell nearly all names apart.
        let first = bytes.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
        let last = match bytes.last_chunk() {
            Some(bytes) => u64::from_le_bytes(*bytes),
            None => bytes.iter().fold(0, |word, &byte| word << 8 | u64::from(byte)),
        };
        let digest = last ^ first.rotate_left(23) ^ (bytes.len() as u64).rotate_right(8);
        Self { digest, text }
    }
}

/// Most names for which a table is used.
const SOME: usize = 128;

/// Whether a name stands twice. The order of the names is not kept.
pub(super) fn has_duplicates(names: &mut [Name<'_>]) -> bool {
    let is_equal = |a: &Name<'_>, b: &Name<'_>| a.digest == b.digest && a.text == b.text;
    if names.len() <= FEW {
        return names.iter().enumerate().any(|(at, name)| names.iter().skip(at + 1).any(|other| is_equal(name, other)));
    }
    if names.len() <= SOME {
        // A bit for each place that a name can have. Only those that share a place are compared, with all before them.
        let mut taken = [0_u64; 64];
        return names.iter().enumerate().any(|(at, name)| {
            let place = name.digest.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 52;
            let (word, bit) = (taken.get_mut((place >> 6) as usize), 1 << (place & 63));
            let is_taken = word.is_none_or(|word| std::mem::replace(word, *word | bit) & bit != 0);
            is_taken && names.iter().take(at).any(|other| is_equal(name, other))
        });
    }
    // Sorting keeps a flood of names from costing its square.
    names.sort_unstable_by(|a, b| a.digest.cmp(&b.digest).then_with(|| a.text.cmp(&b.text)));
    names.windows(2).any(|pair| matches!(pair, [a, b] if a.digest == b.digest && a.text == b.text))
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, reason = "tests")]
mod tests {
    use super::*;

    fn verdict(names: &[String]) -> bool {
        has_duplicates(&mut names.iter().map(|name| Name::new(Cow::Borrowed(name))).collect::<Vec<_>>())
    }

    /// Names of one digest: their first eight bytes and their last eight differ in the same bits.
    fn alike() -> Vec<String> {
        let first =
            |at: u8| u64::from_le_bytes([b'a' + at % 8 * 2, b'a' + at / 8 * 2, b'a', b'a', b'a', b'a', b'a', b'a']);
        let last = |at: u8| first(0) ^ (first(at) ^ first(0)).rotate_left(23);
        (0..64)
            .map(|at| [first(at), last(at)].iter().flat_map(|word| word.to_le_bytes().map(char::from)).collect())
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
    fn names_that_look_alike_are_told_apart() {
        let names = alike();
        let digests: Vec<u64> = names.iter().map(|name| Name::new(Cow::Borrowed(name)).digest).collect();
        assert!(digests.iter().all(|digest| *digest == digests[0]));
        for count in [12, 13, 64] {
            assert!(!verdict(&names[..count]), "{count}");
            assert!(verdict(&[&names[..count], &[names[count / 2].clone()]].concat()), "{count}");
        }
    }
}
