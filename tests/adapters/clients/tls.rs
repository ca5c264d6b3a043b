//! Certificates and handshakes. Each scenario is run through every client in turn.

use std::sync::mpsc;
use std::time::Duration;

use oidc_proto::{FailureKind, FailureReason, Sent};

use super::proxies::errors_at;
use super::scenarios::{SHORT, answer, fails, options};
use super::senders;
use crate::support::certificates::Authority;
use crate::support::server::Server;
use crate::support::toy::{Outcome, Toy};

#[test]
fn a_private_authority_is_trusted_if_named_and_then_no_other() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let server = Server::start_tls(ours.server("127.0.0.1", &[]), |mut connection| {
        connection.request()?;
        connection.response("200 OK", "", "secret")?;
        connection.hang();
        Ok(())
    });
    for (name, send) in senders() {
        for trusted in [
            options().with_root_certificates_pem(ours.pem.clone()),
            options().with_root_certificate_der(ours.der.clone()),
        ] {
            assert_eq!(answer(name, send(&trusted, Toy::get(&server.url("/"), 9))).body(), b"secret", "{name}");
        }
        for untrusting in [options(), options().with_root_certificates_pem(theirs.pem.clone())] {
            let outcome = send(&untrusting, Toy::get(&server.url("/"), 9));
            fails_by(name, outcome, FailureReason::UnknownAuthority);
        }
        // The certificate is for the address, not for the name.
        let outcome = send(
            &options().with_root_certificates_pem(ours.pem.clone()),
            Toy::get(&server.url_at("localhost", "/"), 9),
        );
        fails_by(name, outcome, FailureReason::CertificateHost);
    }
}

/// The handshake fails, nothing was sent, and the reason is told.
fn fails_by(name: &str, outcome: Outcome, reason: FailureReason) {
    assert!(matches!(&outcome, Outcome::Failed(failure) if failure.reason() == Some(reason)), "{name}: {outcome:?}");
    fails(name, outcome, FailureKind::Tls, Sent::No);
}

#[test]
fn a_certificate_out_of_its_time_is_told_to_be() {
    for (year, reason) in [(2020, FailureReason::CertificateExpired), (2090, FailureReason::CertificateNotYetValid)] {
        let authority = Authority::new();
        let config = authority.server_in("127.0.0.1", year);
        let server = Server::start_tls(config, |mut connection| connection.request().map(drop));
        for (name, send) in senders() {
            let trusting = options().with_root_certificates_pem(authority.pem.clone());
            fails_by(name, send(&trusting, Toy::get(&server.url("/"), 9)), reason);
        }
    }
}

#[test]
fn the_error_of_a_handshake_names_the_server_and_the_reason() {
    let server =
        Server::start_tls(Authority::new().server("127.0.0.1", &[]), |mut connection| connection.request().map(drop));
    let http = oidc_proto::adapter::ureq::Client::new().unwrap();
    let schemes = oidc_proto::Schemes::HttpsOnly;
    let issuer = oidc_proto::Issuer::new(&server.url(""), schemes).unwrap();
    let step = oidc_proto::flow::ServerMetadataFetch::start(issuer, oidc_proto::ProviderOptions::new()).unwrap();
    let env = &mut oidc_proto::adapter::SystemEnv::new().unwrap();
    let error = oidc_proto::adapter::BlockingDriver::new(http).run(step, env).unwrap_err();
    assert_eq!(error.code(), oidc_proto::ErrorCode::TRANSPORT_TLS);
    let address = server.url("").replace("https://", "");
    assert_eq!(error.found().unwrap().as_str(), format!("{address}: its certificate is from an unknown authority"));
}

/// What is wrong with a certificate is said in words, and what to do.
#[test]
fn a_certificate_that_cannot_serve_is_told_apart() {
    let authority = Authority::new();
    let (own, own_pem) = Authority::self_signed("127.0.0.1", true);
    let for_clients = |params: &mut rcgen::CertificateParams| {
        params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
    };
    for (config, pem, words, cure) in [
        (own, &own_pem, "is an authority's own", "CA:FALSE"),
        (authority.server_with("127.0.0.1", for_clients), &authority.pem, "is not for servers", "serverAuth"),
    ] {
        let server = Server::start_tls(config, |mut connection| connection.request().map(drop));
        for (name, error) in errors_at(&server.url(""), &options().with_root_certificates_pem(pem.clone())) {
            assert_eq!(error.code(), oidc_proto::ErrorCode::TRANSPORT_TLS, "{name}: {error}");
            let (found, hint) = (error.found().unwrap().as_str(), error.hint());
            assert!(found.contains(words) && !found.contains("Other"), "{name}: {found}");
            assert!(hint.contains(cure), "{name}: {hint}");
        }
    }
    // The cure of the first.
    let (config, pem) = Authority::self_signed("127.0.0.1", false);
    let server = Server::start_tls(config, |mut connection| {
        connection.request()?;
        connection.response("200 OK", "", "secret")?;
        connection.hang();
        Ok(())
    });
    for (name, send) in senders() {
        let trusting = options().with_root_certificates_pem(pem.clone());
        assert_eq!(answer(name, send(&trusting, Toy::get(&server.url("/"), 9))).body(), b"secret", "{name}");
    }
}

/// Each reason has a cure of its own.
#[test]
fn the_cure_fits_what_is_wrong_with_a_certificate() {
    let authority = Authority::new();
    for (config, cure) in [
        (Authority::new().server("127.0.0.1", &[]), "intermediate"),
        (authority.server("localhost", &[]), "subject alternative name"),
        (authority.server_in("127.0.0.1", 2020), "Renew"),
        (authority.server_in("127.0.0.1", 2090), "clock"),
    ] {
        let server = Server::start_tls(config, |mut connection| connection.request().map(drop));
        for (name, error) in errors_at(&server.url(""), &options().with_root_certificates_pem(authority.pem.clone())) {
            assert!(error.hint().contains(cure), "{name}: {}", error.hint());
        }
    }
}

/// The caller's own configuration of rustls, in place of roots.
#[test]
fn tls_of_the_callers_own_is_used() {
    let authority = Authority::new();
    let server = Server::start_tls(authority.server("127.0.0.1", &[]), |mut connection| {
        connection.request()?;
        connection.response("200 OK", "", "secret")?;
        connection.hang();
        Ok(())
    });
    let mut roots = rustls::RootCertStore::empty();
    roots.add(authority.der.clone().into()).unwrap();
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let own = options().with_tls(builder.with_root_certificates(roots).with_no_client_auth());
    for (name, send) in senders() {
        assert_eq!(answer(name, send(&own, Toy::get(&server.url("/"), 9))).body(), b"secret", "{name}");
    }
}

/// An `https` URL at a port of `http`.
#[test]
fn a_port_that_does_not_speak_tls_is_told_to_be_one() {
    let server = Server::start(|mut connection| {
        connection.write(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")?;
        connection.hang();
        Ok(())
    });
    for (name, send) in senders() {
        let outcome = send(&options(), Toy::get(&server.url("/").replace("http:", "https:"), 9));
        let Outcome::Failed(failure) = &outcome else { panic!("{name}: a response") };
        let reason = failure.reason().map(|reason| reason.to_string());
        assert!(reason.is_some_and(|reason| reason.contains("does not speak TLS")), "{name}: {failure:?}");
        fails(name, outcome, FailureKind::Tls, Sent::No);
    }
    // One that waits for the end of the first line.
    let silent = Server::start(|connection| {
        connection.hang();
        Ok(())
    });
    let url = silent.url("").replace("http:", "https:");
    for (name, error) in errors_at(&url, &options().with_connect_timeout(SHORT)) {
        assert_eq!(error.code(), oidc_proto::ErrorCode::TRANSPORT_TIMEOUT, "{name}");
        let found = error.found().expect("what was found").as_str();
        // Only one of them tells what it waited for.
        let reason = if name == "ureq" { "connected, but" } else { "no connection, or" };
        let place = url.trim_start_matches("https://");
        assert_eq!(found, format!("{place}: {reason} no response to the TLS handshake in 0.3 s"), "{name}");
        assert!(error.hint().contains("scheme and the port"), "{name}: {}", error.hint());
    }
    // One that takes the request.
    let slow = Server::start(|mut connection| {
        connection.request()?;
        connection.hang();
        Ok(())
    });
    for (name, send) in senders() {
        let outcome = send(&options().with_timeout(SHORT), Toy::get(&slow.url("/"), 9));
        let Outcome::Failed(failure) = &outcome else { panic!("{name}: a response") };
        let error = oidc_proto::Error::from(failure.clone());
        assert_eq!(error.found().map(ToString::to_string).as_deref(), Some("no response after 0.3 s"), "{name}");
    }
}

/// In a process of its own: the variables are the process's.
#[test]
fn roots_and_proxy_of_the_environment_are_used() {
    let authority = Authority::new();
    let folder = tempfile::tempdir().unwrap();
    let roots = folder.path().join("roots.pem");
    std::fs::write(&roots, &authority.pem).unwrap();
    let server = Server::start_tls(authority.server("127.0.0.1", &[]), |mut connection| {
        connection.request()?;
        connection.response("200 OK", "", "secret")?;
        connection.hang();
        Ok(())
    });
    let (tell, seen) = mpsc::channel();
    let proxy = Server::start(move |mut connection| {
        tell.send(connection.request()?.line).map_err(std::io::Error::other)?;
        connection.response("502 Bad Gateway", "connection: close\r\n", "")
    });
    let own = std::env::current_exe().unwrap();
    let mut command = std::process::Command::new(own);
    command.args(["--exact", "clients::tls::in_an_environment", "--ignored"]);
    command.env("SSL_CERT_FILE", &roots).env("http_proxy", proxy.url("")).env("HTTP_PROXY", proxy.url(""));
    command.env("TEST_SERVER", server.url("/"));
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    for (name, _) in senders() {
        let line = seen.recv_timeout(Duration::from_secs(5)).expect(name);
        assert!(line.contains("provider.invalid"), "{name}: {line}");
    }
    // By default no variable names a proxy.
    assert!(seen.try_recv().is_err());
}

#[test]
#[ignore = "run by roots_and_proxy_of_the_environment_are_used"]
fn in_an_environment() {
    // By itself there is nothing to try.
    let Ok(server) = std::env::var("TEST_SERVER") else { return };
    for (name, send) in senders() {
        assert_eq!(answer(name, send(&options(), Toy::get(&server, 9))).body(), b"secret", "{name}");
        send(&options(), Toy::get("http://provider.invalid/without", 9));
        send(&options().with_proxy_from_environment(), Toy::get("http://provider.invalid/metadata", 9));
    }
}

#[test]
fn a_handshake_that_does_not_end_was_not_a_request() {
    let authority = Authority::new();
    let silent = Server::start(|connection| {
        connection.hang();
        Ok(())
    });
    let rude = Server::start(|_| Ok(()));
    let trusting = options().with_root_certificates_pem(authority.pem).with_connect_timeout(SHORT);
    for (name, send) in senders() {
        let url = silent.url("/").replace("http:", "https:");
        fails(name, send(&trusting, Toy::get(&url, 9)), FailureKind::Timeout, Sent::No);
        let url = rude.url("/").replace("http:", "https:");
        let Outcome::Failed(failure) = send(&trusting, Toy::get(&url, 9)) else { panic!("{name}") };
        // A close with the hello unread may arrive as a reset.
        assert!(matches!(failure.kind, FailureKind::Tls | FailureKind::Interrupted), "{name}: {failure:?}");
        assert_eq!(failure.sent, Sent::No, "{name}");
    }
}
