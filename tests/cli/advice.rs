//! What the program says is true of the case, and what it advises can be done with it.

use std::fs;
use std::time::Duration;

use oidc_proto::testing::{Disturbance, On, RegisteredClient};
use serde_json::json;

use crate::support::cli::{Cli, Op, Run, browser};
use crate::support::server::{DeadPort, Server};

#[track_caller]
fn hint(run: &Run) -> String {
    run.event("error")["hint"].as_str().unwrap().to_owned()
}

fn refuse(op: &Op, on: On, status: u16, body: &'static str) {
    op.provider.tamper(on, move |response| {
        *response.status_mut() = http::StatusCode::from_u16(status).unwrap();
        *response.body_mut() = body.into();
    });
}

/// The endpoint has just refused it.
#[test]
fn a_token_that_was_refused_is_not_called_good() {
    let (op, cli) = (Op::start(), Cli::new());
    cli.login(&op, &[]).done();
    op.provider.forget_access_tokens();
    op.provider.disturb(On::Token, Disturbance::status(503), usize::MAX);
    let run = cli.run(&["userinfo"]).failed(1, "denied", "userinfo.unauthorized");
    assert!(run.events.iter().all(|event| event["event"] != "kept"), "{}", run.stdout);
}

/// A new token has the same scope.
#[test]
fn a_scope_that_is_missing_is_not_asked_for_by_a_refresh() {
    let (op, cli) = (Op::start(), Cli::new());
    cli.login(&op, &[]).done();
    op.provider.tamper(On::UserInfo, |response| {
        *response.status_mut() = http::StatusCode::FORBIDDEN;
        let challenge = http::HeaderValue::from_static(r#"Bearer error="insufficient_scope", scope="openid email""#);
        response.headers_mut().insert(http::header::WWW_AUTHENTICATE, challenge);
    });
    let before = op.provider.count(On::Token);
    let run = cli.run(&["userinfo"]).failed(1, "denied", "userinfo.unauthorized");
    assert_eq!(op.provider.count(On::Token), before);
    assert!(hint(&run).contains("relogin") && hint(&run).contains("--scope"), "{}", run.stdout);
    assert_eq!(run.event("error")["expected"], "openid email");
}

/// These commands have no option for the client.
#[test]
fn a_command_of_a_session_names_no_option_that_it_lacks() {
    let lifetime = Duration::from_secs(2);
    let (op, cli) = (Op::with(|provider| provider.with_access_token_lifetime(lifetime)), Cli::new());
    cli.login(&op, &[]).done();
    for on in [On::Token, On::Revoke] {
        refuse(&op, on, 401, r#"{"error":"invalid_client"}"#);
    }
    for command in [&["refresh"][..], &["watch", "--count", "2"], &["logout"]] {
        cli.forget_metadata();
        let run = cli.run(command);
        assert!(!run.stdout.contains("--auth-method") && !run.stdout.contains("--client-id"), "{}", run.stdout);
        assert!(run.stdout.contains("relogin") || command[0] != "refresh", "{}", run.stdout);
    }
}

#[test]
fn a_key_file_that_is_gone_is_put_back() {
    let (op, cli) = (Op::start(), Cli::new());
    let key = cli.file("key.pem", crate::keys::p256());
    cli.login(&op, &["--key", &key]).done();
    fs::remove_file(&key).unwrap();
    for command in ["refresh", "userinfo", "relogin"] {
        let run = cli.run(&[command]).failed(1, "local", "cli.key_file");
        assert!(hint(&run).starts_with("Put the key file back") && hint(&run).contains("login --issuer"), "{command}");
    }
    // A later logout does not help.
    let run = cli.run(&["logout"]).failed(1, "local", "cli.key_file");
    assert!(hint(&run).contains("Put the key file back") && hint(&run).contains("--force"), "{}", run.stdout);
}

/// A login at the provider would make a session of another kind.
#[test]
fn a_session_at_a_homeserver_is_told_of_a_login_there() {
    let (op, cli) = (Op::start(), Cli::new());
    let key = cli.file("key.pem", crate::keys::p256());
    let run = cli.matrix(&crate::matrix::name(&op), &["--key", &key]).done();
    let device = run.event("logged_in")["device_id"].as_str().unwrap();
    let login = format!("oidc_cli login --homeserver {} --device-id {device}", op.issuer);
    fs::remove_file(&key).unwrap();
    let run = cli.run(&["refresh"]).failed(1, "local", "cli.key_file");
    assert!(hint(&run).contains(&format!("{login} --key FILE")), "{}", run.stdout);
    fs::remove_file(cli.store().join("registrations.json")).unwrap();
    let run = cli.run(&["refresh"]).failed(1, "local", "cli.client_unknown");
    assert!(hint(&run).contains(&format!("{login} --client-id ")), "{}", run.stdout);
}

/// It would have no effect there.
#[test]
fn a_parameter_of_the_authorization_request_is_refused_at_a_homeserver() {
    let (op, cli) = (Op::start(), Cli::new());
    let run = cli.matrix(&op.issuer, &["--parameter", "audience=a"]).failed(2, "local", "cli.usage");
    assert!(run.event("error")["message"].as_str().unwrap().contains("--parameter"), "{}", run.stdout);
    assert!(op.provider.requests().is_empty());
}

#[test]
fn a_provider_that_is_not_reached_is_not_said_to_be_elsewhere() {
    let (cli, dead) = (Cli::new(), DeadPort::new());
    // Through a proxy that is not there, no name is looked up.
    let url = dead.url();
    let discover = ["discover", "--issuer", "https://x.b2clogin.com/y", "--proxy", url.trim_end_matches('/')];
    let run = cli.run(&discover).failed(1, "transport", "transport.unreachable");
    assert!(!hint(&run).contains("are not at the issuer's own address"), "{}", run.stdout);
}

#[test]
fn discover_does_not_advise_itself() {
    let (op, cli) = (Op::start(), Cli::new());
    let discover = ["discover", "--insecure-loopback", "--issuer", &op.issuer];
    for (name, value, code) in [
        ("claims_parameter_supported", json!([1]), "json.type"),
        ("issuer", json!("https://other.example.org"), "metadata.issuer_mismatch"),
    ] {
        let value = value.clone();
        op.provider.edit_json(On::ServerMetadata, move |document| drop(document.insert(name.into(), value.clone())));
        let run = cli.run(&discover);
        if run.exit != 0 {
            let run = run.failed(1, "remote", code);
            assert!(!hint(&run).contains("oidc_cli discover"), "{}", run.stdout);
        }
        op.provider.honest();
    }
}

/// Nobody logs in for nothing.
#[test]
fn a_secret_that_is_too_short_for_its_method_is_refused_at_once() {
    let (op, cli) = (Op::start(), Cli::new());
    let client = ["--client-id", "app", "--client-secret", "short", "--auth-method", "client_secret_jwt"];
    let run = cli.login(&op, &client).failed(2, "local", "cli.usage");
    assert!(run.event("error")["message"].as_str().unwrap().contains("32 bytes"), "{}", run.stdout);
    assert!(op.provider.requests().is_empty());
}

#[test]
fn an_id_token_that_is_missing_is_not_said_to_be_dispensable() {
    let (op, cli) = (Op::start(), Cli::new());
    op.provider.edit_json(On::Token, |response| drop(response.remove("id_token")));
    op.provider.edit_json(On::ServerMetadata, |document| drop(document.remove("revocation_endpoint")));
    let run = cli.login(&op, &[]).failed(1, "remote", "id_token.missing");
    assert!(hint(&run).contains("openid") && !hint(&run).contains("without it"), "{}", run.stdout);
    // The user has no tokens to delete.
    let warning = run.event("warning");
    assert_eq!(warning["code"], "revocation.unsupported");
    let advice = warning["hint"].as_str().unwrap();
    assert!(advice.contains("not stored") && !advice.contains("Delete"), "{warning}");
}

/// A client that was registered a second ago is not forgotten.
#[test]
fn a_deadline_does_not_say_that_the_provider_forgot_the_client() {
    let client = RegisteredClient::public("mine", "http://127.0.0.1/callback");
    let (op, cli) = (Op::with(|provider| provider.with_client(client)), Cli::new());
    let login = ["login", "--insecure-loopback", "--issuer", &op.issuer, "--no-browser", "--deadline", "1"];
    let run = cli.run(&login).failed(1, "transport", "cli.deadline");
    assert!(hint(&run).starts_with("Try again") && !hint(&run).contains("any more"), "{}", run.stdout);
    let named = [&login[..], &["--client-id", "mine", "--par", "never"]].concat();
    let run = cli.run(&named).failed(1, "transport", "cli.deadline");
    assert!(hint(&run).contains("check --client-id"), "{}", run.stdout);
}

#[test]
fn help_says_what_is_true_of_the_command() {
    let cli = Cli::new();
    for (command, says, says_not) in [
        (&["client-credentials"][..], "--client-id", "register one"),
        (&["relogin"], "that of the login", "any free port"),
        (&["serve"], "keys are public", "\0"),
    ] {
        let help = cli.plain(&[command, &["--help"]].concat()).done().stdout;
        let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(help.contains(says) && !help.contains(says_not), "{command:?}: {help}");
    }
    for command in ["login", "register", "device"] {
        let run = cli.run(&[command]).failed(2, "local", "cli.usage");
        let message = run.event("error")["message"].as_str().unwrap().to_owned();
        assert!(message.contains("--issuer") && message.contains("--homeserver"), "{message}");
    }
}

/// Whoever gives a homeserver for an issuer, or `http` for a port of `https`.
#[test]
fn what_else_an_issuer_may_be_is_told() {
    let (op, cli) = (Op::start(), Cli::new());
    let discover = ["discover", "--insecure-loopback", "--issuer", &op.issuer];
    for fault in [Disturbance::status(404), Disturbance::LoginPage, Disturbance::Truncated] {
        op.provider.disturb(On::ServerMetadata, fault, 1);
        let run = cli.run(&discover);
        let hint = hint(&run);
        assert!(hint.contains("heck the issuer") && hint.contains("--homeserver"), "{}", run.stdout);
    }
    op.provider.disturb(On::ServerMetadata, Disturbance::LostResponse, 1);
    let run = cli.run(&discover).failed(1, "transport", "transport.interrupted");
    assert!(hint(&run).contains(&op.issuer.replacen("http", "https", 1)), "{}", run.stdout);
    // One that sends a status speaks http.
    let server = Server::start(|mut connection| {
        connection.request()?;
        connection.write(b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{")
    });
    let run = cli.run(&["discover", "--insecure-loopback", "--issuer", &server.url("")]);
    let run = run.failed(1, "transport", "transport.interrupted");
    assert!(!hint(&run).contains("https"), "{}", run.stdout);
}

/// With a client that somebody registers by hand, this is the option.
#[test]
fn a_registration_by_hand_is_told_with_its_option() {
    for (status, body) in [(400, r#"{"error":"invalid_client_metadata"}"#), (201, "{}"), (200, "<p>"), (403, "")] {
        let (op, cli) = (Op::start(), Cli::new());
        refuse(&op, On::Register, status, body);
        let run = cli.run(&["login", "--insecure-loopback", "--issuer", &op.issuer, "--browser", &browser()]);
        assert!(hint(&run).contains("--client-id ID"), "{status} {}", run.stdout);
    }
}

#[test]
fn a_value_of_an_option_is_refused_with_what_it_may_be() {
    let cli = Cli::new();
    for (option, value, code, says) in [
        ("--scope", "openid \u{e9}", "authorization.scope", "printable ASCII"),
        ("--device-id", "a b", "matrix.device_id", "Use 1 to 255 characters"),
    ] {
        let run = cli.run(&["login", "--homeserver", "example.org", option, value]).failed(2, "local", code);
        assert!(hint(&run).contains(says), "{}", run.stdout);
    }
    let run = cli.run(&["account", "--action", "x"]).failed(2, "local", "cli.usage");
    assert!(hint(&run).contains("give profile"), "{}", run.stdout);
}

/// 300 seconds are the most that can be allowed.
#[test]
fn an_option_that_cannot_help_is_not_named() {
    for (late, helps) in [(200, true), (4000, false)] {
        let (op, cli) = (Op::start(), Cli::new());
        op.provider.edit_id_token(move |token| {
            let iat = token.claims["iat"].as_u64().unwrap();
            token.claim("iat", json!(iat + late));
        });
        let run = cli.login(&op, &[]).failed(1, "remote", "id_token.issued_in_future");
        assert_eq!(hint(&run).contains("--clock-skew"), helps, "{}", run.stdout);
    }
}
