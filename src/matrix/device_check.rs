//! Whether the user has a device of this ID (client-server API, device management).
//!
//! ```text
//! start ─▶ ResourceCall: GET devices/{id} ─┬─ 200 ─▶ Done(true)
//!                                          └─ 404, M_NOT_FOUND ─▶ Done(false)
//! ```
//!
//! Any other response is an error and says nothing about the device: a page of somebody else with status 200, for
//! example, or a 404 of a proxy. Errors name the request: `devices`.

use http::{Response, StatusCode};
use serde::de::IgnoredAny;

use super::error_body::{Errcode, ErrorBody, during, response_of, success};
use super::id::DeviceId;
use super::party::Party;
use crate::base::env::Env;
use crate::base::json;
use crate::base::secret::Body;
use crate::error::Error;
use crate::flow::ResourceCall;
use crate::step::{Flow, Input, Step};
use crate::token::token_set::TokenSet;
use crate::wire::policy::{Accept, JSON_LIMIT, Policy};
use crate::wire::request;

const DEVICES: &str = "devices";

/// Awaits the response.
#[derive(Debug)]
pub struct DeviceCheck(ResourceCall);

impl DeviceCheck {
    /// Asks the homeserver.
    ///
    /// # Errors
    /// `provider.mismatch`, `client.mismatch`, `dpop.key_mismatch`, `dpop.algorithm`, `url.scheme`,
    /// `matrix.device_id` for `.` and `..`, `sign.failed`.
    pub fn start(device: &DeviceId, tokens: &TokenSet, party: &Party, env: &mut dyn Env) -> Result<Step<Self>, Error> {
        let schemes = party.server().provider.options().schemes();
        let uri = party.homeserver().device_uri(device.as_str(), schemes)?;
        let policy = Policy::own_read(JSON_LIMIT, Accept::Json);
        Self::go_on(party.relying_party().call(request::read(uri), policy, tokens, env)?)
    }

    fn go_on(step: Step<ResourceCall>) -> Result<Step<Self>, Error> {
        step.embed((), |(), call| Self(call), |(), response| parse(&response).map(Step::Done))
    }
}

fn parse(response: &Response<Body>) -> Result<bool, Error> {
    let response = response_of(response, Accept::Json);
    let is_absent = response.status == StatusCode::NOT_FOUND
        && ErrorBody::parse(response.body).is_some_and(|error| error.errcode == Some(Errcode::NotFound));
    if is_absent {
        return Ok(false);
    }
    json::document::<IgnoredAny>(success(&response, DEVICES)?).map_err(during(DEVICES)).map(|_| true)
}

impl Flow for DeviceCheck {
    type Output = bool;

    fn on(self, input: Input<'_>, env: &mut dyn Env) -> Result<Step<Self>, Error> {
        Self::go_on(self.0.on(input, env).map_err(|error| error.with_endpoint(DEVICES))?)
    }
}
