use std::sync::Arc;

use super::super::keys::{JWKS_LIMIT, KEY_COUNT_LIMIT};
use super::*;

fn parse(body: &str) -> Result<Keys, ErrorCode> {
    Keys::parse(body.as_bytes(), FETCHED).map_err(|error| error.code())
}

#[test]
fn key_sets_are_shared_between_threads() {
    fn shared<T: Send + Sync + 'static>() {}
    shared::<Arc<Keys>>();
    shared::<Jwk>();
    shared::<Box<dyn Signer>>();
}

#[test]
fn the_example_of_rfc_7517() {
    let ec = r#"{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
        "y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM","use":"enc","kid":"1"}"#;
    let rsa = rsa_of(v::OTHER_RSA_N, "AQAB", r#","alg":"RS256","kid":"2011-04-29""#);
    let keys = parse(&set(&[ec.to_owned(), rsa.clone()])).unwrap();
    assert_eq!((keys.len(), keys.is_empty(), keys.fetched_at()), (1, false, FETCHED));
    let key = keys.iter().next().unwrap();
    assert_eq!((key.key_id(), key.algorithm()), (Some("2011-04-29"), Some(Algorithm::Rs256)));
    assert_eq!(key.public_key().unwrap().thumbprint_text(), v::OTHER_RSA_THUMBPRINT);

    let keys = parse(&set(&[ec.replace("enc", "sig"), rsa])).unwrap();
    assert_eq!((keys.len(), keys.iter().count()), (2, 2));
    let token = token(Algorithm::Es256, r#"{"alg":"ES256","kid":"1"}"#);
    assert_eq!(Jws::parse(&token).unwrap().verify(&keys, all()).unwrap_err().code(), ErrorCode::JWS_SIGNATURE);
}

#[test]
fn thumbprints_are_those_of_rfc_7638() {
    let thumbprint = |key: String| {
        let keys = parse(&set(&[key])).unwrap();
        keys.iter().next().unwrap().public_key().unwrap().thumbprint_text()
    };
    // RFC 8037 A.3.
    for key in [ed25519(r#","kid":"any""#), ed25519("").replace("Ed25519", "\\u0045d25519")] {
        assert_eq!(thumbprint(key), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }
    // RFC 7638 section 3.1, with the zeros that some libraries put in front.
    let padded = encode([&[0], decode(v::OTHER_RSA_N).unwrap().as_slice()].concat());
    assert_eq!(thumbprint(rsa_of(&padded, "AAEAAQ", "")), v::OTHER_RSA_THUMBPRINT);
}

#[test]
fn a_key_is_for_the_algorithms_of_its_type_and_curve() {
    for (key, algorithms) in [
        (
            rsa(""),
            &[
                Algorithm::Rs256,
                Algorithm::Rs384,
                Algorithm::Rs512,
                Algorithm::Ps256,
                Algorithm::Ps384,
                Algorithm::Ps512,
            ][..],
        ),
        (p256(""), &[Algorithm::Es256]),
        (p384(""), &[Algorithm::Es384]),
        (p521(""), &[Algorithm::Es512]),
        (ed25519(""), &[Algorithm::EdDsa, Algorithm::Ed25519]),
    ] {
        let public_key = PublicKey::from_jwk(key.as_bytes()).unwrap();
        for &algorithm in <Algorithm as crate::base::word_set::Word>::ALL {
            assert_eq!(public_key.fits(algorithm), algorithms.contains(&algorithm), "{algorithm:?} {key}");
        }
    }
}

/// Little-endian, with the sign of x in the highest bit: what stands at the ends, and all that is between.
#[test]
fn points_of_ed25519_are_below_the_prime_and_not_of_small_order() {
    for (first, between, last, is_canonical, is_small_order) in [
        (0, 0, 0, true, true),
        (1, 0, 0, true, true),
        (0, 0, 0x80, true, true),
        (2, 0, 0, true, false),
        (0, 1, 0, true, false),
        (0, 0, 1, true, false),
        (1, 0, 0x7f, true, false),
        (0xeb, 0xff, 0x7f, true, false),
        (0xec, 0xff, 0x7f, true, true),
        (0xec, 0xff, 0xff, true, true),
        (0xec, 0xff, 0, true, false),
        (0xec, 0xfe, 0x7f, true, false),
        // The prime, and what is beyond it.
        (0xed, 0xff, 0x7f, false, true),
        (0xee, 0xff, 0x7f, false, true),
        (0xef, 0xff, 0x7f, false, false),
        (0xff, 0xff, 0x7f, false, false),
        (0xff, 0xff, 0xff, false, false),
        (0xff, 0xfe, 0x7f, true, false),
        (0xff, 0xff, 0x7e, true, false),
        (0xff, 0xff, 0xfe, true, false),
    ] {
        let mut bytes = [between; 32];
        (bytes[0], bytes[31]) = (first, last);
        let what = format!("{first:#x} {between:#x} {last:#x}");
        assert_eq!(public_key::is_canonical(&bytes), is_canonical, "{what}");
        assert_eq!(public_key::is_small_order(&bytes), is_small_order, "{what}");
        assert_eq!(PublicKey::ed25519(&bytes).is_some(), is_canonical && !is_small_order, "{what}");
    }
    let mut one_is_enough = [0xff; 32];
    (one_is_enough[0], one_is_enough[17], one_is_enough[31]) = (0xee, 0xfe, 0x7f);
    assert!(public_key::is_canonical(&one_is_enough) && !public_key::is_small_order(&one_is_enough));
}

#[test]
fn keys_that_are_no_use_are_skipped_and_do_no_harm() {
    for (name, key) in [
        ("symmetric", r#"{"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ","alg":"HS256"}"#.to_owned()),
        ("unknown type", r#"{"kty":"AKP","alg":"ML-DSA-44","pub":"AAAA"}"#.to_owned()),
        ("unknown curve", p256("").replace("P-256", "secp256k1")),
        ("X25519", ed25519("").replace("Ed25519", "X25519")),
        ("Ed448", ed25519("").replace("Ed25519", "Ed448")),
        ("EC without a curve", p256("").replace("crv", "curve")),
        ("no type", p256("").replace("kty", "type")),
        ("type not a string", p256("").replace(r#""EC""#, "7")),
        ("private EC", p256(r#","d":"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI""#)),
        ("private RSA", rsa(r#","p":"AQ""#)),
        ("private part of a wrong type", rsa(r#","qi":[]"#)),
        ("for encryption", p256(r#","use":"enc""#)),
        ("use not a string", p256(r#","use":["sig"]"#)),
        ("key_ops without verify", p256(r#","key_ops":["sign",7,null]"#)),
        ("key_ops empty", p256(r#","key_ops":[]"#)),
        ("key_ops not a list", p256(r#","key_ops":"verify""#)),
        ("algorithm of another type", p256(r#","alg":"RS256""#)),
        ("algorithm of another curve", p256(r#","alg":"ES384""#)),
        ("public key as a secret", rsa(r#","alg":"HS256""#)),
        ("unknown algorithm", rsa(r#","alg":"RSA-OAEP""#)),
        ("algorithm not a string", rsa(r#","alg":256"#)),
        ("null", "null".to_owned()),
        ("a string", r#""key""#.to_owned()),
        ("a number", "-1".to_owned()),
        ("a list", r#"[{"kty":"EC"}]"#.to_owned()),
        ("nothing", "{}".to_owned()),
    ] {
        let alone = parse(&set(std::slice::from_ref(&key))).unwrap();
        assert!(alone.is_empty(), "{name}");
        assert_verdict(name, v::ES256, &set(&[key.clone(), p256(""), key]), all(), Ok(()));
    }
}

#[test]
fn keys_are_taken_as_providers_write_them() {
    for (name, key) in [
        ("bare", p256("")),
        ("nulls", p256(r#","use":null,"key_ops":null,"alg":null,"kid":null,"d":null,"x5c":null"#)),
        ("full", p256(r#","use":"sig","key_ops":["verify"],"alg":"ES256""#)),
        ("unknown members", p256(r#","x5c":["MIIB"],"x5t":"AA","issuer":{"a":[1]},"exp":1.5"#)),
        ("escapes", p256("").replace("P-256", "\\u0050-256").replace("kty", "\\u006bty")),
    ] {
        assert_verdict(name, v::ES256, &set(&[key]), all(), Ok(()));
    }
    let with_mark = format!("\u{feff}{{\"x\":null,{}", &set(&[p256("")])[1..]);
    assert_verdict("byte-order mark", v::ES256, &with_mark, all(), Ok(()));
}

#[test]
fn a_key_set_that_is_too_large_is_told_the_limit() {
    let error = Keys::parse(" ".repeat(JWKS_LIMIT + 1).as_bytes(), FETCHED).unwrap_err();
    assert_eq!(error.expected().unwrap().as_str(), "at most 524288 bytes");
}

#[test]
fn documents_that_are_no_key_set_are_refused() {
    let many = |count| set(&vec!["{}".to_owned(); count]);
    for (body, expected) in [
        (r#"{"keys":[]}"#, None),
        (&many(KEY_COUNT_LIMIT), None),
        (&many(KEY_COUNT_LIMIT + 1), Some(ErrorCode::JWKS_TOO_MANY_KEYS)),
        (&many(10_000), Some(ErrorCode::JWKS_TOO_MANY_KEYS)),
        (&(r#"{"keys":[]}"#.to_owned() + &" ".repeat(JWKS_LIMIT - 11)), None),
        (&" ".repeat(JWKS_LIMIT + 1), Some(ErrorCode::HTTP_BODY_TOO_LARGE)),
        ("{}", Some(ErrorCode::JSON_MISSING_FIELD)),
        (r#"{"keys":null}"#, Some(ErrorCode::JSON_MISSING_FIELD)),
        (r#"{"keys":{}}"#, Some(ErrorCode::JSON_TYPE)),
        (r#"{"keys":"x"}"#, Some(ErrorCode::JSON_TYPE)),
        ("[]", Some(ErrorCode::JSON_TYPE)),
        ("null", Some(ErrorCode::JSON_TYPE)),
        ("\"keys\"", Some(ErrorCode::JSON_TYPE)),
        ("", Some(ErrorCode::JSON_SYNTAX)),
        ("<html>", Some(ErrorCode::JSON_SYNTAX)),
        (r#"{"keys":[]"#, Some(ErrorCode::JSON_SYNTAX)),
        (r#"{"keys":[],"keys":[]}"#, Some(ErrorCode::JSON_DUPLICATE_NAME)),
        (r#"{"keys":[{"kid":"a","kid":"b"}]}"#, Some(ErrorCode::JSON_DUPLICATE_NAME)),
        (&format!(r#"{{"keys":{}}}"#, "[".repeat(40)), Some(ErrorCode::JSON_TOO_DEEP)),
    ] {
        assert_eq!(parse(body).err(), expected, "{}", &body[..body.len().min(60)]);
    }
}
