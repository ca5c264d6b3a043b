//! Messages between the windows and workers of one origin.

use js_sys::Function;
use wasm_bindgen::prelude::{Closure, wasm_bindgen};
use wasm_bindgen::{JsCast as _, JsValue};

#[wasm_bindgen]
extern "C" {
    #[derive(Clone)]
    type BroadcastChannel;

    #[wasm_bindgen(constructor, catch)]
    fn new(name: &str) -> Result<BroadcastChannel, JsValue>;

    #[wasm_bindgen(method, catch, structural, js_name = postMessage)]
    fn post_message(this: &BroadcastChannel, message: &JsValue) -> Result<(), JsValue>;

    #[wasm_bindgen(method, structural)]
    fn close(this: &BroadcastChannel);

    #[wasm_bindgen(method, structural, js_name = addEventListener)]
    fn add_event_listener(this: &BroadcastChannel, kind: &str, listener: &Function);

    #[wasm_bindgen(method, structural, js_name = removeEventListener)]
    fn remove_event_listener(this: &BroadcastChannel, kind: &str, listener: &Function);

    type Message;

    #[wasm_bindgen(method, getter, structural)]
    fn data(this: &Message) -> JsValue;
}

const KIND: &str = "message";

/// All windows and workers of one origin that have a channel of this name get the messages of the
/// others. **Any script of the origin can be one of them.**
pub(in crate::adapter) struct Channel(BroadcastChannel);

impl Channel {
    /// `None` where there are no channels.
    pub(in crate::adapter) fn open(name: &str) -> Option<Self> {
        BroadcastChannel::new(name).ok().map(Self)
    }

    /// Sends a message to all others. One that nobody gets is lost.
    pub(in crate::adapter) fn post(&self, message: &JsValue) {
        let _ = self.0.post_message(message);
    }

    /// Calls this for each message, with its content.
    pub(in crate::adapter) fn listen(&self, mut heard: impl FnMut(JsValue) + 'static) -> Listener {
        let listener = Closure::<dyn FnMut(Message)>::new(move |message: Message| heard(message.data()));
        self.0.add_event_listener(KIND, listener.as_ref().unchecked_ref());
        Listener { channel: self.0.clone(), listener }
    }
}

impl Drop for Channel {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// Listens while it exists.
pub(in crate::adapter) struct Listener {
    channel: BroadcastChannel,
    listener: Closure<dyn FnMut(Message)>,
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.channel.remove_event_listener(KIND, self.listener.as_ref().unchecked_ref());
    }
}
