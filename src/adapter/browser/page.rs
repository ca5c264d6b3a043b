//! The page: its URL, its history, its session storage, and windows that it opens.

use js_sys::{Reflect, global};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast as _, JsValue};

use super::database::failed;
use crate::error::{Error, ErrorCode};

#[wasm_bindgen]
extern "C" {
    #[derive(Clone)]
    type Location;

    #[wasm_bindgen(thread_local_v2, js_name = location)]
    static LOCATION: Option<Location>;

    #[wasm_bindgen(method, getter, structural)]
    fn href(this: &Location) -> String;

    #[wasm_bindgen(method, getter, structural)]
    fn pathname(this: &Location) -> String;

    #[wasm_bindgen(method, catch, structural)]
    fn assign(this: &Location, url: &str) -> Result<(), JsValue>;

    #[wasm_bindgen(method, catch, structural)]
    fn replace(this: &Location, url: &str) -> Result<(), JsValue>;

    type History;

    #[wasm_bindgen(thread_local_v2, js_name = history)]
    static HISTORY: Option<History>;

    #[wasm_bindgen(method, catch, structural, js_name = replaceState)]
    fn replace_state(this: &History, state: &JsValue, unused: &str, url: &str) -> Result<(), JsValue>;

    type Storage;

    #[wasm_bindgen(method, getter, structural)]
    fn length(this: &Storage) -> u32;

    #[wasm_bindgen(method, catch, structural)]
    fn key(this: &Storage, index: u32) -> Result<Option<String>, JsValue>;

    #[wasm_bindgen(method, catch, structural, js_name = getItem)]
    fn get_item(this: &Storage, key: &str) -> Result<Option<String>, JsValue>;

    #[wasm_bindgen(method, catch, structural, js_name = setItem)]
    fn set_item(this: &Storage, key: &str, value: &str) -> Result<(), JsValue>;

    #[wasm_bindgen(method, catch, structural, js_name = removeItem)]
    fn remove_item(this: &Storage, key: &str) -> Result<(), JsValue>;

    #[wasm_bindgen(catch, js_name = open)]
    fn open_window(url: &str, target: &str, features: &str) -> Result<Option<OpenedWindow>, JsValue>;

    #[wasm_bindgen(catch, js_name = close)]
    fn close_window() -> Result<(), JsValue>;

    /// Another window.
    type OpenedWindow;

    #[wasm_bindgen(method, catch, getter = location, structural)]
    fn location_of(this: &OpenedWindow) -> Result<Location, JsValue>;

    #[wasm_bindgen(method, catch, structural, js_name = close)]
    fn close(this: &OpenedWindow) -> Result<(), JsValue>;
}

fn no_page<T>(_: T) -> Error {
    failed("there is no `location`: this is not a page")
}

/// Sends the page to another URL. What runs here ends soon.
pub(super) fn go_to(url: &str) -> Result<(), Error> {
    let location = LOCATION.with(Option::clone).ok_or(()).map_err(no_page)?;
    location.assign(url).map_err(no_page)
}

/// The page's whole URL.
pub(super) fn url() -> Option<String> {
    LOCATION.with(|location| location.as_ref().map(Location::href))
}

/// Removes the query and the fragment from the page's URL, also in the history.
pub(super) fn clean_url() -> Result<(), Error> {
    let path = LOCATION.with(|location| location.as_ref().map(Location::pathname)).ok_or(()).map_err(no_page)?;
    let cleaned = HISTORY.with(|history| {
        history
            .as_ref()
            .map(|history| history.replace_state(&JsValue::NULL, "", &format!("{}{path}", own_origin(&path))))
    });
    cleaned.ok_or(()).map_err(no_page)?.map_err(no_page)
}

/// A path that begins with two slashes would be taken for a host.
fn own_origin(path: &str) -> &'static str {
    if path.starts_with("//") { "/." } else { "" }
}

pub(super) fn close_own_window() {
    let _ = close_window();
}

/// The session storage of this tab.
pub(super) struct TabStorage(Storage);

impl TabStorage {
    /// # Errors
    /// `store.io` where there is none, or the browser does not allow it.
    pub(super) fn open() -> Result<Self, Error> {
        match Reflect::get(&global(), &"sessionStorage".into()) {
            Ok(storage) if storage.is_object() => Ok(Self(storage.unchecked_into())),
            _ => Err(failed("there is no session storage")),
        }
    }

    /// Keeps a value.
    ///
    /// # Errors
    /// `store.io` where there is no room.
    pub(super) fn put(&self, name: &str, value: &str) -> Result<(), Error> {
        self.0.set_item(name, value).map_err(|_| failed("the session storage has no room"))
    }

    pub(super) fn has(&self, name: &str) -> Result<bool, Error> {
        let value = self.0.get_item(name).map_err(|_| failed("the session storage cannot be read"))?;
        Ok(value.is_some())
    }

    /// The value, which is removed before it is returned.
    pub(super) fn take(&self, name: &str) -> Result<Option<String>, Error> {
        let value = self.0.get_item(name).map_err(|_| failed("the session storage cannot be read"))?;
        self.0.remove_item(name).map_err(|_| failed("the session storage cannot be changed"))?;
        Ok(value)
    }

    /// Removes those values whose names begin so, and that are to go.
    pub(super) fn remove_if(&self, prefix: &str, goes: impl Fn(&str) -> bool) {
        let names = (0..self.0.length()).filter_map(|at| self.0.key(at).ok().flatten());
        for name in names.filter(|name| name.starts_with(prefix)).collect::<Vec<_>>() {
            if self.0.get_item(&name).ok().flatten().is_some_and(|value| goes(&value)) {
                let _ = self.0.remove_item(&name);
            }
        }
    }
}

/// A window that this page has opened.
pub(super) struct Opened(OpenedWindow);

impl Opened {
    /// # Errors
    /// `popup.blocked`.
    pub(super) fn open(features: &str) -> Result<Self, Error> {
        let opened = open_window("about:blank", "_blank", features).ok().flatten();
        opened.map(Self).ok_or_else(|| ErrorCode::POPUP_BLOCKED.into())
    }

    /// Sends it to a URL, in the place of the empty page.
    ///
    /// # Errors
    /// `popup.blocked` if it is closed, or if `Cross-Origin-Opener-Policy` has cut it off from this
    /// page.
    pub(super) fn go_to(&self, url: &str) -> Result<(), Error> {
        let sent = self.0.location_of().and_then(|location| location.replace(url));
        sent.map_err(|_| ErrorCode::POPUP_BLOCKED.into())
    }

    pub(super) fn close(&self) {
        let _ = self.0.close();
    }
}
