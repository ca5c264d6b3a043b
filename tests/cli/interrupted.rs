//! Commands that others get in the way of, or that are killed between two changes of the store.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use oidc_proto::testing::{Disturbance, On, Reuse};
use serde_json::{Value, json};

use crate::support::cli::Cli;
use crate::support::op::Op;

fn session_file(cli: &Cli) -> PathBuf {
    cli.session_files().into_iter().find(|path| path.extension().is_some_and(|end| end == "json")).unwrap()
}

fn tokens_file(cli: &Cli) -> PathBuf {
    let path = session_file(cli);
    path.with_file_name(path.file_name().unwrap().to_str().unwrap().replace("session-", "tokens-"))
}

fn read(path: &PathBuf) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// What stands beside the session's file until the tokens of this login are saved.
fn write_coming(cli: &Cli, session: &Value, login: &Value) {
    let mut path = session_file(cli).into_os_string();
    path.push(".next");
    let mut session = session.clone();
    session["login"] = login.clone();
    fs::write(path, session.to_string()).unwrap();
}

/// While a logout waits for the store, another process refreshes.
#[test]
fn a_logout_ends_the_tokens_that_another_process_gets_meanwhile() {
    let (op, cli) = (Op::start(), Cli::new());
    cli.login(&op, &[]).done();
    // The provider cannot be asked the first time.
    op.provider.disturb(On::Revoke, Disturbance::Unreachable, 1);
    let lock = fs::File::options().write(true).open(cli.store().join("lock")).unwrap();
    lock.lock().unwrap();
    let mut leaving = cli.start(&["logout", "--force"]);
    leaving.until("warning");
    cli.run(&["refresh"]).done();
    let newest = cli.secrets()[1].clone();
    lock.unlock().unwrap();
    let run = leaving.end().done();
    assert!(run.event("logged_out")["session"].is_string(), "{:?}", run.events);
    assert!(!op.provider.has_grant_of(&newest), "{:?}", run.events);
    let left: Vec<_> = fs::read_dir(cli.store()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| !name.to_str().unwrap().starts_with("tokens-")), "{left:?}");
}

/// A login in place of the one that is logged out is another login.
#[test]
fn a_logout_does_not_end_the_login_that_takes_its_place() {
    let (op, cli) = (Op::start(), Cli::new());
    cli.login(&op, &[]).done();
    let lock = fs::File::options().write(true).open(cli.store().join("lock")).unwrap();
    lock.lock().unwrap();
    let leaving = cli.start(&["logout"]);
    let since = Instant::now();
    while op.provider.count(On::Revoke) == 0 && since.elapsed() < Duration::from_secs(30) {
        std::thread::sleep(Duration::from_millis(10));
    }
    // As another login leaves it.
    let (path, mut record) = (tokens_file(&cli), read(&tokens_file(&cli)));
    record["login"] = json!("AAAAAAAAAAAAAAAAAAAAAA");
    fs::write(&path, record.to_string()).unwrap();
    lock.unlock().unwrap();
    leaving.end().failed(1, "local", "cli.replaced");
    assert!(path.exists());
}

/// Killed after the tokens were saved and before the session's file got its name.
#[test]
fn a_login_that_is_killed_after_its_tokens_are_saved_is_there() {
    let (op, cli) = (Op::start(), Cli::new());
    cli.login(&op, &["--dpop"]).done();
    let old = read(&session_file(&cli));
    cli.login(&op, &["--dpop"]).done();
    let (new, login) = (read(&session_file(&cli)), read(&tokens_file(&cli))["login"].clone());
    assert_ne!(old["dpop_key"], new["dpop_key"]);
    for before in [Some(&old), None] {
        write_coming(&cli, &new, &login);
        match before {
            Some(before) => fs::write(session_file(&cli), before.to_string()).unwrap(),
            None => fs::remove_file(session_file(&cli)).unwrap(),
        }
        cli.run(&["userinfo"]).done();
        assert_eq!((cli.session_files().len(), read(&session_file(&cli))), (1, new.clone()));
    }
    cli.run(&["logout"]).done();
    assert!(cli.session_files().is_empty());
}

/// Killed before the tokens were saved: the session is the one from before.
#[test]
fn a_login_that_is_killed_before_its_tokens_are_saved_changes_nothing() {
    let (op, cli) = (Op::start(), Cli::new());
    cli.login(&op, &["--dpop"]).done();
    let old = read(&session_file(&cli));
    let mut other = old.clone();
    other["dpop_key"] = json!("other");
    write_coming(&cli, &other, &json!("AAAAAAAAAAAAAAAAAAAAAA"));
    cli.run(&["userinfo"]).done();
    assert_eq!((cli.session_files().len(), read(&session_file(&cli))), (1, old));
}

#[test]
fn what_killed_commands_have_left_is_removed() {
    let (op, cli) = (Op::start(), Cli::new());
    cli.login(&op, &["--dpop"]).done();
    let old = SystemTime::now() - Duration::from_secs(3600);
    let draft = |name: &str| {
        let path = cli.store().join(name);
        fs::write(&path, "a key").unwrap();
        path
    };
    let (left, used, young) = (draft(".new-left"), draft(".new-used"), draft(".new-young"));
    let user = fs::File::options().write(true).open(&used).unwrap();
    for path in [&left, &used] {
        fs::File::options().write(true).open(path).unwrap().set_modified(old).unwrap();
    }
    user.lock().unwrap();
    cli.run(&["status"]).done();
    assert_eq!([left.exists(), used.exists(), young.exists()], [false, true, true]);

    // A logout that was killed when the tokens were gone.
    fs::remove_file(tokens_file(&cli)).unwrap();
    cli.run(&["logout"]).failed(1, "local", "cli.no_session");
    let left: Vec<_> = fs::read_dir(cli.store()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(
        left.iter().all(|name| !name.to_str().unwrap().contains("-0") || name.to_str().unwrap().starts_with(".new")),
        "{left:?}"
    );
    assert!(cli.session_files().is_empty(), "{left:?}");
}

/// The library that ends a process at one of its changes of files.
#[cfg(target_os = "linux")]
fn cutter(folder: &std::path::Path) -> PathBuf {
    let library = folder.join("cut.so");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/cut.c");
    let compiled = std::process::Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).arg(source).status();
    assert!(compiled.unwrap().success());
    library
}

/// A login, a login in its place, a refresh and a logout, killed at each change of a file: no tokens are left that no
/// command finds, a session that was there is there, and the next logout ends it.
#[cfg(target_os = "linux")]
#[test]
#[ignore = "a minute, and a compiler for C"]
fn a_command_that_is_killed_at_any_change_of_a_file_loses_no_session() {
    let folder = tempfile::tempdir().unwrap();
    let library = cutter(folder.path());
    let op = Op::with(|provider| provider.with_reuse(Reuse::AllowedUntilSuccessorIsUsed));
    let browser = crate::support::cli::browser();
    let login = ["login", "--insecure-loopback", "--dpop", "--issuer", &op.issuer, "--browser", &browser];
    let commands: [(&[&str], bool); 4] = [(&login, false), (&login, true), (&["refresh"], true), (&["logout"], true)];
    for (command, is_logged_in) in commands {
        let mut cuts = 0;
        loop {
            let cli = Cli::new();
            if is_logged_in {
                cli.login(&op, &["--dpop"]).done();
            }
            fs::create_dir_all(cli.store()).unwrap();
            let below = cli.store();
            let at = (cuts + 1).to_string();
            let variables =
                [("LD_PRELOAD", library.to_str().unwrap()), ("CUT_BELOW", below.to_str().unwrap()), ("CUT_AT", &at)];
            let run = cli.command(command).arg("--json").envs(variables).output().unwrap();
            let place = format!("{} cut at {at}", command[0]);
            if is_logged_in && command[0] != "logout" {
                cli.run(&["userinfo"]).done();
            }
            let left = |start: &str| {
                let entries = fs::read_dir(cli.store()).unwrap().map(|entry| entry.unwrap().file_name());
                entries.filter(|name| name.to_str().unwrap().starts_with(start)).count()
            };
            let tokens = refresh_tokens(&cli);
            let out = cli.run(&["logout"]);
            let has_none = tokens.is_empty() && out.stdout.contains("cli.no_session");
            assert!(out.exit == 0 || has_none, "{place}: {}", out.stdout);
            assert!(tokens.iter().all(|token| !op.provider.has_grant_of(token)), "{place}");
            assert_eq!((left("session-"), left("metadata-")), (0, 0), "{place}");
            if run.status.code() != Some(137) {
                break;
            }
            cuts += 1;
        }
        println!("{} {is_logged_in}: {cuts} cuts", command[0]);
        assert!(cuts > 5, "{cuts}");
    }
}

#[cfg(target_os = "linux")]
fn refresh_tokens(cli: &Cli) -> Vec<String> {
    let paths = fs::read_dir(cli.store()).unwrap().map(|entry| entry.unwrap().path());
    let records = paths.filter(|path| {
        let name = path.file_name().unwrap().to_str().unwrap();
        name.starts_with("tokens-") && name.ends_with(".json")
    });
    records.filter_map(|path| read(&path)["tokens"]["refresh_token"].as_str().map(str::to_owned)).collect()
}
