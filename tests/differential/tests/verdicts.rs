//! What is required of the verdicts.

use oidc_proto_differential::classes::{BROKEN, Class, GOOD, KID_IS_A_HINT};
use oidc_proto_differential::table::{self, Row, TOKENS, ask};

fn rows(classes: &'static [Class]) -> Vec<Row> {
    let rows = ask(classes);
    assert_eq!(rows.iter().map(|row| row.asked.len()).sum::<usize>(), TOKENS);
    rows
}

#[test]
fn good_tokens_are_accepted() {
    for row in rows(GOOD) {
        for (token, verdicts) in &row.asked {
            assert_eq!(verdicts.ours, Ok(()), "{}: {token}", row.class.name);
        }
    }
}

/// The codes that the committed table has for a class.
fn listed_codes(class: &Class) -> Vec<&'static str> {
    let row = include_str!("../TABLE.md").lines().find_map(|line| line.strip_prefix(&format!("| {} |", class.name)));
    let cell = row.and_then(|cells| cells.split('|').next()).unwrap();
    cell.split('`').skip(1).step_by(2).collect()
}

#[test]
fn broken_tokens_are_refused_with_the_codes_of_the_table() {
    for row in rows(BROKEN) {
        let listed = listed_codes(row.class);
        for (token, verdicts) in &row.asked {
            let code = verdicts.ours.unwrap_err();
            assert!(listed.contains(&code.as_str()), "{}: {code}: {token}", row.class.name);
        }
    }
}

#[test]
fn nothing_is_accepted_that_both_others_refuse() {
    let all = rows(GOOD).into_iter().chain(rows(BROKEN));
    for row in all.filter(|row| row.class.differs != Some(KID_IS_A_HINT)) {
        for (token, verdicts) in &row.asked {
            assert_ne!(verdicts.accepted(), [true, false, false], "{}: {token} {verdicts:?}", row.class.name);
        }
    }
}

#[test]
fn every_difference_is_explained_and_every_explanation_needed() {
    let mut wrong = String::new();
    for row in rows(GOOD).into_iter().chain(rows(BROKEN)) {
        if row.is_unanimous() == row.class.differs.is_some() {
            let verdicts: std::collections::BTreeSet<_> =
                row.asked.iter().map(|(_, verdicts)| format!("{verdicts:?}")).collect();
            wrong.push_str(&format!("{}: {verdicts:#?}\n", row.class.name));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn the_table_is_up_to_date() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/TABLE.md");
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(committed == table::markdown(), "cargo run --manifest-path tests/differential/Cargo.toml");
}
