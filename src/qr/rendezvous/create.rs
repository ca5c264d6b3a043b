//! How a device comes to a rendezvous: it makes one, or joins the one of the code that it scanned.

use std::time::Duration;

use http::header::CONTENT_TYPE;
use http::{Method, Request, StatusCode, Uri};
use serde::Deserialize;

use super::known::Rendezvous;
use super::options::RendezvousOptions;
use super::patience::Patience;
use super::requests::{TEXT, look, policy, refusal, text};
use crate::base::env::Env;
use crate::base::json::{self, Text};
use crate::base::secret::Body;
use crate::base::url::Endpoint;
use crate::error::{Error, ErrorCode};
use crate::matrix::Homeserver;
use crate::qr::code::CodeUrl;
use crate::step::{Flow, Input, Step};
use crate::wire::policy::{Accept, Policy};
use crate::wire::response::Response;

/// Where a homeserver has it.
const PATH: &str = "/_matrix/client/unstable/org.matrix.msc4108/rendezvous";

impl Rendezvous {
    /// Asks a homeserver for a new rendezvous.
    ///
    /// # Errors
    /// `url.scheme` if the base URL is not one of those that the options allow.
    pub fn create(homeserver: &Homeserver, options: RendezvousOptions) -> Result<Step<Creation>, Error> {
        Creation::start(homeserver, options)
    }

    /// Reads the rendezvous of a scanned QR code. It must be empty.
    pub fn join(url: &CodeUrl, options: RendezvousOptions, timeout: Duration, env: &mut dyn Env) -> Step<Joining> {
        Joining::start(url.clone(), options, Patience::new(&options, timeout, env))
    }
}

/// Awaits the URL of a new rendezvous.
#[derive(Debug)]
pub struct Creation {
    options: RendezvousOptions,
    /// Where it was asked for, as long as that may lead elsewhere.
    uri: Option<Uri>,
}

impl Creation {
    fn start(homeserver: &Homeserver, options: RendezvousOptions) -> Result<Step<Self>, Error> {
        let uri = homeserver.uri(PATH, options.schemes)?;
        Ok(Step::call(request(uri.clone()), creation_policy(), Self { options, uri: Some(uri) }))
    }

    /// Homeservers may leave the rendezvous to another server. There is nothing in the request that it must not see.
    fn redirect(self, response: Response<'_>) -> Result<Step<Self>, Error> {
        let Some(uri) = self.uri else { return Err(ErrorCode::HTTP_REDIRECT.into()) };
        let unusable = |error| Error::new(ErrorCode::QR_RENDEZVOUS_RESPONSE).at("Location").with_source(error);
        let elsewhere = Endpoint::join(&uri, response.location()?, self.options.schemes).map_err(unusable)?;
        Ok(Step::call(request(elsewhere.uri().clone()), creation_policy(), Self { uri: None, ..self }))
    }
}

fn request(uri: Uri) -> Request<Body> {
    let mut request = Request::new(Body::default());
    *request.method_mut() = Method::POST;
    *request.uri_mut() = uri;
    request.headers_mut().insert(CONTENT_TYPE, TEXT);
    request
}

fn creation_policy() -> Policy {
    Policy { accept: Accept::Json, ..policy(false) }
}

#[derive(Deserialize)]
struct Members<'a> {
    #[serde(borrow)]
    url: Option<Text<'a>>,
}

impl Flow for Creation {
    type Output = Rendezvous;

    fn on(self, input: Input<'_>, _env: &mut dyn Env) -> Result<Step<Self>, Error> {
        let response = input.response()?;
        match response.status {
            StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT => return self.redirect(response),
            StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED => {
                return Err(ErrorCode::QR_RENDEZVOUS_UNSUPPORTED.into());
            }
            _ => {}
        }
        let answer: Members<'_> = json::document(response.success()?)?;
        let unusable = || Error::new(ErrorCode::QR_RENDEZVOUS_RESPONSE).at("url");
        let url = answer.url.ok_or_else(unusable)?;
        let url = CodeUrl::new(&url, self.options.schemes).map_err(|error| unusable().with_source(error))?;
        Rendezvous::of(url, self.options, &response).map(Step::Done)
    }
}

/// Awaits the first look at a rendezvous that another device made.
#[derive(Debug)]
pub struct Joining {
    url: CodeUrl,
    options: RendezvousOptions,
    patience: Patience,
}

impl Joining {
    fn start(url: CodeUrl, options: RendezvousOptions, patience: Patience) -> Step<Self> {
        Self { url, options, patience }.look()
    }

    fn look(self) -> Step<Self> {
        Step::call(look(&self.url), policy(true), self)
    }

    fn again(mut self, error: Error, env: &mut dyn Env) -> Result<Step<Self>, Error> {
        Ok(Step::wait(self.patience.again(error, env)?, self))
    }

    fn receive(self, response: &Response<'_>, env: &mut dyn Env) -> Result<Step<Self>, Error> {
        if response.status == StatusCode::NOT_MODIFIED {
            // This is not what was asked.
            return Err(Error::new(ErrorCode::QR_RENDEZVOUS_RESPONSE).at("status"));
        }
        if let Err(error) = refusal(response) {
            return self.again(error, env);
        }
        // Whoever writes first is the other end of the channel: somebody else has been here.
        if !text(response)?.is_empty() {
            return Err(ErrorCode::QR_RENDEZVOUS_USED.into());
        }
        Rendezvous::of(self.url, self.options, response).map(Step::Done)
    }
}

impl Flow for Joining {
    type Output = Rendezvous;

    fn on(self, input: Input<'_>, env: &mut dyn Env) -> Result<Step<Self>, Error> {
        match input {
            Input::Response(response) => self.receive(&response, env),
            Input::Woken => Ok(self.look()),
            other => self.again(other.unexpected(), env),
        }
    }
}
