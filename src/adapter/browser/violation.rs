//! Requests that the page's content security policy stops.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use js_sys::Function;
use wasm_bindgen::prelude::{Closure, wasm_bindgen};
use wasm_bindgen::{JsCast as _, JsValue};

use super::timer::Sleep;

#[wasm_bindgen]
extern "C" {
    // Node.js does not have them.
    #[wasm_bindgen(catch, js_name = addEventListener)]
    fn add_event_listener(kind: &str, listener: &Function) -> Result<(), JsValue>;

    #[wasm_bindgen(catch, js_name = removeEventListener)]
    fn remove_event_listener(kind: &str, listener: &Function) -> Result<(), JsValue>;

    type Violation;

    #[wasm_bindgen(method, getter, js_name = isTrusted)]
    fn is_trusted(this: &Violation) -> bool;

    #[wasm_bindgen(method, getter)]
    fn disposition(this: &Violation) -> String;

    #[wasm_bindgen(method, getter, js_name = effectiveDirective)]
    fn effective_directive(this: &Violation) -> String;

    #[wasm_bindgen(method, getter, js_name = blockedURI)]
    fn blocked_uri(this: &Violation) -> String;
}

const KIND: &str = "securitypolicyviolation";

/// Listens, while it exists, for the event that tells of a violation of `connect-src` by requests to one URL.
///
/// The policy stops a request before anything is sent. It would also stop a redirect, but requests of this module do not
/// follow redirects.
pub(super) struct Watch {
    is_stopped: Rc<Cell<bool>>,
    listener: Option<Closure<dyn FnMut(Violation)>>,
}

impl Watch {
    /// Starts to listen. `url` is the request's, as the browser writes it.
    pub(super) fn start(url: String) -> Self {
        let is_stopped = Rc::new(Cell::new(false));
        let seen = Rc::clone(&is_stopped);
        let listener = Closure::<dyn FnMut(Violation)>::new(move |violation: Violation| {
            if violation.is_trusted()
                && violation.disposition() == "enforce"
                && violation.effective_directive() == "connect-src"
                && violation.blocked_uri() == url
            {
                seen.set(true);
            }
        });
        let is_heard = add_event_listener(KIND, listener.as_ref().unchecked_ref()).is_ok();
        Self { is_stopped, listener: is_heard.then_some(listener) }
    }

    /// Whether the policy stopped the request. To be asked after its failure: the event can come one turn later.
    pub(super) async fn has_stopped_it(&self) -> bool {
        if self.listener.is_some() && !self.is_stopped.get() {
            Sleep::new(Duration::ZERO).await;
        }
        self.is_stopped.get()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if let Some(listener) = &self.listener {
            let _ = remove_event_listener(KIND, listener.as_ref().unchecked_ref());
        }
    }
}
