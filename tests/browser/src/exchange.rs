//! One request, a pause, and the environment, without a flow.

use std::time::Duration;

use http::Request;
use oidc_proto::adapter::browser::{BrowserEnv, BrowserTimer, Client};
use oidc_proto::adapter::{HttpClient as _, Timer as _};
use oidc_proto::{Accept, Body, Env as _, Policy};
use serde_json::{Value, json};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

/// Sends a request, with the header `x-test` if there is one. Returns the response or the failure.
#[wasm_bindgen]
pub async fn exchange(
    method: String,
    url: String,
    header: Option<String>,
    body: String,
    limit: usize,
    timeout: u32,
) -> Result<String, JsValue> {
    let mut request = Request::builder().method(method.as_str()).uri(url);
    if !body.is_empty() {
        request = request.header("content-type", "application/x-www-form-urlencoded");
    }
    if let Some(header) = header {
        request = request.header("x-test", header);
    }
    let request = request.body(Body::from(body)).map_err(|error| error.to_string())?;
    let client = Client::new().with_timeout(Duration::from_millis(timeout.into()));
    let result = client.call(request, Policy::read(limit, Accept::Any)).await;
    let value = match result {
        Ok(response) => {
            let headers = response.headers().iter();
            let headers = headers.map(|(name, value)| json!([name.as_str(), value.to_str().unwrap_or("?")]));
            json!({
                "status": response.status().as_u16(),
                "headers": headers.collect::<Value>(),
                "body": String::from_utf8_lossy(response.body()),
            })
        }
        Err(failure) => json!({
            "kind": failure.kind.name(),
            "sent": format!("{:?}", failure.sent),
            "reason": failure.reason().map(|reason| format!("{reason:?}")),
            "text": failure.text(),
        }),
    };
    Ok(value.to_string())
}

/// Starts a request and drops it after a pause in milliseconds.
#[wasm_bindgen]
pub async fn abandon(url: String, pause: u32) -> Result<(), JsValue> {
    let request = Request::get(url).body(Body::from(Vec::new())).map_err(|error| error.to_string())?;
    let mut running = Client::new().call(request, Policy::read(1024, Accept::Any));
    let mut pause = BrowserTimer.sleep(Duration::from_millis(pause.into())).ok_or("no timer")?;
    std::future::poll_fn(|context| {
        let _ = running.as_mut().poll(context);
        std::pin::Pin::new(&mut pause).poll(context)
    })
    .await;
    Ok(())
}

/// Pauses.
#[wasm_bindgen]
pub async fn sleep(millis: f64) -> Result<(), JsValue> {
    BrowserTimer.sleep(Duration::from_millis(millis as u64)).ok_or("no timer")?.await;
    Ok(())
}

/// Starts a pause and drops it at once.
#[wasm_bindgen]
pub fn start_and_drop_a_pause(millis: f64) {
    drop(BrowserTimer.sleep(Duration::from_millis(millis as u64)));
}

/// What two environments say: times and random numbers.
#[wasm_bindgen]
pub fn environments() -> Result<String, JsValue> {
    let mut drawn = Vec::new();
    for _ in 0..2 {
        let mut env = BrowserEnv::new().map_err(super::thrown)?;
        let mut bytes = [0_u8; 16];
        env.rng().fill_bytes(&mut bytes);
        drawn.push(json!({
            "now": env.now().unix_millis(),
            "monotonic": env.monotonic().as_millis(),
            "random": bytes.to_vec(),
        }));
    }
    Ok(Value::from(drawn).to_string())
}
