//! What others signed, client assertions and DPoP proofs, and the keys to check it with.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p256::ecdsa::signature::Verifier as _;
use rsa::BoxedUint;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256, Sha384, Sha512};

/// The algorithms that the provider verifies: all that it knows, or those that it offers by default.
pub(super) fn algorithms(all: bool) -> Vec<&'static str> {
    let more = ["RS384", "RS512", "PS384", "PS512", "ES384", "ES512"].into_iter().filter(|_| all);
    ["RS256", "PS256", "ES256", "EdDSA", "Ed25519"].into_iter().chain(more).collect()
}

/// A signed JWT, taken apart; nothing is checked yet.
pub(super) struct Jwt {
    pub(super) header: Map<String, Value>,
    pub(super) claims: Map<String, Value>,
    pub(super) input: String,
    pub(super) signature: Vec<u8>,
}

impl Jwt {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (input, signature) = text.rsplit_once('.')?;
        let (header, claims) = input.split_once('.')?;
        let object = |part: &str| serde_json::from_slice::<Map<String, Value>>(&bytes(part)?).ok();
        Some(Self {
            header: object(header)?,
            claims: object(claims)?,
            input: input.to_owned(),
            signature: bytes(signature)?,
        })
    }

    /// The algorithm that the header names.
    pub(super) fn algorithm(&self) -> &str {
        self.header.get("alg").and_then(Value::as_str).unwrap_or("")
    }

    /// A claim that is a string, and not an empty one.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.claims.get(name)?.as_str().filter(|text| !text.is_empty())
    }

    /// A date among the claims, in whole seconds.
    pub(super) fn date(&self, name: &str) -> Option<u64> {
        self.claims.get(name)?.as_u64()
    }

    /// Whether the owner of this public key signed it. The provider knows no critical header.
    pub(super) fn is_signed_by(&self, jwk: &Value) -> bool {
        self.header.get("crit").is_none()
            && verify(jwk, self.algorithm(), self.input.as_bytes(), &self.signature).is_some()
    }
}

/// Whether a JWK is a public key that some signature could be verified with.
pub(super) fn is_public_key(jwk: &Value) -> bool {
    const PRIVATE: [&str; 7] = ["d", "p", "q", "dp", "dq", "qi", "k"];
    PRIVATE.iter().all(|name| jwk.get(name).is_none()) && thumbprint(jwk).is_some()
}

/// The thumbprint of a key (RFC 7638), for the types of key that the provider knows.
pub(super) fn thumbprint(jwk: &Value) -> Option<String> {
    let names: &[&str] = match text(jwk, "kty")? {
        "RSA" => &["e", "kty", "n"],
        "EC" => &["crv", "kty", "x", "y"],
        "OKP" => &["crv", "kty", "x"],
        _ => return None,
    };
    let members: Option<Vec<String>> =
        names.iter().map(|name| Some(format!("\"{name}\":{}", Value::from(text(jwk, name)?)))).collect();
    let canonical = format!("{{{}}}", members?.join(","));
    Some(URL_SAFE_NO_PAD.encode(Sha256::digest(canonical)))
}

fn verify(jwk: &Value, algorithm: &str, input: &[u8], signature: &[u8]) -> Option<()> {
    const RSA_LEAST_BYTES: usize = 256;
    match algorithm {
        "RS256" | "RS384" | "RS512" | "PS256" | "PS384" | "PS512" if text(jwk, "kty")? == "RSA" => {
            let n = field(jwk, "n").filter(|n| n.len() >= RSA_LEAST_BYTES)?;
            let number = BoxedUint::from_be_slice_vartime;
            let key = rsa::PublicKey::new(number(&n), number(&field(jwk, "e")?)).ok()?;
            match algorithm {
                "RS256" => key.pkcs1v15_verify::<Sha256>(input, signature).ok(),
                "RS384" => key.pkcs1v15_verify::<Sha384>(input, signature).ok(),
                "RS512" => key.pkcs1v15_verify::<Sha512>(input, signature).ok(),
                "PS256" => key.pss_verify::<Sha256>(input, signature).ok(),
                "PS384" => key.pss_verify::<Sha384>(input, signature).ok(),
                _ => key.pss_verify::<Sha512>(input, signature).ok(),
            }
        }
        "ES256" if text(jwk, "kty")? == "EC" && text(jwk, "crv")? == "P-256" => {
            let point = [vec![4], field(jwk, "x")?, field(jwk, "y")?].concat();
            let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(&point).ok()?;
            key.verify(input, &p256::ecdsa::Signature::from_slice(signature).ok()?).ok()
        }
        "ES384" if text(jwk, "kty")? == "EC" && text(jwk, "crv")? == "P-384" => {
            let point = [vec![4], field(jwk, "x")?, field(jwk, "y")?].concat();
            let key = p384::ecdsa::VerifyingKey::from_sec1_bytes(&point).ok()?;
            key.verify(input, &p384::ecdsa::Signature::from_slice(signature).ok()?).ok()
        }
        "ES512" if text(jwk, "kty")? == "EC" && text(jwk, "crv")? == "P-521" => {
            let point = [vec![4], field(jwk, "x")?, field(jwk, "y")?].concat();
            let key = p521::ecdsa::VerifyingKey::from_sec1_bytes(&point).ok()?;
            key.verify(input, &p521::ecdsa::Signature::from_slice(signature).ok()?).ok()
        }
        "EdDSA" | "Ed25519" if text(jwk, "kty")? == "OKP" && text(jwk, "crv")? == "Ed25519" => {
            let key = ed25519_dalek::VerifyingKey::from_bytes(&field(jwk, "x")?.try_into().ok()?).ok()?;
            key.verify_strict(input, &ed25519_dalek::Signature::from_slice(signature).ok()?).ok()
        }
        _ => None,
    }
}

fn text<'a>(jwk: &'a Value, name: &str) -> Option<&'a str> {
    jwk.get(name)?.as_str()
}

fn field(jwk: &Value, name: &str) -> Option<Vec<u8>> {
    bytes(text(jwk, name)?)
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_thumbprint_of_the_standard() {
        // RFC 7638 section 3.1.
        let jwk = json!({
            "kty": "RSA", "e": "AQAB", "alg": "RS256", "kid": "2011-04-29",
            "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw",
        });
        assert_eq!(thumbprint(&jwk).as_deref(), Some("NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"));
        assert!(is_public_key(&jwk));
        assert!(!is_public_key(&json!({ "kty": "OKP", "crv": "Ed25519", "x": "AQ", "d": "AQ" })));
        assert!(!is_public_key(&json!({ "kty": "oct", "k": "AQ" })));
    }
}
