//! How applications prove who they are.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header;
use url::form_urlencoded;

use super::assertion;
use super::client::RegisteredClient;
use super::http::{Incoming, Params, Refusal, credentials};
use super::state::State;

/// Client authentication (RFC 6749 section 2.3): by the one method that the client registered.
pub(super) fn authenticate(
    state: &mut State,
    request: &Incoming<'_>,
    params: &Params,
) -> Result<RegisteredClient, Refusal> {
    const UNKNOWN: Refusal = Refusal::invalid_client("unknown client, or wrong secret");
    let in_body = params.get("client_secret");
    if params.get("client_assertion").or(params.get("client_assertion_type")).is_some() {
        if in_body.is_some() || request.header(&header::AUTHORIZATION).is_some() {
            return Err(Refusal::new("invalid_request", "two ways of authentication"));
        }
        return assertion::authenticate(state, params, request.now);
    }
    let (client_id, secret, method) = match request.header(&header::AUTHORIZATION) {
        Some(_) if in_body.is_some() => {
            return Err(Refusal::new("invalid_request", "two ways of authentication"));
        }
        Some(value) => {
            let (id, secret) = basic(value, !state.has_habits_of_mas).ok_or(UNKNOWN)?;
            if params.get("client_id").is_some_and(|in_body| in_body != id) {
                return Err(Refusal::new("invalid_request", "two client IDs"));
            }
            (id, Some(secret), "client_secret_basic")
        }
        None => {
            let id = params.get("client_id").ok_or(UNKNOWN)?.to_owned();
            (id, in_body.map(str::to_owned), if in_body.is_some() { "client_secret_post" } else { "none" })
        }
    };
    let client = state.clients.get(&client_id).ok_or(UNKNOWN)?;
    if client.token_endpoint_auth_method != method {
        return Err(Refusal::invalid_client("another way of authentication was registered"));
    }
    if client.client_secret != secret {
        return Err(UNKNOWN);
    }
    Ok(client.clone())
}

/// Name and password, each form-encoded before they were joined (RFC 6749 section 2.3.1), or as they are.
fn basic(value: &str, is_encoded: bool) -> Option<(String, String)> {
    let joined = String::from_utf8(STANDARD.decode(credentials(value, "basic")?).ok()?).ok()?;
    let (id, secret) = joined.split_once(':')?;
    if !is_encoded {
        return Some((id.to_owned(), secret.to_owned()));
    }
    Some((form_decode(id)?, form_decode(secret)?))
}

fn form_decode(text: &str) -> Option<String> {
    if text.contains(['&', '=', ':']) {
        return None;
    }
    form_urlencoded::parse(text.as_bytes()).next().map(|(name, _)| name.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basic_credentials_are_form_decoded() {
        let header = |text: &str| format!("Basic {}", STANDARD.encode(text));
        assert_eq!(basic(&header("a%3Ab:s+%26"), true), Some(("a:b".into(), "s &".into())));
        assert_eq!(basic(&header("a:b&c"), true), None);
        assert_eq!(basic("Bearer x", true), None);
    }
}
