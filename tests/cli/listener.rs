//! The loopback listener, seen from a socket.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use crate::support::cli::{Cli, Op, Running, parameter};

struct Login {
    running: Running,
    address: SocketAddr,
    state: String,
    url: String,
}

impl Login {
    fn start(cli: &Cli, op: &Op, mode: &str) -> Self {
        let login = ["login", "--insecure-loopback", "--issuer", &op.issuer, "--no-browser", "--response-mode", mode];
        // The state is in the URL then, for the tests to see.
        let mut running = cli.start(&[&login[..], &["--par", "never"]].concat());
        let url = running.url();
        let redirect_uri = url::Url::parse(&parameter(&url, "redirect_uri").unwrap()).unwrap();
        assert_eq!((redirect_uri.host_str(), redirect_uri.path()), (Some("127.0.0.1"), "/callback"));
        let address = SocketAddr::from(([127, 0, 0, 1], redirect_uri.port().unwrap()));
        let state = parameter(&url, "state").unwrap();
        Self { running, address, state, url }
    }

    fn send(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(self.address).unwrap();
        // The listener may answer and hang up before it has read everything.
        let _ = stream.write_all(request.as_bytes());
        let mut response = Vec::new();
        let _ = stream.read_to_end(&mut response);
        String::from_utf8(response).unwrap()
    }

    fn get(&self, target: &str) -> String {
        self.send(&format!("GET {target} HTTP/1.1\r\nhost: {}\r\n\r\n", self.address))
    }

    fn post(&self, form: &str) -> String {
        let length = form.len();
        let kind = "content-type: application/x-www-form-urlencoded";
        self.send(&format!(
            "POST /callback HTTP/1.1\r\nhost: {}\r\n{kind}\r\ncontent-length: {length}\r\n\r\n{form}",
            self.address
        ))
    }

    fn callback(&self, op: &Op) -> String {
        let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
        op.provider.visit(&self.url, oidc_proto::Timestamp::from_unix_seconds(now)).callback().to_owned()
    }
}

/// Ends the login with the true callback.
fn end(login: Login, op: &Op) {
    let callback = login.callback(op);
    let response = login.get(callback.strip_prefix(&format!("http://{}", login.address)).unwrap());
    assert!(response.starts_with("HTTP/1.1 200") && response.contains("close this window"), "{response}");
    let lower = response.to_lowercase();
    assert!(lower.contains("cache-control: no-store") && lower.contains("referrer-policy: no-referrer"));
    let address = login.address;
    login.running.end().done();
    assert_eq!(TcpStream::connect(address).unwrap_err().kind(), std::io::ErrorKind::ConnectionRefused);
}

#[test]
fn it_answers_nothing_but_the_callback_and_nobody_can_block_it() {
    let (op, cli) = (Op::start(), Cli::new());
    let login = Login::start(&cli, &op, "query");
    for (request, status) in [
        ("GET / HTTP/1.1\r\nhost: x\r\n\r\n", "404"),
        ("GET /favicon.ico HTTP/1.1\r\nhost: x\r\n\r\n", "404"),
        ("GET /callback/ HTTP/1.1\r\nhost: x\r\n\r\n", "404"),
        ("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 6\r\n\r\ncode=x", "404"),
        ("DELETE /callback?code=x HTTP/1.1\r\nhost: x\r\n\r\n", "400"),
        ("nonsense\r\n\r\n", "400"),
    ] {
        let response = login.send(request);
        assert!(response.starts_with(&format!("HTTP/1.1 {status}")), "{request}: {response}");
    }
    end(login, &op);
}

#[test]
fn slow_connections_do_not_stop_the_true_one() {
    let (op, cli) = (Op::start(), Cli::new());
    let login = Login::start(&cli, &op, "query");
    // Connections that say nothing, or only half of it.
    let slow = |n| {
        let mut stream = TcpStream::connect(login.address).unwrap();
        if n % 2 == 0 {
            stream.write_all(b"GET /callback?code=x HTTP/1.1\r\nhost:").unwrap();
        }
        stream
    };
    let slow: Vec<_> = (0..64).map(slow).collect();
    let began = std::time::Instant::now();
    end(login, &op);
    // Not after their time was up.
    assert!(began.elapsed() < std::time::Duration::from_secs(8));
    drop(slow);
}

/// A page that knows the port can send the browser here, too. It does not know `state`.
#[test]
fn what_is_not_this_logins_response_does_not_end_it() {
    let (op, cli) = (Op::start(), Cli::new());
    let login = Login::start(&cli, &op, "query");
    let true_state = format!("/callback?code=c&state={}", login.state);
    let twice = ["state", "code", "iss"].map(|name| format!("{true_state}&iss={}&{name}=x", op.issuer));
    for target in [
        "/callback",
        "/callback?code=c",
        "/callback?error=access_denied",
        "/callback?code=c&state=%3Cscript%3E",
        &twice[0],
        &twice[1],
        &twice[2],
    ] {
        let response = login.get(target);
        assert!(response.starts_with("HTTP/1.1 400") && !response.contains("script>"), "{target}: {response}");
    }
    // A name of somebody else's that leads to this machine.
    for host in ["evil.example", "127.0.0.1", "localhost", "127.0.0.1:1", ""] {
        let response = login.send(&format!("GET {true_state} HTTP/1.1\r\nhost: {host}\r\n\r\n"));
        assert!(response.starts_with("HTTP/1.1 400"), "{host}: {response}");
    }
    let own = format!("host: {}\r\n", login.address);
    for hosts in [format!("{own}host: evil.example\r\n"), format!("{own}{own}")] {
        let response = login.send(&format!("GET {true_state} HTTP/1.1\r\n{hosts}\r\n"));
        assert!(response.starts_with("HTTP/1.1 400"), "{hosts}: {response}");
    }
    assert!(login.send(&format!("GET {true_state} HTTP/1.0\r\n\r\n")).starts_with("HTTP/1.0 400"));
    assert!(login.post("code=c&state=x").starts_with("HTTP/1.1 400"));
    end(login, &op);
}

/// It is said, since a provider may forget `state`: but not so often that it fills the terminal.
#[test]
fn a_response_that_is_refused_is_a_warning() {
    let (op, cli) = (Op::start(), Cli::new());
    let login = Login::start(&cli, &op, "query");
    for _ in 0..20 {
        login.get("/callback?error=access_denied&error_description=no");
    }
    let callback = login.callback(&op);
    login.get(callback.strip_prefix(&format!("http://{}", login.address)).unwrap());
    let run = login.running.end().done();
    let warnings: Vec<_> = run.events.iter().filter(|event| event["event"] == "warning").collect();
    assert!((1..=3).contains(&warnings.len()), "{warnings:?}");
    assert_eq!(warnings[0]["code"], "callback.state_missing");
    assert_eq!(warnings[0]["provider"]["description"], "no");
}

#[test]
fn a_callback_by_another_way_than_asked_for_is_wrong() {
    let (op, cli) = (Op::start(), Cli::new());
    for (mode, by_form) in [("query", true), ("form_post", false), ("fragment", false), ("fragment", true)] {
        let login = Login::start(&cli, &op, mode);
        let response = format!("code=c&state={}&iss={}", login.state, op.issuer);
        if by_form {
            login.post(&response)
        } else {
            login.get(&format!("/callback?{response}"))
        };
        login.running.end().failed(1, "remote", "callback.response_mode");
    }
}

#[test]
fn too_much_is_refused_and_the_wait_goes_on() {
    let (op, cli) = (Op::start(), Cli::new());
    for (mode, size) in [("query", 65_000), ("query", 70_000), ("query", 500_000), ("form_post", 70_000)] {
        let login = Login::start(&cli, &op, mode);
        let form = format!("code={}", "x".repeat(size));
        let response = if mode == "query" { login.get(&format!("/callback?{form}")) } else { login.post(&form) };
        assert!(response.is_empty() || response.starts_with("HTTP/1.1 4"), "{response}");
        if mode == "query" {
            end(login, &op);
        }
    }
}

#[test]
fn a_fragment_is_asked_for_by_a_page() {
    let (op, cli) = (Op::start(), Cli::new());
    let login = Login::start(&cli, &op, "fragment");
    let page = login.get("/callback");
    assert!(page.starts_with("HTTP/1.1 200") && page.contains("location.hash"), "{page}");
    let callback = login.callback(&op);
    let fragment = callback.split_once('#').unwrap().1;
    let form = url::form_urlencoded::Serializer::new(String::new()).append_pair("fragment", fragment).finish();
    assert!(login.post(&form).starts_with("HTTP/1.1 200"));
    login.running.end().done();
}

/// A browser, and whatever it starts, can be asked for its environment.
#[cfg(target_os = "linux")]
#[test]
fn the_browser_does_not_inherit_the_client_secret() {
    use std::os::unix::fs::PermissionsExt as _;

    let (op, cli) = (Op::start(), Cli::new());
    let told = cli.file("told", "");
    let script = cli.file("browser", format!("#!/bin/sh\nenv > {told}.new\nmv {told}.new {told}\n"));
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o700)).unwrap();
    for by_option in [true, false] {
        std::fs::write(&told, "").unwrap();
        let login = ["login", "--insecure-loopback", "--issuer", &op.issuer, "--client-id", "x", "--par", "never"];
        let browser: &[&str] = if by_option { &["--browser", &script] } else { &[] };
        let variables = [
            ("OIDC_CLI_CLIENT_SECRET", "very-secret"),
            ("OIDC_CLI_INITIAL_ACCESS_TOKEN", "very-secret"),
            ("BROWSER", script.as_str()),
            ("MARK", "seen"),
        ];
        let mut running = cli.start_with(&variables, &[&login[..], browser].concat());
        running.url();
        let mut environment = String::new();
        for _ in 0..3000 {
            environment = std::fs::read_to_string(&told).unwrap();
            if !environment.is_empty() {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        assert!(environment.contains("MARK=seen") && !environment.contains("very-secret"), "{environment}");
        running.kill();
    }
}

/// Port 80 is one like another, though a URL that was parsed has lost it, and a browser leaves it out. Where the test may
/// not listen there, the command says so.
#[test]
fn the_usual_port_is_used_where_it_is_named() {
    let (op, cli) = (Op::start(), Cli::new());
    for (option, value, redirect_uri) in [
        ("--redirect-port", "80", "http://127.0.0.1:80/callback"),
        ("--redirect-uri", "http://localhost:80/cb", "http://localhost:80/cb"),
        ("--redirect-uri", "http://[::1]:0080/cb?a=b", "http://[::1]:0080/cb?a=b"),
    ] {
        let login = ["login", "--insecure-loopback", "--issuer", &op.issuer, "--no-browser", "--par", "never"];
        let mut running = cli.start(&[&login[..], &["--deadline", "20", option, value]].concat());
        let first = running.until_any(&["authorization_url", "error"]);
        if first["event"] == "error" {
            assert_eq!(first["code"], "cli.listener", "{first}");
            assert!(first["message"].as_str().unwrap().contains("port 80"), "{first}");
            continue;
        }
        let url = first["url"].as_str().unwrap();
        assert_eq!(parameter(url, "redirect_uri").as_deref(), Some(redirect_uri));
        let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
        let visit = op.provider.visit(url, oidc_proto::Timestamp::from_unix_seconds(now));
        let callback = url::Url::parse(visit.callback()).unwrap();
        let host = callback.host_str().unwrap();
        let mut stream = TcpStream::connect((host.trim_matches(['[', ']']), 80)).unwrap();
        let target = &callback[url::Position::BeforePath..];
        stream.write_all(format!("GET {target} HTTP/1.1\r\nhost: {host}\r\n\r\n").as_bytes()).unwrap();
        let mut response = String::new();
        let _ = stream.read_to_string(&mut response);
        assert!(response.starts_with("HTTP/1.1 200"), "{response}");
        running.end().done();
    }
}
