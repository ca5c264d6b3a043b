//! Metadata and the JWK set.

use http::{Response, header};
use serde_json::{Value, json};

use super::client::METHODS;
use super::http::{Incoming, http_date, json as json_response, set};
use super::keys;
use super::register;
use super::settings::{Dpop, Par};
use super::state::State;
use super::verify;

/// OpenID Connect Discovery section 3, RFC 8414 section 2.
pub(super) fn metadata(state: &State, request: &Incoming<'_>) -> Response<Vec<u8>> {
    if let Some(adopted) = &state.adopted {
        return cacheable(json_response(200, &Value::Object(adopted.document().clone())), request);
    }
    let mut signing = keys::algorithms(state.has_all_algorithms);
    signing.push("HS256");
    let proving = verify::algorithms(state.has_all_algorithms);
    let mut asserting = proving.clone();
    asserting.push("HS256");
    let mut document = json!({
        "issuer": state.issuer,
        "authorization_endpoint": state.url("/authorize"),
        "token_endpoint": state.url("/token"),
        "userinfo_endpoint": state.url("/userinfo"),
        "jwks_uri": state.url("/jwks"),
        "registration_endpoint": state.url("/register"),
        "revocation_endpoint": state.url("/revoke"),
        "introspection_endpoint": state.url("/introspect"),
        "end_session_endpoint": state.url("/end_session"),
        "scopes_supported": ["openid", "profile", "email", "offline_access"],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query", "fragment", "form_post"],
        "device_authorization_endpoint": state.url("/device_authorization"),
        "grant_types_supported": register::known_grant_types(state),
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": signing,
        "userinfo_signing_alg_values_supported": signing,
        "token_endpoint_auth_methods_supported": METHODS,
        "token_endpoint_auth_signing_alg_values_supported": asserting,
        "revocation_endpoint_auth_methods_supported": METHODS,
        "revocation_endpoint_auth_signing_alg_values_supported": asserting,
        "introspection_endpoint_auth_methods_supported": METHODS,
        "introspection_endpoint_auth_signing_alg_values_supported": asserting,
        "dpop_signing_alg_values_supported": proving,
        "code_challenge_methods_supported": ["S256"],
        "prompt_values_supported": ["none", "login", "consent", "select_account", "create"],
        "authorization_response_iss_parameter_supported": true,
        "claims_supported": [
            "iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "acr", "at_hash",
            "name", "preferred_username", "email", "email_verified"
        ],
    });
    if let Some(object) = document.as_object_mut().filter(|_| state.has_habits_of_mas) {
        for name in [
            "dpop_signing_alg_values_supported",
            "authorization_response_iss_parameter_supported",
            "end_session_endpoint",
        ] {
            object.remove(name);
        }
        object.insert("prompt_values_supported".into(), json!(["login", "create"]));
    }
    if let Some(object) = document.as_object_mut().filter(|_| state.dpop == Dpop::Off) {
        object.remove("dpop_signing_alg_values_supported");
    }
    if let Some(object) = document.as_object_mut().filter(|_| state.par != Par::Off) {
        object.insert("pushed_authorization_request_endpoint".into(), json!(state.url("/par")));
        object.insert("require_pushed_authorization_requests".into(), json!(state.par == Par::Required));
    }
    let claims = document.get_mut("claims_supported").and_then(Value::as_array_mut);
    if let Some(claims) = claims {
        for name in state.users.iter().flat_map(|user| user.claims.keys()) {
            if claims.iter().all(|own| own != name) {
                claims.push(json!(name));
            }
        }
    }
    cacheable(json_response(200, &document), request)
}

pub(super) fn jwks(state: &State, request: &Incoming<'_>) -> Response<Vec<u8>> {
    cacheable(json_response(200, &keys::generation(state.second_keys).jwks(state.has_all_algorithms)), request)
}

fn cacheable(mut response: Response<Vec<u8>>, request: &Incoming<'_>) -> Response<Vec<u8>> {
    set(&mut response, header::CACHE_CONTROL, "max-age=3600");
    set(&mut response, header::DATE, &http_date(request.now));
    response
}
