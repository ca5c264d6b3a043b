//! The device grant (RFC 8628), with a user who decides after a while.

use http::Response;
use rand_core::Rng as _;
use serde_json::json;

use super::authentication::authenticate;
use super::client::RegisteredClient;
use super::http::{Incoming, Params, Refusal, json as json_response, no_store, page, with_params};
use super::records::{Grant, Waiting};
use super::settings::FIVE_SECONDS;
use super::state::{Issue, State};
use super::token_response::respond;
use super::user::Decision;
use crate::base::env::Timestamp;

pub(super) const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// Section 3.1.
pub(super) fn authorize(state: &mut State, request: &Incoming<'_>) -> Result<Response<Vec<u8>>, Refusal> {
    let params = request.form()?;
    let client = authenticate(state, request, &params)?;
    if !client.allows_grant(GRANT_TYPE) {
        return Err(Refusal::new("unauthorized_client", "the client did not register for device codes"));
    }
    let (device_code, user_code) = (state.random("dc_"), user_code(state));
    let waiting = Waiting {
        client_id: client.client_id,
        user_code: user_code.clone(),
        scope: params.scope()?.unwrap_or("").to_owned(),
        decision: None,
        login: None,
        pending_polls: 0,
        interval: state.device_terms.interval.unwrap_or(FIVE_SECONDS),
        last_poll: None,
        expires_at: request.now.saturating_add(state.device_terms.lifetime),
    };
    state.devices.insert(device_code.clone(), waiting);
    let page = state.url("/device");
    let mut body = json!({
        "device_code": device_code,
        "verification_uri_complete": with_params(&page, '?', &[("user_code".to_owned(), user_code.clone())]),
        "verification_uri": page,
        "user_code": user_code,
        "expires_in": state.device_terms.lifetime.as_secs(),
    });
    if let (Some(interval), Some(object)) = (state.device_terms.interval, body.as_object_mut()) {
        object.insert("interval".into(), json!(interval.as_secs()));
    }
    if let Some(object) = body.as_object_mut().filter(|_| state.has_habits_of_mas) {
        object.remove("verification_uri_complete");
    }
    Ok(no_store(json_response(200, &body)))
}

/// Eight letters without vowels, so that they make no words (section 6.1).
fn user_code(state: &mut State) -> String {
    const LETTERS: &[u8] = b"BCDFGHJKLMNPQRSTVWXZ";
    let mut bytes = [0_u8; 8];
    state.rng.fill_bytes(&mut bytes);
    let letter = |byte: &u8| LETTERS.get(usize::from(*byte) % LETTERS.len()).copied().map_or('B', char::from);
    let (left, right): (String, String) =
        (bytes.iter().take(4).map(letter).collect(), bytes.iter().skip(4).map(letter).collect());
    format!("{left}-{right}")
}

/// The page where the user types the code, or comes with it (section 3.3): opening it with a code is the decision.
pub(super) fn visit(state: &mut State, request: &Incoming<'_>) -> Result<Response<Vec<u8>>, Refusal> {
    let params = request.browser_params()?;
    let Some(user_code) = params.get("user_code") else {
        return Ok(page(200, "<form><input name=\"user_code\"><button>Connect</button></form>"));
    };
    let decision = match params.get("decided").and_then(|decided| decided.split_once(':')) {
        Some(("auto", login)) => (Decision::Allow, Some(login)),
        Some((_, login)) => (Decision::Deny, Some(login)),
        None => (state.user(None).map_or(Decision::Deny, |user| user.decision), None),
    };
    if !decide(state, user_code, decision, Some(request.now)) {
        return Ok(page(400, "This code is unknown."));
    }
    Ok(page(200, "You can go back to your device."))
}

/// The decision of this user, or of the first one; `false` if nobody waits for it. Neither letter
/// case nor dashes matter.
pub(super) fn decide(
    state: &mut State,
    user_code: &str,
    (decision, login): (Decision, Option<&str>),
    now: Option<Timestamp>,
) -> bool {
    let bare = |code: &str| code.replace('-', "").to_ascii_uppercase();
    let asked = bare(user_code);
    let is_meant = |waiting: &&mut Waiting| {
        waiting.decision.is_none()
            && bare(&waiting.user_code) == asked
            && now.is_none_or(|now| now < waiting.expires_at)
    };
    let Some(waiting) = state.devices.values_mut().find(is_meant) else { return false };
    // Without a clock at hand, the user signed in when the device asked for the last time.
    let time = now.or(waiting.last_poll).unwrap_or(waiting.expires_at.saturating_sub(state.device_terms.lifetime));
    (waiting.decision, waiting.login) = (Some((decision, time)), login.map(str::to_owned));
    true
}

/// One poll (sections 3.4 and 3.5).
pub(super) fn poll(
    state: &mut State,
    client: &RegisteredClient,
    params: &Params,
    jkt: Option<&str>,
    now: Timestamp,
) -> Result<Response<Vec<u8>>, Refusal> {
    const UNKNOWN: Refusal = Refusal::new("invalid_grant", "unknown device_code");
    let device_code = params.required("device_code")?;
    let user = state.user(None);
    let polls = state.device_terms.polls;
    let waiting = state.devices.get_mut(device_code).ok_or(UNKNOWN)?;
    if waiting.client_id != client.client_id {
        return Err(Refusal::new("invalid_grant", "the device_code is another client's"));
    }
    if now >= waiting.expires_at {
        return Err(Refusal::new("expired_token", "the device_code has expired"));
    }
    let last = waiting.last_poll.replace(now);
    if last.is_some_and(|last| now.saturating_since(last) < waiting.interval) {
        waiting.interval = waiting.interval.saturating_add(FIVE_SECONDS);
        return Err(Refusal::new("slow_down", "polled sooner than the interval allows"));
    }
    if waiting.decision.is_none() && waiting.pending_polls >= polls {
        waiting.decision = user.as_ref().map(|user| (user.decision, now));
    }
    let Some((decision, auth_time)) = waiting.decision else {
        waiting.pending_polls = waiting.pending_polls.saturating_add(1);
        let status = if state.has_habits_of_mas { 403 } else { 400 };
        return Err(Refusal::new("authorization_pending", "the user has not decided").status(status));
    };
    let waiting = state.devices.remove(device_code).ok_or(UNKNOWN)?;
    let status = if state.has_habits_of_mas { 403 } else { 400 };
    let denied = Refusal::new("access_denied", "the user said no").status(status);
    let user = if waiting.login.is_some() { state.user(waiting.login.as_deref()) } else { user };
    let user = user.filter(|_| decision == Decision::Allow).ok_or(denied)?;
    let grant = state.add_grant(Grant {
        client_id: client.client_id.clone(),
        login: user.login,
        subject: user.subject,
        scope: waiting.scope.clone(),
        nonce: None,
        acr: None,
        auth_time,
    });
    let issue = Issue::new(grant, &waiting.scope, client, jkt);
    let tokens = state.issue(&issue, now);
    respond(state, client, &issue, &tokens, now)
}
