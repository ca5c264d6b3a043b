//! Whether a homeserver has a rendezvous, before anything is shown to the user.
//!
//! ```text
//! MSC4108  start ─▶ GET versions ─▶ Done      by org.matrix.msc4108 in unstable_features
//! MSC4388  start ─▶ GET rendezvous ─┬─ 200 ─▶ Done      by create_available
//!                                   ├─ 403 ─▶ Done(NotForThisUser)
//!                                   └─ 404 ─▶ Done(Missing)
//! ```

use http::StatusCode;
use serde::Deserialize;

use super::options::RendezvousOptions;
use super::place::json_policy;
use crate::base::env::Env;
use crate::base::json::{self, Scalar};
use crate::error::Error;
use crate::flow::ResourceCall;
use crate::matrix::error_body::{response_of, success};
use crate::matrix::{Homeserver, Party};
use crate::qr::code::PATH_4388;
use crate::qr::proposal::Proposal;
use crate::step::{Flow, Input, Step};
use crate::token::token_set::TokenSet;
use crate::wire::policy::Accept;
use crate::wire::request;
use crate::wire::response::Response;

const VERSIONS: &str = "/_matrix/client/versions";

const REQUEST: &str = "rendezvous";

/// Whether a device can make a rendezvous at a homeserver.
///
/// Exhaustive: a homeserver has it for this device, for others, or not at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Availability {
    /// It can.
    Available,
    /// The homeserver has it, but not for this device: most often only for users who are signed in. Then the existing
    /// device shows the code.
    NotForThisUser,
    /// The homeserver does not have it.
    Missing,
}

/// Awaits whether a homeserver has a rendezvous.
#[derive(Debug)]
pub struct RendezvousCheck(State);

#[derive(Debug)]
enum State {
    ExpectVersions,
    ExpectAvailability,
    Authorized(ResourceCall),
}

impl RendezvousCheck {
    /// Asks a homeserver for the proposal of the options, without credentials.
    ///
    /// # Errors
    /// `url.scheme` if the base URL is not one of those that the options allow.
    pub fn start(homeserver: &Homeserver, options: RendezvousOptions) -> Result<Step<Self>, Error> {
        let (path, state) = match options.proposal {
            Proposal::Msc4108 => (VERSIONS, State::ExpectVersions),
            Proposal::Msc4388 => (PATH_4388, State::ExpectAvailability),
        };
        let request = request::read(homeserver.uri(path, options.schemes)?);
        Ok(Step::call(request, json_policy(true), Self(state)))
    }

    /// The same for a user who is signed in: with their access token, where the proposal is MSC4388.
    ///
    /// # Errors
    /// `url.scheme`, `provider.mismatch`, `client.mismatch`, `dpop.key_mismatch`, `dpop.algorithm`,
    /// `sign.failed`.
    pub fn start_as(
        party: &Party,
        tokens: &TokenSet,
        options: RendezvousOptions,
        env: &mut dyn Env,
    ) -> Result<Step<Self>, Error> {
        match options.proposal {
            Proposal::Msc4108 => Self::start(party.homeserver(), options),
            Proposal::Msc4388 => {
                let request = request::read(party.homeserver().uri(PATH_4388, options.schemes)?);
                Self::authorized(party.relying_party().call(request, json_policy(true), tokens, env)?)
            }
        }
    }

    fn authorized(step: Step<ResourceCall>) -> Result<Step<Self>, Error> {
        step.embed(
            (),
            |(), call| Self(State::Authorized(call)),
            |(), response| availability(&response_of(&response, Accept::Json)).map(Step::Done),
        )
    }
}

#[derive(Deserialize)]
struct Offered<'a> {
    #[serde(borrow, default)]
    create_available: Scalar<'a>,
}

#[derive(Deserialize)]
struct Versions<'a> {
    #[serde(borrow, default)]
    unstable_features: Features<'a>,
}

#[derive(Default, Deserialize)]
struct Features<'a> {
    #[serde(borrow, default, rename = "org.matrix.msc4108")]
    msc4108: Scalar<'a>,
}

fn availability(response: &Response<'_>) -> Result<Availability, Error> {
    match response.status {
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED => {
            Ok(Availability::Missing)
        }
        StatusCode::FORBIDDEN => Ok(Availability::NotForThisUser),
        _ => {
            let offered: Offered<'_> = json::document(success(response, REQUEST)?)?;
            match offered.create_available {
                Scalar::Bool(true) => Ok(Availability::Available),
                Scalar::Bool(false) => Ok(Availability::NotForThisUser),
                _ => Err(super::place::missing("create_available")),
            }
        }
    }
}

fn versions(response: &Response<'_>) -> Result<Availability, Error> {
    let versions: Versions<'_> = json::document(success(response, "versions")?)?;
    Ok(match versions.unstable_features.msc4108 {
        Scalar::Bool(true) => Availability::Available,
        _ => Availability::Missing,
    })
}

impl Flow for RendezvousCheck {
    type Output = Availability;

    fn on(self, input: Input<'_>, env: &mut dyn Env) -> Result<Step<Self>, Error> {
        match self.0 {
            State::ExpectVersions => versions(&input.response()?).map(Step::Done),
            State::ExpectAvailability => availability(&input.response()?).map(Step::Done),
            State::Authorized(call) => Self::authorized(call.on(input, env)?),
        }
    }
}
