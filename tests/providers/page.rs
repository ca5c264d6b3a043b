//! `docs/providers.md`, written from the table and from what its courses show.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use oidc_proto::AuthMethod;

use super::outcome;
use super::table::{After, Choice, ROWS, Row, Who};

/// Set to write the page anew.
const BLESS: &str = "OIDC_PROTO_BLESS";

const HEAD: &str = "# Providers

What it takes to log in, to refresh and to log out at known providers. Each row is a test: the provider is modelled by its
public documentation (`testing::Habits`), and each choice in the row is needed there. A model can be out of date; a row with
a real server names the script that starts it. A `Deviation` in a row relaxes only the check that it
names; all other checks are the same at each provider.

An application tests itself against a row in one line: `Habits::KEYCLOAK.provider().with_client(…)`.

A test checks this page, and what `oidc_cli discover` advises:
`OIDC_PROTO_BLESS=1 cargo test --all-features --test proto providers::` writes both again.

| provider | client | works | refresh | logout | shown by |
|---|---|---|---|---|---|
";

const REAL: &str = "
## Real servers

Each has a start script in `tests/peers`, and its tests in `tests/interop`. `.ci/deep providers` and `.ci/deep synapse` run
them, and note in `tests/peers/runs.txt` when they passed the last time, and at which commit; `.ci/run` runs the tests at `op`.

";

/// The table of the start scripts.
fn real_servers() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = fs::read_to_string(root.join("tests/peers/README.md")).unwrap();
    let runs = fs::read_to_string(root.join("tests/peers/runs.txt")).unwrap();
    let lines = readme.lines().skip_while(|line| !line.starts_with("| provider | version |"));
    let with_run = |line: &str| {
        let run = match line.split('`').nth(1).filter(|_| line.starts_with("| `")) {
            None if line.starts_with("|--") => "---|".to_owned(),
            None => " last run |".to_owned(),
            Some(name) => format!(" {} |", last_run(&runs, name)),
        };
        format!("{line}{run}\n")
    };
    lines.take_while(|line| line.starts_with('|')).map(with_run).collect()
}

/// The day and the commit, as `.ci/deep` notes them.
fn last_run(runs: &str, name: &str) -> String {
    if name == "op" {
        return "each `.ci/run`".to_owned();
    }
    match runs.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')) {
        Some(run) => {
            let (day, commit) = run.split_once(' ').unwrap();
            assert!(day.len() == 10 && day.split('-').count() == 3, "{run}");
            format!("{day}, at {commit}")
        }
        None => "not noted yet".to_owned(),
    }
}

fn client(row: &Row) -> &'static str {
    match row.client {
        Who::Public => "public, registered by hand",
        Who::Secret => "with a secret, registered by hand",
        Who::Registers => "registers itself",
    }
}

/// The command line has no such option.
const BY_HAND: &str = "`Provider::from_json` (library only)";

/// In the library and on the command line.
fn choice(choice: &Choice) -> String {
    match choice {
        Choice::Accept(deviation) => format!("`Deviation::{deviation:?}` (`--accept {}`)", deviation.name()),
        Choice::MetadataUrl => "`ServerMetadataFetch::start_at` (`--metadata-url`)".to_owned(),
        Choice::ByHand([]) => format!("metadata by hand: {BY_HAND}"),
        Choice::ByHand(more) => {
            let names: Vec<_> = more.iter().map(|(name, _)| format!("`{name}`")).collect();
            format!("metadata by hand: {BY_HAND}, with {}", names.join(", "))
        }
        Choice::Scope(words) => format!("scope `{words}`"),
        Choice::ClientIdInScope => "the client ID in the scope".to_owned(),
        Choice::Parameter(name, value) => format!("parameter `{name}={value}` (`--parameter`)"),
        Choice::Method(method) => format!("`{}` (`--auth-method`)", AuthMethod::name(*method)),
        Choice::Hs256 => "`Client::with_registered_algorithm(Hs256)` (`--id-token-algorithm HS256`)".to_owned(),
        Choice::Audience(_) => "`Client::with_trusted_audience` (`--trust-audience`)".to_owned(),
        Choice::InitialAccessToken => {
            "an initial access token: `Registration::start_with_token` (`register --initial-access-token`)".to_owned()
        }
    }
}

fn written(row: &'static Row) -> String {
    let (habits, outcome) = (row.habits, outcome(row));
    let choices: Vec<_> = row.choices.iter().map(choice).collect();
    let mut works = match choices.is_empty() {
        true => "by default".to_owned(),
        false => format!("with {}", choices.join("; ")),
    };
    for text in [row.note, habits.unsure()].into_iter().filter(|text| !text.is_empty()) {
        let is_note = text == row.note;
        write!(works, ". {}{}", if is_note { "" } else { "Not certain: " }, text.trim_end_matches('.')).unwrap();
    }
    let refresh = match outcome.after {
        After::NewRefreshToken => "yes, with a new refresh token",
        After::SameRefreshToken => "yes, the refresh token stays",
        After::Nothing => "no",
    };
    let mut logout = Vec::new();
    logout.extend(outcome.revokes.then_some("revocation"));
    logout.extend(outcome.signs_out.then_some("in the browser"));
    logout.extend((outcome.back_channel == Some(true)).then_some("back-channel"));
    let logout = if logout.is_empty() { "no endpoint: the tokens are forgotten".to_owned() } else { logout.join(", ") };
    let shown = match row.peer {
        Some(script) => format!("[documentation]({}), a real server (`{script}`)", habits.documentation()),
        None => format!("[documentation]({})", habits.documentation()),
    };
    format!("| {} | {} | {works} | {refresh} | {logout} | {shown} |", habits.name(), client(row))
}

#[test]
fn the_page_of_providers_is_the_table() {
    let mut page = HEAD.to_owned();
    for row in ROWS {
        writeln!(page, "{}", written(row)).unwrap();
    }
    page.push_str(REAL);
    page.push_str(&real_servers());
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/providers.md");
    if std::env::var_os(BLESS).is_some() {
        fs::write(&path, &page).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == page, "docs/providers.md is out of date: run with {BLESS}=1");
}

/// What is said to have been run is what the scripts obtain.
#[test]
fn the_versions_of_real_servers_are_those_that_are_obtained() {
    let servers = real_servers();
    for (version, place) in [
        ("26.7.3", "keycloak.py"),
        ("4.0.7", "spring/pom.xml"),
        ("3.52.0", "zitadel/go.mod"),
        ("0.3.6", "canaille/requirements.txt"),
        ("3.4.1", "django/requirements.txt"),
        ("5.2.19", "django/requirements.txt"),
        ("1.7.25", "better_auth/package.json"),
        ("1.7.5", "better_auth/package.json"),
        ("2.7.5", "glewlwyd.py"),
        ("9.13.3", "package.json"),
        ("1.163.2", "requirements.txt"),
    ] {
        let obtained = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers").join(place));
        assert!(obtained.unwrap().contains(version) && servers.contains(version), "{place}: {version}");
    }
}

/// Each real server of `.ci/deep providers` stands in one row, and no row has another.
#[test]
fn each_real_server_is_named_by_one_row() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let steps = fs::read_to_string(root.join(".ci/deep")).unwrap();
    let listed = steps.lines().find_map(|line| line.strip_prefix("providers=\"")?.strip_suffix('"')).unwrap();
    let mut listed: Vec<_> = listed.split(' ').map(|name| format!("tests/peers/{name}.py")).collect();
    let mut named: Vec<_> = ROWS.iter().filter_map(|row| row.peer).collect();
    for script in &named {
        assert!(root.join(script).is_file(), "{script}");
    }
    listed.sort();
    named.sort();
    assert_eq!(named, listed, "a script of .ci/deep belongs to one row, by `peer`");
}
