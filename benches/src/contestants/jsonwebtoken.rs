//! jsonwebtoken 11 with AWS-LC: tokens and key sets only.

use std::hint::black_box;
use std::rc::Rc;

use aws_lc_rs::digest;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, TokenData, Validation, decode, decode_header};
use serde::Deserialize;

use super::hold;
use crate::case::{Case, Held};
use crate::fixtures::*;

const WHO: &str = "jsonwebtoken 11.1";
const CACHED: &str = "jsonwebtoken 11.1 (keys kept)";

#[derive(Deserialize)]
#[allow(dead_code, reason = "what an application reads")]
struct Claims {
    iss: String,
    sub: String,
    aud: String,
    exp: u64,
    iat: u64,
    nonce: String,
    at_hash: String,
    email: Option<String>,
    name: Option<String>,
    preferred_username: Option<String>,
}

fn validation(alg: Alg) -> Validation {
    let mut validation = Validation::new(match alg {
        Alg::Rs256 => Algorithm::RS256,
        Alg::Es256 => Algorithm::ES256,
        Alg::EdDsa => Algorithm::EdDSA,
    });
    validation.set_audience(&[CLIENT_ID]);
    validation.set_issuer(&[ISSUER]);
    validation.leeway = 0;
    validation
}

/// What is left to the application.
fn check(alg: Alg, token: TokenData<Claims>) {
    assert!(token.claims.nonce == NONCE);
    let algorithm = if alg == Alg::EdDsa { &digest::SHA512 } else { &digest::SHA256 };
    let hash = digest::digest(algorithm, ACCESS_TOKEN.as_bytes());
    assert!(BASE64.encode(&hash.as_ref()[..hash.as_ref().len() / 2]) == token.claims.at_hash);
    black_box(token);
}

fn keys(set: &[u8]) -> JwkSet {
    serde_json::from_slice(set).unwrap()
}

pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for alg in Alg::ALL {
        let work = alg.id_token_work();
        let (set, rules) = (Rc::new(keys(JWKS_4)), Rc::new(validation(alg)));
        let (own_set, own_rules) = (set.clone(), rules.clone());
        cases.push(Case::new(work, WHO, move || {
            let token = black_box(alg.id_token());
            let header = decode_header(token).unwrap();
            let key = DecodingKey::from_jwk(own_set.find(header.kid.as_deref().unwrap()).unwrap()).unwrap();
            check(alg, decode(token, &key, &own_rules).unwrap());
        }));
        let kept: Rc<Vec<(String, DecodingKey)>> = Rc::new(
            set.keys
                .iter()
                .map(|key| (key.common.key_id.clone().unwrap(), DecodingKey::from_jwk(key).unwrap()))
                .collect(),
        );
        cases.push(Case::new(work, CACHED, move || {
            let token = black_box(alg.id_token());
            let header = decode_header(token).unwrap();
            let (_, key) = kept.iter().find(|(kid, _)| header.kid.as_ref() == Some(kid)).unwrap();
            check(alg, decode(token, key, &rules).unwrap());
        }));
    }
    for (work, set) in [("W5-jwks4", JWKS_4), ("W5-jwks100", JWKS_100)] {
        cases.push(Case::new(work, WHO, move || {
            black_box(keys(black_box(set)));
        }));
    }
    cases
}

pub fn held() -> Vec<Held> {
    vec![
        hold("jsonwebtoken 11.1 JwkSet, 4", size_of::<JwkSet>(), || keys(JWKS_4)),
        hold("jsonwebtoken 11.1 JwkSet, 100", size_of::<JwkSet>(), || keys(JWKS_100)),
    ]
}
