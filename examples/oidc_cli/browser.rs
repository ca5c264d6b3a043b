//! The user's browser: the system's, a command, or none.

use std::ffi::OsStr;
use std::process::{Command, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::args::{BrowserArgs, CommandLine, SECRET_VARIABLE};
use crate::browse;
use crate::context::http;
use crate::event::Event;
use crate::failure::{Code, Failure};
use crate::output::Output;

/// A browser that was opened.
pub(crate) struct Opened(Option<JoinHandle<()>>);

impl Opened {
    /// Waits for the scripted one; nobody knows when a real one is done.
    pub(crate) fn wait(self) {
        let _ = self.0.map(JoinHandle::join);
    }
}

impl BrowserArgs {
    /// Opens the URL and does not wait.
    pub(crate) fn open(&self, url: &str, timeout: Duration, out: Output) -> Result<Opened, Failure> {
        if self.scripted {
            let (http, url) = (http(timeout)?, url.to_owned());
            return Ok(Opened(Some(std::thread::spawn(move || {
                if let Err(failure) = browse::browse(&http, &url) {
                    out.emit(&Event::warning(&failure));
                }
            }))));
        }
        if let Some(CommandLine { program, arguments }) = &self.browser {
            // Standard output is ours alone. What becomes of the command does not matter: the callback comes or not.
            let mut command = stranger(program);
            command.args(arguments).arg(url).stdin(Stdio::null()).stdout(Stdio::null());
            let spawned = command.spawn().map_err(|error| Code::Browser.because(format_args!("{program}: {error}")))?;
            drop(spawned);
            return Ok(Opened(None));
        }
        if !self.no_browser {
            let url = url.to_owned();
            // A browser for terminals keeps the thread until it is left.
            std::thread::spawn(move || {
                // By another process of this program: its environment is the one that the browser gets.
                let opened = std::env::current_exe()
                    .and_then(|own| stranger(own).args(["open", &url]).stderr(Stdio::null()).status());
                if !opened.is_ok_and(|status| status.success()) {
                    out.hint("No browser could be started: open the URL yourself.");
                }
            });
        }
        Ok(Opened(None))
    }
}

/// A command that inherits no secret.
fn stranger(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.env_remove(SECRET_VARIABLE);
    command
}

/// Opens the system's browser.
pub(crate) fn open(url: &str) -> Result<(), Failure> {
    let mut options = webbrowser::BrowserOptions::new();
    options.with_suppress_output(true);
    webbrowser::open_browser_with_options(webbrowser::Browser::Default, url, &options)
        .map_err(|error| Code::Browser.because(error))
}
