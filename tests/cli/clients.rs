//! Which client a login uses.

use oidc_proto::testing::{On, RegisteredClient};

use crate::support::cli::{Cli, Op, browser, parameter};

fn op_with_clients() -> Op {
    Op::with(|provider| {
        let redirect_uri = "http://127.0.0.1/callback";
        let post = RegisteredClient::confidential("post", "post secret: &+", redirect_uri);
        provider
            .with_client(RegisteredClient::public("public", redirect_uri))
            .with_client(RegisteredClient::confidential("basic", "basic secret: &+", redirect_uri))
            .with_client(post.with_auth_method("client_secret_post"))
    })
}

#[test]
fn a_fixed_client_needs_no_registration_and_is_remembered() {
    let op = op_with_clients();
    for arguments in [
        &["--client-id", "public"][..],
        &["--client-id", "public", "--auth-method", "none"],
        &["--client-id", "basic", "--client-secret", "basic secret: &+"],
        &["--client-id", "post", "--client-secret", "post secret: &+", "--auth-method", "client_secret_post"],
    ] {
        let cli = Cli::new();
        let run = cli.login(&op, arguments).done();
        assert_eq!(run.event("logged_in")["client_id"], arguments[1]);
        assert!(!run.stdout.contains("secret: "));
        cli.run(&["refresh"]).done();
        // The next login does not name it.
        assert_eq!(cli.login(&op, &[]).done().event("logged_in")["client_id"], arguments[1]);
        cli.run(&["logout"]).done();
    }
    assert_eq!(op.provider.count(On::Register), 0);
}

#[test]
fn a_fixed_client_that_logged_nobody_in_is_not_remembered() {
    let (op, cli) = (op_with_clients(), Cli::new());
    let mistyped = ["--client-id", "basic", "--client-secret", "mistyped", "--auth-method", "client_secret_basic"];
    let run = cli.login(&op, &mistyped);
    assert_eq!(run.event("error")["code"], "token.invalid_client");
    let next = cli.login(&op, &[]).done();
    assert_ne!(next.event("logged_in")["client_id"], "basic");
}

#[test]
fn sessions_live_on_when_their_client_is_replaced() {
    let (op, cli) = (op_with_clients(), Cli::new());
    let first = ["--client-id", "basic", "--client-secret", "basic secret: &+", "--login-hint", "auto:alice"];
    let alice = cli.login(&op, &first).done().event("logged_in")["session"].clone();
    let bob =
        cli.login(&op, &["--client-id", "public", "--login-hint", "auto:bob"]).done().event("logged_in")["session"]
            .clone();
    let registered = cli.run(&["register", "--insecure-loopback", "--issuer", &op.issuer]).done();
    let client_id = registered.event("registered")["client_id"].clone();
    for session in [&alice, &bob] {
        cli.run(&["refresh", "--session", session.as_str().unwrap()]).done();
    }
    // The registered client is the one for logins now.
    let run = cli.login(&op, &["--login-hint", "auto:bob"]).done();
    assert_eq!(run.event("logged_in")["client_id"], client_id);
}

#[test]
fn a_client_is_registered_once_and_anew_when_asked() {
    let (op, cli) = (Op::start(), Cli::new());
    let register = ["register", "--insecure-loopback", "--issuer", &op.issuer];
    let first = cli.run(&register).done().event("registered").clone();
    assert_eq!((first["known"].as_bool(), first["auth_method"].as_str()), (Some(false), Some("none")));
    let again = cli.run(&register).done().event("registered").clone();
    assert_eq!((again["known"].as_bool(), &again["client_id"]), (Some(true), &first["client_id"]));
    let anew = cli.run(&[&register[..], &["--anew"]].concat()).done().event("registered").clone();
    assert_ne!(anew["client_id"], first["client_id"]);
    assert_eq!(cli.login(&op, &[]).done().event("logged_in")["client_id"], anew["client_id"]);
    assert_eq!(op.provider.count(On::Register), 2);
}

/// Whoever comes last, each session keeps the client that it was made with, and each login has one.
#[test]
fn registrations_and_logins_at_once_leave_each_session_its_client() {
    let (op, cli, browser) = (Op::start(), Cli::new(), browser());
    let at = ["--insecure-loopback", "--issuer", &op.issuer];
    for round in 0..3 {
        let register = || cli.start(&[&["register", "--anew"], &at[..]].concat());
        let login = |user| {
            let login = ["login", "--deadline", "60", "--browser", &browser, "--login-hint", user];
            cli.start(&[&login, &at[..]].concat())
        };
        let racing = [register(), login("auto:alice"), register(), login("auto:bob")];
        let [one, alice, two, bob] = racing.map(|process| process.end().done());
        let mut known: Vec<_> = [&one, &two].map(|run| run.event("registered")["client_id"].clone()).into();
        for run in [&alice, &bob] {
            let session = run.event("logged_in");
            cli.run(&["refresh", "--session", session["session"].as_str().unwrap()]).done();
            known.push(session["client_id"].clone());
        }
        // The client for the next login is one of those that were registered, and the provider knows it.
        let next = cli.run(&[&["register"], &at[..]].concat()).done();
        let next = next.event("registered");
        assert!(next["known"] == true && known.contains(&next["client_id"]), "{round}: {next} of {known:?}");
        let run = cli.login(&op, &["--login-hint", "auto:alice"]).done();
        assert_eq!(run.event("logged_in")["client_id"], next["client_id"], "{round}");
        cli.run(&["refresh", "--session", bob.event("logged_in")["session"].as_str().unwrap()]).done();
    }
    assert_eq!(cli.session_files().len(), 2);
}

/// Some providers register a client without a secret, and serve none.
#[test]
fn a_client_registers_for_another_method() {
    let (op, cli) = (Op::start(), Cli::new());
    let register = ["register", "--insecure-loopback", "--issuer", &op.issuer];
    let with = |method: &str| cli.run(&[&register[..], &["--auth-method", method]].concat());
    cli.run(&register).done();
    for method in ["client_secret_basic", "client_secret_post", "none", "client_secret_jwt"] {
        let first = with(method).done().event("registered").clone();
        assert_eq!((first["known"].as_bool(), first["auth_method"].as_str()), (Some(false), Some(method)));
        assert_eq!(with(method).done().event("registered")["known"], true);
        let login = cli.login(&op, &[]).done();
        assert_eq!(login.event("logged_in")["client_id"], first["client_id"]);
        cli.run(&["refresh"]).done();
        cli.run(&["logout"]).done();
    }
    with("private_key_jwt").failed(2, "local", "cli.usage");
}

#[test]
fn a_client_registers_with_the_providers_permission() {
    let token = "initial-access-token-1";
    let (op, cli) = (Op::with(|provider| provider.with_initial_access_token(token)), Cli::new());
    let refused = cli.login(&op, &[]).failed(1, "denied", "registration.denied");
    let hint = refused.event("error")["hint"].as_str().unwrap();
    assert!(hint.contains("--initial-access-token"), "{hint}");
    let register = ["register", "--insecure-loopback", "--issuer", &op.issuer];
    cli.run(&[&register[..], &["--initial-access-token", "another"]].concat()).failed(
        1,
        "denied",
        "registration.denied",
    );
    let mut by_variable = cli.start_with(&[("OIDC_CLI_INITIAL_ACCESS_TOKEN", token)], &register);
    by_variable.until("registered");
    by_variable.end().done();
    let run = cli.run(&[&register[..], &["--anew", "-v", "--initial-access-token", token]].concat()).done();
    run.hides(&[token.to_owned()]);
    cli.login(&op, &[]).done();
}

#[test]
fn a_redirect_port_is_registered_and_used_to_the_letter() {
    let (op, cli) = (Op::start(), Cli::new());
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let run = cli.login(&op, &["--redirect-port", &port, "--par", "never"]).done();
    let url = run.event("authorization_url")["url"].as_str().unwrap();
    assert_eq!(parameter(url, "redirect_uri"), Some(format!("http://127.0.0.1:{port}/callback")));
}
