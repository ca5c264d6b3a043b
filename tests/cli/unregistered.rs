//! Clients that a provider forgot, and clients that are not registered in vain.

use oidc_proto::testing::{Disturbance, On, OnMatrix, Par, RegisteredClient};

use crate::homeservers::refuse_the_client;
use crate::qr::{Two, text};
use crate::support::cli::{Cli, Op, browser};

/// What the provider says to a device request of a client that it does not know.
#[test]
fn a_login_by_qr_code_registers_anew_once() {
    let two = Two::new();
    let register = ["register", "--insecure-loopback", "--homeserver", &two.op.issuer];
    let first = two.new.run(&register).done().event("registered")["client_id"].clone();
    two.op.provider.forget_clients();
    let (mut login, code) = two.login_shows(&["--reuse-client"]);
    let mut grant = two.grant(&["--scan", &code, "--yes"]);
    let digits = text(&mut grant, "check_code", "digits");
    login.paste(&digits);
    let (login, _) = (login.end().done(), grant.end());
    let warnings = login.events.iter().filter(|event| event["event"] == "warning");
    assert!(warnings.into_iter().any(|warning| warning["code"] == "token.invalid_client"));
    assert_ne!(login.event("logged_in")["client_id"], first);
}

#[test]
fn a_login_by_qr_code_looks_for_the_device_endpoint_before_it_registers() {
    let two = Two::new();
    let before = two.op.provider.count(On::Register);
    two.op.homeserver.edit_json(OnMatrix::AuthMetadata, |o| drop(o.remove("device_authorization_endpoint")));
    let (mut login, code) = two.login_shows(&[]);
    let mut grant = two.grant(&["--scan", &code, "--yes"]);
    let digits = text(&mut grant, "check_code", "digits");
    login.paste(&digits);
    login.end().failed(1, "remote", "device.unsupported");
    let error = grant.end().failed(1, "denied", "qr.peer_unsupported_protocol").event("error").clone();
    // No server said so.
    assert_eq!(error.get("status"), None, "{error}");
    assert_eq!(two.op.provider.count(On::Register), before);
}

/// What went wrong here is no lack of the other device.
#[test]
fn a_login_by_qr_code_that_fails_here_does_not_blame_the_protocol() {
    let two = Two::new();
    two.op.provider.disturb(On::Register, Disturbance::status(500), 9);
    let (mut login, code) = two.login_shows(&[]);
    let mut grant = two.grant(&["--scan", &code, "--yes"]);
    let digits = text(&mut grant, "check_code", "digits");
    login.paste(&digits);
    login.end().failed(1, "transport", "http.server_error");
    let error = grant.end().failed(1, "denied", "qr.peer_failure").event("error").clone();
    assert!(error["provider"]["error"] == "internal_error" && error.get("status").is_none(), "{error}");
}

/// The user of a session at a provider, by browser or on a device; also where the store lost the client.
#[test]
fn a_login_again_at_a_provider_that_forgot_the_client_registers_anew_once() {
    for place in ["par", "token", "device", "store", "register"] {
        let op = Op::with(|provider| provider.with_device_interval(Some(std::time::Duration::from_secs(1))));
        let cli = Cli::new();
        let run = if place == "device" { cli.device(&op, &[]) } else { cli.login(&op, &[]) };
        let session = run.done().event("logged_in").clone();
        match place {
            "par" => drop(op.provider.clone().with_par(Par::Required)),
            "token" => refuse_the_client(&op, 1),
            "store" => std::fs::remove_file(cli.store().join("registrations.json")).unwrap(),
            "register" => {
                let register = ["register", "--anew", "--insecure-loopback", "--issuer", &op.issuer];
                cli.run(&register).done();
            }
            _ => {}
        }
        if ["par", "device"].contains(&place) {
            op.provider.forget_clients();
        }
        let relogin = ["relogin", "--deadline", "60"];
        let by_browser = ["--browser", &browser()];
        let run = cli.run(&[&relogin[..], if place == "device" { &[] } else { &by_browser }].concat()).done();
        let login = run.event("logged_in");
        assert_ne!(login["client_id"], session["client_id"], "{place}");
        assert_eq!(login["session"], session["session"], "{place}");
        assert_eq!(op.provider.count(On::Register), 2, "{place}");
        let warned = run.events.iter().any(|event| event["code"] == "token.invalid_client");
        assert_eq!(warned, ["par", "token", "device"].contains(&place), "{place}");
        cli.run(&["refresh"]).done();
        cli.run(&["relogin", "--browser", &browser()]).done();
    }
    // Once, and not for a client that somebody configured.
    let (op, cli) = (Op::start(), Cli::new());
    cli.login(&op, &[]).done();
    refuse_the_client(&op, 9);
    cli.run(&["relogin", "--browser", &browser()]).failed(1, "denied", "token.invalid_client");
    assert_eq!(op.provider.count(On::Register), 2);
}

/// The browser stays on the provider's error page. After the deadline the client is used no more.
#[test]
fn a_login_again_whose_client_was_forgotten_registers_anew() {
    for place in ["deadline", "store"] {
        let (op, cli) = (Op::start(), Cli::new());
        let session = cli.matrix(&op.issuer, &[]).done().event("logged_in").clone();
        op.provider.forget_clients();
        if place == "deadline" {
            let relogin = ["relogin", "--deadline", "1", "--browser", "true"];
            cli.run(&relogin).failed(1, "transport", "cli.deadline");
        } else {
            std::fs::remove_file(cli.store().join("registrations.json")).unwrap();
        }
        let run = cli.run(&["relogin", "--deadline", "20", "--browser", &browser()]).done();
        let login = run.event("logged_in");
        assert_ne!(login["client_id"], session["client_id"], "{place}");
        for same in ["device_id", "session", "user_id"] {
            assert_eq!(login[same], session[same], "{place}");
        }
        assert_eq!(op.provider.count(On::Register), 2, "{place}");
        cli.run(&["whoami"]).done();
        cli.run(&["refresh"]).done();
    }
}

/// The user registered or named another one since, and may think that it is used.
#[test]
fn a_login_again_says_that_it_is_the_sessions_own_clients() {
    for at_homeserver in [true, false] {
        let (op, cli) = (Op::start(), Cli::new());
        drop(op.provider.clone().with_client(RegisteredClient::public("named", "http://127.0.0.1/callback")));
        let log_in = |arguments: &[&str]| {
            let run = if at_homeserver { cli.matrix(&op.issuer, arguments) } else { cli.login(&op, arguments) };
            run.done().event("logged_in").clone()
        };
        let (session, _) = (log_in(&[]), log_in(&["--login-hint", "auto:bob"]));
        let id = session["session"].as_str().unwrap();
        let again = |warned: bool| {
            let run = cli.run(&["relogin", "--session", id, "--browser", &browser()]).done();
            assert_eq!(run.event("logged_in")["client_id"], session["client_id"]);
            let at = |name: &str| run.events.iter().position(|event| event["event"] == name);
            let warning = run.events.iter().position(|event| event["code"] == "cli.other_client");
            assert_eq!(warning.is_some(), warned, "{}", run.stdout);
            assert!(warning <= at("authorization_url"), "{}", run.stdout);
        };
        // Nobody asked for the client of another login.
        again(false);
        if at_homeserver {
            cli.run(&["register", "--anew", "--insecure-loopback", "--homeserver", &op.issuer]).done();
            again(true);
        }
        log_in(&["--client-id", "named", "--login-hint", "auto:bob"]);
        again(true);
    }
}

#[test]
fn no_client_is_registered_for_a_login_that_cannot_begin() {
    let (op, cli) = (Op::start(), Cli::new());
    op.homeserver.edit_json(OnMatrix::AuthMetadata, |o| {
        o.insert("prompt_values_supported".into(), serde_json::json!(["login", "create"]));
        o.insert("response_modes_supported".into(), serde_json::json!(["query", "fragment"]));
        drop(o.remove("pushed_authorization_request_endpoint"));
    });
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    for (arguments, fault, code) in [
        (&["--scope", "urn:matrix:client:device:OTHERDEVICE"][..], "local", "matrix.scope"),
        (&["--prompt", "consent"], "remote", "metadata.unsupported"),
        (&["--redirect-port", &port], "local", "cli.listener"),
        (&["--response-mode", "form_post"], "local", "authorization.response_mode"),
        (&["--par", "always"], "remote", "par.unsupported"),
    ] {
        let exit = if code == "matrix.scope" { 2 } else { 1 };
        cli.matrix(&op.issuer, arguments).failed(exit, fault, code);
        assert_eq!(op.provider.count(On::Register), 0, "{arguments:?}");
    }
    let device = ["device", "--insecure-loopback", "--scope", "urn:matrix:client:device:OTHERDEVICE"];
    cli.run(&[&device[..], &["--homeserver", &op.issuer]].concat()).failed(2, "local", "matrix.scope");
    assert_eq!(op.provider.count(On::Register), 0);
    drop(taken);
    cli.matrix(&op.issuer, &[]).done();
}
