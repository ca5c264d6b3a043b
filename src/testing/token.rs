//! The token endpoint.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::Response;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::client::{RegisteredClient, authenticate};
use super::http::{Incoming, Params, Refusal, json as json_response, no_store};
use super::id_token;
use super::provider::Reuse;
use super::state::{Grant, State, Tokens};
use crate::env::Timestamp;

const fn invalid_grant(description: &'static str) -> Refusal {
    Refusal::new("invalid_grant", description)
}

/// RFC 6749 sections 4.1.3 and 6.
pub(super) fn token(state: &mut State, request: &Incoming<'_>) -> Result<Response<Vec<u8>>, Refusal> {
    let params = request.form()?;
    let client = authenticate(state, request, &params)?;
    let grant_type = params.required("grant_type")?;
    if !["authorization_code", "refresh_token"].contains(&grant_type) {
        return Err(Refusal::new("unsupported_grant_type", "unknown grant_type"));
    }
    if !client.allows_grant(grant_type) {
        return Err(Refusal::new("unauthorized_client", "the client did not register for this grant_type"));
    }
    match grant_type {
        "authorization_code" => redeem(state, &client, &params, request.now),
        _ => refresh(state, &client, &params, request.now),
    }
}

fn redeem(
    state: &mut State,
    client: &RegisteredClient,
    params: &Params,
    now: Timestamp,
) -> Result<Response<Vec<u8>>, Refusal> {
    let code = state.codes.get_mut(params.required("code")?).ok_or(invalid_grant("unknown code"))?;
    let id = code.grant;
    if code.used {
        // RFC 6749 section 4.1.2: whoever has a used code may have stolen it, from either side.
        state.grants.remove(&id);
        return Err(invalid_grant("the code was used before"));
    }
    let grant = state.grants.get(&id).ok_or(invalid_grant("the grant has ended"))?.clone();
    if grant.client_id != client.client_id {
        return Err(invalid_grant("the code is another client's"));
    }
    // From here on the code is spent, whether it is redeemed or not.
    code.used = true;
    if now >= code.expires_at {
        return Err(invalid_grant("the code has expired"));
    }
    if params.required("redirect_uri")? != code.redirect_uri {
        return Err(invalid_grant("another redirect_uri"));
    }
    let verifier = params.required("code_verifier")?;
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    if !(43..=128).contains(&verifier.len()) || !verifier.bytes().all(unreserved) {
        return Err(Refusal::new("invalid_request", "code_verifier is not of RFC 7636 section 4.1"));
    }
    if URL_SAFE_NO_PAD.encode(Sha256::digest(verifier)) != code.code_challenge {
        return Err(invalid_grant("code_verifier does not fit"));
    }
    let tokens = state.issue(id, &grant.scope, client.allows_grant("refresh_token"), now);
    Ok(respond(state, client, &grant, &grant.scope, &tokens, false, now))
}

fn refresh(
    state: &mut State,
    client: &RegisteredClient,
    params: &Params,
    now: Timestamp,
) -> Result<Response<Vec<u8>>, Refusal> {
    let presented = params.required("refresh_token")?;
    let known = state.refresh_tokens.get(presented).ok_or(invalid_grant("unknown refresh token"))?;
    let (id, successors) = (known.grant, known.successors.clone());
    let grant = state.grants.get(&id).ok_or(invalid_grant("the grant has ended"))?.clone();
    if grant.client_id != client.client_id {
        return Err(invalid_grant("the refresh token is another client's"));
    }
    let scope = params.get("scope").unwrap_or(&grant.scope);
    if !scope.split(' ').all(|word| grant.scope.split(' ').any(|granted| granted == word)) {
        return Err(Refusal::new("invalid_scope", "more than was granted"));
    }
    if let Some(successors) = successors {
        if state.reuse == Reuse::EndsGrant || !state.untouched(&successors) {
            state.grants.remove(&id);
            return Err(invalid_grant("the refresh token was used before"));
        }
        state.forget(&successors);
    }
    let tokens = state.issue(id, scope, state.rotates, now);
    if state.rotates
        && let Some(spent) = state.refresh_tokens.get_mut(presented)
    {
        spent.successors = Some(tokens.clone());
    }
    Ok(respond(state, client, &grant, scope, &tokens, true, now))
}

fn respond(
    state: &State,
    client: &RegisteredClient,
    grant: &Grant,
    scope: &str,
    tokens: &Tokens,
    refreshed: bool,
    now: Timestamp,
) -> Response<Vec<u8>> {
    let mut body = json!({
        "access_token": tokens.access,
        "token_type": "Bearer",
        "expires_in": state.access_token_lifetime.as_secs(),
        "scope": scope,
    });
    if let Some(object) = body.as_object_mut() {
        if let Some(refresh) = &tokens.refresh {
            object.insert("refresh_token".into(), json!(refresh));
        }
        if grant.scope.split(' ').any(|word| word == "openid")
            && let Some(id_token) = id_token::issue(state, grant, client, &tokens.access, refreshed, now)
        {
            object.insert("id_token".into(), json!(id_token));
        }
    }
    no_store(json_response(200, &body))
}
