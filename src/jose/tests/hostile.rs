use super::*;

/// `kid` and `alg` in a token rightly signed by the key of RFC 7515 A.3.
fn with_kid(kid: &str) -> String {
    token(Algorithm::Es256, &format!(r#"{{"alg":"ES256","kid":{}}}"#, serde_json::to_string(kid).unwrap()))
}

fn forged(header: &str) -> String {
    format!("{}.e30.{}", encode(header.as_bytes()), encode([7; 64]))
}

/// The RFC's token with another signature.
fn es256_with(signature: &[u8]) -> String {
    with_signature(v::ES256.rsplit_once('.').unwrap().0.to_owned(), signature)
}

#[test]
fn forms_of_tokens() {
    let (header, rest) = v::ES256.split_once('.').unwrap();
    let (payload, signature) = rest.split_once('.').unwrap();
    let payload_padded = format!("{payload}==");
    let spoilt = encode(br#"{"alg":"ES256" }"#).replace("fQ", "fR");
    let (longest_kid, long_kid) = ("k".repeat(1024), "k".repeat(1025));
    let sign = |header: &str| token(Algorithm::Es256, header);
    for (name, token, expected) in [
        ("empty", String::new(), Err(ErrorCode::JWS_MALFORMED)),
        ("one part", header.to_owned(), Err(ErrorCode::JWS_MALFORMED)),
        ("two parts", format!("{header}.{payload}"), Err(ErrorCode::JWS_MALFORMED)),
        ("four parts", format!("{header}.{payload}.{signature}.e30"), Err(ErrorCode::JWS_MALFORMED)),
        ("five parts, a JWE", format!("{header}.{payload}.{signature}.e30.e30"), Err(ErrorCode::JWS_ENCRYPTED)),
        ("six parts", format!("{header}.....{signature}"), Err(ErrorCode::JWS_MALFORMED)),
        ("dots alone", "..".to_owned(), Err(ErrorCode::JWS_HEADER)),
        ("white space around", format!(" {}\n", v::ES256), Err(ErrorCode::JWS_MALFORMED)),
        ("padded header", format!("{header}=.{payload}.{signature}"), Err(ErrorCode::JWS_MALFORMED)),
        ("padded signature", format!("{}==", v::ES256), Err(ErrorCode::JWS_MALFORMED)),
        ("padded payload", token_of(Algorithm::Es256, header, &payload_padded), Ok(())),
        ("standard alphabet", v::ES256.replace('-', "+"), Err(ErrorCode::JWS_MALFORMED)),
        ("trailing bits in the header", format!("{spoilt}.{payload}.{signature}"), Err(ErrorCode::JWS_MALFORMED)),
        (
            "trailing bits in the signature",
            format!("{}R", &v::ES256[..v::ES256.len() - 1]),
            Err(ErrorCode::JWS_MALFORMED),
        ),
        ("an impossible length", format!("{}AAA", v::ES256), Err(ErrorCode::JWS_MALFORMED)),
        ("a line break inside", v::ES256.replacen('.', "\n.", 1), Err(ErrorCode::JWS_MALFORMED)),
        ("no signature", format!("{header}.{payload}."), Err(ErrorCode::JWS_SIGNATURE)),
        ("64 KiB", token_of(Algorithm::Es256, header, &"A".repeat(TOKEN_LIMIT - header.len() - 88)), Ok(())),
        ("64 KiB and one", "a".repeat(TOKEN_LIMIT + 1), Err(ErrorCode::JWS_TOO_LARGE)),
        ("a kid of 1 MiB", with_kid(&"k".repeat(1 << 20)), Err(ErrorCode::JWS_TOO_LARGE)),
        ("the longest kid", with_kid(&longest_kid), Ok(())),
        ("a long kid", with_kid(&long_kid), Err(ErrorCode::JWS_HEADER)),
        ("header not JSON", forged("alg"), Err(ErrorCode::JWS_HEADER)),
        ("header an array", forged(r#"["ES256"]"#), Err(ErrorCode::JWS_HEADER)),
        ("header null", forged("null"), Err(ErrorCode::JWS_HEADER)),
        ("header with a byte-order mark", forged("\u{feff}{\"alg\":\"ES256\"}"), Err(ErrorCode::JWS_HEADER)),
        ("two headers", forged(r#"{"alg":"ES256"}{"alg":"ES256"}"#), Err(ErrorCode::JWS_HEADER)),
        ("duplicate algorithm", forged(r#"{"alg":"none","alg":"ES256"}"#), Err(ErrorCode::JWS_HEADER)),
        ("duplicate by escape", forged(r#"{"alg":"ES256","\u0061lg":"none"}"#), Err(ErrorCode::JWS_HEADER)),
        ("duplicate unknown member", forged(r#"{"alg":"ES256","x":1,"x":2}"#), Err(ErrorCode::JWS_HEADER)),
        ("duplicates that nobody reads", sign(r#"{"alg":"ES256","x":{"a":1,"a":2}}"#), Ok(())),
        ("deep header", forged(&format!(r#"{{"alg":"ES256","x":{}}}"#, "[".repeat(40))), Err(ErrorCode::JWS_HEADER)),
        ("no algorithm", forged("{}"), Err(ErrorCode::JWS_HEADER)),
        ("algorithm null", forged(r#"{"alg":null}"#), Err(ErrorCode::JWS_HEADER)),
        ("algorithm a list", forged(r#"{"alg":["ES256"]}"#), Err(ErrorCode::JWS_HEADER)),
        ("kid a number", sign(r#"{"alg":"ES256","kid":1}"#), Ok(())),
        ("typ a list", sign(r#"{"alg":"ES256","typ":["JWT"]}"#), Ok(())),
        ("crit", sign(r#"{"alg":"ES256","crit":["exp"],"exp":1}"#), Err(ErrorCode::JWS_CRIT)),
        ("crit empty", sign(r#"{"alg":"ES256","crit":[]}"#), Err(ErrorCode::JWS_CRIT)),
        ("crit null", sign(r#"{"alg":"ES256","crit":null}"#), Err(ErrorCode::JWS_CRIT)),
        ("b64 false", sign(r#"{"alg":"ES256","b64":false,"crit":["b64"]}"#), Err(ErrorCode::JWS_CRIT)),
        ("b64 without crit", sign(r#"{"alg":"ES256","b64":false}"#), Err(ErrorCode::JWS_CRIT)),
        ("nulls", sign(r#"{"alg":"ES256","kid":null,"typ":null,"cty":null}"#), Ok(())),
        ("spaces", sign("\r\n { \"alg\" : \"ES256\" } "), Ok(())),
    ] {
        assert_verdict(name, &token, &set(&[p256("")]), all(), expected);
    }
    let padded = token_of(Algorithm::Es256, header, &payload_padded);
    let malformed = Jws::parse(&padded).unwrap().payload().unwrap_err();
    assert_eq!((malformed.code(), malformed.field()), (ErrorCode::JWS_MALFORMED, Some("payload")));
}

#[test]
fn algorithms_of_tokens() {
    let mixed = set(&[rsa(""), p256(""), p384(""), ed25519("")]);
    for name in ["none", "None", "nOnE", "NONE", "", "es256", "ES256K", "Ed448", "HS512", "RSA-OAEP"] {
        let token = forged(&format!(r#"{{"alg":"{name}"}}"#));
        assert_verdict(name, &token, &mixed, all(), Err(ErrorCode::JWS_ALGORITHM));
        let unsigned = format!("{}.e30.", encode(format!(r#"{{"alg":"{name}"}}"#).as_bytes()));
        assert_verdict(name, &unsigned, &mixed, all(), Err(ErrorCode::JWS_ALGORITHM));
    }
    let only = |algorithm| Algorithms::of(&[algorithm]);
    let hs256 = forged(r#"{"alg":"HS256"}"#);
    for (name, token, keys, allowed, expected) in [
        ("HS256 with the public key", &*hs256, rsa(""), only(Algorithm::Rs256), Err(ErrorCode::JWS_ALGORITHM)),
        ("HS256 though allowed", &hs256, rsa(""), all(), Err(ErrorCode::JWS_ALGORITHM)),
        ("not registered", v::RS256, rsa(""), only(Algorithm::Ps256), Err(ErrorCode::JWS_ALGORITHM)),
        ("nothing allowed", v::RS256, rsa(""), Algorithms::EMPTY, Err(ErrorCode::JWS_ALGORITHM)),
        ("RS256 with an EC key", v::RS256, p256(""), all(), Err(ErrorCode::JWS_UNKNOWN_KEY)),
        ("ES256 with an RSA key", v::ES256, rsa(""), all(), Err(ErrorCode::JWS_UNKNOWN_KEY)),
        ("ES256 with P-384", v::ES256, p384(""), all(), Err(ErrorCode::JWS_UNKNOWN_KEY)),
        ("ES384 with P-256", v::ES384, p256(""), all(), Err(ErrorCode::JWS_UNKNOWN_KEY)),
        ("EdDSA with an EC key", v::EDDSA, p256(""), all(), Err(ErrorCode::JWS_UNKNOWN_KEY)),
        ("RS256 with a key for PS256", v::RS256, rsa(r#","alg":"PS256""#), all(), Err(ErrorCode::JWS_UNKNOWN_KEY)),
        ("RS384 with a key for RS256", v::RS384, rsa(r#","alg":"RS256""#), all(), Err(ErrorCode::JWS_UNKNOWN_KEY)),
        ("EdDSA with a key for Ed25519", v::EDDSA, ed25519(r#","alg":"Ed25519""#), all(), Ok(())),
        (
            "EdDSA where Ed25519 is registered",
            v::EDDSA,
            ed25519(""),
            only(Algorithm::Ed25519),
            Err(ErrorCode::JWS_ALGORITHM),
        ),
    ] {
        assert_verdict(name, token, &set(&[keys]), allowed, expected);
    }
    let ed25519_token = token(Algorithm::Ed25519, r#"{"alg":"Ed25519"}"#);
    let keys = set(&[ed25519(r#","alg":"EdDSA""#)]);
    assert_verdict("Ed25519 with a key for EdDSA", &ed25519_token, &keys, all(), Ok(()));
}

#[test]
fn keys_in_headers_are_not_even_read() {
    let own = p256("");
    for member in [
        format!(r#""jwk":{own}"#),
        r#""jku":"https://attacker.example/keys""#.to_owned(),
        r#""x5u":"https://attacker.example/cert""#.to_owned(),
        r#""x5c":["MIIB"]"#.to_owned(),
        r#""jwk":7,"x5c":{}"#.to_owned(),
    ] {
        let token = token(Algorithm::Es256, &format!(r#"{{"alg":"ES256",{member}}}"#));
        assert_verdict(&member, &token, &set(&[p384("")]), all(), Err(ErrorCode::JWS_UNKNOWN_KEY));
        assert_verdict(&member, &token, &set(&[p256("")]), all(), Ok(()));
    }
}

#[test]
fn keys_are_found_by_kid_or_because_there_is_no_other() {
    let other = |members: &str| {
        let [x, y] = ["MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4", "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"];
        format!(r#"{{"kty":"EC","crv":"P-256","x":"{x}","y":"{y}"{members}}}"#)
    };
    let (a, b) = (r#","kid":"a""#, r#","kid":"b""#);
    let short = |members: &str| rsa_of(&encode([0xff; 64]), "AQAB", members);
    let broken = |members: &str| p256(members).replace(v::EC_Y, "AA");
    for (name, token, keys, expected) in [
        ("no kid, one key", v::ES256.to_owned(), vec![p256(a)], Ok(())),
        ("no kid, one key of that type", v::ES256.to_owned(), vec![rsa(""), p256(a), p384("")], Ok(())),
        ("no kid, two keys", v::ES256.to_owned(), vec![p256(a), other(b)], Err(ErrorCode::JWS_AMBIGUOUS_KEY)),
        ("no kid, two keys without", v::ES256.to_owned(), vec![other(""), p256("")], Err(ErrorCode::JWS_AMBIGUOUS_KEY)),
        ("no kid, a broken key beside", v::ES256.to_owned(), vec![broken(b), p256(a)], Ok(())),
        ("no kid, a broken key alone", v::ES256.to_owned(), vec![broken("")], Err(ErrorCode::JWS_UNUSABLE_KEY)),
        ("no kid, a short key beside", v::RS256.to_owned(), vec![short(""), rsa("")], Ok(())),
        ("no kid, no key", v::ES256.to_owned(), vec![], Err(ErrorCode::JWS_UNKNOWN_KEY)),
        ("kid", with_kid("a"), vec![other(b), p256(a)], Ok(())),
        ("kid of the wrong key", with_kid("b"), vec![other(b), p256(a)], Ok(())),
        ("kid of the only key, which is wrong", with_kid("b"), vec![other(b)], Err(ErrorCode::JWS_SIGNATURE)),
        ("unknown kid, a wrong key", with_kid("c"), vec![other(b)], Err(ErrorCode::JWS_UNKNOWN_KEY)),
        ("unknown kid", with_kid("c"), vec![other(b), p256(a)], Ok(())),
        ("unknown kid, one key without", with_kid("c"), vec![p256("")], Ok(())),
        ("kid of a key of another type", with_kid("a"), vec![rsa(a), p256(b)], Err(ErrorCode::JWS_UNKNOWN_KEY)),
        ("kid shared with another type", with_kid("a"), vec![rsa(a), p256(a)], Ok(())),
        ("kid shared by two", with_kid("a"), vec![other(a), p256(a)], Ok(())),
        ("kid shared with a broken key", with_kid("a"), vec![broken(a), p256(a)], Ok(())),
        ("kid shared, none right", with_kid("a"), vec![other(a), broken(a)], Err(ErrorCode::JWS_SIGNATURE)),
        (
            "kid shared by four",
            with_kid("a"),
            vec![other(a), broken(a), broken(a), p256(a)],
            Err(ErrorCode::JWS_AMBIGUOUS_KEY),
        ),
        ("kid shared by two equal pairs", with_kid("a"), vec![other(a), other(a), p256(a), p256(a)], Ok(())),
        ("kid of a broken key", with_kid("a"), vec![broken(a), other(b)], Err(ErrorCode::JWS_UNUSABLE_KEY)),
        ("kid of a broken key, the right one beside", with_kid("a"), vec![broken(a), p256(b)], Ok(())),
        ("kid empty", with_kid(""), vec![p256(a)], Ok(())),
        ("kid a path", with_kid("../../etc/passwd"), vec![p256(a)], Ok(())),
        ("kid a query", with_kid("' OR \"1\"=\"1"), vec![p256(a)], Ok(())),
        ("kid a path, as it stands", with_kid("../x\"\n"), vec![p256(r#","kid":"..\/x\"\u000a""#)], Ok(())),
        ("kid in another case", with_kid("A"), vec![p256(a)], Ok(())),
    ] {
        assert_verdict(name, &token, &set(&keys), all(), expected);
    }
}

#[test]
fn keys_that_are_too_weak_too_large_or_not_on_their_curve() {
    let number = |bytes: usize, first: u8, last: u8| {
        let mut number = vec![0xa5; bytes];
        number[0] = first;
        number[bytes - 1] = last;
        encode(&number)
    };
    let flipped = |text: &str| {
        let mut bytes = decode(text).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        encode(&bytes)
    };
    let ed = |bytes: [u8; 32]| ed25519("").replace(v::ED25519_X, &encode(bytes));
    let filled = |first: u8, middle: u8, last: u8| {
        let mut bytes = [middle; 32];
        (bytes[0], bytes[31]) = (first, last);
        bytes
    };
    let of_order_eight = [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf,
        0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x85,
    ];
    let rs256 = |n: &str, e: &str| (v::RS256, rsa_of(n, e, ""));
    for (name, (token, key)) in [
        ("RSA 512", rs256(&number(64, 0xff, 1), "AQAB")),
        ("RSA 2047", rs256(&number(256, 0x7f, 1), "AQAB")),
        ("RSA 2048 behind zeros", rs256(&encode([[0; 128], [0xff; 128]].concat()), "AQAB")),
        ("RSA 8193", rs256(&number(1025, 1, 1), "AQAB")),
        ("RSA 16k", rs256(&number(2048, 0xff, 1), "AQAB")),
        ("RSA even", rs256(&number(256, 0xff, 2), "AQAB")),
        ("RSA empty", rs256("", "AQAB")),
        ("RSA zero", rs256("AA", "AQAB")),
        ("exponent 1", rs256(v::RSA_N, "AQ")),
        ("exponent 2", rs256(v::RSA_N, "Ag")),
        ("exponent 0", rs256(v::RSA_N, "AA")),
        ("exponent empty", rs256(v::RSA_N, "")),
        ("exponent even", rs256(v::RSA_N, "AQAA")),
        ("exponent 2^33 + 1", rs256(v::RSA_N, &encode([2, 0, 0, 0, 1]))),
        ("exponent 2^64 + 65537", rs256(v::RSA_N, &encode([1, 0, 0, 0, 0, 0, 1, 0, 1]))),
        ("exponent long", rs256(v::RSA_N, v::RSA_N)),
        ("modulus padded", rs256(&format!("{}==", v::RSA_N), "AQAB")),
        ("modulus not canonical", rs256(&v::RSA_N.replace("XpoQ", "XpoR"), "AQAB")),
        ("no modulus", (v::RS256, rsa("").replace("\"n\"", "\"m\""))),
        ("modulus a number", (v::RS256, rsa("").replace(r#""AQAB""#, "65537"))),
        ("point off the curve", (v::ES256, p256("").replace(v::EC_Y, &flipped(v::EC_Y)))),
        ("point off P-521", (v::ES512, p521("").replace(v::P521_Y, &flipped(v::P521_Y)))),
        ("point off P-384", (v::ES384, p384("").replace(v::P384_Y, &flipped(v::P384_Y)))),
        (
            "coordinates of zero",
            (v::ES256, p256("").replace(v::EC_X, &encode([0; 32])).replace(v::EC_Y, &encode([0; 32]))),
        ),
        ("coordinate beyond the field", (v::ES256, p256("").replace(v::EC_X, &encode([0xff; 32])))),
        ("coordinate too short", (v::ES256, p256("").replace(v::EC_X, &encode([1; 31])))),
        (
            "coordinates of 31 and 33",
            (v::ES256, p256("").replace(v::EC_X, &encode([1; 31])).replace(v::EC_Y, &encode([1; 33]))),
        ),
        ("no y", (v::ES256, p256("").replace("\"y\"", "\"z\""))),
        ("coordinates for P-384", (v::ES256, p384("").replace("P-384", "P-256"))),
        ("Ed25519 too short", (v::EDDSA, ed25519("").replace(v::ED25519_X, "AAAA"))),
        ("Ed25519 zero", (v::EDDSA, ed([0; 32]))),
        ("Ed25519 zero, negative", (v::EDDSA, ed(filled(0, 0, 0x80)))),
        ("Ed25519 one", (v::EDDSA, ed(filled(1, 0, 0)))),
        ("Ed25519 minus one", (v::EDDSA, ed(filled(0xec, 0xff, 0x7f)))),
        ("Ed25519 zero again", (v::EDDSA, ed(filled(0xed, 0xff, 0x7f)))),
        ("Ed25519 one again", (v::EDDSA, ed(filled(0xee, 0xff, 0xff)))),
        ("Ed25519 beyond the field", (v::EDDSA, ed(filled(0xf0, 0xff, 0x7f)))),
        ("Ed25519 of order eight", (v::EDDSA, ed(of_order_eight))),
    ] {
        assert_verdict(name, token, &set(&[key]), all(), Err(ErrorCode::JWS_UNUSABLE_KEY));
    }
    for (name, key) in [
        ("RSA 2048", rsa_of(&number(256, 0x80, 1), "AQAB", "")),
        ("RSA 8192", rsa_of(&number(1024, 0xff, 1), "AQAB", "")),
        ("exponent 3", rsa_of(v::RSA_N, "Aw", "")),
        ("exponent 2^33 - 1", rsa_of(v::RSA_N, &encode([1, 0xff, 0xff, 0xff, 0xff]), "")),
    ] {
        assert_verdict(name, v::RS256, &set(&[key]), all(), Err(ErrorCode::JWS_SIGNATURE));
    }
}

/// AWS-LC looks for the point when it verifies, RustCrypto when it parses. Both refuse, for different reasons.
#[test]
fn an_ed25519_key_that_is_no_point_verifies_nothing() {
    let mut off_curve = [0; 32];
    off_curve[0] = 2;
    let keys = set(&[ed25519("").replace(v::ED25519_X, &encode(off_curve))]);
    for &backend in backend::compiled() {
        let code = verdict(backend, v::EDDSA, &keys, all()).unwrap_err();
        assert!(matches!(code, ErrorCode::JWS_UNUSABLE_KEY | ErrorCode::JWS_SIGNATURE), "{backend:?}: {code}");
    }
}

#[test]
fn signatures_that_are_none() {
    // The order of P-256.
    let order = decode("_____wAAAAD__________7zm-q2nF56E87nKwvxjJVE").unwrap();
    let good = decode(v::ES256.rsplit_once('.').unwrap().1).unwrap();
    let (r, s) = good.split_at(32);
    let with = |token: &str, signature: &[u8]| with_signature(token.rsplit_once('.').unwrap().0.to_owned(), signature);
    let rs256 = decode(v::RS256.rsplit_once('.').unwrap().1).unwrap();
    let der = [&[0x30, 0x45, 2, 0x20], r, &[2, 0x21, 0], s].concat();
    for (name, token, key) in [
        ("r and s zero", es256_with(&[0; 64]), p256("")),
        ("r zero", es256_with(&[&[0; 32], s].concat()), p256("")),
        ("s zero", es256_with(&[r, &[0; 32]].concat()), p256("")),
        ("s the order", es256_with(&[r, &order].concat()), p256("")),
        ("r and s the order", es256_with(&[&*order, &order].concat()), p256("")),
        ("r and s exchanged", es256_with(&[s, r].concat()), p256("")),
        ("63 bytes", es256_with(&good[..63]), p256("")),
        ("65 bytes", es256_with(&[&[0], &*good].concat()), p256("")),
        ("96 bytes", es256_with(&[7; 96]), p256("")),
        ("in DER", es256_with(&der), p256("")),
        ("RSA of zeros", with(v::RS256, &[0; 256]), rsa("")),
        ("RSA of ones", with(v::RS256, &[0xff; 256]), rsa("")),
        ("RSA one byte longer", with(v::RS256, &[&[0], &*rs256].concat()), rsa("")),
        ("RSA empty", with(v::RS256, &[]), rsa("")),
        ("PS256 with a short salt", v::PS256_SHORT_SALT.to_owned(), rsa("")),
        ("Ed25519 with the order added", v::EDDSA_MALLEABLE.to_owned(), ed25519("")),
        ("Ed25519 of zeros", with(v::EDDSA, &[0; 64]), ed25519("")),
        ("Ed25519 too short", with(v::EDDSA, &[0; 31]), ed25519("")),
    ] {
        assert_verdict(name, &token, &set(&[key]), all(), Err(ErrorCode::JWS_SIGNATURE));
    }
}
