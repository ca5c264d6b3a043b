//! Where events go: standard output, standard error, or lines of JSON.

use std::io::{ErrorKind, Write as _};
use std::sync::OnceLock;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use crate::event::Event;
use crate::failure::{Code, Failure};
use crate::human::{self, Stream};

/// Who reads along with each step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Narration {
    Off,
    /// Beside the results: they stay alone on standard output.
    Aside,
    /// It is the result.
    Aloud,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    json: bool,
    show_tokens: bool,
    narration: Narration,
    /// Whose events these are, where one process is two devices.
    device: Option<&'static str>,
}

impl Output {
    pub(crate) fn new(json: bool, show_tokens: bool, narration: Narration) -> Self {
        Self { json, show_tokens, narration, device: None }
    }

    /// The same for one of several devices.
    pub(crate) fn of_device(self, device: &'static str) -> Self {
        Self { device: Some(device), ..self }
    }

    pub(crate) fn shows_tokens(self) -> bool {
        self.show_tokens
    }

    /// Prints an event. A reader that went away is no reason to stop: what is under way must reach the store.
    pub(crate) fn emit(self, event: &Event<'_>) {
        if self.json {
            if let Ok(line) = serde_json::to_string(&Line { event, device: self.device }) {
                let line = visible(&line);
                let mut out = std::io::stdout().lock();
                note(writeln!(out, "{line}").and_then(|()| out.flush()));
            }
            return;
        }
        let (stream, text) = human::lines(event);
        let text = self.marked(text);
        let aside = match stream {
            Stream::Out => false,
            Stream::Diagnostics => true,
            Stream::Progress => self.narration != Narration::Aloud,
            Stream::Narration => self.narration == Narration::Aside,
        };
        // Two devices may speak at once.
        if aside {
            let _ = writeln!(anstream::stderr().lock(), "{text}");
        } else {
            let mut out = anstream::stdout().lock();
            note(writeln!(out, "{text}").and_then(|()| out.flush()));
        }
    }

    /// The same, but for people beside the results.
    pub(crate) fn aside(self, event: &Event<'_>) {
        if self.json {
            self.emit(event);
        } else {
            let _ = writeln!(anstream::stderr(), "{}", self.marked(human::lines(event).1));
        }
    }

    /// Each line with its device before it.
    fn marked(self, text: String) -> String {
        let Some(device) = self.device else { return text };
        let lines = text.trim_start_matches('\n').lines().map(|line| format!("[{device}] {line}\n"));
        lines.collect::<String>().trim_end().to_owned()
    }

    /// Begins a part of the story.
    pub(crate) fn step(self, name: &str) {
        self.narrate(&Event::Step { name });
    }

    /// Tells what was checked.
    pub(crate) fn checked(self, what: &str) {
        self.narrate(&Event::Checked { what });
    }

    pub(crate) fn narrate(self, event: &Event<'_>) {
        if self.narration != Narration::Off {
            self.emit(event);
        }
    }

    /// A word to whoever sits at the terminal; programs do not get it.
    pub(crate) fn hint(self, text: &str) {
        if !self.json {
            let _ = writeln!(anstream::stderr(), "{text}");
        }
    }

    /// A progress line, where there is a terminal to draw it on. It goes away when it is dropped.
    pub(crate) fn waiting(self, what: impl Into<String>) -> Waiting {
        if self.json || self.narration != Narration::Off {
            return Waiting(ProgressBar::hidden());
        }
        let bar = ProgressBar::new_spinner().with_message(what.into());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {elapsed}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(120));
        Waiting(bar)
    }
}

/// Why standard output could not be written, the first time.
static UNWRITTEN: OnceLock<String> = OnceLock::new();

/// Notes a failure. A reader that went away has what it wanted.
fn note(written: std::io::Result<()>) {
    if let Err(error) = written
        && error.kind() != ErrorKind::BrokenPipe
    {
        let _ = UNWRITTEN.set(error.to_string());
    }
}

/// What nobody got was not printed.
pub(crate) fn check_written() -> Result<(), Failure> {
    match UNWRITTEN.get() {
        Some(error) => Err(Code::Output.because(error)),
        None => Ok(()),
    }
}

/// JSON in which no character deceives whoever looks at it in a terminal: those stand in strings alone, as escapes.
fn visible(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if human::deceives(c) {
            let escape = |unit: &mut u16| out.push_str(&format!("\\u{unit:04x}"));
            c.encode_utf16(&mut [0; 2]).iter_mut().for_each(escape);
        } else {
            out.push(c);
        }
    }
    out
}

/// An event for programs.
#[derive(Serialize)]
struct Line<'a> {
    #[serde(flatten)]
    event: &'a Event<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    device: Option<&'static str>,
}

/// A wait that is shown.
pub(crate) struct Waiting(ProgressBar);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
