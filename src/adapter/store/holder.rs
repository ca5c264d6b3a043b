//! Who uses a store: one session at a time.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A holder of the lock of a record: a store with its clones. One session at a time uses it. If two did, both would have
/// the lock, and would refresh with the same refresh token.
///
/// A store makes one when it is made, and gives it back as its [`holder`](super::SessionStore::holder). Clones are the
/// same holder.
#[derive(Clone, Default)]
pub struct Holder(Arc<AtomicBool>);

impl Holder {
    /// The right to use the store, if nobody has it.
    pub(in crate::adapter) fn take(&self) -> Option<InUse> {
        (!self.0.swap(true, Ordering::AcqRel)).then(|| InUse(self.clone()))
    }
}

impl fmt::Debug for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Holder(…)")
    }
}

/// The right of a session to use a store, until it is dropped.
pub(in crate::adapter) struct InUse(Holder);

impl Drop for InUse {
    fn drop(&mut self) {
        self.0.0.store(false, Ordering::Release);
    }
}
