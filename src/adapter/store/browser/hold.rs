//! The lock by Web Locks.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use js_sys::{Function, Promise, Reflect, global};
use wasm_bindgen::prelude::{Closure, wasm_bindgen};
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::{JsFuture, future_to_promise, spawn_local};

use crate::adapter::browser::Sleep;
use crate::adapter::store::contract::failed;
use crate::adapter::store::queue::lock;
use crate::error::{Error, ErrorCode};

#[wasm_bindgen]
extern "C" {
    type LockManager;

    #[wasm_bindgen(method, catch, structural)]
    fn request(this: &LockManager, name: &str, callback: &Function) -> Result<Promise, JsValue>;
}

/// A lock, as long as it exists.
pub(super) struct Hold(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    standing: Standing,
    wakers: Vec<Waker>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Standing {
    #[default]
    Waiting,
    Held,
    /// Nobody wants it any more.
    Released,
    /// It was stolen, or there are no locks.
    Lost,
}

/// Waits for the lock, but no longer than this.
pub(super) async fn take(name: &str, patience: Duration) -> Result<Hold, Error> {
    let hold = Hold(Arc::default());
    spawn_local(ask(name.to_owned(), Arc::clone(&hold.0)));
    let mut patience = Sleep::new(patience);
    let taken = poll_fn(|context| match poll_standing(&hold.0, Standing::Waiting, context) {
        Poll::Ready(Standing::Held) => Poll::Ready(Ok(())),
        Poll::Ready(_) => Poll::Ready(Err(failed("there are no Web Locks"))),
        Poll::Pending => Pin::new(&mut patience).poll(context).map(|()| Err(ErrorCode::STORE_BUSY.into())),
    });
    taken.await.map(|()| hold)
}

impl Hold {
    pub(super) fn is_held(&self) -> bool {
        lock(&self.0).standing == Standing::Held
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        change(&self.0, Standing::Released);
    }
}

/// Asks for the lock, and keeps it until it is released or stolen.
async fn ask(name: String, state: Arc<Mutex<State>>) {
    let asked = Arc::clone(&state);
    // The browser holds the lock until the promise of this function is settled.
    let callback = Closure::<dyn FnMut() -> Promise>::new(move || {
        if lock(&asked).standing == Standing::Waiting {
            change(&asked, Standing::Held);
        }
        let held = Arc::clone(&asked);
        future_to_promise(async move {
            poll_fn(|context| poll_standing(&held, Standing::Held, context)).await;
            Ok(JsValue::UNDEFINED)
        })
    });
    let request = || {
        let navigator = Reflect::get(&global(), &"navigator".into())?;
        let locks: LockManager = Reflect::get(&navigator, &"locks".into())?.unchecked_into();
        locks.request(&name, callback.as_ref().unchecked_ref())
    };
    if let Ok(settled) = request() {
        let _ = JsFuture::from(settled).await;
    }
    if lock(&state).standing != Standing::Released {
        change(&state, Standing::Lost);
    }
}

/// Ends when the standing is another than this.
fn poll_standing(state: &Mutex<State>, old: Standing, context: &Context<'_>) -> Poll<Standing> {
    let mut state = lock(state);
    if state.standing != old {
        return Poll::Ready(state.standing);
    }
    if !state.wakers.iter().any(|waker| waker.will_wake(context.waker())) {
        state.wakers.push(context.waker().clone());
    }
    Poll::Pending
}

fn change(state: &Mutex<State>, standing: Standing) {
    let mut state = lock(state);
    state.standing = standing;
    let wakers = std::mem::take(&mut state.wakers);
    drop(state);
    wakers.into_iter().for_each(Waker::wake);
}
