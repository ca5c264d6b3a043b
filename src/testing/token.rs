//! The token endpoint.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::Response;
use sha2::{Digest as _, Sha256};

use super::authentication::authenticate;
use super::client::RegisteredClient;
use super::http::{Incoming, Params, Refusal};
use super::settings::{Dpop, Reuse, Rotation};
use super::state::{Issue, State};
use super::token_response::{invalid_grant, respond};
use super::{device, dpop, grants, register};
use crate::base::env::Timestamp;

/// RFC 6749 sections 4.1.3 and 6.
pub(super) fn token(state: &mut State, request: &Incoming<'_>) -> Result<Response<Vec<u8>>, Refusal> {
    let params = request.form()?;
    let client = authenticate(state, request, &params)?;
    // Before anything is used up: a client without the right nonce comes again with the same code.
    let jkt = dpop::proven(state, request, "/token")?;
    let jkt = jkt.as_deref();
    let is_needed = match state.dpop {
        Dpop::Off => None,
        Dpop::Advertised => client.dpop_bound_access_tokens.then_some("the client registered for bound tokens"),
        Dpop::Required => Some("a token request needs a DPoP proof"),
    };
    if let Some(description) = is_needed.filter(|_| jkt.is_none()) {
        return Err(Refusal::new("invalid_dpop_proof", description));
    }
    let grant_type = params.required("grant_type")?;
    if !register::known_grant_types(state).contains(&grant_type) {
        return Err(Refusal::new("unsupported_grant_type", "unknown grant_type"));
    }
    if !client.allows_grant(grant_type) {
        return Err(Refusal::new("unauthorized_client", "the client did not register for this grant_type"));
    }
    match grant_type {
        "authorization_code" => redeem(state, &client, &params, jkt, request.now),
        "refresh_token" => refresh(state, &client, &params, jkt, request.now).or_else(|refusal| {
            let dead = (refusal.error == "invalid_grant").then(|| state.adopted.as_ref()?.dead_token()).flatten();
            dead.ok_or(refusal)
        }),
        "client_credentials" => grants::client_credentials(state, &client, &params, jkt, request.now),
        device::GRANT_TYPE => device::poll(state, &client, &params, jkt, request.now),
        _ => grants::extension(state, &client, grant_type, &params, jkt, request.now),
    }
}

fn redeem(
    state: &mut State,
    client: &RegisteredClient,
    params: &Params,
    jkt: Option<&str>,
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
    if code.jkt.is_some() && code.jkt.as_deref() != jkt {
        return Err(invalid_grant("the code is bound to another key"));
    }
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    if !(43..=128).contains(&verifier.len()) || !verifier.bytes().all(unreserved) {
        return Err(Refusal::new("invalid_request", "code_verifier is not of RFC 7636 section 4.1"));
    }
    if URL_SAFE_NO_PAD.encode(Sha256::digest(verifier)) != code.code_challenge {
        return Err(invalid_grant("code_verifier does not fit"));
    }
    let issue = Issue::new(id, &grant.scope, client, jkt);
    let tokens = state.issue(&issue, now);
    respond(state, client, &issue, &tokens, now)
}

fn refresh(
    state: &mut State,
    client: &RegisteredClient,
    params: &Params,
    jkt: Option<&str>,
    now: Timestamp,
) -> Result<Response<Vec<u8>>, Refusal> {
    let presented = params.required("refresh_token")?;
    let known = state.refresh_tokens.get(presented).ok_or(invalid_grant("unknown refresh token"))?;
    let (id, successors, spent_at) = (known.grant, known.successors.clone(), known.spent_at);
    if known.jkt.is_some() && known.jkt.as_deref() != jkt {
        return Err(invalid_grant("the refresh token is bound to another key"));
    }
    let grant = state.grants.get(&id).ok_or(invalid_grant("the grant has ended"))?.clone();
    if grant.client_id != client.client_id {
        return Err(invalid_grant("the refresh token is another client's"));
    }
    let scope = params.get("scope").unwrap_or(&grant.scope);
    if !scope.split(' ').all(|word| grant.scope.split(' ').any(|granted| granted == word)) {
        return Err(Refusal::new("invalid_scope", "more than was granted"));
    }
    if let Some(successors) = successors {
        let is_allowed = match state.reuse {
            Reuse::EndsGrant | Reuse::Refused => false,
            Reuse::AllowedUntilSuccessorIsUsed => state.untouched(&successors),
            Reuse::AllowedFor(grace) => spent_at.is_some_and(|spent_at| now.saturating_since(spent_at) < grace),
            Reuse::Allowed => true,
        };
        if !is_allowed {
            if !state.has_habits_of_mas && state.reuse != Reuse::Refused {
                state.grants.remove(&id);
            }
            return Err(invalid_grant("the refresh token was used before"));
        }
        if state.reuse == Reuse::AllowedUntilSuccessorIsUsed {
            state.forget(&successors);
        }
    }
    if state.rotation == Rotation::EndsAccessTokens {
        state.access_tokens.retain(|_, access| access.grant != id);
    }
    let rotates = state.rotates();
    let issue = Issue { with_refresh: rotates, refreshed: true, ..Issue::new(id, scope, client, jkt) };
    let tokens = state.issue(&issue, now);
    if rotates && let Some(spent) = state.refresh_tokens.get_mut(presented) {
        spent.successors = Some(tokens.clone());
        spent.spent_at.get_or_insert(now);
    }
    respond(state, client, &issue, &tokens, now)
}
