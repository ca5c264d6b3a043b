//! Metadata that lack what nobody needs, and URLs that are too long.

use oidc_proto::testing::{On, RegisteredClient};

use crate::support::cli::{Cli, Op, browser, parameter};

#[test]
fn only_a_login_by_browser_needs_an_authorization_endpoint() {
    let client =
        RegisteredClient::confidential("machine", "a secret of thirty-two bytes or so", "https://app.example.org/cb")
            .with_grant_type("client_credentials");
    let (op, cli) = (Op::with(|provider| provider.with_client(client)), Cli::new());
    op.provider.edit_json(On::ServerMetadata, |document| drop(document.remove("authorization_endpoint")));
    cli.device(&op, &[]).done();
    let machine = [
        "--client-id",
        "machine",
        "--auth-method",
        "client_secret_basic",
        "--client-secret",
        "a secret of thirty-two bytes or so",
    ];
    let credentials = ["client-credentials", "--insecure-loopback", "--issuer", &op.issuer];
    cli.run(&[&credentials[..], &machine].concat()).done();
    let run = cli.login(&op, &[]).failed(1, "remote", "metadata.unsupported");
    let error = run.event("error");
    assert_eq!(error["field"], "authorization_endpoint");
    assert!(error["hint"].as_str().unwrap().contains("oidc_cli device"), "{error}");
    assert_eq!(op.provider.count(On::Register), 1);
}

/// An endpoint whose URL cannot be used counts as absent, and is named when somebody wants it.
#[test]
fn a_login_names_the_url_of_an_endpoint_that_it_cannot_use() {
    let (op, cli) = (Op::start(), Cli::new());
    for url in ["javascript:alert(1)", "/authorize", "http://op.example/login", ""] {
        op.provider.edit_json(On::ServerMetadata, move |document| {
            for name in ["authorization_endpoint", "device_authorization_endpoint"] {
                document.insert(name.into(), url.into());
            }
        });
        let by_browser = cli.login(&op, &[]).failed(1, "remote", "metadata.unsupported");
        let by_device = cli.device(&op, &[]).failed(1, "remote", "device.unsupported");
        for (run, name) in [(by_browser, "authorization_endpoint"), (by_device, "device_authorization_endpoint")] {
            let error = run.event("error");
            assert_eq!((&error["field"], &error["found"]), (&name.into(), &url.into()), "{error}");
        }
        op.provider.honest();
    }
    assert_eq!(op.provider.count(On::Register), 0);
}

#[test]
fn a_logout_with_a_large_id_token_names_the_user_in_its_place() {
    let (op, cli) = (Op::start(), Cli::new());
    op.provider.edit_id_token(|token| drop(token.claims.insert("groups".into(), "g".repeat(2000).into())));
    cli.login(&op, &[]).done();
    let run = cli.run(&["logout", "--end-session", "--show-tokens", "--browser", &browser()]).done();
    assert_eq!(run.event("warning")["code"], "cli.long_url");
    let url = run.event("end_session_url")["url"].as_str().unwrap();
    assert!(url.len() < 2000);
    assert_eq!((parameter(url, "id_token_hint"), parameter(url, "logout_hint").as_deref()), (None, Some("sub-alice")));
    assert!(parameter(url, "client_id").is_some());
}
