//! Signatures, both ways: what one library signs the other verifies, and what was changed neither does.

use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, DecodingKey, crypto};
use oidc_proto::jose::backend::rustcrypto::SigningKey;
use oidc_proto::jose::{self, Algorithms, Jws, Keys, Signer, signing_input, with_signature};
use oidc_proto::{ErrorCode, Timestamp};
use oidc_proto_differential::keys::{self, ALGORITHMS};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::{Config, FileFailurePersistence, RngSeed};
use serde_json::json;

fn config() -> Config {
    let regressions = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/jws-regressions.txt");
    Config {
        cases: 150,
        rng_seed: RngSeed::Fixed(0x006a_7773),
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(regressions))),
        ..Config::default()
    }
}

fn ours(algorithm: Algorithm) -> jose::Algorithm {
    match algorithm {
        Algorithm::ES256 => jose::Algorithm::Es256,
        Algorithm::EdDSA => jose::Algorithm::EdDsa,
        _ => jose::Algorithm::Rs256,
    }
}

fn key_set() -> &'static Keys {
    static KEYS: OnceLock<Keys> = OnceLock::new();
    KEYS.get_or_init(|| {
        let set = json!({ "keys": keys::trusted().set() }).to_string();
        Keys::parse(set.as_bytes(), Timestamp::from_unix_seconds(0)).unwrap()
    })
}

/// What may be wrong with a token of which one bit was changed: in its header, its payload, its signature. The change may make
/// a dot of a character, or of a dot something else.
const CODES_OF_PARTS: [&[ErrorCode]; 3] = [
    &[
        ErrorCode::JWS_MALFORMED,
        ErrorCode::JWS_HEADER,
        ErrorCode::JWS_ALGORITHM,
        ErrorCode::JWS_UNKNOWN_KEY,
        ErrorCode::JWS_SIGNATURE,
    ],
    &[ErrorCode::JWS_MALFORMED, ErrorCode::JWS_SIGNATURE],
    &[ErrorCode::JWS_MALFORMED, ErrorCode::JWS_SIGNATURE],
];

fn our_verdict(token: &str, algorithm: Algorithm) -> Result<Vec<u8>, ErrorCode> {
    let check = || {
        let jws = Jws::parse(token)?;
        let _signed = jws.verify(key_set(), Algorithms::of(&[ours(algorithm)]))?;
        jws.payload()
    };
    check().map_err(|error: oidc_proto::Error| error.code())
}

fn their_verdict(token: &str, algorithm: Algorithm) -> bool {
    let jwk: Jwk = serde_json::from_value(keys::trusted().of(algorithm).jwk.clone()).unwrap();
    let key = DecodingKey::from_jwk(&jwk).unwrap();
    let Some((input, signature)) = token.rsplit_once('.') else { return false };
    crypto::verify(signature, input.as_bytes(), &key, algorithm).unwrap_or(false)
}

fn der(pem: &str) -> Vec<u8> {
    STANDARD.decode(pem.lines().filter(|line| !line.starts_with('-')).collect::<String>()).unwrap()
}

fn our_signer(algorithm: Algorithm) -> SigningKey {
    let (pem, kid) = match algorithm {
        Algorithm::ES256 => (include_str!("../keys/p256-trusted.pem"), "es-1"),
        Algorithm::EdDSA => (include_str!("../keys/ed25519-trusted.pem"), "ed-1"),
        _ => (include_str!("../keys/rsa-trusted.pem"), "rs-1"),
    };
    SigningKey::from_pkcs8_der(ours(algorithm), &der(pem), Some(kid)).unwrap()
}

/// Signed by the other library.
fn their_token(algorithm: Algorithm, payload: &[u8]) -> String {
    let key = keys::trusted().of(algorithm);
    let header = json!({ "alg": algorithm, "kid": key.kid() }).to_string();
    let input = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
    let signature = key.sign(input.as_bytes());
    format!("{input}.{signature}")
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn what_they_sign_we_verify(algorithm in select(ALGORITHMS.to_vec()), payload in any::<Vec<u8>>()) {
        prop_assert_eq!(our_verdict(&their_token(algorithm, &payload), algorithm), Ok(payload));
    }

    #[test]
    fn what_we_sign_they_verify(algorithm in select(ALGORITHMS.to_vec()), payload in any::<Vec<u8>>(), typ in "[!-~]{0,8}") {
        let signer = our_signer(algorithm);
        let input = signing_input(ours(algorithm), signer.key_id(), Some(&typ), &payload);
        let signature = signer.sign(input.as_bytes()).unwrap();
        let token = with_signature(input, &signature);
        prop_assert!(their_verdict(&token, algorithm));
        prop_assert_eq!(our_verdict(&token, algorithm), Ok(payload));
    }

    #[test]
    fn one_bit_makes_it_somebody_elses(
        algorithm in select(ALGORITHMS.to_vec()),
        payload in any::<Vec<u8>>(),
        place in any::<Index>(),
        bit in 0..7_u8,
    ) {
        let token = their_token(algorithm, &payload);
        let mut bytes = token.clone().into_bytes();
        bytes[place.index(token.len())] ^= 1 << bit;
        let changed = String::from_utf8(bytes).unwrap();
        let part = token[..place.index(token.len())].matches('.').count();
        let code = our_verdict(&changed, algorithm).unwrap_err();
        prop_assert!(CODES_OF_PARTS[part].contains(&code), "{code}: {changed}");
        prop_assert!(!their_verdict(&changed, algorithm) || changed.contains('='), "{changed}");
    }

    #[test]
    fn another_algorithm_or_a_cut_token_is_refused(
        signed in select(ALGORITHMS.to_vec()),
        allowed in select(ALGORITHMS.to_vec()),
        payload in any::<Vec<u8>>(),
        place in any::<Index>(),
    ) {
        let token = their_token(signed, &payload);
        let expected = if signed == allowed { Ok(payload) } else { Err(ErrorCode::JWS_ALGORITHM) };
        prop_assert_eq!(our_verdict(&token, allowed), expected);
        let cut = &token[..place.index(token.len())];
        // Without its second dot it is no JWS at all.
        let possible = if cut.matches('.').count() < 2 { &[ErrorCode::JWS_MALFORMED][..] } else { CODES_OF_PARTS[2] };
        let code = our_verdict(cut, signed).unwrap_err();
        prop_assert!(possible.contains(&code), "{code}: {cut}");
    }
}
