//! What `oidc_cli discover` advises for known providers, written from the table into the source of the command line.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use oidc_proto::{AuthMethod, Deviation};

use super::known::{self, KNOWN, is_at};
use super::table::{Choice, ROWS, Row};

/// Set to write the table anew.
const BLESS: &str = "OIDC_PROTO_BLESS";

const START: &str = "    // <table>\n";
const END: &str = "    // </table>\n";

/// The options of a login, in the words of the command line. Metadata by hand are not among them.
fn options(row: &Row) -> Vec<String> {
    let mut scope = row.scope.split(' ').next().unwrap().to_owned();
    let mut options = Vec::new();
    for choice in row.choices {
        match choice {
            // `discover` sees in the metadata whether they are needed.
            Choice::Accept(Deviation::TenantIssuer | Deviation::StringBooleans) | Choice::ByHand(_) => {}
            Choice::Accept(deviation) => options.push(format!("--accept {}", deviation.name())),
            Choice::MetadataUrl => options.push("--metadata-url URL".to_owned()),
            Choice::Scope(words) => write!(scope, " {words}").unwrap(),
            Choice::ClientIdInScope => scope.push_str(" CLIENT_ID"),
            Choice::Parameter(name, value) => options.push(format!("--parameter {name}={value}")),
            Choice::Method(method) => options.push(format!("--auth-method {}", AuthMethod::name(*method))),
            Choice::Hs256 => options.push("--id-token-algorithm HS256".to_owned()),
            Choice::Audience(_) => options.push("--trust-audience AUDIENCE".to_owned()),
            Choice::InitialAccessToken => options.push("register --initial-access-token TOKEN".to_owned()),
        }
    }
    if scope.contains(' ') {
        options.push(format!("--scope \"{scope}\""));
    }
    options
}

fn is_by_hand(row: &Row) -> bool {
    row.choices.iter().any(|choice| matches!(choice, Choice::ByHand(_)))
}

#[test]
fn the_command_line_advises_what_the_table_says() {
    let mut table = String::new();
    for row in ROWS.iter().filter(|row| !row.issuers.is_empty() && !row.choices.is_empty()) {
        let (issuers, is_by_hand, options) = (row.issuers, is_by_hand(row), options(row));
        writeln!(table, "    Known {{ issuers: &{issuers:?}, is_by_hand: {is_by_hand}, options: &{options:?} }},")
            .unwrap();
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/oidc_cli/known.rs");
    let source = fs::read_to_string(&path).unwrap();
    let (before, rest) = source.split_once(START).unwrap();
    let (found, after) = rest.split_once(END).unwrap();
    if std::env::var_os(BLESS).is_some() {
        fs::write(&path, format!("{before}{START}{table}{END}{after}")).unwrap();
    } else {
        assert!(found == table, "{} is out of date: run with {BLESS}=1", path.display());
    }
}

#[test]
fn each_issuer_of_the_table_leads_to_its_row() {
    for row in ROWS.iter().filter(|row| !row.issuers.is_empty()) {
        let issuer = row.habits.issuer();
        let is_own = row.issuers.iter().any(|pattern| is_at(pattern, issuer));
        assert!(is_own, "{issuer} is none of {:?}", row.issuers);
        let advised = known::at(issuer).map_or(&[][..], |known| known.options);
        assert_eq!(advised, options(row), "{issuer}");
        assert_eq!(known::at(issuer).is_some_and(|known| known.is_by_hand), is_by_hand(row), "{issuer}");
    }
    let strangers = ["https://op.example", "https://accounts.google.com.evil.example", "https://slack.com/x", ""];
    assert!(strangers.iter().all(|issuer| known::at(issuer).is_none()));
    assert!(KNOWN.iter().all(|known| !known.issuers.is_empty()));
}
