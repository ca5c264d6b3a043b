//! The certified provider of `tests/peers/`, as a child process on a free port.
//!
//! A test that starts one fails without Node.js, so it is marked `#[ignore = "needs Node.js"]`.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{OnceLock, mpsc};
use std::time::Duration;

use super::certificates::Identity;

/// It takes a second on a quiet machine.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// A provider that runs until the value is dropped.
pub struct Peer {
    child: Child,
    /// `http://127.0.0.1:PORT`, or `https` with TLS.
    pub issuer: String,
}

impl Peer {
    /// Starts one with these switches of `op.mjs`.
    pub fn start(switches: &[(&str, &str)]) -> Self {
        Self::spawn(switches).unwrap()
    }

    /// The same with TLS. The identity must be for `127.0.0.1`.
    pub fn start_tls(identity: &Identity, switches: &[(&str, &str)]) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("peer-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let (certificate, key) = (directory.join("certificate.pem"), directory.join("key.pem"));
        fs::create_dir_all(&directory).unwrap();
        fs::write(&certificate, &identity.certificate).unwrap();
        fs::write(&key, &identity.key).unwrap();
        let files = [("TLS_CERT", certificate.to_str().unwrap()), ("TLS_KEY", key.to_str().unwrap())];
        let peer = Self::spawn(&[&files, switches].concat());
        // It has read them, or never will.
        let _ = fs::remove_dir_all(&directory);
        peer.unwrap()
    }

    /// On a busy machine Node.js has been seen to hang before it runs anything: then it is started again.
    fn spawn(switches: &[(&str, &str)]) -> Result<Self, String> {
        static INSTALLED: OnceLock<Result<(), String>> = OnceLock::new();
        INSTALLED.get_or_init(install).clone()?;
        Self::attempt(switches).or_else(|_| Self::attempt(switches))
    }

    fn attempt(switches: &[(&str, &str)]) -> Result<Self, String> {
        let mut child = Command::new("node")
            .arg("op.mjs")
            .current_dir(directory())
            .env("NODE_NO_WARNINGS", "1")
            .env("PORT", "0")
            .envs(switches.iter().copied())
            // It ends with its input, so that it does not outlive a killed test.
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("node cannot be started: {error}"))?;
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (tell, told) = mpsc::channel();
        std::thread::spawn(move || {
            let ready = lines.map_while(Result::ok).find_map(|line| line.strip_prefix("ready ").map(str::to_owned));
            let _ = tell.send(ready);
        });
        match told.recv_timeout(START_TIMEOUT) {
            Ok(Some(issuer)) => Ok(Self { child, issuer }),
            _ => {
                let _ = child.kill();
                let status = child.wait();
                Err(format!("the peer did not start: {status:?}"))
            }
        }
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.issuer)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers")
}

/// Installs the packages of the lock file, unless they are there.
///
/// Test processes may do so at once: each works in a directory of its own and moves the whole into place, so whoever
/// comes last finds it done.
fn install() -> Result<(), String> {
    if !Command::new("node").arg("--version").stdout(Stdio::null()).status().is_ok_and(|status| status.success()) {
        return Err("node not found".to_owned());
    }
    let (peers, modules) = (directory(), directory().join("node_modules"));
    let wanted = fs::read(peers.join("package-lock.json")).map_err(|error| error.to_string())?;
    let installed = |modules: &Path| fs::read(modules.join(".installed")).is_ok_and(|lock| lock == wanted);
    if installed(&modules) {
        return Ok(());
    }
    let work = peers.join(".work").join(format!("install-{}", std::process::id()));
    let attempt = || -> std::io::Result<bool> {
        fs::create_dir_all(&work)?;
        for file in ["package.json", "package-lock.json"] {
            fs::copy(peers.join(file), work.join(file))?;
        }
        let npm = ["ci", "--no-audit", "--no-fund", "--silent"];
        if !Command::new("npm").args(npm).current_dir(&work).stdout(Stdio::null()).status()?.success() {
            return Ok(false);
        }
        fs::write(work.join("node_modules/.installed"), &wanted)?;
        if !installed(&modules) {
            // Packages of an older lock file.
            let _ = fs::rename(&modules, work.join("old"));
            let _ = fs::rename(work.join("node_modules"), &modules);
        }
        Ok(installed(&modules))
    };
    let done = attempt();
    let _ = fs::remove_dir_all(&work);
    match done {
        Ok(true) => Ok(()),
        other => Err(format!("npm ci failed: {other:?}")),
    }
}
