//! WebCrypto, where there is one.

use js_sys::{Reflect, global};
use wasm_bindgen::JsValue;

/// `crypto.subtle`.
///
/// # Errors
/// In an insecure context.
pub(super) fn subtle() -> Result<JsValue, JsValue> {
    let crypto = Reflect::get(&global(), &"crypto".into())?;
    let subtle = Reflect::get(&crypto, &"subtle".into())?;
    if subtle.is_undefined() { Err(subtle) } else { Ok(subtle) }
}
