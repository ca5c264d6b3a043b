//! A timer by `setTimeout`.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use js_sys::{Function, Promise};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen_futures::JsFuture;

use crate::adapter::driver::Timer;

#[wasm_bindgen]
extern "C" {
    /// Returns a number in browsers, an object in Node.js.
    #[wasm_bindgen(js_name = setTimeout)]
    fn set_timeout(callback: &Function, millis: i32) -> JsValue;

    #[wasm_bindgen(js_name = clearTimeout)]
    fn clear_timeout(id: &JsValue);
}

/// The longest time that `setTimeout` takes. It ends a longer one at once.
const LONGEST: u128 = i32::MAX as u128;

/// Sleeps by `setTimeout`, for [`Driver::with_timer`](crate::adapter::Driver::with_timer).
///
/// Browsers slow down the timers of hidden pages, to one a minute, and stop them while a page is frozen. What is due
/// then comes late.
#[derive(Clone, Copy, Debug, Default)]
pub struct BrowserTimer;

impl Timer for BrowserTimer {
    type Sleep = Sleep;

    fn sleep(&self, duration: Duration) -> Option<Sleep> {
        Some(Sleep::new(duration))
    }
}

/// The future that ends with a pause. Dropping it clears the timer.
#[must_use = "futures do nothing unless polled"]
pub struct Sleep {
    /// Milliseconds after the running timer.
    left: u128,
    timeout: Timeout,
}

impl Sleep {
    /// Starts the pause. It takes at least one turn of the event loop.
    pub(in crate::adapter) fn new(duration: Duration) -> Self {
        // A part of a millisecond counts as one: a timer that ends early would be set twice.
        let millis = duration.as_nanos().div_ceil(1_000_000);
        let first = millis.min(LONGEST);
        Self { left: millis - first, timeout: Timeout::start(first) }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        loop {
            ready!(self.timeout.poll(context));
            if self.left == 0 {
                return Poll::Ready(());
            }
            let next = self.left.min(LONGEST);
            self.left -= next;
            self.timeout = Timeout::start(next);
        }
    }
}

impl fmt::Debug for Sleep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sleep(…)")
    }
}

/// One timer of the event loop.
struct Timeout {
    id: JsValue,
    end: JsFuture,
    is_over: bool,
}

impl Timeout {
    fn start(millis: u128) -> Self {
        let millis = i32::try_from(millis).unwrap_or(i32::MAX);
        let mut id = JsValue::UNDEFINED;
        let end = JsFuture::from(Promise::new(&mut |resolve, _| id = set_timeout(&resolve, millis)));
        Self { id, end, is_over: false }
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if !self.is_over {
            let _ = ready!(Pin::new(&mut self.end).poll(context));
            self.is_over = true;
        }
        Poll::Ready(())
    }
}

impl Drop for Timeout {
    fn drop(&mut self) {
        if !self.is_over {
            clear_timeout(&self.id);
        }
    }
}
