//! Redirect URIs and parameters of one's own.

use oidc_proto::Timestamp;
use oidc_proto::testing::{On, RegisteredClient};

use crate::support::cli::{Cli, Op, browser, parameter};

fn redirect_uri(url: &str) -> String {
    parameter(url, "redirect_uri").unwrap()
}

#[test]
fn the_browser_comes_back_to_the_path_and_the_host_that_were_named() {
    let (op, cli) = (Op::start(), Cli::new());
    let port = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    for (named, starts) in [
        ("http://localhost/oidc/return", "http://localhost:".to_owned()),
        ("http://127.0.0.1/", "http://127.0.0.1:".to_owned()),
        (&*format!("http://localhost:{port}/cb"), format!("http://localhost:{port}/cb")),
    ] {
        for mode in ["query", "fragment", "form_post"] {
            let run = cli.login(&op, &["--redirect-uri", named, "--par", "never", "--response-mode", mode]).done();
            let url = redirect_uri(run.event("authorization_url")["url"].as_str().unwrap());
            assert!(url.starts_with(&starts), "{url}");
            assert_eq!(url::Url::parse(&url).unwrap().path(), url::Url::parse(named).unwrap().path());
        }
        // It is kept for the next login of the session.
        let run = cli.run(&["relogin", "--browser", &browser()]).done();
        assert!(redirect_uri(run.event("authorization_url")["url"].as_str().unwrap()).starts_with(&starts));
    }
    assert_eq!(op.provider.count(On::Register), 3);
}

#[test]
#[ignore = "needs IPv6 on the loopback interface"]
fn an_address_of_ipv6_is_listened_at() {
    let (op, cli) = (Op::start(), Cli::new());
    cli.login(&op, &["--redirect-uri", "http://[::1]/cb"]).done();
}

#[test]
fn a_scheme_of_ones_own_is_pasted() {
    let (op, cli) = (Op::start(), Cli::new());
    let named = "com.example.app:/signed-in";
    let login = ["login", "--insecure-loopback", "--issuer", &op.issuer, "--no-browser", "--par", "never"];
    let login = [&login[..], &["--redirect-uri", named]].concat();
    cli.run(&login).failed(2, "local", "cli.usage");
    assert_eq!(op.provider.count(On::Register), 0);
    let mut running = cli.start(&[&login[..], &["--paste"]].concat());
    let url = running.url();
    assert_eq!(redirect_uri(&url), named);
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let callback = op.provider.visit(&url, Timestamp::from_unix_seconds(now)).callback().to_owned();
    assert!(callback.starts_with(named));
    running.paste(&callback);
    running.end().done();
}

#[test]
fn a_redirect_uri_is_registered_for_later_logins() {
    let (op, cli) = (Op::start(), Cli::new());
    let named = ["--redirect-uri", "http://localhost/cb"];
    cli.run(&[&["register", "--insecure-loopback", "--issuer", &op.issuer][..], &named].concat()).done();
    cli.login(&op, &named).done();
    assert_eq!(op.provider.count(On::Register), 1);
}

#[test]
fn parameters_of_the_providers_own_are_sent() {
    let client =
        RegisteredClient::confidential("machine", "a secret of thirty-two bytes or so", "https://app.example.org/cb")
            .with_grant_type("client_credentials");
    let op = Op::with(|provider| provider.with_client(client));
    let cli = Cli::new();
    let own = ["--parameter", "audience=https://api.example.org/?a=b", "--parameter", "access_type=offline"];
    let run = cli.login(&op, &[&own[..], &["--par", "never"]].concat()).done();
    let url = run.event("authorization_url")["url"].as_str().unwrap();
    assert_eq!(parameter(url, "audience").as_deref(), Some("https://api.example.org/?a=b"));
    assert_eq!(parameter(url, "access_type").as_deref(), Some("offline"));
    let credentials = ["client-credentials", "--insecure-loopback", "--issuer", &op.issuer, "--client-id", "machine"];
    let secret = ["--client-secret", "a secret of thirty-two bytes or so", "--auth-method", "client_secret_basic"];
    cli.run(&[&credentials[..], &secret, &own].concat()).done();
    for wrong in ["audience", "=x"] {
        cli.run(&["login", "--issuer", &op.issuer, "--parameter", wrong]).failed(2, "local", "cli.usage");
    }
    // What the login sets itself is not overwritten.
    cli.login(&op, &["--parameter", "state=mine"]).failed(2, "local", "authorization.parameter");
}

/// A provider compares redirect URIs to the letter, and the first port may be in use.
#[test]
fn the_first_free_port_of_a_list_is_used() {
    let (op, cli) = (Op::start(), Cli::new());
    let listen = || std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let (busy, free) = (listen(), listen());
    let port = |listener: &std::net::TcpListener| listener.local_addr().unwrap().port();
    let (first, second) = (port(&busy), port(&free));
    let ports = format!("{first},{second}");
    let run = cli.login(&op, &["--redirect-port", &ports]).failed(1, "local", "cli.listener");
    assert!(run.event("error")["hint"].as_str().unwrap().contains("--redirect-port"));
    drop(free);
    cli.run(&["register", "--insecure-loopback", "--issuer", &op.issuer, "--redirect-port", &ports]).done();
    let run = cli.login(&op, &["--redirect-port", &ports, "--par", "never"]).done();
    let used = |run: &crate::support::cli::Run| redirect_uri(run.event("authorization_url")["url"].as_str().unwrap());
    assert_eq!(used(&run), format!("http://127.0.0.1:{second}/callback"));
    // Both are registered, and kept for the next login of the session.
    drop(busy);
    let run = cli.run(&["relogin", "--browser", &browser()]).done();
    assert_eq!(used(&run), format!("http://127.0.0.1:{first}/callback"));
    assert_eq!(op.provider.count(On::Register), 1);
}

/// It is a part of the URI (RFC 6749 section 3.1.2), which the provider keeps.
#[test]
fn the_query_of_a_redirect_uri_is_kept() {
    let (op, cli) = (Op::start(), Cli::new());
    let run = cli.login(&op, &["--redirect-uri", "http://localhost/cb?tenant=1", "--par", "never"]).done();
    let url = redirect_uri(run.event("authorization_url")["url"].as_str().unwrap());
    assert!(url.starts_with("http://localhost:") && url.ends_with("/cb?tenant=1"), "{url}");
}
