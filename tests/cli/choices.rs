//! What a provider needs that others do not: accepted by name, kept with the session, and told by `discover`.

use oidc_proto::testing::{Disturbance, Habits, Lie, On, Par, RegisteredClient};
use oidc_proto::{Deviation, Word as _};
use serde_json::json;

use crate::support::cli::{Cli, Op, Run};

/// The error names the option that helps.
#[track_caller]
fn hints(run: &Run, option: &str) {
    let error = run.event("error");
    assert!(error["hint"].as_str().unwrap().contains(option), "{error}");
}

#[test]
fn each_deviation_has_a_name_on_the_command_line() {
    let cli = Cli::new();
    let run = cli.run(&["login", "--issuer", "https://op.example", "--accept", "nonsense"]);
    let run = run.failed(2, "local", "cli.usage");
    for deviation in Deviation::ALL {
        assert!(run.stderr.contains(deviation.name()), "{}", run.stderr);
    }
}

#[test]
fn a_deviation_is_accepted_by_name_and_kept_with_the_session() {
    let (op, cli) = (Op::start(), Cli::new());
    op.provider.edit_json(On::Token, |tokens| drop(tokens.remove("token_type")));
    let run = cli.login(&op, &[]).failed(1, "remote", "token.missing_type");
    hints(&run, "--accept missing_token_type");
    cli.login(&op, &["--accept", "missing_token_type", "--accept", "scope_array"]).done();
    cli.run(&["refresh"]).done();
    cli.run(&["relogin", "--browser", &crate::support::cli::browser()]).done();
    cli.run(&["refresh"]).done();
}

#[test]
fn discover_tells_what_a_login_seems_to_need() {
    let needs = |op: &Op| {
        let run = Cli::new().run(&["discover", "--insecure-loopback", "--issuer", &op.issuer]).done();
        let needs = run.event("discovered")["needs"].as_array().unwrap().clone();
        needs.iter().map(|need| need.as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(needs(&Op::start()), [""; 0]);
    let op = Op::start();
    op.provider.edit_json(On::ServerMetadata, |document| {
        document.insert("require_pushed_authorization_requests".into(), json!("false"));
    });
    assert_eq!(needs(&op), ["--accept string_booleans"]);
    let op = Op::with(|provider| provider.with_habits(Habits::AUTHENTIK));
    assert_eq!(needs(&op), ["--client-id", "--client-secret, unless the client is registered without one"]);
}

#[test]
fn discover_tells_of_a_template_of_tenants() {
    let op = Op::start();
    let (common, template) = (format!("{}/common/v2.0", op.issuer), format!("{}/{{tenantid}}/v2.0", op.issuer));
    let (document, url) = (json!(template), op.issuer.clone());
    op.provider.tamper(On::Elsewhere, move |response| {
        let metadata = json!({ "issuer": document, "authorization_endpoint": format!("{url}/a"),
            "token_endpoint": format!("{url}/t"), "jwks_uri": format!("{url}/j"), "response_types_supported": ["code"],
            "registration_endpoint": format!("{url}/r") });
        *response.status_mut() = http::StatusCode::OK;
        *response.body_mut() = metadata.to_string().into();
    });
    let cli = Cli::new();
    let run = cli.run(&["discover", "--insecure-loopback", "--issuer", &common]).done();
    assert_eq!(run.event("discovered")["needs"], json!(["--accept tenant_issuer"]));
    // What no choice mends stays an error.
    op.provider.honest();
    cli.run(&["discover", "--insecure-loopback", "--issuer", &common]).failed(1, "remote", "metadata.not_found");
}

#[test]
fn metadata_are_read_where_they_are() {
    let op = Op::start();
    let cli = Cli::new();
    let url = format!("{}/.well-known/openid-configuration?p=b2c", op.issuer);
    cli.login(&op, &["--metadata-url", &url]).done();
    cli.run(&["refresh"]).done();
    cli.run(&["login", "--homeserver", "x.example", "--metadata-url", &url]).failed(2, "local", "cli.usage");
}

#[test]
fn another_audience_is_trusted_where_it_is_named() {
    let (op, cli) = (Op::start(), Cli::new());
    op.provider.edit_id_token(|token| {
        let own = token.claims["aud"].clone();
        token.claim("azp", own.clone());
        token.claim("aud", json!([own, "273951"]));
    });
    hints(&cli.login(&op, &[]).failed(1, "remote", "id_token.extra_audience"), "--trust-audience");
    cli.login(&op, &["--trust-audience", "273951"]).done();
    cli.run(&["refresh"]).done();
}

#[test]
fn parameters_of_token_requests_are_sent_with_each() {
    let (op, cli) = (Op::start(), Cli::new());
    let own = ["--token-parameter", "resource=https://api.example.org/?a=b"];
    // The embedded provider refuses a parameter that stands there twice, and passes over others.
    cli.login(&op, &own).done();
    cli.run(&["refresh"]).done();
    cli.login(&op, &["--token-parameter", "grant_type=x"]).failed(2, "local", "authorization.parameter");
    cli.run(&["login", "--issuer", &op.issuer, "--token-parameter", "x"]).failed(2, "local", "cli.usage");
}

#[test]
fn a_registration_takes_its_initial_access_token() {
    let op = Op::with(|provider| provider.with_initial_access_token("initial-1"));
    let cli = Cli::new();
    let register = ["register", "--insecure-loopback", "--issuer", &op.issuer];
    cli.run(&register).failed(1, "denied", "registration.denied");
    let run = cli.run(&[&register[..], &["--initial-access-token", "initial-1"]].concat()).done();
    assert!(!run.stdout.contains("initial-1"));
    cli.login(&op, &[]).done();
}

/// A provider that has forgotten a client which registered itself gets a new registration, once.
#[test]
fn a_forgotten_registration_is_made_anew_once() {
    let (op, cli) = (Op::with(|provider| provider.with_par(Par::Required)), Cli::new());
    cli.login(&op, &[]).done();
    op.provider.forget_clients();
    let run = cli.login(&op, &[]).done();
    assert_eq!(run.event("warning")["code"], "token.invalid_client");
    assert_eq!(op.provider.count(On::Register), 2);
    op.provider.tamper(On::Par, |response| {
        *response.status_mut() = http::StatusCode::UNAUTHORIZED;
        *response.body_mut() = br#"{"error":"invalid_client"}"#.to_vec();
    });
    cli.login(&op, &[]).failed(1, "denied", "token.invalid_client");
    assert_eq!(op.provider.count(On::Register), 3);
}

#[test]
fn a_pushed_request_that_is_refused_is_told_and_the_login_goes_on() {
    let (op, cli) = (Op::start(), Cli::new());
    op.provider.disturb(On::Par, Disturbance::status(404), 1);
    let run = cli.login(&op, &[]).done();
    let warning = run.event("warning");
    assert!(warning["message"].as_str().unwrap().contains("goes on without"), "{warning}");
    assert!(run.event("authorization_url")["url"].as_str().unwrap().contains("state="));
}

#[test]
fn status_tells_when_the_refresh_token_ends() {
    let (op, cli) = (Op::start(), Cli::new());
    op.provider.edit_json(On::Token, |tokens| drop(tokens.insert("refresh_expires_in".into(), json!(1800))));
    cli.login(&op, &[]).done();
    let seconds = cli.run(&["status"]).done().event("session")["refresh_expires_in"].as_u64().unwrap();
    assert!((1700..=1800).contains(&seconds), "{seconds}");
    assert!(cli.plain(&["status"]).done().stdout.contains("refresh token: for 1"));
}

/// LINE signs with the secret; others sign userinfo.
#[test]
fn algorithms_are_what_the_client_is_registered_for() {
    let secret = "0123456789abcdef0123456789abcdef";
    let line = RegisteredClient::confidential("line", secret, "http://127.0.0.1/callback")
        .with_id_token_signed_response_alg("HS256");
    let signed =
        RegisteredClient::public("signed", "http://127.0.0.1/callback").with_userinfo_signed_response_alg("ES256");
    let op = Op::with(|provider| provider.with_client(line).with_client(signed));
    let cli = Cli::new();
    let login = ["--client-id", "line", "--client-secret", secret];
    hints(&cli.login(&op, &login).failed(1, "remote", "jws.algorithm"), "--id-token-algorithm");
    cli.login(&op, &[&login[..], &["--id-token-algorithm", "HS256"]].concat()).done();
    cli.run(&["refresh"]).done();
    // The client is in the store now: it need not be named again.
    cli.login(&op, &["--id-token-algorithm", "HS256"]).done();
    cli.run(&["refresh"]).done();
    cli.run(&["relogin", "--browser", &crate::support::cli::browser()]).done();
    let run = cli.login(&op, &["--client-id", "signed"]).done();
    assert!(
        run.event("warning")["hint"].as_str().unwrap().contains("--userinfo-algorithm"),
        "{}",
        run.event("warning")
    );
    let run = cli.login(&op, &["--client-id", "signed", "--userinfo-algorithm", "ES256"]).done();
    assert_eq!(run.event("userinfo")["claims"]["sub"], "sub-alice");
    cli.run(&["userinfo"]).done();
    // One that registers itself asks for them.
    let cli = Cli::new();
    let run = cli.login(&op, &["--id-token-algorithm", "ES256", "--userinfo-algorithm", "RS256"]).done();
    assert_eq!(run.event("userinfo")["claims"]["sub"], "sub-alice");
    cli.run(&["refresh"]).done();
    cli.run(&["login", "--issuer", &op.issuer, "--id-token-algorithm", "XS1"]).failed(2, "local", "cli.usage");
}

/// Keycloak, when a user is disabled and enabled again.
#[test]
fn a_refresh_token_that_is_refused_is_told_by_status_and_tried_again() {
    let (op, cli) = (Op::start(), Cli::new());
    op.provider.lie(Lie::RefreshTokenKept);
    cli.login(&op, &[]).done();
    op.provider.tamper(On::Token, |response| {
        *response.status_mut() = http::StatusCode::BAD_REQUEST;
        *response.body_mut() = br#"{"error":"invalid_grant","error_description":"User disabled"}"#.to_vec();
    });
    cli.run(&["refresh"]).failed(1, "denied", "token.invalid_grant");
    let run = cli.run(&["status"]).done();
    assert_eq!(run.event("session")["needs_login"], "token.invalid_grant");
    assert!(run.event("session")["hint"].as_str().unwrap().contains("relogin"));
    assert!(cli.plain(&["status"]).done().stdout.contains("new login"));
    op.provider.honest();
    cli.run(&["refresh"]).done();
    assert_eq!(cli.run(&["status"]).done().event("session").get("needs_login"), None);
    // The files of a session go with it.
    cli.run(&["logout"]).done();
    let left = std::fs::read_dir(cli.store()).unwrap().flatten();
    assert!(left.into_iter().all(|entry| !entry.file_name().to_string_lossy().starts_with("verdict")));
}
