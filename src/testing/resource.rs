//! The endpoints that take tokens from clients: revocation, introspection, and the end of the session.

use http::Response;
use serde_json::{Value, json};

use super::authentication::authenticate;
use super::http::{Incoming, Refusal, empty, json as json_response, no_store, page, see_other, with_params};
use super::records::{Grant, Refresh};
use super::settings::RevokingSpent;
use super::signing::read_hint;
use super::state::State;

/// RFC 7009 section 2. Either token ends the grant, but one that was exchanged only if the settings say so.
pub(super) fn revoke(state: &mut State, request: &Incoming<'_>) -> Result<Response<Vec<u8>>, Refusal> {
    let params = request.form()?;
    let client = authenticate(state, request, &params)?;
    let token = params.required("token")?;
    let is_void =
        |refresh: &Refresh| state.revoking_spent == RevokingSpent::DoesNothing && refresh.successors.is_some();
    let grant = state
        .refresh_tokens
        .get(token)
        .filter(|refresh| !is_void(refresh))
        .map(|refresh| refresh.grant)
        .or_else(|| state.access_tokens.get(token).map(|access| access.grant));
    if let Some(id) = grant
        && let Some(grant) = state.grants.get(&id)
    {
        if grant.client_id != client.client_id {
            return Err(Refusal::new("invalid_grant", "the token is another client's"));
        }
        state.grants.remove(&id);
    }
    Ok(no_store(empty(200)))
}

/// RFC 7662 section 2. A client may ask about its own tokens. It authenticates by the method that
/// it registered, which may be `none`.
pub(super) fn introspect(state: &mut State, request: &Incoming<'_>) -> Result<Response<Vec<u8>>, Refusal> {
    let params = request.form()?;
    let client = authenticate(state, request, &params)?;
    let is_own = |grant: &Grant| grant.client_id == client.client_id;
    let token = params.required("token")?;
    let mut response = json!({ "active": false });
    if let Some((access, grant)) = state.access(token, request.now).filter(|(_, grant)| is_own(grant)) {
        response = json!({
            "active": true,
            "iss": state.issuer,
            "scope": access.scope,
            "client_id": grant.client_id,
            "username": grant.login,
            "sub": grant.subject,
            "token_type": if access.jkt.is_some() { "DPoP" } else { "Bearer" },
            "iat": access.issued_at.unix_seconds(),
            "exp": access.expires_at.unix_seconds(),
        });
        bind(&mut response, access.jkt.as_deref());
    } else if let Some(refresh) = state.refresh_tokens.get(token).filter(|refresh| refresh.successors.is_none())
        && let Some(grant) = state.grants.get(&refresh.grant).filter(|grant| is_own(grant))
    {
        response = json!({
            "active": true,
            "iss": state.issuer,
            "scope": grant.scope,
            "client_id": grant.client_id,
            "username": grant.login,
            "sub": grant.subject,
        });
        bind(&mut response, refresh.jkt.as_deref());
    }
    Ok(no_store(json_response(200, &response)))
}

/// Says which key a token is bound to (RFC 9449 section 6.2).
fn bind(response: &mut Value, jkt: Option<&str>) {
    if let (Some(jkt), Some(object)) = (jkt, response.as_object_mut()) {
        object.insert("cnf".into(), json!({ "jkt": jkt }));
    }
}

/// OpenID Connect RP-Initiated Logout sections 2 and 3. Grants live on: only the browser is signed out.
pub(super) fn end_session(state: &mut State, request: &Incoming<'_>) -> Result<Response<Vec<u8>>, Refusal> {
    let params = request.browser_params()?;
    let hint = match params.get("id_token_hint") {
        None => None,
        Some(hint) => Some(read_hint(state, hint).ok_or(Refusal::new("invalid_request", "id_token_hint"))?),
    };
    let from_hint = hint.as_ref().and_then(|claims| claims.get("aud")).and_then(Value::as_str);
    let client = match (from_hint, params.get("client_id")) {
        (Some(hinted), Some(named)) if hinted != named => {
            return Err(Refusal::new("invalid_request", "id_token_hint is of another client"));
        }
        (hinted, named) => hinted.or(named).and_then(|client| state.clients.get(client)),
    };
    let target = match params.get("post_logout_redirect_uri") {
        None => None,
        Some(uri) => {
            let registered =
                client.is_some_and(|client| client.post_logout_redirect_uris.iter().any(|known| known == uri));
            if !registered {
                return Err(Refusal::new("invalid_request", "unregistered post_logout_redirect_uri"));
            }
            Some(uri.to_owned())
        }
    };
    let subject = hint.as_ref().and_then(|claims| claims.get("sub")).and_then(Value::as_str);
    for user in state.users.iter_mut().filter(|user| subject.is_none_or(|subject| subject == user.subject)) {
        user.signed_in = None;
    }
    Ok(match target {
        None => page(200, "You are signed out."),
        Some(uri) => match params.get("state") {
            None => see_other(&uri),
            Some(echo) => see_other(&with_params(&uri, '?', &[("state".to_owned(), echo.to_owned())])),
        },
    })
}
