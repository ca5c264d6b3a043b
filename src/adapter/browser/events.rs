//! Events of the window or the worker.

use js_sys::Function;
use wasm_bindgen::prelude::{Closure, wasm_bindgen};
use wasm_bindgen::{JsCast as _, JsValue};

#[wasm_bindgen]
extern "C" {
    // Node.js does not have them.
    #[wasm_bindgen(catch, js_name = addEventListener)]
    fn add_event_listener(kind: &str, listener: &Function, captures: bool) -> Result<(), JsValue>;

    #[wasm_bindgen(catch, js_name = removeEventListener)]
    fn remove_event_listener(kind: &str, listener: &Function, captures: bool) -> Result<(), JsValue>;
}

/// Listens to events while it exists.
pub(in crate::adapter) struct Listening {
    kinds: &'static [&'static str],
    listener: Closure<dyn FnMut(JsValue)>,
}

impl Listening {
    /// Starts to listen to events of these kinds, also of those that only the document gets. `None` where there are no
    /// events.
    pub(in crate::adapter) fn start(
        kinds: &'static [&'static str],
        heard: impl FnMut(JsValue) + 'static,
    ) -> Option<Self> {
        let listener = Closure::<dyn FnMut(JsValue)>::new(heard);
        for kind in kinds {
            add_event_listener(kind, listener.as_ref().unchecked_ref(), true).ok()?;
        }
        Some(Self { kinds, listener })
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        for kind in self.kinds {
            let _ = remove_event_listener(kind, self.listener.as_ref().unchecked_ref(), true);
        }
    }
}
