//! The manual says what the program does.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use oidc_proto::{Deviation, ErrorCode, Word as _};

use crate::support::cli::Cli;

/// Set to write the generated pages anew.
const BLESS: &str = "OIDC_PROTO_BLESS";

fn page(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(name)
}

fn manual() -> String {
    fs::read_to_string(page("cli.md")).unwrap()
}

#[test]
fn the_table_of_codes_is_the_librarys() {
    let mut table = String::from(
        "# Error codes\n\nEvery code of the library, from `ErrorCode::all()`, with its usual cause and what to do about it. \
         The command line prints codes unchanged. An error says more than its code: what was expected and found, in which \
         request, and often a better hint. A test checks this page: `OIDC_PROTO_BLESS=1 cargo test --all-features --test cli documents::` writes \
         it again.\n\n\
         \"At the provider\" means: in the provider's administration. If you cannot change it there, ask its administrator. \
         The words of the messages:\n\n\
         | word | what it is |\n|---|---|\n\
         | provider | the server where the user logs in; the issuer is the URL that names it, and the metadata are the document in which it lists its endpoints |\n\
         | client | the program that logs the user in, as the provider knows it: by its client ID, and by a secret or a key if it has one |\n\
         | redirect URI, callback | where the browser comes back to after the login, and the request with which it does |\n\
         | scope | what the program asks for |\n\
         | access token, refresh token | what gives access, for minutes or hours, and what gets the next access token |\n\
         | ID token, claim | what the provider says about the user, signed (a JWS), and one statement in it |\n\
         | grant | a permission to get tokens: a code, a refresh token, a device code |\n\
         | `state`, `nonce`, PKCE | values that tie a response to the login that it belongs to |\n\
         | PAR, DPoP | the request goes to the provider before the browser opens; tokens that only the holder of a key can use |\n\n\
         Fault: `local` (the caller), `environment` (the machine: store, key store, entropy), `remote` (the provider broke a \
         rule), `denied` (the user or the provider said no), `transport` (no usable response).\n\n\
         Recovery, from `ErrorCode::recovery()`, is what helps: `retry` (try the same again later), `ignore` (refuse what \
         came, and go on waiting), `log_in_again`, `register_again` (register the client again, then log in), \
         `fix_configuration` (correct the program, its configuration or the client's entry at the provider), \
         `fix_environment` (correct the machine), `provider_broken` (report it to the provider, which breaks a standard), \
         `denied` (a retry does not help: ask the user or the provider).\n",
    );
    let mut subject = "";
    for code in ErrorCode::all() {
        let (now, _) = code.as_str().split_once('.').unwrap();
        if now != subject {
            subject = now;
            write!(table, "\n## `{subject}`\n\n").unwrap();
            table.push_str(
                "| code | meaning | cause | cure | fault | recovery | section |\n|---|---|---|---|---|---|---|\n",
            );
        }
        let (meaning, cause, cure) = (code.message(), code.cause(), code.cure());
        let (fault, recovery, section) = (code.fault(), code.recovery().as_str(), code.section());
        writeln!(table, "| `{code}` | {meaning} | {cause} | {cure} | {fault} | {recovery} | {section} |").unwrap();
        assert!(![meaning, cause, cure].iter().any(|text| text.contains('|')), "{code}");
    }
    if std::env::var_os(BLESS).is_some() {
        fs::write(page("codes.md"), &table).unwrap();
    }
    let kept = fs::read_to_string(page("codes.md")).unwrap_or_default();
    assert!(kept == table, "docs/codes.md is out of date: run with {BLESS}=1");
}

/// The part between two marks is written from the table.
#[test]
fn the_manual_lists_each_deviation() {
    let mut table = String::from("\n| name | what the provider does, and what accepting it means |\n|---|---|\n");
    for deviation in Deviation::ALL {
        writeln!(table, "| `{}` | {} |", deviation.name(), deviation.about()).unwrap();
    }
    let text = manual();
    let (before, rest) = text.split_once("<!-- deviations -->").unwrap();
    let (found, after) = rest.split_once("<!-- end -->").unwrap();
    if std::env::var_os(BLESS).is_some() {
        fs::write(page("cli.md"), format!("{before}<!-- deviations -->{table}<!-- end -->{after}")).unwrap();
    } else {
        assert!(found == table, "docs/cli.md is out of date: run with {BLESS}=1");
    }
}

#[test]
fn the_manual_lists_each_code_of_the_program() {
    let source = include_str!("../../examples/oidc_cli/failure.rs");
    let manual = manual();
    let rows: Vec<_> = source.lines().filter(|line| line.contains("= \"cli.")).collect();
    assert!(rows.len() > 10);
    for row in rows {
        let mut quoted = row.split('"').skip(1).step_by(2);
        let (code, fault, meaning) = (quoted.next().unwrap(), quoted.next().unwrap(), quoted.next().unwrap());
        let cure = quoted.next().unwrap();
        let exit = row.split("exit ").nth(1).and_then(|rest| rest.chars().next()).unwrap();
        let expected = format!("| `{code}` | {fault} | {exit} | {meaning} | {cure} |");
        assert!(manual.contains(&expected), "no {expected}");
    }
}

/// Whoever uses the command line does not call the library: a cure that names its functions has another text there.
#[test]
fn no_hint_of_the_command_line_names_a_function_of_the_library() {
    const OF_PROGRAMS: [&str; 1] = ["step.no_timer"];
    let source = include_str!("../../examples/oidc_cli/failure.rs");
    let (_, rest) = source.split_once("fn own(").unwrap();
    let (own, _) = rest.split_once("_ => return None").unwrap();
    for code in ErrorCode::all().filter(|code| code.cure().contains("::") && !OF_PROGRAMS.contains(&code.as_str())) {
        let name = code.as_str().to_uppercase().replace('.', "_");
        assert!(own.contains(&format!("Core::{name} =>")), "{name}: {}", code.cure());
    }
}

#[test]
fn the_manual_names_each_command_and_option() {
    let (cli, manual) = (Cli::new(), manual());
    let help = cli.plain(&["--help"]).stdout;
    let (_, rest) = help.split_once("Commands:").unwrap();
    let (commands, _) = rest.split_once("Options:").unwrap();
    let names = commands.lines().filter_map(|line| line.split_whitespace().next());
    let whole = names.filter(|name| !["help", "qr"].contains(name)).map(|name| vec![name]);
    for command in whole.chain([vec!["qr", "login"], vec!["qr", "grant"]]) {
        let help = cli.plain(&[&command[..], &["--help"]].concat()).done().stdout;
        let command = command.join(" ");
        assert!(manual.contains(&format!("`{command}")), "no {command}");
        for word in help.split_whitespace().filter(|word| word.starts_with("--")) {
            let option = word.trim_end_matches([',', ';', '.', ':']);
            assert!(manual.contains(option), "no {option} of {command}");
        }
    }
}

/// Each event that the demos print stands in the manual.
#[test]
fn the_events_of_the_demos_are_in_the_manual() {
    let manual = manual();
    let (_, events) = manual.split_once("| event |").unwrap();
    let names: std::collections::BTreeSet<&str> = events
        .lines()
        .filter_map(|line| line.strip_prefix("| `"))
        .flat_map(|row| row.split(" | ").next().unwrap().split(", ").map(|name| name.trim_matches('`')))
        .collect();
    for demo in [&["demo"][..], &["demo", "--matrix"], &["demo", "--qr"]] {
        for event in Cli::new().run(demo).done().events {
            let name = event["event"].as_str().unwrap();
            assert!(names.contains(name), "{name} is not in {names:?}");
        }
    }
}
