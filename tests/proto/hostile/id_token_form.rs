//! ID tokens by their form: segments, base64url, header, signature. Nothing of it is believed before it was verified.

use oidc_proto::jose::Algorithm;
use oidc_proto::testing::{self, Lie, On, Signature};
use oidc_proto::{Env as _, ErrorCode};
use serde_json::{Value, json};

use crate::hostile::world::{At, Row, Say, World, pardons, refusals};

/// The algorithms that every row is told in.
pub(crate) const ALGORITHMS: [Algorithm; 3] = [Algorithm::Es256, Algorithm::Rs256, Algorithm::EdDsa];

/// Found out without any key.
#[rustfmt::skip]
const CHEAP: &[(Say, ErrorCode)] = &[
    (Say::Lie(Lie::IdTokenAbsent), ErrorCode::ID_TOKEN_MISSING),
    (Say::Lie(Lie::IdTokenEmpty), ErrorCode::ID_TOKEN_MISSING),
    (Say::Lie(Lie::SegmentsOne), ErrorCode::JWS_MALFORMED),
    (Say::Lie(Lie::SegmentsTwo), ErrorCode::JWS_MALFORMED),
    (Say::Lie(Lie::SegmentsFour), ErrorCode::JWS_MALFORMED),
    (Say::Lie(Lie::SegmentsFive), ErrorCode::JWS_ENCRYPTED),
    (Say::Lie(Lie::Jwe), ErrorCode::JWS_ENCRYPTED),
    (Say::Lie(Lie::IdTokenHuge), ErrorCode::JWS_TOO_LARGE),
    (Say::Lie(Lie::AlgorithmHmac), ErrorCode::JWS_ALGORITHM),
    (Say::Lie(Lie::AlgorithmOther), ErrorCode::JWS_ALGORITHM),
    (Say::Lie(Lie::AlgorithmMisfit), ErrorCode::JWS_ALGORITHM),
    (Say::Lie(Lie::AlgorithmNone("none")), ErrorCode::JWS_ALGORITHM),
    (Say::Lie(Lie::AlgorithmNone("None")), ErrorCode::JWS_ALGORITHM),
    (Say::Lie(Lie::AlgorithmNone("nOnE")), ErrorCode::JWS_ALGORITHM),
    (Say::Lie(Lie::AlgorithmNone("")), ErrorCode::JWS_ALGORITHM),
    (Say::Lie(Lie::AlgorithmNone("es256")), ErrorCode::JWS_ALGORITHM),
    (Say::Lie(Lie::AlgorithmNone("ES256 ")), ErrorCode::JWS_ALGORITHM),
    (Say::Lie(Lie::AlgorithmNone("ES256K")), ErrorCode::JWS_ALGORITHM),
    (Say::Lie(Lie::AlgorithmNone("HS256")), ErrorCode::JWS_ALGORITHM),
    (Say::Lie(Lie::Crit), ErrorCode::JWS_CRIT),
    (Say::Lie(Lie::B64False), ErrorCode::JWS_CRIT),
    (Say::Edit("b64 without crit", |op| member(op, "b64", json!(true))), ErrorCode::JWS_CRIT),
    (Say::Edit("an empty crit", |op| member(op, "crit", json!([]))), ErrorCode::JWS_CRIT),
    (Say::Edit("crit of null", |op| member(op, "crit", Value::Null)), ErrorCode::JWS_CRIT),
    (Say::Lie(Lie::HeaderDuplicate), ErrorCode::JWS_HEADER),
    (Say::Edit("alg behind an escape", |op| header(op, r#"{"alg":"ES256","\u0061lg":"none"}"#)), ErrorCode::JWS_HEADER),
    (Say::Edit("no alg", |op| op.edit_id_token(|t| drop(t.header.remove("alg")))), ErrorCode::JWS_HEADER),
    (Say::Edit("null as alg", |op| member(op, "alg", Value::Null)), ErrorCode::JWS_HEADER),
    (Say::Edit("a list as alg", |op| member(op, "alg", json!(["ES256"]))), ErrorCode::JWS_HEADER),
    (Say::Edit("a long kid", |op| member(op, "kid", json!("k".repeat(2000)))), ErrorCode::JWS_HEADER),
    (Say::Edit("typ of an access token", |op| member(op, "typ", json!("at+jwt"))), ErrorCode::ID_TOKEN_TYPE),
    (Say::Edit("typ of an access token in full", |op| member(op, "typ", json!("application/AT+JWT"))), ErrorCode::ID_TOKEN_TYPE),
    (Say::Edit("typ of a logout token", |op| member(op, "typ", json!("logout+jwt"))), ErrorCode::ID_TOKEN_TYPE),
    (Say::Edit("typ of a proof", |op| member(op, "typ", json!("dpop+jwt"))), ErrorCode::ID_TOKEN_TYPE),
    (Say::Edit("typ of a response of introspection", |op| member(op, "typ", json!("token-introspection+jwt"))), ErrorCode::ID_TOKEN_TYPE),
    (Say::Edit("a list as header", |op| header(op, r#"["ES256"]"#)), ErrorCode::JWS_HEADER),
    (Say::Edit("an empty header", |op| header(op, "")), ErrorCode::JWS_HEADER),
    (Say::Edit("a deep header", |op| member(op, "x", (0..40).fold(json!(0), |inner, _| json!([inner])))), ErrorCode::JWS_HEADER),
    (Say::Edit("a byte-order mark in the header", |op| header(op, "\u{feff}{\"alg\":\"ES256\"}")), ErrorCode::JWS_HEADER),
    (Say::Edit("a header that is not base64url", |op| finish(op, |jwt| format!("+{jwt}"))), ErrorCode::JWS_MALFORMED),
    (Say::Edit("a space before it", |op| finish(op, |jwt| format!(" {jwt}"))), ErrorCode::JWS_MALFORMED),
    (Say::Edit("a padded header", |op| finish(op, |jwt| jwt.replacen('.', "=.", 1))), ErrorCode::JWS_MALFORMED),
    (Say::Edit("a padded payload", |op| finish(op, |jwt| { let (input, signature) = jwt.rsplit_once('.').unwrap(); format!("{input}=.{signature}") })), ErrorCode::JWS_MALFORMED),
    (Say::Edit("an empty payload", |op| op.edit_id_token(|t| t.claims_text = Some(String::new()))), ErrorCode::ID_TOKEN_CLAIMS),
    (Say::Edit("dots alone", |op| finish(op, |_| "..".into())), ErrorCode::JWS_HEADER),
    (Say::Edit("letters beyond ASCII", |op| finish(op, |jwt| jwt.replacen('.', "é.", 1))), ErrorCode::JWS_MALFORMED),
];

/// Found out with the provider's keys.
#[rustfmt::skip]
const COSTLY: &[(Say, ErrorCode)] = &[
    (Say::Lie(Lie::Padded), ErrorCode::JWS_MALFORMED),
    (Say::Lie(Lie::NotCanonical), ErrorCode::JWS_MALFORMED),
    (Say::Edit("a line break after it", |op| finish(op, |jwt| jwt + "\n")), ErrorCode::JWS_MALFORMED),
    (Say::Lie(Lie::SignatureWrong), ErrorCode::JWS_SIGNATURE),
    (Say::Lie(Lie::SignatureEmpty), ErrorCode::JWS_SIGNATURE),
    (Say::Lie(Lie::SignatureZeros), ErrorCode::JWS_SIGNATURE),
    (Say::Lie(Lie::SignatureForeign), ErrorCode::JWS_SIGNATURE),
    (Say::Lie(Lie::JwkEmbedded), ErrorCode::JWS_SIGNATURE),
    (Say::Lie(Lie::JkuForeign), ErrorCode::JWS_SIGNATURE),
    (Say::Edit("x5c, and its key's signature", |op| op.edit_id_token(|t| { t.member("x5c", json!(["MIIB"])); t.signature = Signature::ForeignKey; })), ErrorCode::JWS_SIGNATURE),
    (Say::Edit("a signature of one byte", |op| finish(op, |jwt| jwt.rsplit_once('.').unwrap().0.to_owned() + ".AA")), ErrorCode::JWS_SIGNATURE),
    (Say::Edit("the other half of the signature", |op| finish(op, |jwt| { let (input, signature) = jwt.rsplit_once('.').unwrap(); format!("{input}.{}", &signature[..40]) })), ErrorCode::JWS_SIGNATURE),
    (Say::Edit("claims changed after signing", |op| finish(op, |jwt| { let [h, p, s] = parts(&jwt); format!("{h}.{}.{s}", swap_subject(p)) })), ErrorCode::JWS_SIGNATURE),
    (Say::Edit("a foreign signature under an unknown kid", |op| { op.lie(Lie::KidUnknown); op.lie(Lie::SignatureForeign); }), ErrorCode::JWS_UNKNOWN_KEY),
    (Say::Edit("a foreign signature under a kid with a path", |op| { op.lie(Lie::KidPath); op.lie(Lie::SignatureForeign); }), ErrorCode::JWS_UNKNOWN_KEY),
];

#[rustfmt::skip]
const LIVED_WITH: &[Say] = &[
    Say::Lie(Lie::KidAbsent),
    Say::Lie(Lie::KidUnknown),
    Say::Lie(Lie::KidPath),
    Say::Lie(Lie::KidQuotes),
    Say::Edit("an empty kid", |op| member(op, "kid", json!(""))),
    Say::Edit("kid in capitals", |op| op.edit_id_token(|t| { let kid = t.header["kid"].as_str().unwrap().to_uppercase(); t.member("kid", kid); })),
    Say::Edit("null as kid", |op| member(op, "kid", Value::Null)),
    Say::Lie(Lie::KidNumber),
    Say::Edit("a number as typ", |op| member(op, "typ", json!(7))),
    Say::Edit("typ", |op| member(op, "typ", json!("JWT"))),
    Say::Edit("typ in full", |op| member(op, "typ", json!("application/jwt"))),
    Say::Edit("a typ of the provider's own", |op| member(op, "typ", json!("ID"))),
    Say::Edit("jwk, jku, x5u and x5c of no use", |op| { for name in ["jwk", "jku", "x5u", "x5c"] { member(op, name, json!(7)); } }),
    Say::Edit("members of tomorrow", |op| member(op, "x", json!({ "a": [1, null] }))),
];

pub(crate) fn rows() -> Vec<Row> {
    refusals(CHEAP).chain(refusals(COSTLY)).chain(pardons(LIVED_WITH)).collect()
}

fn member(op: &testing::Provider, name: &'static str, value: Value) {
    op.edit_id_token(move |token| token.member(name, value.clone()));
}

fn header(op: &testing::Provider, text: &'static str) {
    op.edit_id_token(move |token| token.header_text = Some(text.to_owned()));
}

fn finish(op: &testing::Provider, finish: fn(String) -> String) {
    op.edit_id_token(move |token| token.finish = finish);
}

fn parts(jwt: &str) -> [&str; 3] {
    jwt.split('.').collect::<Vec<_>>().try_into().unwrap()
}

fn swap_subject(payload: &str) -> String {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let claims = String::from_utf8(URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap();
    URL_SAFE_NO_PAD.encode(claims.replace("sub-alice", "sub-mallory"))
}

/// What a wrong ID token leads to, from every side: how the login ends, what can still be done, and what was asked.
///
/// `cost` is how many times keys have to be fetched for it to be found out, if there are none: never or once.
pub(crate) fn assert_unverified(say: &Say, code: ErrorCode, cost: usize) {
    for algorithm in ALGORITHMS {
        let mut world = World::with_algorithm(algorithm);
        let login = world.login().unwrap();
        let party = login.party.clone();
        say.to(&world.op);
        let refusal = world.finish(login).err().unwrap();
        assert_eq!(refusal.what(), (At::Verification, code), "{say:?} {algorithm:?}");
        // The keys are fetched before the code is spent. For a key that they do not have they are asked for once more.
        let refetches = usize::from(code == ErrorCode::JWS_UNKNOWN_KEY);
        assert_eq!(world.counts([On::Token, On::Jwks]), [1, 1 + refetches], "{say:?}");

        // A second look finds the same. The keys are there, and only an unknown one is a reason to fetch them.
        world.op.honest();
        let refusal = world.verify(&party, *refusal.tokens.unwrap()).err().unwrap();
        let expected = 1 + 2 * refetches;
        assert_eq!((refusal.error.code(), world.op.count(On::Jwks)), (code, expected), "{say:?}");
        // A third one by keys that are too old costs new ones, where any are needed.
        world.age_keys();
        let refusal = world.verify(&party, *refusal.tokens.unwrap()).err().unwrap();
        assert_eq!((refusal.error.code(), world.op.count(On::Jwks)), (code, expected + cost), "{say:?}");

        // The tokens are still there to be revoked, and then they are gone.
        let response: Value = world.received.iter().find_map(|body| token_response(body)).unwrap();
        let access_token = response["access_token"].as_str().unwrap();
        assert!(world.op.bearer(access_token, world.env.now()).is_some());
        world.give_up(*refusal.tokens.unwrap()).unwrap();
        assert!(world.op.bearer(access_token, world.env.now()).is_none());

        // With keys that are there, only an unknown one is a reason to fetch them; once for each response.
        world.keys(&party).unwrap();
        let before = world.op.count(On::Jwks);
        for logins in 1..=2 {
            let login = world.login_with(&party).unwrap();
            say.to(&world.op);
            let refusal = world.finish(login).err().unwrap();
            assert_eq!(refusal.what(), (At::Verification, code), "{say:?}");
            assert_eq!(world.op.count(On::Jwks) - before, logins * refetches, "{say:?}");
            world.op.honest();
        }
    }
}

fn token_response(body: &[u8]) -> Option<Value> {
    serde_json::from_slice(body).ok().filter(|value: &Value| value.get("access_token").is_some())
}

#[test]
fn a_form_that_needs_no_key_to_be_found_wrong_costs_none() {
    for (say, code) in CHEAP {
        assert_unverified(say, *code, 0);
    }
}

#[test]
fn a_signature_that_is_not_the_providers_is_refused() {
    for (say, code) in COSTLY {
        assert_unverified(say, *code, 1);
    }
}

#[test]
fn odd_headers_are_lived_with() {
    for algorithm in ALGORITHMS {
        for say in LIVED_WITH {
            let mut world = World::with_algorithm(algorithm);
            say.to(&world.op);
            assert_eq!(world.course().map_err(|refusal| refusal.what()), Ok(()), "{say:?} {algorithm:?}");
        }
    }
}

/// The client's word counts, then the provider's; what the token says of itself never does.
#[test]
fn the_algorithm_is_never_the_tokens_choice() {
    use oidc_proto::jose::Algorithms;
    type Choose = fn(oidc_proto::Client) -> oidc_proto::Client;
    let none: Choose = |client| client;
    let chosen: Choose = |client| client.with_algorithms(Algorithms::of(&[Algorithm::Rs256]));
    let registered: Choose = |client| {
        client.with_registered_algorithm(Algorithm::Es256).with_algorithms(Algorithms::of(&[Algorithm::Rs256]))
    };
    let hmac: Choose = |client| client.with_algorithms(Algorithms::of(&[Algorithm::Hs256]));
    let refused = Some(ErrorCode::JWS_ALGORITHM);
    for (signed, choose, advertised, expected) in [
        ("ES256", none, None, None),
        ("Ed25519", none, None, None),
        ("EdDSA", none, Some(json!(["EdDSA"])), None),
        ("EdDSA", none, Some(json!(["Ed25519"])), refused),
        ("ES256", none, Some(json!(["RS256"])), refused),
        ("RS256", none, Some(json!(["none", "HS256", "RS1"])), None),
        ("ES256", none, Some(json!(["none", "HS256", "RS1"])), refused),
        ("RS256", none, Some(json!([])), None),
        ("RS256", none, Some(Value::Null), None),
        ("ES256", none, Some(Value::Null), refused),
        ("RS256", chosen, Some(json!(["ES256"])), None),
        ("ES256", chosen, None, refused),
        ("ES256", registered, None, None),
        ("RS256", registered, None, refused),
        ("ES256", hmac, None, refused),
        ("RS256", hmac, None, refused),
    ] {
        let mut world = World::with_fixed_client(signed);
        world.client = world.client.map(choose);
        if let Some(advertised) = advertised.clone() {
            world.op.edit_json(On::ServerMetadata, move |object| {
                object.insert("id_token_signing_alg_values_supported".into(), advertised.clone());
            });
        }
        let code = world.logged_in().err().map(|refusal| refusal.error.code());
        assert_eq!(code, expected, "{signed} {advertised:?}");
    }
}

/// HS256 counts only where it was registered, and only under the client's secret.
#[test]
fn a_symmetric_signature_counts_only_where_it_was_registered() {
    use oidc_proto::jose::Algorithms;
    use oidc_proto::{Client, ClientAuth};
    type Choose = fn(Client) -> Client;
    const SECRET: &str = "s3cret-s3cret-s3cret-s3cret-s3cret";
    let registered: Choose = |client| client.with_registered_algorithm(Algorithm::Hs256);
    let chosen: Choose = |client| client.with_algorithms(Algorithms::of(&[Algorithm::Hs256]));
    let silent: Choose = |client| client;
    for (choose, lie, expected) in [
        (registered, None, None),
        (registered, Some(Lie::SignatureWrong), Some(ErrorCode::JWS_SIGNATURE)),
        (registered, Some(Lie::SignatureEmpty), Some(ErrorCode::JWS_SIGNATURE)),
        (registered, Some(Lie::SignatureZeros), Some(ErrorCode::JWS_SIGNATURE)),
        (registered, Some(Lie::AlgorithmHmac), Some(ErrorCode::JWS_SIGNATURE)),
        (registered, Some(Lie::AlgorithmOther), Some(ErrorCode::JWS_ALGORITHM)),
        (chosen, None, Some(ErrorCode::JWS_ALGORITHM)),
        (silent, None, Some(ErrorCode::JWS_ALGORITHM)),
    ] {
        let mut world = World::new();
        let app = testing::RegisteredClient::confidential("app", SECRET, crate::hostile::world::REDIRECT)
            .with_id_token_signed_response_alg("HS256");
        world.op = world.op.with_client(app);
        let client = Client::new("app").with_auth(ClientAuth::SecretBasic(SECRET.into()));
        world.client = Some(choose(client.with_redirect_uri(crate::hostile::world::redirect())));
        lie.into_iter().for_each(|lie| world.op.lie(lie));
        assert_eq!(world.logged_in().err().map(|refusal| refusal.error.code()), expected, "{lie:?}");
    }
    // A public client has no secret: what is registered for it cannot be verified.
    let mut world = World::with_fixed_client("ES256");
    world.client = world.client.map(registered);
    assert_eq!(world.logged_in().err().unwrap().what(), (At::Request, ErrorCode::TOKEN_CLIENT_AUTH));
}
