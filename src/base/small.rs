//! Whether small code matters more than fast code.

/// In modules for browsers it does. Where the two differ, both do the same.
pub(crate) const IS_SMALL: bool = cfg!(target_family = "wasm");
