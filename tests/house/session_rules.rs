//! `tests/session_rules.md` names tests that are there, that run, or that say why they do not run by themselves.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::tree::collect;

/// What is wrong with a function as a test; `None` if nothing is. `attributes` are the lines before it.
fn fault(attributes: &[&str]) -> Option<&'static str> {
    let is_test = |line: &&&str| **line == "#[test]" || line.starts_with("#[tokio::test");
    let is_ignored = |line: &&&str| line.starts_with("#[ignore");
    let says_why = |line: &&str| line.strip_prefix("#[ignore = \"").is_some_and(|why| why.len() > "\"]".len() + 8);
    match (attributes.iter().find(is_test), attributes.iter().find(is_ignored)) {
        (None, _) => Some("no test"),
        (_, Some(line)) if !says_why(line) => Some("ignored without a reason"),
        _ => None,
    }
}

/// The functions of a file, each with the attributes and comments right before it.
fn functions(text: &str) -> Vec<(String, Vec<&str>)> {
    let (mut found, mut attributes) = (Vec::new(), Vec::new());
    for line in text.lines().map(str::trim) {
        if line.starts_with("#[") || line.starts_with("//") {
            attributes.push(line);
            continue;
        }
        let declared = line.split_once("fn ").filter(|(before, _)| {
            before.split(' ').all(|word| ["", "pub", "pub(crate)", "pub(super)", "async"].contains(&word))
        });
        if let Some((_, rest)) = declared {
            let name = rest.split(['(', '<']).next().unwrap_or_default();
            found.push((name.to_owned(), std::mem::take(&mut attributes)));
        }
        attributes.clear();
    }
    found
}

#[test]
fn every_rule_of_the_session_has_the_tests_that_are_named() {
    let table = include_str!("../session_rules.md");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    ["src", "tests"].iter().for_each(|directory| collect(&root.join(directory), &mut paths));
    let texts: Vec<_> = paths.iter().map(|path| std::fs::read_to_string(path).unwrap()).collect();
    let mut faults = BTreeMap::new();
    for (name, attributes) in texts.iter().flat_map(|text| functions(text)) {
        // Of several with one name, each is to be a test.
        let fault = fault(&attributes);
        let known: &mut Option<_> = faults.entry(name).or_insert(fault);
        *known = known.or(fault);
    }
    let rows: Vec<Vec<&str>> =
        table.lines().filter(|line| line.starts_with('|')).map(|line| line.split('|').collect()).collect();
    let mut rules = BTreeSet::new();
    for row in &rows[2..] {
        let named: Vec<_> = row[3].split('`').skip(1).step_by(2).collect();
        let wrong: Vec<_> = named
            .iter()
            .filter_map(|name| Some((name, faults.get(*name).copied().unwrap_or(Some("not there"))?)))
            .collect();
        assert!(!named.is_empty() && wrong.is_empty(), "rule {}: {wrong:?}", row[1]);
        rules.insert(row[1].trim());
    }
    let numbers = (1..=20).map(|number| number.to_string()).chain(["15a", "store", "first"].map(str::to_owned));
    assert_eq!(rules, numbers.collect::<Vec<_>>().iter().map(String::as_str).collect());
}

#[test]
fn a_function_that_is_no_test_is_found() {
    let text = "
        #[test]
        fn one() {}
        /// Says.
        #[tokio::test(start_paused = true)]
        #[ignore = \"needs a server\"]
        async fn two() {}
        #[test]
        #[ignore]
        fn three() {}
        #[test]
        #[ignore = \"\"]
        fn four() {}

        pub async fn five<S>(open: &impl Fn(u8) -> S) {
            six(fn_seven);
        }";
    let found: Vec<_> = functions(text).into_iter().map(|(name, attributes)| (name, fault(&attributes))).collect();
    let ignored = Some("ignored without a reason");
    let expected = [("one", None), ("two", None), ("three", ignored), ("four", ignored), ("five", Some("no test"))];
    assert_eq!(found, expected.map(|(name, fault)| (name.to_owned(), fault)));
}
