//! Userinfo: what a protected resource checks, and how it refuses.

use http::{Response, header};
use serde_json::{Value, json};

use super::dpop;
use super::http::{Incoming, Refusal, empty, json as json_response, no_store, set, with_body};
use super::records::Grant;
use super::settings::StepUp;
use super::signing::sign_claims;
use super::state::State;
use super::verify;
use crate::base::env::Timestamp;

const INVALID: Refusal = Refusal::new("invalid_token", "unknown, expired or revoked");

impl StepUp {
    fn is_met(&self, grant: &Grant, now: Timestamp) -> bool {
        (self.acr_values.is_empty() || grant.acr.as_ref().is_some_and(|acr| self.acr_values.contains(acr)))
            && self.max_age.is_none_or(|max_age| now.saturating_since(grant.auth_time) <= max_age)
    }

    /// The parameters of the challenge (section 3).
    fn params(&self) -> String {
        let mut params = String::new();
        if !self.acr_values.is_empty() {
            params.push_str(&format!(", acr_values=\"{}\"", self.acr_values.join(" ")));
        }
        if let Some(max_age) = self.max_age {
            params.push_str(&format!(", max_age=\"{}\"", max_age.as_secs()));
        }
        params
    }
}

/// A refusal in a header (RFC 6750 section 3, RFC 9449 section 7.1).
struct Challenge {
    scheme: &'static str,
    refusal: Refusal,
    /// Other parameters than those that every challenge of the scheme has.
    more: Option<String>,
}

impl Challenge {
    fn bearer(refusal: Refusal) -> Self {
        Self { scheme: "Bearer", refusal, more: None }
    }

    fn dpop(refusal: Refusal) -> Self {
        Self { scheme: "DPoP", refusal, more: None }
    }

    fn into_response(self, algorithms: &[&str]) -> Response<Vec<u8>> {
        let Self { scheme, refusal, more } = self;
        let usual = || if scheme == "DPoP" { format!(", algs=\"{}\"", algorithms.join(" ")) } else { String::new() };
        let more = more.unwrap_or_else(usual);
        let challenge = match refusal.error {
            "" => format!("{scheme} realm=\"provider\""),
            error => format!("{scheme} error=\"{error}\", error_description=\"{}\"{more}", refusal.description),
        };
        let mut response = empty(if refusal.error == "insufficient_scope" { 403 } else { 401 });
        set(&mut response, header::WWW_AUTHENTICATE, &challenge);
        response
    }
}

/// OpenID Connect Core section 5.3.
pub(super) fn userinfo(state: &mut State, request: &Incoming<'_>) -> Response<Vec<u8>> {
    let algorithms = verify::algorithms(state.has_all_algorithms);
    respond(state, request).unwrap_or_else(|challenge| challenge.into_response(&algorithms))
}

fn respond(state: &mut State, request: &Incoming<'_>) -> Result<Response<Vec<u8>>, Challenge> {
    let token = admit(state, request)?;
    let (access, grant) = state.access(token, request.now).ok_or(Challenge::bearer(INVALID))?;
    let challenge = if access.jkt.is_some() { Challenge::dpop } else { Challenge::bearer };
    if !access.scope.split(' ').any(|word| word == "openid") {
        return Err(challenge(Refusal::new("insufficient_scope", "scope openid is needed")));
    }
    if !state.step_up.is_met(grant, request.now) {
        let refusal = Refusal::new("insufficient_user_authentication", "sign in again, or better");
        return Err(Challenge { more: Some(state.step_up.params()), ..challenge(refusal) });
    }
    let mut claims = state.user(Some(&grant.login)).ok_or(challenge(INVALID))?.claims_for(&access.scope);
    if let Some(adopted) = &state.adopted {
        adopted.userinfo(&mut claims);
    }
    let client = state.clients.get(&grant.client_id).ok_or(challenge(INVALID))?.clone();
    if let Some(access) = state.access_tokens.get_mut(token) {
        access.used = true;
    }
    let Some(algorithm) = &client.userinfo_signed_response_alg else {
        return Ok(no_store(json_response(200, &Value::Object(claims))));
    };
    claims.insert("iss".into(), json!(state.issuer));
    claims.insert("aud".into(), json!(client.client_id));
    let jwt = sign_claims(state, &client, algorithm, &claims).ok_or(challenge(INVALID))?;
    Ok(no_store(with_body(200, "application/jwt", jwt)))
}

/// The access token, if it is good and comes as it was issued: alone, or with a proof of the key that it is bound to.
fn admit<'a>(state: &mut State, request: &Incoming<'a>) -> Result<&'a str, Challenge> {
    let bound_to =
        |state: &State, token| state.access(token, request.now).map(|(access, _)| access.jkt.clone()).ok_or(INVALID);
    if let Some(token) = request.token("dpop") {
        let jkt = bound_to(state, token).map_err(Challenge::dpop)?;
        let url = state.url("/userinfo");
        let proven = dpop::check(state, request, &url, Some(token)).map_err(Challenge::dpop)?;
        if jkt.as_ref() != Some(&proven) {
            return Err(Challenge::dpop(Refusal::new("invalid_token", "bound to another key, or to none")));
        }
        return Ok(token);
    }
    let token = request.token("bearer").ok_or(Challenge::bearer(Refusal::new("", "")))?;
    match bound_to(state, token).map_err(Challenge::bearer)? {
        None => Ok(token),
        Some(_) => Err(Challenge::dpop(Refusal::new("invalid_token", "bound to a key: the scheme is DPoP"))),
    }
}
