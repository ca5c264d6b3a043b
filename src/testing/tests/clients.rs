//! Registration, and how clients prove who they are.

use base64::engine::general_purpose::STANDARD;

use super::signing::{asymmetric, jwt, key, public_jwk};
use super::*;
use crate::jose::Algorithm;

const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

#[test]
fn clients_register_themselves() {
    let provider = provider();
    let register = |metadata: &Value| {
        let request = Request::post(format!("{ISSUER}/register")).header(header::CONTENT_TYPE, "application/json");
        provider.handle(request.body(metadata.to_string()).unwrap(), NOW)
    };
    let metadata = json!({
        "redirect_uris": ["http://127.0.0.1/cb", "com.example.app:/cb"], "application_type": "native",
        "token_endpoint_auth_method": "none", "client_name": "App", "client_name#de": "Programm",
    });
    let response = register(&metadata);
    assert_eq!(response.status(), StatusCode::CREATED);
    let echo = body(&response);
    assert_eq!((text(&echo, "client_name#de"), echo.get("client_secret")), ("Programm", None));
    let client_id = text(&echo, "client_id");
    let url = authorization_url(&[("client_id", client_id), ("redirect_uri", "http://127.0.0.1:49152/cb")]);
    assert!(provider.visit(&url, NOW).param("code").is_some());

    for (name, value, error) in [
        ("redirect_uris", json!([]), "invalid_redirect_uri"),
        ("redirect_uris", json!(["http://rp.example/cb"]), "invalid_redirect_uri"),
        ("redirect_uris", json!(["https://rp.example/cb#x"]), "invalid_redirect_uri"),
        ("redirect_uris", json!("https://rp.example/cb"), "invalid_client_metadata"),
        ("token_endpoint_auth_method", json!("private_key_jwt"), "invalid_client_metadata"),
        ("token_endpoint_auth_method", json!("tls_client_auth"), "invalid_client_metadata"),
        ("token_endpoint_auth_signing_alg", json!("none"), "invalid_client_metadata"),
        ("jwks", json!({ "keys": [{ "kty": "oct", "k": "AQ" }] }), "invalid_client_metadata"),
        ("jwks_uri", json!("https://rp.example/jwks"), "invalid_client_metadata"),
        ("grant_types", json!(["password"]), "invalid_client_metadata"),
        ("dpop_bound_access_tokens", json!("yes"), "invalid_client_metadata"),
        ("id_token_signed_response_alg", json!("none"), "invalid_client_metadata"),
        ("id_token_signed_response_alg", json!("HS256"), "invalid_client_metadata"),
    ] {
        let mut changed = metadata.clone();
        changed[name] = value;
        assert_error(&register(&changed), 400, error);
    }
}

#[test]
fn each_client_authenticates_in_its_own_way() {
    let by_post = RegisteredClient::confidential("poster", "s3cret", REDIRECT).with_auth_method("client_secret_post");
    let basic = RegisteredClient::confidential("a:b", "s +%", REDIRECT);
    let provider = provider().with_client(by_post).with_client(basic);
    let ask = |authorization: Option<&str>, params: &[(&str, &str)]| {
        let params = [params, &[("token", "unknown")]].concat();
        let mut request = request("/introspect");
        if let Some(pair) = authorization {
            request = request.header(header::AUTHORIZATION, format!("Basic {}", STANDARD.encode(pair)));
        }
        provider.handle(request.body(form(&params)).unwrap(), NOW)
    };
    assert_eq!(body(&ask(Some("a%3Ab:s+%2B%25"), &[])), json!({ "active": false }));
    assert_eq!(ask(None, &[("client_id", "poster"), ("client_secret", "s3cret")]).status(), StatusCode::OK);
    assert_eq!(ask(None, &[("client_id", "app")]).status(), StatusCode::OK);
    for (authorization, params) in [
        (Some("a%3Ab:wrong"), &[][..]),
        (Some("poster:s3cret"), &[]),
        (None, &[("client_id", "poster")]),
        (None, &[("client_id", "poster"), ("client_secret", "wrong")]),
        (None, &[("client_id", "app"), ("client_secret", "s3cret")]),
        (None, &[]),
    ] {
        let response = ask(authorization, params);
        assert_error(&response, 401, "invalid_client");
        assert!(response.headers().contains_key(header::WWW_AUTHENTICATE));
    }
    assert_error(&ask(Some("a:b"), &[("client_secret", "x")]), 400, "invalid_request");
}

fn claims(jti: &str) -> Value {
    json!({
        "iss": "app", "sub": "app", "aud": ISSUER, "jti": jti,
        "iat": NOW.unix_seconds(), "exp": later(60).unix_seconds(),
    })
}

/// Any question that needs a client, answered by the one endpoint that has no other conditions.
fn ask(provider: &Provider, path: &str, assertion: &str, more: &[(&str, &str)]) -> HttpResponse {
    let params = [("client_assertion_type", JWT_BEARER), ("client_assertion", assertion), ("token", "unknown")];
    post(provider, path, &[&params, more].concat())
}

#[test]
fn a_client_proves_its_key_by_every_algorithm() {
    for algorithm in asymmetric() {
        let key = key(algorithm);
        let client = RegisteredClient::with_key("app", public_jwk(&key), REDIRECT);
        let usual = provider().with_client(client.clone());
        let provider = provider().with_all_algorithms().with_client(client);
        // Only what the metadata list.
        let listed = ["RS256", "PS256", "ES256", "EdDSA", "Ed25519"].contains(&algorithm.name());
        let assertion = jwt(&key, json!({ "kid": "own" }), &claims("1"));
        assert_eq!(ask(&usual, "/introspect", &assertion, &[]).status() == StatusCode::OK, listed, "{algorithm:?}");
        let assertion = jwt(&key, json!({ "kid": "own" }), &claims("1"));
        assert_eq!(ask(&provider, "/introspect", &assertion, &[]).status(), StatusCode::OK, "{algorithm:?}");
        assert_error(&ask(&provider, "/introspect", &assertion, &[]), 401, "invalid_client");
        let unnamed = jwt(&key, json!({}), &claims("2"));
        assert_eq!(ask(&provider, "/revoke", &unnamed, &[("client_id", "app")]).status(), StatusCode::OK);

        let code = code(&provider, &[]);
        let params = [
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("redirect_uri", REDIRECT),
            ("code_verifier", VERIFIER),
        ];
        let assertion = jwt(&key, json!({}), &claims("3"));
        assert!(body(&ask(&provider, "/token", &assertion, &params)).get("id_token").is_some());
    }
}

#[test]
fn an_assertion_has_to_be_right_in_every_part() {
    let own = key(Algorithm::Es256);
    let client = RegisteredClient::with_key("app", public_jwk(&own), REDIRECT);
    let provider = provider().with_client(client).with_client(RegisteredClient::public("open", REDIRECT));
    let now = NOW.unix_seconds();
    for (name, value) in [
        ("iss", json!("other")),
        ("sub", json!("other")),
        ("sub", json!(null)),
        ("aud", json!("https://evil.example")),
        ("aud", json!(["https://evil.example"])),
        ("aud", json!(null)),
        ("jti", json!(null)),
        ("jti", json!("")),
        ("exp", json!(null)),
        ("exp", json!(now)),
        ("exp", json!(now + 3601)),
        ("iat", json!(now + 61)),
        ("nbf", json!(now + 61)),
    ] {
        let mut changed = claims("1");
        changed[name] = value.clone();
        let response = ask(&provider, "/introspect", &jwt(&own, json!({}), &changed), &[]);
        assert_eq!(text(&body(&response), "error"), "invalid_client", "{name} {value}");
    }
    let good = jwt(&own, json!({}), &claims("1"));
    let foreign = jwt(&key(Algorithm::EdDsa), json!({}), &claims("1"));
    let (unknown_key, none) =
        (jwt(&own, json!({ "kid": "nobody" }), &claims("1")), jwt(&own, json!({ "alg": "none" }), &claims("1")));
    let other = jwt(&own, json!({}), &json!({ "iss": "open", "sub": "open" }));
    for bad in [&foreign, &unknown_key, &none, &other, &good[..good.len() - 4], "a.b.c", ""] {
        assert_ne!(ask(&provider, "/introspect", bad, &[]).status(), StatusCode::OK, "{bad}");
    }
    for more in [[("client_id", "open")], [("client_secret", "x")]] {
        assert_error(&ask(&provider, "/introspect", &good, &more), 400, "invalid_request");
    }
    let saml = [("client_assertion_type", "urn:x"), ("client_assertion", &good), ("token", "unknown")];
    assert_error(&post(&provider, "/introspect", &saml), 400, "invalid_request");
    assert_error(&post(&provider, "/introspect", &[("client_id", "app"), ("token", "x")]), 401, "invalid_client");

    // None of all these used the assertion up; each audience is good.
    assert_eq!(ask(&provider, "/introspect", &good, &[]).status(), StatusCode::OK);
    for (jti, aud) in [("2", json!(format!("{ISSUER}/token"))), ("3", json!([ISSUER, "https://more.example"]))] {
        let mut changed = claims(jti);
        changed["aud"] = aud;
        assert_eq!(ask(&provider, "/introspect", &jwt(&own, json!({}), &changed), &[]).status(), StatusCode::OK);
    }
}

#[test]
fn a_secret_signs_in_place_of_being_sent() {
    let client = RegisteredClient::confidential("app", "s3cret", REDIRECT).with_auth_method("client_secret_jwt");
    let provider = provider().with_client(client);
    let good = signing::hs256_jwt("s3cret", &claims("1"));
    assert_error(
        &ask(&provider, "/introspect", &signing::hs256_jwt("wrong", &claims("1")), &[]),
        401,
        "invalid_client",
    );
    let asymmetric = jwt(&key(Algorithm::Es256), json!({}), &claims("1"));
    assert_error(&ask(&provider, "/introspect", &asymmetric, &[]), 401, "invalid_client");
    assert_eq!(ask(&provider, "/introspect", &good, &[]).status(), StatusCode::OK);
    assert_error(&ask(&provider, "/introspect", &good, &[]), 401, "invalid_client");
    let sent = [("client_id", "app"), ("client_secret", "s3cret"), ("token", "x")];
    assert_error(&post(&provider, "/introspect", &sent), 401, "invalid_client");
}

#[test]
fn a_client_registers_its_keys() {
    let provider = provider();
    let own = key(Algorithm::Es256);
    let metadata = json!({
        "grant_types": ["client_credentials"], "token_endpoint_auth_method": "private_key_jwt",
        "token_endpoint_auth_signing_alg": "ES256", "jwks": { "keys": [public_jwk(&own)] },
    });
    let request = Request::post(format!("{ISSUER}/register")).header(header::CONTENT_TYPE, "application/json");
    let echo = body(&provider.handle(request.body(metadata.to_string()).unwrap(), NOW));
    assert_eq!((echo.get("client_secret"), echo["jwks"] == metadata["jwks"]), (None, true));
    let mut claims = claims("1");
    claims["iss"] = echo["client_id"].clone();
    claims["sub"] = echo["client_id"].clone();
    let response = ask(&provider, "/token", &jwt(&own, json!({}), &claims), &[("grant_type", "client_credentials")]);
    assert_eq!(text(&body(&response), "token_type"), "Bearer");

    let found = body(&get(&provider, "/.well-known/openid-configuration"));
    let advertised = found["token_endpoint_auth_methods_supported"].as_array().unwrap();
    assert!(advertised.contains(&json!("private_key_jwt")) && advertised.contains(&json!("client_secret_jwt")));
    let expected = json!(["RS256", "PS256", "ES256", "EdDSA", "Ed25519", "HS256"]);
    assert_eq!(found["token_endpoint_auth_signing_alg_values_supported"], expected);
}
