//! A callback from standard input, for a browser on another machine.

use std::sync::mpsc;
use std::time::Duration;

use oidc_proto::ResponseMode;
use oidc_proto::limits::CALLBACK_LIMIT;
use oidc_proto::{Callback, Error};

use crate::failure::{Code, Failure};

/// One line: the URL that the browser was sent to, or its query, fragment or form.
pub(crate) fn read(mode: ResponseMode, deadline: Duration) -> Result<Callback, Failure> {
    let (sender, line) = mpsc::channel();
    // Reading cannot be interrupted; the thread is left behind at the deadline.
    std::thread::spawn(move || sender.send(line_of(std::io::stdin().lock())));
    let line =
        line.recv_timeout(deadline).map_err(|_| Code::Deadline.because(format_args!("{} s", deadline.as_secs())))?;
    let line = line.map_err(|error| Code::NoCallback.because(error))?;
    match line.trim() {
        "" => Err(Code::NoCallback.because("an empty line")),
        line => Ok(parse(line, mode)?),
    }
}

/// A line, but not much more of it than a callback may have.
fn line_of(input: impl std::io::BufRead) -> std::io::Result<String> {
    let mut line = String::new();
    let limit = u64::try_from(CALLBACK_LIMIT).unwrap_or(u64::MAX).saturating_add(2);
    std::io::BufRead::read_line(&mut input.take(limit), &mut line)?;
    Ok(line)
}

fn parse(line: &str, mode: ResponseMode) -> Result<Callback, Error> {
    // In a query these characters are escaped, or stand behind the first `=`.
    let is_url = line.find("://").is_some_and(|at| line.find(['?', '#', '=', '&']).is_none_or(|other| at < other));
    match mode {
        _ if is_url => Callback::from_url(line),
        ResponseMode::FormPost => Callback::from_form_post(line.as_bytes()),
        ResponseMode::Fragment => Callback::from_fragment(line),
        _ => Callback::from_query(line),
    }
}
