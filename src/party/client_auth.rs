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
use crate::base::env::Env;
use crate::base::secret::{Body, Secret, sensitive_header};
use crate::base::url::Endpoint;
use crate::error::{Error, ErrorCode, Family, Quote};
use crate::jose::{Algorithm, signing_input};
use crate::wire::{form, request};

/// How long a client assertion is good: long enough for a slow network and a clock that is a little off.
const ASSERTION_LIFETIME: Duration = Duration::from_secs(60);

/// `client_assertion_type` (RFC 7523 section 2.2).
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// A form to an endpoint, with the client's credentials where its method puts them; an assertion is added later.
pub(crate) fn form_request(endpoint: &Endpoint, client: &Client, pairs: &[(&str, &str)]) -> Request<Body> {
    let client_id = (!matches!(client.auth, ClientAuth::SecretBasic(_))).then_some(("client_id", client.id()));
    let client_secret = match &client.auth {
        ClientAuth::SecretPost(secret) => Some(("client_secret", secret.expose())),
        _ => None,
    };
    let mut body = String::new();
    form::append(&mut body, pairs.iter().copied().chain(client_id).chain(client_secret));
    with_basic(request::form(endpoint, body), client)
}

/// A form that is written already, `client_id` included, with the client's secret where its method puts it.
pub(crate) fn authenticated(endpoint: &Endpoint, client: &Client, form: String) -> Request<Body> {
    let mut form = Body::from(form);
    if let ClientAuth::SecretPost(secret) = &client.auth {
        form = form::extended(&form, [("client_secret", secret.expose())]);
    }
    with_basic(request::form(endpoint, form), client)
}

/// The request with the client's secret in its header, if its method puts it there.
pub(crate) fn with_basic(mut request: Request<Body>, client: &Client) -> Request<Body> {
    if let ClientAuth::SecretBasic(secret) = &client.auth {
        request.headers_mut().insert(AUTHORIZATION, basic(&client.id, secret.expose(), client.has_plain_basic));
    }
    request
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
    let now = env.now();
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

/// Says how the client authenticated, where the provider did not accept it.
pub(crate) fn explained(error: Error, client: &Client) -> Error {
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
    let firewall = if is_forbidden { " A firewall or a proxy may have refused the request, too." } else { "" };
    error.with_found(found).with_hint(format!("The client authenticated with `{method}`; {what}.{firewall}"))
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
