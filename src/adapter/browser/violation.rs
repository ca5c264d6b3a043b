//! Requests that the page's content security policy stops.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast as _, JsValue};

use super::events::Listening;
use super::timer::Sleep;

#[wasm_bindgen]
extern "C" {
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

const KIND: &[&str] = &["securitypolicyviolation"];

/// Listens, while it exists, for the event that tells of a violation of `connect-src` by requests to one URL.
///
/// The policy stops a request before anything is sent. It would also stop a redirect, but requests
/// of this module do not follow redirects.
pub(super) struct Watch {
    is_stopped: Rc<Cell<bool>>,
    listening: Option<Listening>,
}

impl Watch {
    /// Starts to listen. `url` is the request's, as the browser writes it.
    pub(super) fn start(url: String) -> Self {
        let is_stopped = Rc::new(Cell::new(false));
        let seen = Rc::clone(&is_stopped);
        let listening = Listening::start(KIND, move |event: JsValue| {
            let violation: &Violation = event.unchecked_ref();
            // A script of the page can make an event of its own, without the members of a violation.
            if violation.is_trusted()
                && violation.disposition() == "enforce"
                && violation.effective_directive() == "connect-src"
                && violation.blocked_uri() == url
            {
                seen.set(true);
            }
        });
        Self { is_stopped, listening }
    }

    /// Whether the policy stopped the request. To be asked after its failure: the event can come one turn later.
    pub(super) async fn has_stopped_it(&self) -> bool {
        if self.listening.is_some() && !self.is_stopped.get() {
            Sleep::new(Duration::ZERO).await;
        }
        self.is_stopped.get()
    }
}
