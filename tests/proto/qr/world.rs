//! What the tests share: a driver, and a rendezvous with a clock.

use std::fmt::Debug;
use std::time::Duration;

use http::{Request, Response};
use oidc_proto::matrix::Homeserver;
use oidc_proto::qr::rendezvous::Delivery;
use oidc_proto::qr::{Generator, Proposal, QrCode, Rendezvous, RendezvousOptions};
use oidc_proto::testing::{self, TestEnv};
use oidc_proto::{Body, Env as _, Error, ErrorCode, Failure, Flow, Schemes, Step, Timestamp};

use crate::qr::keystore;

/// How a request is answered.
pub(crate) type Http<'a> = &'a mut dyn FnMut(Request<Body>, Timestamp) -> Result<Response<Vec<u8>>, Failure>;

/// Carries out a flow; time passes as it asks for.
pub(crate) fn drive<F: Flow<Output: Debug>>(
    mut step: Step<F>,
    env: &mut TestEnv,
    http: Http<'_>,
    pauses: &mut Vec<Duration>,
) -> Result<F::Output, Error> {
    for _ in 0..10_000 {
        step = match step {
            Step::Call(call) => {
                let (request, _, awaiting) = call.into_parts();
                match http(request, env.now()) {
                    Ok(response) => awaiting.receive(response, env)?,
                    Err(failure) => awaiting.fail(failure, env)?,
                }
            }
            Step::Wait(wait) => {
                let pause = wait.duration(env.monotonic());
                pauses.push(pause);
                env.clock().advance(pause);
                wait.wake(env)?
            }
            Step::UseKey(use_key) => {
                let (key_use, awaiting) = use_key.into_parts();
                match keystore::use_key(&key_use) {
                    Ok(output) => awaiting.receive(output, env)?,
                    Err(kind) => awaiting.fail(kind, env)?,
                }
            }
            Step::Done(output) => return Ok(output),
        };
    }
    panic!("goes on for ever")
}

pub(crate) const BOTH: [Proposal; 2] = [Proposal::Msc4108, Proposal::Msc4388];

pub(crate) const BASE: &str = "https://hs.example.org";
pub(crate) const MINUTE: Duration = Duration::from_secs(60);

/// A rendezvous and a clock.
pub(crate) struct World {
    pub(crate) proposal: Proposal,
    pub(crate) server: testing::Rendezvous,
    pub(crate) env: TestEnv,
    pub(crate) pauses: Vec<Duration>,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::of(Proposal::Msc4108)
    }

    pub(crate) fn of(proposal: Proposal) -> Self {
        Self { proposal, server: testing::Rendezvous::new(BASE), env: TestEnv::seeded(1), pauses: Vec::new() }
    }

    pub(crate) fn run<F: Flow<Output: Debug>>(&mut self, step: Step<F>) -> Result<F::Output, Error> {
        let Self { server, env, pauses, .. } = self;
        drive(step, env, &mut |request, now| server.exchange(request, now), pauses)
    }

    pub(crate) fn create(&mut self) -> Result<Rendezvous, Error> {
        let base = Homeserver::new(BASE, Schemes::HttpsOnly).unwrap();
        self.run(Rendezvous::create(&base, RendezvousOptions::new().with_proposal(self.proposal)).unwrap())
    }

    /// Both devices at one box.
    pub(crate) fn pair(&mut self) -> (Rendezvous, Rendezvous) {
        let made = self.create().unwrap();
        let joined = self.join(&made).unwrap();
        (made, joined)
    }

    pub(crate) fn join(&mut self, made: &Rendezvous) -> Result<Rendezvous, Error> {
        let code = code_of(made, &mut self.env);
        let step = Rendezvous::join(&code, RendezvousOptions::new(), MINUTE, &mut self.env);
        self.run(step)
    }

    pub(crate) fn send(&mut self, rendezvous: Rendezvous, text: &str) -> Result<Delivery, Error> {
        let step = rendezvous.send(text, MINUTE, &mut self.env);
        self.run(step)
    }

    pub(crate) fn sent(&mut self, rendezvous: Rendezvous, text: &str) -> Rendezvous {
        match self.send(rendezvous, text).unwrap() {
            Delivery::Delivered(rendezvous) => rendezvous,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn receive(&mut self, rendezvous: Rendezvous) -> Result<(Rendezvous, String), Error> {
        let step = rendezvous.receive(MINUTE, &mut self.env);
        self.run(step).map(|received| (received.rendezvous, received.text))
    }
}

/// What a new device shows.
pub(crate) fn code_of(made: &Rendezvous, env: &mut TestEnv) -> QrCode {
    made.code(*Generator::new(made.proposal(), env).public_key(), None)
}

/// The code of a failure.
pub(crate) fn code<T: Debug>(result: Result<T, Error>) -> ErrorCode {
    result.unwrap_err().code()
}
