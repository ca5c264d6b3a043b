//! An error says what was found, what was expected, and what to do: for people in one line, for programs in members.

use oidc_proto::testing::{Lie, On};
use serde_json::json;

use crate::support::cli::{Cli, Op, Run};

/// The error of a login with a lie: its code, and what has to be in its message.
#[track_caller]
fn says(run: &Run, code: &str, parts: &[&str]) {
    let error = run.event("error");
    assert_eq!(error["code"], code, "{error}");
    let message = error["message"].as_str().unwrap();
    for part in parts {
        assert!(message.contains(part), "no {part:?} in {message}");
    }
    assert!(message.ends_with(error["hint"].as_str().unwrap()), "{message}");
}

#[test]
fn a_login_that_fails_names_what_was_found() {
    for (lie, code, parts) in [
        (Lie::AudOther, "id_token.audience_mismatch", &["`aud`", "expected \"", "found \""][..]),
        (Lie::AudExtra, "id_token.extra_audience", &["`aud`", "found \""]),
        (Lie::AzpOther, "id_token.azp_mismatch", &["`azp`", "expected \"", "found \""]),
        (Lie::NonceWrong, "id_token.nonce_mismatch", &["`nonce`"]),
        (Lie::IssLonger, "id_token.issuer_mismatch", &["`iss`", "expected \"", "found \""]),
        (Lie::ExpPast, "id_token.expired", &[" s", "clock"]),
        (Lie::IatFuture, "id_token.issued_in_future", &[" s", "clock"]),
        (Lie::NbfFuture, "id_token.not_yet_valid", &[" s", "clock"]),
        (Lie::KidUnknown, "jws.unknown_key", &["kid", "key"]),
        (Lie::AlgorithmOther, "jws.algorithm", &["expected", "found"]),
        (Lie::TokenTypeUnknown, "token.type", &["expected Bearer or DPoP", "found \""]),
        (Lie::MetadataIssuerOther, "metadata.issuer_mismatch", &["expected \"", "found \""]),
        (Lie::CallbackIssWrong, "callback.iss_mismatch", &["expected \"", "found \""]),
    ] {
        let (op, cli) = (Op::start(), Cli::new());
        op.provider.lie(lie);
        if lie == Lie::KidUnknown {
            // By a key of the provider's own it would be good.
            op.provider.lie(Lie::SignatureForeign);
        }
        let run = cli.login(&op, &[]);
        says(&run, code, parts);
    }
}

#[test]
fn a_redirect_names_where_it_leads() {
    let (op, cli) = (Op::start(), Cli::new());
    op.provider.tamper(On::ServerMetadata, |response| {
        *response.status_mut() = http::StatusCode::FOUND;
        response.headers_mut().insert("location", "https://sso.example.org/login?x=1".try_into().unwrap());
    });
    let run = cli.run(&["discover", "--insecure-loopback", "--issuer", &op.issuer]);
    says(&run, "http.redirect", &["https://sso.example.org/login", "302"]);
}

#[test]
fn the_address_of_the_metadata_is_no_issuer() {
    let (op, cli) = (Op::start(), Cli::new());
    for (path, code) in [
        ("/.well-known/openid-configuration", "metadata.not_found"),
        ("/.well-known/openid-configuration/", "metadata.not_found"),
    ] {
        let issuer = format!("{}{path}", op.issuer);
        let run = cli.run(&["discover", "--insecure-loopback", "--issuer", &issuer]);
        says(&run, code, &["the URL of the metadata document", &op.issuer]);
    }
}

#[test]
fn a_member_of_another_type_is_named() {
    let (op, cli) = (Op::start(), Cli::new());
    op.provider.edit_json(On::ServerMetadata, |document| drop(document.insert("issuer".into(), json!(["x"]))));
    let run = cli.run(&["discover", "--insecure-loopback", "--issuer", &op.issuer]);
    says(&run, "json.type", &["issuer", "expected a string", "array"]);
}

#[test]
fn a_redirect_uri_that_is_compared_to_the_letter_is_named() {
    let (op, cli) = (Op::start(), Cli::new());
    for (error, status) in [("invalid_request", 400), ("invalid_redirect_uri", 400)] {
        op.provider.honest();
        op.provider.tamper(On::Par, move |response| {
            *response.status_mut() = http::StatusCode::from_u16(status).unwrap();
            *response.body_mut() =
                json!({ "error": error, "error_description": "Invalid redirect_uri" }).to_string().into();
        });
        let run = cli.login(&op, &["--par", "always"]);
        let message = run.event("error")["message"].as_str().unwrap();
        assert!(message.contains("--redirect-port"), "{message}");
    }
}

#[test]
fn a_long_text_of_the_provider_is_quoted_to_its_cause() {
    let (op, cli) = (Op::start(), Cli::new());
    let text = format!("{} the cause", "The provided authorization grant is invalid. ".repeat(6));
    op.provider.tamper(On::Token, move |response| {
        *response.status_mut() = http::StatusCode::BAD_REQUEST;
        *response.body_mut() = json!({ "error": "invalid_request", "error_description": text }).to_string().into();
    });
    let run = cli.login(&op, &[]);
    assert!(run.event("error")["provider"]["description"].as_str().unwrap().contains("the cause"));
}

#[test]
fn what_the_metadata_do_not_list_is_told_before_the_browser_opens() {
    let op = Op::start();
    op.provider.edit_json(On::ServerMetadata, |document| {
        drop(document.remove("dpop_signing_alg_values_supported"));
        drop(document.insert("prompt_values_supported".into(), json!(["login"])));
        drop(document.insert("token_endpoint_auth_methods_supported".into(), json!(["none", "client_secret_basic"])));
    });
    let cli = Cli::new();
    let key = cli.file("key.pem", include_str!("../differential/keys/p256-trusted.pem"));
    for (arguments, part) in [
        (&["--dpop"][..], "dpop_signing_alg_values_supported"),
        (&["--prompt", "select_account"], "prompt_values_supported"),
        (&["--key", &key, "--client-id", "c"], "private_key_jwt"),
    ] {
        let login = ["login", "--insecure-loopback", "--issuer", &op.issuer, "--no-browser", "--deadline", "1"];
        let run = cli.run(&[&login[..], &["--par", "never"], arguments].concat());
        let names: Vec<_> = run.events.iter().map(|event| event["event"].as_str().unwrap()).collect();
        let at = |name| names.iter().position(|own| *own == name).unwrap_or_else(|| panic!("{names:?} {}", run.stdout));
        assert!(at("warning") < at("authorization_url"), "{names:?}");
        let warning = run.event("warning");
        assert_eq!(warning["code"], "cli.unadvertised", "{warning}");
        assert!(warning["message"].as_str().unwrap().contains(part), "{warning}");
    }
}

#[test]
fn the_page_after_a_denial_says_that_it_was_denied() {
    let (op, cli) = (Op::start(), Cli::new());
    let login = ["login", "--insecure-loopback", "--issuer", &op.issuer, "--no-browser", "--par", "never"];
    let mut running = cli.start(&[&login[..], &["--login-hint", "deny:alice"]].concat());
    let url = running.url();
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let callback = op.provider.visit(&url, oidc_proto::Timestamp::from_unix_seconds(now)).callback().to_owned();
    let callback = url::Url::parse(&callback).unwrap();
    let address = ("127.0.0.1", callback.port().unwrap());
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    let target = &callback[url::Position::BeforePath..];
    std::io::Write::write_all(
        &mut stream,
        format!("GET {target} HTTP/1.1\r\nhost: 127.0.0.1:{}\r\n\r\n", address.1).as_bytes(),
    )
    .unwrap();
    let mut page = String::new();
    std::io::Read::read_to_string(&mut stream, &mut page).unwrap();
    assert!(page.contains("was denied"), "{page}");
    running.end().failed(1, "denied", "authorization.access_denied");
}

#[test]
fn a_provider_that_demands_dpop_is_told_apart() {
    let (op, cli) = (Op::start(), Cli::new());
    op.provider.tamper(On::Token, |response| {
        *response.status_mut() = http::StatusCode::BAD_REQUEST;
        *response.body_mut() = br#"{"error":"invalid_dpop_proof"}"#.to_vec();
    });
    // The client sent none, or a wrong one.
    let hint = |run: &Run| run.event("error")["hint"].as_str().unwrap().to_owned();
    let run = cli.login(&op, &[]);
    says(&run, "dpop.required", &["--dpop"]);
    assert!(!hint(&run).contains("clock"), "{}", hint(&run));
    let run = cli.login(&op, &["--dpop"]);
    says(&run, "dpop.proof", &["clock"]);
    assert!(!hint(&run).contains("--dpop"), "{}", hint(&run));
}
