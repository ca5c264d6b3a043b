mod hostile;
mod keys;
mod pem;
mod signing;
mod vectors;
mod verification;

use super::backend::rustcrypto::SigningKey;
use super::backend::{self, Backend};
use super::*;
use crate::base::base64url::{decode, encode};
use crate::base::env::Timestamp;
use crate::error::{Error, ErrorCode};
use vectors as v;

const FETCHED: Timestamp = Timestamp::from_unix_seconds(1_700_000_000);

fn all() -> Algorithms {
    Algorithms::of(<Algorithm as crate::base::word_set::Word>::ALL)
}

/// A JWK: the members given, and those of the key.
fn rsa(members: &str) -> String {
    rsa_of(v::RSA_N, "AQAB", members)
}

fn rsa_of(n: &str, e: &str, members: &str) -> String {
    format!(r#"{{"kty":"RSA","n":"{n}","e":"{e}"{members}}}"#)
}

fn p256(members: &str) -> String {
    format!(r#"{{"kty":"EC","crv":"P-256","x":"{}","y":"{}"{members}}}"#, v::EC_X, v::EC_Y)
}

fn p384(members: &str) -> String {
    format!(r#"{{"kty":"EC","crv":"P-384","x":"{}","y":"{}"{members}}}"#, v::P384_X, v::P384_Y)
}

fn p521(members: &str) -> String {
    format!(r#"{{"kty":"EC","crv":"P-521","x":"{}","y":"{}"{members}}}"#, v::P521_X, v::P521_Y)
}

fn ed25519(members: &str) -> String {
    format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{}"{members}}}"#, v::ED25519_X)
}

fn set(keys: &[String]) -> String {
    format!(r#"{{"keys":[{}]}}"#, keys.join(","))
}

fn signing_key(algorithm: Algorithm) -> SigningKey {
    let der = match algorithm {
        Algorithm::Es256 => v::P256_PKCS8,
        Algorithm::Es384 => v::P384_PKCS8,
        Algorithm::Es512 => v::P521_PKCS8,
        Algorithm::EdDsa | Algorithm::Ed25519 => v::ED25519_PKCS8,
        _ => v::RSA_PKCS8,
    };
    SigningKey::from_pkcs8_der(algorithm, &decode(der).unwrap(), None).unwrap()
}

/// A token with any header, rightly signed.
fn token(algorithm: Algorithm, header: &str) -> String {
    token_of(algorithm, &encode(header.as_bytes()), &encode(br#"{"sub":"248289761001"}"#))
}

fn token_of(algorithm: Algorithm, header: &str, payload: &str) -> String {
    let input = format!("{header}.{payload}");
    let signature = signing_key(algorithm).sign(input.as_bytes()).unwrap();
    with_signature(input, &signature)
}

fn verdict(backend: &'static dyn Backend, token: &str, keys: &str, allowed: Algorithms) -> Result<(), ErrorCode> {
    let check = || -> Result<Signed, Error> {
        let keys = Keys::parse_with(backend, keys.as_bytes(), FETCHED)?;
        Jws::parse(token)?.verify(&keys, allowed)
    };
    check().map(|_| ()).map_err(|error| error.code())
}

/// Every compiled backend gives this verdict.
#[track_caller]
fn assert_verdict(name: &str, token: &str, keys: &str, allowed: Algorithms, expected: Result<(), ErrorCode>) {
    for &backend in backend::compiled() {
        assert_eq!(verdict(backend, token, keys, allowed), expected, "{name}, {backend:?}");
    }
}
