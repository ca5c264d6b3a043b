//! Bytes as a script, and any flow driven by one.

use std::time::Duration;

use http::{HeaderName, HeaderValue};
use oidc_proto::step::BoxFlow;
use oidc_proto::step::Input;
use oidc_proto::testing::TestEnv;
use oidc_proto::{Env, Error, Failure, FailureKind, Flow, Sent, Step};

/// The bytes as a source of decisions.
pub(super) struct Script<'a>(pub(super) &'a [u8]);

impl<'a> Script<'a> {
    pub(super) fn byte(&mut self) -> u8 {
        let (&first, rest) = self.0.split_first().unwrap_or((&0, &[]));
        self.0 = rest;
        first
    }

    /// Bytes up to the next 0xFF, which no UTF-8 text holds.
    pub(super) fn text(&mut self) -> &'a [u8] {
        let end = self.0.iter().position(|&byte| byte == 0xff).unwrap_or(self.0.len());
        let (text, rest) = self.0.split_at(end);
        self.0 = rest.get(1..).unwrap_or_default();
        text
    }

    pub(super) fn response(&mut self) -> http::Response<&'a [u8]> {
        const STATUS: [u16; 16] = [200, 201, 204, 302, 400, 400, 401, 403, 404, 408, 425, 429, 500, 503, 200, 200];
        let mut response = http::Response::new(&[][..]);
        let choice = self.byte();
        *response.status_mut() = STATUS[usize::from(choice & 15)].try_into().unwrap();
        let content_type = ["application/json", "application/jwt", "text/html", ""][usize::from(choice >> 4 & 3)];
        if !content_type.is_empty() {
            response.headers_mut().insert("content-type", HeaderValue::from_static(content_type));
        }
        if choice & 0x40 != 0 {
            let header = self.text();
            let mut parts = header.splitn(2, |&byte| byte == b':');
            let (name, value) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
            if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name), HeaderValue::from_bytes(value)) {
                response.headers_mut().append(name, value);
            }
        }
        *response.body_mut() = self.text();
        response
    }
}

/// Drives a flow by a script, and looks for secrets in all that is shown.
pub(super) fn drive(mut step: Step<BoxFlow<()>>, mut script: Script<'_>, mut env: TestEnv, secrets: &[&str]) {
    for _ in 0..64 {
        let shown = format!("{step:?}");
        let next = match step {
            Step::Call(call) => {
                let (_, _, awaiting) = call.into_parts();
                match script.byte() {
                    0..=199 => awaiting.receive(script.response(), &mut env),
                    200..=227 => awaiting.fail(Failure::new(FailureKind::Timeout, Sent::Maybe), &mut env),
                    _ => awaiting.fail(Failure::new(FailureKind::Unreachable, Sent::No), &mut env),
                }
            }
            Step::Wait(wait) => {
                let pause = wait.duration(env.monotonic());
                assert!(pause > Duration::ZERO && pause <= Duration::from_secs(300), "{pause:?}");
                env.clock().advance(pause);
                wait.wake(&mut env)
            }
            Step::UseKey(use_key) => use_key.into_parts().1.receive(&b"signature"[..], &mut env),
            Step::Done(()) => return,
        };
        let shown = match &next {
            Ok(_) => shown,
            Err(error) => format!("{shown}{error}{error:?}"),
        };
        for secret in secrets {
            assert!(!shown.contains(*secret), "{secret} is shown");
        }
        match next {
            Ok(next) => step = next,
            Err(_) => return,
        }
        if script.0.is_empty() {
            return;
        }
    }
}

/// Forgets a flow's kind and output, so that all stand in one variable.
pub(super) fn quiet<F: Flow>(step: Result<Step<F>, Error>) -> Option<Step<BoxFlow<()>>> {
    struct Quiet<F>(F);

    impl<F: Flow> Quiet<F> {
        fn go_on(step: Step<F>) -> Result<Step<Self>, Error> {
            step.embed((), |(), flow| Quiet(flow), |(), _| Ok(Step::Done(())))
        }
    }

    impl<F: Flow> Flow for Quiet<F> {
        type Output = ();

        fn on(self, input: Input<'_>, env: &mut dyn Env) -> Result<Step<Self>, Error> {
            Self::go_on(self.0.on(input, env)?)
        }
    }

    Some(Quiet::go_on(step.ok()?).ok()?.boxed())
}
