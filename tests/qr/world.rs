//! What the tests share: a driver.

use std::fmt::Debug;
use std::time::Duration;

use http::{Request, Response};
use oidc_proto::testing::TestEnv;
use oidc_proto::{Body, Env as _, Error, Failure, Flow, Step, Timestamp};

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
                let pause = wait.duration(env.ticks());
                pauses.push(pause);
                env.clock().advance(pause);
                wait.wake(env)?
            }
            Step::Sign(_) => panic!("nothing is signed"),
            Step::Done(output) => return Ok(output),
        };
    }
    panic!("goes on for ever")
}
