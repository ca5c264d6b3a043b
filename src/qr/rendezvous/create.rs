//! A new rendezvous.
//!
//! ```text
//! create ────▶ POST rendezvous ─┬─ success ──▶ Done(Rendezvous)
//!                               └─ redirect ─▶ POST at the other URL, once (MSC4108) ─▶ Done(Rendezvous)
//! create_as ─▶ POST rendezvous with the user's token (MSC4388) ─▶ Done(Rendezvous)
//! ```

use http::header::CONTENT_TYPE;
use http::{Method, Request, StatusCode, Uri};
use serde::Deserialize;

use super::known::Rendezvous;
use super::options::RendezvousOptions;
use super::place::{JSON, Members, Place, TEXT, Written, etag_note, json_policy, missing, token_note};
use super::requests::policy;
use crate::base::env::Env;
use crate::base::json::{self, Text};
use crate::base::secret::Body;
use crate::base::url::Endpoint;
use crate::error::{Error, ErrorCode};
use crate::flow::ResourceCall;
use crate::matrix::error_body::{response_of, success};
use crate::matrix::{Homeserver, Party};
use crate::qr::code::{CodeUrl, PATH_4388, RendezvousId};
use crate::qr::homeserver::NamedHomeserver;
use crate::qr::proposal::Proposal;
use crate::step::{Flow, Input, Step};
use crate::token::token_set::TokenSet;
use crate::wire::policy::{Accept, Policy};
use crate::wire::response::Response;

/// Where a homeserver has it (MSC4108).
const PATH_4108: &str = "/_matrix/client/unstable/org.matrix.msc4108/rendezvous";

const REQUEST: &str = "rendezvous";

impl Rendezvous {
    /// Asks a homeserver for a new rendezvous, without credentials.
    ///
    /// # Errors
    /// `url.scheme` if the base URL is not one of those that the options allow.
    pub fn create(homeserver: &Homeserver, options: RendezvousOptions) -> Result<Step<Creation>, Error> {
        let (request, policy, state) = begin(homeserver, options)?;
        Ok(Step::call(request, policy, Creation { options, state }))
    }

    /// The same with the access token of a user, where the proposal is MSC4388: most homeservers let only their users
    /// make one. A request of MSC4108 has no credentials, because it may be answered by another server.
    ///
    /// # Errors
    /// `url.scheme`, `provider.mismatch`, `client.mismatch`, `dpop.key_mismatch`, `dpop.algorithm`,
    /// `sign.failed`.
    pub fn create_as(
        party: &Party,
        tokens: &TokenSet,
        options: RendezvousOptions,
        env: &mut dyn Env,
    ) -> Result<Step<Creation>, Error> {
        match options.proposal {
            Proposal::Msc4108 => Self::create(party.homeserver(), options),
            Proposal::Msc4388 => {
                let homeserver = NamedHomeserver::from(party.homeserver());
                let (request, policy, _) = begin(party.homeserver(), options)?;
                let step = party.relying_party().call(request, policy, tokens, env)?;
                Creation::authorized(step, homeserver, options, env)
            }
        }
    }
}

/// Awaits a new rendezvous.
#[derive(Debug)]
pub struct Creation {
    options: RendezvousOptions,
    state: State,
}

#[derive(Debug)]
enum State {
    /// MSC4108: where it was asked for, as long as that may lead elsewhere.
    ExpectUrl(Option<Uri>),
    /// MSC4388.
    ExpectId(NamedHomeserver),
    /// The same with a credential.
    Authorized(ResourceCall, NamedHomeserver),
}

fn begin(homeserver: &Homeserver, options: RendezvousOptions) -> Result<(Request<Body>, Policy, State), Error> {
    Ok(match options.proposal {
        Proposal::Msc4108 => {
            let uri = homeserver.uri(PATH_4108, options.schemes)?;
            (post(uri.clone()), creation_policy(), State::ExpectUrl(Some(uri)))
        }
        Proposal::Msc4388 => {
            let mut request = post(homeserver.uri(PATH_4388, options.schemes)?);
            request.headers_mut().insert(CONTENT_TYPE, JSON);
            *request.body_mut() = Written { sequence_token: None, data: "" }.to_body();
            (request, json_policy(false), State::ExpectId(homeserver.into()))
        }
    })
}

impl Creation {
    fn authorized(
        step: Step<ResourceCall>,
        homeserver: NamedHomeserver,
        options: RendezvousOptions,
        env: &mut dyn Env,
    ) -> Result<Step<Self>, Error> {
        step.embed(
            homeserver,
            |homeserver, call| Self { options, state: State::Authorized(call, homeserver) },
            |homeserver, response| with_id(&response_of(&response, Accept::Json), &homeserver, options, env),
        )
    }

    /// Homeservers may leave the rendezvous to another server. There is nothing in the request that it must not see.
    fn redirect(uri: Option<Uri>, response: Response<'_>, options: RendezvousOptions) -> Result<Step<Self>, Error> {
        let Some(uri) = uri else { return Err(ErrorCode::HTTP_REDIRECT.into()) };
        let elsewhere = Endpoint::join(&uri, response.location()?, options.schemes)
            .map_err(|error| missing("Location").with_source(error))?;
        let flow = Self { options, state: State::ExpectUrl(None) };
        Ok(Step::call(post(elsewhere.uri().clone()), creation_policy(), flow))
    }
}

fn post(uri: Uri) -> Request<Body> {
    let mut request = Request::new(Body::default());
    *request.method_mut() = Method::POST;
    *request.uri_mut() = uri;
    request.headers_mut().insert(CONTENT_TYPE, TEXT);
    request
}

fn creation_policy() -> Policy {
    policy(false).with_accept(Accept::Json)
}

#[derive(Deserialize)]
struct Created<'a> {
    #[serde(borrow)]
    url: Option<Text<'a>>,
}

/// Not every homeserver has a rendezvous.
fn check_support(response: &Response<'_>) -> Result<(), Error> {
    match response.status {
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED => {
            Err(ErrorCode::QR_RENDEZVOUS_UNSUPPORTED.into())
        }
        StatusCode::FORBIDDEN => Err(ErrorCode::QR_RENDEZVOUS_FORBIDDEN.into()),
        _ => Ok(()),
    }
}

fn with_url(response: &Response<'_>, options: RendezvousOptions, env: &mut dyn Env) -> Result<Rendezvous, Error> {
    let created: Created<'_> = json::document(response.success()?)?;
    let url = created.url.ok_or_else(|| missing("url"))?;
    let url = CodeUrl::new(&url, options.schemes).map_err(|error| missing("url").with_source(error))?;
    Ok(Rendezvous::of(Place::Url(url), options, etag_note(response)?, env))
}

fn with_id(
    response: &Response<'_>,
    homeserver: &NamedHomeserver,
    options: RendezvousOptions,
    env: &mut dyn Env,
) -> Result<Step<Creation>, Error> {
    check_support(response)?;
    let Members { id, sequence_token, expires_in_ms, .. } = json::document(success(response, REQUEST)?)?;
    let id = id.ok_or_else(|| missing("id"))?;
    let rendezvous = RendezvousId::new(&id, homeserver.as_str(), options.schemes);
    let place = Place::Id(rendezvous.map_err(|error| missing("id").with_source(error))?);
    Ok(Step::Done(Rendezvous::of(place, options, token_note(sequence_token, &expires_in_ms)?, env)))
}

impl Flow for Creation {
    type Output = Rendezvous;

    fn on(self, input: Input<'_>, env: &mut dyn Env) -> Result<Step<Self>, Error> {
        let Self { options, state } = self;
        match state {
            State::Authorized(call, homeserver) => Self::authorized(call.on(input, env)?, homeserver, options, env),
            State::ExpectId(homeserver) => with_id(&input.response()?, &homeserver, options, env),
            State::ExpectUrl(uri) => {
                let response = input.response()?;
                if [StatusCode::TEMPORARY_REDIRECT, StatusCode::PERMANENT_REDIRECT].contains(&response.status) {
                    return Self::redirect(uri, response, options);
                }
                check_support(&response)?;
                with_url(&response, options, env).map(Step::Done)
            }
        }
    }
}
