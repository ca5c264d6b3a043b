//! Pushed authorization requests (RFC 9126).

use std::time::Duration;

use http::Response;
use serde_json::json;

use super::authentication::authenticate;
use super::authorize;
use super::dpop;
use super::habits::adopted::Adopted;
use super::http::{Incoming, Refusal, empty, json as json_response, no_store};
use super::records::Pushed;
use super::settings::Par;
use super::state::State;

/// How long a pushed request waits for the browser.
const LIFETIME: Duration = Duration::from_secs(60);

/// Section 2. What the authorization endpoint would refuse is refused here.
pub(super) fn push(state: &mut State, request: &Incoming<'_>) -> Result<Response<Vec<u8>>, Refusal> {
    if state.par == Par::Off {
        return Ok(empty(404));
    }
    if let Some(response) = state.adopted.as_ref().and_then(Adopted::pushed) {
        return Ok(response);
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
    let named = dpop::named(state, &params);
    if let (Some(named), Some(proven)) = (&named, &proven)
        && named != proven
    {
        return Err(Refusal::new("invalid_dpop_proof", "dpop_jkt is of another key"));
    }
    let request_uri = state.random(Pushed::PREFIX);
    let expires_at = request.now.saturating_add(LIFETIME);
    let pushed = Pushed { client_id: client.client_id, params, jkt: proven.or(named), expires_at };
    state.pushed.insert(request_uri.clone(), pushed);
    let body = json!({ "request_uri": request_uri, "expires_in": LIFETIME.as_secs() });
    Ok(no_store(json_response(201, &body)))
}
