//! `tests/session_rules.md` names tests that are there.

use std::collections::BTreeSet;
use std::path::Path;

use crate::tree::collect;

#[test]
fn every_rule_of_the_session_has_the_tests_that_are_named() {
    let table = include_str!("../session_rules.md");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    ["src", "tests"].iter().for_each(|directory| collect(&root.join(directory), &mut paths));
    let mut functions = BTreeSet::new();
    for text in paths.iter().map(|path| std::fs::read_to_string(path).unwrap()) {
        let names = text.split("fn ").skip(1).filter_map(|rest| rest.split(['(', '<']).next());
        functions.extend(names.map(str::to_owned));
    }
    let rows: Vec<Vec<&str>> =
        table.lines().filter(|line| line.starts_with('|')).map(|line| line.split('|').collect()).collect();
    let mut rules = BTreeSet::new();
    for row in &rows[2..] {
        let named: Vec<_> = row[3].split('`').skip(1).step_by(2).collect();
        let missing: Vec<_> = named.iter().filter(|name| !functions.contains(**name)).collect();
        assert!(!named.is_empty() && missing.is_empty(), "rule {}: {missing:?}", row[1]);
        rules.insert(row[1].trim());
    }
    let numbers = (1..=20).map(|number| number.to_string()).chain(["15a".to_owned(), "store".to_owned()]);
    assert_eq!(rules, numbers.collect::<Vec<_>>().iter().map(String::as_str).collect());
}
