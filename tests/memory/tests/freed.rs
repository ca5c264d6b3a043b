//! No block that is freed holds a secret.

use oidc_proto::qr::{CrossSigning, Message, Secrets as AccountSecrets};
use oidc_proto::{AuthMethod, Secret};
use oidc_proto_memory::course::{Kind, Secrets, course};
use oidc_proto_memory::stored_session::stored_session;
use oidc_proto_memory::watch::watched;

/// So many bytes of a secret count as the secret.
const PART: usize = 12;

/// The end of each secret: two tokens can begin alike, and an ID token with a header that is no secret.
fn needles(secrets: &Secrets) -> &'static [Vec<u8>] {
    assert!(secrets.keys().all(|secret| secret.len() >= PART));
    let parts = secrets.keys();
    Vec::leak(parts.map(|secret| secret.as_bytes()[secret.len() - PART..].to_vec()).collect())
}

fn assert_wiped(kind: Kind) {
    assert_wiped_by(&format!("{kind:?}"), || course(kind));
}

fn assert_wiped_by(kind: &str, course: impl Fn() -> Secrets) {
    // The first time to learn the secrets; the seeds make them the same the second time.
    let secrets = course();
    let needles = needles(&secrets);
    assert!(needles.len() >= 8, "{secrets:?}");
    let (again, found) = watched(needles, &course);
    assert_eq!(again, secrets);
    let names: Vec<_> = secrets.values().collect();
    let mut lines: Vec<_> = found.iter().map(|find| format!("{}\n    {}", names[find.secret], find.by)).collect();
    lines.sort();
    lines.dedup();
    assert!(lines.is_empty(), "{kind}: {} secrets in freed memory:\n{}", lines.len(), lines.join("\n"));
}

#[test]
fn a_course_of_a_public_client_leaves_no_secret_in_freed_memory() {
    assert_wiped(Kind::by(AuthMethod::None));
}

#[test]
fn a_course_with_a_secret_in_a_header_leaves_none() {
    assert_wiped(Kind::by(AuthMethod::ClientSecretBasic));
}

#[test]
fn a_course_with_a_secret_in_a_form_leaves_none() {
    assert_wiped(Kind::by(AuthMethod::ClientSecretPost));
}

#[test]
fn a_course_with_assertions_by_a_secret_leaves_none() {
    assert_wiped(Kind::by(AuthMethod::ClientSecretJwt));
}

#[test]
fn a_course_with_assertions_by_a_key_leaves_none() {
    assert_wiped(Kind::by(AuthMethod::PrivateKeyJwt));
}

#[test]
fn a_course_with_an_initial_access_token_and_a_refused_registration_leaves_none() {
    assert_wiped(Kind { has_initial_token: true, ..Kind::by(AuthMethod::ClientSecretBasic) });
}

#[test]
fn a_course_with_bound_tokens_and_a_pushed_request_leaves_none() {
    assert_wiped(Kind { is_bound: true, ..Kind::by(AuthMethod::ClientSecretBasic) });
}

#[test]
fn a_course_with_escapes_in_what_the_provider_writes_leaves_none() {
    assert_wiped(Kind { is_escaped: true, ..Kind::by(AuthMethod::ClientSecretPost) });
}

#[test]
fn a_session_in_a_file_leaves_none() {
    let folder = std::env::temp_dir().join(format!("oidc-proto-memory-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    assert_wiped_by("a session", || stored_session(&folder.join("session.json")));
    std::fs::remove_dir_all(&folder).unwrap();
}

/// The search finds what there is to find.
#[test]
fn a_secret_that_is_not_wiped_is_found() {
    let needles: &'static [Vec<u8>] = Vec::leak(vec![b"very-secret".to_vec()]);
    let ((), found) = watched(needles, || drop(std::hint::black_box(String::from("a very-secret text"))));
    assert_eq!(found.len(), 1);
    // Also in what a vector leaves behind when it grows.
    let mut text = String::from("very-secret");
    let ((), found) = watched(needles, || text.push_str(&"x".repeat(100)));
    assert_eq!(found.len(), 1);
}

/// However a callback is written: in a query, a fragment or a form, with escapes, plus signs and line breaks.
#[test]
fn a_callback_leaves_no_code_in_freed_memory() {
    let needles: &'static [Vec<u8>] = Vec::leak(vec![b"very-secret".to_vec(), b"very-%73ecret".to_vec()]);
    let query = "code=a+%41very-%73ecret&state=b+%42very-secret&iss=c+%43&error_uri=%FF";
    for text in [
        format!("https://app.example.org/cb?{query}"),
        format!("https://app.example.org/cb#{query}"),
        format!("\n https://app.example.org/cb?\n{query}\r\n"),
    ] {
        let (parsed, found) = watched(needles, || oidc_proto::Callback::from_url(&text).map(drop));
        assert!(parsed.is_ok() && found.is_empty(), "{text:?}: {found:?}");
    }
    let (parsed, found) = watched(needles, || oidc_proto::Callback::from_form_post(query.as_bytes()).map(drop));
    assert!(parsed.is_ok() && found.is_empty(), "{found:?}");
}

/// However long they are, and however many escapes they need.
#[test]
fn the_secrets_of_an_account_leave_none_when_they_are_written() {
    let needles: &'static [Vec<u8>] = Vec::leak(vec![b"very-secret".to_vec()]);
    let key = || Secret::from(format!("very-secret{}", "\"".repeat(8 * 1024)));
    let cross_signing = CrossSigning { master_key: key(), self_signing_key: key(), user_signing_key: key() };
    let secrets = AccountSecrets { cross_signing, backup: None };
    let ((), found) = watched(needles, || drop(secrets.to_json()));
    assert!(found.is_empty(), "{found:?}");
    let message = Message::Secrets(secrets);
    let ((), found) = watched(needles, || drop(message.to_json()));
    assert!(found.is_empty(), "{found:?}");
}
