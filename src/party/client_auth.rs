//! How a client authenticates (RFC 6749 section 2.3, OpenID Connect Core 1.0 section 9, RFC 7523).

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::AUTHORIZATION;
use http::{HeaderValue, Request, StatusCode};
use serde::Serialize;
use zeroize::Zeroizing;

use super::client::{Client, ClientAuth};
use super::options::Deviation;
use super::provider::Provider;
use super::relying_party::RelyingParty;
use super::server_time::Difference;
use crate::base::env::Env;
use crate::base::secret::{Body, Secret, sensitive_header};
use crate::base::url::Endpoint;
use crate::error::{Error, ErrorCode, Family, Quote};
use crate::jose::{Algorithm, signing_input};
use crate::wire::form::Value;
use crate::wire::{form, request};

/// How long a client assertion is good: long enough for a slow network and a clock that is a little off.
const ASSERTION_LIFETIME: Duration = Duration::from_secs(60);

/// `client_assertion_type` (RFC 7523 section 2.2).
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// Whether a parameter authenticates the client: callers cannot add it to a request. A browser
/// would show it, and a pushed request has it already.
pub(crate) fn is_credential(name: &str) -> bool {
    name == "client_secret" || name.starts_with("client_assertion")
}

/// A form to an endpoint, with the client's credentials where its method puts them; an assertion is added later.
pub(crate) fn form_request<const N: usize>(
    endpoint: &Endpoint,
    client: &Client,
    own: [form::Own<'_>; N],
) -> Request<Body> {
    form_request_with(endpoint, client, own, std::iter::empty())
}

/// The same with parameters whose names the caller gave.
pub(crate) fn form_request_with<'a, const N: usize>(
    endpoint: &Endpoint,
    client: &Client,
    own: [form::Own<'_>; N],
    given: impl Iterator<Item = (&'a str, &'a str)> + Clone,
) -> Request<Body> {
    let is_in_header = matches!(client.auth, ClientAuth::SecretBasic(_));
    let secret = match &client.auth {
        ClientAuth::SecretPost(secret) => Some(Value::Text(secret.expose())),
        _ => None,
    };
    let credentials = [("client_id", (!is_in_header).then(|| client.id_value())), ("client_secret", secret)];
    let mut request = request::form(endpoint, form::body(own, given, credentials));
    add_basic(&mut request, client);
    request
}

/// A form that is written already, `client_id` included, with the client's secret where its method puts it.
pub(crate) fn authenticated(endpoint: &Endpoint, client: &Client, form: String) -> Request<Body> {
    let mut form = Body::from(form);
    if let ClientAuth::SecretPost(secret) = &client.auth {
        form = form::extended(&form, [("client_secret", secret.expose())]);
    }
    let mut request = request::form(endpoint, form);
    add_basic(&mut request, client);
    request
}

/// Puts the client's secret into the header, if its method puts it there.
#[inline]
pub(crate) fn add_basic(request: &mut Request<Body>, client: &Client) {
    if let ClientAuth::SecretBasic(secret) = &client.auth {
        request.headers_mut().insert(AUTHORIZATION, basic(&client.id, secret.expose(), client.has_plain_basic));
    }
}

/// Both parts are form-encoded before they are joined (section 2.3.1): a colon in the client ID does no harm.
fn basic(id: &str, secret: &str, is_plain: bool) -> HeaderValue {
    let mut joined = Zeroizing::new(String::with_capacity(3 * (id.len() + secret.len()) + 1));
    let put =
        |joined: &mut String, text: &str| if is_plain { joined.push_str(text) } else { form::encode(joined, text) };
    put(&mut joined, id);
    joined.push(':');
    put(&mut joined, secret);
    sensitive_header(&["Basic ", &Zeroizing::new(STANDARD.encode(joined.as_bytes()))])
}

/// What is to be signed for a client assertion (RFC 7523 section 3). Its audience is the issuer, which no other
/// provider has (RFC 9126 section 2).
pub(crate) fn assertion_input(
    provider: &Provider,
    client: &Client,
    algorithm: Algorithm,
    key_id: Option<&str>,
    env: &mut dyn Env,
) -> Result<String, Error> {
    #[derive(Serialize)]
    struct Claims<'a> {
        iss: &'a str,
        sub: &'a str,
        aud: &'a str,
        jti: &'a str,
        iat: u64,
        exp: u64,
    }

    let metadata = provider.metadata();
    let audience = match provider.options().accepts(Deviation::TokenEndpointAudience) {
        true => metadata.token_endpoint.uri().to_string(),
        false => provider.issuer().as_str().to_owned(),
    };
    let now = provider.server_time().at(env.now());
    let claims = serde_json::to_vec(&Claims {
        iss: &client.id,
        sub: &client.id,
        aud: &audience,
        jti: Secret::random(env.rng()).expose(),
        iat: now.unix_seconds(),
        exp: now.saturating_add(ASSERTION_LIFETIME).unix_seconds(),
    });
    Ok(signing_input(algorithm, key_id, Some("JWT"), &claims.map_err(|_| ErrorCode::SIGN_FAILED)?))
}

/// Adds the signed assertion to the form (RFC 7523 section 2.2).
pub(crate) fn add_assertion(request: &mut Request<Body>, assertion: &str) {
    let pairs = [("client_assertion_type", ASSERTION_TYPE), ("client_assertion", assertion)];
    *request.body_mut() = form::extended(request.body(), pairs);
}

/// Says what to do where the provider did not accept the client, or a proof of it: how the client
/// authenticated, and how far the clocks differ.
pub(crate) fn explained(error: Error, party: &RelyingParty) -> Error {
    let differ = clocks_differ(&error, party);
    let error = by_method(error, party);
    let Some(differ) = differ else { return error };
    let hint = format!("{differ} {}", error.hint());
    error.with_hint(hint)
}

/// What to do about the clocks, if the error can be about the times in a proof or in an assertion,
/// and the clocks differ.
pub(crate) fn clocks_differ(error: &Error, party: &RelyingParty) -> Option<String> {
    let client = party.client();
    let has_times = client.auth.asserts() || client.dpop.is_some();
    // Keycloak calls a request with an old proof invalid.
    let can_be = matches!(error.family(), Family::ClientRejected | Family::Dpop)
        || matches!(error.code(), ErrorCode::TOKEN_INVALID_REQUEST | ErrorCode::AUTHORIZATION_INVALID_REQUEST);
    let (by, which) = match party.provider().server_time().difference()? {
        Difference::None => return None,
        Difference::Ahead(by) => (by, "ahead of"),
        Difference::Behind(by) => (by, "behind"),
    };
    let seconds = by.as_secs();
    (has_times && can_be)
        .then(|| format!("The provider's clock is {seconds} seconds {which} this machine's: check the clock."))
}

/// Keycloak takes a proof from 25 seconds before to 15 seconds after its time.
const PROOF_TIME: &str = "Check this machine's clock: the provider accepts a DPoP proof only for some seconds before and after its time. Then check the URL that the server sees.";

/// Whether the words of a refusal are about the proof though its name is not, as Keycloak's `invalid_request`.
fn is_about_proof(error: &Error) -> bool {
    let words = error.provider_text().and_then(|text| text.description());
    error.family() == Family::RequestRejected && words.is_some_and(|words| words.contains("DPoP proof"))
}

/// What to say about the algorithm of the client's assertions, if the provider's metadata do not list it.
fn unlisted_algorithm(party: &RelyingParty) -> Option<String> {
    let algorithm = match &party.client().auth {
        ClientAuth::PrivateKeyJwt(key) => key.algorithm(),
        ClientAuth::SecretJwt(_) => Algorithm::Hs256,
        _ => return None,
    };
    let listed = party.provider().metadata().token_endpoint_auth_signing_algorithms?;
    if listed.contains(algorithm) {
        return None;
    }
    let names: Vec<_> = listed.iter().map(|known| known.name()).collect();
    let names = if names.is_empty() { "no algorithm of this crate".to_owned() } else { names.join(", ") };
    Some(format!(" The assertion is signed with {}, and the provider lists {names}.", algorithm.name()))
}

fn by_method(error: Error, party: &RelyingParty) -> Error {
    let client = party.client();
    if client.dpop.is_some() && is_about_proof(&error) {
        return error.with_hint(PROOF_TIME);
    }
    let silent = error.status().filter(|_| error.code() == ErrorCode::HTTP_STATUS);
    // Glewlwyd's response to an assertion that it does not accept. Firewalls say the same: it is no verdict.
    let is_forbidden = silent == Some(StatusCode::FORBIDDEN);
    if error.family() != Family::ClientRejected && silent != Some(StatusCode::UNAUTHORIZED) && !is_forbidden {
        return error;
    }
    let method = client.auth.method().name();
    let what = match &client.auth {
        ClientAuth::None => {
            "it has no credentials: check the client ID; if it is registered with a secret or a key, give it that"
        }
        ClientAuth::SecretBasic(_) => "check the secret, or use `client_secret_post` if it is registered for that",
        ClientAuth::SecretPost(_) => "check the secret, or use `client_secret_basic` if it is registered for that",
        ClientAuth::SecretJwt(_) => "check the secret, this machine's clock and the registered method",
        ClientAuth::PrivateKeyJwt(_) => {
            "check that its public key is registered, the registered method and this machine's clock"
        }
    };
    let found = Quote::library(format_args!("authentication by `{method}`"));
    let unlisted = unlisted_algorithm(party).unwrap_or_default();
    let firewall = if is_forbidden { " A firewall or a proxy may have refused the request, too." } else { "" };
    let hint = if error.code() == ErrorCode::TOKEN_UNAUTHORIZED_CLIENT {
        format!(
            "Enable this grant for the client at the provider. If it is enabled, check the authentication: the client used `{method}`; {what}.{unlisted}"
        )
    } else {
        format!("The client authenticated with `{method}`; {what}.{unlisted}{firewall}")
    };
    error.with_found(found).with_hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basic_credentials_are_form_encoded_first() {
        // RFC 6749 section 2.3.1's example, and characters that need escaping.
        assert_eq!(
            basic("s6BhdRkqt3", "7Fjfp0ZBr1KtDRbnfVdmIw", false),
            "Basic czZCaGRSa3F0Mzo3RmpmcDBaQnIxS3REUmJuZlZkbUl3"
        );
        let value = basic("a:b c", "ü", false);
        assert!(value.is_sensitive());
        assert_eq!(STANDARD.decode(&value.as_bytes()[6..]).unwrap(), b"a%3Ab%20c:%C3%BC");
        assert_eq!(STANDARD.decode(&basic("a c", "ü+/=", true).as_bytes()[6..]).unwrap(), "a c:ü+/=".as_bytes());
    }
}
