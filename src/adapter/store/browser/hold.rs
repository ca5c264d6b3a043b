//! The lock by Web Locks.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use js_sys::{Function, Object, Promise, Reflect, global};
use wasm_bindgen::prelude::{Closure, wasm_bindgen};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::{JsFuture, future_to_promise, spawn_local};

use crate::adapter::browser::Sleep;
use crate::adapter::store::contract::failed;
use crate::adapter::store::queue::lock;
use crate::error::{Error, ErrorCode};

#[wasm_bindgen]
extern "C" {
    pub(super) type LockManager;

    #[wasm_bindgen(method, catch, structural)]
    fn request(this: &LockManager, name: &str, options: &Object, callback: &Function) -> Result<Promise, JsValue>;
}

/// The longest wait for a free lock: the browser grants it sooner than this.
const SOON: Duration = Duration::from_secs(1);

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
    /// Somebody else has it.
    Refused,
    /// Nobody wants it any more.
    Released,
    /// It was stolen, or there are no locks.
    Lost,
}

/// How a lock is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    /// After those who have asked before.
    InTurn,
    /// Now, or not at all.
    IfFree,
    /// Now, from whoever has it.
    Steal,
}

/// Waits for the lock, but no longer than this.
pub(super) async fn take(name: &str, patience: Duration) -> Result<Hold, Error> {
    // A timer of no time would end before a free lock comes.
    let (how, patience) = if patience.is_zero() { (How::IfFree, SOON) } else { (How::InTurn, patience) };
    wait(Hold::ask(name, how), patience).await
}

/// Takes the lock from whoever has it.
pub(super) async fn steal(name: &str) -> Result<Hold, Error> {
    wait(Hold::ask(name, How::Steal), SOON).await
}

async fn wait(hold: Hold, patience: Duration) -> Result<Hold, Error> {
    let mut patience = Sleep::new(patience);
    let taken = poll_fn(|context| match poll_standing(&hold.0, Standing::Waiting, context) {
        Poll::Ready(Standing::Held) => Poll::Ready(Ok(())),
        Poll::Ready(Standing::Refused) => Poll::Ready(Err(ErrorCode::STORE_BUSY.into())),
        Poll::Ready(_) => Poll::Ready(Err(failed("there are no Web Locks"))),
        Poll::Pending => Pin::new(&mut patience).poll(context).map(|()| Err(ErrorCode::STORE_BUSY.into())),
    });
    taken.await.map(|()| hold)
}

impl Hold {
    /// Asks for the lock. Nobody waits for it yet.
    pub(super) fn ask(name: &str, how: How) -> Self {
        let hold = Self(Arc::default());
        spawn_local(ask(name.to_owned(), how, Arc::clone(&hold.0)));
        hold
    }

    /// Ends when the lock is released or lost.
    pub(super) fn end(&self) -> impl Future<Output = ()> + use<> {
        let state = Arc::clone(&self.0);
        async move {
            poll_fn(|context| poll_standing(&state, Standing::Held, context)).await;
        }
    }

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
async fn ask(name: String, how: How, state: Arc<Mutex<State>>) {
    let asked = Arc::clone(&state);
    // The browser holds the lock until the promise of this function is settled.
    let callback = Closure::<dyn FnMut(JsValue) -> Promise>::new(move |granted: JsValue| {
        let standing = lock(&asked).standing;
        if standing == Standing::Waiting {
            change(&asked, if granted.is_null() { Standing::Refused } else { Standing::Held });
        }
        let held = Arc::clone(&asked);
        future_to_promise(async move {
            poll_fn(|context| poll_standing(&held, Standing::Held, context)).await;
            Ok(JsValue::UNDEFINED)
        })
    });
    let request = || {
        let options = Object::new();
        Reflect::set(&options, &"ifAvailable".into(), &(how == How::IfFree).into())?;
        Reflect::set(&options, &"steal".into(), &(how == How::Steal).into())?;
        manager()?.request(&name, &options, callback.as_ref().unchecked_ref())
    };
    if let Ok(settled) = request() {
        let _ = JsFuture::from(settled).await;
    }
    if !matches!(lock(&state).standing, Standing::Released | Standing::Refused) {
        change(&state, Standing::Lost);
    }
}

pub(super) fn manager() -> Result<LockManager, JsValue> {
    let navigator = Reflect::get(&global(), &"navigator".into())?;
    Reflect::get(&navigator, &"locks".into()).map(JsCast::unchecked_into)
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
