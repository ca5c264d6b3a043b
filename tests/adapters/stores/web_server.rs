//! The example of a web server, run as it is, with a real Redis server.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use http::header::{COOKIE, LOCATION, SET_COOKIE};
use http::{Request, Response};
use oidc_proto::adapter::{BlockingHttpClient as _, HttpOptions, SystemEnv, ureq};
use oidc_proto::testing::{On, RegisteredClient};
use oidc_proto::{Accept, Body, Env as _, Policy};

use crate::stores::redis_server::Server;
use crate::support::cli::example;
use crate::support::op::Op;

/// What browsers know of it. A proxy that ends TLS is not there.
const PUBLIC_URL: &str = "https://app.example.org";

/// One machine. It does not outlive the value.
struct Machine {
    child: Child,
    url: String,
}

impl Machine {
    fn start(op: &Op, redis: &Server) -> Self {
        let arguments = [&op.issuer, "web", "secret", PUBLIC_URL, &redis.url(), "127.0.0.1:0"];
        let mut child = Command::new(example("web_server")).args(arguments).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on ").expect("it listens");
        Self { url: format!("http://{address}"), child }
    }

    /// Its response to a browser with this cookie.
    fn response(&self, method: &str, target: &str, cookie: &str) -> Response<Vec<u8>> {
        let request = Request::builder().method(method).uri(format!("{}{target}", self.url)).header(COOKIE, cookie);
        let http = ureq::Client::with(HttpOptions::new()).unwrap();
        http.call(request.body(Body::default()).unwrap(), Policy::read(65_536, Accept::Any)).unwrap()
    }

    fn page(&self, method: &str, target: &str, cookie: &str) -> String {
        String::from_utf8(self.response(method, target, cookie).into_body()).unwrap()
    }

    /// As a service manager ends it. It ends well.
    fn terminate(mut self) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The cookie that is set, as the browser sends it.
fn cookie(response: &Response<Vec<u8>>) -> String {
    response.headers()[SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned()
}

fn redis_keys(redis: &Server, kind: &str) -> usize {
    match redis.command(&["KEYS", &format!("oidc-proto:{kind}:*")]) {
        redis::Value::Array(keys) => keys.len(),
        other => panic!("{other:?}"),
    }
}

#[test]
#[ignore = "needs a Redis server"]
fn machines_of_a_web_server_end_and_the_sessions_stay() {
    let redis = Server::start(&[]);
    // Each request needs a refresh.
    let lifetime = std::time::Duration::ZERO;
    let client = RegisteredClient::confidential("web", "secret", &format!("{PUBLIC_URL}/cb"));
    let op = Op::with(|provider| provider.with_client(client).with_access_token_lifetime(lifetime));
    let [one, two] = [(); 2].map(|()| Machine::start(&op, &redis));
    assert_eq!(one.page("GET", "/", ""), "Log in at /login.");

    // The login begins at one machine and ends at another.
    let begun = one.response("GET", "/login", "");
    let url = begun.headers()[LOCATION].to_str().unwrap();
    let callback = op.provider.visit(url, SystemEnv::new().unwrap().now()).callback().to_owned();
    let target = callback.strip_prefix(PUBLIC_URL).unwrap();
    assert_eq!(two.response("GET", target, "").status(), 400, "another browser");
    let done = two.response("GET", target, &cookie(&begun));
    assert_eq!(done.status(), 303);
    let session = cookie(&done);
    assert_eq!(two.response("GET", target, &cookie(&begun)).status(), 400, "the same callback once more");
    for machine in [&one, &two, &one] {
        assert_eq!(machine.page("GET", "/", &session), "sub-alice");
    }
    assert!(op.provider.count(On::Token) >= 3, "it was refreshed");

    // They end. What is in Redis stays, without a lock, and nothing is revoked.
    one.terminate();
    two.terminate();
    assert_eq!((op.provider.count(On::Revoke), redis_keys(&redis, "record"), redis_keys(&redis, "lock")), (0, 1, 0));

    let next = Machine::start(&op, &redis);
    assert_eq!(next.page("GET", "/", &session), "sub-alice");
    // What the user ends is revoked, and gone.
    assert_eq!(next.page("POST", "/logout", &session), "You are logged out.");
    let revoked = op.provider.count(On::Revoke);
    assert!(revoked > 0);
    assert_eq!((next.page("GET", "/", &session), redis_keys(&redis, "record")), ("Log in at /login.".to_owned(), 0));
    next.terminate();
    assert_eq!((op.provider.count(On::Revoke), redis_keys(&redis, "lock")), (revoked, 0));
}
