//! What a driver can do with a step other than carry it out.

use http::{Response, StatusCode};
use oidc_proto::step::KeyOutput;
use oidc_proto::{Env, Error, ErrorCode, Failure, FailureKind, Flow, Sent, Step};

const FAILURES: [(FailureKind, Sent); 8] = [
    (FailureKind::Cancelled, Sent::Maybe),
    (FailureKind::Cancelled, Sent::No),
    (FailureKind::Timeout, Sent::Maybe),
    (FailureKind::Unreachable, Sent::No),
    (FailureKind::BodyTooLarge, Sent::Maybe),
    (FailureKind::KeyRefused, Sent::No),
    (FailureKind::Unsupported, Sent::No),
    (FailureKind::Other, Sent::Maybe),
];

const RESPONSES: [(u16, &str, &str); 8] = [
    (200, "application/json", "{}"),
    (200, "application/json", "[1"),
    (200, "text/html", "<html>"),
    (204, "", ""),
    (302, "", ""),
    (400, "application/json", r#"{"error":"invalid_grant"}"#),
    (401, "application/json", r#"{"error":"use_dpop_nonce"}"#),
    (503, "text/plain", "later"),
];

/// Of each kind, right for another question, or for none.
fn outputs() -> [KeyOutput; 7] {
    [
        KeyOutput::bytes([]),
        KeyOutput::bytes([1]),
        KeyOutput::bytes([1; 64]),
        KeyOutput::derived([]),
        KeyOutput::derived([1; 32]),
        KeyOutput::verified(false),
        KeyOutput::verified(true),
    ]
}

/// In how many ways [`astray`] answers this step.
pub(crate) fn ways<F: Flow>(step: &Step<F>) -> u8 {
    let ways = match step {
        Step::Call(_) => FAILURES.len() + RESPONSES.len(),
        Step::Wait(_) => 2,
        Step::UseKey(_) => FAILURES.len() + outputs().len(),
        Step::Done(_) => 0,
    };
    u8::try_from(ways).unwrap()
}

/// Answers a step in one of the ways that its handle allows.
pub(crate) fn astray<F: Flow>(step: Step<F>, way: u8, env: &mut dyn Env) -> Result<Step<F>, Error> {
    let way = usize::from(way.checked_rem(ways(&step)).unwrap_or(0));
    match step {
        Step::Call(call) => {
            let (.., awaiting) = call.into_parts();
            match FAILURES.get(way) {
                Some((kind, sent)) => awaiting.fail(Failure::new(*kind, *sent), env),
                None => awaiting.receive(response(way - FAILURES.len()), env),
            }
        }
        Step::Wait(wait) if way == 0 => wait.cancel(env),
        // Too early.
        Step::Wait(wait) => wait.wake(env),
        Step::UseKey(use_key) => {
            let (_, awaiting) = use_key.into_parts();
            match FAILURES.get(way) {
                Some((kind, _)) => awaiting.fail(*kind, env),
                None => awaiting.receive(outputs().into_iter().nth(way - FAILURES.len()).unwrap(), env),
            }
        }
        done @ Step::Done(_) => Ok(done),
    }
}

fn response(at: usize) -> Response<&'static str> {
    let (status, content_type, body) = RESPONSES[at];
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    if !content_type.is_empty() {
        response.headers_mut().insert("content-type", content_type.parse().unwrap());
    }
    if status == 401 {
        response.headers_mut().insert("dpop-nonce", "another".parse().unwrap());
    }
    response
}

/// No flow was given what it does not await: neither the error nor one of its causes says so.
pub(crate) fn assert_expected(error: &Error) {
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        let code = error.downcast_ref::<Error>().map(Error::code);
        assert_ne!(code, Some(ErrorCode::STEP_UNEXPECTED));
        cause = error.source();
    }
}
