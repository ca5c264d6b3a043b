//! The nonces of RFC 9449, as far as the provider remembers them.

use crate::base::env::Timestamp;

/// The nonces that proofs have to hold.
#[derive(Default)]
pub(super) struct Nonces {
    pub(super) required: bool,
    pub(super) lie: Option<NonceLie>,
    pub(super) current: Option<(String, Timestamp)>,
}

/// What may be wrong with nonces. Each lie makes them required.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum NonceLie {
    Huge,
    Odd,
    NotText,
    Absent,
    Forever,
}

impl Nonces {
    /// Whether a proof has to hold one.
    pub(super) fn is_demanded(&self) -> bool {
        self.required || self.lie.is_some()
    }
}
