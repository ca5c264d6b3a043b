//! An ID token that is about to be signed, and the key set that it will be verified with.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, crypto};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng as _, SeedableRng as _};
use serde_json::{Map, Value, json};

use crate::keys::{self, Keys};
use crate::verdicts::{self, CLIENT_ID, ISSUER, SUBJECT};

/// Who signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signature {
    /// The provider.
    Right,
    /// Somebody else, under the same `kid`.
    Foreign,
    /// The provider, with a key of 1024 bits.
    Weak,
    /// Anyone, with the public key as the secret of an HMAC (RFC 8725 section 2.1).
    PublicKeyAsSecret,
    /// Nobody: nothing stands there.
    Empty,
    /// Nobody: zeros stand there.
    Zeros,
}

/// The parts of a token, to be changed.
pub struct Token {
    pub algorithm: Algorithm,
    pub header: Map<String, Value>,
    pub claims: Map<String, Value>,
    /// In place of `header`.
    pub header_text: Option<String>,
    /// In place of `claims`.
    pub claims_text: Option<String>,
    pub signature: Signature,
    /// What to make of the compact form in the end.
    pub finish: fn(String) -> String,
    /// The provider's key set.
    pub keys: Vec<Value>,
    /// The time of day, in seconds.
    pub now: u64,
    rng: ChaCha20Rng,
}

impl Token {
    /// A good one.
    pub fn new(algorithm: Algorithm, seed: u64, now: u64) -> Self {
        let mut token = Self {
            algorithm,
            header: Map::new(),
            claims: Map::new(),
            header_text: None,
            claims_text: None,
            signature: Signature::Right,
            finish: std::convert::identity,
            keys: keys::trusted().set(),
            now,
            rng: ChaCha20Rng::seed_from_u64(seed),
        };
        token.member("alg", json!(algorithm));
        token.member("kid", keys::trusted().of(algorithm).kid());
        token.claim("iss", ISSUER);
        token.claim("sub", SUBJECT);
        token.claim("aud", CLIENT_ID);
        let lifetime = token.up_to(3000);
        token.claim("exp", now + 300 + lifetime);
        let age = token.up_to(3000);
        token.claim("iat", now - age);
        token.claim("nonce", verdicts::nonce());
        token
    }

    /// A number below `limit`, another one each time.
    pub fn up_to(&mut self, limit: u64) -> u64 {
        self.rng.next_u64() % limit
    }

    /// Sets a claim.
    pub fn claim(&mut self, name: &str, value: impl Into<Value>) {
        self.claims.insert(name.to_owned(), value.into());
    }

    /// Sets a member of the header.
    pub fn member(&mut self, name: &str, value: impl Into<Value>) {
        self.header.insert(name.to_owned(), value.into());
    }

    /// The key of the token's algorithm, in the key set.
    pub fn key(&mut self) -> &mut Value {
        let kid = keys::trusted().of(self.algorithm).kid();
        self.keys.iter_mut().find(|key| key["kid"] == kid).expect("the key is there")
    }

    /// The claims as text, for changes that no object can say.
    pub fn claims_as_text(&self) -> String {
        Value::Object(self.claims.clone()).to_string()
    }

    /// The key set.
    pub fn key_set(&self) -> String {
        json!({ "keys": self.keys }).to_string()
    }

    /// The token.
    pub fn compact(&self) -> String {
        let header = self.header_text.clone().unwrap_or_else(|| Value::Object(self.header.clone()).to_string());
        let claims = self.claims_text.clone().unwrap_or_else(|| self.claims_as_text());
        let input = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        let by = |keys: &Keys| keys.of(self.algorithm).sign(input.as_bytes());
        let signature = match self.signature {
            Signature::Right => by(keys::trusted()),
            Signature::Foreign => by(keys::foreign()),
            Signature::Weak => keys::weak().sign(input.as_bytes()),
            Signature::PublicKeyAsSecret => {
                let secret = keys::trusted().of(self.algorithm).jwk.to_string();
                let secret = EncodingKey::from_secret(secret.as_bytes());
                crypto::sign(input.as_bytes(), &secret, Algorithm::HS256).expect("an HMAC")
            }
            Signature::Empty => String::new(),
            Signature::Zeros => "A".repeat(by(keys::trusted()).len()),
        };
        (self.finish)(format!("{input}.{signature}"))
    }
}
