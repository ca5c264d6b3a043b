//! Tokens that must not be believed.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::{Class, differs, same};
use crate::token::{Signature, Token};
use crate::verdicts::{CLIENT_ID, ISSUER, SUBJECT};

const REGISTERED_ONLY: &str = "jsonwebtoken checks the registered claims; the rest is left to its user";

fn finish(token: &mut Token, finish: fn(String) -> String) {
    token.finish = finish;
}

fn header_text(token: &mut Token, edit: fn(&str) -> String) {
    let header = Value::Object(token.header.clone()).to_string();
    token.header_text = Some(edit(&header));
}

/// Writes a claim's value as this text.
fn raw(token: &mut Token, name: &str, text: &str) {
    token.claim(name, "RAW");
    token.claims_text = Some(token.claims_as_text().replace("\"RAW\"", text));
}

/// Changes one character of the part of the token with this number: before the dates, so that each day the same breaks.
fn spoil(token: String, part: usize) -> String {
    let mut parts: Vec<String> = token.split('.').map(str::to_owned).collect();
    let at = 14;
    let other = if parts[part].as_bytes()[at] == b'A' { "B" } else { "A" };
    parts[part].replace_range(at..=at, other);
    parts.join(".")
}

/// Names another user, and is a token in all else.
fn impersonate(token: String) -> String {
    let mut parts: Vec<String> = token.split('.').map(str::to_owned).collect();
    let claims = String::from_utf8(URL_SAFE_NO_PAD.decode(&parts[1]).expect("base64url")).expect("text");
    parts[1] = URL_SAFE_NO_PAD.encode(claims.replace(SUBJECT, "mallory"));
    parts.join(".")
}

pub const BROKEN: &[Class] = &[
    // Form
    same("one segment", |token| finish(token, |jwt| jwt.replace('.', ""))),
    same("two segments", |token| finish(token, |jwt| jwt.rsplit_once('.').expect("a dot").0.to_owned())),
    same("four segments", |token| finish(token, |jwt| jwt + ".")),
    same("five segments, as a JWE", |token| finish(token, |jwt| jwt + ".AA.AA")),
    same("nothing", |token| finish(token, |_| String::new())),
    same("a padded header", |token| finish(token, |jwt| jwt.replacen('.', "=.", 1))),
    same("a padded signature", |token| finish(token, |jwt| jwt + "==")),
    same("a space after it", |token| finish(token, |jwt| jwt + " ")),
    same("the alphabet of plain base64", |token| finish(token, |jwt| format!("+{jwt}"))),
    // Header
    same("`alg` none, unsigned", |token| {
        let none = ["none", "None", "nOnE", "NONE"][token.up_to(4) as usize];
        token.member("alg", none);
        token.signature = Signature::Empty;
    }),
    same("HS256 with the public key as its secret", |token| {
        token.member("alg", "HS256");
        token.signature = Signature::PublicKeyAsSecret;
    }),
    same("another algorithm than the one registered", |token| {
        let other = match token.header["alg"].as_str() {
            Some("RS256") => "PS256",
            _ => "RS256",
        };
        token.member("alg", other);
    }),
    same("an unknown algorithm", |token| token.member("alg", "RS1")),
    same("no `alg`", |token| drop(token.header.remove("alg"))),
    same("a list as `alg`", |token| {
        let alg = token.header["alg"].clone();
        token.member("alg", json!([alg]));
    }),
    same("`alg` twice", |token| header_text(token, |text| text.replacen('{', r#"{"alg":"none","#, 1))),
    differs(
        "an unknown member twice",
        "RFC 7515 section 4: names must be unique, or only the last one counts; here none does",
        |token| header_text(token, |text| text.replacen('{', r#"{"x":1,"x":2,"#, 1)),
    ),
    differs(
        "`crit` with an extension that nobody knows",
        "RFC 7515 section 4.1.11: must be refused; jsonwebtoken does not look",
        |token| {
            token.member("crit", json!(["exp"]));
            token.member("exp", 1);
        },
    ),
    differs("`crit` of nothing", "RFC 7515 section 4.1.11: an empty list must not be sent", |token| {
        token.member("crit", json!([]))
    }),
    differs(
        "`b64` false without `crit`",
        "RFC 7797 section 6 has it in `crit`; readers that know it and readers that do not would verify different bytes",
        |token| token.member("b64", false),
    ),
    same("the `kid` of another key", |token| {
        let other = if token.header["kid"] == "es-1" { "rs-1" } else { "es-1" };
        token.member("kid", other);
    }),
    same("a header that is no object", |token| token.header_text = Some("[]".to_owned())),
    same("a header that is no JSON", |token| header_text(token, |text| text.replace(':', "="))),
    // Signature
    same("one character of the signature changed", |token| finish(token, |jwt| spoil(jwt, 2))),
    same("one character of the claims changed", |token| finish(token, |jwt| spoil(jwt, 1))),
    same("one character of the header changed", |token| finish(token, |jwt| spoil(jwt, 0))),
    same("claims of somebody else above a right signature", |token| finish(token, impersonate)),
    same("no signature", |token| token.signature = Signature::Empty),
    same("zeros for a signature", |token| token.signature = Signature::Zeros),
    same("half a signature", |token| finish(token, |jwt| jwt[..jwt.len() - 42].to_owned())),
    same("a signature by somebody else", |token| token.signature = Signature::Foreign),
    same("a signature by somebody else, whose key is in the header", |token| {
        token.signature = Signature::Foreign;
        let jwk = crate::keys::foreign().of(token.algorithm).jwk.clone();
        token.member("jwk", jwk);
    }),
    // Keys
    same("the key is not in the set any more", |token| {
        let kid = token.header["kid"].clone();
        token.keys.retain(|key| key["kid"] != kid);
    }),
    differs("the key is for encryption", "RFC 7517 section 4.2; jsonwebtoken does not look at `use`", |token| {
        token.key()["use"] = json!("enc")
    }),
    differs(
        "the key is not to verify with",
        "RFC 7517 section 4.3; neither of the others looks at `key_ops`",
        |token| token.key()["key_ops"] = json!(["encrypt"]),
    ),
    differs(
        "the key is for another algorithm",
        "RFC 7517 section 4.4; jsonwebtoken does not look at the `alg` of a key",
        |token| {
            let other = match token.header["alg"].as_str() {
                Some("RS256") => "RS512",
                Some("ES256") => "ES384",
                _ => "ES256",
            };
            token.key()["alg"] = json!(other);
        },
    ),
    differs(
        "the key was published with its private part",
        "whoever reads it can sign; the others take its public part",
        |token| token.key()["d"] = json!("AQAB"),
    ),
    same("a key whose numbers are cut short", |token| {
        let name = if token.header["alg"] == "RS256" { "n" } else { "x" };
        let short: String = token.key()[name].as_str().expect("a number").chars().skip(8).collect();
        token.key()[name] = json!(short);
    }),
    differs(
        "an RSA key of 1024 bits",
        "RFC 7518 section 3.3 demands 2048; the others have no lower bound (the other algorithms: somebody else's signature)",
        |token| {
            if token.header["alg"] == "RS256" {
                *token.key() = crate::keys::weak().jwk.clone();
                token.signature = Signature::Weak;
            } else {
                token.signature = Signature::Foreign;
            }
        },
    ),
    same("no `kid`, and two keys that would do", |token| {
        token.header.remove("kid");
        let mut other = crate::keys::foreign().of(token.algorithm).jwk.clone();
        other["kid"] = json!("other");
        token.keys.push(other);
    }),
    // Claims
    same("claims that are no object", |token| token.claims_text = Some("[]".to_owned())),
    same("claims that are no JSON", |token| token.claims_text = Some("{".to_owned())),
    same("a claim twice", |token| {
        token.claims_text = Some(token.claims_as_text().replacen('{', r#"{"sub":"admin","#, 1))
    }),
    differs(
        "a claim of the provider's own twice",
        "the same rule for every name; the others do not look at names that they do not know",
        |token| token.claims_text = Some(token.claims_as_text().replacen('{', r#"{"role":"admin","role":"guest","#, 1)),
    ),
    differs("claims nested 100 deep", "a limit of our own: 32", |token| {
        token.claim("x", (0..100).fold(json!(0), |inner, _| json!([inner])))
    }),
    same("`iss` with one character more", |token| token.claim("iss", format!("{ISSUER}/"))),
    same("`iss` of another provider", |token| token.claim("iss", "https://evil.example.org")),
    same("no `iss`", |token| drop(token.claims.remove("iss"))),
    differs(
        "`iss` as a list",
        "RFC 7519 section 4.1.1: one string; jsonwebtoken takes a list with the issuer in it",
        |token| token.claim("iss", json!([ISSUER, "https://evil.example.org"])),
    ),
    same("`aud` of another client", |token| token.claim("aud", format!("{CLIENT_ID}x"))),
    same("an empty `aud`", |token| token.claim("aud", json!([]))),
    same("no `aud`", |token| drop(token.claims.remove("aud"))),
    same("`aud` in a list in a list", |token| token.claim("aud", json!([[CLIENT_ID]]))),
    differs(
        "`aud` of this client and another one",
        "OpenID Connect Core section 3.1.3.7 rule 3: audiences that are not trusted; RFC 7519, which jsonwebtoken follows, lets them be",
        |token| token.claim("aud", json!([CLIENT_ID, "other"])),
    ),
    differs("`azp` of another client", "OpenID Connect Core section 3.1.3.7 rule 5; the others do not look", |token| {
        token.claim("azp", "other")
    }),
    same("expired", |token| {
        let ago = 120 + token.up_to(100_000);
        token.claim("exp", token.now - ago);
    }),
    same("no `exp`", |token| drop(token.claims.remove("exp"))),
    same("`exp` as text", |token| token.claim("exp", (token.now + 600).to_string())),
    same("`exp` as 1e308", |token| raw(token, "exp", "1e308")),
    same("`exp` below zero", |token| token.claim("exp", -1)),
    differs("no `iat`", REGISTERED_ONLY, |token| drop(token.claims.remove("iat"))),
    differs("`iat` a week ago", REGISTERED_ONLY, |token| token.claim("iat", token.now - 7 * 24 * 3600)),
    differs("`iat` tomorrow", REGISTERED_ONLY, |token| token.claim("iat", token.now + 24 * 3600)),
    differs(
        "`nbf` tomorrow",
        "RFC 7519 section 4.1.5: must not be accepted before; openidconnect does not look",
        |token| token.claim("nbf", token.now + 24 * 3600),
    ),
    differs("no `nonce`", REGISTERED_ONLY, |token| drop(token.claims.remove("nonce"))),
    differs("another `nonce`", REGISTERED_ONLY, |token| token.claim("nonce", "n-0S6_WzA2Mj")),
    same("no `sub`", |token| drop(token.claims.remove("sub"))),
    differs(
        "an empty `sub`",
        "OpenID Connect Core section 2: it names a user; the others take the empty name",
        |token| token.claim("sub", ""),
    ),
    differs(
        "`sub` of 256 characters",
        "OpenID Connect Core section 2: at most 255; the others do not count",
        |token| token.claim("sub", "s".repeat(256)),
    ),
    same("a number as `sub`", |token| token.claim("sub", 7)),
    differs("`at_hash` of another token", REGISTERED_ONLY, |token| {
        token.claim("at_hash", "77QmUPtjPfzWtF2AnpK9RQ");
    }),
];
