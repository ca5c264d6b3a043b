//! What the least code costs that could do the work, on serde_json and AWS-LC, with no library between. It skips most of
//! what a client has to check.

use std::borrow::Cow;
use std::hint::black_box;
use std::ops::Deref;
use std::rc::Rc;

use aws_lc_rs::{digest, signature};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use http::{HeaderValue, Method, Request, Uri, header};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use super::hold;
use crate::case::{Case, Held};
use crate::fixtures::*;

const WHO: &str = "floor";
const SCAN: &str = "floor (serde_json, everything ignored)";
const UNSIGNED: &str = "floor (without the signature)";
const CANNED: &str = "floor (the responses alone)";

/// `#[serde(borrow)]` does not reach into an `Option<Cow<str>>`; it does into this.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

fn encode(out: &mut String, text: &str) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            b' ' => out.push('+'),
            _ => {
                out.push('%');
                out.push(char::from(HEX[usize::from(byte >> 4)]));
                out.push(char::from(HEX[usize::from(byte & 15)]));
            }
        }
    }
}

struct Secrets {
    verifier: String,
    state: String,
    nonce: String,
}

impl Secrets {
    fn random() -> Self {
        let mut bytes = [0; 64];
        getrandom::fill(&mut bytes).unwrap();
        let text = |bytes: &[u8]| BASE64.encode(bytes);
        Self { verifier: text(&bytes[..32]), state: text(&bytes[32..48]), nonce: text(&bytes[48..]) }
    }

    fn fixed() -> Self {
        Self { verifier: black_box(VERIFIER).into(), state: STATE.into(), nonce: NONCE.into() }
    }
}

fn authorization_url(secrets: &Secrets) -> String {
    let mut url = String::with_capacity(512);
    url.push_str(AUTHORIZATION_ENDPOINT);
    url.push_str("?response_type=code&client_id=");
    encode(&mut url, CLIENT_ID);
    url.push_str("&redirect_uri=");
    encode(&mut url, REDIRECT_URI);
    url.push_str("&scope=");
    url.push_str(&SCOPES.join("+"));
    url.push_str("&state=");
    url.push_str(&secrets.state);
    url.push_str("&nonce=");
    url.push_str(&secrets.nonce);
    url.push_str("&code_challenge_method=S256&code_challenge=");
    BASE64.encode_string(digest::digest(&digest::SHA256, secrets.verifier.as_bytes()), &mut url);
    url.push_str("&login_hint=");
    encode(&mut url, LOGIN_HINT);
    url.push_str("&prompt=consent");
    url
}

#[derive(Deserialize)]
struct Metadata<'a> {
    #[serde(borrow)]
    issuer: Cow<'a, str>,
    #[serde(borrow)]
    authorization_endpoint: Cow<'a, str>,
    #[serde(borrow)]
    token_endpoint: Cow<'a, str>,
    #[serde(borrow)]
    jwks_uri: Cow<'a, str>,
    #[serde(borrow)]
    registration_endpoint: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct Tokens<'a> {
    #[serde(borrow)]
    access_token: Cow<'a, str>,
    #[serde(borrow)]
    refresh_token: Option<Text<'a>>,
    #[serde(borrow)]
    id_token: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct RawKeys<'a> {
    #[serde(borrow)]
    keys: Vec<RawKey<'a>>,
}

#[derive(Deserialize)]
struct RawKey<'a> {
    #[serde(borrow)]
    kty: Cow<'a, str>,
    #[serde(borrow)]
    kid: Cow<'a, str>,
    #[serde(borrow)]
    n: Option<Text<'a>>,
    #[serde(borrow)]
    e: Option<Text<'a>>,
    #[serde(borrow)]
    x: Option<Text<'a>>,
    #[serde(borrow)]
    y: Option<Text<'a>>,
}

/// A key decoded to bytes: modulus and exponent, or one or two coordinates.
struct Key {
    kid: String,
    alg: Alg,
    first: Vec<u8>,
    second: Vec<u8>,
}

fn keys(set: &[u8]) -> Vec<Key> {
    let bytes = |text: Option<Text<'_>>| text.map(|text| BASE64.decode(&*text).unwrap()).unwrap_or_default();
    let set: RawKeys<'_> = serde_json::from_slice(set).unwrap();
    let key = |key: RawKey<'_>| {
        let (alg, first, second) = match &*key.kty {
            "RSA" => (Alg::Rs256, key.n, key.e),
            "EC" => (Alg::Es256, key.x, key.y),
            _ => (Alg::EdDsa, key.x, None),
        };
        Key { kid: key.kid.into_owned(), alg, first: bytes(first), second: bytes(second) }
    };
    set.keys.into_iter().map(key).collect()
}

fn prepare(key: &Key) -> signature::ParsedPublicKey {
    match key.alg {
        Alg::Rs256 => signature::RsaPublicKeyComponents { n: &key.first[..], e: &key.second[..] }
            .to_parsed_public_key(&signature::RSA_PKCS1_2048_8192_SHA256)
            .unwrap(),
        Alg::Es256 => {
            let point = [&[4], &key.first[..], &key.second].concat();
            signature::ParsedPublicKey::new(&signature::ECDSA_P256_SHA256_FIXED, point).unwrap()
        }
        Alg::EdDsa => signature::ParsedPublicKey::new(&signature::ED25519, &key.first[..]).unwrap(),
    }
}

#[derive(Deserialize)]
struct Header<'a> {
    alg: &'a str,
    #[serde(borrow)]
    kid: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Claims<'a> {
    #[serde(borrow)]
    iss: Cow<'a, str>,
    #[serde(borrow)]
    sub: Cow<'a, str>,
    #[serde(borrow)]
    aud: Cow<'a, str>,
    exp: u64,
    #[serde(borrow)]
    nonce: Cow<'a, str>,
    #[serde(borrow)]
    at_hash: Cow<'a, str>,
}

/// Verifies; `key` is asked for the prepared key of this name, or for none to leave the signature out.
fn verify<'k>(
    token: &str,
    access_token: &str,
    key: impl FnOnce(&str) -> Option<&'k signature::ParsedPublicKey>,
) -> String {
    let (input, signature) = token.rsplit_once('.').unwrap();
    let (header, payload) = input.split_once('.').unwrap();
    let mut buffer = [0; 512];
    let length = BASE64.decode_slice(header, &mut buffer).unwrap();
    let header: Header<'_> = serde_json::from_slice(&buffer[..length]).unwrap();
    if let Some(key) = key(&header.kid) {
        let mut buffer = [0; 1024];
        let length = BASE64.decode_slice(signature, &mut buffer).unwrap();
        key.verify_sig(input.as_bytes(), &buffer[..length]).unwrap();
    }
    let payload = BASE64.decode(payload).unwrap();
    let claims: Claims<'_> = serde_json::from_slice(&payload).unwrap();
    assert!(claims.iss == ISSUER && claims.aud == CLIENT_ID && claims.exp > ISSUED_AT && claims.nonce == NONCE);
    let algorithm = if header.alg == "EdDSA" { &digest::SHA512 } else { &digest::SHA256 };
    let hash = digest::digest(algorithm, access_token.as_bytes());
    let mut buffer = [0; 64];
    let length = BASE64.encode_slice(&hash.as_ref()[..hash.as_ref().len() / 2], &mut buffer).unwrap();
    assert!(claims.at_hash.as_bytes() == &buffer[..length]);
    claims.sub.into_owned()
}

fn get(uri: &str) -> Request<Vec<u8>> {
    let mut request = Request::new(Vec::new());
    *request.uri_mut() = uri.parse().unwrap();
    request.headers_mut().insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    request
}

fn post(uri: Uri, body: Vec<u8>, content_type: &'static str) -> Request<Vec<u8>> {
    let mut request = Request::new(body);
    *request.method_mut() = Method::POST;
    *request.uri_mut() = uri;
    request.headers_mut().insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    request.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    request
}

const FORM: &str = "application/x-www-form-urlencoded";

fn token_request(uri: Uri, code: &str, verifier: &str) -> Request<Vec<u8>> {
    let mut body = String::with_capacity(320);
    body.push_str("grant_type=authorization_code&code=");
    encode(&mut body, code);
    body.push_str("&redirect_uri=");
    encode(&mut body, REDIRECT_URI);
    body.push_str("&code_verifier=");
    body.push_str(verifier);
    body.push_str("&client_id=");
    encode(&mut body, CLIENT_ID);
    post(uri, body.into(), FORM)
}

fn refresh_request(uri: Uri, token: &str) -> Request<Vec<u8>> {
    let mut body = String::with_capacity(160);
    body.push_str("grant_type=refresh_token&refresh_token=");
    encode(&mut body, token);
    body.push_str("&client_id=");
    encode(&mut body, CLIENT_ID);
    post(uri, body.into(), FORM)
}

#[derive(Serialize)]
struct Registration<'a> {
    redirect_uris: [&'a str; 1],
    response_types: [&'a str; 1],
    grant_types: [&'a str; 2],
    application_type: &'a str,
    client_name: &'a str,
    token_endpoint_auth_method: &'a str,
}

#[derive(Deserialize)]
struct Registered<'a> {
    #[serde(borrow)]
    client_id: Cow<'a, str>,
}

fn login(alg: Alg) -> String {
    let send = |request: Request<Vec<u8>>| serve(black_box(&request).uri().path(), alg);
    let response = send(get(&format!("{ISSUER}/.well-known/openid-configuration")));
    let metadata: Metadata<'_> = serde_json::from_slice(response.body()).unwrap();
    assert!(metadata.issuer == ISSUER);
    let keys = keys(send(get(&metadata.jwks_uri)).body());
    let registration = serde_json::to_vec(&Registration {
        redirect_uris: [REDIRECT_URI],
        response_types: ["code"],
        grant_types: ["authorization_code", "refresh_token"],
        application_type: "native",
        client_name: "Bench Client",
        token_endpoint_auth_method: "none",
    });
    let endpoint = metadata.registration_endpoint.as_deref().unwrap().parse().unwrap();
    let registered = send(post(endpoint, registration.unwrap(), "application/json"));
    let registered: Registered<'_> = serde_json::from_slice(registered.body()).unwrap();
    black_box(registered.client_id.into_owned());
    let secrets = Secrets { nonce: NONCE.into(), ..Secrets::random() };
    black_box(authorization_url(&secrets));
    let callback = callback(&secrets.state);
    let (mut code, mut state) = ("", "");
    for pair in callback.split_once('?').unwrap().1.split('&') {
        match pair.split_once('=') {
            Some(("code", value)) => code = value,
            Some(("state", value)) => state = value,
            _ => {}
        }
    }
    assert!(state == secrets.state);
    let response = send(token_request(metadata.token_endpoint.parse().unwrap(), code, &secrets.verifier));
    let tokens: Tokens<'_> = serde_json::from_slice(response.body()).unwrap();
    black_box((tokens.access_token.to_string(), tokens.refresh_token.as_deref().map(str::to_owned)));
    // Only the key that the token names is prepared.
    let mut prepared = None;
    verify(tokens.id_token.as_deref().unwrap(), &tokens.access_token, |kid| {
        let key = keys.iter().find(|key| key.kid == kid).unwrap();
        Some(prepared.insert(prepare(key)))
    })
}

pub fn cases() -> Vec<Case> {
    let mut cases = vec![
        Case::new("W1-authz-url", WHO, || {
            let secrets = Secrets::random();
            black_box((authorization_url(&secrets), secrets));
        }),
        Case::new("W1f-authz-url-fixed-random", WHO, || {
            let secrets = Secrets::fixed();
            black_box((authorization_url(&secrets), secrets));
        }),
        Case::new("W2-discovery", WHO, || {
            let response = respond(200, black_box(DISCOVERY));
            let metadata: Metadata<'_> = serde_json::from_slice(response.body()).unwrap();
            assert!(metadata.issuer == ISSUER);
            black_box(&metadata.authorization_endpoint);
        }),
        Case::new("W2-discovery", SCAN, || {
            let response = respond(200, black_box(DISCOVERY));
            black_box(serde_json::from_slice::<IgnoredAny>(response.body()).unwrap());
        }),
        Case::new("W2j-discover+jwks4", WHO, || {
            let response = serve(get(&format!("{ISSUER}/.well-known/openid-configuration")).uri().path(), Alg::Rs256);
            let metadata: Metadata<'_> = serde_json::from_slice(response.body()).unwrap();
            assert!(metadata.issuer == ISSUER);
            black_box(keys(serve(get(&metadata.jwks_uri).uri().path(), Alg::Rs256).body()));
        }),
        Case::new("W7-login-RS256", CANNED, || {
            for path in
                ["/.well-known/openid-configuration", "/certs", "/clients-registrations/openid-connect", "/token"]
            {
                black_box(serve(black_box(path), Alg::Rs256));
            }
            black_box(callback(black_box(STATE)));
        }),
    ];
    let endpoint: Uri = TOKEN_ENDPOINT.parse().unwrap();
    let own = endpoint.clone();
    cases.push(Case::new("W3-token", WHO, move || {
        black_box(token_request(own.clone(), black_box(CODE), VERIFIER));
        let response = respond(200, Alg::Rs256.token_response());
        let tokens: Tokens<'_> = serde_json::from_slice(response.body()).unwrap();
        black_box(&tokens.access_token);
    }));
    let own = endpoint.clone();
    cases.push(Case::new("W3b-token-request-only", WHO, move || {
        black_box(token_request(own.clone(), black_box(CODE), VERIFIER));
    }));
    cases.push(Case::new("W6-refresh", WHO, move || {
        black_box(refresh_request(endpoint.clone(), black_box(REFRESH_TOKEN)));
        let response = respond(200, REFRESH_RESPONSE);
        let tokens: Tokens<'_> = serde_json::from_slice(response.body()).unwrap();
        black_box(&tokens.access_token);
    }));
    for alg in Alg::ALL {
        let prepared: Vec<_> = keys(JWKS_4).into_iter().map(|key| (prepare(&key), key.kid)).collect();
        let prepared = Rc::new(prepared);
        cases.push(Case::new(alg.id_token_work(), WHO, move || {
            let key = |kid: &str| prepared.iter().find(|(_, own)| own == kid).map(|(key, _)| key);
            black_box(verify(black_box(alg.id_token()), ACCESS_TOKEN, key));
        }));
        cases.push(Case::new(alg.id_token_work(), UNSIGNED, move || {
            black_box(verify(black_box(alg.id_token()), ACCESS_TOKEN, |_| None));
        }));
    }
    for (work, set) in [("W5-jwks4", JWKS_4), ("W5-jwks100", JWKS_100)] {
        cases.push(Case::new(work, WHO, move || {
            black_box(keys(black_box(set)));
        }));
    }
    cases.extend(LOGINS.map(|(work, alg)| {
        Case::new(work, WHO, move || {
            black_box(login(alg));
        })
    }));
    cases
}

pub fn held() -> Vec<Held> {
    vec![
        hold("floor three secrets", size_of::<Secrets>(), Secrets::random),
        hold("floor decoded keys, 4", size_of::<Vec<Key>>(), || keys(JWKS_4)),
        hold("floor decoded keys, 100", size_of::<Vec<Key>>(), || keys(JWKS_100)),
    ]
}
