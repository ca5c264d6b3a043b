//! What would end a login only after the user has logged in is told before the browser opens, and before a client is
//! registered for it.

use oidc_proto::testing::On;
use serde_json::{Value, json};

use crate::support::cli::{Cli, Op, Run};

const KEY: &str = include_str!("../differential/keys/p256-trusted.pem");

/// A provider whose metadata have this member.
fn with(member: &'static str, value: Value) -> Op {
    let op = Op::start();
    op.provider.edit_json(On::ServerMetadata, move |document| drop(document.insert(member.into(), value.clone())));
    op
}

/// Logs in where nobody comes.
fn login(cli: &Cli, op: &Op, arguments: &[&str]) -> Run {
    let login = ["login", "--insecure-loopback", "--issuer", &op.issuer, "--no-browser", "--deadline", "1"];
    cli.run(&[&login[..], &["--par", "never"], arguments].concat())
}

/// Nobody was asked to log in, and no client was registered for it.
#[track_caller]
fn nobody_was_asked(run: &Run, op: &Op) {
    assert!(run.events.iter().all(|event| event["event"] != "authorization_url"), "{:?}", run.events);
    assert_eq!((op.provider.count(On::Register), op.provider.count(On::Par)), (0, 0));
}

#[test]
fn proofs_that_the_provider_does_not_take() {
    let op = with("dpop_signing_alg_values_supported", json!(["PS256", "EdDSA"]));
    let run = login(&Cli::new(), &op, &["--dpop"]).failed(1, "remote", "dpop.algorithm");
    nobody_was_asked(&run, &op);
    let error = run.event("error");
    assert_eq!((&error["found"], &error["expected"]), (&json!("ES256"), &json!("PS256 or EdDSA")), "{error}");
    let hint = error["hint"].as_str().unwrap();
    assert!(hint.contains("without --dpop") && !hint.contains("Use a key"), "{hint}");
    let device = ["device", "--insecure-loopback", "--issuer", &op.issuer, "--dpop"];
    let run = Cli::new().run(&device).failed(1, "remote", "dpop.algorithm");
    assert!(run.events.iter().all(|event| event["event"] != "device_code"), "{:?}", run.events);
    nobody_was_asked(&run, &op);
}

#[test]
fn an_id_token_that_cannot_be_verified() {
    let hs256 = ["--id-token-algorithm", "HS256"];
    for (client, code, part) in [
        (&["--client-id", "app"][..], "token.client_auth", "no secret"),
        (&["--client-id", "app", "--client-secret", "short"], "token.client_auth", "32 bytes"),
        // One that would be registered has none.
        (&[], "cli.usage", "--client-secret"),
    ] {
        let op = Op::start();
        let run = login(&Cli::new(), &op, &[&hs256[..], client].concat()).failed(2, "local", code);
        nobody_was_asked(&run, &op);
        let hint = run.event("error")["hint"].as_str().unwrap();
        assert!(hint.contains(part) && hint.contains("--client-secret"), "{hint}");
    }
    let op = Op::start();
    let secret = "0123456789abcdef0123456789abcdef";
    let run = login(&Cli::new(), &op, &[&hs256[..], &["--client-id", "app", "--client-secret", secret]].concat());
    run.failed(1, "transport", "cli.deadline").event("authorization_url");
}

#[test]
fn an_assertion_that_the_provider_does_not_list() {
    let op = with("token_endpoint_auth_signing_alg_values_supported", json!(["RS256", "PS256"]));
    let cli = Cli::new();
    let key = cli.file("key.pem", KEY);
    let run = login(&cli, &op, &["--client-id", "app", "--key", &key]);
    let at = |name| run.events.iter().position(|event| event["event"] == name).unwrap();
    assert!(at("warning") < at("authorization_url"), "{:?}", run.events);
    let warning = run.event("warning");
    assert_eq!(warning["code"], "cli.unadvertised", "{warning}");
    let message = warning["message"].as_str().unwrap();
    for part in ["ES256", "token_endpoint_auth_signing_alg_values_supported", "RS256, PS256"] {
        assert!(message.contains(part), "{message}");
    }
    let none = with("token_endpoint_auth_signing_alg_values_supported", json!(["X1"]));
    let run = login(&cli, &none, &["--client-id", "app", "--key", &key]);
    let hint = run.event("warning")["hint"].as_str().unwrap();
    assert!(hint.contains("--auth-method") && !hint.contains("that is listed"), "{hint}");
    // Where nobody is asked before, the refusal says it.
    let ask =
        ["client-credentials", "--insecure-loopback", "--issuer", &op.issuer, "--client-id", "app", "--key", &key];
    let run = cli.run(&ask).failed(1, "denied", "token.invalid_client");
    let hint = run.event("error")["hint"].as_str().unwrap();
    assert!(hint.contains("ES256") && hint.contains("RS256, PS256"), "{hint}");
}

#[test]
fn an_endpoint_that_names_a_parameter_of_the_request() {
    let op = Op::start();
    let url = format!("{}/authorize?p=1&client_id=other", op.issuer);
    op.provider.edit_json(On::ServerMetadata, move |document| {
        document.insert("authorization_endpoint".into(), json!(url));
    });
    let cli = Cli::new();
    let run = cli.run(&["discover", "--insecure-loopback", "--issuer", &op.issuer]).done();
    let found = run.event("discovered");
    assert_eq!(found["endpoints"]["authorization"], Value::Null, "{found}");
    assert_eq!(found["unusable"][0]["found"], "the parameter client_id in its query", "{found}");
    let text = cli.plain(&["discover", "--insecure-loopback", "--issuer", &op.issuer]).stdout;
    let line = text.lines().find(|line| line.contains("authorization:")).unwrap();
    assert!(line.contains("client_id") && line.contains("cannot be used"), "{line}");
    let run = login(&cli, &op, &[]).failed(1, "remote", "metadata.unsupported");
    assert!(run.event("error")["message"].as_str().unwrap().contains("client_id"), "{:?}", run.events);
    nobody_was_asked(&run, &op);
}
