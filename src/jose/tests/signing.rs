use super::*;
use crate::base::word_set::Word;

const ASYMMETRIC: usize = 11;

#[test]
fn what_a_signing_key_signs_verifies_with_its_public_jwk() {
    let mut count = 0;
    for &algorithm in Algorithm::ALL.iter().filter(|&&algorithm| algorithm != Algorithm::Hs256) {
        let key = signing_key(algorithm);
        let token = token(algorithm, &format!(r#"{{"alg":"{}"}}"#, algorithm.name()));
        assert_verdict(algorithm.name(), &token, &set(&[key.public_jwk()]), Algorithms::of(&[algorithm]), Ok(()));
        let again = self::token(algorithm, &format!(r#"{{"alg":"{}"}}"#, algorithm.name()));
        assert_eq!(token, again, "the same input gives the same signature");
        count += 1;
    }
    assert_eq!(count, ASYMMETRIC);
}

#[test]
fn deterministic_signatures_are_those_of_the_rfcs() {
    for (algorithm, expected) in [(Algorithm::Rs256, v::RS256), (Algorithm::EdDsa, v::EDDSA)] {
        let (input, signature) = expected.rsplit_once('.').unwrap();
        assert_eq!(encode(signing_key(algorithm).sign(input.as_bytes()).unwrap()), signature);
    }
}

/// RFC 7515 section 10.6: a PKCS #1 signature names its hash, and that is no choice of the signature's.
#[test]
fn the_hash_in_a_signature_is_the_one_of_the_header() {
    let algorithms = [Algorithm::Rs256, Algorithm::Rs384, Algorithm::Rs512];
    for said in algorithms {
        let input = format!("{}.e30", encode(format!(r#"{{"alg":"{}"}}"#, said.name()).as_bytes()));
        for signed in algorithms {
            let token = with_signature(input.clone(), &signing_key(signed).sign(input.as_bytes()).unwrap());
            let expected = if said == signed { Ok(()) } else { Err(ErrorCode::JWS_SIGNATURE) };
            assert_verdict(signed.name(), &token, &set(&[rsa("")]), all(), expected);
        }
    }
}

#[test]
fn the_salt_of_ps256_differs_from_message_to_message() {
    let key = signing_key(Algorithm::Ps256);
    assert_ne!(key.sign(b"a").unwrap(), key.sign(b"b").unwrap());
    let rs256 = signing_key(Algorithm::Rs256);
    assert_ne!(key.sign(b"a").unwrap(), rs256.sign(b"a").unwrap());
}

#[test]
fn a_public_jwk_has_the_members_of_the_rfc() {
    let der = decode(v::P256_PKCS8).unwrap();
    let key = SigningKey::from_pkcs8_der(Algorithm::Es256, &der, Some("q\"1")).unwrap();
    let (x, y) = (v::EC_X, v::EC_Y);
    assert_eq!(
        key.public_jwk(),
        format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}","use":"sig","alg":"ES256","kid":"q\"1"}}"#)
    );
    let keys = Keys::parse(set(&[key.public_jwk()]).as_bytes(), FETCHED).unwrap();
    let jwk = keys.iter().next().unwrap();
    assert_eq!((jwk.key_id(), jwk.algorithm()), (Some("q\"1"), Some(Algorithm::Es256)));
    assert_eq!(jwk.public_key(), Some(key.public_key()));
    assert_eq!(key.key_id(), Some("q\"1"));
    assert_eq!(Signer::algorithm(&key), Algorithm::Es256);
}

#[test]
fn the_header_of_a_proof_has_the_public_key_and_nothing_else_of_it() {
    let key = signing_key(Algorithm::Es256);
    let input = signing_input_with_key(Algorithm::Es256, key.public_key(), "dpop+jwt", b"{}");
    let (header, payload) = input.split_once('.').unwrap();
    let (x, y) = (v::EC_X, v::EC_Y);
    assert_eq!(
        String::from_utf8(decode(header).unwrap()).unwrap(),
        format!(r#"{{"alg":"ES256","typ":"dpop+jwt","jwk":{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}}}"#)
    );
    assert_eq!(decode(payload).unwrap(), b"{}");
}

#[test]
fn a_private_key_says_the_same_of_itself_wherever_it_is() {
    let der = decode(v::P256_PKCS8).unwrap();
    for kid in [Some("own"), None] {
        let signing_key = SigningKey::from_pkcs8_der(Algorithm::Es256, &der, kid).unwrap();
        let public_key = signing_key.public_key().clone();
        let elsewhere = RemoteKey::new("name in the key store").with_public_key(public_key.clone());
        let elsewhere = match kid {
            Some(kid) => elsewhere.with_key_id(kid),
            None => elsewhere,
        };
        for key in [PrivateKey::local(signing_key), PrivateKey::remote(elsewhere, Algorithm::Es256)] {
            assert_eq!((key.algorithm(), key.key_id()), (Algorithm::Es256, kid));
            assert_eq!(key.public_key(), Some(&public_key));
        }
    }
    let unknown = PrivateKey::remote(RemoteKey::new("name"), Algorithm::EdDsa);
    assert_eq!((unknown.algorithm(), unknown.key_id(), unknown.public_key()), (Algorithm::EdDsa, None, None));
}

#[test]
fn keys_that_cannot_sign_are_refused() {
    let der = |text| decode(text).unwrap();
    for (algorithm, der) in [
        (Algorithm::Es256, der(v::RSA_PKCS8)),
        (Algorithm::Es256, der(v::P384_PKCS8)),
        (Algorithm::Es384, der(v::P256_PKCS8)),
        (Algorithm::Rs256, der(v::P256_PKCS8)),
        (Algorithm::EdDsa, der(v::P256_PKCS8)),
        (Algorithm::Hs256, der(v::RSA_PKCS8)),
        (Algorithm::Rs256, der(v::RSA1024_PKCS8)),
        (Algorithm::Rs256, Vec::new()),
        (Algorithm::EdDsa, der(v::ED25519_PKCS8)[1..].to_vec()),
    ] {
        let error = SigningKey::from_pkcs8_der(algorithm, &der, None).unwrap_err();
        assert_eq!(error.code(), ErrorCode::PRIVATE_KEY_UNUSABLE, "{algorithm:?}");
    }
}

#[test]
fn a_signing_key_shows_nothing_of_itself() {
    for algorithm in [Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa] {
        let shown = format!("{:?}", signing_key(algorithm));
        assert_eq!(shown, format!("SigningKey {{ algorithm: {algorithm:?}, kid: None, .. }}"));
    }
}
