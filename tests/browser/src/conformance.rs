//! The contract of stores, kept by the store of a browser: the tests of the other stores.

use oidc_proto::adapter::browser::BrowserEnv;
use oidc_proto::adapter::store::BrowserStore;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use super::thrown;

#[path = "../../adapters/stores/contract.rs"]
mod contract;
#[allow(dead_code, reason = "for the tests of the session, which have a store of their own")]
#[path = "../../proto/session/kept.rs"]
mod kept;
#[path = "../../adapters/stores/lines.rs"]
mod lines;
#[allow(dead_code, reason = "for the tests of the session, which have a store of their own")]
#[path = "../../proto/session/world.rs"]
mod world;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = console)]
    fn error(text: &str);
}

/// Carries out the contract of stores for the record of this name. It panics where the store breaks it.
#[wasm_bindgen]
pub async fn conforms(name: String) -> Result<(), JsValue> {
    // Without it nobody learns what was expected.
    std::panic::set_hook(Box::new(|panic| error(&panic.to_string())));
    let mut env = BrowserEnv::new().map_err(thrown)?;
    let env = std::cell::RefCell::new(&mut env);
    contract::conforms(&|patience| BrowserStore::with_patience(&name, patience, &mut **env.borrow_mut())).await;
    Ok(())
}
