//! What the standards demand of a client, and the tests that hold this one to it.
//!
//! One file per family of standards; each row has a section, what it demands in our words, and the tests, as
//! `file::function` (`file::doctest` for an example in the documentation). A test here fails when a row names no test, or
//! one that does not exist.
//!
//! Each MUST and MUST NOT for a client stands here, and each SHOULD that this client keeps; also what servers must, where
//! this client checks that they do. What it does not do at all is listed once, with the reason.
//!
//! Sections and key words were compared with the text of each document: of OpenID Connect with drafts of errata set 2, of
//! RFC 9470, RFC 9700 and RFC 9864 with drafts too.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

mod extensions;
mod jose;
mod oauth;
mod openid;

/// How much it is demanded, by the key words of RFC 2119. REQUIRED is a MUST, RECOMMENDED a SHOULD.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    Must,
    MustNot,
    Should,
    /// It is left to the client, which does it.
    May,
    /// The section says how it is, without a key word.
    Defined,
}

/// A section, how much it demands what, and the tests.
pub(crate) type Row = (&'static str, Level, &'static str, &'static [&'static str]);

pub(crate) struct Standard {
    pub(crate) name: &'static str,
    pub(crate) rows: &'static [Row],
    /// A section, and why it does not concern this client.
    pub(crate) not_done: &'static [(&'static str, &'static str)],
}

/// The standards that are covered. None is without requirements.
const COVERED: &[&str] = &[
    "OpenID Connect Core 1.0",
    "OpenID Connect Discovery 1.0",
    "OpenID Connect Dynamic Client Registration 1.0",
    "OpenID Connect RP-Initiated Logout 1.0",
    "OpenID Connect Back-Channel Logout 1.0",
    "OAuth 2.0 Form Post Response Mode",
    "RFC 6749",
    "RFC 6750",
    "RFC 7009",
    "RFC 7515",
    "RFC 7517",
    "RFC 7518",
    "RFC 7519",
    "RFC 7523",
    "RFC 7591",
    "RFC 7636",
    "RFC 7638",
    "RFC 8037",
    "RFC 8252",
    "RFC 8414",
    "RFC 8628",
    "RFC 9126",
    "RFC 9207",
    "RFC 9449",
    "RFC 9470",
    "RFC 9700",
    "RFC 9864",
];

fn standards() -> Vec<&'static Standard> {
    [openid::STANDARDS, oauth::STANDARDS, extensions::STANDARDS, jose::STANDARDS].into_iter().flatten().collect()
}

/// All tests of the crate, as rows name them.
fn tests() -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = BTreeSet::new();
    let mut left = vec![root.join("src"), root.join("tests")];
    while let Some(path) = left.pop() {
        if path.is_dir() {
            left.extend(fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let file = path.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/");
            found.extend(functions(&fs::read_to_string(&path).unwrap()).map(|name| format!("{file}::{name}")));
        }
    }
    found
}

/// The functions under `#[test]` in a file, and `doctest` if it has one.
fn functions(source: &str) -> impl Iterator<Item = &str> {
    let mut is_test = false;
    let mut is_in_fence = false;
    source.lines().map(str::trim).filter_map(move |line| {
        if let Some(comment) = line.strip_prefix("//!").or_else(|| line.strip_prefix("///")) {
            let fence = comment.trim().strip_prefix("```")?;
            is_in_fence = !is_in_fence;
            // A fence without a language is compiled; `text` and `json` are not.
            return (is_in_fence && (fence.is_empty() || fence.starts_with("compile_fail"))).then_some("doctest");
        }
        if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
            is_test = true;
            return None;
        }
        let declared = line.split_once("fn ").filter(|_| is_test && !line.starts_with('#') && !line.starts_with("//"));
        let (_, name) = declared?;
        is_test = false;
        name.split(['(', '<']).next()
    })
}

#[test]
fn the_search_finds_tests_and_nothing_else() {
    let source = r#"
        //! ```text
        //! diagram
        //! ```
        #[test]
        fn one() {}
        fn helper() {}
        #[tokio::test(flavor = "current_thread")]
        #[ignore = "fn not_this"]
        async fn two() {
        // #[test] fn three() {}
        "#;
    assert_eq!(functions(source).collect::<Vec<_>>(), ["one", "two"]);
    assert_eq!(functions("/// ```\n/// x\n/// ```\nfn f() {}").collect::<Vec<_>>(), ["doctest"]);
    assert!(tests().contains("tests/proto/requirements/mod.rs::the_search_finds_tests_and_nothing_else"));
}

#[test]
fn every_requirement_names_tests_that_exist() {
    let tests = tests();
    let mut wrong = Vec::new();
    for standard in standards() {
        for (section, level, what, named) in standard.rows {
            let row = format!("{} section {section}: {level:?} {what}", standard.name);
            if named.is_empty() {
                wrong.push(format!("{row}: no test"));
            }
            let missing = named.iter().filter(|name| !tests.contains(**name));
            wrong.extend(missing.map(|name| format!("{row}: there is no test {name}")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_standard_is_covered_and_nothing_stands_there_twice() {
    let names: Vec<_> = standards().iter().map(|standard| standard.name).collect();
    let (mut sorted, mut covered) = (names.clone(), COVERED.to_vec());
    sorted.sort_unstable();
    covered.sort_unstable();
    assert_eq!(sorted, covered);
    for standard in standards() {
        assert!(!standard.rows.is_empty(), "{}", standard.name);
        let mut seen = BTreeSet::new();
        for (section, _, what, _) in standard.rows {
            assert!(!section.is_empty() && !what.is_empty());
            assert!(seen.insert((section, what)), "{} section {section} twice: {what}", standard.name);
        }
        assert!(standard.not_done.iter().all(|(section, reason)| !section.is_empty() && !reason.is_empty()));
    }
}
