//! Sorting, for texts of all kinds: each type that is sorted would bring a copy of its own, and
//! modules for browsers are to be small. The standard library's sorting is 4 kB of such a module for one type.

/// Sorts texts by their bytes, in a time that no order of theirs makes longer (heap sort).
pub(crate) fn sort(texts: &mut [&[u8]]) {
    for root in (0..texts.len() / 2).rev() {
        sink(texts, root);
    }
    for end in (1..texts.len()).rev() {
        // The greatest of what is left goes to its end.
        texts.swap(0, end);
        sink(texts.get_mut(..end).unwrap_or_default(), 0);
    }
}

/// Moves a text down in the heap until none below it is greater.
fn sink(heap: &mut [&[u8]], mut at: usize) {
    loop {
        let left = 2 * at + 1;
        let below = if heap.get(left) < heap.get(left + 1) { left + 1 } else { left };
        if heap.get(at) >= heap.get(below) {
            return;
        }
        heap.swap(at, below);
        at = below;
    }
}

/// Whether one of the texts stands twice. It sorts them, so that a flood of them does not cost its square.
pub(crate) fn has_duplicates(texts: &mut [&[u8]]) -> bool {
    sort(texts);
    texts.windows(2).any(|pair| matches!(pair, [a, b] if a == b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_sorts_as_the_standard_library_does() {
        let mut seed = 7_u64;
        for length in 0..200 {
            for range in [2, 10, 1000] {
                let texts: Vec<String> = (0..length)
                    .map(|_| {
                        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                        ((seed >> 33) % range).to_string()
                    })
                    .collect();
                let mut own: Vec<&[u8]> = texts.iter().map(String::as_bytes).collect();
                let mut other = own.clone();
                sort(&mut own);
                other.sort_unstable();
                assert_eq!(own, other);
                let twice = other.windows(2).any(|pair| pair[0] == pair[1]);
                assert_eq!(has_duplicates(&mut own), twice);
            }
        }
    }
}
