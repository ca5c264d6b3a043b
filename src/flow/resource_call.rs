//! A request of the application's own, with an access token and, where the tokens are bound, a proof (RFC 6750, RFC 9449
//! section 7).
//!
//! ```text
//! start ─▶ AuthorizedCall ─▶ Done(response)
//! ```
//!
//! For bearer tokens [`TokenSet::authorization`] in a request of any HTTP client does the same. What a refusal means
//! stands in [`www_authenticate`](crate::message::www_authenticate).

use std::sync::Arc;

use http::header::AUTHORIZATION;
use http::{Request, Response};

use super::authorized_call::{Answer, AuthorizedCall, Credential};
use crate::client::Client;
use crate::endpoint::Endpoint;
use crate::env::{Env, Timestamp};
use crate::error::{Code, Error};
use crate::provider::Provider;
use crate::reply::{Policy, Reply};
use crate::secret::Body;
use crate::step::Step;
use crate::tokens::TokenSet;

/// Awaits the response.
#[derive(Debug)]
pub struct ResourceCall(AuthorizedCall<Whole>);

#[derive(Debug)]
struct Whole;

impl Answer for Whole {
    type Output = Response<Body>;
    const REQUEST: &'static str = "resource";

    fn parse(self, reply: Reply<'_>, _now: Timestamp) -> Result<Response<Body>, Error> {
        let mut response = Response::new(reply.body.to_vec().into());
        *response.status_mut() = reply.status;
        *response.headers_mut() = reply.headers.clone();
        Ok(response)
    }
}

impl ResourceCall {
    /// Adds the credentials to a request and asks for it to be sent; once more if the server demands a nonce. Any
    /// response is an output, whatever its status.
    ///
    /// # Errors
    /// `resource.url` if the request does not go to a URL that tokens may be sent to, `provider.mismatch`, `client.mismatch`, `dpop.key_mismatch`, `sign.failed`.
    pub fn start(
        mut request: Request<Body>,
        policy: Policy,
        tokens: &TokenSet,
        provider: &Arc<Provider>,
        client: &Arc<Client>,
        env: &mut dyn Env,
    ) -> Result<Step<Self>, Error> {
        tokens.check_owner(provider, client)?;
        Endpoint::new(&request.uri().to_string(), provider.options().schemes())
            .map_err(|error| Error::new(Code::ResourceUrl).with_source(error))?;
        request.headers_mut().insert(AUTHORIZATION, tokens.authorization());
        let credential = Credential::Token(tokens.access_token().clone());
        Self::going_on(AuthorizedCall::start(provider, client, request, policy, credential, Whole, env)?)
    }

    fn going_on(step: Step<AuthorizedCall<Whole>>) -> Result<Step<Self>, Error> {
        step.embed(Self, |response| Ok(Step::Done(response)))
    }
}

delegate!(ResourceCall => Response<Body>);
