//! The user and the device of an access token (client-server API, whoami).
//!
//! ```text
//! start ─▶ ResourceCall: GET whoami ─▶ Done(Identity)
//! ```
//!
//! A login does this itself. Errors name the request: `whoami`.

use http::Response;
use serde::Deserialize;

use super::error_body::{during, response_of, success};
use super::id::{DeviceId, UserId};
use super::party::Party;
use crate::base::env::Env;
use crate::base::json::{self, Scalar};
use crate::base::secret::Body;
use crate::error::{Error, ErrorCode};
use crate::flow::ResourceCall;
use crate::step::{Flow, Input, Step};
use crate::token::token_set::TokenSet;
use crate::wire::policy::{Accept, JSON_LIMIT, Policy};
use crate::wire::request;

const WHOAMI: &str = "whoami";

/// Awaits the response.
#[derive(Debug)]
pub struct Whoami(ResourceCall);

/// The user and the device of an access token.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Identity {
    /// `user_id`.
    pub user_id: UserId,
    /// `device_id`; absent if the token has no device.
    pub device_id: Option<DeviceId>,
}

#[derive(Deserialize)]
struct Members<'a> {
    #[serde(borrow, default)]
    user_id: Scalar<'a>,
    #[serde(borrow, default)]
    device_id: Scalar<'a>,
}

impl Whoami {
    /// Asks the homeserver.
    ///
    /// # Errors
    /// `provider.mismatch`, `client.mismatch`, `dpop.key_mismatch`, `url.scheme`, `dpop.algorithm`,
    /// `sign.failed`.
    pub fn start(tokens: &TokenSet, party: &Party, env: &mut dyn Env) -> Result<Step<Self>, Error> {
        let schemes = party.server().provider.options().schemes();
        let request = request::read(party.homeserver().uri("/_matrix/client/v3/account/whoami", schemes)?);
        let policy = Policy::own_read(JSON_LIMIT, Accept::Json);
        Self::go_on(party.relying_party().call(request, policy, tokens, env)?)
    }

    fn go_on(step: Step<ResourceCall>) -> Result<Step<Self>, Error> {
        step.embed((), |(), call| Self(call), |(), response| parse(&response).map(Step::Done))
    }
}

fn parse(response: &Response<Body>) -> Result<Identity, Error> {
    let body = success(&response_of(response, Accept::Json), WHOAMI)?;
    let answer: Members<'_> = json::document(body).map_err(during(WHOAMI))?;
    let user_id = answer.user_id.text().ok_or_else(|| Error::new(ErrorCode::WHOAMI_USER_ID).at("user_id"))?;
    let user_id = UserId::new(&user_id).map_err(|_| Error::new(ErrorCode::WHOAMI_USER_ID).at("user_id"))?;
    let unusable = || Error::new(ErrorCode::WHOAMI_DEVICE_ID).at("device_id");
    let device_id = match answer.device_id {
        Scalar::Null => None,
        other => {
            let text = other.text().ok_or_else(unusable)?;
            Some(DeviceId::answered(&text).map_err(|_| unusable())?)
        }
    };
    Ok(Identity { user_id, device_id })
}

impl Flow for Whoami {
    type Output = Identity;

    fn on(self, input: Input<'_>, env: &mut dyn Env) -> Result<Step<Self>, Error> {
        Self::go_on(self.0.on(input, env).map_err(|error| error.with_endpoint(WHOAMI))?)
    }
}
