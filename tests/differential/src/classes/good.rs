//! Tokens that a standard allows.

use serde_json::{Value, json};

use super::{Class, differs, same};
use crate::token::Token;
use crate::verdicts::CLIENT_ID;

fn at_hash(token: &mut Token) {
    use jsonwebtoken::Algorithm;
    // Of the access token `SlAV32hkKG`, by the hash of the algorithm.
    token.claim(
        "at_hash",
        match token.algorithm {
            Algorithm::EdDSA => "z0cYnONBc9TdhgRUdlJ3DO6ArL2M-v_70iPj9lnAlnQ",
            _ => "rXH7QWVTZnXYCou_6Vdpfg",
        },
    );
}

/// Why a token is good whose `kid` names none of the keys.
pub const KID_IS_A_HINT: &str = "RFC 7515 section 4.1.4: a hint; the signature is right by one of the provider's keys";

pub const GOOD: &[Class] = &[
    same("with the required claims only", |_| {}),
    same("with many claims of its own", |token| {
        token.claim("email", "jane@example.org");
        token.claim("email_verified", true);
        token.claim("address", json!({ "country": "DE", "region": null }));
        let groups = token.up_to(300);
        token.claim("groups", (0..groups).map(|n| format!("group-{n}")).collect::<Vec<_>>());
    }),
    same("`aud` as an array of one", |token| token.claim("aud", json!([CLIENT_ID]))),
    same("`azp` of this client", |token| token.claim("azp", CLIENT_ID)),
    same("`acr`, `amr`, `auth_time`, `sid`", |token| {
        token.claim("acr", "urn:mace:incommon:iap:silver");
        token.claim("amr", json!(["pwd", "otp"]));
        let age = token.up_to(100_000);
        token.claim("auth_time", token.now - age);
        token.claim("sid", "08a5019c-17e1-4977-8f42-65a12843ea02");
    }),
    same("`at_hash` of the access token", at_hash),
    same("`nbf` in the past", |token| {
        let age = token.up_to(3000);
        token.claim("nbf", token.now - age);
    }),
    same("spaces and line breaks in the claims", |token| {
        let claims = serde_json::to_string_pretty(&Value::Object(token.claims.clone())).expect("JSON");
        token.claims_text = Some(format!("\r\n{claims}\n"));
    }),
    same("escapes in claims", |token| {
        token.claims_text = Some(token.claims_as_text().replace("https://op", r"\u0068ttps:\/\/op"));
    }),
    same("letters beyond ASCII", |token| {
        token.claim("sub", "jürgen-名-😀");
        token.claim("name", "Jürgen 名 😀");
    }),
    same("`typ` of a JWT", |token| token.member("typ", "JWT")),
    same("`typ` in small letters, or as a media type", |token| {
        let typ = ["jwt", "application/jwt", "Jwt"][token.up_to(3) as usize];
        token.member("typ", typ);
    }),
    same("members of tomorrow in the header", |token| token.member("x", json!({ "a": [1, null] }))),
    same("keys of other kinds in the set", |token| {
        token.keys.insert(0, json!({ "kty": "RSA", "use": "enc", "kid": "enc", "n": "AQAB", "e": "AQAB" }));
    }),
    same("keys of tomorrow in the set", |token| {
        token.keys.push(json!({ "kty": "EC", "crv": "P-1024", "kid": "new", "x": "AA", "y": "AA" }))
    }),
    same("a key without `use` and `alg`", |token| {
        let key = token.key().as_object_mut().expect("an object");
        key.remove("use");
        key.remove("alg");
    }),
    differs(
        "no `kid`, and one key for the algorithm",
        "OpenID Connect Core section 10.1 asks for a `kid` only where several keys would do; jsonwebtoken leaves the search to its user",
        |token| drop(token.header.remove("kid")),
    ),
    same("fractions of seconds", |token| {
        let (exp, iat) = (token.now + 600, token.now - 1);
        token.claims_text = Some(
            token
                .claims_as_text()
                .replace(&token.claims["exp"].to_string(), &format!("{exp}.25"))
                .replace(&token.claims["iat"].to_string(), &format!("{iat}.5")),
        );
    }),
    differs(
        "expired within the skew of 60 s",
        "RFC 7519 section 4.1.4 lets clocks differ by a few minutes; openidconnect leaves none",
        |token| {
            let ago = token.up_to(45);
            token.claim("exp", token.now - ago);
        },
    ),
    same("issued within the skew of 60 s", |token| {
        let ahead = token.up_to(45);
        token.claim("iat", token.now + ahead);
    }),
    same("not valid before a moment within the skew of 60 s", |token| {
        let ahead = token.up_to(45);
        token.claim("nbf", token.now + ahead);
    }),
    differs(
        "`jwk`, `jku` and `x5u` that nobody needs",
        "they are not read at all; jsonwebtoken fails where they are not of their types",
        |token| {
            for name in ["jwk", "jku", "x5u"] {
                token.member(name, 7);
            }
        },
    ),
    differs("a `kid` that is no text", KID_IS_A_HINT, |token| token.member("kid", 7)),
    differs("an unknown `kid`", KID_IS_A_HINT, |token| {
        let kid = ["../../etc/passwd", "' OR 1=1 --", "rs-9", ""][token.up_to(4) as usize];
        token.member("kid", kid);
    }),
    differs("`auth_time` as text", "it counts as missing, which is wrong only if `max_age` was asked for", |token| {
        token.claim("auth_time", token.now.to_string())
    }),
];
