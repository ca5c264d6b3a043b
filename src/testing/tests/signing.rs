//! What clients sign.

use std::sync::OnceLock;

use p256::pkcs8::EncodePrivateKey as _;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng as _;

use super::*;
use crate::base::word_set::Word as _;
use crate::jose::backend::rustcrypto::SigningKey;
use crate::jose::{Algorithm, Signer as _, hs256};

/// All but the one for secrets.
pub(super) fn asymmetric() -> impl Iterator<Item = Algorithm> {
    Algorithm::ALL.iter().copied().filter(|algorithm| *algorithm != Algorithm::Hs256)
}

/// The one key for an algorithm; its `kid` is `own`.
pub(super) fn key(algorithm: Algorithm) -> SigningKey {
    static RSA: OnceLock<Vec<u8>> = OnceLock::new();
    let der = match algorithm {
        Algorithm::Es256 => p256::SecretKey::from_slice(&[7; 32]).unwrap().to_pkcs8_der().unwrap().as_bytes().to_vec(),
        Algorithm::Es384 => p384::SecretKey::from_slice(&[7; 48]).unwrap().to_pkcs8_der().unwrap().as_bytes().to_vec(),
        Algorithm::Es512 => {
            let number = [&[0][..], &[7; 65]].concat();
            p521::SecretKey::from_slice(&number).unwrap().to_pkcs8_der().unwrap().as_bytes().to_vec()
        }
        Algorithm::EdDsa | Algorithm::Ed25519 => {
            // RFC 8410 section 7: a header that is always the same, and the seed.
            [b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20".as_slice(), &[9; 32]].concat()
        }
        _ => RSA
            .get_or_init(|| {
                let key = rsa::PrivateKey::new(&mut ChaCha20Rng::seed_from_u64(1), 2048).unwrap();
                key.to_pkcs8_der().unwrap().as_bytes().to_vec()
            })
            .clone(),
    };
    SigningKey::from_pkcs8_der(algorithm, &der, Some("own")).unwrap()
}

pub(super) fn public_jwk(key: &SigningKey) -> Value {
    serde_json::from_str(&key.public_jwk()).unwrap()
}

/// A JWT with `alg` in the header, if that does not have one already.
pub(super) fn jwt(key: &SigningKey, mut header: Value, claims: &Value) -> String {
    let header_members = header.as_object_mut().unwrap();
    header_members.entry("alg").or_insert(json!(key.algorithm().name()));
    let input = input(&header, claims);
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(key.sign(input.as_bytes()).unwrap()))
}

pub(super) fn hs256_jwt(secret: &str, claims: &Value) -> String {
    let input = input(&json!({ "alg": "HS256" }), claims);
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(hs256(secret.as_bytes(), input.as_bytes())))
}

fn input(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}", part(header), part(claims))
}

/// The claims of a proof, with `ath` for an access token.
pub(super) fn proof_claims(method: &str, path: &str, jti: &str, access_token: Option<&str>) -> Value {
    let mut claims = json!({
        "jti": jti, "htm": method, "htu": format!("{ISSUER}{path}"), "iat": NOW.unix_seconds(),
    });
    if let Some(token) = access_token {
        claims["ath"] = json!(URL_SAFE_NO_PAD.encode(Sha256::digest(token)));
    }
    claims
}

pub(super) fn proof(key: &SigningKey, claims: &Value) -> String {
    jwt(key, json!({ "typ": "dpop+jwt", "jwk": public_jwk(key) }), claims)
}

/// Posts a form with a proof.
pub(super) fn post_proven(provider: &Provider, path: &str, params: &[(&str, &str)], proof: &str) -> HttpResponse {
    provider.handle(request(path).header("dpop", proof).body(form(params)).unwrap(), NOW)
}

/// Asks for userinfo with `Authorization: DPoP`.
pub(super) fn userinfo_proven(provider: &Provider, token: &str, proof: &str) -> HttpResponse {
    let request = Request::get(format!("{ISSUER}/userinfo"));
    let request = request.header(header::AUTHORIZATION, format!("DPoP {token}")).header("dpop", proof);
    provider.handle(request.body([]).unwrap(), NOW)
}
