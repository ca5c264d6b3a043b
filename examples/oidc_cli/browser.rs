//! The user's browser: the system's, a command, or none.

use std::ffi::OsStr;
use std::fmt;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::args::{BrowserArgs, CommandLine, VARIABLES};
use crate::browse;
use crate::context::http;
use crate::event::Event;
use crate::failure::{Code, Failure};
use crate::output::Output;

/// What to do where the browser fails.
#[derive(Clone, Copy)]
struct Advice {
    /// Its command cannot be run.
    unusable: &'static str,
    /// It was run, and failed.
    failed: Option<&'static str>,
}

/// Of a login, which ends if the command cannot be run.
const OF_A_LOGIN: Advice = Advice {
    unusable: "Correct the command of --browser; or log in with --no-browser, with --paste, or with oidc_cli device.",
    failed: None,
};

/// Of a page that nobody has to come back from.
const OF_A_PAGE: Advice = Advice {
    unusable: "Correct the command of --browser, or open the URL yourself.",
    failed: Some("Open the URL yourself; --no-browser starts no browser."),
};

/// A browser that cannot be started, or a command that fails at once, is heard of sooner.
const AT_ONCE: Duration = Duration::from_secs(2);

/// A browser that was opened. As long as this value is there, it is said if the browser fails.
pub(crate) struct Opened {
    scripted: Option<JoinHandle<()>>,
    /// Closed when the command has ended, and a failure was said.
    ended: Option<Receiver<()>>,
    is_awaited: Arc<AtomicBool>,
}

impl Opened {
    /// Waits for the scripted one, and for whether a real one can be started; nobody knows when that is done.
    pub(crate) fn wait(mut self) {
        let _ = self.scripted.take().map(JoinHandle::join);
        let _ = self.ended.take().map(|ended| ended.recv_timeout(AT_ONCE));
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        self.is_awaited.store(false, Ordering::Relaxed);
    }
}

impl BrowserArgs {
    /// Opens the URL of a login and does not wait.
    pub(crate) fn open(&self, url: &str, timeout: Duration, out: Output) -> Result<Opened, Failure> {
        self.start(url, timeout, out, OF_A_LOGIN)
    }

    /// The same for a page that nobody has to come back from.
    pub(crate) fn open_page(&self, url: &str, timeout: Duration, out: Output) -> Result<Opened, Failure> {
        self.start(url, timeout, out, OF_A_PAGE)
    }

    fn start(&self, url: &str, timeout: Duration, out: Output, advice: Advice) -> Result<Opened, Failure> {
        let is_awaited = Arc::new(AtomicBool::new(true));
        if self.scripted {
            let (http, url) = (http(timeout)?, url.to_owned());
            let scripted = std::thread::spawn(move || {
                if let Err(failure) = browse::browse(&http, &url) {
                    out.emit(&Event::warning(&failure));
                }
            });
            return Ok(Opened { scripted: Some(scripted), ended: None, is_awaited });
        }
        let (running, ended) = channel::<()>();
        let shared = Arc::clone(&is_awaited);
        let failed = move |why: &dyn fmt::Display| {
            if shared.load(Ordering::Relaxed) {
                let failure = Code::Browser.because(why);
                out.emit(&Event::warning(&match advice.failed {
                    Some(hint) => failure.with_hint(hint),
                    None => failure,
                }));
            }
        };
        if let Some(CommandLine { program, arguments }) = &self.browser {
            // Standard output is ours alone. The callback may come all the same.
            let mut command = stranger(program);
            command.args(arguments).arg(url).stdin(Stdio::null()).stdout(Stdio::null());
            let spawned = command.spawn().map_err(|error| {
                Code::Browser.because(format_args!("{program}: {error}")).with_hint(advice.unusable)
            })?;
            let (program, mut child) = (program.clone(), spawned);
            std::thread::spawn(move || {
                match child.wait() {
                    Ok(status) if !status.success() => failed(&format_args!("{program}: {status}")),
                    _ => {}
                }
                drop(running);
            });
        } else if !self.no_browser {
            let url = url.to_owned();
            // A browser for terminals keeps the thread until it is left.
            std::thread::spawn(move || {
                // By another process of this program: its environment is the one that the browser gets.
                let opened = std::env::current_exe()
                    .and_then(|own| stranger(own).args(["open", &url]).stderr(Stdio::null()).status());
                if !opened.is_ok_and(|status| status.success()) {
                    failed(&"no browser could be started");
                }
                drop(running);
            });
        }
        Ok(Opened { scripted: None, ended: Some(ended), is_awaited })
    }
}

/// A command that inherits no secret.
fn stranger(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    for variable in VARIABLES {
        command.env_remove(variable);
    }
    command
}

/// Opens the system's browser.
pub(crate) fn open(url: &str) -> Result<(), Failure> {
    let mut options = webbrowser::BrowserOptions::new();
    options.with_suppress_output(true);
    webbrowser::open_browser_with_options(webbrowser::Browser::Default, url, &options)
        .map_err(|error| Code::Browser.because(error))
}
