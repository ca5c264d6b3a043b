//! Grants without a browser: the client's own, and extension grants (RFC 6749 sections 4.4 and 4.5).

use http::Response;

use super::client::RegisteredClient;
use super::http::{Params, Refusal};
use super::records::Grant;
use super::settings::ExtensionGrant;
use super::state::{Issue, State};
use super::token_response::respond;
use crate::base::env::Timestamp;

/// RFC 6749 section 4.4: for clients that can prove who they are, and without a refresh token.
pub(super) fn client_credentials(
    state: &mut State,
    client: &RegisteredClient,
    params: &Params,
    jkt: Option<&str>,
    now: Timestamp,
) -> Result<Response<Vec<u8>>, Refusal> {
    if client.is_public() {
        return Err(Refusal::new("unauthorized_client", "only for clients that authenticate"));
    }
    let granted = ExtensionGrant::new(params.scope()?.unwrap_or(""));
    grant(state, client, granted, jkt, now)
}

/// RFC 6749 section 4.5.
pub(super) fn extension(
    state: &mut State,
    client: &RegisteredClient,
    grant_type: &str,
    params: &Params,
    jkt: Option<&str>,
    now: Timestamp,
) -> Result<Response<Vec<u8>>, Refusal> {
    let extension = state.extensions.iter().find(|extension| extension.grant_type == grant_type);
    let extension = extension.ok_or(Refusal::new("unsupported_grant_type", "unknown grant_type"))?;
    let granted = (extension.decide)(params.pairs()).map_err(|error| Refusal::new(error, "the extension grant"))?;
    grant(state, client, granted, jkt, now)
}

fn grant(
    state: &mut State,
    client: &RegisteredClient,
    granted: ExtensionGrant,
    jkt: Option<&str>,
    now: Timestamp,
) -> Result<Response<Vec<u8>>, Refusal> {
    let has_user = granted.login.is_some();
    if !has_user && granted.scope.split(' ').any(|word| word == "openid") {
        return Err(Refusal::new("invalid_scope", "openid, but there is no user"));
    }
    let (login, subject) = match granted.login {
        None => (String::new(), client.client_id.clone()),
        Some(login) => {
            let user = state.user(Some(&login)).ok_or(Refusal::new("invalid_grant", "there is no such user"))?;
            (user.login, user.subject)
        }
    };
    let (client_id, scope) = (client.client_id.clone(), granted.scope.clone());
    let id = state.add_grant(Grant { client_id, login, subject, scope, nonce: None, acr: None, auth_time: now });
    let mut issue = Issue::new(id, &granted.scope, client, jkt);
    issue.with_refresh &= has_user;
    let tokens = state.issue(&issue, now);
    respond(state, client, &issue, &tokens, now)
}
