//! Client assertions: `client_secret_jwt` and `private_key_jwt` (RFC 7523, OpenID Connect Core section 9).

use serde_json::Value;

use super::client::RegisteredClient;
use super::habits::adopted::Adopted;
use super::http::{Params, Refusal};
use super::keys;
use super::state::State;
use super::verify::{self, Jwt};
use crate::base::env::Timestamp;

/// The only `client_assertion_type` (RFC 7523 section 2.2).
const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// How much a client's clock may be ahead.
const SKEW_SECONDS: u64 = 60;

/// How far ahead an assertion may expire. Whoever finds one must not have it for long.
const LIFETIME_SECONDS: u64 = 3600;

/// Who proves itself by an assertion. It is good once, also if the request is refused later.
pub(super) fn authenticate(state: &mut State, params: &Params, now: Timestamp) -> Result<RegisteredClient, Refusal> {
    const BAD: Refusal = Refusal::invalid_client("client_assertion does not prove a client");
    if params.required("client_assertion_type")? != TYPE {
        return Err(Refusal::new("invalid_request", "client_assertion_type"));
    }
    let jwt = Jwt::parse(params.required("client_assertion")?).ok_or(BAD)?;
    let id = jwt.text("sub").ok_or(BAD)?;
    if jwt.text("iss") != Some(id) {
        return Err(Refusal::invalid_client("iss and sub of client_assertion differ"));
    }
    if params.get("client_id").is_some_and(|named| named != id) {
        return Err(Refusal::new("invalid_request", "two client IDs"));
    }
    let client = state.clients.get(id).ok_or(BAD)?.clone();
    if !is_signed_by(&jwt, &client, &verify::algorithms(state.has_all_algorithms)) {
        return Err(Refusal::invalid_client("client_assertion has a wrong signature or algorithm"));
    }
    let endpoint = state.url("/token");
    let only_endpoint = state.adopted.as_ref().is_some_and(Adopted::wants_token_endpoint);
    let audiences = if only_endpoint { vec![endpoint.as_str()] } else { vec![state.issuer.as_str(), &endpoint] };
    if !is_for(&jwt, &audiences) {
        return Err(Refusal::invalid_client("client_assertion is for another audience"));
    }
    let now = now.unix_seconds();
    let expires = jwt.date("exp").ok_or(Refusal::invalid_client("client_assertion has no exp"))?;
    if expires <= now || expires > now.saturating_add(LIFETIME_SECONDS) {
        return Err(Refusal::invalid_client("client_assertion has expired, or expires too late"));
    }
    let is_ahead = |name| jwt.date(name).is_some_and(|date| date > now.saturating_add(SKEW_SECONDS));
    if is_ahead("iat") || is_ahead("nbf") {
        return Err(Refusal::invalid_client("client_assertion is not good yet"));
    }
    let jti = jwt.text("jti").ok_or(Refusal::invalid_client("client_assertion has no jti"))?;
    if !state.is_first(id, jti) {
        return Err(Refusal::invalid_client("client_assertion was used before"));
    }
    Ok(client)
}

/// By the method that the client registered, and no other.
fn is_signed_by(jwt: &Jwt, client: &RegisteredClient, algorithms: &[&str]) -> bool {
    match (client.token_endpoint_auth_method.as_str(), &client.client_secret) {
        ("client_secret_jwt", Some(secret)) => {
            jwt.algorithm() == "HS256" && keys::hs256(secret.as_bytes(), jwt.input.as_bytes()) == jwt.signature
        }
        ("private_key_jwt", _) => {
            let kid = jwt.header.get("kid");
            let named = |key: &&Value| kid.is_none() || key.get("kid") == kid;
            algorithms.contains(&jwt.algorithm()) && client.jwks.iter().filter(named).any(|key| jwt.is_signed_by(key))
        }
        _ => false,
    }
}

fn is_for(jwt: &Jwt, known: &[&str]) -> bool {
    let is_known = |value: &Value| value.as_str().is_some_and(|value| known.contains(&value));
    match jwt.claims.get("aud") {
        Some(Value::Array(list)) => list.iter().any(is_known),
        Some(one) => is_known(one),
        None => false,
    }
}
