//! Logins in a window of their own.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::Duration;

use js_sys::Date;
use sha2::{Digest as _, Sha256};
use wasm_bindgen::JsValue;
use zeroize::Zeroizing;

use super::channel::Channel;
use super::database::failed;
use super::page::Opened;
use super::timer::Sleep;
use crate::base::base64url;
use crate::base::env::Timestamp;
use crate::error::{Error, ErrorCode};
use crate::message::authorization::AuthorizationUrl;
use crate::message::callback::Callback;

/// How long the page of the redirect URI waits until somebody takes the callback.
const PATIENCE: Duration = Duration::from_secs(5);

/// A window for a login. Dropping it closes the window, unless `Cross-Origin-Opener-Policy` has cut
/// the window off from this page.
///
/// The page of the redirect URI calls [`PageCallback::hand_over`](super::PageCallback::hand_over)
/// there. The callback comes back by a `BroadcastChannel` that is named by the login's
/// [`key`](crate::PendingAuthorization::key), from a page of the same origin and the same storage
/// partition: it needs no reference between the windows, so `Cross-Origin-Opener-Policy` of either
/// page does not matter. Messages of other windows (`postMessage`) are not listened to.
///
/// **A window that looks closed proves nothing.** The provider's `Cross-Origin-Opener-Policy` cuts
/// the window off, and the browser then calls it closed while the user is typing. So a login ends
/// by its callback or by its lifetime. Give the user a button to give up, and drop the future.
pub struct Popup(Opened);

impl Popup {
    /// Opens an empty window. Call it in the listener of the user's click, before anything is awaited: a browser blocks
    /// other windows. `features` are those of `window.open`, for example `width=480,height=640`; never `noopener`.
    ///
    /// # Errors
    /// `popup.blocked`.
    pub fn open(features: &str) -> Result<Self, Error> {
        Opened::open(features).map(Self)
    }

    /// Sends the window to the provider, and waits for the callback of the login with this
    /// [`key`](crate::PendingAuthorization::key). Whatever other messages come are passed over.
    /// Then check the callback: any script of the origin can send one.
    ///
    /// # Errors
    /// `callback.expired` when the login has [expired](crate::PendingAuthorization::expires_at); `popup.blocked` if the
    /// window is closed already; `store.io` where there is no `BroadcastChannel`.
    pub async fn log_in(self, url: &AuthorizationUrl, key: &str, expires_at: Timestamp) -> Result<Callback, Error> {
        let channel = Channel::open(&name(key)).ok_or_else(|| failed("there is no BroadcastChannel"))?;
        let found = Rc::new(Answer::default());
        let (answer, own_key) = (Rc::clone(&found), key.to_owned());
        let _listener = channel.listen(move |message| {
            let Some(url) = message.as_string().map(Zeroizing::new) else { return };
            let callback = Callback::from_url(&url).ok();
            if let Some(callback) = callback.filter(|callback| callback.key().is_some_and(|key| key == own_key)) {
                answer.give((callback, receipt(&url)));
            }
        });
        self.0.go_to(url.as_str())?;
        let (callback, receipt) = found.wait(time_until(expires_at)).await.ok_or(ErrorCode::CALLBACK_EXPIRED)?;
        // Whoever has sent it need not wait any more.
        channel.post(&JsValue::from_str(&receipt));
        Ok(callback)
    }
}

impl Drop for Popup {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl fmt::Debug for Popup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Popup(…)")
    }
}

fn name(key: &str) -> String {
    format!("oidc-proto:callback:{key}")
}

/// What the window that takes a callback sends back: other messages on the channel are not meant.
fn receipt(url: &str) -> String {
    base64url::encode(Sha256::digest(url.as_bytes()))
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the conversion saturates")]
fn time_until(at: Timestamp) -> Duration {
    at.saturating_since(Timestamp::from_unix_millis(Date::now() as u64))
}

/// Gives the callback to whoever waits for it. Returns whether somebody did.
pub(super) async fn hand_over(key: &str, url: &str) -> bool {
    let Some(channel) = Channel::open(&name(key)) else { return false };
    let taken = Rc::new(Answer::default());
    let (answer, awaited) = (Rc::clone(&taken), receipt(url));
    let _listener = channel.listen(move |message| {
        if message.as_string().is_some_and(|message| message == awaited) {
            answer.give(());
        }
    });
    channel.post(&JsValue::from_str(url));
    taken.wait(PATIENCE).await.is_some()
}

/// What comes from a listener.
struct Answer<T> {
    value: Cell<Option<T>>,
    waker: RefCell<Option<Waker>>,
}

impl<T> Default for Answer<T> {
    fn default() -> Self {
        Self { value: Cell::new(None), waker: RefCell::new(None) }
    }
}

impl<T> Answer<T> {
    fn give(&self, value: T) {
        self.value.set(Some(value));
        let waker = self.waker.borrow_mut().take();
        waker.into_iter().for_each(Waker::wake);
    }

    /// `None` if it does not come in time.
    async fn wait(&self, patience: Duration) -> Option<T> {
        let mut patience = Sleep::new(patience);
        poll_fn(|context| {
            if let Some(value) = self.value.take() {
                return Poll::Ready(Some(value));
            }
            *self.waker.borrow_mut() = Some(context.waker().clone());
            Pin::new(&mut patience).poll(context).map(|()| None)
        })
        .await
    }
}
