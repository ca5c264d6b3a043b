//! A login in which the user has a say all the time: what they type, and Ctrl-C, at questions and in between.

use std::collections::VecDeque;
use std::io::{BufRead as _, Read as _};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use oidc_proto::adapter::BlockingHttpClient as _;
use oidc_proto::qr::Stage;
use oidc_proto::{Body, Env as _, Error, ErrorCode as Core, Failure as NoResponse, FailureKind, Sent, Step};

use crate::context::Context;
use crate::event::Event;
use crate::failure::{Code, Failure};
use crate::loopback;

/// Longer than any response.
const LINE_LIMIT: u64 = 1024;

/// The exit code of a program that was interrupted.
const INTERRUPTED: i32 = 130;

/// What comes from the user.
#[derive(Debug)]
pub(crate) enum Said {
    Line(String),
    /// Nothing more will be typed.
    End,
    /// Ctrl-C.
    Interrupt,
}

/// What the user carries to the other device.
#[derive(Debug)]
pub(crate) enum Seen {
    Code(String),
    CheckCode(String),
}

/// The user at this device.
#[derive(Debug)]
pub(crate) struct Dialog {
    said: Receiver<Said>,
    /// What was typed before it was asked for.
    typed: VecDeque<String>,
    has_ended: bool,
    gives_up: bool,
    /// Where a scripted user looks.
    seen: Option<Sender<Seen>>,
}

impl Dialog {
    /// The one at the terminal, or a program at the other end of standard input.
    pub(crate) fn at_terminal() -> Result<Self, Failure> {
        let (sender, said) = channel();
        let runtime = loopback::runtime()?;
        let interrupts = sender.clone();
        std::thread::spawn(move || {
            runtime.block_on(async {
                while tokio::signal::ctrl_c().await.is_ok() {
                    // The first one tells the other device. Who sends a second one does not want to wait for that.
                    if interrupts.send(Said::Interrupt).is_err() || tokio::signal::ctrl_c().await.is_ok() {
                        std::process::exit(INTERRUPTED);
                    }
                }
            });
        });
        std::thread::spawn(move || {
            let mut input = std::io::stdin().lock();
            loop {
                let mut line = String::new();
                let said = match input.by_ref().take(LINE_LIMIT).read_line(&mut line) {
                    Ok(1..) => Said::Line(line.trim().to_owned()),
                    Ok(0) | Err(_) => Said::End,
                };
                let is_end = matches!(said, Said::End);
                if sender.send(said).is_err() || is_end {
                    return;
                }
            }
        });
        Ok(Self::new(said, None))
    }

    /// One that looks and speaks through channels.
    pub(crate) fn scripted(seen: Sender<Seen>) -> (Self, Sender<Said>) {
        let (sender, said) = channel();
        (Self::new(said, Some(seen)), sender)
    }

    fn new(said: Receiver<Said>, seen: Option<Sender<Seen>>) -> Self {
        Self { said, typed: VecDeque::new(), has_ended: false, gives_up: false, seen }
    }

    /// Lets a scripted user see something.
    pub(crate) fn show(&self, what: Seen) {
        if let Some(seen) = &self.seen {
            // Who has gone does not look.
            let _ = seen.send(what);
        }
    }

    /// Carries a stage out. The user can give up meanwhile: then the other device is told.
    pub(crate) fn carry_out<T: 'static>(
        &mut self,
        context: &mut Context,
        what: &str,
        stage: Stage<T>,
    ) -> Result<T, Failure> {
        let _waiting = context.out.waiting(what);
        let mut step = stage?;
        let mut is_told = false;
        loop {
            step = match step {
                Step::Wait(wait) => {
                    let pause = wait.duration(context.env.monotonic());
                    if is_told {
                        std::thread::sleep(pause);
                        wait.wake(&mut context.env)?
                    } else if self.listens(pause) {
                        is_told = true;
                        wait.cancel(&mut context.env)?
                    } else {
                        wait.wake(&mut context.env)?
                    }
                }
                Step::Call(call) => {
                    let (request, policy, awaiting) = call.into_parts();
                    if !is_told && self.listens(Duration::ZERO) {
                        is_told = true;
                        awaiting.fail(NoResponse::new(FailureKind::Cancelled, Sent::No), &mut context.env)?
                    } else {
                        let uri = request.uri().clone();
                        match context.http()?.call(request, policy) {
                            Ok(response) => awaiting.receive(response.map(Body::from), &mut context.env)?,
                            Err(failure) => awaiting.fail(failure.with_server(&uri), &mut context.env)?,
                        }
                    }
                }
                // Every key of this program is at hand.
                Step::UseKey(use_key) => use_key.into_parts().1.fail(FailureKind::Unsupported, &mut context.env)?,
                Step::Done(output) => return Ok(output),
            }
        }
    }

    /// Lets so much time pass, or less if the user gives up.
    fn listens(&mut self, pause: Duration) -> bool {
        let since = Instant::now();
        while !self.gives_up {
            match self.said.recv_timeout(pause.saturating_sub(since.elapsed())) {
                Ok(Said::Interrupt) => self.gives_up = true,
                Ok(Said::Line(line)) if is_no(&line) => self.gives_up = true,
                Ok(Said::Line(line)) => self.typed.push_back(line),
                Ok(Said::End) => self.has_ended = true,
                Err(RecvTimeoutError::Timeout) => return false,
                Err(RecvTimeoutError::Disconnected) => {
                    self.has_ended = true;
                    std::thread::sleep(pause.saturating_sub(since.elapsed()));
                    return false;
                }
            }
        }
        true
    }

    /// Asks the user, and waits until the deadline.
    pub(crate) fn ask(&mut self, context: &Context, what: &str, question: &str) -> Result<String, Failure> {
        context.out.emit(&Event::Question { what, question });
        if let Some(line) = self.typed.pop_front() {
            return Ok(line);
        }
        let cancelled = || Failure::from(Error::from(Core::QR_CANCELLED));
        if self.gives_up {
            return Err(cancelled());
        }
        if self.has_ended {
            return Err(Code::NoInput.because(question));
        }
        match self.said.recv_timeout(context.options.deadline) {
            Ok(Said::Line(line)) => Ok(line),
            Ok(Said::Interrupt) => Err(cancelled()),
            Ok(Said::End) | Err(RecvTimeoutError::Disconnected) => Err(Code::NoInput.because(question)),
            Err(RecvTimeoutError::Timeout) => Err(context.too_late()),
        }
    }
}

/// Whether that means no.
pub(crate) fn is_no(line: &str) -> bool {
    ["n", "no", "cancel"].iter().any(|no| line.eq_ignore_ascii_case(no))
}

/// Whether that means yes.
pub(crate) fn is_yes(line: &str) -> bool {
    ["y", "yes"].iter().any(|yes| line.eq_ignore_ascii_case(yes))
}
