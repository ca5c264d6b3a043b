//! The figures of the manual's page `cost` are those of the benchmarks.

use std::fmt::Write as _;
use std::fs;

use serde_json::Value;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/manual/cost.md");
const RESULTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/results.json");

/// Work items, and what they are.
const WORK: [(&str, &str); 11] = [
    ("W1-authz-url", "an authorization URL"),
    ("W2-discovery", "a discovery response"),
    ("W3-token", "a token request and its response"),
    ("W4-idtoken-RS256", "an ID token, RS256"),
    ("W4-idtoken-ES256", "an ID token, ES256"),
    ("W4-idtoken-EdDSA", "an ID token, EdDSA"),
    ("W5-jwks4", "a set of four keys"),
    ("W6-refresh", "a refresh"),
    ("W7-login-RS256", "a whole login, RS256"),
    ("W7n-login-without-signature", "a whole login without its signature"),
    ("S2-refresh", "a refresh of a session, with its saves"),
];

fn table(rows: &[Value]) -> String {
    let mut out = String::from(
        "| operation | backend | instructions | allocations | the quickest other library | ratio |\n|---|---|--:|--:|---|--:|\n",
    );
    for (work, what) in WORK {
        let of_work = || rows.iter().filter(|row| row["work"] == work);
        let who = |row: &Value| row["who"].as_str().unwrap().to_owned();
        let instructions = |row: &Value| row["instructions"].as_u64().unwrap();
        let peer = of_work()
            .filter(|row| !who(row).starts_with("oidc-proto") && !who(row).starts_with("floor"))
            .min_by_key(|row| instructions(row));
        for own in of_work().filter(|row| who(row).starts_with("oidc-proto")) {
            let backend = who(own).replace("oidc-proto ", "").replace("(any backend)", "any");
            let (name, ratio) = match peer {
                Some(peer) => (who(peer), format!("{:.2}", instructions(peer) as f64 / instructions(own) as f64)),
                None => ("none".into(), String::new()),
            };
            let (count, allocations) = (instructions(own), &own["allocations"]);
            writeln!(out, "| {what} | {backend} | {count} | {allocations} | {name} | {ratio} |").unwrap();
        }
    }
    out
}

#[test]
fn the_manual_has_the_figures_of_the_benchmarks() {
    let rows: Vec<Value> = serde_json::from_slice(&fs::read(RESULTS).unwrap()).unwrap();
    let page = fs::read_to_string(PAGE).unwrap();
    let (before, rest) = page.split_once("<!-- begin -->\n").unwrap();
    let (_, after) = rest.split_once("<!-- end -->").unwrap();
    let expected = format!("{before}<!-- begin -->\n{}<!-- end -->{after}", table(&rows));
    if std::env::var_os("OIDC_PROTO_BLESS").is_some() {
        fs::write(PAGE, &expected).unwrap();
    }
    assert!(
        page == expected,
        "benches/results.json has other figures: OIDC_PROTO_BLESS=1 cargo test --test house cost"
    );
}
