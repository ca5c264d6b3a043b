//! Dynamic client registration (RFC 7591, OpenID Connect Dynamic Client Registration).

use http::{Method, Response};
use serde_json::{Map, Value, json};
use url::{Host, Url};

use super::client::{METHODS, RegisteredClient, is_loopback_http};
use super::device;
use super::http::{Incoming, Refusal, json as json_response, no_store};
use super::keys;
use super::settings::Dpop;
use super::state::State;
use super::verify::{algorithms, is_public_key};

const fn invalid(description: &'static str) -> Refusal {
    Refusal::new("invalid_client_metadata", description)
}

const fn invalid_redirect(description: &'static str) -> Refusal {
    Refusal::new("invalid_redirect_uri", description)
}

pub(super) fn register(state: &mut State, request: &Incoming<'_>) -> Result<Response<Vec<u8>>, Refusal> {
    if *request.method != Method::POST {
        return Err(Refusal::new("invalid_request", "POST only").status(405));
    }
    if request.content_type() != "application/json" {
        return Err(invalid("not JSON by its content type"));
    }
    if state.initial_access_token.as_deref().is_some_and(|token| request.token("Bearer") != Some(token)) {
        return Err(Refusal::new("insufficient_scope", "an initial access token is needed").status(403));
    }
    let mut metadata: Map<String, Value> =
        serde_json::from_slice(request.body).map_err(|_| invalid("not a JSON object"))?;
    let read = Reader(&metadata);

    let one_of = |values: Vec<String>, known: &[&str], error| {
        if values.iter().all(|value| known.contains(&value.as_str())) { Ok(values) } else { Err(invalid(error)) }
    };
    let grant_types = read.list("grant_types")?.unwrap_or(vec!["authorization_code".into()]);
    let grant_types = one_of(grant_types, &known_grant_types(state), "grant_types")?;
    let has_callback = grant_types.iter().any(|grant_type| grant_type == "authorization_code");
    let redirect_uris = read.list("redirect_uris")?.unwrap_or_default();
    if has_callback && redirect_uris.is_empty() {
        return Err(invalid_redirect("redirect_uris is missing"));
    }
    let native = match read.text("application_type")?.as_deref() {
        None | Some("web") => false,
        Some("native") => true,
        Some(_) => return Err(invalid("application_type")),
    };
    for uri in &redirect_uris {
        check_redirect_uri(uri, native || state.web_on_loopback)?;
    }
    if state.has_habits_of_mas {
        check_client_uri(read.text("client_uri")?.as_deref())?;
        if redirect_uris.iter().any(|uri| has_private_authority(uri)) {
            return Err(invalid_redirect("a private-use scheme has no authority"));
        }
    }
    let response_types = read.list("response_types")?.unwrap_or(vec!["code".into()]);
    let response_types = one_of(response_types, &["code"], "response_types")?;
    let method = read.text("token_endpoint_auth_method")?.unwrap_or("client_secret_basic".into());
    if !METHODS.contains(&method.as_str()) {
        return Err(invalid("token_endpoint_auth_method"));
    }
    let has_secret = method.starts_with("client_secret_");
    let jwks = read.keys()?;
    if method == "private_key_jwt" && jwks.is_empty() {
        return Err(invalid("private_key_jwt needs keys"));
    }
    let asserts = |algorithm: &str| match method.as_str() {
        "client_secret_jwt" => algorithm == "HS256",
        _ => algorithms(state.has_all_algorithms).contains(&algorithm),
    };
    if read.text("token_endpoint_auth_signing_alg")?.is_some_and(|algorithm| !asserts(&algorithm)) {
        return Err(invalid("token_endpoint_auth_signing_alg"));
    }
    let signed = |name: &str| -> Result<Option<String>, Refusal> {
        let algorithm = read.text(name)?;
        match algorithm.as_deref() {
            Some("HS256") if !has_secret => Err(invalid(
                "HS256 needs a client with a secret: client_secret_basic, client_secret_post or client_secret_jwt",
            )),
            Some(name) if name != "HS256" && !keys::algorithms(state.has_all_algorithms).contains(&name) => {
                Err(invalid(if state.has_all_algorithms {
                    "the provider signs with RS, PS or ES and 256, 384 or 512, EdDSA, Ed25519 or HS256 only"
                } else {
                    "the provider signs with RS256, ES256, EdDSA, Ed25519 or HS256 only"
                }))
            }
            _ => Ok(algorithm),
        }
    };
    let client = RegisteredClient {
        id_token_signed_response_alg: signed("id_token_signed_response_alg")?.unwrap_or("RS256".into()),
        userinfo_signed_response_alg: signed("userinfo_signed_response_alg")?,
        post_logout_redirect_uris: read.list("post_logout_redirect_uris")?.unwrap_or_default(),
        client_id: state.random("client_"),
        // Long enough for HS256 (RFC 7518 section 3.2).
        client_secret: has_secret.then(|| state.random("secret_") + &state.random("")),
        token_endpoint_auth_method: method,
        jwks,
        dpop_bound_access_tokens: read.flag("dpop_bound_access_tokens")?,
        redirect_uris,
        grant_types,
    };

    // Everything sent is echoed, also what the provider does not know; then come its own responses.
    metadata.insert("client_id".into(), json!(client.client_id));
    metadata.insert("client_id_issued_at".into(), json!(request.now.unix_seconds()));
    if state.dpop == Dpop::Required {
        metadata.insert("dpop_bound_access_tokens".into(), json!(true));
    }
    if let Some(secret) = &client.client_secret {
        metadata.insert("client_secret".into(), json!(secret));
        if !state.has_habits_of_mas {
            metadata.insert("client_secret_expires_at".into(), json!(0));
        }
    }
    if state.initial_access_token.is_some() {
        let uri = state.url(&format!("/register/{}", client.client_id));
        metadata.insert("registration_client_uri".into(), json!(uri));
        metadata.insert("registration_access_token".into(), json!(state.random("registration_")));
    }
    metadata.insert("application_type".into(), json!(if native { "native" } else { "web" }));
    metadata.insert("response_types".into(), json!(response_types));
    metadata.insert("grant_types".into(), json!(client.grant_types));
    metadata.insert("token_endpoint_auth_method".into(), json!(client.token_endpoint_auth_method));
    metadata.insert("id_token_signed_response_alg".into(), json!(client.id_token_signed_response_alg));
    if let Some(adopted) = &state.adopted {
        adopted.registration(&mut metadata);
    }
    if state.has_habits_of_mas && client.is_public() {
        // The same metadata are the same client.
        let known = state.registered.entry(request.body.to_vec()).or_insert(client.client_id.clone()).clone();
        metadata.insert("client_id".into(), json!(known));
        state.clients.entry(known.clone()).or_insert(RegisteredClient { client_id: known, ..client });
    } else {
        state.clients.insert(client.client_id.clone(), client);
    }
    Ok(no_store(json_response(201, &Value::Object(metadata))))
}

pub(super) fn known_grant_types(state: &State) -> Vec<&str> {
    let own = state.extensions.iter().map(|extension| extension.grant_type.as_str());
    ["authorization_code", "refresh_token", "client_credentials", device::GRANT_TYPE].into_iter().chain(own).collect()
}

/// The rules of OpenID Connect Dynamic Client Registration section 2 and RFC 8252 section 7.
fn check_redirect_uri(uri: &str, native: bool) -> Result<(), Refusal> {
    let url = Url::parse(uri).map_err(|_| invalid_redirect("not a URL"))?;
    if url.fragment().is_some() {
        return Err(invalid_redirect("with a fragment"));
    }
    match url.scheme() {
        "https" => Ok(()),
        "http" if native && is_loopback_http(&url) => Ok(()),
        scheme if native && scheme.contains('.') => Ok(()),
        _ => Err(invalid_redirect("the scheme does not fit the application type")),
    }
}

/// The policy of the Matrix Authentication Service: a page that users know, at a domain that somebody owns.
fn check_client_uri(uri: Option<&str>) -> Result<(), Refusal> {
    let uri = uri.ok_or(invalid("client_uri is missing"))?;
    let url = Url::parse(uri).map_err(|_| invalid("client_uri is not a URL"))?;
    match url.host() {
        // A name without a dot is a public suffix, or this machine.
        Some(Host::Domain(name)) if url.scheme() == "https" && name.contains('.') => Ok(()),
        _ => Err(invalid("client_uri is not https at a domain")),
    }
}

/// Whether it is `scheme://x`; `scheme:///path` has none.
fn has_private_authority(uri: &str) -> bool {
    let is_private = |url: &Url| !matches!(url.scheme(), "http" | "https");
    Url::parse(uri).is_ok_and(|url| is_private(&url) && url.host_str().is_some_and(|host| !host.is_empty()))
}

struct Reader<'a>(&'a Map<String, Value>);

impl Reader<'_> {
    fn text(&self, name: &str) -> Result<Option<String>, Refusal> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(invalid("a member is not a string")),
        }
    }

    fn flag(&self, name: &str) -> Result<bool, Refusal> {
        match self.0.get(name) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(_) => Err(invalid("a member is not true or false")),
        }
    }

    /// The client's public keys. `jwks_uri` is no use: a pure function fetches nothing.
    fn keys(&self) -> Result<Vec<Value>, Refusal> {
        if self.0.contains_key("jwks_uri") {
            return Err(invalid("jwks_uri: send jwks"));
        }
        let Some(jwks) = self.0.get("jwks") else { return Ok(Vec::new()) };
        let keys = jwks.get("keys").and_then(Value::as_array).ok_or(invalid("jwks is no JWK set"))?;
        if keys.iter().all(is_public_key) { Ok(keys.clone()) } else { Err(invalid("jwks: only public keys")) }
    }

    fn list(&self, name: &str) -> Result<Option<Vec<String>>, Refusal> {
        match self.0.get(name) {
            None => Ok(None),
            Some(value) => {
                let list = serde_json::from_value(value.clone()).map(Some);
                list.map_err(|_| invalid("a member is not a list of strings"))
            }
        }
    }
}
