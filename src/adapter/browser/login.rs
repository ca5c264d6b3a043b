//! Logins by redirect, and the callback in the page's URL.

use std::fmt;
use std::time::Duration;

use js_sys::Date;
use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use super::page::{self, TabStorage};
use super::popup;
use crate::base::json::sized;
use crate::base::versioned;
use crate::error::{Error, ErrorCode};
use crate::message::authorization::AuthorizationUrl;
use crate::message::callback::Callback;

/// The names of pending logins in the session storage begin so.
const PREFIX: &str = "oidc-proto:login:";
/// Logins that nobody has finished are removed after that.
const KEPT: Duration = Duration::from_secs(24 * 3600);

/// Begins a login by redirect: keeps the pending login in the session storage of this tab under its
/// [`key`](crate::PendingAuthorization::key), and sends the page to the provider. Another tab, and whoever opens a
/// callback in another browser, does not find it.
///
/// `pending` is a [`PendingAuthorization`](crate::PendingAuthorization), or the pending login of a profile.
///
/// # Errors
/// `store.io` where there is no session storage, or no room. Then the page stays where it is.
pub fn log_in_by_redirect(url: &AuthorizationUrl, key: &str, pending: &impl Serialize) -> Result<(), Error> {
    let storage = TabStorage::open()?;
    let now = Date::now();
    #[allow(clippy::cast_precision_loss, reason = "a day")]
    let oldest = now - KEPT.as_millis() as f64;
    storage.remove_if(PREFIX, |value| parse(value).is_none_or(|(kept_at, _)| kept_at < oldest));
    let (began, malformed) = (format!("{now} "), |_| ErrorCode::STORED_MALFORMED);
    let length = began.len() + sized::length(pending).map_err(malformed)?;
    let mut kept = Zeroizing::new(String::with_capacity(length));
    kept.push_str(&began);
    sized::append(&mut kept, pending).map_err(malformed)?;
    storage.put(&format!("{PREFIX}{key}"), &kept)?;
    page::go_to(url.as_str())
}

/// A stored login: when it began, in milliseconds, and its JSON.
fn parse(value: &str) -> Option<(f64, &str)> {
    let (kept_at, json) = value.split_once(' ')?;
    Some((kept_at.parse().ok()?, json))
}

/// The callback that was in the page's URL.
///
/// ```no_run
/// use oidc_proto::adapter::browser::PageCallback;
/// use oidc_proto::{Env, Error, PendingAuthorization, RelyingParty};
///
/// fn log_in(party: &RelyingParty, env: &mut impl Env) -> Result<(), Error> {
///     if let Some(callback) = PageCallback::take()? {
///         let (pending, callback) = callback.into_login::<PendingAuthorization>()?;
///         let verified = party.check(&pending, &callback, env.now())?;
///         let _step = party.redeem(pending, verified, env)?;
///     }
///     Ok(())
/// }
/// ```
pub struct PageCallback {
    callback: Callback,
    url: Zeroizing<String>,
}

impl PageCallback {
    /// Takes the callback from the query or the fragment of the page's URL; `None` if the URL
    /// contains no callback. The query and the
    /// fragment are removed from the URL and from the history before anything else happens, also if the callback is
    /// wrong. So a reload and the back button find nothing.
    ///
    /// Call it in the page of the redirect URI, before anything that sends the URL elsewhere.
    ///
    /// # Errors
    /// `callback.…` for a callback that cannot be read; `store.io` if the URL cannot be changed.
    pub fn take() -> Result<Option<Self>, Error> {
        let Some(url) = page::url().map(Zeroizing::new) else { return Ok(None) };
        let parsed = Callback::from_url(&url);
        let is_response =
            |callback: &Callback| callback.state.is_some() || callback.code.is_some() || callback.error.is_some();
        if parsed.as_ref().is_ok_and(|callback| !is_response(callback)) {
            return Ok(None);
        }
        page::clean_url()?;
        Ok(Some(Self { callback: parsed?, url }))
    }

    /// Whether this tab has begun the login by redirect. If it has not, [hand the callback over](Self::hand_over): the
    /// login may be another window's.
    ///
    /// # Errors
    /// `callback.state_missing`, `store.io`.
    pub fn is_of_this_tab(&self) -> Result<bool, Error> {
        TabStorage::open()?.has(&format!("{PREFIX}{}", self.key()?))
    }

    /// The pending login of this tab that the callback belongs to. It is removed from the storage,
    /// whatever becomes of it: a code is used once.
    ///
    /// # Errors
    /// `callback.state_missing`; `callback.no_login` if this tab has no such login;
    /// `stored.malformed`, `stored.version` if the stored login was changed; `store.io`.
    pub fn into_login<P: DeserializeOwned>(self) -> Result<(P, Callback), Error> {
        let key = self.key()?;
        let kept = TabStorage::open()?.take(&format!("{PREFIX}{key}"))?.map(Zeroizing::new);
        let kept = kept.ok_or_else(|| self.callback.unverified(ErrorCode::CALLBACK_NO_LOGIN))?;
        let (_, json) = parse(&kept).ok_or(ErrorCode::STORED_MALFORMED)?;
        Ok((versioned::from_json(json)?, self.callback))
    }

    /// Gives the callback to the window that has opened this one for the login
    /// ([`Popup`](super::Popup)), and closes this one.
    ///
    /// # Errors
    /// `callback.state_missing`; `callback.no_login` if no window takes it within five seconds.
    pub async fn hand_over(self) -> Result<(), Error> {
        let key = self.key()?;
        if !popup::hand_over(&key, &self.url).await {
            return Err(self.callback.unverified(ErrorCode::CALLBACK_NO_LOGIN));
        }
        page::close_own_window();
        Ok(())
    }

    fn key(&self) -> Result<String, Error> {
        self.callback.key().ok_or_else(|| self.callback.unverified(ErrorCode::CALLBACK_STATE_MISSING))
    }
}

impl fmt::Debug for PageCallback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.callback, f)
    }
}
