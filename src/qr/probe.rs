//! Waits until the homeserver says whether it knows a device.
//!
//! ```text
//! start ─▶ DeviceCheck ─┬─ what is awaited, or the time is up ─▶ Done
//!    ▲                  ├─ an error, and the time is up; cancelled ─▶ the error
//!    └── Wait(interval) ◀── else
//! ```
//!
//! A page that somebody else sends with status 200, a token that has just expired, a server that is down: none of
//! them says anything about the device.

use std::fmt;
use std::time::Duration;

use super::account::Account;
use super::rendezvous::SHORTEST_INTERVAL;
use crate::base::env::{Env, MonotonicTime};
use crate::error::{Error, ErrorCode};
use crate::matrix::{DeviceCheck, DeviceId};
use crate::step::{Flow, Input, Step};

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Until {
    /// Any response.
    Known,
    /// That the device is there.
    Present,
}

/// What is asked, and for how long.
struct Question {
    account: Account,
    device_id: DeviceId,
    until: Until,
    interval: Duration,
    deadline: MonotonicTime,
}

/// Awaits whether the device is there.
pub(super) struct Probe(State, Box<Question>);

enum State {
    ExpectDevice(DeviceCheck),
    Pausing,
}

impl Probe {
    pub(super) fn start(
        account: &Account,
        device_id: &DeviceId,
        (until, interval, timeout): (Until, Duration, Duration),
        env: &mut dyn Env,
    ) -> Result<Step<Self>, Error> {
        let (deadline, interval) = (env.monotonic().saturating_add(timeout), interval.max(SHORTEST_INTERVAL));
        Question { account: account.clone(), device_id: device_id.clone(), until, interval, deadline }.ask(env)
    }
}

impl Question {
    fn ask(self, env: &mut dyn Env) -> Result<Step<Probe>, Error> {
        let (device_id, account) = (&self.device_id, &self.account);
        let step = DeviceCheck::start(device_id, &account.tokens, &account.party, env);
        self.asked(step, env)
    }

    fn asked(self, step: Result<Step<DeviceCheck>, Error>, env: &mut dyn Env) -> Result<Step<Probe>, Error> {
        match step {
            Ok(step) => step.embed(
                Box::new(self),
                |question, check| Probe(State::ExpectDevice(check), question),
                |question, is_there| question.settle(Ok(is_there), env),
            ),
            Err(error) if error.code() == ErrorCode::TRANSPORT_CANCELLED => Err(error),
            Err(error) => self.settle(Err(error), env),
        }
    }

    fn settle(self, outcome: Result<bool, Error>, env: &mut dyn Env) -> Result<Step<Probe>, Error> {
        let is_awaited = match (&outcome, self.until) {
            (Ok(is_there), Until::Present) => *is_there,
            (Ok(_), Until::Known) => true,
            (Err(_), _) => false,
        };
        if is_awaited || env.monotonic() >= self.deadline {
            return outcome.map(Step::Done);
        }
        let until = env.monotonic().saturating_add(self.interval).min(self.deadline);
        Ok(Step::wait(until, Probe(State::Pausing, Box::new(self))))
    }
}

impl Flow for Probe {
    type Output = bool;

    fn on(self, input: Input<'_>, env: &mut dyn Env) -> Result<Step<Self>, Error> {
        let Self(state, question) = self;
        match state {
            State::ExpectDevice(check) => question.asked(check.on(input, env), env),
            State::Pausing => {
                input.woken()?;
                question.ask(env)
            }
        }
    }
}

impl fmt::Debug for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Probe(…)")
    }
}
