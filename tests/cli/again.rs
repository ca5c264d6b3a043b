//! Where a session needs a new login, the message has the whole command for it, and `status` says so.

use oidc_proto::testing::{Disturbance, On};
use serde_json::json;

use crate::support::cli::{Cli, Op, Run, browser};

fn hint(run: &Run) -> String {
    run.event("error")["hint"].as_str().unwrap().to_owned()
}

/// The command in a hint, taken to the letter.
#[track_caller]
fn taken(cli: &Cli, hint: &str) {
    let id = cli.run(&["status"]).done().event("session")["session"].as_str().unwrap().to_owned();
    assert_eq!(hint.matches("oidc_cli").count(), 1, "{hint}");
    assert!(hint.contains(&format!("oidc_cli relogin --session {id}")), "{hint}");
    cli.run(&["relogin", "--session", &id, "--browser", &browser()]).done();
    cli.run(&["refresh"]).done();
}

#[test]
fn a_provider_that_wants_the_user() {
    for error in ["interaction_required", "login_required", "consent_required", "invalid_grant"] {
        let (op, cli) = (Op::start(), Cli::new());
        cli.login(&op, &[]).done();
        op.provider.tamper(On::Token, move |response| {
            *response.status_mut() = http::StatusCode::BAD_REQUEST;
            *response.body_mut() = json!({ "error": error }).to_string().into();
        });
        let run = cli.run(&["refresh"]);
        assert_eq!(run.exit, 1, "{error}");
        op.provider.honest();
        taken(&cli, &hint(&run));
    }
}

#[test]
fn an_id_token_of_another_user() {
    let (op, cli) = (Op::start(), Cli::new());
    cli.login(&op, &[]).done();
    op.provider.edit_id_token(|token| token.claim("sub", json!("mallory")));
    let run = cli.run(&["refresh"]).failed(1, "remote", "id_token.changed_claim");
    op.provider.honest();
    taken(&cli, &hint(&run));
}

/// Each command is a process of its own.
#[test]
fn three_refusals_without_a_reason() {
    for (status, need) in [(400, "refresh"), (401, "refresh"), (400, "token")] {
        let (op, cli) = (Op::start(), Cli::new());
        op.provider.edit_json(On::Token, |tokens| drop(tokens.insert("expires_in".into(), json!(0))));
        cli.login(&op, &[]).done();
        op.provider.honest();
        for refusals in 1..=4 {
            op.provider.disturb(On::Token, Disturbance::status(status), 1);
            let run = cli.run(&[need]);
            let error = run.event("error");
            assert_eq!((run.exit, &error["code"]), (1, &json!("http.status")), "{error}");
            assert!(hint(&run).contains("oidc_cli relogin --session "), "{}", hint(&run));
            let is_over = refusals >= 3;
            assert_eq!(hint(&run).contains("three times"), is_over, "{refusals} {}", hint(&run));
            assert_eq!(error["recovery"] == "log_in_again", is_over, "{refusals} {error}");
            let shown = cli.run(&["status"]).done().event("session").clone();
            assert_eq!(shown["needs_login"] == "http.status", is_over, "{refusals} {shown}");
        }
        let run = cli.run(&["refresh"]).done();
        run.event("refreshed");
        assert_eq!(cli.run(&["status"]).done().event("session").get("needs_login"), None);
    }
}

/// The record is saved with the count, and what is noted of the tokens in it stays true.
#[test]
fn a_doubt_outlives_a_refusal_without_a_reason() {
    let (op, cli) = (Op::start(), Cli::new());
    cli.login(&op, &[]).done();
    let is_doubtful = || cli.run(&["status"]).done().event("session")["doubtful"] == true;
    op.provider.disturb(On::Token, Disturbance::LostResponse, 1);
    assert_eq!(cli.run(&["refresh"]).exit, 1);
    assert!(is_doubtful());
    op.provider.disturb(On::Token, Disturbance::status(400), 1);
    cli.run(&["refresh"]).failed(1, "remote", "http.status");
    assert!(is_doubtful());
}
