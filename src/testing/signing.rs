//! What the provider signs: ID tokens, logout tokens, userinfo.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256, Sha384, Sha512};

use super::client::RegisteredClient;
use super::edit::Edit;
use super::habits::adopted::Adopted;
use super::id_token::{IdToken, Signature, header, sign};
use super::keys;
use super::records::Grant;
use super::state::State;
use super::verify::Jwt;
use crate::base::env::Timestamp;

/// A token without claims, to be signed as this client's are.
fn unsigned(state: &State, client: &RegisteredClient, refreshed: bool) -> IdToken {
    let own = state.adopted.as_ref().and_then(Adopted::algorithm);
    let algorithm = own.map_or_else(|| client.id_token_signed_response_alg.clone(), str::to_owned);
    IdToken {
        header: header(state.second_keys, &algorithm),
        claims: Map::new(),
        header_text: None,
        claims_text: None,
        signature: Signature::Right,
        finish: std::convert::identity,
        refreshed,
        algorithm,
    }
}

/// A logout token (OpenID Connect Back-Channel Logout 1.0 section 2.4).
pub(super) fn issue_logout_token(
    state: &mut State,
    client: &RegisteredClient,
    subject: &str,
    now: Timestamp,
) -> Option<String> {
    let id = state.random("logout_");
    let mut token = unsigned(state, client, false);
    token.member("typ", "logout+jwt");
    token.claim("iss", state.issuer.as_str());
    token.claim("sub", subject);
    token.claim("aud", client.client_id.as_str());
    token.claim("iat", now.unix_seconds());
    token.claim("exp", now.unix_seconds() + 120);
    token.claim("jti", id);
    token.claim("events", json!({ "http://schemas.openid.net/event/backchannel-logout": {} }));
    if let Some(adopted) = &state.adopted {
        adopted.logout_token(&mut token);
    }
    for edit in &state.edits {
        if let Edit::LogoutToken(hook) = edit {
            hook(&mut token);
        }
    }
    token.compact(state.second_keys, client)
}

/// The ID token that goes with an access token (OpenID Connect Core sections 2 and 12.2).
pub(super) fn issue(
    state: &State,
    grant: &Grant,
    client: &RegisteredClient,
    access_token: &str,
    refreshed: bool,
    now: Timestamp,
) -> Option<String> {
    let mut token = unsigned(state, client, refreshed);
    token.claim("iss", state.issuer.as_str());
    token.claim("sub", grant.subject.as_str());
    token.claim("aud", client.client_id.as_str());
    token.claim("iat", now.unix_seconds());
    token.claim("exp", now.unix_seconds() + 3600);
    token.claim("auth_time", grant.auth_time.unix_seconds());
    token.claim("at_hash", half_hash(&token.algorithm, access_token));
    if let Some(nonce) = grant.nonce.as_deref().filter(|_| !refreshed) {
        token.claim("nonce", nonce);
    }
    if let Some(acr) = &grant.acr {
        token.claim("acr", acr.as_str());
    }
    if let Some(adopted) = &state.adopted {
        adopted.id_token(&mut token, client, grant.nonce.as_deref(), now);
    }
    for edit in &state.edits {
        if let Edit::IdToken(hook) = edit {
            hook(&mut token);
        }
    }
    token.compact(state.second_keys, client)
}

/// Claims as a signed JWT: userinfo, for clients that registered for that (OpenID Connect Core section 5.3.2).
pub(super) fn sign_claims(
    state: &State,
    client: &RegisteredClient,
    algorithm: &str,
    claims: &Map<String, Value>,
) -> Option<String> {
    let header = Value::Object(header(state.second_keys, algorithm)).to_string();
    let claims = Value::Object(claims.clone()).to_string();
    let input = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let signature = sign(state.second_keys, client, algorithm, input.as_bytes())?;
    Some(format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature)))
}

/// The claims of an ID token that this provider signed, with keys of now or before. Expiry does not
/// matter (OpenID Connect RP-Initiated Logout section 2).
pub(super) fn read_hint(state: &State, token: &str) -> Option<Map<String, Value>> {
    let token = Jwt::parse(token)?;
    let client = match token.claims.get("aud")? {
        Value::Array(list) => list.iter().find_map(|audience| state.clients.get(audience.as_str()?))?,
        audience => state.clients.get(audience.as_str()?)?,
    };
    let (algorithm, input) = (token.algorithm(), token.input.as_bytes());
    let is_ours = |second| match algorithm {
        "HS256" => sign(second, client, algorithm, input).is_some_and(|own| own == token.signature),
        _ => keys::generation(second).has_signed(algorithm, input, &token.signature),
    };
    (is_ours(state.second_keys) || is_ours(!state.second_keys)).then_some(token.claims)
}

/// `at_hash` (OpenID Connect Core section 3.1.3.6): the left half of the hash that the algorithm uses.
fn half_hash(algorithm: &str, text: &str) -> String {
    let digest = match algorithm {
        "EdDSA" | "Ed25519" => Sha512::digest(text).to_vec(),
        name if name.ends_with("512") => Sha512::digest(text).to_vec(),
        name if name.ends_with("384") => Sha384::digest(text).to_vec(),
        _ => Sha256::digest(text).to_vec(),
    };
    let half: Vec<u8> = digest.iter().copied().take(digest.len() / 2).collect();
    URL_SAFE_NO_PAD.encode(half)
}
