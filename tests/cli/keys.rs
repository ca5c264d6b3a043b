//! Clients that authenticate by a key or by a secret, and tokens for themselves.

#[allow(dead_code, reason = "shared with the tests of the library")]
#[path = "../../src/jose/tests/vectors.rs"]
mod vectors;

use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use oidc_proto::jose::Algorithm;
use oidc_proto::jose::backend::rustcrypto::SigningKey;
use oidc_proto::testing::{On, RegisteredClient};
use serde_json::{Value, json};

use crate::support::cli::{Cli, Op};

const REDIRECT_URI: &str = "http://127.0.0.1/callback";
const LONG_SECRET: &str = "long secret: &+ long secret: &+ long";

fn pem(label: &str, der: &str) -> String {
    let base64 = STANDARD.encode(URL_SAFE_NO_PAD.decode(der).unwrap());
    let lines: Vec<_> = base64.as_bytes().chunks(64).map(|line| str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

/// A file with a private key.
pub(crate) fn p256() -> String {
    pem("PRIVATE KEY", vectors::P256_PKCS8)
}

/// A line of the file that nobody else may see.
fn secret(pem: &str) -> Vec<String> {
    vec![pem.lines().nth(1).unwrap().to_owned()]
}

#[test]
fn a_key_is_registered_and_authenticates() {
    let op = Op::start();
    for (der, named, algorithm) in [
        (vectors::P256_PKCS8, None, "ES256"),
        (vectors::ED25519_PKCS8, None, "EdDSA"),
        (vectors::ED25519_PKCS8, Some("Ed25519"), "Ed25519"),
        (vectors::RSA_PKCS8, None, "RS256"),
        (vectors::RSA_PKCS8, Some("PS256"), "PS256"),
        (vectors::RSA_PKCS8, Some("RS256"), "RS256"),
    ] {
        let (cli, pem) = (Cli::new(), pem("PRIVATE KEY", der));
        let key = cli.file("key.pem", &pem);
        let mut arguments = vec!["--key", &key];
        arguments.extend(named.into_iter().flat_map(|name| ["--key-algorithm", name]));
        let before = op.provider.count(On::Register);
        let login = cli.login(&op, &arguments).done();
        assert_eq!(login.event("registered")["auth_method"], "private_key_jwt");
        let session: Value = serde_json::from_slice(&fs::read(&cli.session_files()[0]).unwrap()).unwrap();
        assert_eq!(
            (session["key_file"]["path"].as_str(), session["key_file"]["algorithm"].as_str()),
            (Some(&*key), Some(algorithm))
        );
        let refresh = cli.run(&["refresh", "-v"]).done();
        // The same client for the same key.
        let again = cli.login(&op, &arguments).done();
        assert_eq!(again.event("logged_in")["client_id"], login.event("logged_in")["client_id"]);
        assert_eq!(op.provider.count(On::Register), before + 1);
        let logout = cli.run(&["logout"]).done();
        assert_eq!(logout.event("logged_out")["revoked"], true);
        for run in [&login, &refresh, &again, &logout] {
            run.hides(&secret(&pem));
        }
        for file in fs::read_dir(cli.store()).unwrap() {
            let text = fs::read_to_string(file.unwrap().path()).unwrap();
            assert!(!text.contains(&secret(&pem)[0]), "the key is in the store");
        }
    }
}

/// Of each type that the library signs with. The embedded provider does not take assertions of this one.
#[test]
fn a_key_of_another_curve_is_registered() {
    let (op, cli) = (Op::start(), Cli::new());
    let key = cli.file("key.pem", pem("PRIVATE KEY", vectors::P384_PKCS8));
    let run = cli.login(&op, &["--key", &key]).failed(1, "denied", "registration.invalid_client_metadata");
    assert!(run.event("error").to_string().contains("token_endpoint_auth_signing_alg"), "{}", run.event("error"));
    assert_eq!(op.provider.requests().last(), Some(&On::Register));
}

/// P-256 made another curve, whose name ends with another number.
fn other_curve() -> String {
    let mut der = URL_SAFE_NO_PAD.decode(vectors::P256_PKCS8).unwrap();
    let name = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
    let at = der.windows(8).position(|bytes| bytes == name).unwrap();
    der[at + 7] = 1;
    URL_SAFE_NO_PAD.encode(der)
}

#[test]
fn a_key_is_registered_before_the_login() {
    let (op, cli) = (Op::start(), Cli::new());
    let key = cli.file("key.pem", pem("PRIVATE KEY", vectors::P256_PKCS8));
    let register = ["register", "--insecure-loopback", "--issuer", &op.issuer, "--key", &key];
    let registered = cli.run(&register).done();
    assert_eq!(registered.event("registered")["auth_method"], "private_key_jwt");
    let again = cli.run(&register).done();
    assert_eq!(again.event("registered")["client_id"], registered.event("registered")["client_id"]);
    let login = cli.login(&op, &["--key", &key]).done();
    assert_eq!(login.event("logged_in")["client_id"], registered.event("registered")["client_id"]);
    assert_eq!(op.provider.count(On::Register), 1);
    cli.run(&[&register[..], &["--auth-method", "none"]].concat()).failed(2, "local", "cli.usage");
}

fn op_with_key() -> Op {
    let der = URL_SAFE_NO_PAD.decode(vectors::P256_PKCS8).unwrap();
    let key = SigningKey::from_pkcs8_der(Algorithm::Es256, &der, Some("what they call it")).unwrap();
    let jwk = serde_json::from_str(&key.public_jwk()).unwrap();
    let client = RegisteredClient::with_key("keyed", jwk, REDIRECT_URI).with_grant_type("client_credentials");
    Op::with(|provider| provider.with_client(client))
}

#[test]
fn a_named_client_uses_its_key_as_it_is() {
    let (op, cli) = (op_with_key(), Cli::new());
    let key = cli.file("key.pem", pem("PRIVATE KEY", vectors::P256_PKCS8));
    cli.login(&op, &["--client-id", "keyed", "--key", &key, "--auth-method", "private_key_jwt"]).done();
    cli.run(&["refresh"]).done();
    // The client is known from now on, its key is not.
    assert_eq!(cli.login(&op, &["--key", &key]).done().event("logged_in")["client_id"], "keyed");
    let run = cli.login(&op, &[]).failed(1, "local", "cli.key_file");
    assert!(run.event("error")["message"].as_str().unwrap().contains("--key"));
    assert_eq!(op.provider.count(On::Register), 0);
    let other = cli.file("other.pem", pem("PRIVATE KEY", vectors::ED25519_PKCS8));
    cli.login(&op, &["--client-id", "keyed", "--key", &other]).failed(1, "denied", "token.invalid_client");
    // The session goes by its own file still.
    cli.run(&["refresh"]).done();
}

/// A client with several keys says which one it uses.
#[test]
fn a_key_has_the_name_that_it_was_given() {
    let (op, cli) = (op_with_key(), Cli::new());
    let key = cli.file("key.pem", pem("PRIVATE KEY", vectors::P256_PKCS8));
    let login = |name| cli.login(&op, &["--client-id", "keyed", "--key", &key, "--key-id", name]);
    login("another").failed(1, "denied", "token.invalid_client");
    login("what they call it").done();
    cli.run(&["refresh"]).done();
    cli.run(&["login", "--issuer", &op.issuer, "--key-id", "mine"]).failed(2, "local", "cli.usage");
}

#[test]
fn a_client_without_a_key_is_not_used_with_one() {
    let (op, cli) =
        (Op::with(|provider| provider.with_client(RegisteredClient::public("app", REDIRECT_URI))), Cli::new());
    cli.login(&op, &["--client-id", "app"]).done();
    let key = cli.file("key.pem", pem("PRIVATE KEY", vectors::P256_PKCS8));
    cli.login(&op, &["--key", &key]).failed(2, "local", "cli.usage");
    // What was named gives way to what is registered.
    cli.run(&["register", "--insecure-loopback", "--issuer", &op.issuer]).done();
    assert_eq!(cli.login(&op, &["--key", &key]).done().event("registered")["auth_method"], "private_key_jwt");
}

#[test]
fn a_session_says_when_its_key_file_is_gone() {
    let (op, cli) = (Op::start(), Cli::new());
    let key = cli.file("key.pem", pem("PRIVATE KEY", vectors::P256_PKCS8));
    cli.login(&op, &["--key", &key]).done();
    let kept = fs::read(&key).unwrap();
    fs::remove_file(&key).unwrap();
    // The token is still good.
    cli.run(&["token"]).done();
    for command in ["refresh", "userinfo"] {
        let run = cli.run(&[command]).failed(1, "local", "cli.key_file");
        assert!(run.event("error")["message"].as_str().unwrap().contains(&key));
    }
    fs::write(&key, kept).unwrap();
    cli.run(&["refresh"]).done();
    fs::write(&key, pem("PRIVATE KEY", vectors::ED25519_PKCS8)).unwrap();
    cli.run(&["refresh"]).failed(1, "local", "cli.key_file");
    // Without it the tokens cannot be ended.
    cli.run(&["logout"]).failed(1, "local", "cli.key_file");
    let logout = cli.run(&["logout", "--force"]).done();
    assert_eq!(logout.event("logged_out")["code"], "cli.key_file");
    assert!(cli.session_files().is_empty());
}

#[test]
fn a_file_that_holds_no_usable_key_is_refused_before_anything_is_asked() {
    let (op, cli) = (Op::start(), Cli::new());
    let good = pem("PRIVATE KEY", vectors::P256_PKCS8);
    let rsa = pem("PRIVATE KEY", vectors::RSA_PKCS8);
    fs::create_dir(cli.store().with_file_name("folder")).unwrap();
    let folder = cli.store().with_file_name("folder");
    let missing = cli.store().with_file_name("missing.pem");
    for (path, algorithm) in [
        (missing.to_str().unwrap().to_owned(), None),
        (folder.to_str().unwrap().to_owned(), None),
        (cli.file("empty", ""), None),
        (cli.file("text", "this is not a key"), None),
        (cli.file("bytes", [0xff, 0xfe, 0x00]), None),
        (cli.file("half", &good[..good.len() / 2]), None),
        (cli.file("huge", "x".repeat(1_000_000)), None),
        (cli.file("certificate", pem("CERTIFICATE", vectors::P256_PKCS8)), None),
        (cli.file("encrypted", pem("ENCRYPTED PRIVATE KEY", vectors::P256_PKCS8)), None),
        (cli.file("sec1", pem("EC PRIVATE KEY", vectors::P256_PKCS8)), None),
        (cli.file("pkcs1", pem("RSA PRIVATE KEY", vectors::RSA_PKCS8)), None),
        (cli.file("not_pkcs8", pem("PRIVATE KEY", "MAMCAQA")), None),
        (cli.file("p192", pem("PRIVATE KEY", &other_curve())), None),
        (cli.file("p384", pem("PRIVATE KEY", vectors::P384_PKCS8)), Some("ES256")),
        (cli.file("small_rsa", pem("PRIVATE KEY", vectors::RSA1024_PKCS8)), None),
        (cli.file("ec", &good), Some("RS256")),
        (cli.file("ec", &good), Some("EdDSA")),
        (cli.file("rsa", &rsa), Some("ES256")),
    ] {
        let mut arguments = vec!["--key", &path];
        arguments.extend(algorithm.into_iter().flat_map(|name| ["--key-algorithm", name]));
        for run in [cli.login(&op, &arguments), cli.device(&op, &arguments)] {
            let run = run.failed(1, "local", "cli.key_file");
            assert!(run.event("error")["message"].as_str().unwrap().contains(&path), "{path}");
            let hint = run.event("error")["hint"].as_str().unwrap();
            let is_special =
                ["openssl pkcs8", "--key-algorithm", "Make a new key"].iter().any(|part| hint.contains(part));
            let names_types = ["PKCS #8", "RSA", "P-384", "Ed25519"].iter().all(|part| hint.contains(part));
            assert!(is_special != names_types, "{hint}");
            run.hides(&[secret(&good), secret(&rsa)].concat());
        }
    }
    assert!(op.provider.requests().is_empty());
    for (name, label, der, algorithm, says) in [
        ("encrypted", "ENCRYPTED PRIVATE KEY", vectors::P256_PKCS8, None, "openssl pkcs8 -topk8 -nocrypt -in FILE"),
        ("sec1", "EC PRIVATE KEY", vectors::P256_PKCS8, None, "openssl pkcs8 -topk8 -nocrypt -in FILE"),
        ("small_rsa", "PRIVATE KEY", vectors::RSA1024_PKCS8, None, "2048 to 8192 bits"),
        ("ec", "PRIVATE KEY", vectors::P256_PKCS8, Some("RS256"), "does not fit RS256"),
    ] {
        let path = cli.file(name, pem(label, der));
        let mut arguments = vec!["--key", &path];
        arguments.extend(algorithm.into_iter().flat_map(|name| ["--key-algorithm", name]));
        let message = cli.login(&op, &arguments).event("error")["message"].to_string();
        assert!(message.contains(says) && !message.contains("cannot be read"), "{message}");
    }
}

fn op_with_secrets() -> Op {
    let client = |id: &str, secret: &str, method: &str| {
        RegisteredClient::confidential(id, secret, REDIRECT_URI)
            .with_auth_method(method)
            .with_grant_type("client_credentials")
    };
    Op::with(|provider| {
        provider
            .with_client(client("jwt", LONG_SECRET, "client_secret_jwt"))
            .with_client(client("long", LONG_SECRET, "client_secret_basic"))
            .with_client(client("post", LONG_SECRET, "client_secret_post"))
            .with_client(client("short", "short secret: &+", "client_secret_basic"))
    })
}

/// In the header, or in the form where the provider takes that alone; an assertion only by name.
#[test]
fn a_secret_is_used_as_providers_know_it() {
    let (op, cli) = (op_with_secrets(), Cli::new());
    for (id, secret, method) in [
        ("jwt", LONG_SECRET, Some("client_secret_jwt")),
        ("long", LONG_SECRET, None),
        ("short", "short secret: &+", None),
    ] {
        let mut arguments = vec!["--client-id", id, "--client-secret", secret];
        arguments.extend(method.into_iter().flat_map(|name| ["--auth-method", name]));
        let run = cli.login(&op, &arguments).done();
        assert!(!run.stdout.contains("secret: "));
        cli.run(&["refresh"]).done();
        cli.run(&["logout"]).done();
    }
    let list = |methods: &'static [&'static str]| {
        op.provider.edit_json(On::ServerMetadata, move |metadata| {
            metadata.insert("token_endpoint_auth_methods_supported".into(), json!(methods));
        });
    };
    list(&["client_secret_post"]);
    cli.login(&op, &["--client-id", "post", "--client-secret", LONG_SECRET]).done();
    op.provider.honest();
    // Many providers take methods that they do not list.
    for listed in [&["private_key_jwt"], &["none"]] {
        list(listed);
        let run = cli.login(&op, &["--client-id", "long", "--client-secret", LONG_SECRET]).done();
        let warning = run.event("warning");
        assert_eq!(warning["code"], "cli.unadvertised");
        assert!(warning["message"].as_str().unwrap().contains("client_secret_basic"), "{warning}");
        op.provider.honest();
    }
}

#[test]
fn a_client_gets_a_token_for_itself_and_keeps_nothing() {
    let (secrets, keyed, cli) = (op_with_secrets(), op_with_key(), Cli::new());
    let key = cli.file("key.pem", pem("PRIVATE KEY", vectors::P256_PKCS8));
    let ask = |op: &Op, arguments: &[&str]| {
        let ask = ["client-credentials", "--insecure-loopback", "--issuer", &op.issuer];
        cli.run(&[&ask, arguments].concat())
    };
    for (op, arguments) in [
        (&secrets, &["--client-id", "long", "--client-secret", LONG_SECRET][..]),
        (&secrets, &["--client-id", "short", "--client-secret", "short secret: &+", "--scope", "read write"]),
        (&keyed, &["--client-id", "keyed", "--key", &key]),
    ] {
        let run = ask(op, arguments).done();
        let token = run.event("token");
        assert_eq!((token["access_token"].as_str(), token["token_type"].as_str()), (None, Some("Bearer")));
        assert_eq!(token.get("session"), None);
        assert_eq!(run.events.len(), 1);
        assert!(!run.stdout.contains("secret: "));
        let shown = ask(op, &[arguments, &["--show-tokens"]].concat()).done();
        assert!(shown.event("token")["access_token"].as_str().is_some_and(|token| token.len() > 10));
    }
    let short = ["client-credentials", "--insecure-loopback", "--issuer", &secrets.issuer, "--client-id", "short"];
    let plain = cli.plain(&[&short, &["--client-secret", "short secret: &+", "--show-tokens"][..]].concat()).done();
    assert_eq!(plain.stdout.lines().count(), 1);
    ask(&secrets, &["--client-id", "short", "--client-secret", "wrong secret: "])
        .failed(1, "denied", "token.invalid_client")
        .hides(&["wrong secret: ".to_owned()]);
    ask(&secrets, &["--client-id", "short", "--client-secret", "short secret: &+", "--scope", "openid"]).failed(
        1,
        "denied",
        "token.invalid_scope",
    );
    assert!(!cli.store().exists());
}
