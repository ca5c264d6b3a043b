//! Runs the example, and a provider for it to talk to.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

pub use super::op::Op;

/// An example that `cargo test` has built beside this test.
pub fn example(name: &str) -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    let profile = tests.parent().and_then(Path::parent).unwrap();
    let example = profile.join("examples").join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    assert!(example.exists(), "no {}: run `cargo build --example {name}` first", example.display());
    example
}

/// The scripted browser, as `--browser` takes it.
pub fn browser() -> String {
    format!("{} browse", shell_words::quote(example("oidc_cli").to_str().unwrap()))
}

/// One user's command line: a store, and the options for each command.
pub struct Cli {
    folder: TempDir,
}

/// How a command ended.
pub struct Run {
    pub exit: i32,
    pub events: Vec<Value>,
    pub stdout: String,
    pub stderr: String,
}

impl Run {
    pub fn new(output: Output, json: bool) -> Self {
        let stdout = String::from_utf8(output.stdout).unwrap();
        let events = if json {
            stdout.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect()
        } else {
            Vec::new()
        };
        let stderr = String::from_utf8(output.stderr).unwrap();
        Self { exit: output.status.code().unwrap(), events, stdout, stderr }
    }

    pub fn event(&self, name: &str) -> &Value {
        let found = self.events.iter().find(|event| event["event"] == name);
        found.unwrap_or_else(|| panic!("no {name} in {:?}, stderr: {}", self.events, self.stderr))
    }

    /// Nothing of this is in what was printed.
    #[track_caller]
    pub fn hides(&self, secrets: &[String]) {
        for secret in secrets {
            assert!(!self.stdout.contains(secret) && !self.stderr.contains(secret), "{}{}", self.stdout, self.stderr);
        }
    }

    /// Done.
    #[track_caller]
    pub fn done(self) -> Self {
        assert_eq!(self.exit, 0, "{}{}", self.stdout, self.stderr);
        self
    }

    /// Ended with this exit code, fault and code.
    #[track_caller]
    pub fn failed(self, exit: i32, fault: &str, code: &str) -> Self {
        let error = self.events.last().unwrap_or_else(|| panic!("no event: {}", self.stderr));
        assert_eq!(
            (self.exit, error["event"].as_str(), error["fault"].as_str(), error["code"].as_str()),
            (exit, Some("error"), Some(fault), Some(code)),
            "{error} {}",
            self.stderr
        );
        assert!(error["message"].as_str().is_some_and(|message| message.len() > 10), "{error}");
        self
    }
}

impl Cli {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub fn store(&self) -> PathBuf {
        self.folder.path().join("store")
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(example("oidc_cli"));
        command.args(arguments).arg("--store").arg(self.store());
        for variable in ["OIDC_CLI_CLIENT_SECRET", "OIDC_CLI_INITIAL_ACCESS_TOKEN"] {
            command.env_remove(variable);
        }
        command.stdin(Stdio::null());
        command
    }

    /// Runs a command for people.
    pub fn plain(&self, arguments: &[&str]) -> Run {
        Run::new(self.command(arguments).output().unwrap(), false)
    }

    /// Runs a command for programs.
    pub fn run(&self, arguments: &[&str]) -> Run {
        Run::new(self.command(arguments).arg("--json").output().unwrap(), true)
    }

    /// Logs in with the scripted browser.
    pub fn login(&self, op: &Op, arguments: &[&str]) -> Run {
        let browser = browser();
        // Nobody who comes needs as long; a broken test ends.
        let login = ["login", "--insecure-loopback", "--deadline", "60", "--issuer", &op.issuer, "--browser", &browser];
        self.run(&[&login, arguments].concat())
    }

    /// Logs in on a device. Whoever decides does so soon.
    pub fn device(&self, op: &Op, arguments: &[&str]) -> Run {
        let device = ["device", "--insecure-loopback", "--deadline", "60", "--issuer", &op.issuer];
        self.run(&[&device, arguments].concat())
    }

    /// A file beside the store.
    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// Starts a command and leaves it running.
    pub fn start(&self, arguments: &[&str]) -> Running {
        self.start_with(&[], arguments)
    }

    /// The same with variables of the environment.
    pub fn start_with(&self, variables: &[(&str, &str)], arguments: &[&str]) -> Running {
        let mut command = self.command(arguments);
        command.envs(variables.iter().copied());
        command.arg("--json").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Running { child: Some(child), lines, events: Vec::new() }
    }

    /// The tokens of every session in the store, and the keys they are bound to: what must not be seen.
    pub fn secrets(&self) -> Vec<String> {
        let mut secrets = Vec::new();
        for path in self.session_files() {
            let read =
                |path: &Path| -> Value { serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap() };
            let name = path.file_name().unwrap().to_str().unwrap().replace("session-", "tokens-");
            let (session, record) = (read(&path), read(&path.with_file_name(name)));
            let tokens = &record["tokens"];
            for secret in [&tokens["access_token"], &tokens["refresh_token"], &tokens["id_token"]["compact"]] {
                secrets.push(secret.as_str().unwrap().to_owned());
            }
            secrets.extend(session["dpop_key"].as_str().map(str::to_owned));
        }
        secrets
    }

    /// Makes the metadata that the sessions keep old: the next command asks for new ones.
    pub fn age_metadata(&self) {
        for path in self.files("metadata-") {
            let mut metadata: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
            metadata["freshness"]["fresh_until"] = metadata["freshness"]["fetched_at"].clone();
            std::fs::write(&path, metadata.to_string()).unwrap();
        }
    }

    pub fn forget_metadata(&self) {
        self.files("metadata-").iter().for_each(|path| std::fs::remove_file(path).unwrap());
    }

    pub fn session_files(&self) -> Vec<PathBuf> {
        self.files("session-")
    }

    fn files(&self, prefix: &str) -> Vec<PathBuf> {
        let Ok(entries) = std::fs::read_dir(self.store()) else { return Vec::new() };
        let paths = entries.map(|entry| entry.unwrap().path());
        paths.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with(prefix)).collect()
    }
}

/// A command that is under way. It does not outlive the value.
pub struct Running {
    child: Option<Child>,
    lines: BufReader<ChildStdout>,
    events: Vec<Value>,
}

impl Running {
    /// Waits for an event of this name.
    pub fn until(&mut self, name: &str) -> Value {
        self.until_any(&[name])
    }

    /// Waits for an event of one of these names.
    pub fn until_any(&mut self, names: &[&str]) -> Value {
        loop {
            let mut line = String::new();
            assert_ne!(self.lines.read_line(&mut line).unwrap(), 0, "no {names:?} in {:?}", self.events);
            let event: Value = serde_json::from_str(&line).unwrap();
            self.events.push(event.clone());
            if names.iter().any(|name| event["event"] == *name) {
                return event;
            }
        }
    }

    /// The authorization URL.
    pub fn url(&mut self) -> String {
        self.until("authorization_url")["url"].as_str().unwrap().to_owned()
    }

    /// Types a line.
    pub fn say(&mut self, line: &str) {
        writeln!(self.child.as_mut().unwrap().stdin.as_mut().unwrap(), "{line}").unwrap();
    }

    /// Types a line, and ends the input.
    pub fn paste(&mut self, line: &str) {
        let mut input = self.child.as_mut().unwrap().stdin.take().unwrap();
        writeln!(input, "{line}").unwrap();
    }

    /// Nothing will be typed.
    pub fn close_input(&mut self) {
        drop(self.child.as_mut().unwrap().stdin.take());
    }

    /// Ctrl-C.
    #[cfg(unix)]
    pub fn interrupt(&self) {
        let id = self.child.as_ref().unwrap().id().to_string();
        assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    }

    /// At once, without a word.
    pub fn kill(mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    pub fn end(mut self) -> Run {
        let mut rest = String::new();
        std::io::Read::read_to_string(&mut self.lines, &mut rest).unwrap();
        let mut run = Run::new(self.child.take().unwrap().wait_with_output().unwrap(), true);
        run.events.append(&mut self.events);
        run.events.extend(rest.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()));
        run.stdout = run.events.iter().map(Value::to_string).collect();
        run
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A parameter of a URL.
pub fn parameter(url: &str, name: &str) -> Option<String> {
    let url = url::Url::parse(url).unwrap();
    url.query_pairs().find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
}
