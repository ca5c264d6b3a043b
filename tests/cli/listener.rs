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
        self.send(&format!("POST /callback HTTP/1.1\r\nhost: x\r\n{kind}\r\ncontent-length: {length}\r\n\r\n{form}"))
    }

    fn callback(&self, op: &Op) -> String {
        let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
        op.provider.visit(&self.url, oidc_proto::Timestamp::from_unix_seconds(now)).callback().to_owned()
    }
}

#[test]
fn it_answers_nothing_but_the_callback_and_nobody_can_block_it() {
    let (op, cli) = (Op::start(), Cli::new());
    let login = Login::start(&cli, &op, "query");
    // Connections that say nothing, or only half of it.
    let silent = TcpStream::connect(login.address).unwrap();
    let mut half = TcpStream::connect(login.address).unwrap();
    half.write_all(b"GET /callback?code=x HTTP/1.1\r\nhost:").unwrap();
    for (request, status) in [
        ("GET / HTTP/1.1\r\nhost: x\r\n\r\n", "404"),
        ("GET /favicon.ico HTTP/1.1\r\nhost: x\r\n\r\n", "404"),
        ("GET /callback/ HTTP/1.1\r\nhost: x\r\n\r\n", "404"),
        ("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 6\r\n\r\ncode=x", "404"),
        ("DELETE /callback?code=x HTTP/1.1\r\nhost: x\r\n\r\n", "405"),
        ("nonsense\r\n\r\n", "400"),
    ] {
        let response = login.send(request);
        assert!(response.starts_with(&format!("HTTP/1.1 {status}")), "{request}: {response}");
    }
    let callback = login.callback(&op);
    let response = login.get(callback.strip_prefix(&format!("http://{}", login.address)).unwrap());
    assert!(response.starts_with("HTTP/1.1 200") && response.contains("close this window"), "{response}");
    let lower = response.to_lowercase();
    assert!(lower.contains("cache-control: no-store") && lower.contains("referrer-policy: no-referrer"));
    let address = login.address;
    login.running.end().done();
    assert_eq!(TcpStream::connect(address).unwrap_err().kind(), std::io::ErrorKind::ConnectionRefused);
    drop((silent, half));
}

#[test]
fn a_wrong_callback_is_answered_and_ends_it() {
    let (op, cli) = (Op::start(), Cli::new());
    let login = Login::start(&cli, &op, "query");
    let response = login.get("/callback?code=c&state=%3Cscript%3E");
    assert!(response.starts_with("HTTP/1.1 400") && !response.contains("script>"), "{response}");
    login.running.end().failed(1, "remote", "callback.state_mismatch");
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
fn too_much_is_refused() {
    let (op, cli) = (Op::start(), Cli::new());
    for (mode, size) in [("query", 65_000), ("query", 70_000), ("query", 500_000), ("form_post", 70_000)] {
        let login = Login::start(&cli, &op, mode);
        let response = format!("code={}", "x".repeat(size));
        let response =
            if mode == "query" { login.get(&format!("/callback?{response}")) } else { login.post(&response) };
        assert!(response.is_empty() || response.starts_with("HTTP/1.1 4"), "{response}");
        // What fits is read, and is no response to this login.
        let code = if size == 65_000 { "callback.state_missing" } else { "callback.too_large" };
        login.running.end().failed(1, "remote", code);
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
