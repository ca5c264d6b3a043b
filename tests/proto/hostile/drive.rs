//! The driver of these tests: it sends, waits, signs, and writes down everything.

use std::fmt::{Debug, Write as _};

use http::Request;
use oidc_proto::{Body, Env as _, Error, Flow, Step};

use crate::hostile::world::World;

impl World {
    /// Carries out a flow against the provider.
    pub(crate) fn run<F: Flow<Output: Debug>>(&mut self, step: Result<Step<F>, Error>) -> Result<F::Output, Error> {
        let outcome = step.and_then(|step| self.drive(step));
        match &outcome {
            Ok(output) => self.show(output),
            Err(error) => self.show_error(error),
        }
        outcome
    }

    fn drive<F: Flow>(&mut self, mut step: Step<F>) -> Result<F::Output, Error> {
        loop {
            self.show(&step);
            step = match step {
                Step::Call(call) => {
                    let (request, policy, awaiting) = call.into_parts();
                    assert!(!policy.follow_redirects());
                    self.show(&(&awaiting, policy, request.body()));
                    self.sent.push(written(&request));
                    *self.last.lock().unwrap() = shown_to_provider(&request);
                    match self.op.exchange(request, self.env.now()) {
                        Ok(response) => {
                            self.received.push(response.body().clone());
                            awaiting.receive(response, &mut self.env)?
                        }
                        Err(failure) => awaiting.fail(failure, &mut self.env)?,
                    }
                }
                Step::Wait(wait) => {
                    self.pauses.push(wait.duration(self.env.monotonic()));
                    self.env.clock().advance(wait.duration(self.env.monotonic()));
                    wait.wake(&mut self.env)?
                }
                Step::UseKey(use_key) => {
                    let (key_use, awaiting) = use_key.into_parts();
                    self.show(&(&key_use, &awaiting));
                    self.asked_to_sign += 1;
                    match (self.keys)(&key_use) {
                        Ok(output) => awaiting.receive(output, &mut self.env)?,
                        Err(kind) => awaiting.fail(kind, &mut self.env)?,
                    }
                }
                Step::Done(output) => return Ok(output),
            }
        }
    }
}

/// The secrets of a request, as they were sent: the form, or the token.
fn shown_to_provider(request: &Request<Body>) -> String {
    match request.headers().get(http::header::AUTHORIZATION) {
        Some(value) if request.body().is_empty() => value.to_str().unwrap().split_once(' ').unwrap().1.to_owned(),
        _ => String::from_utf8(request.body().as_ref().to_vec()).unwrap(),
    }
}

/// A request as text: a line, the headers in their order, the body.
fn written(request: &Request<Body>) -> String {
    let mut out = format!("{} {}\n", request.method(), request.uri());
    for (name, value) in request.headers() {
        assert_eq!(value.is_sensitive(), ["authorization", "dpop"].contains(&name.as_str()), "{name}");
        writeln!(out, "{name}: {}", value.to_str().unwrap()).unwrap();
    }
    out.push('\n');
    out.push_str(std::str::from_utf8(request.body().as_ref()).unwrap());
    out
}
