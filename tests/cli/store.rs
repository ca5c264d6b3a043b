//! Files: who may read them, and what becomes of those that are damaged.

use std::fs;

use oidc_proto::testing::{Disturbance, On};
use serde_json::json;

use crate::support::cli::{Cli, Op, Run};

#[cfg(unix)]
#[test]
fn only_the_owner_can_read_the_store() {
    use std::os::unix::fs::PermissionsExt;

    let (op, cli) = (Op::start(), Cli::new());
    cli.login(&op, &[]).done();
    cli.run(&["refresh"]).done();
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&cli.store()), 0o700);
    let files: Vec<_> = fs::read_dir(cli.store()).unwrap().map(|entry| entry.unwrap().path()).collect();
    for file in &files {
        assert_eq!(mode(file), 0o600, "{}", file.display());
    }
    // Registrations, the session, its tokens, the locks of both, the metadata; nothing half-written is left.
    assert_eq!(files.len(), 6, "{files:?}");
}

#[test]
fn a_damaged_session_touches_itself_alone() {
    let (op, cli) = (Op::start(), Cli::new());
    let session = cli.login(&op, &["--login-hint", "auto:alice"]).done().event("logged_in")["session"].clone();
    cli.login(&op, &["--login-hint", "auto:bob"]).done();
    let file = |kind: &str| cli.store().join(format!("{kind}-{}.json", session.as_str().unwrap()));
    let whole = |kind: &str| fs::read_to_string(file(kind)).unwrap();
    let damage = |kind: &'static str| {
        let whole = whole(kind);
        [
            (kind, whole[..whole.len() / 2].to_owned(), "cli.store_damaged"),
            (kind, String::new(), "cli.store_damaged"),
            (kind, "[]".to_owned(), "cli.store_damaged"),
            (kind, whole.replacen("\"version\":1", "\"version\":0", 1), "cli.store_damaged"),
            (kind, whole.replacen("\"version\":1", "\"version\":2", 1), "cli.store_version"),
        ]
    };
    let others = whole("tokens").replace("sub-alice", "sub-mallory");
    let others = [("tokens", others, "cli.store_damaged")];
    for (kind, damaged, code) in damage("session").into_iter().chain(damage("tokens")).chain(others) {
        let path = file(kind);
        fs::write(&path, &damaged).unwrap();
        for command in ["token", "refresh", "userinfo"] {
            let id = session.as_str().unwrap();
            cli.run(&[command, "--session", id]).failed(1, "environment", code);
            // The other session is the one that is meant, where none is named.
            cli.run(&[command]).done();
        }
        // It is shown all the same.
        let status = cli.run(&["status"]).failed(1, "environment", code);
        assert_eq!(status.event("session")["subject"], "sub-bob");
        assert_eq!(fs::read_to_string(&path).unwrap(), damaged);
        // A login of another user does not touch it, one of its own user replaces it.
        cli.login(&op, &["--login-hint", "auto:bob"]).done();
        assert_eq!(fs::read_to_string(&path).unwrap(), damaged);
        cli.login(&op, &["--login-hint", "auto:alice"]).done();
        cli.run(&["token", "--session", session.as_str().unwrap()]).done();
        assert_eq!(cli.run(&["status"]).done().events.len(), 2);
        fs::write(&path, &damaged).unwrap();
        let run = cli.run(&["logout", "--session", session.as_str().unwrap()]);
        if code == "cli.store_version" {
            run.failed(1, "environment", code);
        } else {
            let run = run.done();
            let gone = run.event("logged_out");
            assert_eq!((&gone["session"], &gone["revoked"], &gone["code"]), (&session, &json!(false), &json!(code)));
            assert!(run.event("warning")["hint"].as_str().unwrap().contains("could not be revoked"));
            assert_eq!(cli.run(&["status"]).done().events.len(), 1);
            cli.login(&op, &["--login-hint", "auto:alice"]).done();
        }
        if code == "cli.store_version" {
            cli.login(&op, &["--login-hint", "auto:alice"]).done();
        }
    }
    cli.run(&["token", "--session", session.as_str().unwrap()]).done();
}

#[test]
fn damaged_registrations_are_reported_and_kept() {
    let (op, cli) = (Op::start(), Cli::new());
    cli.login(&op, &[]).done();
    let path = cli.store().join("registrations.json");
    let whole = fs::read_to_string(&path).unwrap();
    for (damaged, code) in [
        (&whole.as_bytes()[..whole.len() / 2], "cli.store_damaged"),
        (b"\xff\xfe", "cli.store_damaged"),
        (whole.replacen("\"version\":1", "\"version\":2", 1).as_bytes(), "cli.store_version"),
    ] {
        fs::write(&path, damaged).unwrap();
        cli.login(&op, &[]).failed(1, "environment", code);
        cli.run(&["register", "--insecure-loopback", "--issuer", &op.issuer]).failed(1, "environment", code);
        cli.run(&["refresh"]).failed(1, "environment", code);
        assert_eq!(fs::read(&path).unwrap(), damaged);
    }
    assert_eq!(op.provider.count(On::Register), 1);
    fs::write(&path, whole).unwrap();
}

#[test]
fn what_cannot_be_kept_is_not_asked_for() {
    let (op, cli) = (Op::start(), Cli::new());
    // A file where the folder should be.
    fs::write(cli.store(), "").unwrap();
    cli.login(&op, &[]).failed(1, "environment", "cli.store_io");
    assert_eq!((op.provider.count(On::Register), op.provider.count(On::Authorize)), (0, 0));
}

#[test]
fn a_session_refreshes_while_discovery_is_down() {
    let (op, cli) = (Op::start(), Cli::new());
    cli.login(&op, &[]).done();
    let asked = op.provider.count(On::ServerMetadata);
    // As long as they are fresh nobody is asked.
    cli.run(&["refresh"]).done();
    assert_eq!(op.provider.count(On::ServerMetadata), asked);
    // Old ones serve where there are no new ones.
    cli.age_metadata();
    op.provider.disturb(On::ServerMetadata, Disturbance::status(503), 1);
    let run = cli.run(&["refresh"]).done();
    assert_eq!(run.event("warning")["code"], "http.server_error");
    assert_eq!(op.provider.count(On::ServerMetadata), asked + 1);
    cli.run(&["refresh"]).done();
    assert_eq!(op.provider.count(On::ServerMetadata), asked + 2);
    cli.run(&["logout"]).done();
    assert_eq!(
        fs::read_dir(cli.store())
            .unwrap()
            .filter(|entry| { entry.as_ref().unwrap().file_name().to_str().unwrap().starts_with("metadata-") })
            .count(),
        0
    );
}

#[test]
fn after_a_failure_the_metadata_are_fetched_anew() {
    let (op, cli) = (Op::start(), Cli::new());
    cli.login(&op, &[]).done();
    let asked = op.provider.count(On::ServerMetadata);
    op.provider.disturb(On::Token, Disturbance::status(404), 1);
    assert_eq!(cli.run(&["refresh"]).exit, 1);
    assert_eq!(op.provider.count(On::ServerMetadata), asked);
    cli.run(&["refresh"]).done();
    assert_eq!(op.provider.count(On::ServerMetadata), asked + 1);
}

/// A provider that spends the refresh token before it looks at the nonce would end the session of the next process.
#[test]
fn nonces_are_kept_for_the_next_process() {
    let (op, cli) = (Op::with(|provider| provider.with_dpop_nonce(true)), Cli::new());
    cli.login(&op, &["--dpop"]).done();
    let asked = op.provider.count(On::Token);
    cli.run(&["refresh"]).done();
    cli.run(&["refresh"]).done();
    assert_eq!(op.provider.count(On::Token), asked + 2);
    op.provider.rotate_dpop_nonce();
    cli.run(&["refresh"]).done();
    assert_eq!(op.provider.count(On::Token), asked + 4);
}

/// Runs a command by this line of a shell, for which `"$0" "$@"` is the command.
#[cfg(unix)]
fn by_shell(cli: &Cli, line: &str, arguments: &[&str]) -> Run {
    let command = cli.command(arguments);
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", line]).arg(command.get_program()).args(command.get_args()).arg("--json");
    Run::new(shell.stdin(std::process::Stdio::null()).output().unwrap(), true)
}

/// Files of at most 512 bytes, as on a disk that is full: an empty file can be made there.
#[cfg(unix)]
#[test]
fn nothing_is_asked_for_that_a_full_disk_cannot_keep() {
    const FULL: &str = "trap '' XFSZ; ulimit -f 1; exec \"$0\" \"$@\"";
    let (op, cli) = (Op::start(), Cli::new());
    let browser = crate::support::cli::browser();
    let register = ["register", "--insecure-loopback", "--issuer", &op.issuer];
    by_shell(&cli, FULL, &register).failed(1, "environment", "cli.store_io");
    assert_eq!(op.provider.count(On::Register), 0);
    cli.run(&register).done();
    let login = ["login", "--insecure-loopback", "--issuer", &op.issuer, "--browser", &browser];
    by_shell(&cli, FULL, &login).failed(1, "environment", "cli.store_io");
    assert_eq!(op.provider.count(On::Token), 0);
    assert!(cli.session_files().is_empty());
    cli.run(&login).done();
}

/// Whoever has the tokens can end them, and nobody else can.
#[cfg(unix)]
#[test]
fn tokens_that_cannot_be_kept_are_revoked() {
    let (op, cli) = (Op::start(), Cli::new());
    cli.login(&op, &[]).done();
    let path = cli.session_files()[0].to_str().unwrap().replace("session-", "tokens-");
    cli.run(&["logout"]).done();
    // Not even to be opened for reading.
    assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
    let before = op.provider.count(On::Revoke);
    let run = cli.login(&op, &[]).failed(1, "environment", "cli.store_io");
    let message = run.event("error")["message"].as_str().unwrap();
    assert!(message.contains("not a regular file"), "{message}");
    assert_eq!(op.provider.count(On::Revoke), before + 1, "{:?}", run.events);
    assert!(cli.session_files().is_empty());
}

#[cfg(unix)]
#[test]
fn a_pipe_in_place_of_a_file_is_told_and_not_waited_for() {
    const IN_TIME: &str = "exec timeout 60 \"$0\" \"$@\"";
    let (op, cli) = (Op::start(), Cli::new());
    let session = cli.login(&op, &[]).done().event("logged_in")["session"].as_str().unwrap().to_owned();
    for (name, commands) in [
        ("registrations.json".to_owned(), &["refresh", "logout"][..]),
        (format!("session-{session}.json"), &["status", "token", "refresh"]),
        (format!("tokens-{session}.json"), &["token", "refresh"]),
        ("lock".to_owned(), &["logout"]),
    ] {
        let (path, aside) = (cli.store().join(&name), cli.store().join("aside"));
        fs::rename(&path, &aside).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        for command in commands {
            let run = by_shell(&cli, IN_TIME, &[command]);
            let said = format!("{name} {command}: {:?} {}", run.events, run.stderr);
            assert!(said.contains("not a regular file"), "{said}");
            assert_ne!(run.exit, 124, "{said}");
        }
        fs::remove_file(&path).unwrap();
        fs::rename(&aside, &path).unwrap();
    }
}
