//! Secrets: whatever goes wrong, no error and no `Debug` of any value shows a token, a code, a verifier or a secret.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::{HeaderValue, StatusCode, header};
use oidc_proto::AuthMethod;
use oidc_proto::jose::{Algorithm, PrivateKey};
use oidc_proto::testing::{Disturbance, Lie, On};
use serde_json::{Value, json};

use crate::hostile::strong::{CLIENT_SEED, DPOP_SEED, dpop_key, key, remote};
use crate::hostile::sweep::{
    BASIC, Kind, POST, STRONG, STRONG_REMOTE, assert_nothing_shown, both_courses, courses, leak, secrets, world,
};

/// Lies with arguments, for the test below; those without are all in `Lie::PLAIN`.
const WITH_ARGUMENTS: [Lie; 8] = [
    Lie::AlgorithmNone("none"),
    Lie::AlgorithmNone("nOnE"),
    Lie::MetadataAbsent("token_endpoint"),
    Lie::MetadataNull("jwks_uri"),
    Lie::MetadataNumber("issuer"),
    Lie::MetadataText("issuer", "https://user:password@op.example.org"),
    Lie::MetadataText("token_endpoint", "http://user:password@op.example.org/token?client_secret=x"),
    Lie::MetadataText("userinfo_endpoint", "data:text/html,<script>"),
];

const FAULTS: [Disturbance; 19] = [
    Disturbance::Timeout,
    Disturbance::Unreachable,
    Disturbance::LostResponse,
    Disturbance::status(204),
    Disturbance::status(400),
    Disturbance::status(401),
    Disturbance::status(404),
    Disturbance::Status { status: 429, retry_after: Some("-1") },
    Disturbance::status(500),
    Disturbance::LoginPage,
    Disturbance::Redirect,
    Disturbance::Oversized,
    Disturbance::Truncated,
    Disturbance::Garbage,
    Disturbance::EmptyBody,
    Disturbance::DeepNesting,
    Disturbance::ByteOrderMark,
    Disturbance::ContentType(Some("text/html")),
    Disturbance::DuplicateName,
];

const PLACES: [On; 10] = [
    On::ServerMetadata,
    On::Register,
    On::Par,
    On::Authorize,
    On::DeviceAuthorization,
    On::Jwks,
    On::Token,
    On::UserInfo,
    On::Revoke,
    On::EndSession,
];

/// Where a lie is told: at the token endpoint, unless its name says otherwise.
fn place(lie: Lie) -> On {
    let name = format!("{lie:?}");
    let places = [
        ("Metadata", On::ServerMetadata),
        ("Registration", On::Register),
        ("Callback", On::Authorize),
        ("Par", On::Par),
        ("DeviceCode", On::DeviceAuthorization),
        ("DeviceExpiresIn", On::DeviceAuthorization),
        ("UserCode", On::DeviceAuthorization),
        ("VerificationUri", On::DeviceAuthorization),
        ("Interval", On::DeviceAuthorization),
        ("Jwks", On::Jwks),
        ("UserInfo", On::UserInfo),
    ];
    places.into_iter().find(|(prefix, _)| name.starts_with(prefix)).map_or(On::Token, |(_, on)| on)
}

/// What is not on the way at all, and what may be seen of a key.
#[test]
fn a_private_key_is_seen_nowhere() {
    let everywhere = [Algorithm::Es256, Algorithm::EdDsa].map(|algorithm| [(algorithm, false), (algorithm, true)]);
    for (algorithm, is_remote) in everywhere.into_iter().flatten() {
        let mut world = world(Kind::Strong { algorithm, is_remote });
        world.course().unwrap();
        world.logged_in_by_device().unwrap();
        assert_nothing_shown(&world, "honesty");
        for seed in [CLIENT_SEED, DPOP_SEED] {
            let own = || key(algorithm, seed);
            world.show(&(own(), PrivateKey::local(own()), dpop_key(seed), remote(algorithm, seed)));
            let bytes = [seed; 32];
            let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            let spellings = [URL_SAFE_NO_PAD.encode(bytes), STANDARD.encode(bytes), hex, format!("{bytes:?}")];
            let everywhere = world.sent.iter().chain(&world.kept).chain([&world.shown]);
            for text in everywhere {
                assert!(!spellings.iter().any(|spelling| text.contains(spelling)));
            }
        }
        assert!(!world.sent.iter().any(|request| request.contains("\"d\"")));
    }
}

/// A secret that signs is not sent; neither it nor what it signed is shown.
#[test]
fn a_secret_that_signs_is_seen_nowhere() {
    let mut world = world(Kind::SecretSigns);
    world.course().unwrap();
    let answers: Vec<Value> = world.received.iter().filter_map(|body| serde_json::from_slice(body).ok()).collect();
    let secret = answers.iter().find_map(|answer| answer["client_secret"].as_str()).unwrap();
    assert!(!world.sent.iter().chain([&world.shown]).any(|text| text.contains(secret)));
    assert!(secrets(&world).contains(secret));
}

#[test]
fn the_search_finds_what_there_is_to_find() {
    let strong: &[&str] = &["code_", "at_", "rt_", "dc_", "eyJ", "urn:ietf:params:oauth:request_uri:"];
    let plain: &[&str] = &["code_", "at_", "rt_", "secret_", "eyJ"];
    for (kind, prefixes) in [(BASIC, plain), (POST, plain), (Kind::SecretSigns, plain), (STRONG, strong)] {
        let mut world = world(kind);
        world.course().unwrap();
        if kind == STRONG {
            world.logged_in_by_device().unwrap();
        }
        let found = secrets(&world);
        for prefix in prefixes {
            assert!(found.iter().any(|secret| secret.starts_with(prefix)), "{prefix}");
        }
        let form = world.sent.iter().find(|request| request.contains("/token")).unwrap();
        let assertions = crate::hostile::strong::parameters(std::slice::from_ref(form), "client_assertion");
        let proofs = crate::hostile::strong::headers(std::slice::from_ref(form), "dpop: ");
        for jwt in assertions.iter().map(String::as_str).chain(proofs) {
            assert!(found.contains(jwt), "an assertion or a proof");
        }
        let pending: Value = serde_json::from_str(&world.kept[0]).unwrap();
        for name in ["/code_verifier", "/expectation/nonce"] {
            assert!(found.contains(pending.pointer(name).unwrap().as_str().unwrap()), "{name}");
        }
        assert_nothing_shown(&world, "honesty");
        world.shown += found.first().unwrap();
        assert!(leak(&world).is_some());
    }
}

#[test]
fn no_lie_makes_anything_show_a_secret() {
    for lie in Lie::PLAIN.iter().copied().chain(WITH_ARGUMENTS) {
        for kind in [BASIC, Kind::SecretSigns, STRONG] {
            courses(kind, &[place(lie)], &format!("{lie:?} with {kind:?}"), |world| world.op.lie(lie));
        }
    }
}

#[test]
fn no_fault_makes_anything_show_a_secret() {
    for fault in FAULTS {
        for on in PLACES {
            for kind in [BASIC, STRONG] {
                courses(kind, &[on], &format!("{fault:?} at {on:?} with {kind:?}"), |world| {
                    world.op.disturb(on, fault.clone(), usize::MAX);
                });
            }
        }
    }
}

/// Two lies at once, some of which hide others.
#[test]
fn no_two_lies_make_anything_panic() {
    for (n, first) in Lie::PLAIN.iter().enumerate() {
        let second = Lie::PLAIN[(n * 31 + 7) % Lie::PLAIN.len()];
        for kind in [Kind::Method(AuthMethod::None), STRONG_REMOTE] {
            let lies = [*first, second];
            courses(kind, &lies.map(place), &format!("{lies:?} with {kind:?}"), |world| {
                lies.into_iter().for_each(|lie| world.op.lie(lie));
            });
        }
    }
}

type Echo = fn(&str) -> (StatusCode, &'static str, String);

/// Answers in which a hostile provider sends back what it was sent.
#[rustfmt::skip]
const ECHOES: &[(&str, Echo)] = &[
    ("error_description", |sent| (StatusCode::BAD_REQUEST, "application/json", json!({ "error": "invalid_grant", "error_description": sent }).to_string())),
    ("error", |sent| (StatusCode::BAD_REQUEST, "application/json", json!({ "error": sent }).to_string())),
    ("suberror", |sent| (StatusCode::BAD_REQUEST, "application/json", json!({ "error": "x", "suberror": sent }).to_string())),
    ("error_uri", |sent| (StatusCode::BAD_REQUEST, "application/json", json!({ "error": "x", "error_uri": sent }).to_string())),
    ("error with success", |sent| (StatusCode::OK, "application/json", json!({ "error": sent, "error_description": sent }).to_string())),
    ("a page", |sent| (StatusCode::BAD_REQUEST, "text/html", sent.to_owned())),
    ("text", |sent| (StatusCode::OK, "application/json", sent.to_owned())),
    ("broken JSON", |sent| (StatusCode::OK, "application/json", format!("{{\"{sent}\":"))),
    ("a name", |sent| (StatusCode::OK, "application/json", json!({ sent: sent }).to_string())),
    ("a name twice", |sent| (StatusCode::OK, "application/json", format!("{{\"{sent}\":1,\"{sent}\":1}}"))),
    ("a string", |sent| (StatusCode::OK, "application/json", json!(sent).to_string())),
    ("a wrong type", |sent| (StatusCode::OK, "application/json", json!({ "access_token": { sent: 1 }, "sub": [sent] }).to_string())),
    ("a token type", |sent| (StatusCode::OK, "application/json", json!({ "access_token": sent, "token_type": sent }).to_string())),
    ("tokens", |sent| (StatusCode::OK, "application/json", json!({ "access_token": sent, "token_type": "Bearer", "refresh_token": sent, "id_token": sent, "sub": sent }).to_string())),
    ("a scope", |sent| (StatusCode::OK, "application/json", json!({ "access_token": "at_0123456789abcdef", "token_type": "Bearer", "scope": sent }).to_string())),
    ("a server error", |sent| (StatusCode::INTERNAL_SERVER_ERROR, "application/json", json!({ "error": sent }).to_string())),
    ("a redirect", |sent| (StatusCode::FOUND, "text/plain", sent.to_owned())),
];

#[test]
fn no_echo_makes_anything_show_a_secret() {
    for (what, echo) in ECHOES {
        for on in [On::Par, On::DeviceAuthorization, On::Token, On::UserInfo, On::Revoke] {
            let kinds =
                if matches!(on, On::Par | On::DeviceAuthorization) { &[STRONG][..] } else { &[BASIC, POST, STRONG] };
            for kind in kinds {
                courses(*kind, &[on], &format!("{what} at {on:?} with {kind:?}"), |world| {
                    let (last, echo) = (world.last.clone(), *echo);
                    world.op.tamper(on, move |response| {
                        let sent = last.lock().unwrap().clone();
                        let (status, content_type, body) = echo(&sent);
                        *response.status_mut() = status;
                        *response.body_mut() = body.into_bytes();
                        let headers = response.headers_mut();
                        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
                        let location = HeaderValue::from_str(&format!("https://evil.example/?{sent}")).unwrap();
                        headers.insert(header::LOCATION, location);
                    });
                });
            }
        }
    }
}

/// The same in ID tokens that are rightly signed.
#[test]
fn no_echo_in_an_id_token_makes_anything_show_a_secret() {
    for claim in ["iss", "sub", "aud", "azp", "nonce", "acr", "at_hash", "sid", "tid", "exp"] {
        both_courses(POST, claim, |world| {
            let last = world.last.clone();
            world.op.edit_id_token(move |token| token.claim(claim, last.lock().unwrap().clone()));
            let last = world.last.clone();
            world.op.edit_json(On::UserInfo, move |object| {
                object.insert("sub".into(), json!(last.lock().unwrap().clone()));
            });
        });
    }
    // A subject may be anything, also what the provider knows better.
    both_courses(POST, "sub of a user", |world| {
        let last = world.last.clone();
        let known = std::sync::Arc::new(std::sync::OnceLock::new());
        let shared = known.clone();
        world.op.edit_id_token(move |token| {
            let form = last.lock().unwrap().clone();
            let of = |name: &str| form.split(name).nth(1).map(|rest| rest.split('&').next().unwrap().to_owned());
            let secret = of("code_verifier=").or_else(|| of("refresh_token=")).unwrap_or_default();
            token.claim("sub", known.get_or_init(|| secret).clone());
        });
        world.op.edit_json(On::UserInfo, move |object| {
            shared.get().into_iter().for_each(|sub| drop(object.insert("sub".into(), json!(sub))));
        });
    });
    for member in ["alg", "kid", "typ", "crit", "jku", "x5c"] {
        both_courses(POST, member, |world| {
            let last = world.last.clone();
            world.op.edit_id_token(move |token| token.member(member, last.lock().unwrap().clone()));
        });
    }
}
