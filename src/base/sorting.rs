//! Sorting, for texts of all kinds: each type that is sorted would bring a copy of its own, and
//! modules for browsers are to be small.

/// Sorts texts by their bytes.
pub(crate) fn sort(texts: &mut [&[u8]]) {
    texts.sort_unstable();
}

/// Whether one of the texts stands twice. It sorts them, so that a flood of them does not cost its square.
pub(crate) fn has_duplicates(texts: &mut [&[u8]]) -> bool {
    sort(texts);
    texts.windows(2).any(|pair| matches!(pair, [a, b] if a == b))
}
