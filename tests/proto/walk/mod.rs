//! No sequence of calls on the handles ends in `step.unexpected`: every flow of the crate is walked, alone and inside other
//! flows, by a driver that cancels, fails, wakes too early, and brings wrong responses and wrong outputs of keys.
//!
//! `flows.rs` has the flows and how each begins, `embedding.rs` the flows around them, `driver.rs` what the driver does
//! wrong, `session.rs` the session. A flow that is in no table fails `every_flow_is_walked`.

mod driver;
mod embedding;
mod flows;
mod session;

pub(crate) use driver::{assert_expected, astray, ways};

use std::collections::BTreeSet;
use std::path::Path;

use proptest::prelude::*;
use proptest::sample::select;

use crate::properties::config;
use embedding::Embedding;
use flows::{FLOWS, Kind, Walk};

/// The flows that nobody outside can begin, each with the walk that contains it.
const INSIDE: &[(&str, &str)] = &[
    ("AuthenticatedRequest", "TokenRequest"),
    ("BoxFlow", "Embedding::Boxed"),
    ("KeySearch", "TokenRequest"),
    ("Pause", "qr::wandering"),
    ("Probe", "qr::wandering"),
    ("Then", "qr::wandering"),
    ("Watch", "qr::wandering"),
];

/// The toy of the unit tests.
const NO_FLOWS: &[&str] = &["Toy"];

#[test]
fn every_flow_is_walked() {
    let mut found = BTreeSet::new();
    let mut left = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(path) = left.pop() {
        if path.is_dir() {
            left.extend(std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
            continue;
        }
        let source = std::fs::read_to_string(path).unwrap();
        let code: Vec<_> = source.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        for implemented in code.join(" ").split(" Flow for ").skip(1) {
            let end = implemented.find(|c: char| !c.is_alphanumeric()).unwrap();
            found.insert(implemented[..end].to_owned());
        }
    }
    let walked = FLOWS.iter().map(|(name, _)| *name).chain(INSIDE.iter().map(|(name, _)| *name));
    let walked: BTreeSet<_> = walked.chain(NO_FLOWS.iter().copied()).map(str::to_owned).collect();
    assert_eq!(found, walked);
}

/// One thing goes wrong, at each step and in each way; the rest is as it should be.
#[test]
fn a_flow_expects_whatever_goes_wrong_at_any_step() {
    for (name, start) in FLOWS {
        for kind in Kind::ALL {
            let mut honest = Walk::new(kind, Embedding::Alone, Vec::new());
            honest.begin(*start).unwrap_or_else(|error| panic!("{name} {kind:?}: {error}"));
            for (at, ways) in honest.ways.iter().enumerate() {
                for way in 0..*ways {
                    let embedding = Embedding::ALL[usize::from(way) % Embedding::ALL.len()];
                    let script = std::iter::repeat_n(None, at).chain([Some(way)]).collect();
                    drop(Walk::new(kind, embedding, script).begin(*start));
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(config())]

    /// Many things go wrong.
    #[test]
    fn a_flow_expects_every_sequence_of_calls(
        (_, start) in select(FLOWS),
        kind in select(&Kind::ALL[..]),
        embedding in select(&Embedding::ALL[..]),
        script in proptest::collection::vec(prop_oneof![Just(None), any::<u8>().prop_map(Some)], 0..24),
    ) {
        drop(Walk::new(kind, embedding, script).begin(start));
    }
}
