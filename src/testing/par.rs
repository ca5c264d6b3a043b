//! Pushed authorization requests (RFC 9126).

use std::time::Duration;

use http::Response;
use serde_json::json;

use super::authorize;
use super::client::authenticate;
use super::dpop;
use super::http::{Incoming, Params, Refusal, empty, json as json_response, no_store};
use super::state::State;
use crate::base::env::Timestamp;

/// How long a pushed request waits for the browser.
const LIFETIME: Duration = Duration::from_secs(60);

const PREFIX: &str = "urn:ietf:params:oauth:request_uri:";

/// Whether authorization requests may be pushed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Par {
    /// There is no such endpoint.
    Off,
    /// They may be, and the metadata says so.
    #[default]
    Advertised,
    /// They have to be (section 5).
    Required,
}

/// A request that waits for the browser.
pub(super) struct Pushed {
    client_id: String,
    params: Params,
    jkt: Option<String>,
    expires_at: Timestamp,
}

/// An authorization request, wherever it came from.
pub(super) struct Asked {
    pub(super) params: Params,
    /// The key that the code is to be bound to (RFC 9449 section 10).
    pub(super) jkt: Option<String>,
    pub(super) was_pushed: bool,
}

/// Section 2. What the authorization endpoint would refuse is refused here.
pub(super) fn push(state: &mut State, request: &Incoming<'_>) -> Result<Response<Vec<u8>>, Refusal> {
    if state.par == Par::Off {
        return Ok(empty(404));
    }
    let params = request.form()?;
    let client = authenticate(state, request, &params)?;
    let proven = dpop::proven(state, request, "/par")?;
    if params.get("request_uri").is_some() {
        return Err(Refusal::new("invalid_request", "request_uri in a pushed request"));
    }
    if !client.allows_redirect(params.required("redirect_uri")?) {
        return Err(Refusal::new("invalid_request", "unregistered redirect_uri"));
    }
    authorize::check(&client, &params)?;
    let named = params.get("dpop_jkt").map(str::to_owned);
    if let (Some(named), Some(proven)) = (&named, &proven)
        && named != proven
    {
        return Err(Refusal::new("invalid_dpop_proof", "dpop_jkt is of another key"));
    }
    let request_uri = state.random(PREFIX);
    let expires_at = request.now.saturating_add(LIFETIME);
    let pushed = Pushed { client_id: client.client_id, params, jkt: proven.or(named), expires_at };
    state.pushed.insert(request_uri.clone(), pushed);
    let body = json!({ "request_uri": request_uri, "expires_in": LIFETIME.as_secs() });
    Ok(no_store(json_response(201, &body)))
}

/// What a browser asks for: by its own parameters, or by those that were pushed before, which nothing in the browser
/// can change (section 4). A pushed request is good once.
pub(super) fn resolve(state: &mut State, params: Params, now: Timestamp) -> Result<Asked, Refusal> {
    const UNKNOWN: Refusal = Refusal::new("invalid_request_uri", "unknown, used or expired request_uri");
    let Some(request_uri) = params.get("request_uri").filter(|uri| uri.starts_with(PREFIX)) else {
        let jkt = params.get("dpop_jkt").map(str::to_owned);
        return Ok(Asked { params, jkt, was_pushed: false });
    };
    let pushed = state.pushed.get(request_uri).ok_or(UNKNOWN)?;
    if pushed.client_id != params.required("client_id")? {
        return Err(Refusal::new("invalid_request", "request_uri is another client's"));
    }
    let pushed = state.pushed.remove(request_uri).filter(|pushed| now < pushed.expires_at).ok_or(UNKNOWN)?;
    Ok(Asked { params: pushed.params, jkt: pushed.jkt, was_pushed: true })
}
