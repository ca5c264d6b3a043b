//! The response that has tokens in it, whatever they were issued for.

use http::Response;
use serde_json::json;

use super::client::RegisteredClient;
use super::http::{Refusal, json as json_response, no_store};
use super::records::Tokens;
use super::signing;
use super::state::{Issue, State};
use crate::base::env::Timestamp;

pub(super) const fn invalid_grant(description: &'static str) -> Refusal {
    Refusal::new("invalid_grant", description)
}

/// The response with tokens; with an ID token where the grant has a user and the scope for it.
pub(super) fn respond(
    state: &State,
    client: &RegisteredClient,
    issue: &Issue<'_>,
    tokens: &Tokens,
    now: Timestamp,
) -> Result<Response<Vec<u8>>, Refusal> {
    let grant = state.grants.get(&issue.grant).ok_or(invalid_grant("the grant has ended"))?;
    let mut body = json!({
        "access_token": tokens.access,
        "token_type": if issue.jkt.is_some() { "DPoP" } else { "Bearer" },
        "expires_in": state.access_token_lifetime.as_secs(),
        "scope": issue.scope,
    });
    if let Some(object) = body.as_object_mut() {
        if let Some(refresh) = &tokens.refresh {
            object.insert("refresh_token".into(), json!(refresh));
        }
        if grant.scope.split(' ').any(|word| word == "openid")
            && let Some(id_token) = signing::issue(state, grant, client, &tokens.access, issue.refreshed, now)
        {
            object.insert("id_token".into(), json!(id_token));
        }
        if let Some(adopted) = &state.adopted {
            adopted.tokens(object, client, issue.refreshed);
        }
    }
    Ok(no_store(json_response(200, &body)))
}
