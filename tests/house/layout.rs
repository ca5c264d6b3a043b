//! Where files are, how long they are, and where the features of the profiles are named.

use std::collections::BTreeSet;

use super::allowed;
use super::lexer::Token;
use super::tree::Tree;

/// A profile's feature, and the room that may name it.
const PROFILES: &[(&str, &str)] = &[("matrix", "matrix"), ("qr-login", "qr")];

/// In the root of `src/`.
const ROOT: &[&str] = &["lib.rs", "step.rs"];

/// Near 400 lines at most, so that one can be read at a sitting.
const LONGEST: usize = 450;

#[test]
fn files_are_short() {
    let long = |(path, lines): (&str, usize)| (lines > LONGEST).then(|| format!("{path} has {lines} lines"));
    let tree = Tree::shared();
    let wrong: Vec<_> = tree.sources.iter().filter_map(|source| long((&source.path, source.lines))).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
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
