//! The examples that a newcomer reads first, run as they are.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use oidc_proto::adapter::{BlockingHttpClient as _, HttpOptions, SystemEnv, ureq};
use oidc_proto::testing::{On, RegisteredClient};
use oidc_proto::{Accept, Body, Env as _, Policy};

use crate::support::cli::{Op, example};

/// An example that is running. It does not outlive the value.
struct Example {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Example {
    fn start(name: &str, arguments: &[&str]) -> Self {
        let mut command = Command::new(example(name));
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Self { child, lines }
    }

    /// Reads lines up to one that starts so.
    fn until(&mut self, start: &str) -> String {
        loop {
            let mut line = String::new();
            assert_ne!(self.lines.read_line(&mut line).unwrap(), 0, "no {start}");
            if line.starts_with(start) {
                return line.trim_end().to_owned();
            }
        }
    }

    /// The user logs in. Returns the callback URL.
    fn log_in(&mut self, op: &Op) -> String {
        let url = self.until(&format!("{}/authorize?", op.issuer));
        op.provider.visit(&url, SystemEnv::new().unwrap().now()).callback().to_owned()
    }

    fn ends_well(mut self) {
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn get(url: &str) -> u16 {
    let http = ureq::Client::with(HttpOptions::new()).unwrap();
    let request = http::Request::get(url).body(Body::default()).unwrap();
    http.call(request, Policy::read(65_536, Accept::Any)).unwrap().status().as_u16()
}

#[test]
#[cfg_attr(not(feature = "reqwest"), ignore = "the example needs the feature `reqwest`")]
fn the_asynchronous_login_takes_its_own_callback_and_no_other() {
    let op = Op::with(|op| op.with_client(RegisteredClient::public("app", "http://127.0.0.1/callback")));
    let mut example = Example::start("async_login", &[&op.issuer, "app"]);
    let callback = example.log_in(&op);
    let (listener, _) = callback.split_once("/callback").unwrap();
    assert_eq!(get(&format!("{listener}/favicon.ico")), 400);
    assert_eq!(get(&format!("{listener}/callback?code=forged&state=forged")), 400);
    assert_eq!(get(&callback), 200);
    assert_eq!(example.until("Logged in as"), "Logged in as sub-alice");
    example.ends_well();
}

#[test]
fn the_blocking_login_keeps_its_tokens_in_the_file() {
    let (op, folder) = (Op::start(), tempfile::tempdir().unwrap());
    let file = folder.path().join("tokens.json");
    let arguments = [op.issuer.as_str(), file.to_str().unwrap()];
    let mut first = Example::start("blocking_login", &arguments);
    let callback = first.log_in(&op);
    let mut input = first.child.stdin.take().unwrap();
    writeln!(input, "http://127.0.0.1/callback?code=forged&state=forged\n{callback}").unwrap();
    assert_eq!(first.until("sub-alice"), "sub-alice has an access token that is good");
    first.ends_well();
    assert!(Path::new(&file).exists());

    let mut second = Example::start("blocking_login", &arguments);
    second.until("sub-alice has");
    second.ends_well();
    assert_eq!(op.provider.count(On::Authorize), 1);
}

#[test]
fn the_others_need_no_argument() {
    for name in ["test_provider", "own_loop", "matrix_sdk_shape"] {
        let output = Command::new(example(name)).output().unwrap();
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    }
}
