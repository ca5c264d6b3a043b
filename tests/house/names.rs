//! Names of the public API, as `docs/public-api.txt` lists them.

use std::collections::BTreeMap;

/// Words that mean a *response*, which is the standards' word, or that say nothing.
const FORBIDDEN: &[&str] = &["answer", "asked", "reply", "replies"];

/// Types that share a name on purpose: the counterpart in `testing` or in a profile, or of another HTTP client or backend.
const SHARED: &[(&str, &[&str])] = &[
    ("Callback", &["oidc_proto::Callback", "oidc_proto::testing::Callback"]),
    (
        "Client",
        &[
            "oidc_proto::Client",
            "oidc_proto::adapter::reqwest::Client",
            "oidc_proto::adapter::tower::Client",
            "oidc_proto::adapter::ureq::Client",
        ],
    ),
    ("Homeserver", &["oidc_proto::matrix::Homeserver", "oidc_proto::testing::Homeserver"]),
    ("IdToken", &["oidc_proto::IdToken", "oidc_proto::testing::IdToken"]),
    ("Login", &["oidc_proto::matrix::Login", "oidc_proto::qr::Login"]),
    ("Provider", &["oidc_proto::Provider", "oidc_proto::testing::Provider"]),
    ("Rendezvous", &["oidc_proto::qr::Rendezvous", "oidc_proto::testing::Rendezvous"]),
    ("ResponseMode", &["oidc_proto::ResponseMode", "oidc_proto::testing::ResponseMode"]),
    ("Session", &["oidc_proto::matrix::Session", "oidc_proto::session::Session"]),
    (
        "SigningKey",
        &["oidc_proto::jose::backend::aws_lc::SigningKey", "oidc_proto::jose::backend::rustcrypto::SigningKey"],
    ),
];

fn public_api() -> String {
    std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/public-api.txt")).unwrap()
}

#[test]
fn public_names_use_the_words_of_the_standards() {
    let api = public_api();
    let has_forbidden = |line: &&str| FORBIDDEN.iter().any(|word| line.to_lowercase().contains(word));
    let wrong: Vec<_> = api.lines().filter(has_forbidden).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_type_has_one_public_path() {
    let api = public_api();
    let mut paths = BTreeMap::<&str, Vec<&str>>::new();
    for line in api.lines() {
        let Some(rest) = ["struct", "enum", "trait"].iter().find_map(|kind| {
            line.strip_prefix("#[non_exhaustive] ").unwrap_or(line).strip_prefix(&format!("pub {kind} "))
        }) else {
            continue;
        };
        let path = rest.split(['<', ' ', '(']).next().unwrap().trim_end_matches(':');
        paths.entry(path.rsplit("::").next().unwrap()).or_default().push(path);
    }
    assert!(paths.len() > 100, "{} types", paths.len());
    paths.retain(|_, paths| paths.len() > 1);
    paths.values_mut().for_each(|paths| paths.sort_unstable());
    let shared: BTreeMap<_, _> = SHARED.iter().map(|(name, paths)| (*name, paths.to_vec())).collect();
    assert_eq!(paths, shared);
}

/// Profiles declare their codes in their rooms.
#[test]
fn the_core_declares_no_code_of_a_profile() {
    let codes = concat!(env!("CARGO_MANIFEST_DIR"), "/src/error/codes");
    for entry in std::fs::read_dir(codes).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        for profile in ["matrix", "homeserver", "qr", "rendezvous"] {
            assert!(!text.contains(&format!("\"{profile}.")), "{} has a code of {profile}", path.display());
        }
    }
}
