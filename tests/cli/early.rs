//! What is not as it was asked for is said at once, with what to do.

use std::time::Duration;

use oidc_proto::testing::{Lie, On};
use serde_json::{Value, json};

use crate::support::cli::{Cli, Op, Run, parameter};

/// As a certified provider: refresh tokens for `offline_access` only, and that with consent only.
fn strict() -> Op {
    Op::with(testing_strict)
}

fn testing_strict(provider: oidc_proto::testing::Provider) -> oidc_proto::testing::Provider {
    provider.with_offline_access_by_consent()
}

fn warnings(run: &Run) -> Vec<&Value> {
    run.events.iter().filter(|event| event["event"] == "warning").collect()
}

#[test]
fn offline_access_is_asked_for_with_consent() {
    let (op, cli) = (strict(), Cli::new());
    let run = cli.login(&op, &["--scope", "openid offline_access", "--par", "never"]).done();
    let url = run.event("authorization_url")["url"].as_str().unwrap();
    assert_eq!(parameter(url, "prompt").as_deref(), Some("consent"));
    assert_eq!(run.event("logged_in")["refreshable"], true);
    assert!(warnings(&run).is_empty(), "{:?}", run.events);
    cli.run(&["refresh"]).done();
}

#[test]
fn a_login_without_a_refresh_token_says_why_and_what_to_do() {
    for (arguments, hints) in [
        (&["--scope", "openid"][..], &["offline_access only", "relogin", "--scope \"openid offline_access\""][..]),
        (&["--scope", "openid offline_access", "--prompt", "login"], &["consent", "--prompt consent"]),
        (&["--scope", "openid offline_access", "--no-prompt"], &["consent", "--prompt consent"]),
    ] {
        let (op, cli) = (strict(), Cli::new());
        let run = cli.login(&op, arguments).done();
        let warning = run.event("warning");
        assert_eq!(warning["code"], "token.no_refresh_token", "{arguments:?}");
        let hint = warning["hint"].as_str().unwrap();
        assert!(hints.iter().all(|part| hint.contains(part)), "{hint}");
        assert!(warning["message"].as_str().unwrap().ends_with(hint));
        // As long as there is the session, it is said again.
        let shown = cli.run(&["status"]).done();
        assert_eq!(
            (&shown.event("session")["refreshable"], &shown.event("session")["hint"]),
            (&json!(false), &warning["hint"])
        );
        assert!(cli.plain(&["status"]).done().stdout.contains(hint));
        let refused = cli.run(&["refresh"]).failed(1, "local", "token.no_refresh_token");
        assert_eq!(refused.event("error")["hint"], warning["hint"]);
    }
    // The provider gives none at all.
    let (op, cli) = (Op::start(), Cli::new());
    op.provider.lie(Lie::RefreshTokenAbsent);
    let run = cli.login(&op, &["--scope", "openid offline_access"]).done();
    assert!(run.event("warning")["hint"].as_str().unwrap().contains("grant refresh_token"), "{:?}", run.events);
}

/// The advice is taken to the letter.
#[test]
fn the_advice_brings_a_refresh_token() {
    let (op, cli) = (strict(), Cli::new());
    let run = cli.login(&op, &[]).done();
    let hint = run.event("warning")["hint"].as_str().unwrap();
    let command = hint.split_once("oidc_cli ").unwrap().1;
    let words = shell_words::split(command).unwrap();
    let browser = crate::support::cli::browser();
    let words: Vec<_> = words.iter().map(String::as_str).chain(["--browser", &browser]).collect();
    assert_eq!(cli.run(&words).done().event("logged_in")["refreshable"], true);
    cli.run(&["refresh"]).done();
}

#[test]
fn an_expired_token_that_cannot_be_refreshed_is_told_with_what_to_do() {
    let (op, cli) = (strict(), Cli::new());
    op.provider.edit_json(On::Token, |tokens| drop(tokens.insert("expires_in".into(), json!(0))));
    cli.login(&op, &[]).done();
    let run = cli.run(&["token"]).failed(1, "local", "token.no_refresh_token");
    assert!(run.event("error")["hint"].as_str().unwrap().contains("oidc_cli relogin --session"), "{:?}", run.events);
}

#[test]
fn a_watch_reports_that_the_token_ran_out() {
    let (op, cli) =
        (Op::with(|provider| testing_strict(provider).with_access_token_lifetime(Duration::from_secs(3))), Cli::new());
    cli.login(&op, &[]).done();
    let run = cli.run(&["watch"]).failed(1, "local", "token.no_refresh_token");
    let seen = run.event("seen");
    assert_eq!((&seen["kind"], &seen["code"]), (&json!("needs_login"), &json!("token.no_refresh_token")));
    assert!(run.event("error")["hint"].as_str().unwrap().contains("oidc_cli relogin --session"), "{:?}", run.events);
}

#[test]
fn a_narrowed_scope_is_told() {
    let (op, cli) = (Op::start(), Cli::new());
    op.provider.edit_json(On::Token, |response| drop(response.insert("scope".into(), json!("openid"))));
    let run = cli.login(&op, &["--scope", "openid email"]).done();
    let warning = run.event("warning");
    assert_eq!(warning["code"], "cli.scope_narrowed");
    let message = warning["message"].as_str().unwrap();
    assert!(message.contains("email is missing") && message.contains("\"openid\""), "{message}");
}

#[test]
fn a_scope_that_the_provider_does_not_list_is_told_before_the_browser_opens() {
    let (op, cli) = (Op::start(), Cli::new());
    let run = cli.login(&op, &["--scope", "openid emial"]).done();
    let names: Vec<_> = run.events.iter().map(|event| event["event"].as_str().unwrap()).collect();
    let at = |name| names.iter().position(|own| *own == name).unwrap();
    assert!(at("warning") < at("authorization_url"), "{names:?}");
    let warning = run.event("warning");
    assert_eq!(warning["code"], "cli.scope_unsupported");
    assert!(warning["message"].as_str().unwrap().contains("emial"), "{warning}");
}
