//! Disturbances, lies and edits.

use super::signing::{key, post_proven, proof, proof_claims, userinfo_proven};
use super::*;
use crate::adapter::{BlockingHttpClient, HttpClient};
use crate::base::secret::Body;
use crate::jose::Algorithm;
use crate::wire::policy::{Accept, Policy};
use crate::{FailureKind, Sent};

#[test]
fn faults_come_as_often_as_they_were_set() {
    let provider = provider();
    let clock = Clock::new();
    let http = provider.http(&clock);
    let ask = || {
        let request = Request::get(format!("{ISSUER}/jwks")).body(Body::default()).unwrap();
        http.call(request, Policy::read(1024, Accept::Json))
    };
    let honest = ask().unwrap();
    provider.disturb(On::Jwks, Disturbance::Timeout, 2);
    provider.disturb(On::Jwks, Disturbance::Unreachable, 1);
    provider.disturb(On::Jwks, Disturbance::LostResponse, 1);
    provider.disturb(On::Jwks, Disturbance::Status { status: 503, retry_after: Some("120") }, 1);
    provider.disturb(On::Token, Disturbance::status(500), 1);
    let failures: Vec<_> = (0..4).map(|_| ask().unwrap_err()).map(|failure| (failure.kind, failure.sent)).collect();
    assert_eq!(
        failures,
        [
            (FailureKind::Timeout, Sent::Maybe),
            (FailureKind::Timeout, Sent::Maybe),
            (FailureKind::Unreachable, Sent::No),
            (FailureKind::Interrupted, Sent::Maybe),
        ]
    );
    assert_eq!(ask().unwrap().headers()[header::RETRY_AFTER], "120");
    assert_eq!(ask().unwrap().body(), honest.body());

    for (disturbance, still_json) in [
        (Disturbance::LoginPage, false),
        (Disturbance::Redirect, false),
        (Disturbance::Oversized, true),
        (Disturbance::Truncated, false),
        (Disturbance::Garbage, false),
        (Disturbance::EmptyBody, false),
        (Disturbance::DeepNesting, false),
        (Disturbance::ByteOrderMark, false),
        (Disturbance::ContentType(None), true),
        (Disturbance::ContentType(Some("text/html")), true),
        (Disturbance::DuplicateName, true),
    ] {
        provider.disturb(On::Jwks, disturbance.clone(), 1);
        let answer = ask().unwrap();
        assert_ne!((answer.body(), answer.headers()), (honest.body(), honest.headers()), "{disturbance:?}");
        assert_eq!(serde_json::from_slice::<Value>(answer.body()).is_ok(), still_json, "{disturbance:?}");
    }
    let elsewhere = Request::get("https://evil.example/jwks").body(Body::default()).unwrap();
    assert_eq!(http.call(elsewhere, Policy::read(1024, Accept::Json)).unwrap_err().kind, FailureKind::Unreachable);
}

/// Apple does not rotate refresh tokens: that is no lie.
#[test]
fn a_provider_that_is_honest_again_keeps_its_habits() {
    for (habits, rotates) in [(None, true), (Some(Habits::APPLE), false)] {
        let provider = habits.map_or_else(provider, |habits| provider().with_habits(habits));
        let document = body(&get(&provider, "/.well-known/openid-configuration"));
        let ask = |params: &[(&str, &str)]| {
            let path = text(&document, "token_endpoint").strip_prefix(ISSUER).unwrap();
            body(&post(&provider, path, params))
        };
        let url = authorization_url(&[("scope", "openid email")]);
        let (_, query) = url.split_once('?').unwrap();
        let visit = provider.visit(&format!("{}?{query}", text(&document, "authorization_endpoint")), NOW);
        let code = visit.param("code").unwrap();
        let mut granted = ask(&[
            ("grant_type", "authorization_code"),
            ("client_id", "app"),
            ("code", &code),
            ("redirect_uri", REDIRECT),
            ("code_verifier", VERIFIER),
        ]);
        for (lies, expected) in [(true, false), (false, rotates)] {
            if lies {
                provider.lie(Lie::RefreshTokenKept);
            } else {
                provider.honest();
            }
            let token = text(&granted, "refresh_token").to_owned();
            let refreshed = ask(&[("grant_type", "refresh_token"), ("client_id", "app"), ("refresh_token", &token)]);
            assert_eq!(refreshed.get("refresh_token").is_some(), expected, "{habits:?} {lies}");
            granted["refresh_token"] = token.into();
        }
    }
}

#[test]
fn both_drivers_take_the_provider_for_an_http_client() {
    fn blocking(client: impl BlockingHttpClient + Clone + Send + Sync + 'static) -> impl BlockingHttpClient {
        client
    }
    fn asynchronous<C: HttpClient<Response: Send> + Clone + Send + Sync + 'static>(client: C) -> C {
        client
    }
    let (provider, clock) = (provider(), Clock::new());
    let request = || Request::get(format!("{ISSUER}/jwks")).body(Body::default()).unwrap();
    let policy = Policy::read(1024, Accept::Json);
    let client = asynchronous(provider.http_async(&clock));
    let answer = HttpClient::call(&client, request(), policy.clone()).into_inner().unwrap();
    assert_eq!(answer.body(), blocking(provider.http(&clock)).call(request(), policy).unwrap().body());
    assert_eq!(provider.count(On::Jwks), 2);
}

/// Everything a client can see of a provider that tells this lie.
fn transcript(lie: Option<Lie>) -> Vec<String> {
    let device = RegisteredClient::public("tv", REDIRECT)
        .with_grant_type("urn:ietf:params:oauth:grant-type:device_code")
        .with_grant_type("urn:x");
    let granted = ExtensionGrant::new("").with_login("alice");
    let provider = provider().with_client(device).with_grant("urn:x", move |_| Ok(granted.clone()));
    if let Some(lie) = lie {
        provider.lie(lie);
    }
    let mut seen = Vec::new();
    let mut see = |answer: &HttpResponse| {
        let (status, headers) = (answer.status(), answer.headers());
        seen.push(format!("{status} {headers:?} {}", String::from_utf8_lossy(answer.body())));
    };
    see(&get(&provider, "/.well-known/openid-configuration"));
    see(&get(&provider, "/jwks"));
    let metadata = json!({ "redirect_uris": [REDIRECT] }).to_string();
    let register = Request::post(format!("{ISSUER}/register")).header(header::CONTENT_TYPE, "application/json");
    see(&provider.handle(register.body(metadata).unwrap(), NOW));
    let visit = provider.visit(&authorization_url(&[("acr_values", "urn:example:some")]), NOW);
    let answer = redeem(&provider, visit.param("code").as_deref().unwrap_or("none"));
    see(&answer);
    let answer = refresh(&provider, body(&answer)["refresh_token"].as_str().unwrap_or("none"));
    see(&answer);
    let token = body(&answer)["access_token"].as_str().unwrap_or("none").to_owned();
    see(&userinfo(&provider, if token.contains('\n') { "none" } else { &token }));
    let url = authorization_url(&[]);
    let request = request("/par").body(url.split_once('?').unwrap().1.to_owned()).unwrap();
    see(&provider.handle(request, NOW));
    see(&post(&provider, "/device_authorization", &[("client_id", "tv")]));
    for nonce in proven(&provider, &mut see) {
        seen.push(format!("echo {nonce}"));
    }
    seen.push(format!("{:?}", visit.params()));
    seen.push(visit.callback().to_owned());
    seen
}

/// Token requests with proofs, each with the nonce that the response before it told; then one for userinfo. Returns
/// whether the nonces were told.
fn proven(provider: &Provider, see: &mut impl FnMut(&HttpResponse)) -> Vec<bool> {
    let own = key(Algorithm::Es256);
    let (mut nonce, mut told) = (None, Vec::new());
    for jti in ["1", "2"] {
        let mut claims = proof_claims("POST", "/token", jti, None);
        if let Some(nonce) = &nonce {
            claims["nonce"] = json!(nonce);
        }
        let params = [("grant_type", "urn:x"), ("client_id", "tv")];
        let answer = post_proven(provider, "/token", &params, &proof(&own, &claims));
        see(&answer);
        let header = answer.headers().get("dpop-nonce");
        nonce = header.map(|value| String::from_utf8(value.as_bytes().to_vec()).unwrap());
        told.push(nonce.is_some());
    }
    let claims = proof_claims("GET", "/userinfo", "3", Some("unknown"));
    see(&userinfo_proven(provider, "unknown", &proof(&own, &claims)));
    told
}

#[test]
fn every_lie_is_told() {
    let honest = transcript(None);
    let mut seen = vec![honest];
    let more = [
        Lie::MetadataAbsent("jwks_uri"),
        Lie::MetadataNull("jwks_uri"),
        Lie::MetadataNumber("jwks_uri"),
        Lie::MetadataText("jwks_uri", "file:///etc/passwd"),
        Lie::AlgorithmNone("none"),
        Lie::AlgorithmNone("nOnE"),
    ];
    for &lie in Lie::PLAIN.iter().chain(&more) {
        let transcript = transcript(Some(lie));
        assert!(!seen.contains(&transcript), "{lie:?} is told as the truth or as another lie");
        seen.push(transcript);
    }
}

#[test]
fn honesty_ends_lies_edits_and_faults() {
    let provider = provider();
    let honest = get(&provider, "/jwks");
    provider.lie(Lie::JwksEmpty);
    provider.tamper(On::Jwks, |response| *response.status_mut() = StatusCode::IM_A_TEAPOT);
    provider.disturb(On::Jwks, Disturbance::Garbage, usize::MAX);
    assert_ne!(get(&provider, "/jwks").status(), StatusCode::OK);
    provider.honest();
    assert_eq!(get(&provider, "/jwks").body(), honest.body());

    provider.edit_callback(|callback| callback.set("state", "edited"));
    provider.edit_json(On::Token, |object| drop(object.remove("scope")));
    provider.edit_id_token(|token| token.claim("sub", "edited"));
    assert_eq!(provider.visit(&authorization_url(&[]), NOW).param("state").as_deref(), Some("edited"));
    let tokens = login(&provider);
    assert_eq!(tokens.get("scope"), None);
    assert_eq!(segment(text(&tokens, "id_token"), 1)["sub"], "edited");
}
