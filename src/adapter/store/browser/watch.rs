//! When the record may have changed.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;

use crate::adapter::browser::channel::{Channel, Listener};
use crate::adapter::browser::events::Listening;

/// When a window may have missed a message: it comes back from the history, or runs again, or is
/// seen or connected again.
const MISSED: &[&str] = &["pageshow", "resume", "visibilitychange", "online"];

/// Watches a record while it exists: [`BrowserStore::watch`](super::BrowserStore::watch).
#[must_use = "dropping it ends the watch"]
pub struct RecordWatch {
    _listener: Option<Listener>,
    _listening: Option<Listening>,
}

impl RecordWatch {
    pub(super) fn start(channel: Option<&Channel>, changed: impl FnMut() + 'static) -> Self {
        let changed = Rc::new(RefCell::new(changed));
        let told = Rc::clone(&changed);
        let listener = channel.map(|channel| channel.listen(move |_| call(&told)));
        let listening = Listening::start(MISSED, move |_| call(&changed));
        Self { _listener: listener, _listening: listening }
    }
}

fn call(changed: &RefCell<impl FnMut()>) {
    // A call within a call says nothing new.
    if let Ok(mut changed) = changed.try_borrow_mut() {
        changed();
    }
}

impl fmt::Debug for RecordWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecordWatch(…)")
    }
}
