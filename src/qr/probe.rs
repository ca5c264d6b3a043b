//! Whether the homeserver knows a device: `GET /_matrix/client/v3/devices/{deviceId}`.
//!
//! ```text
//! start ─▶ GET ─┬─ 404 ─▶ not there ─┐
//!    ▲          ├─ 200 with a device ┴▶ Done, if that is what is awaited, or the time is up
//!    │          └─ anything else, no response ─▶ the error, if the time is up
//!    └──────────────── Wait(interval) ◀── else
//! ```
//!
//! A page that somebody else answers with status 200, a token that has just expired, a server that is down: none of
//! them says anything about the device.

use std::time::Duration;

use http::{HeaderValue, Request, StatusCode, Uri, header};
use serde::de::IgnoredAny;

use super::rendezvous::SHORTEST_INTERVAL;
use crate::base::env::{Env, MonotonicTime};
use crate::base::json;
use crate::base::secret::{AccessToken, Body};
use crate::base::url::Schemes;
use crate::error::Error;
use crate::matrix::Homeserver;
use crate::step::{Flow, Input, Step};
use crate::wire::policy::{Accept, JSON_LIMIT, Policy};
use crate::wire::request;

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Until {
    /// Any response.
    Known,
    /// That the device is there.
    Present,
}

/// Awaits whether the device is there.
#[derive(Debug)]
pub(super) struct Probe {
    uri: Uri,
    authorization: HeaderValue,
    until: Until,
    interval: Duration,
    deadline: MonotonicTime,
    state: State,
}

#[derive(Clone, Copy, Debug)]
enum State {
    ExpectDevice,
    Pausing,
}

impl Probe {
    pub(super) fn start(
        homeserver: &Homeserver,
        access_token: &AccessToken,
        device_id: &str,
        schemes: Schemes,
        (until, interval, timeout): (Until, Duration, Duration),
        env: &mut dyn Env,
    ) -> Result<Step<Self>, Error> {
        let uri = homeserver.device_uri(device_id, schemes)?;
        let (deadline, interval) = (env.monotonic().saturating_add(timeout), interval.max(SHORTEST_INTERVAL));
        Ok(Self { uri, authorization: access_token.bearer(), until, interval, deadline, state: State::ExpectDevice }
            .look())
    }

    fn look(self) -> Step<Self> {
        Step::call(self.request(), Policy::read(JSON_LIMIT, Accept::Json), Self { state: State::ExpectDevice, ..self })
    }

    fn request(&self) -> Request<Body> {
        let mut request = request::read(self.uri.clone());
        request.headers_mut().insert(header::AUTHORIZATION, self.authorization.clone());
        request
    }

    fn settle(self, outcome: Result<bool, Error>, env: &mut dyn Env) -> Result<Step<Self>, Error> {
        let is_awaited = match (&outcome, self.until) {
            (Ok(is_there), Until::Present) => *is_there,
            (Ok(_), Until::Known) => true,
            (Err(_), _) => false,
        };
        if is_awaited || env.monotonic() >= self.deadline {
            return outcome.map(Step::Done);
        }
        Ok(Step::wait(
            env.monotonic().saturating_add(self.interval).min(self.deadline),
            Self { state: State::Pausing, ..self },
        ))
    }
}

impl Flow for Probe {
    type Output = bool;

    fn on(self, input: Input<'_>, env: &mut dyn Env) -> Result<Step<Self>, Error> {
        match self.state {
            State::Pausing => {
                input.woken()?;
                Ok(self.look())
            }
            State::ExpectDevice if input.is_cancelled() => Err(input.unexpected()),
            State::ExpectDevice => {
                let outcome = input.response().and_then(|response| match response.status {
                    StatusCode::NOT_FOUND => Ok(false),
                    _ => json::document::<IgnoredAny>(response.success()?).map(|_| true),
                });
                self.settle(outcome, env)
            }
        }
    }
}
