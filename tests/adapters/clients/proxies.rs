//! Proxies. Each scenario is run through every client in turn.

use std::io;
use std::process::Command;
use std::sync::{Arc, mpsc};

use oidc_proto::adapter::{BlockingDriver, HttpOptions, OptionsError, SystemEnv, ureq};
use oidc_proto::flow::ServerMetadataFetch;
use oidc_proto::{Error, ErrorCode, FailureKind, FailureReason, Issuer, ProviderOptions, Schemes, Sent};

use super::scenarios::{SHORT, answer, fails, options};
use super::senders;
use crate::support::certificates::Authority;
use crate::support::server::{Connection, DeadPort, Server};
use crate::support::toy::{Outcome, Toy};

const VARIABLES: [&str; 6] = ["ALL_PROXY", "all_proxy", "HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"];

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
    errors_at("https://provider.invalid", options)
}

/// The same at another provider.
pub(super) fn errors_at(issuer: &str, options: &HttpOptions) -> Vec<(&'static str, Error)> {
    let start = || {
        let issuer = Issuer::new(issuer, Schemes::HttpsOnly).unwrap();
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

#[test]
fn a_proxy_that_does_not_answer_is_named_in_place_of_the_server() {
    let proxy = Server::start(|connection| {
        connection.hang();
        Ok(())
    });
    let place = proxy.url("").replace("http://", "");
    for scheme in ["http", "socks5h"] {
        let behind = options().with_proxy(format!("{scheme}://{place}")).with_connect_timeout(SHORT);
        for (name, error) in errors(&behind) {
            assert_eq!(error.code(), ErrorCode::TRANSPORT_TIMEOUT, "{name} {scheme}");
            // Only one of them tells what it waited for.
            let waited = match name {
                "ureq" => "no response after 0.3 s",
                _ => "no connection, or no response to the TLS handshake in 0.3 s",
            };
            assert_eq!(error.found().unwrap().as_str(), format!("the proxy {place}: {waited}"), "{name} {scheme}");
        }
    }
}

/// What the environment names is held to what `with_proxy` is. Each in a process of its own: the variables are the
/// process's.
#[test]
fn a_proxy_of_the_environment_that_cannot_be_used_is_refused() {
    for (variable, value, is_refused) in [
        ("HTTPS_PROXY", "http://127.0.0.1:1/path", true),
        ("https_proxy", "http://127.0.0.1:1?a=b", true),
        ("ALL_PROXY", "socks4://127.0.0.1:1", true),
        ("ALL_PROXY", "socks5://127.0.0.1", true),
        ("ALL_PROXY", "socks5://127.0.0.1:1", false),
        ("all_proxy", "socks5h://user:password@proxy.invalid:1", false),
        ("all_proxy", "::", true),
        ("HTTP_PROXY", "nope nope", true),
        // Not set, to shells.
        ("HTTPS_PROXY", "", false),
        ("HTTPS_PROXY", "http://user:password@127.0.0.1:1/", false),
        ("http_proxy", "127.0.0.1:1", false),
    ] {
        let mut command = in_a_process();
        command.env(variable, value).env("TEST_REFUSED", if is_refused { variable } else { "" });
        let output = command.output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success() && text.contains("1 passed"), "{variable}={value}: {text}");
    }
}

#[test]
fn a_proxy_of_the_environment_is_named_in_place_of_the_server() {
    let dead = DeadPort::new();
    let place = dead.url().trim_start_matches("http://").trim_end_matches('/').to_owned();
    for (variable, scheme) in [("HTTPS_PROXY", "http"), ("ALL_PROXY", "http"), ("https_proxy", "socks5h")] {
        let mut command = in_a_process();
        command.env(variable, format!("{scheme}://user:opensesame@{place}")).env("TEST_REFUSED", "");
        let output = command.env("TEST_NAMED", &place).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success() && text.contains("1 passed"), "{variable} {scheme}: {text}");
        assert!(!text.contains("opensesame"), "{text}");
    }
}

/// This test program, to run one test with no proxy in its environment.
fn in_a_process() -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "clients::proxies::in_an_environment", "--ignored"]);
    for variable in VARIABLES {
        command.env_remove(variable);
    }
    command
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
    if let Ok(place) = std::env::var("TEST_NAMED") {
        for (name, error) in errors(&by_environment) {
            let found = error.found().unwrap().as_str();
            assert!(found.starts_with(&format!("the proxy {place}: ")), "{name}: {found}");
        }
    }
    // One that is named is used in place of the environment's.
    assert!(ureq::Client::with(by_environment.with_proxy("http://127.0.0.1:1")).is_ok());
}

/// The proxy's part of SOCKS5 (RFC 1928) up to its reply. Where it takes a user, the password is in the result, too
/// (RFC 1929).
fn socks(connection: &mut Connection, takes_user: bool, reply: u8) -> io::Result<String> {
    fn text(connection: &mut Connection) -> io::Result<String> {
        let mut length = [0];
        connection.read(&mut length)?;
        let mut text = vec![0; length[0].into()];
        connection.read(&mut text)?;
        String::from_utf8(text).map_err(io::Error::other)
    }
    let (mut greeting, mut who) = ([0; 2], String::new());
    connection.read(&mut greeting)?;
    connection.read(&mut vec![0; greeting[1].into()])?;
    connection.write(&[5, if takes_user { 2 } else { 0 }])?;
    if takes_user {
        connection.read(&mut [0])?;
        who = format!("{}:{}@", text(connection)?, text(connection)?);
        connection.write(&[1, 0])?;
    }
    let (mut asked, mut port) = ([0; 4], [0; 2]);
    connection.read(&mut asked)?;
    let host = match asked[3] {
        1 => {
            let mut address = [0; 4];
            connection.read(&mut address)?;
            std::net::Ipv4Addr::from(address).to_string()
        }
        _ => text(connection)?,
    };
    connection.read(&mut port)?;
    connection.write(&[5, reply, 0, 1, 0, 0, 0, 0, 0, 0])?;
    Ok(format!("{who}{host}:{}", u16::from_be_bytes(port)))
}

#[test]
fn a_socks_proxy_is_used_if_named() {
    let (tell, seen) = mpsc::channel();
    let tell_line = tell.clone();
    let proxy = Server::start(move |mut connection| {
        tell.send(socks(&mut connection, true, 0)?).map_err(io::Error::other)?;
        tell_line.send(connection.request()?.line).map_err(io::Error::other)?;
        connection.response("200 OK", "", "through")
    });
    let place = proxy.url("").replace("http://", "");
    for (name, send) in senders() {
        for (scheme, url, target) in [
            ("socks5h", "http://provider.invalid/metadata", "provider.invalid:80"),
            ("socks5h", "http://127.0.0.1:9/metadata", "127.0.0.1:9"),
            // The name is looked up here.
            ("socks5", "http://127.0.0.1:9/metadata", "127.0.0.1:9"),
        ] {
            let behind = options().with_proxy(format!("{scheme}://user:pass%20word@{place}"));
            assert_eq!(answer(name, send(&behind, Toy::get(url, 9))).body(), b"through", "{name}");
            assert_eq!(seen.recv().unwrap(), format!("user:pass word@{target}"), "{name} {scheme}");
            assert_eq!(seen.recv().unwrap(), "GET /metadata", "{name} {scheme}");
        }
    }
}

#[test]
fn tls_is_with_the_server_behind_a_socks_proxy() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let server = Arc::new(Server::start_tls(ours.server("provider.invalid", &[]), |mut connection| {
        connection.request()?;
        connection.response("200 OK", "connection: close\r\n", "secret")
    }));
    let proxy = Server::start(move |mut connection| {
        socks(&mut connection, false, 0)?;
        connection.forward(&server)
    });
    let behind = || options().with_proxy(proxy.url("").replace("http://", "socks5h://"));
    for (name, send) in senders() {
        let get = || Toy::get("https://provider.invalid/", 9);
        let trusting = behind().with_root_certificates_pem(ours.pem.clone());
        assert_eq!(answer(name, send(&trusting, get())).body(), b"secret", "{name}");
        let outcome = send(&behind().with_root_certificates_pem(theirs.pem.clone()), get());
        fails(name, outcome, FailureKind::Tls, Sent::No);
    }
}

#[test]
fn a_socks_proxy_that_refuses_or_hangs_up_is_named_in_place_of_the_server() {
    for reply in [Some(2), Some(5), None] {
        let proxy = Server::start(move |mut connection| match reply {
            Some(reply) => socks(&mut connection, false, reply).map(drop),
            None => connection.read(&mut [0; 3]),
        });
        let place = proxy.url("").replace("http://", "");
        for (name, error) in errors(&options().with_proxy(format!("socks5h://{place}"))) {
            assert_eq!(error.code(), ErrorCode::TRANSPORT_UNREACHABLE, "{name} {reply:?}: {error}");
            let found = error.found().unwrap().as_str();
            assert!(found.starts_with(&format!("the proxy {place}")), "{name} {reply:?}: {found}");
            assert!(error.hint().contains("proxy"), "{name}: {}", error.hint());
        }
    }
}
