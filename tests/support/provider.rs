//! A provider of `tests/peers/` that others wrote: a start script in Python, as a child process.
//!
//! A test that starts one fails without it, so it is marked `#[ignore = "needs NAME"]`.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

/// A provider that runs until the value is dropped, or the process ends.
pub struct Provider {
    child: Option<Child>,
    input: Option<ChildStdin>,
    /// What the script prints when the provider is ready: its URL, and for some more words.
    pub ready: String,
}

impl Provider {
    /// Starts `NAME.py`. If `OIDC_PROTO_NAME` is set, the provider runs already, and that is what it says.
    pub fn start(name: &str, arguments: &[&str]) -> Self {
        if let Ok(ready) = std::env::var(format!("OIDC_PROTO_{}", name.to_uppercase())) {
            return Self { child: None, input: None, ready };
        }
        let mut child = Command::new(python())
            .arg(format!("{name}.py"))
            .args(arguments)
            .current_dir(directory())
            // It ends with its input, so that it does not outlive a killed test.
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = child.stdin.take();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        match lines.find_map(|line| line.strip_prefix("ready ").map(str::to_owned)) {
            Some(ready) => Self { child: Some(child), input, ready },
            None => panic!("{name} did not start: {:?}", child.wait()),
        }
    }
}

impl Drop for Provider {
    /// Lets the script end its server.
    fn drop(&mut self) {
        drop(self.input.take());
        let Some(child) = &mut self.child else { return };
        let deadline = Instant::now() + Duration::from_secs(30);
        while matches!(child.try_wait(), Ok(None)) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(50));
        }
        let _ = child.kill();
        let _ = child.wait();
    }
}

/// The browser that fills in forms, `browser.py`, with these options.
pub fn form_browser(options: &[&str]) -> Command {
    let mut command = Command::new(python());
    command.arg(directory().join("browser.py")).args(options);
    command
}

/// The same as `--browser` takes it.
pub fn form_browser_words(options: &[&str]) -> String {
    let script = directory().join("browser.py");
    let words = [&[python(), script.to_str().unwrap()], options].concat();
    shell_words::join(words)
}

fn python() -> &'static str {
    "python3"
}

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers")
}
