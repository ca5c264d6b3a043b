//! The guide for the SDK's maintainer: each public item of the SDK has its row, and each counterpart is there.

use std::collections::BTreeSet;
use std::fs;

const GUIDE: &str = include_str!("../../docs/matrix.md");
const TESTS: &str = include_str!("../../docs/matrix_tests.md");
/// The public items of the module in two versions of the SDK, read from its source.
const ITEMS: [&str; 2] =
    [include_str!("../fixtures/matrix_sdk/0.10.txt"), include_str!("../fixtures/matrix_sdk/0.19.txt")];
const API: &str = include_str!("../../docs/public-api.txt");
const CODES: &str = include_str!("../../docs/codes.md");

/// The cells of each row of the table with this head.
fn rows<'a>(document: &'a str, head: &str) -> Vec<Vec<&'a str>> {
    let table = document.lines().skip_while(|line| *line != head).skip(2);
    let lines = table.take_while(|line| line.starts_with('|'));
    lines
        .map(|line| line.trim_matches('|').split(" |").map(|cell| cell.trim_start_matches('|').trim()).collect())
        .collect()
}

/// What stands between backquotes.
fn quoted(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

fn items_of_the_guide() -> Vec<Vec<&'static str>> {
    let rows = rows(GUIDE, "| 0.10 | 0.19 | here |");
    rows.into_iter().filter(|row| !row[0].starts_with("**")).collect()
}

#[test]
fn every_item_of_the_sdk_has_its_row() {
    let table = items_of_the_guide();
    for (column, items) in ITEMS.iter().enumerate() {
        let expected: Vec<_> = items.lines().collect();
        let named: Vec<_> = table.iter().flat_map(|row| quoted(row[column])).collect();
        let sets = [&expected, &named].map(|list| list.iter().copied().collect::<BTreeSet<_>>());
        assert_eq!(sets[0].difference(&sets[1]).collect::<Vec<_>>(), [&""; 0], "no row");
        assert_eq!(sets[1].difference(&sets[0]).collect::<Vec<_>>(), [&""; 0], "no item of the SDK");
        assert_eq!(named.len(), sets[1].len(), "an item with two rows");
    }
}

/// Links into this crate, without its name.
fn links(cell: &str) -> impl Iterator<Item = &str> {
    cell.split("](crate::").skip(1).filter_map(|rest| rest.split(')').next())
}

#[test]
fn every_row_names_what_is_there_or_says_why_not() {
    let is_public = |path: &str| {
        let path = format!("oidc_proto::{path}");
        API.match_indices(&path).any(|(at, _)| {
            !API[at + path.len()..].starts_with(|next: char| next.is_ascii_alphanumeric() || next == '_')
        })
    };
    for row in items_of_the_guide() {
        let [_, _, here] = row[..] else { panic!("{row:?}") };
        for link in links(here) {
            assert!(is_public(link), "{link} is not public: {here}");
        }
        let codes: Vec<_> = quoted(here).filter(|name| name.contains('.')).collect();
        for code in &codes {
            assert!(CODES.contains(&format!("`{code}`")), "{code} is no code: {here}");
        }
        let says_why = here.strip_prefix("none").is_some_and(|reason| reason.contains(": ") && reason.len() > 25);
        let refers = ["those of", "as for", "the flow"].iter().any(|begin| here.starts_with(begin));
        assert!(links(here).count() + codes.len() > 0 || says_why || refers, "no counterpart and no reason: {row:?}");
    }
}

/// `tests/…` file by file: the names of all test functions.
fn tests_here() -> BTreeSet<String> {
    let mut folders = vec![std::path::PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests"))];
    let mut names = BTreeSet::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                let is_elsewhere = path.ends_with("target") || path.ends_with("node_modules");
                folders.extend((!is_elsewhere).then_some(path));
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                let functions = text.split("fn ").skip(1).filter_map(|rest| rest.split_once("() {"));
                names.extend(functions.map(|(name, _)| name.to_owned()));
            }
        }
    }
    names
}

#[test]
fn every_test_of_the_sdk_has_its_scenario_here() {
    let here = tests_here();
    let rows = rows(TESTS, "| the SDK's test | here |");
    let listed: BTreeSet<_> = rows.iter().flat_map(|row| quoted(row[0])).collect();
    assert_eq!(listed, include_str!("../fixtures/matrix_sdk/tests.txt").lines().collect());
    for row in rows {
        let [theirs, ours] = row[..] else { panic!("{row:?}") };
        let names: Vec<_> = quoted(ours).collect();
        assert!(!names.is_empty() || ours.starts_with("none: "), "{theirs}");
        for name in names.into_iter().filter(|_| !ours.starts_with("none: ")) {
            let function = name.rsplit("::").next().unwrap();
            assert!(here.contains(function), "{theirs}: {name} is not there");
        }
    }
}
