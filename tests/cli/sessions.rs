//! Several sessions, tokens that expire, and several processes at once.

use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;
use std::time::Duration;

use oidc_proto::testing::{Disturbance, On, Reuse, RevokingSpent};
use serde_json::Value;

use crate::support::cli::{Cli, Op, browser, parameter};

#[test]
fn one_of_several_sessions_has_to_be_named() {
    let (op, cli) = (Op::start(), Cli::new());
    let alice = cli.login(&op, &["--login-hint", "auto:alice"]).done().event("logged_in")["session"].clone();
    let bob = cli.login(&op, &["--login-hint", "auto:bob"]).done().event("logged_in")["session"].clone();
    let (alice, bob) = (alice.as_str().unwrap(), bob.as_str().unwrap());
    assert_ne!(alice, bob);
    // Not each command has --issuer and --subject for a session.
    for command in [&["token"][..], &["refresh"], &["userinfo"], &["logout"], &["discover"], &["qr", "grant", "--show"]]
    {
        let run = cli.run(command).failed(1, "local", "cli.session_ambiguous");
        let message = run.event("error")["message"].as_str().unwrap().to_owned();
        assert!(message.contains(alice) && message.contains(bob), "{message}");
        let parts = ["sub-alice", "sub-bob", &op.issuer, " s old", "--session"];
        assert!(parts.iter().all(|part| message.contains(part)), "{message}");
        assert!(["--issuer", "--subject"].iter().all(|option| !message.contains(option)), "{message}");
    }
    assert_eq!(cli.run(&["status"]).done().events.len(), 2);
    assert_eq!(cli.run(&["userinfo", "--session", bob]).done().event("userinfo")["claims"]["sub"], "sub-bob");
    assert_eq!(cli.run(&["status", "--session", &alice[..8]]).done().event("session")["subject"], "sub-alice");
    for command in ["status", "token", "userinfo", "refresh"] {
        cli.run(&[command, "--subject", "sub-bob"]).done();
        cli.run(&[command, "--subject", "sub-bob", "--issuer", &op.issuer]).done();
        cli.run(&[command, "--subject", "sub-carol"]).failed(1, "local", "cli.session_unknown");
        cli.run(&[command, "--issuer", "https://op.example"]).failed(1, "local", "cli.session_unknown");
    }
    cli.run(&["token", "--session", "zzzz"]).failed(1, "local", "cli.session_unknown");
    cli.run(&["--session", alice, "logout"]).done();
    assert_eq!(cli.run(&["userinfo"]).done().event("userinfo")["claims"]["sub"], "sub-bob");
}

#[test]
fn a_second_login_takes_the_place_of_the_first() {
    let (op, cli) = (Op::start(), Cli::new());
    cli.login(&op, &[]).done();
    let first = cli.secrets();
    let run = cli.login(&op, &[]).done();
    assert_eq!(cli.session_files().len(), 1);
    assert_ne!(cli.secrets(), first);
    assert!(!op.provider.has_grant_of(&first[1]), "the login that was replaced is revoked");
    assert!(op.provider.has_grant_of(&cli.secrets()[1]) && run.events.iter().all(|event| event["event"] != "warning"));
    cli.run(&["refresh"]).done();
}

/// The replaced login is revoked with what it had: its client and its key.
#[test]
fn rule_6_a_login_in_the_place_of_another_revokes_what_it_replaces() {
    let again = |cli: &Cli, op: &Op, how: &str| match how {
        "relogin" => cli.run(&["relogin", "--browser", &browser()]),
        "device" => cli.device(op, &[]),
        "dpop" => cli.login(op, &["--dpop"]),
        _ => cli.login(op, &[]),
    };
    for (first, then) in [("login", "relogin"), ("dpop", "login"), ("login", "dpop"), ("login", "device")] {
        let (op, cli) = (Op::start(), Cli::new());
        again(&cli, &op, first).done();
        let old = cli.secrets();
        // What is stored meanwhile is what is replaced.
        cli.run(&["refresh"]).done();
        let newest = cli.secrets();
        assert_ne!(old[1], newest[1]);
        let run = again(&cli, &op, then).done();
        assert!(!op.provider.has_grant_of(&newest[1]), "{first}, {then}: {:?}", run.events);
        assert!(op.provider.has_grant_of(&cli.secrets()[1]), "{first}, {then}");
        cli.run(&["refresh"]).done();
    }
}

/// At a provider that keeps one grant for all logins of a user, revoking one ends them all.
#[test]
fn a_login_keeps_what_it_replaces_if_it_is_told_to() {
    let (op, cli) = (Op::start(), Cli::new());
    cli.login(&op, &[]).done();
    let first = cli.secrets();
    cli.login(&op, &["--keep-replaced"]).done();
    let second = cli.secrets();
    cli.run(&["relogin", "--keep-replaced", "--browser", &browser()]).done();
    assert!(op.provider.has_grant_of(&first[1]) && op.provider.has_grant_of(&second[1]));
    assert_eq!(op.provider.count(On::Revoke), 0);
}

/// What a firewall, a login page or a fault of the provider responds ends no tokens.
#[test]
fn a_logout_whose_revocation_is_not_done_keeps_the_session() {
    let (op, cli) = (Op::start(), Cli::new());
    cli.login(&op, &[]).done();
    for (status, body) in [(302, ""), (400, ""), (400, r#"{"error":"invalid_request"}"#), (403, "no"), (503, "")] {
        op.provider.tamper(On::Revoke, move |response| {
            *response.status_mut() = http::StatusCode::from_u16(status).unwrap();
            *response.body_mut() = body.into();
        });
        let run = cli.run(&["logout"]);
        assert_eq!(run.exit, 1, "{status} {body}: {}", run.stdout);
        let hint = run.event("error")["hint"].as_str().unwrap();
        assert!(hint.contains("The session is kept") && hint.contains("logout --force"), "{status} {body}: {hint}");
        assert!(!cli.session_files().is_empty());
        op.provider.honest();
    }
    cli.run(&["logout"]).done();
}

/// A revocation that fails leaves the new session as it is, and is told.
#[test]
fn a_login_whose_predecessor_is_not_revoked_says_so() {
    let (op, cli) = (Op::start(), Cli::new());
    cli.login(&op, &[]).done();
    op.provider.disturb(On::Revoke, Disturbance::status(503), 100);
    let run = cli.login(&op, &[]).done();
    run.event("logged_in");
    assert_eq!(run.event("warning")["code"], "http.server_error");
    cli.run(&["refresh"]).done();
}

#[test]
fn an_expired_token_is_refreshed_before_it_is_given_out() {
    let (op, cli) = (Op::with(|provider| provider.with_access_token_lifetime(Duration::ZERO)), Cli::new());
    cli.login(&op, &[]).done();
    let old = cli.secrets();
    let run = cli.run(&["token", "--show-tokens"]).done();
    run.event("refreshed");
    let new = cli.secrets();
    assert_ne!(old[0], new[0]);
    assert_eq!(run.event("token")["access_token"], new[0].as_str());
    // People still get the token alone on standard output.
    assert_eq!(cli.plain(&["token", "--show-tokens"]).done().stdout, format!("{}\n", cli.secrets()[0]));
}

#[test]
fn processes_that_refresh_at_once_take_turns() {
    // The provider ends a grant whose refresh token comes twice.
    let (op, cli) = (Op::with(|provider| provider.with_access_token_lifetime(Duration::ZERO)), Cli::new());
    cli.login(&op, &[]).done();
    let running: Vec<_> = (0..4).map(|_| cli.start(&["token"])).collect();
    for process in running {
        process.end().done();
    }
    assert_eq!(op.provider.count(On::Token), 5);
    cli.run(&["refresh"]).done();
}

#[test]
fn ten_processes_that_need_a_token_cause_one_refresh() {
    let (op, cli) = (Op::start(), Cli::new());
    cli.login(&op, &[]).done();
    let path = cli.session_files()[0].clone();
    let path = path.with_file_name(path.file_name().unwrap().to_str().unwrap().replace("session-", "tokens-"));
    let mut record: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    record["tokens"]["expires_at"] = record["tokens"]["obtained_at"].clone();
    std::fs::write(&path, record.to_string()).unwrap();
    let running: Vec<_> = (0..10).map(|_| cli.start(&["token", "--show-tokens"])).collect();
    let token = |run: &crate::support::cli::Run| run.event("token")["access_token"].as_str().unwrap().to_owned();
    let mut tokens: Vec<_> = running.into_iter().map(|process| token(&process.end().done())).collect();
    tokens.dedup();
    assert_eq!((tokens, op.provider.count(On::Token)), (vec![cli.secrets()[0].clone()], 2));
}

#[test]
fn a_session_that_is_watched_is_kept_fresh() {
    let lifetime = Duration::from_secs(2);
    let (op, cli) = (Op::with(|provider| provider.with_access_token_lifetime(lifetime)), Cli::new());
    cli.login(&op, &[]).done();
    let run = cli.run(&["watch", "--count", "2"]).done();
    let kinds: Vec<_> = run.events.iter().filter(|event| event["event"] == "seen").collect();
    assert!(kinds.len() == 2 && kinds.iter().all(|event| event["kind"] == "tokens_refreshed"), "{kinds:?}");

    op.provider.end_grants();
    let run = cli.run(&["watch"]).failed(1, "denied", "token.invalid_grant");
    assert_eq!(run.event("seen")["kind"], "needs_login");
}

/// It does not wait for a session that is gone, and what it had obtained is not left behind.
#[test]
fn a_watch_ends_with_the_session_that_another_command_ends() {
    let lifetime = Duration::from_secs(2);
    let (op, cli) = (Op::with(|provider| provider.with_access_token_lifetime(lifetime)), Cli::new());
    cli.login(&op, &[]).done();
    let mut watching = cli.start(&["watch"]);
    assert_eq!(watching.until("seen")["kind"], "tokens_refreshed");
    let refresh_token = cli.secrets()[1].clone();
    cli.run(&["logout"]).done();
    let run = watching.end().failed(1, "local", "session.ended");
    let last = run.events.iter().rfind(|event| event["event"] == "seen").unwrap();
    assert_eq!(last["kind"], "logged_out_elsewhere");
    assert!(!op.provider.has_grant_of(&refresh_token), "{:?}", run.events);
}

#[test]
fn a_watch_tells_people_that_another_command_has_logged_out() {
    let lifetime = Duration::from_secs(2);
    let (op, cli) = (Op::with(|provider| provider.with_access_token_lifetime(lifetime)), Cli::new());
    cli.login(&op, &[]).done();
    let mut watching = cli.command(&["watch"]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(watching.stdout.take().unwrap());
    let mut said = String::new();
    lines.read_line(&mut said).unwrap();
    assert!(said.contains("the tokens were refreshed"), "{said}");
    cli.run(&["logout"]).done();
    lines.read_to_string(&mut said).unwrap();
    assert_eq!(watching.wait().unwrap().code(), Some(1), "{said}");
    assert!(said.contains("gone from the store: another command has logged it out"), "{said}");
}

/// The response to a refresh was lost: the stored refresh token is spent, and its revocation does nothing there.
#[test]
fn logout_after_a_refresh_without_an_end_says_revoked_only_if_it_is() {
    for (reuse, is_revoked) in [(Reuse::AllowedUntilSuccessorIsUsed, true), (Reuse::EndsGrant, false)] {
        let op = Op::with(|provider| provider.with_reuse(reuse).with_revoking_spent(RevokingSpent::DoesNothing));
        let cli = Cli::new();
        cli.login(&op, &[]).done();
        let refresh_token = cli.secrets()[1].clone();
        op.provider.disturb(On::Token, Disturbance::LostResponse, 1);
        assert_ne!(cli.run(&["refresh"]).exit, 0);
        let run = cli.run(&["logout"]).done();
        assert_eq!(run.event("logged_out")["revoked"], is_revoked, "{reuse:?}");
        let lives = op.provider.has_grant_of(&refresh_token);
        assert!(!lives, "{reuse:?}: {:?}", run.events);
        assert!(cli.session_files().is_empty());
    }
}

/// The tokens that a logout asks for are saved before it revokes them: if it cannot, the next one has them.
#[test]
fn a_logout_whose_revocation_fails_keeps_the_tokens_that_came_for_it() {
    let reuse = Reuse::AllowedUntilSuccessorIsUsed;
    let op = Op::with(|provider| provider.with_reuse(reuse).with_revoking_spent(RevokingSpent::DoesNothing));
    let cli = Cli::new();
    cli.login(&op, &[]).done();
    op.provider.disturb(On::Token, Disturbance::LostResponse, 1);
    assert_ne!(cli.run(&["refresh"]).exit, 0);
    let (before, asked) = (cli.secrets(), op.provider.count(On::Token));
    op.provider.disturb(On::Revoke, Disturbance::Unreachable, 1);
    let run = cli.run(&["logout"]);
    assert_eq!((run.exit != 0, run.event("error")["fault"].as_str()), (true, Some("transport")), "{:?}", run.events);
    let kept = cli.secrets();
    assert!(before[..2].iter().zip(&kept).all(|(before, kept)| before != kept), "the newest tokens are dropped");
    let run = cli.run(&["logout"]).done();
    assert_eq!(run.event("logged_out")["revoked"], true);
    assert!(!op.provider.has_grant_of(&kept[1]) && cli.session_files().is_empty(), "{:?}", run.events);
    assert_eq!(op.provider.count(On::Token), asked + 1, "asked once for the newest tokens");
}

#[test]
fn logout_ends_the_session_at_the_provider_in_the_browser() {
    let (op, cli) = (Op::start(), Cli::new());
    cli.login(&op, &[]).done();
    let id_token = cli.secrets()[2].clone();
    let run = cli.run(&["logout", "--end-session", "--no-browser"]).done();
    let url = run.event("end_session_url")["url"].as_str().unwrap();
    assert!(url.starts_with(&format!("{}/end_session?", op.issuer)));
    // What is printed holds no token; the browser gets it.
    assert_eq!(parameter(url, "id_token_hint"), None);
    assert!(parameter(url, "client_id").is_some());
    assert!(!run.stdout.contains(&id_token));

    cli.login(&op, &[]).done();
    let id_token = cli.secrets()[2].clone();
    let run = cli.run(&["logout", "--end-session", "--no-browser", "--show-tokens"]).done();
    let url = run.event("end_session_url")["url"].as_str().unwrap();
    assert_eq!(parameter(url, "id_token_hint"), Some(id_token));

    cli.login(&op, &[]).done();
    let run = cli.run(&["logout", "--end-session", "--browser", &browser()]).done();
    run.event("end_session_url");
}

/// The same provider, client, scope and choices, without saying any of it again.
#[test]
fn an_ended_session_is_logged_in_again_by_one_command() {
    let (op, cli) = (Op::start(), Cli::new());
    let asked = ["--scope", "openid email", "--login-hint", "auto:bob", "--dpop", "--response-mode", "form_post"];
    let first = cli.login(&op, &asked).done();
    let first = first.event("logged_in");
    op.provider.end_grants();
    let run = cli.run(&["refresh"]).failed(1, "denied", "token.invalid_grant");
    let hint = run.event("error")["hint"].as_str().unwrap().to_owned();
    let command = format!("relogin --session {}", first["session"].as_str().unwrap());
    assert!(hint.ends_with(&command), "{hint}");
    let words: Vec<_> = command.split(' ').collect();
    let browser = browser();
    let again = cli.run(&[&words[..], &["--browser", &browser]].concat()).done();
    let again = again.event("logged_in");
    for member in ["session", "issuer", "subject", "client_id", "scope", "dpop_thumbprint"] {
        assert_eq!(again[member], first[member], "{member}");
    }
    cli.run(&["refresh"]).done();
    assert_eq!((op.provider.count(On::Register), cli.session_files().len()), (1, 1));
}

#[test]
fn a_session_is_not_given_to_another_user() {
    let (op, cli) = (Op::start(), Cli::new());
    cli.login(&op, &[]).done();
    op.provider.edit_id_token(|token| drop(token.claims.insert("sub".into(), "sub-mallory".into())));
    let before = cli.secrets();
    let run = cli.run(&["relogin", "--browser", &browser()]).failed(1, "denied", "cli.other_user");
    assert!(run.events.iter().all(|event| event["event"] != "logged_in"));
    assert_eq!((op.provider.count(On::Revoke), cli.secrets()), (1, before));
}

#[test]
fn a_session_from_another_device_is_logged_in_again_on_one() {
    let (op, cli) = (Op::start(), Cli::new());
    let first = cli.device(&op, &[]).done().event("logged_in")["session"].clone();
    let again = cli.run(&["relogin"]).done();
    again.event("device_code");
    assert_eq!(again.event("logged_in")["session"], first);
    assert_eq!(op.provider.count(On::Register), 1);
}
