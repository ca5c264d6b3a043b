//! What is known of a provider or of a registration is said: before the browser opens, and by `discover`.

use oidc_proto::testing::{Disturbance, On};
use serde_json::{Value, json};

use crate::support::cli::{Cli, Op, Run};
use crate::support::server::{DeadPort, Server};

fn discover(op: &Op) -> [&str; 4] {
    ["discover", "--insecure-loopback", "--issuer", &op.issuer]
}

#[test]
fn what_cannot_be_used_of_a_registration_is_a_warning() {
    let op = Op::start();
    op.provider.edit_json(On::Register, |document| {
        document.insert("id_token_signed_response_alg".into(), json!("none"));
        document.insert("userinfo_signed_response_alg".into(), json!("X1"));
    });
    let cli = Cli::new();
    let fields = |run: &Run| {
        let warnings = run.events.iter().filter(|event| event["event"] == "warning");
        warnings.map(|warning| warning["field"].clone()).collect::<Vec<_>>()
    };
    let register = ["register", "--insecure-loopback", "--issuer", &op.issuer];
    let run = cli.run(&register).done();
    let both = [json!("id_token_signed_response_alg"), json!("userinfo_signed_response_alg")];
    assert_eq!(fields(&run), both, "{}", run.stdout);
    let run = cli.plain(&[&register[..], &["--anew"]].concat());
    assert!(run.stderr.contains("id_token_signed_response_alg") && run.stderr.contains("\"none\""), "{}", run.stderr);
    assert_eq!(fields(&Cli::new().login(&op, &[])), both);
}

#[test]
fn discover_shows_a_url_that_cannot_be_used_and_why() {
    let op = Op::start();
    op.provider.edit_json(On::ServerMetadata, |document| {
        document.insert("end_session_endpoint".into(), json!("http://sso.example.org/bye"));
    });
    let cli = Cli::new();
    let run = cli.run(&discover(&op)).done();
    let found = run.event("discovered");
    assert_eq!(found["endpoints"]["end_session"], Value::Null);
    let unusable = &found["unusable"][0];
    assert_eq!(unusable["field"], "end_session_endpoint", "{found}");
    assert_eq!(unusable["found"], "http://sso.example.org/bye");
    let text = cli.plain(&discover(&op)).stdout;
    let line = text.lines().find(|line| line.contains("end_session:")).unwrap();
    assert!(line.contains("http://sso.example.org/bye") && line.contains("cannot be used"), "{line}");
}

#[test]
fn a_provider_without_the_code_flow_is_told_of_before_the_browser_opens() {
    for (types, told, noted) in [
        (json!(["id_token"]), true, "response_types_supported lacks code"),
        (Value::Null, false, "response_types_supported is missing"),
        (json!(["code"]), false, ""),
    ] {
        let op = Op::start();
        let value = types.clone();
        op.provider.edit_json(On::ServerMetadata, move |document| match &value {
            Value::Null => drop(document.remove("response_types_supported")),
            value => drop(document.insert("response_types_supported".into(), value.clone())),
        });
        let login = ["login", "--insecure-loopback", "--issuer", &op.issuer, "--no-browser", "--deadline", "1"];
        let run = Cli::new().run(&[&login[..], &["--par", "never"]].concat());
        let at = |name| run.events.iter().position(|event| event["event"] == name);
        match told {
            true => {
                let warning = run.event("warning");
                assert_eq!(warning["code"], "cli.unadvertised", "{warning}");
                assert!(warning["message"].as_str().unwrap().contains("response_types_supported"), "{warning}");
                assert!(at("warning") < at("authorization_url"), "{}", run.stdout);
            }
            false => assert_eq!(at("warning"), None, "{}", run.stdout),
        }
        let notes = Cli::new().run(&discover(&op)).done().event("discovered")["notes"].clone();
        let notes: Vec<_> = notes.as_array().unwrap().iter().map(|note| note.as_str().unwrap()).collect();
        assert_eq!(notes.iter().any(|note| note.contains("response_types_supported")), !noted.is_empty(), "{types}");
        assert!(notes.iter().all(|note| note.contains(noted)), "{notes:?}");
    }
}

#[test]
fn discover_advises_no_deviation_that_leaves_a_login_unbound() {
    for (issuer, lacks, needs_no_nonce) in [
        ("https://www.linkedin.com/oauth", Some("code_challenge_methods_supported"), false),
        ("https://www.linkedin.com/oauth", None, true),
        ("https://www.facebook.com", Some("token_endpoint"), false),
    ] {
        let op = Op::start();
        op.provider.edit_json(On::ServerMetadata, move |document| {
            document.insert("issuer".into(), json!(issuer));
            lacks.map(|name| document.remove(name));
        });
        let url = format!("{}/.well-known/openid-configuration", op.issuer);
        let run = Cli::new().run(&["discover", "--insecure-loopback", "--issuer", issuer, "--metadata-url", &url]);
        assert_eq!(run.stdout.contains("--accept no_nonce"), needs_no_nonce, "{}", run.stdout);
        assert_eq!(run.stdout.contains("for the library only"), !needs_no_nonce, "{}", run.stdout);
        assert_eq!(run.exit, i32::from(issuer.contains("facebook")), "{}", run.stdout);
    }
}

#[test]
fn an_option_that_cannot_be_used_is_named() {
    let (op, cli) = (Op::start(), Cli::new());
    let file = cli.file("empty.pem", "nothing");
    for (option, value) in [
        ("--ca-certificate", file.as_str()),
        ("--ca-certificate", "/nowhere/ca.pem"),
        ("--user-agent", "a\nb"),
        ("--proxy", "nope nope"),
    ] {
        let run = cli.run(&[&discover(&op)[..], &[option, value]].concat());
        let error = run.event("error");
        let (message, hint) = (error["message"].as_str().unwrap(), error["hint"].as_str().unwrap());
        assert!(message.contains(option) && hint.contains(option), "{error}");
        assert!(!hint.contains("Check the machine"), "{error}");
        assert!(!option.contains("ca-") || message.contains(value), "{error}");
    }
    let run = cli.run(&[&discover(&op)[..], &["--metadata-url", "nope"]].concat());
    assert!(run.event("error")["message"].as_str().unwrap().contains("--metadata-url"), "{}", run.event("error"));
    // A port that is in use is an affair of the command's own options.
    let port = op.issuer.rsplit(':').next().unwrap();
    let run = cli.run(&["serve", "--port", port]).failed(1, "local", "cli.listener");
    let hint = run.event("error")["hint"].as_str().unwrap();
    assert!(hint.contains("--port") && !hint.contains("--redirect-port") && !hint.contains("--paste"), "{hint}");
}

/// Why there was no connection, whose fault it was, and which option changes it.
#[test]
fn a_connection_that_fails_says_what_to_change() {
    let (op, cli, dead) = (Op::start(), Cli::new(), DeadPort::new());
    let dead = dead.url().trim_end_matches('/').to_owned();
    let by_https = op.issuer.replace("http:", "https:");
    for (issuer, option, code, said, hinted, not_hinted) in [
        (
            &*by_https,
            &[][..],
            "transport.tls",
            "no response to the TLS handshake",
            "--insecure-loopback",
            "--ca-certificate",
        ),
        (
            "https://op.example",
            &["--proxy", &*dead],
            "transport.unreachable",
            &*dead.replace("http://", "the proxy "),
            "--proxy",
            "the port of the URL",
        ),
    ] {
        let run = cli.run(&[&["discover", "--issuer", issuer], option].concat()).failed(1, "transport", code);
        let error = run.event("error");
        let (message, hint) = (error["message"].as_str().unwrap(), error["hint"].as_str().unwrap());
        assert!(message.contains(said), "{message}");
        assert!(hint.contains(hinted) && !hint.contains(not_hinted), "{hint}");
    }
    for (variable, value) in [("HTTPS_PROXY", "http://127.0.0.1:1/path"), ("ALL_PROXY", "socks4://127.0.0.1:1")] {
        let run = cli.start_with(&[(variable, value)], &["discover", "--issuer", "https://op.example"]).end();
        let run = run.failed(1, "local", "cli.setup");
        let error = run.event("error");
        assert!(error["message"].as_str().unwrap().contains(variable), "{error}");
        assert!(error["hint"].as_str().unwrap().contains("--proxy"), "{error}");
        // A command that sends nothing needs no proxy.
        let cli = Cli::new();
        cli.login(&op, &[]).done();
        for command in ["status", "token"] {
            cli.start_with(&[(variable, value)], &[command]).end().done();
        }
    }
    // Which time ran out.
    let silent = Server::start(|connection| {
        connection.hang();
        Ok(())
    });
    let silent = silent.url("").replace("http:", "https:");
    let run = cli.run(&["discover", "--issuer", &silent, "--timeout", "1"]);
    let run = run.failed(1, "transport", "transport.timeout");
    let error = run.event("error");
    let (message, hint) = (error["message"].as_str().unwrap(), error["hint"].as_str().unwrap());
    assert!(message.contains("connected, but no response to the TLS handshake in 1 s"), "{message}");
    assert!(hint.contains("--timeout"), "{hint}");
}

/// What the registration says of DPoP is known before the browser opens.
#[test]
fn a_client_that_is_registered_for_dpop_is_told_so() {
    let op = Op::start();
    op.provider.edit_json(On::Register, |response| {
        response.insert("dpop_bound_access_tokens".into(), json!(true));
    });
    let (with, without) = (Cli::new(), Cli::new());
    let run = without.login(&op, &[]).done();
    let names: Vec<_> = run.events.iter().map(|event| event["event"].as_str().unwrap()).collect();
    let at = |name| names.iter().position(|own| *own == name).unwrap_or_else(|| panic!("no {name} in {names:?}"));
    assert!(at("warning") < at("authorization_url"), "{names:?}");
    assert_eq!(run.event("warning")["code"], "cli.dpop_required");
    let run = with.login(&op, &["--dpop"]).done();
    assert!(run.events.iter().all(|event| event["code"] != "cli.dpop_required"), "{:?}", run.events);
    let run = Cli::new().run(&["register", "--insecure-loopback", "--issuer", &op.issuer]).done();
    assert_eq!(run.event("warning")["code"], "cli.dpop_required");
}

#[test]
fn userinfo_is_asked_for_again_after_one_refresh() {
    let (op, cli) = (Op::start(), Cli::new());
    cli.login(&op, &[]).done();
    op.provider.forget_access_tokens();
    let run = cli.run(&["userinfo"]).done();
    run.event("refreshed");
    assert_eq!(run.event("userinfo")["claims"]["sub"], "sub-alice");
    // Once, and no more.
    let asked = (op.provider.count(On::Token), op.provider.count(On::UserInfo));
    op.provider.tamper(On::UserInfo, |response| *response.status_mut() = http::StatusCode::UNAUTHORIZED);
    let refused = cli.run(&["userinfo"]).failed(1, "denied", "userinfo.unauthorized");
    assert_eq!((op.provider.count(On::Token), op.provider.count(On::UserInfo)), (asked.0 + 1, asked.1 + 2));
    // The tokens were refreshed already, or could not be.
    let hint = |run: &Run| run.event("error")["hint"].as_str().unwrap().to_owned();
    assert!(hint(&refused).contains("has just issued") && hint(&refused).contains("oidc_cli relogin --session "));
    op.provider.disturb(On::Token, Disturbance::status(503), 1);
    let failed = hint(&cli.run(&["userinfo"]).failed(1, "denied", "userinfo.unauthorized"));
    assert!(
        failed.starts_with("Nor could the tokens be refreshed. ") && failed.contains("try again later"),
        "{failed}"
    );
    op.provider.end_grants();
    let ended = hint(&cli.run(&["userinfo"]).failed(1, "denied", "userinfo.unauthorized"));
    assert!(ended.contains("The provider ended this session") && !ended.contains("Refresh the tokens"), "{ended}");
}

/// The library's hint names a deviation, which only its callers can choose.
#[test]
fn a_refusal_that_may_mean_a_dead_refresh_token_names_the_option() {
    let (op, cli) = (Op::start(), Cli::new());
    cli.login(&op, &[]).done();
    for (error, code) in [("invalid_request", "token.invalid_request"), ("bad_refresh_token", "token.error")] {
        op.provider.honest();
        op.provider.tamper(On::Token, move |response| {
            *response.status_mut() = http::StatusCode::BAD_REQUEST;
            *response.body_mut() = serde_json::json!({ "error": error }).to_string().into();
        });
        let run = cli.run(&["refresh"]).failed(1, "denied", code);
        let hint = run.event("error")["hint"].as_str().unwrap();
        assert!(hint.contains("--accept refresh_errors") && hint.contains("oidc_cli relogin --session "), "{hint}");
        assert!(!hint.contains("deviation"), "{hint}");
        cli.run(&["refresh", "--accept", "refresh_errors"]).failed(1, "denied", "token.invalid_grant");
    }
}
