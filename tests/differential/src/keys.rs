//! Keys to sign with. They are published here: whatever they sign proves nothing to anyone.

use std::sync::OnceLock;

use jsonwebtoken::crypto;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};

/// The algorithms that every class is told in.
pub const ALGORITHMS: [Algorithm; 3] = [Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA];

/// A private key and its public half.
pub struct Key {
    algorithm: Algorithm,
    signer: EncodingKey,
    /// The public key, as it stands in a key set.
    pub jwk: Value,
}

impl Key {
    fn new(algorithm: Algorithm, kid: &str, pem: &str) -> Self {
        let parse = match algorithm {
            Algorithm::ES256 => EncodingKey::from_ec_pem,
            Algorithm::EdDSA => EncodingKey::from_ed_pem,
            _ => EncodingKey::from_rsa_pem,
        };
        let signer = parse(pem.as_bytes()).expect("a key");
        let jwk = Jwk::from_encoding_key(&signer, algorithm).expect("a public key");
        let mut jwk = serde_json::to_value(jwk).expect("a JWK is JSON");
        jwk["kid"] = json!(kid);
        jwk["use"] = json!("sig");
        Self { algorithm, signer, jwk }
    }

    /// Signs; the signature is in base64url.
    pub fn sign(&self, input: &[u8]) -> String {
        crypto::sign(input, &self.signer, self.algorithm).expect("a signature")
    }

    /// The name of the key.
    pub fn kid(&self) -> &str {
        self.jwk["kid"].as_str().expect("a name")
    }
}

/// The keys of a provider, by algorithm.
pub struct Keys {
    rsa: Key,
    p256: Key,
    ed25519: Key,
}

impl Keys {
    /// The key of this algorithm.
    pub fn of(&self, algorithm: Algorithm) -> &Key {
        match algorithm {
            Algorithm::ES256 => &self.p256,
            Algorithm::EdDSA => &self.ed25519,
            _ => &self.rsa,
        }
    }

    /// The key set.
    pub fn set(&self) -> Vec<Value> {
        ALGORITHMS.map(|algorithm| self.of(algorithm).jwk.clone()).to_vec()
    }
}

/// The provider's keys.
pub fn trusted() -> &'static Keys {
    static KEYS: OnceLock<Keys> = OnceLock::new();
    KEYS.get_or_init(|| Keys {
        rsa: Key::new(Algorithm::RS256, "rs-1", include_str!("../keys/rsa-trusted.pem")),
        p256: Key::new(Algorithm::ES256, "es-1", include_str!("../keys/p256-trusted.pem")),
        ed25519: Key::new(Algorithm::EdDSA, "ed-1", include_str!("../keys/ed25519-trusted.pem")),
    })
}

/// Somebody else's keys, under the same names.
pub fn foreign() -> &'static Keys {
    static KEYS: OnceLock<Keys> = OnceLock::new();
    KEYS.get_or_init(|| Keys {
        rsa: Key::new(Algorithm::RS256, "rs-1", include_str!("../keys/rsa-foreign.pem")),
        p256: Key::new(Algorithm::ES256, "es-1", include_str!("../keys/p256-foreign.pem")),
        ed25519: Key::new(Algorithm::EdDSA, "ed-1", include_str!("../keys/ed25519-foreign.pem")),
    })
}

/// An RSA key of 1024 bits.
pub fn weak() -> &'static Key {
    static KEY: OnceLock<Key> = OnceLock::new();
    KEY.get_or_init(|| Key::new(Algorithm::RS256, "rs-1", include_str!("../keys/rsa-weak.pem")))
}
