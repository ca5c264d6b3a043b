//! What can be wrong at a homeserver or on the command line, and what is done about it.

use std::sync::atomic::Ordering::SeqCst;

use oidc_proto::testing::{Disturbance, On, OnMatrix, Par};

use crate::matrix::name;
use crate::support::cli::{Cli, Op, browser, parameter};

/// The token endpoint does not know the client, so many times.
pub(crate) fn refuse_the_client(op: &Op, times: u32) {
    let left = std::sync::atomic::AtomicU32::new(times);
    op.provider.tamper(On::Token, move |response| {
        if left.load(SeqCst) > 0 {
            left.fetch_sub(1, SeqCst);
            *response.status_mut() = http::StatusCode::UNAUTHORIZED;
            *response.body_mut() = br#"{"error":"invalid_client"}"#.to_vec();
        }
    });
}

/// The provider deleted its registration: a pushed request, a device and a code each learn it.
#[test]
fn a_client_that_the_provider_forgot_is_registered_anew_once() {
    for place in ["par", "device", "token", "relogin"] {
        let op = Op::with(|provider| provider.with_device_interval(Some(std::time::Duration::from_secs(1))));
        let cli = Cli::new();
        let first = cli.matrix(&op.issuer, &[]).done().event("logged_in").clone();
        let device = ["device", "--insecure-loopback", "--deadline", "60", "--homeserver", &op.issuer];
        op.provider.forget_clients();
        let run = match place {
            "par" => cli.matrix(&op.issuer, &["--par", "always", "--reuse-client"]),
            "device" => cli.run(&[&device[..], &["--reuse-client"]].concat()),
            "token" => {
                cli.run(&["register", "--anew", "--insecure-loopback", "--homeserver", &op.issuer]).done();
                refuse_the_client(&op, 1);
                cli.matrix(&op.issuer, &["--reuse-client"])
            }
            _ => {
                drop(op.provider.clone().with_par(Par::Required));
                cli.run(&["relogin", "--browser", &browser()])
            }
        };
        let run = run.done();
        assert_eq!(run.event("warning")["code"], "token.invalid_client", "{place}");
        let login = run.event("logged_in");
        assert_ne!(login["client_id"], first["client_id"], "{place}");
        assert_eq!(login["device_id"] == first["device_id"], place == "relogin");
        assert_eq!(login["session"] == first["session"], place == "relogin");
        assert_eq!(op.provider.count(On::Register), if place == "token" { 3 } else { 2 }, "{place}");
        cli.run(&["refresh", "--session", login["session"].as_str().unwrap()]).done();

        // A provider that knows no client at all is asked for one more, and that is all.
        let before = op.provider.count(On::Register);
        refuse_the_client(&op, 9);
        cli.matrix(&op.issuer, &[]).failed(1, "denied", "token.invalid_client");
        assert_eq!(op.provider.count(On::Register), before + 1, "{place}");
    }
    // A client that somebody configured is theirs to mend.
    let (op, cli) = (Op::start(), Cli::new());
    cli.matrix(&op.issuer, &["--par", "always", "--client-id", "configured"]).failed(
        1,
        "denied",
        "token.invalid_client",
    );
    assert_eq!(op.provider.count(On::Register), 0);
}

/// Where an emulator finds its host, and containers find each other.
#[test]
fn http_on_a_private_network_is_a_choice_that_a_session_keeps() {
    let (op, cli) = (Op::start(), Cli::new());
    // Nobody listens there any more: what is sent at all fails on its way.
    let proxy = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let discover = |option: &[&str], homeserver: &str| {
        let proxy = format!("http://{proxy}");
        let run = cli.run(&[&["discover", "--proxy", &proxy, "--homeserver", homeserver], option].concat());
        let is_refused_unasked = run.event("error")["code"] == "url.scheme";
        assert_eq!(run.exit, if is_refused_unasked { 2 } else { 1 });
        (
            run.event("error")["fault"].clone(),
            run.event("error")["code"].clone(),
            run.event("error")["hint"].to_string(),
        )
    };
    for homeserver in ["http://10.0.2.2:8008", "http://synapse:8008", "http://box.local:8008"] {
        assert_eq!(discover(&["--insecure-private-network"], homeserver).0, "transport", "{homeserver}");
        for option in [&[][..], &["--insecure-loopback"]] {
            let (fault, code, hint) = discover(option, homeserver);
            assert_eq!((fault, code), ("local".into(), "url.scheme".into()), "{homeserver}");
            assert!(hint.contains("--insecure-private-network"), "{hint}");
        }
    }
    assert_eq!(discover(&["--insecure-private-network"], "http://matrix.example.org").1, "url.scheme");

    let login = ["login", "--insecure-private-network", "--deadline", "60", "--homeserver", &op.issuer];
    cli.run(&[&login[..], &["--browser", &browser()]].concat()).done();
    cli.run(&["refresh"]).done();
    cli.run(&["whoami"]).done();
    assert!(std::fs::read_to_string(&cli.session_files()[0]).unwrap().contains("insecure_private_network"));
}

/// What an application of one's own would come back to. Nothing that is said is passed over.
#[test]
fn a_redirect_uri_is_registered_and_used_or_refused() {
    let (op, cli) = (Op::start(), Cli::new());
    let uri = "http://localhost/matrix";
    let run = cli.matrix(&op.issuer, &["--redirect-uri", uri]).done();
    let url = run.event("authorization_url")["url"].as_str().unwrap();
    assert!(parameter(url, "redirect_uri").is_some_and(|uri| uri.starts_with("http://localhost:")), "{url}");
    let id = run.event("logged_in")["client_id"].clone();
    let register = ["register", "--insecure-loopback", "--homeserver", &op.issuer];
    let known = cli.run(&[&register[..], &["--redirect-uri", uri]].concat()).done();
    assert_eq!(known.event("registered")["known"], true);
    assert_eq!(known.event("registered")["client_id"], id);
    // The usual one is another client.
    assert_ne!(cli.run(&register).done().event("registered")["client_id"], id);
    assert_eq!(cli.run(&[&register[..], &["--redirect-port", "7777"]].concat()).exit, 2);

    // A scheme of another application's: refused before anything is asked.
    let asked = op.homeserver.requests().len();
    let foreign = ["--redirect-uri", "com.example.other:/callback"];
    let run = cli.run(&[&register[..], &foreign].concat()).failed(2, "local", "registration.redirect_uri");
    assert!(run.event("error")["hint"].as_str().unwrap().contains("--redirect-uri"));
    cli.matrix(&op.issuer, &[&foreign[..], &["--paste"]].concat()).failed(2, "local", "registration.redirect_uri");
    assert_eq!(op.homeserver.requests().len(), asked);
}

/// Further authorization of a session, and a user who is to prove who it is.
#[test]
fn a_login_again_asks_for_more() {
    let (op, cli) = (Op::start(), Cli::new());
    let session = cli.matrix(&op.issuer, &["--scope", "urn:one"]).done().event("logged_in").clone();
    let more = ["relogin", "--scope", "urn:two", "--prompt", "login", "--browser", &browser()];
    let run = cli.run(&more).done();
    let url = run.event("authorization_url")["url"].as_str().unwrap();
    assert_eq!(parameter(url, "prompt").as_deref(), Some("login"));
    let scope = run.event("logged_in")["scope"].as_str().unwrap();
    assert!(["urn:one", "urn:two"].iter().all(|one| scope.split(' ').any(|value| value == *one)), "{scope}");
    assert_eq!(run.event("logged_in")["session"], session["session"]);
    let device = ["relogin", "--scope", "urn:matrix:client:device:OTHER", "--browser", &browser()];
    let run = cli.run(&device).failed(2, "local", "matrix.scope");
    assert!(run.event("error")["hint"].as_str().unwrap().contains("--scope"));
}

#[test]
fn nothing_of_an_ended_session_is_left_in_the_store() {
    let (op, cli) = (Op::start(), Cli::new());
    cli.matrix(&op.issuer, &[]).done();
    cli.run(&["refresh"]).done();
    cli.run(&["logout"]).done();
    let names = std::fs::read_dir(cli.store()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.collect();
    names.sort_unstable();
    assert_eq!(names, ["lock", "registrations.json"]);
    // The same device logs in again, with a lock of its own.
    cli.matrix(&op.issuer, &[]).done();
    cli.run(&["refresh"]).done();
}

/// A homeserver that is restarting, a document that somebody broke, a user who was not meant.
#[test]
fn what_is_wrong_at_a_homeserver_is_waited_out_or_told() {
    let (op, cli) = (Op::start(), Cli::new());
    op.homeserver.tamper(OnMatrix::WellKnown, |response| *response.body_mut() = b"<html>".to_vec());
    let run = cli.matrix(&name(&op), &[]).done();
    assert_eq!(run.event("warning")["code"], "json.syntax");
    assert!(run.event("warning")["message"].as_str().unwrap().contains("Matrix well-known document"));
    op.homeserver.honest();
    for fault in [Disturbance::status(503), Disturbance::Status { status: 429, retry_after: Some("1") }] {
        op.homeserver.disturb(OnMatrix::Whoami, fault, 1);
        cli.run(&["whoami"]).done();
    }
    op.homeserver.disturb(OnMatrix::Whoami, Disturbance::status(503), 9);
    cli.run(&["whoami"]).failed(1, "transport", "http.server_error");
    op.homeserver.honest();

    op.homeserver.edit_json(OnMatrix::Whoami, |o| drop(o.insert("user_id".into(), "@mallory:example.org".into())));
    let run = cli.run(&["relogin", "--browser", &browser()]).failed(1, "remote", "whoami.user_mismatch");
    let error = run.event("error").to_string();
    assert!(error.contains("@mallory:example.org") && error.contains(&op.homeserver.user_id("alice")), "{error}");
}

/// A session belongs to its homeserver, which names another issuer now.
#[test]
fn a_renamed_issuer_costs_a_login_and_not_the_device() {
    let (op, cli) = (Op::start(), Cli::new());
    drop(op.homeserver.clone().with_habits_of_mas());
    let session = cli.matrix(&op.issuer, &[]).done().event("logged_in").clone();
    let renamed = format!("{}/", op.issuer);
    op.homeserver.edit_json(OnMatrix::AuthMetadata, {
        let renamed = renamed.clone();
        move |o| drop(o.insert("issuer".into(), renamed.clone().into()))
    });
    let run = cli.run(&["whoami"]).failed(1, "local", "provider.mismatch");
    let error = run.event("error").to_string();
    assert!(error.contains(&renamed) && error.contains("oidc_cli relogin"), "{error}");
    let run = cli.run(&["relogin", "--browser", &browser()]).done();
    assert_eq!(run.event("logged_in")["device_id"], session["device_id"]);
    assert_eq!(run.event("logged_in")["issuer"], renamed.as_str());
    cli.run(&["whoami"]).done();
    cli.run(&["refresh"]).done();
    cli.run(&["logout"]).done();
}

/// A session belongs to its homeserver: what its renamed provider was not asked to revoke is kept.
#[test]
fn a_logout_at_a_renamed_issuer_keeps_the_session_unless_it_is_forced() {
    let (op, cli) = (Op::start(), Cli::new());
    cli.matrix(&op.issuer, &[]).done();
    let renamed = format!("{}/", op.issuer);
    op.homeserver.edit_json(OnMatrix::AuthMetadata, move |o| drop(o.insert("issuer".into(), renamed.clone().into())));
    let run = cli.run(&["logout"]).failed(1, "local", "provider.mismatch");
    let error = run.event("error").to_string();
    assert!(error.contains("oidc_cli relogin") && error.contains("--force"), "{error}");
    assert_eq!(cli.session_files().len(), 1);
    let run = cli.run(&["logout", "--force"]).done();
    assert_eq!(run.event("logged_out")["revoked"], false);
    assert!(cli.session_files().is_empty());
}

/// The homeserver knows the token, and says that it is somebody else's.
#[test]
fn whoami_refuses_another_user_or_device_than_the_sessions() {
    let (op, cli) = (Op::start(), Cli::new());
    let session = cli.matrix(&op.issuer, &[]).done().event("logged_in").clone();
    for (member, other, code) in [
        ("user_id", "@mallory:example.org", "whoami.user_mismatch"),
        ("device_id", "OTHERDEVICE", "whoami.device_mismatch"),
    ] {
        op.homeserver.edit_json(OnMatrix::Whoami, move |o| drop(o.insert(member.into(), other.into())));
        let run = cli.run(&["whoami"]).failed(1, "remote", code);
        let error = run.event("error").to_string();
        assert!(error.contains(other) && error.contains(session[member].as_str().unwrap()), "{error}");
        op.homeserver.honest();
    }
    cli.run(&["whoami"]).done();
}

/// As at a provider.
#[test]
fn a_registration_with_a_flaw_is_told() {
    for command in ["login", "register", "device"] {
        let op = Op::with(|provider| provider.with_device_interval(Some(std::time::Duration::from_secs(1))));
        let cli = Cli::new();
        op.provider.edit_json(On::Register, |response| {
            response.insert("id_token_signed_response_alg".into(), "none".into());
        });
        let run = match command {
            "login" => cli.matrix(&op.issuer, &[]),
            command => cli.run(&[command, "--insecure-loopback", "--deadline", "60", "--homeserver", &op.issuer]),
        };
        let run = run.done();
        let warning = run.event("warning");
        assert_eq!(
            (&warning["code"], &warning["field"]),
            (&"jws.algorithm".into(), &"id_token_signed_response_alg".into())
        );
        assert!(warning["hint"].as_str().unwrap().contains("registered all the same"), "{command}: {warning}");
    }
}
