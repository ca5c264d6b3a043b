//! Secrets: whatever goes wrong, no error and no `Debug` of any value shows a token, a code, a verifier or a secret.

use std::collections::BTreeSet;

use http::{HeaderValue, StatusCode, header};
use oidc_proto::message::metadata::AuthMethod;
use oidc_proto::provider::{Deviation, UnknownFields};
use oidc_proto::testing::{Fault, Lie, On};
use serde_json::{Value, json};
use url::form_urlencoded;

use crate::world::{Refusal, World};

const NAMES: [&str; 9] =
    ["code", "code_verifier", "state", "nonce", "client_secret", "access_token", "refresh_token", "id_token", "token"];

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

const FAULTS: [Fault; 19] = [
    Fault::Timeout,
    Fault::Unreachable,
    Fault::LostAnswer,
    Fault::status(204),
    Fault::status(400),
    Fault::status(401),
    Fault::status(404),
    Fault::Status { status: 429, retry_after: Some("-1") },
    Fault::status(500),
    Fault::LoginPage,
    Fault::Redirect,
    Fault::Oversized,
    Fault::Truncated,
    Fault::Garbage,
    Fault::EmptyBody,
    Fault::DeepNesting,
    Fault::ByteOrderMark,
    Fault::ContentType(Some("text/html")),
    Fault::DuplicateName,
];

const PLACES: [On; 8] =
    [On::Metadata, On::Register, On::Authorize, On::Jwks, On::Token, On::UserInfo, On::Revoke, On::EndSession];

/// Everything in play that nobody else may see. Short values are made up by lies.
fn secrets(world: &World) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut add = |value: &str| {
        let parts = value.split('.').map(str::to_owned).chain([value.to_owned()]);
        found.extend(parts.filter(|part| part.len() >= 16));
    };
    for text in world.sent.iter().chain(&*world.browsed.borrow()) {
        let authorization = text.lines().filter_map(|line| line.strip_prefix("authorization: "));
        authorization.for_each(|value| add(value.split_once(' ').unwrap().1));
        for part in text.split(['?', '#', '\n']) {
            for (name, value) in form_urlencoded::parse(part.as_bytes()) {
                if NAMES.contains(&&*name) || name == "id_token_hint" {
                    add(&value);
                }
            }
        }
    }
    fn walk(value: &Value, add: &mut impl FnMut(&str)) {
        match value {
            Value::Object(members) => members.iter().for_each(|(name, value)| match value {
                Value::String(text) if NAMES.contains(&name.as_str()) => add(text),
                value => walk(value, add),
            }),
            Value::Array(elements) => elements.iter().for_each(|element| walk(element, add)),
            _ => {}
        }
    }
    let kept = world.kept.iter().map(String::as_bytes);
    for body in world.received.iter().map(Vec::as_slice).chain(kept) {
        serde_json::from_slice::<Value>(body).into_iter().for_each(|value| walk(&value, &mut add));
    }
    found
}

/// The line up to a secret that was shown, if one was.
fn leak(world: &World) -> Option<String> {
    let at = secrets(world).iter().find_map(|secret| world.shown.find(secret))?;
    Some(world.shown[..at].lines().last().unwrap_or("").to_owned())
}

#[track_caller]
fn assert_nothing_shown(world: &World, what: &str) {
    assert_eq!(leak(world), None, "{what}: a secret is shown after this");
    assert!(!world.shown.contains("X-Injected") && !world.shown.contains("password"), "{what}");
}

fn world(method: AuthMethod) -> World {
    let mut world = World::with_secret(method);
    world.options = world.options.accepting(Deviation::ScopeArray).with_unknown_fields(UnknownFields::Keep);
    world
}

/// What can still be done with tokens that were not trusted.
fn salvage(world: &mut World, refusal: Refusal) {
    world.show(&refusal);
    let Some(grant) = refusal.grant else { return };
    let step = grant.verify(None, &mut world.env);
    if let Ok(oidc_proto::Exchanged::Unverified { grant, .. }) = world.run(Ok(step)) {
        let _ = world.give_up(grant);
    }
}

/// A whole course in which it is said from the beginning, and one in which it is said once the user is logged in.
fn both_courses(method: AuthMethod, what: &str, say: impl Fn(&World)) {
    let mut early = world(method);
    say(&early);
    if let Err(refusal) = early.course() {
        salvage(&mut early, refusal);
    }
    assert_nothing_shown(&early, what);

    let mut late = world(method);
    let user = late.logged_in().unwrap();
    say(&late);
    let _ = late.userinfo(&user);
    let _ = late.sign_out(&user);
    for keys in [user.keys.clone(), None] {
        if let Err(refusal) = late.refresh(&user, keys) {
            salvage(&mut late, refusal);
        }
    }
    let _ = late.revoke(&user);
    assert_nothing_shown(&late, what);
}

#[test]
fn the_search_finds_what_there_is_to_find() {
    for method in [AuthMethod::ClientSecretBasic, AuthMethod::ClientSecretPost] {
        let mut world = world(method);
        world.course().unwrap();
        let found = secrets(&world);
        for prefix in ["code_", "at_", "rt_", "secret_", "eyJ"] {
            assert!(found.iter().any(|secret| secret.starts_with(prefix)), "{prefix}");
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
        for method in [AuthMethod::ClientSecretBasic, AuthMethod::ClientSecretPost] {
            both_courses(method, &format!("{lie:?}"), |world| world.op.lie(lie));
        }
    }
}

#[test]
fn no_fault_makes_anything_show_a_secret() {
    for fault in FAULTS {
        for on in PLACES {
            both_courses(AuthMethod::ClientSecretBasic, &format!("{fault:?} at {on:?}"), |world| {
                world.op.fault(on, fault.clone(), usize::MAX);
            });
        }
    }
}

/// Two lies at once, some of which hide others.
#[test]
fn no_two_lies_make_anything_panic() {
    for (n, first) in Lie::PLAIN.iter().enumerate() {
        let second = Lie::PLAIN[(n * 31 + 7) % Lie::PLAIN.len()];
        both_courses(AuthMethod::None, &format!("{first:?} and {second:?}"), |world| {
            world.op.lie(*first);
            world.op.lie(second);
        });
    }
}

type Echo = fn(&str) -> (StatusCode, &'static str, String);

/// Answers in which a hostile provider sends back what it was sent.
#[rustfmt::skip]
const ECHOES: &[(&str, Echo)] = &[
    ("error_description", |sent| (StatusCode::BAD_REQUEST, "application/json", json!({ "error": "invalid_grant", "error_description": sent }).to_string())),
    ("error", |sent| (StatusCode::BAD_REQUEST, "application/json", json!({ "error": sent }).to_string())),
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
        for on in [On::Token, On::UserInfo, On::Revoke] {
            for method in [AuthMethod::ClientSecretBasic, AuthMethod::ClientSecretPost] {
                both_courses(method, &format!("{what} at {on:?}"), |world| {
                    let last = world.last.clone();
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
        both_courses(AuthMethod::ClientSecretPost, claim, |world| {
            let last = world.last.clone();
            world.op.edit_id_token(move |token| token.claim(claim, last.lock().unwrap().clone()));
            let last = world.last.clone();
            world.op.edit_json(On::UserInfo, move |object| {
                object.insert("sub".into(), json!(last.lock().unwrap().clone()));
            });
        });
    }
    // A subject may be anything, also what the provider knows better.
    both_courses(AuthMethod::ClientSecretPost, "sub of a user", |world| {
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
        both_courses(AuthMethod::ClientSecretPost, member, |world| {
            let last = world.last.clone();
            world.op.edit_id_token(move |token| token.member(member, last.lock().unwrap().clone()));
        });
    }
}
