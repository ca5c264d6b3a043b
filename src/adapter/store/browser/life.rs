//! Signs of life of whoever holds the lock: a browser can stop a window in the middle of a refresh, for days.
//!
//! The holder has a second lock, whose name it changes again and again. Whoever waits looks at the
//! names. If they stay the same for as long as the lease, the holder does not run, and its lock is
//! taken from it.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::Duration;

use js_sys::{Array, Promise, Reflect};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};

use super::hold::{Hold, How, LockManager, manager};
use crate::adapter::browser::Sleep;

#[wasm_bindgen]
extern "C" {
    type Locks;

    #[wasm_bindgen(method, catch, structural)]
    fn query(this: &Locks) -> Result<Promise, JsValue>;
}

/// What somebody who waits has seen of the holder.
#[derive(Default)]
pub(super) struct Seen {
    names: Vec<String>,
    /// How long this store has waited for the lock since the names last changed. Time in which it
    /// did not wait is not counted.
    waited: Duration,
}

impl Seen {
    /// Takes note of the holder's names after a wait. Returns for how long they have stayed the same.
    pub(super) fn note(&mut self, names: Vec<String>, waited: Duration) -> Duration {
        let is_same = !names.is_empty() && names == self.names;
        self.waited = if is_same { self.waited.saturating_add(waited) } else { Duration::ZERO };
        self.names = names;
        self.waited
    }
}

/// Shows that this window runs, until the lock is released or lost. `name` is nobody else's, and no number comes twice.
pub(super) fn show(hold: &Hold, name: String, numbers: Arc<AtomicU64>, lease: Duration) {
    let end = hold.end();
    spawn_local(async move {
        let mut end = pin!(end);
        let mut sign = None;
        loop {
            let number = numbers.fetch_add(1, Ordering::Relaxed);
            // The next one is asked for before the one before is given back.
            let next = Hold::ask(&format!("{name}.{number}"), How::InTurn);
            drop(sign.replace(next));
            let mut pause = Sleep::new(lease / 3);
            let is_over = poll_fn(|context| match end.as_mut().poll(context) {
                Poll::Ready(()) => Poll::Ready(true),
                Poll::Pending => Pin::new(&mut pause).poll(context).map(|()| false),
            });
            if is_over.await {
                return;
            }
        }
    });
}

/// The names of this kind that are held, sorted.
pub(super) async fn names(prefix: &str) -> Vec<String> {
    let locks = manager().map(LockManager::unchecked_into::<Locks>);
    let Ok(asked) = locks.and_then(|locks| locks.query()) else { return Vec::new() };
    let held = JsFuture::from(asked).await.and_then(|snapshot| Reflect::get(&snapshot, &"held".into()));
    let held = held.map(|held| Array::from(&held)).unwrap_or_default();
    // Those of a session whose name begins like this one's have another part.
    let is_sign = |name: &String| name.strip_prefix(prefix).is_some_and(|rest| !rest.contains(':'));
    let name = |lock: JsValue| Reflect::get(&lock, &"name".into()).ok().and_then(|name| name.as_string());
    let mut names: Vec<String> = Vec::new();
    for name in held.iter().filter_map(name).filter(is_sign) {
        // There are a few windows: sorting would be more code than all of this.
        names.insert(names.partition_point(|other| *other < name), name);
    }
    names
}
