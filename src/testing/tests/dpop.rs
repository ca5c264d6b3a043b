//! Tokens that only the holder of a key can use (RFC 9449).

use super::signing::{asymmetric, key, post_proven, proof, proof_claims, public_jwk, userinfo_proven};
use super::*;
use crate::jose::Algorithm;
use crate::jose::backend::rustcrypto::SigningKey;
use crate::testing::verify::thumbprint;

fn token_proof(key: &SigningKey, jti: &str) -> String {
    proof(key, &proof_claims("POST", "/token", jti, None))
}

fn redeem_proven(provider: &Provider, code: &str, proof: &str) -> HttpResponse {
    let params = [
        ("grant_type", "authorization_code"),
        ("client_id", "app"),
        ("code", code),
        ("redirect_uri", REDIRECT),
        ("code_verifier", VERIFIER),
    ];
    post_proven(provider, "/token", &params, proof)
}

fn refresh_proven(provider: &Provider, token: &str, proof: &str) -> HttpResponse {
    let params = [("grant_type", "refresh_token"), ("client_id", "app"), ("refresh_token", token)];
    post_proven(provider, "/token", &params, proof)
}

fn challenge(response: &HttpResponse) -> &str {
    response.headers()[header::WWW_AUTHENTICATE].to_str().unwrap()
}

fn nonce(response: &HttpResponse) -> String {
    response.headers()["dpop-nonce"].to_str().unwrap().to_owned()
}

#[track_caller]
fn assert_challenge(response: &HttpResponse, scheme: &str, error: &str) {
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert!(challenge(response).starts_with(&format!("{scheme} error=\"{error}\"")), "{}", challenge(response));
}

#[test]
fn bound_tokens_need_their_key_from_code_to_refresh() {
    for algorithm in asymmetric() {
        let (provider, key) = (provider().with_all_algorithms(), key(algorithm));
        let tokens = body(&redeem_proven(&provider, &code(&provider, &[]), &token_proof(&key, "1")));
        assert_eq!(text(&tokens, "token_type"), "DPoP");
        let access = text(&tokens, "access_token");
        let ask = || proof(&key, &proof_claims("GET", "/userinfo", "2", Some(access)));
        assert_eq!(text(&body(&userinfo_proven(&provider, access, &ask())), "sub"), "sub-alice");
        assert_challenge(&userinfo_proven(&provider, access, &ask()), "DPoP", "invalid_dpop_proof");

        let jkt = thumbprint(&public_jwk(&key)).unwrap();
        for (token, token_type) in [(access, Some(&json!("DPoP"))), (text(&tokens, "refresh_token"), None)] {
            let response = body(&post(&provider, "/introspect", &[("client_id", "app"), ("token", token)]));
            assert_eq!((&response["cnf"], response.get("token_type")), (&json!({ "jkt": jkt }), token_type));
        }
        assert_eq!(provider.bearer(access, NOW).unwrap().jkt, Some(jkt));

        let again = refresh_proven(&provider, text(&tokens, "refresh_token"), &token_proof(&key, "3"));
        assert_eq!(text(&body(&again), "token_type"), "DPoP");
    }
}

#[test]
fn bound_tokens_are_worth_nothing_without_their_key() {
    let (provider, own, other) = (provider(), key(Algorithm::Es256), key(Algorithm::EdDsa));
    let tokens = body(&redeem_proven(&provider, &code(&provider, &[]), &token_proof(&own, "1")));
    let access = text(&tokens, "access_token");
    assert_challenge(&userinfo(&provider, access), "DPoP", "invalid_token");
    let foreign = proof(&other, &proof_claims("GET", "/userinfo", "2", Some(access)));
    assert_challenge(&userinfo_proven(&provider, access, &foreign), "DPoP", "invalid_token");
    let refresh_token = text(&tokens, "refresh_token");
    assert_error(&refresh(&provider, refresh_token), 400, "invalid_grant");
    assert_error(&refresh_proven(&provider, refresh_token, &token_proof(&other, "3")), 400, "invalid_grant");
    // Trying it does not use it up.
    assert_eq!(refresh_proven(&provider, refresh_token, &token_proof(&own, "4")).status(), StatusCode::OK);

    let unbound = text(&login(&provider), "access_token").to_owned();
    let proof = proof(&own, &proof_claims("GET", "/userinfo", "5", Some(&unbound)));
    assert_challenge(&userinfo_proven(&provider, &unbound, &proof), "DPoP", "invalid_token");
    assert_eq!(userinfo(&provider, &unbound).status(), StatusCode::OK);
}

#[test]
fn the_refresh_token_of_a_client_that_authenticates_is_not_bound() {
    let client = RegisteredClient::confidential("app", "s", REDIRECT).with_auth_method("client_secret_post");
    let (provider, own) = (provider().with_client(client), key(Algorithm::Es256));
    let code = code(&provider, &[]);
    let params = [
        ("grant_type", "authorization_code"),
        ("client_id", "app"),
        ("client_secret", "s"),
        ("code", &code),
        ("redirect_uri", REDIRECT),
        ("code_verifier", VERIFIER),
    ];
    let tokens = body(&post_proven(&provider, "/token", &params, &token_proof(&own, "1")));
    let refresh_token = text(&tokens, "refresh_token");
    let params = [
        ("grant_type", "refresh_token"),
        ("client_id", "app"),
        ("client_secret", "s"),
        ("refresh_token", refresh_token),
    ];
    let response = post_proven(&provider, "/token", &params, &token_proof(&key(Algorithm::EdDsa), "2"));
    assert_eq!(text(&body(&response), "token_type"), "DPoP");
}

#[test]
fn a_proof_has_to_be_right_in_every_part() {
    let (provider, own) = (provider(), key(Algorithm::Es256));
    let code = code(&provider, &[]);
    let jwk = public_jwk(&own);
    let with_header = |header: Value| signing::jwt(&own, header, &proof_claims("POST", "/token", "1", None));
    let with = |name: &str, value: Value| {
        let mut claims = proof_claims("POST", "/token", "1", None);
        claims[name] = value;
        proof(&own, &claims)
    };
    let mut private = jwk.clone();
    private["d"] = json!("AQ");
    let now = NOW.unix_seconds();
    for bad in [
        with_header(json!({ "typ": "JWT", "jwk": jwk })),
        with_header(json!({ "jwk": jwk })),
        with_header(json!({ "typ": "dpop+jwt" })),
        with_header(json!({ "typ": "dpop+jwt", "jwk": private })),
        with_header(json!({ "typ": "dpop+jwt", "jwk": public_jwk(&key(Algorithm::EdDsa)) })),
        with_header(json!({ "typ": "dpop+jwt", "jwk": jwk, "alg": "none" })),
        with_header(json!({ "typ": "dpop+jwt", "jwk": jwk, "alg": "RS256" })),
        with_header(json!({ "typ": "dpop+jwt", "jwk": { "kty": "oct", "k": "AQ" }, "alg": "HS256" })),
        with_header(json!({ "typ": "dpop+jwt", "jwk": jwk, "crit": ["x"], "x": 1 })),
        with("htm", json!("GET")),
        with("htu", json!(format!("{ISSUER}/userinfo"))),
        with("htu", json!("/token")),
        with("iat", json!(now - 61)),
        with("iat", json!(now + 61)),
        with("iat", json!(null)),
        with("jti", json!(null)),
        "x".to_owned(),
        String::new(),
    ] {
        assert_error(&redeem_proven(&provider, &code, &bad), 400, "invalid_dpop_proof");
    }
    let (one, other) = (token_proof(&own, "1"), token_proof(&own, "2"));
    let twice = request("/token").header("dpop", &one).header("dpop", &other).body(form(&[("client_id", "app")]));
    assert_error(&provider.handle(twice.unwrap(), NOW), 400, "invalid_dpop_proof");

    // Neither the code nor the `jti` was used up. Query and fragment of `htu` do not count.
    let good = with("htu", json!(format!("{ISSUER}/token?x#y")));
    assert_eq!(redeem_proven(&provider, &code, &good).status(), StatusCode::OK);
    assert_error(&redeem_proven(&provider, &code, &good), 400, "invalid_dpop_proof");

    let tokens = body(&redeem_proven(&provider, &super::code(&provider, &[]), &token_proof(&own, "3")));
    let access = text(&tokens, "access_token");
    for ath in [None, Some("another token")] {
        let bad = proof(&own, &proof_claims("GET", "/userinfo", "4", ath));
        assert_challenge(&userinfo_proven(&provider, access, &bad), "DPoP", "invalid_dpop_proof");
    }
    assert!(challenge(&userinfo(&provider, access)).contains("algs=\"RS256 PS256 ES256 EdDSA Ed25519\""));
}

#[test]
fn a_code_can_be_bound_before_it_exists() {
    let (provider, own, other) = (provider(), key(Algorithm::Es256), key(Algorithm::EdDsa));
    let jkt = thumbprint(&public_jwk(&own)).unwrap();
    let code = || code(&provider, &[("dpop_jkt", &jkt)]);
    assert_error(&redeem(&provider, &code()), 400, "invalid_grant");
    assert_error(&redeem_proven(&provider, &code(), &token_proof(&other, "1")), 400, "invalid_grant");
    assert_eq!(redeem_proven(&provider, &code(), &token_proof(&own, "2")).status(), StatusCode::OK);
}

#[test]
fn a_client_can_register_for_bound_tokens_only() {
    let client = RegisteredClient::public("app", REDIRECT).with_dpop_bound_access_tokens();
    let provider = provider().with_client(client);
    let code = code(&provider, &[]);
    assert_error(&redeem(&provider, &code), 400, "invalid_dpop_proof");
    let proof = token_proof(&key(Algorithm::Es256), "1");
    assert_eq!(redeem_proven(&provider, &code, &proof).status(), StatusCode::OK);
}

#[test]
fn nonces_are_demanded_told_and_changed() {
    let (provider, own) = (provider().with_dpop_nonce(true), key(Algorithm::Es256));
    let with_nonce = |path: &str, method: &str, jti: &str, nonce: &str, token: Option<&str>| {
        let mut claims = proof_claims(method, path, jti, token);
        claims["nonce"] = json!(nonce);
        proof(&own, &claims)
    };
    let code = code(&provider, &[]);
    let refused = redeem_proven(&provider, &code, &token_proof(&own, "1"));
    assert_error(&refused, 400, "use_dpop_nonce");
    let first = nonce(&refused);
    assert_error(
        &redeem_proven(&provider, &code, &with_nonce("/token", "POST", "1", "wrong", None)),
        400,
        "use_dpop_nonce",
    );
    let response = redeem_proven(&provider, &code, &with_nonce("/token", "POST", "2", &first, None));
    assert_eq!((response.status(), nonce(&response)), (StatusCode::OK, first.clone()));
    let tokens = body(&response);
    let access = text(&tokens, "access_token");

    let bare = proof(&own, &proof_claims("GET", "/userinfo", "3", Some(access)));
    let refused = userinfo_proven(&provider, access, &bare);
    assert_challenge(&refused, "DPoP", "use_dpop_nonce");
    assert_eq!(nonce(&refused), first);
    let ask = |jti, nonce: &str| {
        userinfo_proven(&provider, access, &with_nonce("/userinfo", "GET", jti, nonce, Some(access)))
    };
    assert_eq!(ask("4", &first).status(), StatusCode::OK);

    provider.rotate_dpop_nonce();
    let refused = ask("5", &first);
    assert_challenge(&refused, "DPoP", "use_dpop_nonce");
    assert_ne!(nonce(&refused), first);
    assert_eq!(ask("6", &nonce(&refused)).status(), StatusCode::OK);

    // Time changes it too. Who sends no proof is not told.
    let mut claims = proof_claims("POST", "/token", "7", None);
    claims["iat"] = json!(later(60).unix_seconds());
    let late = request("/token").header("dpop", proof(&own, &claims)).body(form(&[("client_id", "app")])).unwrap();
    assert_ne!(nonce(&provider.handle(late, later(60))), nonce(&refused));
    assert!(!redeem(&provider, "unknown").headers().contains_key("dpop-nonce"));
}

#[test]
fn a_provider_may_never_be_content_with_a_nonce() {
    let (provider, own) = (provider(), key(Algorithm::Es256));
    provider.lie(Lie::DpopNonceForever);
    let code = code(&provider, &[]);
    let mut seen = vec![String::new()];
    for jti in ["1", "2", "3"] {
        let mut claims = proof_claims("POST", "/token", jti, None);
        claims["nonce"] = json!(seen.last());
        let response = redeem_proven(&provider, &code, &proof(&own, &claims));
        assert_error(&response, 400, "use_dpop_nonce");
        assert!(!seen.contains(&nonce(&response)));
        seen.push(nonce(&response));
    }
    provider.honest();
    assert_eq!(redeem_proven(&provider, &code, &token_proof(&own, "4")).status(), StatusCode::OK);
}

#[test]
fn odd_nonces_are_good_for_whoever_sends_them_back() {
    for (lie, length) in [(Lie::DpopNonceHuge, 10 * 1024), (Lie::DpopNonceOdd, 30)] {
        let (provider, own) = (provider(), key(Algorithm::Es256));
        provider.lie(lie);
        let code = code(&provider, &[]);
        let odd = nonce(&redeem_proven(&provider, &code, &token_proof(&own, "1")));
        assert!(odd.len() > length);
        let mut claims = proof_claims("POST", "/token", "2", None);
        claims["nonce"] = json!(odd);
        assert_eq!(redeem_proven(&provider, &code, &proof(&own, &claims)).status(), StatusCode::OK);
    }
}

#[test]
fn a_provider_without_dpop_ignores_proofs() {
    let (provider, key) = (provider().with_dpop(Dpop::Off), key(Algorithm::Es256));
    assert_eq!(
        body(&get(&provider, "/.well-known/openid-configuration")).get("dpop_signing_alg_values_supported"),
        None
    );
    let code = code(&provider, &[("dpop_jkt", "of-some-key")]);
    let response = redeem_proven(&provider, &code, &token_proof(&key, "1"));
    assert_eq!(text(&body(&response), "token_type"), "Bearer");
    assert_eq!(response.headers().get("dpop-nonce"), None);
}

#[test]
fn a_provider_that_requires_dpop_issues_no_bearer_tokens() {
    let (provider, key) = (provider().with_dpop(Dpop::Required), key(Algorithm::Es256));
    let code = code(&provider, &[]);
    let response = redeem(&provider, &code);
    assert_eq!((response.status(), text(&body(&response), "error")), (StatusCode::BAD_REQUEST, "invalid_dpop_proof"));
    // The code is not used up.
    let tokens = body(&redeem_proven(&provider, &code, &token_proof(&key, "1")));
    assert_eq!(text(&tokens, "token_type"), "DPoP");
    let refresh = text(&tokens, "refresh_token");
    let params = [("grant_type", "refresh_token"), ("client_id", "app"), ("refresh_token", refresh)];
    assert_eq!(text(&body(&post(&provider, "/token", &params)), "error"), "invalid_dpop_proof");
    assert_eq!(text(&body(&refresh_proven(&provider, refresh, &token_proof(&key, "2"))), "token_type"), "DPoP");
}
