//! Logins that go well, and everything that follows from them.

use oidc_proto::testing::{Disturbance, On};
use serde_json::json;

use crate::support::cli::{Cli, Op, example, parameter};

#[test]
fn the_demo_tells_its_story_and_leaves_nothing_behind() {
    let cli = Cli::new();
    let run = cli.plain(&["demo"]).done();
    for part in ["Discovery", "Registration", "/authorize", "/callback", "Logged in", "Refreshed", "Logged out", "401"]
    {
        assert!(run.stdout.contains(part), "no {part} in {}", run.stdout);
    }
    let run = cli.run(&["demo"]).done();
    let names: Vec<_> = run.events.iter().map(|event| event["event"].as_str().unwrap()).collect();
    for name in ["authorization_url", "logged_in", "token", "refreshed", "userinfo", "logged_out"] {
        assert!(names.contains(&name), "{names:?}");
    }
    assert!(!cli.store().exists());
}

#[test]
fn a_user_logs_in_refreshes_and_logs_out() {
    let (op, cli) = (Op::start(), Cli::new());
    let login = cli.login(&op, &["--scope", "openid profile", "--login-hint", "auto:bob", "--par", "never"]).done();
    let url = login.event("authorization_url")["url"].as_str().unwrap();
    assert!(url.starts_with(&format!("{}/authorize?", op.issuer)));
    assert_eq!(parameter(url, "code_challenge_method").as_deref(), Some("S256"));
    let logged_in = login.event("logged_in");
    assert_eq!(logged_in["issuer"], op.issuer);
    assert_eq!(logged_in["subject"], "sub-bob");
    assert_eq!(logged_in["scope"], "openid profile");
    assert!((290..=300).contains(&logged_in["expires_in"].as_u64().unwrap()));
    assert_eq!(login.event("userinfo")["claims"]["name"], "bob");
    let first = cli.secrets();

    // From here on no option is needed, and global ones may stand before or after the command.
    let session = cli.run(&["status"]).done().event("session").clone();
    assert_eq!(session["session"], logged_in["session"]);
    let token = cli.run(&["token"]).done();
    assert_eq!(token.event("token")["access_token"], json!(null));
    assert_eq!(op.provider.count(On::Token), 1);
    let refreshed = cli.run(&["refresh"]).done();
    assert_eq!(refreshed.event("refreshed")["subject"], "sub-bob");
    assert_eq!(op.provider.count(On::Token), 2);
    let second = cli.secrets();
    assert_ne!(first[0], second[0]);
    let userinfo = cli.run(&["--timeout", "20", "userinfo"]).done();
    assert_eq!(userinfo.event("userinfo")["claims"]["sub"], "sub-bob");
    let shown = cli.run(&["--show-tokens", "token"]).done();
    assert_eq!(shown.event("token")["access_token"], second[0].as_str());
    // For a shell: the token and nothing else.
    assert_eq!(cli.plain(&["token", "--show-tokens"]).done().stdout, format!("{}\n", second[0]));
    let verbose = cli.run(&["refresh", "--verbose"]).done();
    let third = cli.secrets();

    let logout = cli.run(&["logout"]).done();
    assert_eq!(logout.event("logged_out")["revoked"], true);
    assert_eq!(op.provider.count(On::Revoke), 1);
    assert!(cli.session_files().is_empty());
    cli.run(&["status"]).failed(1, "local", "cli.no_session");
    cli.run(&["token"]).failed(1, "local", "cli.no_session");

    for run in [&login, &token, &refreshed, &userinfo, &verbose, &logout] {
        run.hides(&[&first[..], &second, &third].concat());
    }
}

#[test]
fn people_get_lines_without_secrets_too() {
    let (op, cli) = (Op::start(), Cli::new());
    cli.login(&op, &[]).done();
    let secrets = cli.secrets();
    for (command, expected) in
        [("status", "sub-alice"), ("token", "good"), ("userinfo", "sub: sub-alice"), ("logout", "Logged out")]
    {
        let run = cli.plain(&[command, "-v"]).done();
        assert!(run.stdout.contains(expected), "{}", run.stdout);
        // Nobody is at a terminal: no colours.
        assert!(!run.stdout.contains('\u{1b}') && !run.stderr.contains('\u{1b}'));
        run.hides(&secrets);
    }
}

#[test]
fn each_response_mode_comes_back_to_the_listener() {
    let (op, cli) = (Op::start(), Cli::new());
    for mode in ["query", "fragment", "form_post"] {
        let run = cli.login(&op, &["--response-mode", mode, "--par", "never"]).done();
        let url = run.event("authorization_url")["url"].as_str().unwrap();
        assert_eq!(parameter(url, "response_mode").as_deref(), Some(mode));
        assert_eq!(run.event("logged_in")["subject"], "sub-alice");
    }
    // One client for all of them.
    assert_eq!(op.provider.count(On::Register), 1);
}

#[test]
fn what_the_user_asks_for_is_in_the_request() {
    let (op, cli) = (Op::start(), Cli::new());
    let asked = ["--prompt", "login consent", "--login-hint", "auto:bob", "--scope", "openid  email"];
    let run = cli.login(&op, &[&asked[..], &["--par", "never"]].concat()).done();
    let url = run.event("authorization_url")["url"].as_str().unwrap();
    for (name, value) in [("prompt", "login consent"), ("login_hint", "auto:bob"), ("scope", "openid email")] {
        assert_eq!(parameter(url, name).as_deref(), Some(value));
    }
}

#[test]
fn a_failed_userinfo_does_not_lose_the_login() {
    let (op, cli) = (Op::start(), Cli::new());
    op.provider.disturb(On::UserInfo, Disturbance::status(500), 1);
    let run = cli.login(&op, &[]).done();
    assert_eq!(run.event("warning")["code"], "http.server_error");
    assert_eq!(run.event("logged_in")["subject"], "sub-alice");
    cli.run(&["userinfo"]).done();
}

#[test]
fn the_served_provider_can_be_logged_in_at() {
    let cli = Cli::new();
    let mut serving = cli.start(&["serve"]);
    let issuer = serving.until("serving")["issuer"].as_str().unwrap().to_owned();
    let login = ["login", "--insecure-loopback", "--issuer", &issuer, "--browser", &crate::support::cli::browser()];
    assert_eq!(cli.run(&login).done().event("logged_in")["issuer"], issuer);
    let discovered = cli.run(&["discover"]).done();
    assert_eq!(discovered.event("discovered")["endpoints"]["token"], format!("{issuer}/token"));
    assert_eq!(cli.run(&["logout"]).done().event("logged_out")["revoked"], true);
    let asked = serving.until("exchange");
    assert_eq!(asked["status"], 200);
}

#[test]
fn a_driver_written_by_hand_does_a_whole_login() {
    let output = std::process::Command::new(example("own_loop")).output().unwrap();
    assert!(output.status.success());
    assert!(String::from_utf8(output.stdout).unwrap().contains("still sub-alice"));
}
