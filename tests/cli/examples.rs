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

/// A process that synchronizes is terminated at any time: the login is the others' then. The menu ends it for all.
#[cfg(unix)]
#[test]
fn the_processes_of_a_desktop_application_share_a_login_until_the_menu_ends_it() {
    let op = Op::with(|op| op.with_client(RegisteredClient::public("app", "http://127.0.0.1/callback")));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("session.json");
    let start = |role| Example::start("desktop", &[&op.issuer, "app", file.to_str().unwrap(), role]);
    let token = || {
        let record: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
        record["tokens"]["access_token"].as_str().unwrap().to_owned()
    };
    let mut window = start("window");
    let callback = window.log_in(&op);
    writeln!(window.child.stdin.take().unwrap(), "{callback}").unwrap();
    assert_eq!(window.until("sub-alice"), "sub-alice is logged in");
    window.ends_well();

    let mut terminated = start("sync");
    terminated.until("synchronized");
    let id = terminated.child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    assert!(!terminated.child.wait().unwrap().success());
    assert_eq!(op.provider.count(On::Revoke), 0);
    let lives = |token: &str| op.provider.bearer(token, SystemEnv::new().unwrap().now()).is_some();
    let token = token();
    assert!(lives(&token), "the login is kept");

    let mut next = start("sync");
    next.until("synchronized");
    let mut menu = start("menu");
    assert_eq!(menu.until("logged out"), "logged out");
    menu.ends_well();
    assert!(!lives(&token) && !file.exists() && op.provider.count(On::Revoke) > 0);
    // There is nothing to end any more.
    start("menu").ends_well();
    let mut window = start("window");
    assert_ne!(window.log_in(&op), callback);
}

#[test]
fn the_others_need_no_argument() {
    for name in ["test_provider", "own_loop", "matrix_sdk_shape"] {
        let output = Command::new(example(name)).output().unwrap();
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    }
}
