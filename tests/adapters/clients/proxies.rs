//! Proxies. Each scenario is run through every client in turn.

use std::sync::mpsc;

use oidc_proto::adapter::{BlockingDriver, HttpOptions, OptionsError, SystemEnv, ureq};
use oidc_proto::flow::ServerMetadataFetch;
use oidc_proto::{Error, ErrorCode, FailureKind, FailureReason, Issuer, ProviderOptions, Schemes, Sent};

use super::scenarios::{SHORT, fails, options};
use super::senders;
use crate::support::server::{DeadPort, Server};
use crate::support::toy::{Outcome, Toy};

#[test]
fn a_proxy_is_used_if_named() {
    let (tell, seen) = mpsc::channel();
    let proxy = Server::start(move |mut connection| {
        tell.send(connection.request()?.line).map_err(std::io::Error::other)?;
        connection.response("502 Bad Gateway", "connection: close\r\n", "")
    });
    for (name, send) in senders() {
        // One asks the proxy for the resource, the other for a tunnel; both leave the name's lookup to it.
        send(&options().with_proxy(proxy.url("")), Toy::get("http://provider.invalid/metadata", 9));
        let line = seen.recv().unwrap();
        assert!(
            line == "GET http://provider.invalid/metadata" || line == "CONNECT provider.invalid:80",
            "{name}: {line}"
        );
    }
}

/// The errors of a discovery at a provider that is behind a proxy, by client.
fn errors(options: &HttpOptions) -> Vec<(&'static str, Error)> {
    let start = || {
        let issuer = Issuer::new("https://provider.invalid", Schemes::HttpsOnly).unwrap();
        ServerMetadataFetch::start(issuer, ProviderOptions::new()).unwrap()
    };
    let env = &mut SystemEnv::new().unwrap();
    let http = ureq::Client::with(options.clone()).unwrap();
    vec![
        ("ureq", BlockingDriver::new(http).run(start(), env).unwrap_err()),
        #[cfg(feature = "reqwest")]
        ("reqwest", {
            use oidc_proto::adapter::{Driver, reqwest};

            let http = reqwest::Client::with(options.clone()).unwrap();
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(Driver::new(http).run(start(), env)).unwrap_err()
        }),
    ]
}

#[test]
fn a_proxy_that_cannot_be_reached_is_named_in_place_of_the_server() {
    let dead = DeadPort::new();
    let place = dead.url().trim_start_matches("http://").trim_end_matches('/').to_owned();
    let nowhere = format!("{}.invalid:3128", "a".repeat(64));
    for (place, reason) in [(place, FailureReason::ConnectionRefused), (nowhere.clone(), FailureReason::HostNotFound)] {
        // What comes before the host is a secret.
        let behind = options().with_proxy(format!("http://user:opensesame@{place}"));
        for (name, send) in senders() {
            let outcome = send(&behind, Toy::get("https://provider.invalid/", 9));
            let is_told = matches!(&outcome, Outcome::Failed(failure) if failure.reason() == Some(reason));
            assert!(is_told, "{name} {place}: {outcome:?}");
            fails(name, outcome, FailureKind::Unreachable, Sent::No);
        }
        for (name, error) in errors(&behind) {
            assert_eq!(error.code(), ErrorCode::TRANSPORT_UNREACHABLE, "{name}");
            let found = error.found().unwrap().as_str();
            assert!(found.starts_with("the proxy "), "{name}: {found}");
            assert!(found.ends_with(&reason.to_string()), "{name}: {found}");
            assert!(place == nowhere || found.contains(&place), "{name}: {found}");
            assert!(!format!("{error:?} {:?}", error.failure()).contains("opensesame"), "{name}: {error:?}");
        }
    }
}

#[test]
fn a_proxy_that_refuses_is_named_in_place_of_the_server() {
    for status in ["407 Proxy Authentication Required", "403 Forbidden", "502 Bad Gateway"] {
        let proxy = Server::start(move |mut connection| {
            connection.request()?;
            connection.response(status, "connection: close\r\n", "")
        });
        let place = proxy.url("").replace("http://", "");
        for (name, error) in errors(&options().with_proxy(format!("http://user:opensesame@{place}"))) {
            let found = error.found().unwrap().as_str();
            assert_eq!(error.code(), ErrorCode::TRANSPORT_UNREACHABLE, "{name}: {error}");
            assert!(found.starts_with(&format!("the proxy {place}: ")), "{name} {status}: {found}");
            assert!(name != "ureq" || found.contains(&status[..3]), "{name} {status}: {found}");
            assert!(!format!("{error:?} {:?}", error.failure()).contains("opensesame"), "{name}: {error:?}");
        }
    }
}

/// By `ureq`: the other client does not tell what it waited for.
#[test]
fn a_proxy_that_does_not_answer_is_named_in_place_of_the_server() {
    let proxy = Server::start(|connection| {
        connection.hang();
        Ok(())
    });
    let place = proxy.url("").replace("http://", "");
    let http = ureq::Client::with(options().with_proxy(proxy.url("")).with_connect_timeout(SHORT)).unwrap();
    let issuer = Issuer::new("https://provider.invalid", Schemes::HttpsOnly).unwrap();
    let step = ServerMetadataFetch::start(issuer, ProviderOptions::new()).unwrap();
    let error = BlockingDriver::new(http).run(step, &mut SystemEnv::new().unwrap()).unwrap_err();
    assert_eq!(error.code(), ErrorCode::TRANSPORT_TIMEOUT);
    assert_eq!(error.found().unwrap().as_str(), format!("the proxy {place}"));
}

/// What the environment names is held to what `with_proxy` is. Each in a process of its own: the variables are the
/// process's.
#[test]
fn a_proxy_of_the_environment_that_cannot_be_used_is_refused() {
    const VARIABLES: [&str; 6] = ["ALL_PROXY", "all_proxy", "HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"];
    for (variable, value, is_refused) in [
        ("HTTPS_PROXY", "http://127.0.0.1:1/path", true),
        ("https_proxy", "http://127.0.0.1:1?a=b", true),
        ("ALL_PROXY", "socks5://127.0.0.1:1", true),
        ("all_proxy", "::", true),
        ("HTTP_PROXY", "nope nope", true),
        // Not set, to shells.
        ("HTTPS_PROXY", "", false),
        ("HTTPS_PROXY", "http://user:password@127.0.0.1:1/", false),
        ("http_proxy", "127.0.0.1:1", false),
    ] {
        let mut command = std::process::Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "clients::proxies::in_an_environment", "--ignored"]);
        for other in VARIABLES {
            command.env_remove(other);
        }
        command.env(variable, value).env("TEST_REFUSED", if is_refused { variable } else { "" });
        let output = command.output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success() && text.contains("1 passed"), "{variable}={value}: {text}");
    }
}

#[test]
#[ignore = "run by a_proxy_of_the_environment_that_cannot_be_used_is_refused"]
fn in_an_environment() {
    // By itself there is nothing to try.
    let Ok(refused) = std::env::var("TEST_REFUSED") else { return };
    let by_environment = options().with_proxy_from_environment();
    let is_as_expected = |error: Option<OptionsError>| match error {
        None => refused.is_empty(),
        Some(error) => !refused.is_empty() && error.to_string().contains(&refused),
    };
    assert!(is_as_expected(ureq::Client::with(by_environment.clone()).err()));
    #[cfg(feature = "reqwest")]
    assert!(is_as_expected(oidc_proto::adapter::reqwest::Client::with(by_environment.clone()).err()));
    // One that is named is used in place of the environment's.
    assert!(ureq::Client::with(by_environment.with_proxy("http://127.0.0.1:1")).is_ok());
}
