//! Sends the application's own request with an access token and, for DPoP-bound tokens, a proof (RFC 6750, RFC 9449
//! section 7).
//!
//! ```text
//! start ─▶ AuthenticatedRequest ─▶ Done(response)
//! ```

use http::Request;
use http::header::AUTHORIZATION;

use super::authenticated_request::{AuthenticatedRequest, Credential, Parse};
use crate::base::env::{Env, Timestamp};
use crate::base::secret::Body;
use crate::base::url::Endpoint;
use crate::error::{Error, ErrorCode};
use crate::party::relying_party::RelyingParty;
use crate::step::{Flow, Input, Step};
use crate::token::token_set::TokenSet;
use crate::wire::policy::Policy;
use crate::wire::response::Response;

/// Awaits the response.
///
/// For bearer tokens you can also put [`TokenSet::authorization`] into a request of any HTTP client.
/// [`Challenge`](crate::Challenge) reads why a resource server refused a request.
#[derive(Debug)]
pub struct ResourceCall(AuthenticatedRequest<Whole>);

#[derive(Debug)]
struct Whole;

impl Parse for Whole {
    type Output = http::Response<Body>;
    const REQUEST: &'static str = "resource";

    fn parse(self, response: Response<'_>, _now: Timestamp) -> Result<http::Response<Body>, Error> {
        let mut whole = http::Response::new(response.body.to_vec().into());
        *whole.status_mut() = response.status;
        *whole.headers_mut() = response.headers.clone();
        Ok(whole)
    }
}

impl RelyingParty {
    /// Adds the credentials to the application's own request and sends it. If the server demands a DPoP nonce, the
    /// request is sent once more. The output is the response, with any status.
    ///
    /// # Errors
    /// `resource.url` if tokens may not be sent to the URL of the request, `provider.mismatch`, `client.mismatch`,
    /// `dpop.key_mismatch`, `dpop.algorithm`, `sign.failed`.
    pub fn call(
        &self,
        mut request: Request<Body>,
        policy: Policy,
        tokens: &TokenSet,
        env: &mut dyn Env,
    ) -> Result<Step<ResourceCall>, Error> {
        self.owner().check(tokens.owner())?;
        let endpoint = Endpoint::new(&request.uri().to_string(), self.provider().options().schemes())
            .map_err(|error| Error::new(ErrorCode::RESOURCE_URL).with_source(error))?;
        // The spelling that was checked is the one that is sent, and that a proof names.
        *request.uri_mut() = endpoint.uri().clone();
        request.headers_mut().insert(AUTHORIZATION, tokens.authorization());
        let credential = Credential::Token(tokens.access_token().clone());
        Ok(AuthenticatedRequest::start(self, request, policy, credential, Whole, env)?.wrap(ResourceCall))
    }
}

impl Flow for ResourceCall {
    type Output = http::Response<Body>;

    fn on(self, input: Input<'_>, env: &mut dyn Env) -> Result<Step<Self>, Error> {
        Ok(self.0.on(input, env)?.wrap(Self))
    }
}
