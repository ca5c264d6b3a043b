//! A login on a device without a browser.

use std::time::{Duration, Instant};

use oidc_proto::testing::{Decision, Disturbance, Lie, On, Provider, RegisteredClient};

use crate::support::cli::{Cli, Op};

const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// A provider whose first user decides at this poll.
fn op(polls: usize) -> Op {
    Op::with(|provider: Provider| {
        let conf = RegisteredClient::confidential("conf", "conf secret: &+", "http://127.0.0.1/callback");
        provider
            .with_client(conf.with_grant_type(GRANT))
            .with_device_interval(Some(Duration::from_secs(1)))
            .with_device_polls(polls)
    })
}

fn arguments<'a>(op: &'a Op, more: &[&'a str]) -> Vec<&'a str> {
    [&["device", "--insecure-loopback", "--issuer", &op.issuer], more].concat()
}

#[test]
fn a_whole_session_from_a_device() {
    let (op, cli) = (op(1), Cli::new());
    let run = cli.device(&op, &["--scope", "openid profile", "--verbose"]).done();
    let code = run.event("device_code");
    let (page, user_code) = (code["verification_uri"].as_str().unwrap(), code["user_code"].as_str().unwrap());
    assert_eq!(page, format!("{}/device", op.issuer));
    assert_eq!(code["verification_uri_complete"], format!("{page}?user_code={user_code}"));
    assert!((590..=600).contains(&code["expires_in"].as_u64().unwrap()));
    assert_eq!(run.event("logged_in")["subject"], "sub-alice");
    assert_eq!(run.event("logged_in")["refreshable"], true);
    assert_eq!(run.event("userinfo")["claims"]["name"], "alice");
    assert_eq!(op.provider.count(On::Token), 2);
    run.hides(&cli.secrets());
    assert!(!run.stdout.contains("dc_"), "{}", run.stdout);

    cli.run(&["refresh"]).done();
    cli.run(&["userinfo"]).done();
    // The client of the device is not the browser's, and is used again.
    let again = cli.device(&op, &[]).done();
    assert_eq!(again.event("logged_in")["client_id"], run.event("logged_in")["client_id"]);
    assert_eq!(op.provider.count(On::Register), 1);
    assert_ne!(cli.login(&op, &[]).done().event("logged_in")["client_id"], again.event("logged_in")["client_id"]);
    assert_eq!(cli.run(&["logout"]).done().event("logged_out")["revoked"], true);
}

#[test]
fn a_named_client_with_a_secret_and_a_bound_token() {
    let (op, cli) = (op(0), Cli::new());
    let run = cli.device(&op, &["--client-id", "conf", "--client-secret", "conf secret: &+", "--dpop"]).done();
    assert_eq!(run.event("logged_in")["client_id"], "conf");
    assert!(run.event("logged_in")["dpop_thumbprint"].is_string());
    assert_eq!(op.provider.count(On::Register), 0);
    run.hides(&cli.secrets());
    assert!(!run.stdout.contains("secret: "));
    assert_eq!(cli.run(&["token"]).done().event("token")["token_type"], "DPoP");
    cli.run(&["refresh"]).done();
}

#[test]
fn people_are_told_where_to_go() {
    let (op, cli) = (op(0), Cli::new());
    let run = cli.plain(&arguments(&op, &["--deadline", "60"])).done();
    let page = format!("{}/device", op.issuer);
    for part in [&page, &format!("{page}?user_code="), "Type this code", "Logged in"] {
        assert!(run.stdout.contains(part), "no {part} in {}", run.stdout);
    }
    run.hides(&cli.secrets());
}

#[test]
fn the_user_decides_while_the_device_waits() {
    for (decision, denied) in [(Decision::Allow, false), (Decision::Deny, true)] {
        let (op, cli) = (op(usize::MAX), Cli::new());
        let mut running = cli.start(&arguments(&op, &["--deadline", "60"]));
        let code = running.until("device_code")["user_code"].as_str().unwrap().to_owned();
        assert!(op.provider.decide_device(&code, decision));
        let run = running.end();
        if denied {
            run.failed(1, "denied", "device.access_denied");
            assert!(cli.session_files().is_empty());
        } else {
            assert_eq!(run.done().event("logged_in")["subject"], "sub-alice");
        }
    }
}

#[test]
fn a_network_that_fails_does_not_end_the_wait() {
    let (op, cli) = (op(0), Cli::new());
    op.provider.disturb(On::Token, Disturbance::status(503), 1);
    cli.device(&op, &[]).done();
    assert_eq!(op.provider.count(On::Token), 2);
}

#[test]
fn the_wait_ends_at_the_deadline() {
    // Between two polls, and in the middle of a pause.
    let slow = Op::with(|provider| provider.with_device_interval(Some(Duration::from_secs(100))));
    for (op, deadline, polls) in [(op(usize::MAX), "2", 2), (slow, "1", 0)] {
        let (cli, since) = (Cli::new(), Instant::now());
        cli.run(&arguments(&op, &["--deadline", deadline])).failed(1, "transport", "cli.deadline");
        assert!(since.elapsed() < Duration::from_secs(30));
        assert!(op.provider.count(On::Token) <= polls);
        assert!(cli.session_files().is_empty());
        // Neither is anything half-written left.
        let files = std::fs::read_dir(cli.store()).unwrap().map(|entry| entry.unwrap().file_name());
        let mut files: Vec<_> = files.collect();
        files.sort();
        assert_eq!(files, ["lock", "registrations.json"]);
    }
    let lifetime = Duration::from_secs(3);
    let brief = Op::with(|provider| provider.with_device_polls(usize::MAX).with_device_lifetime(lifetime));
    let cli = Cli::new();
    cli.device(&brief, &[]).failed(1, "denied", "device.expired_token");
}

#[test]
fn what_the_provider_says_is_checked() {
    let (op, cli) = (op(0), Cli::new());
    for lie in [
        Lie::DeviceCodeAbsent,
        Lie::UserCodeAbsent,
        Lie::UserCodeControlCharacters,
        Lie::VerificationUriScript,
        Lie::VerificationUriHttp,
        Lie::VerificationUriUserInfo,
    ] {
        op.provider.lie(lie);
        let run = cli.device(&op, &[]).failed(1, "remote", "device.response");
        assert!(run.events.iter().all(|event| event["event"] != "device_code"), "{}", run.stdout);
        assert!(!run.stdout.contains('\u{1b}'), "{}", run.stdout);
        op.provider.honest();
    }
    op.provider.lie(Lie::SignatureWrong);
    cli.device(&op, &[]).failed(1, "remote", "jws.signature");
    assert_eq!(op.provider.count(On::Revoke), 1);
    op.provider.honest();
    assert!(cli.session_files().is_empty());

    let cli = Cli::new();
    op.provider.edit_json(On::ServerMetadata, |metadata| drop(metadata.remove("device_authorization_endpoint")));
    let registered = op.provider.count(On::Register);
    cli.device(&op, &[]).failed(1, "remote", "device.unsupported");
    assert_eq!(op.provider.count(On::Register), registered);
}

/// The command may end before the code does.
#[test]
fn the_time_that_is_left_is_the_commands_too() {
    let cli = Cli::new();
    let running_out = op(usize::MAX);
    let run = cli.run(&arguments(&running_out, &["--deadline", "1"])).failed(1, "transport", "cli.deadline");
    let code = run.event("device_code");
    assert_eq!(code["deadline"], 1);
    assert!(code["expires_in"].as_u64().unwrap() > 500);
    let run = cli.plain(&arguments(&running_out, &["--deadline", "1"]));
    assert!(run.stdout.contains("within 1 s"), "{}", run.stdout);
    let brief = Op::with(|provider| provider.with_device_lifetime(Duration::from_secs(2)));
    let run = cli.plain(&arguments(&brief, &["--deadline", "60"]));
    assert!(run.stdout.contains("within 2 s") || run.stdout.contains("within 1 s"), "{}", run.stdout);
}
