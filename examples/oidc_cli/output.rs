//! Where events go: standard output, standard error, or lines of JSON.

use std::io::Write as _;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::event::Event;
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
}

impl Output {
    pub(crate) fn new(json: bool, show_tokens: bool, narration: Narration) -> Self {
        Self { json, show_tokens, narration }
    }

    pub(crate) fn shows_tokens(self) -> bool {
        self.show_tokens
    }

    /// Prints an event. A reader that went away is no reason to stop: what is under way must reach the store.
    pub(crate) fn emit(self, event: &Event<'_>) {
        if self.json {
            if let Ok(line) = serde_json::to_string(event) {
                let mut out = std::io::stdout().lock();
                let _ = writeln!(out, "{line}").and_then(|()| out.flush());
            }
            return;
        }
        let (stream, text) = human::lines(event);
        let aside = match stream {
            Stream::Out => false,
            Stream::Diagnostics => true,
            Stream::Narration => self.narration == Narration::Aside,
        };
        let _ = if aside { writeln!(anstream::stderr(), "{text}") } else { writeln!(anstream::stdout(), "{text}") };
    }

    /// The same, but for people beside the results.
    pub(crate) fn aside(self, event: &Event<'_>) {
        if self.json {
            self.emit(event);
        } else {
            let _ = writeln!(anstream::stderr(), "{}", human::lines(event).1);
        }
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

/// A wait that is shown.
pub(crate) struct Waiting(ProgressBar);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
