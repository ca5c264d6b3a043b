//! A hint says what to do with this program: by its own options, by those that the command has, and with the URL.

use oidc_proto::testing::{Disturbance, Lie, On};
use serde_json::{Value, json};

use crate::support::cli::{Cli, Op, Run};

#[track_caller]
fn hint(run: &Run) -> String {
    let hint = run.event("error")["hint"].as_str().unwrap().to_owned();
    for name in ["Deviation", "Schemes::", "Client::", "ProviderOptions"] {
        assert!(!hint.contains(name), "{hint}");
    }
    hint
}

fn metadata(op: &Op, name: &'static str, value: Value) {
    op.provider.edit_json(On::ServerMetadata, move |document| drop(document.insert(name.into(), value.clone())));
}

#[test]
fn a_known_deviation_is_named_by_its_option() {
    let (op, cli) = (Op::start(), Cli::new());
    op.provider.edit_json(On::Token, |tokens| drop(tokens.insert("scope".into(), json!(["openid"]))));
    let run = cli.login(&op, &[]).failed(1, "remote", "json.type");
    assert!(hint(&run).contains("--accept scope_array"), "{}", hint(&run));
    op.provider.honest();
    op.provider.edit_json(On::Token, |tokens| drop(tokens.insert("scope".into(), json!(7))));
    let run = cli.login(&op, &[]).failed(1, "remote", "json.type");
    assert!(!hint(&run).contains("--accept"), "{}", hint(&run));
    op.provider.honest();
    metadata(&op, "require_pushed_authorization_requests", json!("false"));
    let run = cli.login(&op, &[]).failed(1, "remote", "json.type");
    assert!(hint(&run).contains("--accept string_booleans"), "{}", hint(&run));
    op.provider.honest();
    let (issuer, template) = (format!("{}/common", op.issuer), format!("{}/{{tenantid}}", op.issuer));
    metadata(&op, "issuer", json!(template));
    let url = format!("{}/.well-known/openid-configuration", op.issuer);
    let login = ["login", "--insecure-loopback", "--issuer", &issuer, "--metadata-url", &url];
    let run = cli.run(&login).failed(1, "remote", "metadata.issuer_mismatch");
    assert!(hint(&run).contains("--accept tenant_issuer") && hint(&run).contains("your own tenant"), "{}", hint(&run));
}

#[test]
fn a_status_is_told_with_the_url_that_gave_it() {
    let (op, cli) = (Op::start(), Cli::new());
    cli.login(&op, &[]).done();
    let commands: [(On, &str, &[&str]); 3] = [
        (On::Token, "/token", &["refresh"]),
        (On::UserInfo, "/userinfo", &["userinfo"]),
        (On::Revoke, "/revoke", &["logout"]),
    ];
    for (on, path, command) in commands {
        op.provider.disturb(on, Disturbance::status(418), 9);
        let run = cli.run(command).failed(1, "remote", "http.status");
        assert!(hint(&run).contains(&format!("{}{path}", op.issuer)), "{path} {}", hint(&run));
        op.provider.honest();
    }
    op.provider.disturb(On::Token, Disturbance::Redirect, 1);
    let run = cli.run(&["refresh"]).failed(1, "remote", "http.redirect");
    assert!(hint(&run).contains(&format!("{}/token", op.issuer)), "{}", hint(&run));
    assert!(hint(&run).contains("report it to the provider"), "{}", hint(&run));
}

#[test]
fn metadata_that_are_not_at_the_named_url() {
    let (op, cli) = (Op::start(), Cli::new());
    let url = format!("{}/nowhere", op.issuer);
    let named = ["--insecure-loopback", "--issuer", &op.issuer, "--metadata-url", &url];
    for command in ["discover", "login", "register", "device"] {
        let run = cli.run(&[&[command][..], &named].concat()).failed(1, "remote", "metadata.not_found");
        assert!(
            hint(&run).contains("--metadata-url") && !hint(&run).contains("without `/.well-known"),
            "{}",
            hint(&run)
        );
    }
    let run = cli.run(&["discover", "--insecure-loopback", "--issuer", &url]).failed(1, "remote", "metadata.not_found");
    assert!(!hint(&run).contains("--metadata-url URL."), "{}", hint(&run));
}

/// An option that the command lacks is said to be another one's.
#[test]
fn options_of_other_commands_are_told_apart() {
    let op = Op::start();
    op.provider.lie(Lie::MetadataAbsent("registration_endpoint"));
    let cli = Cli::new();
    for (command, is_own) in [("register", false), ("login", true), ("device", true)] {
        let run = cli.run(&[command, "--insecure-loopback", "--issuer", &op.issuer]);
        let run = run.failed(1, "remote", "registration.unsupported");
        assert!(hint(&run).contains("--client-id"), "{}", hint(&run));
        assert_eq!(hint(&run).contains("oidc_cli login"), !is_own, "{command} {}", hint(&run));
    }
}

#[test]
fn a_name_of_this_machine_that_is_none() {
    let cli = Cli::new();
    for (issuer, parts) in [
        ("http://0.0.0.0:8080", &["127.0.0.1", "--insecure-loopback"][..]),
        ("http://localhost.:8080", &["without the dot", "--insecure-loopback"]),
        ("http://app.localhost:8080", &["localhost", "--insecure-private-network"]),
        ("http://127.0.0.1:8080", &["--insecure-loopback"]),
        ("http://10.0.0.7", &["--insecure-private-network"]),
    ] {
        let run = cli.run(&["login", "--issuer", issuer]).failed(2, "local", "url.scheme");
        assert!(parts.iter().all(|part| hint(&run).contains(part)), "{}", hint(&run));
    }
}

#[test]
fn userinfo_that_there_is_none_and_a_scope_that_is_missing() {
    let (op, cli) = (Op::start(), Cli::new());
    cli.login(&op, &["--scope", "openid profile"]).done();
    op.provider.tamper(On::UserInfo, |response| {
        *response.status_mut() = http::StatusCode::FORBIDDEN;
        let challenge = r#"Bearer error="insufficient_scope", scope="openid email""#.try_into().unwrap();
        response.headers_mut().insert("www-authenticate", challenge);
    });
    let run = cli.run(&["userinfo"]).failed(1, "denied", "userinfo.unauthorized");
    let id = cli.run(&["status"]).done().event("session")["session"].as_str().unwrap().to_owned();
    let command = format!("oidc_cli relogin --session {id} --scope \"openid profile email\"");
    assert!(hint(&run).contains(&command), "{}", hint(&run));
    op.provider.honest();
    op.provider.lie(Lie::MetadataAbsent("userinfo_endpoint"));
    cli.forget_metadata();
    let run = cli.run(&["userinfo"]).failed(1, "remote", "userinfo.unsupported");
    assert!(hint(&run).contains("oidc_cli status"), "{}", hint(&run));
}

#[test]
fn a_port_is_a_number_of_a_range() {
    let cli = Cli::new();
    let own: [(&[&str], &str); 3] = [
        (&["login", "--issuer", "https://a.example", "--redirect-port"], "from 1 to 65535"),
        (&["register", "--issuer", "https://a.example", "--redirect-port"], "from 1 to 65535"),
        (&["serve", "--port"], "from 0 to 65535"),
    ];
    for (command, range) in own {
        for port in ["abc", "70000", "8000;8001"] {
            let run = cli.run(&[command, &[port]].concat()).failed(2, "local", "cli.usage");
            assert!(hint(&run).contains(range), "{}", hint(&run));
        }
    }
}

#[test]
fn commands_for_the_program_itself_are_not_advised() {
    let cli = Cli::new();
    for arguments in [&[][..], &["opne"], &["brows"], &["--session", "x"]] {
        let run = cli.plain(arguments);
        assert_eq!(run.exit, 2, "{}", run.stderr);
        for hidden in ["browse", "'open'", " open"] {
            assert!(!run.stderr.contains(hidden), "{arguments:?} {}", run.stderr);
        }
    }
    assert!(cli.plain(&[]).stderr.contains("client-credentials"));
    assert!(cli.plain(&["logn"]).stderr.contains("'login'"));
}

/// Which option it was, and what is wrong with it.
#[test]
fn a_parameter_that_is_refused_names_its_option() {
    let (op, cli) = (Op::start(), Cli::new());
    let place = ["--insecure-loopback", "--issuer", &op.issuer];
    let own: [(&[&str], &str, &str); 4] = [
        (&["login", "--parameter", "state=x"], "--parameter", "--token-parameter"),
        (&["login", "--token-parameter", "code=x"], "--token-parameter", " --parameter"),
        (&["device", "--token-parameter", "code=x"], "--token-parameter", " --parameter"),
        (
            &["client-credentials", "--client-id", "c", "--client-secret", "s", "--parameter", "grant_type=x"],
            "--parameter",
            "--token-parameter",
        ),
    ];
    for (command, option, other) in own {
        let run = cli.run(&[command, &place].concat()).failed(2, "local", "authorization.parameter");
        assert!(hint(&run).contains(option) && !hint(&run).contains(other), "{command:?} {}", hint(&run));
    }
}

#[test]
fn a_session_whose_client_is_gone_says_how_to_log_in_again() {
    let (op, cli) = (Op::start(), Cli::new());
    cli.login(&op, &[]).done();
    std::fs::remove_file(cli.store().join("registrations.json")).unwrap();
    let run = cli.run(&["refresh"]).failed(1, "local", "cli.client_unknown");
    let id = cli.run(&["status"]).done().event("session")["session"].as_str().unwrap().to_owned();
    assert!(hint(&run).contains(&format!("oidc_cli relogin --session {id}")), "{}", hint(&run));
    let login = format!("oidc_cli login --issuer {} --client-id ", op.issuer);
    assert!(hint(&run).contains(&login), "{}", hint(&run));
    // Nothing follows the command that could belong to it.
    let run = cli.run(&["logout"]).failed(1, "local", "cli.client_unknown");
    let command = hint(&run).split_once(&login).unwrap().1.to_owned();
    assert!(!command.contains(' ') && hint(&run).contains("--force"), "{}", hint(&run));
}
