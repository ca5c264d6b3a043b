//! A callback from standard input, for a browser on another machine.

use std::borrow::Cow;
use std::io::{BufRead as _, Read as _};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use oidc_proto::ResponseMode;
use oidc_proto::limits::CALLBACK_LIMIT;
use oidc_proto::{Callback, Error, ErrorCode};
use url::Url;

use crate::context::Context;
use crate::event::Event;
use crate::failure::{Code, Failure};
use crate::listener::is_strange;

/// The rest of an address that was broken into lines follows sooner.
const REST: Duration = Duration::from_millis(200);

const WHOLE: &str = "Paste the whole address of the page that the browser was sent to, from http to its end.";

const OTHER: &str =
    "This address is of another login. Open the URL above, log in, and paste the address that you come back to.";

/// What a pasted text is good for.
enum Judged<T> {
    Done(Result<T, Failure>),
    /// Not yet the callback of this login: it is asked for again.
    Slip(Failure),
}

/// Reads until the address, query, fragment or form of this login's callback was pasted, or the deadline has passed.
pub(crate) fn read<T>(
    context: &Context,
    mode: ResponseMode,
    judge: impl Fn(&Callback) -> Result<T, Error>,
) -> Result<T, Failure> {
    let lines = lines();
    let end = Instant::now() + context.options.deadline;
    // What was pasted before, which may be the beginning of an address that was broken into lines.
    let mut before = String::new();
    loop {
        let first = match lines.recv_timeout(left(end)) {
            Ok(line) => line,
            Err(RecvTimeoutError::Timeout) => return Err(context.too_late()),
            Err(RecvTimeoutError::Disconnected) => {
                return Err(Code::NoCallback.because("standard input has ended"));
            }
        };
        let mut slip = None;
        // The rest of what was pasted at once.
        let mut pasted = vec![first];
        let has_ended = loop {
            match lines.recv_timeout(REST) {
                Ok(line) => pasted.push(line),
                Err(error) => break error == RecvTimeoutError::Disconnected,
            }
        };
        let mut texts = Vec::new();
        for line in pasted.iter().map(|line| clean(line)).filter(|line| !line.is_empty()) {
            if is_address(&line) {
                before.clear();
            }
            before.push_str(&line);
            if before.len() > 2 * CALLBACK_LIMIT {
                before.clone_from(&line);
            }
            texts.extend([line, before.clone()]);
        }
        let mut ends = None;
        for text in texts.iter().rev() {
            match understand(text, mode, &judge) {
                Judged::Done(Ok(done)) => return Ok(done),
                Judged::Done(Err(failure)) => ends = ends.or(Some(failure)),
                Judged::Slip(failure) => slip = slip.or(Some(failure)),
            }
        }
        match (ends, slip) {
            (Some(failure), _) => return Err(failure),
            // Nothing follows: it is the error, and not a warning before it.
            (None, Some(failure)) if has_ended => return Err(failure),
            (None, Some(failure)) => context.out.emit(&Event::warning(&failure)),
            (None, None) => {}
        }
    }
}

fn left(end: Instant) -> Duration {
    end.saturating_duration_since(Instant::now())
}

/// The lines of standard input. Reading cannot be interrupted; the thread is left behind at the deadline.
fn lines() -> Receiver<String> {
    let (sender, lines) = channel();
    std::thread::spawn(move || {
        let mut input = std::io::stdin().lock();
        let limit = u64::try_from(CALLBACK_LIMIT).unwrap_or(u64::MAX).saturating_add(2);
        loop {
            let mut line = Vec::new();
            match input.by_ref().take(limit).read_until(b'\n', &mut line) {
                Ok(1..) if sender.send(String::from_utf8_lossy(&line).into_owned()).is_ok() => {}
                _ => return,
            }
        }
    });
    lines
}

/// Without what comes with a copied address: quotation marks, brackets, spaces and line breaks.
fn clean(line: &str) -> String {
    let line: String = line.chars().filter(|c| !c.is_whitespace() && !c.is_control()).collect();
    line.trim_matches(|c| "\"'`<>«»“”„‘’\u{feff}".contains(c)).to_owned()
}

/// Whether it begins like an address. In a query these characters are escaped, or stand behind the first `=`.
fn is_address(text: &str) -> bool {
    let at = text.find(":/").or_else(|| text.find(['/', ':']));
    at.is_some_and(|at| text.find(['?', '#', '=', '&']).is_none_or(|other| at < other))
}

fn understand<T>(text: &str, mode: ResponseMode, judge: impl Fn(&Callback) -> Result<T, Error>) -> Judged<T> {
    if !text.contains('=') && text.len() <= CALLBACK_LIMIT {
        let what = if is_address(text) {
            "an address without a response"
        } else {
            "a code by itself, or a part of the address"
        };
        return Judged::Slip(Code::NoCallback.because(what).with_hint(WHOLE));
    }
    match parse(text, mode).and_then(|callback| judge(&callback)) {
        Err(error) if is_strange(&error) => {
            let hint = advice(&error);
            Judged::Slip(Failure::from(error).with_hint(hint))
        }
        result => Judged::Done(result.map_err(Failure::from)),
    }
}

fn advice(error: &Error) -> Cow<'static, str> {
    match (error.code(), error.expected()) {
        (ErrorCode::CALLBACK_STATE_MISMATCH, _) => OTHER.into(),
        (ErrorCode::CALLBACK_REDIRECT_URI, Some(redirect_uri)) => {
            let begins = redirect_uri.as_str();
            format!("Paste the address that the browser came back to: it begins with {begins}.").into()
        }
        _ => WHOLE.into(),
    }
}

fn parse(text: &str, mode: ResponseMode) -> Result<Callback, Error> {
    if is_address(text) {
        let has_scheme =
            text.contains("://") || Url::parse(text).is_ok_and(|url| !url.has_host() && text.contains(":/"));
        // Browsers show addresses without their scheme.
        return if has_scheme { Callback::from_url(text) } else { Callback::from_url(&format!("http://{text}")) };
    }
    match mode {
        ResponseMode::FormPost => Callback::from_form_post(text.as_bytes()),
        ResponseMode::Fragment => Callback::from_fragment(text.trim_start_matches('#')),
        _ => Callback::from_query(text),
    }
}
