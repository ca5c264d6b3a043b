//! What `pkg/index.js` calls. It is not for applications: they call the package.

#![cfg(target_family = "wasm")]

mod live;
mod place;
mod thrown;

use oidc_proto::adapter::browser::PageCallback;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

/// The callback that the page's URL was.
#[wasm_bindgen]
pub struct Returned(PageCallback);

#[wasm_bindgen]
impl Returned {
    /// Takes it, and cleans the URL; nothing if the URL is no callback.
    pub fn take() -> Result<Option<Self>, JsValue> {
        PageCallback::take().map(|taken| taken.map(Self)).map_err(thrown::thrown)
    }
}
