use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::base::secret::Secret;
use crate::jose::backend::VerifyingKey;
use crate::jose::backend::rustcrypto::RustCrypto;

#[test]
fn tokens_of_the_rfcs_and_of_openssl_verify_by_every_backend() {
    for (algorithm, token, key) in [
        (Algorithm::Rs256, v::RS256, rsa("")),
        (Algorithm::Rs384, v::RS384, rsa("")),
        (Algorithm::Rs512, v::RS512, rsa("")),
        (Algorithm::Ps256, v::PS256, rsa("")),
        (Algorithm::Ps384, v::PS384, rsa("")),
        (Algorithm::Ps512, v::PS512, rsa("")),
        (Algorithm::Es256, v::ES256, p256("")),
        (Algorithm::Es384, v::ES384, p384("")),
        (Algorithm::Es512, v::ES512, p521("")),
        (Algorithm::EdDsa, v::EDDSA, ed25519("")),
    ] {
        let name = algorithm.name();
        assert_verdict(name, token, &set(&[key]), Algorithms::of(&[algorithm]), Ok(()));
        let mixed = set(&[rsa(""), p256(""), p384(""), p521(""), ed25519("")]);
        assert_verdict(name, token, &mixed, all(), Ok(()));
        assert!(supported().contains(algorithm));

        let (input, signature) = token.rsplit_once('.').unwrap();
        let mut signature = decode(signature).unwrap();
        for at in [0, signature.len() / 2, signature.len() - 1] {
            signature[at] ^= 1;
            let forged = with_signature(input.to_owned(), &signature);
            assert_verdict(name, &forged, &mixed, all(), Err(ErrorCode::JWS_SIGNATURE));
            signature[at] ^= 1;
        }
        let (header, _) = input.split_once('.').unwrap();
        let forged = with_signature(format!("{header}.e30"), &signature);
        assert_verdict(name, &forged, &mixed, all(), Err(ErrorCode::JWS_SIGNATURE));
    }
    assert!(!supported().contains(Algorithm::Hs256));
}

#[test]
fn a_token_gives_its_parts() {
    let key = signing_key(Algorithm::Es256);
    let input = signing_input(Algorithm::Es256, Some("a \"b\" ü"), Some("logout+jwt"), b"{}");
    let signature = key.sign(input.as_bytes()).unwrap();
    let token = with_signature(input.clone(), &signature);
    let jws = Jws::parse(&token).unwrap();
    assert_eq!(jws.algorithm(), Algorithm::Es256);
    assert_eq!(jws.key_id(), Some("a \"b\" ü"));
    assert_eq!(jws.typ(), Some("logout+jwt"));
    assert_eq!(jws.signing_input(), input);
    assert_eq!(jws.payload().unwrap(), b"{}");
    let shown = format!("{jws:?}");
    assert!(token.split('.').all(|part| !shown.contains(part)), "{shown}");

    let keys = Keys::parse(set(&[p256("")]).as_bytes(), FETCHED).unwrap();
    assert!(jws.verify(&keys, all()).unwrap().is_by_other_key());
    let jws = Jws::parse(v::ES256).unwrap();
    assert!(!jws.verify(&keys, all()).unwrap().is_by_other_key());
    assert_eq!(jws.verify(&keys, all()).unwrap().algorithm(), Algorithm::Es256);
    let text = String::from_utf8(jws.payload().unwrap()).unwrap();
    assert_eq!(text, "{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n \"http://example.com/is_root\":true}");
}

#[test]
fn a_symmetric_signature_is_by_a_secret_that_is_long_enough() {
    let input = signing_input(Algorithm::Hs256, None, None, b"{}");
    let verify = |length: usize, secret: &str| {
        let token = with_signature(input.clone(), &hs256("s".repeat(length).as_bytes(), input.as_bytes()));
        let verified = Jws::parse(&token).unwrap().verify_hs256(&Secret::new(secret));
        verified.map(|signed| signed.algorithm()).map_err(|error| error.code())
    };
    assert_eq!(verify(31, &"s".repeat(31)), Err(ErrorCode::JWS_UNUSABLE_KEY));
    for length in [32, 33, 65] {
        assert_eq!(verify(length, &"s".repeat(length)), Ok(Algorithm::Hs256));
        assert_eq!(verify(length, &"S".repeat(length)), Err(ErrorCode::JWS_SIGNATURE));
    }
    let other = Jws::parse(v::ES256).unwrap().verify_hs256(&Secret::new("s".repeat(32)));
    assert_eq!(other.unwrap_err().code(), ErrorCode::JWS_ALGORITHM);
}

#[test]
fn without_a_backend_nothing_is_verified() {
    let keys = Keys::read(None, set(&[p256("")]).as_bytes(), FETCHED).unwrap();
    let verify = |allowed| Jws::parse(v::ES256).unwrap().verify(&keys, allowed).unwrap_err().code();
    assert_eq!(verify(all()), ErrorCode::JWS_NO_BACKEND);
    assert_eq!(verify(Algorithms::EMPTY), ErrorCode::JWS_ALGORITHM);
}

/// Counts what reaches it, and knows ES256 only.
#[derive(Debug)]
struct Counting {
    parsed: AtomicUsize,
}

impl Backend for Counting {
    fn algorithms(&self) -> Algorithms {
        Algorithms::of(&[Algorithm::Es256])
    }

    fn parse(&self, key: &PublicKey) -> Option<Box<dyn VerifyingKey>> {
        self.parsed.fetch_add(1, Ordering::Relaxed);
        RustCrypto.parse(key)
    }
}

#[test]
fn a_key_is_parsed_once_and_only_for_a_token_that_can_be_right() {
    static BACKEND: Counting = Counting { parsed: AtomicUsize::new(0) };
    let parsed = || BACKEND.parsed.load(Ordering::Relaxed);
    let body = set(&[p256(r#","kid":"a""#), rsa("")]);
    let keys = Keys::parse_with(&BACKEND, body.as_bytes(), FETCHED).unwrap();
    let code = |token: &str, allowed| Jws::parse(token).unwrap().verify(&keys, allowed).unwrap_err().code();
    let malformed = format!("{}.A", v::ES256.rsplit_once('.').unwrap().0);
    assert_eq!(code(v::ES256, Algorithms::of(&[Algorithm::Rs256])), ErrorCode::JWS_ALGORITHM);
    assert_eq!(code(v::RS256, all()), ErrorCode::JWS_ALGORITHM);
    assert_eq!(code(&malformed, all()), ErrorCode::JWS_MALFORMED);
    assert_eq!(parsed(), 0);
    for _ in 0..3 {
        assert!(Jws::parse(v::ES256).unwrap().verify(&keys, all()).is_ok());
    }
    assert_eq!(parsed(), 1);
}

#[test]
fn at_hash_of_openid_connect_core() {
    let access_token = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y";
    assert_eq!(half_hash(Algorithm::Rs256, access_token), "77QmUPtjPfzWtF2AnpK9RQ");
    assert!(half_hash_matches(Algorithm::Es256, access_token, "77QmUPtjPfzWtF2AnpK9RQ"));
    assert!(!half_hash_matches(Algorithm::Es256, access_token, "77QmUPtjPfzWtF2AnpK9RR"));
    assert!(!half_hash_matches(Algorithm::Es384, access_token, "77QmUPtjPfzWtF2AnpK9RQ"));
    assert!(!half_hash_matches(Algorithm::Es256, access_token, ""));
    for (algorithm, length) in [
        (Algorithm::Ps256, 22),
        (Algorithm::Hs256, 22),
        (Algorithm::Es384, 32),
        (Algorithm::Es512, 43),
        (Algorithm::Rs384, 32),
        (Algorithm::Ps512, 43),
        (Algorithm::EdDsa, 43),
    ] {
        assert_eq!(half_hash(algorithm, "x").len(), length, "{algorithm:?}");
    }
    assert_eq!(half_hash(Algorithm::EdDsa, "x"), half_hash(Algorithm::Ed25519, "x"));
}
