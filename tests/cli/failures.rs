//! What goes wrong ends with a code and with an exit status, and loses nothing.

use std::time::Duration;

use oidc_proto::testing::{Disturbance, Lie, On};

use crate::support::cli::{Cli, Op, browser};
use crate::support::server::DeadPort;

#[test]
fn only_https_and_only_loopback_without_it() {
    let (op, cli) = (Op::start(), Cli::new());
    for arguments in [
        &["--issuer", &op.issuer][..],
        &["--issuer", "http://op.example.org", "--insecure-loopback"],
        &["--issuer", "http://192.168.0.1", "--insecure-loopback"],
        &["--issuer", "http://127.0.0.1.example.org", "--insecure-loopback"],
        &["--issuer", "file:///etc/passwd", "--insecure-loopback"],
    ] {
        for command in ["discover", "register", "login"] {
            let run = cli.run(&[&[command], arguments].concat());
            run.failed(2, "local", "url.scheme");
        }
    }
    assert!(op.provider.requests().is_empty());
}

#[test]
fn trust_in_tls_is_refused_over_http_before_anyone_logs_in() {
    let (op, cli) = (Op::start(), Cli::new());
    cli.login(&op, &["--id-token", "trust-tls"]).failed(1, "local", "id_token.trust_tls_over_http");
    assert_eq!((op.provider.count(On::Register), op.provider.count(On::Authorize)), (0, 0));
}

#[test]
fn a_user_who_says_no_ends_the_login_but_not_the_registration() {
    let (op, cli) = (Op::start(), Cli::new());
    let run = cli.login(&op, &["--login-hint", "deny:alice"]).failed(1, "denied", "authorization.access_denied");
    assert_eq!(run.event("error")["provider"]["description"], "the user said no");
    assert!(cli.session_files().is_empty());
    let client_id = run.event("registered")["client_id"].clone();
    let run = cli.login(&op, &[]).done();
    assert_eq!(run.event("logged_in")["client_id"], client_id);
    assert_eq!(op.provider.count(On::Register), 1);
}

#[test]
fn a_wrong_callback_ends_the_login() {
    let op = Op::start();
    // Anyone could have sent these: the wait goes on.
    for (lie, code) in [
        (Lie::CallbackStateWrong, "callback.state_mismatch"),
        (Lie::CallbackStateAbsent, "callback.state_missing"),
        (Lie::CallbackStateTwice, "callback.duplicate_parameter"),
    ] {
        let cli = Cli::new();
        op.provider.lie(lie);
        let login =
            ["login", "--insecure-loopback", "--deadline", "2", "--issuer", &op.issuer, "--browser", &browser()];
        let run = cli.run(&login).failed(1, "transport", "cli.deadline");
        op.provider.honest();
        assert_eq!(run.event("warning")["code"], code);
        assert!(cli.session_files().is_empty());
    }
    for (lie, code) in [
        (Lie::CallbackIssWrong, "callback.iss_mismatch"),
        (Lie::CallbackIssAbsent, "callback.iss_missing"),
        (Lie::CallbackCodeAndError, "callback.code_and_error"),
    ] {
        let cli = Cli::new();
        op.provider.lie(lie);
        cli.login(&op, &[]).failed(1, "remote", code);
        op.provider.honest();
        assert!(cli.session_files().is_empty());
    }
    assert_eq!(op.provider.count(On::Token), 0);
}

#[test]
fn a_wrong_line_ends_the_login() {
    let (op, cli) = (Op::start(), Cli::new());
    let login = ["login", "--insecure-loopback", "--issuer", &op.issuer, "--no-browser", "--paste"];
    let huge = format!("code={}", "x".repeat(70_000));
    for (line, fault, code) in [
        ("http://127.0.0.1/callback?code=c&state=forged", "remote", "callback.state_mismatch"),
        ("?code=c&state=http://forged", "remote", "callback.state_mismatch"),
        ("code=c", "remote", "callback.state_missing"),
        ("hello", "local", "cli.no_callback"),
        ("http://127.0.0.1/callback", "local", "cli.no_callback"),
        (&huge, "remote", "callback.too_large"),
        ("", "local", "cli.no_callback"),
    ] {
        let mut running = cli.start(&login);
        running.url();
        running.paste(line);
        running.end().failed(1, fault, code);
    }
}

#[test]
fn nobody_comes_before_the_deadline() {
    let (op, cli) = (Op::start(), Cli::new());
    let login = ["login", "--insecure-loopback", "--issuer", &op.issuer, "--no-browser", "--deadline", "1"];
    cli.run(&login).failed(1, "transport", "cli.deadline");
    let mut running = cli.start(&[&login[..], &["--paste"]].concat());
    running.until("error");
    running.end().failed(1, "transport", "cli.deadline");
}

#[test]
fn a_browser_that_cannot_be_started_is_told() {
    let (op, cli) = (Op::start(), Cli::new());
    let login = ["login", "--insecure-loopback", "--issuer", &op.issuer, "--browser", "/no/such/browser"];
    let run = cli.run(&login).failed(1, "local", "cli.browser");
    // The command has ended: the URL is of no use any more.
    let hint = run.event("error")["hint"].as_str().unwrap();
    assert!(hint.contains("--browser") && !hint.contains("Open the URL"), "{hint}");
}

#[test]
fn tokens_that_cannot_be_trusted_are_revoked() {
    let (op, cli) = (Op::start(), Cli::new());
    op.provider.lie(Lie::SignatureWrong);
    cli.login(&op, &[]).failed(1, "remote", "jws.signature");
    assert_eq!(op.provider.count(On::Revoke), 1);
    assert!(cli.session_files().is_empty());
}

#[test]
fn a_session_that_the_provider_ended_is_kept_until_logout() {
    let (op, cli) = (Op::start(), Cli::new());
    cli.login(&op, &[]).done();
    op.provider.end_grants();
    let run = cli.plain(&["refresh"]);
    assert_eq!(run.exit, 1);
    assert!(run.stderr.contains("Log in again") && run.stderr.contains("token.invalid_grant"), "{}", run.stderr);
    cli.run(&["refresh"]).failed(1, "denied", "token.invalid_grant");
    cli.run(&["status"]).done();
    cli.run(&["logout"]).done();
    cli.run(&["status"]).failed(1, "local", "cli.no_session");
}

#[test]
fn a_refresh_that_fails_costs_nothing() {
    let (op, cli) = (Op::with(|provider| provider.with_access_token_lifetime(Duration::ZERO)), Cli::new());
    cli.login(&op, &[]).done();
    let before = cli.secrets();
    op.provider.disturb(On::Token, Disturbance::status(503), 1);
    cli.run(&["token"]).failed(1, "transport", "http.server_error");
    op.provider.lie(Lie::RefreshTokenKept);
    op.provider.lie(Lie::SignatureWrong);
    cli.run(&["token"]).failed(1, "remote", "jws.signature");
    assert_eq!(cli.secrets(), before);
    op.provider.honest();
    cli.run(&["token"]).done();
}

#[test]
fn logout_keeps_a_session_whose_tokens_it_could_not_end() {
    let (op, cli) = (Op::start(), Cli::new());
    cli.login(&op, &[]).done();
    op.provider.disturb(On::Revoke, Disturbance::status(503), 1);
    let hint = cli.run(&["logout"]).failed(1, "transport", "http.server_error").event("error")["hint"].to_string();
    assert!(hint.contains("--force"), "{hint}");
    cli.forget_metadata();
    op.provider.disturb(On::ServerMetadata, Disturbance::status(404), 1);
    assert_ne!(cli.run(&["logout"]).exit, 0);
    // Nothing was lost, and nobody is kept out.
    let token = cli.secrets()[0].clone();
    cli.run(&["refresh"]).done();
    let run = cli.run(&["logout"]).done();
    assert_eq!(run.event("logged_out")["revoked"], true);
    assert!(cli.session_files().is_empty() && !op.provider.has_grant_of(&token));
}

#[test]
fn logout_by_force_does_not_wait_for_the_network() {
    let (op, cli) = (Op::start(), Cli::new());
    cli.login(&op, &[]).done();
    op.provider.disturb(On::Revoke, Disturbance::status(503), 1);
    let run = cli.run(&["logout", "--force"]).done();
    assert_eq!(run.event("warning")["code"], "http.server_error");
    assert_eq!(run.event("logged_out")["revoked"], false);
    let logged_out = run.event("logged_out");
    assert_eq!((&logged_out["code"], &logged_out["status"]), (&"http.server_error".into(), &503.into()));
    assert!(logged_out["hint"].is_string() && logged_out["endpoint"] == "revocation_endpoint", "{logged_out}");
    assert!(cli.session_files().is_empty());

    cli.login(&op, &[]).done();
    cli.forget_metadata();
    op.provider.disturb(On::ServerMetadata, Disturbance::status(404), 1);
    let run = cli.run(&["logout", "--force", "--end-session", "--browser", &browser()]).done();
    assert_eq!(run.event("logged_out")["code"], "metadata.not_found");
    assert!(cli.session_files().is_empty());
}

#[test]
fn a_provider_that_cannot_be_reached_is_a_transport_error() {
    let (dead, cli) = (DeadPort::new(), Cli::new());
    let run = cli.run(&["discover", "--insecure-loopback", "--issuer", &dead.url()]);
    run.failed(1, "transport", "transport.unreachable");
}

#[test]
fn an_error_tells_programs_and_people_what_was_found_and_what_to_do() {
    let (op, cli) = (Op::start(), Cli::new());
    let discover = ["discover", "--insecure-loopback", "--issuer", &op.issuer];
    op.provider.disturb(On::ServerMetadata, Disturbance::status(403), usize::MAX);
    let run = cli.run(&discover).failed(1, "remote", "http.status");
    let error = run.event("error");
    assert_eq!((error["status"].as_u64(), error["endpoint"].as_str()), (Some(403), Some("openid_configuration")));
    assert_eq!(error["recovery"], "provider_broken");
    assert!(error["hint"].as_str().unwrap().contains("check the issuer or the URL"), "{error}");
    assert!(error.get("found").is_none() && error.get("provider").is_none(), "{error}");
    let shown = cli.plain(&discover).stderr;
    assert!(shown.contains("unexpected HTTP status 403") && shown.contains("check the issuer"), "{shown}");

    op.provider.honest();
    op.provider.disturb(On::ServerMetadata, Disturbance::LoginPage, usize::MAX);
    let run = cli.run(&discover).failed(1, "remote", "http.content_type");
    assert_eq!(run.event("error")["found"], "text/html");
    assert_eq!(run.event("error")["status"], 200);
    assert!(cli.plain(&discover).stderr.contains("found \"text/html\""));

    op.provider.honest();
    let slash = format!("{}/", op.issuer);
    let slashed = ["discover", "--insecure-loopback", "--issuer", &slash];
    let run = cli.run(&slashed).failed(1, "remote", "metadata.issuer_mismatch");
    let error = run.event("error");
    assert_eq!((error["expected"].as_str(), error["found"].as_str()), (Some(&*slash), Some(&*op.issuer)));
    assert_eq!(error["field"], "issuer");
    assert!(error["hint"].as_str().unwrap().contains("without a slash"), "{error}");
    assert!(cli.plain(&slashed).stderr.contains("One slash differs"));
}

#[test]
fn a_server_that_is_not_there_is_named() {
    let (dead, cli) = (DeadPort::new(), Cli::new());
    let url = dead.url();
    let issuer = url.trim_end_matches('/');
    let run = cli.run(&["discover", "--insecure-loopback", "--issuer", issuer]);
    let run = run.failed(1, "transport", "transport.unreachable");
    let found = run.event("error")["found"].as_str().unwrap().to_owned();
    assert_eq!(found, format!("{}: connection refused", issuer.trim_start_matches("http://")));
}

#[test]
fn the_option_that_helps_is_named() {
    let cli = Cli::new();
    let run = cli.run(&["discover", "--issuer", "http://127.0.0.1:1"]).failed(2, "local", "url.scheme");
    assert!(run.event("error")["hint"].as_str().unwrap().contains("--insecure-loopback"));

    let op = Op::start();
    op.provider.tamper(On::Token, |response| {
        *response.status_mut() = http::StatusCode::UNAUTHORIZED;
        *response.body_mut() = br#"{"error":"invalid_client"}"#.to_vec();
    });
    let run = cli.login(&op, &[]).failed(1, "denied", "token.invalid_client");
    let error = run.event("error");
    assert_eq!((error["status"].as_u64(), error["recovery"].as_str()), (Some(401), Some("register_again")));
    assert_eq!(error["provider"]["error"], "invalid_client");
    assert!(error["found"].as_str().unwrap().contains("authentication by"), "{error}");
    assert!(error["hint"].as_str().unwrap().contains("--auth-method"), "{error}");
}

#[test]
fn the_providers_words_are_readable_and_cannot_deceive() {
    let (op, cli) = (Op::start(), Cli::new());
    op.provider.edit_callback(|callback| {
        callback.remove("code");
        callback.set("error", "access_denied");
        callback.set("error_description", "Zugriff für Zoë verweigert \u{202e}\u{9b}2J");
    });
    let run = cli.login(&op, &[]).failed(1, "denied", "authorization.access_denied");
    assert_eq!(run.event("error")["provider"]["description"], r"Zugriff für Zoë verweigert \u{202e}\u{9b}2J");
    assert!(run.stdout.contains("für Zoë"), "{}", run.stdout);
}

/// Not only what the library has escaped: names and claims come as they are.
#[test]
fn no_line_of_json_holds_a_character_that_deceives() {
    let (op, cli) = (Op::start(), Cli::new());
    let name = "Zoë \u{202e}\u{9b}\u{200b}\u{e0041}\u{34f}\u{3164}\u{180b}\u{fe01}\u{fff9}\u{1d173} x";
    op.provider.edit_json(On::UserInfo, move |claims| drop(claims.insert("name".into(), name.into())));
    cli.login(&op, &["--scope", "openid profile"]).done();
    let run = cli.run(&["userinfo", "--insecure-loopback"]).done();
    assert_eq!(run.event("userinfo")["claims"]["name"], name);
    let shows = |c: char| c == '\n' || matches!(c, ' '..='~' | 'ë');
    assert!(run.stdout.chars().all(shows) && run.stdout.contains("Zoë"), "{:?}", run.stdout);
    let run = cli.plain(&["userinfo", "--insecure-loopback"]).done();
    assert!(run.stdout.chars().all(shows) && run.stdout.contains("Zoë"), "{:?}", run.stdout);
}

/// A provider that only a private authority vouches for, behind a firewall that wants to know who comes.
#[test]
fn a_private_authority_and_a_user_agent_can_be_named() {
    use crate::support::certificates::Authority;
    use crate::support::server::Server;

    let (authority, cli) = (Authority::new(), Cli::new());
    let (tell, seen) = std::sync::mpsc::channel();
    let server = Server::start_tls(authority.server("127.0.0.1", &[]), move |mut connection| {
        tell.send(connection.request()?).map_err(std::io::Error::other)?;
        connection.response("503 Service Unavailable", "", "")
    });
    let discover = ["discover", "--issuer", &server.url("")];
    let run = cli.run(&discover).failed(1, "transport", "transport.tls");
    assert!(run.events[0]["message"].as_str().unwrap().contains("unknown authority"), "{:?}", run.events);
    let file = cli.file("ca.pem", &authority.pem);
    let named = ["--ca-certificate", &file, "--user-agent", "me/1"];
    cli.run(&[&discover[..], &named].concat()).failed(1, "transport", "http.server_error");
    assert_eq!(seen.recv().unwrap().header("user-agent"), Some("me/1"));
    let missing = cli.store().join("none.pem");
    let missing = ["--ca-certificate", missing.to_str().unwrap()];
    cli.run(&[&discover[..], &missing].concat()).failed(1, "local", "cli.setup");
}

#[test]
fn an_issuer_with_another_scheme_or_none_is_told_apart() {
    let cli = Cli::new();
    for (issuer, code, hint) in [
        ("op.example.org", "url.syntax", "https://op.example.org"),
        ("http://127.0.0.1:1", "url.scheme", "--insecure-loopback"),
        ("http://op.example.org", "url.scheme", "https"),
    ] {
        let run = cli.run(&["login", "--issuer", issuer]).failed(2, "local", code);
        assert!(run.event("error")["hint"].as_str().unwrap().contains(hint), "{}", run.stdout);
    }
}

#[test]
fn a_port_in_use_is_told_with_ways_out() {
    let (op, cli) = (Op::start(), Cli::new());
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let run = cli.login(&op, &["--redirect-port", &port]).failed(1, "local", "cli.listener");
    let hint = run.event("error")["hint"].as_str().unwrap();
    assert!(hint.contains("--redirect-port") && hint.contains("--paste"), "{hint}");
    assert_eq!(op.provider.count(On::Register), 0);
}

/// Long before the deadline.
#[test]
fn a_browser_that_fails_is_told_at_once_with_ways_out() {
    let (op, cli) = (Op::start(), Cli::new());
    let login = ["login", "--insecure-loopback", "--issuer", &op.issuer, "--browser", "false"];
    let mut running = cli.start(&login);
    let warning = running.until("warning");
    assert_eq!(warning["code"], "cli.browser");
    let hint = warning["hint"].as_str().unwrap();
    assert!(hint.contains("--paste") && hint.contains("oidc_cli device"), "{hint}");
    running.kill();
}

/// Whoever logs out or looks at the account has nothing else to wait for.
#[test]
fn a_browser_that_fails_after_a_logout_or_for_a_page_is_told_too() {
    let (op, cli) = (Op::start(), Cli::new());
    cli.matrix(&op.issuer, &[]).done();
    for command in [&["account", "--open"][..], &["logout", "--end-session"]] {
        let run = cli.run(&[command, &["--browser", "false"]].concat()).done();
        let warning = run.event("warning");
        assert_eq!(warning["code"], "cli.browser", "{command:?}");
        let hint = warning["hint"].as_str().unwrap();
        assert!(hint.contains("Open the URL yourself") && !hint.contains("--paste"), "{hint}");
    }
}

#[test]
fn after_the_deadline_the_likely_causes_are_told() {
    let (op, cli) = (Op::start(), Cli::new());
    let login = ["login", "--insecure-loopback", "--issuer", &op.issuer, "--no-browser", "--deadline", "1"];
    let run = cli.run(&login).failed(1, "transport", "cli.deadline");
    let hint = run.event("error")["hint"].as_str().unwrap();
    assert!(hint.contains("register --anew --issuer") && hint.contains("--redirect-port"), "{hint}");
    let run = cli.run(&[&login[..], &["--client-id", "mine", "--par", "never"]].concat()).failed(
        1,
        "transport",
        "cli.deadline",
    );
    let hint = run.event("error")["hint"].as_str().unwrap();
    assert!(hint.contains("the client mine") && !hint.contains("--anew"), "{hint}");
}

/// A token that nobody got was not printed.
#[cfg(target_os = "linux")]
#[test]
fn output_that_cannot_be_written_is_a_failure() {
    let (op, cli) = (Op::start(), Cli::new());
    cli.login(&op, &[]).done();
    for json in [&["--json"][..], &[]] {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = cli.command(&[&["token", "--show-tokens"], json].concat()).stdout(full).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(stderr.contains("cli.output"), "{stderr}");
    }
    // A reader that went away is none.
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    assert!(cli.command(&["token", "--show-tokens"]).stdout(writer).output().unwrap().status.success());
}
