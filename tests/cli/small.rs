//! Small wrong inputs, each said for what it is.

use oidc_proto::testing::On;
use serde_json::json;

use crate::support::cli::{Cli, Op, parameter};

/// A 403 is no sign of an expired token (RFC 9110 section 15.5.4).
#[test]
fn userinfo_is_forbidden_without_a_refresh() {
    let (op, cli) = (Op::start(), Cli::new());
    cli.login(&op, &[]).done();
    let before = op.provider.count(On::Token);
    op.provider.tamper(On::UserInfo, |response| {
        *response.status_mut() = http::StatusCode::FORBIDDEN;
        response.body_mut().clear();
    });
    let run = cli.run(&["userinfo"]).failed(1, "denied", "userinfo.unauthorized");
    assert_eq!(op.provider.count(On::Token), before);
    let hint = run.event("error")["hint"].as_str().unwrap();
    assert!(hint.contains("scope") && hint.contains("oidc_cli relogin --session "), "{hint}");
    assert!(!hint.contains("Refresh the tokens"), "{hint}");
    // By its challenge it can be one all the same.
    op.provider.honest();
    op.provider.tamper(On::UserInfo, |response| {
        *response.status_mut() = http::StatusCode::FORBIDDEN;
        let challenge = "Bearer error=\"invalid_token\"".try_into().unwrap();
        response.headers_mut().insert("www-authenticate", challenge);
    });
    cli.run(&["userinfo"]).failed(1, "denied", "userinfo.unauthorized");
    assert_eq!(op.provider.count(On::Token), before + 1);
}

#[test]
fn a_redirect_uri_has_no_port_0() {
    let cli = Cli::new();
    for uri in ["http://127.0.0.1:0/callback", "http://localhost:0/", "https://app.example:00/cb"] {
        for command in ["login", "register"] {
            let run = cli.run(&[command, "--issuer", "https://op.example", "--redirect-uri", uri]);
            let run = run.failed(2, "local", "cli.usage");
            let hint = run.event("error")["hint"].as_str().unwrap();
            assert!(hint.contains("--redirect-uri") && hint.contains("port"), "{hint}");
        }
    }
}

/// Whoever sees the traffic of that machine gets the code: that is a choice with a name.
#[test]
fn a_redirect_uri_of_http_elsewhere_is_chosen_by_name() {
    let (op, cli) = (Op::start(), Cli::new());
    let login =
        ["login", "--insecure-loopback", "--issuer", &op.issuer, "--client-id", "app", "--paste", "--deadline", "1"];
    let login = [&login[..], &["--par", "never", "--redirect-uri"]].concat();
    for uri in ["http://x.example/cb", "http://10.0.0.7/cb"] {
        let run = cli.run(&[&login[..], &[uri]].concat()).failed(2, "local", "cli.usage");
        let error = run.event("error");
        assert!(error["message"].as_str().unwrap().contains("another machine"), "{error}");
        assert!(error["hint"].as_str().unwrap().contains("--insecure-redirect-uri"), "{error}");
        let mut running = cli.start(&[&login[..], &[uri, "--insecure-redirect-uri"]].concat());
        assert_eq!(parameter(&running.url(), "redirect_uri").as_deref(), Some(uri));
    }
    for uri in ["https://x.example/cb", "com.example.app:/cb", "http://127.0.0.1:8001/cb", "http://localhost/cb"] {
        let mut running = cli.start(&[&login[..], &[uri]].concat());
        assert_eq!(parameter(&running.url(), "redirect_uri").as_deref(), Some(uri));
    }
    let near = [&login[..], &["http://10.0.0.7/cb", "--insecure-private-network"]].concat();
    cli.start(&near).url();
    let homeserver = ["login", "--homeserver", "x.example", "--paste", "--redirect-uri", "http://x.example/cb"];
    cli.run(&homeserver).failed(2, "local", "cli.usage");
}

#[test]
fn a_user_of_serve_has_a_name_that_can_be_shown() {
    let cli = Cli::new();
    let long = "x".repeat(101);
    for name in ["a\nb", "a\u{202e}b", "a\u{1b}[2J", &long, "  "] {
        let run = cli.run(&["serve", "--user", name]).failed(2, "local", "cli.usage");
        assert!(run.event("error")["hint"].as_str().unwrap().contains("--user"), "{:?}", run.events);
    }
}

/// What Entra says beside `error`, which tells an administrator more.
#[test]
fn a_suberror_is_kept() {
    let (op, cli) = (Op::start(), Cli::new());
    cli.login(&op, &[]).done();
    op.provider.tamper(On::Token, |response| {
        *response.status_mut() = http::StatusCode::BAD_REQUEST;
        let said =
            json!({ "error": "interaction_required", "error_description": "AADSTS50076", "suberror": "basic_action" });
        *response.body_mut() = said.to_string().into();
    });
    let run = cli.run(&["refresh"]).failed(1, "denied", "token.interaction_required");
    assert_eq!(run.event("error")["provider"]["suberror"], "basic_action");
    let text = cli.plain(&["refresh"]).stderr;
    assert!(text.contains("\"basic_action\""), "{text}");
}
