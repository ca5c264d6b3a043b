//! Where files are, how long they are, and where the features of the profiles are named.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::allowed;
use super::lexer::{Token, text, tokens};
use super::tree::{Tree, collect};

/// A profile's feature, and the room that may name it.
const PROFILES: &[(&str, &str)] = &[("matrix", "matrix"), ("qr-login", "qr")];

/// In the root of `src/`.
const ROOT: &[&str] = &["lib.rs"];

/// Near 400 lines at most, so that one can be read at a sitting.
const LONGEST: usize = 450;

#[test]
fn files_are_short() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for directory in ["benches/src", "examples", "src", "tests"] {
        collect(&root.join(directory), &mut files);
    }
    // What packages within `tests` were built into.
    files.retain(|path| !path.components().any(|part| part.as_os_str() == "target"));
    assert!(files.len() > 500);
    let long = |path: &PathBuf| {
        let lines = fs::read_to_string(path).unwrap().lines().count();
        (lines > LONGEST).then(|| format!("{} has {lines} lines", path.strip_prefix(root).unwrap().display()))
    };
    let wrong: Vec<_> = files.iter().filter_map(long).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What a newcomer reads first: three examples, and the login in the README.
#[test]
fn what_a_newcomer_reads_is_short() {
    let read = |path: &str| fs::read_to_string(format!("{}/{path}", env!("CARGO_MANIFEST_DIR"))).unwrap();
    for example in ["async_login", "blocking_login", "test_provider"] {
        let lines = read(&format!("examples/{example}.rs")).lines().count();
        assert!(lines <= 80, "{example} has {lines} lines");
    }
    let readme = read("README.md");
    let login = readme.split("```rust\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    assert!(login.contains(".authorize(") && login.lines().count() <= 20, "{login}");
    assert!(!login.contains("::<") && !login.contains("Arc"), "{login}");
}

/// `allowed/loose.txt` has those that are still there.
#[test]
fn every_file_is_in_a_room() {
    let tree = Tree::shared();
    let paths = tree.sources.iter().map(|source| source.path.clone());
    let found = paths.filter(|path| !path.contains('/') && !ROOT.contains(&path.as_str())).collect();
    allowed::check("loose", &found, "these files belong into a directory");
}

/// `allowed/profiles.txt` has the other places, as `FILE FEATURE`.
#[test]
fn a_profile_is_a_matter_of_its_room() {
    let tree = Tree::shared();
    let mut found = BTreeSet::new();
    for source in tree.sources.iter().filter(|source| source.path != "lib.rs") {
        for feature in features(&source.tokens) {
            let is_elsewhere = |(name, room): &&(&str, &str)| *name == feature && *room != source.room();
            found.extend(PROFILES.iter().find(is_elsewhere).map(|_| format!("{} {feature}", source.path)));
        }
    }
    allowed::check("profiles", &found, "these files name the feature of a profile");
}

/// Names are for people and logs: a decision is made by the code itself, or by what its tables say.
#[test]
fn nothing_is_decided_by_the_text_of_a_code() {
    let tree = Tree::shared();
    let wrong: Vec<_> = tree
        .sources
        .iter()
        // It writes a log.
        .filter(|source| source.path != "adapter/trace.rs")
        .flat_map(|source| texts_of_codes(&source.tokens).map(move |text| format!("{}: {text}", source.path)))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Where code takes the text of an error's code, or looks for a part of a name.
fn texts_of_codes(tokens: &[Token]) -> impl Iterator<Item = String> {
    const LOOKS: [&str; 3] = ["starts_with", "ends_with", "contains"];
    let is_text = |window: &&[Token]| {
        let [first, second, third, fourth, fifth] = window else { return false };
        let is_call = second.is("(") && third.is(")") && fourth.is(".");
        first.is("code") && (is_call && fifth.is("as_str") || second.is(".") && third.is("as_str"))
            || first.is("as_str") && is_call && LOOKS.iter().any(|look| fifth.is(look))
    };
    tokens.windows(5).filter(is_text).map(text)
}

#[test]
fn a_look_at_the_text_of_a_code_is_seen() {
    for (code, count) in [
        (r#"if error.code().as_str().starts_with("http.") { 1 }"#, 2),
        (r#"let name = code.as_str(); name.starts_with("http.")"#, 1),
        (r#"ErrorCode::X.as_str().contains("x")"#, 1),
        ("matches!(error.code(), ErrorCode::X) || error.family() == Family::Keys; issuer.as_str() == x", 0),
    ] {
        assert_eq!(texts_of_codes(&tokens(code)).count(), count, "{code}");
    }
}

/// The features that code asks for.
fn features(tokens: &[Token]) -> impl Iterator<Item = &str> {
    tokens.windows(3).filter_map(|window| match window {
        [word, mark, Token::Text(name)] if word.is("feature") && mark.is("=") => Some(name.as_str()),
        _ => None,
    })
}

#[test]
fn a_feature_is_found_wherever_it_is_asked_for() {
    let code =
        r#"#[cfg(all(unix, not(feature = "matrix")))] fn f() { cfg!(feature="system") } // feature = "qr-login""#;
    let tokens = super::lexer::tokens(code);
    assert_eq!(features(&tokens).collect::<Vec<_>>(), ["matrix", "system"]);
}
