//! Files: who may read them, and what becomes of those that are damaged.

use std::fs;

use oidc_proto::testing::On;

use crate::support::cli::{Cli, Op};

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
    // Registrations, the session, its tokens, the locks of both; nothing half-written is left.
    assert_eq!(files.len(), 5, "{files:?}");
}

#[test]
fn a_damaged_session_is_reported_and_kept() {
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
    let requests = op.provider.requests().len();
    for (kind, damaged, code) in damage("session").into_iter().chain(damage("tokens")).chain(others) {
        let (path, whole) = (file(kind), whole(kind));
        fs::write(&path, &damaged).unwrap();
        for command in ["token", "refresh", "userinfo", "logout"] {
            cli.run(&[command]).failed(1, "local", code);
            let id = session.as_str().unwrap();
            cli.run(&[command, "--session", id]).failed(1, "local", code);
        }
        // The other session is shown all the same.
        let status = cli.run(&["status"]).failed(1, "local", code);
        assert_eq!(status.event("session")["subject"], "sub-bob");
        cli.login(&op, &["--login-hint", "auto:alice"]).failed(1, "local", code);
        assert_eq!(fs::read_to_string(&path).unwrap(), damaged);
        fs::write(&path, whole).unwrap();
    }
    assert_eq!(op.provider.requests().len(), requests);
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
        cli.login(&op, &[]).failed(1, "local", code);
        cli.run(&["register", "--insecure-loopback", "--issuer", &op.issuer]).failed(1, "local", code);
        cli.run(&["refresh"]).failed(1, "local", code);
        assert_eq!(fs::read(&path).unwrap(), damaged);
    }
    assert_eq!(op.provider.count(On::Register), 1);
    fs::write(&path, whole).unwrap();
    cli.run(&["refresh"]).done();
}

#[test]
fn what_cannot_be_kept_is_not_asked_for() {
    let (op, cli) = (Op::start(), Cli::new());
    // A file where the folder should be.
    fs::write(cli.store(), "").unwrap();
    cli.login(&op, &[]).failed(1, "environment", "cli.store_io");
    assert_eq!((op.provider.count(On::Register), op.provider.count(On::Authorize)), (0, 0));
}
