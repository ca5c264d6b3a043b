//! A request as `fetch` takes it.

use http::Request;
use js_sys::Uint8Array;
use wasm_bindgen::JsValue;
use web_sys::{
    AbortSignal, Headers, ReferrerPolicy, RequestCache, RequestCredentials, RequestInit, RequestMode, RequestRedirect,
};

use crate::base::secret::Body;

/// The request without cookies, cache, referrer and redirects, for servers of any origin that allow it by CORS.
///
/// # Errors
/// What JavaScript throws: its text can contain the URL.
pub(super) fn convert(request: &Request<Body>, signal: &AbortSignal) -> Result<web_sys::Request, JsValue> {
    let init = RequestInit::new();
    init.set_method(request.method().as_str());
    init.set_mode(RequestMode::Cors);
    init.set_credentials(RequestCredentials::Omit);
    init.set_cache(RequestCache::NoStore);
    init.set_redirect(RequestRedirect::Error);
    init.set_referrer_policy(ReferrerPolicy::NoReferrer);
    init.set_signal(Some(signal));
    let headers = Headers::new()?;
    for (name, value) in request.headers() {
        headers.append(name.as_str(), value.to_str().map_err(|_| JsValue::UNDEFINED)?)?;
    }
    init.set_headers_headers(&headers);
    let bytes: &[u8] = request.body().as_ref();
    let body = Uint8Array::from(bytes);
    if !bytes.is_empty() {
        init.set_body_opt_u8_array(Some(&body));
    }
    let converted = web_sys::Request::new_with_str_and_init(&request.uri().to_string(), &init);
    // The request has a copy. This one can be wiped.
    body.fill(0, 0, body.length());
    converted
}
