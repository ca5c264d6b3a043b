//! Requests that a client authenticates (RFC 6749 section 2.3).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Request;
use http::header::AUTHORIZATION;
use zeroize::Zeroizing;

use super::{form, request};
use crate::client::{Client, ClientAuth};
use crate::endpoint::Endpoint;
use crate::secret::{Body, sensitive_header};

/// A form to an endpoint, with the client's credentials where its method puts them.
pub(crate) fn authenticated_form(endpoint: &Endpoint, client: &Client, pairs: &[(&str, &str)]) -> Request<Body> {
    let mut all = Vec::with_capacity(pairs.len() + 2);
    all.extend_from_slice(pairs);
    if !matches!(client.auth, ClientAuth::SecretBasic(_)) {
        all.push(("client_id", &client.id));
    }
    if let ClientAuth::SecretPost(secret) = &client.auth {
        all.push(("client_secret", secret.expose()));
    }
    let mut body = String::new();
    form::append(&mut body, &all);
    let mut request = request::form(endpoint, body);
    if let ClientAuth::SecretBasic(secret) = &client.auth {
        request.headers_mut().insert(AUTHORIZATION, basic(&client.id, secret.expose()));
    }
    request
}

/// Both parts are form-encoded before they are joined (section 2.3.1): a colon in the client ID does no harm.
fn basic(id: &str, secret: &str) -> http::HeaderValue {
    let mut joined = Zeroizing::new(String::with_capacity(3 * (id.len() + secret.len()) + 1));
    form::encode(&mut joined, id);
    joined.push(':');
    form::encode(&mut joined, secret);
    sensitive_header(&["Basic ", &Zeroizing::new(STANDARD.encode(joined.as_bytes()))])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basic_credentials_are_form_encoded_first() {
        // RFC 6749 section 2.3.1's example, and characters that need escaping.
        assert_eq!(basic("s6BhdRkqt3", "7Fjfp0ZBr1KtDRbnfVdmIw"), "Basic czZCaGRSa3F0Mzo3RmpmcDBaQnIxS3REUmJuZlZkbUl3");
        let value = basic("a:b c", "ü");
        assert!(value.is_sensitive());
        assert_eq!(STANDARD.decode(&value.as_bytes()[6..]).unwrap(), b"a%3Ab+c:%C3%BC");
    }
}
