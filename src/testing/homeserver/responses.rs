//! The endpoints of the homeserver.

use http::{Method, Response, header};
use serde_json::{Map, Value, json};

use super::route::{DEVICES, OnMatrix};
use super::state::{KnownScopes, State};
use crate::testing::http::{Incoming, json as json_response, set};
use crate::testing::provider::{Bearer, Provider};
use crate::testing::{discovery, dpop};

const DEACTIVATE: &str = "org.matrix.account_deactivate";

const ACTIONS: [&str; 6] = [
    "org.matrix.profile",
    "org.matrix.devices_list",
    "org.matrix.device_view",
    "org.matrix.device_delete",
    DEACTIVATE,
    "org.matrix.cross_signing_reset",
];

const OLDER_ACTIONS: [&str; 4] =
    ["org.matrix.profile", "org.matrix.sessions_list", "org.matrix.session_view", "org.matrix.session_end"];

const STABLE: &str = "urn:matrix:client:";
const UNSTABLE: &str = "urn:matrix:org.matrix.msc2967.client:";

/// The honest answer of an endpoint.
pub(super) fn respond(
    state: &State,
    provider: &Provider,
    on: OnMatrix,
    path: &str,
    request: &Incoming<'_>,
) -> Response<Vec<u8>> {
    if state.missing.contains(&on) {
        return Refusal::UNRECOGNIZED.into_response();
    }
    if *request.method != Method::GET && on != OnMatrix::Elsewhere {
        return Refusal { status: 405, ..Refusal::UNRECOGNIZED }.into_response();
    }
    match on {
        OnMatrix::WellKnown => {
            json_response(200, &json!({ "m.homeserver": { "base_url": format!("{}/", state.base_url) } }))
        }
        OnMatrix::Versions => {
            let features = json!({ "org.matrix.msc4108": !state.missing.contains(&OnMatrix::Rendezvous) });
            json_response(200, &json!({ "versions": ["v1.1", "v1.15", "v1.18"], "unstable_features": features }))
        }
        OnMatrix::AuthMetadata | OnMatrix::AuthMetadataUnstable => auth_metadata(state, provider, request),
        OnMatrix::AuthIssuer => json_response(200, &json!({ "issuer": provider.issuer() })),
        OnMatrix::Whoami | OnMatrix::Device => {
            let respond = if on == OnMatrix::Whoami { whoami } else { device };
            let mut response = respond(state, provider, path, request).unwrap_or_else(Refusal::into_response);
            dpop::tell_nonce(&mut provider.lock(), request, &mut response);
            response
        }
        // The rendezvous server answers for itself.
        OnMatrix::Rendezvous | OnMatrix::Elsewhere => Refusal::UNRECOGNIZED.into_response(),
    }
}

/// The standard error response.
struct Refusal {
    status: u16,
    errcode: &'static str,
    error: &'static str,
    soft_logout: Option<bool>,
    /// The proof of the token's key needs the nonce that comes along (RFC 9449 section 9).
    needs_nonce: bool,
}

impl Refusal {
    const UNRECOGNIZED: Self = Self::new(404, "M_UNRECOGNIZED", "Unrecognized request");

    const fn new(status: u16, errcode: &'static str, error: &'static str) -> Self {
        Self { status, errcode, error, soft_logout: None, needs_nonce: false }
    }

    fn into_response(self) -> Response<Vec<u8>> {
        let mut body = json!({ "errcode": self.errcode, "error": self.error });
        if let Some((object, soft_logout)) = body.as_object_mut().zip(self.soft_logout) {
            object.insert("soft_logout".into(), soft_logout.into());
        }
        let mut response = json_response(self.status, &body);
        if self.needs_nonce {
            set(&mut response, header::WWW_AUTHENTICATE, "DPoP error=\"use_dpop_nonce\"");
        }
        response
    }
}

/// The provider's metadata and where accounts are managed.
fn auth_metadata(state: &State, provider: &Provider, request: &Incoming<'_>) -> Response<Vec<u8>> {
    if state.has_lost_provider && !state.has_metadata {
        let mut response = Refusal::new(500, "M_UNKNOWN", "Internal server error").into_response();
        set(&mut response, header::CACHE_CONTROL, "public, max-age=600, s-maxage=3600, stale-while-revalidate=600");
        return response;
    }
    let own = provider.lock();
    let mut response = discovery::metadata(&own, request);
    let mut document: Map<String, Value> = serde_json::from_slice(response.body()).unwrap_or_default();
    document.insert("account_management_uri".into(), json!(own.url("/account?from=matrix")));
    let offered = |action: &&&str| !state.keeps_accounts || **action != DEACTIVATE;
    let actions = if state.has_older_names { &OLDER_ACTIONS[..] } else { &ACTIONS };
    let actions: Vec<_> = actions.iter().filter(offered).collect();
    document.insert("account_management_actions_supported".into(), json!(actions));
    *response.body_mut() = Value::Object(document).to_string().into_bytes();
    response
}

/// Whom the request's access token speaks for, and the device that it is for.
///
/// A token that is bound to a key comes with a proof of it (RFC 9449 section 7.1).
fn admit(state: &State, provider: &Provider, path: &str, request: &Incoming<'_>) -> Result<(Bearer, String), Refusal> {
    let token = request.token("dpop").or(request.token("bearer"));
    let token = token.ok_or(Refusal::new(401, "M_MISSING_TOKEN", "Missing access token"))?;
    let unknown =
        |error| Refusal { soft_logout: Some(state.soft_logout), ..Refusal::new(401, "M_UNKNOWN_TOKEN", error) };
    if state.has_lost_provider {
        return Err(Refusal::new(503, "M_UNKNOWN", "Failed to introspect the access token"));
    }
    let bearer = provider.bearer(token, request.now).ok_or_else(|| unknown("Token is not active"))?;
    let proven = request.token("dpop").map(|token| {
        dpop::check(&mut provider.lock(), request, &url_of(&state.base_url, path), Some(token)).map_err(|refusal| {
            Refusal { needs_nonce: refusal.error == "use_dpop_nonce", ..unknown("The proof of the key is not good") }
        })
    });
    if bearer.jkt != proven.transpose()? {
        return Err(unknown("Token is bound to another key, or comes without its proof"));
    }
    if state.is_lock_hidden && state.locked.contains(&bearer.login) {
        return Err(Refusal { soft_logout: Some(false), ..unknown("Token is not active") });
    }
    if state.locked.contains(&bearer.login) {
        let locked = Refusal::new(401, "M_USER_LOCKED", "This account has been locked");
        return Err(Refusal { soft_logout: Some(true), ..locked });
    }
    let prefixes: &[&str] = match state.scopes {
        KnownScopes::Both => &[STABLE, UNSTABLE],
        KnownScopes::Stable => &[STABLE],
        KnownScopes::Unstable => &[UNSTABLE],
    };
    let mut known = Vec::new();
    for value in bearer.scope.split(' ') {
        known.extend(prefixes.iter().filter_map(|prefix| value.strip_prefix(prefix)));
    }
    let mut devices = known.iter().filter_map(|rest| rest.strip_prefix("device:"));
    match (known.contains(&"api:*"), devices.next(), devices.next()) {
        (true, Some(device), None) => {
            let device = device.to_owned();
            Ok((bearer, device))
        }
        (true, ..) => Err(Refusal::new(403, "M_FORBIDDEN", "A token is for one device")),
        // As Synapse says it.
        (false, ..) => Err(unknown("Token doesn't grant access to the Matrix C-S API")),
    }
}

/// A path at the host of the base URL.
fn url_of(base_url: &str, path: &str) -> String {
    let host = base_url.split('/').take(3).collect::<Vec<_>>().join("/");
    format!("{host}{path}")
}

fn whoami(
    state: &State,
    provider: &Provider,
    path: &str,
    request: &Incoming<'_>,
) -> Result<Response<Vec<u8>>, Refusal> {
    let (bearer, device) = admit(state, provider, path, request)?;
    let user = state.user_id(&bearer.login);
    Ok(json_response(200, &json!({ "user_id": user, "device_id": device, "is_guest": false })))
}

/// A device is there as long as somebody is logged in with it.
fn device(
    state: &State,
    provider: &Provider,
    path: &str,
    request: &Incoming<'_>,
) -> Result<Response<Vec<u8>>, Refusal> {
    let (bearer, _) = admit(state, provider, path, request)?;
    let id = decode(path.rsplit_once(DEVICES).map_or("", |(_, id)| id));
    let is_scope = |scope: &str| [STABLE, UNSTABLE].iter().any(|prefix| *scope == format!("{prefix}device:{id}"));
    let own = provider.lock();
    let has_tokens = |grant: &u64| own.access_tokens.values().any(|access| access.grant == *grant);
    let by_login = own.grants.iter().any(|(number, grant)| {
        grant.login == bearer.login && grant.scope.split(' ').any(is_scope) && has_tokens(number)
    });
    if by_login || state.devices.contains(&(bearer.login, id.clone())) {
        Ok(json_response(200, &json!({ "device_id": id, "display_name": "a device" })))
    } else {
        Err(Refusal::new(404, "M_NOT_FOUND", "No device found"))
    }
}

/// Undoes the escapes of a path segment.
fn decode(segment: &str) -> String {
    // In a path, `+` and `=` stand for themselves; in a form, they have a meaning of their own.
    let form = segment.replace('+', "%2B").replace('=', "%3D");
    url::form_urlencoded::parse(form.as_bytes()).next().map_or_else(String::new, |(name, _)| name.into_owned())
}
