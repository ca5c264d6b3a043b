//! Requests, responses and addresses. Each scenario is run through every client in turn.

use std::sync::mpsc;
use std::time::Duration;

use oidc_proto::adapter::HttpOptions;
use oidc_proto::{Accept, Body, Failure, FailureKind, FailureReason, Policy, Sent, Step};

use super::{by_closure, in_time, senders, with_services};
use crate::support::server::{Connection, DeadPort, Seen, Server};
use crate::support::toy::{Outcome, Toy};

/// Far beyond what loopback needs, far below what a person waiting for a test notices.
pub(super) const SHORT: Duration = Duration::from_millis(300);

pub(super) fn options() -> HttpOptions {
    HttpOptions::new()
}

pub(super) fn answer(name: &str, outcome: Outcome) -> http::Response<Vec<u8>> {
    match outcome {
        Outcome::Answer(response) => response,
        Outcome::Failed(failure) => panic!("{name}: {failure:?}"),
    }
}

pub(super) fn fails(name: &str, outcome: Outcome, kind: FailureKind, sent: Sent) {
    match outcome {
        Outcome::Failed(failure) => assert_eq!(failure, Failure::new(kind, sent), "{name}"),
        Outcome::Answer(response) => panic!("{name}: answered with {}", response.status()),
    }
}

/// A server that responses every request alike and tells what it saw.
fn echo(status: &'static str, headers: &'static str, body: &'static str) -> (Server, mpsc::Receiver<Seen>) {
    let (tell, seen) = mpsc::channel();
    let server = Server::start(move |mut connection: Connection| {
        loop {
            tell.send(connection.request()?).map_err(std::io::Error::other)?;
            connection.response(status, headers, body)?;
        }
    });
    (server, seen)
}

#[test]
fn a_get_arrives_as_it_was_built_and_its_response_comes_back_whole() {
    let (server, seen) = echo("200 OK", "content-type: application/json\r\nx-answer: 4\r\n", "{\"a\":1}");
    for (name, send) in with_services() {
        let response = answer(name, send(&options(), Toy::get(&server.url("/a/b?c=d%20e"), 7)));
        assert_eq!((response.status().as_u16(), response.body().as_slice()), (200, &b"{\"a\":1}"[..]), "{name}");
        assert_eq!(response.headers()["x-answer"], "4", "{name}");
        let seen = seen.recv().unwrap();
        assert_eq!(seen.line, "GET /a/b?c=d%20e", "{name}");
        assert_eq!((seen.header("x-probe"), seen.header("accept")), (Some("17"), Some("application/json")), "{name}");
        // Firewalls refuse requests without a user agent; bodies are read as they come.
        let agent = concat!("oidc-proto/", env!("CARGO_PKG_VERSION"));
        assert_eq!(
            (seen.header("user-agent"), seen.header("accept-encoding")),
            (Some(agent), Some("identity")),
            "{name}"
        );
        for absent in ["cookie", "referer"] {
            assert_eq!(seen.header(absent), None, "{name}: {absent}");
        }
        assert_eq!(seen.body, "", "{name}");
    }
}

#[test]
fn a_post_arrives_with_its_body_and_an_error_status_is_an_answer() {
    let (server, seen) = echo("400 Bad Request", "content-type: application/json\r\n", "{\"error\":\"invalid_grant\"}");
    let all = with_services().into_iter().chain([("closure", by_closure as super::Send)]);
    for (name, send) in all {
        for body in ["grant_type=authorization_code&code=a%2Bb", ""] {
            let response = answer(name, send(&options(), Toy::post(&server.url("/token"), body)));
            assert_eq!((response.status().as_u16(), response.body().len()), (400, 25), "{name}");
            let seen = seen.recv().unwrap();
            assert_eq!((seen.line.as_str(), seen.body.as_str()), ("POST /token", body), "{name}");
            assert_eq!(seen.header("content-length"), Some(body.len().to_string().as_str()), "{name}");
            assert_eq!(seen.header("content-type"), Some("application/x-www-form-urlencoded"), "{name}");
        }
    }
}

#[test]
fn another_user_agent_is_sent_if_one_was_named() {
    let (server, seen) = echo("204 No Content", "", "");
    for (name, send) in senders() {
        answer(name, send(&options().with_user_agent("app/1"), Toy::get(&server.url("/"), 9)));
        assert_eq!(seen.recv().unwrap().header("user-agent"), Some("app/1"), "{name}");
        // That of the request counts more.
        let request = http::Request::get(server.url("/")).header("user-agent", "own/1").header("accept-encoding", "br");
        let request = request.body(Body::default()).unwrap();
        answer(name, send(&options().with_user_agent("app/1"), Step::call(request, Policy::read(9, Accept::Any), Toy)));
        let seen = seen.recv().unwrap();
        assert_eq!((seen.header("user-agent"), seen.header("accept-encoding")), (Some("own/1"), Some("br")), "{name}");
    }
}

#[test]
fn a_redirect_is_handed_back_and_not_followed() {
    let all = with_services().into_iter().chain([("closure", by_closure as super::Send)]);
    for (name, send) in all {
        for status in ["301 Moved Permanently", "302 Found", "303 See Other", "307 Temporary Redirect"] {
            let (server, seen) = echo(status, "location: /elsewhere\r\nset-cookie: a=b\r\n", "");
            for step in [Toy::get(&server.url("/here"), 9), Toy::post(&server.url("/here"), "code=1")] {
                let response = answer(name, send(&options(), step));
                assert!(response.status().is_redirection(), "{name} {status}");
                assert_eq!(response.headers()["location"], "/elsewhere", "{name} {status}");
                assert!(seen.recv().unwrap().line.ends_with("/here"), "{name} {status}");
                assert!(seen.try_recv().is_err(), "{name} {status}: another request was sent");
            }
        }
    }
}

#[test]
fn an_endless_body_is_read_up_to_the_limit_and_no_further() {
    let (hung_up, written) = mpsc::channel();
    let server = Server::start(move |mut connection| {
        connection.request()?;
        connection.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")?;
        let chunk = [b"1000\r\n".as_slice(), &[b'x'; 0x1000], b"\r\n"].concat();
        let mut total = 0_usize;
        while connection.write(&chunk).is_ok() {
            total += chunk.len();
        }
        hung_up.send(total).map_err(std::io::Error::other)
    });
    for (name, send) in with_services() {
        let outcome = send(&options(), Toy::get(&server.url("/"), 100_000));
        fails(name, outcome, FailureKind::BodyTooLarge, Sent::Maybe);
        // What the limit does not hold are the buffers of two sockets.
        let total = written.recv_timeout(Duration::from_secs(20)).expect("the client hangs up");
        assert!(total < 32 * 1024 * 1024, "{name}: {total}");
    }
}

#[test]
fn a_body_of_just_the_limit_is_read_and_one_byte_more_is_not() {
    let (server, _seen) = echo("201 Created", "", "12345678");
    for (name, send) in with_services() {
        assert_eq!(answer(name, send(&options(), Toy::get(&server.url("/"), 8))).body().len(), 8, "{name}");
        let Outcome::Failed(failure) = send(&options(), Toy::get(&server.url("/"), 7)) else { panic!("{name}") };
        assert_eq!(failure, Failure::new(FailureKind::BodyTooLarge, Sent::Maybe), "{name}");
        let status = oidc_proto::Error::from(failure).status();
        assert_eq!(status, Some(http::StatusCode::CREATED), "{name}");
    }
}

/// A server that reads the request, writes this much of a response, and then does that with the connection.
fn cut_short(start: &'static str, end: fn(Connection) -> std::io::Result<()>) -> Server {
    Server::start(move |mut connection| {
        connection.request()?;
        connection.write(start.as_bytes())?;
        end(connection)
    })
}

#[test]
fn a_response_that_does_not_end_is_given_up_in_time() {
    let hang = |connection: Connection| {
        connection.hang();
        Ok(())
    };
    for (name, send) in in_time() {
        for start in ["", "HTTP/1.1 200 OK\r\ncontent-l", "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nslow"] {
            let server = cut_short(start, hang);
            let outcome = send(&options().with_timeout(SHORT), Toy::get(&server.url("/"), 99));
            fails(name, outcome, FailureKind::Timeout, Sent::Maybe);
        }
    }
}

#[test]
fn a_connection_that_breaks_is_told_as_such() {
    for (name, send) in with_services() {
        for start in ["", "HTTP/1.1 200 OK\r\ncontent-l", "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\ncut"] {
            for end in [Connection::reset, |_| Ok(())] {
                let server = cut_short(start, end);
                let outcome = send(&options(), Toy::post(&server.url("/"), "code=1"));
                fails(name, outcome, FailureKind::Interrupted, Sent::Maybe);
            }
        }
    }
}

/// However the body fails, the status has come.
#[test]
fn a_status_is_told_though_its_body_is_not_there() {
    let hang = |connection: Connection| {
        connection.hang();
        Ok(())
    };
    for status in [200, 400, 429, 503] {
        for start in ["content-length: 9\r\n\r\ncut", "transfer-encoding: chunked\r\n\r\n9\r\ncut"] {
            let start: &str = format!("HTTP/1.1 {status} Any\r\n{start}").leak();
            let told = |name: &str, outcome: Outcome, kind| {
                let Outcome::Failed(failure) = outcome else { panic!("{name} {status}: a response") };
                let told = (failure.kind, failure.status().map(|status| status.as_u16()));
                assert_eq!(told, (kind, Some(status)), "{name}: {start}");
            };
            for (name, send) in with_services() {
                let server = cut_short(start, Connection::reset);
                told(name, send(&options(), Toy::get(&server.url("/"), 99)), FailureKind::Interrupted);
                let server = cut_short(start, |_| Ok(()));
                told(name, send(&options(), Toy::post(&server.url("/"), "code=1")), FailureKind::Interrupted);
                let server = cut_short(start, hang);
                told(name, send(&options(), Toy::get(&server.url("/"), 2)), FailureKind::BodyTooLarge);
            }
            for (name, send) in senders() {
                let server = cut_short(start, hang);
                let outcome = send(&options().with_timeout(SHORT), Toy::get(&server.url("/"), 99));
                told(name, outcome, FailureKind::Timeout);
            }
        }
    }
}

/// Each byte comes in time, and the response never.
#[test]
fn a_flood_of_what_is_no_response_ends_at_the_time_out() {
    let floods: [(&str, &str); 6] = [
        ("", "HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n"),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1", ";extension=value"),
        // Headers without end, of many lines and of one; trailers; a body that drips.
        ("HTTP/1.1 200 OK\r\n", "x-more: value\r\n"),
        ("HTTP/1.1 200 OK\r\nx-more: ", "value"),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n", "x-more: value\r\n"),
        ("HTTP/1.1 200 OK\r\ncontent-length: 99999\r\n\r\n", "x"),
    ];
    for (start, flood) in floods {
        for pause in [Duration::from_millis(1), Duration::from_millis(20)] {
            let server = Server::start(move |mut connection: Connection| {
                connection.request()?;
                connection.write(start.as_bytes())?;
                loop {
                    connection.write(flood.as_bytes())?;
                    std::thread::sleep(pause);
                }
            });
            for (name, send) in in_time() {
                let begun = std::time::Instant::now();
                let outcome = send(&options().with_timeout(SHORT), Toy::get(&server.url("/"), 1 << 20));
                let Outcome::Failed(failure) = outcome else { panic!("{name} {flood}: a response") };
                // A client may see sooner that this is no response.
                let fits = matches!(failure.kind, FailureKind::Timeout | FailureKind::Interrupted);
                assert!(fits && failure.sent == Sent::Maybe, "{name} {flood}: {failure:?}");
                assert!(begun.elapsed() < 20 * SHORT, "{name} {flood} {:?} {failure:?}", begun.elapsed());
            }
        }
    }
}

#[test]
fn where_nobody_listens_nothing_was_sent() {
    let dead = DeadPort::new();
    // A label of a host name has at most 63 octets, so no resolver need be asked.
    let nowhere = format!("http://{}.invalid/", "a".repeat(64));
    for (name, send) in senders() {
        for (url, reason) in [(&dead.url(), FailureReason::ConnectionRefused), (&nowhere, FailureReason::HostNotFound)]
        {
            let outcome = send(&options(), Toy::get(url, 9));
            assert!(matches!(&outcome, Outcome::Failed(failure) if failure.reason() == Some(reason)), "{name} {url}");
            fails(name, outcome, FailureKind::Unreachable, Sent::No);
        }
    }
}

#[cfg(feature = "hyper")]
#[test]
fn a_service_that_does_not_connect_has_sent_nothing() {
    let dead = DeadPort::new();
    let nowhere = format!("http://{}.invalid/", "a".repeat(64));
    for (url, reason) in [(&dead.url(), Some(FailureReason::ConnectionRefused)), (&nowhere, None)] {
        let outcome = super::by_hyper(&options(), Toy::get(url, 9));
        assert!(matches!(&outcome, Outcome::Failed(failure) if failure.reason() == reason), "{url}: {outcome:?}");
        fails("hyper", outcome, FailureKind::Unreachable, Sent::No);
    }
}

#[test]
fn the_error_names_host_and_port_of_a_server_that_refuses_the_connection() {
    let dead = DeadPort::new();
    let schemes = oidc_proto::Schemes::DangerousHttpOnLoopback;
    let issuer = oidc_proto::Issuer::new(dead.url().trim_end_matches('/'), schemes).unwrap();
    let options = oidc_proto::ProviderOptions::new().with_schemes(schemes);
    let step = oidc_proto::flow::ServerMetadataFetch::start(issuer, options).unwrap();
    let http = oidc_proto::adapter::ureq::Client::new().unwrap();
    let env = &mut oidc_proto::adapter::SystemEnv::new().unwrap();
    let error = oidc_proto::adapter::BlockingDriver::new(http).run(step, env).unwrap_err();
    let address = dead.url().trim_start_matches("http://").trim_end_matches('/').to_owned();
    assert_eq!(error.code(), oidc_proto::ErrorCode::TRANSPORT_UNREACHABLE);
    assert_eq!(error.found().unwrap().as_str(), format!("{address}: connection refused"));
    assert!(error.to_string().starts_with("provider metadata: cannot connect to the server: found "), "{error}");
}

/// Spellings of addresses that are not public. Some clients understand each of them.
const PRIVATE: [&str; 21] = [
    "127.0.0.1",
    "127.0.0.1.",
    "127.1",
    "127.0.1",
    "2130706433",
    "0x7f.1",
    "0x7f000001",
    "0177.0.0.1",
    "017700000001",
    "0",
    "0.0.0.0",
    "169.254.169.254",
    "localhost",
    "LOCALHOST.",
    "app.localhost",
    "[::1]",
    "[::]",
    "[fe80::1]",
    "[::ffff:7f00:1]",
    "[64:ff9b::7f00:1]",
    "[2002:7f00:1::]",
];

#[test]
fn private_addresses_are_refused_by_choice_whether_written_or_looked_up() {
    let (server, seen) = echo("200 OK", "", "inside");
    for (name, send) in senders() {
        let strict = options().with_public_addresses_only();
        for host in PRIVATE {
            let outcome = send(&strict, Toy::get(&server.url_at(host, "/"), 9));
            fails(&format!("{name} {host}"), outcome, FailureKind::Refused, Sent::No);
        }
        assert!(seen.try_recv().is_err(), "{name}");
        assert_eq!(answer(name, send(&options(), Toy::get(&server.url_at("localhost", "/"), 9))).status(), 200);
        seen.recv().unwrap();
    }
}

#[test]
fn both_clients_send_the_same_spelling_of_a_url() {
    let (server, seen) = echo("200 OK", "", "");
    for (name, send) in senders() {
        for host in ["2130706433", "127.1", "0x7f.1", "0177.0.0.1"] {
            answer(name, send(&options(), Toy::get(&server.url_at(host, "/a/../b"), 9)));
            let seen = seen.recv().unwrap();
            let host = server.url("").replace("http://", "");
            assert_eq!((seen.line.as_str(), seen.header("host")), ("GET /b", Some(host.as_str())), "{name}");
        }
    }
}

#[test]
fn a_request_that_needs_a_client_certificate_is_refused() {
    let (server, seen) = echo("200 OK", "", "");
    for (name, send) in with_services() {
        let policy = Policy::write(Accept::Any).with_client_certificate("device");
        let request = http::Request::post(server.url("/")).body(Body::default()).unwrap();
        fails(name, send(&options(), Step::call(request, policy, Toy)), FailureKind::Refused, Sent::No);
        assert!(seen.try_recv().is_err(), "{name}");
    }
}
