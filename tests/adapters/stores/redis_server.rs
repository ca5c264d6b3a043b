//! A real Redis server.

use std::net::{Ipv4Addr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::stores::tools::{SOON, folder};

/// Long enough for a server that works on a busy machine, short enough for one that does not.
pub const TIMEOUT: Duration = Duration::from_millis(1500);

/// A server with a folder of its own, which keeps nothing.
pub struct Server {
    child: Child,
    pub port: u16,
    arguments: Vec<String>,
    folder: TempDir,
}

impl Server {
    pub fn start(arguments: &[&str]) -> Self {
        let arguments: Vec<_> = arguments.iter().map(|&argument| argument.to_owned()).collect();
        // A port that was free may be taken by the next one who looks for one.
        let started = (0..5).find_map(|_| {
            let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
            let folder = folder();
            let child = spawn(port, &folder, &arguments);
            let mut server = Self { child, port, arguments: arguments.clone(), folder };
            server.is_ready().then_some(server)
        });
        started.expect("a Redis server that responses")
    }

    /// Whether it answers; not if it has ended.
    fn is_ready(&mut self) -> bool {
        let since = Instant::now();
        while since.elapsed() < SOON && self.child.try_wait().unwrap().is_none() {
            // One that wants a password answers too.
            if self.try_command(&["PING"]).map_or_else(|error| !error.is_io_error(), |_| true) {
                return true;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        false
    }

    pub fn try_command(&self, words: &[&str]) -> redis::RedisResult<redis::Value> {
        let mut connection = self.client().get_connection_with_timeout(TIMEOUT)?;
        let mut command = redis::cmd(words[0]);
        command.arg(&words[1..]).query(&mut connection)
    }

    pub fn command(&self, words: &[&str]) -> redis::Value {
        self.try_command(words).unwrap()
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    pub fn client(&self) -> redis::Client {
        redis::Client::open(self.url()).unwrap()
    }

    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub fn restart(&mut self) {
        self.child = spawn(self.port, &self.folder, &self.arguments);
        assert!(self.is_ready());
    }

    pub fn signal(&self, name: &str) {
        assert!(Command::new("kill").args([name, &self.child.id().to_string()]).status().unwrap().success());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(port: u16, folder: &TempDir, arguments: &[String]) -> Child {
    Command::new("redis-server")
        .args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--save", "", "--appendonly", "no"])
        .arg("--dir")
        .arg(folder.path())
        .args(arguments)
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}
