//! An ID token, from claims to the compact form.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use super::client::RegisteredClient;
use super::keys;

/// An ID token that is about to be signed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct IdToken {
    /// The members of the JOSE header.
    pub header: Map<String, Value>,
    /// The claims.
    pub claims: Map<String, Value>,
    /// A header text to use instead of the members, for headers that are not valid JSON objects.
    pub header_text: Option<String>,
    /// A payload text to use instead of the claims.
    pub claims_text: Option<String>,
    /// The algorithm to sign with, whatever the header says.
    pub algorithm: String,
    /// The signature part of the token.
    pub signature: Signature,
    /// A function that changes the compact form at the end.
    pub finish: fn(String) -> String,
    /// Whether the token is issued for a refresh, not for a code.
    pub refreshed: bool,
}

/// The signature part of an ID token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Signature {
    /// The signature.
    #[default]
    Right,
    /// The signature with its last byte changed.
    Wrong,
    /// As many zeros.
    Zeros,
    /// Nothing.
    Empty,
    /// A right signature by a key that is not in the JWK set.
    ForeignKey,
    /// An HMAC whose secret is the public key, as the JWK set has it (RFC 8725 section 2.1).
    PublicKeyAsSecret,
}

impl IdToken {
    /// Sets a claim.
    pub fn claim(&mut self, name: &str, value: impl Into<Value>) {
        self.claims.insert(name.to_owned(), value.into());
    }

    /// Sets a member of the header.
    pub fn member(&mut self, name: &str, value: impl Into<Value>) {
        self.header.insert(name.to_owned(), value.into());
    }

    /// A date among the claims, in seconds; zero if there is none.
    pub fn date(&self, name: &str) -> i64 {
        self.claims.get(name).and_then(Value::as_i64).unwrap_or(0)
    }

    /// The compact form, signed as this client's tokens are.
    pub(super) fn compact(&self, second_keys: bool, client: &RegisteredClient) -> Option<String> {
        let header = self.header_text.clone().unwrap_or_else(|| Value::Object(self.header.clone()).to_string());
        let claims = self.claims_text.clone().unwrap_or_else(|| Value::Object(self.claims.clone()).to_string());
        let input = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        let ours = || sign(second_keys, client, &self.algorithm, input.as_bytes());
        let signature = match self.signature {
            Signature::Right => ours()?,
            Signature::Wrong => {
                let mut signature = ours()?;
                signature.last_mut().map(|byte| *byte ^= 1)?;
                signature
            }
            Signature::Zeros => vec![0; ours()?.len()],
            Signature::Empty => Vec::new(),
            Signature::ForeignKey => keys::generation(!second_keys).sign(&self.algorithm, input.as_bytes())?,
            Signature::PublicKeyAsSecret => {
                let key = keys::generation(second_keys).jwk("RS256").to_string();
                keys::hs256(key.as_bytes(), input.as_bytes())
            }
        };
        Some((self.finish)(format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))))
    }
}

/// A signature by the provider's keys of one generation, or by the client's secret.
pub(super) fn sign(second_keys: bool, client: &RegisteredClient, algorithm: &str, input: &[u8]) -> Option<Vec<u8>> {
    match algorithm {
        "HS256" => client.client_secret.as_ref().map(|secret| keys::hs256(secret.as_bytes(), input)),
        _ => keys::generation(second_keys).sign(algorithm, input),
    }
}

/// The header of what is signed so.
pub(super) fn header(second_keys: bool, algorithm: &str) -> Map<String, Value> {
    let mut header = Map::new();
    header.insert("alg".into(), json!(algorithm));
    if algorithm != "HS256" {
        header.insert("kid".into(), json!(keys::generation(second_keys).kid(algorithm)));
    }
    header
}
